//! Runs a study: data, minimum, geometry, predictions, simulation, comparison.

use crate::build::{dataset, initialisation, layers};
use crate::record::{EscapeRecord, MinimumRecord, RecordError, Results, SettingRecord};
use crate::schema::{EscapeTable, ProblemKind, RegionText, Study};
use logscape::data::{DataError, Dataset};
use logscape::ensemble::{EnsembleError, EscapeRun, Interrupt, Region, rate_estimate};
use logscape::landscape::{
    BarrierConfig, BarrierError, Minimum, MinimumConfig, MinimumError, find_minimum, interval, loss_level, saddles,
};
use logscape::noise::{GeometryConfig, GeometryError, measure};
use logscape::problem::{LinearRegression, Mlp, PhaseRetrieval, Problem, ProblemError, Sinusoid};
use logscape::theory::{self, Stationary};
use logscape::{Barrier, Estimate, Geometry, SgdSettings};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
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
    #[error("problem: {0}")]
    Problem(#[from] ProblemError),
    /// There is no minimum to measure.
    #[error("minimum: {0}")]
    Minimum(#[from] MinimumError),
    /// The geometry cannot be measured.
    #[error("geometry: {0}")]
    Geometry(GeometryError),
    /// There is no way out where the study asks for one.
    #[error("escape.region: {0}")]
    Barrier(#[from] BarrierError),
    /// The simulation cannot start.
    #[error("escape: {0}")]
    Ensemble(#[from] EnsembleError),
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The user ended the run.
    #[error("interrupted; nothing was kept")]
    Interrupted,
}

impl RunError {
    pub(crate) fn input(field: &'static str, message: String) -> Self {
        Self::Input { field, message }
    }

    /// Whether other input would mend it.
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Interrupted | Self::Record(RecordError::Write { .. }) | Self::Geometry(_))
    }
}

/// What a run tells while it works.
pub trait Listener: Sync {
    /// A stage begins or has a result.
    fn say(&self, words: &str);
    /// So many of so many replicas of the current ensemble have ended.
    fn replicas(&self, ended: u64, of: u64);
}

/// Runs the study; relative paths in it start at `base`.
///
/// # Errors
/// [`RunError`] when the study does not fit its data, or on an interrupt.
pub fn run(study: &Study, base: &Path, interrupt: &Interrupt, listener: &dyn Listener) -> Result<Results, RunError> {
    let data = dataset(&study.problem.data, base, study.seed)?;
    listener.say(&format!("data: {} samples, {} inputs, {} targets", data.len(), data.input_dim, data.target_dim));
    let run = Run { study, interrupt, listener };
    match study.problem.kind {
        ProblemKind::LinearRegression => {
            scalar_target(&data)?;
            let start = vec![0.0; data.input_dim];
            run.with(&LinearRegression::new(data.inputs, data.targets, data.input_dim)?, start)
        }
        ProblemKind::PhaseRetrieval => {
            scalar_target(&data)?;
            let start = vec![1.0; data.input_dim];
            run.with(&PhaseRetrieval::new(data.inputs, data.targets, data.input_dim)?, start)
        }
        ProblemKind::Sinusoid => {
            scalar_target(&data)?;
            if data.input_dim != 1 {
                return Err(RunError::input("problem.data", format!("a sinusoid has 1 input, not {}", data.input_dim)));
            }
            let start = if study.problem.amplitude { vec![1.0, 1.0] } else { vec![1.0] };
            run.with(&Sinusoid::new(data.inputs, data.targets, study.problem.amplitude)?, start)
        }
        ProblemKind::Mlp => {
            let (sizes, activation) = layers(&study.problem, &data)?;
            let problem = Mlp::new(&sizes, activation, data.inputs, data.targets)?;
            let start = problem.init(initialisation(&study.minimum.init)?, &mut ChaCha8Rng::seed_from_u64(study.seed));
            run.with(&problem, start)
        }
        ProblemKind::MatrixFactorisation => {
            Err(RunError::input("problem.kind", "a study cannot describe a matrix's entries yet".to_owned()))
        }
    }
}

fn scalar_target(data: &Dataset) -> Result<(), RunError> {
    if data.target_dim == 1 {
        return Ok(());
    }
    Err(RunError::input("problem.data", format!("the problem has 1 target, the data {}", data.target_dim)))
}

/// A study on its way.
struct Run<'a> {
    study: &'a Study,
    interrupt: &'a Interrupt,
    listener: &'a dyn Listener,
}

impl Run<'_> {
    fn with<P: Problem>(&self, problem: &P, default_start: Vec<f64>) -> Result<Results, RunError> {
        let minimum = self.minimum(problem, default_start)?;
        let geometry =
            measure(problem, &minimum, &GeometryConfig { seed: self.study.seed, ..Default::default() }, &|| {
                self.interrupt.is_requested()
            })
            .map_err(|error| match error {
                GeometryError::Interrupted(_) => RunError::Interrupted,
                error => RunError::Geometry(error),
            })?;
        self.listener.say(&format!(
            "geometry: {} outliers, h* = {}, s = {}, index {}",
            geometry.outliers.count,
            with_interval(&geometry.outliers.h_star),
            with_interval(&geometry.noise_strength),
            geometry.index
        ));
        let mut settings = Vec::new();
        for &learning_rate in &self.study.sgd.learning_rate.0 {
            for &batch_size in &self.study.sgd.batch_size.0 {
                let sgd = SgdSettings { learning_rate, batch_size, sampling: self.study.sgd.sampling };
                settings.push(self.setting(problem, &minimum, &geometry, sgd)?);
            }
        }
        Ok(Results {
            study: self.study.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            minimum: MinimumRecord {
                theta: (problem.dim() <= 10_000).then(|| minimum.theta.clone()),
                loss: minimum.loss,
                gradient_norm: minimum.gradient_norm,
                converged: minimum.converged,
                index: geometry.index,
                parameters: problem.dim(),
                samples: problem.samples(),
            },
            geometry,
            settings,
        })
    }

    fn minimum<P: Problem>(&self, problem: &P, default_start: Vec<f64>) -> Result<Minimum, RunError> {
        let table = &self.study.minimum;
        let config = MinimumConfig {
            gradient_tolerance: table.tolerance,
            max_iterations: table.max_iterations as usize,
            ..Default::default()
        };
        let start = table.start.clone().unwrap_or(default_start);
        let minimum = find_minimum(problem, &start, &config, &|| self.interrupt.is_requested())?;
        if self.interrupt.is_requested() {
            return Err(RunError::Interrupted);
        }
        self.listener.say(&format!(
            "minimum: L* = {:.6}, |gradient| = {:.1e}{}, {} parameters",
            minimum.loss,
            minimum.gradient_norm,
            if minimum.converged { "" } else { " (above the tolerance: not a minimum yet)" },
            problem.dim()
        ));
        Ok(minimum)
    }

    fn setting<P: Problem>(
        &self,
        problem: &P,
        minimum: &Minimum,
        geometry: &Geometry,
        sgd: SgdSettings,
    ) -> Result<SettingRecord, RunError> {
        let escape = self.study.escape.as_ref().map(|table| self.escape(problem, minimum, geometry, sgd, table));
        Ok(SettingRecord {
            learning_rate: sgd.learning_rate,
            batch_size: sgd.batch_size,
            law: Stationary::predict(geometry, &sgd),
            escape: escape.transpose()?,
        })
    }

    fn escape<P: Problem>(
        &self,
        problem: &P,
        minimum: &Minimum,
        geometry: &Geometry,
        settings: SgdSettings,
        table: &EscapeTable,
    ) -> Result<EscapeRecord, RunError> {
        let (region, barrier) = region_and_barrier(problem, minimum, geometry, settings, table)?;
        let run = EscapeRun {
            start: minimum.theta.clone(),
            settings,
            region: region.clone(),
            replicas: table.replicas,
            max_steps: table.max_steps,
            seed: self.study.seed,
        };
        let ended = |count| self.listener.replicas(count, table.replicas as u64);
        let terminations = run.run(problem, self.interrupt, ended)?;
        if self.interrupt.is_requested() {
            return Err(RunError::Interrupted);
        }
        let measured = rate_estimate(&terminations, self.study.seed);
        let predictions: Vec<_> =
            theory::all().iter().map(|theory| theory.predict(geometry, &barrier, &settings)).collect();
        let log10_mean_steps =
            measured.mean_steps.map(|steps| Estimate { value: steps.value.log10(), ci95: steps.ci95.map(f64::log10) });
        let error = |predicted: Option<f64>| Some(predicted? - log10_mean_steps?.value);
        let errors = || predictions.iter().map(|p| (p.theory.clone(), error(p.log10_mean_steps)));
        let best = errors()
            .filter_map(|(name, error)| Some((name, error?.abs())))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(name, _)| name);
        Ok(EscapeRecord {
            region,
            error_decades: errors().collect(),
            predictions: predictions.iter().map(|p| (p.theory.clone(), p.into())).collect(),
            measured,
            log10_mean_steps,
            best,
        })
    }
}

/// The region that is simulated and the barrier that theories see, for what the study calls escape.
fn region_and_barrier<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    geometry: &Geometry,
    sgd: SgdSettings,
    table: &EscapeTable,
) -> Result<(Region, Barrier), RunError> {
    let region = &table.region;
    if problem.dim() == 1 {
        return on_the_line(problem, minimum, region);
    }
    let level = |loss: f64| {
        let fastest = geometry.eigenvalues.first().map_or(f64::NAN, |sharpest| 0.1 / (sgd.learning_rate * sharpest));
        let check_every = table.check_every.unwrap_or(fastest.max(1.0) as u64);
        (Region::LossLevel { loss, check_every }, Barrier::Level { loss })
    };
    match region {
        RegionText::LossLevel(loss) => Ok(level(*loss)),
        RegionText::LossFactor(factor) => Ok(level(factor * minimum.loss)),
        RegionText::Ball(radius) => {
            let loss = minimum.loss + 0.5 * geometry.outliers.h_star.value * radius * radius;
            Ok((Region::Ball { centre: minimum.theta.clone(), radius: *radius }, Barrier::Level { loss }))
        }
        RegionText::Box(_) | RegionText::DividingSurface => {
            let message = format!("a problem with {} parameters needs loss-level, loss-factor or ball", problem.dim());
            Err(RunError::input("escape.region", message))
        }
    }
}

/// [`region_and_barrier`] in one dimension, where every region is an interval.
fn on_the_line<P: Problem>(problem: &P, minimum: &Minimum, region: &RegionText) -> Result<(Region, Barrier), RunError> {
    let centre = minimum.theta[0];
    let config = BarrierConfig::default();
    let barrier = match region {
        RegionText::DividingSurface => saddles(problem, centre, &config)?,
        RegionText::LossLevel(level) => loss_level(problem, centre, *level, &config)?,
        RegionText::LossFactor(factor) => loss_level(problem, centre, factor * minimum.loss, &config)?,
        RegionText::Ball(radius) => interval(problem, centre, centre - radius, centre + radius, &config)?,
        RegionText::Box(bounds) => match bounds[..] {
            [[lower, upper]] => interval(problem, centre, lower, upper, &config)?,
            _ => return Err(RunError::input("escape.region", "a box on the line has one side".to_owned())),
        },
    };
    let ends = match &barrier {
        Barrier::Interval { lower, upper, .. } => (*lower, *upper),
        Barrier::Saddles { ways_out, .. } => ways_out.iter().fold((f64::NEG_INFINITY, f64::INFINITY), |(l, u), way| {
            let top = way.theta[0];
            if top < centre { (l.max(top), u) } else { (l, u.min(top)) }
        }),
        Barrier::Level { .. } => (f64::NEG_INFINITY, f64::INFINITY),
    };
    Ok((Region::interval(ends.0, ends.1), barrier))
}

/// `value [low, high]` with four digits.
pub(crate) fn with_interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    format!("{:.4} [{low:.4}, {high:.4}]", estimate.value)
}
