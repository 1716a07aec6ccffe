//! The chance to reach a region's boundary from a start at a given loss, before the replica has collapsed.

use super::products::transposed;
use crate::engine::{AnyDynamics, Block, Dynamics, LaneEnd, ReplicaState};
use crate::ensemble::{EnsembleError, LossMeter, Region};
use crate::operator::full::map_chunks;
use crate::operator::{axpy, dot};
use crate::problem::unless_failed;
use crate::random::{Purpose, stream};
use crate::{Estimate, Problem, Samples, Stop};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

/// Escapes that a start needs for [`log_slope`], and the largest share of them.
const RARE: (u64, f64) = (10, 0.9);

/// Replicas that start at one loss around a minimum that interpolates.
///
/// Each starts at `θ* + a Σ_μ J_μᵀ ξ_μ` with independent standard normal `ξ_μ` (`c`), which is normal with covariance `G` and has no part
/// along the manifold of minima, and with the length `a` at which the loss of all data is `L_0`.
#[derive(Debug, Clone, PartialEq)]
pub struct StartRun<'a> {
    /// The minimum (`P`).
    pub minimum: &'a [f64],
    /// What is reached: a loss level, a box, a ball or half spaces.
    pub region: &'a Region,
    /// `L_0`.
    pub loss: f64,
    /// Share of `L_0` below which a replica has collapsed.
    pub collapse: f64,
    /// Number of replicas.
    pub replicas: usize,
    /// Steps after which a replica is undecided.
    pub max_steps: u64,
    /// Seed of starts and batches.
    pub seed: u64,
}

/// How replicas ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Starts {
    /// Replicas that reached the boundary, or diverged.
    pub escaped: u64,
    /// Replicas whose loss fell to the share of that of their start that counts as collapse.
    pub collapsed: u64,
    /// Replicas that did neither.
    pub undecided: u64,
}

impl Starts {
    /// All replicas.
    pub fn replicas(&self) -> u64 {
        self.escaped + self.collapsed + self.undecided
    }

    /// Probability to escape before collapse, over the replicas that did either, with the 95 % interval of Clopper and Pearson; none
    /// where none did.
    pub fn probability(&self) -> Option<Estimate> {
        share(self.escaped, self.escaped + self.collapsed)
    }

    fn and(self, other: Self) -> Self {
        Self {
            escaped: self.escaped + other.escaped,
            collapsed: self.collapsed + other.collapsed,
            undecided: self.undecided + other.undecided,
        }
    }
}

/// A share of `count` among `total` with the 95 % interval of Clopper and Pearson (1934); none of none.
pub fn share(count: u64, total: u64) -> Option<Estimate> {
    let (k, n) = (count as f64, total as f64);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).ok().map(|law| law.inverse_cdf(p));
    let low = if count == 0 { 0.0 } else { quantile(k, n - k + 1.0, 0.025)? };
    let high = if count == total { 1.0 } else { quantile(k + 1.0, n - k, 0.975)? };
    (total > 0).then(|| Estimate::new(k / n, low, high))
}

/// The slope of `ln p` on `ln L_0` over starts from which escape is rare but seen, `α/2` where theory holds, weighted by what is
/// known of each, with its 95 % interval; none with fewer than two.
pub fn log_slope(starts: &[(f64, Starts)]) -> Option<Estimate> {
    let point = |(loss, starts): &(f64, Starts)| {
        let share = starts.probability()?.value;
        let known = starts.escaped >= RARE.0 && share <= RARE.1;
        // The variance of ln p is (1 − p)/(n p).
        known.then(|| (loss.ln(), share.ln(), starts.escaped as f64 / (1.0 - share)))
    };
    let points: Vec<(f64, f64, f64)> = starts.iter().filter_map(point).collect();
    let weight: f64 = points.iter().map(|p| p.2).sum();
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.2 * p.0 / weight, y + p.2 * p.1 / weight));
    let square: f64 = points.iter().map(|p| p.2 * (p.0 - x).powi(2)).sum();
    let slope = points.iter().map(|p| p.2 * (p.0 - x) * (p.1 - y)).sum::<f64>() / square;
    let half = 1.959_963_984_540_054 / square.sqrt();
    (points.len() > 1 && slope.is_finite() && half.is_finite())
        .then(|| Estimate::new(slope, slope - half, slope + half))
}

impl StartRun<'_> {
    /// Runs all replicas of `dynamics`; `problem` gives the loss of all data, which is looked at after every step.
    ///
    /// # Errors
    /// If lengths or settings make no run, no point on a displacement has the loss, or it lies outside of the region, the problem
    /// fails, or on an interrupt.
    pub fn run(&self, dynamics: &AnyDynamics<'_>, problem: &dyn Problem, stop: &Stop) -> Result<Starts, EnsembleError> {
        self.region.validate(dynamics.dim())?;
        if self.minimum.len() != dynamics.dim() {
            let (got, want) = (self.minimum.len(), dynamics.dim());
            return Err(EnsembleError::Length { what: "minimum", got, want });
        }
        for (what, value) in [("loss of the starts", self.loss), ("share of collapse", self.collapse)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(EnsembleError::NotPositive(what));
            }
        }
        let lanes = dynamics.block().lanes();
        let blocks: Vec<usize> = (0..self.replicas).step_by(lanes).collect();
        let parts = blocks.into_par_iter().map(|first| {
            let last = (first + lanes).min(self.replicas);
            self.run_block(first..last, dynamics, problem, stop)
        });
        let all = parts.try_reduce(Starts::default, |a, b| Ok(a.and(b)));
        unless_failed(problem, all)
    }

    /// The replicas of one block.
    fn run_block(
        &self,
        replicas: std::ops::Range<usize>,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        stop: &Stop,
    ) -> Result<Starts, EnsembleError> {
        let mut meter = LossMeter::new(problem);
        let mut block = dynamics.block();
        let mut theta = vec![0.0; dynamics.dim()];
        let mut going = vec![false; block.lanes()];
        for (lane, replica) in replicas.enumerate() {
            let state = self.start(problem, &mut meter, replica as u64).ok_or(EnsembleError::StartOutside)?;
            if meter.is_outside(self.region, &state.theta) != Some(false) {
                return Err(EnsembleError::StartOutside);
            }
            block.load(lane, &state);
            going[lane] = true;
        }
        let exit = self.region.exit_test();
        let level = if let Region::LossLevel { loss, .. } = self.region { *loss } else { f64::INFINITY };
        let mut seen = Starts::default();
        for step in 0..self.max_steps {
            if !going.contains(&true) {
                break;
            }
            if step % 256 == 0 {
                stop.check()?;
            }
            dynamics.advance(&mut block, 1, &exit);
            for lane in 0..going.len() {
                if !going[lane] {
                    continue;
                }
                block.theta_into(lane, &mut theta);
                let ended = matches!(block.ends()[lane], Some(LaneEnd::Escaped | LaneEnd::Diverged));
                let loss = if ended { f64::INFINITY } else { meter.loss(&theta) };
                if loss > level || !loss.is_finite() {
                    seen.escaped += 1;
                } else if loss <= self.collapse * self.loss {
                    seen.collapsed += 1;
                } else {
                    continue;
                }
                block.clear(lane);
                going[lane] = false;
            }
        }
        seen.undecided = going.iter().filter(|going| **going).count() as u64;
        Ok(seen)
    }

    /// A replica at its start; none where no point along its displacement has the loss.
    fn start(&self, problem: &dyn Problem, meter: &mut LossMeter, replica: u64) -> Option<ReplicaState> {
        let mut rng = stream(self.seed, Purpose::StartLoss, replica);
        let (n, c) = (problem.samples(), problem.outputs());
        let u: Vec<f64> = (0..n * c).map(|_| StandardNormal.sample(&mut rng)).collect();
        let displacement = transposed(problem, self.minimum, &u);
        let images = map_chunks(problem, c, |range, out, scratch| {
            problem.jvp_into(self.minimum, &displacement, Samples::Range(range), out, scratch);
        });
        let mut length = (2.0 * n as f64 * self.loss / dot(&images, &images)).sqrt();
        let at = |length: f64| {
            let mut theta = self.minimum.to_vec();
            axpy(length, &displacement, &mut theta);
            theta
        };
        // Exact at once where the loss is quadratic; near the minimum it nearly is.
        for _ in 0..100 {
            let theta = at(length);
            let loss = meter.loss(&theta);
            if (loss / self.loss - 1.0).abs() < 1e-6 {
                return Some(ReplicaState::new(&theta, rng));
            }
            length *= (self.loss / loss).sqrt().clamp(0.5, 2.0);
        }
        None
    }
}
