//! Names that stages, records and figures share.

/// Name of SGD itself in records and tables.
pub(crate) const SGD: &str = "sgd";
