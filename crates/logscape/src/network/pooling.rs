//! Windows of an image: the largest of each, or the mean.

use super::transform::{At, Float, Transform};
use super::window::Window;

/// The largest number in each window, the first if there are several; padding is never the largest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MaxPool {
    pub(super) channels: usize,
    pub(super) window: Window,
}

impl MaxPool {
    /// Calls `f(out, input)` with the places, in all samples, of each output and of the input that it takes.
    fn for_each<R: Float>(&self, at: At<R>, mut f: impl FnMut(usize, usize)) {
        let (inputs, outputs) = (self.channels * self.window.inputs(), self.kept());
        for (k, kept) in at.kept.chunks_exact(outputs).enumerate() {
            for (o, place) in kept.iter().enumerate() {
                // Exact: a sample has fewer numbers than single precision has integers.
                f(k * outputs + o, k * inputs + place.to_f64() as usize);
            }
        }
    }
}

impl Transform for MaxPool {
    fn is_smooth(&self) -> bool {
        false
    }

    /// Where in the sample each output comes from.
    fn kept(&self) -> usize {
        self.channels * self.window.outputs()
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        let (plane, width) = (self.window.inputs(), self.window.image[1]);
        let (mut planes, mut o) = (at.input.chunks_exact(plane), 0);
        for _ in 0..at.samples {
            for (channel, values) in planes.by_ref().take(self.channels).enumerate() {
                self.window.for_each(|rows, columns| {
                    // Every window has a number of the image, since the padding is at most half of it.
                    let mut best = rows.start * width + columns.start;
                    let mut largest = values[best];
                    for row in rows {
                        for column in columns.clone() {
                            let value = values[row * width + column];
                            // What is not a number is taken, so that it is seen.
                            let keeps = value <= largest;
                            if !keeps {
                                (best, largest) = (row * width + column, value);
                            }
                        }
                    }
                    (out[o], kept[o]) = (largest, R::from_f64((channel * plane + best) as f64));
                    o += 1;
                });
            }
        }
    }

    fn tangent<R: Float>(&self, at: At<R>, _along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        match rate {
            Some(rate) => self.for_each(at, |o, i| out[o] = rate[i]),
            None => out.fill(R::ZERO),
        }
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        out.fill(R::ZERO);
        self.for_each(at, |o, i| out[i] += cotangent[o]);
    }
}

/// The mean of each window, padding counted as zeros.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AveragePool {
    pub(super) channels: usize,
    pub(super) window: Window,
}

impl AveragePool {
    fn image<R: Float>(&self, input: &[R], out: &mut [R]) {
        let (share, width) = (R::from_f64(1.0 / self.window.size() as f64), self.window.image[1]);
        let planes = input.chunks_exact(self.window.inputs()).zip(out.chunks_exact_mut(self.window.outputs()));
        for (values, out) in planes {
            let mut o = 0;
            self.window.for_each(|rows, columns| {
                let mut sum = R::ZERO;
                for row in rows {
                    for value in &values[row * width..][columns.clone()] {
                        sum += *value;
                    }
                }
                out[o] = share * sum;
                o += 1;
            });
        }
    }
}

impl Transform for AveragePool {
    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        self.image(at.input, out);
    }

    fn tangent<R: Float>(&self, _at: At<R>, _along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        match rate {
            Some(rate) => self.image(rate, out),
            None => out.fill(R::ZERO),
        }
    }

    fn pull_back<R: Float>(&self, _at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        let (share, width) = (R::from_f64(1.0 / self.window.size() as f64), self.window.image[1]);
        let planes = cotangent.chunks_exact(self.window.outputs()).zip(out.chunks_exact_mut(self.window.inputs()));
        for (cotangent, out) in planes {
            out.fill(R::ZERO);
            let mut o = 0;
            self.window.for_each(|rows, columns| {
                let part = share * cotangent[o];
                for row in rows {
                    for out in &mut out[row * width..][columns.clone()] {
                        *out += part;
                    }
                }
                o += 1;
            });
        }
    }
}
