//! Losses evaluated for all lanes at once.

use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::problem::{LaneSamples, QuadraticBasin};
use crate::{Problem, Samples};

/// A loss with its gradient, for the replicas of all lanes at once.
pub trait Landscape<R: Real>: Sync {
    /// Room that an evaluation needs.
    type Work: Send;

    /// Number of parameters `P`.
    fn dim(&self) -> usize;

    /// Room for an evaluation.
    fn work(&self) -> Self::Work;

    /// `∇L(θ)` into `gradient` (`P` lanes); returns `L(θ)`.
    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut Self::Work) -> Lane<R>;
}

/// A landscape whose gradient is a mean over samples.
pub trait GradientNoise<R: Real>: Landscape<R> {
    /// Number of samples `N`.
    fn samples(&self) -> usize;

    /// Adds `Σ_μ w_μ g_μ(θ)` to `out` (`P` lanes), for `weights` (`N` lanes).
    fn add_weighted_gradients(
        &self,
        theta: &[Lane<R>],
        weights: &[Lane<R>],
        out: &mut [Lane<R>],
        work: &mut Self::Work,
    );
}

/// A landscape whose Hessian can be applied to a vector.
pub trait Curved<R: Real>: Landscape<R> {
    /// `H(θ) v` into `out` (`P` lanes each).
    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], work: &mut Self::Work);
}

impl<R: Real> Landscape<R> for QuadraticBasin {
    type Work = ();

    fn dim(&self) -> usize {
        self.curvatures().len()
    }

    fn work(&self) {}

    #[inline(always)]
    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], _work: &mut ()) -> Lane<R> {
        let mut twice = Lane::splat(R::ZERO);
        for ((g, x), &h) in gradient.iter_mut().zip(theta).zip(self.curvatures()) {
            *g = Lane::splat(R::from_f64(h)) * *x;
            twice = g.mul_add(*x, twice);
        }
        Lane::splat(R::from_f64(0.5)).mul_add(twice, Lane::splat(R::from_f64(self.minimum_loss())))
    }
}

impl<R: Real> Curved<R> for QuadraticBasin {
    #[inline(always)]
    fn hessian_product_into(&self, _theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], _work: &mut ()) {
        for ((out, v), &h) in out.iter_mut().zip(v).zip(self.curvatures()) {
            *out = Lane::splat(R::from_f64(h)) * *v;
        }
    }
}

/// The loss of all data of a model that is evaluated in lanes. One evaluation costs `N` evaluations of the model.
// Evaluations are calls, each compiled for the instruction sets by itself: beside a pass over the data a call is nothing, and
// every scheme of every equation would hold several copies of the pass.
#[derive(Debug)]
pub struct AllSamples<R: Real, M: LaneSamples> {
    dim: usize,
    samples: usize,
    data: M::Data<R>,
}

impl<R: Real, M: LaneSamples> AllSamples<R, M> {
    /// The loss of `model`, whose data are copied.
    pub fn new(model: &M) -> Self {
        Self { dim: model.dim(), samples: model.samples(), data: model.samples_data() }
    }
}

impl<R: Real, M: LaneSamples> Landscape<R> for AllSamples<R, M> {
    /// `∂f/∂θ` (`P` lanes).
    type Work = Vec<Lane<R>>;

    fn dim(&self) -> usize {
        self.dim
    }

    fn work(&self) -> Vec<Lane<R>> {
        vec![Lane::splat(R::ZERO); self.dim]
    }

    #[inline(never)]
    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], slope: &mut Vec<Lane<R>>) -> Lane<R> {
        dispatch(
            #[inline(always)]
            || {
                gradient.fill(Lane::splat(R::ZERO));
                let mut twice = Lane::splat(R::ZERO);
                for sample in 0..self.samples {
                    let residual = M::residual_and_slope(&self.data, theta, sample, slope);
                    twice = residual.mul_add(residual, twice);
                    for (g, slope) in gradient.iter_mut().zip(&*slope) {
                        *g = residual.mul_add(*slope, *g);
                    }
                }
                let share = Lane::splat(R::from_f64(1.0 / self.samples as f64));
                for g in gradient {
                    *g = share * *g;
                }
                Lane::splat(R::from_f64(0.5)) * share * twice
            },
        )
    }
}

impl<R: Real, M: LaneSamples> GradientNoise<R> for AllSamples<R, M> {
    fn samples(&self) -> usize {
        self.samples
    }

    #[inline(never)]
    fn add_weighted_gradients(
        &self,
        theta: &[Lane<R>],
        weights: &[Lane<R>],
        out: &mut [Lane<R>],
        slope: &mut Vec<Lane<R>>,
    ) {
        dispatch(
            #[inline(always)]
            || {
                for (sample, weight) in weights.iter().enumerate() {
                    let residual = *weight * M::residual_and_slope(&self.data, theta, sample, slope);
                    for (out, slope) in out.iter_mut().zip(&*slope) {
                        *out = residual.mul_add(*slope, *out);
                    }
                }
            },
        );
    }
}

impl<R: Real, M: LaneSamples> Curved<R> for AllSamples<R, M> {
    #[inline(never)]
    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], slope: &mut Vec<Lane<R>>) {
        dispatch(
            #[inline(always)]
            || {
                out.fill(Lane::splat(R::ZERO));
                for sample in 0..self.samples {
                    let residual = M::residual_and_slope(&self.data, theta, sample, slope);
                    let mut along = Lane::splat(R::ZERO);
                    for (slope, v) in slope.iter().zip(v) {
                        along = slope.mul_add(*v, along);
                    }
                    for (out, slope) in out.iter_mut().zip(&*slope) {
                        *out = along.mul_add(*slope, *out);
                    }
                    M::add_curvature(&self.data, theta, sample, v, residual, out);
                }
                let share = Lane::splat(R::from_f64(1.0 / self.samples as f64));
                for x in out {
                    *x = share * *x;
                }
            },
        );
    }
}

/// Any problem, evaluated for one lane after the other in double precision: as fast as the problem is.
#[derive(Debug)]
pub struct EachReplica<'a, P: Problem + ?Sized>(pub &'a P);

/// Room for one lane of [`EachReplica`].
#[derive(Debug)]
pub struct ReplicaWork {
    theta: Vec<f64>,
    gradient: Vec<f64>,
    part: Vec<f64>,
    /// What the Hessian is applied to.
    vector: Vec<f64>,
    /// Residuals (`m × c`).
    residuals: Vec<f64>,
    scratch: Vec<f64>,
}

impl<P: Problem + ?Sized> EachReplica<'_, P> {
    /// Samples that are evaluated together.
    const BLOCK: usize = 256;

    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let n = self.0.samples();
        (0..n).step_by(Self::BLOCK).map(move |first| first..(first + Self::BLOCK).min(n))
    }
}

impl<R: Real, P: Problem + ?Sized> Landscape<R> for EachReplica<'_, P> {
    type Work = ReplicaWork;

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn work(&self) -> ReplicaWork {
        let (p, block) = (self.0.dim(), Self::BLOCK.min(self.0.samples()));
        ReplicaWork {
            theta: vec![0.0; p],
            gradient: vec![0.0; p],
            part: vec![0.0; p],
            vector: vec![0.0; p],
            residuals: vec![0.0; block * self.0.outputs()],
            scratch: vec![0.0; self.0.scratch_len(block)],
        }
    }

    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut ReplicaWork) -> Lane<R> {
        let n = self.0.samples() as f64;
        Lane::from_fn(|k| {
            work.theta.iter_mut().zip(theta).for_each(|(x, lanes)| *x = lanes[k].to_f64());
            work.gradient.fill(0.0);
            let mut loss = 0.0;
            for block in self.blocks() {
                let share = block.len() as f64 / n;
                let samples = Samples::Range(block);
                let mean = self.0.batch_gradient_into(&work.theta, samples, &mut work.part, &mut work.scratch);
                loss += share * mean;
                work.gradient.iter_mut().zip(&work.part).for_each(|(g, part)| *g += share * part);
            }
            gradient.iter_mut().zip(&work.gradient).for_each(|(lanes, &g)| lanes[k] = R::from_f64(g));
            R::from_f64(loss)
        })
    }
}

impl<R: Real, P: Problem + ?Sized> GradientNoise<R> for EachReplica<'_, P> {
    fn samples(&self) -> usize {
        self.0.samples()
    }

    /// `Σ_μ J_μᵀ (w_μ e_μ)`: one product for each block of samples, whatever `P`.
    fn add_weighted_gradients(
        &self,
        theta: &[Lane<R>],
        weights: &[Lane<R>],
        out: &mut [Lane<R>],
        work: &mut ReplicaWork,
    ) {
        let outputs = self.0.outputs();
        for k in 0..LANES {
            work.theta.iter_mut().zip(theta).for_each(|(x, lanes)| *x = lanes[k].to_f64());
            for block in self.blocks() {
                let samples = Samples::Range(block.clone());
                let residuals = &mut work.residuals[..block.len() * outputs];
                self.0.residuals_into(&work.theta, samples.clone(), residuals, &mut work.scratch);
                for (row, weight) in residuals.chunks_exact_mut(outputs).zip(&weights[block]) {
                    row.iter_mut().for_each(|e| *e *= weight[k].to_f64());
                }
                self.0.vjp_into(&work.theta, residuals, samples, &mut work.part, &mut work.scratch);
                out.iter_mut().zip(&work.part).for_each(|(lanes, &part)| lanes[k] += R::from_f64(part));
            }
        }
    }
}

impl<R: Real, P: Problem + ?Sized> Curved<R> for EachReplica<'_, P> {
    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], work: &mut ReplicaWork) {
        let n = self.0.samples() as f64;
        for k in 0..LANES {
            work.theta.iter_mut().zip(theta).for_each(|(x, lanes)| *x = lanes[k].to_f64());
            work.vector.iter_mut().zip(v).for_each(|(x, lanes)| *x = lanes[k].to_f64());
            work.gradient.fill(0.0);
            for block in self.blocks() {
                let share = block.len() as f64 / n;
                let samples = Samples::Range(block);
                self.0.hvp_into(&work.theta, &work.vector, samples, &mut work.part, &mut work.scratch);
                work.gradient.iter_mut().zip(&work.part).for_each(|(sum, part)| *sum += share * part);
            }
            out.iter_mut().zip(&work.gradient).for_each(|(lanes, &sum)| lanes[k] = R::from_f64(sum));
        }
    }
}
