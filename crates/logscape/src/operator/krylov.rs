//! Ritz pairs of a block Krylov space.

use super::LinearOperator;
use super::dense::{EigenError, eigen, product};
use crate::Stop;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

/// Ritz values (descending) and unit Ritz vectors, as columns, of the block Krylov space of `seeds` (`P × k`), of at most
/// `most` dimensions. Its products with `operator` are taken once; with `most = P` the pairs are the operator's own where
/// the seeds meet every eigenvector.
///
/// # Errors
/// If the operator returns a number that is not finite, or on an interrupt, which is asked for before every block.
pub(crate) fn krylov_pairs(
    operator: &dyn LinearOperator,
    mut seeds: Mat<f64>,
    most: usize,
    stop: &Stop,
) -> Result<(Vec<f64>, Mat<f64>), EigenError> {
    let p = operator.dim();
    let mut basis = Mat::<f64>::zeros(p, most.min(p));
    let mut products = Mat::<f64>::zeros(p, most.min(p));
    let mut size = 0;
    loop {
        stop.check()?;
        let first = size;
        size = extend(&mut basis, size, seeds);
        if size == first {
            break;
        }
        let new = size - first;
        operator.apply_into(basis.subcols(first, new), products.as_mut().subcols_mut(first, new), stop)?;
        seeds = products.subcols(first, new).to_owned();
    }
    basis.truncate(p, size);
    products.truncate(p, size);
    let projected = product(basis.transpose(), products.as_ref());
    let symmetric = Mat::from_fn(size, size, |i, j| 0.5 * (projected[(i, j)] + projected[(j, i)]));
    let (values, rotation) = eigen(symmetric.as_ref())?;
    Ok((values, product(basis.as_ref(), rotation.as_ref())))
}

/// Adds to the first `size` columns of `basis` what is new in `seeds`, orthonormal; returns the new size.
///
/// Two block Gram–Schmidt passes; a seed of which less than `10⁻¹⁰` is new is dropped.
fn extend(basis: &mut Mat<f64>, size: usize, mut seeds: Mat<f64>) -> usize {
    let room = basis.ncols() - size;
    for pass in 0..2 {
        for mut seed in seeds.col_iter_mut() {
            let length = seed.norm_l2();
            if length > 0.0 {
                seed *= faer::Scale(1.0 / length);
            }
        }
        if size > 0 {
            let old = basis.subcols(0, size);
            let mut overlap = Mat::<f64>::zeros(size, seeds.ncols());
            matmul(&mut overlap, Accum::Replace, old.transpose(), &seeds, 1.0, Par::Seq);
            matmul(&mut seeds, Accum::Add, old, &overlap, -1.0, Par::Seq);
        }
        let mut kept = 0;
        for k in 0..seeds.ncols() {
            if kept == room {
                break;
            }
            let mut seed = seeds.col(k).to_owned();
            for j in 0..kept {
                let mut overlap = Mat::<f64>::zeros(1, 1);
                let row = seeds.col(j).transpose().as_mat();
                matmul(&mut overlap, Accum::Replace, row, seed.as_mat(), 1.0, Par::Seq);
                seed -= overlap[(0, 0)] * seeds.col(j);
            }
            let length = seed.norm_l2();
            if length > 1e-10 || (pass > 0 && length > 0.0) {
                seeds.col_mut(kept).copy_from(seed * faer::Scale(1.0 / length));
                kept += 1;
            }
        }
        seeds.truncate(seeds.nrows(), kept);
    }
    basis.as_mut().subcols_mut(size, seeds.ncols()).copy_from(&seeds);
    size + seeds.ncols()
}
