//! Studies: a TOML file says what to train, measure and simulate; [`load()`] reads and checks it, [`run()`] runs it, and a
//! [`RunFolder`](record::RunFolder) keeps what came out. [`run_with`] does the same on a problem of the caller's own.

pub mod asked;
mod destination;
mod error;
pub mod events;
mod examine;
pub mod expect;
mod extend;
pub mod figures;
mod matrices;
mod names;
mod predict;
pub mod record;
pub mod report;
mod run;
mod stages;
mod store;
pub mod summary;
pub mod template;
pub mod text;
mod unfinished;
mod warning;

pub use asked::{Study, StudyError, load, load_for_own_problem, parse, parse_for_own_problem};
pub use destination::Destination;
pub use error::{RunError, StationaryError};
pub use events::{Event, Events};
pub use examine::{Examination, examine};
pub use matrices::ProductCost;
pub use predict::{PredictedSetting, predict_with};
pub use record::{Record, Results};
pub use run::{run, run_with};
pub use stages::{TrainingCost, problem_of};
pub use store::Memo;
pub use unfinished::Missing;
pub use warning::{RowNumber, Warning};

/// The program in the book compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../book/src/own-model.md")]
struct OwnModel;
