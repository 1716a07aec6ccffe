//! Newton steps by conjugate gradients in a trust region: minima of problems too large for a dense Hessian.

use crate::Minimum;
use crate::Problem;
use crate::Stop;
use crate::operator::dense::NEGATIVE;
use crate::operator::full::{loss, loss_and_gradient};
use crate::operator::{Hessian, LinearOperator, apply, axpy, dot, krylov_pairs, norm};
use crate::random::{Purpose, stream};
use faer::Mat;
use rand_distr::{Distribution, StandardNormal};

/// Relative difference of losses that rounding can make.
const ROUNDING: f64 = 1e-14;
/// Dimensions of the Krylov space in which negative curvature is looked for where the gradient vanishes.
const KRYLOV: usize = 60;
/// Vectors that the space starts from.
const SEEDS: usize = 4;
/// Share of the model's fall that the loss must fall at least.
const LEAST: f64 = 1e-4;
/// Shortest trust radius, relative to `1 + ‖θ‖`.
const SHORTEST: f64 = 1e-14;

/// Refines `minimum` until its gradient norm is below `tolerance` and no Ritz value of its Hessian below `−10⁻⁶ λ_max`, or until
/// `products` Hessian products are spent or no step helps.
///
/// A step minimises the quadratic model of the loss by conjugate gradients, up to the residual `min(½, √(‖g‖/‖g_0‖)) ‖g‖`, or to the
/// edge of the trust region, also along a direction that curves down (Steihaug 1983, *SIAM J. Numer. Anal.* 20, 626). The radius
/// follows the ratio of the loss's fall to the model's (Conn, Gould, Toint 2000). Where the gradient vanishes but a direction curves
/// down, the point moves along it. Costs a Hessian product for each conjugate gradient, and memory of a few vectors, of two for each
/// dimension of the Krylov space where the gradient vanishes.
pub(in crate::landscape) fn trust_region(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    tolerance: f64,
    products: usize,
    stop: &Stop,
) {
    let mut left = products;
    let mut gradient = loss_and_gradient(problem, &minimum.theta).1;
    let first = norm(&gradient);
    let mut radius = 1.0_f64;
    while left > 0 && !stop.is_requested() {
        let hessian = Hessian::new(problem, &minimum.theta);
        let (theta, loss, new_gradient) = if minimum.gradient_norm < tolerance {
            left = left.saturating_sub(KRYLOV);
            let down = curving_down(&hessian, stop);
            let Some(theta) = down.and_then(|direction| descend_along(problem, minimum, &direction)) else { return };
            let (loss, gradient) = loss_and_gradient(problem, &theta);
            (theta, loss, gradient)
        } else {
            let residual = minimum.gradient_norm * (minimum.gradient_norm / first).sqrt().min(0.5);
            let step = conjugate_gradients(&hessian, &gradient, radius, residual, &mut left, stop);
            let Some(Step { to, fall }) = step else { return };
            let mut theta = minimum.theta.clone();
            axpy(1.0, &to, &mut theta);
            let (loss, new_gradient) = loss_and_gradient(problem, &theta);
            let ratio = (minimum.loss - loss) / fall;
            // Where rounding hides the fall the gradient decides.
            let equal = (loss - minimum.loss).abs() <= ROUNDING * minimum.loss.abs();
            let better = if equal { norm(&new_gradient) < minimum.gradient_norm } else { ratio > LEAST };
            let length = norm(&to);
            if !better || (!equal && ratio < 0.25) {
                radius = 0.25 * length;
            } else if length > 0.9 * radius && (equal || ratio > 0.75) {
                radius *= 2.0;
            }
            if !better {
                if radius < SHORTEST * (1.0 + norm(&minimum.theta)) {
                    return;
                }
                continue;
            }
            (theta, loss, new_gradient)
        };
        gradient = new_gradient;
        minimum.step_to(theta, loss, norm(&gradient));
    }
}

/// A step and how far the quadratic model falls along it.
struct Step {
    to: Vec<f64>,
    fall: f64,
}

/// The step of Steihaug's conjugate gradients; none if interrupted, or if no product is left for the first.
fn conjugate_gradients(
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
        let image = apply(hessian, std::slice::from_ref(&direction)).swap_remove(0);
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

/// The lowest Ritz vector, if its curvature is negative.
fn curving_down(hessian: &dyn LinearOperator, stop: &Stop) -> Option<Vec<f64>> {
    // Whatever the seed of the run, which need not be known to find a minimum.
    let mut rng = stream(0, Purpose::Krylov, 0);
    let seeds = Mat::from_fn(hessian.dim(), SEEDS, |_, _| StandardNormal.sample(&mut rng));
    let (values, vectors) = krylov_pairs(hessian, seeds, KRYLOV, stop).ok()?;
    let lowest = values.len().checked_sub(1)?;
    let down = values[lowest] < -NEGATIVE * values[0].abs();
    down.then(|| vectors.col(lowest).iter().copied().collect())
}

/// The lowest of a few points on the line through the minimum along `direction`, if one is lower than the minimum.
pub(super) fn descend_along(problem: &dyn Problem, minimum: &Minimum, direction: &[f64]) -> Option<Vec<f64>> {
    let lengths = (0..8).map(|k| 10.0_f64.powi(-k)).flat_map(|length| [length, -length]);
    lengths
        .map(|length| {
            let mut theta = minimum.theta.clone();
            axpy(length, direction, &mut theta);
            (loss(problem, &theta), theta)
        })
        .filter(|(loss, _)| *loss < minimum.loss)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, theta)| theta)
}
