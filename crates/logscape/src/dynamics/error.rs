//! Why a dynamics cannot be built.

use thiserror::Error;

use crate::Interrupted;
use crate::engine::SgdError;
use crate::engine::sde::SdeError;
use crate::operator::dense::EigenError;

/// Parameters up to which noise matrices are formed; their decomposition costs `O(P³)`.
pub const MATRIX_LIMIT: usize = 2000;

/// Why a dynamics cannot be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BuildError {
    /// The chain cannot have these settings.
    #[error(transparent)]
    Sgd(#[from] SgdError),
    /// The equation cannot have these settings.
    #[error(transparent)]
    Sde(#[from] SdeError),
    /// An option without a default is not given.
    #[error("it needs the option `{0}`")]
    Missing(&'static str),
    /// The equation has no meaning where the fit interpolates.
    #[error("the fit interpolates, {0}")]
    Interpolating(&'static str),
    /// The scheme is for other equations.
    #[error("its schemes are {0}")]
    Scheme(&'static str),
    /// There is no code in single precision for the landscape of this problem.
    #[error("an SDE in float32 is for problems that are evaluated in lanes; this one runs in float64")]
    SdePrecision,
    /// A noise matrix would be too large.
    #[error(
        "it needs the noise covariance as a matrix, for at most {MATRIX_LIMIT} parameters; the problem has {0}, for which `measured-noise-sde` needs none"
    )]
    TooManyParameters(usize),
    /// A matrix could not be decomposed.
    #[error(transparent)]
    Eigen(EigenError),
    /// The work was stopped on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<EigenError> for BuildError {
    fn from(error: EigenError) -> Self {
        match error {
            EigenError::Interrupted(stop) => Self::Interrupted(stop),
            error => Self::Eigen(error),
        }
    }
}
