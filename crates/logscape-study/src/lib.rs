//! Studies: a TOML file says what to train, measure and simulate; [`load()`] reads and checks it.

pub mod diagnostic;
pub mod load;
pub mod schema;
pub mod values;

pub use diagnostic::StudyError;
pub use load::{load, parse};
pub use schema::Study;
