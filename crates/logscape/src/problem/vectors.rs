//! What a model may offer beyond [`Problem`], so that it is evaluated for the replicas of all lanes at once.
//!
//! | trait | the model | SGD in | SDEs in |
//! |---|---|---|---|
//! | [`LaneModel`] | any, at another sample in each lane | lanes | |
//! | [`LaneSamples`] | any with one output, at one sample in all lanes | | lanes |
//! | [`RowModel`] | `φ(x · θ)`; it has the two above from this | lanes or rows | lanes |
//! | [`SumModel`] | of two parameters, its loss a polynomial | sums over a batch | |
//! | [`NetworkModel`] | dense layers | vectors over units | |

use super::Problem;
use crate::lanes::{LANES, Lane, ROW, Real};
use crate::network::Activation;

/// A problem whose per-sample gradient can be evaluated in lanes.
pub trait LaneModel: Problem {
    /// The data in the precision of `R`.
    type Data<R: Real>: Send + Sync;

    /// The data, copied.
    fn lane_data<R: Real>(&self) -> Self::Data<R>;

    /// Adds the gradient `g_μ` at `theta` (`P` lanes) of the sample `sample[k]` of each lane `k` to `out` (`P` lanes).
    fn add_lane_gradient<R: Real>(data: &Self::Data<R>, theta: &[Lane<R>], sample: &Lane<u32>, out: &mut [Lane<R>]);
}

/// A model with one output that is evaluated at one sample for all lanes.
pub trait LaneSamples: Problem {
    /// The data in the precision of `R`.
    type Data<R: Real>: Send + Sync;

    /// The data, copied.
    fn samples_data<R: Real>(&self) -> Self::Data<R>;

    /// Residual `e_μ` of one sample, returned, and `∂f/∂θ` into `slope` (`P` lanes).
    fn residual_and_slope<R: Real>(
        data: &Self::Data<R>,
        theta: &[Lane<R>],
        sample: usize,
        slope: &mut [Lane<R>],
    ) -> Lane<R>;

    /// Adds `scale · (∂²f/∂θ²) v` at one sample to `out` (`P` lanes), for `v` (`P` lanes).
    fn add_curvature<R: Real>(
        data: &Self::Data<R>,
        theta: &[Lane<R>],
        sample: usize,
        v: &[Lane<R>],
        scale: Lane<R>,
        out: &mut [Lane<R>],
    );
}

/// A problem whose model is a function of the inner product of `θ` with an input, with one output.
pub trait RowModel: Problem {
    /// Input `x_μ` (`P`).
    fn input(&self, sample: usize) -> &[f64];

    /// Target `y_μ`.
    fn target(&self, sample: usize) -> f64;

    /// `(φ(z), φ'(z))`.
    fn link<R: Real>(z: R) -> (R, R);

    /// `φ''(z)`.
    fn link_curvature<R: Real>(z: R) -> R;
}

/// A problem whose loss is a polynomial in `θ`: the gradient over a batch is a function of `θ` and, linear in these, of the
/// sums over the batch of up to [`ROW`] numbers of each sample.
pub trait SumModel: Problem {
    /// The numbers of a sample, for two parameters.
    fn summands(&self, sample: usize) -> [f64; ROW];

    /// The sum of `θ` and of the gradients over a batch.
    fn add_gradient_of_sums<R: Real>(theta: [R; 2], sums: [R; ROW]) -> [R; 2];
}

/// A network of dense layers with one activation between them, the last layer without: `z_l = W_l a_{l−1} + b_l`,
/// `a_l = σ(z_l)`, and `θ = [W₁, b₁, …, W_L, b_L]` with `W_l` of outputs × inputs, row-major.
pub trait NetworkModel: Problem {
    /// Inputs and outputs of every layer, the first layer first.
    fn shapes(&self) -> Vec<[usize; 2]>;

    /// The function `σ` of the hidden units.
    fn activation(&self) -> Activation;

    /// Inputs (`N × n₀`) and targets (`N × n_L`), row-major.
    fn data(&self) -> [&[f64]; 2];
}

/// Coordinates of inputs that stay in registers between the projection and the gradient.
const KEPT: usize = 3;

impl<M: RowModel> LaneModel for M {
    /// Each coordinate of the inputs, and last the targets (`P + 1` columns of `N`).
    type Data<R: Real> = Vec<Vec<R>>;

    fn lane_data<R: Real>(&self) -> Vec<Vec<R>> {
        let column =
            |entry: &dyn Fn(usize) -> f64| (0..self.samples()).map(|sample| R::from_f64(entry(sample))).collect();
        let inputs = (0..self.dim()).map(|i| column(&|sample| self.input(sample)[i]));
        inputs.chain([column(&|sample| self.target(sample))]).collect()
    }

    #[inline(always)]
    fn add_lane_gradient<R: Real>(data: &Vec<Vec<R>>, theta: &[Lane<R>], sample: &Lane<u32>, out: &mut [Lane<R>]) {
        let zero = Lane::splat(R::ZERO);
        let (mut kept, mut projection) = ([zero; KEPT], zero);
        for i in 0..theta.len() {
            let input = Lane::gather(&data[i], sample);
            if i < KEPT {
                kept[i] = input;
            }
            projection = theta[i].mul_add(input, projection);
        }
        let target = Lane::gather(&data[theta.len()], sample);
        let mut weight = projection;
        for k in 0..LANES {
            let (value, slope) = M::link(projection.0[k]);
            weight.0[k] = (value - target.0[k]) * slope;
        }
        for i in 0..theta.len() {
            let input = if i < KEPT { kept[i] } else { Lane::gather(&data[i], sample) };
            out[i] = weight.mul_add(input, out[i]);
        }
    }
}

impl<M: RowModel> LaneSamples for M {
    /// Inputs (`N × P`) and targets (`N`).
    type Data<R: Real> = (Vec<R>, Vec<R>);

    fn samples_data<R: Real>(&self) -> Self::Data<R> {
        let all = 0..self.samples();
        let inputs = all.clone().flat_map(|sample| self.input(sample).iter().map(|&x| R::from_f64(x)));
        (inputs.collect(), all.map(|sample| R::from_f64(self.target(sample))).collect())
    }

    #[inline(always)]
    fn residual_and_slope<R: Real>(
        data: &Self::Data<R>,
        theta: &[Lane<R>],
        sample: usize,
        slope: &mut [Lane<R>],
    ) -> Lane<R> {
        let input = &data.0[sample * theta.len()..][..theta.len()];
        let projection = onto(input, theta);
        let (mut value, mut derivative) = (projection, projection);
        for k in 0..LANES {
            (value.0[k], derivative.0[k]) = M::link(projection.0[k]);
        }
        for (out, &input) in slope.iter_mut().zip(input) {
            *out = derivative * Lane::splat(input);
        }
        value - Lane::splat(data.1[sample])
    }

    #[inline(always)]
    fn add_curvature<R: Real>(
        data: &Self::Data<R>,
        theta: &[Lane<R>],
        sample: usize,
        v: &[Lane<R>],
        scale: Lane<R>,
        out: &mut [Lane<R>],
    ) {
        let input = &data.0[sample * theta.len()..][..theta.len()];
        let factor = scale * onto(input, theta).map(M::link_curvature) * onto(input, v);
        for (out, &input) in out.iter_mut().zip(input) {
            *out = factor.mul_add(Lane::splat(input), *out);
        }
    }
}

/// `x · v` for an input `x` (`P`) and lanes `v` (`P`).
#[inline(always)]
fn onto<R: Real>(input: &[R], v: &[Lane<R>]) -> Lane<R> {
    let mut sum = Lane::splat(R::ZERO);
    for (v, &input) in v.iter().zip(input) {
        sum = v.mul_add(Lane::splat(input), sum);
    }
    sum
}
