//! Leading eigenpairs of a symmetric operator by restarted block Lanczos with full reorthogonalisation.

use super::LinearOperator;
use super::dense::{EigenError, eigen};
use crate::Stop;
use crate::random::{Purpose, stream};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rand_distr::{Distribution, StandardNormal};

/// Settings of [`leading_eigenpairs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosConfig {
    /// Number of eigenpairs wanted.
    pub count: usize,
    /// Vectors per block.
    pub block: usize,
    /// Blocks added between restarts.
    pub depth: usize,
    /// A pair has converged when `‖Av − λv‖ ≤ tolerance · λ_max`.
    pub tolerance: f64,
    /// Restarts after which the iteration gives up.
    pub max_restarts: usize,
    /// Seed of the start and of the probing blocks.
    pub seed: u64,
}

impl Default for LanczosConfig {
    fn default() -> Self {
        Self { count: 20, block: 10, depth: 12, tolerance: 1e-8, max_restarts: 60, seed: 1 }
    }
}

/// Eigenpairs with their residuals.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// Eigenvalues, descending.
    pub values: Vec<f64>,
    /// Unit eigenvectors, same order.
    pub vectors: Vec<Vec<f64>>,
    /// Residual norms `‖Av − λv‖`, same order.
    pub residuals: Vec<f64>,
    /// Whether each residual meets the tolerance.
    pub converged: Vec<bool>,
}

/// The algebraically largest eigenpairs of `operator` (at most its dimension of them).
///
/// Every cycle starts from the wanted Ritz vectors, their residuals and a fresh random block, grows a block Krylov
/// space and takes Ritz vectors there. The random block finds further copies of a tied eigenvalue: the iteration ends
/// only when the residuals are small and a whole cycle has not moved the eigenvalues. Source: Golub, Underwood, *The
/// block Lanczos method* (1977); thick restart after Wu, Simon (2000).
///
/// # Errors
/// If the operator returns a number that is not finite, or on an interrupt, which is asked for before every block.
pub fn leading_eigenpairs(
    operator: &dyn LinearOperator,
    config: &LanczosConfig,
    stop: &Stop,
) -> Result<Eigenpairs, EigenError> {
    let p = operator.dim();
    let count = config.count.min(p);
    let block = config.block.max(1);
    let most = p.min(count + 2 * block * config.depth.max(1));
    let mut rng = stream(config.seed, Purpose::Krylov, 0);
    let mut basis = Mat::<f64>::zeros(p, most);
    let mut products = Mat::<f64>::zeros(p, most);
    let mut pairs = Ritz::default();
    for _ in 0..=config.max_restarts {
        let mut size = pairs.values.len();
        let mut seeds = Mat::<f64>::zeros(p, 2 * block);
        for (k, i) in (0..size).filter(|&i| !pairs.converged[i]).take(block).enumerate() {
            let (image, vector) = (products.col(i), basis.col(i));
            seeds.col_mut(k).copy_from(image - pairs.values[i] * vector);
        }
        for k in block..2 * block {
            seeds.col_mut(k).iter_mut().for_each(|x| *x = StandardNormal.sample(&mut rng));
        }
        for _ in 0..config.depth.max(1) {
            stop.check()?;
            let first = size;
            size = extend(&mut basis, size, seeds);
            if size == first {
                break;
            }
            let new = size - first;
            operator.apply_into(basis.subcols(first, new), products.as_mut().subcols_mut(first, new));
            seeds = products.subcols(first, new).to_owned();
        }
        let previous = std::mem::take(&mut pairs.values);
        pairs = rayleigh_ritz(&mut basis, &mut products, size, count, config.tolerance)?;
        let top = pairs.values.first().map_or(0.0, |v| v.abs());
        let still = previous.len() == pairs.values.len()
            && previous.iter().zip(&pairs.values).all(|(a, b)| (a - b).abs() <= config.tolerance * top);
        if (still && pairs.converged.iter().all(|&c| c)) || size == p {
            break;
        }
    }
    let vectors = (0..pairs.values.len()).map(|k| basis.col(k).iter().copied().collect()).collect();
    Ok(Eigenpairs { values: pairs.values, vectors, residuals: pairs.residuals, converged: pairs.converged })
}

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
        operator.apply_into(basis.subcols(first, new), products.as_mut().subcols_mut(first, new));
        seeds = products.subcols(first, new).to_owned();
    }
    let pairs = rayleigh_ritz(&mut basis, &mut products, size, size, 0.0)?;
    basis.truncate(p, size);
    Ok((pairs.values, basis))
}

/// Ritz values of the leading columns of a basis, descending, with their residual norms.
#[derive(Default)]
struct Ritz {
    values: Vec<f64>,
    residuals: Vec<f64>,
    converged: Vec<bool>,
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

/// Replaces the leading columns of the basis by the `count` largest Ritz vectors of its first `size` columns, and the
/// products likewise.
fn rayleigh_ritz(
    basis: &mut Mat<f64>,
    products: &mut Mat<f64>,
    size: usize,
    count: usize,
    tolerance: f64,
) -> Result<Ritz, EigenError> {
    let mut projected = Mat::<f64>::zeros(size, size);
    matmul(
        &mut projected,
        Accum::Replace,
        basis.subcols(0, size).transpose(),
        products.subcols(0, size),
        1.0,
        Par::Seq,
    );
    let symmetric = Mat::from_fn(size, size, |i, j| 0.5 * (projected[(i, j)] + projected[(j, i)]));
    let (mut values, rotation) = eigen(symmetric.as_ref())?;
    let count = count.min(size);
    for set in [&mut *basis, &mut *products] {
        let mut rotated = Mat::<f64>::zeros(set.nrows(), count);
        matmul(&mut rotated, Accum::Replace, set.subcols(0, size), rotation.subcols(0, count), 1.0, Par::Seq);
        set.as_mut().subcols_mut(0, count).copy_from(&rotated);
    }
    values.truncate(count);
    let residuals: Vec<f64> = (0..count).map(|k| (products.col(k) - values[k] * basis.col(k)).norm_l2()).collect();
    let top = values.first().map_or(0.0, |v| v.abs());
    let converged = residuals.iter().map(|&r| r <= tolerance * top).collect();
    Ok(Ritz { values, residuals, converged })
}

#[cfg(test)]
mod tests {
    use super::super::{axpy, dot, norm, scale};
    use super::*;
    use faer::{MatMut, MatRef};

    /// `Q diag(spectrum) Q` with the reflection `Q = I − 2uuᵀ`.
    struct Reflected(Vec<f64>);

    impl LinearOperator for Reflected {
        fn dim(&self) -> usize {
            self.0.len()
        }
        fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>) {
            let p = self.0.len();
            let mut u: Vec<f64> = (0..p).map(|i| (i as f64 + 1.0).sin()).collect();
            let length = norm(&u);
            scale(1.0 / length, &mut u);
            for j in 0..block.ncols() {
                let mut v: Vec<f64> = block.col(j).iter().copied().collect();
                axpy(-2.0 * dot(&u, &v), &u, &mut v);
                v.iter_mut().zip(&self.0).for_each(|(x, s)| *x *= s);
                axpy(-2.0 * dot(&u, &v), &u, &mut v);
                (0..p).for_each(|i| out[(i, j)] = v[i]);
            }
        }
    }

    #[test]
    fn finds_all_copies_of_eigenvalues_that_come_in_tens() {
        let mut spectrum: Vec<f64> = (0..400).map(|i| 1e-3 * f64::from(i) / 400.0 - 1e-4).collect();
        for (k, level) in [9.67, 2.92, 1.14].into_iter().enumerate() {
            spectrum[40 * k..40 * k + 10].fill(level);
        }
        let config = LanczosConfig { count: 30, block: 4, ..LanczosConfig::default() };
        let pairs = leading_eigenpairs(&Reflected(spectrum.clone()), &config, &Stop::new()).unwrap();
        spectrum.sort_by(|a, b| b.total_cmp(a));
        assert!(pairs.converged.iter().all(|&c| c));
        for k in 0..30 {
            assert!((pairs.values[k] - spectrum[k]).abs() < 1e-7, "{k}: {} {}", pairs.values[k], spectrum[k]);
        }
    }

    #[test]
    fn agrees_with_the_dense_eigenvalues() {
        let operator = Reflected((0..120).map(|i| f64::from(i).sqrt()).collect());
        let (dense, _) = eigen(super::super::dense::to_dense(&operator, &Stop::new()).unwrap().as_ref()).unwrap();
        let config = LanczosConfig { count: 8, block: 3, ..LanczosConfig::default() };
        let pairs = leading_eigenpairs(&operator, &config, &Stop::new()).unwrap();
        for k in 0..8 {
            assert!((pairs.values[k] - dense[k]).abs() < 1e-9 * dense[0]);
            assert!(pairs.residuals[k] < 1e-7 * dense[0]);
        }
    }
}
