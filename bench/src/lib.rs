//! Problems that the benchmarks run on, at the sizes that `README.md` states.

use logscape::data::{digits, synthetic};
use logscape::problem::{Activation, Initialisation, LinearRegression, Mlp, PhaseRetrieval, Sinusoid};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Linear regression, `N = 1000`, `d = 10`.
///
/// # Panics
/// If the generator refuses its settings.
pub fn linear_regression() -> LinearRegression {
    let settings =
        synthetic::LinearTeacher { samples: 1000, spectrum: vec![1.0; 10], teacher: vec![1.0; 10], noise: 1.0 };
    let data = synthetic::linear_teacher(&settings, 1).expect("settings are valid").data;
    LinearRegression::new(data.inputs, data.targets, 10).expect("the data fit")
}

/// `f = sin(θx)` on 200 points.
///
/// # Panics
/// If the generator refuses its settings.
pub fn sinusoid() -> Sinusoid {
    let settings = synthetic::Sinusoid { samples: 200, from: 0.0, to: 3.0, frequency: 3.0, noise: 0.3 };
    let data = synthetic::sinusoid(&settings, 1).expect("settings are valid").data;
    Sinusoid::new(data.inputs, data.targets, false).expect("the data fit")
}

/// Phase retrieval of a vector with ten entries from 200 samples.
///
/// # Panics
/// If the data do not fit.
pub fn phase_retrieval() -> PhaseRetrieval {
    let settings =
        synthetic::LinearTeacher { samples: 200, spectrum: vec![1.0; 10], teacher: vec![0.5; 10], noise: 0.0 };
    let data = synthetic::linear_teacher(&settings, 1).expect("settings are valid").data;
    let targets = data.targets.iter().map(|y| y * y).collect();
    PhaseRetrieval::new(data.inputs, targets, 10).expect("the data fit")
}

/// A 64-32-10 tanh network on the digits, and its initial parameters.
///
/// # Panics
/// If the embedded data do not fit.
pub fn perceptron() -> (Mlp, Vec<f64>) {
    let data = digits().expect("embedded data");
    let mlp = Mlp::new(&[64, 32, 10], Activation::Tanh, data.inputs, data.targets).expect("the data fit");
    let start = mlp.init(Initialisation::Lecun, &mut ChaCha8Rng::seed_from_u64(1));
    (mlp, start)
}
