//! Escape as a large deviation of the chain itself, with the whole distribution of per-sample slopes.

use super::{Prediction, Theory, ln_sum, regime_checks};
use crate::noise::cumulant::BatchCumulant;
use crate::reference::large_deviation::{Ends, ascend};
use crate::reference::{Cubic, ReferenceError};
use crate::{Barrier, Geometry, Path, SgdSettings};

/// `κ` of the chain over the barrier tops of a one-dimensional path, see [`crate::reference::large_deviation`], for batches
/// that are independent of each other: with replacement, or a fresh subset every step. Shuffled epochs are not covered.
#[derive(Debug, Clone, Copy)]
pub struct LargeDeviation;

/// `ln κ` summed over the tops that the path spans.
fn over_tops(path: &Path, cumulant: &BatchCumulant, sgd: &SgdSettings) -> Result<f64, ReferenceError> {
    let curvature = Cubic::new(&path.position, path.curvature.clone())?;
    let noise = Cubic::new(&path.position, path.noise.clone())?;
    let ends = |top: f64| Ends {
        curvature_minimum: curvature.value(path.minimum),
        curvature_top: curvature.value(top),
        noise_minimum: noise.value(path.minimum),
        noise_top: noise.value(top),
    };
    let climb = |rightward: bool| {
        ascend(&path.position, &path.sample_slopes, path.minimum, rightward, cumulant, sgd.learning_rate, &ends)
    };
    match (climb(false), climb(true)) {
        (Ok(left), Ok(right)) => Ok(ln_sum([left.ln_rate, right.ln_rate].into_iter())),
        // A side where every sample pushes back is closed to the chain.
        (Ok(open), Err(ReferenceError::OneSided { .. })) | (Err(ReferenceError::OneSided { .. }), Ok(open)) => {
            Ok(open.ln_rate)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

impl Theory for LargeDeviation {
    fn name(&self) -> &'static str {
        "large-deviation"
    }

    fn reference(&self) -> &'static str {
        "Freidlin, Wentzell; minibatch chain with WKB prefactor"
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        let ln_rate = match barrier {
            Barrier::Saddles { path: Some(path), .. } => {
                let samples = path.sample_slopes.first().map_or(0, Vec::len);
                BatchCumulant::new(samples, sgd)
                    .map_err(|e| e.to_string())
                    .and_then(|cumulant| over_tops(path, &cumulant, sgd).map_err(|e| e.to_string()))
            }
            Barrier::Saddles { path: None, .. } => Err("the quasi-potential needs a one-dimensional path".to_owned()),
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Interval { .. } | Barrier::Level { .. } => {
                Err("the prefactor is known over barrier tops only".to_owned())
            }
        };
        Prediction::from_rate(self, ln_rate, barrier, regime_checks(geometry, sgd), sgd)
    }
}
