//! Mean first passages against quadrature, over three decades.

use super::*;
use crate::Stop;
use crate::ensemble::{EscapeRun, Region, survival_clocks, survival_times};
use crate::reference::first_passage::{ln_mean_exit_time, ln_mean_radial_exit_time};
use crate::stats::Observation;

/// How much further out a boundary of a continuous path must be than the chain's, in standard deviations of a step
/// (Chernoff 1965; Siegmund 1979): `−ζ(½)/√(2π)`.
const OVERSHOOT: f64 = 0.5826;
/// Standard errors that a mean may be off; the quadrature adds what the shift leaves, of second order in the step.
const ERRORS: f64 = 4.0;

fn passages(dynamics: &AnyDynamics, radius: f64, replicas: usize) -> [Vec<Observation>; 2] {
    let dim = dynamics.dim();
    let run = EscapeRun {
        start: vec![0.0; dim],
        region: Region::Ball { centre: vec![0.0; dim], radius },
        replicas,
        max_steps: 100_000_000,
        seed: 7,
    };
    let ends = run.run(dynamics, &basin(dim), &Stop::new(), |_| {}).unwrap();
    let all = [survival_times(&ends), survival_clocks(&ends)];
    assert!(all.iter().flatten().all(|end| end.event));
    all
}

/// Radius at which the loss is `factor` times that at the minimum.
fn radius(factor: f64) -> f64 {
    (2.0 * LOW * (factor - 1.0)).sqrt()
}

/// Mean of `times` (in `t`) against the radial quadrature with `D = T L`, the boundary shifted by `shift`; the same with the
/// noise frozen, `D = T L*`, is rejected.
fn check_in_time(what: &str, times: &[Observation], dim: usize, exit: f64) -> f64 {
    let (found, error) = mean(times.iter().map(|o| o.time));
    let reference = |diffusion: &dyn Fn(f64) -> f64| ln_mean_radial_exit_time(dim, 1.0, exit, diffusion).unwrap().exp();
    let want = reference(&|r| TEMPERATURE * (LOW + 0.5 * r * r));
    assert!((found - want).abs() < ERRORS * error, "{what} {dim}: {found} ± {error} against {want}");
    assert!((found - reference(&|_| TEMPERATURE * LOW)).abs() > 2.0 * ERRORS * error);
    found
}

/// Loss levels and replicas.
const LEVELS: [(f64, usize); 3] = [(1.7, 1500), (4.0, 1500), (9.0, 400)];

fn check_decoupled(what: &str, dynamics: &AnyDynamics, step: f64, levels: &[(f64, usize)]) -> Vec<f64> {
    let times = levels.iter().map(|&(factor, replicas)| {
        let [_, times] = passages(dynamics, radius(factor), replicas);
        let shift = OVERSHOOT * (2.0 * TEMPERATURE * LOW * factor * step).sqrt();
        check_in_time(what, &times, dynamics.dim(), radius(factor) + shift)
    });
    times.collect()
}

#[test]
fn decoupled_noise_leaves_in_the_quadratures_time() {
    let step = 0.005;
    let line =
        AnyDynamics::new(ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), 2.0 * TEMPERATURE, step).unwrap());
    let times = check_decoupled("f64", &line, step, &LEVELS);
    assert!(times[2] / times[0] > 1e3, "{times:?}");
    let line =
        AnyDynamics::new(ScalarDiffusion::<DecoupledBasin<f32>>::new(&basin(1), 2.0 * TEMPERATURE, step).unwrap());
    check_decoupled("f32", &line, step, &LEVELS[..2]);
    check_decoupled(
        "radial",
        &AnyDynamics::new(decoupled::<f64>(2, step)),
        step,
        &[(2.0, 1500), (5.0, 1000), (20.0, 100)],
    );
    check_decoupled("radial", &AnyDynamics::new(decoupled::<f64>(5, step)), step, &[(2.0, 1500), (6.0, 1000)]);
}

/// The log-landscape's run leaves after the decoupled equation's time on its clock, and after that of its own diffusion in
/// `τ`, drift `−θ/L` and `D = T`.
fn check_log_landscape(dynamics: &AnyDynamics, step: f64, levels: &[(f64, usize)]) {
    for &(factor, replicas) in levels {
        let [steps, times] = passages(dynamics, radius(factor), replicas);
        let exit = radius(factor) + OVERSHOOT * (2.0 * TEMPERATURE * step).sqrt();
        check_in_time("log", &times, dynamics.dim(), exit);
        if dynamics.dim() == 1 {
            let nodes: Vec<f64> = (0..=400).map(|i| exit * (f64::from(i) / 200.0 - 1.0)).collect();
            let drift: Vec<f64> = nodes.iter().map(|x| -x / (LOW + 0.5 * x * x)).collect();
            let want = ln_mean_exit_time(&nodes, &drift, &[TEMPERATURE; 401], [-exit, 0.0, exit]).unwrap().exp();
            let (found, error) = mean(steps.iter().map(|o| o.time * step));
            assert!((found - want).abs() < ERRORS * error, "{found} ± {error} against {want}");
        }
    }
}

#[test]
fn the_log_landscape_leaves_in_the_quadratures_time_of_both_clocks() {
    let step = 0.0005;
    let line = AnyDynamics::new(ScalarDiffusion::<LogBasin<f64>>::new(&basin(1), 2.0 * TEMPERATURE, step).unwrap());
    check_log_landscape(&line, step, &LEVELS);
    check_log_landscape(&AnyDynamics::new(log_landscape::<f64>(2, step)), step, &[(2.0, 1500), (5.0, 500)]);
}
