//! How an escape time is measured: by direct simulation, by splitting, or as the first replicas suggest.

use crate::beside::Mover;
use crate::ensembles::{Ensembles, rare_name};
use crate::record::RareRecord;
use crate::runner::RunError;
use crate::schema::{EscapeMethod, EscapeTable, ScoreName};
use logscape::ensemble::{EscapeRun, LossMeter, Region, Termination, survival_times};
use logscape::problem::Problem;
use logscape::rare::{BallScore, LossScore, RareMethod, RareProgress, RareRun, RegionScore, Score, Tabulated};
use logscape::stats::RateEstimate;
use logscape::{Barrier, SgdSettings};

/// Escapes that are enough for direct simulation, or half of the replicas where that is less: 100 give the mean within
/// 20 %, about as well as splitting does.
const ENOUGH: usize = 100;
/// The share of the replicas that is run first, one in so many, and their least number.
const FIRST: (usize, usize) = (16, 16);

/// What is measured in one setting: everything but the dynamics.
pub(crate) struct Task<'a, P> {
    pub(crate) problem: &'a P,
    /// Number of the setting.
    pub(crate) number: usize,
    /// Whether the region's surfaces are moved out to where escapes are committed, for a second ensemble.
    pub(crate) committed: bool,
    /// Direct simulation with SGD.
    pub(crate) run: &'a EscapeRun,
    pub(crate) table: &'a EscapeTable,
    pub(crate) barrier: &'a Barrier,
    pub(crate) ensembles: &'a Ensembles<'a>,
}

/// What a dynamics did.
pub(crate) enum Ways {
    /// How its replicas ended.
    Direct(Vec<Termination>),
    /// What its repeats gave, in its own steps.
    Rare(Box<Rare>),
}

/// A run of splitting or forward flux sampling.
pub(crate) struct Rare {
    pub(crate) run: RareRun,
    pub(crate) rate: RateEstimate,
    pub(crate) score: ScoreName,
}

/// What was found, and why in this way.
pub(crate) struct Escaped {
    pub(crate) ways: Ways,
    pub(crate) why: String,
}

impl Rare {
    /// What the rate is made of.
    pub(crate) fn record(&self) -> Option<RareRecord> {
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
            "{} with {} repeats of {} trajectories, each of at most {} replica-steps, and the score `{}`: {reason}",
            self.run.method.name(),
            self.run.repeats,
            self.run.trajectories,
            self.run.max_cost,
            self.score.name()
        ))
    }
}

/// What the first replicas suggest.
enum Pilot {
    /// All replicas, and why.
    All(String),
    /// Splitting, and why.
    Rare(String),
}

impl Mover<'_> {
    /// How the dynamics escapes, by the method of the study.
    pub(crate) fn escape<P: Problem>(&self, task: &Task<P>) -> Result<Escaped, RunError> {
        let asked = || "the study asks for it".to_owned();
        let direct = |why| Ok(Escaped { ways: Ways::Direct(self.ends(task, task.run.replicas)?), why });
        let rare = |method, why| Ok(Escaped { ways: Ways::Rare(Box::new(self.rare(task, method)?)), why });
        match task.table.method {
            EscapeMethod::Direct => direct(asked()),
            EscapeMethod::Splitting => rare(RareMethod::Splitting, asked()),
            EscapeMethod::ForwardFlux => rare(RareMethod::ForwardFlux, asked()),
            EscapeMethod::Auto => match self.pilot(task)? {
                Pilot::All(why) => direct(why),
                Pilot::Rare(why) => {
                    task.ensembles.listener.say(&format!("escape: {why}: splitting"));
                    let found = self.rare(task, RareMethod::Splitting)?;
                    match found.not_found() {
                        None => Ok(Escaped { ways: Ways::Rare(Box::new(found)), why }),
                        Some(tried) => direct(format!("{why}, but there is no rate from {tried}")),
                    }
                }
            },
        }
    }

    /// Runs the first replicas of the direct ensemble, and more of them until it is clear whether enough of all would
    /// escape: by the mean where that says so, else by the upper end of the rate's interval.
    fn pilot<P: Problem>(&self, task: &Task<P>) -> Result<Pilot, RunError> {
        let all = task.run.replicas;
        let enough = ENOUGH.min(all / 2).max(1);
        let max_steps = self.own(task.run).max_steps;
        let expected = |rate: f64| all as f64 * -(-rate * max_steps as f64).exp_m1();
        let (share, least) = FIRST;
        let mut first = (all / share).max(least);
        while first < all {
            let ends = self.ends(task, first)?;
            let rate = RateEstimate::from_observations(&survival_times(&ends), 0, "pilot", task.run.seed);
            let seen = format!("of the first {first} replicas {} escaped within {max_steps} steps", rate.escaped);
            let mean = rate.rate_per_step.map_or(0.0, |rate| rate.value);
            let most = rate.rate_per_step.map_or(1.0 / rate.mean_steps_lower_bound, |rate| rate.ci95[1]);
            if expected(mean) >= enough as f64 {
                let will = expected(mean);
                return Ok(Pilot::All(format!(
                    "{seen}, so that about {will:.0} of {all} will, and {enough} are enough"
                )));
            }
            if expected(most) < enough as f64 {
                let most = expected(most);
                let why = format!("{seen}, so that at most {most:.0} of {all} would, where {enough} are enough");
                return Ok(Pilot::Rare(why));
            }
            first *= 2;
        }
        Ok(Pilot::All(format!("fewer than all {all} replicas would not show that under {enough} escape")))
    }

    /// The rate by repeats of `method`, run and kept as one ensemble.
    fn rare<P: Problem>(&self, task: &Task<P>, method: RareMethod) -> Result<Rare, RunError> {
        let table = &task.table.rare;
        let problem = task.problem as &dyn Problem;
        let (score, name) = score(task, &self.sgd)?;
        let EscapeRun { start, region, seed, .. } = self.own(task.run);
        let run = RareRun {
            trajectories: table.trajectories,
            repeats: table.repeats,
            cut: table.cut,
            // Rarer looks would miss how far a chain has jumped, and branch from states that differ widely.
            look_every: self.built.steps(1),
            max_cost: task.table.rare_cost(),
            ..RareRun::new(start, region, method, seed)
        };
        let ensembles = task.ensembles;
        let words = |progress: &RareProgress| {
            Some(format!("escape: {} of {} repeats of {}", progress.repeats(), run.repeats, method.name()))
        };
        let progress: RareProgress = ensembles.run(
            &rare_name(task.number, task.committed, self.name),
            words,
            |progress: &mut RareProgress, pause| {
                run.advance(&self.built.dynamics, &score, problem, progress, pause)?;
                Ok(progress.is_complete(&run))
            },
        )?;
        let rate = run.estimate(&progress);
        ensembles.listener.say(&format!("escape: {} repeats of {} ended", progress.repeats(), method.name()));
        Ok(Rare { run, rate, score: name })
    }
}

/// The score that the study asks for, and its name.
fn score<'a, P: Problem>(task: &Task<'a, P>, sgd: &SgdSettings) -> Result<(StudyScore<'a>, ScoreName), RunError> {
    let problem = task.problem as &'a dyn Problem;
    let (region, start) = (&task.run.region, &task.run.start);
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
    match task.table.rare.score {
        ScoreName::LogLoss => Ok((loss(), ScoreName::LogLoss)),
        ScoreName::Displacement => Ok((displacement(), ScoreName::Displacement)),
        ScoreName::Auto => {
            let climb = climb(task, sgd).ok();
            Ok(climb.map_or_else(other, |table| (StudyScore::Climb(table), ScoreName::Committor)))
        }
        ScoreName::Committor => Ok((StudyScore::Climb(climb(task, sgd)?), ScoreName::Committor)),
    }
}

/// The score of the landscape on the line.
fn climb<P>(task: &Task<P>, sgd: &SgdSettings) -> Result<Tabulated, RunError> {
    let refused = |why: String| {
        let hint = "\n  hint: use score = \"auto\", \"log-loss\" or \"displacement\"";
        RunError::input("escape.rare.score", why + hint)
    };
    let (Barrier::Saddles { path: Some(path), .. } | Barrier::Interval { path, .. }) = task.barrier else {
        return Err(refused("the committor is known on the line alone".to_owned()));
    };
    let ends = match &task.run.region {
        Region::Box { lower, upper } => [lower[0], upper[0]],
        _ => [f64::NEG_INFINITY, f64::INFINITY],
    };
    Tabulated::climb(path, sgd, ends).map_err(|error| refused(format!("there is no committor here: {error}")))
}

/// The scores that a study can name.
enum StudyScore<'a> {
    /// Of the region or the loss.
    Region(RegionScore<'a, dyn Problem + 'a>),
    /// Of the landscape on the line.
    Climb(Tabulated),
}

impl<'a> Score for StudyScore<'a> {
    type Scratch = Option<LossMeter<'a, dyn Problem + 'a>>;

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
