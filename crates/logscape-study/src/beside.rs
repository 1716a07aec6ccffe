//! The dynamics of a study in one setting, SGD and those beside it: how each is built, escapes, and leaves its path.

use crate::ensembles::{SGD, escape_name};
use crate::measure::{Escaped, Task, Ways};
use crate::record::{DynamicsEscape, EscapeRow, MeasuredRecord, TrajectoryRow, escape_rows, trajectory_rows};
use crate::runner::RunError;
use crate::schema::{DynamicsTable, TrajectoriesTable};
use logscape::Stop;
use logscape::dynamics::{AtMinimum, BuildError, Built, Options, by_name};
use logscape::engine::{Dynamics, TimeUnit};
use logscape::ensemble::{EscapeProgress, EscapeRun, Region, Termination};
use logscape::problem::Problem;
use logscape::stats::{Observation, RateEstimate};
use logscape::{Estimate, SgdSettings};

/// Numbers that the trajectories of one dynamics in one setting may have, which are kept in memory.
const MOST_NUMBERS: f64 = 1e7;

/// A dynamics of the study in one setting.
pub(crate) struct Mover<'a> {
    /// Its name in the record.
    pub(crate) name: &'a str,
    /// Its kind.
    pub(crate) kind: &'a str,
    /// The options that the study gives it.
    options: Options,
    /// SGD in this setting.
    pub(crate) sgd: SgdSettings,
    /// The dynamics.
    pub(crate) built: Built<'a>,
}

impl<'a> Mover<'a> {
    /// SGD itself.
    pub(crate) fn sgd(at: &'a AtMinimum<'a>, sgd: SgdSettings) -> Result<Self, RunError> {
        Self::build(at, sgd, SGD, SGD, Options::default())
    }

    /// A dynamics beside it.
    pub(crate) fn beside(at: &'a AtMinimum<'a>, sgd: SgdSettings, table: &'a DynamicsTable) -> Result<Self, RunError> {
        Self::build(at, sgd, &table.name, &table.kind, table.options.clone())
    }

    fn build(
        at: &'a AtMinimum<'a>,
        sgd: SgdSettings,
        name: &'a str,
        kind: &'a str,
        options: Options,
    ) -> Result<Self, RunError> {
        let refused = |reason: String| RunError::Dynamics { name: name.to_owned(), reason };
        let known = by_name(kind).ok_or_else(|| refused(format!("there is no dynamics `{kind}`")))?;
        let built = known.build(at, sgd, &options).map_err(|error| match error {
            BuildError::Interrupted(_) => RunError::Interrupted { kept: None },
            error => refused(error.to_string()),
        })?;
        Ok(Self { name, kind, options, sgd, built })
    }

    pub(crate) fn time_unit(&self) -> TimeUnit {
        self.built.dynamics.time_unit()
    }

    /// The run that stands for SGD's `run`: its steps are counted in the dynamics' own.
    pub(crate) fn own(&self, run: &EscapeRun) -> EscapeRun {
        let region = match &run.region {
            Region::LossLevel { loss, check_every } => {
                Region::LossLevel { loss: *loss, check_every: self.built.steps(*check_every) }
            }
            region => region.clone(),
        };
        EscapeRun { region, max_steps: self.built.steps(run.max_steps), ..run.clone() }
    }

    /// How the first `replicas` of the direct ensemble end, run and kept as one ensemble.
    pub(crate) fn ends<P: Problem>(&self, task: &Task<P>, replicas: usize) -> Result<Vec<Termination>, RunError> {
        let (run, problem) = (EscapeRun { replicas, ..self.own(task.run) }, task.problem as &dyn Problem);
        let ended = |count| task.ensembles.listener.replicas(count, replicas as u64);
        let progress: EscapeProgress = task.ensembles.run(
            &escape_name(task.number, task.committed, self.name),
            |_| None,
            |progress: &mut EscapeProgress, pause| {
                run.advance(&self.built.dynamics, problem, progress, pause, ended)?;
                Ok(progress.is_complete(&run))
            },
        )?;
        Ok(progress.terminations(&run))
    }

    /// Rows of the table of escape times, which direct simulation has.
    pub(crate) fn rows(&self, number: usize, escaped: &Escaped) -> Vec<EscapeRow> {
        match &escaped.ways {
            Ways::Direct(ends) => escape_rows((number, &self.sgd, self.name), ends),
            Ways::Rare(_) => Vec::new(),
        }
    }

    /// What was measured, in steps of SGD.
    pub(crate) fn measured(&self, escaped: &Escaped, seed: u64) -> MeasuredRecord {
        let eta = self.sgd.learning_rate;
        match &escaped.ways {
            Ways::Direct(ends) => {
                let times = observations(ends, |steps, time| self.built.sgd_steps(steps, time, eta));
                MeasuredRecord::direct(&rate(ends, &times, seed), &times, escaped.why.clone())
            }
            Ways::Rare(rare) => {
                let rate = match self.time_unit() {
                    TimeUnit::Steps => rare.rate.rate_per_step,
                    TimeUnit::LearningTime | TimeUnit::LandscapeTime => {
                        per_time(&rare.rate).map(|rate| times(rate, eta))
                    }
                };
                let lower = rare.rate.mean_steps_lower_bound / self.built.steps_per_sgd_step;
                let (mean, why) = (rate.map(inverse), escaped.why.clone());
                MeasuredRecord::rare(rare.run.method.into(), why, (mean, lower), rare.rate.diverged, rare.record())
            }
        }
    }

    /// The record of a dynamics beside SGD, of which `sgd` was measured.
    pub(crate) fn record(&self, escaped: &Escaped, sgd: &MeasuredRecord, seed: u64) -> DynamicsEscape {
        let measured = self.measured(escaped, seed);
        let step = self.built.step;
        let (mean_time, mean_step_time) = match &escaped.ways {
            Ways::Direct(ends) => {
                let mean = |clock: &dyn Fn(u64, f64) -> f64| rate(ends, &observations(ends, clock), seed).mean_steps;
                (mean(&|_, time| time), mean(&|steps, _| steps as f64 * step))
            }
            Ways::Rare(rare) => (per_time(&rare.rate).map(inverse), rare.rate.mean_steps.map(|mean| times(mean, step))),
        };
        DynamicsEscape {
            name: self.name.to_owned(),
            kind: self.kind.to_owned(),
            options: self.options.clone(),
            clock: self.time_unit(),
            step,
            mean_time,
            mean_landscape_time: mean_step_time.filter(|_| self.time_unit() == TimeUnit::LandscapeTime),
            decades_from_sgd: difference(measured.log10_mean_steps, sgd.log10_mean_steps),
            measured,
        }
    }

    /// The paths of the first replicas of `run`.
    pub(crate) fn trajectories<P: Problem>(
        &self,
        problem: &P,
        number: usize,
        run: &EscapeRun,
        table: &TrajectoriesTable,
        stop: &Stop,
    ) -> Result<Vec<TrajectoryRow>, RunError> {
        let numbers = table.most_points() * problem.dim() as f64;
        if numbers > MOST_NUMBERS {
            let message = format!(
                "up to {numbers:.1e} numbers for each setting, where 10^7 are the most\n  hint: use fewer replicas, fewer steps, or a larger `every`"
            );
            return Err(RunError::input("output.trajectories", message));
        }
        let first = EscapeRun {
            replicas: table.replicas.min(run.replicas),
            max_steps: table.steps.min(run.max_steps),
            ..run.clone()
        };
        let every = self.built.steps(table.every);
        let points = self.own(&first).trajectories(&self.built.dynamics, problem as &dyn Problem, every, stop)?;
        if stop.is_requested() {
            return Err(RunError::Interrupted { kept: None });
        }
        Ok(trajectory_rows((number, &self.sgd, self.name), points))
    }
}

/// The ends as survival data on the clock that `steps` and `t` give.
fn observations(ends: &[Termination], clock: impl Fn(u64, f64) -> f64) -> Vec<Observation> {
    let observation = |end: &Termination| match *end {
        Termination::Escaped { steps, time } => Observation { time: clock(steps, time), event: true },
        Termination::Censored { steps, time } | Termination::Diverged { steps, time } => {
            Observation { time: clock(steps, time), event: false }
        }
    };
    ends.iter().map(observation).collect()
}

fn rate(ends: &[Termination], times: &[Observation], seed: u64) -> RateEstimate {
    let diverged = ends.iter().filter(|end| matches!(end, Termination::Diverged { .. })).count() as u64;
    RateEstimate::from_observations(times, diverged, "direct simulation", seed)
}

/// Escapes per unit `t` that repeats gave.
fn per_time(rate: &RateEstimate) -> Option<Estimate> {
    rate.repeats.as_ref()?.rate_per_time
}

fn times(estimate: Estimate, factor: f64) -> Estimate {
    Estimate::new(factor * estimate.value, factor * estimate.ci95[0], factor * estimate.ci95[1])
}

fn inverse(rate: Estimate) -> Estimate {
    Estimate::new(1.0 / rate.value, 1.0 / rate.ci95[1], 1.0 / rate.ci95[0])
}

/// Mean steps of committed escapes over those of arrivals. The intervals are taken as independent; direct ensembles follow the
/// same random streams, so that theirs is wider than it need be.
pub(crate) fn factor(committed: &MeasuredRecord, arrivals: &MeasuredRecord) -> Option<Estimate> {
    let decades = difference(committed.log10_mean_steps, arrivals.log10_mean_steps)?;
    let power = |x: f64| 10.0_f64.powf(x);
    Some(Estimate { value: power(decades.value), ci95: decades.ci95.map(power) })
}

/// `a − b`, with the squares of the distances to the ends of the intervals added.
fn difference(a: Option<Estimate>, b: Option<Estimate>) -> Option<Estimate> {
    let (a, b) = (a?, b?);
    let value = a.value - b.value;
    let low = (a.value - a.ci95[0]).hypot(b.ci95[1] - b.value);
    let high = (a.ci95[1] - a.value).hypot(b.value - b.ci95[0]);
    Some(Estimate::new(value, value - low, value + high))
}
