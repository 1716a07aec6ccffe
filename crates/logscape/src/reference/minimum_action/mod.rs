//! Minimum action paths and quasi-potentials in several dimensions, by a geometric minimum action method.
//!
//! The quasi-potential of `to` over a stable point `from` is the least geometric action `S = ∫ sup{p·dφ : 𝓗(φ, p) = 0}` of
//! a path between them (Freidlin, Wentzell; Heymann, Vanden-Eijnden 2008; Grafke, Schäfer, Vanden-Eijnden 2017). On a path of
//! `M` segments `v_i` with middles `x_i` it is `Σ p_i·v_i`, where `p_i` and the time `μ_i` of the segment solve
//! `v_i = μ_i 𝓗_p(x_i, p_i)`, `𝓗(x_i, p_i) = 0`. Newton steps without `𝓗_θθ` lower it: the second derivatives are
//! `Σ ‖Π L⁻¹(dv − μ 𝓗_pθ dx)‖²`, `L Lᵀ = μ 𝓗_pp`, where `Π` takes out `L⁻¹v`, as the times are free. Nodes move across the
//! path only, and are spaced evenly again where their distances drift apart. The error of the action is of second order in
//! the segments' length; two grids tell it.
//!
//! Noise that is singular (fewer samples than parameters, samples that are fitted exactly) is the usual case. It gets a
//! floor, `½ f p²` in `𝓗`, which is lowered from the noise's own size in steps to `noise_floor`, so that each path starts
//! near the next and bends into the directions that drift and noise can reach. The floor lowers the action by `½ f ∫ p² dt`
//! to first order, which is put back. Where the floor carries more than a small share of the action or of the way,
//! the noise does not reach `to`, as where every sample pushes back, and there is no quasi-potential.

mod blocks;
mod hamiltonian;
mod nodes;
mod prefactor;
mod root;
mod search;
#[cfg(test)]
mod tests;
mod types;

pub use hamiltonian::{Diffusion, Hamiltonian, LocalHamiltonian, SgdHamiltonian};
pub use prefactor::prefactor;
pub use types::{ActionPath, MinimumAction, MinimumActionConfig, MinimumActionError};

use crate::Stop;
use crate::operator::{dot, norm};
use nodes::{differences, middles, spaced};
use rayon::prelude::*;
use search::Search;

/// Share of the action, and of the path's length, that the floor may carry at most.
const FLOOR_SHARE: f64 = 0.02;
/// Factor of each step of the floor.
const LOWERING: f64 = 0.1;
/// Expected fall of the action at which a path at a floor before the last is good enough.
const ROUGH: f64 = 1e-3;
/// Drift inside a segment, relative to the larger one at its ends, that is taken as a fixed point's.
const STANDSTILL: f64 = 0.1;
/// Square of a slope of the drift, relative to the sum of all, that is taken as none.
const FLAT: f64 = 1e-14;

/// The least action of a path from the first to the last of the given points; those between are the first path, of which
/// the method finds the nearest minimum.
///
/// # Errors
/// If a setting is out of range, the noise vanishes, the path needs noise in directions that have none, a value on it is not
/// finite, the drift vanishes inside it, or the steps do not converge; on an stop.
pub fn minimum_action(
    hamiltonian: &dyn Hamiltonian,
    first: &[Vec<f64>],
    config: &MinimumActionConfig,
    stop: &Stop,
) -> Result<MinimumAction, MinimumActionError> {
    validate(hamiltonian.dim(), first, config)?;
    let path = spaced(first, config.segments / 2);
    let noise = mean_variance(hamiltonian, &path)?;
    let mut search = Search { hamiltonian, path, floor: 0.0, max_steps: config.max_steps, steps: 0, stop };
    let mut share: f64 = LOWERING;
    while share > config.noise_floor {
        search.floor = share * noise;
        search.relax(ROUGH)?;
        share *= LOWERING;
    }
    search.floor = config.noise_floor * noise;
    search.relax(ROUGH)?;
    search.path = spaced(&search.path, config.segments);
    let fine = converged(&mut search, config)?;
    // Nodes that have come a long way are uneven; those of the fine path are a smooth start.
    search.path = spaced(&fine.path.nodes, config.segments / 2);
    let coarse = converged(&mut search, config)?;
    refuse_fixed_points(hamiltonian, &fine.path.nodes, stop)?;
    let change = fine.action - coarse.action;
    Ok(MinimumAction {
        action: fine.action + change / 3.0,
        error: change.abs() + fine.floor,
        residual: fine.residual,
        floor_share: if fine.action > 0.0 { fine.floor / fine.action } else { 0.0 },
        path: fine.path,
        coarse: coarse.path,
        steps: search.steps,
    })
}

/// A path at the last floor, with the floor's share put back into its action.
struct Rested {
    action: f64,
    /// What was put back.
    floor: f64,
    residual: f64,
    path: ActionPath,
}

/// Steps to the minimum at the present floor, which is the last.
fn converged(search: &mut Search, config: &MinimumActionConfig) -> Result<Rested, MinimumActionError> {
    let relaxed = search.relax(config.tolerance)?;
    if relaxed.fall > config.tolerance {
        return Err(MinimumActionError::NotConverged { fall: relaxed.fall, steps: search.steps });
    }
    let carried: Vec<f64> = relaxed
        .segments
        .iter()
        .map(|segment| 0.5 * search.floor * segment.time * dot(&segment.momentum, &segment.momentum))
        .collect();
    let floor: f64 = carried.iter().sum();
    // Where the drift vanishes the floor leads anywhere at no cost, but all the way.
    let (mut moved, mut length) = (0.0, 0.0);
    for (segment, v) in relaxed.segments.iter().zip(differences(&search.path)) {
        moved += search.floor * segment.time * norm(&segment.momentum);
        length += norm(&v);
    }
    let share = (floor / (relaxed.action + floor)).max(moved / length);
    if share > FLOOR_SHARE {
        let most = (0..carried.len()).max_by(|&a, &b| carried[a].total_cmp(&carried[b])).unwrap_or(0);
        return Err(MinimumActionError::Unreachable { share, position: search.path[most].clone() });
    }
    let (momenta, times) = relaxed.segments.into_iter().map(|s| (s.momentum, s.time)).unzip();
    let path = ActionPath { nodes: search.path.clone(), momenta, times };
    Ok(Rested { action: relaxed.action + floor, floor, residual: relaxed.fall, path })
}

fn validate(n: usize, first: &[Vec<f64>], config: &MinimumActionConfig) -> Result<(), MinimumActionError> {
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
    Ok(())
}

/// Mean variance of the noise along the path.
fn mean_variance(hamiltonian: &dyn Hamiltonian, path: &[Vec<f64>]) -> Result<f64, MinimumActionError> {
    let n = hamiltonian.dim();
    let variances: Vec<f64> = middles(path)
        .par_iter()
        .map(|x| {
            let covariance = hamiltonian.at(x).in_momentum(&vec![0.0; n]).2;
            (0..n).map(|i| covariance[(i, i)]).sum::<f64>() / n as f64
        })
        .collect();
    if let Some(i) = variances.iter().position(|variance| !variance.is_finite()) {
        return Err(MinimumActionError::NoRoot { position: path[i].clone() });
    }
    let noise = variances.iter().sum::<f64>() / variances.len() as f64;
    if noise > 0.0 { Ok(noise) } else { Err(MinimumActionError::NoNoise) }
}

/// Refuses a path with a fixed point of the drift between its ends. Drift changes little along one segment, but turns round
/// along one that holds a fixed point: there, between the values at both ends, it nearly vanishes. So it does beside a
/// narrow valley's floor, which is at rest in the stiff directions alone: a step of Newton's tells whether the point of
/// rest is within the segment's length.
fn refuse_fixed_points(
    hamiltonian: &dyn Hamiltonian,
    path: &[Vec<f64>],
    stop: &Stop,
) -> Result<(), MinimumActionError> {
    stop.check()?;
    let rest = vec![0.0; hamiltonian.dim()];
    let drifts: Vec<Vec<f64>> = path.par_iter().map(|x| hamiltonian.at(x).in_momentum(&rest).1).collect();
    for j in 1..path.len() - 2 {
        let (here, next) = (&drifts[j], &drifts[j + 1]);
        let change: Vec<f64> = next.iter().zip(here).map(|(b, a)| b - a).collect();
        let share = (-dot(here, &change) / dot(&change, &change).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let between =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + share * (b - a)).collect() };
        if norm(&between(here, next)) < STANDSTILL * norm(here).max(norm(next)) {
            let length = norm(&path[j + 1].iter().zip(&path[j]).map(|(b, a)| b - a).collect::<Vec<f64>>());
            if rests_within(hamiltonian, &between(&path[j], &path[j + 1]), length) {
                return Err(MinimumActionError::FixedPoint { position: path[j].clone() });
            }
        }
    }
    Ok(())
}

/// Whether the drift about `x`, linear there, vanishes within `distance`.
fn rests_within(hamiltonian: &dyn Hamiltonian, x: &[f64], distance: f64) -> bool {
    let (n, local) = (x.len(), hamiltonian.at(x));
    let rest = vec![0.0; n];
    let drift = local.in_momentum(&rest).1;
    let slope = local.in_position(&rest).1;
    // Least squares: directions without slope are left alone.
    let mut normal = slope.transpose() * &slope;
    let trace: f64 = (0..n).map(|i| normal[(i, i)]).sum();
    (0..n).for_each(|i| normal[(i, i)] += FLAT * trace + f64::MIN_POSITIVE);
    let Some(factor) = blocks::cholesky(normal) else { return false };
    let right: Vec<f64> = (0..n).map(|j| -(0..n).map(|i| slope[(i, j)] * drift[i]).sum::<f64>()).collect();
    let step = blocks::solve(&factor, &right);
    let left: Vec<f64> = (0..n).map(|i| drift[i] + (0..n).map(|j| slope[(i, j)] * step[j]).sum::<f64>()).collect();
    norm(&step) <= distance && norm(&left) <= STANDSTILL * norm(&drift)
}
