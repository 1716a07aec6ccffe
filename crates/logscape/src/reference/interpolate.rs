//! Local cubic interpolation of values on nodes, with integrals of the interpolant and the tops that a slope leads to.

use super::ReferenceError;

/// A function on increasing nodes: in each cell the cubic through the four nearest nodes, so its error is `O(Δx⁴)`
/// (fewer than four nodes: the polynomial through all of them).
#[derive(Debug, Clone)]
pub struct Cubic<'a> {
    x: &'a [f64],
    y: Vec<f64>,
}

impl<'a> Cubic<'a> {
    /// The interpolant of `y` on the nodes `x`.
    ///
    /// # Errors
    ///
    /// [`ReferenceError::BadNodes`] if there are fewer than two nodes, they do not increase, or a number is not finite.
    pub fn new(x: &'a [f64], y: Vec<f64>) -> Result<Self, ReferenceError> {
        let finite = x.iter().chain(&y).all(|v| v.is_finite());
        if x.len() < 2 || x.len() != y.len() || !finite || x.windows(2).any(|w| w[0] >= w[1]) {
            return Err(ReferenceError::BadNodes);
        }
        Ok(Self { x, y })
    }

    /// The nodes.
    pub fn nodes(&self) -> &[f64] {
        self.x
    }

    /// First and last node.
    pub fn range(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    /// The value at `at`; outside the nodes the end cell's polynomial goes on.
    pub fn value(&self, at: f64) -> f64 {
        let last = self.x.len() - 1;
        let cell = self.x.partition_point(|&x| x <= at).clamp(1, last) - 1;
        let width = 4.min(self.x.len());
        let first = cell.saturating_sub(1).min(self.x.len() - width);
        let mut sum = 0.0;
        for i in first..first + width {
            let mut weight = self.y[i];
            for j in first..first + width {
                if j != i {
                    weight *= (at - self.x[j]) / (self.x[i] - self.x[j]);
                }
            }
            sum += weight;
        }
        sum
    }

    /// `∫_a^b` of the interpolant, exact for it (Simpson's rule within each cell).
    pub fn integral(&self, a: f64, b: f64) -> f64 {
        if a > b {
            return -self.integral(b, a);
        }
        let mut sum = 0.0;
        let mut left = a;
        for right in self.x.iter().copied().filter(|&x| x > a && x < b).chain([b]) {
            let middle = f64::midpoint(left, right);
            sum += (right - left) / 6.0 * (self.value(left) + 4.0 * self.value(middle) + self.value(right));
            left = right;
        }
        sum
    }

    /// Where a slope given by this function stops leading uphill, walking from the minimum `from` to the last node (or to
    /// the first, if `!rightward`), by bisection; that end if it never stops, `from` if it never starts. Nodes beside the
    /// minimum whose slope has the wrong sign by rounding are passed over.
    pub fn top_beyond(&self, from: f64, rightward: bool) -> f64 {
        let sign = if rightward { 1.0 } else { -1.0 };
        let downhill = |x: &f64| self.value(*x) * sign <= 0.0;
        let ahead: Vec<f64> = if rightward {
            self.x.iter().copied().filter(|&x| x > from).skip_while(downhill).collect()
        } else {
            self.x.iter().rev().copied().filter(|&x| x < from).skip_while(downhill).collect()
        };
        let Some((&first, rest)) = ahead.split_first() else {
            return from;
        };
        let mut previous = first;
        for &next in rest {
            if self.value(next) * sign <= 0.0 {
                let (mut near, mut far) = (previous, next);
                for _ in 0..60 {
                    let middle = f64::midpoint(near, far);
                    if self.value(middle) * sign > 0.0 {
                        near = middle;
                    } else {
                        far = middle;
                    }
                }
                return far;
            }
            previous = next;
        }
        previous
    }
}
