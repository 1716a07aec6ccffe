//! Layer and group normalisation: each sample by its own mean and variance.

use faer::Accum;

use super::transform::{At, Direction, Float, Transform};

/// `y = γ x̂ + β`, `x̂ = (x − m)/√(v + ε)` with mean and variance of each of `groups` equal parts of a sample; the parameters
/// are `γ`, then `β`, one for each `plane` numbers that follow each other, or there are no `β`, or none and `y = x̂`.
///
/// `x̂` has the derivative `J ẋ = (ẋ − ⟨ẋ⟩ − x̂ ⟨x̂ ẋ⟩)/σ`, `⟨·⟩` the mean over the part: a symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Normalisation {
    /// Numbers of a sample.
    pub(super) inputs: usize,
    pub(super) groups: usize,
    pub(super) plane: usize,
    /// The shape of `γ`.
    pub(super) shape: Vec<usize>,
    /// `ε`
    pub(super) epsilon: f64,
    /// Whether there are `γ`.
    pub(super) scaled: bool,
    /// Whether there are `β`; only with `γ`.
    pub(super) shifted: bool,
}

/// A part of a sample, normalised.
struct Part<'a, R> {
    /// Where it is in the block.
    first: usize,
    /// Where it is in its sample.
    place: usize,
    /// `x̂`
    values: &'a [R],
    /// `1/σ`
    scale: R,
}

impl<R: Float> Part<'_, R> {
    /// `⟨u⟩` and `⟨x̂ u⟩` for `u(i)`, in double precision.
    fn means(&self, u: impl Fn(usize) -> R) -> [R; 2] {
        let (mut mean, mut along) = (0.0, 0.0);
        for (i, x) in self.values.iter().enumerate() {
            mean += u(i).to_f64();
            along += (u(i) * *x).to_f64();
        }
        [mean, along].map(|sum| R::from_f64(sum / self.values.len() as f64))
    }

    /// The entries `i` of `J u`.
    fn derivative<'a>(&'a self, u: impl Fn(usize) -> R + 'a) -> impl Fn(usize) -> R + 'a {
        let [mean, along] = self.means(&u);
        move |i| self.scale * (u(i) - mean - self.values[i] * along)
    }
}

impl Normalisation {
    fn length(&self) -> usize {
        self.inputs / self.groups
    }

    fn count(&self) -> usize {
        self.inputs / self.plane
    }

    /// `γ` and `β` of the parameters `weights`, by place in `0..count`.
    fn scaling<'a, R: Float>(&self, weights: &'a [R]) -> impl Fn(usize) -> [R; 2] + 'a {
        let (gains, biases) = weights.split_at(if self.scaled { self.count() } else { 0 });
        move |place| [gains.get(place).map_or(R::ONE, |gain| *gain), biases.get(place).map_or(R::ZERO, |bias| *bias)]
    }

    /// Calls `f` for each part of the samples of `kept`.
    fn for_each<R: Float>(&self, kept: &[R], mut f: impl FnMut(Part<R>)) {
        let length = self.length();
        for (k, kept) in kept.chunks_exact(self.kept()).enumerate() {
            let (values, scales) = kept.split_at(self.inputs);
            for (g, (values, &scale)) in values.chunks_exact(length).zip(scales).enumerate() {
                f(Part { first: k * self.inputs + g * length, place: g * length, values, scale });
            }
        }
    }
}

impl Transform for Normalisation {
    fn parameters(&self) -> usize {
        (usize::from(self.scaled) + usize::from(self.shifted)) * self.count()
    }

    /// `x̂`, and `1/σ` of each part.
    fn kept(&self) -> usize {
        self.inputs + self.groups
    }

    /// Two gradients.
    fn work(&self) -> usize {
        2 * self.parameters()
    }

    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let names = [("weight", self.scaled), ("bias", self.shifted)];
        names.into_iter().filter(|(_, has)| *has).map(|(name, _)| (name, self.shape.clone())).collect()
    }

    fn gains(&self) -> Option<usize> {
        self.scaled.then_some(self.count())
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        let (length, scaling) = (self.length(), self.scaling(at.weights));
        let samples = at.input.chunks_exact(self.inputs).zip(kept.chunks_exact_mut(self.kept()));
        for ((input, kept), out) in samples.zip(out.chunks_exact_mut(self.inputs)) {
            let (values, scales) = kept.split_at_mut(self.inputs);
            for (g, (input, values)) in input.chunks_exact(length).zip(values.chunks_exact_mut(length)).enumerate() {
                let mean = input.iter().map(|x| x.to_f64()).sum::<f64>() / length as f64;
                let square = input.iter().map(|x| (x.to_f64() - mean).powi(2)).sum::<f64>() / length as f64;
                let scale = 1.0 / (square + self.epsilon).sqrt();
                scales[g] = R::from_f64(scale);
                for (value, x) in values.iter_mut().zip(input) {
                    *value = R::from_f64((x.to_f64() - mean) * scale);
                }
            }
            let planes = out.chunks_exact_mut(self.plane).zip(values.chunks_exact(self.plane));
            for (place, (out, values)) in planes.enumerate() {
                let [gain, bias] = scaling(place);
                for (out, value) in out.iter_mut().zip(values) {
                    *out = gain * *value + bias;
                }
            }
        }
    }

    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        let (scaling, scaling_along) = (self.scaling(at.weights), self.scaling(along));
        self.for_each(at.kept, |part| {
            let out = &mut out[part.first..][..part.values.len()];
            if self.scaled {
                for (i, (out, value)) in out.iter_mut().zip(part.values).enumerate() {
                    let [gain, bias] = scaling_along((part.place + i) / self.plane);
                    *out = gain * *value + bias;
                }
            } else {
                out.fill(R::ZERO);
            }
            if let Some(rate) = rate {
                let rate = &rate[part.first..];
                let derivative = part.derivative(|i| rate[i]);
                for (i, out) in out.iter_mut().enumerate() {
                    let [gain, _] = scaling((part.place + i) / self.plane);
                    *out += gain * derivative(i);
                }
            }
        });
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        let scaling = self.scaling(at.weights);
        self.for_each(at.kept, |part| {
            let out = &mut out[part.first..][..part.values.len()];
            let first = part.place / self.plane;
            let planes = out.chunks_exact_mut(self.plane).zip(cotangent[part.first..].chunks_exact(self.plane));
            for (place, (out, cotangent)) in planes.enumerate() {
                let [gain, _] = scaling(first + place);
                for (out, cotangent) in out.iter_mut().zip(cotangent) {
                    *out = gain * *cotangent;
                }
            }
            let [mean, along] = part.means(|i| out[i]);
            for (out, value) in out.iter_mut().zip(part.values) {
                *out = part.scale * (*out - mean - *value * along);
            }
        });
    }

    /// `J (v ȳ) + share J̇ (γ ȳ)`, with `J̇ c = −(⟨x̂ ẋ⟩/σ) J c − ((J ẋ) ⟨x̂ c⟩ + x̂ ⟨(J ẋ) c⟩)/σ`.
    fn bend<R: Float>(
        &self,
        at: At<R>,
        along: Direction<R>,
        cotangent: &[R],
        share: R,
        out: &mut [R],
        _work: &mut [R],
    ) {
        let scaling = self.scaling(at.weights);
        self.for_each(at.kept, |part| {
            let cotangent = &cotangent[part.first..];
            let out = &mut out[part.first..][..part.values.len()];
            if self.scaled {
                let moved = part.derivative(|i| along.weights[(part.place + i) / self.plane] * cotangent[i]);
                for (i, out) in out.iter_mut().enumerate() {
                    *out += moved(i);
                }
            }
            let rate = &along.input[part.first..];
            let c = |i: usize| scaling((part.place + i) / self.plane)[0] * cotangent[i];
            let [_, stretch] = part.means(|i| rate[i]);
            let [_, overlap] = part.means(c);
            let (turn, pulled) = (part.derivative(|i| rate[i]), part.derivative(c));
            let mut sum = 0.0;
            for i in 0..out.len() {
                sum += (turn(i) * c(i)).to_f64();
            }
            let cross = R::from_f64(sum / out.len() as f64);
            for (i, out) in out.iter_mut().enumerate() {
                let change = stretch * pulled(i) + turn(i) * overlap + part.values[i] * cross;
                *out -= share * part.scale * change;
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
        let (gains, biases) = out.split_at_mut(self.count());
        let values = &at.kept[k * self.kept()..][..self.inputs];
        let cotangents = cotangent.chunks_exact(self.plane);
        for ((values, cotangent), gain) in values.chunks_exact(self.plane).zip(cotangents.clone()).zip(gains) {
            for (value, cotangent) in values.iter().zip(cotangent) {
                *gain += *cotangent * *value;
            }
        }
        for (cotangent, bias) in cotangents.zip(biases) {
            for cotangent in cotangent {
                *bias += *cotangent;
            }
        }
    }

    fn add_gradient_rate<R: Float>(&self, at: At<R>, rate: &[R], cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        if !self.scaled {
            return;
        }
        self.for_each(at.kept, |part| {
            let (rate, cotangent) = (&rate[part.first..], &cotangent[part.first..]);
            let derivative = part.derivative(|i| rate[i]);
            for i in 0..part.values.len() {
                out[(part.place + i) / self.plane] += cotangent[i] * derivative(i);
            }
        });
    }
}
