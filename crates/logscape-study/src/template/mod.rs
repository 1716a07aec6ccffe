//! Commented studies to start from, which run as they are: for a problem that has a name, and for data of one's own.

mod choice;
mod data;
mod kind;
mod model;
mod words;

pub use data::{Asked, of_data};
pub use kind::of_kind;
