//! Checks each generator's teacher exactly and its statistics within their error.

use super::draw::dot;
use super::*;
use crate::data::Dataset;

const SAMPLES: usize = 20_000;
/// Standard errors that a check allows; with some fifty checks a right generator fails with probability below 1e-4.
const ERRORS: f64 = 5.0;

fn linear(noise: f64) -> LinearTeacher {
    LinearTeacher { samples: SAMPLES, spectrum: vec![4.0, 1.0, 0.25], teacher: vec![1.0, -2.0, 3.0], noise }
}

fn factors(noise: f64) -> MatrixFactorisation {
    MatrixFactorisation { samples: SAMPLES, rows: 200, columns: 300, rank: 2, noise }
}

fn perceptron(noise: f64) -> TeacherStudent {
    TeacherStudent { samples: SAMPLES, input_dim: 3, hidden: 4, target_dim: 2, gain: 1.0, noise }
}

/// Target `k` from the teacher and an input, written out independently of the generator.
type Formula = fn(&[f64], &[f64], usize) -> f64;

const SINE: Sinusoid = Sinusoid { samples: SAMPLES, from: -1.0, to: 3.0, frequency: 2.5, noise: 0.0 };
const PHASES: PhaseRetrieval = PhaseRetrieval { samples: SAMPLES, dim: 4, noise: 0.0 };

/// All generators with one noise level and one seed.
fn all(noise: f64, seed: u64) -> Vec<Synthetic> {
    [
        linear_teacher(&linear(noise), seed),
        sinusoid(&Sinusoid { noise, ..SINE }, seed),
        phase_retrieval(&PhaseRetrieval { noise, ..PHASES }, seed),
        matrix_factorisation(&factors(noise), seed),
        teacher_student(&perceptron(noise), seed),
    ]
    .map(|drawn| drawn.expect("valid settings"))
    .into()
}

/// Whether the mean of the values is `expected` within its standard error.
fn mean_is(values: impl Iterator<Item = f64>, expected: f64) -> bool {
    let values: Vec<f64> = values.collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    (mean - expected).abs() <= ERRORS * (variance / n).sqrt()
}

/// Whether the inputs have mean zero and this diagonal covariance.
fn gaussian_with(data: &Dataset, spectrum: &[f64]) -> bool {
    let rows = || data.inputs.chunks_exact(data.input_dim);
    (0..spectrum.len()).all(|i| {
        mean_is(rows().map(|x| x[i]), 0.0)
            && (0..=i).all(|j| mean_is(rows().map(|x| x[i] * x[j]), if i == j { spectrum[i] } else { 0.0 }))
    })
}

#[test]
fn inputs_have_the_stated_mean_and_covariance() {
    let drawn = all(0.0, 7);
    assert!(gaussian_with(&drawn[0].data, &[4.0, 1.0, 0.25]));
    assert!(gaussian_with(&drawn[2].data, &[1.0; 4]));
    let places = || drawn[3].data.inputs.chunks_exact(2);
    // Places are uniform on 200 rows and 300 columns, and none is drawn twice.
    assert!(mean_is(places().map(|x| x[0]), 99.5) && mean_is(places().map(|x| x[1]), 149.5));
    let different: std::collections::HashSet<_> = places().map(|x| (x[0] as u32, x[1] as u32)).collect();
    assert_eq!(different.len(), SAMPLES);
    assert!(gaussian_with(&drawn[4].data, &[1.0; 3]));
    // The test must be able to fail: a covariance that is wrong by a tenth is noticed.
    assert!(!gaussian_with(&drawn[0].data, &[4.4, 1.0, 0.25]));
    let x = &drawn[1].data.inputs;
    assert!(x.iter().all(|x| (-1.0..3.0).contains(x)));
    assert!(mean_is(x.iter().copied(), 1.0) && mean_is(x.iter().map(|x| (x - 1.0).powi(2)), 16.0 / 12.0));
}

#[test]
fn noiseless_targets_follow_the_teacher() {
    let drawn = all(0.0, 8);
    let formulas: [Formula; 5] = [
        |θ, x, _| θ[0] * x[0] + θ[1] * x[1] + θ[2] * x[2],
        |θ, x, _| (θ[0] * x[0]).sin(),
        |θ, x, _| (0..4).map(|i| θ[i] * x[i]).sum::<f64>().powi(2),
        |θ, x, _| (0..2).map(|r| θ[2 * x[0] as usize + r] * θ[400 + 2 * x[1] as usize + r]).sum(),
        |θ, x, k| (0..4).map(|u| θ[12 + 4 * k + u] * (0..3).map(|i| θ[3 * u + i] * x[i]).sum::<f64>().tanh()).sum(),
    ];
    for (Synthetic { data, teacher }, formula) in drawn.iter().zip(formulas) {
        let rows = data.inputs.chunks_exact(data.input_dim).zip(data.targets.chunks_exact(data.target_dim));
        for (x, y) in rows.take(100) {
            for (k, y) in y.iter().enumerate() {
                let expected = formula(teacher, x, k);
                assert!((y - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{}: {y} {expected}", data.name);
            }
        }
    }
    assert!((dot(&drawn[2].teacher, &drawn[2].teacher) - 1.0).abs() < 1e-14);
    let sizes: Vec<usize> = drawn.iter().map(|drawn| drawn.teacher.len()).collect();
    assert_eq!(sizes, [3, 1, 4, 1000, 20]);
}

#[test]
fn noise_has_the_stated_strength_and_leaves_the_inputs() {
    for (clean, noisy) in all(0.0, 9).iter().zip(all(0.3, 9)) {
        assert_eq!((&clean.data.inputs, &clean.teacher), (&noisy.data.inputs, &noisy.teacher));
        let noise = || noisy.data.targets.iter().zip(&clean.data.targets).map(|(noisy, clean)| noisy - clean);
        assert!(mean_is(noise(), 0.0), "{}", clean.data.name);
        assert!(mean_is(noise().map(|ξ| ξ * ξ), 0.09), "{}", clean.data.name);
        // Noise that came from the inputs' stream would correlate with them.
        let dims = (clean.data.input_dim, clean.data.target_dim);
        let x = clean.data.inputs.chunks_exact(dims.0).map(|x| x[0]);
        assert!(mean_is(x.zip(noise().step_by(dims.1)).map(|(x, ξ)| x * ξ), 0.0), "{}", clean.data.name);
    }
}

#[test]
fn teachers_have_the_stated_scale() {
    let wide = MatrixFactorisation { samples: 1, rows: 40, columns: 50, rank: 25, noise: 0.0 };
    let wide = matrix_factorisation(&wide, 3).expect("valid");
    assert!(mean_is(wide.teacher.iter().map(|θ| θ * θ), 0.2));
    let wide = TeacherStudent { samples: 1, input_dim: 30, hidden: 60, target_dim: 20, gain: 1.0, noise: 0.0 };
    let teacher = teacher_student(&wide, 4).expect("valid").teacher;
    let (w, a) = teacher.split_at(1800);
    assert!(mean_is(w.iter().map(|w| w * w), 1.0 / 30.0) && mean_is(a.iter().map(|a| a * a), 1.0 / 60.0));
    let steep = teacher_student(&TeacherStudent { gain: 3.0, ..wide }, 4).expect("valid").teacher;
    assert!(steep[..1800].iter().zip(w).all(|(a, b)| (a - 3.0 * b).abs() < 1e-14) && steep[1800..] == *a);
}

#[test]
fn the_seed_decides_every_byte() {
    let bits = |drawn: &Synthetic| -> Vec<u64> {
        [&drawn.data.inputs, &drawn.data.targets, &drawn.teacher].into_iter().flatten().map(|x| x.to_bits()).collect()
    };
    for ((first, again), other) in all(0.1, 1).iter().zip(&all(0.1, 1)).zip(&all(0.1, 2)) {
        assert_eq!(bits(first), bits(again), "{}", first.data.name);
        assert_ne!(first.data.inputs, other.data.inputs, "{}", first.data.name);
        assert_ne!(first.data.targets, other.data.targets, "{}", first.data.name);
    }
    let short = phase_retrieval(&PhaseRetrieval { samples: 10, ..PHASES }, 1).expect("valid");
    let long = phase_retrieval(&PHASES, 1).expect("valid");
    assert_eq!(long.data.take(10).expect("10 of many"), short.data);
}

#[test]
fn settings_out_of_range_are_named() {
    let cases = [
        (linear_teacher(&LinearTeacher { samples: 0, ..linear(0.0) }, 1), "samples"),
        (linear_teacher(&linear(-1.0), 1), "noise"),
        (linear_teacher(&linear(f64::NAN), 1), "noise"),
        (linear_teacher(&LinearTeacher { spectrum: vec![], ..linear(0.0) }, 1), "spectrum"),
        (linear_teacher(&LinearTeacher { spectrum: vec![1.0, -1.0, 1.0], ..linear(0.0) }, 1), "spectrum"),
        (linear_teacher(&LinearTeacher { teacher: vec![1.0], ..linear(0.0) }, 1), "teacher"),
        (sinusoid(&Sinusoid { to: -1.0, ..SINE }, 1), "to"),
        (sinusoid(&Sinusoid { frequency: f64::INFINITY, ..SINE }, 1), "frequency"),
        (phase_retrieval(&PhaseRetrieval { dim: 0, ..PHASES }, 1), "dim"),
        (phase_retrieval(&PhaseRetrieval { dim: usize::MAX, ..PHASES }, 1), "dim"),
        (matrix_factorisation(&MatrixFactorisation { rank: 201, ..factors(0.0) }, 1), "rank"),
        (matrix_factorisation(&MatrixFactorisation { rows: 10, columns: 9, ..factors(0.0) }, 1), "samples"),
        (teacher_student(&TeacherStudent { hidden: 0, ..perceptron(0.0) }, 1), "hidden"),
        (teacher_student(&TeacherStudent { gain: f64::NAN, ..perceptron(0.0) }, 1), "gain"),
    ];
    for (result, field) in cases {
        let message = result.expect_err(field).to_string();
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
}
