//! Windows of an image: the largest of each, or the mean.

use super::rows::copy;
use super::transform::{At, Float, Transform};
use super::window::Window;
use crate::lanes::dispatch;

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

impl MaxPool {
    /// The forward pass where every window is whole: `N` windows of a row at once, `stride` apart, without branches.
    #[inline(always)]
    fn whole<R: Float, const N: usize>(&self, input: &[R], stride: usize, kept: &mut [R], out: &mut [R]) {
        let Window { image: [_, width], kernel, stride: [down, _], .. } = self.window;
        let (plane, [rows, columns]) = (self.window.inputs(), self.window.moves());
        dispatch(
            #[inline(always)]
            || {
                let lines = out.chunks_exact_mut(columns).zip(kept.chunks_exact_mut(columns)).enumerate();
                for (line, (out, kept)) in lines {
                    let (index, row) = (line / rows, line % rows);
                    // The row's first window in its sample, and in the block.
                    let place = index % self.channels * plane + row * down * width;
                    let first = index * plane + row * down * width;
                    for (part, (out, kept)) in out.chunks_mut(N).zip(kept.chunks_mut(N)).enumerate() {
                        let skipped = part * N * stride;
                        let starts = [place + skipped, first + skipped];
                        let (largest, places) = maxima::<R, N>([width, stride], kernel, starts, out.len(), input);
                        copy(&largest, out);
                        copy(&places, kept);
                    }
                }
            },
        );
    }

    /// [`whole`](Self::whole), as many windows at once as a row is wide.
    #[inline(always)]
    fn rows<R: Float>(&self, input: &[R], stride: usize, kept: &mut [R], out: &mut [R]) {
        match self.window.moves()[1] {
            ..=4 => self.whole::<R, 4>(input, stride, kept, out),
            5..=8 => self.whole::<R, 8>(input, stride, kept, out),
            _ => self.whole::<R, 16>(input, stride, kept, out),
        }
    }

    fn padded<R: Float>(&self, at: At<R>, kept: &mut [R], out: &mut [R]) {
        let (plane, width) = (self.window.inputs(), self.window.image[1]);
        let (mut planes, mut o) = (at.input.chunks_exact(plane), 0);
        for _ in 0..at.samples {
            for (channel, values) in planes.by_ref().take(self.channels).enumerate() {
                self.window.for_each(|rows, columns, _| {
                    // Every window has a number of the image, since the padding is at most half of it and none begins after the image.
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
        match self.window.stride[1] {
            _ if !self.window.is_inside() => self.padded(at, kept, out),
            2 => self.rows(at.input, 2, kept, out),
            stride => self.rows(at.input, stride, kept, out),
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

/// The largest numbers of `N` windows side by side, and their places, where the place of the first window is `place` and it starts at
/// `first`; only the first `count` windows mean something.
#[inline(always)]
fn maxima<R: Float, const N: usize>(
    [width, stride]: [usize; 2],
    [height, length]: [usize; 2],
    [place, first]: [usize; 2],
    count: usize,
    input: &[R],
) -> ([R; N], [R; N]) {
    let (mut largest, mut places) = ([R::from_f64(f64::NEG_INFINITY); N], [R::ZERO; N]);
    for y in 0..height {
        for x in 0..length {
            let offset = y * width + x;
            let mut values = [R::ZERO; N];
            // What is read beyond the last window is not used, but must be there.
            if let Some(line) = input.get(first + offset..first + offset + (N - 1) * stride + 1) {
                for l in 0..N {
                    values[l] = line[l * stride];
                }
            } else {
                for l in 0..count {
                    values[l] = input[first + offset + l * stride];
                }
            }
            let start = R::from_f64((place + offset) as f64);
            for l in 0..N {
                // The first is kept if there are several; what is not a number is taken, so that it is seen.
                let keeps = (values[l] <= largest[l]) & (offset > 0);
                largest[l] = if keeps { largest[l] } else { values[l] };
                places[l] = if keeps { places[l] } else { start + R::from_f64((l * stride) as f64) };
            }
        }
    }
    (largest, places)
}

/// The mean of each window, padding counted as zeros or not at all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AveragePool {
    pub(super) channels: usize,
    pub(super) window: Window,
    /// Whether padding counts.
    pub(super) counts_padding: bool,
}

impl AveragePool {
    /// What a number of a window counts, for windows with so many numbers of the image, and of the padded image.
    fn share<R: Float>(&self) -> impl Fn(usize, usize) -> R {
        let (size, counts_padding) = (self.window.size(), self.counts_padding);
        let share = |count: usize| R::from_f64(1.0 / count as f64);
        let whole = share(size);
        move |inside, padded| match if counts_padding { padded } else { inside } {
            count if count == size => whole,
            count => share(count),
        }
    }

    fn image<R: Float>(&self, input: &[R], out: &mut [R]) {
        let (share, width) = (self.share::<R>(), self.window.image[1]);
        let planes = input.chunks_exact(self.window.inputs()).zip(out.chunks_exact_mut(self.window.outputs()));
        for (values, out) in planes {
            let mut o = 0;
            self.window.for_each(|rows, columns, padded| {
                let (mut sum, share) = (R::ZERO, share(rows.len() * columns.len(), padded));
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
        let (share, width) = (self.share::<R>(), self.window.image[1]);
        let planes = cotangent.chunks_exact(self.window.outputs()).zip(out.chunks_exact_mut(self.window.inputs()));
        for (cotangent, out) in planes {
            out.fill(R::ZERO);
            let mut o = 0;
            self.window.for_each(|rows, columns, padded| {
                let part = share(rows.len() * columns.len(), padded) * cotangent[o];
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

#[cfg(test)]
mod tests {
    //! The two ways to the largest numbers: several windows at once, and window by window.

    use super::*;

    fn check<R: Float>(image: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) {
        let window = Window { image, kernel, stride, padding: [0, 0], dilation: [1, 1], ceil: false };
        let (channels, samples) = (3, 2);
        let pool = MaxPool { channels, window };
        // Rectified numbers, many of which are the same, and one that is none.
        let count = samples * channels * window.inputs();
        let mut input: Vec<R> = (0..count).map(|k| R::from_f64(((k * k % 7) as f64 - 3.0).max(0.0))).collect();
        input[count / 2] = R::from_f64(f64::NAN);
        let at = At { samples, weights: &[], input: &input, kept: &[], sparse: None };
        let zeros = || vec![R::ZERO; samples * channels * window.outputs()];
        let [mut out, mut kept, mut out_each, mut kept_each] = [zeros(), zeros(), zeros(), zeros()];
        pool.forward(at, false, &mut kept, &mut out, &mut []);
        pool.padded(at, &mut kept_each, &mut out_each);
        let bits = |values: &[R]| values.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<u64>>();
        assert_eq!((bits(&out), bits(&kept)), (bits(&out_each), bits(&kept_each)), "{window:?}");
    }

    #[test]
    fn windows_side_by_side_are_windows_one_by_one() {
        for image in [[2, 2], [4, 4], [5, 11], [6, 16], [7, 40], [9, 33], [3, 70]] {
            for (kernel, stride) in [([2, 2], [2, 2]), ([2, 2], [1, 1]), ([1, 2], [1, 2]), ([2, 1], [2, 3])] {
                check::<f64>(image, kernel, stride);
                check::<f32>(image, kernel, stride);
            }
        }
    }
}
