//! Newton steps in a trust region.

use super::metric::{FIRST, Metric, ScaledHessian, Scales};
use super::model_step::{conjugate_gradients, exact};
use crate::model::memory;
use crate::operator::dense::{NEGATIVE, eigen, to_dense};
use crate::operator::full::{loss, loss_and_gradient};
use crate::operator::{Hessian, LinearOperator, Matrix, axpy, krylov_pairs, linearise, norm};
use crate::random::{Purpose, stream};
use crate::{Minimum, Precision, Problem, Stop};
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
/// Shortest trust radius, relative to the length of the parameters.
const SHORTEST: f64 = 1e-14;

/// Parameters up to which exact steps are the whole search, and scales follow each. With more they finish that of L-BFGS.
pub(super) const EXACT: usize = 200;

/// How steps are made, and how much of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::landscape) enum Steps {
    /// In the whole eigenbasis of the Hessian, so many; each costs `P` Hessian products and `O(P³)`.
    Exact(usize),
    /// The same, given up where the parameters run away.
    Try(usize),
    /// By conjugate gradients, with so many Hessian products, and memory of a few vectors, of two for each dimension of the Krylov space
    /// where the gradient vanishes.
    Conjugate(usize),
}

/// How a search ended.
pub(in crate::landscape) struct End {
    /// Whether something curves up, if exact steps know.
    pub(super) curved: bool,
    /// Whether, as they know, some direction does not, or hardly.
    pub(super) level: bool,
    /// Steps, or Hessian products, that are left.
    pub(super) left: usize,
}

/// Share of the largest curvature by `z` below which a direction is level: at a minimum that is one, curvatures lie well above, and where
/// units are saturated, tails of exponentials below.
const LEVEL: f64 = 1e-10;

/// Steps before which a search cannot be told from one that has begun, and before which none is given up.
const MANY: usize = 64;
const PATIENCE: usize = 256;

/// Refines `minimum` until its gradient norm is below `tolerance` and no eigenvalue, or Ritz value, of its Hessian below `−10⁻⁶ λ_max`, or
/// until the steps are spent or none helps.
///
/// Lengths, curvatures and the trust region are those of `z_i = s_i θ_i` with the scales of [`Metric`]: no unit of a parameter, an input
/// or a target changes the way, beyond rounding (Moré 1978), but where a negative curvature is so weak that it counts in some units only.
/// A step minimises the quadratic model of the loss in the region, exactly or by conjugate gradients up to the residual `min(½, √(‖g‖/‖g_0‖)) ‖g‖`; along directions that curve down it goes to the edge,
/// so that saddles are left. The radius begins at a tenth of the length of the parameters, or at 1 without scales, and
/// follows the ratio of the loss's fall to the model's (Conn, Gould, Toint 2000). Where the gradient vanishes but a direction curves down, the point moves along it.
/// Exact steps go on below the tolerance while each halves the gradient by `z`, so that the minimum hardly depends on the way there; with
/// up to 200 parameters also while the loss can fall beyond rounding, with more in the eigenbasis of the first of them.
pub(in crate::landscape) fn trust_region(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    tolerance: f64,
    steps: Steps,
    mut metric: Metric,
    stop: &Stop,
) -> End {
    let (Steps::Exact(mut left) | Steps::Try(mut left) | Steps::Conjugate(mut left)) = steps;
    let mut gradient = loss_and_gradient(problem, &minimum.theta).1;
    let exactly = !matches!(steps, Steps::Conjugate(_));
    let (scaled, few) = (metric.kind != Scales::Plain, problem.dim() <= EXACT);
    let mut slope = metric.divided(&gradient);
    let first = norm(&slope);
    // Conjugate gradients without scales take lengths as they are.
    let measured = exactly || scaled;
    let unit = if measured { metric.length_or(&minimum.theta, first) } else { 1.0 };
    let mut radius = if measured { FIRST * unit } else { 1.0 };
    let mut known = None;
    let mut mark = Mark { step: 0, theta: minimum.theta.clone(), loss: minimum.loss };
    let (mut before, mut taken) = (mark.clone(), 0_usize);
    while left > 0 && !stop.is_requested() {
        let at = minimum.theta.clone();
        // A matrix is assembled at once, from blocks of vectors; conjugate gradients come back with one after the other.
        let around = (!exactly).then(|| linearise(problem, &at, Precision::Float64, memory::limit() / 4));
        let (whole, products) = (Hessian::new(problem, &at), around.as_ref().map(|at| at.operator(Matrix::Hessian)));
        let operator = ScaledHessian { hessian: products.as_deref().unwrap_or(&whole), metric: &metric };
        if exactly && known.is_none() {
            let Some(found) = decomposed(&operator, stop) else { break };
            known = Some(found);
        }
        let small = minimum.gradient_norm < tolerance && (few || metric.small(&gradient, tolerance));
        let down = match (&known, small) {
            (_, false) => None,
            (Some((values, vectors, dense)), true) => {
                // Without scales it is the same matrix.
                let by_parameters = || if scaled { lowest_by_parameters(dense, &metric) } else { None };
                lowest_if_down(values, vectors).or_else(by_parameters)
            }
            (None, true) => {
                left = left.saturating_sub(KRYLOV);
                curving_down(&operator, stop)
            }
        };
        let is_saddle = down.is_some();
        let (theta, loss, new_gradient) = if let Some(down) = down {
            left = left.saturating_sub(1);
            let unit = if measured { metric.length_or(&at, first) } else { 1.0 };
            let Some(theta) = descend_along(problem, minimum, &metric.divided(&down), unit) else { break };
            let (loss, gradient) = loss_and_gradient(problem, &theta);
            (theta, loss, gradient)
        } else {
            let step = match &known {
                _ if small && !exactly => break,
                Some((values, vectors, _)) => {
                    left -= 1;
                    exact(values, vectors, &slope, radius)
                }
                None => {
                    let residual = norm(&slope) * (norm(&slope) / first).sqrt().min(0.5);
                    conjugate_gradients(&operator, &slope, radius, residual, &mut left, stop)
                }
            };
            let Some(step) = step else { break };
            let mut theta = at.clone();
            axpy(1.0, &metric.divided(&step.to), &mut theta);
            let (loss, new_gradient) = loss_and_gradient(problem, &theta);
            let ratio = (minimum.loss - loss) / step.fall;
            // Where rounding hides the fall the gradient decides.
            let equal = (loss - minimum.loss).abs() <= ROUNDING * minimum.loss.abs();
            let steepness = norm(&metric.divided(&new_gradient));
            let better = if equal { steepness < norm(&slope) } else { ratio > LEAST };
            let length = norm(&step.to);
            // The norm of the gradient knows little of parameters in large units: the model's fall and the gradient by z do.
            let fallen = step.fall <= ROUNDING * minimum.loss.abs();
            if small && (fallen || !few) && !(better && steepness < 0.5 * norm(&slope)) {
                break;
            }
            if !better || (!equal && ratio < 0.25) {
                radius = 0.25 * length;
            } else if length > 0.9 * radius && (equal || ratio > 0.75) {
                radius *= 2.0;
            }
            if !better {
                if radius < SHORTEST * (unit + metric.length(&at)) {
                    break;
                }
                continue;
            }
            (theta, loss, new_gradient)
        };
        taken += 1;
        if taken.is_power_of_two() {
            before = std::mem::replace(&mut mark, Mark { step: taken, theta: theta.clone(), loss });
        }
        known = known.filter(|_| small && !few && !is_saddle);
        gradient = new_gradient;
        minimum.step_to(theta, loss, norm(&gradient));
        if few || taken.is_power_of_two() {
            metric.renew(problem, &minimum.theta);
        }
        slope = metric.divided(&gradient);
        let asked = matches!(steps, Steps::Try(_)) && taken >= PATIENCE && taken.is_power_of_two();
        if asked && before.running_away(minimum, taken, &metric).is_some() {
            break;
        }
    }
    let values = known.map(|(values, ..)| values);
    let level = values.as_ref().is_some_and(|values| values[values.len() - 1] < LEVEL * values[0]);
    let unfinished = minimum.gradient_norm >= tolerance || level;
    minimum.running_away = unfinished.then(|| before.running_away(minimum, taken, &metric)).flatten();
    // Where nothing curves there is no minimum, however small the gradient.
    End { curved: values.is_none_or(|values| values[0] > 0.0), level, left }
}

/// Where the search was after so many steps; that of the last power of two but one lies at least half of all steps behind.
#[derive(Clone)]
struct Mark {
    step: usize,
    theta: Vec<f64>,
    loss: f64,
}

/// Eigenvalues, eigenvectors and the matrix of an operator.
fn decomposed(operator: &dyn LinearOperator, stop: &Stop) -> Option<(Vec<f64>, Mat<f64>, Mat<f64>)> {
    let dense = to_dense(operator, stop).ok()?;
    let (values, vectors) = eigen(dense.as_ref()).ok()?;
    Some((values, vectors, dense))
}

impl Mark {
    /// What tells that the least loss lies at infinity: a parameter that has grown since, by far more than the loss has fallen.
    fn running_away(&self, end: &Minimum, steps: usize, metric: &Metric) -> Option<String> {
        let growth = |i: usize| (end.theta[i] / self.theta[i]).abs();
        // Of parameters that count: not below half of all.
        let half = 0.5 * metric.length(&end.theta) / (end.theta.len() as f64).sqrt();
        let large =
            (0..end.theta.len()).filter(|&i| metric.scales[i] * end.theta[i].abs() > half && growth(i).is_finite());
        let most = large.max_by(|&i, &j| growth(i).total_cmp(&growth(j)))?;
        let fall = 1.0 - end.loss / self.loss;
        let away = steps >= MANY && growth(most) > 1.5 && growth(most) - 1.0 > 5.0 * fall;
        away.then(|| {
            format!(
                "from step {} to {steps} the loss fell by {:.1} % while parameter {most} went from {:.3e} to {:.3e}",
                self.step,
                100.0 * fall,
                self.theta[most],
                end.theta[most]
            )
        })
    }
}

/// The eigenvector of the lowest value, if that is negative.
fn lowest_if_down(values: &[f64], vectors: &Mat<f64>) -> Option<Vec<f64>> {
    let lowest = values.len().checked_sub(1)?;
    let down = values[lowest] < -NEGATIVE * values[0].abs();
    down.then(|| vectors.col(lowest).iter().copied().collect())
}

/// The same of the Hessian by `θ`, as a unit vector of `z`: whether a value is large enough to count depends on the units, and the
/// index of a minimum is by those of the parameters.
fn lowest_by_parameters(dense: &Mat<f64>, metric: &Metric) -> Option<Vec<f64>> {
    let s = &metric.scales;
    let plain = Mat::from_fn(s.len(), s.len(), |i, j| s[i] * s[j] * dense[(i, j)]);
    let (values, vectors) = eigen(plain.as_ref()).ok()?;
    let mut down = lowest_if_down(&values, &vectors)?;
    down.iter_mut().zip(s).for_each(|(x, s)| *x *= s);
    let length = norm(&down);
    down.iter_mut().for_each(|x| *x /= length);
    Some(down)
}

/// The lowest Ritz vector, if its curvature is negative.
fn curving_down(hessian: &dyn LinearOperator, stop: &Stop) -> Option<Vec<f64>> {
    // Whatever the seed of the run, which need not be known to find a minimum.
    let mut rng = stream(0, Purpose::Krylov, 0);
    let seeds = Mat::from_fn(hessian.dim(), SEEDS, |_, _| StandardNormal.sample(&mut rng));
    let (values, vectors) = krylov_pairs(hessian, seeds, KRYLOV, stop).ok()?;
    lowest_if_down(&values, &vectors)
}

/// The lowest of a few points on the line through the minimum along `direction`, at up to this length, if one is lower than the minimum.
fn descend_along(problem: &dyn Problem, minimum: &Minimum, direction: &[f64], unit: f64) -> Option<Vec<f64>> {
    let lengths = (0..8).map(|k| unit * 10.0_f64.powi(-k)).flat_map(|length| [length, -length]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::Linear;
    use crate::problem::ScalarModel;

    /// `f = 1/(1 + θ²)` for the target 0: the loss falls as `θ⁻⁴`, without end.
    struct Fading;

    impl ScalarModel for Fading {
        fn parameters(&self) -> usize {
            1
        }
        fn targets(&self) -> &[f64] {
            &[0.0]
        }
        fn value(&self, theta: &[f64], _: usize) -> f64 {
            1.0 / (1.0 + theta[0] * theta[0])
        }
        fn slope(&self, theta: &[f64], v: &[f64], k: usize) -> f64 {
            -2.0 * theta[0] * self.value(theta, k).powi(2) * v[0]
        }
        fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
            out[0] += weight(self.value(theta, k)) * self.slope(theta, &[1.0], k);
        }
        fn add_hessian_product(&self, theta: &[f64], v: &[f64], k: usize, weight: f64, out: &mut [f64]) {
            out[0] += weight * v[0] * self.value(theta, k).powi(3) * (6.0 * theta[0] * theta[0] - 2.0);
        }
    }

    fn end(problem: &dyn Problem, theta: Vec<f64>) -> Minimum {
        let (loss, gradient) = loss_and_gradient(problem, &theta);
        let (gradient_norm, method) = (norm(&gradient), String::new());
        let (interpolating, running_away) = (None, None);
        let mut minimum = Minimum {
            theta,
            loss,
            gradient_norm,
            converged: false,
            iterations: 0,
            method,
            interpolating,
            running_away,
        };
        let metric = Metric::at(problem, &minimum.theta, Scales::Largest);
        trust_region(problem, &mut minimum, 0.0, Steps::Exact(100), metric, &Stop::new());
        minimum
    }

    #[test]
    fn a_parameter_that_runs_away_is_named_and_one_that_arrives_is_not() {
        let away = end(&Fading, vec![0.5]);
        assert!(away.running_away.as_ref().is_some_and(|how| how.contains("parameter 0 went from")), "{away:?}");
        assert!(end(&Linear::gaussian(3, 100, 1.0, 4), vec![2.0; 3]).running_away.is_none());
    }
}
