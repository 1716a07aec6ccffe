//! The distribution of the eigenvalues of a symmetric operator by stochastic Lanczos quadrature.
//!
//! For a unit vector `v` the numbers `v·f(A)v` are integrals over a distribution on the eigenvalues, whose weights are the squares of
//! the components of `v`. Lanczos' recurrence from `v` gives its Gauss rule, exact for polynomials up to degree `2m − 1` after `m`
//! steps: nodes are the eigenvalues of the tridiagonal matrix, weights the squares of the first components of its eigenvectors
//! (Golub & Welsch 1969, *Math. Comp.* 23, 221). Means over random `v`, uniform on the sphere, estimate `tr f(A)/P` (Ubaru, Chen &
//! Saad 2017, *SIAM J. Matrix Anal. Appl.* 38, 1075).
//!
//! Nothing is reorthogonalised, so that a probe takes four vectors of memory and no more. Rounding then brings further copies of
//! nodes that have converged, within rounding of each other; together they have the weight of the node, and the integrals of
//! smooth functions stay exact to rounding while the degree grows more slowly (Knizhnerman 1996, *Comput. Math. Math. Phys.* 36, 1481).
//!
//! What is kept are the coefficients of the recurrences. All that follows from them is computed without products.

use super::dense::EigenError;
use super::interval::{NORMAL, skewed};
use super::sphere::on_sphere;
use super::{LinearOperator, scale};
use crate::{Estimate, Interrupted, Stop};
use faer::{MatMut, MatRef};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;
use std::f64::consts::{PI, SQRT_2};

/// Settings of [`lanczos_quadrature`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuadratureConfig {
    /// Random vectors, at least one.
    pub probes: usize,
    /// Products with each of them, at least one. The spectrum is resolved to about its range divided by this number, finer at its ends.
    pub steps: usize,
    /// Probes that are applied at once; of each, four vectors are in memory.
    pub block: usize,
    /// Seed of the probes.
    pub seed: u64,
}

impl Default for QuadratureConfig {
    fn default() -> Self {
        Self { probes: 10, steps: 80, block: 10, seed: 1 }
    }
}

/// Coefficients of Lanczos' recurrence `A v_j = β_{j−1} v_{j−1} + α_j v_j + β_j v_{j+1}` from one probe.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LanczosCoefficients {
    /// `α_1 … α_m`.
    pub alpha: Vec<f64>,
    /// `β_1 … β_{m−1}`.
    pub beta: Vec<f64>,
}

/// The coefficients of all probes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quadrature {
    /// Number of eigenvalues `P`.
    pub dim: usize,
    /// Of each probe. Those whose recurrence has met an invariant space, or was interrupted, have fewer.
    pub probes: Vec<LanczosCoefficients>,
    /// Whether it was stopped on request; then there may be fewer probes than asked for, and the last ones have fewer steps.
    pub interrupted: bool,
}

/// Lanczos' recurrence of `operator` from random vectors.
///
/// # Errors
/// If the operator returns a number that is not finite. An interrupt, which is asked for before every block of products, is none:
/// what is known by then is returned.
pub fn lanczos_quadrature(
    operator: &dyn LinearOperator,
    config: &QuadratureConfig,
    stop: &Stop,
) -> Result<Quadrature, EigenError> {
    let mut found = Quadrature { dim: operator.dim(), probes: Vec::new(), interrupted: false };
    let indices: Vec<u64> = (0..config.probes.max(1) as u64).collect();
    for block in indices.chunks(config.block.max(1)) {
        let starts = block.iter().map(|&index| on_sphere(operator.dim(), config.seed, index)).collect();
        found.interrupted = recurrences(operator, starts, config.steps.max(1), stop, &mut found.probes)?;
        if found.interrupted {
            break;
        }
    }
    found.probes.retain(|probe| !probe.alpha.is_empty());
    Ok(found)
}

/// One probe's recurrence.
struct Recurrence {
    /// `v_j` and `v_{j−1}`.
    vectors: [Vec<f64>; 2],
    coefficients: LanczosCoefficients,
    invariant: bool,
}

impl Recurrence {
    /// From the product with `v_j` to `v_{j+1}`.
    fn advance(&mut self, image: &mut [f64]) -> Result<(), EigenError> {
        let [current, previous] = &mut self.vectors;
        let LanczosCoefficients { alpha, beta } = &mut self.coefficients;
        let (back, mut size, mut along) = (beta.last().copied().unwrap_or(0.0), 0.0, 0.0);
        for (x, (v, w)) in image.iter_mut().zip(current.iter().zip(&*previous)) {
            size += *x * *x;
            *x -= back * w;
            along += v * *x;
        }
        if !f64::is_finite(size) {
            return Err(EigenError::NotFinite);
        }
        let mut left = 0.0;
        for (x, v) in image.iter_mut().zip(&*current) {
            *x -= along * v;
            left += *x * *x;
        }
        alpha.push(along);
        // Less is rounding.
        self.invariant = left.sqrt() <= 1e-14 * size.sqrt();
        if !self.invariant {
            beta.push(left.sqrt());
            std::mem::swap(previous, current);
            current.copy_from_slice(image);
            scale(1.0 / left.sqrt(), current);
        }
        Ok(())
    }
}

/// Adds the coefficients of a block of probes; whether it was interrupted.
fn recurrences(
    operator: &dyn LinearOperator,
    starts: Vec<Vec<f64>>,
    steps: usize,
    stop: &Stop,
    found: &mut Vec<LanczosCoefficients>,
) -> Result<bool, EigenError> {
    let p = operator.dim();
    let mut probes: Vec<Recurrence> = starts
        .into_iter()
        .map(|start| Recurrence {
            vectors: [start, vec![0.0; p]],
            coefficients: LanczosCoefficients::default(),
            invariant: p == 0,
        })
        .collect();
    let mut interrupted = false;
    let (mut block, mut images) = (vec![0.0; p * probes.len()], vec![0.0; p * probes.len()]);
    for _ in 0..steps {
        let active: Vec<&mut Recurrence> = probes.iter_mut().filter(|probe| !probe.invariant).collect();
        if active.is_empty() {
            break;
        }
        if stop.check().is_err() {
            interrupted = true;
            break;
        }
        let (block, images) = (&mut block[..active.len() * p], &mut images[..active.len() * p]);
        block.chunks_exact_mut(p).zip(&active).for_each(|(column, probe)| column.copy_from_slice(&probe.vectors[0]));
        let out = MatMut::from_column_major_slice_mut(images, p, active.len());
        if operator.apply_into(MatRef::from_column_major_slice(block, p, active.len()), out, stop).is_err() {
            interrupted = true;
            break;
        }
        images.par_chunks_exact_mut(p).zip(active).try_for_each(|(image, probe)| probe.advance(image))?;
    }
    found.extend(probes.into_iter().map(|mut probe| {
        // The last one belongs to a step that is not made.
        probe.coefficients.beta.truncate(probe.coefficients.alpha.len().saturating_sub(1));
        probe.coefficients
    }));
    Ok(interrupted)
}

/// Estimates of the distribution of eigenvalues, from the Gauss rules of all probes.
///
/// Intervals (95 %) are those of the randomness of the probes, not of the degree of the rules, which is exact for functions that are
/// smooth on the scale of the nodes. A value of one probe is `Σ_i f(λ_i) w_i` with weights `w` that have a Dirichlet distribution of
/// parameters ½, whatever the eigenvectors; its variance `2/(P+2) ⟨(f − ⟨f⟩)²⟩` and third cumulant `8/((P+2)(P+4)) ⟨(f − ⟨f⟩)³⟩`
/// are integrals over the same distribution, and are taken from the rules of all probes. So the interval exists for a single probe,
/// and needs no quantile of Student's. It is transformed for the skewness that a few large eigenvalues bring, of value and variance together: their
/// covariance is `4/(P+2)² ⟨(f − ⟨f⟩)³⟩`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralMeasure {
    dim: usize,
    /// Nodes and weights of each probe.
    rules: Vec<Vec<(f64, f64)>>,
}

impl Quadrature {
    /// The Gauss rules.
    ///
    /// # Errors
    /// If a coefficient is not finite, or it was interrupted before the first product.
    pub fn measure(&self) -> Result<SpectralMeasure, EigenError> {
        if self.probes.is_empty() {
            return Err(if self.interrupted { Interrupted.into() } else { EigenError::NotFinite });
        }
        let rules = self.probes.iter().map(gauss_rule).collect::<Result<_, _>>()?;
        Ok(SpectralMeasure { dim: self.dim, rules })
    }
}

impl SpectralMeasure {
    /// Mean of `f` over the eigenvalues, `tr f(A)/P`.
    pub fn mean(&self, f: impl Fn(f64) -> f64) -> Estimate {
        let (n, p) = (self.rules.len() as f64, self.dim as f64);
        let values: Vec<(f64, f64)> =
            self.rules.iter().flatten().map(|&(node, weight)| (f(node), weight / n)).collect();
        let mean: f64 = values.iter().map(|(value, weight)| weight * value).sum();
        let central = |power| values.iter().map(|(value, weight)| weight * (value - mean).powi(power)).sum::<f64>();
        let (variance, cube) = (2.0 / (p + 2.0) * central(2), central(3));
        let third = [8.0 / ((p + 2.0) * (p + 4.0)), (2.0 / (p + 2.0)).powi(2)];
        let relative = |third: f64| if variance > 0.0 { third * cube / (variance.powf(1.5) * n.sqrt()) } else { 0.0 };
        skewed(mean, (variance / n).sqrt(), third.map(relative), NORMAL)
    }

    /// The lowest and the largest node; the spectrum's ends are not within them.
    pub fn range(&self) -> [f64; 2] {
        let nodes = self.rules.iter().flatten().map(|rule| rule.0);
        nodes.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], node| [low.min(node), high.max(node)])
    }

    /// Trace `tr f(A)`, such as a moment or a logarithm of a determinant.
    pub fn trace(&self, f: impl Fn(f64) -> f64) -> Estimate {
        let (mean, p) = (self.mean(f), self.dim as f64);
        Estimate::new(p * mean.value, p * mean.ci95[0], p * mean.ci95[1])
    }

    /// Density of eigenvalues at `x`, smoothed by a Gaussian of standard deviation `width > 0`: its integral is 1.
    pub fn density(&self, x: f64, width: f64) -> Estimate {
        let height = 1.0 / (width * (2.0 * PI).sqrt());
        self.mean(|node| height * (-0.5 * ((x - node) / width).powi(2)).exp())
    }

    /// Fraction of eigenvalues below `x`, smoothed by a Gaussian of standard deviation `width > 0`: the integral of
    /// [`density`](Self::density).
    ///
    /// Where `width` is less than the distance of the nodes it is a staircase, which may be wrong by the weight of one node; in a gap of
    /// the spectrum it is right.
    pub fn cumulative(&self, x: f64, width: f64) -> Estimate {
        let Estimate { value, ci95: [lower, upper] } = self.mean(|node| 0.5 * erfc((node - x) / (width * SQRT_2)));
        Estimate::new(value, lower.max(0.0), upper.min(1.0))
    }

    /// The least and the most that [`cumulative`](Self::cumulative) can be for the measures of these probes, of which the rules know no more
    /// than the moments: each node's weight moves to the next node on one side or on the other (Chebyshev, Markov, Stieltjes). Their
    /// randomness is not in it.
    pub fn cumulative_bounds(&self, x: f64, width: f64) -> [f64; 2] {
        let [low, high] = self.range();
        // Copies of a node that rounding makes are one.
        let same = COPIES * low.abs().max(high.abs());
        let below = |node: f64| 0.5 * erfc((node - x) / (width * SQRT_2));
        let mut bounds = [0.0; 2];
        for rule in &self.rules {
            let mut nodes: Vec<(f64, f64)> = Vec::with_capacity(rule.len());
            let mut sorted = rule.clone();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (node, weight) in sorted {
                match nodes.last_mut() {
                    Some(last) if node - last.0 <= same => last.1 += weight,
                    _ => nodes.push((node, weight)),
                }
            }
            for (k, (_, weight)) in nodes.iter().enumerate() {
                let above = nodes.get(k + 1).map_or(0.0, |next| below(next.0));
                let beneath = k.checked_sub(1).map_or(1.0, |before| below(nodes[before].0));
                bounds[0] += weight * above;
                bounds[1] += weight * beneath;
            }
        }
        bounds.map(|sum| sum / self.rules.len() as f64)
    }
}

/// Distance of nodes, in units of the largest, within which they are copies of one.
const COPIES: f64 = 1e-8;

/// Sweeps for one eigenvalue after which the iteration gives up; two do.
const SWEEPS: usize = 60;

/// Nodes and weights of the Gauss rule: eigenvalues of the tridiagonal matrix and squares of the first components of its
/// eigenvectors, by the implicit QL iteration with only these components (Golub & Welsch 1969).
fn gauss_rule(coefficients: &LanczosCoefficients) -> Result<Vec<(f64, f64)>, EigenError> {
    let mut d = coefficients.alpha.clone();
    let mut e = coefficients.beta.clone();
    let n = d.len();
    e.resize(n, 0.0);
    if !d.iter().chain(&e).all(|x| x.is_finite()) {
        return Err(EigenError::NotFinite);
    }
    let mut first = vec![0.0; n];
    first[0] = 1.0;
    for l in 0..n {
        let mut sweeps = 0;
        loop {
            let small = |m: usize| e[m].abs() <= f64::EPSILON * (d[m].abs() + d[m + 1].abs());
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            sweeps += 1;
            if sweeps > SWEEPS {
                return Err(EigenError::NoConvergence);
            }
            // Wilkinson's shift.
            let half = 0.5 * (d[l + 1] - d[l]) / e[l];
            let mut g = d[m] - d[l] + e[l] / (half + half.hypot(1.0).copysign(half));
            let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let (f, b) = (sine * e[i], cosine * e[i]);
                let r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    split = true;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                g = d[i + 1] - p;
                let turned = (d[i] - g) * sine + 2.0 * cosine * b;
                p = sine * turned;
                d[i + 1] = g + p;
                g = cosine * turned - b;
                (first[i], first[i + 1]) =
                    (cosine * first[i] - sine * first[i + 1], sine * first[i] + cosine * first[i + 1]);
            }
            if !split {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    let mut rule: Vec<(f64, f64)> = d.into_iter().zip(first).map(|(node, x)| (node, x * x)).collect();
    rule.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rule)
}

#[cfg(test)]
mod tests;
