//! What was measured, and how far a prediction is from it.

use crate::Estimate;
use crate::stats::RateEstimate;
use std::f64::consts::LOG10_2;
use std::fmt;

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
    /// The event cannot happen.
    Never,
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
    pub(super) fn new(predicted: f64, measured: Measured) -> Option<Self> {
        match measured {
            Measured::Mean(m) => {
                let [low, high] = m.ci95;
                Some(Self::Known(Estimate::new(predicted - m.value, predicted - high, predicted - low)))
            }
            Measured::AtLeast(bound) => Some(Self::AtMost(predicted - bound)),
            Measured::Never | Measured::Unknown => None,
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
    pub(super) fn size(&self) -> Option<[f64; 2]> {
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

/// A setting where a theory fails although its checks allow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refutation {
    /// Learning rate there.
    pub learning_rate: f64,
    /// Batch size there.
    pub batch_size: usize,
    /// The theory's error there; none where escape is impossible there.
    pub error: Option<ErrorDecades>,
}

impl fmt::Display for Refutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let off =
            self.error.map_or_else(|| "escape is impossible".to_owned(), |error| format!("off by {error} decades"));
        write!(f, "it fails at the neighbouring setting eta = {}, B = {}: {off}", self.learning_rate, self.batch_size)
    }
}
