//! The nouns that everything else speaks of, as plain data.

mod barrier;
mod direction;
mod estimate;
mod geometry;
mod hold;
pub mod memory;
mod minimum;
mod noise;
pub mod panics;
mod prefactor;
mod sgd;
mod stop;
mod structure;
pub(crate) mod unbounded;
mod weights;

pub use barrier::{Barrier, Instanton, Path, WayOut};
pub use direction::DirectionNoise;
pub use estimate::Estimate;
pub use geometry::{Decoupling, FisherDecoupling, Geometry, HessianMoments, Outliers};
pub use minimum::Minimum;
pub use noise::NoiseModel;
pub use prefactor::Prefactor;
pub use sgd::{Precision, Sampling, SgdSettings};
pub(crate) use stop::Pieces;
pub use stop::{Interrupted, Stop, WorkTime};
pub use structure::{BoxSharpness, ClassDirection, ClassParts, ClassStructure, EffectiveParameters, NoiseSubspace};
pub use weights::{Tensor, Weights, WeightsError, from_safetensors, to_safetensors};
