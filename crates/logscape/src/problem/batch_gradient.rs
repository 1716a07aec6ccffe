//! Gradients of large batches.

/// The mean gradient of batches up to a size, for a problem whose batches are worth more than one thread.
pub trait BatchGradient: Send {
    /// Numbers that it holds in all, in double precision.
    fn numbers(&self) -> usize;

    /// The mean gradient over the samples of `batch` at `theta` (`P`) into `out` (`P`); returns their mean loss. It has the same bits on
    /// any number of threads, and allocates nothing after the first call.
    fn mean_into(&mut self, theta: &[f64], batch: &[u32], out: &mut [f64]) -> f64;
}
