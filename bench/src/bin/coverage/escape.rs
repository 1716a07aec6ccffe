//! Escape times: exponential ones, those of chains, and rates from repeats.

use crate::table::Table;
use logscape::engine::AnyDynamics;
use logscape::ensemble::{EscapeRun, Region, rate_estimate};
use logscape::problem::LinearRegression;
use logscape::random::{Purpose, stream};
use logscape::rare::{RareMethod, RareProgress, RareRun, Score};
use logscape::stats::{Observation, RateEstimate, kaplan_meier, mean_of_repeats, survival_quantile};
use logscape::{Estimate, Stop};
use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use std::error::Error;

pub(crate) fn rows(table: Table) -> Result<(), Box<dyn Error>> {
    for (replicas, end) in [(5, f64::INFINITY), (20, f64::INFINITY), (20, 0.5), (200, 0.1)] {
        let seen = 100.0 * (1.0 - f64::exp(-end));
        let from = format!("{replicas} exponential times, {seen:.0} % seen");
        let median = 2.0_f64.ln();
        table.rows(&from, [("mean escape time", 1.0), ("its median", median), ("Weibull shape", 1.0)], |seed| {
            let mut rng = stream(seed, Purpose::Check, replicas);
            let times: Vec<Observation> = (0..replicas)
                .map(|_| -(1.0 - rng.random::<f64>()).ln())
                .map(|time| Observation { time: time.min(end), event: time <= end })
                .collect();
            let rate = RateEstimate::from_observations(&times, 0, "", seed);
            [rate.mean_steps, survival_quantile(&kaplan_meier(&times), 0.5), rate.weibull.map(|law| law.shape)]
        });
    }
    for (repeats, scatter) in [(5, 0.3), (5, 1.5), (20, 0.3), (20, 1.5)] {
        let law = LogNormal::new(-0.5 * scatter * scatter, scatter)?;
        let from = format!("{repeats} repeats, logarithms scattered by {scatter}");
        table.rows(&from, [("rate from repeats", 1.0)], |seed| {
            let mut rng = stream(seed, Purpose::Check, repeats);
            let values: Vec<f64> = (0..repeats).map(|_| law.sample(&mut rng)).collect();
            [mean_of_repeats(&values, f64::INFINITY)]
        });
    }
    coin(table)
}

/// `−log₂(1 − |θ|)`: the length of the last run of equal signs, and a fraction.
struct RunLength;

impl Score for RunLength {
    type Scratch = ();

    fn scratch(&self) {}

    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        -(1.0 - theta[0].abs()).log2()
    }
}

/// SGD on `y = ±1` at `x = 1` with `η = ½`, `θ ← (θ ± 1)/2`, leaves `|θ| ≤ 1 − 2^−m` at the first run of `m + 1` equal signs:
/// after `2^(m+1) − 1` steps on average (Feller 1968, XIII.7).
fn coin(table: Table) -> Result<(), Box<dyn Error>> {
    let problem = LinearRegression::new(vec![1.0, 1.0], vec![1.0, -1.0], 1)?;
    let dynamics = logscape_bench::sgd::<f64>(&problem, 0.5, 1);
    let region = |m: i32| Region::interval(0.5_f64.powi(m) - 1.0, 1.0 - 0.5_f64.powi(m));
    let exact = |m: i32| 2.0_f64.powi(m + 1) - 1.0;
    for replicas in [20, 200] {
        let from = format!("SGD on two samples, {replicas} replicas");
        table.rows(&from, [("mean escape time", exact(9))], |seed| {
            let run = EscapeRun { start: vec![0.0], region: region(9), replicas, max_steps: 1_000_000, seed };
            [run.run(&dynamics, &problem, &Stop::new(), |_| {})
                .ok()
                .and_then(|ends| rate_estimate(&ends, seed).mean_steps)]
        });
    }
    for method in [RareMethod::Splitting, RareMethod::ForwardFlux] {
        for (m, trajectories, repeats) in [(15, 180, 12), (30, 40, 5)] {
            let from = format!("{}, {trajectories} trajectories, {repeats} repeats", method.name());
            table.rows(&from, [("mean escape time", exact(m))], |seed| {
                let run = RareRun::new(vec![0.0], region(m), method, seed);
                let run = RareRun { trajectories, repeats, ..run };
                [rate(&run, &dynamics, &problem)]
            });
        }
    }
    Ok(())
}

fn rate(run: &RareRun, dynamics: &AnyDynamics, problem: &LinearRegression) -> Option<Estimate> {
    let mut progress = RareProgress::default();
    run.advance(dynamics, &RunLength, problem, &mut progress, &Stop::new()).ok()?;
    run.estimate(&progress).mean_steps
}
