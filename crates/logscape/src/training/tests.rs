//! Updates against the sums that they stand for, schedules at their corners, and what an interruption changes: nothing.

use super::*;
use crate::operator::testing::Linear;
use crate::problem::{LinearRegression, QuadraticBasin};
use crate::{Problem, Sampling, Stop};
use std::sync::atomic::{AtomicU64, Ordering};

/// Curvature of the basin of the tests on one parameter.
const H: f64 = 2.0;
/// Learning rate there.
const ETA: f64 = 0.1;

fn trained(problem: &dyn Problem, start: &[f64], config: &TrainingConfig) -> Training {
    let mut training = Training::new(start);
    assert_eq!(training.advance(problem, config, &Stop::new(), |_| {}), Ok(true));
    training
}

/// Where an optimiser stands after each of three steps from 1 in a basin of one parameter.
fn path(optimiser: Optimiser) -> [f64; 3] {
    let basin = QuadraticBasin::new(0.1, vec![H]).unwrap();
    [1, 2, 3].map(|steps| {
        trained(&basin, &[1.0], &TrainingConfig { optimiser, ..TrainingConfig::new(ETA, 1, steps) }).theta[0]
    })
}

#[track_caller]
fn near(found: [f64; 3], expected: [f64; 3]) {
    found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{found:?} and {expected:?}"));
}

#[test]
fn sgd_takes_the_steps_that_were_written_out_by_hand() {
    let sgd = |momentum, nesterov, weight_decay| path(Optimiser::Sgd(SgdOptions { momentum, nesterov, weight_decay }));
    near(sgd(0.0, false, 0.0), [0.8, 0.64, 0.512]);
    // v = 2, 2.6, 2.38.
    near(sgd(0.5, false, 0.0), [0.8, 0.54, 0.302]);
    // v = 2, 2.4, 2.08 and d = 3, 2.6, 1.92.
    near(sgd(0.5, true, 0.0), [0.7, 0.44, 0.248]);
    near(sgd(0.0, false, 0.5), [0.75, 0.5625, 0.421_875]);
    // g = 2.5, 1.875, 1.09375 and v = 2.5, 3.125, 2.65625.
    near(sgd(0.5, false, 0.5), [0.75, 0.4375, 0.171_875]);
}

/// Three steps by the weighted sums of all gradients so far, which Adam's recursions stand for.
fn by_sums([a, b]: [f64; 2], epsilon: f64, coupled: f64, decoupled: f64) -> [f64; 3] {
    let (mut x, mut gradients) = (1.0, Vec::new());
    [(); 3].map(|()| {
        gradients.push(H * x + coupled * x);
        let mean = |beta: f64, power: i32| {
            let mut weights: Vec<f64> = gradients.iter().zip(0..).map(|(_, age)| beta.powi(age)).collect();
            weights.reverse();
            let sum: f64 = weights.iter().zip(&gradients).map(|(w, g): (&f64, &f64)| w * g.powi(power)).sum();
            sum / weights.iter().sum::<f64>()
        };
        x = x * (1.0 - ETA * decoupled) - ETA * mean(a, 1) / (mean(b, 2).sqrt() + epsilon);
        x
    })
}

#[test]
fn adam_takes_the_steps_of_weighted_means_of_all_gradients() {
    for (betas, epsilon) in [([0.9, 0.999], 1e-8), ([0.5, 0.75], 0.5), ([0.0, 0.9], 0.1), ([0.9, 0.0], 0.1)] {
        let options = |weight_decay| AdamOptions { betas, epsilon, weight_decay };
        near(path(Optimiser::Adam(options(0.0))), by_sums(betas, epsilon, 0.0, 0.0));
        near(path(Optimiser::Adam(options(0.3))), by_sums(betas, epsilon, 0.3, 0.0));
        near(path(Optimiser::AdamW(options(0.3))), by_sums(betas, epsilon, 0.0, 0.3));
    }
    let [coupled, decoupled] =
        [by_sums([0.5, 0.75], 0.5, 0.3, 0.0), by_sums([0.5, 0.75], 0.5, 0.0, 0.3)].map(|path| path[2]);
    assert!((coupled - decoupled).abs() > 1e-3, "the two decays differ: {coupled} and {decoupled}");
}

#[test]
fn the_first_step_of_adam_has_the_length_of_the_learning_rate_in_any_units() {
    for scale in [1e-20, 1.0, 1e20] {
        let basin = QuadraticBasin::new(0.0, vec![scale]).unwrap();
        let options = AdamOptions { epsilon: 1e-40, ..AdamOptions::ADAM };
        let config = TrainingConfig { optimiser: Optimiser::Adam(options), ..TrainingConfig::new(ETA, 1, 1) };
        let theta = trained(&basin, &[1.0], &config).theta[0];
        assert!((theta - (1.0 - ETA)).abs() < 1e-12, "{scale}: {theta}");
    }
}

#[test]
fn adam_converges_where_curvatures_differ_by_six_decades() {
    let basin = QuadraticBasin::new(0.0, vec![1e3, 1.0, 1e-3]).unwrap();
    let start = [1.0, -1.0, 1.0];
    let sgd = TrainingConfig { schedule: Schedule::Cosine, ..TrainingConfig::new(1e-3, 1, 2000) };
    let adam = TrainingConfig { optimiser: Optimiser::Adam(AdamOptions::ADAM), learning_rate: 0.02, ..sgd.clone() };
    let [slow, fast] = [&sgd, &adam].map(|config| trained(&basin, &start, config).theta);
    assert!(fast.iter().all(|x| x.abs() < 1e-6), "{fast:?}");
    // The largest learning rate at which the first parameter is stable leaves the last one where it was.
    assert!(slow[2] > 0.99, "{slow:?}");
}

#[test]
fn schedules_at_their_corners() {
    let share = |schedule: Schedule, step| schedule.share(step, 12, 2);
    let step = Schedule::Step { every: 4, factor: 0.5 };
    for schedule in [Schedule::Constant, step, Schedule::Cosine] {
        assert_eq!([0, 1, 2].map(|at| share(schedule, at)), [0.5, 1.0, 1.0], "{schedule:?}");
        assert_eq!(schedule.share(0, 1, 0), 1.0);
    }
    assert_eq!(share(Schedule::Constant, 11), 1.0);
    assert_eq!([5, 6, 9, 10, 11].map(|at| share(step, at)), [1.0, 0.5, 0.5, 0.25, 0.25]);
    // Half of the ten steps after the warm-up; the end of all steps, which none has, would have 0.
    assert!((share(Schedule::Cosine, 7) - 0.5).abs() < 1e-15);
    // cos 18° = √(10 + 2√5)/4.
    let last = 0.5 * (1.0 - (10.0 + 2.0 * 5.0_f64.sqrt()).sqrt() / 4.0);
    assert!((share(Schedule::Cosine, 11) - last).abs() < 1e-15);
    assert!(share(Schedule::Cosine, 12).abs() < 1e-15);
}

/// Gradient descent on a basin multiplies by `1 − η share h` in each step.
#[test]
fn a_run_follows_its_schedule() {
    let basin = QuadraticBasin::new(0.0, vec![H]).unwrap();
    let schedule = Schedule::Step { every: 2, factor: 0.1 };
    let config = TrainingConfig { schedule, warm_up: 2, ..TrainingConfig::new(ETA, 1, 6) };
    let product = 0.9 * 0.8 * 0.8 * 0.8 * 0.98 * 0.98;
    assert!((trained(&basin, &[1.0], &config).theta[0] - product).abs() < 1e-15);
}

fn all() -> Vec<TrainingConfig> {
    let momentum = SgdOptions { momentum: 0.9, nesterov: true, weight_decay: 1e-3 };
    let optimisers = [
        Optimiser::Sgd(SgdOptions::default()),
        Optimiser::Sgd(momentum),
        Optimiser::Adam(AdamOptions::ADAM),
        Optimiser::AdamW(AdamOptions::ADAMW),
    ];
    let samplings = [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle];
    let of = |optimiser| {
        samplings.map(|sampling| TrainingConfig {
            optimiser,
            sampling,
            schedule: Schedule::Cosine,
            warm_up: 3,
            measure_every: Some(5),
            seed: 4,
            ..TrainingConfig::new(0.02, 3, 23)
        })
    };
    optimisers.into_iter().flat_map(of).collect()
}

#[test]
fn an_interruption_at_any_step_changes_no_bit() {
    let problem = Linear::gaussian(3, 20, 0.5, 9);
    for config in all() {
        let whole = trained(&problem, &[1.0, -1.0, 0.5], &config);
        for first in 0..=23 {
            let mut training = Training::new(&[1.0, -1.0, 0.5]);
            let stop = Stop::new();
            let end = stop.clone();
            if first == 0 {
                end.request();
            }
            let hear = |so_far: &Training| {
                if so_far.steps == first {
                    end.request();
                }
            };
            let complete = training.advance(&problem, &config, &stop, hear).unwrap();
            assert_eq!((training.steps, complete), (first, first == 23));
            let text = serde_json::to_string(&training).unwrap();
            let mut training: Training = serde_json::from_str(&text).unwrap();
            assert_eq!(training.advance(&problem, &config, &Stop::new(), |_| {}), Ok(true));
            assert_eq!(training, whole, "{config:?} after {first} steps");
        }
    }
}

/// A request that comes while noise is measured, before, between or after steps, leaves that for later.
#[test]
fn an_interruption_of_a_measurement_changes_no_bit() {
    let problem = Linear::gaussian(3, 20, 0.5, 9);
    let config = TrainingConfig { measure_every: Some(2), ..TrainingConfig::new(0.02, 3, 4) };
    let whole = trained(&problem, &[1.0, -1.0, 0.5], &config);
    let mut ends = Vec::new();
    for looks in 0.. {
        let asked = AtomicU64::new(0);
        let stop = Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) >= looks);
        let mut training = Training::new(&[1.0, -1.0, 0.5]);
        let complete = training.advance(&problem, &config, &stop, |_| {}).unwrap();
        ends.push((training.steps, training.noise().len()));
        if complete {
            break;
        }
        assert_eq!(training.advance(&problem, &config, &Stop::new(), |_| {}), Ok(true));
        assert_eq!(training, whole, "{looks} looks");
    }
    ends.dedup();
    assert_eq!(ends, [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (4, 3)]);
}

/// A pause, such as for a checkpoint, is no request.
#[test]
fn a_pause_is_heard_between_two_steps() {
    let basin = QuadraticBasin::new(0.0, vec![H]).unwrap();
    let asked = AtomicU64::new(0);
    let stop = Stop::new().or_pausing_when(move || asked.fetch_add(1, Ordering::Relaxed) == 4);
    let (mut training, config) = (Training::new(&[1.0]), TrainingConfig::new(ETA, 1, 9));
    assert_eq!(training.advance(&basin, &config, &stop, |_| {}), Ok(false));
    assert_eq!((training.steps, training.losses().len()), (4, 4));
    assert_eq!(training.advance(&basin, &config, &stop, |_| {}), Ok(true));
}

/// Ends of plain SGD as they were before there was any optimiser beside it.
#[test]
fn plain_sgd_draws_the_batches_that_it_always_drew() {
    let inputs = (0..20).map(|k| f64::from(k % 7) - 3.0).collect();
    let line = LinearRegression::new(inputs, (0..10).map(|k| f64::from(k * k % 5)).collect(), 2).unwrap();
    let ends = [
        (Sampling::WithReplacement, [0.003_386_482_228_506_925, -0.504_522_653_113_384_4]),
        (Sampling::WithoutReplacement, [0.189_306_867_674_132_5, -0.524_311_164_592_626_5]),
        (Sampling::EpochShuffle, [0.288_614_680_135_225_8, -0.378_697_890_023_508]),
    ];
    for (sampling, end) in ends {
        let config = TrainingConfig { sampling, seed: 1, ..TrainingConfig::new(0.02, 3, 50) };
        let theta = trained(&line, &[2.0, -1.0], &config).theta;
        assert!(theta.iter().zip(end).all(|(x, end)| (x - end).abs() < 1e-12), "{sampling:?}: {theta:?}");
        let other = trained(&line, &[2.0, -1.0], &TrainingConfig { seed: 2, ..config }).theta;
        assert!((other[0] - end[0]).abs() > 1e-6, "{sampling:?}: {other:?}");
    }
}

#[test]
fn the_history_has_the_mean_losses_of_windows() {
    let (steps, rate) = (2500_u64, 1e-4);
    let basin = QuadraticBasin::new(0.1, vec![H]).unwrap();
    let training = trained(&basin, &[1.0], &TrainingConfig::new(rate, 1, steps));
    let loss = |step: i32| 0.1 + 0.5 * H * (1.0 - rate * H).powi(2 * step);
    let points = training.losses();
    assert_eq!((points.len(), points[833].steps), (834, 2500));
    for (window, point) in (0..).zip(points) {
        let steps = (3 * window..).take(point.steps as usize - 3 * window as usize).map(loss).collect::<Vec<_>>();
        let mean = steps.iter().sum::<f64>() / steps.len() as f64;
        assert!((point.loss - mean).abs() < 1e-13, "{window}: {} and {mean}", point.loss);
    }
    assert_eq!(trained(&basin, &[1.0], &TrainingConfig::new(rate, 1, 7)).losses().len(), 7);
    assert!(training.noise().is_empty());
}

/// Two samples `x = 1` with targets `±1`: `L = ½θ² + ½`, gradients `θ ∓ 1`, so that `tr C = 1`; with `x = 1, 3` it depends on `θ`.
#[test]
fn noise_is_measured_at_the_steps_that_were_asked_for() {
    let even = LinearRegression::new(vec![1.0, 1.0], vec![1.0, -1.0], 1).unwrap();
    let config = TrainingConfig { measure_every: Some(4), ..TrainingConfig::new(0.1, 2, 8) };
    let training = trained(&even, &[2.0], &config);
    let found: Vec<_> = training.noise().iter().map(|point| point.steps).collect();
    assert_eq!(found, [0, 4, 8]);
    for point in training.noise() {
        let theta = 2.0 * 0.9_f64.powi(point.steps as i32);
        assert!((point.loss - 0.5 * (theta * theta + 1.0)).abs() < 1e-14 && (point.noise_trace - 1.0).abs() < 1e-14);
        assert!((point.gradient_norm - theta).abs() < 1e-14 && (point.gauss_newton_trace - 1.0).abs() < 1e-14);
    }
    // Gradients θ and 9θ.
    let uneven = LinearRegression::new(vec![1.0, 3.0], vec![0.0, 0.0], 1).unwrap();
    let first = trained(&uneven, &[2.0], &config).noise()[0];
    assert!((first.loss - 10.0).abs() < 1e-13 && (first.noise_trace - 64.0).abs() < 1e-12, "{first:?}");
    assert!((first.gradient_norm - 10.0).abs() < 1e-13 && (first.gauss_newton_trace - 5.0).abs() < 1e-13, "{first:?}");
}

/// No noise at all.
const STILL: NoisePoint =
    NoisePoint { steps: 0, loss: 1.0, noise_trace: 0.0, gauss_newton_trace: 1.0, gradient_norm: 0.0 };

#[test]
fn exponents_are_those_of_each_decade() {
    let law = |loss: f64| if loss > 1.0 { loss.powi(2) } else { loss };
    let points: Vec<NoisePoint> = (0..=40)
        .map(|k| 10.0_f64.powf(1.0 - f64::from(k) / 20.0))
        .map(|loss| NoisePoint { loss, noise_trace: 3.0 * law(loss), ..STILL })
        .collect();
    let found = noise_exponents(&points);
    let exponents: Vec<f64> = found.iter().map(|window| window.exponent.value).collect();
    assert_eq!(found.len(), 2);
    assert!((exponents[0] - 2.0).abs() < 1e-9 && (exponents[1] - 1.0).abs() < 1e-9, "{exponents:?}");
    assert!((found[0].losses[1] - 10.0).abs() < 1e-9 && (found[1].losses[0] - 0.1).abs() < 1e-9);
    assert_eq!(found.iter().map(|window| window.points).sum::<usize>(), 41);
    // Less than two decades make one window; too few points, none, and what has no logarithm does not count.
    assert_eq!(noise_exponents(&points[..25]).len(), 1);
    assert_eq!(noise_exponents(&points[..4]), []);
    assert_eq!(noise_exponents(&[STILL; 9]), []);
    assert_eq!(noise_exponents(&[NoisePoint { noise_trace: 1.0, ..STILL }; 9]), []);
}

#[test]
fn a_divergence_says_when_and_what_was_before() {
    let basin = QuadraticBasin::new(0.1, vec![H]).unwrap();
    let diverged = |start: f64, rate| {
        let mut training = Training::new(&[start]);
        training.advance(&basin, &TrainingConfig::new(rate, 1, 2000), &Stop::new(), |_| {}).unwrap_err()
    };
    // Each step multiplies by -19: by 1e154, whose square is no number, after 121 steps.
    let error = diverged(1.0, 10.0);
    let TrainingError::Diverged { step, loss: Some(loss) } = error else { panic!("{error:?}") };
    assert!(step == 121 && loss > 1e300 && loss.is_finite(), "{error}");
    assert!(error.to_string().starts_with("training diverged at step 121, after a batch with the loss "), "{error}");
    assert!(error.hint().contains("smaller learning rate"));
    // What the hint says helps.
    assert!(trained(&basin, &[1.0], &TrainingConfig::new(0.1, 1, 2000)).theta[0].abs() < 1e-9);
    let at_once = diverged(f64::NAN, 0.1);
    assert_eq!(at_once, TrainingError::Diverged { step: 1, loss: None });
    assert!(at_once.to_string().contains("step 1, the first") && at_once.hint().contains("another start"));
}

#[test]
fn what_no_training_can_have_is_refused() {
    let line = LinearRegression::new(vec![1.0, 1.0], vec![1.0, -1.0], 1).unwrap();
    let good = TrainingConfig::new(0.1, 2, 8);
    let refused = |config: TrainingConfig| {
        let error = Training::new(&[0.0]).advance(&line, &config, &Stop::new(), |_| {});
        match error {
            Err(TrainingError::Option(BadOption { option, .. })) => option,
            other => panic!("{config:?}: {other:?}"),
        }
    };
    let sgd = |momentum, nesterov, weight_decay| TrainingConfig {
        optimiser: Optimiser::Sgd(SgdOptions { momentum, nesterov, weight_decay }),
        ..good.clone()
    };
    let adam = |betas, epsilon| TrainingConfig {
        optimiser: Optimiser::AdamW(AdamOptions { betas, epsilon, weight_decay: 0.0 }),
        ..good.clone()
    };
    assert_eq!(refused(TrainingConfig { learning_rate: 0.0, ..good.clone() }), "learning_rate");
    assert_eq!(refused(TrainingConfig { learning_rate: f64::NAN, ..good.clone() }), "learning_rate");
    assert_eq!(refused(TrainingConfig { batch_size: 0, ..good.clone() }), "batch_size");
    assert_eq!(refused(TrainingConfig { steps: 0, ..good.clone() }), "steps");
    assert_eq!(refused(TrainingConfig { warm_up: 8, ..good.clone() }), "warm_up");
    assert_eq!(refused(TrainingConfig { measure_every: Some(0), ..good.clone() }), "measure_every");
    for (every, factor) in [(0, 0.5), (1, 0.0), (1, 1.5), (1, f64::NAN)] {
        assert_eq!(refused(TrainingConfig { schedule: Schedule::Step { every, factor }, ..good.clone() }), "schedule");
    }
    assert_eq!(refused(sgd(1.0, false, 0.0)), "momentum");
    assert_eq!(refused(sgd(0.0, true, 0.0)), "nesterov");
    assert_eq!(refused(sgd(0.0, false, -1.0)), "weight_decay");
    assert_eq!(refused(adam([1.0, 0.9], 1e-8)), "betas");
    assert_eq!(refused(adam([0.9, f64::NAN], 1e-8)), "betas");
    assert_eq!(refused(adam([0.9, 0.9], 0.0)), "epsilon");
    let advance = |start: &[f64], config: &TrainingConfig| {
        Training::new(start).advance(&line, config, &Stop::new(), |_| {}).unwrap_err()
    };
    let large = TrainingConfig { batch_size: 3, ..good.clone() };
    assert_eq!(advance(&[0.0], &large), TrainingError::BatchSize { batch: 3, samples: 2 });
    assert_eq!(advance(&[0.0; 2], &good), TrainingError::Length { expected: 1, found: 2 });
    let again = TrainingConfig { sampling: Sampling::WithReplacement, ..large };
    assert!(trained(&line, &[0.0], &again).theta[0].is_finite());
}

#[test]
fn single_precision_is_for_networks() {
    let precision = crate::Precision::Float32;
    let config = TrainingConfig { precision, measure_every: Some(40), ..TrainingConfig::new(0.1, 3, 40) };
    let line = LinearRegression::new(vec![1.0, 2.0, 3.0], vec![1.0, 1.5, 3.5], 1).unwrap();
    let refused = Training::new(&[0.0]).advance(&line, &config, &Stop::new(), |_| {});
    assert_eq!(refused, Err(TrainingError::Precision));
    // The same line as a network: all samples in each batch, so that the steps are those of the gradient, whatever the order.
    let layers = [serde_json::from_str(r#"{"linear": 1}"#).unwrap()];
    let loss = crate::network::OutputLoss::MeanSquare;
    let network = crate::network::Network::new(&[1], &layers, loss, vec![1.0, 2.0, 3.0], vec![1.0, 1.5, 3.5]).unwrap();
    let (mut slope, mut offset) = (0.0, 0.0);
    for _ in 0..40 {
        let residuals = [(1.0, 1.0), (2.0, 1.5), (3.0, 3.5)].map(|(x, y)| (x, slope * x + offset - y));
        slope -= 0.1 * residuals.iter().map(|(x, e)| x * e).sum::<f64>() / 3.0;
        offset -= 0.1 * residuals.iter().map(|(_, e)| e).sum::<f64>() / 3.0;
    }
    let single = trained(&network, &[0.0, 0.0], &config);
    let distance = (single.theta[0] - slope).abs().max((single.theta[1] - offset).abs());
    assert!(distance > 0.0 && distance < 1e-6, "{:?} and {slope}, {offset}", single.theta);
    let double =
        trained(&network, &[0.0, 0.0], &TrainingConfig { precision: crate::Precision::Float64, ..config.clone() });
    assert!((double.theta[0] - slope).abs() < 1e-14 && (double.theta[1] - offset).abs() < 1e-14);
    // Measurements are in the training's precision: at θ = 0 the residuals are -1, -1.5 and -3.5, and the gradients (-1, -1),
    // (-3, -1.5) and (-10.5, -3.5).
    let [first, last] = [&single, &double].map(|training| training.noise()[0]);
    let gradient = (14.5 / 3.0_f64).hypot(2.0);
    let noise = (2.0 + 11.25 + 122.5) / 3.0 - gradient * gradient;
    for (point, error) in [(first, 1e-5), (last, 1e-13)] {
        assert!((point.loss - 15.5 / 6.0).abs() < error && (point.gauss_newton_trace - 17.0 / 3.0).abs() < error);
        assert!((point.noise_trace - noise).abs() < error && (point.gradient_norm - gradient).abs() < error);
    }
    // Thirds have no end in either precision.
    let apart = (first.gradient_norm - last.gradient_norm).abs();
    assert!(apart > 1e-10 && apart < 1e-6, "{apart}");
    assert_eq!([config.measurements(), TrainingConfig { measure_every: None, ..config }.measurements()], [2, 0]);
}
