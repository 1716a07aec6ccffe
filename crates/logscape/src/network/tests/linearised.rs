//! Products around a point.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Stop;
use crate::network::GradientSquares;
use crate::network::sparse::SparseInputs;
use crate::operator::dense::to_dense;
use crate::operator::{apply, dot, full, norm};

/// A network and a point.
type Placed = (Network, Vec<f64>);

/// A network with every kind of layer, more samples than a block, and a point.
fn mixed(loss: OutputLoss, samples: usize) -> Placed {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let text = r#"[{"conv2d": 4, "kernel": 3, "padding": 1}, "gelu", {"residual": [{"conv2d": 4, "kernel": 1}, {"group-norm": 2}]},
        {"residual": [{"conv2d": 2, "kernel": 3, "padding": 1}, "tanh", {"conv2d": 4, "kernel": 1, "bias": false}], "shortcut": [{"conv2d": 4, "kernel": 1}, "batch-norm"]},
        {"conv2d": 4, "kernel": [1, 3], "dilation": [1, 2], "padding": [0, 2], "bias": false},
        {"max-pool2d": 2, "ceil_mode": true}, {"batch-norm": true, "bias": false}, {"leaky-relu": 0.2}, {"avg-pool2d": 2, "stride": 1}, {"batch-norm": true, "scale": false},
        {"group-norm": 2, "epsilon": 0.01, "scale": false}, "flatten", "layer-norm", {"linear": 5, "bias": false}, "tanh", {"linear": 3}]"#;
    let inputs = normals(samples * 30, &mut rng);
    let targets = (0..samples).flat_map(|k| (0..3).map(move |i| f64::from(u8::from(k % 3 == i)))).collect();
    let mut network = Network::new(&[1, 6, 5], &layers(text), loss, inputs, targets).unwrap();
    network.block = 7;
    let theta = network.init(Initialisation::He, &mut rng);
    (network, theta)
}

const PERCEPTRON: &str = r#"[{"linear": 21}, "tanh", {"residual": [{"linear": 21}, "gelu"]}, {"linear": 3}]"#;

/// A perceptron on inputs most of which are zero, in some blocks more than in others, more samples than a block, and a point.
fn on_empty_ground(loss: OutputLoss, samples: usize) -> Placed {
    sparse(PERCEPTRON, loss, samples, 0)
}

/// The same with inputs that are full in the first two blocks.
fn on_empty_ground_at_last(loss: OutputLoss, samples: usize) -> Placed {
    sparse(PERCEPTRON, loss, samples, 14)
}

/// The same without biases.
fn on_empty_ground_without_biases(loss: OutputLoss, samples: usize) -> Placed {
    let text = r#"[{"linear": 21, "bias": false}, "tanh", {"residual": [{"linear": 21, "bias": false}, "gelu"]},
        {"linear": 3, "bias": false}]"#;
    sparse(text, loss, samples, 0)
}

/// What [`mixed`] and [`on_empty_ground`] are.
const CASES: [fn(OutputLoss, usize) -> Placed; 4] =
    [mixed, on_empty_ground, on_empty_ground_without_biases, on_empty_ground_at_last];

fn sparse(text: &str, loss: OutputLoss, samples: usize, full: usize) -> Placed {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut inputs = normals(samples * 30, &mut rng);
    for (k, x) in inputs.iter_mut().enumerate() {
        let (sample, input) = (k / 30, k % 30);
        if sample >= full && (input / 4 + sample / 8) % 3 > 0 {
            *x = 0.0;
        }
    }
    for (k, block) in inputs.chunks(7 * 30).enumerate() {
        assert_eq!(SparseInputs::of(block, 30).is_some(), 7 * k >= full, "block {k}");
    }
    let targets = (0..samples).flat_map(|k| (0..3).map(move |i| f64::from(u8::from(k % 3 == i)))).collect();
    let mut network = Network::new(&[30], &layers(text), loss, inputs, targets).unwrap();
    network.block = 7;
    let theta = network.init(Initialisation::He, &mut rng);
    (network, theta)
}

/// The largest difference of two blocks of vectors, relative to the largest number of the second.
fn distance(a: &faer::Mat<f64>, b: &faer::Mat<f64>) -> f64 {
    (a - b).norm_max() / b.norm_max()
}

#[test]
fn products_around_a_point_are_those_of_the_problem_in_either_precision() {
    for (loss, of) in OutputLoss::ALL.into_iter().flat_map(|loss| CASES.map(|of| (loss, of))) {
        let (network, theta) = of(loss, 40);
        let p = network.dim();
        let vectors = faer::Mat::from_fn(p, 3, |i, j| ((i * 3 + j) as f64).sin());
        let image = |operator: &dyn LinearOperator| {
            let mut out = faer::Mat::zeros(p, 3);
            operator.apply_into(vectors.as_ref(), out.as_mut(), &Stop::new()).unwrap();
            out
        };
        let (hessian, gauss_newton) =
            (image(&Hessian::new(&network, &theta)), image(&GaussNewton::new(&network, &theta)));
        let rest = &hessian - &gauss_newton;
        let double = Linearised::<f64>::new(&network, &theta, usize::MAX);
        let single = Linearised::<f32>::new(&network, &theta, usize::MAX);
        let noise = image(&NoiseCovariance::new(&network, &theta));
        let fisher = image(&NoiseCovariance::uncentred(&network, &theta));
        for (which, wanted) in Matrix::ALL.into_iter().zip([hessian, gauss_newton, rest, noise, fisher]) {
            let found = distance(&image(&*double.operator(which)), &wanted);
            assert!(found < 1e-12, "{loss:?} {which:?}: {found}");
            let found = distance(&image(&*single.operator(which)), &wanted);
            assert!(found < 1e-5, "{loss:?} {which:?} in single precision: {found}");
        }
    }
}

#[test]
fn products_have_the_same_bits_in_any_memory_and_on_any_threads() {
    bits_are_those_of_any_memory(&mixed(OutputLoss::CrossEntropy, 40), 180_000);
    for of in [on_empty_ground, on_empty_ground_without_biases] {
        bits_are_those_of_any_memory(&of(OutputLoss::CrossEntropy, 40), 20_000);
    }
}

fn bits_are_those_of_any_memory((network, theta): &Placed, enough_for_some: usize) {
    let p = network.dim();
    let image = |which: Matrix, memory: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let linearised = Linearised::<f32>::new(network, theta, memory);
            let mut out = faer::Mat::zeros(p, 2);
            let vectors = faer::Mat::from_fn(p, 2, |i, j| ((i * 3 + j) as f64).sin());
            linearised.operator(which).apply_into(vectors.as_ref(), out.as_mut(), &Stop::new()).unwrap();
            (linearised.kept_share(), out)
        })
    };
    for which in [Matrix::Hessian, Matrix::NoiseCovariance] {
        let (all, whole) = image(which, usize::MAX, 1);
        let (some, part) = image(which, enough_for_some, 2);
        let (none, nothing) = image(which, 0, 3);
        assert!(all == 1.0 && some > 0.0 && some < 1.0 && none == 0.0, "{some}");
        assert!(whole == part && whole == nothing, "{which:?}");
    }
}

#[test]
fn samples_around_a_point_are_those_of_the_problem_in_either_precision() {
    for (loss, of) in OutputLoss::ALL.into_iter().flat_map(|loss| CASES.map(|of| (loss, of))) {
        let (network, theta) = of(loss, 40);
        let vectors: Vec<Vec<f64>> =
            (0..2).map(|j| (0..theta.len()).map(|i| ((3 * i + j) as f64).cos()).collect()).collect();
        let (wanted, stop) = (recomputed(&network, &theta), Stop::new());
        let near = |what: &str, found: &[f64], wanted: &[f64], error: f64| {
            let largest = wanted.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < error * largest, "{loss:?} {what}: {found} {wanted}");
            }
        };
        let double = Linearised::<f64>::new(&network, &theta, 100_000);
        let single = Linearised::<f32>::new(&network, &theta, 100_000);
        for (found, error) in [(&double as &dyn Linearisation, 1e-11), (&single, 3e-5)] {
            let (gradients, expected) = (found.gradients(&stop).unwrap(), wanted.gradients(&stop).unwrap());
            near("loss", &[gradients.loss], &[expected.loss], error);
            near("gradient", &gradients.gradient, &expected.gradient, error);
            near("squares", &gradients.squares, &expected.squares, error);
            near("squares alone", &GradientSquares::<f64>::new(&network).at(&theta), &expected.squares, 1e-11);
            let mut single = GradientSquares::<f32>::new(&network);
            single.at(&vec![0.0; theta.len()]);
            near("squares alone, after others", &single.at(&theta), &expected.squares, 3e-5);
            near(
                "tr G",
                &[found.gauss_newton_trace(&stop).unwrap()],
                &[wanted.gauss_newton_trace(&stop).unwrap()],
                error,
            );
            for (along, expected) in
                found.along(&vectors, &stop).unwrap().iter().zip(wanted.along(&vectors, &stop).unwrap())
            {
                near("outputs", &along.outputs, &expected.outputs, error);
                near("slopes", &along.slopes, &expected.slopes, error);
                near("curvatures", &along.curvatures, &expected.curvatures, error);
            }
        }
    }
}

#[test]
fn passes_end_between_two_blocks() {
    let (network, theta) = mixed(OutputLoss::CrossEntropy, 40);
    let vectors = [vec![0.3; theta.len()]];
    let around = Linearised::<f64>::new(&network, &theta, 0);
    let wanted = around.gradients(&Stop::new()).unwrap();
    // There are six blocks.
    for looks in 0..6 {
        let stop = || {
            let asked = AtomicU64::new(0);
            Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) >= looks)
        };
        assert!(around.gradients(&stop()).is_err() && around.gauss_newton_trace(&stop()).is_err(), "{looks}");
        assert!(around.along(&vectors, &stop()).is_err(), "{looks}");
        for which in Matrix::ALL {
            // The mean gradient of a covariance is a pass of its own.
            let operator = around.operator(which);
            assert!(apply(&*operator, &vectors[0], &stop()).is_err(), "{which:?}: {looks}");
            assert!(apply(&*operator, &vectors[0], &Stop::new()).is_ok());
            assert!(apply(&*operator, &vectors[0], &stop()).is_err(), "{which:?}: {looks}");
        }
    }
    let after = around.gradients(&Stop::new()).unwrap();
    assert_eq!((after.loss, after.gradient, after.squares), (wanted.loss, wanted.gradient, wanted.squares));
}

#[test]
fn matrices_of_the_noise_are_those_of_their_products() {
    // More samples than are multiplied at once, and more columns; dense layers of outer products or not, the first or a later one, with
    // and without biases.
    let texts = [
        r#"[{"conv2d": 2, "kernel": 2}, "tanh", "flatten", {"linear": 13}, "gelu", {"linear": 3}]"#,
        r#"[{"conv2d": 4, "kernel": 2}, "tanh", "flatten", {"linear": 25}, "gelu", {"linear": 3}]"#,
        r#"["flatten", {"linear": 48}, "gelu", {"linear": 17, "bias": false}, "tanh", {"linear": 3}]"#,
        r#"["flatten", {"linear": 48, "bias": false}, "tanh", {"linear": 3, "bias": false}]"#,
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for text in texts {
        let (samples, loss) = (1300, OutputLoss::CrossEntropy);
        let targets = (0..samples).flat_map(|k| (0..3).map(move |i| f64::from(u8::from(k % 3 == i)))).collect();
        let network = Network::new(&[1, 4, 4], &layers(text), loss, normals(samples * 16, &mut rng), targets).unwrap();
        let theta = network.init(Initialisation::He, &mut rng);
        assert!(network.dim() > 256, "{}", network.dim());
        let stop = Stop::new();
        for (which, wanted) in [
            (Matrix::NoiseCovariance, NoiseCovariance::new(&network, &theta)),
            (Matrix::EmpiricalFisher, NoiseCovariance::uncentred(&network, &theta)),
        ] {
            let wanted = to_dense(&wanted, &stop).unwrap();
            let double = Linearised::<f64>::new(&network, &theta, 0);
            let single = Linearised::<f32>::new(&network, &theta, usize::MAX);
            for (found, error) in [(double.operator(which), 1e-12), (single.operator(which), 1e-5)] {
                let found = found.matrix(&stop).expect("there is a way").unwrap();
                assert!(distance(&found, &wanted) < error, "{text} {which:?}: {}", distance(&found, &wanted));
            }
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| single.operator(which).matrix(&stop).expect("there is a way").unwrap())
            };
            assert_eq!(on(1), on(3), "{text} {which:?}");
        }
        assert!(Linearised::<f64>::new(&network, &theta, 0).operator(Matrix::Hessian).matrix(&stop).is_none());
    }
}

/// Inputs in another unit and targets in its inverse leave the gradients of a linear network at zero as they are, whatever the squares of
/// the inputs would be in single precision.
#[test]
fn matrices_of_the_noise_keep_the_range_of_their_precision() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (inputs, targets) = (normals(20 * 40, &mut rng), normals(20 * 30, &mut rng));
    let matrix = |[of_inputs, of_targets]: [f64; 2]| {
        let scaled = |values: &[f64], unit: f64| values.iter().map(|x| unit * x).collect::<Vec<f64>>();
        let words = layers(r#"[{"linear": 30, "bias": false}]"#);
        let data = (scaled(&inputs, of_inputs), scaled(&targets, of_targets));
        let network = Network::new(&[40], &words, OutputLoss::MeanSquare, data.0, data.1).unwrap();
        let around = Linearised::<f32>::new(&network, &vec![0.0; network.dim()], usize::MAX);
        around.operator(Matrix::EmpiricalFisher).matrix(&Stop::new()).expect("there is a way").unwrap()
    };
    let wanted = matrix([1.0, 1.0]);
    // Powers of two, which change no digit.
    for unit in [2f64.powi(80), 2f64.powi(-80)] {
        assert_eq!(matrix([unit, unit.recip()]), wanted, "{unit}");
    }
    // No squares are left of inputs below the normal numbers, whose inverses are none.
    assert_eq!(matrix([2f64.powi(-135), 1.0]), faer::Mat::<f64>::zeros(1200, 1200));
}

/// Far from all targets, on inputs that are nearly alike, the samples' gradients are nearly the mean one, and their covariance is small
/// beside their second moment.
#[test]
fn products_with_a_small_covariance_keep_the_digits_of_their_precision() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let inputs = normals(60 * 8, &mut rng).iter().map(|x| 1.0 + 1e-3 * x).collect();
    let words = layers(r#"[{"linear": 9}, "tanh", {"linear": 3}]"#);
    let mut network = Network::new(&[8], &words, OutputLoss::MeanSquare, inputs, vec![30.0; 60 * 3]).unwrap();
    network.block = 7;
    let theta = network.init(Initialisation::He, &mut rng);
    let (stop, gradient) = (Stop::new(), full::loss_and_gradient(&network, &theta).1);
    let wanted = apply(&NoiseCovariance::new(&network, &theta), &gradient, &stop).unwrap();
    let around = Linearised::<f32>::new(&network, &theta, usize::MAX);
    let found = apply(&*around.operator(Matrix::NoiseCovariance), &gradient, &stop).unwrap();
    // `C v` is a mean of projections' deviations times gradients' deviations, which have the rounding of projections and of gradients.
    let square: f64 = gradient.iter().map(|x| x * x).sum();
    let variance = dot(&wanted, &gradient) / square;
    let rounding = f64::from(f32::EPSILON) * square * variance.sqrt();
    assert!(variance < 1e-5 * square, "{variance} {square}");
    let far = norm(&found.iter().zip(&wanted).map(|(a, b)| a - b).collect::<Vec<_>>());
    assert!(far < 10.0 * rounding, "{far} {rounding}");
}
