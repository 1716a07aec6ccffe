//! The stationary law of one dynamics in one setting: a long ensemble, its statistics, and the fitted power of the loss.

use super::dynamics::{DynamicsInput, StudyDynamics};
use super::{Context, Ensemble, Known};
use crate::asked::StationaryTable;
use crate::error::{RunError, StationaryError};
use crate::events::{Event, Progress, Unit};
use crate::record::{QuantileRecord, SeriesRecord, StationaryRecord, StationaryRow, stationary_rows};
use crate::store::Key;
use logscape::engine::TimeUnit;
use logscape::ensemble::observable::{self, ExcessLoss, Surroundings};
use logscape::ensemble::{GroupStatistics, StationaryProgress, StationaryRun};
use logscape::stats::{BlockMeans, Histogram, HistogramError, TailError, loss_law, quantile, summarise};
use logscape::theory::Stationary;
use logscape::{Estimate, Geometry, Stop};
use serde::Serialize;
use std::collections::BTreeMap;

/// Groups that the replicas are split into; intervals come from their scatter.
pub(crate) const GROUPS: usize = 16;
/// Bins of each histogram.
const BINS: usize = 240;
/// Shares whose quantiles are recorded.
const SHARES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Replicas of one dynamics.
struct StationaryEnsemble<'a, 'd> {
    context: &'a Context<'a>,
    known: &'a Known,
    dynamics: &'a StudyDynamics<'d>,
    run: &'a StationaryRun,
}

/// What replicas depend on.
#[derive(Serialize)]
struct Input<'a> {
    minimum: &'a Key,
    geometry: &'a Key,
    dynamics: DynamicsInput<'a>,
    groups: usize,
    burn_in: u64,
    samples: u64,
    thin: u64,
    observables: Vec<String>,
    seed: u64,
}

impl Ensemble for StationaryEnsemble<'_, '_> {
    type Progress = StationaryProgress;

    fn name(&self) -> &'static str {
        "stationary"
    }

    fn input(&self) -> impl Serialize {
        let StationaryRun { groups, burn_in, samples, thin, seed, .. } = *self.run;
        let observables: Vec<String> = self.run.observables.iter().map(|observable| observable.name()).collect();
        Input {
            minimum: &self.known.minimum.key,
            geometry: &self.known.geometry.key,
            dynamics: self.dynamics.input(self.context.study.sgd.precision),
            groups,
            burn_in,
            samples,
            thin,
            observables,
            seed,
        }
    }

    fn size(&self) -> usize {
        self.run.replicas
    }

    fn advance(&self, progress: &mut StationaryProgress, stop: &Stop) -> Result<bool, RunError> {
        let advanced = self.run.advance(&self.dynamics.built.dynamics, self.context.problem, progress, stop);
        Ok(advanced.map_err(StationaryError::from)?)
    }

    fn grow(&self, progress: &mut StationaryProgress, size: usize) {
        progress.extend(size);
    }

    fn tell(&self, progress: &StationaryProgress, seconds: f64) {
        self.context.events.tell(&Event::Progress(Progress {
            setting: self.dynamics.setting.number,
            dynamics: self.dynamics.name.to_owned(),
            stage: "stationary",
            method: "direct",
            unit: Unit::Samples,
            done: progress.samples(),
            expected: self.run.samples * self.run.replicas as u64,
            seconds,
            done_before: 0,
        }));
    }
}

/// Runs the ensemble of one dynamics in one setting; returns its record and the rows of its histograms.
pub(super) fn stationary_law(
    context: &Context,
    known: &Known,
    dynamics: &StudyDynamics,
    law: &Stationary,
    table: &StationaryTable,
) -> Result<(StationaryRecord, Vec<StationaryRow>), RunError> {
    if let Some(reason) = &known.geometry.value.interpolating {
        let note = format!("the fit interpolates, {reason}: SGD comes to rest, and there is no stationary law");
        return Ok((StationaryRecord::none(note), Vec::new()));
    }
    let run = plan(context, known, dynamics, table)?;
    let progress = context.ensemble(&StationaryEnsemble { context, known, dynamics, run: &run })?;
    Ok(evaluate(&run, &progress.groups(), &known.geometry.value, law, dynamics)?)
}

/// The ensemble of one dynamics in one setting.
pub(super) fn plan(
    context: &Context,
    known: &Known,
    dynamics: &StudyDynamics,
    table: &StationaryTable,
) -> Result<StationaryRun, StationaryError> {
    let (problem, minimum, geometry) = (context.problem, &known.minimum.value, &known.geometry.value);
    // A sample costs the loss of all data: as much work for samples as for steps.
    let thin = table.thin.unwrap_or_else(|| (problem.samples() / dynamics.setting.sgd.batch_size).max(1) as u64);
    let around = Surroundings {
        minimum: &minimum.theta,
        loss: geometry.loss,
        curvature: geometry.outliers.h_star.value,
        directions: &geometry.vectors[..table.directions.min(geometry.vectors.len())],
        bins: BINS,
    };
    Ok(StationaryRun {
        start: minimum.theta.clone(),
        replicas: table.replicas,
        groups: GROUPS.min(table.replicas),
        burn_in: if table.burn_in == 0 { 0 } else { dynamics.built.steps(table.burn_in) },
        samples: (table.steps / thin).max(1),
        thin: dynamics.built.steps(thin),
        observables: observable::all(&around)?,
        moments: false,
        seed: context.study.seed,
    })
}

/// The record of what the ensemble saw, and the rows of its histograms.
fn evaluate(
    run: &StationaryRun,
    groups: &[GroupStatistics],
    geometry: &Geometry,
    law: &Stationary,
    dynamics: &StudyDynamics,
) -> Result<(StationaryRecord, Vec<StationaryRow>), StationaryError> {
    let losses: Vec<Histogram> = groups.iter().filter_map(|group| group.histogram(ExcessLoss::NAME).cloned()).collect();
    let outliers = geometry.outliers.count as f64;
    let fit = loss_law(&losses, outliers, geometry.loss);
    // What is sampled in τ has the law of L^(−1/T), one power less than that in t.
    let powers = if dynamics.time_unit() == TimeUnit::LandscapeTime { 1.0 } else { 0.0 };
    let exponent = |phi: Estimate| Estimate { value: phi.value + powers, ci95: phi.ci95.map(|end| end + powers) };
    let place = (dynamics.setting.number, &dynamics.setting.sgd, dynamics.name);
    let steps = run.thin as f64 / dynamics.built.steps_per_sgd_step;
    let (mut rows, mut statistics) = (Vec::new(), BTreeMap::new());
    for name in run.observables.iter().map(|observable| observable.name()) {
        let histograms: Vec<&Histogram> = groups.iter().filter_map(|group| group.histogram(&name)).collect();
        if !histograms.is_empty() {
            rows.extend(stationary_rows(place, &name, &merged(&histograms)?));
        }
        let series: Vec<BlockMeans> =
            groups.iter().filter_map(|group| Some(group.get(&name)?.series.clone())).collect();
        let heavy = name == ExcessLoss::NAME && fit.as_ref().is_ok_and(|fit| fit.lacks_fourth_moment(outliers));
        let summary = summarise(&series).map(|found| if heavy { found.without_fourth_moment() } else { found });
        statistics.insert(name, summary.map(|summary| SeriesRecord::new(&summary, steps)));
    }
    let samples: u64 = losses.iter().map(Histogram::total).sum();
    let note = |error: TailError| {
        if samples == 0 { "every replica diverged before it was sampled".to_owned() } else { error.to_string() }
    };
    let record = StationaryRecord {
        tail_exponent_predicted: law.phi,
        tail_exponent_predicted_measured: law.phi_measured,
        tail_exponent: fit.as_ref().ok().map(|fit| exponent(fit.exponent)),
        distance: fit.as_ref().ok().map(|fit| fit.distance),
        note: fit.err().map(note),
        samples,
        diverged: groups.iter().map(|group| group.diverged).sum(),
        statistics,
        excess_loss_quantiles: SHARES
            .iter()
            .map(|&share| QuantileRecord { share, value: quantile(&losses, share) })
            .collect(),
    };
    Ok((record, rows))
}

fn merged(histograms: &[&Histogram]) -> Result<Histogram, HistogramError> {
    let (first, others) = histograms.split_first().ok_or(HistogramError::NoBins)?;
    let mut all = (*first).clone();
    for other in others {
        all.merge(other)?;
    }
    Ok(all)
}
