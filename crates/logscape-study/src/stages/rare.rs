//! Rates of escapes by splitting and forward flux sampling, as ensembles of repeats.

use super::dynamics::{DynamicsInput, StudyDynamics};
use super::plan::{EscapePlan, Rare};
use super::problem::check_trajectories;
use super::{Context, Ensemble};
use crate::asked::ScoreName;
use crate::error::RunError;
use crate::events::{Event, Progress, Unit};
use crate::store::Key;
use logscape::ensemble::{EscapeRun, LossMeter, Region};
use logscape::rare::{BallScore, LossScore, RareMethod, RareProgress, RareRun, RegionScore, Score, Tabulated};
use logscape::{Barrier, SgdSettings, Stop};
use serde::Serialize;

/// Repeats of one dynamics.
struct Repeats<'a, 'd> {
    context: &'a Context<'a>,
    plan: &'a EscapePlan<'a>,
    dynamics: &'a StudyDynamics<'d>,
    run: &'a RareRun,
    score: &'a StudyScore<'a>,
    score_name: ScoreName,
}

/// What repeats depend on.
#[derive(Serialize)]
struct RepeatsInput<'a> {
    minimum: &'a Key,
    geometry: &'a Key,
    barrier: &'a Key,
    dynamics: DynamicsInput<'a>,
    region: &'a Region,
    method: RareMethod,
    trajectories: usize,
    cut: f64,
    look_every: u64,
    max_cost: u64,
    score: ScoreName,
    seed: u64,
}

impl Ensemble for Repeats<'_, '_> {
    type Progress = RareProgress;

    fn name(&self) -> &'static str {
        "rare"
    }

    fn input(&self) -> impl Serialize {
        let (plan, run) = (self.plan, self.run);
        RepeatsInput {
            minimum: &plan.known.minimum.key,
            geometry: &plan.known.geometry.key,
            barrier: &plan.barrier.key,
            dynamics: self.dynamics.input(self.context.study.sgd.precision),
            region: &run.region,
            method: run.method,
            trajectories: run.trajectories,
            cut: run.cut,
            look_every: run.look_every,
            max_cost: run.max_cost,
            score: self.score_name,
            seed: run.seed,
        }
    }

    fn size(&self) -> usize {
        self.run.repeats
    }

    fn advance(&self, progress: &mut RareProgress, stop: &Stop) -> Result<bool, RunError> {
        self.run.advance(&self.dynamics.built.dynamics, self.score, self.context.problem, progress, stop)?;
        Ok(progress.is_complete(self.run))
    }

    fn tell(&self, progress: &RareProgress, seconds: f64) {
        self.context.events.tell(&Event::Progress(Progress {
            setting: self.dynamics.setting.number,
            dynamics: self.dynamics.name.to_owned(),
            stage: self.plan.stage(),
            method: self.run.method.name(),
            unit: Unit::Repeats,
            done: progress.repeats() as u64,
            expected: self.run.repeats as u64,
            seconds,
            done_before: 0,
        }));
    }
}

/// The rate of the plan's escape by repeats of `method`.
pub(super) fn rare(plan: &EscapePlan, dynamics: &StudyDynamics, method: RareMethod) -> Result<Rare, RunError> {
    let table = &plan.table.rare;
    check_trajectories(plan.table, plan.context.problem)?;
    let (score, score_name) = score(plan, &dynamics.setting.sgd)?;
    let EscapeRun { start, region, seed, .. } = dynamics.own(plan.run);
    let run = RareRun {
        trajectories: table.trajectories,
        repeats: table.repeats,
        cut: table.cut,
        // Rarer looks would miss how far a chain has jumped, and branch from states that differ widely.
        look_every: dynamics.built.steps(1),
        max_cost: plan.table.rare_cost(),
        ..RareRun::new(start, region, method, seed)
    };
    let repeats = Repeats { context: plan.context, plan, dynamics, run: &run, score: &score, score_name };
    let begun = plan.context.stop.work_time();
    let progress = plan.context.ensemble(&repeats)?;
    repeats.tell(&progress, begun.elapsed().as_secs_f64());
    let rate = run.estimate(&progress);
    Ok(Rare { run, rate, score: score_name })
}

/// Refuses a score that there is not.
pub(super) fn check(plan: &EscapePlan, sgd: &SgdSettings) -> Result<(), RunError> {
    score(plan, sgd).map(|_| ())
}

/// The score that the study asks for, and its name.
fn score<'a>(plan: &EscapePlan<'a>, sgd: &SgdSettings) -> Result<(StudyScore<'a>, ScoreName), RunError> {
    let problem = plan.context.problem;
    let (region, start) = (&plan.run.region, &plan.run.start);
    let timed = matches!(region, Region::LossLevel { .. } | Region::Quench { .. });
    let loss = || {
        StudyScore::Region(RegionScore::Loss(match region {
            Region::LossLevel { loss, .. } => LossScore::with_level(problem, *loss),
            _ => LossScore::new(problem),
        }))
    };
    let displacement = || {
        let ball = || RegionScore::Ball(BallScore::new(start, 1.0));
        StudyScore::Region(if timed { ball() } else { RegionScore::new(region, start, problem) })
    };
    let other = || if timed { (loss(), ScoreName::LogLoss) } else { (displacement(), ScoreName::Displacement) };
    match plan.table.rare.score {
        ScoreName::LogLoss => Ok((loss(), ScoreName::LogLoss)),
        ScoreName::Displacement => Ok((displacement(), ScoreName::Displacement)),
        ScoreName::Auto => {
            let climb = climb(plan, sgd).ok();
            Ok(climb.map_or_else(other, |table| (StudyScore::Climb(table), ScoreName::Committor)))
        }
        ScoreName::Committor => Ok((StudyScore::Climb(climb(plan, sgd)?), ScoreName::Committor)),
    }
}

/// The score of the landscape on the line.
fn climb(plan: &EscapePlan, sgd: &SgdSettings) -> Result<Tabulated, RunError> {
    let refused = |why: String| {
        let hint = "\n  hint: use score = \"auto\", \"log-loss\" or \"displacement\"";
        RunError::input("escape.rare.score", why + hint)
    };
    let (Barrier::Saddles { path: Some(path), .. } | Barrier::Interval { path, .. }) = &plan.barrier.value else {
        return Err(refused("the committor is known on the line alone".to_owned()));
    };
    let ends = match &plan.run.region {
        Region::Box { lower, upper } => [lower[0], upper[0]],
        _ => [f64::NEG_INFINITY, f64::INFINITY],
    };
    Tabulated::climb(path, sgd, ends).map_err(|error| refused(format!("there is no committor here: {error}")))
}

/// The scores that a study can name.
enum StudyScore<'a> {
    /// Of the region or the loss.
    Region(RegionScore<'a>),
    /// Of the landscape on the line.
    Climb(Tabulated),
}

impl<'a> Score for StudyScore<'a> {
    type Scratch = Option<LossMeter<'a>>;

    fn scratch(&self) -> Self::Scratch {
        match self {
            Self::Region(score) => score.scratch(),
            Self::Climb(_) => None,
        }
    }

    #[inline]
    fn score(&self, theta: &[f64], scratch: &mut Self::Scratch) -> f64 {
        match self {
            Self::Region(score) => score.score(theta, scratch),
            Self::Climb(score) => score.at(theta[0]),
        }
    }

    fn loss_level_score(&self) -> Option<f64> {
        match self {
            Self::Region(score) => score.loss_level_score(),
            Self::Climb(_) => None,
        }
    }
}
