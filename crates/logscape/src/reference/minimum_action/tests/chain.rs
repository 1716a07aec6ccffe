//! Tests of minimum action paths of the minibatch chain.

use super::quasi_potential;
use crate::Stop;
use crate::landscape::{BarrierConfig, MinimumConfig, find_minimum, saddles};
use crate::operator::dot;
use crate::problem::{LinearRegression, Sinusoid};
use crate::reference::cumulant::BatchCumulant;
use crate::reference::large_deviation::{Ends, ascend, momentum};
use crate::reference::minimum_action::{
    Hamiltonian, LocalHamiltonian, MinimumActionConfig, MinimumActionError, SgdHamiltonian, minimum_action,
};
use crate::{Barrier, Path, Problem, Sampling, SgdSettings};
use faer::Mat;

pub(super) fn cumulant(samples: usize, batch_size: usize, sampling: Sampling) -> BatchCumulant {
    BatchCumulant::new(samples, &SgdSettings { learning_rate: 0.1, batch_size, sampling }).unwrap()
}

/// A sinusoid of twenty samples with its minimum near 3, the barrier top to its right, and the section of the loss.
pub(super) fn noisy_sinusoid() -> (Sinusoid, f64, f64, Path) {
    let inputs: Vec<f64> = (0..20).map(|i| 3.0 * (f64::from(i) + 0.5) / 20.0).collect();
    let targets = inputs.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + 0.4 * (7.0 * i as f64).cos()).collect();
    let problem = Sinusoid::new(inputs, targets, false).unwrap();
    let minimum = find_minimum(&problem, &[3.0], &MinimumConfig::default(), &Stop::new()).unwrap().theta[0];
    let Barrier::Saddles { ways_out, path: Some(path) } =
        saddles(&problem, minimum, &BarrierConfig::default()).unwrap()
    else {
        panic!("not saddles")
    };
    (problem, minimum, ways_out[1].theta[0], path)
}

#[test]
fn one_dimension_has_the_quasi_potential_of_the_quadrature() {
    let (problem, minimum, top, path) = noisy_sinusoid();
    let ends = |_: f64| Ends { curvature_minimum: 1.0, curvature_top: -1.0, noise_minimum: 1.0, noise_top: 1.0 };
    for (batch, sampling) in [(1, Sampling::WithReplacement), (3, Sampling::WithoutReplacement)] {
        let law = cumulant(20, batch, sampling);
        let exact = ascend(&path.position, &path.sample_slopes, minimum, true, &law, 0.1, &ends).unwrap();
        let found = quasi_potential(&SgdHamiltonian::new(&problem, law), &[vec![minimum], vec![top]], 80);
        let error = (found.action - exact.quasi_potential).abs();
        assert!(error < found.error && found.error < 2e-3 * found.action, "{error} {} {}", found.error, found.action);
    }
}

/// The chain on unlimited data: features of a normal law with variances `λ_i`, label noise of variance `σ²`. With `a = p/B`,
/// `s = aᵀΛδ`, `𝓗 = −½B ln[(1 + s)² − aᵀΛa (σ² + δᵀΛδ)]` from the Gaussian integral of `exp(−a·x(x·δ − ε))`.
pub(super) struct LabelNoise {
    pub(super) variances: Vec<f64>,
    pub(super) sigma2: f64,
    pub(super) batch: f64,
}

struct LocalLabelNoise<'a> {
    law: &'a LabelNoise,
    delta: Vec<f64>,
}

impl LocalLabelNoise<'_> {
    fn weighted(&self, x: &[f64], y: &[f64]) -> f64 {
        (0..x.len()).map(|i| self.law.variances[i] * x[i] * y[i]).sum()
    }

    /// `a`, `1 + s`, `aᵀΛa`, `σ² + δᵀΛδ` and the determinant.
    fn terms(&self, p: &[f64]) -> (Vec<f64>, [f64; 4]) {
        let a: Vec<f64> = p.iter().map(|p| p / self.law.batch).collect();
        let (lean, square) = (1.0 + self.weighted(&a, &self.delta), self.weighted(&a, &a));
        let residual = self.law.sigma2 + self.weighted(&self.delta, &self.delta);
        (a, [lean, square, residual, lean * lean - square * residual])
    }
}

impl Hamiltonian for LabelNoise {
    fn dim(&self) -> usize {
        self.variances.len()
    }

    fn at<'a>(&'a self, theta: &[f64]) -> Box<dyn LocalHamiltonian + 'a> {
        Box::new(LocalLabelNoise { law: self, delta: theta.to_vec() })
    }
}

impl LocalHamiltonian for LocalLabelNoise<'_> {
    fn in_momentum(&self, p: &[f64]) -> (f64, Vec<f64>, Mat<f64>) {
        let (a, [lean, _, residual, det]) = self.terms(p);
        let (n, b) = (p.len(), self.law.batch);
        let l = &self.law.variances;
        let slope: Vec<f64> = (0..n).map(|i| 2.0 * l[i] * (lean * self.delta[i] - residual * a[i])).collect();
        let velocity = slope.iter().map(|d| -0.5 * d / det).collect();
        let hessian = Mat::from_fn(n, n, |i, j| {
            let own = if i == j { -residual * l[i] } else { 0.0 };
            let second = 2.0 * (l[i] * self.delta[i] * l[j] * self.delta[j] + own);
            (-0.5 * second / det + 0.5 * slope[i] * slope[j] / (det * det)) / b
        });
        (-0.5 * b * det.ln(), velocity, hessian)
    }

    fn force(&self, p: &[f64]) -> Vec<f64> {
        self.in_position(p).0
    }

    fn in_position(&self, p: &[f64]) -> (Vec<f64>, Mat<f64>) {
        let (a, [lean, square, residual, det]) = self.terms(p);
        let (n, b) = (p.len(), self.law.batch);
        let (l, delta) = (&self.law.variances, &self.delta);
        let in_a: Vec<f64> = (0..n).map(|i| 2.0 * l[i] * (lean * delta[i] - residual * a[i])).collect();
        let in_delta: Vec<f64> = (0..n).map(|i| 2.0 * l[i] * (lean * a[i] - square * delta[i])).collect();
        let mixed = Mat::from_fn(n, n, |i, j| {
            let own = if i == j { lean * l[i] } else { 0.0 };
            let second = 2.0 * (own + l[i] * delta[i] * l[j] * a[j] - 2.0 * l[i] * a[i] * l[j] * delta[j]);
            -0.5 * second / det + 0.5 * in_a[i] * in_delta[j] / (det * det)
        });
        (in_delta.iter().map(|d| -0.5 * b * d / det).collect(), mixed)
    }

    fn longest_step(&self, p: &[f64], d: &[f64]) -> f64 {
        // Where the expectation is infinite the determinant is not positive.
        let positive = |share: f64| {
            let [lean, .., det] = self.terms(&p.iter().zip(d).map(|(p, d)| p + share * d).collect::<Vec<_>>()).1;
            lean > 0.0 && det > 0.0
        };
        (0..40).map(|k| 0.5_f64.powi(k)).find(|&share| positive(2.0 * share) || share < 1e-9).unwrap_or(0.0)
    }
}

#[test]
fn label_noise_on_unlimited_data_has_a_barrier_linear_in_the_loss() {
    // V = B‖δ‖²/σ² for any features, along δ ∝ e^{Λt}, which bends.
    for variances in [vec![1.0, 0.4], vec![1.0, 0.8, 0.6, 0.5, 0.3]] {
        let end: Vec<f64> = (0..variances.len()).map(|i| [0.5, -0.4, 0.3, 0.2, -0.1][i]).collect();
        let law = LabelNoise { variances: variances.clone(), sigma2: 0.5, batch: 3.0 };
        let found = quasi_potential(&law, &[vec![0.0; end.len()], end.clone()], 60);
        let exact = 3.0 * dot(&end, &end) / 0.5;
        let error = (found.action - exact).abs();
        assert!(error < found.error && found.error < 2e-3 * exact, "{error} {} {exact}", found.error);
        // p = ∇V = 2Bδ/σ², halfway to one per cent of the end's: of second order in segments of a sixtieth.
        let middle = &found.path.nodes[30]
            .iter()
            .zip(&found.path.nodes[31])
            .map(|(a, b)| f64::midpoint(*a, *b))
            .collect::<Vec<_>>();
        for (p, x) in found.path.momenta[30].iter().zip(middle) {
            assert!((p - 12.0 * x).abs() < 0.06, "{p} {x}");
        }
    }
}

/// Designs of signs with the quantiles of normal residuals, in `dim` dimensions: all combinations, so that the sample is the
/// law itself up to the cut tails.
fn regression(dim: usize, quantiles: usize) -> LinearRegression {
    use statrs::distribution::{ContinuousCDF, Normal};
    let law = Normal::new(0.0, 1.0).unwrap();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for signs in 0..1_usize << dim {
        for k in 0..quantiles {
            inputs.extend((0..dim).map(|i| if signs >> i & 1 == 1 { 1.0 } else { -1.0 }));
            targets.push(law.inverse_cdf((k as f64 + 0.5) / quantiles as f64));
        }
    }
    LinearRegression::new(inputs, targets, dim).unwrap()
}

#[test]
fn label_noise_on_a_sample_has_it_up_to_the_kurtosis_of_the_sample() {
    for (dim, quantiles) in [(1, 400), (2, 200), (5, 60)] {
        let problem = regression(dim, quantiles);
        let samples = problem.samples();
        // At θ = 0 the residuals are −ε.
        let mut residuals = vec![0.0; samples];
        problem.residuals_into(&vec![0.0; dim], crate::Samples::Range(0..samples), &mut residuals, &mut []);
        let moment = |k: i32| residuals.iter().map(|e| e.powi(k)).sum::<f64>() / samples as f64;
        let (variance, excess) = (moment(2), moment(4) / moment(2).powi(2) - 3.0);
        let hamiltonian = SgdHamiltonian::new(&problem, cumulant(samples, 2, Sampling::WithReplacement));
        let end: Vec<f64> = (0..dim).map(|i| 0.15 - 0.05 * i as f64 + 0.01 * (i * i) as f64).collect();
        let found = quasi_potential(&hamiltonian, &[vec![0.0; dim], end.clone()], 16);
        let exact = 2.0 * dot(&end, &end) / variance;
        // The sample's law differs by its fourth cumulant, κ₄ (p·x/B)⁴/24 beside σ² (p·x/B)²/2: with p = 2Bδ/σ² the share
        // |excess| (x·δ)²/(3σ²), at most with all signs aligned. Higher cumulants are less.
        let reach: f64 = end.iter().map(|d| d.abs()).sum();
        let share = excess.abs() * reach * reach / (3.0 * variance) + found.error / exact;
        assert!((found.action / exact - 1.0).abs() < 1.5 * share, "{dim}: {} {exact} {share}", found.action);
        assert!(share < 0.03, "{dim}: {share}");
    }
}

/// A regression of twenty samples in two dimensions with uneven residuals, turned by `angle`.
fn turned(angle: f64) -> LinearRegression {
    let (s, c) = angle.sin_cos();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for i in 0..20 {
        let (x, y) = ((1.3 * f64::from(i)).cos(), 0.6 * (2.1 * f64::from(i)).sin());
        inputs.extend([c * x - s * y, s * x + c * y]);
        let residual = (5.7 * f64::from(i)).sin();
        targets.push(residual + 0.5 * residual * residual);
    }
    LinearRegression::new(inputs, targets, 2).unwrap()
}

#[test]
fn turning_the_axes_changes_nothing_and_batches_scale_it() {
    let actions: Vec<(f64, f64)> = [(0.0, 1), (0.9, 1), (0.0, 5)]
        .map(|(angle, batch)| {
            let problem = turned(angle);
            let minimum = find_minimum(&problem, &[0.0, 0.0], &MinimumConfig::default(), &Stop::new()).unwrap().theta;
            let (s, c) = f64::sin_cos(angle);
            let end = vec![minimum[0] + 0.3 * c - 0.2 * s, minimum[1] + 0.3 * s + 0.2 * c];
            let law = cumulant(20, batch, Sampling::WithReplacement);
            let found = quasi_potential(&SgdHamiltonian::new(&problem, law), &[minimum, end], 40);
            (found.action / batch as f64, found.error)
        })
        .to_vec();
    // Up to the tolerance of 10⁻⁷ at each of the floors.
    assert!((actions[1].0 / actions[0].0 - 1.0).abs() < 1e-6, "{actions:?}");
    assert!((actions[2].0 / actions[0].0 - 1.0).abs() < 1e-6, "{actions:?}");
}

#[test]
fn fewer_samples_than_parameters_move_along_their_span() {
    // Four samples x = c w in five dimensions: along w it is the regression on c alone.
    let weights = [1.0, -0.5, 2.0, 0.8];
    let targets = [0.5, 0.3, -0.4, -0.2];
    let w = [0.4, -0.2, 0.4, 0.4, 0.7];
    let length = dot(&w, &w).sqrt();
    let inputs = weights.iter().flat_map(|c| w.map(|w| c * w / length)).collect();
    let problem = LinearRegression::new(inputs, targets.to_vec(), 5).unwrap();
    let law = cumulant(4, 1, Sampling::WithReplacement);
    let mean = |f: &dyn Fn(usize) -> f64| (0..4).map(f).sum::<f64>();
    let bottom = mean(&|i| weights[i] * targets[i]) / mean(&|i| weights[i] * weights[i]);
    let at = |s: f64| -> Vec<f64> { w.iter().map(|w| (bottom + s) * w / length).collect() };
    let slopes =
        |s: f64| -> Vec<f64> { (0..4).map(|i| weights[i] * (weights[i] * (bottom + s) - targets[i])).collect() };
    let reach = 0.15;
    let cells = 1000;
    let step = |k: i32| reach * (f64::from(k) + 0.5) / f64::from(cells);
    let exact = (0..cells).map(|k| momentum(&law, &slopes(step(k))).unwrap()).sum::<f64>() * reach / f64::from(cells);
    let hamiltonian = SgdHamiltonian::new(&problem, law);
    let config = MinimumActionConfig { segments: 40, ..MinimumActionConfig::default() };
    let to = |end: Vec<f64>| minimum_action(&hamiltonian, &[at(0.0), end], &config, &Stop::new());
    let found = to(at(reach)).unwrap();
    let error = (found.action - exact).abs();
    assert!(error < found.error && found.error < 2e-3 * exact, "{error} {} {exact}", found.error);
    // Beside the span there is nothing that moves or pushes; beyond every residual all samples push back.
    let mut beside = at(reach);
    beside[0] += 0.05;
    for end in [beside, at(0.9)] {
        let refused = to(end);
        assert!(
            matches!(refused, Err(MinimumActionError::Unreachable { .. } | MinimumActionError::NoRoot { .. })),
            "{refused:?}"
        );
    }
}
