//! A network around a point: curvature by products, in single or double precision, with the first pass kept.

mod products;

pub use products::MatrixOperator;

use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::Network;
use super::graph::Block;
use super::outer::OuterProducts;
use super::pass::Primal;
use super::sparse::{Sparse, SparseInputs, turn};
use super::transform::Float;
use crate::model::Pieces;
use crate::problem::{Problem, Samples};
use crate::{Interrupted, Stop};

/// Parts of the data that are summed by themselves, at most; fixed, so that sums have the same order on any number of threads.
const PARTS: usize = 16;

/// Blocks of a part, at least, as far as there are so many.
const BLOCKS: usize = 2;

/// Blocks whose sums are taken in the precision of `R`, at most.
const TOGETHER: usize = 4;

/// Numbers of all parts' sums together, at most, unless two parts have more.
const SUMS: usize = 1 << 26;

/// Entries of a product that are summed over the parts at once.
const ENTRIES: usize = 4096;

/// A network at `θ` in the precision of `R`: what its passes over the data write and keep, as far as it fits a limit of memory,
/// so that a product costs the passes along its vector only.
///
/// Sums over the samples of a few blocks are taken in `R`, all others in double precision.
pub struct Linearised<'a, R> {
    network: &'a Network,
    theta: Vec<R>,
    inputs: Vec<R>,
    blocks: Vec<Range<usize>>,
    /// Of each block, the inputs without most of their zeros, where all have many and a layer can leave them out.
    sparse: Option<Vec<SparseInputs<R>>>,
    /// The passes over the first blocks, once they were made.
    kept: Vec<OnceLock<Passes<R>>>,
    /// Room of products that have ended, for the next, since the first use of memory takes longer than a sweep over it.
    rooms: Mutex<Vec<Room<R>>>,
    directions: Mutex<Directions<R>>,
}

/// Vectors of a product and their images (`k × P`).
#[derive(Default)]
struct Directions<R> {
    vectors: Vec<R>,
    turned: Turned<R>,
    images: Vec<f64>,
}

/// Of each vector, the weights of the layer that reads sparse inputs, as `inputs × outputs`; nothing without such a layer.
#[derive(Default)]
struct Turned<R> {
    values: Vec<R>,
    each: usize,
}

impl<R> Turned<R> {
    fn of(&self, vector: usize) -> &[R] {
        &self.values[vector * self.each..][..self.each]
    }
}

/// What a part of a product writes.
struct Room<R> {
    rates: Vec<R>,
    changes: Vec<R>,
    work: Vec<R>,
    /// Sums over some blocks, and over the part (`k × P`) where it has more.
    out: Vec<R>,
    sums: Vec<f64>,
}

/// What the gradient's passes over a block write.
struct Passes<R> {
    values: Vec<R>,
    kept: Vec<R>,
    cotangents: Vec<R>,
}

impl<'a, R: Float> Linearised<'a, R> {
    /// The network at `theta` (`P`), keeping its passes in at most `memory` bytes.
    ///
    /// # Panics
    /// If `theta` has another length than `P`.
    pub fn new(network: &'a Network, theta: &[f64], memory: usize) -> Self {
        assert_eq!(theta.len(), network.dim());
        let single = |values: &[f64]| values.iter().map(|&x| R::from_f64(x)).collect::<Vec<R>>();
        let samples = network.samples();
        let blocks = (0..samples).step_by(network.block).map(|first| first..(first + network.block).min(samples));
        let mut linearised = Self {
            network,
            theta: single(theta),
            inputs: single(&network.inputs),
            blocks: blocks.collect(),
            sparse: None,
            kept: Vec::new(),
            rooms: Mutex::default(),
            directions: Mutex::default(),
        };
        let graph = &network.graph;
        if graph.reads_sparse().is_some() {
            let sparse = |range| SparseInputs::of(linearised.input(range), graph.inputs);
            linearised.sparse = linearised.blocks.par_iter().map(sparse).collect();
        }
        let each = (2 * graph.units() + graph.kept()) * network.block * size_of::<R>();
        let fitting = (memory / each.max(1)).min(linearised.blocks.len());
        linearised.kept.resize_with(fitting, OnceLock::new);
        linearised
    }

    /// What `f(block, room)` makes of each block's samples, in the order of the data, from the passes over it.
    ///
    /// # Errors
    /// On an interrupt, which is asked for before every block.
    fn rows<T: Send>(
        &self,
        stop: &Stop,
        f: impl Fn(&Primal<R>, &mut Room<R>) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, Interrupted> {
        let of = |index: usize| {
            stop.check()?;
            let mut room = self.room(0);
            let rows = self.on_block(index, |primal| f(primal, &mut room));
            self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
            Ok(rows)
        };
        let blocks: Result<Vec<Vec<T>>, Interrupted> = (0..self.blocks.len()).into_par_iter().map(of).collect();
        Ok(blocks?.into_iter().flatten().collect())
    }

    /// Does `work` on the passes over a block, which are made if they are not kept.
    fn on_block<T>(&self, index: usize, work: impl FnOnce(&Primal<R>) -> T) -> T {
        let range = &self.blocks[index];
        let passes;
        let kept = if let Some(kept) = self.kept.get(index) {
            kept.get_or_init(|| self.passes(index))
        } else {
            passes = self.passes(index);
            &passes
        };
        work(&Primal {
            network: self.network,
            samples: Samples::Range(range.clone()),
            block: self.block(index, kept),
            cotangents: &kept.cotangents,
        })
    }

    /// Writes the gradients `g_μ/N` of the samples of a block in the parameters from `first` on to `rows`, and what those of `layers` are
    /// made of to `factors`.
    fn sample_gradients(
        &self,
        block: usize,
        (first, layers): (usize, &[OuterProducts]),
        [rows, factors]: [&mut [R]; 2],
    ) {
        let mut room = self.room(0);
        self.on_block(block, |primal| {
            let graph = &self.network.graph;
            graph.sample_gradients(primal.block, primal.cotangents, first, rows, &mut room.work);
            graph.factors(primal.block, primal.cotangents, layers, factors);
        });
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }

    /// The gradient `∇L` (`P`).
    fn gradient(&self, stop: &Stop) -> Result<Vec<f64>, Interrupted> {
        let mut gradient = vec![0.0; self.theta.len()];
        self.summed(&mut gradient, self.parts(1), stop, |primal, Room { out, work, .. }| {
            primal.network.graph.add_gradient(primal.block, primal.cotangents, out, work);
        })?;
        Ok(gradient)
    }

    /// The inputs of these samples.
    fn input(&self, range: &Range<usize>) -> &[R] {
        let n = self.network.graph.inputs;
        &self.inputs[range.start * n..range.end * n]
    }

    fn block<'b>(&'b self, index: usize, kept: &'b Passes<R>) -> Block<'b, R> {
        let range = &self.blocks[index];
        let sparse = self.sparse.as_ref().map(|sparse| &sparse[index]);
        Block {
            samples: range.len(),
            theta: &self.theta,
            input: self.input(range),
            values: &kept.values,
            kept: &kept.kept,
            sparse: sparse.map(|inputs| Sparse { inputs, turned: &[] }),
        }
    }

    /// The weights of a layer that reads sparse inputs.
    fn sparse_weights(&self) -> Option<Range<usize>> {
        self.sparse.as_ref().and_then(|_| self.network.graph.reads_sparse())
    }

    /// Fills `turned` for `vectors` (`k × P`).
    fn turn(&self, vectors: &[R], turned: &mut Turned<R>) {
        let Some(weights) = self.sparse_weights() else { return };
        let (p, inputs) = (self.theta.len(), self.network.graph.inputs);
        turned.each = weights.len();
        turned.values.resize(vectors.len() / p * weights.len(), R::ZERO);
        let each = turned.values.par_chunks_exact_mut(weights.len()).zip(vectors.par_chunks_exact(p));
        each.for_each(|(out, vector)| turn(&vector[weights.clone()], inputs, out));
    }

    /// The forward pass and the backward pass from `∇_f ℓ / N`.
    fn passes(&self, index: usize) -> Passes<R> {
        let range = &self.blocks[index];
        let (graph, m) = (&self.network.graph, range.len());
        let zeros = |count: usize| vec![R::ZERO; m * count];
        let empty = Passes { values: Vec::new(), kept: Vec::new(), cotangents: Vec::new() };
        let mut new =
            Passes { values: zeros(graph.units()), kept: zeros(graph.kept()), cotangents: zeros(graph.units()) };
        let mut work = vec![R::ZERO; graph.work(m)];
        graph.forward(self.block(index, &empty), true, &mut new.values, &mut new.kept, &mut work);
        let (c, share) = (graph.outputs(), R::from_f64(1.0 / self.network.samples() as f64));
        let mut cotangents = std::mem::take(&mut new.cotangents);
        let rows =
            graph.output(&new.values, m).chunks_exact(c).zip(graph.output_mut(&mut cotangents, m).chunks_exact_mut(c));
        for (sample, (outputs, cotangents)) in range.clone().zip(rows) {
            self.network.loss.add_loss(outputs, self.network.target(sample), cotangents, &mut 0.0);
            cotangents.iter_mut().for_each(|x| *x = share * *x);
        }
        graph.backward(self.block(index, &new), &mut cotangents, &mut work);
        new.cotangents = cotangents;
        new
    }

    /// Room for `count` numbers of sums, used before if there is some.
    fn room(&self, count: usize) -> Room<R> {
        let used = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut room = used.unwrap_or_else(|| {
            let graph = &self.network.graph;
            let m = self.network.block.min(self.network.samples());
            let zeros = |count: usize| vec![R::ZERO; count];
            let (rates, changes) = (zeros(m * graph.units()), zeros(m * graph.units()));
            Room { rates, changes, work: zeros(graph.work(m)), out: Vec::new(), sums: Vec::new() }
        });
        room.out.resize(count, R::ZERO);
        room
    }

    /// The sums over `blocks` of the `count` numbers that `add(block, room)` adds to those of a room, in the room that is returned.
    fn part(
        &self,
        blocks: Range<usize>,
        count: usize,
        pieces: &Pieces,
        add: &(impl Fn(&Primal<R>, &mut Room<R>) + Sync),
    ) -> Room<R> {
        let mut room = self.room(count);
        let several = blocks.len() > TOGETHER;
        room.sums.clear();
        room.sums.resize(if several { count } else { 0 }, 0.0);
        for together in blocks.clone().step_by(TOGETHER) {
            room.out.fill(R::ZERO);
            for index in together..blocks.end.min(together + TOGETHER) {
                if pieces.are_over() {
                    return room;
                }
                self.on_block(index, |primal| add(primal, &mut room));
            }
            for (sum, x) in room.sums.iter_mut().zip(&room.out) {
                *sum += x.to_f64();
            }
        }
        room
    }

    /// How many parts of the data are summed by themselves, for products with so many vectors at once.
    fn parts(&self, together: usize) -> usize {
        (SUMS / (self.theta.len() * together)).clamp(2, PARTS).min(self.blocks.len().div_ceil(BLOCKS))
    }

    /// Fills `out` (`k × P`) with the sums over all blocks of the gradients that `add(block, room)` adds to as many numbers of a room.
    ///
    /// # Errors
    /// On an interrupt, which is asked for before every block.
    fn summed(
        &self,
        out: &mut [f64],
        parts: usize,
        stop: &Stop,
        add: impl Fn(&Primal<R>, &mut Room<R>) + Sync,
    ) -> Result<(), Interrupted> {
        let pieces = stop.pieces();
        let bound = |k: usize| k * self.blocks.len() / parts;
        let count = out.len();
        let mut rooms: Vec<Room<R>> =
            (0..parts).into_par_iter().map(|k| self.part(bound(k)..bound(k + 1), count, &pieces, &add)).collect();
        if let Err(interrupted) = pieces.ended() {
            self.rooms.lock().unwrap_or_else(PoisonError::into_inner).extend(rooms);
            return Err(interrupted);
        }
        out.par_chunks_mut(ENTRIES).enumerate().for_each(|(chunk, out)| {
            out.fill(0.0);
            let first = chunk * ENTRIES;
            for room in &rooms {
                if room.sums.is_empty() {
                    out.iter_mut().zip(&room.out[first..]).for_each(|(out, x)| *out += x.to_f64());
                } else {
                    out.iter_mut().zip(&room.sums[first..]).for_each(|(out, x)| *out += x);
                }
            }
        });
        if let Some(weights) = self.sparse_weights() {
            let (p, outputs) = (self.theta.len(), weights.len() / self.network.graph.inputs);
            let each = (count / p).div_ceil(rooms.len());
            out.par_chunks_mut(each * p).zip(&mut rooms).for_each(|(out, room)| {
                for out in out.chunks_exact_mut(p) {
                    let out = &mut out[weights.clone()];
                    room.sums.clear();
                    room.sums.extend_from_slice(out);
                    turn(&room.sums, outputs, out);
                }
            });
        }
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner).extend(rooms);
        Ok(())
    }
}
