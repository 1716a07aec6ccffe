//! Escape on the logarithm of the loss: the published power law, with measured noise strength, and with exact normaliser.

use super::exponent::{Exit, exits, exponent_checks};
use super::kramers::boundary;
use super::{Assumption, Prediction, Theory, Warning, ln_sum, overshoot, regime_checks, with_transverse};
use crate::{Barrier, Geometry, SgdSettings, WayOut};
use statrs::function::gamma::ln_gamma;
use std::f64::consts::{LN_2, TAU};

/// `κ = (√(h_e*|h_e^s|)/2π) Π_⊥√(h_i*/h_i^s) (L^s/L*)^{−(1/T_e + 1 − n/2)}`, `T_e = η s h_e*/B`, per unit `t`
/// (Mori, Ziyin, Liu, Ueda 2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLandscape {
    /// As published, `s = 1`.
    Published,
    /// With the noise strength measured along the escape direction, `s = C_e*/(2L*h_e*)`.
    Measured,
    /// Measured `s` and the basin's normaliser exact: the above times `T^{n/2} Γ(φ)/Γ(φ−n/2)`, `φ = 1 + 1/T`, which tends to
    /// 1 as `T → 0`. Across a saddle's transverse directions the integral stays Laplace's, whose error was of the same sign: beyond
    /// three outliers it is further off than [`Measured`](Self::Measured) unless `T` is small, and warns.
    Refined,
}

/// Outliers up to which [`LogLandscape::Refined`] improves on [`LogLandscape::Measured`] at a saddle.
const REFINED_OUTLIERS: f64 = 3.0;

/// `ln[Γ(φ)/Γ(φ−n/2)]`, NaN if the law cannot be normalised (`φ ≤ n/2`).
fn ln_normaliser(phi: f64, n: f64) -> f64 {
    if phi > 0.5 * n { ln_gamma(phi) - ln_gamma(phi - 0.5 * n) } else { f64::NAN }
}

/// `ln κ` through the level `L_c = ratio·L*` of an `n`-dimensional basin of curvature `h` at temperature `T`: inward drift times
/// stationary density, integrated over the sphere,
/// `κ = h (2/Γ(n/2)) (L_c/L* − 1)^{n/2} (L_c/L*)^{−φ} Γ(φ)/Γ(φ−n/2)`, `φ = 1 + 1/T`. NaN if `φ ≤ n/2`.
pub fn refined_level_ln_rate(dimension: usize, curvature: f64, ratio: f64, temperature: f64) -> f64 {
    let n = dimension as f64;
    let phi = 1.0 + 1.0 / temperature;
    curvature.ln() + LN_2 - ln_gamma(0.5 * n) + 0.5 * n * (ratio - 1.0).ln() - phi * ratio.ln() + ln_normaliser(phi, n)
}

impl LogLandscape {
    /// `(ln κ, exponent, T_e)` over one saddle with its `½ Σ_⊥ ln(h_i*/h_i^s)`.
    fn over(self, (way, transverse): (&WayOut, f64), geometry: &Geometry, batch: f64, sgd: &SgdSettings) -> [f64; 3] {
        let n = geometry.outliers.count as f64;
        let strength = match self {
            Self::Published => 1.0,
            Self::Measured | Self::Refined => way.noise_minimum / (2.0 * geometry.loss * way.curvature_minimum),
        };
        let temperature = sgd.learning_rate * strength * way.curvature_minimum / batch;
        let phi = 1.0 + 1.0 / temperature;
        let exponent = phi - 0.5 * n;
        let mut ln_rate = 0.5 * (way.curvature_minimum * -way.curvature_saddle).ln() - TAU.ln() + transverse
            - exponent * (way.loss / geometry.loss).ln();
        if self == Self::Refined {
            ln_rate += 0.5 * n * temperature.ln() + ln_normaliser(phi, n);
        }
        [ln_rate, exponent, temperature]
    }
}

impl Theory for LogLandscape {
    fn name(&self) -> &'static str {
        match self {
            Self::Published => "log-landscape",
            Self::Measured => "log-landscape-measured",
            Self::Refined => "log-landscape-refined",
        }
    }

    fn reference(&self) -> &'static str {
        match self {
            Self::Published => "Mori, Ziyin, Liu, Ueda 2022 (arXiv 2105.09557)",
            Self::Measured => "Mori, Ziyin, Liu, Ueda 2022, noise strength measured",
            Self::Refined => "Mori, Ziyin, Liu, Ueda 2022, noise strength measured, normaliser exact",
        }
    }

    fn formula(&self) -> &'static str {
        match self {
            Self::Published => "κ = (√(h*|h^s|)/2π) Π_⊥√(h_i*/h_i^s) (L^s/L*)^{−(1/T + 1 − n/2)}, T = ηh*/B",
            Self::Measured => "log-landscape with T = ηsh*/B, s = C*/2L*h*",
            Self::Refined => "log-landscape-measured times T^{n/2} Γ(φ)/Γ(φ−n/2), φ = 1 + 1/T",
        }
    }

    fn regime(&self) -> &'static str {
        match self {
            Self::Published => "noise 2LH and T ≪ 1, outliers of like size; saddles",
            Self::Measured => "noise 2sLH and T ≪ 1, outliers of like size; saddles",
            Self::Refined => {
                "noise 2sLH, fewer outliers than n_c = 2φ, at saddles up to 3; saddles, intervals, loss levels"
            }
        }
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        if let Some(none) = Prediction::where_interpolating(self, geometry, barrier, sgd) {
            return none;
        }
        let batch = sgd.effective_batch_size(geometry.samples);
        let mut warnings = regime_checks(geometry, sgd, &Assumption::ALL);
        let exponent = if *self == Self::Published { Exit::published } else { Exit::decoupled };
        warnings.extend(exponent_checks(&exits(geometry, barrier, sgd), true, exponent));
        let (mut exponent, mut shifts) = (None, Vec::new());
        let ln_rate = match barrier {
            Barrier::Saddles { ways_out, .. } => with_transverse(ways_out, &mut warnings).map(|ways| {
                let rates: Vec<[f64; 3]> = ways.iter().map(|&way| self.over(way, geometry, batch, sgd)).collect();
                let n = geometry.outliers.count as f64;
                if *self == Self::Refined && n > REFINED_OUTLIERS {
                    warnings.push(Warning::RefinedDimension { value: n, limit: REFINED_OUTLIERS });
                }
                exponent = rates.iter().max_by(|a, b| a[0].total_cmp(&b[0])).map(|rate| rate[1]);
                ln_sum(rates.iter().map(|rate| rate[0]))
            }),
            _ if *self != Self::Refined => {
                Err("the published prefactor needs a saddle; log-landscape-refined covers this event".to_owned())
            }
            Barrier::Interval { path, lower, upper } => {
                boundary(path, [*lower, *upper], batch, sgd, |noise, ratio| noise * ratio).map(|b| {
                    shifts = b.shift.to_vec();
                    // T = η s h/B with s = C/(2L*h); density L^{−φ}/Z with Z in one dimension.
                    let phi = 1.0 + 2.0 * batch * b.loss_minimum / (sgd.learning_rate * b.noise);
                    exponent = Some(phi - 0.5);
                    ln_sum(b.ends.iter().map(|(loss, slope)| {
                        slope.ln() - phi * (loss / b.loss_minimum).ln()
                            + 0.5 * (b.curvature / (TAU * b.loss_minimum)).ln()
                            + ln_normaliser(phi, 1.0)
                    }))
                })
            }
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Level { loss } => {
                let h = geometry.outliers.h_star.value;
                let s = geometry.strength();
                let temperature = sgd.learning_rate * s * h / batch;
                let shift = overshoot(2.0 * s * loss * h, batch, sgd);
                shifts = vec![shift];
                let radius = (2.0 * (loss - geometry.loss) / h).sqrt() + shift;
                let ratio = 1.0 + 0.5 * h * radius * radius / geometry.loss;
                let n = geometry.outliers.count;
                exponent = Some(1.0 + 1.0 / temperature - 0.5 * n as f64);
                Ok(refined_level_ln_rate(n, h, ratio, temperature))
            }
        };
        let mut prediction = Prediction::from_rate(self, ln_rate, barrier, warnings, sgd).with_shift(shifts);
        prediction.exponent = exponent.filter(|e| e.is_finite() && prediction.ln_rate.is_some());
        prediction
    }
}
