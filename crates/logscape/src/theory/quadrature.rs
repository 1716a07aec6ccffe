//! Exact first-passage integrals of the SDE, with the noise frozen, decoupled or measured.

use super::exponent::{Exit, exits, exponent_checks};
use super::{Assumption, Prediction, Theory, ln_arrivals, overshoot, regime_checks};
use crate::model::NoiseModel;
use crate::reference::first_passage::{ln_mean_exit_time, ln_mean_radial_exit_time};
use crate::reference::{Cubic, ReferenceError};
use crate::{Barrier, Geometry, Path, SgdSettings};

/// Mean first-passage time of `dθ = −L' dt + √(2D) dW`, `D = ηC/2B`: exact for the SDE, no rate formula.
#[derive(Debug, Clone, Copy)]
pub struct Quadrature(pub NoiseModel);

/// `ln` of a time, and by how much its boundaries were moved.
type Timed = (f64, Vec<f64>);

impl Quadrature {
    /// `ln` of the mean time along a path, to the barrier tops or to the given ends moved out by the overshoot, and by how much.
    fn along(
        self,
        path: &Path,
        ends: Option<[f64; 2]>,
        batch: f64,
        sgd: &SgdSettings,
    ) -> Result<Timed, ReferenceError> {
        let noise = Cubic::new(&path.position, path.noise.clone())?;
        let loss = Cubic::new(&path.position, path.loss.clone())?;
        let (noise_minimum, loss_minimum) = (noise.value(path.minimum), loss.value(path.minimum));
        let at = |i: usize| match self.0 {
            NoiseModel::Frozen => noise_minimum,
            NoiseModel::Decoupled => noise_minimum * path.loss[i] / loss_minimum,
            NoiseModel::Measured => path.noise[i],
        };
        let model: Vec<f64> = (0..path.position.len()).map(at).collect();
        let drift: Vec<f64> = path.gradient.iter().map(|g| -g).collect();
        let (l, r, shifts) = if let Some([lower, upper]) = ends {
            let (first, last) = loss.range();
            let c = Cubic::new(&path.position, model.clone())?;
            let shift = |x: f64| overshoot(c.value(x), batch, sgd);
            let (l, r) = ((lower - shift(lower)).clamp(first, last), (upper + shift(upper)).clamp(first, last));
            (l, r, vec![lower - l, r - upper])
        } else {
            let slope = Cubic::new(&path.position, path.gradient.clone())?;
            (slope.top_beyond(path.minimum, false), slope.top_beyond(path.minimum, true), Vec::new())
        };
        let diffusion: Vec<f64> = model.iter().map(|c| sgd.learning_rate * c / (2.0 * batch)).collect();
        Ok((ln_mean_exit_time(&path.position, &drift, &diffusion, [l, path.minimum, r])?, shifts))
    }

    /// `ln` of the mean time to a loss level of the isotropic basin, and by how much its radius was moved out.
    fn to_level(self, level: f64, geometry: &Geometry, batch: f64, sgd: &SgdSettings) -> Result<Timed, String> {
        let (h, rest, s) = (geometry.outliers.h_star.value, geometry.loss, geometry.strength());
        let noise = move |loss: f64| 2.0 * s * h * loss;
        let model: &dyn Fn(f64) -> f64 = match self.0 {
            NoiseModel::Frozen => &|_| noise(rest),
            NoiseModel::Decoupled => &|r| noise(rest + 0.5 * h * r * r),
            NoiseModel::Measured => {
                return Err("the noise is measured at the minimum only, not over the level".to_owned());
            }
        };
        let radius = (2.0 * (level - rest) / h).sqrt();
        let shift = overshoot(model(radius), batch, sgd);
        let radius = radius + shift;
        let diffusion = |r: f64| sgd.learning_rate * model(r) / (2.0 * batch);
        let time = ln_mean_radial_exit_time(geometry.outliers.count, h, radius, &diffusion);
        Ok((time.map_err(|e| e.to_string())?, vec![shift]))
    }
}

impl Theory for Quadrature {
    fn name(&self) -> &'static str {
        match self.0 {
            NoiseModel::Frozen => "quadrature-frozen",
            NoiseModel::Decoupled => "quadrature-decoupled",
            NoiseModel::Measured => "quadrature-measured",
        }
    }

    fn reference(&self) -> &'static str {
        "Gardiner, Stochastic Methods, section 5.5"
    }

    fn formula(&self) -> &'static str {
        match self.0 {
            NoiseModel::Frozen => "mean first passage of dθ = −∇L dt + √(ηC*/B) dW",
            NoiseModel::Decoupled => "mean first passage of dθ = −∇L dt + √(ηC*L/(L*B)) dW",
            NoiseModel::Measured => "mean first passage of dθ = −∇L dt + √(ηC(θ)/B) dW",
        }
    }

    fn regime(&self) -> &'static str {
        match self.0 {
            NoiseModel::Frozen | NoiseModel::Decoupled => {
                "small steps, ηλ_max ≪ 1, none of one sample large; one dimension, loss levels"
            }
            NoiseModel::Measured => "small steps, ηλ_max ≪ 1, none of one sample large; one dimension",
        }
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        if let Some(none) = Prediction::where_interpolating(self, geometry, barrier, sgd) {
            return none;
        }
        let batch = sgd.effective_batch_size(geometry.samples);
        let ln_time = match barrier {
            Barrier::Saddles { path: Some(path), .. } => self.along(path, None, batch, sgd).map_err(|e| e.to_string()),
            Barrier::Saddles { path: None, .. } => Err("the integral needs a one-dimensional path".to_owned()),
            Barrier::Interval { path, lower, upper } => {
                self.along(path, Some([*lower, *upper]), batch, sgd).map_err(|e| e.to_string())
            }
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Level { loss } => self.to_level(*loss, geometry, batch, sgd),
        };
        // Committed escapes: at a barrier top half of the arrivals.
        let (ln_rate, shifts) = match ln_time {
            Ok((time, shifts)) => (Ok(-time - ln_arrivals(barrier)), shifts),
            Err(reason) => (Err(reason), Vec::new()),
        };
        let steps = [Assumption::SmallSteps, Assumption::SmallSamples];
        let radial = [Assumption::EqualOutliers, Assumption::ProportionalNoise];
        let (assumed, exponent): (&[Assumption], fn(&Exit) -> f64) = match self.0 {
            NoiseModel::Frozen => (&radial, Exit::frozen),
            NoiseModel::Decoupled => (&[radial[0], radial[1], Assumption::NoiseAsLoss], Exit::decoupled),
            NoiseModel::Measured => (&[], Exit::measured),
        };
        let mut warnings = regime_checks(geometry, sgd, &[&steps, assumed].concat());
        warnings.extend(exponent_checks(&exits(geometry, barrier, sgd), false, exponent));
        Prediction::from_rate(self, ln_rate, barrier, warnings, sgd).with_shift(shifts)
    }
}
