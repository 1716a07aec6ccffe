//! How long SGD stays in a minimum: every theory beside the measurement.

use logscape::ensemble::{EscapeRun, Region, rate_estimate};
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{BarrierConfig, MinimumConfig, find_minimum, saddles};
use logscape::problem::Sinusoid;
use logscape::theory;
use logscape::verdict::Measured;
use logscape::{Barrier, Sampling, SgdSettings, Stop, Verdict};

/// Prints the verdict.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // y = sin(3x) and an error that is independent of x, fitted by sin(θx).
    let x: Vec<f64> = (0..200).map(|k| 3.0 * f64::from(k) / 199.0).collect();
    let y = x.iter().zip(0..).map(|(x, k)| (3.0 * x).sin() + 0.3 * f64::from(k * k % 7 - 3) / 2.0).collect();
    let problem = Sinusoid::new(x, y, false)?;
    let stop = Stop::new();

    let minimum = find_minimum(&problem, &[5.5], &MinimumConfig::default(), &stop)?;
    let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &stop)?;
    let barrier = saddles(&problem, minimum.theta[0], &BarrierConfig::default())?;
    let Barrier::Saddles { ways_out, .. } = &barrier else { return Err("no barrier top".into()) };
    let tops = ways_out.iter().map(|way| way.theta[0]);
    let (lower, upper) = (tops.clone().fold(f64::INFINITY, f64::min), tops.fold(f64::NEG_INFINITY, f64::max));

    let sgd = SgdSettings { learning_rate: 0.1, batch_size: 1, sampling: Sampling::WithReplacement };
    let run = EscapeRun {
        start: minimum.theta.clone(),
        region: Region::interval(lower, upper),
        replicas: 400,
        max_steps: 1_000_000,
        seed: 7,
    };
    let ends = run.run_sgd(&problem, sgd, &stop, |_| {})?;
    let rate = rate_estimate(&ends, run.seed);
    let mean = rate.mean_steps.ok_or("no replica escaped")?;
    println!("measured: {:.0} [{:.0}, {:.0}] steps", mean.value, mean.ci95[0], mean.ci95[1]);

    let predictions: Vec<_> = theory::all().iter().map(|theory| theory.predict(&geometry, &barrier, &sgd)).collect();
    for prediction in &predictions {
        let steps = prediction.log10_mean_steps.map_or("does not apply".to_owned(), |log| format!("10^{log:.2} steps"));
        println!("{:<24}{steps}", prediction.theory);
    }
    println!("{}", Verdict::new(&predictions, Measured::new(Some(mean), rate.mean_steps_lower_bound)));
    Ok(())
}
