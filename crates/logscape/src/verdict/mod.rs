//! Predictions against measurements: how far each theory is off, which of them hold, and which one to trust.
//!
//! Among nine theories whose predictions spread over decades one is often near by chance. So a theory that holds is trusted only
//! where every check passes that it rests on, the minimum is stable, and it does not fail at a neighbouring setting that its
//! checks allow ([`compare`]).
//!
//! Everything is in decades, `log10` of mean steps to the region's event. A prediction has no statistical error, so that the
//! error `predicted − measured` has the interval of the measurement, the same for every theory but for a shift. Where nothing
//! escaped, the measurement is a lower bound and every error is bounded from above alone.

mod across;
mod errors;
#[cfg(test)]
mod tests;

pub use across::{Standing, StudyVerdict, compare};
pub use errors::{ErrorDecades, Measured, RESOLUTION, Refutation, TOLERANCE};

use crate::theory::{Prediction, Warning};
use std::fmt;

/// One theory against the measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Its name.
    pub theory: String,
    /// Its error; none where it makes no prediction here, nothing was measured, or escape is impossible.
    pub error: Option<ErrorDecades>,
    /// Whether it holds; none where that cannot be told. See [`ErrorDecades::holds`]. A time predicted for an impossible escape
    /// does not hold.
    pub holds: Option<bool>,
    /// The assumptions that it rests on and that fail.
    pub failed_checks: Vec<Warning>,
    /// Neighbouring settings that its checks allow and where it fails.
    pub refuted_at: Vec<Refutation>,
    /// Why it makes no prediction.
    pub not_applicable: Option<String>,
}

impl Assessment {
    fn new(prediction: &Prediction, measured: Measured) -> Self {
        let predicted = prediction.log10_mean_steps;
        let error = predicted.and_then(|predicted| ErrorDecades::new(predicted, measured));
        let (mut failed_checks, mut not_applicable) = (Vec::new(), None);
        for warning in &prediction.warnings {
            match warning {
                Warning::NotApplicable { reason } => not_applicable = Some(reason.clone()),
                check => failed_checks.push(check.clone()),
            }
        }
        let holds = match measured {
            Measured::Never => predicted.map(|_| false),
            _ => error.and_then(|error| error.holds()),
        };
        let theory = prediction.theory.clone();
        Self { theory, error, holds, failed_checks, refuted_at: Vec::new(), not_applicable }
    }

    /// Size of the error; none without one.
    fn distance(&self) -> Option<f64> {
        Some(self.error?.value()?.abs())
    }

    /// Whether its checks allow it, no neighbour refutes it, and the error itself, not its interval alone, is within a factor of
    /// two.
    fn is_allowed(&self) -> bool {
        self.failed_checks.is_empty()
            && self.refuted_at.is_empty()
            && self.distance().is_some_and(|off| off <= TOLERANCE)
    }

    /// What speaks against trusting it where it holds, in words.
    pub fn vetoes(&self) -> Vec<String> {
        let edge = self.distance().filter(|&off| off > TOLERANCE);
        let edge = edge.map(|_| "only the interval of its error is within a factor of two".to_owned());
        let checks = self.failed_checks.iter().map(ToString::to_string);
        edge.into_iter().chain(checks).chain(self.refuted_at.iter().map(ToString::to_string)).collect()
    }
}

/// The predictions of one setting against its measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The theories in the order of [`ErrorDecades::rank`]; equals have that of the predictions.
    pub theories: Vec<Assessment>,
    /// Whether the event cannot happen.
    pub impossible: bool,
}

impl Verdict {
    /// Judges predictions by a measurement.
    pub fn new(predictions: &[Prediction], measured: Measured) -> Self {
        let mut theories: Vec<_> = predictions.iter().map(|p| Assessment::new(p, measured)).collect();
        theories.sort_by(|a, b| {
            ErrorDecades::rank(a.error).partial_cmp(&ErrorDecades::rank(b.error)).unwrap_or(std::cmp::Ordering::Equal)
        });
        Self { theories, impossible: measured == Measured::Never }
    }

    /// The theories that hold, nearest first.
    pub fn agrees(&self) -> impl Iterator<Item = &Assessment> {
        self.theories.iter().filter(|theory| theory.holds == Some(true))
    }

    /// The theory to trust: the nearest of those that hold with an error within a factor of two, pass every check that they rest on, and are refuted at no
    /// neighbouring setting. None where there is none.
    pub fn trusted(&self) -> Option<&Assessment> {
        self.agrees().find(|theory| theory.is_allowed())
    }

    /// The others that could be trusted and that the measurement does not tell apart from the trusted one, nearest first: the
    /// intervals of the sizes of their errors overlap.
    pub fn indistinguishable(&self) -> impl Iterator<Item = &Assessment> {
        let trusted = self.trusted();
        let allowed = self.agrees().filter(|theory| theory.is_allowed()).skip(1);
        allowed.filter(move |theory| trusted.is_some_and(|trusted| !distinguishable(trusted, theory)))
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
        if self.impossible {
            return self.write_impossible(f);
        }
        match (self.trusted(), self.agrees().next(), self.nearest()) {
            (Some(trusted), ..) => self.write_trusted(f, trusted),
            (None, Some(agreeing), _) => {
                write!(f, "no theory is trusted; {} agrees, off by {}, but {}", agreeing.theory, told(agreeing), {
                    agreeing.vetoes().join("; ")
                })?;
                write_names(f, "agree as well, not trusted", self.agrees().skip(1))
            }
            (None, None, Some(nearest)) => {
                if nearest.holds.is_none() {
                    write!(f, "no theory is seen to hold, as the measurement is not known within a factor of four")?;
                } else {
                    write!(f, "no theory holds")?;
                }
                write!(f, "; the nearest, {}, is off by {}", nearest.theory, told(nearest))
            }
            (None, None, None) => self.write_bounds(f),
        }
    }
}

impl Verdict {
    /// The theory to trust, and those beside it.
    fn write_trusted(&self, f: &mut fmt::Formatter<'_>, trusted: &Assessment) -> fmt::Result {
        write!(f, "trust {}, off by {}", trusted.theory, told(trusted))?;
        write_names(f, "the measurement does not tell it apart from", self.indistinguishable())?;
        let further = |theory: &&Assessment| theory.is_allowed() && distinguishable(trusted, theory);
        write_names(f, "hold as well, further off", self.agrees().filter(further))?;
        write_names(f, "agree, not trusted", self.agrees().filter(|theory| !theory.is_allowed()))
    }

    /// Which theories are wrong because they predict a time.
    fn write_impossible(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "escape is impossible")?;
        write_names(f, "wrong to predict a time", self.theories.iter().filter(|theory| theory.holds == Some(false)))
    }

    /// What a lower bound of the mean says, where there is one.
    fn write_bounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounded = self.theories.iter().filter(|theory| theory.error.is_some());
        let (refuted, open): (Vec<&Assessment>, Vec<_>) = bounded.partition(|theory| theory.holds == Some(false));
        if refuted.is_empty() && open.is_empty() {
            return write!(f, "no theory can be judged: none makes a prediction, or nothing was measured");
        }
        write!(f, "the measurement is a lower bound only, so that no theory is seen to hold")?;
        write_names(f, "predicted times are too short", refuted.into_iter())?;
        write_names(f, "not excluded", open.into_iter())
    }
}

/// The names of these theories after some words; nothing without them.
fn write_names<'a>(
    f: &mut fmt::Formatter<'_>,
    words: &str,
    theories: impl Iterator<Item = &'a Assessment>,
) -> fmt::Result {
    let names: Vec<&str> = theories.map(|theory| theory.theory.as_str()).collect();
    if names.is_empty() { Ok(()) } else { write!(f, "; {words}: {}", names.join(", ")) }
}

/// An error with its unit.
fn told(theory: &Assessment) -> String {
    theory.error.map_or_else(String::new, |error| format!("{error} decades"))
}
