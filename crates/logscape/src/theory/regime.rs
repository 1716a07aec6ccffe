//! Checks of the assumptions that the theories share, each with its measured value and its limit.
//!
//! A theory is asked for the checks of what it assumes, and for those of the minimum itself, which all of them rest on: it is at
//! rest, has no negative curvature, and SGD is stable there.

use super::Stationary;
use crate::{Geometry, SgdSettings};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a theory may assume beyond a stable minimum at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumption {
    /// `η λ_max` is small: time is continuous.
    SmallSteps,
    /// No single sample makes a large step: the noise of a step is small where the curvature is.
    SmallSamples,
    /// The temperature is small: Laplace's method.
    LowTemperature,
    /// `H = h* I` on the outliers.
    EqualOutliers,
    /// `C ∝ H` on the outliers, with one noise strength.
    ProportionalNoise,
    /// `C ∝ L` away from the minimum.
    NoiseAsLoss,
    /// `n < n_c`: the stationary law can be normalised.
    Normalisable,
}

impl Assumption {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SmallSteps,
        Self::SmallSamples,
        Self::LowTemperature,
        Self::EqualOutliers,
        Self::ProportionalNoise,
        Self::NoiseAsLoss,
        Self::Normalisable,
    ];
}

/// An assumption that fails, with the measured value and the limit that it passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Warning {
    /// `η λ_max` is above the limit: time is not continuous.
    TimeDiscreteness {
        /// `η λ_max`.
        value: f64,
        /// Largest value taken as continuous.
        limit: f64,
    },
    /// The linearised chain is unstable in mean square: its variances are infinite.
    MeanSquareGrowth {
        /// Growth of `E‖θ − θ*‖²` per step; see [`mean_square_growth`](crate::theory::stationary::mean_square_growth).
        value: f64,
        /// 1.
        limit: f64,
    },
    /// `η max ‖J_μ J_μᵀ‖` is above the limit: a single sample's step is no small step.
    OneSampleStep {
        /// `η max ‖J_μ J_μᵀ‖`.
        value: f64,
        /// Largest value taken as small.
        limit: f64,
    },
    /// The temperature is above the limit: Laplace's method is inaccurate.
    LargeTemperature {
        /// `T = η s h*/B`.
        value: f64,
        /// Largest value taken as small.
        limit: f64,
    },
    /// Outlier curvatures differ by more than the limit: `H* = h* I` fails.
    OutlierSpread {
        /// Largest over smallest outlier.
        value: f64,
        /// Largest value taken as equal.
        limit: f64,
    },
    /// `C` is not proportional to `H`.
    DecouplingShape {
        /// `‖C − aH‖_F/‖C‖_F`.
        value: f64,
        /// Largest value taken as proportional.
        limit: f64,
    },
    /// `C` does not grow as `L`.
    DecouplingScaling {
        /// Distance of the exponent `γ` from 1.
        value: f64,
        /// Largest value taken as 0.
        limit: f64,
    },
    /// The outliers are more than a stationary law can hold.
    CriticalDimension {
        /// Number of outliers `n`.
        value: f64,
        /// `n_c`.
        limit: f64,
    },
    /// The exponent of the theory's escape time is small: escape is no rare event.
    SmallBarrier {
        /// The exponent, such as `ln(L^s/L*)/T` or `ΔL/D₀`.
        value: f64,
        /// Smallest value taken as a barrier.
        limit: f64,
    },
    /// Noise strengths of the outlier directions differ by more than the limit: no single `s` describes them.
    NoiseSpread {
        /// Largest over smallest `C_ii/(2 L* h_i)` of the outliers.
        value: f64,
        /// Largest value taken as equal.
        limit: f64,
    },
    /// The gradient at the minimum is not small beside the noise of one sample's: it is not at rest.
    ResidualGradient {
        /// `‖∇L(θ*)‖ / √(2 s L* h*)`.
        value: f64,
        /// Largest value taken as at rest.
        limit: f64,
    },
    /// The Hessian has negative eigenvalues: the point is no minimum.
    NegativeCurvature {
        /// Number of eigenvalues below `−10⁻⁶ λ_max`.
        value: f64,
        /// 0.
        limit: f64,
    },
    /// The loss has kinks that bend it: over the distances that SGD moves the Hessian is not its curvature.
    Kinks {
        /// Distance of the gradient's slope over a distance from the Hessian's, in units of the latter; see
        /// [`Geometry::kinks`].
        value: f64,
        /// Largest value taken as none.
        limit: f64,
    },
    /// `η λ_max` is 2 or more: gradient descent itself leaves the minimum.
    LinearInstability {
        /// `η λ_max`.
        value: f64,
        /// 2.
        limit: f64,
    },
    /// The exponent of the theory's escape time is not that of the chain as `η → 0`, or, where the chain's is not known, not that
    /// of a diffusion whose noise is the measured one at both ends: the theory may agree by chance only.
    QuasiPotential {
        /// The difference at half the learning rate, or here where that is more (decades of the mean number of steps).
        value: f64,
        /// Largest value taken as none.
        limit: f64,
    },
    /// Every sample pushes back somewhere on every way out, so that the chain with small steps cannot pass, which a Gaussian noise
    /// can.
    OutOfReach,
    /// The formula's normaliser is exact but its integral across the saddle is Laplace's, whose errors no longer cancel beyond few
    /// outliers, so that `log-landscape-measured` is nearer.
    RefinedDimension {
        /// Number of outliers `n`.
        value: f64,
        /// Largest number for which it is the better one.
        limit: f64,
    },
    /// Some ways out have transverse curvatures that are not known, so that the rate is a sum over the others.
    WaysLeftOut {
        /// Ways out that are left out.
        value: f64,
        /// 0.
        limit: f64,
    },
    /// The fluctuations about the minimum raise the mean loss by more than the barrier: the noise is not weak.
    NoiseAboveBarrier {
        /// `η tr C/(4BΔL)` at the lowest saddle, with the trace over the directions whose noise is known.
        value: f64,
        /// Largest value taken as weak.
        limit: f64,
    },
    /// The prefactor is no small part of the exponent of a rate that counts: the limit of small learning rates is far.
    StrongPrefactor {
        /// `|ln 2πK/√(h*|h^s|)| / (V/η)`, the largest of the saddles that have a tenth of the rate or more.
        value: f64,
        /// Largest value taken as small.
        limit: f64,
    },
    /// A way out is left out of the rate.
    WayClosed {
        /// Why.
        reason: String,
    },
    /// The error of quasi-potential and prefactor shifts the prediction by more than the limit.
    ActionError {
        /// Error (decades of the mean number of steps).
        value: f64,
        /// Largest value taken as none.
        limit: f64,
    },
    /// Ways out whose quasi-potential is that of motion along the minimum-energy path alone.
    ProjectedAction {
        /// How many.
        count: usize,
        /// Why, for the first of them.
        reason: String,
    },
    /// The prefactor is not exact in the limit of small learning rates.
    ApproximatePrefactor {
        /// What it is made of.
        made_of: String,
    },
    /// The theory has no prediction here.
    // Records hold it apart from failed checks.
    #[cfg_attr(feature = "schema", schemars(skip))]
    NotApplicable {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, value, limit) = match self {
            Self::TimeDiscreteness { value, limit } => ("time is not continuous: η λ_max", value, limit),
            Self::MeanSquareGrowth { value, limit } => {
                ("unstable in mean square: growth of E|θ−θ*|² per step", value, limit)
            }
            Self::OneSampleStep { value, limit } => ("one sample's step is large: η max‖JJᵀ‖", value, limit),
            Self::LargeTemperature { value, limit } => ("temperature is large: T", value, limit),
            Self::OutlierSpread { value, limit } => ("outliers are unequal: h_max/h_min", value, limit),
            Self::DecouplingShape { value, limit } => ("C is not proportional to H: ‖C−aH‖/‖C‖", value, limit),
            Self::DecouplingScaling { value, limit } => ("C does not grow as L: |γ−1|", value, limit),
            Self::CriticalDimension { value, limit } => ("too many outliers for a stationary law: n", value, limit),
            Self::RefinedDimension { value, limit } => {
                ("exact normaliser with Laplace's integral at the saddle: outliers", value, limit)
            }
            Self::SmallBarrier { value, limit } => {
                return write!(f, "barrier is low: its exponent = {value:.3} (at least {limit:.3})");
            }
            Self::NoiseSpread { value, limit } => ("noise strengths are unequal: s_max/s_min", value, limit),
            Self::ResidualGradient { value, limit } => ("the gradient is not at rest: |∇L|/√(2sL*h*)", value, limit),
            Self::NegativeCurvature { value, limit } => ("the point is no minimum: negative eigenvalues", value, limit),
            Self::Kinks { value, limit } => {
                ("kinks bend the loss: the gradient's slope is off the Hessian's by", value, limit)
            }
            Self::LinearInstability { value, limit } => ("gradient descent leaves the minimum: η λ_max", value, limit),
            Self::QuasiPotential { value, limit } => {
                ("the exponent is not that of the noise on the way out: error in decades", value, limit)
            }
            Self::OutOfReach => {
                return write!(f, "every sample pushes back on the way out: small steps cannot pass");
            }
            Self::WaysLeftOut { value, limit } => {
                ("saddles without known determinants are left out: number", value, limit)
            }
            Self::NoiseAboveBarrier { value, limit } => {
                ("fluctuations about the minimum rise above the barrier: η tr C/(4BΔL)", value, limit)
            }
            Self::StrongPrefactor { value, limit } => {
                ("the prefactor is no small part of the exponent: |ln 2πK/√(h*|h^s|)|/(V/η)", value, limit)
            }
            Self::WayClosed { reason } => return write!(f, "a way out is left out of the rate: {reason}"),
            Self::ActionError { value, limit } => {
                ("quasi-potential and prefactor are not exact: error in decades", value, limit)
            }
            Self::ProjectedAction { count, reason } => {
                return write!(
                    f,
                    "{count} ways out with the action of motion along the minimum-energy path alone, neither a bound nor exact: {reason}"
                );
            }
            Self::ApproximatePrefactor { made_of } => return write!(f, "the prefactor is approximate: {made_of}"),
            Self::NotApplicable { reason } => return write!(f, "not applicable: {reason}"),
        };
        if *value < 1e5 {
            write!(f, "{what} = {value:.3} (limit {limit:.3})")
        } else {
            write!(f, "{what} = {value:.2e} (limit {limit:.3})")
        }
    }
}

/// The checks that need no barrier: of the minimum, and of what is assumed. A measure that is not a number is not checked.
pub fn regime_checks(geometry: &Geometry, sgd: &SgdSettings, assumed: &[Assumption]) -> Vec<Warning> {
    let eta = sgd.learning_rate;
    let mut warnings = Vec::new();
    let mut check = |value: f64, limit: f64, warning: fn(f64, f64) -> Warning| {
        if value.is_finite() && limit.is_finite() && value > limit {
            warnings.push(warning(value, limit));
        }
    };
    let law = Stationary::predict(geometry, sgd);
    let sharpest = geometry.eigenvalues.first().copied().unwrap_or(f64::NAN);
    if !law.linearly_stable {
        check(eta * sharpest, 2.0_f64.next_down(), |value, _| Warning::LinearInstability { value, limit: 2.0 });
    }
    if let Some(growth) = law.mean_square_growth {
        check(growth, 1.0, |value, limit| Warning::MeanSquareGrowth { value, limit });
    }
    let noise = 2.0 * geometry.strength() * geometry.loss * geometry.outliers.h_star.value;
    check(geometry.gradient_norm / noise.sqrt(), 1e-2, |value, limit| Warning::ResidualGradient { value, limit });
    check(geometry.index as f64, 0.0, |value, limit| Warning::NegativeCurvature { value, limit });
    check(geometry.kinks.unwrap_or(0.0), 0.1, |value, limit| Warning::Kinks { value, limit });
    let outliers = geometry.eigenvalues.get(..geometry.outliers.count).unwrap_or(&[]);
    for assumption in assumed {
        match assumption {
            Assumption::SmallSteps => {
                check(eta * sharpest, 0.1, |value, limit| Warning::TimeDiscreteness { value, limit });
            }
            Assumption::SmallSamples => {
                let largest = geometry.sample_curvature[3];
                check(eta * largest, 0.3, |value, limit| Warning::OneSampleStep { value, limit });
            }
            Assumption::LowTemperature => {
                let measured = law.temperature_measured.unwrap_or(f64::NAN);
                check(measured, 0.2, |value, limit| Warning::LargeTemperature { value, limit });
            }
            Assumption::EqualOutliers => {
                if let (Some(first), Some(last)) = (outliers.first(), outliers.last()) {
                    check(first / last, 2.0, |value, limit| Warning::OutlierSpread { value, limit });
                }
            }
            Assumption::ProportionalNoise => {
                let strengths = geometry.directions.iter().take(outliers.len()).map(|along| along.ratio.value);
                let (low, high) =
                    strengths.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), s| (low.min(s), high.max(s)));
                check(high / low, 4.0, |value, limit| Warning::NoiseSpread { value, limit });
                let distance = geometry.decoupling.as_ref().map_or(f64::NAN, |found| found.frobenius_distance);
                check(distance, 0.3, |value, limit| Warning::DecouplingShape { value, limit });
            }
            Assumption::NoiseAsLoss => {
                let exponent = geometry.decoupling.as_ref().map_or(f64::NAN, |found| found.scaling_exponent.value);
                let scaling = (exponent - 1.0).abs();
                check(scaling, 0.2, |value, limit| Warning::DecouplingScaling { value, limit });
            }
            Assumption::Normalisable => {
                let critical = law.critical_dimension_measured.unwrap_or(f64::NAN);
                let count = geometry.outliers.count as f64;
                check(count, critical, |value, limit| Warning::CriticalDimension { value, limit });
            }
        }
    }
    warnings
}
