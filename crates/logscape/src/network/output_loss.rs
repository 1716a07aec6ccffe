//! The loss of one sample as a function of the outputs.

use serde::{Deserialize, Serialize};

use super::transform::Float;
use crate::lanes::Real;
use crate::problem::ProblemError;

/// `ℓ(f, y)` of outputs `f` (`c`) and targets `y` (`c`), convex in `f`: `L = (1/N) Σ ℓ(f(θ, x_μ), y_μ)`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OutputLoss {
    /// `½‖f − y‖²`
    #[default]
    MeanSquare,
    /// `−Σ_k y_k ln p_k` with `p = softmax f`, for targets that are probabilities: one for the class, zero for the rest.
    CrossEntropy,
    /// `Σ_k ln(1 + e^{f_k}) − y_k f_k`, for targets between zero and one, each output for itself.
    Logistic,
    /// `Σ_k h(f_k − y_k)` with `h(e) = ½e²` for `|e| ≤ 1` and `|e| − ½` beyond.
    Huber,
}

impl OutputLoss {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::MeanSquare, Self::CrossEntropy, Self::Logistic, Self::Huber];

    /// Its name in studies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanSquare => "mean-square",
            Self::CrossEntropy => "cross-entropy",
            Self::Logistic => "logistic",
            Self::Huber => "huber",
        }
    }

    /// Whether the loss is zero at some outputs, where its Hessian is the identity. The others come to zero at infinity only.
    pub fn reaches_zero(self) -> bool {
        matches!(self, Self::MeanSquare | Self::Huber)
    }

    /// Whether it is a sum over the outputs of what each makes of its target.
    pub(super) fn is_by_output(self) -> bool {
        self != Self::CrossEntropy
    }

    /// `Ok` if the loss has such `targets` (`N × c`).
    ///
    /// # Errors
    /// If probabilities are below zero or above one, or those of a sample do not come to one.
    pub(super) fn require_targets(self, targets: &[f64], outputs: usize) -> Result<(), ProblemError> {
        let probability = |&y: &f64| (0.0..=1.0).contains(&y);
        let fits = |row: &[f64]| match self {
            Self::MeanSquare | Self::Huber => true,
            Self::Logistic => row.iter().all(probability),
            Self::CrossEntropy => row.iter().all(probability) && (row.iter().sum::<f64>() - 1.0).abs() < 1e-6,
        };
        let needs = match self {
            Self::CrossEntropy => "numbers from 0 to 1 that add up to 1, one for each class",
            _ => "numbers from 0 to 1",
        };
        match targets.chunks_exact(outputs).position(|row| !fits(row)) {
            Some(sample) => Err(ProblemError::NoProbabilities { sample, needs }),
            None => Ok(()),
        }
    }

    /// Writes `∇_f ℓ` (`c`) to `gradient` and adds `ℓ` to `loss`.
    #[inline(always)]
    pub(super) fn add_loss<R: Float>(self, outputs: &[R], targets: &[f64], gradient: &mut [R], loss: &mut f64) {
        let entries = outputs.iter().zip(targets).zip(&mut *gradient);
        match self {
            Self::MeanSquare => {
                for ((f, y), gradient) in entries {
                    let residual = f.to_f64() - y;
                    *loss += 0.5 * residual * residual;
                    *gradient = R::from_f64(residual);
                }
            }
            Self::CrossEntropy => {
                let largest = outputs.iter().map(|f| f.to_f64()).fold(f64::NEG_INFINITY, f64::max);
                for (f, gradient) in outputs.iter().zip(&mut *gradient) {
                    *gradient = R::from_f64(Real::exp(f.to_f64() - largest));
                }
                let (mut sum, mut mass, mut mean) = (0.0, 0.0, 0.0);
                for ((f, y), weight) in outputs.iter().zip(targets).zip(&*gradient) {
                    sum += weight.to_f64();
                    mass += y;
                    mean += y * (f.to_f64() - largest);
                }
                *loss += mass * sum.ln() - mean;
                for (y, gradient) in targets.iter().zip(gradient) {
                    *gradient = R::from_f64(mass / sum * gradient.to_f64() - y);
                }
            }
            Self::Logistic => {
                for ((f, y), gradient) in entries {
                    let f = f.to_f64();
                    *loss += f.max(0.0) + (-f.abs()).exp().ln_1p() - y * f;
                    *gradient = R::from_f64(probability(f) - y);
                }
            }
            Self::Huber => {
                for ((f, y), gradient) in entries {
                    let residual = f.to_f64() - y;
                    let size = residual.abs();
                    *loss += if size <= 1.0 { 0.5 * size * size } else { size - 0.5 };
                    *gradient = R::from_f64(residual.clamp(-1.0, 1.0));
                }
            }
        }
    }

    /// The `k`-th of `c` parts of the Hessian `∇²_f ℓ = Σ_k w_k r_k r_kᵀ` of a sample with this `gradient` `∇_f ℓ` and `targets`
    /// (`c` each): returns `w_k` and writes `r_k` to `column` (`c`). With the cross-entropy `w_k` is the probability of the class
    /// `k` and `r_k` the gradient if that were the sample's, up to the sign; the other losses treat outputs one by one.
    pub(crate) fn hessian_part(self, gradient: &[f64], targets: &[f64], k: usize, column: &mut [f64]) -> f64 {
        let p = |i: usize| gradient[i] + targets[i];
        column.fill(0.0);
        column[k] = 1.0;
        match self {
            Self::MeanSquare => 1.0,
            Self::CrossEntropy => {
                column.iter_mut().enumerate().for_each(|(i, x)| *x -= p(i));
                p(k).max(0.0)
            }
            Self::Logistic => (p(k) * (1.0 - p(k))).max(0.0),
            Self::Huber => f64::from(u8::from(gradient[k].abs() < 1.0)),
        }
    }

    /// Multiplies `rates` (`c`) by `∇²_f ℓ`, in place.
    pub(super) fn weigh<R: Float>(self, outputs: &[R], targets: &[f64], rates: &mut [R]) {
        match self {
            Self::MeanSquare => {}
            Self::CrossEntropy => {
                let largest = outputs.iter().map(|f| f.to_f64()).fold(f64::NEG_INFINITY, f64::max);
                let weight = |f: R| (f.to_f64() - largest).exp();
                let sum: f64 = outputs.iter().map(|&f| weight(f)).sum();
                let mean = outputs.iter().zip(&*rates).map(|(&f, rate)| weight(f) * rate.to_f64()).sum::<f64>() / sum;
                let mass: f64 = targets.iter().sum();
                for (&f, rate) in outputs.iter().zip(rates) {
                    *rate = R::from_f64(mass * weight(f) / sum * (rate.to_f64() - mean));
                }
            }
            Self::Logistic => {
                for (f, rate) in outputs.iter().zip(rates) {
                    let p = probability(f.to_f64());
                    *rate = R::from_f64(p * (1.0 - p) * rate.to_f64());
                }
            }
            Self::Huber => {
                for ((f, y), rate) in outputs.iter().zip(targets).zip(rates) {
                    if (f.to_f64() - y).abs() > 1.0 {
                        *rate = R::ZERO;
                    }
                }
            }
        }
    }
}

/// `1/(1 + e^{−f})`
fn probability(f: f64) -> f64 {
    let e = (-f.abs()).exp();
    if f < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
