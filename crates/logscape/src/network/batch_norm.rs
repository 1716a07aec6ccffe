//! Batch normalisation as it is after training: with means and variances that stay as they are.

use faer::Accum;

use super::transform::{At, Direction, Float, Transform};
use super::words::Normalised;

/// `y = γ_c x̂ + β_c` with `x̂ = (x − m_c)/√(v_c + ε)` for each channel `c`; the parameters are `γ`, then `β` (`channels`
/// each), or there are no `β`, or none and `y = x̂`. Means and variances are constants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BatchNorm {
    /// Numbers of a channel in a sample.
    plane: usize,
    /// `m_c` and `v_c` (`channels` each).
    means: Vec<f64>,
    variances: Vec<f64>,
    /// `1/√(v_c + ε)` (`channels`).
    scales: Vec<f64>,
    /// `ε`
    epsilon: f64,
    /// Whether there are `γ`.
    scaled: bool,
    /// Whether there are `β`; only with `γ`.
    shifted: bool,
}

impl BatchNorm {
    /// The layer for so many channels of `plane` numbers, with means 0 and variances 1.
    pub(super) fn new(plane: usize, channels: usize, Normalised { epsilon, scale: scaled, bias }: Normalised) -> Self {
        let (means, variances, scales) = (Vec::new(), Vec::new(), Vec::new());
        let empty = Self { plane, means, variances, scales, epsilon, scaled, shifted: scaled && bias };
        empty.with(vec![0.0; channels], vec![1.0; channels])
    }

    /// The same layer with other means and variances, which are not negative.
    pub(super) fn with(&self, means: Vec<f64>, variances: Vec<f64>) -> Self {
        let scales = variances.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
        Self { means, variances, scales, ..*self }
    }

    /// `γ_c` and `β_c` of the layer's parameters.
    #[inline(always)]
    fn scaling<R: Float>(&self, weights: &[R], c: usize) -> [R; 2] {
        let gain = if self.scaled { weights[c] } else { R::ONE };
        [gain, if self.shifted { weights[self.means.len() + c] } else { R::ZERO }]
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
        (usize::from(self.scaled) + usize::from(self.shifted)) * self.means.len()
    }

    /// Two gradients.
    fn work(&self) -> usize {
        2 * self.parameters()
    }

    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let names = [("weight", self.scaled), ("bias", self.shifted)];
        names.into_iter().filter(|(_, has)| *has).map(|(name, _)| (name, vec![self.means.len()])).collect()
    }

    fn gains(&self) -> Option<usize> {
        self.scaled.then_some(self.means.len())
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        self.for_each(at.samples, |c, scale: R, mean, first| {
            let [gain, bias] = self.scaling(at.weights, c);
            for (out, &x) in out[first..][..self.plane].iter_mut().zip(&at.input[first..]) {
                *out = gain * ((x - mean) * scale) + bias;
            }
        });
    }

    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        self.for_each(at.samples, |c, scale: R, mean, first| {
            let out = &mut out[first..][..self.plane];
            if self.scaled {
                let [gain, bias] = self.scaling(along, c);
                for (out, &x) in out.iter_mut().zip(&at.input[first..]) {
                    *out = gain * ((x - mean) * scale) + bias;
                }
            } else {
                out.fill(R::ZERO);
            }
            if let Some(rate) = rate {
                let [gain, _] = self.scaling(at.weights, c);
                for (out, &rate) in out.iter_mut().zip(&rate[first..]) {
                    *out += gain * scale * rate;
                }
            }
        });
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        self.for_each(at.samples, |c, scale: R, _, first| {
            let [gain, _] = self.scaling(at.weights, c);
            for (out, &cotangent) in out[first..][..self.plane].iter_mut().zip(&cotangent[first..]) {
                *out = gain * scale * cotangent;
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
        if !self.scaled {
            return;
        }
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
            let cotangent = &cotangent[first..][..self.plane];
            for (&x, &cotangent) in input[first..].iter().zip(cotangent) {
                gains[c] += cotangent * ((x - mean) * scale);
            }
            if let Some(bias) = biases.get_mut(c) {
                for &cotangent in cotangent {
                    *bias += cotangent;
                }
            }
        });
    }

    fn add_gradient_rate<R: Float>(&self, at: At<R>, rate: &[R], cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        if !self.scaled {
            return;
        }
        self.for_each(at.samples, |c, scale: R, _, first| {
            for (&rate, &cotangent) in rate[first..][..self.plane].iter().zip(&cotangent[first..]) {
                out[c] += cotangent * scale * rate;
            }
        });
    }
}
