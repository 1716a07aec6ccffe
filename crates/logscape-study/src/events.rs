//! What a run tells while it works. They are data: words are made by who shows them.

use crate::matrices::ProductCost;
use crate::record::DataColumns;
use crate::warning::Warning;
use logscape::operator::{LanczosProgress, Matrix};
use logscape::{Estimate, SgdSettings};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage begins, which may take long before it has something to tell.
    Stage {
        /// Its name.
        name: &'static str,
        /// Number of the setting that it is for, from 0; none for all.
        setting: Option<usize>,
    },
    /// The data are read, and it has come so far.
    Reading {
        /// The share that is done, from 0 to 1.
        share: f64,
    },
    /// The data are there, and have names.
    Data {
        /// What was taken of them.
        columns: DataColumns,
    },
    /// Something in the data is likely not meant so.
    Warning {
        /// What.
        #[serde(flatten)]
        warning: Warning,
    },
    /// The problem is there.
    Problem {
        /// Samples `N`.
        samples: usize,
        /// Outputs `c`.
        outputs: usize,
        /// Parameters `P`.
        parameters: usize,
    },
    /// The training before the search has come so far.
    Training(Trained),
    /// The search for a minimum has ended.
    Minimum {
        /// Loss `L*`.
        loss: f64,
        /// Gradient norm.
        gradient_norm: f64,
        /// Whether that met the tolerance.
        converged: bool,
        /// Why the fit interpolates, if it does.
        interpolating: Option<String>,
    },
    /// What the products with matrices take that are too large to be decomposed.
    Cost(ProductCost),
    /// The minimum is measured.
    Geometry {
        /// Outliers `n`.
        outliers: usize,
        /// Their typical curvature `h*`.
        h_star: Estimate,
        /// Noise strength `s`; none where the fit interpolates.
        noise_strength: Option<Estimate>,
        /// Negative eigenvalues among those that are known.
        index: usize,
        /// Whether all are known.
        complete: bool,
    },
    /// The eigenvalues of a matrix that is too large to be decomposed have come so far.
    Eigenvalues {
        /// The matrix.
        matrix: Matrix,
        /// Products so far.
        products: usize,
        /// Wanted eigenpairs.
        wanted: usize,
        /// Those that have converged.
        converged: usize,
        /// The first of the largest.
        largest: Vec<f64>,
    },
    /// Something else is measured at the minimum.
    Measuring {
        /// What.
        what: &'static str,
        /// Pieces of it that are done.
        done: usize,
        /// All of its pieces.
        of: usize,
    },
    /// What had converged when such an iteration was stopped.
    Converged {
        /// The matrix.
        matrix: Matrix,
        /// Products.
        products: usize,
        /// The largest eigenvalues, descending.
        largest: Vec<f64>,
        /// The lowest, ascending.
        lowest: Vec<f64>,
    },
    /// Random vectors have been multiplied with a matrix, or its eigenvalues looked for.
    Products {
        /// What is estimated: `eigenvalues`, `trace` or `density`.
        what: &'static str,
        /// The matrix.
        matrix: Matrix,
        /// The name of the parameters of its block; none for all.
        block: Option<String>,
        /// Products so far.
        products: usize,
        /// How many there will be, where that is known.
        of: Option<usize>,
        /// Wall time that they took.
        seconds: f64,
    },
    /// The eigenvalues of a matrix are known.
    Spectrum {
        /// The matrix.
        matrix: Matrix,
        /// The name of the parameters of its block; none for all.
        block: Option<String>,
        /// The first of the largest.
        largest: Vec<f64>,
        /// The lowest known one.
        lowest: Option<f64>,
        /// About how far that is from the lowest.
        uncertainty: f64,
        /// Whether all are known.
        complete: bool,
        /// Wanted eigenpairs that have not converged.
        unconverged: usize,
        /// Products that they took.
        products: usize,
    },
    /// The search for saddles has ended.
    Saddles {
        /// Saddles of the basin.
        found: usize,
        /// Searches.
        searches: usize,
        /// What they came to, in words of the record.
        summary: String,
    },
    /// A setting begins.
    Setting {
        /// Its number, from 0.
        number: usize,
        /// Number of all settings.
        of: usize,
        /// Learning rate, batch size and sampling.
        #[serde(flatten)]
        sgd: SgdSettings,
    },
    /// A way to measure escape was chosen.
    Method {
        /// Number of the setting, from 0.
        setting: usize,
        /// Name of the dynamics.
        dynamics: String,
        /// The method.
        method: &'static str,
        /// Why.
        why: String,
    },
    /// An ensemble has come so far.
    Progress(Progress),
    /// A setting has ended.
    SettingDone {
        /// Its number, from 0.
        number: usize,
        /// Number of all settings.
        of: usize,
        /// Wall time that it took here.
        seconds: f64,
        /// Whether all of its ensembles were run here: none was kept by an earlier run, or taken over from a record.
        whole: bool,
    },
    /// The record is complete.
    Finished {
        /// Its folder.
        record: PathBuf,
    },
}

/// Eigenvalues that are told while an iteration goes on, and when it has ended.
pub(crate) const TOLD: usize = 3;

impl Event {
    /// How far the eigenvalues of a matrix have come.
    pub(crate) fn eigenvalues(matrix: Matrix, progress: &LanczosProgress) -> Self {
        let LanczosProgress { products, wanted, converged, .. } = *progress;
        let largest = progress.largest.iter().take(TOLD).map(|ritz| ritz.value).collect();
        Self::Eigenvalues { matrix, products, wanted, converged, largest }
    }
}

/// How far an ensemble has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Number of the setting, from 0.
    pub setting: usize,
    /// Name of the dynamics.
    pub dynamics: String,
    /// What is measured: `escape`, `committed-escape` or `stationary`.
    pub stage: &'static str,
    /// How: `direct`, `splitting` or `forward-flux`.
    pub method: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// How many are done.
    pub done: u64,
    /// How many there will be.
    pub expected: u64,
    /// Wall time since the ensemble began, or went on, here.
    pub seconds: f64,
    /// Those done before that.
    pub done_before: u64,
}

impl Progress {
    /// Wall time that is left, by the rate so far; none before anything is done.
    pub fn seconds_left(&self) -> Option<f64> {
        let here = self.done.saturating_sub(self.done_before);
        (here > 0).then(|| self.seconds * self.expected.saturating_sub(self.done) as f64 / here as f64)
    }
}

/// How far a training has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trained {
    /// Name of the optimiser.
    pub optimiser: &'static str,
    /// Steps taken.
    pub steps: u64,
    /// Steps that there will be.
    pub of: u64,
    /// Mean loss of the last batches; none before the first.
    pub loss: Option<f64>,
    /// Wall time since the training began, or went on, here.
    pub seconds: f64,
    /// Share of the work that is done, steps and measurements.
    pub share: f64,
    /// The share that was done before it went on here.
    pub share_before: f64,
}

impl Trained {
    /// Wall time that is left, by the rate so far; none before a step is taken.
    pub fn seconds_left(&self) -> Option<f64> {
        let here = self.share - self.share_before;
        (here > 0.0).then(|| self.seconds * (1.0 - self.share) / here)
    }
}

/// What [`Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Replicas that have ended.
    Replicas,
    /// Independent repeats.
    Repeats,
    /// Samples of replicas.
    Samples,
}

/// Who is told. It is called from many threads.
pub trait Events: Sync {
    /// Something happened.
    fn tell(&self, event: &Event);
}

impl<F: Fn(&Event) + Sync> Events for F {
    fn tell(&self, event: &Event) {
        self(event);
    }
}

/// Tells how much of the data is read, once for each percent.
pub(crate) fn reading(events: &dyn Events) -> impl Fn(f64) + Sync {
    let last = AtomicU64::new(u64::MAX);
    move |share| {
        let percent = (100.0 * share) as u64;
        if last.swap(percent, Ordering::Relaxed) != percent {
            events.tell(&Event::Reading { share });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn each_percent_of_the_reading_is_told_once() {
        let heard = Mutex::new(Vec::new());
        let hear = |event: &Event| heard.lock().expect("nobody panics").push(event.clone());
        let told = reading(&hear);
        (0..=1000).for_each(|k| told(f64::from(k) / 1000.0));
        drop(told);
        let heard = heard.into_inner().expect("nobody panics");
        assert_eq!(heard.len(), 101);
        assert_eq!(heard[0], Event::Reading { share: 0.0 });
        assert_eq!(heard[100], Event::Reading { share: 1.0 });
    }

    #[test]
    fn time_left_follows_the_rate_since_the_run_went_on() {
        let progress = Progress {
            setting: 0,
            dynamics: "sgd".to_owned(),
            stage: "escape",
            method: "direct",
            unit: Unit::Replicas,
            done: 60,
            expected: 100,
            seconds: 5.0,
            done_before: 50,
        };
        assert_eq!(progress.seconds_left(), Some(20.0));
        assert_eq!(Progress { done: 50, ..progress }.seconds_left(), None);
    }
}
