//! A network around a point: curvature by products, in single or double precision, with the first pass kept.

use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::Network;
use super::graph::Block;
use super::outer::OuterProducts;
use super::pass::Primal;
use super::second_moment::second_moment;
use super::sparse::{Sparse, SparseInputs, turn};
use super::transform::{Float, inner};
use crate::model::Pieces;
use crate::operator::{Gradients, LinearOperator, Linearisation, Matrix, SamplesAlong, axpy};
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

/// Numbers of the vectors of a product whose memory is kept for the next, at most: for more the first use of memory is a small part of it.
const DIRECTIONS: usize = 1 << 22;

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

/// The matrix of a [`Linearised`] network, known by its products.
pub struct MatrixOperator<'a, R> {
    linearised: &'a Linearised<'a, R>,
    which: Matrix,
    /// `∇L` of a covariance, once it was needed.
    gradient: OnceLock<Vec<f64>>,
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

impl<R: Float> Linearisation for Linearised<'_, R> {
    fn operator(&self, which: Matrix) -> Box<dyn LinearOperator + '_> {
        Box::new(MatrixOperator { linearised: self, which, gradient: OnceLock::new() })
    }

    fn gradients(&self, stop: &Stop) -> Result<Gradients, Interrupted> {
        let (graph, n) = (&self.network.graph, self.network.samples() as f64);
        let samples = Mutex::new(vec![[0.0; 2]; self.network.samples()]);
        let mut gradient = vec![0.0; self.theta.len()];
        self.summed(&mut gradient, self.parts(1), stop, |primal, Room { out, work, .. }| {
            graph.add_gradient(primal.block, primal.cotangents, out, work);
            let mut squares = vec![0.0; primal.block.samples];
            graph.add_gradient_grams(primal.block, &[primal.cotangents], &mut squares, work);
            let Samples::Range(range) = primal.samples.clone() else { unreachable!("blocks are ranges") };
            // Cotangents have the share in them.
            let rows = primal.losses().into_iter().zip(squares).map(|(loss, square)| [loss, n * n * square]);
            let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            samples[range].iter_mut().zip(rows).for_each(|(sample, row)| *sample = row);
        })?;
        let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
        let loss = samples.iter().map(|sample| sample[0]).sum::<f64>() / n;
        Ok(Gradients { loss, gradient, squares: samples.into_iter().map(|sample| sample[1]).collect() })
    }

    fn along(&self, vectors: &[Vec<f64>], stop: &Stop) -> Result<Vec<SamplesAlong>, Interrupted> {
        let (graph, n) = (&self.network.graph, self.network.samples() as f64);
        let (c, k) = (graph.outputs(), vectors.len());
        let vectors: Vec<R> = vectors.iter().flatten().map(|&x| R::from_f64(x)).collect();
        let mut turned = Turned::default();
        self.turn(&vectors, &mut turned);
        // Of each sample and vector: outputs, slope, curvature.
        let rows = self.rows(stop, |primal, room| {
            let m = primal.block.samples;
            let (rates, bends) = (&mut room.rates[..m * graph.units()], &mut room.changes[..m * graph.units()]);
            let mut rows = vec![0.0; m * k * (c + 2)];
            let cotangents = graph.output(primal.cotangents, m).chunks_exact(c);
            for (v, along) in vectors.chunks_exact(self.theta.len()).enumerate() {
                primal.tangent(along, turned.of(v), rates, &mut room.work);
                primal.bends((along, rates), 1.0 / n, bends, &mut room.work);
                let place = |sample: usize| (sample * k + v) * (c + 2);
                for (sample, (cotangents, rates)) in
                    cotangents.clone().zip(graph.output(rates, m).chunks_exact(c)).enumerate()
                {
                    let row = &mut rows[place(sample)..][..c + 2];
                    row.iter_mut().zip(rates).for_each(|(out, rate)| *out = rate.to_f64());
                    row[c] = n * inner(cotangents, rates);
                }
                graph.add_inner(m, bends, rates, |sample, sum| rows[place(sample) + c + 1] += 2.0 * n * sum);
            }
            rows
        })?;
        let of = |v: usize| {
            let rows = || rows.chunks_exact(c + 2).skip(v).step_by(k);
            SamplesAlong {
                outputs: rows().flat_map(|row| &row[..c]).copied().collect(),
                slopes: rows().map(|row| row[c]).collect(),
                curvatures: rows().map(|row| row[c + 1]).collect(),
            }
        };
        Ok((0..k).map(of).collect())
    }

    fn gauss_newton_trace(&self, stop: &Stop) -> Result<f64, Interrupted> {
        let (graph, n) = (&self.network.graph, self.network.samples() as f64);
        let c = graph.outputs();
        let squares = self.rows(stop, |primal, room| {
            let m = primal.block.samples;
            let cotangents = &mut room.rates[..m * graph.units()];
            let (mut squares, mut column) = (vec![0.0; m], vec![0.0; c]);
            let gradients = graph.output(primal.cotangents, m).to_vec();
            for k in 0..c {
                let rows = gradients.chunks_exact(c).zip(graph.output_mut(cotangents, m).chunks_exact_mut(c));
                for (sample, (gradient, out)) in rows.enumerate() {
                    let gradient: Vec<f64> = gradient.iter().map(|x| n * x.to_f64()).collect();
                    let targets = self.network.target(primal.samples.get(sample));
                    let weight = self.network.loss.hessian_part(&gradient, targets, k, &mut column).sqrt();
                    out.iter_mut().zip(&column).for_each(|(out, x)| *out = R::from_f64(weight * x));
                }
                graph.backward(primal.block, cotangents, &mut room.work);
                graph.add_gradient_grams(primal.block, &[cotangents], &mut squares, &mut room.work);
            }
            squares
        })?;
        Ok(squares.iter().sum::<f64>() / n)
    }

    fn kept_share(&self) -> f64 {
        self.kept.len() as f64 / self.blocks.len() as f64
    }
}

impl<R: Float> MatrixOperator<'_, R> {
    /// `∇L` (`P`), where it is a part of the matrix.
    fn mean(&self, stop: &Stop) -> Result<Option<&[f64]>, Interrupted> {
        if self.which != Matrix::NoiseCovariance {
            return Ok(None);
        }
        if self.gradient.get().is_none() {
            let gradient = self.linearised.gradient(stop)?;
            return Ok(Some(self.gradient.get_or_init(|| gradient)));
        }
        Ok(self.gradient.get().map(Vec::as_slice))
    }

    /// Adds the block's part of the products with `vectors` (`k × P`) to the room's numbers.
    fn add(&self, primal: &Primal<R>, vectors: &[R], turned: &Turned<R>, room: &mut Room<R>) {
        let (p, samples) = (self.dim(), self.linearised.network.samples() as f64);
        let (share, size) = (1.0 / samples, primal.block.samples * primal.network.graph.units());
        let Room { rates, changes, work, out, .. } = room;
        let (rates, changes) = (&mut rates[..size], &mut changes[..size]);
        for (k, (v, out)) in vectors.chunks_exact(p).zip(out.chunks_exact_mut(p)).enumerate() {
            primal.tangent(v, turned.of(k), rates, work);
            match self.which {
                Matrix::Hessian => primal.add_hessian((v, rates), share, changes, out, work),
                Matrix::GaussNewton => primal.add_gauss_newton(share, rates, changes, out, work),
                Matrix::Residual => primal.add_hessian((v, rates), 0.0, changes, out, work),
                // Cotangents have the share in them.
                Matrix::NoiseCovariance | Matrix::EmpiricalFisher => {
                    primal.add_projected_gradients(samples, rates, changes, out, work);
                }
            }
        }
    }
}

impl<R: Float> LinearOperator for MatrixOperator<'_, R> {
    fn dim(&self) -> usize {
        self.linearised.theta.len()
    }

    /// Of the gradients' matrices, from the samples' gradients.
    fn matrix(&self, stop: &Stop) -> Option<Result<Mat<f64>, Interrupted>> {
        if !self.which.is_of_noise() {
            return None;
        }
        let mean = match self.mean(stop) {
            Ok(mean) => mean,
            Err(interrupted) => return Some(Err(interrupted)),
        };
        let around = self.linearised;
        let layers = around.network.graph.outer_products();
        let write = |block: usize, first: usize, out: [&mut [R]; 2]| {
            around.sample_gradients(block, (first, &layers), out);
        };
        Some(second_moment((self.dim(), mean), &around.blocks, &layers, write, stop))
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        assert!(block.nrows() == out.nrows() && block.ncols() == out.ncols());
        let (this, p, mean) = (self.linearised, self.dim(), self.mean(stop)?);
        // As many vectors at once as the parts' sums have room for.
        let together = (SUMS / p / 2).clamp(1, block.ncols().max(1));
        let kept = || this.directions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut directions = std::mem::take(&mut *kept());
        let Directions { vectors, turned, images } = &mut directions;
        for first in (0..block.ncols()).step_by(together) {
            let count = together.min(block.ncols() - first);
            let (block, out) = (block.subcols(first, count), out.as_mut().subcols_mut(first, count));
            vectors.resize(count * p, R::ZERO);
            vectors.par_chunks_exact_mut(p).enumerate().for_each(|(j, vector)| {
                vector.iter_mut().zip(block.col(j).iter()).for_each(|(to, &from)| *to = R::from_f64(from));
            });
            this.turn(vectors, turned);
            images.resize(count * p, 0.0);
            this.summed(images, this.parts(together), stop, |primal, room| self.add(primal, vectors, turned, room))?;
            images.par_chunks_exact_mut(p).zip(out.par_col_iter_mut()).enumerate().for_each(|(j, (image, out))| {
                if let Some(gradient) = mean {
                    let along: f64 = block.col(j).iter().zip(gradient).map(|(v, g)| v * g).sum();
                    axpy(-along, gradient, image);
                }
                out.iter_mut().zip(image).for_each(|(out, x)| *out = *x);
            });
        }
        if directions.vectors.len() <= DIRECTIONS {
            *kept() = directions;
        }
        Ok(())
    }
}
