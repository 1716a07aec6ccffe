//! Steps of a path towards the minimum of its action.

use super::MinimumActionError;
use super::blocks::{add_product, below, solve_tridiagonal};
use super::hamiltonian::Hamiltonian;
use super::nodes::{differences, middles, spaced, tangents, unevenness};
use super::root::{Segment, floored, root};
use crate::Stop;
use crate::operator::{axpy, dot, norm};
use faer::Mat;
use rayon::prelude::*;

/// Longest over shortest segment above which nodes are spaced evenly again.
const UNEVEN: f64 = 4.0;
/// Share of the expected fall below which a step is not taken, and above which the damping weakens; it grows below the
/// complement.
const POOR: f64 = 1e-3;
const GOOD: f64 = 0.75;
/// Factor by which the damping changes.
const STRONGER: f64 = 4.0;
/// Damping, relative to the stiffness along the free step, below which there is none, and above which no step is tried.
const WEAKEST: f64 = 1e-3;
const STRONGEST: f64 = 1e12;

/// A path on its way to the minimum.
pub(super) struct Search<'a> {
    pub(super) hamiltonian: &'a dyn Hamiltonian,
    pub(super) path: Vec<Vec<f64>>,
    /// `f`.
    pub(super) floor: f64,
    /// Most steps in all.
    pub(super) max_steps: usize,
    /// Steps taken so far.
    pub(super) steps: usize,
    pub(super) stop: &'a Stop,
}

/// A path at rest.
pub(super) struct Relaxed {
    /// Its action.
    pub(super) action: f64,
    /// The roots of its segments.
    pub(super) segments: Vec<Segment>,
    /// Expected fall of the action by the next step, relative to it.
    pub(super) fall: f64,
}

/// What one segment gives to the system of a step: the whitened derivatives of its velocity with its first and its last node,
/// and those of its action (columns).
struct Part {
    start: Mat<f64>,
    end: Mat<f64>,
    start_slope: Vec<f64>,
    end_slope: Vec<f64>,
}

/// The quadratic model of a step: blocks of the second derivatives, and the negative slope.
struct System {
    diagonal: Vec<Mat<f64>>,
    lower: Vec<Mat<f64>>,
    right: Vec<Vec<f64>>,
}

impl System {
    /// The step to the minimum of the model with `damping ‖d‖²/2` added. None where rounding spoils the system.
    fn step(&self, damping: f64) -> Option<Vec<Vec<f64>>> {
        let mut diagonal = self.diagonal.clone();
        for block in &mut diagonal {
            (0..block.nrows()).for_each(|i| block[(i, i)] += damping);
        }
        solve_tridiagonal(diagonal, &self.lower, &self.right)
    }

    /// A damping that is lost in the rounding of the stiffest directions.
    fn rounding(&self) -> f64 {
        let stiffest = self.diagonal.iter().flat_map(|block| (0..block.nrows()).map(|i| block[(i, i)]));
        1e3 * f64::EPSILON * stiffest.fold(0.0, f64::max)
    }

    /// Negative slope of the action along a step.
    fn along(&self, step: &[Vec<f64>]) -> f64 {
        step.iter().zip(&self.right).map(|(d, r)| dot(d, r)).sum()
    }
}

/// `Σ ‖d‖²`.
fn squared(step: &[Vec<f64>]) -> f64 {
    step.iter().map(|d| dot(d, d)).sum()
}

impl Search<'_> {
    /// Steps at the present floor, until the next is expected to lower the action by less than `tolerance` of it, or none
    /// lowers it any more. Steps are damped as the quadratic model fails (Levenberg, Marquardt).
    pub(super) fn relax(&mut self, tolerance: f64) -> Result<Relaxed, MinimumActionError> {
        let (mut action, mut segments) = self.action(&self.path, &[])?;
        let mut damping = 0.0;
        loop {
            self.stop.check()?;
            let system = self.system(&segments)?;
            let free = system.step(0.0).or_else(|| system.step(system.rounding()));
            let Some(free) = free.filter(|step| squared(step).is_finite()) else {
                return Err(MinimumActionError::Singular { steps: self.steps });
            };
            let rise = system.along(&free);
            let fall = rise / action.abs().max(f64::MIN_POSITIVE);
            if fall <= tolerance || self.steps >= self.max_steps {
                return Ok(Relaxed { action, segments, fall });
            }
            self.steps += 1;
            let stiffness = rise / squared(&free);
            loop {
                let step = system.step(damping);
                let expected = step.as_ref().map_or(0.0, |d| 0.5 * (system.along(d) + damping * squared(d)));
                let trial = step.and_then(|step| {
                    let mut moved = self.path.clone();
                    moved[1..].iter_mut().zip(&step).for_each(|(x, d)| axpy(1.0, d, x));
                    // A step into a region without root is too long like one that climbs.
                    let (lower, next) = self.action(&moved, &segments).ok()?;
                    (lower <= action - POOR * expected).then_some((moved, lower, next))
                });
                let Some((moved, lower, next)) = trial else {
                    damping = if damping == 0.0 { stiffness } else { STRONGER * damping };
                    if damping > STRONGEST * stiffness {
                        return Ok(Relaxed { action, segments, fall });
                    }
                    continue;
                };
                if action - lower > GOOD * expected {
                    damping /= STRONGER;
                    if damping < WEAKEST * stiffness {
                        damping = 0.0;
                    }
                } else if action - lower < (1.0 - GOOD) * expected {
                    damping = (STRONGER * damping).max(WEAKEST * stiffness);
                }
                (self.path, action, segments) = (moved, lower, next);
                break;
            }
            if unevenness(&self.path) > UNEVEN {
                self.path = spaced(&self.path, self.path.len() - 1);
                (action, segments) = self.action(&self.path, &segments)?;
            }
        }
    }

    /// The action with the roots of its segments; the search for these starts from `near`, if there are any.
    fn action(&self, path: &[Vec<f64>], near: &[Segment]) -> Result<(f64, Vec<Segment>), MinimumActionError> {
        let velocities = differences(path);
        let rest = vec![0.0; self.hamiltonian.dim()];
        let roots: Vec<Option<Segment>> = middles(path)
            .par_iter()
            .zip(&velocities)
            .enumerate()
            .map(|(i, (x, v))| {
                let local = self.hamiltonian.at(x);
                let warm = near.get(i).and_then(|segment| root(&*local, v, &segment.momentum, self.floor));
                warm.or_else(|| root(&*local, v, &rest, self.floor))
            })
            .collect();
        let mut segments = Vec::with_capacity(roots.len());
        for (i, root) in roots.into_iter().enumerate() {
            segments.push(root.ok_or_else(|| MinimumActionError::NoRoot { position: middles(path)[i].clone() })?);
        }
        Ok((segments.iter().zip(&velocities).map(|(s, v)| dot(&s.momentum, v)).sum(), segments))
    }

    /// The quadratic model of the action in the inner nodes.
    fn system(&self, segments: &[Segment]) -> Result<System, MinimumActionError> {
        let n = self.hamiltonian.dim();
        let tangents = tangents(&self.path);
        let inner = tangents.len();
        let parts: Vec<Option<Part>> = middles(&self.path)
            .par_iter()
            .zip(differences(&self.path))
            .zip(segments)
            .enumerate()
            .map(|(i, ((x, v), segment))| {
                self.part(x, &v, segment, [i.checked_sub(1), Some(i)].map(|j| j.and_then(|j| tangents.get(j))))
            })
            .collect();
        let mut diagonal = vec![Mat::zeros(n, n); inner];
        let mut lower = vec![Mat::zeros(n, n); inner - 1];
        let mut right = vec![vec![0.0; n]; inner];
        for (i, part) in parts.into_iter().enumerate() {
            let part = part.ok_or_else(|| MinimumActionError::NoRoot { position: self.path[i].clone() })?;
            if i > 0 {
                add_product(&mut diagonal[i - 1], &part.start, &part.start, 1.0);
                axpy(-1.0, &part.start_slope, &mut right[i - 1]);
            }
            if i < inner {
                add_product(&mut diagonal[i], &part.end, &part.end, 1.0);
                axpy(-1.0, &part.end_slope, &mut right[i]);
            }
            if i > 0 && i < inner {
                add_product(&mut lower[i - 1], &part.end, &part.start, 1.0);
            }
        }
        // Nothing is left along the tangents, so that any stiffness there holds the nodes.
        for (block, tangent) in diagonal.iter_mut().zip(&tangents) {
            let trace: f64 = (0..n).map(|i| block[(i, i)]).sum();
            let stiffness = if trace > 0.0 { trace / n as f64 } else { 1.0 };
            (0..n).for_each(|i| (0..n).for_each(|j| block[(i, j)] += stiffness * tangent[i] * tangent[j]));
        }
        Ok(System { diagonal, lower, right })
    }

    /// The part of the segment `v` about `x` between nodes with these tangents; ends of the path have none.
    fn part(&self, x: &[f64], v: &[f64], segment: &Segment, tangents: [Option<&Vec<f64>>; 2]) -> Option<Part> {
        let n = x.len();
        let local = self.hamiltonian.at(x);
        let (force, mixed) = local.in_position(&segment.momentum);
        let mut factor = floored(&*local, &segment.momentum, self.floor)?.2;
        factor *= faer::Scale(segment.time.sqrt());
        let half = 0.5 * segment.time;
        let mut along: Vec<f64> = below(&factor, Mat::from_fn(n, 1, |i, _| v[i])).col(0).iter().copied().collect();
        let length = norm(&along);
        along.iter_mut().for_each(|w| *w /= length);
        let side = |sign: f64, tangent: Option<&Vec<f64>>| {
            let unit = |i: usize, j: usize| if i == j { sign } else { 0.0 };
            let mut velocity = below(&factor, Mat::from_fn(n, n, |i, j| unit(i, j) - half * mixed[(i, j)]));
            let stretch: Vec<f64> = (0..n).map(|j| (0..n).map(|i| along[i] * velocity[(i, j)]).sum()).collect();
            let mut slope: Vec<f64> = (0..n).map(|i| sign * segment.momentum[i] - half * force[i]).collect();
            (0..n).for_each(|i| (0..n).for_each(|j| velocity[(i, j)] -= along[i] * stretch[j]));
            if let Some(tangent) = tangent {
                let onward: Vec<f64> = (0..n).map(|i| (0..n).map(|j| velocity[(i, j)] * tangent[j]).sum()).collect();
                (0..n).for_each(|i| (0..n).for_each(|j| velocity[(i, j)] -= onward[i] * tangent[j]));
                let rise = dot(&slope, tangent);
                axpy(-rise, tangent, &mut slope);
            }
            (velocity, slope)
        };
        let ((start, start_slope), (end, end_slope)) = (side(-1.0, tangents[0]), side(1.0, tangents[1]));
        Some(Part { start, end, start_slope, end_slope })
    }
}
