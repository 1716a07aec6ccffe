//! A problem small enough that its answers are known: scalar linear regression `f = θx`.

use crate::{Problem, Samples};

/// Data of the regression.
pub(crate) struct Line {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
}

impl Line {
    /// Six samples with residuals that do not vanish at the minimum.
    pub(crate) fn six() -> Self {
        Self { x: vec![0.5, 1.0, 1.5, -0.7, 1.2, -1.4], y: vec![1.1, 0.2, 1.9, -1.2, 0.1, -0.9] }
    }

    /// Mean over the samples.
    pub(crate) fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.x.iter().zip(&self.y).map(|(&x, &y)| f(x, y)).sum::<f64>() / self.x.len() as f64
    }

    /// Least-squares solution.
    pub(crate) fn minimum(&self) -> f64 {
        self.mean(|x, y| x * y) / self.mean(|x, _| x * x)
    }
}

impl Problem for Line {
    fn dim(&self) -> usize {
        1
    }
    fn samples(&self) -> usize {
        self.x.len()
    }
    fn outputs(&self) -> usize {
        1
    }
    fn scratch_len(&self, _: usize) -> usize {
        0
    }
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        (0..samples.len()).for_each(|k| {
            let i = samples.get(k);
            out[k] = theta[0] * self.x[i] - self.y[i];
        });
    }
    fn jvp_into(&self, _: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        (0..samples.len()).for_each(|k| out[k] = v[0] * self.x[samples.get(k)]);
    }
    fn vjp_into(&self, _: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        out[0] = (0..samples.len()).map(|k| u[k] * self.x[samples.get(k)]).sum();
    }
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) -> f64 {
        let (mut gradient, mut loss) = (0.0, 0.0);
        for k in 0..samples.len() {
            let i = samples.get(k);
            let residual = theta[0] * self.x[i] - self.y[i];
            gradient += self.x[i] * residual;
            loss += 0.5 * residual * residual;
        }
        out[0] = gradient / samples.len() as f64;
        loss / samples.len() as f64
    }
    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        (0..samples.len()).for_each(|k| {
            let i = samples.get(k);
            out[k] = self.x[i] * (theta[0] * self.x[i] - self.y[i]);
        });
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.gauss_newton_vp_into(theta, v, samples, out, scratch);
    }
    fn gauss_newton_vp_into(&self, _: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        let m = samples.len();
        out[0] = (0..m).map(|k| self.x[samples.get(k)].powi(2)).sum::<f64>() * v[0] / m as f64;
    }
}
