//! Studies: a TOML file says what to train, measure and simulate; [`load()`] reads and checks it, [`run`] runs it, and a
//! [`RunFolder`](record::RunFolder) keeps what came out.

mod beside;
mod build;
pub mod diagnostic;
mod ensembles;
pub mod expect;
pub mod figures;
pub mod load;
mod measure;
mod phase;
mod problem_table;
pub mod record;
mod region;
pub mod report;
pub mod runner;
pub mod schema;
mod stationary;
pub mod summary;
pub mod template;
pub mod values;

pub use diagnostic::StudyError;
pub use load::{load, parse};
pub use record::{Record, Results};
pub use runner::{Destination, Listener, RunError, run};
pub use schema::Study;
