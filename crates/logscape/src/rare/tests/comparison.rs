//! Several problems and equations: against direct simulation where both can be had, and quadrature where only that can.

use super::*;
use crate::Stop;
use crate::data::Dataset;
use crate::data::synthetic::{LinearTeacher, linear_teacher};
use crate::engine::sde::{ConstantNoise, DecoupledBasin, Diffusion, EulerMaruyama, LogBasin, ScalarDiffusion};
use crate::engine::{AnyDynamics, Sgd};
use crate::ensemble::{EscapeRun, LossMeter, rate_estimate};
use crate::landscape::{MinimumConfig, find_minimum};
use crate::network::{Activation, Initialisation};
use crate::problem::{Mlp, QuadraticBasin, Sinusoid};
use crate::reference::first_passage::ln_mean_exit_time;
use crate::stats::RateEstimate;
use crate::{Precision, Problem};
use rand::SeedableRng;

/// Standard deviations of the logarithm between direct simulation and both methods, for one setting.
struct Compare<'a> {
    problem: &'a dyn Problem,
    start: &'a [f64],
    region: Region,
}

impl Compare<'_> {
    fn with(self, dynamics: &AnyDynamics) -> [f64; 2] {
        let Self { problem, start, region } = self;
        let direct =
            EscapeRun { start: start.to_vec(), region: region.clone(), replicas: 400, max_steps: 300_000, seed: 2 };
        let ends = direct.run(dynamics, problem, &Stop::new(), |_| {}).unwrap();
        let direct = rate_estimate(&ends, 2);
        assert_eq!(direct.escaped, 400, "{region:?} {direct:?}");
        METHODS.map(|method| {
            let run = RareRun { trajectories: 60, ..RareRun::new(start.to_vec(), region.clone(), method, 3) };
            let rate = rate(&run, dynamics, &RegionScore::new(&region, start, problem), problem);
            let mean = rate.mean_steps.unwrap_or_else(|| panic!("{rate:?}"));
            let [own, others] = [log_error(&rate, 2.093), 1.0 / 20.0];
            let sigmas = (mean.value / direct.mean_steps.unwrap().value).ln() / own.hypot(others);
            println!(
                "{method:?}: {:.3e} ± {:.0} % against {:.3e}, {sigmas:.2} standard deviations",
                mean.value,
                100.0 * own,
                direct.mean_steps.unwrap().value
            );
            sigmas
        })
    }
}

/// Standard error of the logarithm, from an interval with this quantile.
fn log_error(rate: &RateEstimate, quantile: f64) -> f64 {
    let mean = rate.mean_steps.unwrap_or_else(|| panic!("{rate:?}"));
    (mean.ci95[1] / mean.value).ln() / quantile
}

fn rate<S: Score>(run: &RareRun, dynamics: &AnyDynamics, score: &S, problem: &dyn Problem) -> RateEstimate {
    let mut progress = RareProgress::default();
    run.advance(dynamics, score, problem, &mut progress, &Stop::new()).unwrap();
    run.estimate(&progress)
}

fn ball(dim: usize, radius: f64) -> Region {
    Region::Ball { centre: vec![0.0; dim], radius }
}

/// A hundred samples of a noisy linear function of two inputs.
fn samples() -> Dataset {
    let teacher = LinearTeacher { samples: 100, spectrum: vec![1.0, 1.0], teacher: vec![1.0, -0.5], noise: 1.0 };
    linear_teacher(&teacher, 7).unwrap().data
}

/// A network of 13 parameters at a minimum of its loss, and that loss.
fn network() -> (Mlp, Vec<f64>, f64) {
    let data = samples();
    let mlp = Mlp::new(&[2, 3, 1], Activation::Tanh, data.inputs, data.targets).unwrap();
    let start = mlp.init(Initialisation::Lecun, &mut rand_chacha::ChaCha8Rng::seed_from_u64(4));
    let minimum = find_minimum(&mlp, &start, &MinimumConfig::default(), &Stop::new()).unwrap();
    let loss = LossMeter::new(&mlp).loss(&minimum.theta);
    (mlp, minimum.theta, loss)
}

/// Ten settings, two methods: the sum of squares of the standard deviations is within the 99.9 % quantile of χ² with 20
/// degrees of freedom, 45.3. Each direct run has 400 exponential times, so 5 %.
#[test]
fn both_methods_agree_with_direct_simulation() {
    let mut sigmas = Vec::new();
    let x: Vec<f64> = (0..20).map(|i| 0.15 * f64::from(i)).collect();
    let y = x.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + if i % 2 == 0 { 0.4 } else { -0.4 }).collect();
    let sine = Sinusoid::new(x, y, false).unwrap();
    for (eta, b, half) in [(0.15, 1, 0.35), (0.1, 1, 0.3), (0.15, 2, 0.25)] {
        let compare = Compare { problem: &sine, start: &[3.0], region: Region::interval(3.0 - half, 3.0 + half) };
        sigmas.extend(compare.with(&Sgd::on(&sine, sgd(eta, b), Precision::Float64).unwrap()));
    }
    let data = samples();
    let line = LinearRegression::new(data.inputs, data.targets, 2).unwrap();
    let best = find_minimum(&line, &[0.0, 0.0], &MinimumConfig::default(), &Stop::new()).unwrap();
    let (low, high) = (best.theta[0] - 0.9, best.theta[0] + 1.0);
    for region in [
        Region::Ball { centre: best.theta.clone(), radius: 1.8 },
        Region::LossLevel { loss: 3.0 * best.loss, check_every: 3 },
        Region::Box { lower: vec![low, f64::NEG_INFINITY], upper: vec![high, best.theta[1] + 0.9] },
    ] {
        let compare = Compare { problem: &line, start: &best.theta, region };
        sigmas.extend(compare.with(&Sgd::on(&line, sgd(0.2, 1), Precision::Float64).unwrap()));
    }
    let (mlp, start, loss) = network();
    let compare =
        Compare { problem: &mlp, start: &start, region: Region::LossLevel { loss: 1.3 * loss, check_every: 5 } };
    sigmas.extend(compare.with(&Sgd::on(&mlp, sgd(0.05, 1), Precision::Float64).unwrap()));
    let basin = |dim| QuadraticBasin::new(0.1, vec![1.0; dim]).unwrap();
    let ou = ConstantNoise::<f64, _>::langevin(basin(2), 0.05).unwrap();
    let ou = AnyDynamics::new(Diffusion::new(ou, EulerMaruyama, 0.05).unwrap());
    sigmas.extend(Compare { problem: &basin(2), start: &[0.0; 2], region: ball(2, 0.85) }.with(&ou));
    let scalar = AnyDynamics::new(ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), 0.5, 0.02).unwrap());
    sigmas.extend(Compare { problem: &basin(1), start: &[0.0], region: ball(1, 0.8) }.with(&scalar));
    let log = AnyDynamics::new(ScalarDiffusion::<LogBasin<f32>>::new(&basin(1), 0.5, 0.005).unwrap());
    sigmas.extend(Compare { problem: &basin(1), start: &[0.0], region: ball(1, 0.8) }.with(&log));
    let chi_square: f64 = sigmas.iter().map(|x| x * x).sum();
    assert_eq!(sigmas.len(), 20);
    println!("χ² = {chi_square:.1} with 20 degrees of freedom");
    assert!(chi_square < 45.3, "{sigmas:.2?}");
    // Not too small either: the 0.1 % quantile.
    assert!(chi_square > 5.9, "{sigmas:.2?}");
}

/// An Ornstein–Uhlenbeck process with `h = 1` and `D` from 1/4 to 1/72, out of `|θ| < 1`: from 10² to 10¹⁵·⁷ units of `t`. The
/// exit of the quadrature is shifted outward by 0.5826 standard deviations of a step (Chernoff 1965). What that leaves is of
/// first order in the step `Δ = 0.01`: the chain's stationary variance is `D/(1 − Δ/2)`, so the exponent `1/2D` is too
/// small by `Δ/4D`, which is added; 3 % remain for the second order.
#[test]
fn rates_of_diffusions_agree_with_quadrature_over_fourteen_decades() {
    let step = 0.01;
    let basin = QuadraticBasin::new(0.0, vec![1.0]).unwrap();
    for (inverse, method) in [(8, METHODS[0]), (20, METHODS[1]), (40, METHODS[0]), (72, METHODS[0]), (72, METHODS[1])] {
        let temperature = 1.0 / f64::from(inverse);
        let sde = ConstantNoise::<f64, _>::langevin(basin.clone(), temperature).unwrap();
        let dynamics = AnyDynamics::new(Diffusion::new(sde, EulerMaruyama, step).unwrap());
        let run = RareRun { trajectories: 200, ..RareRun::new(vec![0.0], ball(1, 1.0), method, 4) };
        let found = rate(&run, &dynamics, &RegionScore::new(&run.region, &run.start, &basin), &basin);
        let exit = 1.0 + 0.5826 * (2.0 * temperature * step).sqrt();
        let nodes: Vec<f64> = (0..=400).map(|i| exit * (f64::from(i) / 200.0 - 1.0)).collect();
        let drift: Vec<f64> = nodes.iter().map(|x| -x).collect();
        let wider = temperature / (1.0 - 0.5 * step);
        let want = ln_mean_exit_time(&nodes, &drift, &[wider; 401], [-exit, 0.0, exit]).unwrap();
        let per_time = found.repeats.as_ref().unwrap().rate_per_time.unwrap();
        let error = -per_time.value.ln() - want;
        let sigma = log_error(&found, 2.093);
        println!(
            "{method:?} D = 1/{inverse}: 10^{:.3} against 10^{:.3}: {error:.3} ± {sigma:.3}",
            -per_time.value.log10(),
            want / std::f64::consts::LN_10
        );
        assert!(error.abs() < 4.0 * sigma + 0.03, "{inverse}: {error} ± {sigma}");
    }
}

/// The decoupled noise `D = TL` around `L = 0.1 + ½θ²`, out of `|θ| < 0.8`, simulated in `t` and in `τ` with the clock `t`: from 10² to
/// 10¹⁵ units of `t`. The same shift of the exit leaves errors of first order in the step `Δ`, which one of half the length takes
/// out; 3 % remain for the second order, and for what the mean time from the centre differs from that of the quasi-stationary law.
/// With the noise of the minimum it would take more than twice as many decades.
#[test]
fn rates_of_multiplicative_noise_agree_with_quadrature_over_thirteen_decades() {
    let (low, radius) = (0.1, 0.8);
    let loss = |x: f64| low + 0.5 * x * x;
    let basin = QuadraticBasin::new(low, vec![1.0]).unwrap();
    for (k, temperature) in [0.3, 0.1, 0.04].into_iter().enumerate() {
        for landscape_time in [false, true] {
            // Steps of τ = t/L are that much longer in t.
            let step = if landscape_time { 0.005 } else { 0.02 };
            let deviation =
                |x: f64, step: f64| (2.0 * temperature * step * if landscape_time { 1.0 } else { loss(x) }).sqrt();
            let [coarse, fine] = [step, 0.5 * step].map(|step| {
                let run = RareRun { trajectories: 800, ..RareRun::new(vec![0.0], ball(1, radius), METHODS[k % 2], 5) };
                let score = RegionScore::new(&run.region, &run.start, &basin);
                let strength = 2.0 * temperature;
                let dynamics = if landscape_time {
                    AnyDynamics::new(ScalarDiffusion::<LogBasin<f64>>::new(&basin, strength, step).unwrap())
                } else {
                    AnyDynamics::new(ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin, strength, step).unwrap())
                };
                let found = rate(&run, &dynamics, &score, &basin);
                let exit = radius + 0.5826 * deviation(radius, step);
                let nodes: Vec<f64> = (0..=400).map(|i| exit * (f64::from(i) / 200.0 - 1.0)).collect();
                let drift: Vec<f64> = nodes.iter().map(|x| -x).collect();
                let diffusion: Vec<f64> = nodes.iter().map(|&x| temperature * loss(x)).collect();
                let quadrature = |d: &[f64]| ln_mean_exit_time(&nodes, &drift, d, [-exit, 0.0, exit]).unwrap();
                let want = quadrature(&diffusion);
                assert!(quadrature(&[temperature * low; 401]) > 2.0 * want, "{temperature}");
                let per_time = found.repeats.as_ref().unwrap().rate_per_time.unwrap();
                (-per_time.value.ln() - want, log_error(&found, 2.093), want)
            });
            let (error, sigma) = (2.0 * fine.0 - coarse.0, (2.0 * fine.1).hypot(coarse.1));
            println!(
                "T = {temperature}, in τ: {landscape_time}, 10^{:.2}: {error:.3} ± {sigma:.3}, at Δ {:.3}, at Δ/2 {:.3}",
                fine.2 / std::f64::consts::LN_10,
                coarse.0,
                fine.0
            );
            assert!(error.abs() < 4.0 * sigma + 0.03, "{temperature}, {landscape_time}: {error} ± {sigma}");
        }
    }
}
