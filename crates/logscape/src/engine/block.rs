//! The three layouts of replicas in memory.

use std::slice;

use super::{Advanced, Block, ExitTest, LaneEnd, ReplicaState};
use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::random::{Gaussian, Normals};

/// Steps taken and the lanes that ended at the last one, while they are at work: bit `k` of a mask stands for lane `k` of
/// [`LANES`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Masks {
    /// Steps taken.
    pub(super) steps: u64,
    /// Occupied lanes that have left and not diverged.
    pub(super) escaped: u32,
    /// Occupied lanes that have diverged.
    pub(super) diverged: u32,
}

impl Masks {
    /// Whether a replica has ended.
    #[inline(always)]
    pub(super) fn ended(&self) -> bool {
        self.escaped | self.diverged != 0
    }

    /// How the replica of a lane has ended.
    fn end(&self, lane: usize) -> Option<LaneEnd> {
        let is_set = |mask: u32| mask >> lane & 1 == 1;
        match (is_set(self.diverged), is_set(self.escaped)) {
            (true, _) => Some(LaneEnd::Diverged),
            (false, true) => Some(LaneEnd::Escaped),
            (false, false) => None,
        }
    }

    /// What is told of them; `ends` is where those of the block stand.
    pub(super) fn tell(self, ends: &mut [Option<LaneEnd>]) -> Advanced {
        ends.iter_mut().enumerate().for_each(|(lane, end)| *end = self.end(lane));
        Advanced { steps: self.steps, ended: self.ended() }
    }
}

/// What both lane layouts keep besides `θ`: which lanes are occupied, steps, generators, ends.
#[derive(Debug, Clone)]
pub struct Clocks<R> {
    /// Bit `k` is set where lane `k` holds a replica.
    pub occupied: u32,
    /// Steps of each replica.
    pub steps: [u64; LANES],
    /// Time `t` of each replica.
    pub time: Lane<f64>,
    /// Random numbers of each replica.
    pub normals: Normals<R>,
    /// How each replica ended: see [`Block::ends`].
    pub ends: [Option<LaneEnd>; LANES],
}

impl<R: Gaussian> Clocks<R> {
    fn new() -> Self {
        Self { occupied: 0, steps: [0; LANES], time: Lane::splat(0.0), normals: Normals::idle(), ends: [None; LANES] }
    }

    fn load(&mut self, lane: usize, state: &ReplicaState) {
        self.occupied |= 1 << lane;
        self.ends[lane] = None;
        self.steps[lane] = state.steps;
        self.time[lane] = state.time;
        self.normals.set(lane, state.rng, state.spare);
    }

    fn store(&self, lane: usize, theta: Vec<f64>) -> ReplicaState {
        let (rng, spare) = self.normals.get(lane);
        ReplicaState {
            theta,
            steps: self.steps[lane],
            time: self.time[lane],
            rng,
            spare,
            order: Vec::new(),
            cursor: 0,
            velocity: Vec::new(),
        }
    }

    fn clear(&mut self, lane: usize) {
        self.occupied &= !(1 << lane);
        self.ends[lane] = None;
    }

    /// Counts `steps` more steps of every replica.
    pub fn count(&mut self, steps: u64) {
        self.steps.iter_mut().for_each(|count| *count += steps);
    }

    /// [`count`](Self::count) where a step takes the time `unit` from the first step on. A product, so that the time does
    /// not depend on how the steps were counted.
    pub fn count_of(&mut self, steps: u64, unit: f64) {
        self.count(steps);
        self.time = Lane::from_fn(|k| self.steps[k] as f64 * unit);
    }
}

/// [`LANES`] replicas, coordinate by coordinate: for few parameters, and models evaluated in all lanes at once.
#[derive(Debug, Clone)]
pub struct LaneBlock<R> {
    /// Coordinates `θ_i` (`P` lanes).
    pub theta: Vec<Lane<R>>,
    /// Steps and generators.
    pub clocks: Clocks<R>,
    /// Room for the dynamics (as many lanes as it asked for).
    pub scratch: Vec<Lane<R>>,
    /// Pairs of samples, for a dynamics that keeps what it has drawn.
    pub drawn: Vec<[Lane<u64>; 2]>,
}

impl<R: Gaussian> LaneBlock<R> {
    /// A block of empty lanes for `dim` parameters, with `scratch` lanes of scratch.
    pub fn new(dim: usize, scratch: usize) -> Self {
        Self {
            theta: vec![Lane::splat(R::ZERO); dim],
            clocks: Clocks::new(),
            scratch: vec![Lane::splat(R::ZERO); scratch],
            drawn: Vec::new(),
        }
    }

    /// Masks of the occupied lanes that have left and of those that have diverged.
    #[inline(always)]
    pub(super) fn masks(&self, exit: &ExitTest) -> (u32, u32) {
        ends(&self.theta, self.clocks.occupied, exit, is_bounded::<R>(exit))
    }
}

/// Whether no replica can diverge inside of `exit`.
#[inline(always)]
pub(super) fn is_bounded<R: Real>(exit: &ExitTest) -> bool {
    // Half of the limit, since bounds are rounded.
    exit.is_bounded(0.5 * R::DIVERGENCE_LIMIT.to_f64())
}

/// Masks of the `occupied` lanes of `theta` (`P` lanes) that have left and of those that have diverged, where it is known
/// whether `exit` [`is_bounded`].
#[inline(always)]
pub(super) fn ends<R: Real>(theta: &[Lane<R>], occupied: u32, exit: &ExitTest, bounded: bool) -> (u32, u32) {
    let any = |flags: Lane<u32>| {
        let mut set = 0;
        for k in 0..LANES {
            set |= flags.0[k] & (occupied >> k);
        }
        set != 0
    };
    if outside(theta, exit, any) || (!bounded && any(lost(theta))) { masks(theta, occupied, exit) } else { (0, 0) }
}

/// [`ends`] where there are some.
// Apart, since few steps come here and single flags would be taken out of their vectors in all.
#[cold]
#[inline(never)]
fn masks<R: Real>(theta: &[Lane<R>], occupied: u32, exit: &ExitTest) -> (u32, u32) {
    let mask = |flags: Lane<u32>| flags.0.iter().zip(0..).fold(0, |mask, (flag, k)| mask | flag << k);
    let (outside, diverged) = dispatch(
        #[inline(always)]
        || (outside(theta, exit, mask), mask(lost(theta))),
    );
    (outside & occupied & !diverged, diverged & occupied)
}

/// Flags of the lanes with a coordinate that is not a number below the limit.
// Flags are whole numbers, since those of lanes stay in vectors where truth values would not.
#[inline(always)]
fn lost<R: Real>(theta: &[Lane<R>]) -> Lane<u32> {
    let limit = R::DIVERGENCE_LIMIT;
    let mut lost = Lane::splat(0);
    for i in 0..theta.len() {
        for k in 0..LANES {
            lost.0[k] |= 1 - u32::from(theta[i].0[k].abs() < limit);
        }
    }
    lost
}

/// What `see` makes of the flags of the lanes that are not inside. What is not a number is inside of half spaces only.
// Each kind of test sees its own flags, which would leave their vectors on the way to a common place.
#[inline(always)]
fn outside<R: Real, T>(theta: &[Lane<R>], exit: &ExitTest, see: impl Fn(Lane<u32>) -> T) -> T {
    let mut outside = Lane::splat(0);
    match *exit {
        ExitTest::Never => see(outside),
        ExitTest::Box { lower, upper } => {
            for i in 0..theta.len() {
                let (low, high) = (R::from_f64(lower[i]), R::from_f64(upper[i]));
                for k in 0..LANES {
                    outside.0[k] |= 1 - u32::from((theta[i].0[k] >= low) & (theta[i].0[k] <= high));
                }
            }
            see(outside)
        }
        ExitTest::Ball { centre, radius_squared } => {
            let mut square = Lane::splat(R::ZERO);
            for i in 0..theta.len() {
                let distance = theta[i] - Lane::splat(R::from_f64(centre[i]));
                square = distance.mul_add(distance, square);
            }
            let limit = R::from_f64(radius_squared);
            for k in 0..LANES {
                outside.0[k] = 1 - u32::from(square.0[k] <= limit);
            }
            see(outside)
        }
        ExitTest::Balls { centres, radii_squared } => {
            let mut square = Lane::splat(R::ZERO);
            for (x, centre) in theta.iter().zip(centres.as_chunks::<LANES>().0) {
                for k in 0..LANES {
                    let distance = x.0[k] - R::from_f64(centre[k]);
                    square.0[k] = distance.mul_add(distance, square.0[k]);
                }
            }
            for k in 0..LANES {
                outside.0[k] = 1 - u32::from(square.0[k] <= R::from_f64(radii_squared[k]));
            }
            see(outside)
        }
        ExitTest::HalfSpaces { normals, offsets } => {
            for j in 0..offsets.len() {
                let mut height = Lane::splat(R::ZERO);
                for i in 0..theta.len() {
                    height = Lane::splat(R::from_f64(normals[j * theta.len() + i])).mul_add(theta[i], height);
                }
                let offset = R::from_f64(offsets[j]);
                for k in 0..LANES {
                    outside.0[k] |= u32::from(height.0[k] > offset);
                }
            }
            see(outside)
        }
    }
}

impl<R: Gaussian> Block for LaneBlock<R> {
    fn lanes(&self) -> usize {
        LANES
    }

    fn load(&mut self, lane: usize, state: &ReplicaState) {
        self.clocks.load(lane, state);
        for (lanes, &x) in self.theta.iter_mut().zip(&state.theta) {
            lanes[lane] = R::from_f64(x);
        }
    }

    fn store(&self, lane: usize) -> ReplicaState {
        let theta = self.theta.iter().map(|lanes| lanes[lane].to_f64()).collect();
        self.clocks.store(lane, theta)
    }

    fn clear(&mut self, lane: usize) {
        self.clocks.clear(lane);
        // Empty lanes are moved too; from zero they stay where arithmetic is fast.
        self.theta.iter_mut().for_each(|lanes| lanes[lane] = R::ZERO);
    }

    fn steps(&self, lane: usize) -> u64 {
        self.clocks.steps[lane]
    }

    fn time(&self, lane: usize) -> f64 {
        self.clocks.time[lane]
    }

    fn theta_into(&self, lane: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.theta.len());
        out.iter_mut().zip(&self.theta).for_each(|(out, lanes)| *out = lanes[lane].to_f64());
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        &self.clocks.ends
    }
}

/// Numbers that stand together in a [`RowBlock`]; rows are padded with zeros to whole chunks.
pub const CHUNK: usize = 4;

/// [`LANES`] replicas one after the other: for inner products of `θ` with samples, which are other samples for each
/// replica.
#[derive(Debug, Clone)]
pub struct RowBlock<R> {
    /// Parameters `P` of one replica.
    dim: usize,
    /// Rows `θ` (`LANES × ⌈P/CHUNK⌉` chunks).
    pub(super) rows: Vec<[R; CHUNK]>,
    /// Steps and generators.
    pub(super) clocks: Clocks<R>,
    /// Lower and upper bounds of a box, the centre of a ball or of each lane's, or the normals of half spaces, padded like rows.
    pub(super) bounds: [Vec<[R; CHUNK]>; 2],
    /// Samples of a step, of every replica (`B` lanes).
    pub(super) drawn: Vec<Lane<u32>>,
    /// Gradient of one replica, where it does not fit into registers.
    pub(super) gradient: Vec<[R; CHUNK]>,
}

impl<R: Gaussian> RowBlock<R> {
    /// A block of empty lanes for `dim` parameters and batches of `batch_size`.
    pub fn new(dim: usize, batch_size: usize) -> Self {
        let row = vec![[R::ZERO; CHUNK]; dim.div_ceil(CHUNK)];
        Self {
            dim,
            rows: row.repeat(LANES),
            clocks: Clocks::new(),
            bounds: [row.clone(), row.clone()],
            drawn: vec![Lane::splat(0); batch_size],
            gradient: row,
        }
    }

    /// Copies the bounds of `exit`; padding is zero and inside.
    pub(super) fn set_bounds(&mut self, exit: &ExitTest) {
        let [first, second] = &mut self.bounds;
        match *exit {
            ExitTest::Never => {}
            ExitTest::Box { lower, upper } => {
                fill(first, lower);
                fill(second, upper);
            }
            ExitTest::Ball { centre, .. } => fill(first, centre),
            ExitTest::Balls { centres, .. } => {
                let width = self.dim.div_ceil(CHUNK);
                first.resize(width * LANES, [R::ZERO; CHUNK]);
                for (i, centre) in centres.chunks_exact(LANES).enumerate() {
                    for (lane, &c) in centre.iter().enumerate() {
                        first[lane * width + i / CHUNK][i % CHUNK] = R::from_f64(c);
                    }
                }
            }
            ExitTest::HalfSpaces { normals, offsets } => {
                let width = self.dim.div_ceil(CHUNK);
                // Grows at the first call; a block is used with one exit.
                first.resize(width * offsets.len().max(1), [R::ZERO; CHUNK]);
                for (row, normal) in first.chunks_exact_mut(width).zip(normals.chunks_exact(self.dim)) {
                    fill(row, normal);
                }
            }
        }
    }

    /// Chunks in a row.
    pub(super) fn width(&self) -> usize {
        self.dim.div_ceil(CHUNK)
    }
}

/// Copies `values` into a row whose padding stays.
fn fill<R: Real>(row: &mut [[R; CHUNK]], values: &[f64]) {
    for (i, &x) in values.iter().enumerate() {
        row[i / CHUNK][i % CHUNK] = R::from_f64(x);
    }
}

impl<R: Gaussian> Block for RowBlock<R> {
    fn lanes(&self) -> usize {
        LANES
    }

    fn load(&mut self, lane: usize, state: &ReplicaState) {
        assert_eq!(state.theta.len(), self.dim);
        self.clocks.load(lane, state);
        let width = self.width();
        fill(&mut self.rows[lane * width..][..width], &state.theta);
    }

    fn store(&self, lane: usize) -> ReplicaState {
        let mut theta = vec![0.0; self.dim];
        self.theta_into(lane, &mut theta);
        self.clocks.store(lane, theta)
    }

    fn clear(&mut self, lane: usize) {
        self.clocks.clear(lane);
        let width = self.width();
        self.rows[lane * width..][..width].fill([R::ZERO; CHUNK]);
    }

    fn steps(&self, lane: usize) -> u64 {
        self.clocks.steps[lane]
    }

    fn time(&self, lane: usize) -> f64 {
        self.clocks.time[lane]
    }

    fn theta_into(&self, lane: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.dim);
        let row = &self.rows[lane * self.width()..];
        out.iter_mut().enumerate().for_each(|(i, out)| *out = row[i / CHUNK][i % CHUNK].to_f64());
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        &self.clocks.ends
    }
}

/// One replica, for problems whose work fills the vector units by itself.
#[derive(Debug, Clone)]
pub struct SoloBlock {
    /// The replica.
    pub state: ReplicaState,
    /// Whether there is one.
    pub occupied: bool,
    /// How it ended: see [`Block::ends`].
    pub end: Option<LaneEnd>,
    /// Indices of a batch (`B`).
    pub batch: Vec<u32>,
    /// Room for the dynamics.
    pub scratch: Vec<f64>,
}

impl SoloBlock {
    /// An empty block for `dim` parameters, batches of `batch_size` and `scratch` numbers of scratch.
    pub fn new(dim: usize, batch_size: usize, scratch: usize) -> Self {
        let state = ReplicaState { theta: vec![0.0; dim], ..ReplicaState::idle() };
        Self { state, occupied: false, end: None, batch: vec![0; batch_size], scratch: vec![0.0; scratch] }
    }
}

impl Block for SoloBlock {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, state: &ReplicaState) {
        self.state.clone_from(state);
        (self.occupied, self.end) = (true, None);
    }

    fn store(&self, _lane: usize) -> ReplicaState {
        self.state.clone()
    }

    fn clear(&mut self, _lane: usize) {
        (self.occupied, self.end) = (false, None);
    }

    fn steps(&self, _lane: usize) -> u64 {
        self.state.steps
    }

    fn time(&self, _lane: usize) -> f64 {
        self.state.time
    }

    fn theta_into(&self, _lane: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.state.theta);
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        slice::from_ref(&self.end)
    }
}
