//! Windows that move over an image.

use std::ops::Range;

/// Windows of `kernel` numbers that are `dilation` apart, themselves `stride` apart, over an image with `padding` on every side; each is
/// `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) image: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Whether there is a last window that begins in the image or the padding before it and goes beyond the padding after it.
    pub(super) ceil: bool,
}

impl Window {
    /// Windows along each side; `None` where the kernel is larger than the padded image, or it does not move, or all of its numbers are
    /// one.
    pub(super) fn fits(&self) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let last = self.kernel[axis].checked_sub(1)?.checked_mul(self.dilation[axis])?;
            let stride = self.stride[axis];
            let more = if self.ceil { stride.saturating_sub(1) } else { 0 };
            let room = (self.image[axis] + 2 * self.padding[axis] + more).checked_sub(last.checked_add(1)?)?;
            let last = room.checked_div(stride)?;
            // None begins after the image.
            let is_after = self.ceil && last * stride >= self.image[axis] + self.padding[axis];
            (self.dilation[axis] > 0).then_some(last + usize::from(!is_after))
        };
        Some([along(0)?, along(1)?])
    }

    /// Windows along each side.
    pub(super) fn moves(&self) -> [usize; 2] {
        self.fits().unwrap_or([0, 0])
    }

    /// Numbers of the image.
    pub(super) fn inputs(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Number of windows.
    pub(super) fn outputs(&self) -> usize {
        let [rows, columns] = self.moves();
        rows * columns
    }

    /// Numbers of a window.
    pub(super) fn size(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether every window is in the image; without dilation.
    pub(super) fn is_inside(&self) -> bool {
        let moves = self.moves();
        let inside = |axis: usize| (moves[axis] - 1) * self.stride[axis] + self.kernel[axis] <= self.image[axis];
        self.padding == [0, 0] && inside(0) && inside(1)
    }

    /// Whether every number of the image is a window.
    pub(super) fn is_identity(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// Calls `f` for each window, row by row, with the rows and columns of the image that are in it, and how many numbers of it are in
    /// the padded image; without dilation.
    #[inline(always)]
    pub(super) fn for_each(&self, mut f: impl FnMut(Range<usize>, Range<usize>, usize)) {
        let [rows, columns] = self.moves();
        let span = |axis: usize, window: usize| {
            let first = window * self.stride[axis];
            let (start, end) = (first.max(self.padding[axis]), first + self.kernel[axis]);
            let end = end.saturating_sub(self.padding[axis]).min(self.image[axis]);
            (start - self.padding[axis]).min(end)..end
        };
        let length = |axis: usize, window: usize| {
            self.kernel[axis].min(self.image[axis] + 2 * self.padding[axis] - window * self.stride[axis])
        };
        for row in 0..rows {
            for column in 0..columns {
                f(span(0, row), span(1, column), length(0, row) * length(1, column));
            }
        }
    }

    /// Where, along an axis of so many windows, those lie whose entry `offset` is in the image.
    #[inline(always)]
    fn inside(&self, axis: usize, windows: usize, offset: usize) -> Range<usize> {
        let (padding, stride) = (self.padding[axis], self.stride[axis]);
        // A division costs as much as the copy of a row.
        let count = |numbers: usize| if stride == 1 { numbers } else { numbers.div_ceil(stride) };
        let first = count(padding.saturating_sub(offset));
        let end = count((self.image[axis] + padding).saturating_sub(offset));
        first..end.min(windows).max(first)
    }

    /// Calls `f(entry, out, image, count, stride)` for each run of windows along a row, of each entry of the kernel: `count`
    /// windows from `out` on, whose entries lie in the image from `image` on, `stride` apart. What is not called is padding.
    #[inline(always)]
    pub(super) fn for_each_run(&self, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
        let [down, columns] = self.moves();
        for y in 0..self.kernel[0] {
            let rows = self.inside(0, down, y * self.dilation[0]);
            for x in 0..self.kernel[1] {
                let run = self.inside(1, columns, x * self.dilation[1]);
                if run.is_empty() {
                    continue;
                }
                for row in rows.clone() {
                    let line = (row * self.stride[0] + y * self.dilation[0] - self.padding[0]) * self.image[1];
                    let first = line + run.start * self.stride[1] + x * self.dilation[1] - self.padding[1];
                    f(y * self.kernel[1] + x, row * columns + run.start, first, run.len(), self.stride[1]);
                }
            }
        }
    }
}
