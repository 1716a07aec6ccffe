//! Mean gradients of large batches by all threads, in the precision of `R`.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Network;
use super::transform::Float;
use crate::problem::{BatchGradient, Problem};

/// Parts of a batch, at most; parts do not depend on threads, so that sums have the same order on any number of them.
const PARTS: usize = 16;

/// Products of a forward pass over a part, at least: fewer take no longer than to wake a thread.
const PRODUCTS: usize = 1 << 19;

/// Samples of a part for each time that a sample uses a parameter, at least: a part's gradient is written and read once.
const SAMPLES: usize = 16;

/// Numbers of all parts' gradients together, at most, unless two parts have more.
const SUMS: usize = 1 << 26;

/// Entries of the gradient that are summed over the parts at once.
const ENTRIES: usize = 4096;

/// The gradient of a network over batches, each in parts of samples that follow each other.
pub(super) struct NetworkGradient<'a, R> {
    network: &'a Network,
    /// Samples of a part.
    part: usize,
    /// Samples of a batch, at most.
    batch_size: usize,
    /// `θ` in the precision of `R`.
    theta: Vec<R>,
    parts: Vec<Part<R>>,
    /// Room of passes that have ended, for the next.
    rooms: Mutex<Vec<Vec<R>>>,
}

/// What comes of a part.
struct Part<R> {
    /// The sum of the gradients over its samples, divided by the size of the batch (`P`).
    gradient: Vec<R>,
    /// The sum of their losses.
    loss: f64,
}

impl<'a, R: Float> NetworkGradient<'a, R> {
    /// For batches of up to `batch_size` samples.
    pub(super) fn new(network: &'a Network, batch_size: usize) -> Self {
        let (p, products) = (network.dim(), network.graph.products().max(1));
        let least = (SAMPLES * p / products).max(1);
        let most = PARTS.min(SUMS / p).max(2).min(batch_size / least);
        let parts = (batch_size.saturating_mul(products) / PRODUCTS).clamp(1, most.max(1));
        let part = batch_size.div_ceil(parts);
        Self { network, part, batch_size, theta: Vec::new(), parts: Vec::new(), rooms: Mutex::default() }
    }
}

impl<R: Float> BatchGradient for NetworkGradient<'_, R> {
    fn numbers(&self) -> usize {
        let parts = self.batch_size.div_ceil(self.part);
        let rooms = parts.min(rayon::current_num_threads()) * self.network.batch_room::<R>(self.part);
        ((1 + parts) * self.network.dim() + rooms).div_ceil(size_of::<f64>() / size_of::<R>())
    }

    fn mean_into(&mut self, theta: &[f64], batch: &[u32], out: &mut [f64]) -> f64 {
        let (p, network, share) = (theta.len(), self.network, 1.0 / batch.len() as f64);
        self.theta.resize(p, R::ZERO);
        for (to, from) in self.theta.iter_mut().zip(theta) {
            *to = R::from_f64(*from);
        }
        let chunks: usize = batch.len().div_ceil(self.part);
        while self.parts.len() < chunks {
            self.parts.push(Part { gradient: vec![R::ZERO; p], loss: 0.0 });
        }
        let (theta, rooms, parts) = (&self.theta, &self.rooms, &mut self.parts[..chunks]);
        let take = |(part, batch): (&mut Part<R>, &[u32])| {
            let used = rooms.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut room = used.unwrap_or_else(|| vec![R::ZERO; network.batch_room::<R>(self.part)]);
            part.gradient.fill(R::ZERO);
            part.loss = network.add_batch_gradient(theta, batch, share, &mut part.gradient, &mut room);
            rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
        };
        if chunks == 1 {
            parts.iter_mut().zip(batch.chunks(self.part)).for_each(take);
        } else {
            parts.par_iter_mut().zip(batch.par_chunks(self.part)).for_each(take);
        }
        let sum = |chunk: usize, out: &mut [f64]| {
            out.fill(0.0);
            for part in &*parts {
                for (out, x) in out.iter_mut().zip(&part.gradient[chunk * ENTRIES..]) {
                    *out += x.to_f64();
                }
            }
        };
        if chunks == 1 {
            out.chunks_mut(ENTRIES).enumerate().for_each(|(chunk, out)| sum(chunk, out));
        } else {
            out.par_chunks_mut(ENTRIES).enumerate().for_each(|(chunk, out)| sum(chunk, out));
        }
        parts.iter().map(|part| part.loss).sum::<f64>() * share
    }
}

#[cfg(test)]
mod tests {
    //! Against the gradient that one thread takes of the whole batch.

    use super::*;
    use crate::Precision;
    use crate::network::{LayerWord, OutputLoss};
    use crate::problem::Samples;

    /// A network with enough products for a few parts, on 40 samples.
    fn network() -> (Network, Vec<f64>) {
        let text =
            r#"[{"conv2d": 8, "kernel": 3}, "relu", {"conv2d": 8, "kernel": 3}, "tanh", "flatten", {"linear": 4}]"#;
        let layers: Vec<LayerWord> = serde_json::from_str(text).unwrap();
        let wave = |count: usize, pace: f64| (0..count).map(|k| (0.3 + pace * k as f64).sin()).collect::<Vec<f64>>();
        let targets = (0..160).map(|k| f64::from(u8::from(k % 4 == k / 4 % 4))).collect();
        let network = Network::new(&[2, 12, 12], &layers, OutputLoss::CrossEntropy, wave(40 * 288, 0.7), targets);
        let network = network.unwrap();
        let theta = wave(network.dim(), 2.1).into_iter().map(|x| 0.2 * x).collect();
        (network, theta)
    }

    /// The gradient and the loss.
    fn found(network: &Network, theta: &[f64], batch: &[u32], precision: Precision, threads: usize) -> (Vec<f64>, f64) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut gradient = vec![f64::NAN; theta.len()];
        let mut gradients = network.batch_gradient(64, precision).unwrap();
        // What an earlier batch has left does not matter.
        gradients.mean_into(theta, &[0; 64], &mut gradient);
        let loss = pool.install(|| gradients.mean_into(theta, batch, &mut gradient));
        (gradient, loss)
    }

    #[test]
    fn parts_sum_to_the_whole_with_the_same_bits_on_any_threads() {
        let (network, theta) = network();
        assert!(NetworkGradient::<f64>::new(&network, 64).part <= 16, "there are several parts");
        for count in [64, 50, 3] {
            let batch: Vec<u32> = (0..count).map(|k| k * k % 40).collect();
            let mut want = vec![0.0; theta.len()];
            let mut scratch = vec![0.0; network.scratch_len(batch.len())];
            let loss = network.batch_gradient_into(&theta, Samples::Indices(&batch), &mut want, &mut scratch);
            let largest = want.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
            for (precision, rounding) in [(Precision::Float64, 1e-14), (Precision::Float32, 1e-6)] {
                let (gradient, mean) = found(&network, &theta, &batch, precision, 1);
                let worst = gradient.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(
                    worst > 0.0 || (count == 3 && precision == Precision::Float64),
                    "one part is no sum of several"
                );
                assert!(worst < 4.0 * rounding * largest, "{count} {precision:?}: {worst} of {largest}");
                assert!((mean - loss).abs() < 4.0 * rounding * loss, "{count} {precision:?}: {mean} and {loss}");
                assert_eq!(found(&network, &theta, &batch, precision, 3), (gradient, mean), "{count} {precision:?}");
            }
        }
    }
}
