//! The factor before the exponent of a quasi-stationary density, along a minimum action path.
//!
//! The density that `𝓗` keeps about a stable point is `P(θ) ≈ C(θ) e^{−V(θ)/ε}` as the noise becomes weak (`ε` is `η` for
//! SGD). With `Q = ∇²V` along the path, in time `t` (Bouchet, Reygner 2016; Grafke, Schäfer, Vanden-Eijnden 2021)
//!
//! ```text
//! Q' = −(𝓗_θθ + 𝓗_θp Q + Q 𝓗_pθ + Q 𝓗_pp Q),   (ln C)' = −tr 𝓗_pθ − ½ tr 𝓗_pp Q   [ + ½ p'·θ' ]
//! ```
//!
//! for the generator `𝓗(θ, ε∂)/ε`. The last term is that of a chain in discrete time, `𝓗 = ln E e^{p·Δθ/ε}`: there the
//! density is kept by `E e^{p·Δθ/ε} − 1`, whose second derivatives at `𝓗 = 0` are those of `𝓗` and the products of the first.
//!
//! Over a segment the derivatives of `𝓗` are taken as constant. Tangents to the graph of `∇V`, `(X, QX)`, then move by the
//! exponential of a matrix, and `(ln |det X|)' = tr(𝓗_pθ + 𝓗_pp Q)` gives the integral of `tr 𝓗_pp Q`. The flow itself is one of
//! these tangents, `Q θ' = p'`; it is the one that rounding would grow along as the path comes to rest at a saddle, so it is
//! set on each node.

use super::hamiltonian::Hamiltonian;
use super::nodes::{differences, middles};
use super::{ActionPath, MinimumAction, MinimumActionError};
use crate::operator::{check, dot};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::lu::partial_pivoting::solve::{solve_in_place, solve_in_place_scratch};
use faer::{Mat, Par, Scale};
use rayon::prelude::*;

/// Step of the differences of `𝓗_θ` along `θ`, relative to `1 + |θ_i|`.
const DIFFERENCE: f64 = 1e-5;
/// Terms of the exponential's series, for matrices of a norm of at most [`SMALL`].
const TERMS: u32 = 14;
const SMALL: f64 = 0.5;
/// Relative change of `Q` by a step below which the next ones of the segment do the same.
const SETTLED: f64 = 1e-12;
/// Most steps of all segments together.
const STEPS: f64 = 1e7;

/// `ln C` at the end of a path over that at its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amplitude {
    /// Its part for continuous time.
    pub ln_ratio: f64,
    /// What discrete time adds, `½ ∫ p'·θ' dt`.
    pub ln_step_ratio: f64,
    /// Estimated error of their sum: its change from every second node to all.
    pub error: f64,
}

/// The derivatives of `𝓗` on a segment.
struct Local {
    /// `𝓗_pθ`, `𝓗_pp` and `𝓗_θθ`.
    mixed: Mat<f64>,
    variance: Mat<f64>,
    curvature: Mat<f64>,
    /// `𝓗_θ`.
    force: Vec<f64>,
}

/// The ratio of amplitudes along a path from a stable point with `∇²V = curvature` (`n × n`) there.
///
/// # Errors
/// If a derivative is not finite, paths cross (`Q` grows without bound), or the slowest motion needs too many steps; on an
/// interrupt.
pub fn amplitude(
    hamiltonian: &dyn Hamiltonian,
    found: &MinimumAction,
    curvature: &Mat<f64>,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Amplitude, MinimumActionError> {
    let along = |path: &ActionPath| transport(hamiltonian, path, curvature.clone(), interrupt);
    let (coarse, fine) = (along(&found.coarse)?, along(&found.path)?);
    let error = (fine.0 + fine.1 - coarse.0 - coarse.1).abs();
    Ok(Amplitude { ln_ratio: fine.0, ln_step_ratio: fine.1, error })
}

/// Both parts of `ln C` at the end of the path.
fn transport(
    hamiltonian: &dyn Hamiltonian,
    path: &ActionPath,
    mut q: Mat<f64>,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<(f64, f64), MinimumActionError> {
    let ActionPath { nodes, momenta, times } = path;
    let positions = middles(nodes);
    let locals: Vec<Option<Local>> =
        positions.par_iter().zip(momenta).map(|(x, p)| if interrupt() { None } else { local(hamiltonian, x, p) }).collect();
    check(interrupt)?;
    let no_root = |i: usize| MinimumActionError::NoRoot { position: positions[i].clone() };
    let (mut ln_ratio, mut ln_step_ratio, mut budget) = (0.0, 0.0, STEPS);
    for (i, (local, v)) in locals.into_iter().zip(differences(nodes)).enumerate() {
        let local = local.ok_or_else(|| no_root(i))?;
        if i > 0 {
            let difference = |x: &[Vec<f64>]| -> Vec<f64> { x[i].iter().zip(&x[i - 1]).map(|(b, a)| b - a).collect() };
            set_along(&mut q, &difference(&positions), &difference(momenta));
        }
        let rate = local.mixed.norm_l2() + (local.variance.norm_l2() * local.curvature.norm_l2()).sqrt();
        let steps = (times[i] * rate).ceil().max(1.0);
        budget -= steps;
        if budget.is_nan() || budget < 0.0 {
            return Err(MinimumActionError::TooSlow { ratio: STEPS });
        }
        let growth = flow(&local, times[i] / steps, steps, &mut q).ok_or_else(|| MinimumActionError::Caustic {
            position: positions[i].clone(),
        })?;
        let trace: f64 = (0..v.len()).map(|k| local.mixed[(k, k)]).sum();
        ln_ratio -= 0.5 * (growth + times[i] * trace);
        ln_step_ratio -= 0.5 * dot(&local.force, &v);
    }
    Ok((ln_ratio, ln_step_ratio))
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

/// The symmetric matrix nearest to `q` with `q s = y` (Powell's update).
fn set_along(q: &mut Mat<f64>, s: &[f64], y: &[f64]) {
    let (n, square) = (s.len(), dot(s, s));
    let off: Vec<f64> = (0..n).map(|i| y[i] - (0..n).map(|j| q[(i, j)] * s[j]).sum::<f64>()).collect();
    let along = dot(&off, s) / square;
    for i in 0..n {
        for j in 0..n {
            q[(i, j)] += (off[i] * s[j] + s[i] * off[j] - along * s[i] * s[j]) / square;
        }
    }
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
        let stretch = part(0, 0) + part(0, n) * &*q;
        let turned = part(n, 0) + part(n, n) * &*q;
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
        sum = Mat::<f64>::identity(n, n) + &small * &sum * Scale(1.0 / f64::from(k));
    }
    for _ in 0..halvings {
        sum = &sum * &sum;
    }
    sum
}
