//! Operators of the matrices of a problem at a point.

use faer::{Mat, MatMut, MatRef};

use rayon::prelude::*;

use super::full::{gradients, map_chunks, residuals};
use super::samples::{Gradients, SamplesAlong};
use super::{GaussNewton, Hessian, LinearOperator, Linearisation, Matrix, NoiseCovariance, dot};
use crate::{Interrupted, Precision, Problem, Samples, Stop};

/// The problem at `theta` (`P`), whose products are computed in `precision` and which keeps its passes over the data in at most
/// `memory` bytes, as far as the problem knows how to ([`Problem::linearised`]); else in double precision, each product by itself.
pub fn linearise<'a>(
    problem: &'a dyn Problem,
    theta: &'a [f64],
    precision: Precision,
    memory: u64,
) -> Box<dyn Linearisation + 'a> {
    problem.linearised(theta, precision, memory).unwrap_or_else(|| recomputed(problem, theta))
}

/// The problem at `theta` (`P`) in double precision, by its own methods alone, which keep nothing.
pub fn recomputed<'a>(problem: &'a dyn Problem, theta: &'a [f64]) -> Box<dyn Linearisation + 'a> {
    Box::new(Recomputed { problem, theta })
}

/// The matrices of any problem, each product by itself.
struct Recomputed<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
}

impl Linearisation for Recomputed<'_> {
    fn operator(&self, which: Matrix) -> Box<dyn LinearOperator + '_> {
        let (problem, theta) = (self.problem, self.theta);
        match which {
            Matrix::Hessian => Box::new(Hessian::new(problem, theta)),
            Matrix::GaussNewton => Box::new(GaussNewton::new(problem, theta)),
            Matrix::Residual => Box::new(Rest { problem, theta }),
            Matrix::NoiseCovariance => Box::new(NoiseCovariance::new(problem, theta)),
            Matrix::EmpiricalFisher => Box::new(NoiseCovariance::uncentred(problem, theta)),
        }
    }

    fn gradients(&self, stop: &Stop) -> Result<Gradients, Interrupted> {
        stop.check()?;
        Ok(gradients(self.problem, self.theta))
    }

    fn along(&self, vectors: &[Vec<f64>], stop: &Stop) -> Result<Vec<SamplesAlong>, Interrupted> {
        let (problem, theta, c) = (self.problem, self.theta, self.problem.outputs());
        let residuals = residuals(problem, theta);
        let of = |v: &Vec<f64>| {
            stop.check()?;
            let outputs = map_chunks(problem, c, |range, out, scratch| {
                problem.jvp_into(theta, v, Samples::Range(range), out, scratch);
            });
            let rows = outputs.chunks_exact(c).zip(residuals.chunks_exact(c));
            let slopes = rows.map(|(outputs, residuals)| dot(outputs, residuals)).collect();
            let curvatures = map_chunks(problem, 1, |range, out, scratch| {
                problem.sample_curvatures_into(theta, v, Samples::Range(range), out, scratch);
            });
            Ok(SamplesAlong { outputs, slopes, curvatures })
        };
        vectors.par_iter().map(of).collect()
    }

    fn gauss_newton_trace(&self, stop: &Stop) -> Result<f64, Interrupted> {
        stop.check()?;
        let (problem, theta, c) = (self.problem, self.theta, self.problem.outputs());
        let traces = map_chunks(problem, 1, |range, out, scratch| {
            let m = range.len();
            let mut grams = vec![0.0; m * c * c];
            problem.jacobian_grams_into(theta, Samples::Range(range.clone()), &mut grams, scratch);
            out.fill(0.0);
            for k in 0..c {
                let mut columns = vec![0.0; m * c];
                columns.iter_mut().skip(k).step_by(c).for_each(|x| *x = 1.0);
                problem.weigh_outputs(theta, Samples::Range(range.clone()), &mut columns, scratch);
                let rows = columns.chunks_exact(c).zip(grams.chunks_exact(c * c)).zip(&mut *out);
                rows.for_each(|((column, gram), out)| *out += dot(column, &gram[k * c..][..c]));
            }
        });
        Ok(traces.iter().sum::<f64>() / problem.samples() as f64)
    }

    fn kept_share(&self) -> f64 {
        0.0
    }
}

/// `H − G` as a difference.
struct Rest<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
}

impl LinearOperator for Rest<'_> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        Hessian::new(self.problem, self.theta).apply_into(block, out.as_mut(), stop)?;
        let mut part = Mat::zeros(block.nrows(), block.ncols());
        GaussNewton::new(self.problem, self.theta).apply_into(block, part.as_mut(), stop)?;
        out -= part;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::dense::to_dense;
    use crate::operator::testing::Sinusoid;

    /// By finite differences of losses and gradients of single samples, which know nothing of the operators.
    #[test]
    fn each_name_has_its_matrix() {
        let problem = Sinusoid::grid(30, 0.2, 4);
        let theta = [2.3];
        // f = sin(θx): f' = x cos(θx), f'' = −x² sin(θx).
        let n = problem.x.len() as f64;
        let mut wanted = [0.0; 5];
        let mut gradient = 0.0;
        for (x, y) in problem.x.iter().zip(&problem.y) {
            let (f, slope, bend) = ((theta[0] * x).sin(), x * (theta[0] * x).cos(), -x * x * (theta[0] * x).sin());
            wanted[1] += slope * slope / n;
            wanted[2] += (f - y) * bend / n;
            wanted[4] += ((f - y) * slope).powi(2) / n;
            gradient += (f - y) * slope / n;
        }
        wanted[0] = wanted[1] + wanted[2];
        wanted[3] = wanted[4] - gradient * gradient;
        let linearised = linearise(&problem, &theta, Precision::Float32, 1 << 20);
        assert!(linearised.kept_share() == 0.0);
        for (which, wanted) in Matrix::ALL.into_iter().zip(wanted) {
            let found = to_dense(&*linearised.operator(which), &Stop::new()).unwrap()[(0, 0)];
            assert!((found - wanted).abs() < 1e-12, "{which:?}: {found} {wanted}");
            assert!(!which.is_positive() || found >= 0.0);
            assert_eq!(serde_json::to_string(&which).unwrap(), format!("\"{}\"", which.name()));
        }
    }
}
