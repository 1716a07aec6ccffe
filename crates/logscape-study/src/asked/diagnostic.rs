//! Diagnostics of a study file: what is wrong, where, and how to mend it.

use miette::{Diagnostic, NamedSource, SourceSpan};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Why a study cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum StudyError {
    /// The file cannot be read.
    #[error("cannot read study {}: {source}", path.display())]
    #[diagnostic(help("give the path of a study file in TOML"))]
    Unreadable {
        /// The path given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A field is misspelt, missing, of the wrong type or out of range.
    #[error("{message}")]
    Invalid {
        /// Dotted name of the field, where it is known.
        field: Option<String>,
        /// What is wrong, with the dotted name of the field.
        message: String,
        /// How to mend it.
        #[help]
        hint: String,
        /// The file.
        #[source_code]
        file: Arc<NamedSource<String>>,
        /// Where in the file; absent for a value given on the command line or missing altogether.
        #[label("here")]
        place: Option<SourceSpan>,
    },
    /// A `--set` that is no assignment.
    #[error("cannot apply --set {assignment}: {reason}")]
    #[diagnostic(help("write --set section.field=value, for example --set sgd.batch_size=[1,4]"))]
    Override {
        /// The assignment as given.
        assignment: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StudyError {
    /// Dotted name of the field that is wrong, where it is known.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Invalid { field, .. } => field.as_deref(),
            Self::Override { assignment, .. } => assignment.split('=').next().map(str::trim),
        }
    }
}
