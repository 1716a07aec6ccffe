//! Why a run has no record.

use crate::record::RecordError;
use logscape::Interrupted;
use logscape::data::DataError;
use logscape::ensemble::EnsembleError;
use logscape::geometry::GeometryError;
use logscape::interpolation::InterpolationError;
use logscape::landscape::{BarrierError, MinimumError, SaddleError};
use logscape::problem::{BuildProblemError, ProblemError, ProblemFailure};
use logscape::rare::RareError;
use logscape::stats::HistogramError;
use logscape::training::TrainingError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a run ended without a record.
#[derive(Debug, Error)]
pub enum RunError {
    /// A value of the study does not fit the data or the problem.
    #[error("{field}: {message}")]
    Input {
        /// Dotted name of the field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The data cannot be used.
    #[error("problem.data: {0}\n  hint: {hint}", hint = .0.hint())]
    Data(DataError),
    /// The data make no such problem.
    #[error("problem: {0}\n  hint: check the data and the numbers in [problem] against each other")]
    Problem(#[from] ProblemError),
    /// The problem failed at its work.
    #[error("{0}\n  hint: mend what the problem calls, then continue with --resume where a stage was finished")]
    Failed(ProblemFailure),
    /// There is no minimum to measure.
    #[error("minimum: {0}\n  hint: use another start")]
    Minimum(#[from] MinimumError),
    /// There is no training.
    #[error("minimum.train: {0}\n  hint: {hint}", hint = .0.hint())]
    Training(#[from] TrainingError),
    /// The search ended at no minimum, which the study does not accept.
    #[error(
        "minimum: {0}\n  hint: start elsewhere (minimum.start, seed), train first ([minimum.train]), or change minimum.max_iterations or \
         minimum.tolerance; with accept = true in [minimum] everything is measured there all the same"
    )]
    NoMinimum(String),
    /// The geometry cannot be measured.
    #[error("geometry: {0}\n  hint: use more data with some label noise, or another minimum")]
    Geometry(GeometryError),
    /// There is no way out where the study asks for one.
    #[error(
        "escape.region: {0}\n  hint: name another region, such as {{ loss-factor = 2.0 }}, or another minimum.start"
    )]
    Barrier(#[from] BarrierError),
    /// Ways out cannot be looked for.
    #[error("saddle: {0}\n  hint: lower minimum.tolerance, or change [saddle] or minimum.start")]
    Saddle(SaddleError),
    /// The simulation cannot start.
    #[error("escape: {0}\n  hint: change [escape] or [sgd] to suit the problem")]
    Ensemble(#[from] EnsembleError),
    /// The stability of a minimum that interpolates cannot be measured.
    #[error("interpolation: {0}\n  hint: change [sgd] to suit the problem, or take another minimum")]
    Interpolation(InterpolationError),
    /// Splitting cannot start.
    #[error("escape.rare: {0}\n  hint: change [escape.rare], or use method = \"direct\"")]
    Rare(#[from] RareError),
    /// A dynamics cannot be built for this problem, setting or options.
    #[error(
        "dynamics {name}: {reason}\n  hint: change its options, or leave it out; `logscape dynamics` lists all with theirs"
    )]
    Dynamics {
        /// Its name in the study.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The stationary ensemble cannot be run.
    #[error("stationary: {0}\n  hint: change [stationary] or [sgd] to suit the problem")]
    Stationary(#[from] StationaryError),
    /// A value of the study was refused after stages were finished.
    #[error("{error}\n  note: finished stages are kept in {}, and taken up when the corrected study is run there", kept.display())]
    Refused {
        /// What is wrong.
        error: Box<RunError>,
        /// Where finished stages are kept.
        kept: PathBuf,
    },
    /// The user ended the run.
    #[error("interrupted; {}", .kept.as_ref().map_or_else(
        || "no stage was finished, so nothing was kept".to_owned(),
        |folder| format!("what was done is kept in {}\n  hint: continue with the same command and --resume", folder.display()),
    ))]
    Interrupted {
        /// Where what was done is kept.
        kept: Option<PathBuf>,
    },
}

impl From<Interrupted> for RunError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted { kept: None }
    }
}

impl From<DataError> for RunError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Interrupted(stop) => stop.into(),
            error => Self::Data(error),
        }
    }
}

impl From<SaddleError> for RunError {
    fn from(error: SaddleError) -> Self {
        match error {
            SaddleError::Interrupted(stop) => stop.into(),
            error => Self::Saddle(error),
        }
    }
}

impl From<GeometryError> for RunError {
    fn from(error: GeometryError) -> Self {
        match error {
            GeometryError::Interrupted(stop) => stop.into(),
            error => Self::Geometry(error),
        }
    }
}

impl From<InterpolationError> for RunError {
    fn from(error: InterpolationError) -> Self {
        match error {
            InterpolationError::Interrupted(stop) => stop.into(),
            error => Self::Interpolation(error),
        }
    }
}

impl From<BuildProblemError> for RunError {
    fn from(error: BuildProblemError) -> Self {
        match error {
            BuildProblemError::Problem(error) => Self::Problem(error),
            BuildProblemError::Data { message, hint } => {
                Self::input("problem.data", format!("{message}\n  hint: {hint}"))
            }
            BuildProblemError::Option(error) => {
                let hint = error.hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
                Self::input("problem", format!("{error}{hint}"))
            }
        }
    }
}

impl RunError {
    pub(crate) fn input(field: &'static str, message: String) -> Self {
        Self::Input { field, message }
    }

    /// Dotted name of the field or table of the study that it is about, where there is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Input { field, .. } => Some(field),
            Self::Data(_) => Some("problem.data"),
            Self::Problem(_) => Some("problem"),
            Self::Minimum(_) | Self::NoMinimum(_) => Some("minimum"),
            Self::Training(_) => Some("minimum.train"),
            Self::Barrier(_) => Some("escape.region"),
            Self::Saddle(_) => Some("saddle"),
            Self::Ensemble(_) => Some("escape"),
            Self::Interpolation(_) => Some("sgd"),
            Self::Rare(_) => Some("escape.rare"),
            Self::Dynamics { .. } => Some("dynamics"),
            Self::Stationary(_) => Some("stationary"),
            Self::Refused { error, .. } => error.field(),
            Self::Failed(_) | Self::Geometry(_) | Self::Record(_) | Self::Interrupted { .. } => None,
        }
    }

    /// Whether other input would mend it.
    pub fn is_bad_input(&self) -> bool {
        let own = |error: &Self| {
            matches!(error, Self::Interrupted { .. } | Self::Failed(_) | Self::Geometry(_) | Self::NoMinimum(_))
        };
        !own(self) && !matches!(self, Self::Record(RecordError::Write { .. }))
    }

    /// Whether another study would mend it.
    pub fn is_bad_study(&self) -> bool {
        self.is_bad_input() && !matches!(self, Self::Record(_))
    }
}

/// Why there is no stationary ensemble.
#[derive(Debug, Error)]
pub enum StationaryError {
    /// The ensemble cannot start.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// The minimum's loss or curvature gives no range for a histogram.
    #[error("no range for a histogram: {0}")]
    Histogram(#[from] HistogramError),
}
