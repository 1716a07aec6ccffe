//! SGD on any problem, with the gradients of many replicas in one call.

use super::{SgdError, check, draw};
use crate::engine::{Advanced, Block, DIVERGENCE_LIMIT, Dynamics, ExitTest, LaneEnd, ReplicaState, TimeUnit};
use crate::{Problem, SgdSettings};

/// The chain of [`Sgd`](super::Sgd), to the bit, on as many replicas in a block as the problem says, whose gradients are
/// taken by one call of [`Problem::batch_gradients_into`]: for a problem that is called from outside, on a device, or in
/// another language.
#[derive(Debug)]
pub struct ManySgd<'a, P: Problem + ?Sized> {
    problem: &'a P,
    settings: SgdSettings,
}

impl<'a, P: Problem + ?Sized> ManySgd<'a, P> {
    /// SGD on `problem`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(problem: &'a P, settings: SgdSettings) -> Result<Self, SgdError> {
        check(problem.samples(), &settings)?;
        Ok(Self { problem, settings })
    }
}

/// Replicas in any number `R`, each with all that it is.
#[derive(Debug, Clone)]
pub struct ManyBlock {
    /// The replicas; `None` in an empty lane.
    states: Vec<Option<ReplicaState>>,
    /// See [`Block::ends`].
    ends: Vec<Option<LaneEnd>>,
    /// Occupied lanes, in the order of the rows below.
    rows: Vec<usize>,
    /// Parameters and gradients of the occupied lanes (`R × P`).
    thetas: Vec<f64>,
    gradients: Vec<f64>,
    /// Their batches (`R × B`) and losses (`R`).
    batches: Vec<u32>,
    losses: Vec<f64>,
    scratch: Vec<f64>,
}

impl ManyBlock {
    fn new(lanes: usize, dim: usize, batch_size: usize, scratch: usize) -> Self {
        Self {
            states: vec![None; lanes],
            ends: vec![None; lanes],
            rows: Vec::with_capacity(lanes),
            thetas: vec![0.0; lanes * dim],
            gradients: vec![0.0; lanes * dim],
            batches: vec![0; lanes * batch_size],
            losses: vec![0.0; lanes],
            scratch: vec![0.0; scratch],
        }
    }

    fn occupied(&self, lane: usize) -> &ReplicaState {
        self.states[lane].as_ref().expect("the lane holds a replica")
    }
}

impl Block for ManyBlock {
    fn lanes(&self) -> usize {
        self.states.len()
    }

    fn load(&mut self, lane: usize, state: &ReplicaState) {
        (self.states[lane], self.ends[lane]) = (Some(state.clone()), None);
    }

    fn store(&self, lane: usize) -> ReplicaState {
        self.occupied(lane).clone()
    }

    fn clear(&mut self, lane: usize) {
        (self.states[lane], self.ends[lane]) = (None, None);
    }

    fn steps(&self, lane: usize) -> u64 {
        self.occupied(lane).steps
    }

    fn time(&self, lane: usize) -> f64 {
        self.occupied(lane).time
    }

    fn theta_into(&self, lane: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.occupied(lane).theta);
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        &self.ends
    }
}

impl<P: Problem + ?Sized> ManySgd<'_, P> {
    /// Moves the rows by up to so many steps, as many by each call as the problem says; stops before the call in which a replica may have
    /// left the finite numbers. Returns the steps.
    fn advance_together(
        &self,
        states: &mut [Option<ReplicaState>],
        rows: &[usize],
        thetas: &mut [f64],
        scratch: &mut [f64],
        steps: u64,
    ) -> u64 {
        let SgdSettings { learning_rate, batch_size, sampling } = self.settings;
        let draws = |state: &ReplicaState| (state.rng, state.order.clone(), state.cursor);
        let mut done = 0;
        loop {
            // Powers of two, so that a problem sees few numbers of steps.
            let at_once = (self.problem.steps_at_once() as u64).min(steps - done);
            let Some(count) = at_once.checked_ilog2().filter(|&power| power > 0).map(|power| 1_usize << power) else {
                return done;
            };
            let before =
                (thetas.to_vec(), rows.iter().map(|&lane| states[lane].as_ref().map(draws)).collect::<Vec<_>>());
            let mut batches = vec![0; count * rows.len() * batch_size];
            for (k, batch) in batches.chunks_exact_mut(batch_size).enumerate() {
                let state = states[rows[k % rows.len()]].as_mut().expect("a row is of an occupied lane");
                draw(sampling, self.problem.samples(), state, batch);
            }
            let bound = self.problem.sgd_steps(thetas, &batches, count, learning_rate, scratch);
            // NaN is not below.
            let sane = bound < DIVERGENCE_LIMIT;
            if !sane {
                thetas.copy_from_slice(&before.0);
                for (&lane, draws) in rows.iter().zip(before.1) {
                    if let (Some(state), Some(draws)) = (&mut states[lane], draws) {
                        (state.rng, state.order, state.cursor) = draws;
                    }
                }
                return done;
            }
            done += count as u64;
        }
    }
}

impl<P: Problem + ?Sized> Dynamics for ManySgd<'_, P> {
    type Block = ManyBlock;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn block(&self) -> ManyBlock {
        let lanes = self.problem.replicas_at_once().max(1);
        let batch_size = self.settings.batch_size;
        ManyBlock::new(lanes, self.problem.dim(), batch_size, self.problem.scratch_len(batch_size))
    }

    fn advance(&self, block: &mut ManyBlock, steps: u64, exit: &ExitTest) -> Advanced {
        let ManyBlock { states, ends, rows, thetas, gradients, batches, losses, scratch } = block;
        let SgdSettings { learning_rate, batch_size, sampling } = self.settings;
        let p = self.problem.dim();
        ends.fill(None);
        rows.clear();
        for (lane, state) in states.iter().enumerate() {
            if let Some(state) = state {
                thetas[rows.len() * p..][..p].copy_from_slice(&state.theta);
                rows.push(lane);
            }
        }
        if rows.is_empty() {
            return Advanced { steps, ended: false };
        }
        let (thetas, gradients) = (&mut thetas[..rows.len() * p], &mut gradients[..rows.len() * p]);
        let (batches, losses) = (&mut batches[..rows.len() * batch_size], &mut losses[..rows.len()]);
        let mut done = Advanced::default();
        if matches!(exit, ExitTest::Never) {
            done.steps = self.advance_together(states, rows, thetas, scratch, steps);
        }
        while done.steps < steps && !done.ended {
            for (&lane, batch) in rows.iter().zip(batches.chunks_exact_mut(batch_size)) {
                let state = states[lane].as_mut().expect("a row is of an occupied lane");
                draw(sampling, self.problem.samples(), state, batch);
            }
            self.problem.batch_gradients_into(thetas, batches, gradients, losses, scratch);
            let moved = thetas.chunks_exact_mut(p).zip(gradients.chunks_exact(p));
            for (&lane, (theta, gradient)) in rows.iter().zip(moved) {
                let mut sane = true;
                for (x, g) in theta.iter_mut().zip(gradient) {
                    *x -= learning_rate * g;
                    // False for NaN too.
                    sane &= x.abs() < DIVERGENCE_LIMIT;
                }
                let outside = || exit.is_outside(theta, lane).then_some(LaneEnd::Escaped);
                ends[lane] = if sane { outside() } else { Some(LaneEnd::Diverged) };
                done.ended |= ends[lane].is_some();
            }
            done.steps += 1;
        }
        for (&lane, theta) in rows.iter().zip(thetas.chunks_exact(p)) {
            let state = states[lane].as_mut().expect("a row is of an occupied lane");
            state.theta.copy_from_slice(theta);
            state.steps += done.steps;
            state.time = state.steps as f64 * learning_rate;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    //! Against the chain on one replica, which shares the draws and the problem's gradient, but no loop.

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Sgd;
    use super::super::tests::{replica, settings};
    use super::*;
    use crate::ensemble::testing::Line;
    use crate::{Precision, Samples, Sampling};

    /// A line that counts the calls for gradients, and takes them for 40 replicas at once.
    struct Outside {
        line: Line,
        calls: AtomicUsize,
        steps: usize,
    }

    impl Problem for Outside {
        fn dim(&self) -> usize {
            self.line.dim()
        }
        fn samples(&self) -> usize {
            self.line.samples()
        }
        fn outputs(&self) -> usize {
            self.line.outputs()
        }
        fn scratch_len(&self, m: usize) -> usize {
            self.line.scratch_len(m)
        }
        fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.line.residuals_into(theta, samples, out, scratch);
        }
        fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.line.jvp_into(theta, v, samples, out, scratch);
        }
        fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.line.vjp_into(theta, u, samples, out, scratch);
        }
        fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.line.hvp_into(theta, v, samples, out, scratch);
        }
        fn replicas_at_once(&self) -> usize {
            40
        }
        fn steps_at_once(&self) -> usize {
            self.steps
        }
        fn batch_gradients_into(
            &self,
            thetas: &[f64],
            batches: &[u32],
            out: &mut [f64],
            losses: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.line.batch_gradients_into(thetas, batches, out, losses, scratch);
        }
    }

    #[test]
    fn more_than_thirty_two_replicas_move_as_each_alone_with_one_call_a_step() {
        let outside = Outside { line: Line::six(), calls: AtomicUsize::new(0), steps: 1 };
        for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
            let settings = settings(0.05, 3, sampling);
            let (many, single) =
                (ManySgd::new(&outside, settings).unwrap(), Sgd::new(&outside.line, settings).unwrap());
            let mut block = many.block();
            assert_eq!(block.lanes(), 40);
            // Every third lane stays empty.
            let lanes: Vec<usize> = (0..40).filter(|lane| lane % 3 != 2).collect();
            lanes.iter().for_each(|&lane| block.load(lane, &replica(&[0.1 * lane as f64], 5, lane as u64)));
            let before = outside.calls.load(Ordering::Relaxed);
            let done = many.advance(&mut block, 25, &ExitTest::Never);
            assert_eq!(
                (done, outside.calls.load(Ordering::Relaxed) - before),
                (Advanced { steps: 25, ended: false }, 25)
            );
            for lane in lanes {
                let mut solo = single.block();
                solo.load(0, &replica(&[0.1 * lane as f64], 5, lane as u64));
                single.advance(&mut solo, 25, &ExitTest::Never);
                assert_eq!(block.store(lane), solo.store(0), "{sampling:?} {lane}");
            }
        }
    }

    #[test]
    fn the_first_end_stops_all_and_names_its_lane() {
        let outside = Outside { line: Line::six(), calls: AtomicUsize::new(0), steps: 1 };
        let many = ManySgd::new(&outside, settings(0.05, 1, Sampling::WithReplacement)).unwrap();
        let mut block = many.block();
        let exit = ExitTest::Box { lower: &[-90.0], upper: &[90.0] };
        assert_eq!(many.advance(&mut block, 10, &exit), Advanced { steps: 10, ended: false });
        for (lane, start) in [(3, 1.0), (36, 900.0), (39, f64::NAN)] {
            block.load(lane, &replica(&[start], 9, lane as u64));
        }
        assert_eq!(many.advance(&mut block, 10, &exit), Advanced { steps: 1, ended: true });
        let ends: Vec<_> = block.ends().iter().enumerate().filter_map(|(lane, end)| Some((lane, (*end)?))).collect();
        assert_eq!(ends, [(36, LaneEnd::Escaped), (39, LaneEnd::Diverged)]);
        block.clear(36);
        block.clear(39);
        assert!(block.ends().iter().all(Option::is_none));
        assert_eq!(many.advance(&mut block, 10, &exit), Advanced { steps: 10, ended: false });
        assert_eq!(block.steps(3), 11);
    }

    /// Three replicas from these starts for so many steps, which are asked for `at_once`: their states, ends, and the steps.
    fn walked(
        at_once: usize,
        (learning_rate, sampling): (f64, Sampling),
        starts: [f64; 3],
        steps: u64,
    ) -> (Vec<ReplicaState>, Vec<Option<LaneEnd>>, Advanced) {
        let outside = Outside { line: Line::six(), calls: AtomicUsize::new(0), steps: at_once };
        let many = ManySgd::new(&outside, settings(learning_rate, 2, sampling)).unwrap();
        let mut block = many.block();
        starts.iter().enumerate().for_each(|(lane, &start)| block.load(lane, &replica(&[start], 5, lane as u64)));
        let done = many.advance(&mut block, steps, &ExitTest::Never);
        ((0..3).map(|lane| block.store(lane)).collect(), block.ends()[..3].to_vec(), done)
    }

    #[test]
    fn steps_that_are_asked_for_together_are_those_of_one_after_the_other() {
        for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
            for steps in [1, 2, 7, 40] {
                let of = |at_once| walked(at_once, (0.5, sampling), [0.1, -2.0, 0.7], steps);
                assert_eq!(of(16), of(1), "{sampling:?} {steps}");
            }
            // Steps grow, and the second replica leaves the finite numbers within those of a call.
            let of = |at_once| walked(at_once, (3.0, sampling), [0.1, 1e-4 * DIVERGENCE_LIMIT, 0.7], 40);
            let (.., done) = of(1);
            assert!(done.ended && !done.steps.is_power_of_two() && done.steps < 40, "{sampling:?} {done:?}");
            assert_eq!(of(16), of(1), "{sampling:?}");
        }
    }

    #[test]
    fn a_problem_that_asks_for_it_is_given_many() {
        let outside = Outside { line: Line::six(), calls: AtomicUsize::new(0), steps: 1 };
        let settings = settings(0.05, 1, Sampling::WithReplacement);
        let dynamics = Sgd::on(&outside, settings, Precision::Float64).unwrap();
        assert_eq!(dynamics.block().lanes(), 40);
        assert_eq!(Sgd::on(&outside.line, settings, Precision::Float64).unwrap().block().lanes(), 1);
    }
}
