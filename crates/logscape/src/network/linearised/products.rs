//! What is known around a point: gradients, curvature along directions, and matrices by their products with blocks of vectors.

use std::sync::{Mutex, OnceLock, PoisonError};

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::{Directions, Linearised, Room, SUMS, Turned};
use crate::network::pass::Primal;
use crate::network::second_moment::second_moment;
use crate::network::transform::{Float, inner};
use crate::operator::{Gradients, LinearOperator, Linearisation, Matrix, SamplesAlong, axpy};
use crate::problem::{Problem, Samples};
use crate::{Interrupted, Stop};

/// Numbers of the vectors of a product whose memory is kept for the next, at most: for more the first use of memory is a small part of it.
const DIRECTIONS: usize = 1 << 22;

impl<R: Float> Linearisation for Linearised<'_, R> {
    fn operator(&self, which: Matrix) -> Box<dyn LinearOperator + '_> {
        Box::new(MatrixOperator::new(self, which))
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

/// The matrix of a [`Linearised`] network, known by its products.
pub struct MatrixOperator<'a, R> {
    linearised: &'a Linearised<'a, R>,
    which: Matrix,
    /// `∇L` of a covariance, once it was needed.
    gradient: OnceLock<Vec<f64>>,
}

/// What a product with a covariance takes off the gradients' projections on its vectors, so that their sum with the gradients has nothing
/// to cancel.
struct Centre {
    /// The mean gradient's projections.
    means: Vec<f64>,
    /// Of each block and vector, the sum of the projections left: of all blocks nothing but rounding.
    left: Mutex<Vec<f64>>,
}

impl<'a, R: Float> MatrixOperator<'a, R> {
    pub(super) fn new(linearised: &'a Linearised<'a, R>, which: Matrix) -> Self {
        Self { linearised, which, gradient: OnceLock::new() }
    }

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
    fn add(&self, primal: &Primal<R>, (vectors, turned): (&[R], &Turned<R>), centre: &Centre, room: &mut Room<R>) {
        let (p, samples) = (self.dim(), self.linearised.network.samples() as f64);
        let (share, size) = (1.0 / samples, primal.block.samples * primal.network.graph.units());
        let block = primal.samples.get(0) / primal.network.block;
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
                    let left = primal.add_projected_gradients((samples, centre.means[k]), rates, changes, out, work);
                    centre.left.lock().unwrap_or_else(PoisonError::into_inner)[block * centre.means.len() + k] = left;
                }
            }
        }
    }
}

impl<R: Float> LinearOperator for MatrixOperator<'_, R> {
    fn dim(&self) -> usize {
        self.linearised.theta.len()
    }

    /// Of the gradients' matrices, from the samples' gradients. The covariance is the second moment less the mean gradient's share, and has
    /// the rounding of the former.
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
            let along = |j: usize| mean.map_or(0.0, |mean| block.col(j).iter().zip(mean).map(|(v, g)| v * g).sum());
            let centre = Centre {
                means: (0..count).into_par_iter().map(along).collect(),
                left: Mutex::new(vec![0.0; this.blocks.len() * count]),
            };
            images.resize(count * p, 0.0);
            let add = |primal: &Primal<R>, room: &mut Room<R>| self.add(primal, (vectors, turned), &centre, room);
            this.summed(images, this.parts(together), stop, add)?;
            let left = centre.left.into_inner().unwrap_or_else(PoisonError::into_inner);
            images.par_chunks_exact_mut(p).zip(out.par_col_iter_mut()).enumerate().for_each(|(j, (image, out))| {
                if let Some(mean) = mean {
                    let left: f64 = left.iter().skip(j).step_by(count).sum();
                    axpy(-left / this.network.samples() as f64, mean, image);
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
