//! Where the record of a run goes.

use crate::store::Memo;
use std::path::PathBuf;
use std::time::Duration;

/// Where a record goes, and what to do with what is there.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Folder of the record.
    pub place: PathBuf,
    /// Whether a record or an unfinished run that is there is replaced.
    pub force: bool,
    /// Whether an unfinished run that is there is continued.
    pub resume: bool,
    /// A complete record of the same study with fewer replicas, whose replicas are taken over.
    pub extend: Option<PathBuf>,
    /// Whether work that another version of the program has kept is gone on with.
    pub allow_other_version: bool,
    /// Time between checkpoints of a running ensemble: the most that a killed run loses of it.
    pub checkpoint_every: Duration,
    /// What earlier runs have made, and this one adds to.
    pub memo: Option<Memo>,
}

impl Destination {
    /// A new record in `place`, kept every ten seconds.
    pub fn new(place: PathBuf) -> Self {
        Self {
            place,
            force: false,
            resume: false,
            extend: None,
            allow_other_version: false,
            checkpoint_every: Duration::from_secs(10),
            memo: None,
        }
    }
}
