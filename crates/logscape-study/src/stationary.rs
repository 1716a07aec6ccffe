//! The stationary law of one dynamics in one setting: a long ensemble, its statistics, and the fitted power of the loss.

use crate::beside::Mover;
use crate::ensembles::{Ensembles, stationary_name};
use crate::record::{QuantileRecord, SeriesRecord, StationaryRecord, StationaryRow, stationary_rows};
use crate::runner::RunError;
use crate::schema::StationaryTable;
use logscape::engine::TimeUnit;
use logscape::ensemble::observable::{self, ExcessLoss, Surroundings};
use logscape::ensemble::{EnsembleError, GroupStatistics, StationaryProgress, StationaryRun};
use logscape::model::Minimum;
use logscape::problem::Problem;
use logscape::stats::{BlockMeans, Histogram, HistogramError, TailError, loss_law, quantile, summarise};
use logscape::theory::Stationary;
use logscape::{Estimate, Geometry};
use std::collections::BTreeMap;
use thiserror::Error;

/// Groups that the replicas are split into; intervals come from their scatter.
pub(crate) const GROUPS: usize = 16;
/// Bins of each histogram.
const BINS: usize = 240;
/// Shares whose quantiles are recorded.
const SHARES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Why there is no stationary ensemble.
#[derive(Debug, Error)]
pub enum StationaryError {
    /// The ensemble cannot start.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// The minimum's loss or curvature gives no range for a histogram.
    #[error("no range for a histogram: {0}")]
    Histogram(#[from] HistogramError),
}

/// Runs the ensemble of one dynamics in one setting; returns its record and the rows of its histograms.
pub(crate) fn stationary_law<P: Problem>(
    problem: &P,
    (minimum, geometry, law): (&Minimum, &Geometry, &Stationary),
    number: usize,
    mover: &Mover,
    table: &StationaryTable,
    seed: u64,
    ensembles: &Ensembles,
) -> Result<(StationaryRecord, Vec<StationaryRow>), RunError> {
    let run = plan(problem, minimum, geometry, mover, table, seed)?;
    let all = run.samples * run.replicas as u64;
    let words = |progress: &StationaryProgress| {
        let share = 100.0 * progress.samples() as f64 / all as f64;
        Some(format!("stationary {}: {share:.0} % of {all} samples", mover.name))
    };
    let problem: &dyn Problem = problem;
    let progress = ensembles.run(&stationary_name(number, mover.name), words, |progress, pause| {
        Ok(run.advance(&mover.built.dynamics, problem, progress, pause).map_err(StationaryError::from)?)
    })?;
    Ok(evaluate(&run, &progress.groups(), geometry, law, number, mover)?)
}

/// The ensemble of one dynamics in one setting.
fn plan<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    geometry: &Geometry,
    mover: &Mover,
    table: &StationaryTable,
    seed: u64,
) -> Result<StationaryRun, StationaryError> {
    // A sample costs the loss of all data: as much work for samples as for steps.
    let thin = table.thin.unwrap_or_else(|| (problem.samples() / mover.sgd.batch_size).max(1) as u64);
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
        burn_in: if table.burn_in == 0 { 0 } else { mover.built.steps(table.burn_in) },
        samples: (table.steps / thin).max(1),
        thin: mover.built.steps(thin),
        observables: observable::all(&around)?,
        moments: false,
        seed,
    })
}

/// The record of what the ensemble saw, and the rows of its histograms.
fn evaluate(
    run: &StationaryRun,
    groups: &[GroupStatistics],
    geometry: &Geometry,
    law: &Stationary,
    number: usize,
    mover: &Mover,
) -> Result<(StationaryRecord, Vec<StationaryRow>), StationaryError> {
    let losses: Vec<Histogram> = groups.iter().filter_map(|group| group.histogram(ExcessLoss::NAME).cloned()).collect();
    let fit = loss_law(&losses, geometry.outliers.count as f64, geometry.loss);
    // What is sampled in τ has the law of L^(−1/T), one power less than that in t.
    let powers = if mover.time_unit() == TimeUnit::LandscapeTime { 1.0 } else { 0.0 };
    let exponent = |phi: Estimate| Estimate { value: phi.value + powers, ci95: phi.ci95.map(|end| end + powers) };
    let place = (number, &mover.sgd, mover.name);
    let steps = run.thin as f64 / mover.built.steps_per_sgd_step;
    let (mut rows, mut statistics) = (Vec::new(), BTreeMap::new());
    for name in run.observables.iter().map(|observable| observable.name()) {
        let histograms: Vec<&Histogram> = groups.iter().filter_map(|group| group.histogram(&name)).collect();
        if !histograms.is_empty() {
            rows.extend(stationary_rows(place, &name, &merged(&histograms)?));
        }
        let series: Vec<BlockMeans> =
            groups.iter().filter_map(|group| Some(group.get(&name)?.series.clone())).collect();
        statistics.insert(name, summarise(&series).map(|summary| SeriesRecord::new(&summary, steps)));
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
