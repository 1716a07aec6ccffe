//! Steps to the least of the quadratic model of the loss in a trust region.

use crate::Stop;
use crate::operator::dense::image;
use crate::operator::{LinearOperator, apply, axpy, dot};
use faer::{Col, Mat};

/// A step and how far the quadratic model falls along it.
pub(super) struct Step {
    /// The displacement (`P`).
    pub(super) to: Vec<f64>,
    /// The fall (loss), positive.
    pub(super) fall: f64,
}

/// The step to the least of `g·x + ½ xᵀHx` in `‖x‖ ≤ radius`, from the eigenpairs of `H`, values descending; none where nothing falls.
///
/// `x = −(H + μ)⁻¹ g` with the least `μ ≥ 0` for which `H + μ` has no negative eigenvalue and `x` lies in the region; where that ends
/// inside of it although `H` curves down, the lowest eigenvector leads on to the edge (Moré, Sorensen 1983, *SIAM J. Sci. Stat. Comput.*
/// 4, 553).
pub(super) fn exact(values: &[f64], vectors: &Mat<f64>, gradient: &[f64], radius: f64) -> Option<Step> {
    let along = Col::from_iter(image(vectors.transpose(), gradient));
    let lowest = values.len() - 1;
    // Below this an eigenvalue is rounding.
    let rounding =
        f64::EPSILON * values.len() as f64 * values[0].abs().max(values[lowest].abs()).max(f64::MIN_POSITIVE);
    let base = (-values[lowest]).max(0.0);
    // By how much the shift exceeds the base, which keeps its digits where the lowest eigenvalue and the base cancel.
    let at = |excess: f64| Col::from_fn(values.len(), |j| -along[j] / (values[j] + base + excess));
    let mut low = rounding;
    let mut x = at(low);
    if x.norm_l2() > radius {
        let mut high = low + along.norm_l2() / radius;
        while high > low * (1.0 + 1e-6) {
            let middle = (low * high).sqrt();
            if middle <= low || middle >= high {
                break;
            }
            if at(middle).norm_l2() > radius {
                low = middle;
            } else {
                high = middle;
            }
        }
        x = at(high);
    } else if values[lowest] < -rounding {
        let rest = (radius * radius - x.squared_norm_l2()).max(0.0).sqrt();
        x[lowest] += if along[lowest] > 0.0 { -rest } else { rest };
    }
    let fall = -(0..values.len()).map(|j| x[j] * (along[j] + 0.5 * values[j] * x[j])).sum::<f64>();
    let x: Vec<f64> = x.iter().copied().collect();
    (fall > 0.0).then(|| Step { to: image(vectors.as_ref(), &x), fall })
}

/// The step of conjugate gradients until the residual is below this norm, or to the edge of the trust region, also along a direction
/// that curves down (Steihaug 1983, *SIAM J. Numer. Anal.* 20, 626); none if interrupted, or if no product is left for the first.
pub(super) fn conjugate_gradients(
    hessian: &dyn LinearOperator,
    gradient: &[f64],
    radius: f64,
    residual: f64,
    left: &mut usize,
    stop: &Stop,
) -> Option<Step> {
    let mut to = vec![0.0; gradient.len()];
    let mut rest: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut direction = rest.clone();
    let mut fall = 0.0;
    let mut square = dot(&rest, &rest);
    while *left > 0 {
        if stop.is_requested() {
            return None;
        }
        *left -= 1;
        let image = apply(hessian, &direction, stop).ok()?;
        let curvature = dot(&direction, &image);
        let length = square / curvature;
        let edge = to_edge(&to, &direction, radius);
        // Not above, or not a number: the direction curves down, or leaves the region.
        let ends = !(curvature > 0.0 && length < edge);
        let taken = if ends { edge } else { length };
        axpy(taken, &direction, &mut to);
        fall += taken * square - 0.5 * taken * taken * curvature;
        axpy(-taken, &image, &mut rest);
        let next = dot(&rest, &rest);
        if ends || next.sqrt() < residual {
            break;
        }
        let ratio = next / square;
        direction.iter_mut().zip(&rest).for_each(|(d, r)| *d = r + ratio * *d);
        square = next;
    }
    (fall > 0.0).then_some(Step { to, fall })
}

/// The length along `direction` after which `from` is at the distance `radius` from 0.
fn to_edge(from: &[f64], direction: &[f64], radius: f64) -> f64 {
    let [a, b, c] = [dot(direction, direction), dot(from, direction), radius * radius - dot(from, from)];
    (-b + (b * b + a * c.max(0.0)).sqrt()) / a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::norm;

    /// The least over a fine grid of directions and lengths in two dimensions.
    #[test]
    fn the_exact_step_is_the_least_of_the_model_in_the_region() {
        let (s, c) = 0.7_f64.sin_cos();
        let vectors = Mat::from_fn(2, 2, |i, j| [[c, -s], [s, c]][i][j]);
        for values in [[3.0, 0.5], [3.0, 0.0], [2.0, -1.0], [-0.5, -1.0]] {
            // The last but one is across the lowest eigenvector, the last nearly so.
            for gradient in [[0.3, -0.2], [2.0, 1.0], [c, s], [c - 1e-9, s]] {
                for radius in [0.1, 1.0, 10.0] {
                    let model = |x: [f64; 2]| {
                        let [a, b] = [c * x[0] + s * x[1], c * x[1] - s * x[0]];
                        gradient[0] * x[0] + gradient[1] * x[1] + 0.5 * (values[0] * a * a + values[1] * b * b)
                    };
                    let step = exact(&values, &vectors, &gradient, radius).unwrap();
                    assert!(norm(&step.to) <= radius * (1.0 + 1e-9));
                    assert!((model([step.to[0], step.to[1]]) + step.fall).abs() < 1e-9 * step.fall.max(1e-3));
                    for k in 0..=40 {
                        for turn in 0..720 {
                            let (y, x) = (f64::from(turn) * std::f64::consts::TAU / 720.0).sin_cos();
                            let r = radius * f64::from(k) / 40.0;
                            assert!(
                                model([r * x, r * y]) >= -step.fall * (1.0 + 1e-5),
                                "{values:?} {gradient:?} {radius}"
                            );
                        }
                    }
                }
            }
        }
    }
}
