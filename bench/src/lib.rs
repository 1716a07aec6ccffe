//! Problems that the benchmarks run on, at the sizes that `README.md` states.

pub mod formula;

use logscape::data::{Dataset, digits, synthetic};
use logscape::engine::{AnyDynamics, Sgd};
use logscape::network::{Activation, Initialisation, LayerWord, Network, OutputLoss};
use logscape::problem::{LinearRegression, Mlp, PhaseRetrieval, Sinusoid};
use logscape::random::{Gaussian, Purpose, stream};
use logscape::{Precision, Problem, Sampling, SgdSettings};
use mimalloc::MiMalloc;

/// As in the programs that are shipped.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A problem and the data that it was made of.
#[derive(Debug, Clone)]
pub struct Taught<P> {
    /// The problem.
    pub problem: P,
    /// Its inputs and targets.
    pub data: Dataset,
}

/// SGD with replacement in the precision of `R`, in the layout that a study would run it in.
///
/// # Panics
/// If no run can have these settings.
pub fn sgd<R: Gaussian>(problem: &dyn Problem, learning_rate: f64, batch_size: usize) -> AnyDynamics<'_> {
    let settings = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
    let precision = if size_of::<R>() == size_of::<f32>() { Precision::Float32 } else { Precision::Float64 };
    Sgd::on(problem, settings, precision).expect("settings are valid")
}

/// Linear regression, `N = 1000`, `d = 10`.
///
/// # Panics
/// If the generator refuses its settings.
pub fn linear_regression() -> Taught<LinearRegression> {
    let settings =
        synthetic::LinearTeacher { samples: 1000, spectrum: vec![1.0; 10], teacher: vec![1.0; 10], noise: 1.0 };
    let data = synthetic::linear_teacher(&settings, 1).expect("settings are valid").data;
    let problem = LinearRegression::new(data.inputs.clone(), data.targets.clone(), 10).expect("the data fit");
    Taught { problem, data }
}

/// `f = sin(θx)` on 200 points.
///
/// # Panics
/// If the generator refuses its settings.
pub fn sinusoid() -> Taught<Sinusoid> {
    let settings = synthetic::Sinusoid { samples: 200, from: 0.0, to: 3.0, frequency: 3.0, noise: 0.3 };
    let data = synthetic::sinusoid(&settings, 1).expect("settings are valid").data;
    let problem = Sinusoid::new(data.inputs.clone(), data.targets.clone(), false).expect("the data fit");
    Taught { problem, data }
}

/// `f = (x·θ)²` in two dimensions on 500 points, and the vector that the targets come from.
///
/// # Panics
/// If the generator refuses its settings.
pub fn phase_retrieval() -> (Taught<PhaseRetrieval>, Vec<f64>) {
    let settings = synthetic::PhaseRetrieval { samples: 500, dim: 2, noise: 0.5 };
    let synthetic::Synthetic { data, teacher } = synthetic::phase_retrieval(&settings, 1).expect("settings are valid");
    let problem = PhaseRetrieval::new(data.inputs.clone(), data.targets.clone(), 2).expect("the data fit");
    (Taught { problem, data }, teacher)
}

/// A 64-32-10 tanh network on the digits, and its initial parameters.
///
/// # Panics
/// If the embedded data do not fit.
pub fn perceptron() -> (Taught<Mlp>, Vec<f64>) {
    let data = digits().expect("embedded data");
    let problem =
        Mlp::new(&[64, 32, 10], Activation::Tanh, data.inputs.clone(), data.targets.clone()).expect("the data fit");
    let start = problem.init(Initialisation::Lecun, &mut stream(1, Purpose::Start, 0));
    (Taught { problem, data }, start)
}

/// A network of one convolution with four channels, rectified, pooled and joined to ten outputs, with the cross-entropy on the digits,
/// and its initial parameters.
///
/// # Panics
/// If the embedded data do not fit.
pub fn convolution() -> (Network, Vec<f64>) {
    let data = digits().expect("embedded data");
    let layers = r#"[{"conv2d": 4, "kernel": 3}, "relu", {"max-pool2d": 2}, "flatten", {"linear": 10}]"#;
    let layers: Vec<LayerWord> = serde_json::from_str(layers).expect("layers are written well");
    let problem = Network::new(&[1, 8, 8], &layers, OutputLoss::CrossEntropy, data.inputs, data.targets);
    let problem = problem.expect("the data fit");
    let start = problem.init(Initialisation::He, &mut stream(1, Purpose::Start, 0));
    (problem, start)
}

/// The SDE of the loss `L = L* + ½ h θ²`, in `t` or in `τ` with `dτ = L dt`.
pub mod scalar_sde {
    use logscape::problem::QuadraticBasin;

    /// `L*`.
    pub const MINIMUM_LOSS: f64 = 0.1;
    /// `h`.
    pub const CURVATURE: f64 = 1.0;
    /// `s`.
    pub const NOISE_STRENGTH: f64 = 1.0;
    /// `η`.
    pub const LEARNING_RATE: f64 = 0.1;
    /// `B`.
    pub const BATCH_SIZE: u32 = 1;
    /// `2ηs/B`.
    pub const STRENGTH: f64 = 2.0 * LEARNING_RATE * NOISE_STRENGTH / BATCH_SIZE as f64;
    /// Where every replica starts.
    pub const START: f64 = 1.0;
    /// Replicas.
    pub const REPLICAS: usize = 10_000;

    /// The landscape.
    ///
    /// # Panics
    /// Never.
    pub fn basin() -> QuadraticBasin {
        QuadraticBasin::new(MINIMUM_LOSS, vec![CURVATURE]).expect("the numbers are positive")
    }
}

/// Overdamped motion in two wells, `dθ = −∇L dt + √(2D) dW` with `L = ¼(θ² − 1)²`, from the left one to the right one.
pub mod double_well {
    use logscape::engine::sde::Landscape;
    use logscape::lanes::{Lane, Real};

    /// `D`: the barrier is ¼, so that the wait is some `10⁴` units of time.
    pub const TEMPERATURE: f64 = 0.03;
    /// Step in time.
    pub const STEP: f64 = 0.05;
    /// Bottom of the left well, where every replica starts.
    pub const START: f64 = -1.0;
    /// Beyond this it has reached the right one.
    pub const END: f64 = 0.9;
    /// Time within which it is to be there: long against the 3 or so that a crossing takes.
    pub const HORIZON: f64 = 50.0;
    /// Trajectories of one estimate.
    pub const TRAJECTORIES: usize = 32;

    /// The loss.
    #[derive(Debug)]
    pub struct DoubleWell;

    impl<R: Real> Landscape<R> for DoubleWell {
        type Work = ();

        fn dim(&self) -> usize {
            1
        }

        fn work(&self) {}

        #[inline(always)]
        fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], _work: &mut ()) -> Lane<R> {
            let height = theta[0] * theta[0] - Lane::splat(R::from_f64(1.0));
            gradient[0] = theta[0] * height;
            Lane::splat(R::from_f64(0.25)) * height * height
        }
    }
}
