use super::super::dense::eigen;
use super::super::testing::{Failing, Reflected};
use super::*;
use faer::Mat;
use std::sync::atomic::{AtomicUsize, Ordering};

type Integral = (&'static str, fn(f64) -> f64);

fn found(operator: &dyn LinearOperator, config: &QuadratureConfig) -> Quadrature {
    lanczos_quadrature(operator, config, &Stop::new()).unwrap()
}

/// `v·f(A)v` of a probe, from the known eigenvectors.
fn exact(operator: &Reflected, index: u64, f: impl Fn(f64) -> f64) -> f64 {
    let components = operator.components(&on_sphere(operator.dim(), 1, index));
    components.iter().zip(&operator.spectrum).map(|(x, value)| x * x * f(*value)).sum()
}

#[test]
fn rules_are_the_eigenvalues_and_first_components_of_the_tridiagonal_matrix() {
    let alpha: Vec<f64> = (0..30).map(|k| (f64::from(k) * 1.3).sin() * 3.0).collect();
    let mut beta: Vec<f64> = (0..29).map(|k| 0.1 + (f64::from(k) * 0.7).cos().abs()).collect();
    for cut in [false, true] {
        if cut {
            beta[11] = 0.0;
        }
        let matrix = Mat::from_fn(30, 30, |i, j| match i.abs_diff(j) {
            0 => alpha[i],
            1 => beta[i.min(j)],
            _ => 0.0,
        });
        let (values, vectors) = eigen(matrix.as_ref()).unwrap();
        let rule = gauss_rule(&LanczosCoefficients { alpha: alpha.clone(), beta: beta.clone() }).unwrap();
        for (k, (node, weight)) in rule.into_iter().rev().enumerate() {
            assert!((node - values[k]).abs() < 1e-13, "{node} {}", values[k]);
            assert!((weight - vectors[(0, k)].powi(2)).abs() < 1e-13, "{weight}");
        }
    }
    let broken = LanczosCoefficients { alpha: vec![1.0, f64::NAN], beta: vec![1.0] };
    assert_eq!(gauss_rule(&broken), Err(EigenError::NotFinite));
}

#[test]
fn polynomials_up_to_twice_the_steps_are_exact() {
    let operator = Reflected::new((0..50).map(|i| (f64::from(i) * 0.37).sin()).collect(), 2);
    let measure = found(&operator, &QuadratureConfig { probes: 1, steps: 6, ..QuadratureConfig::default() }).measure();
    let measure = measure.unwrap();
    for degree in 0..=12 {
        let difference = measure.mean(|x| x.powi(degree)).value - exact(&operator, 0, |x| x.powi(degree));
        assert_eq!(difference.abs() < 1e-14, degree < 12, "{degree}: {difference}");
    }
}

#[test]
fn a_density_is_the_spectrum_smoothed() {
    // With all steps the rules hold every eigenvalue; the mean of many probes then is near that of the spectrum.
    let operator = Reflected::network(60);
    let config = QuadratureConfig { probes: 400, steps: 60, ..QuadratureConfig::default() };
    let measure = found(&operator, &config).measure().unwrap();
    let width = 0.3;
    let mean = |f: &dyn Fn(f64) -> f64| operator.spectrum.iter().map(|value| f(*value)).sum::<f64>() / 60.0;
    for x in [-0.5, 0.0, 0.4, 2.0, 7.0, 12.0] {
        let density = mean(&|value| (-0.5 * ((x - value) / width).powi(2)).exp() / (width * (2.0 * PI).sqrt()));
        let below = mean(&|value| 0.5 * erfc((value - x) / (width * SQRT_2)));
        // Four standard errors.
        for (found, truth) in [(measure.density(x, width), density), (measure.cumulative(x, width), below)] {
            let reach = (found.ci95[1] - found.ci95[0]).max(1e-9);
            assert!((found.value - truth).abs() < reach, "{x}: {found:?} {truth}");
            assert!(reach < 0.2 * truth.max(0.05), "{x}: {found:?} {truth}");
        }
    }
    let trace = measure.trace(|x| x);
    let sum: f64 = operator.spectrum.iter().sum();
    assert!((trace.value - sum).abs() < trace.ci95[1] - trace.ci95[0] && (trace.value / sum - 1.0).abs() < 0.1);
}

/// Eigenvalues far apart that converge early, of which the recurrence finds copies, beside two narrow clusters.
/// Outliers, a bulk and half of the eigenvalues near 0, which one node stands for.
#[test]
fn bounds_hold_the_measure_of_each_probe() {
    let mut spectrum = vec![100.0, 81.0, 64.0, -3.0];
    spectrum.extend((0..200).map(|i| 10.0 * (-0.05 * f64::from(i)).exp()));
    spectrum.extend((0..200).map(|i| 1e-4 * (f64::from(i) * 0.7).sin()));
    let operator = Reflected::new(spectrum, 2);
    let mut misled = 0;
    for (steps, probe) in [(8, 0), (20, 1), (60, 2)] {
        let config = QuadratureConfig { probes: probe + 1, steps, ..QuadratureConfig::default() };
        let mut all = found(&operator, &config);
        all.probes.drain(..probe);
        let measure = all.measure().unwrap();
        for k in 0..400 {
            let x = [1.0, -1.0][k % 2] * 10.0_f64.powf(2.1 - 0.02 * k as f64);
            let width = 0.1 * x.abs();
            let truth = exact(&operator, probe as u64, |value| 0.5 * erfc((value - x) / (width * SQRT_2)));
            let [least, most] = measure.cumulative_bounds(x, width);
            let found = measure.cumulative(x, width);
            assert!(least <= truth + 1e-12 && truth <= most + 1e-12, "{steps} {x}: {least} {truth} {most}");
            assert!(least <= found.value && found.value <= most);
            misled += u32::from(!found.covers(truth));
        }
        // Between the outliers three quarters of a weight are open at most, and no eigenvalue is near.
        let [least, most] = measure.cumulative_bounds(40.0, 4.0);
        assert!(steps == 8 || most - least < 0.02, "{steps}: {least} {most}");
    }
    // Intervals of randomness alone know nothing of where the eigenvalues near 0 are.
    assert!(misled > 50, "{misled}");
}

#[test]
fn copies_of_nodes_leave_the_integrals_as_they_are() {
    let mut spectrum = vec![100.0, 81.0, 64.0, -30.0];
    spectrum.extend((0..400).map(|i| if i < 200 { 1.0 } else { 3.0 } + 1e-5 * f64::from(i % 200)));
    let operator = Reflected::new(spectrum, 2);
    let config = QuadratureConfig { probes: 3, steps: 60, ..QuadratureConfig::default() };
    let found = found(&operator, &config);
    let rules: Vec<_> = found.probes.iter().map(|probe| gauss_rule(probe).unwrap()).collect();
    assert!(
        rules.iter().all(|rule| rule.iter().filter(|(node, _)| (node - 100.0).abs() < 1e-8).count() > 2),
        "no copies"
    );
    let integrals: [Integral; 5] = [
        ("trace", |x| x),
        ("square", |x| x * x),
        ("logarithm", |x| (x + 40.0).ln()),
        ("gaussian", |x| (-0.5 * (x - 2.0).powi(2)).exp()),
        ("below", |x| 0.5 * erfc((x - 64.0) / SQRT_2)),
    ];
    for (name, f) in integrals {
        for (index, rule) in rules.iter().enumerate() {
            let value: f64 = rule.iter().map(|(node, weight)| weight * f(*node)).sum();
            let truth = exact(&operator, index as u64, f);
            assert!((value - truth).abs() < 1e-12 * truth.abs().max(1.0), "{name} {index}: {value} {truth}");
        }
    }
}

#[test]
fn the_blocks_of_probes_change_nothing_and_the_text_keeps_all() {
    let operator = Reflected::network(100);
    let config = QuadratureConfig { probes: 7, steps: 12, block: 7, seed: 3 };
    let together = found(&operator, &config);
    assert_eq!(together, found(&operator, &QuadratureConfig { block: 2, ..config }));
    let text = serde_json::to_string(&together).unwrap();
    assert_eq!(serde_json::from_str::<Quadrature>(&text).unwrap(), together);
    assert!(together.probes.iter().all(|probe| probe.alpha.len() == 12 && probe.beta.len() == 11));
}

#[test]
fn a_recurrence_ends_where_its_space_is_invariant() {
    for (spectrum, steps) in
        [(vec![2.0; 30], 1), (vec![0.0; 3], 1), ((0..30).map(|i| f64::from(i % 3)).collect(), 3), (vec![5.0], 1)]
    {
        let operator = Reflected::new(spectrum.clone(), 1);
        let found = found(&operator, &QuadratureConfig { probes: 3, ..QuadratureConfig::default() });
        assert!(found.probes.iter().all(|probe| probe.alpha.len() == steps), "{:?}", found.probes);
        let mean = spectrum.iter().sum::<f64>() / spectrum.len() as f64;
        assert!((found.measure().unwrap().mean(|x| x).value - mean).abs() < 1.0);
    }
    let none = found(&Reflected::new(Vec::new(), 0), &QuadratureConfig::default());
    assert_eq!((none.probes.len(), none.measure()), (0, Err(EigenError::NotFinite)));
}

#[test]
fn an_interrupt_keeps_the_steps_that_are_done() {
    let operator = Reflected::network(100);
    let config = QuadratureConfig { probes: 4, steps: 10, block: 2, seed: 1 };
    let whole = found(&operator, &config);
    let after = |steps: usize| {
        let asked = AtomicUsize::new(0);
        let stop = Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) >= steps);
        lanczos_quadrature(&operator, &config, &stop).unwrap()
    };
    let part = after(13);
    assert!(part.interrupted && part.probes[..2] == whole.probes[..2]);
    for (part, whole) in part.probes[2..].iter().zip(&whole.probes[2..]) {
        assert!(part.alpha == whole.alpha[..3] && part.beta == whole.beta[..2]);
    }
    assert_eq!(after(10).probes, whole.probes[..2]);
    assert!(after(0).probes.is_empty());
    assert_eq!(after(0).measure(), Err(EigenError::Interrupted(Interrupted)));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let failing = Failing(Reflected::network(50), AtomicUsize::new(3));
    assert_eq!(lanczos_quadrature(&failing, &QuadratureConfig::default(), &Stop::new()), Err(EigenError::NotFinite));
}

/// Probes are uniform on the sphere, so that no estimate knows of the eigenvectors: they are taken as unit vectors.
#[test]
fn intervals_cover_at_their_level() {
    let indefinite = Reflected::new((0..100).map(|i| 5.0 * (f64::from(i) / 45.0 - 1.0).powi(3)).collect(), 0);
    for operator in [Reflected { reflections: Vec::new(), ..Reflected::network(100) }, indefinite] {
        let integrals: [Integral; 5] = [
            ("trace", |x| x),
            ("square", |x| x * x),
            ("logarithm", |x| (x * x + 1.0).ln()),
            ("below 0", |x| 0.5 * erfc((x - 0.0) / (0.7 * SQRT_2))),
            ("below 2", |x| 0.5 * erfc((x - 2.0) / (0.7 * SQRT_2))),
        ];
        let truths = integrals.map(|(_, f)| operator.spectrum.iter().map(|x| f(*x)).sum::<f64>() / 100.0);
        let mut covered = [[0; 5]; 3];
        for seed in 0..1000 {
            let config = QuadratureConfig { probes: 30, steps: 16, block: 30, seed };
            let SpectralMeasure { dim, rules } = found(&operator, &config).measure().unwrap();
            for (covered, probes) in covered.iter_mut().zip([4, 10, 30]) {
                let measure = SpectralMeasure { dim, rules: rules[..probes].to_vec() };
                for (k, (_, f)) in integrals.iter().enumerate() {
                    covered[k] += usize::from(measure.mean(f).covers(truths[k]));
                }
            }
        }
        assert!(covered.as_flattened().iter().all(|covered| (930..=970).contains(covered)), "{covered:?}");
    }
}
