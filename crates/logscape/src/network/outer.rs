//! The samples' gradients in the weights of a dense layer: outer products, whose matrix needs half of the flops of that of other
//! gradients.
//!
//! With `δ` the cotangent of the layer's outputs and `a` its input, the gradient of a sample in the weight `(i, k)` is `δ_i a_k`. The
//! matrix of the gradients has the entries `Σ (δ_i δ_j)(a_k a_l)`, which are the same for `(i, j)` and `(j, i)`, and for `(k, l)` and
//! `(l, k)`: a product of the pairs of cotangents with the pairs of inputs, about half of each.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

use super::transform::Float;
use super::triangle::{add_sums, reflect};
use crate::lanes::dispatch;

/// Pairs of cotangents, and of inputs, that are multiplied at once, about, as far as there are so many.
const PAIRS: usize = 256;

/// Samples whose pairs are multiplied at once: they stay in the cache of a core.
const SAMPLES: usize = 256;

/// Inputs, outputs and weights of a layer, at least, whose pairs are worth their while.
const WORTH: [usize; 3] = [8, 8, 768];

/// The weights (`outputs × inputs`, row-major) of a dense layer.
#[derive(Debug, Clone)]
pub(super) struct OuterProducts {
    /// The layer's place in the network.
    pub(super) node: usize,
    /// Its weights among all parameters.
    pub(super) weights: Range<usize>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// What the gradients of some samples in a layer's weights are made of (`samples × (inputs + outputs)`).
pub(super) struct Factors<'a, R> {
    inputs: usize,
    /// Row-major.
    rows: MatRef<'a, R>,
    columns: Mat<R>,
}

/// A part of the matrix of the gradients in a layer's weights.
pub(super) struct Square<'a> {
    layer: &'a OuterProducts,
    outputs: Range<usize>,
    inputs: Range<usize>,
    /// For each of the outputs, the columns of its weights of the inputs (`weights × inputs`).
    columns: Vec<MatMut<'a, f64>>,
}

impl OuterProducts {
    pub(super) fn is_worth(&self) -> bool {
        let [inputs, outputs, weights] = WORTH;
        self.inputs >= inputs && self.outputs >= outputs && self.weights.len() >= weights
    }

    /// Numbers of a sample that its gradient is made of.
    pub(super) fn factors(&self) -> usize {
        self.inputs + self.outputs
    }

    /// Writes what the gradient of a sample is made of to `out`: `a/r` and `r δ` for a power of two `r` as large as `a`, so that pairs
    /// have the range of the gradient's squares.
    pub(super) fn write_factors<R: Float>(&self, input: &[R], cotangent: &[R], out: &mut [R]) {
        let largest = input.iter().fold(0.0, |largest: f64, x| largest.max(x.to_f64().abs()));
        let r = largest.log2().floor().exp2();
        // Not where that, or its inverse, is no number of this type: of zeros, and of inputs at the ends of its range.
        let r = if [r, r.recip()].iter().all(|&x| R::from_f64(x).to_f64().is_normal()) { r } else { 1.0 };
        let (inputs, cotangents) = out.split_at_mut(self.inputs);
        let write = |from: &[R], factor: f64, to: &mut [R]| {
            let factor = R::from_f64(factor);
            to.iter_mut().zip(from).for_each(|(to, &x)| *to = factor * x);
        };
        write(input, r.recip(), inputs);
        write(cotangent, r, cotangents);
    }

    /// Parts of `matrix` (`weights × weights`) for the pairs of some outputs and of some inputs each.
    pub(super) fn squares<'a>(&'a self, matrix: MatMut<'a, f64>) -> Vec<Square<'a>> {
        let (outputs, inputs) = (groups(self.outputs), groups(self.inputs));
        let mut squares = Vec::with_capacity(outputs.len() * inputs.len());
        let mut rest = matrix;
        for outputs in outputs {
            let first = squares.len();
            let square = |inputs: &Range<usize>| Square {
                layer: self,
                outputs: outputs.clone(),
                inputs: inputs.clone(),
                columns: Vec::with_capacity(outputs.len()),
            };
            squares.extend(inputs.iter().map(square));
            for _ in outputs {
                for square in &mut squares[first..] {
                    let (columns, after) = rest.split_at_col_mut(square.inputs.len());
                    square.columns.push(columns);
                    rest = after;
                }
            }
        }
        squares
    }

    /// Copies what [`Square::add`] has written, of `matrix` (`weights × weights`), to the other inputs of the same outputs; less the
    /// products of the mean gradient's entries, which are not the same there.
    pub(super) fn complete(&self, matrix: MatMut<f64>, mean: Option<&[f64]>) {
        let n = self.inputs;
        let mean = mean.map(|m| &m[self.weights.clone()]);
        matrix.par_col_chunks_mut(n).enumerate().for_each(|(j, columns)| {
            let below = columns.subrows_mut(j * n, (self.outputs - j) * n);
            below.par_row_chunks_mut(n).enumerate().for_each(|(place, mut block)| {
                reflect(block.as_mut());
                if let Some(mean) = mean {
                    let (rows, columns) = (&mean[(j + place) * n..], &mean[j * n..]);
                    for (column, own) in block.col_iter_mut().zip(columns) {
                        column.iter_mut().zip(rows).for_each(|(entry, row)| *entry -= row * own);
                    }
                }
            });
        });
    }
}

impl<'a, R: Float> Factors<'a, R> {
    /// From [what is written](OuterProducts::write_factors) for each sample (row-major).
    pub(super) fn of(layer: &OuterProducts, rows: MatRef<'a, R>) -> Self {
        let mut columns = Mat::zeros(rows.nrows(), rows.ncols());
        columns.copy_from(rows);
        Self { inputs: layer.inputs, rows, columns }
    }

    fn of_input(&self, input: usize) -> &[R] {
        self.columns.col_as_slice(input)
    }

    fn of_output(&self, output: usize) -> &[R] {
        self.columns.col_as_slice(self.inputs + output)
    }

    /// The gradients in these weights (`samples × weights`).
    pub(super) fn gradients(&self, weights: Range<usize>) -> Mat<R> {
        let mut gradients = Mat::zeros(self.rows.nrows(), weights.len());
        dispatch(
            #[inline(always)]
            || {
                for (weight, out) in weights.zip(gradients.col_iter_mut()) {
                    let out = out.try_as_col_major_mut().expect("a column").as_slice_mut();
                    multiply(self.of_input(weight % self.inputs), self.of_output(weight / self.inputs), out);
                }
            },
        );
        gradients
    }

    /// The products of the `columns`' inputs with those from them on (`samples × pairs`, row-major), of these samples.
    #[inline(always)]
    fn pairs_of_inputs(&self, samples: Range<usize>, columns: Range<usize>, out: &mut [R]) {
        let width = out.len() / samples.len();
        for (sample, mut out) in samples.zip(out.chunks_exact_mut(width)) {
            let row = self.rows.row(sample).try_as_row_major().expect("a row").as_slice();
            for column in columns.clone() {
                let (own, rest) = out.split_at_mut(self.inputs - column);
                for (out, &x) in own.iter_mut().zip(&row[column..]) {
                    *out = x * row[column];
                }
                out = rest;
            }
        }
    }

    /// The products of the `columns`' cotangents with those from them on (`samples × pairs`, column-major), of these samples.
    #[inline(always)]
    fn pairs_of_cotangents(&self, samples: Range<usize>, columns: Range<usize>, out: &mut [R]) {
        let outputs = self.columns.ncols() - self.inputs;
        let pairs = columns.flat_map(|j| (j..outputs).map(move |i| (i, j)));
        for ((i, j), out) in pairs.zip(out.chunks_exact_mut(samples.len())) {
            multiply(&self.of_output(i)[samples.clone()], &self.of_output(j)[samples.clone()], out);
        }
    }
}

#[inline(always)]
fn multiply<R: Float>(left: &[R], right: &[R], out: &mut [R]) {
    for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
        *out = left * right;
    }
}

impl Square<'_> {
    /// Adds what some samples contribute, [as it is elsewhere](add_sums): for each pair of outputs, to the entries of which the row's
    /// input does not come before the column's.
    pub(super) fn add<R: Float>(mut self, factors: &Factors<R>, samples: f64) {
        let OuterProducts { inputs: n, outputs: c, .. } = self.layer;
        let (left, right) = (pairs(*n, &self.inputs), pairs(*c, &self.outputs));
        let mut sums = Mat::<R>::zeros(left, right);
        let mut room = vec![R::ZERO; SAMPLES * (left + right)];
        for first in (0..factors.rows.nrows()).step_by(SAMPLES) {
            let chunk = first..factors.rows.nrows().min(first + SAMPLES);
            let count = chunk.len();
            let (of_inputs, rest) = room.split_at_mut(count * left);
            let of_outputs = &mut rest[..count * right];
            dispatch(
                #[inline(always)]
                || {
                    factors.pairs_of_inputs(chunk.clone(), self.inputs.clone(), of_inputs);
                    factors.pairs_of_cotangents(chunk.clone(), self.outputs.clone(), of_outputs);
                },
            );
            let of_inputs = MatRef::from_row_major_slice(of_inputs, count, left);
            let of_outputs = MatRef::from_column_major_slice(of_outputs, count, right);
            matmul(&mut sums, Accum::Add, of_inputs.transpose(), of_outputs, R::ONE, Par::Seq);
        }
        let mut of_outputs = sums.col_iter();
        for (j, columns) in self.outputs.clone().zip(&mut self.columns) {
            for (i, sums) in (j..*c).zip(&mut of_outputs) {
                let mut sums = sums.iter();
                for (place, l) in self.inputs.clone().enumerate() {
                    let entries = columns.as_mut().col_mut(place).subrows_mut(i * n + l, n - l);
                    add_sums(entries, (&mut sums).take(n - l), samples, None);
                }
            }
        }
    }
}

/// How many entries some columns of a triangle of this size have.
fn pairs(size: usize, columns: &Range<usize>) -> usize {
    columns.clone().map(|column| size - column).sum()
}

/// The columns of a triangle of this size one after the other, in groups that have about [`PAIRS`] entries each.
fn groups(size: usize) -> Vec<Range<usize>> {
    let all = pairs(size, &(0..size));
    let count = ((all as f64 / PAIRS as f64).round() as usize).clamp(1, size);
    let (mut groups, mut start, mut before) = (Vec::with_capacity(count), 0, 0);
    for column in 0..size {
        before += size - column;
        if before * count >= all * (groups.len() + 1) {
            groups.push(start..column + 1);
            start = column + 1;
        }
    }
    groups
}
