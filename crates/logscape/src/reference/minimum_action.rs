//! Minimum action paths and quasi-potentials in several dimensions, by a geometric minimum action method.
//!
//! The quasi-potential of `to` over a stable point `from` is the least geometric action `S = ∫ sup{p·dφ : 𝓗(φ, p) = 0}` of
//! a path between them (Freidlin, Wentzell; Heymann, Vanden-Eijnden 2008). On a path of `M` segments `v_i` with middles `x_i`
//! it is `Σ p_i·v_i`, where `p_i` and the time `μ_i` of the segment solve `v_i = μ_i 𝓗_p(x_i, p_i)`, `𝓗(x_i, p_i) = 0`.
//! With the times fixed, the action's second derivatives without `𝓗_θθ` are `Σ Kᵀ(μ 𝓗_pp)⁻¹K`, `K = dv − μ 𝓗_pθ dx`: Newton
//! steps with this positive matrix are taken, shortened until the action falls, and the nodes spaced evenly again where
//! their distances drift apart.
//!
//! Noise that is singular (fewer samples than parameters, samples that are fitted exactly) is the usual case. It gets a
//! floor, `½ f p²` in `𝓗`, which is lowered from the noise's own size in steps to `noise_floor`, so that each path starts
//! near the next and bends into the directions that drift and noise can reach. The floor lowers the action by `½ f ∫ p² dt` to
//! first order, which is put back. Where the floor carries more than a small share of the action, the noise does not reach
//! `to`, as where every sample pushes the same way, and there is no quasi-potential.

mod blocks;
mod hamiltonian;
#[cfg(test)]
mod tests;

pub use hamiltonian::{Diffusion, Hamiltonian, LocalHamiltonian, SgdHamiltonian};

use crate::operator::{axpy, dot, norm, scale};
use crate::reference::Cubic;
use blocks::{add_product, below, cholesky, solve, solve_tridiagonal};
use faer::Mat;
use rayon::prelude::*;
use thiserror::Error;

/// Share of the action that the floor may carry at most.
const FLOOR_SHARE: f64 = 0.02;
/// Most steps of the root `(p, μ)`.
const ROOT_STEPS: usize = 200;
/// Longest over shortest segment above which nodes are spaced evenly again.
const UNEVEN: f64 = 1.5;
/// Factor of each step of the floor.
const LOWERING: f64 = 0.1;
/// Speed of the drift at a point inside the path, relative to both sides of it, that is taken as a fixed point's.
const STANDSTILL: f64 = 0.05;

/// Settings of [`minimum_action`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinimumActionConfig {
    /// Segments of the path, an even number of at least 8.
    pub segments: usize,
    /// Noise added in all directions, relative to the mean variance of the noise along the first path.
    pub noise_floor: f64,
    /// Expected fall of the action by the next step, relative to it, at which the path is taken as the minimum.
    pub tolerance: f64,
    /// Most steps at each floor.
    pub max_steps: usize,
}

impl Default for MinimumActionConfig {
    fn default() -> Self {
        Self { segments: 80, noise_floor: 1e-6, tolerance: 1e-7, max_steps: 200 }
    }
}

/// Why there is no minimum action path.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MinimumActionError {
    /// The first path or a setting cannot be used.
    #[error("{0}")]
    Setting(&'static str),
    /// There is no noise at all along the path.
    #[error("the noise vanishes along the path")]
    NoNoise,
    /// A value on the path is not finite.
    #[error("the Hamiltonian is not finite, or its root not found, at {position:?}")]
    NoRoot {
        /// Where.
        position: Vec<f64>,
    },
    /// Drift and noise do not lead along the path.
    #[error("the added noise carries {share:.2} of the action: drift and noise do not lead there")]
    Unreachable {
        /// Share of the action.
        share: f64,
    },
    /// The drift vanishes inside the path, so its two parts are two passages.
    #[error("the path passes a fixed point near {position:?}; ask for the passages to it and from it one by one")]
    FixedPoint {
        /// Where.
        position: Vec<f64>,
    },
}

/// A minimum action path.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimumAction {
    /// Its action, the quasi-potential where the path starts in a stable point and stays in its basin: extrapolated to
    /// vanishing segments, and with the floor's share put back. `ln(mean steps) ≈ action/η` for SGD.
    pub action: f64,
    /// Change by the extrapolation, an estimate of the error that the segments leave.
    pub change: f64,
    /// Share of the floor in the action.
    pub floor_share: f64,
    /// Nodes (`M + 1` of `n`), evenly spaced up to a factor.
    pub path: Vec<Vec<f64>>,
    /// Momenta of the segments (`M` of `n`).
    pub momenta: Vec<Vec<f64>>,
    /// Times of the segments.
    pub times: Vec<f64>,
    /// Whether the steps ended at the tolerance.
    pub converged: bool,
    /// Steps taken on all floors and on both grids.
    pub steps: usize,
}

/// The root of one segment.
struct Segment {
    momentum: Vec<f64>,
    time: f64,
}

/// The least action of a path from the first to the last of the given points; those between are the first path, of which
/// the method finds the nearest minimum.
///
/// # Errors
/// If a setting is out of range, the noise vanishes, the path needs noise in directions that have none, a value on it is not
/// finite, or the drift vanishes inside it.
pub fn minimum_action(
    hamiltonian: &dyn Hamiltonian,
    first: &[Vec<f64>],
    config: &MinimumActionConfig,
) -> Result<MinimumAction, MinimumActionError> {
    let n = hamiltonian.dim();
    if first.len() < 2 || first.iter().any(|x| x.len() != n || x.iter().any(|v| !v.is_finite())) {
        return Err(MinimumActionError::Setting(
            "the first path needs two points at least, finite and of the right length",
        ));
    }
    if first.windows(2).any(|w| w[0] == w[1]) {
        return Err(MinimumActionError::Setting("two neighbours on the first path are the same point"));
    }
    let positive = config.noise_floor > 0.0 && config.noise_floor <= 1.0 && config.tolerance > 0.0;
    if config.segments < 8 || config.segments % 2 == 1 || !positive || config.max_steps == 0 {
        return Err(MinimumActionError::Setting(
            "segments must be even and at least 8, floor (up to 1), tolerance and steps positive",
        ));
    }
    let mut search = Search { hamiltonian, config, path: spaced(first, config.segments / 2), floor: 0.0, steps: 0 };
    let noise: f64 = middles(&search.path)
        .par_iter()
        .map(|x| {
            let covariance = hamiltonian.at(x).in_momentum(&vec![0.0; n]).2;
            (0..n).map(|i| covariance[(i, i)]).sum::<f64>() / n as f64
        })
        .collect::<Vec<f64>>()
        .iter()
        .sum::<f64>()
        / search.path.len() as f64;
    if !noise.is_finite() {
        return Err(MinimumActionError::NoRoot { position: first[0].clone() });
    }
    if noise <= 0.0 {
        return Err(MinimumActionError::NoNoise);
    }
    let coarse = search.lower(noise)?;
    search.path = spaced(&search.path, config.segments);
    let fine = search.lower(noise)?;
    let action = fine.action + (fine.action - coarse.action) / 3.0;
    if fine.floor_share > FLOOR_SHARE {
        return Err(MinimumActionError::Unreachable { share: fine.floor_share });
    }
    search.refuse_fixed_points()?;
    Ok(MinimumAction { action, change: action - fine.action, converged: fine.converged && coarse.converged, ..fine })
}

/// A path on its way to the minimum.
struct Search<'a> {
    hamiltonian: &'a dyn Hamiltonian,
    config: &'a MinimumActionConfig,
    path: Vec<Vec<f64>>,
    floor: f64,
    steps: usize,
}

impl Search<'_> {
    /// The path's minimum at ever lower floors, the last of them at the tolerance.
    fn lower(&mut self, noise: f64) -> Result<MinimumAction, MinimumActionError> {
        let mut share: f64 = 1.0;
        loop {
            share = (share * LOWERING).max(self.config.noise_floor);
            self.floor = share * noise;
            let last = share == self.config.noise_floor;
            let (converged, action, segments) = self.relax(if last { self.config.tolerance } else { 1e-3 })?;
            if last {
                let floor: f64 =
                    segments.iter().map(|s| 0.5 * self.floor * s.time * dot(&s.momentum, &s.momentum)).sum();
                let action = action + floor;
                let (momenta, times) = segments.into_iter().map(|s| (s.momentum, s.time)).unzip();
                let floor_share = if action > 0.0 { floor / action } else { 0.0 };
                return Ok(MinimumAction {
                    action,
                    change: 0.0,
                    floor_share,
                    path: self.path.clone(),
                    momenta,
                    times,
                    converged,
                    steps: self.steps,
                });
            }
        }
    }

    /// Steps at one floor, until the next is expected to lower the action by less than the tolerance's share of it.
    fn relax(&mut self, tolerance: f64) -> Result<(bool, f64, Vec<Segment>), MinimumActionError> {
        let (mut action, mut segments) = self.action(&self.path)?;
        for _ in 0..self.config.max_steps {
            let (step, slope) = self.step(&segments)?;
            if -slope <= tolerance * action {
                return Ok((true, action, segments));
            }
            self.steps += 1;
            let mut share = 1.0;
            loop {
                let mut moved = self.path.clone();
                moved[1..].iter_mut().zip(&step).for_each(|(x, d)| axpy(share, d, x));
                // A step into a region without root is too long like one that climbs.
                if let Ok((lower, next)) = self.action(&moved) {
                    if lower <= action + 1e-4 * share * slope {
                        (self.path, action, segments) = (moved, lower, next);
                        break;
                    }
                }
                share *= 0.5;
                if share < 1e-6 {
                    return Ok((false, action, segments));
                }
            }
            let lengths: Vec<f64> = differences(&self.path).iter().map(|v| norm(v)).collect();
            let longest = lengths.iter().copied().fold(0.0, f64::max);
            if longest > UNEVEN * lengths.iter().copied().fold(f64::INFINITY, f64::min) {
                self.path = spaced(&self.path, self.path.len() - 1);
                (action, segments) = self.action(&self.path)?;
            }
        }
        Ok((false, action, segments))
    }

    /// The action with the roots of its segments.
    fn action(&self, path: &[Vec<f64>]) -> Result<(f64, Vec<Segment>), MinimumActionError> {
        let velocities = differences(path);
        let roots: Vec<Option<Segment>> =
            middles(path).par_iter().zip(&velocities).map(|(x, v)| self.root(x, v)).collect();
        let mut segments = Vec::with_capacity(roots.len());
        for (i, root) in roots.into_iter().enumerate() {
            segments.push(root.ok_or_else(|| MinimumActionError::NoRoot { position: path[i].clone() })?);
        }
        Ok((segments.iter().zip(&velocities).map(|(s, v)| dot(&s.momentum, v)).sum(), segments))
    }

    /// `𝓗`, `𝓗_p` and the Cholesky factor of `𝓗_pp`, with the floor.
    fn floored(&self, local: &dyn LocalHamiltonian, p: &[f64]) -> Option<(f64, Vec<f64>, Mat<f64>)> {
        let (value, mut velocity, mut variance) = local.in_momentum(p);
        axpy(self.floor, p, &mut velocity);
        (0..p.len()).for_each(|i| variance[(i, i)] += self.floor);
        let value = value + 0.5 * self.floor * dot(p, p);
        let finite = value.is_finite() && velocity.iter().all(|v| v.is_finite());
        if finite { Some((value, velocity, cholesky(variance)?)) } else { None }
    }

    /// `p` and `μ` with `v = μ 𝓗_p`, `𝓗 = 0`, by steps to the root of the second-order expansion about `p`.
    fn root(&self, x: &[f64], v: &[f64]) -> Option<Segment> {
        let local = self.hamiltonian.at(x);
        let mut p = vec![0.0; x.len()];
        for _ in 0..ROOT_STEPS {
            let (value, velocity, factor) = self.floored(&*local, &p)?;
            let (along, back) = (solve(&factor, v), solve(&factor, &velocity));
            let rate = ((dot(&velocity, &back) - 2.0 * value).max(0.0) / dot(v, &along)).sqrt();
            let mut d: Vec<f64> = along.iter().zip(&back).map(|(a, b)| rate * a - b).collect();
            let share = local.longest_step(&d);
            scale(share, &mut d);
            axpy(1.0, &d, &mut p);
            if !(rate.is_finite() && p.iter().all(|p| p.is_finite())) {
                return None;
            }
            if share == 1.0 && norm(&d) <= 1e-11 * norm(&p).max(norm(&back) * 1e-3) {
                return (rate > 0.0).then(|| Segment { momentum: p, time: 1.0 / rate });
            }
        }
        None
    }

    /// The step of the inner nodes, and the slope of the action along it.
    fn step(&self, segments: &[Segment]) -> Result<(Vec<Vec<f64>>, f64), MinimumActionError> {
        let n = self.hamiltonian.dim();
        let parts: Vec<Option<[Mat<f64>; 4]>> = middles(&self.path)
            .par_iter()
            .zip(segments)
            .map(|(x, segment)| {
                let local = self.hamiltonian.at(x);
                let (force, mixed) = local.in_position(&segment.momentum);
                let mut factor = self.floored(&*local, &segment.momentum)?.2;
                factor *= faer::Scale(segment.time.sqrt());
                let half = 0.5 * segment.time;
                let side = |sign: f64| {
                    let unit = |i: usize, j: usize| if i == j { sign } else { 0.0 };
                    below(&factor, Mat::from_fn(n, n, |i, j| unit(i, j) - half * mixed[(i, j)]))
                };
                let slope = |sign: f64| Mat::from_fn(n, 1, |i, _| sign * segment.momentum[i] - half * force[i]);
                Some([side(-1.0), side(1.0), slope(-1.0), slope(1.0)])
            })
            .collect();
        let inner = self.path.len() - 2;
        let mut diagonal = vec![Mat::zeros(n, n); inner];
        let mut lower = vec![Mat::zeros(n, n); inner - 1];
        let mut right = vec![vec![0.0; n]; inner];
        for (i, part) in parts.into_iter().enumerate() {
            let [start, end, start_slope, end_slope] =
                part.ok_or_else(|| MinimumActionError::NoRoot { position: self.path[i].clone() })?;
            if i > 0 {
                add_product(&mut diagonal[i - 1], &start, &start, 1.0);
                (0..n).for_each(|k| right[i - 1][k] -= start_slope[(k, 0)]);
            }
            if i < inner {
                add_product(&mut diagonal[i], &end, &end, 1.0);
                (0..n).for_each(|k| right[i][k] -= end_slope[(k, 0)]);
            }
            if i > 0 && i < inner {
                add_product(&mut lower[i - 1], &end, &start, 1.0);
            }
        }
        let step = solve_tridiagonal(diagonal, &lower, &right)
            .ok_or_else(|| MinimumActionError::NoRoot { position: self.path[0].clone() })?;
        let slope = -step.iter().zip(&right).map(|(d, r)| dot(d, r)).sum::<f64>();
        Ok((step, slope))
    }

    /// Refuses a path on which the drift comes to a standstill between faster parts.
    fn refuse_fixed_points(&self) -> Result<(), MinimumActionError> {
        let rest = vec![0.0; self.hamiltonian.dim()];
        let speeds: Vec<f64> =
            self.path.par_iter().map(|x| norm(&self.hamiltonian.at(x).in_momentum(&rest).1)).collect();
        let fastest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
        for j in 1..speeds.len() - 1 {
            if speeds[j] < STANDSTILL * fastest(&speeds[..j]).min(fastest(&speeds[j + 1..])) {
                return Err(MinimumActionError::FixedPoint { position: self.path[j].clone() });
            }
        }
        Ok(())
    }
}

/// Middles of the segments.
fn middles(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
    path.windows(2).map(|w| w[0].iter().zip(&w[1]).map(|(a, b)| f64::midpoint(*a, *b)).collect()).collect()
}

/// The segments as vectors.
fn differences(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
    path.windows(2).map(|w| w[1].iter().zip(&w[0]).map(|(b, a)| b - a).collect()).collect()
}

/// The path on evenly spaced nodes, by local cubics in its length; twice, as the length is that of its chords.
fn spaced(path: &[Vec<f64>], segments: usize) -> Vec<Vec<f64>> {
    let mut path = path.to_vec();
    for _ in 0..2 {
        let mut length = vec![0.0];
        for v in differences(&path) {
            length.push(length[length.len() - 1] + norm(&v));
        }
        let total = length[length.len() - 1];
        let mut next = vec![vec![0.0; path[0].len()]; segments + 1];
        for k in 0..path[0].len() {
            let Ok(curve) = Cubic::new(&length, path.iter().map(|x| x[k]).collect()) else { return path };
            for (j, x) in next.iter_mut().enumerate() {
                x[k] = curve.value(total * j as f64 / segments as f64);
            }
        }
        next[0].clone_from(&path[0]);
        next[segments].clone_from(&path[path.len() - 1]);
        path = next;
    }
    path
}
