//! The Fokker–Planck equation in one and two dimensions, by conservative finite volumes that are a Markov chain.
//!
//! For `dθ = a dt + √(2D) dW` (Itô) the density obeys `∂_t p = −∂_i(a_i p) + ∂_i ∂_j (D_ij p)`. On a grid with cells of
//! size `h_1 × h_2` the tensor is written as `D = Σ_e w_e ẽ ẽᵀ` over the axes and one diagonal, `ẽ = (e_1 h_1, e_2 h_2)`:
//! `w_10 = D_11/h_1² − |D_12|/h_1h_2`, `w_01` alike, and `|D_12|/h_1h_2` on the diagonal of the sign of `D_12`
//! (Kushner, Dupuis). Mass hops between nodes `x` and `y = x + ẽ` with the exponentially fitted rates of Scharfetter and
//! Gummel (Chang and Cooper), `q_xy = w_e(x) β(−z)`, `q_yx = w_e(y) β(z)`, `β(z) = z/(eᶻ − 1)`, `z = ∫_x^y D⁻¹a · dl` by
//! Simpson's rule.
//!
//! - Mass is conserved to rounding, because what leaves a node arrives at another, and densities stay positive.
//! - Where `D⁻¹a` is a gradient and `D` constant, the stationary law of the grid is exact up to Simpson's rule.
//! - All results are of second order in the cell. Entries keep their relative accuracy at any barrier, see `elimination`.
//! - The weights must not be negative: `|D_12| ≤ min(D_11 h_2/h_1, D_22 h_1/h_2)`. Cells shaped as the noise, `h_1/h_2 =
//!   √(D_11/D_22)`, allow every correlation; other grids are refused where they fail.
//! - At a reflecting side no mass passes; the noise is reflected along `D n`, as the condition `n · J = 0` has it.
//!
//! Sources: Scharfetter, Gummel 1969; Chang, Cooper 1970; Kushner, Dupuis, *Numerical Methods for Stochastic Control
//! Problems in Continuous Time*, section 5.3.

mod elimination;
mod sgd;
#[cfg(test)]
mod tests;

use elimination::Elimination;
use rayon::prelude::*;
use thiserror::Error;

/// Largest number of entries of the factored band: 400 MB.
const MAX_ENTRIES: usize = 50_000_000;
/// Most iterations for the quasi-stationary law.
const MAX_ITERATIONS: usize = 2000;

/// What happens at one end of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Mass that arrives is gone: a passage ends here.
    Absorbing,
    /// No mass passes.
    Reflecting,
}

/// One axis of the grid: `cells + 1` evenly spaced nodes, the first and last on the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Number of cells, at least 2.
    pub cells: usize,
    /// What happens at the lower and at the upper end.
    pub sides: [Side; 2],
}

impl Axis {
    /// Size of a cell.
    pub fn spacing(&self) -> f64 {
        (self.upper - self.lower) / self.cells as f64
    }

    fn node(&self, i: usize) -> f64 {
        let share = i as f64 / self.cells as f64;
        self.lower * (1.0 - share) + self.upper * share
    }

    fn is_usable(&self) -> bool {
        self.lower.is_finite() && self.upper.is_finite() && self.lower < self.upper && self.cells >= 2
    }
}

/// Why the equation has no solution on the grid.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FokkerPlanckError {
    /// An axis has no finite length or too few cells, or there are neither one nor two of them.
    #[error("one or two axes are needed, each with finite ends in order and at least 2 cells")]
    BadAxis,
    /// Drift or diffusion is not finite.
    #[error("drift or diffusion is not finite at {position:?}")]
    NotFinite {
        /// Where.
        position: Vec<f64>,
    },
    /// The diffusion tensor is not symmetric and positive definite.
    #[error("the diffusion tensor is not positive definite at {position:?}")]
    NoDiffusion {
        /// Where.
        position: Vec<f64>,
    },
    /// The off-diagonal diffusion is too large for the shape of the cells.
    #[error(
        "cells of shape h1/h2 = {found:.3} cannot carry the correlation of the noise at {position:?}; {wanted:.3} can"
    )]
    CellShape {
        /// Where.
        position: Vec<f64>,
        /// `h_1/h_2` of the grid.
        found: f64,
        /// `√(D_11/D_22)` there.
        wanted: f64,
    },
    /// The grid is too fine for memory.
    #[error("the grid needs {entries} numbers, more than {limit}; take fewer cells along the shorter axis")]
    TooFine {
        /// Numbers needed.
        entries: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A stationary law was asked for where a side absorbs.
    #[error("a stationary law needs reflecting sides only; where mass is absorbed ask for the quasi-stationary law")]
    Absorbing,
    /// No node is left outside the absorbing sides and the target.
    #[error("the target covers the grid")]
    NoNodes,
    /// The start or the target cannot be reached within the range of `f64`, or at all.
    #[error("no passage from {position:?} within the range of numbers")]
    Unreachable {
        /// From where.
        position: Vec<f64>,
    },
    /// The slowest decay is not separate from the next: the region holds two basins.
    #[error("the quasi-stationary law did not settle in {iterations} iterations: the region holds more than one basin")]
    NoConvergence {
        /// Iterations done.
        iterations: usize,
    },
    /// The minimum does not fit the problem, the axes do not fit its dimension, or its loss or noise cannot be used.
    #[error("{0}")]
    Setting(&'static str),
}

/// The slowest decay within a region.
#[derive(Debug, Clone, PartialEq)]
pub struct QuasiStationary {
    /// Rate of escape per unit `t`.
    pub rate: f64,
    /// Density at the nodes, of integral 1; 0 where mass is absorbed.
    pub density: Vec<f64>,
    /// Inverse iterations done.
    pub iterations: usize,
}

/// A set of points, such as a target.
pub type Set<'a> = &'a dyn Fn(&[f64]) -> bool;

/// Coefficients at a point: drift and diffusion tensor.
type Coefficients = ([f64; 2], [[f64; 2]; 2]);

/// `β(z) = z/(eᶻ − 1)`.
fn bernoulli(z: f64) -> f64 {
    if z == 0.0 { 1.0 } else { z / z.exp_m1() }
}

/// A diffusion on a grid, as the Markov chain that its finite volumes make.
///
/// Fields are vectors with one entry per node; the first axis runs fastest.
///
/// ```
/// # use logscape::reference::fokker_planck::{Axis, FokkerPlanck, Side};
/// // Free diffusion leaves (0, 1) from the middle in the mean time 1/8D.
/// let axis = Axis { lower: 0.0, upper: 1.0, cells: 20, sides: [Side::Absorbing; 2] };
/// let equation = FokkerPlanck::line(axis, |_| (0.0, 0.5)).unwrap();
/// let time = equation.mean_passage_time(&|_| false).unwrap();
/// assert!((equation.value_at(&time, &[0.5]) - 0.25).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct FokkerPlanck {
    axes: Vec<Axis>,
    /// Nodes along both axes, 1 along the second of a line.
    nodes: [usize; 2],
    /// `(from, to, rate)`.
    hops: Vec<(usize, usize, f64)>,
    /// Cell volume of each node: half or a quarter of a cell at the sides.
    volumes: Vec<f64>,
    /// Nodes on absorbing sides.
    absorbing: Vec<bool>,
}

impl FokkerPlanck {
    /// The equation on an interval, with `(a, D)` from the point.
    ///
    /// # Errors
    /// If the axis is unusable, or `D` is not positive or a coefficient not finite anywhere on the grid.
    pub fn line(axis: Axis, coefficients: impl Fn(f64) -> (f64, f64) + Sync) -> Result<Self, FokkerPlanckError> {
        Self::new(vec![axis], &|x| {
            let (a, d) = coefficients(x[0]);
            ([a, 0.0], [[d, 0.0], [0.0, 1.0]])
        })
    }

    /// The equation on a rectangle, with the drift `a` and the tensor `D` from the point.
    ///
    /// # Errors
    /// If an axis is unusable, or anywhere on the grid a coefficient is not finite, `D` not positive definite, or the
    /// off-diagonal diffusion too large for the shape of the cells.
    pub fn rectangle(
        axes: [Axis; 2],
        coefficients: impl Fn([f64; 2]) -> ([f64; 2], [[f64; 2]; 2]) + Sync,
    ) -> Result<Self, FokkerPlanckError> {
        Self::new(axes.to_vec(), &|x| coefficients([x[0], x[1]]))
    }

    fn new(axes: Vec<Axis>, coefficients: &(dyn Fn(&[f64]) -> Coefficients + Sync)) -> Result<Self, FokkerPlanckError> {
        if !(1..=2).contains(&axes.len()) || !axes.iter().all(Axis::is_usable) {
            return Err(FokkerPlanckError::BadAxis);
        }
        let nodes = [axes[0].cells + 1, axes.get(1).map_or(1, |axis| axis.cells + 1)];
        let mut equation = Self { axes, nodes, hops: vec![], volumes: vec![], absorbing: vec![] };
        let count = nodes[0] * nodes[1];
        let entries = Elimination::size(count, equation.width());
        if entries > MAX_ENTRIES {
            return Err(FokkerPlanckError::TooFine { entries, limit: MAX_ENTRIES });
        }
        let spacing = [equation.axes[0].spacing(), equation.axes.get(1).map_or(1.0, Axis::spacing)];
        for node in 0..count {
            let fraction = equation.fraction(node, 0) * equation.fraction(node, 1);
            equation.volumes.push(fraction * spacing[0] * spacing[1]);
            let absorbed = (0..equation.axes.len()).any(|k| {
                let (i, axis) = (equation.index(node, k), &equation.axes[k]);
                (i == 0 && axis.sides[0] == Side::Absorbing) || (i == axis.cells && axis.sides[1] == Side::Absorbing)
            });
            equation.absorbing.push(absorbed);
        }
        let local = |x: &[f64]| local(x, spacing, coefficients);
        // Results first and errors after, so that the error is of the first node for any number of threads.
        let at: Vec<_> = (0..count).into_par_iter().map(|n| local(&equation.position(n))).collect();
        let at: Vec<Local> = at.into_iter().collect::<Result<_, _>>()?;
        let hops: Vec<_> = (0..count).into_par_iter().map(|n| equation.hops_up(n, &at, &local)).collect();
        for hops in hops {
            equation.hops.extend(hops?);
        }
        Ok(equation)
    }

    /// The hops in both directions between `from` and those of its neighbours that come later along `EDGES`.
    fn hops_up(
        &self,
        from: usize,
        at: &[Local],
        local: &dyn Fn(&[f64]) -> Result<Local, FokkerPlanckError>,
    ) -> Result<Vec<(usize, usize, f64)>, FokkerPlanckError> {
        let mut hops = Vec::new();
        for (k, &edge) in EDGES.iter().enumerate() {
            let [i, j] = [0, 1].map(|axis| self.index(from, axis).checked_add_signed(edge[axis]));
            let (Some(i), Some(j)) = (i, j) else { continue };
            if i >= self.nodes[0] || j >= self.nodes[1] {
                continue;
            }
            let to = i + self.nodes[0] * j;
            if at[from].weights[k] == 0.0 && at[to].weights[k] == 0.0 {
                continue;
            }
            let (x, y) = (self.position(from), self.position(to));
            let middle: Vec<f64> = x.iter().zip(&y).map(|(x, y)| f64::midpoint(*x, *y)).collect();
            let middle = local(&middle)?;
            let z: f64 = (0..x.len())
                .map(|c| (y[c] - x[c]) * (at[from].force[c] + 4.0 * middle.force[c] + at[to].force[c]) / 6.0)
                .sum();
            // Faces along a side are halved, like the cells.
            let face = match k {
                0 => self.fraction(from, 1),
                1 => self.fraction(from, 0),
                _ => 1.0,
            };
            for (from, to, z) in [(from, to, -z), (to, from, z)] {
                let fraction = self.fraction(from, 0) * self.fraction(from, 1);
                hops.push((from, to, at[from].weights[k] * bernoulli(z) * face / fraction));
            }
        }
        Ok(hops)
    }

    /// Index of the node along an axis.
    fn index(&self, node: usize, axis: usize) -> usize {
        if axis == 0 { node % self.nodes[0] } else { node / self.nodes[0] }
    }

    /// ½ at the ends of an axis, else 1.
    fn fraction(&self, node: usize, axis: usize) -> f64 {
        let at_end = self.axes.get(axis).is_some_and(|a| [0, a.cells].contains(&self.index(node, axis)));
        if at_end { 0.5 } else { 1.0 }
    }

    /// Where a node is.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn position(&self, node: usize) -> Vec<f64> {
        assert!(node < self.nodes[0] * self.nodes[1]);
        self.axes.iter().enumerate().map(|(k, axis)| axis.node(self.index(node, k))).collect()
    }

    /// Cell volumes of the nodes, the weights of an integral over the grid.
    pub fn volumes(&self) -> &[f64] {
        &self.volumes
    }

    /// Rate of change `∂_t p` of a density. Mass that hops onto an absorbing side counts there.
    ///
    /// # Panics
    /// If the density has not one entry per node.
    pub fn change(&self, density: &[f64]) -> Vec<f64> {
        assert_eq!(density.len(), self.volumes.len());
        let mut change = vec![0.0; density.len()];
        for &(from, to, rate) in self.hops.iter().filter(|hop| !self.absorbing[hop.0]) {
            let flow = rate * density[from] * self.volumes[from];
            change[from] -= flow / self.volumes[from];
            change[to] += flow / self.volumes[to];
        }
        change
    }

    /// A field at a point, linear between nodes along each axis and constant beyond the ends.
    ///
    /// # Panics
    /// If the field or the point has the wrong length.
    pub fn value_at(&self, field: &[f64], point: &[f64]) -> f64 {
        assert!(field.len() == self.volumes.len() && point.len() == self.axes.len());
        let mut corners = vec![(0, 1.0)];
        let mut stride = 1;
        for (axis, x) in self.axes.iter().zip(point) {
            let u = ((x - axis.lower) / axis.spacing()).clamp(0.0, axis.cells as f64);
            let cell = (u as usize).min(axis.cells - 1);
            let share = u - cell as f64;
            corners = corners
                .into_iter()
                .flat_map(|(n, w)| [(n + stride * cell, w * (1.0 - share)), (n + stride * (cell + 1), w * share)])
                .collect();
            stride *= axis.cells + 1;
        }
        corners.into_iter().filter(|corner| corner.1 != 0.0).map(|(n, w)| w * field[n]).sum()
    }

    /// The stationary density at the nodes, of integral 1.
    ///
    /// # Errors
    /// If a side absorbs, or a part of the grid cannot be left within the range of numbers.
    pub fn stationary(&self) -> Result<Vec<f64>, FokkerPlanckError> {
        if self.absorbing.contains(&true) {
            return Err(FokkerPlanckError::Absorbing);
        }
        let (chain, states) = self.eliminate(&self.absorbing, true)?;
        let mass = self.spread(&states, &chain.stationary())?;
        Ok(mass.iter().zip(&self.volumes).map(|(m, v)| m / v).collect())
    }

    /// Mean time to reach the target or an absorbing side, from each node.
    ///
    /// A target counts node by node, so a side of it that follows no grid line is placed to within a cell.
    ///
    /// # Errors
    /// If the target covers all nodes, or the passage from a node is impossible or beyond the range of numbers.
    pub fn mean_passage_time(&self, target: Set) -> Result<Vec<f64>, FokkerPlanckError> {
        let done = self.done(target);
        let (chain, states) = self.eliminate(&done, false)?;
        let mut time = vec![1.0; states.len()];
        chain.solve_backward(&mut time);
        self.spread(&states, &time)
    }

    /// Probability to reach `to` before `from`, from each node. Absorbing sides outside `to` count as `from`.
    ///
    /// # Errors
    /// As [`mean_passage_time`](Self::mean_passage_time).
    pub fn committor(&self, from: Set, to: Set) -> Result<Vec<f64>, FokkerPlanckError> {
        let arrived: Vec<bool> = self.on_nodes(to);
        let failed = self.done(from);
        let done: Vec<bool> = arrived.iter().zip(&failed).map(|(a, b)| *a || *b).collect();
        let (chain, states) = self.eliminate(&done, false)?;
        let mut slot = vec![usize::MAX; done.len()];
        states.iter().enumerate().for_each(|(k, &n)| slot[n] = k);
        let mut arrival = vec![0.0; states.len()];
        for &(i, _, rate) in self.hops.iter().filter(|hop| !done[hop.0] && arrived[hop.1]) {
            arrival[slot[i]] += rate;
        }
        chain.solve_backward(&mut arrival);
        let mut committor = self.spread(&states, &arrival)?;
        committor.iter_mut().zip(&arrived).filter(|c| *c.1).for_each(|(c, _)| *c = 1.0);
        Ok(committor)
    }

    /// The slowest decay outside the target and the absorbing sides: the rate of escape, and the law that is kept meanwhile.
    ///
    /// # Errors
    /// As [`mean_passage_time`](Self::mean_passage_time), and if the slowest decay is not separate from the next.
    pub fn quasi_stationary(&self, target: Set) -> Result<QuasiStationary, FokkerPlanckError> {
        let (chain, states) = self.eliminate(&self.done(target), false)?;
        let mut mass: Vec<f64> = states.iter().map(|&n| self.volumes[n]).collect();
        let total: f64 = mass.iter().sum();
        mass.iter_mut().for_each(|m| *m /= total);
        for iterations in 1..=MAX_ITERATIONS {
            let mut next = mass.clone();
            chain.solve_forward(&mut next);
            let total: f64 = next.iter().sum();
            if !(total.is_finite() && total > 0.0) {
                return Err(FokkerPlanckError::Unreachable { position: self.position(states[0]) });
            }
            next.iter_mut().for_each(|m| *m /= total);
            let change: f64 = next.iter().zip(&mass).map(|(a, b)| (a - b).abs()).sum();
            mass = next;
            if change < 1e-12 {
                let mut density = self.spread(&states, &mass)?;
                density.iter_mut().zip(&self.volumes).for_each(|(m, v)| *m /= v);
                return Ok(QuasiStationary { rate: 1.0 / total, density, iterations });
            }
        }
        Err(FokkerPlanckError::NoConvergence { iterations: MAX_ITERATIONS })
    }

    /// Whether each node lies in the set.
    fn on_nodes(&self, set: Set) -> Vec<bool> {
        (0..self.volumes.len()).map(|n| set(&self.position(n))).collect()
    }

    /// Nodes in the target or on an absorbing side.
    fn done(&self, target: Set) -> Vec<bool> {
        self.on_nodes(target).into_iter().zip(&self.absorbing).map(|(t, a)| t || *a).collect()
    }

    /// Largest distance of two neighbours in the order of elimination, in which the axis with fewer nodes runs fastest.
    fn width(&self) -> usize {
        if self.axes.len() == 1 { 1 } else { self.nodes[0].min(self.nodes[1]) + 1 }
    }

    /// The chain on the nodes that are not `done`, and these nodes in its order.
    fn eliminate(&self, done: &[bool], closed: bool) -> Result<(Elimination, Vec<usize>), FokkerPlanckError> {
        let mut states: Vec<usize> = (0..done.len()).filter(|&n| !done[n]).collect();
        if states.is_empty() {
            return Err(FokkerPlanckError::NoNodes);
        }
        if self.nodes[1] > 1 && self.nodes[1] < self.nodes[0] {
            states.sort_by_key(|&n| (self.index(n, 0), self.index(n, 1)));
        }
        let mut slot = vec![usize::MAX; done.len()];
        states.iter().enumerate().for_each(|(k, &n)| slot[n] = k);
        let mut killing = vec![0.0; states.len()];
        for &(i, _, rate) in self.hops.iter().filter(|hop| !done[hop.0] && done[hop.1]) {
            killing[slot[i]] += rate;
        }
        let inside = self.hops.iter().filter(|hop| !done[hop.0] && !done[hop.1]);
        let hops = inside.map(|&(i, j, rate)| (slot[i], slot[j], rate));
        match Elimination::new(self.width(), hops, killing, closed) {
            Ok(chain) => Ok((chain, states)),
            Err(state) => Err(FokkerPlanckError::Unreachable { position: self.position(states[state]) }),
        }
    }

    /// A field on all nodes from its values on some, 0 on the rest.
    fn spread(&self, states: &[usize], values: &[f64]) -> Result<Vec<f64>, FokkerPlanckError> {
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            return Err(FokkerPlanckError::Unreachable { position: self.position(states[k]) });
        }
        let mut field = vec![0.0; self.volumes.len()];
        states.iter().zip(values).for_each(|(&n, v)| field[n] = *v);
        Ok(field)
    }
}

/// Steps to the neighbours that a node shares an edge with, each edge once.
const EDGES: [[isize; 2]; 4] = [[1, 0], [0, 1], [1, 1], [-1, 1]];

/// What the rates need of a point: the weights along [`EDGES`] and the force `D⁻¹a`.
struct Local {
    weights: [f64; 4],
    force: [f64; 2],
}

fn local(
    x: &[f64],
    [h1, h2]: [f64; 2],
    coefficients: &(dyn Fn(&[f64]) -> Coefficients + Sync),
) -> Result<Local, FokkerPlanckError> {
    let (a, d) = coefficients(x);
    let position = || x.to_vec();
    if !a.iter().chain(d.as_flattened()).all(|v| v.is_finite()) {
        return Err(FokkerPlanckError::NotFinite { position: position() });
    }
    let determinant = d[0][0] * d[1][1] - d[0][1] * d[1][0];
    let symmetric = (d[0][1] - d[1][0]).abs() <= 1e-12 * (d[0][0].abs() + d[1][1].abs());
    if !(symmetric && d[0][0] > 0.0 && d[1][1] > 0.0 && determinant > 0.0) {
        return Err(FokkerPlanckError::NoDiffusion { position: position() });
    }
    let cross = d[0][1] / (h1 * h2);
    let axes = [d[0][0] / (h1 * h1) - cross.abs(), d[1][1] / (h2 * h2) - cross.abs()];
    if axes.iter().any(|w| *w < 0.0) {
        let wanted = (d[0][0] / d[1][1]).sqrt();
        return Err(FokkerPlanckError::CellShape { position: position(), found: h1 / h2, wanted });
    }
    let force = [(d[1][1] * a[0] - d[0][1] * a[1]) / determinant, (d[0][0] * a[1] - d[1][0] * a[0]) / determinant];
    Ok(Local { weights: [axes[0], axes[1], cross.max(0.0), (-cross).max(0.0)], force })
}
