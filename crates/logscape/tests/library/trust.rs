//! How often a theory is trusted that is right by chance: verdicts against the chain's exact numbers in one dimension.
//!
//! Studies of several learning rates and batch sizes are judged by measurements that have the exact mean and the error of 75
//! escapes. A trust is false if the theory is off by more than a factor of two from the exact number there, or at half the learning
//! rate, where its assumptions hold better: it was near by chance.

use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{BarrierConfig, MinimumConfig, find_minimum, loss_level, saddles};
use logscape::problem::{LinearRegression, Sinusoid};
use logscape::random::{Purpose, stream};
use logscape::reference::chain::ln_mean_exit_steps;
use logscape::theory::{self, Prediction};
use logscape::verdict::{Measured, TOLERANCE, compare};
use logscape::{Barrier, Estimate, Geometry, Problem, Samples, Sampling, SgdSettings, Stop, Verdict};
use rand::RngExt;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Laplace, Normal};
use std::f64::consts::{LN_10, SQRT_2};

/// Samples of each case.
const SAMPLES: usize = 48;
/// Learning rates of a study, from the smallest on, each twice the one before.
const RATES: i32 = 4;
/// Escapes behind a measurement.
const ESCAPES: f64 = 75.0;

/// One problem in one dimension with its basin.
struct Case {
    name: &'static str,
    problem: Box<dyn Problem>,
    geometry: Geometry,
    barrier: Barrier,
    /// Ends of the basin, with the minimum between them.
    basin: [f64; 3],
}

#[derive(Clone, Copy)]
enum Errors {
    Normal,
    /// Two values of equal chance.
    Sign,
    /// Exponential tails.
    Laplace,
    /// Normal, with a deviation that grows as the input.
    Growing,
}

/// Errors of unit size as the quantiles of their law in a random order.
fn errors(kind: Errors, inputs: &[f64], seed: u64) -> Vec<f64> {
    let mut random = stream(seed, Purpose::Check, 0);
    let mut shares: Vec<f64> = (0..inputs.len()).map(|k| (k as f64 + 0.5) / inputs.len() as f64).collect();
    for k in (1..shares.len()).rev() {
        shares.swap(k, random.random_range(0..=k));
    }
    let (normal, laplace) = (Normal::standard(), Laplace::new(0.0, 1.0 / SQRT_2).expect("a scale"));
    let of = |(u, x): (f64, &f64)| match kind {
        Errors::Normal => normal.inverse_cdf(u),
        Errors::Sign => (u - 0.5).signum(),
        Errors::Laplace => laplace.inverse_cdf(u),
        Errors::Growing => x.abs() * normal.inverse_cdf(u),
    };
    shares.into_iter().zip(inputs).map(of).collect()
}

impl Case {
    fn new(name: &'static str, problem: Box<dyn Problem>, start: f64, level: Option<f64>) -> Self {
        let stop = Stop::new();
        let minimum = find_minimum(&*problem, &[start], &MinimumConfig::default(), &stop).expect("a search");
        assert!(minimum.converged, "{name}");
        let geometry = measure(&*problem, &minimum, &GeometryConfig::default(), &stop).expect("a measurement");
        let (centre, config) = (minimum.theta[0], BarrierConfig::default());
        let barrier = match level {
            Some(factor) => loss_level(&*problem, centre, factor * minimum.loss, &config),
            None => saddles(&*problem, centre, &config),
        };
        let barrier = barrier.expect("a barrier");
        let basin = match &barrier {
            Barrier::Interval { lower, upper, .. } => [*lower, centre, *upper],
            Barrier::Saddles { path: Some(path), .. } => {
                [path.position[0], centre, path.position[path.position.len() - 1]]
            }
            other => panic!("{other:?}"),
        };
        Self { name, problem, geometry, barrier, basin }
    }

    /// `y = sin(3x) + e`, fitted by `sin(θx)`, and left over the tops.
    fn sinusoid(name: &'static str, kind: Errors, size: f64, seed: u64) -> Self {
        let x: Vec<f64> = (0..SAMPLES).map(|k| 3.0 * (k as f64 + 0.5) / SAMPLES as f64).collect();
        let y = x.iter().zip(errors(kind, &x, seed)).map(|(x, e)| (3.0 * x).sin() + size * e).collect();
        Self::new(name, Box::new(Sinusoid::new(x, y, false).expect("data")), 3.0, None)
    }

    /// `y = x + e`, left through a multiple of the least loss; inputs of one size, or normal.
    fn line(name: &'static str, kind: Errors, equal: bool, factor: f64, seed: u64) -> Self {
        let inputs = vec![1.0; SAMPLES];
        let x: Vec<f64> = if equal {
            (0..SAMPLES).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 }).collect()
        } else {
            errors(Errors::Normal, &inputs, seed + 1)
        };
        let y = x.iter().zip(errors(kind, &x, seed)).map(|(x, e)| x + e).collect();
        Self::new(name, Box::new(LinearRegression::new(x, y, 1).expect("data")), 0.5, Some(factor))
    }

    /// `log10` of the chain's exact mean number of steps, batches of one or two with replacement.
    fn exact(&self, learning_rate: f64, batch_size: usize) -> f64 {
        let samples = self.problem.samples();
        let slopes = |theta: f64| {
            let (mut out, mut scratch) = (vec![0.0; samples], vec![0.0; self.problem.scratch_len(samples)]);
            self.problem.per_sample_gradients_into(&[theta], Samples::Range(0..samples), &mut out, &mut scratch);
            out
        };
        let images = |theta: f64, to: &mut Vec<(f64, f64)>| {
            let g = slopes(theta);
            match batch_size {
                1 => to.extend(g.iter().map(|g| (theta - learning_rate * g, 1.0 / samples as f64))),
                2 => to.extend(g.iter().enumerate().flat_map(|(i, a)| {
                    let pairs = g[i..].iter().enumerate();
                    pairs.map(move |(j, b)| {
                        let ways = if j == 0 { 1.0 } else { 2.0 };
                        (theta - learning_rate * 0.5 * (a + b), ways / (samples * samples) as f64)
                    })
                })),
                other => panic!("batches of {other}"),
            }
        };
        let [lower, _, upper] = self.basin;
        let deviation = (0..=50).map(|k| {
            let g = slopes(lower + (upper - lower) * f64::from(k) / 50.0);
            let mean = g.iter().sum::<f64>() / samples as f64;
            (g.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (samples * batch_size) as f64).sqrt()
        });
        let least = learning_rate * deviation.fold(f64::INFINITY, f64::min);
        // What the spreading of images costs falls as the square of a cell: two grids and Richardson's extrapolation.
        let [coarse, fine] = [4.0, 6.0].map(|per_deviation| {
            let cells = (per_deviation * (upper - lower) / least).ceil() as usize;
            ln_mean_exit_steps(&images, self.basin, cells).expect("a number") / LN_10
        });
        fine + (fine - coarse) / (1.5_f64.powi(2) - 1.0)
    }

    fn predictions(&self, learning_rate: f64, batch_size: usize) -> Vec<Prediction> {
        let sgd = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
        theory::all().iter().map(|theory| theory.predict(&self.geometry, &self.barrier, &sgd)).collect()
    }
}

/// Cases with the largest `ηh` of their study.
fn cases() -> Vec<(f64, Case)> {
    let made: Vec<(f64, fn() -> Case)> = vec![
        (0.4, || Case::sinusoid("sinusoid, normal errors", Errors::Normal, 0.5, 61)),
        (0.4, || Case::sinusoid("sinusoid, normal errors, other data", Errors::Normal, 0.6, 62)),
        (0.4, || Case::sinusoid("sinusoid, two-valued errors", Errors::Sign, 0.6, 63)),
        (0.4, || Case::sinusoid("sinusoid, Laplace errors", Errors::Laplace, 0.6, 64)),
        (0.4, || Case::sinusoid("sinusoid, growing errors", Errors::Growing, 0.4, 65)),
        (0.2, || Case::line("line, equal inputs, 1.2 L*", Errors::Normal, true, 1.2, 66)),
        (0.2, || Case::line("line, equal inputs, 1.5 L*", Errors::Normal, true, 1.5, 67)),
        (0.4, || Case::line("line, equal inputs, 3 L*", Errors::Normal, true, 3.0, 68)),
        (0.4, || Case::line("line, equal inputs, Laplace errors, 2 L*", Errors::Laplace, true, 2.0, 69)),
        (0.1, || Case::line("line, normal inputs, 1.1 L*", Errors::Normal, false, 1.1, 70)),
        (0.2, || Case::line("line, normal inputs, 1.3 L*", Errors::Normal, false, 1.3, 71)),
        (0.4, || Case::line("line, normal inputs, 3 L*", Errors::Normal, false, 3.0, 72)),
        (0.4, || Case::line("line, normal inputs, Laplace errors, 4 L*", Errors::Laplace, false, 4.0, 73)),
        (0.4, || Case::line("line, normal inputs, growing errors, 3 L*", Errors::Growing, false, 3.0, 74)),
    ];
    made.into_par_iter().map(|(largest, case)| (largest, case())).collect()
}

/// What a study of one case comes to, in numbers of settings.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    settings: usize,
    /// Where a theory is trusted.
    trusted: usize,
    /// Where that is by chance.
    false_trusts: usize,
    /// Where some theory is right, here and at half the rate.
    right: usize,
    /// Of these, where one is trusted.
    right_trusts: usize,
    /// Where the nearest theory that holds is right by chance, whatever its checks say.
    false_nearest: usize,
    /// Where a theory holds.
    nearest: usize,
}

fn tally((largest, case): &(f64, Case)) -> Tally {
    let rates: Vec<f64> = (0..=RATES).map(|k| largest * 0.5_f64.powi(k) / case.geometry.eigenvalues[0]).collect();
    let mut random = stream(99, Purpose::Check, case.name.len() as u64);
    let normal = Normal::standard();
    let mut tally = Tally::default();
    let mut settings = Vec::new();
    let mut exact = Vec::new();
    for batch_size in [1, 2] {
        let steps: Vec<f64> = rates.iter().map(|&rate| case.exact(rate, batch_size)).collect();
        for (k, &learning_rate) in rates.iter().enumerate().take(RATES as usize) {
            let predictions = case.predictions(learning_rate, batch_size);
            // ln of the mean of n exponential times has a standard error of 1/sqrt(n).
            let deviation = 1.0 / ESCAPES.sqrt() / LN_10;
            let seen = steps[k] + deviation * normal.inverse_cdf(random.random());
            let measured = Estimate::new(seen, seen - 1.96 * deviation, seen + 1.96 * deviation);
            let sgd = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
            settings.push((sgd, Verdict::new(&predictions, Measured::Mean(measured))));
            let finer = case.predictions(rates[k + 1], batch_size);
            let near = |prediction: &Prediction, steps: f64| {
                prediction.log10_mean_steps.is_some_and(|log10| (log10 - steps).abs() <= TOLERANCE)
            };
            let right: Vec<String> = predictions
                .iter()
                .zip(&finer)
                .filter(|(here, there)| near(here, steps[k]) && near(there, steps[k + 1]))
                .map(|(here, _)| here.theory.clone())
                .collect();
            exact.push(right);
        }
    }
    compare(&mut settings);
    for ((_, verdict), right) in settings.iter().zip(&exact) {
        tally.settings += 1;
        tally.right += usize::from(!right.is_empty());
        if let Some(nearest) = verdict.agrees().next() {
            tally.nearest += 1;
            tally.false_nearest += usize::from(!right.contains(&nearest.theory));
        }
        if let Some(trusted) = verdict.trusted() {
            tally.trusted += 1;
            tally.right_trusts += usize::from(right.contains(&trusted.theory));
            tally.false_trusts += usize::from(!right.contains(&trusted.theory));
        }
    }
    tally
}

impl Tally {
    fn add(self, other: &Self) -> Self {
        Self {
            settings: self.settings + other.settings,
            trusted: self.trusted + other.trusted,
            false_trusts: self.false_trusts + other.false_trusts,
            right: self.right + other.right,
            right_trusts: self.right_trusts + other.right_trusts,
            nearest: self.nearest + other.nearest,
            false_nearest: self.false_nearest + other.false_nearest,
        }
    }
}

/// `cargo test --test library trusted -- --nocapture` prints the table of the book.
#[test]
fn theories_are_trusted_where_they_are_right_and_not_where_they_agree_by_chance() {
    let tallies: Vec<(&str, Tally)> = cases().par_iter().map(|case| (case.1.name, tally(case))).collect();
    println!("case | settings | agreeing, by chance | right | trusted, by chance");
    let print = |name: &str, t: &Tally| {
        let (agree, trust) = ([t.nearest, t.false_nearest], [t.trusted, t.false_trusts]);
        println!("{name} | {} | {}, {} | {} | {}, {}", t.settings, agree[0], agree[1], t.right, trust[0], trust[1]);
    };
    tallies.iter().for_each(|(name, tally)| print(name, tally));
    let all = tallies.iter().fold(Tally::default(), |sum, (_, tally)| sum.add(tally));
    print("all", &all);
    assert!(all.settings >= 40 && all.trusted >= 20, "{all:?}");
    assert!(20 * all.false_trusts < all.trusted, "{all:?}");
    // Most of what is not trusted although right is at learning rates that are not small.
    assert!(2 * all.right_trusts > all.right, "{all:?}");
    // Without checks a good part of what agrees does so by chance.
    assert!(4 * all.false_nearest > all.nearest, "{all:?}");
}
