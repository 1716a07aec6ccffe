//! Small dense factorisations, and a block tridiagonal system made of them. Sequential, for results that do not depend on
//! the number of threads.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, Par};

/// The lower Cholesky factor of a symmetric matrix, `None` if it is not positive definite.
pub(super) fn cholesky(mut matrix: Mat<f64>) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    let scratch = cholesky_in_place_scratch::<f64>(n, Par::Seq, faer::prelude::default());
    cholesky_in_place(
        matrix.as_mut(),
        faer::prelude::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        faer::prelude::default(),
    )
    .ok()?;
    Some(matrix)
}

/// `L⁻¹ X`.
pub(super) fn below(factor: &Mat<f64>, mut right: Mat<f64>) -> Mat<f64> {
    solve_lower_triangular_in_place(factor.as_ref(), right.as_mut(), Par::Seq);
    right
}

/// `L⁻ᵀ X`.
fn above(factor: &Mat<f64>, mut right: Mat<f64>) -> Mat<f64> {
    solve_upper_triangular_in_place(factor.transpose(), right.as_mut(), Par::Seq);
    right
}

/// `(L Lᵀ)⁻¹ x`.
pub(super) fn solve(factor: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let right = Mat::from_fn(x.len(), 1, |i, _| x[i]);
    above(factor, below(factor, right)).col(0).iter().copied().collect()
}

/// Adds `sign · Xᵀ Y`.
pub(super) fn add_product(out: &mut Mat<f64>, x: &Mat<f64>, y: &Mat<f64>, sign: f64) {
    matmul(out.as_mut(), Accum::Add, x.transpose(), y.as_ref(), sign, Par::Seq);
}

/// Solves the symmetric positive definite system with the given blocks on and below the diagonal (`lower[j]` couples `j + 1`
/// to `j`); `None` if it is not positive definite.
pub(super) fn solve_tridiagonal(
    diagonal: Vec<Mat<f64>>,
    lower: &[Mat<f64>],
    right: &[Vec<f64>],
) -> Option<Vec<Vec<f64>>> {
    let (mut factors, mut couplings): (Vec<Mat<f64>>, Vec<Mat<f64>>) = (Vec::new(), Vec::new());
    let mut forward: Vec<Mat<f64>> = Vec::new();
    for (j, mut block) in diagonal.into_iter().enumerate() {
        let mut value = Mat::from_fn(block.nrows(), 1, |i, _| right[j][i]);
        if j > 0 {
            let coupling = below(&factors[j - 1], lower[j - 1].transpose().to_owned());
            add_product(&mut block, &coupling, &coupling, -1.0);
            add_product(&mut value, &coupling, &forward[j - 1], -1.0);
            couplings.push(coupling);
        }
        let factor = cholesky(block)?;
        forward.push(below(&factor, value));
        factors.push(factor);
    }
    let mut solution: Vec<Mat<f64>> = Vec::new();
    for j in (0..factors.len()).rev() {
        let mut value = forward[j].clone();
        if let Some(next) = solution.last() {
            matmul(value.as_mut(), Accum::Add, couplings[j].as_ref(), next.as_ref(), -1.0, Par::Seq);
        }
        solution.push(above(&factors[j], value));
    }
    Some(solution.iter().rev().map(|x| x.col(0).iter().copied().collect()).collect())
}
