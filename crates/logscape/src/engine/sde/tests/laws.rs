//! Stationary laws and one-step covariances.

use crate::Stop;
use statrs::function::beta::beta_reg;

use super::*;
use crate::engine::ExitTest;
use crate::ensemble::observable::ExcessLoss;
use crate::ensemble::{GroupStatistics, StationaryRun};
use crate::lanes::LANES;
use crate::problem::{LinearRegression, Sinusoid};
use crate::stats::{Histogram, Scale};
use crate::{Problem, Samples, Sampling, SgdSettings};
use std::sync::Arc;

/// Groups that give the errors.
const GROUPS: usize = 32;

pub(super) fn stationary(basin: &QuadraticBasin, samples: u64, thin: u64) -> StationaryRun {
    let (dim, low) = (basin.curvatures().len(), basin.minimum_loss());
    StationaryRun {
        start: vec![0.1 * low.sqrt(); dim],
        replicas: 4 * GROUPS,
        groups: GROUPS,
        burn_in: 4000,
        samples,
        thin,
        observables: vec![Arc::new(ExcessLoss {
            minimum_loss: low,
            bins: Histogram::new(Scale::Logarithmic, 1e-3 * low, 1e2 * low, 15).unwrap(),
        })],
        moments: true,
        seed: 5,
    }
}

/// Largest deviation, in standard errors, of the shares of the bins from `u ~ BetaPrime(n/2, φ − n/2)`, `u = (L − L*)/L*`,
/// over the bins that hold more than a hundredth; `shares` gives those of one group.
fn deviation(
    groups: &[GroupStatistics],
    shares: impl Fn(&GroupStatistics) -> Vec<f64>,
    [dim, low, phi]: [f64; 3],
) -> f64 {
    let cumulative = |excess: f64| {
        let u = excess / low;
        beta_reg(0.5 * dim, phi - 0.5 * dim, u / (1.0 + u))
    };
    let shares: Vec<Vec<f64>> = groups.iter().map(shares).collect();
    let mut worst = 0.0_f64;
    for bin in 0..shares[0].len() {
        let bins = losses(&groups[0]);
        let expected = cumulative(bins.edge(bin + 1)) - cumulative(bins.edge(bin));
        let (share, error) = mean(shares.iter().map(|shares| shares[bin]));
        if expected > 0.01 || share > 0.01 {
            worst = worst.max((share - expected).abs() / error);
        }
    }
    worst
}

fn losses(group: &GroupStatistics) -> &Histogram {
    group.histogram(ExcessLoss::NAME).unwrap()
}

fn plain(group: &GroupStatistics) -> Vec<f64> {
    losses(group).counts().iter().map(|&count| count as f64 / losses(group).total() as f64).collect()
}

fn in_time(group: &GroupStatistics) -> Vec<f64> {
    let weighted = group.get(ExcessLoss::NAME).unwrap().in_time.as_ref().unwrap();
    weighted.weights().iter().map(|weight| weight / weighted.total()).collect()
}

/// Of about ten bins, each with Student's law of 31 degrees of freedom, one exceeds this with probability `2·10⁻⁴`; the bias
/// of the step is below half a standard error.
const LIMIT: f64 = 5.0;

/// `P(θ) ∝ L^−φ` with `φ = 1 + 1/T`; `L^−1/T` is rejected.
fn check_decoupled(dynamics: &AnyDynamics) {
    let dim = dynamics.dim();
    let groups = stationary(&basin(dim), 1000, 200).run(dynamics, &basin(dim), &Stop::new()).unwrap();
    let worst = |phi| deviation(&groups, plain, [dim as f64, LOW, phi]);
    assert!(worst(1.0 + 1.0 / TEMPERATURE) < LIMIT, "{dim}: {}", worst(1.0 + 1.0 / TEMPERATURE));
    assert!(worst(1.0 / TEMPERATURE) > 2.0 * LIMIT);
    assert!(groups.iter().all(|group| group.statistics[0].in_time.is_none() && group.diverged == 0));
}

#[test]
fn decoupled_noise_has_student_laws() {
    [1, 2, 5].into_iter().for_each(|dim| check_decoupled(&AnyDynamics::new(decoupled::<f64>(dim, 0.005))));
    check_decoupled(&AnyDynamics::new(decoupled::<f32>(2, 0.005)));
    check_decoupled(&AnyDynamics::new(
        ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), 2.0 * TEMPERATURE, 0.005).unwrap(),
    ));
    check_decoupled(&AnyDynamics::new(
        ScalarDiffusion::<DecoupledBasin<f32>>::new(&basin(1), 2.0 * TEMPERATURE, 0.005).unwrap(),
    ));
}

/// `P̃ ∝ L^−1/T` in `τ` and `P ∝ L^−φ` in `t` from the same run; each is rejected in place of the other.
fn check_both_laws(dynamics: &AnyDynamics, basin: &QuadraticBasin) {
    let dim = dynamics.dim();
    let groups = stationary(basin, 1000, 200).run(dynamics, basin, &Stop::new()).unwrap();
    let (inverse, dim, low) = (1.0 / TEMPERATURE, dim as f64, basin.minimum_loss());
    let in_tau = |phi| deviation(&groups, plain, [dim, low, phi]);
    let in_t = |phi| deviation(&groups, in_time, [dim, low, phi]);
    assert!(in_tau(inverse) < LIMIT, "{dim}: {}", in_tau(inverse));
    assert!(in_t(1.0 + inverse) < LIMIT, "{dim}: {}", in_t(1.0 + inverse));
    assert!(in_tau(1.0 + inverse) > 2.0 * LIMIT && in_t(inverse) > 2.0 * LIMIT);
}

#[test]
fn the_log_landscape_has_one_law_in_each_time() {
    let strength = 2.0 * TEMPERATURE;
    check_both_laws(
        &AnyDynamics::new(ScalarDiffusion::<LogBasin<f64>>::new(&basin(1), strength, 0.0005).unwrap()),
        &basin(1),
    );
    check_both_laws(
        &AnyDynamics::new(ScalarDiffusion::<LogBasin<f32>>::new(&basin(1), strength, 0.0005).unwrap()),
        &basin(1),
    );
    [2, 3]
        .into_iter()
        .for_each(|dim| check_both_laws(&AnyDynamics::new(log_landscape::<f64>(dim, 0.0005)), &basin(dim)));
}

/// At `L* = 10⁻³` a step of `Δτ = 10⁻³` is as long as the relaxation time at the bottom: cut into parts it gives the law,
/// whole it does not.
#[test]
fn cut_steps_follow_a_stiff_drift() {
    let stiff = QuadraticBasin::new(1e-3, vec![1.0]).unwrap();
    let sde = LogLandscape::<f64, _>::new(stiff.clone(), isotropic(1), 2.0 * TEMPERATURE).unwrap();
    let run = stationary(&stiff, 500, 4);
    let worst = |groups: &[GroupStatistics]| deviation(groups, in_time, [1.0, 1e-3, 1.0 + 1.0 / TEMPERATURE]);
    let cut = AnyDynamics::new(Diffusion::new(sde.clone(), AdaptiveEuler { longest: 0.02 }, 1e-3).unwrap());
    let cut = worst(&run.run(&cut, &stiff, &Stop::new()).unwrap());
    assert!(cut < LIMIT, "{cut}");
    let whole = AnyDynamics::new(Diffusion::new(sde, EulerMaruyama, 1e-3).unwrap());
    assert!(worst(&run.run(&whole, &stiff, &Stop::new()).unwrap()) > 2.0 * LIMIT);
}

/// Euler's chain for frozen noise is autoregressive: variance `σ²/(h(2 − hΔ))`, where the SDE has `σ²/2h`.
#[test]
fn frozen_noise_has_the_variance_of_the_chain() {
    let (h, variance, step) = ([1.0, 3.0], [0.2, 0.3], 0.1);
    let basin = QuadraticBasin::new(LOW, h.to_vec()).unwrap();
    let sde = ConstantNoise::<f64, _>::new(basin.clone(), NoiseFactor::diagonal(&variance).unwrap()).unwrap();
    let dynamics = AnyDynamics::new(Diffusion::new(sde, EulerMaruyama, step).unwrap());
    let groups = stationary(&basin, 4000, 10).run(&dynamics, &basin, &Stop::new()).unwrap();
    for i in 0..2 {
        let (found, error) = mean(groups.iter().map(|group| {
            let moments = group.moments.as_ref().unwrap();
            moments.covariance()[3 * i] + moments.mean()[i].powi(2)
        }));
        let exact = variance[i] / (h[i] * (2.0 - h[i] * step));
        assert!((found - exact).abs() < 4.0 * error, "{found} ± {error} against {exact}");
        assert!((found - variance[i] / (2.0 * h[i])).abs() > 8.0 * error);
    }
}

/// Gaussian gradient dynamics of other shapes have the trace of the noise, and Langevin dynamics the law `e^−L/T`.
#[test]
fn matched_noises_have_their_covariance() {
    let vectors = [vec![0.6, 0.8], vec![-0.8, 0.6]];
    let shape = NoiseFactor::<f64>::spectral(&[3.0, 1.0], &vectors).unwrap();
    let leading = NoiseFactor::<f64>::spectral(&[3.0], &vectors[..1]).unwrap();
    for (shape, want) in [
        (isotropic(2), [0.1, 0.0, 0.1]),
        (NoiseFactor::diagonal(&[3.0, 1.0]).unwrap(), [0.15, 0.0, 0.05]),
        (leading, [0.2 * 0.36, 0.2 * 0.48, 0.2 * 0.64]),
        (shape, [0.15 * 0.36 + 0.05 * 0.64, 0.1 * 0.48, 0.15 * 0.64 + 0.05 * 0.36]),
    ] {
        let sde = ConstantNoise::matched(basin(2), shape, 0.2).unwrap();
        let found = one_step(&Diffusion::new(sde, EulerMaruyama, 0.01).unwrap(), &[0.5, -0.2], &[0.5, -0.2]);
        assert!(distance(&found, &want) < 5.0, "{found:?} {want:?}");
        assert!(distance(&found, &want.map(|c| 1.05 * c)) > 8.0);
    }
    let langevin = ConstantNoise::<f64, _>::langevin(basin(2), 0.3).unwrap();
    let groups = stationary(&basin(2), 1000, 100)
        .run(&AnyDynamics::new(Diffusion::new(langevin, EulerMaruyama, 0.01).unwrap()), &basin(2), &Stop::new())
        .unwrap();
    let (energy, error) = mean(groups.iter().map(|group| {
        let moments = group.moments.as_ref().unwrap();
        0.5 * (moments.covariance()[0] + moments.covariance()[3])
    }));
    // `⟨L − L*⟩ = T` with the chain's factor `1/(1 − hΔ/2)`.
    assert!((energy - 0.3 / 0.995).abs() < 4.0 * error, "{energy} ± {error}");
}

/// `b bᵀ` of one step from `theta`, with the drift of `gradient` taken out: `(11, 12, 22)`, each with its error.
pub(super) fn one_step<D: Dynamics>(dynamics: &D, theta: &[f64], gradient: &[f64]) -> Vec<(f64, f64)> {
    let mut products = [Vec::new(), Vec::new(), Vec::new()];
    let mut block = full_block(dynamics, theta, 3);
    let mut after = vec![0.0; 2];
    for _ in 0..4000 {
        let length = {
            dynamics.advance(&mut block, 1, &ExitTest::Never);
            block.time(0) / block.steps(0) as f64
        };
        for lane in 0..LANES {
            block.theta_into(lane, &mut after);
            let [a, b] = [0, 1].map(|i| (after[i] - theta[i] + length * gradient[i]) / length.sqrt());
            products.iter_mut().zip([a * a, a * b, b * b]).for_each(|(all, x)| all.push(x));
            let state = ReplicaState { theta: theta.to_vec(), ..block.store(lane) };
            block.load(lane, &state);
        }
    }
    products.map(mean).to_vec()
}

/// Largest distance in standard errors.
pub(super) fn distance(found: &[(f64, f64)], want: &[f64]) -> f64 {
    let distances = found.iter().zip(want).map(|(&(x, error), want)| (x - want).abs() / (error + 1e-12));
    distances.fold(0.0, f64::max)
}

/// Twenty samples with `dim` inputs each, none of them special.
pub(super) fn samples(dim: usize) -> (Vec<f64>, Vec<f64>) {
    let inputs = (0..20 * dim).map(|i| (1.0 + 0.7 * i as f64).sin()).collect();
    (inputs, (0..20).map(|i| 0.5 + (0.3 * f64::from(i)).cos()).collect())
}

/// `(η/B_eff) C` from its definition, and `(η/B_eff)(C + ∇L∇Lᵀ)`, which is rejected.
fn check_measured<P: Problem, L: GradientNoise<f64>>(problem: &P, landscape: L, sampling: Sampling) {
    let settings = SgdSettings { learning_rate: 0.1, batch_size: 4, sampling };
    let theta = [2.0, -1.5];
    let mut rows = vec![0.0; 2 * problem.samples()];
    let all = Samples::Range(0..problem.samples());
    problem.per_sample_gradients_into(&theta, all, &mut rows, &mut vec![0.0; problem.scratch_len(problem.samples())]);
    let mean_of = |f: &dyn Fn(&[f64]) -> f64| rows.chunks(2).map(f).sum::<f64>() / problem.samples() as f64;
    let gradient = [mean_of(&|g| g[0]), mean_of(&|g| g[1])];
    let share = 0.1 / settings.effective_batch_size(problem.samples());
    let raw = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| share * mean_of(&|g| g[i] * g[j]));
    let square = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| share * gradient[i] * gradient[j]);
    let want: Vec<f64> = raw.iter().zip(square).map(|(raw, square)| raw - square).collect();
    let dynamics = Diffusion::new(MeasuredNoise::new(landscape, &settings).unwrap(), EulerMaruyama, 0.05).unwrap();
    let found = one_step(&dynamics, &theta, &gradient);
    assert!(distance(&found, &want) < 5.0, "{found:?} {want:?}");
    assert!(distance(&found, &raw) > 8.0);
}

#[test]
fn measured_noise_has_the_covariance_of_the_batch() {
    let (x, y) = samples(2);
    let line = LinearRegression::new(x, y, 2).unwrap();
    check_measured(&line, AllSamples::<f64, _>::new(&line), Sampling::WithReplacement);
    check_measured(&line, EachReplica(&line), Sampling::WithoutReplacement);
    let form = Problem::quadratic_loss(&line).unwrap();
    check_measured(&line, Moments::new(EachReplica(&line), form), Sampling::WithReplacement);
    let (x, y) = samples(1);
    let sine = Sinusoid::new(x, y, true).unwrap();
    check_measured(&sine, AllSamples::<f64, _>::new(&sine), Sampling::WithoutReplacement);
    check_measured(&sine, EachReplica(&sine), Sampling::WithReplacement);
}

/// Loss, gradient and Hessian products by moments are those of a pass over the samples, near the minimum and far from it.
#[test]
fn moments_of_a_line_have_what_its_samples_have() {
    let wave = |count: usize, step: f64| (0..count).map(|i| (1.0 + step * (i * i) as f64).sin()).collect::<Vec<f64>>();
    let targets = wave(40, 1.9).into_iter().map(|y| y + 40.0).collect();
    let line = LinearRegression::new(wave(200, 0.7), targets, 5).unwrap();
    let moments: Moments<f64, _> = Moments::new(EachReplica(&line), Problem::quadratic_loss(&line).unwrap());
    for scale in [0.1, 1.0, 1e4] {
        let lanes = |phase: f64| -> Vec<Lane<f64>> {
            (0..5).map(|i| Lane::from_fn(|k| scale * (phase + (7 * i + k) as f64).sin())).collect()
        };
        let (theta, v) = (lanes(0.3), lanes(1.1));
        let zeros = || vec![Lane::splat(0.0); 5];
        let (mut gradient, mut product, mut work) = (zeros(), zeros(), moments.work());
        let loss = moments.loss_gradient_into(&theta, &mut gradient, &mut work);
        moments.hessian_product_into(&theta, &v, &mut product, &mut work);
        for k in 0..LANES {
            let lane = |all: &[Lane<f64>]| -> Vec<f64> { all.iter().map(|lanes| lanes[k]).collect() };
            let (want, slope) = crate::operator::full::loss_and_gradient(&line, &lane(&theta));
            let mut image = vec![0.0; 5];
            let all = Samples::Range(0..line.samples());
            line.hvp_into(&lane(&theta), &lane(&v), all, &mut image, &mut vec![0.0; line.scratch_len(line.samples())]);
            let off = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |off: f64, (a, b)| off.max((a - b).abs()));
            let size = |a: &[f64]| off(a, &[0.0; 5]);
            assert!((loss[k] / want - 1.0).abs() < 1e-12, "{} {want}", loss[k]);
            assert!(off(&lane(&gradient), &slope) < 1e-11 * size(&slope));
            assert!(off(&lane(&product), &image) < 1e-12 * size(&image));
        }
    }
}
