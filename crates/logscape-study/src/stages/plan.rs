//! What an escape is measured from, and what it comes to.

use super::{Context, Known};
use crate::asked::{EscapeTable, ScoreName};
use crate::record::RareRecord;
use crate::store::Kept;
use crate::text::count;
use logscape::Barrier;
use logscape::ensemble::{EscapeRun, Termination};
use logscape::rare::RareRun;
use logscape::stats::RateEstimate;

/// What is measured in one setting: everything but the dynamics.
#[derive(Clone, Copy)]
pub(super) struct EscapePlan<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) known: &'a Known,
    pub(super) barrier: &'a Kept<Barrier>,
    pub(super) table: &'a EscapeTable,
    /// Direct simulation with SGD.
    pub(super) run: &'a EscapeRun,
    /// Whether the region's surfaces are moved out to where escapes are committed.
    pub(super) committed: bool,
}

/// What a dynamics did.
pub(super) enum Outcome {
    /// How its replicas ended.
    Direct(Vec<Termination>),
    /// What its repeats gave, in its own steps.
    Rare(Box<Rare>),
}

/// What was found, and why in this way.
pub(super) struct Found {
    pub(super) outcome: Outcome,
    pub(super) why: String,
}

impl EscapePlan<'_> {
    /// Name of what is measured.
    pub(super) fn stage(&self) -> &'static str {
        if self.committed { "committed-escape" } else { "escape" }
    }
}

/// A run of splitting or forward flux sampling.
pub(super) struct Rare {
    pub(crate) run: RareRun,
    pub(crate) rate: RateEstimate,
    pub(crate) score: ScoreName,
}

impl Rare {
    /// What the rate is made of.
    pub(super) fn record(&self) -> Option<RareRecord> {
        let repeats = self.rate.repeats.as_ref()?;
        Some(RareRecord {
            score: self.score.name().to_owned(),
            trajectories: self.run.trajectories as u64,
            repeats: repeats.repeats,
            extinct: repeats.extinct,
            reached: self.rate.escaped,
            flux: repeats.flux,
            probability: repeats.probability,
            levels: repeats.levels,
            cost: repeats.cost,
            not_found: self.not_found(),
        })
    }

    /// Why there is no rate, and what was tried.
    pub(crate) fn not_found(&self) -> Option<String> {
        let reason = self.rate.repeats.as_ref()?.not_found.as_ref()?;
        Some(format!(
            "{} with {} of {}, each of at most {}, and the score `{}`: {reason}",
            self.run.method.name(),
            count(self.run.repeats, "repeat"),
            count(self.run.trajectories, "trajectory"),
            count(self.run.max_cost, "replica-step"),
            self.score.name()
        ))
    }
}
