//! Predictions against one measurement: how far each theory is off, which of them hold, and which one to trust.
//!
//! Everything is in decades, `log10` of mean steps to the region's event. A prediction has no statistical error, so that the
//! error `predicted − measured` has the interval of the measurement, the same for every theory but for a shift. Where nothing
//! escaped, the measurement is a lower bound and every error is bounded from above alone.

use crate::Estimate;
use crate::stats::RateEstimate;
use crate::theory::{Prediction, Warning};
use std::f64::consts::LOG10_2;
use std::fmt;

#[cfg(test)]
mod tests;

/// Largest error with which a theory still holds: a factor of two in the mean time, either way.
///
/// A theory is wrong about the mechanism when its exponent is, which costs decades. A factor of two is what the meaning of the
/// event and a leading-order prefactor can cost: half of the arrivals at a barrier top fall back, and prefactors carry
/// corrections of the order of the temperature.
pub const TOLERANCE: f64 = LOG10_2;

/// Widest interval of a measurement, in decades, that can show that a theory holds: no wider than the band `±`[`TOLERANCE`]
/// itself. Ten escapes are enough. A wider one meets the band wherever it lies near it, which shows nothing.
pub const RESOLUTION: f64 = 2.0 * TOLERANCE;

/// `log10` of the mean steps that SGD took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measured {
    /// With its 95 % interval.
    Mean(Estimate),
    /// Nothing escaped: a one-sided 95 % lower bound.
    AtLeast(f64),
    /// Nothing was seen at all.
    Unknown,
}

impl Measured {
    /// From the mean steps, or their lower bound where nothing escaped; numbers that are not positive and finite are unknown.
    pub fn new(mean_steps: Option<Estimate>, lower_bound: f64) -> Self {
        let usable = |x: f64| x.is_finite() && x > 0.0;
        match mean_steps {
            Some(mean) if usable(mean.value) && mean.ci95.into_iter().all(usable) => {
                Self::Mean(Estimate { value: mean.value.log10(), ci95: mean.ci95.map(f64::log10) })
            }
            None if usable(lower_bound) => Self::AtLeast(lower_bound.log10()),
            _ => Self::Unknown,
        }
    }
}

impl From<&RateEstimate> for Measured {
    fn from(rate: &RateEstimate) -> Self {
        Self::new(rate.mean_steps, rate.mean_steps_lower_bound)
    }
}

/// `log10(predicted/measured)` of the mean steps: +1 is a time ten times too long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErrorDecades {
    /// With the 95 % interval of the measurement.
    Known(Estimate),
    /// Nothing escaped: a one-sided 95 % upper bound. The theory may be right or too short, but not longer than this.
    AtMost(f64),
}

impl ErrorDecades {
    fn new(predicted: f64, measured: Measured) -> Option<Self> {
        match measured {
            Measured::Mean(m) => {
                let [low, high] = m.ci95;
                Some(Self::Known(Estimate::new(predicted - m.value, predicted - high, predicted - low)))
            }
            Measured::AtLeast(bound) => Some(Self::AtMost(predicted - bound)),
            Measured::Unknown => None,
        }
    }

    /// The error itself; none where it is bounded from one side.
    pub fn value(&self) -> Option<f64> {
        if let Self::Known(error) = self { Some(error.value) } else { None }
    }

    /// Lower end of its interval; none where there is none.
    pub fn at_least(&self) -> Option<f64> {
        if let Self::Known(error) = self { Some(error.ci95[0]) } else { None }
    }

    /// Upper end of its interval.
    pub fn at_most(&self) -> f64 {
        match self {
            Self::Known(error) => error.ci95[1],
            Self::AtMost(bound) => *bound,
        }
    }

    /// The error of this value and interval, with its lower end if there is one; none without an upper end.
    pub fn from_parts(value: Option<f64>, at_least: Option<f64>, at_most: Option<f64>) -> Option<Self> {
        Some(match (value, at_least, at_most?) {
            (Some(value), Some(low), high) => Self::Known(Estimate::new(value, low, high)),
            (_, _, high) => Self::AtMost(high),
        })
    }

    /// What errors are sorted by: those that are known come first, from the smallest on, then those bounded from above, from the
    /// largest bound down since the others are further off, then theories without an error.
    pub fn rank(error: Option<Self>) -> (u8, f64) {
        match error {
            Some(Self::Known(error)) => (0, error.value.abs()),
            Some(Self::AtMost(bound)) => (1, -bound),
            None => (2, 0.0),
        }
    }

    /// Interval of the size of the error; none where it is bounded from one side.
    fn size(&self) -> Option<[f64; 2]> {
        let (low, high) = (self.at_least()?, self.at_most());
        Some([low.max(-high).max(0.0), low.abs().max(high.abs())])
    }

    /// Whether the theory holds: true where the interval meets `±`[`TOLERANCE`] and is no wider than [`RESOLUTION`], false
    /// where it misses the band, none where it meets the band and is wider, or has one end, so that the measurement cannot tell.
    pub fn holds(&self) -> Option<bool> {
        let low = self.at_least().unwrap_or(f64::NEG_INFINITY);
        if self.at_most() < -TOLERANCE || low > TOLERANCE {
            Some(false)
        } else {
            (self.at_most() - low <= RESOLUTION).then_some(true)
        }
    }
}

impl fmt::Display for ErrorDecades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(error) => {
                let [low, high] = error.ci95;
                write!(f, "{} [{}, {}]", decades(error.value), decades(low), decades(high))
            }
            Self::AtMost(bound) => write!(f, "at most {}", decades(*bound)),
        }
    }
}

/// `+0.31`, and `+22.1` from ten on.
fn decades(x: f64) -> String {
    if x.abs() < 9.995 { format!("{x:+.2}") } else { format!("{x:+.1}") }
}

/// One theory against the measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Its name.
    pub theory: String,
    /// Its error; none where it makes no prediction here, or nothing was measured.
    pub error: Option<ErrorDecades>,
    /// Whether it holds; none where that cannot be told. See [`ErrorDecades::holds`].
    pub holds: Option<bool>,
    /// The assumptions that fail.
    pub failed_checks: Vec<Warning>,
    /// Why it makes no prediction.
    pub not_applicable: Option<String>,
}

impl Assessment {
    fn new(prediction: &Prediction, measured: Measured) -> Self {
        let error = prediction.log10_mean_steps.and_then(|predicted| ErrorDecades::new(predicted, measured));
        let (mut failed_checks, mut not_applicable) = (Vec::new(), None);
        for warning in &prediction.warnings {
            match warning {
                Warning::NotApplicable { reason } => not_applicable = Some(reason.clone()),
                check => failed_checks.push(check.clone()),
            }
        }
        let holds = error.and_then(|error| error.holds());
        Self { theory: prediction.theory.clone(), error, holds, failed_checks, not_applicable }
    }

    /// Size of the error; none without one.
    fn distance(&self) -> Option<f64> {
        Some(self.error?.value()?.abs())
    }
}

/// The predictions of one setting against its measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The theories in the order of [`ErrorDecades::rank`]; equals have that of the predictions.
    pub theories: Vec<Assessment>,
    /// The theory to trust; none where none is seen to hold. Of the nearest one that holds and those that hold and are not
    /// distinguishable from it, it is the one with the fewest failed checks, and of these the nearest.
    pub trust: Option<String>,
    /// Theories that hold as well and that the measurement does not tell apart from the nearest that holds, by size of the
    /// error; without the trusted one.
    pub indistinguishable: Vec<String>,
}

impl Verdict {
    /// Judges predictions by a measurement. Two theories are not distinguishable where the intervals of the sizes of their
    /// errors overlap.
    pub fn new(predictions: &[Prediction], measured: Measured) -> Self {
        let mut theories: Vec<_> = predictions.iter().map(|p| Assessment::new(p, measured)).collect();
        theories.sort_by(|a, b| {
            ErrorDecades::rank(a.error).partial_cmp(&ErrorDecades::rank(b.error)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let holding: Vec<&Assessment> = theories.iter().filter(|theory| theory.holds == Some(true)).collect();
        let equals: Vec<&Assessment> =
            holding.iter().filter(|theory| !distinguishable(holding[0], theory)).copied().collect();
        // The first of equals is the nearest, and `min_by_key` keeps the first.
        let trust = equals.iter().min_by_key(|theory| theory.failed_checks.len()).map(|theory| theory.theory.clone());
        let others = equals.iter().map(|theory| theory.theory.clone());
        let indistinguishable = others.filter(|name| Some(name) != trust.as_ref()).collect();
        Self { theories, trust, indistinguishable }
    }

    /// The theory with the smallest error; none where no error is known.
    pub fn nearest(&self) -> Option<&Assessment> {
        self.theories.first().filter(|theory| theory.distance().is_some())
    }
}

/// Whether the measurement tells which of two theories is nearer: the intervals of the sizes of their errors do not overlap.
fn distinguishable(a: &Assessment, b: &Assessment) -> bool {
    let (Some(a), Some(b)) = (a.error.and_then(|e| e.size()), b.error.and_then(|e| e.size())) else { return false };
    a[1] < b[0] || b[1] < a[0]
}

impl fmt::Display for Verdict {
    /// One sentence without its stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.trust, self.nearest()) {
            (Some(trust), _) => self.write_trust(f, trust),
            (None, Some(nearest)) => {
                if nearest.holds.is_none() {
                    write!(f, "no theory is seen to hold, as the measurement is not known within a factor of four")?;
                } else {
                    write!(f, "no theory holds")?;
                }
                write!(f, "; the nearest, {}, is off by {}", nearest.theory, told(nearest))
            }
            (None, None) => self.write_bounds(f),
        }
    }
}

impl Verdict {
    /// The theory to trust, and those beside it.
    fn write_trust(&self, f: &mut fmt::Formatter<'_>, trust: &str) -> fmt::Result {
        let (mut equals, mut further) = (Vec::new(), 0);
        for theory in self.theories.iter().filter(|theory| theory.holds == Some(true)) {
            if theory.theory == trust {
                write!(f, "trust {trust}, off by {}", told(theory))?;
            } else if self.indistinguishable.contains(&theory.theory) {
                equals.push(theory.theory.as_str());
            } else {
                further += 1;
            }
        }
        if !equals.is_empty() {
            write!(f, "; the measurement does not tell it apart from {}", equals.join(", "))?;
        }
        if further > 0 {
            write!(f, "; {further} more within a factor of two, further off")?;
        }
        Ok(())
    }

    /// What a lower bound of the mean says, where there is one.
    fn write_bounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounded = self.theories.iter().filter(|theory| theory.error.is_some());
        let (refuted, open): (Vec<&Assessment>, Vec<_>) = bounded.partition(|theory| theory.holds == Some(false));
        if refuted.is_empty() && open.is_empty() {
            return write!(f, "no theory can be judged: none makes a prediction, or nothing was measured");
        }
        write!(f, "the measurement is a lower bound only, so that no theory is seen to hold")?;
        for (words, theories) in [("predicted times are too short", refuted), ("not excluded", open)] {
            let names: Vec<&str> = theories.iter().map(|theory| theory.theory.as_str()).collect();
            if !names.is_empty() {
                write!(f, "; {words}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

/// An error with its unit.
fn told(theory: &Assessment) -> String {
    theory.error.map_or_else(String::new, |error| format!("{error} decades"))
}
