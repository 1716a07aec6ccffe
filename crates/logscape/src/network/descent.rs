//! Gradients of batches in the precision of `R`, for what descends.

use super::Network;
use super::pass::Pass;
use super::transform::Float;
use crate::problem::Samples;

impl<R: Float> Pass<'_, R> {
    /// Adds `share Σ ∇ℓ` over the block to `out` (`P`); returns `Σ ℓ`.
    pub(super) fn descent(&mut self, share: f64, out: &mut [R]) -> f64 {
        self.forward(false);
        let loss = self.losses(share);
        self.backward();
        self.add_gradient(out);
        loss
    }
}

impl Network {
    /// Numbers of room for [`add_batch_gradient`](Self::add_batch_gradient) over `m` samples.
    pub(crate) fn batch_room<R: Float>(&self, m: usize) -> usize {
        Pass::<R>::gradient_room(self, m.min(self.gradient_block))
    }

    /// Adds `share Σ ∇ℓ` over the samples of `batch` at `theta` (`P`) to `out` (`P`); returns `Σ ℓ`. `room` has
    /// [`batch_room`](Self::batch_room) entries of any content.
    pub(crate) fn add_batch_gradient<R: Float>(
        &self,
        theta: &[R],
        batch: &[u32],
        share: f64,
        out: &mut [R],
        room: &mut [R],
    ) -> f64 {
        let blocks = batch.chunks(self.gradient_block).map(Samples::Indices);
        blocks.map(|block| Pass::new(self, theta, block, room, false).descent(share, out)).sum()
    }
}

/// The samples in blocks of `size` or less, each with its place among them.
pub(super) fn blocks<'a>(samples: &Samples<'a>, size: usize) -> impl Iterator<Item = (usize, Samples<'a>)> {
    let (samples, m) = (samples.clone(), samples.len());
    (0..m).step_by(size).map(move |first| {
        let end = m.min(first + size);
        let block = match &samples {
            Samples::Range(range) => Samples::Range(range.start + first..range.start + end),
            Samples::Indices(indices) => Samples::Indices(&indices[first..end]),
        };
        (first, block)
    })
}
