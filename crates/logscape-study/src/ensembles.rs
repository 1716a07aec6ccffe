//! Ensembles that are kept while they run, so that a run which is ended goes on where it was.

use crate::record::{Checkpoints, Record, RecordError};
use crate::runner::{Listener, RunError};
use crate::schema::Study;
use crate::stationary::GROUPS;
use logscape::ensemble::{EscapeProgress, Interrupt, StationaryProgress};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs ensembles from what is kept of them, and keeps them every so often.
pub(crate) struct Ensembles<'a> {
    pub(crate) kept: Checkpoints,
    pub(crate) every: Duration,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) listener: &'a dyn Listener,
}

impl Ensembles<'_> {
    /// Calls `advance` until it says that the ensemble of that name is complete, and keeps the progress at each pause.
    /// `words` tell how far it is.
    pub(crate) fn run<T: Default + Serialize + DeserializeOwned>(
        &self,
        name: &str,
        words: impl Fn(&T) -> Option<String>,
        mut advance: impl FnMut(&mut T, &(dyn Fn() -> bool + Sync)) -> Result<bool, RunError>,
    ) -> Result<T, RunError> {
        let mut progress = self.kept.load(name)?.unwrap_or_default();
        loop {
            let until = Instant::now() + self.every;
            let pause = || self.interrupt.is_requested() || Instant::now() >= until;
            let complete = advance(&mut progress, &pause)?;
            self.kept.save(name, &progress)?;
            if complete {
                return Ok(progress);
            }
            if self.interrupt.is_requested() {
                return Err(RunError::Interrupted { kept: None });
            }
            if let Some(words) = words(&progress) {
                self.listener.say(&words);
            }
        }
    }

    /// Takes over the ensembles of the complete record in `folder`, whose study differs by fewer replicas only.
    ///
    /// # Errors
    /// If there is no complete record, it is of another study, or it cannot be copied.
    pub(crate) fn take_over(&self, study: &Study, folder: &Path) -> Result<(), RunError> {
        let old = Record::read(folder)?;
        let (old_counts, new_counts) = (replicas(&old.study), replicas(study));
        let grouped = |count: Option<usize>| count.map(|count| count.min(GROUPS));
        if with_replicas(&old.study, new_counts) != *study
            || old_counts.0 > new_counts.0
            || old_counts.1 > new_counts.1
            || grouped(old_counts.0) != grouped(new_counts.0)
        {
            return Err(RecordError::CannotExtend(folder.to_path_buf()).into());
        }
        let ensembles = Checkpoints::of_ensembles(folder);
        for number in 0..old.results.settings.len() {
            for dynamics in all_dynamics(study) {
                if let Some(count) = old_counts.0 {
                    let name = stationary_name(number, dynamics);
                    let mut progress: StationaryProgress = ensembles.load_present(&name)?;
                    progress.extend(count);
                    self.kept.save(&name, &progress)?;
                }
                if old_counts.1.is_some() {
                    let name = escape_name(number, dynamics);
                    self.kept.save(&name, &ensembles.load_present::<EscapeProgress>(&name)?)?;
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

/// Name of a setting's escape ensemble of a dynamics in the folder of ensembles.
pub(crate) fn escape_name(setting: usize, dynamics: &str) -> String {
    ensemble_name(setting, "escape", dynamics)
}

fn ensemble_name(setting: usize, what: &str, dynamics: &str) -> String {
    if dynamics == SGD { format!("setting-{setting}-{what}") } else { format!("setting-{setting}-{what}-{dynamics}") }
}

/// Replicas of the stationary and of the escape ensembles.
fn replicas(study: &Study) -> (Option<usize>, Option<usize>) {
    (study.stationary.as_ref().map(|table| table.replicas), study.escape.as_ref().map(|table| table.replicas))
}

/// The study with other numbers of replicas, where it has ensembles.
fn with_replicas(study: &Study, (stationary, escape): (Option<usize>, Option<usize>)) -> Study {
    let mut study = study.clone();
    if let (Some(table), Some(count)) = (&mut study.stationary, stationary) {
        table.replicas = count;
    }
    if let (Some(table), Some(count)) = (&mut study.escape, escape) {
        table.replicas = count;
    }
    study
}
