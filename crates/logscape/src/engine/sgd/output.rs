//! The gradient of a loss in the outputs, in lanes.

use super::kernel::panels;
use crate::lanes::{LANES, Lane, Real};
use crate::network::{OutputLoss, activation::sigmoid};

/// Sets row `b` of `delta` to `factor ∇_f ℓ` for row `b` of `outputs`, both of `m` rows in panels, and its `targets` (a lane for each
/// panel). Places beyond the `count` outputs become zero.
#[inline(always)]
pub(super) fn cotangents<R: Real>(
    loss: OutputLoss,
    count: usize,
    factor: R,
    [outputs, targets]: [&[Lane<R>]; 2],
    (b, m): (usize, usize),
    delta: &mut [Lane<R>],
) {
    let is_output = |panel: usize, l: usize| panel * LANES + l < count;
    match loss {
        OutputLoss::MeanSquare => {
            for (panel, target) in targets.iter().enumerate() {
                let k = panel * m + b;
                delta[k] = Lane::splat(factor) * (outputs[k] - *target);
            }
        }
        OutputLoss::Huber => {
            for (panel, target) in targets.iter().enumerate() {
                let k = panel * m + b;
                for l in 0..LANES {
                    let residual = outputs[k].0[l] - target.0[l];
                    let above = if residual > R::ONE { R::ONE } else { residual };
                    delta[k].0[l] = factor * if above < -R::ONE { -R::ONE } else { above };
                }
            }
        }
        OutputLoss::Logistic => {
            for (panel, target) in targets.iter().enumerate() {
                let k = panel * m + b;
                for l in 0..LANES {
                    let [probability, ..] = sigmoid(outputs[k].0[l]);
                    let slope = factor * (probability - target.0[l]);
                    delta[k].0[l] = if is_output(panel, l) { slope } else { R::ZERO };
                }
            }
        }
        OutputLoss::CrossEntropy => {
            let mut largest = R::from_f64(f64::NEG_INFINITY);
            for panel in 0..panels(count) {
                for l in 0..LANES {
                    let output = outputs[panel * m + b].0[l];
                    largest = if is_output(panel, l) & (output > largest) { output } else { largest };
                }
            }
            let (mut sums, mut masses) = ([R::ZERO; LANES], [R::ZERO; LANES]);
            for (panel, target) in targets.iter().enumerate() {
                let k = panel * m + b;
                for l in 0..LANES {
                    let weight = (outputs[k].0[l] - largest).exp();
                    let weight = if is_output(panel, l) { weight } else { R::ZERO };
                    delta[k].0[l] = weight;
                    sums[l] += weight;
                    masses[l] += target.0[l];
                }
            }
            let (mut sum, mut mass) = (R::ZERO, R::ZERO);
            for l in 0..LANES {
                sum += sums[l];
                mass += masses[l];
            }
            let share = mass / sum;
            for (panel, target) in targets.iter().enumerate() {
                let k = panel * m + b;
                for l in 0..LANES {
                    delta[k].0[l] = factor * (share * delta[k].0[l] - target.0[l]);
                }
            }
        }
    }
}
