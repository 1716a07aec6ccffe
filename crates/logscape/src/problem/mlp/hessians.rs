//! Hessians of single samples between many vectors, in two passes for each vector.

use faer::Accum;

use super::{Mlp, inner, matrix, product};
use crate::problem::{Problem, Samples};

impl Mlp {
    /// See [`Problem::sample_hessians_into`].
    ///
    /// With dots for derivatives along a vector and the cotangents `δ_l` of `e·z_L`, the Hessian of one sample is
    /// `ż_L^v·ż_L^w + Σ_l δ_l·(Ẇ_l^v ȧ_{l−1}^w + Ẇ_l^w ȧ_{l−1}^v) + Σ_{l<L} (δ_{l+1} W_{l+1})·(σ''(z_l) ⊙ ż_l^v ⊙ ż_l^w)`,
    /// a sum over units of `r^v ż^w + r^w ż^v` with `r_L = ½ż_L` and
    /// `r_l = σ'(z_l) ⊙ (δ_{l+1} Ẇ_{l+1}) + ½ (δ_{l+1} W_{l+1}) ⊙ σ''(z_l) ⊙ ż_l`. Allocates `2 (k + 1) m` times the units.
    pub(super) fn sample_hessians(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: &Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        let (m, p) = (samples.len(), self.dim());
        let k = vectors.len() / p;
        assert_eq!(out.len(), m * k * k);
        let size = m * self.units();
        let mut buffers = self.buffers(samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.second_slopes(m, &mut buffers);
        self.errors(buffers.z, samples, 1.0, buffers.delta);
        let mut delta = vec![0.0; size];
        self.backward(theta, m, &mut buffers, |layer, cotangents, _| {
            delta[m * layer.units_before..][..cotangents.len()].copy_from_slice(cotangents);
        });
        // What ż contributes to r.
        let mut bend = vec![0.5; size];
        for (lower, upper) in self.layers.iter().zip(&self.layers[1..]) {
            let bend = &mut bend[m * lower.units_before..][..m * lower.outputs];
            let cotangents = matrix(upper.part(&delta, m), m, upper.outputs);
            product(bend, m, Accum::Replace, cotangents, upper.weights(theta));
            for (bend, curvature) in bend.iter_mut().zip(lower.part(buffers.curvature, m)) {
                *bend *= 0.5 * curvature;
            }
        }
        let (mut rates, mut pulls) = (vec![0.0; k * size], vec![0.0; k * size]);
        let both = rates.chunks_exact_mut(size).zip(pulls.chunks_exact_mut(size));
        for (v, (rates, pulls)) in vectors.chunks_exact(p).zip(both) {
            self.tangent(theta, v, m, &mut buffers);
            rates.copy_from_slice(&buffers.z_dot[..size]);
            for (lower, upper) in self.layers.iter().zip(&self.layers[1..]) {
                let pull = &mut pulls[m * lower.units_before..][..m * lower.outputs];
                let cotangents = matrix(upper.part(&delta, m), m, upper.outputs);
                product(pull, m, Accum::Replace, cotangents, upper.weights(v));
                for (pull, slope) in pull.iter_mut().zip(lower.part(buffers.slope, m)) {
                    *pull *= slope;
                }
            }
            for (pull, (bend, rate)) in pulls.iter_mut().zip(bend.iter().zip(&*rates)) {
                *pull += bend * rate;
            }
        }
        out.fill(0.0);
        for layer in &self.layers {
            for (sample, out) in out.chunks_exact_mut(k * k).enumerate() {
                let first = m * layer.units_before + sample * layer.outputs;
                let of = |i: usize| i * size + first..i * size + first + layer.outputs;
                for i in 0..k {
                    for j in 0..=i {
                        let sum = inner(&pulls[of(i)], &rates[of(j)]) + inner(&pulls[of(j)], &rates[of(i)]);
                        out[i * k + j] += sum;
                        if i != j {
                            out[j * k + i] += sum;
                        }
                    }
                }
            }
        }
    }
}
