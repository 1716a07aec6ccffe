//! Ensembles that are kept while they run, so that a run which is ended goes on where it was.

use crate::record::{Checkpoints, Record, RecordError};
use crate::runner::{Listener, RunError};
use crate::schema::{EscapeTable, Study};
use crate::stationary::GROUPS;
use logscape::Stop;
use logscape::ensemble::{EscapeProgress, StationaryProgress};
use logscape::rare::RareProgress;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::Duration;

/// Runs ensembles from what is kept of them, and keeps them every so often.
pub(crate) struct Ensembles<'a> {
    pub(crate) kept: Checkpoints,
    pub(crate) every: Duration,
    pub(crate) stop: &'a Stop,
    pub(crate) listener: &'a dyn Listener,
}

impl Ensembles<'_> {
    /// Calls `advance` until it says that the ensemble of that name is complete, and keeps the progress at each pause.
    /// `words` tell how far it is.
    pub(crate) fn run<T: Default + Serialize + DeserializeOwned>(
        &self,
        name: &str,
        words: impl Fn(&T) -> Option<String>,
        mut advance: impl FnMut(&mut T, &Stop) -> Result<bool, RunError>,
    ) -> Result<T, RunError> {
        let mut progress = self.kept.load(name)?.unwrap_or_default();
        loop {
            let complete = advance(&mut progress, &self.stop.within(self.every))?;
            self.kept.save(name, &progress)?;
            if complete {
                return Ok(progress);
            }
            if self.stop.is_requested() {
                return Err(RunError::Interrupted { kept: None });
            }
            if let Some(words) = words(&progress) {
                self.listener.say(&words);
            }
        }
    }

    /// Takes over the ensembles of the complete record in `folder`, whose study differs by fewer replicas or repeats only.
    ///
    /// # Errors
    /// If there is no complete record, it is of another study, or it cannot be copied.
    pub(crate) fn take_over(&self, study: &Study, folder: &Path) -> Result<(), RunError> {
        let old = Record::read(folder)?;
        let (old_counts, new_counts) = (Counts::of(&old.study), Counts::of(study));
        if new_counts.put_into(&old.study) != *study || !old_counts.can_become(&new_counts) {
            return Err(RecordError::CannotExtend(folder.to_path_buf()).into());
        }
        let cost = |study: &Study| study.escape.as_ref().map(EscapeTable::rare_cost);
        let same_cost = cost(&old.study) == cost(study);
        let ensembles = Checkpoints::of_ensembles(folder);
        for number in 0..old.results.settings.len() {
            for dynamics in all_dynamics(study) {
                if let Some(count) = old_counts.stationary {
                    let name = stationary_name(number, dynamics);
                    let mut progress: StationaryProgress = ensembles.load_present(&name)?;
                    progress.extend(count);
                    self.kept.save(&name, &progress)?;
                }
                for committed in [false, true] {
                    let name = escape_name(number, committed, dynamics);
                    if let Some(progress) = ensembles.load::<EscapeProgress>(&name)? {
                        self.kept.save(&name, &progress)?;
                    }
                    // Repeats that may take other numbers of steps are others.
                    let name = rare_name(number, committed, dynamics);
                    if let Some(progress) = ensembles.load::<RareProgress>(&name)?.filter(|_| same_cost) {
                        self.kept.save(&name, &progress)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Name of SGD itself in ensembles, records and tables.
pub(crate) const SGD: &str = "sgd";

/// Names of all dynamics of the study, SGD first.
pub(crate) fn all_dynamics(study: &Study) -> impl Iterator<Item = &str> {
    std::iter::once(SGD).chain(study.dynamics.iter().map(|table| table.name.as_str()))
}

/// Name of a setting's stationary ensemble of a dynamics in the folder of ensembles.
pub(crate) fn stationary_name(setting: usize, dynamics: &str) -> String {
    ensemble_name(setting, "stationary", dynamics)
}

/// Name of a setting's escape ensemble of a dynamics in the folder of ensembles, or of that of committed escapes.
pub(crate) fn escape_name(setting: usize, committed: bool, dynamics: &str) -> String {
    ensemble_name(setting, if committed { "committed-escape" } else { "escape" }, dynamics)
}

/// Name of a setting's rare-event run of a dynamics in the folder of ensembles, or of that of committed escapes.
pub(crate) fn rare_name(setting: usize, committed: bool, dynamics: &str) -> String {
    ensemble_name(setting, if committed { "committed-rare" } else { "rare" }, dynamics)
}

fn ensemble_name(setting: usize, what: &str, dynamics: &str) -> String {
    if dynamics == SGD { format!("setting-{setting}-{what}") } else { format!("setting-{setting}-{what}-{dynamics}") }
}

/// Numbers that may grow when a record is extended, where the study has such ensembles.
struct Counts {
    stationary: Option<usize>,
    escape: Option<usize>,
    repeats: Option<usize>,
}

impl Counts {
    fn of(study: &Study) -> Self {
        Self {
            stationary: study.stationary.as_ref().map(|table| table.replicas),
            escape: study.escape.as_ref().map(|table| table.replicas),
            repeats: study.escape.as_ref().map(|table| table.rare.repeats),
        }
    }

    fn can_become(&self, more: &Self) -> bool {
        let grouped = |count: Option<usize>| count.map(|count| count.min(GROUPS));
        let grow = self.stationary <= more.stationary && self.escape <= more.escape && self.repeats <= more.repeats;
        grow && grouped(self.stationary) == grouped(more.stationary)
    }

    /// The study with these numbers.
    fn put_into(&self, study: &Study) -> Study {
        let mut study = study.clone();
        if let (Some(table), Some(count)) = (&mut study.stationary, self.stationary) {
            table.replicas = count;
        }
        if let (Some(table), Some(count), Some(repeats)) = (&mut study.escape, self.escape, self.repeats) {
            (table.replicas, table.rare.repeats) = (count, repeats);
        }
        study
    }
}
