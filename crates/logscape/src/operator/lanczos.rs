//! Leading eigenpairs of a symmetric operator by restarted block Lanczos with full reorthogonalisation.

use super::dense::{EigenError, eigen};
use super::{LinearOperator, apply, axpy, check, dot, norm, scale};
use faer::Mat;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
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
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Eigenpairs, EigenError> {
    let p = operator.dim();
    let count = config.count.min(p);
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut pairs =
        Eigenpairs { values: Vec::new(), vectors: Vec::new(), residuals: Vec::new(), converged: Vec::new() };
    let mut images: Vec<Vec<f64>> = Vec::new();
    let mut quiet = 0;
    for _ in 0..=config.max_restarts {
        let mut basis = std::mem::take(&mut pairs.vectors);
        let mut products = std::mem::take(&mut images);
        let mut seeds: Vec<Vec<f64>> = (0..basis.len())
            .filter(|&i| !pairs.converged[i])
            .take(config.block)
            .map(|i| residual(&products[i], pairs.values[i], &basis[i]))
            .collect();
        for _ in 0..config.block.max(1) {
            seeds.push((0..p).map(|_| StandardNormal.sample(&mut rng)).collect());
        }
        for _ in 0..config.depth.max(1) {
            check(interrupt)?;
            let first = basis.len();
            for seed in std::mem::take(&mut seeds) {
                push_orthogonal(&mut basis, seed);
            }
            if basis.len() == first {
                break;
            }
            let new = apply(operator, &basis[first..]);
            seeds.clone_from(&new);
            products.extend(new);
        }
        let previous = std::mem::take(&mut pairs.values);
        (pairs, images) = rayleigh_ritz(&basis, &products, count, config.tolerance)?;
        let top = pairs.values.first().map_or(0.0, |v| v.abs());
        let still = previous.len() == pairs.values.len()
            && previous.iter().zip(&pairs.values).all(|(a, b)| (a - b).abs() <= config.tolerance * top);
        quiet = if still && pairs.converged.iter().all(|&c| c) { quiet + 1 } else { 0 };
        if quiet >= 1 || basis.len() == p {
            break;
        }
    }
    Ok(pairs)
}

/// `Av − λv`.
fn residual(image: &[f64], value: f64, vector: &[f64]) -> Vec<f64> {
    let mut r = image.to_vec();
    axpy(-value, vector, &mut r);
    r
}

/// Appends the unit part of `v` orthogonal to `basis` (two Gram–Schmidt passes), unless nothing is left of it.
fn push_orthogonal(basis: &mut Vec<Vec<f64>>, mut v: Vec<f64>) {
    let length = norm(&v);
    if length == 0.0 || basis.len() >= v.len() {
        return;
    }
    scale(1.0 / length, &mut v);
    for pass in 0..3 {
        for b in basis.iter() {
            axpy(-dot(b, &v), b, &mut v);
        }
        let left = norm(&v);
        if left < 1e-10 && pass == 0 {
            return;
        }
        scale(1.0 / left, &mut v);
    }
    basis.push(v);
}

/// The `count` largest Ritz pairs of the basis, and the images of their vectors.
fn rayleigh_ritz(
    basis: &[Vec<f64>],
    products: &[Vec<f64>],
    count: usize,
    tolerance: f64,
) -> Result<(Eigenpairs, Vec<Vec<f64>>), EigenError> {
    let m = basis.len();
    let projected = Mat::from_fn(m, m, |i, j| {
        let (i, j) = (i.max(j), i.min(j));
        0.5 * (dot(&basis[i], &products[j]) + dot(&basis[j], &products[i]))
    });
    let (values, rotation) = eigen(projected.as_ref())?;
    let combine = |set: &[Vec<f64>], k: usize| {
        let mut v = vec![0.0; set[0].len()];
        for (i, x) in set.iter().enumerate() {
            axpy(rotation[(i, k)], x, &mut v);
        }
        v
    };
    let count = count.min(m);
    let vectors: Vec<Vec<f64>> = (0..count).map(|k| combine(basis, k)).collect();
    let images: Vec<Vec<f64>> = (0..count).map(|k| combine(products, k)).collect();
    let residuals: Vec<f64> = (0..count).map(|k| norm(&residual(&images[k], values[k], &vectors[k]))).collect();
    let top = values.first().map_or(0.0, |v| v.abs());
    let converged = residuals.iter().map(|&r| r <= tolerance * top).collect();
    Ok((Eigenpairs { values: values[..count].to_vec(), vectors, residuals, converged }, images))
}

#[cfg(test)]
mod tests {
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
        let pairs = leading_eigenpairs(&Reflected(spectrum.clone()), &config, &|| false).unwrap();
        spectrum.sort_by(|a, b| b.total_cmp(a));
        assert!(pairs.converged.iter().all(|&c| c));
        for k in 0..30 {
            assert!((pairs.values[k] - spectrum[k]).abs() < 1e-7, "{k}: {} {}", pairs.values[k], spectrum[k]);
        }
    }

    #[test]
    fn agrees_with_the_dense_eigenvalues() {
        let operator = Reflected((0..120).map(|i| f64::from(i).sqrt()).collect());
        let (dense, _) = eigen(super::super::dense::to_dense(&operator, &|| false).unwrap().as_ref()).unwrap();
        let config = LanczosConfig { count: 8, block: 3, ..LanczosConfig::default() };
        let pairs = leading_eigenpairs(&operator, &config, &|| false).unwrap();
        for k in 0..8 {
            assert!((pairs.values[k] - dense[k]).abs() < 1e-9 * dense[0]);
            assert!(pairs.residuals[k] < 1e-7 * dense[0]);
        }
    }
}
