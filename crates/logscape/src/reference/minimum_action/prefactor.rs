//! The factor before the exponent of an escape rate, along a minimum action path.
//!
//! As the noise becomes weak (`ε` is `η` for SGD), the density about a stable point is `P ≈ C e^{−V/ε}`, and the probability to
//! go over the saddle rather than back is `q ≈ D e^{−W/ε}` on the basin's side, with `V + W` least, and `V' = p = −W'`, on the
//! path. All that goes over passes a section across the path, so that at any of its nodes
//!
//! ```text
//! κ = C D |θ'| √((2πε)^{n−1}/det_⊥(Q + R)) e^{−(V + W)/ε},   Q = ∇²V, R = ∇²W,   C_* = √(det Q*/(2πε)^n).
//! ```
//!
//! In time `t` along the path (Bouchet, Reygner 2016; Grafke, Schäfer, Vanden-Eijnden 2021), for a generator `𝓗(θ, ε∂)/ε`,
//!
//! ```text
//! Q' = −(𝓗_θθ + 𝓗_θp Q + Q 𝓗_pθ + Q 𝓗_pp Q),   (ln C)' = −tr 𝓗_pθ − ½ tr 𝓗_pp Q,   (ln D)' = ½ tr 𝓗_pp R,
//! ```
//!
//! and `−R` moves as `Q`. `Q` is known at the minimum and runs forward; `R` is known at the saddle, where
//! `q = ½ erfc(z/√(2εΣ))` in the distance `z` from the edge of the basin, and runs back: `D = √(ε/4πW)` as `W` vanishes, at the saddle
//! and wherever the path meets the edge before. (`Q` need not be regular at the saddle: where the slowest motion along the
//! edge is slower than that across it, the path comes in along the edge, and `Q` has no limit.)
//!
//! A chain in discrete time, `𝓗 = ln E e^{p·Δθ/ε}`, keeps the density by `E e^{p·Δθ/ε} − 1`, whose second derivatives at `𝓗 = 0` are
//! those of `𝓗` and the products of the first: it multiplies `κ` by `exp ½ ∫ p'·θ' dt`.
//!
//! Over a segment the derivatives of `𝓗` are taken as constant. Tangents to the graph of `∇V`, `(X, QX)`, then move by the
//! exponential of a matrix, and `(ln |det X|)' = tr(𝓗_pθ + 𝓗_pp Q)` gives the integral of `tr 𝓗_pp Q`.

use super::blocks::cholesky;
use super::hamiltonian::Hamiltonian;
use super::nodes::{differences, middles};
use super::{ActionPath, MinimumAction, MinimumActionError};
use crate::Stop;
use crate::model::Prefactor;
use crate::operator::dense::product;
use crate::operator::{dot, norm};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::lu::partial_pivoting::solve::{solve_in_place, solve_in_place_scratch};
use faer::{Mat, Par, Scale};
use rayon::prelude::*;
use std::f64::consts::PI;
use std::ops::Range;

/// Step of the differences of `𝓗_θ` along `θ`, relative to `1 + |θ_i|`.
const DIFFERENCE: f64 = 1e-5;
/// Terms of the exponential's series, for matrices of a norm of at most [`SMALL`].
const TERMS: u32 = 14;
const SMALL: f64 = 0.5;
/// Relative change of `Q` by a step below which the next ones of the segment do the same.
const SETTLED: f64 = 1e-12;
/// Most steps of all segments together, each of some `n³` operations.
const STEPS: f64 = 1e5;
/// Share of the action that is left where the path is taken to meet the edge of the basin. The distance is its root.
const EDGE: f64 = 1e-4;

/// The derivatives of `𝓗` on a segment.
struct Local {
    /// `𝓗_pθ`, `𝓗_pp` and `𝓗_θθ`.
    mixed: Mat<f64>,
    variance: Mat<f64>,
    curvature: Mat<f64>,
    /// `𝓗_θ`.
    force: Vec<f64>,
}

/// The prefactor of a path from a stable point with `∇²V = minimum` to a saddle with `−∇²W = saddle` (`n × n` each). Where the
/// drift rises along the left eigenvector `n` with the rate `λ`, and `a` is the covariance of the noise, the latter is
/// `−(2λ/nᵀan) n nᵀ`.
///
/// # Errors
/// If a derivative is not finite, neighbouring paths cross, or the slowest motion needs too many steps; on an interrupt.
pub fn prefactor(
    hamiltonian: &dyn Hamiltonian,
    found: &MinimumAction,
    minimum: &Mat<f64>,
    saddle: &Mat<f64>,
    stop: &Stop,
) -> Result<Prefactor, MinimumActionError> {
    let along = |path: &ActionPath| -> Result<(f64, f64), MinimumActionError> {
        let mut passage = Passage::new(hamiltonian, path, stop)?;
        Ok((passage.ln_rate(minimum, saddle)?, passage.ln_step()))
    };
    let (coarse, fine) = (along(&found.coarse)?, along(&found.path)?);
    let errors = [(fine.0 - coarse.0).abs(), (fine.1 - coarse.1).abs()];
    Ok(Prefactor { ln_rate: fine.0, ln_step: fine.1, errors })
}

/// A path with the derivatives of `𝓗` along it.
pub(super) struct Passage<'a> {
    path: &'a ActionPath,
    velocities: Vec<Vec<f64>>,
    locals: Vec<Local>,
    /// Steps that are left.
    budget: f64,
    stop: &'a Stop,
}

impl<'a> Passage<'a> {
    pub(super) fn new(
        hamiltonian: &dyn Hamiltonian,
        path: &'a ActionPath,
        stop: &'a Stop,
    ) -> Result<Self, MinimumActionError> {
        let positions = middles(&path.nodes);
        let locals: Vec<Option<Local>> = positions
            .par_iter()
            .zip(&path.momenta)
            .map(|(x, p)| if stop.is_requested() { None } else { local(hamiltonian, x, p) })
            .collect();
        stop.check()?;
        let known = locals.into_iter().zip(positions);
        let locals: Result<Vec<Local>, _> =
            known.map(|(local, position)| local.ok_or(MinimumActionError::NoRoot { position })).collect();
        Ok(Self { path, velocities: differences(&path.nodes), locals: locals?, budget: STEPS, stop })
    }

    /// `½ ∫ p'·θ' dt`, `p' = −𝓗_θ`.
    pub(super) fn ln_step(&self) -> f64 {
        self.locals.iter().zip(&self.velocities).map(|(local, v)| -0.5 * dot(&local.force, v)).sum()
    }

    /// `ln(κ e^{V/ε})` for continuous time.
    fn ln_rate(&mut self, minimum: &Mat<f64>, saddle: &Mat<f64>) -> Result<f64, MinimumActionError> {
        let (segments, times) = (self.locals.len(), &self.path.times);
        let actions: Vec<f64> = self.path.momenta.iter().zip(&self.velocities).map(|(p, v)| dot(p, v)).collect();
        // What is left of the action from each node on.
        let mut left = vec![0.0; segments + 1];
        (0..segments).rev().for_each(|i| left[i] = left[i + 1] + actions[i]);
        let last = |share: f64| (1..segments).rev().find(|&i| left[i] >= share * left[0]).unwrap_or(1);
        let edge = last(EDGE);
        let before = last(4.0 * left[edge] / left[0]);
        // Both ends are far where the path is fastest.
        let swift = (1..=before).min_by(|&i, &j| (times[i - 1] + times[i]).total_cmp(&(times[j - 1] + times[j])));
        let section = swift.unwrap_or(1);
        let duration = 0.5 * (times[section - 1] + times[section]);
        let (mut q, mut r) = (minimum.clone(), saddle.clone());
        let ln_c = self.move_over(&mut q, 0..section, false)?;
        self.move_over(&mut r, edge..segments, true)?;
        // ln D + ½ ln W, of which both parts diverge at the edge, by the same quadrature: √W is linear in the distance there.
        let of_action = |segments: Range<usize>| -> f64 {
            segments.map(|i| 2.0 * actions[i] / (left[i].sqrt() + left[i + 1].sqrt()).powi(2)).sum()
        };
        let near = self.move_over(&mut r, before..edge, true)? + of_action(before..edge);
        let far = self.move_over(&mut r, section..before, true)? + of_action(section..before);
        // What is left beyond is linear in the distance.
        let distance = (left[edge] / left[before]).sqrt();
        let beyond = if distance < 1.0 { near * distance / (1.0 - distance) } else { 0.0 };
        let positions = middles(&self.path.nodes[section - 1..=section + 1]);
        let across: Vec<f64> = positions[1].iter().zip(&positions[0]).map(|(b, a)| b - a).collect();
        let caustic = || MinimumActionError::Caustic { position: self.path.nodes[section].clone() };
        let stiffness = ln_det_across(&(q - r), &across).ok_or_else(caustic)?;
        let depth = ln_det(minimum).ok_or_else(caustic)?;
        let speed = norm(&across) / duration;
        let ln_d = far + near + beyond - 0.5 * (8.0 * PI * PI * left[section]).ln();
        let ln_rate = 0.5 * (depth - stiffness) + ln_c + ln_d + speed.ln();
        if ln_rate.is_finite() { Ok(ln_rate) } else { Err(caustic()) }
    }

    /// Moves the second derivatives over these segments: `Q` forward, with what `ln C` gains, or `−R` back, with what `ln D` gains.
    pub(super) fn move_over(
        &mut self,
        q: &mut Mat<f64>,
        segments: Range<usize>,
        back: bool,
    ) -> Result<f64, MinimumActionError> {
        let mut gain = 0.0;
        let (first, count) = (segments.start, segments.len());
        for k in 0..count {
            self.stop.check()?;
            let i = if back { first + count - 1 - k } else { first + k };
            let (local, time) = (&self.locals[i], self.path.times[i]);
            let rate = local.mixed.norm_l2() + (local.variance.norm_l2() * local.curvature.norm_l2()).sqrt();
            let steps = (time * rate).ceil().max(1.0);
            self.budget -= steps;
            if self.budget.is_nan() || self.budget < 0.0 {
                return Err(MinimumActionError::TooSlow { ratio: STEPS });
            }
            let step = if back { -time / steps } else { time / steps };
            let caustic = || MinimumActionError::Caustic { position: self.path.nodes[i].clone() };
            let growth = flow(local, step, steps, q).ok_or_else(caustic)?;
            let trace: f64 = (0..q.nrows()).map(|k| local.mixed[(k, k)]).sum();
            // With g = ±∫ tr (𝓗_pθ + 𝓗_pp Q) dt, −∫ tr (𝓗_pθ + ½ 𝓗_pp Q) dt and back ∫ ½ tr 𝓗_pp Q dt are both −½ (g + ∫ tr 𝓗_pθ dt).
            gain -= 0.5 * (growth + time * trace);
        }
        Ok(gain)
    }
}

/// `ln det` of a symmetric matrix. None where it is not positive definite.
fn ln_det(matrix: &Mat<f64>) -> Option<f64> {
    let factor = cholesky(matrix.clone())?;
    Some((0..matrix.nrows()).map(|i| 2.0 * factor[(i, i)].ln()).sum())
}

/// `ln det` of a symmetric matrix on the complement of a vector. None where it is not positive definite there.
fn ln_det_across(matrix: &Mat<f64>, vector: &[f64]) -> Option<f64> {
    let (n, length) = (vector.len(), norm(vector));
    // The reflection that turns the vector onto the first axis, away from it.
    let mut mirror: Vec<f64> = vector.iter().map(|v| v / length).collect();
    mirror[0] += if mirror[0] < 0.0 { -1.0 } else { 1.0 };
    let square = dot(&mirror, &mirror);
    let turn = Mat::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - 2.0 * mirror[i] * mirror[j] / square);
    let turned = product(product(turn.as_ref(), matrix.as_ref()).as_ref(), turn.as_ref());
    ln_det(&Mat::from_fn(n - 1, n - 1, |i, j| f64::midpoint(turned[(i + 1, j + 1)], turned[(j + 1, i + 1)])))
}

/// The derivatives of `𝓗` at a point. None where they are not finite.
fn local(hamiltonian: &dyn Hamiltonian, x: &[f64], p: &[f64]) -> Option<Local> {
    let n = x.len();
    let here = hamiltonian.at(x);
    let (variance, (force, mixed)) = (here.in_momentum(p).2, here.in_position(p));
    let mut curvature = Mat::zeros(n, n);
    let mut moved = x.to_vec();
    for j in 0..n {
        let step = DIFFERENCE * (1.0 + x[j].abs());
        moved[j] = x[j] + step;
        let above = hamiltonian.at(&moved).force(p);
        moved[j] = x[j] - step;
        let below = hamiltonian.at(&moved).force(p);
        moved[j] = x[j];
        for i in 0..n {
            let slope = (above[i] - below[i]) / (4.0 * step);
            curvature[(i, j)] += slope;
            curvature[(j, i)] += slope;
        }
    }
    let finite = |m: &Mat<f64>| m.norm_l2().is_finite();
    (finite(&mixed) && finite(&variance) && finite(&curvature)).then_some(Local { mixed, variance, curvature, force })
}

/// Moves `q` by `steps` steps of `time`; the sum of `ln det X`. None where a determinant is not positive.
fn flow(local: &Local, time: f64, steps: f64, q: &mut Mat<f64>) -> Option<f64> {
    let n = q.nrows();
    // Momenta in units in which both coupling blocks are of one size.
    let sizes = (local.curvature.norm_l2(), local.variance.norm_l2());
    let unit = if sizes.0 > 0.0 && sizes.1 > 0.0 { (sizes.0 / sizes.1).sqrt() } else { 1.0 };
    let block = exponential(&Mat::from_fn(2 * n, 2 * n, |i, j| {
        time * match (i < n, j < n) {
            (true, true) => local.mixed[(i, j)],
            (true, false) => unit * local.variance[(i, j - n)],
            (false, true) => -local.curvature[(i - n, j)] / unit,
            (false, false) => -local.mixed[(j - n, i - n)],
        }
    }));
    let part = |rows: usize, columns: usize| block.submatrix(rows, columns, n, n);
    *q *= Scale(1.0 / unit);
    let (mut growth, mut left) = (0.0, steps);
    while left > 0.0 {
        let stretch = part(0, 0) + product(part(0, n), q.as_ref());
        let turned = part(n, 0) + product(part(n, n), q.as_ref());
        let (next, ln_det) = quotient(&turned, &stretch)?;
        left -= 1.0;
        growth += ln_det;
        let change = (&next - &*q).norm_l2();
        let settled = change <= SETTLED * next.norm_l2();
        *q = next;
        if settled {
            growth += left * ln_det;
            break;
        }
    }
    *q *= Scale(unit);
    Some(growth)
}

/// `a b⁻¹`, which is symmetric, and `ln det b`. None where that is not positive.
fn quotient(a: &Mat<f64>, b: &Mat<f64>) -> Option<(Mat<f64>, f64)> {
    let n = b.nrows();
    let (mut factor, mut right) = (b.transpose().to_owned(), a.transpose().to_owned());
    let (mut order, mut back) = (vec![0_usize; n], vec![0_usize; n]);
    let scratch = StackReq::any_of(&[
        lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, faer::prelude::default()),
        solve_in_place_scratch::<usize, f64>(n, n, Par::Seq),
    ]);
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let (info, permutation) =
        lu_in_place(factor.as_mut(), &mut order, &mut back, Par::Seq, stack, faer::prelude::default());
    let (mut ln_det, mut negative) = (0.0, info.transposition_count % 2 == 1);
    for i in 0..n {
        ln_det += factor[(i, i)].abs().ln();
        negative ^= factor[(i, i)] < 0.0;
    }
    if negative || !ln_det.is_finite() {
        return None;
    }
    solve_in_place(factor.as_ref(), factor.as_ref(), permutation, right.as_mut(), Par::Seq, stack);
    Some((Mat::from_fn(n, n, |i, j| f64::midpoint(right[(i, j)], right[(j, i)])), ln_det))
}

/// The exponential of a square matrix: Taylor's series of a share that is small, squared.
fn exponential(matrix: &Mat<f64>) -> Mat<f64> {
    let n = matrix.nrows();
    let halvings = (matrix.norm_l2() / SMALL).log2().ceil().max(0.0) as i32;
    let small = matrix * Scale(0.5_f64.powi(halvings));
    let mut sum = Mat::<f64>::identity(n, n);
    for k in (1..=TERMS).rev() {
        sum = Mat::<f64>::identity(n, n) + product(small.as_ref(), sum.as_ref()) * Scale(1.0 / f64::from(k));
    }
    for _ in 0..halvings {
        sum = product(sum.as_ref(), sum.as_ref());
    }
    sum
}
