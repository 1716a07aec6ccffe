//! The largest loss in a box around a minimum.

use super::places::Places;
use crate::model::BoxSharpness;
use crate::{Interrupted, Stop};

/// Sizes of the box, as published.
const EPSILONS: [f64; 2] = [5e-4, 1e-3];

/// Corners of an ascent, at most, and the part of the rise that another must gain for it to go on.
const CORNERS: usize = 10;
const LITTLE: f64 = 0.01;

/// The largest loss in the boxes `|θ_i − θ*_i| ≤ ε (|θ*_i| + 1)` around `theta` with the loss `base`. The ascent starts from the corners
/// to which the `steepest` eigenvector points, and goes to the corner to which the gradient points as long as the rise of the
/// loss grows by more than a hundredth; it grows where the loss is convex. `told` hears how many boxes are done, and of how many.
///
/// Source: Keskar et al., *On large-batch training for deep learning* (2017), §2.2.2, who take ten iterations of L-BFGS-B.
///
/// # Errors
/// On an interrupt.
pub(super) fn box_sharpness(
    places: Places,
    (theta, base): (&[f64], f64),
    steepest: &[f64],
    stop: &Stop,
    told: &dyn Fn(usize, usize),
) -> Result<Vec<BoxSharpness>, Interrupted> {
    let corner = |epsilon: f64, towards: &[f64], sign: f64| -> Vec<f64> {
        let side = |x: f64, to: f64| if to == 0.0 { 0.0 } else { epsilon * (x.abs() + 1.0) * to.signum() * sign };
        theta.iter().zip(towards).map(|(&x, &to)| x + side(x, to)).collect()
    };
    let gradients = |place: &[f64]| {
        let found = places.passing(place).gradients(stop)?;
        Ok::<_, Interrupted>((found.loss, found.gradient))
    };
    let mut found = Vec::with_capacity(EPSILONS.len());
    for (k, epsilon) in EPSILONS.into_iter().enumerate() {
        told(k, EPSILONS.len());
        let mut highest = base;
        for sign in [1.0, -1.0] {
            let (mut loss, mut gradient) = gradients(&corner(epsilon, steepest, sign))?;
            for _ in 1..CORNERS {
                let (next, slope) = gradients(&corner(epsilon, &gradient, 1.0))?;
                let gain = next - loss;
                loss = loss.max(next);
                if next.is_nan() || gain <= LITTLE * (loss - base) {
                    break;
                }
                gradient = slope;
            }
            highest = highest.max(loss);
        }
        let rise = highest - base;
        found.push(BoxSharpness { epsilon, rise, sharpness: 100.0 * rise / (1.0 + base) });
    }
    Ok(found)
}
