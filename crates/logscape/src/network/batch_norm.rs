//! Batch normalisation as it is after training: with means and variances that stay as they are.

use faer::Accum;

use super::transform::{At, Direction, Float, Transform};

/// `y = γ_c x̂ + β_c` with `x̂ = (x − m_c)/√(v_c + ε)` for each channel `c`; the parameters are `γ`, then `β` (`channels`
/// each). Means and variances are constants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BatchNorm {
    /// Numbers of a channel in a sample.
    plane: usize,
    /// `m_c` and `v_c` (`channels` each).
    means: Vec<f64>,
    variances: Vec<f64>,
    /// `1/√(v_c + ε)` (`channels`).
    scales: Vec<f64>,
}

/// `ε`, as PyTorch has it.
const EPSILON: f64 = 1e-5;

impl BatchNorm {
    /// The layer for channels of `plane` numbers with these means and variances, which are not negative.
    pub(super) fn new(plane: usize, means: Vec<f64>, variances: Vec<f64>) -> Self {
        let scales = variances.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
        Self { plane, means, variances, scales }
    }

    /// The same layer with other means and variances.
    pub(super) fn with(&self, means: Vec<f64>, variances: Vec<f64>) -> Self {
        Self::new(self.plane, means, variances)
    }

    /// Means and variances (`channels` each).
    pub(super) fn statistics(&self) -> [&[f64]; 2] {
        [&self.means, &self.variances]
    }

    /// Calls `f(channel, scale, mean, first)` for each plane of the block, which starts at `first`.
    #[inline(always)]
    fn for_each<R: Float>(&self, m: usize, mut f: impl FnMut(usize, R, R, usize)) {
        let channels = self.means.len();
        for k in 0..m {
            for (c, (&mean, &scale)) in self.means.iter().zip(&self.scales).enumerate() {
                f(c, R::from_f64(scale), R::from_f64(mean), (k * channels + c) * self.plane);
            }
        }
    }
}

impl Transform for BatchNorm {
    fn parameters(&self) -> usize {
        2 * self.means.len()
    }

    /// Two gradients.
    fn work(&self) -> usize {
        2 * self.parameters()
    }

    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        vec![("weight", vec![self.means.len()]), ("bias", vec![self.means.len()])]
    }

    fn gains(&self) -> Option<usize> {
        Some(self.means.len())
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        let (gains, biases) = at.weights.split_at(self.means.len());
        self.for_each(at.samples, |c, scale: R, mean, first| {
            for (out, &x) in out[first..][..self.plane].iter_mut().zip(&at.input[first..]) {
                *out = gains[c] * ((x - mean) * scale) + biases[c];
            }
        });
    }

    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        let channels = self.means.len();
        self.for_each(at.samples, |c, scale: R, mean, first| {
            let out = &mut out[first..][..self.plane];
            for (out, &x) in out.iter_mut().zip(&at.input[first..]) {
                *out = along[c] * ((x - mean) * scale) + along[channels + c];
            }
            if let Some(rate) = rate {
                for (out, &rate) in out.iter_mut().zip(&rate[first..]) {
                    *out += at.weights[c] * scale * rate;
                }
            }
        });
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        self.for_each(at.samples, |c, scale: R, _, first| {
            for (out, &cotangent) in out[first..][..self.plane].iter_mut().zip(&cotangent[first..]) {
                *out = at.weights[c] * scale * cotangent;
            }
        });
    }

    fn bend<R: Float>(
        &self,
        at: At<R>,
        along: Direction<R>,
        cotangent: &[R],
        _share: R,
        out: &mut [R],
        _work: &mut [R],
    ) {
        self.for_each(at.samples, |c, scale: R, _, first| {
            for (out, &cotangent) in out[first..][..self.plane].iter_mut().zip(&cotangent[first..]) {
                *out += along.weights[c] * scale * cotangent;
            }
        });
    }

    fn sample_gradient<R: Float>(
        &self,
        at: At<R>,
        k: usize,
        cotangent: &[R],
        accum: Accum,
        out: &mut [R],
        _work: &mut [R],
    ) {
        if accum == Accum::Replace {
            out.fill(R::ZERO);
        }
        let (gains, biases) = out.split_at_mut(self.means.len());
        let input = &at.input[k * cotangent.len()..][..cotangent.len()];
        self.for_each(1, |c, scale: R, mean, first| {
            for (&x, &cotangent) in input[first..][..self.plane].iter().zip(&cotangent[first..]) {
                gains[c] += cotangent * ((x - mean) * scale);
                biases[c] += cotangent;
            }
        });
    }

    fn add_gradient_rate<R: Float>(&self, at: At<R>, rate: &[R], cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        self.for_each(at.samples, |c, scale: R, _, first| {
            for (&rate, &cotangent) in rate[first..][..self.plane].iter().zip(&cotangent[first..]) {
                out[c] += cotangent * scale * rate;
            }
        });
    }
}
