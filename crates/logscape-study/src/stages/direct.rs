//! Direct simulation of escapes, as an ensemble of replicas.

use super::Ensemble;
use super::dynamics::{DynamicsInput, StudyDynamics};
use super::plan::EscapePlan;
use crate::error::RunError;
use crate::events::{Event, Progress, Unit};
use crate::store::Key;
use logscape::Stop;
use logscape::ensemble::{EscapeProgress, EscapeRun, Region};
use logscape::model::WorkTime;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Replicas of one dynamics.
pub(super) struct DirectEscape<'a, 'd> {
    plan: &'a EscapePlan<'a>,
    dynamics: &'a StudyDynamics<'d>,
    run: &'a EscapeRun,
    begun: WorkTime,
    /// Replicas that had ended when it went on here; `u64::MAX` until one has been counted.
    before: AtomicU64,
}

/// What replicas depend on.
#[derive(Serialize)]
struct Input<'a> {
    minimum: &'a Key,
    geometry: &'a Key,
    dynamics: DynamicsInput<'a>,
    region: &'a Region,
    max_steps: u64,
    seed: u64,
}

impl<'a, 'd> DirectEscape<'a, 'd> {
    /// The replicas of `run`.
    pub(super) fn new(plan: &'a EscapePlan<'a>, dynamics: &'a StudyDynamics<'d>, run: &'a EscapeRun) -> Self {
        Self { plan, dynamics, run, begun: plan.context.stop.work_time(), before: AtomicU64::new(u64::MAX) }
    }
}

impl Ensemble for DirectEscape<'_, '_> {
    type Progress = EscapeProgress;

    fn name(&self) -> &'static str {
        "escape"
    }

    fn input(&self) -> impl Serialize {
        Input {
            minimum: &self.plan.known.minimum.key,
            geometry: &self.plan.known.geometry.key,
            dynamics: self.dynamics.input(self.plan.context.study.sgd.precision),
            region: &self.run.region,
            max_steps: self.run.max_steps,
            seed: self.run.seed,
        }
    }

    fn size(&self) -> usize {
        self.run.replicas
    }

    fn advance(&self, progress: &mut EscapeProgress, stop: &Stop) -> Result<bool, RunError> {
        let context = self.plan.context;
        let ended = |done: u64| {
            self.before.fetch_min(done.saturating_sub(1), Ordering::Relaxed);
            context.events.tell(&Event::Progress(Progress {
                setting: self.dynamics.setting.number,
                dynamics: self.dynamics.name.to_owned(),
                stage: self.plan.stage(),
                method: "direct",
                unit: Unit::Replicas,
                done,
                expected: self.run.replicas as u64,
                seconds: self.begun.elapsed().as_secs_f64(),
                done_before: self.before.load(Ordering::Relaxed),
            }));
        };
        self.run.advance(&self.dynamics.built.dynamics, context.problem, progress, stop, ended)?;
        Ok(progress.is_complete(self.run))
    }
}
