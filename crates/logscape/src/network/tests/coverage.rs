//! Intervals of traces, norms and densities of a network's Hessian whose eigenvalues are known.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use statrs::function::erf::erfc;

use super::*;
use crate::operator::dense::{eigen, to_dense};
use crate::operator::{QuadratureConfig, TraceConfig, lanczos_quadrature, trace_and_norm};
use crate::{Interrupted, Stop};

/// A matrix, by its products.
struct Dense(Mat<f64>);

impl LinearOperator for Dense {
    fn dim(&self) -> usize {
        self.0.nrows()
    }

    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, _: &Stop) -> Result<(), Interrupted> {
        matmul(out, Accum::Replace, self.0.as_ref(), block, 1.0, Par::Seq);
        Ok(())
    }
}

const SEEDS: u64 = 1000;

/// Of a thousand seeds 950 are expected, with a standard deviation of 7.
#[test]
fn intervals_of_a_network_cover_at_their_level() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let text = r#"[{"linear": 8}, "tanh", {"linear": 5}, "tanh", {"linear": 3}]"#;
    let targets = (0..200).flat_map(|k| (0..3).map(move |i| f64::from(u8::from(k % 3 == i)))).collect();
    let inputs = normals(200 * 4, &mut rng);
    let network = Network::new(&[4], &layers(text), OutputLoss::CrossEntropy, inputs, targets).unwrap();
    let theta = normals(network.dim(), &mut rng);
    let linearised = Linearised::<f64>::new(&network, &theta, usize::MAX);
    let matrix = Dense(to_dense(&*linearised.operator(Matrix::Hessian), &Stop::new()).unwrap());
    let (values, _) = eigen(matrix.0.as_ref()).unwrap();
    assert!(values[values.len() - 1] < -0.01 * values[0], "it is no minimum, so that the spectrum has two ends");
    let trace: f64 = values.iter().sum();
    let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    // Shares of the spectrum below two values, smoothed.
    let width = 0.2 * values[0];
    let below = |level: f64| move |x: f64| 0.5 * erfc((x - level) / (width * 2.0_f64.sqrt()));
    let levels = [0.0, 0.3 * values[0]];
    let truths = levels.map(|level| values.iter().map(|&x| below(level)(x)).sum::<f64>() / values.len() as f64);
    let mut covered = [0; 4];
    for seed in 0..SEEDS {
        let found = trace_and_norm(&matrix, &TraceConfig { products: 30, block: 30, seed }, &Stop::new()).unwrap();
        covered[0] += usize::from(found.trace.covers(trace));
        covered[1] += usize::from(found.frobenius.covers(norm));
        let config = QuadratureConfig { probes: 10, steps: 24, block: 10, seed };
        let measure = lanczos_quadrature(&matrix, &config, &Stop::new()).unwrap().measure().unwrap();
        for (k, level) in levels.into_iter().enumerate() {
            covered[2 + k] += usize::from(measure.mean(below(level)).covers(truths[k]));
        }
    }
    assert!(covered.iter().all(|covered| (930..=970).contains(covered)), "{covered:?}");
}
