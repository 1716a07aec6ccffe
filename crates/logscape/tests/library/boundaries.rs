//! Where a chain leaves: discrete steps overshoot the ends of an interval, and at a barrier top arrivals fall back.

use logscape::Stop;
use logscape::data::synthetic::{Sinusoid as Wave, sinusoid};
use logscape::ensemble::{COMMITTED, EscapeRun, Region, rate_estimate};
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{BarrierConfig, MinimumConfig, find_minimum, interval, saddles};
use logscape::model::Minimum;
use logscape::problem::{LinearRegression, Sinusoid};
use logscape::reference::first_passage::ln_mean_exit_time;
use logscape::theory::by_name;
use logscape::{Barrier, Estimate, Path, Problem, Sampling, SgdSettings, WayOut};
use statrs::distribution::{ContinuousCDF, Normal};

fn one_sample(learning_rate: f64) -> SgdSettings {
    SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement }
}

fn minimum(problem: &dyn Problem, start: f64) -> Minimum {
    find_minimum(problem, &[start], &MinimumConfig::default(), &Stop::new()).expect("a minimum")
}

/// Mean steps of `replicas` of them to leave the region.
fn mean_steps<P: Problem>(problem: &P, start: f64, region: Region, sgd: SgdSettings, replicas: usize) -> Estimate {
    let run = EscapeRun { start: vec![start], region, replicas, max_steps: 10_000_000, seed: 5 };
    let ends = run.run_sgd(problem, sgd, &Stop::new(), |_| {}).expect("a run");
    rate_estimate(&ends, run.seed).mean_steps.expect("escapes")
}

/// `f = θ` on Gaussian targets is an autoregressive walk with steps of `η` on a parabola with constant noise: theory with its
/// boundary moved out by `0.5826 η √C` has the mean time to leave an interval, and without it is far too short.
#[test]
fn ends_that_are_moved_out_make_up_for_the_overshoot() {
    let law = Normal::new(0.0, 1.0).expect("a law");
    let targets: Vec<f64> = (0..2_000).map(|k| law.inverse_cdf((f64::from(k) + 0.5) / 2_000.0)).collect();
    let problem = LinearRegression::new(vec![1.0; targets.len()], targets, 1).expect("a problem");
    let home = minimum(&problem, 0.1);
    let geometry = measure(&problem, &home, &GeometryConfig::default(), &Stop::new()).expect("a geometry");
    let (sgd, end) = (one_sample(0.01), 0.22);
    let barrier = interval(&problem, home.theta[0], -end, end, &BarrierConfig::default()).expect("an interval");
    let prediction = by_name("quadrature-measured").expect("a theory").predict(&geometry, &barrier, &sgd);
    let Barrier::Interval { path, .. } = &barrier else { unreachable!() };
    let noise = path.noise[path.noise.len() / 2];
    for shift in &prediction.boundary_shift {
        assert!((shift - 0.5826 * 0.01 * noise.sqrt()).abs() < 1e-9, "{prediction:?}");
    }
    assert_eq!(prediction.boundary_shift.len(), 2);
    let measured = mean_steps(&problem, home.theta[0], Region::interval(-end, end), sgd, 4_000);
    let error = prediction.mean_steps().expect("a number") / measured.value;
    // 1/√4000 = 1.6 % of statistical error, and the walk's stationary variance η/(2 − η) is above that of the SDE, η/2, by
    // 0.5 %, which is in the exponent of e^4.8.
    assert!((error.ln() - 0.024).abs() < 4.0 * 0.016 + 0.01, "{error}");
    let unmoved = exit(path, &sgd, [-end, end]) - measured.value.ln();
    assert!(unmoved < -0.2, "{unmoved}");
}

/// `ln` of the mean steps of the SDE with measured noise from the minimum to these ends.
fn exit(path: &Path, sgd: &SgdSettings, [lower, upper]: [f64; 2]) -> f64 {
    let drift: Vec<f64> = path.gradient.iter().map(|g| -g).collect();
    let diffusion: Vec<f64> = path.noise.iter().map(|c| 0.5 * sgd.learning_rate * c).collect();
    let time = ln_mean_exit_time(&path.position, &drift, &diffusion, [lower, path.minimum, upper]);
    time.expect("a time") - sgd.learning_rate.ln()
}

/// Mean steps to the surfaces moved out to where escapes are committed, over those to the barrier tops: by exact integrals 2
/// for the SDE; the chain arrives beyond the tops, where fewer fall back, and the same integrals with overshoot tell how many.
#[test]
fn a_committed_escape_takes_as_many_arrivals_as_quadrature_says() {
    let wave = Wave { samples: 200, from: 0.0, to: 3.0, frequency: 3.0, noise: 0.3 };
    let data = sinusoid(&wave, 7).expect("data").data;
    let problem = Sinusoid::new(data.inputs, data.targets, false).expect("a problem");
    let home = minimum(&problem, 5.5).theta[0];
    let Barrier::Saddles { ways_out, .. } = saddles(&problem, home, &BarrierConfig::default()).expect("tops") else {
        unreachable!()
    };
    let tops = [ways_out[0].theta[0], ways_out[1].theta[0]];
    let factor = |learning_rate: f64, overshoot: f64| {
        let region = Region::interval(tops[0], tops[1]);
        let Some(Region::Box { lower, upper }) = region.committed(&ways_out, learning_rate, 1.0) else {
            unreachable!()
        };
        let far = [lower[0], upper[0]];
        let wide = interval(&problem, home, far[0], far[1], &BarrierConfig::default()).expect("an interval");
        let Barrier::Interval { path, .. } = wide else { unreachable!() };
        let moved = |ends: [f64; 2]| {
            let noise = |x: f64| path.noise[path.position.partition_point(|p| *p < x)];
            [0, 1].map(|k| ends[k] + [-1.0, 1.0][k] * overshoot * learning_rate * noise(ends[k]).sqrt())
        };
        let sgd = one_sample(learning_rate);
        (exit(&path, &sgd, moved(far)) - exit(&path, &sgd, moved(tops))).exp()
    };
    // What is missing from 2 is of the order of the walk's deviation at the top, √η: third derivatives and the slope of the noise
    // shift the place from which half come back.
    let missing = [0.005, 0.005 / 4.0, 0.005 / 16.0].map(|learning_rate| 2.0 - factor(learning_rate, 0.0));
    assert!(missing[2] > 0.0 && missing[2] < 0.06, "{missing:?}");
    for pair in missing.windows(2) {
        assert!((0.48..0.62).contains(&(pair[1] / pair[0])), "{missing:?}");
    }
    let sgd = one_sample(0.05);
    let region = Region::interval(tops[0], tops[1]);
    let beyond = region.committed(&ways_out, 0.05, 1.0).expect("a region");
    let arrivals = mean_steps(&problem, home, region, sgd, 4_000);
    let committed = mean_steps(&problem, home, beyond, sgd, 4_000);
    let found = committed.value / arrivals.value;
    let exact = factor(0.05, 0.5826);
    // Each mean has a statistical error of 1.6 %, and both follow the same streams, which makes that of their ratio smaller than
    // 2.2 %.
    assert!((found / exact).ln().abs() < 4.0 * 0.022, "{found} {exact}");
    assert!((found / factor(0.05, 0.0)).ln() < -0.05, "without overshoot {} arrivals", factor(0.05, 0.0));
}

/// Planes move along their normals whatever their length; what is no dividing surface, or has no noise at a saddle, has no
/// committed escapes.
#[test]
fn planes_move_outward_by_three_deviations() {
    let way = |theta: [f64; 2], direction: [f64; 2], noise: f64| WayOut {
        theta: theta.to_vec(),
        direction: direction.to_vec(),
        curvature_saddle: -0.5,
        noise_saddle: noise,
        ..WayOut::default()
    };
    let ways = [way([1.0, 0.0], [1.0, 0.0], 0.2), way([0.0, 2.0], [0.6, 0.8], 0.8)];
    // σ² = ηC/(2B|h|) with η = 0.1, B = 4: 0.005 and 0.02.
    let shifts = [0.005_f64, 0.02].map(|variance| COMMITTED * variance.sqrt());
    let plain = Region::dividing_surface(&ways);
    let Some(Region::HalfSpaces { normals, offsets }) = plain.committed(&ways, 0.1, 4.0) else { panic!("planes") };
    assert!((offsets[0] - (1.0 + shifts[0])).abs() < 1e-12 && (offsets[1] - (1.6 + shifts[1])).abs() < 1e-12);
    // Twice the normal and the offset are the same plane.
    let Region::HalfSpaces { normals: n, offsets: c } = &plain else { unreachable!() };
    let double = |numbers: &[f64]| numbers.iter().map(|x| 2.0 * x).collect::<Vec<_>>();
    let doubled = Region::HalfSpaces { normals: double(n), offsets: double(c) };
    let Some(Region::HalfSpaces { offsets: doubled, .. }) = doubled.committed(&ways, 0.1, 4.0) else {
        panic!("planes")
    };
    assert!(doubled.iter().zip(&offsets).all(|(a, b)| (a - 2.0 * b).abs() < 1e-12), "{doubled:?} {normals:?}");

    let ball = Region::Ball { centre: vec![0.0, 0.0], radius: 1.0 };
    assert_eq!(ball.committed(&ways, 0.1, 4.0), None);
    assert_eq!(plain.committed(&[way([1.0, 0.0], [1.0, 0.0], 0.0), ways[1].clone()], 0.1, 4.0), None);
    assert_eq!(plain.committed(&ways, 0.1, f64::INFINITY), None, "a batch of all data has no noise");
    let half = Region::interval(f64::NEG_INFINITY, 1.0);
    let one = [WayOut { theta: vec![1.0], direction: vec![1.0], ..ways[0].clone() }];
    assert_eq!(half.committed(&one, 0.1, 4.0), Some(Region::interval(f64::NEG_INFINITY, 1.0 + shifts[0])));
}
