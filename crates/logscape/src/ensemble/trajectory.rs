//! The paths of the first replicas of an escape run, thinned.

use crate::Stop;
use crate::random::{Purpose, stream};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::escape::Worker;
use super::pace::Pace;
use super::watch::Curvature;
use super::{EnsembleError, EscapeRun};
use crate::Problem;
use crate::engine::{AnyDynamics, Block, Dynamics, ReplicaState};

/// Where a replica was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryPoint {
    /// Number of the replica.
    pub replica: u64,
    /// Steps taken.
    pub steps: u64,
    /// Time `t`.
    pub time: f64,
    /// Loss of all data.
    pub loss: f64,
    /// Parameters `θ` (`P`).
    pub theta: Vec<f64>,
}

impl EscapeRun {
    /// The paths of all replicas, one after the other: a point at the start, after each `every` steps, and where the replica
    /// left or was censored. They are those of [`advance`](Self::advance), to the bit. A point that has diverged is left out;
    /// `stop` ends all of them early.
    ///
    /// Memory is that of the points: `replicas · (max_steps/every + 2) · P` numbers.
    ///
    /// # Errors
    /// If `every` is 0, lengths or region make no run, or the start is not inside the region.
    pub fn trajectories(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        every: u64,
        stop: &Stop,
    ) -> Result<Vec<TrajectoryPoint>, EnsembleError> {
        if every == 0 {
            return Err(EnsembleError::NotPositive("steps between points of a trajectory"));
        }
        self.validate(dynamics.dim(), problem)?;
        let curvature = self.region.is_watched().then(|| Curvature::at(problem, &self.start, self.seed, stop));
        let Ok(curvature) = curvature.transpose() else { return Ok(Vec::new()) };
        let watching = curvature.as_ref().map(|curvature| self.watching(problem, curvature));
        let worker = || Worker::new(self, dynamics, problem, watching.as_ref());
        let paths: Vec<_> = (0..self.replicas as u64)
            .into_par_iter()
            .map(|replica| self.path(worker(), every, stop, replica))
            .collect();
        Ok(paths.into_iter().flatten().collect())
    }

    fn path(&self, mut worker: Worker, every: u64, stop: &Stop, replica: u64) -> Vec<TrajectoryPoint> {
        let state = ReplicaState::new(&self.start, stream(self.seed, Purpose::Escape, replica));
        let look = worker.first.map(|look| look.of(&state));
        worker.load(0, &state, look);
        let mut points: Vec<TrajectoryPoint> = Vec::new();
        let (mut ended, mut pace) = (false, Pace::new());
        loop {
            let steps = worker.block.steps(0);
            if ended || steps.is_multiple_of(every) {
                // It may have been put back to the last look.
                points.truncate(points.partition_point(|point| point.steps < steps));
                let Worker { block, meter, theta, .. } = &mut worker;
                block.theta_into(0, theta);
                let (time, loss) = (block.time(0), meter.loss(theta));
                if time.is_finite() && loss.is_finite() {
                    points.push(TrajectoryPoint { replica, steps, time, loss, theta: theta.clone() });
                }
            }
            if ended || stop.is_requested() {
                return points;
            }
            let slice = self.slice(steps).min(every - steps % every);
            pace.time(slice, |steps| worker.advance(steps));
            ended = worker.end(0).is_some();
        }
    }
}
