//! Searches by exact Newton steps from several points, where the first finds no minimum.

use super::MinimumConfig;
use super::interpolating::interpolating;
use super::metric::{Metric, Scales};
use super::trust_region::{Steps, trust_region};
use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::random::{Purpose, stream};
use crate::{Minimum, Problem, Stop};
use rand_distr::{Distribution, StandardNormal};

/// Searches after the first, but for the last, which goes on from the lowest point.
const MORE: u32 = 5;

/// Exact Newton steps from `start`. Returns where they end, and whether that is a minimum: the gradient is below the tolerance, something
/// curves up and no parameter runs away, or the fit interpolates.
///
/// A search that finds none, or is given up where the parameters run away, is followed by others, of as many steps altogether:
/// from the same point with the latest scales, which forget columns that were much larger before, then from points about it, ever farther.
/// The first minimum is taken, where it is no higher than `start` and no direction is level; else the lowest point, from which the search
/// goes on while steps are left.
pub(super) fn tries(problem: &dyn Problem, start: &Minimum, config: &MinimumConfig, stop: &Stop) -> (Minimum, bool) {
    let tolerance = config.gradient_tolerance;
    let search = |mut minimum: Minimum, steps: Steps, scales: Scales, first: bool| {
        let metric = Metric::at(problem, &minimum.theta, scales);
        let end = trust_region(problem, &mut minimum, tolerance, steps, metric, stop);
        let still = minimum.gradient_norm < tolerance && end.curved && minimum.running_away.is_none();
        let mut found = still && (first || (!end.level && minimum.loss <= start.loss));
        if let Some(fit) = if found { None } else { interpolating(problem, &minimum, stop) } {
            (minimum, found) = (fit, true);
        }
        (minimum, found, end.left)
    };
    let mut left = config.max_iterations;
    let (mut best, mut found, _) = search(start.clone(), Steps::Try(left), Scales::Largest, true);
    let mut name = "newton";
    for number in 0..=MORE {
        if found || left == 0 || stop.is_requested() {
            break;
        }
        let (from, steps, scales, way) = match number {
            0 => (start.clone(), Steps::Try(left), Scales::Latest, "newton (latest scales)"),
            MORE => (best.clone(), Steps::Exact(left), Scales::Largest, name),
            _ => (about(problem, start, number), Steps::Try(left), Scales::Largest, "newton (another start)"),
        };
        let mut next;
        (next, found, left) = search(from, steps, scales, false);
        if number == MORE && !found {
            // What was seen before does not end where the search goes on.
            next.running_away = next.running_away.or_else(|| best.running_away.clone());
        }
        if found || next.loss < best.loss {
            (best, name) = (next, way);
        }
    }
    name.clone_into(&mut best.method);
    (best, found)
}

/// A point about `start` in a direction at random by `z`, whatever the seed of the run: each twice as far as the one before, the last as far as
/// `start` is from 0.
fn about(problem: &dyn Problem, start: &Minimum, number: u32) -> Minimum {
    let metric = Metric::at(problem, &start.theta, Scales::Largest);
    let mut rng = stream(0, Purpose::Start, u64::from(number));
    let direction: Vec<f64> = start.theta.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
    let share = 1.0 / f64::from(1_u32 << (MORE - 1 - number));
    let length = share * metric.length_or(&start.theta, 1.0) / norm(&direction);
    let displacement = metric.divided(&direction);
    let theta: Vec<f64> = start.theta.iter().zip(&displacement).map(|(x, d)| x + length * d).collect();
    let (loss, gradient) = loss_and_gradient(problem, &theta);
    Minimum { theta, loss, gradient_norm: norm(&gradient), ..start.clone() }
}
