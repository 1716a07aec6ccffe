//! What a study asks for: one file per table of the TOML file, with its fields, defaults and checks.

mod check;
mod curvature;
mod diagnostic;
mod dynamics;
mod escape;
mod expect;
pub mod grid;
mod load;
mod minimum;
mod output;
mod problem;
mod rare;
mod saddle;
mod sgd;
mod stationary;
mod study;
mod theories;
mod train;

pub use curvature::CurvatureTable;
pub use diagnostic::StudyError;
pub use dynamics::DynamicsTable;
pub use escape::{EscapeMethod, EscapeTable, RegionText};
pub use expect::Expectation;
pub use grid::Grid;
pub use load::{load, parse, parse_for_own_problem};
pub use minimum::{MinimumTable, Start};
pub use output::{FigureFormat, OutputTable, TrajectoriesTable};
pub use problem::{DataTable, ProblemTable};
pub use rare::{RareTable, ScoreName};
pub use saddle::SaddleTable;
pub(crate) use sgd::SETTING;
pub use sgd::SgdTable;
pub use stationary::StationaryTable;
pub use study::Study;
pub use theories::Theories;
pub use train::{OptimiserName, TrainTable};
