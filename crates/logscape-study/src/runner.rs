//! Runs a study: data, minimum, geometry, predictions, simulation, comparison.

use crate::beside::{Mover, factor};
use crate::build::dataset;
use crate::ensembles::Ensembles;
use crate::measure::Task;
use crate::phase::{phase_rows, spans_plane};
use crate::record::{
    Checkpoints, CommittedRecord, DynamicsStationary, EscapeRecord, GeometryRecord, KeptGeometry, Manifest,
    MeasuredRecord, MinimumRecord, Record, RecordError, Results, RunFolder, SettingRecord, Tables,
};
use crate::record::{PhaseRow, path_rows};
use crate::record::{SaddlesRecord, energy_path_rows};
use crate::region::{WaysOut, find_ways_out, needs_saddles, region_and_barrier};
use crate::schema::{EscapeTable, Study};
use crate::stationary::{StationaryError, stationary_law};
use logscape::Stop;
use logscape::data::DataError;
use logscape::dynamics::AtMinimum;
use logscape::ensemble::{COMMITTED, EnsembleError, EscapeRun, Region};
use logscape::geometry::{GeometryConfig, GeometryError, measure};
use logscape::landscape::{BarrierError, MinimumConfig, MinimumError, SaddleError, find_minimum, train};
use logscape::model::Minimum;
use logscape::problem::{BuildProblemError, BuiltProblem, Problem, ProblemError, StartConfig};
use logscape::rare::RareError;
use logscape::theory::Stationary;
use logscape::{Barrier, Estimate, Geometry, Sampling, SgdSettings, WayOut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use thiserror::Error;

/// Why a run ended without a record.
#[derive(Debug, Error)]
pub enum RunError {
    /// A value of the study does not fit the data or the problem.
    #[error("{field}: {message}")]
    Input {
        /// Dotted name of the field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The data cannot be used.
    #[error("problem.data: {0}\n  hint: {hint}", hint = .0.hint())]
    Data(#[from] DataError),
    /// The data make no such problem.
    #[error("problem: {0}\n  hint: check the data and the numbers in [problem] against each other")]
    Problem(#[from] ProblemError),
    /// There is no minimum to measure.
    #[error("minimum: {0}\n  hint: use another start, or smaller steps and batches in [minimum.train]")]
    Minimum(#[from] MinimumError),
    /// The geometry cannot be measured.
    #[error("geometry: {0}\n  hint: use more data with some label noise, or another minimum")]
    Geometry(GeometryError),
    /// There is no way out where the study asks for one.
    #[error(
        "escape.region: {0}\n  hint: name another region, such as {{ loss-factor = 2.0 }}, or another minimum.start"
    )]
    Barrier(#[from] BarrierError),
    /// Ways out cannot be looked for.
    #[error("saddle: {0}\n  hint: lower minimum.tolerance, or change [saddle] or minimum.start")]
    Saddle(SaddleError),
    /// The simulation cannot start.
    #[error("escape: {0}\n  hint: change [escape] or [sgd] to suit the problem")]
    Ensemble(#[from] EnsembleError),
    /// Splitting cannot start.
    #[error("escape.rare: {0}\n  hint: change [escape.rare], or use method = \"direct\"")]
    Rare(#[from] RareError),
    /// A dynamics cannot be built for this problem, setting or options.
    #[error(
        "dynamics {name}: {reason}\n  hint: change its options, or leave it out; `logscape dynamics` lists all with theirs"
    )]
    Dynamics {
        /// Its name in the study.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The stationary ensemble cannot be run.
    #[error("stationary: {0}\n  hint: change [stationary] or [sgd] to suit the problem")]
    Stationary(#[from] StationaryError),
    /// The user ended the run.
    #[error("interrupted; {}", .kept.as_ref().map_or_else(
        || "no stage was finished, so nothing was kept".to_owned(),
        |folder| format!("finished stages and replicas are kept in {}\n  hint: continue with the same command and --resume", folder.display()),
    ))]
    Interrupted {
        /// Where finished stages are kept.
        kept: Option<PathBuf>,
    },
}

impl From<SaddleError> for RunError {
    fn from(error: SaddleError) -> Self {
        match error {
            SaddleError::Interrupted(_) => Self::Interrupted { kept: None },
            error => Self::Saddle(error),
        }
    }
}

impl From<BuildProblemError> for RunError {
    fn from(error: BuildProblemError) -> Self {
        match error {
            BuildProblemError::Problem(error) => Self::Problem(error),
            BuildProblemError::Data { message, hint } => {
                Self::input("problem.data", format!("{message}\n  hint: {hint}"))
            }
            BuildProblemError::Option(error) => Self::input("problem", error.to_string()),
        }
    }
}

impl RunError {
    pub(crate) fn input(field: &'static str, message: String) -> Self {
        Self::Input { field, message }
    }

    /// Whether other input would mend it.
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Interrupted { .. } | Self::Record(RecordError::Write { .. }) | Self::Geometry(_))
    }
}

/// What a run tells while it works.
pub trait Listener: Sync {
    /// The stage of that name begins, which may take long before it has a result to tell.
    fn begins(&self, stage: &str);
    /// A stage has a result.
    fn say(&self, words: &str);
    /// So many of so many replicas of the current ensemble have ended.
    fn replicas(&self, ended: u64, of: u64);
}

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
    /// Time between checkpoints of a running ensemble: the most that a killed run loses of it.
    pub checkpoint_every: Duration,
}

impl Destination {
    /// A new record in `place`, kept every ten seconds.
    pub fn new(place: PathBuf) -> Self {
        Self { place, force: false, resume: false, extend: None, checkpoint_every: Duration::from_secs(10) }
    }
}

/// Runs the study and keeps its record; relative paths in the study start at `base`. Returns the record and its folder.
///
/// # Errors
/// [`RunError`] when the study does not fit its data, when the record cannot be kept, or on an stop.
pub fn run(
    study: &Study,
    base: &Path,
    destination: &Destination,
    stop: &Stop,
    listener: &dyn Listener,
) -> Result<(Record, PathBuf), RunError> {
    let folder = RunFolder::open(&destination.place, study, destination.force, destination.resume)?;
    let every = destination.checkpoint_every;
    let ensembles = Ensembles { kept: folder.ensembles(), every, stop, listener };
    let run = Run { study, stop, listener, checkpoints: folder.checkpoints(), ensembles };
    let started = SystemTime::now();
    let mut progress = Stages { finished: 0, seconds: Vec::new() };
    let taken_over = match &destination.extend {
        Some(record) if !destination.resume => run.ensembles.take_over(study, record),
        _ => Ok(()),
    };
    match taken_over.and_then(|()| run.all(base, &mut progress)) {
        Ok((results, tables)) => {
            let manifest = Manifest::complete(study.seed, started, &progress.seconds);
            let record = Record { study: study.clone(), results, tables, manifest };
            let place = folder.finish(&record, &crate::report::pages(&record)?)?;
            Ok((record, place))
        }
        Err(RunError::Interrupted { .. }) if progress.finished > 0 || destination.resume => {
            Err(RunError::Interrupted { kept: Some(folder.partial().to_path_buf()) })
        }
        Err(error) => {
            // Bad input makes stages of this run useless; what an earlier run left is kept until that is finished.
            if !destination.resume && (progress.finished == 0 || error.is_bad_input()) {
                folder.discard();
            }
            Err(error)
        }
    }
}

/// Stages that are finished, and the time that each took here.
struct Stages {
    finished: usize,
    seconds: Vec<(String, Duration)>,
}

/// A study on its way.
struct Run<'a> {
    study: &'a Study,
    stop: &'a Stop,
    listener: &'a dyn Listener,
    checkpoints: Checkpoints,
    ensembles: Ensembles<'a>,
}

impl Run<'_> {
    fn all(&self, base: &Path, stages: &mut Stages) -> Result<(Results, Tables), RunError> {
        let study = self.study;
        let data = dataset(&study.problem.data, base, study.seed)?;
        self.listener.say(&format!(
            "data: {} samples, {} inputs, {} targets",
            data.len(),
            data.input_dim,
            data.target_dim
        ));
        check_batch_sizes(study, data.len())?;
        let kind = study
            .problem
            .known()
            .ok_or_else(|| RunError::input("problem.kind", format!("there is no problem `{}`", study.problem.kind)))?;
        let config = StartConfig { initialisation: study.minimum.init, seed: study.seed };
        let BuiltProblem { problem, start } = kind.build(data, &study.problem.options, &config)?;
        self.with(&problem, start, stages)
    }

    /// A stage's result: from its checkpoint, or computed and kept.
    fn stage<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        stages: &mut Stages,
        compute: impl FnOnce() -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        if let Some(value) = self.checkpoints.load(name)? {
            stages.finished += 1;
            return Ok(value);
        }
        let begun = Instant::now();
        self.listener.begins(name);
        let value = compute()?;
        if self.stop.is_requested() {
            return Err(RunError::Interrupted { kept: None });
        }
        self.checkpoints.save(name, &value)?;
        stages.finished += 1;
        stages.seconds.push((name.to_owned(), begun.elapsed()));
        // Reading a number from JSON can change its last bit: go on with what a resumed run reads, so that both agree.
        Ok(self.checkpoints.load(name)?.unwrap_or(value))
    }

    fn with<P: Problem>(
        &self,
        problem: &P,
        default_start: Vec<f64>,
        stages: &mut Stages,
    ) -> Result<(Results, Tables), RunError> {
        let minimum = self.stage("minimum", stages, || self.minimum(problem, default_start))?;
        self.listener.say(&format!(
            "minimum: L* = {:.6}, |gradient| = {:.1e}{}, {} parameters",
            minimum.loss,
            minimum.gradient_norm,
            if minimum.converged { "" } else { " (above the tolerance: not a minimum yet)" },
            problem.dim()
        ));
        let config = GeometryConfig { seed: self.study.seed, ..Default::default() };
        let kept: KeptGeometry = self.stage("geometry", stages, || {
            let measured = measure(problem, &minimum, &config, self.stop);
            measured.map(KeptGeometry::from).map_err(|error| match error {
                GeometryError::Interrupted(_) => RunError::Interrupted { kept: None },
                error => RunError::Geometry(error),
            })
        })?;
        let geometry = Geometry::from(kept);
        self.listener.say(&format!(
            "geometry: {} outliers, h* = {}, s = {}, index {}",
            geometry.outliers.count,
            with_interval(&geometry.outliers.h_star),
            with_interval(&geometry.noise_strength),
            geometry.index
        ));
        let mut tables = Tables::of_geometry(&geometry);
        let asked = self.study.escape.as_ref().is_some_and(|table| needs_saddles(&table.region));
        let ways_out: Option<WaysOut> = if asked && problem.dim() > 1 {
            let table = self.study.saddle.clone().unwrap_or_default();
            let found =
                self.stage("saddles", stages, || find_ways_out(problem, &minimum, &table, self.study.seed, self.stop))?;
            self.listener.say(&format!("saddles: {}", found.search.summary()));
            if let Barrier::Saddles { ways_out, .. } = &found.barrier {
                tables.energy_paths = energy_path_rows(ways_out);
            }
            Some(found)
        } else {
            None
        };
        let mut settings = Vec::new();
        let at = AtMinimum::new(problem, &minimum.theta, &geometry, self.study.sgd.precision, self.stop);
        for &learning_rate in &self.study.sgd.learning_rate.0 {
            for &batch_size in &self.study.sgd.batch_size.0 {
                let sgd = SgdSettings { learning_rate, batch_size, sampling: self.study.sgd.sampling };
                let number = settings.len();
                let begun = Instant::now();
                let (setting, more) = self.setting(problem, &minimum, (&at, ways_out.as_ref()), number, sgd)?;
                stages.seconds.push((format!("setting-{number}"), begun.elapsed()));
                settings.push(setting);
                tables.extend(more);
            }
        }
        tables.phase_diagram = self.phase_diagram(problem, &minimum, (&geometry, ways_out.as_ref()), &settings)?;
        let results = Results {
            study: self.study.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            minimum: MinimumRecord::new(&minimum, &geometry),
            geometry: GeometryRecord::from(&geometry),
            saddles: ways_out.as_ref().map(|found| SaddlesRecord::new(&minimum, &found.search, &found.barrier)),
            settings,
        };
        Ok((results, tables))
    }

    /// What theory says around the grid of settings, where that spans a plane.
    fn phase_diagram<P: Problem>(
        &self,
        problem: &P,
        minimum: &Minimum,
        (geometry, ways_out): (&Geometry, Option<&WaysOut>),
        settings: &[SettingRecord],
    ) -> Result<Vec<PhaseRow>, RunError> {
        let (Some(table), Some(first), true) = (&self.study.escape, settings.first(), spans_plane(settings)) else {
            return Ok(Vec::new());
        };
        let SettingRecord { learning_rate, batch_size, .. } = *first;
        let sgd = SgdSettings { learning_rate, batch_size, sampling: self.study.sgd.sampling };
        let (_, barrier) = region_and_barrier(problem, minimum, geometry, ways_out, sgd, table)?;
        Ok(phase_rows((table, self.study.sgd.sampling), geometry, &barrier, settings))
    }

    fn minimum<P: Problem>(&self, problem: &P, default_start: Vec<f64>) -> Result<Minimum, RunError> {
        let table = &self.study.minimum;
        let config = MinimumConfig {
            gradient_tolerance: table.tolerance,
            max_iterations: table.max_iterations as usize,
            ..Default::default()
        };
        let mut start = table.start.clone().unwrap_or(default_start);
        if start.len() != problem.dim() {
            let message = format!(
                "{} numbers, but the problem has {} parameters\n  hint: give one number for each parameter, or none",
                start.len(),
                problem.dim()
            );
            return Err(RunError::input("minimum.start", message));
        }
        if let Some(training) = &table.train {
            let sgd = SgdSettings {
                learning_rate: training.learning_rate,
                batch_size: training.batch_size,
                sampling: Sampling::EpochShuffle,
            };
            start = train(problem, &start, &sgd, training.steps, self.study.seed)?;
        }
        Ok(find_minimum(problem, &start, &config, self.stop)?)
    }

    fn setting<P: Problem>(
        &self,
        problem: &P,
        minimum: &Minimum,
        (at, ways_out): (&AtMinimum, Option<&WaysOut>),
        number: usize,
        sgd: SgdSettings,
    ) -> Result<(SettingRecord, Tables), RunError> {
        self.listener
            .say(&format!("setting {number}: learning rate {}, batch size {}", sgd.learning_rate, sgd.batch_size));
        let law = Stationary::predict(at.geometry, &sgd);
        let mut tables = Tables::default();
        let plain = Mover::sgd(at, sgd)?;
        let tables_beside = self.study.dynamics.iter();
        let beside: Vec<_> = tables_beside.map(|table| Mover::beside(at, sgd, table)).collect::<Result<_, _>>()?;
        let (mut stationary, mut stationary_dynamics) = (None, Vec::new());
        if let Some(table) = &self.study.stationary {
            let mut run = |mover: &Mover| {
                let task = (minimum, at.geometry, &law);
                let (law, rows) =
                    stationary_law(problem, task, number, mover, table, self.study.seed, &self.ensembles)?;
                tables.stationary.extend(rows);
                Ok::<_, RunError>(law)
            };
            stationary = Some(run(&plain)?);
            for mover in &beside {
                let (name, kind) = (mover.name.to_owned(), mover.kind.to_owned());
                let record = DynamicsStationary { name, kind, clock: mover.time_unit(), law: run(mover)? };
                stationary_dynamics.push(record);
            }
        }
        let movers = (&plain, &beside[..]);
        let escape = if let Some(table) = &self.study.escape {
            Some(self.escape(problem, minimum, movers, (at.geometry, ways_out), number, table, &mut tables)?)
        } else {
            self.trajectories(problem, movers, number, &everywhere(minimum, self.study), &mut tables)?;
            None
        };
        let record = SettingRecord {
            learning_rate: sgd.learning_rate,
            batch_size: sgd.batch_size,
            law,
            stationary,
            stationary_dynamics,
            escape,
        };
        Ok((record, tables))
    }

    #[allow(clippy::too_many_arguments, reason = "one setting of one stage, named once")]
    fn escape<'m, P: Problem>(
        &self,
        problem: &P,
        minimum: &Minimum,
        (plain, beside): (&Mover<'m>, &[Mover<'m>]),
        (geometry, ways_out): (&Geometry, Option<&WaysOut>),
        number: usize,
        table: &EscapeTable,
        tables: &mut Tables,
    ) -> Result<EscapeRecord, RunError> {
        let sgd = plain.sgd;
        let (region, barrier) = region_and_barrier(problem, minimum, geometry, ways_out, sgd, table)?;
        if let Barrier::Saddles { path: Some(path), .. } | Barrier::Interval { path, .. } = &barrier {
            tables.path = path_rows(path);
        }
        let run = EscapeRun {
            start: minimum.theta.clone(),
            region: region.clone(),
            replicas: table.replicas,
            max_steps: table.max_steps,
            seed: self.study.seed,
        };
        let predictions: Vec<_> =
            table.theories.chosen(table.xi).map(|theory| theory.predict(geometry, &barrier, &sgd)).collect();
        let ensembles = &self.ensembles;
        let task = Task { problem, number, committed: false, run: &run, table, barrier: &barrier, ensembles };
        let mut run_one = |mover: &Mover| {
            let escaped = mover.escape(&task)?;
            tables.escape_times.extend(mover.rows(number, &escaped));
            Ok::<_, RunError>(escaped)
        };
        let measured = plain.measured(&run_one(plain)?, run.seed);
        let mut record = EscapeRecord::new(region, &predictions, measured, sgd.learning_rate);
        if table.committed {
            record.committed = Some(committed(plain, &task, &record.measured, geometry)?);
        }
        for mover in beside {
            let escaped = run_one(mover)?;
            record.dynamics.push(mover.record(&escaped, &record.measured, run.seed));
        }
        self.trajectories(problem, (plain, beside), number, &run, tables)?;
        Ok(record)
    }

    /// The paths of the first replicas of every dynamics, where the study asks for them.
    fn trajectories<'m, P: Problem>(
        &self,
        problem: &P,
        (plain, beside): (&Mover<'m>, &[Mover<'m>]),
        number: usize,
        run: &EscapeRun,
        tables: &mut Tables,
    ) -> Result<(), RunError> {
        let Some(table) = &self.study.output.trajectories else { return Ok(()) };
        for mover in std::iter::once(plain).chain(beside) {
            tables.trajectories.extend(mover.trajectories(problem, number, run, table, self.stop)?);
        }
        Ok(())
    }
}

/// Committed escapes of SGD: the passage of the task's surfaces moved outward to where few fall back.
fn committed<P: Problem>(
    plain: &Mover,
    task: &Task<P>,
    arrivals: &MeasuredRecord,
    geometry: &Geometry,
) -> Result<CommittedRecord, RunError> {
    let ways_out = if let Barrier::Saddles { ways_out, .. } = task.barrier { &ways_out[..] } else { &[] };
    let batch = plain.sgd.effective_batch_size(geometry.samples);
    let eta = plain.sgd.learning_rate;
    let region = task.run.region.committed(ways_out, eta, batch).ok_or_else(|| {
        let message = "the noise or the curvature at a saddle gives no distance to move its surface by";
        RunError::input("escape.committed", format!("{message}\n  hint: use committed = false"))
    })?;
    let fall = |way: &WayOut| {
        let distance = COMMITTED * way.walk_deviation(eta, batch);
        -0.5 * way.curvature_saddle * distance * distance / (way.loss - geometry.loss)
    };
    let fall = ways_out.iter().map(fall).fold(0.0, f64::max);
    let run = EscapeRun { region: region.clone(), ..task.run.clone() };
    let escaped = plain.escape(&Task { run: &run, committed: true, ..*task })?;
    let measured = plain.measured(&escaped, run.seed);
    Ok(CommittedRecord { region, fall, factor: factor(&measured, arrivals), measured })
}

/// A run that nothing ends before its steps are over, for a study without escape.
fn everywhere(minimum: &Minimum, study: &Study) -> EscapeRun {
    let wall = vec![f64::INFINITY; minimum.theta.len()];
    EscapeRun {
        start: minimum.theta.clone(),
        region: Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall },
        replicas: usize::MAX,
        max_steps: u64::MAX,
        seed: study.seed,
    }
}

/// Batches drawn without replacement must fit the data; told before anything is computed.
fn check_batch_sizes(study: &Study, samples: usize) -> Result<(), RunError> {
    let largest = study.sgd.batch_size.0.iter().copied().max().unwrap_or(0);
    if study.sgd.sampling == Sampling::WithReplacement || largest <= samples {
        return Ok(());
    }
    let message = format!("a batch of {largest} cannot be drawn without replacement from {samples} samples");
    Err(RunError::input(
        "sgd.batch_size",
        message + "\n  hint: use smaller batches, or sampling = \"with-replacement\"",
    ))
}

/// `value [low, high]` with four digits.
pub(crate) fn with_interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    format!("{:.4} [{low:.4}, {high:.4}]", estimate.value)
}
