//! The exit test of one replica whose parameters stand in lanes.

use crate::engine::{ExitTest, LaneEnd};
use crate::lanes::{LANES, Lane, Real};

/// Lower and upper bounds of a box, the centre of a ball, or the normals of half spaces, placed like the parameters.
#[derive(Debug, Clone)]
pub(super) struct Bounds<R>([Vec<Lane<R>>; 2]);

impl<R: Real> Bounds<R> {
    /// Room for so many lanes.
    pub(super) fn new(lanes: usize) -> Self {
        let zeros = vec![Lane::splat(R::ZERO); lanes];
        Self([zeros.clone(), zeros])
    }

    /// Copies those of `exit`, each vector by `place(values, lanes)`.
    pub(super) fn set(&mut self, exit: &ExitTest, place: impl Fn(&[f64], &mut [Lane<R>])) {
        let [first, second] = &mut self.0;
        match *exit {
            ExitTest::Never => {}
            ExitTest::Box { lower, upper } => {
                place(lower, first);
                place(upper, second);
            }
            // The block has one lane.
            ExitTest::Ball { centre, .. } | ExitTest::Balls { centres: centre, .. } => {
                place(centre, first);
            }
            ExitTest::HalfSpaces { normals, offsets } => {
                let (width, dim) = (second.len(), normals.len() / offsets.len().max(1));
                // Grows at the first call; a block is used with one exit.
                first.resize(width * offsets.len().max(1), Lane::splat(R::ZERO));
                for (lanes, normal) in first.chunks_exact_mut(width).zip(normals.chunks_exact(dim.max(1))) {
                    place(normal, lanes);
                }
            }
        }
    }

    /// How the replica has ended at `theta`, if it has.
    #[inline(always)]
    pub(super) fn test(&self, theta: &[Lane<R>], exit: &ExitTest) -> Option<LaneEnd> {
        let limit = R::DIVERGENCE_LIMIT;
        // Numbers rather than flags, since those of sixteen lanes would be packed and unpacked.
        let (mut lost, mut outside) = ([R::ZERO; LANES], [R::ZERO; LANES]);
        let [first, second] = &self.0;
        let bounds = first.iter().zip(second);
        match *exit {
            ExitTest::Never => {
                for x in theta {
                    for l in 0..LANES {
                        lost[l] = if x.0[l].abs() < limit { lost[l] } else { R::ONE };
                    }
                }
            }
            ExitTest::Box { .. } => {
                for (x, (low, high)) in theta.iter().zip(bounds) {
                    for l in 0..LANES {
                        let x = x.0[l];
                        lost[l] = if x.abs() < limit { lost[l] } else { R::ONE };
                        outside[l] = if (x < low.0[l]) | (x > high.0[l]) { R::ONE } else { outside[l] };
                    }
                }
            }
            ExitTest::Ball { radius_squared, .. } | ExitTest::Balls { radii_squared: &[radius_squared], .. } => {
                let mut square = [R::ZERO; LANES];
                for (x, centre) in theta.iter().zip(first) {
                    for l in 0..LANES {
                        lost[l] = if x.0[l].abs() < limit { lost[l] } else { R::ONE };
                        let distance = x.0[l] - centre.0[l];
                        square[l] = distance.mul_add(distance, square[l]);
                    }
                }
                let square = square.into_iter().fold(R::ZERO, |sum, part| sum + part);
                outside[0] = if square > R::from_f64(radius_squared) { R::ONE } else { R::ZERO };
            }
            ExitTest::Balls { .. } => unreachable!("the block has one lane"),
            ExitTest::HalfSpaces { offsets, .. } => {
                for x in theta {
                    for l in 0..LANES {
                        lost[l] = if x.0[l].abs() < limit { lost[l] } else { R::ONE };
                    }
                }
                for (normal, &offset) in first.chunks_exact(theta.len()).zip(offsets) {
                    let mut height = [R::ZERO; LANES];
                    for (x, n) in theta.iter().zip(normal) {
                        for l in 0..LANES {
                            height[l] = n.0[l].mul_add(x.0[l], height[l]);
                        }
                    }
                    let height = height.into_iter().fold(R::ZERO, |sum, part| sum + part);
                    outside[0] = if height > R::from_f64(offset) { R::ONE } else { outside[0] };
                }
            }
        }
        let any = |flags: [R; LANES]| flags.into_iter().fold(R::ZERO, |sum, flag| sum + flag) > R::ZERO;
        if any(lost) { Some(LaneEnd::Diverged) } else { any(outside).then_some(LaneEnd::Escaped) }
    }
}
