//! Whether an operator is what an iteration takes it for, looked at before many products are spent on it.

use faer::Mat;

use super::dense::EigenError;
use super::error::ProbeError;
use super::full::loss_and_gradient;
use super::sphere::on_sphere;
use super::{LinearOperator, apply, axpy, dot, norm};
use crate::{Precision, Problem, Stop};

/// Share of its size that the rounding of a product may have.
fn rounding(precision: Precision) -> f64 {
    match precision {
        Precision::Float64 => 1e-9,
        Precision::Float32 => 1e-3,
    }
}

/// Whether `operator`, whose products are computed in `precision`, is repeatable and symmetric: three products along random vectors,
/// which `seed` draws.
///
/// # Errors
/// If it is not, or on an interrupt.
pub fn probe_symmetry(
    operator: &dyn LinearOperator,
    precision: Precision,
    seed: u64,
    stop: &Stop,
) -> Result<(), EigenError> {
    let p = operator.dim();
    let vectors: Vec<Vec<f64>> = (0..2).map(|k| on_sphere(p, seed, k)).collect();
    let block = Mat::from_fn(p, 2, |i, j| vectors[j][i]);
    let (mut images, mut again) = (Mat::zeros(p, 2), Mat::zeros(p, 1));
    operator.apply_into(block.as_ref(), images.as_mut(), stop)?;
    operator.apply_into(block.as_ref().subcols(1, 1), again.as_mut(), stop)?;
    if (0..p).any(|i| images[(i, 1)].to_bits() != again[(i, 0)].to_bits()) {
        return Err(ProbeError::NotRepeatable.into());
    }
    let image = |j: usize| images.col_as_slice(j);
    // What products of random unit vectors with an image are like.
    let size = (norm(image(0)) + norm(image(1))) / (p as f64).sqrt();
    let (found, allowed) =
        ((dot(&vectors[0], image(1)) - dot(&vectors[1], image(0))).abs() / size, rounding(precision));
    if found > allowed { Err(ProbeError::NotSymmetric { found, allowed }.into()) } else { Ok(()) }
}

/// Whether products of `hessian` at `theta`, computed in `precision`, are derivatives of the gradient of `problem`, along a random
/// vector: one product and five gradients. Nothing is looked at where the problem says that it is not smooth.
///
/// The central difference `D(h)` is off by about a third of `D(2h) − D(h)`, and by rounding.
///
/// # Errors
/// If they are not, or on an interrupt.
pub fn probe_hessian(
    problem: &dyn Problem,
    theta: &[f64],
    hessian: &dyn LinearOperator,
    precision: Precision,
    seed: u64,
    stop: &Stop,
) -> Result<(), EigenError> {
    if !problem.is_smooth() {
        return Ok(());
    }
    let p = problem.dim();
    let v = on_sphere(p, seed, 0);
    let image = apply(hessian, &v, stop)?;
    let gradient = |step: f64| {
        let mut at = theta.to_vec();
        axpy(step, &v, &mut at);
        loss_and_gradient(problem, &at).1
    };
    let h = f64::EPSILON.cbrt() * norm(theta).max(1.0);
    let difference = |h: f64| -> Vec<f64> {
        gradient(h).iter().zip(gradient(-h)).map(|(ahead, behind)| (ahead - behind) / (2.0 * h)).collect()
    };
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let (near, far) = (difference(h), difference(2.0 * h));
    let size = norm(&image).max(norm(&near));
    // Sums of the gradient are of the size of the samples' gradients, which is not known here; that of the gradient away from the
    // point is a part of it.
    let differences = 1e4 * f64::EPSILON / h * norm(&gradient(norm(theta).max(1.0)));
    let allowed = distance(&near, &far) + differences + rounding(precision) * size;
    let found = distance(&image, &near);
    // Where nothing curves, both are zero.
    let relative = |x: f64| if size > 0.0 { x / size } else { 0.0 };
    if found > allowed {
        return Err(ProbeError::NotDerivative { found: relative(found), allowed: relative(allowed) }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interrupted;
    use crate::operator::Hessian;
    use crate::operator::testing::{Linear, Reflected};
    use faer::{MatMut, MatRef};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An operator with a fault in one entry of its images.
    struct Faulty {
        operator: Reflected,
        products: AtomicU64,
        fault: fn(u64) -> f64,
    }

    impl LinearOperator for Faulty {
        fn dim(&self) -> usize {
            self.operator.dim()
        }

        fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
            self.operator.apply_into(block, out.as_mut(), stop)?;
            let product = self.products.fetch_add(1, Ordering::Relaxed);
            for j in 0..block.ncols() {
                // A row of the matrix alone.
                out[(3, j)] += (self.fault)(product) * (block[(7, j)] + block[(11, j)]);
            }
            Ok(())
        }
    }

    #[test]
    fn an_operator_that_is_not_symmetric_or_changes_is_refused() {
        let look = |fault| {
            let faulty = Faulty { operator: Reflected::network(200), products: AtomicU64::new(0), fault };
            [Precision::Float64, Precision::Float32]
                .map(|precision| probe_symmetry(&faulty, precision, 3, &Stop::new()))
        };
        assert_eq!(look(|_| 0.0), [Ok(()), Ok(())]);
        for found in look(|_| 5.0) {
            assert!(
                matches!(found, Err(EigenError::Probe(ProbeError::NotSymmetric { found, .. })) if found > 1e-2),
                "{found:?}"
            );
        }
        // Rounding of single precision.
        let [double, single] = look(|_| 1e-5);
        assert!(
            matches!(double, Err(EigenError::Probe(ProbeError::NotSymmetric { .. }))) && single.is_ok(),
            "{double:?}"
        );
        assert_eq!(
            look(|product| 1e-12 * product as f64),
            [Err(ProbeError::NotRepeatable.into()), Err(ProbeError::NotRepeatable.into())]
        );
    }

    #[test]
    fn products_that_are_no_derivatives_are_refused() {
        let (problem, theta) = (Linear::gaussian(5, 80, 0.4, 3), [0.4, -1.0, 0.2, 0.0, 2.0]);
        let hessian = Hessian::new(&problem, &theta);
        assert_eq!(probe_hessian(&problem, &theta, &hessian, Precision::Float64, 1, &Stop::new()), Ok(()));
        for (wrong, precision) in [(1e-4, Precision::Float64), (0.02, Precision::Float32)] {
            let scaled = Linear {
                x: problem.x.iter().map(|x| x.iter().map(|x| (1.0 + wrong) * x).collect()).collect(),
                y: problem.y.clone(),
            };
            let found = probe_hessian(&problem, &theta, &Hessian::new(&scaled, &theta), precision, 1, &Stop::new());
            assert!(matches!(found, Err(EigenError::Probe(ProbeError::NotDerivative { .. }))), "{wrong}: {found:?}");
        }
    }
}
