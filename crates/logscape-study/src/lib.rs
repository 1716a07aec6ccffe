//! Studies: a TOML file says what to train, measure and simulate; [`load()`] reads and checks it, [`run`] runs it, and a
//! [`RecordFolder`] keeps what came out.

mod build;
pub mod diagnostic;
pub mod load;
pub mod record;
pub mod runner;
pub mod schema;
pub mod summary;
pub mod values;

pub use diagnostic::StudyError;
pub use load::{load, parse};
pub use record::{RecordFolder, Results};
pub use runner::{Listener, RunError, run};
pub use schema::Study;
