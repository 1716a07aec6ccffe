//! Intervals of random vectors on the Hessian of a network that is decomposed beside.

use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::operator::{
    LinearOperator, Matrix, Quadrature, QuadratureConfig, TraceConfig, lanczos_quadrature, linearise, trace_and_norm,
};
use logscape::{Interrupted, Precision, Stop};
use logscape_study::{parse, problem_of};
use std::path::Path;

/// 160 parameters.
const STUDY: &str = r#"
name = "covered"
[problem]
kind = "network"
layers = [{ linear = 2 }, "tanh", { linear = 10 }]
data = { builtin = "digits", limit = 300 }
"#;

/// A matrix that is known.
struct Known(Mat<f64>);

impl LinearOperator for Known {
    fn dim(&self) -> usize {
        self.0.nrows()
    }
    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, _: &Stop) -> Result<(), Interrupted> {
        matmul(out.rb_mut(), Accum::Replace, &self.0, block, 1.0, Par::Seq);
        Ok(())
    }
}

/// The Hessian where a search ends.
fn hessian() -> Known {
    let study = parse("covered.toml", STUDY, &[]).expect("a good study").of_curvature();
    let (problem, start) = problem_of(&study, Path::new("")).expect("a problem");
    let config = MinimumConfig { max_iterations: 200, ..MinimumConfig::default() };
    let minimum = find_minimum(&*problem, &start, &config, &Stop::new()).expect("it is searched for");
    let around = linearise(&*problem, &minimum.theta, Precision::Float64, 1 << 30);
    let p = problem.dim();
    let mut matrix = Mat::zeros(p, p);
    let unit = Mat::<f64>::identity(p, p);
    let hessian = around.operator(Matrix::Hessian);
    hessian.apply_into(unit.as_ref(), matrix.as_mut(), &Stop::new()).expect("nothing stops it");
    Known(matrix)
}

/// With 1,000 seeds a share of 95 % has a standard error of 0.7 %.
#[test]
fn intervals_of_traces_norms_and_densities_cover_on_a_network() {
    let operator = hessian();
    let p = operator.dim();
    let spectrum = operator.0.self_adjoint_eigenvalues(Side::Lower).expect("finite numbers");
    let top = spectrum[p - 1];
    assert!(spectrum[p - 31] < 0.01 * top && spectrum[p - 30] > 0.05 * top, "thirty outliers: {spectrum:?}");
    let step = move |x: f64, at: f64| 0.5 * (1.0 - ((x / top - at) / 0.07).tanh());
    let integrals: [&dyn Fn(f64) -> f64; 5] =
        [&|x| x, &|x| x * x, &|x| (1.0 + (10.0 * x / top).powi(2)).ln(), &|x| step(x, 0.0), &|x| step(x, 0.2)];
    let truths = integrals.map(|f| spectrum.iter().map(|&x| f(x)).sum::<f64>());
    let squares = spectrum.iter().map(|x| x * x).sum::<f64>();
    let mut covered = [[0; 7]; 3];
    for seed in 0..1000 {
        let config = QuadratureConfig { probes: 30, steps: 20, block: 30, seed };
        let all = lanczos_quadrature(&operator, &config, &Stop::new()).expect("finite numbers");
        for (covered, probes) in covered.iter_mut().zip([4, 10, 30]) {
            let some = Quadrature { probes: all.probes[..probes].to_vec(), ..all.clone() };
            let measure = some.measure().expect("rules");
            for (k, f) in integrals.iter().enumerate() {
                covered[k] += usize::from(measure.trace(f).covers(truths[k]));
            }
        }
        // 4, 10 and 30 random vectors beyond the range that the others find.
        for (covered, products) in covered.iter_mut().zip([8, 30, 90]) {
            let config = TraceConfig { products, block: 30, seed };
            let found = trace_and_norm(&operator, &config, &Stop::new()).expect("finite numbers");
            covered[5] += usize::from(found.trace.covers(truths[0]));
            covered[6] += usize::from(found.frobenius.covers(squares.sqrt()));
        }
    }
    assert!(covered.as_flattened().iter().all(|covered| (930..=970).contains(covered)), "{covered:?}");
}
