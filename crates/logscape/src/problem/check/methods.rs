//! The methods of a problem as a table, for checks that are the same for all.

use crate::problem::{Problem, Samples};

/// What the methods are called with.
#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) problem: &'a dyn Problem,
    /// Parameters (`P`).
    pub(super) theta: &'a [f64],
    /// A tangent (`P`).
    pub(super) v: &'a [f64],
    /// Cotangents of every sample of the data (`N × c`); a call gets those of its samples.
    pub(super) u: &'a [f64],
    /// The samples of the call.
    pub(super) samples: Samples<'a>,
}

impl<'a> Case<'a> {
    /// The same at other samples.
    pub(super) fn over<'b>(&self, samples: Samples<'b>) -> Case<'b>
    where
        'a: 'b,
    {
        Case { samples, problem: self.problem, theta: self.theta, v: self.v, u: self.u }
    }

    /// The same at one sample.
    pub(super) fn at(&self, sample: usize) -> Case<'a> {
        Case { samples: Samples::Range(sample..sample + 1), ..self.clone() }
    }

    /// The same with another tangent.
    pub(super) fn along<'b>(&self, v: &'b [f64]) -> Case<'b>
    where
        'a: 'b,
    {
        Case { v, ..self.over(self.samples.clone()) }
    }

    /// The same at other parameters.
    pub(super) fn moved<'b>(&self, theta: &'b [f64]) -> Case<'b>
    where
        'a: 'b,
    {
        Case { theta, ..self.over(self.samples.clone()) }
    }

    /// Samples by their numbers.
    pub(super) fn indices(&self) -> Vec<u32> {
        (0..self.samples.len()).map(|k| self.samples.get(k) as u32).collect()
    }

    /// Cotangents of the samples of the call (`m × c`).
    fn cotangents(&self) -> Vec<f64> {
        let c = self.problem.outputs();
        (0..self.samples.len()).flat_map(|k| &self.u[self.samples.get(k) * c..][..c]).copied().collect()
    }
}

/// How the output of a call depends on its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One row for each sample.
    Rows,
    /// The sum over the samples.
    Sum,
    /// The mean over the samples.
    Mean,
    /// Neither.
    Whole,
}

/// One method.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Numbers of a row, a sum or a mean.
    width: fn(&dyn Problem) -> usize,
    call: fn(&Case, &mut [f64], &mut [f64]),
}

impl Method {
    /// Its output, where output and scratch are full of `dirt` before.
    pub(super) fn output_over(&self, case: &Case, dirt: f64) -> Vec<f64> {
        let m = case.samples.len();
        let rows = if self.shape == Shape::Rows { m } else { 1 };
        let mut out = vec![dirt; rows * (self.width)(case.problem)];
        (self.call)(case, &mut out, &mut vec![dirt; case.problem.scratch_len(m)]);
        out
    }

    /// Its output.
    pub(super) fn output(&self, case: &Case) -> Vec<f64> {
        self.output_over(case, 0.0)
    }
}

pub(super) const RESIDUALS: Method = Method {
    name: "residuals_into",
    shape: Shape::Rows,
    width: |problem| problem.outputs(),
    call: |case, out, scratch| case.problem.residuals_into(case.theta, case.samples.clone(), out, scratch),
};

pub(super) const LOSSES: Method = Method {
    name: "losses_into",
    shape: Shape::Rows,
    width: |_| 1,
    call: |case, out, scratch| case.problem.losses_into(case.theta, case.samples.clone(), out, scratch),
};

/// Of the images of `v`.
pub(super) const WEIGHTS: Method = Method {
    name: "weigh_outputs",
    shape: Shape::Rows,
    width: |problem| problem.outputs(),
    call: |case, out, scratch| {
        case.problem.jvp_into(case.theta, case.v, case.samples.clone(), out, scratch);
        case.problem.weigh_outputs(case.theta, case.samples.clone(), out, scratch);
    },
};

pub(super) const JVP: Method = Method {
    name: "jvp_into",
    shape: Shape::Rows,
    width: |problem| problem.outputs(),
    call: |case, out, scratch| case.problem.jvp_into(case.theta, case.v, case.samples.clone(), out, scratch),
};

pub(super) const VJP: Method = Method {
    name: "vjp_into",
    shape: Shape::Sum,
    width: |problem| problem.dim(),
    call: |case, out, scratch| {
        case.problem.vjp_into(case.theta, &case.cotangents(), case.samples.clone(), out, scratch);
    },
};

pub(super) const HVP: Method = Method {
    name: "hvp_into",
    shape: Shape::Mean,
    width: |problem| problem.dim(),
    call: |case, out, scratch| case.problem.hvp_into(case.theta, case.v, case.samples.clone(), out, scratch),
};

/// The gradient, and last the loss.
pub(super) const BATCH_GRADIENT: Method = Method {
    name: "batch_gradient_into",
    shape: Shape::Mean,
    width: |problem| problem.dim() + 1,
    call: |case, out, scratch| {
        let (gradient, loss) = out.split_at_mut(case.problem.dim());
        loss[0] = case.problem.batch_gradient_into(case.theta, case.samples.clone(), gradient, scratch);
    },
};

pub(super) const PER_SAMPLE: Method = Method {
    name: "per_sample_gradients_into",
    shape: Shape::Rows,
    width: |problem| problem.dim(),
    call: |case, out, scratch| case.problem.per_sample_gradients_into(case.theta, case.samples.clone(), out, scratch),
};

pub(super) const GAUSS_NEWTON: Method = Method {
    name: "gauss_newton_vp_into",
    shape: Shape::Mean,
    width: |problem| problem.dim(),
    call: |case, out, scratch| {
        case.problem.gauss_newton_vp_into(case.theta, case.v, case.samples.clone(), out, scratch);
    },
};

/// Products with `v` and `θ`.
pub(super) const HVP_BLOCK: Method = Method {
    name: "hvp_block_into",
    shape: Shape::Mean,
    width: |problem| 2 * problem.dim(),
    call: |case, out, scratch| {
        let vectors = [case.v, case.theta].concat();
        case.problem.hvp_block_into(case.theta, &vectors, case.samples.clone(), out, scratch);
    },
};

pub(super) const CURVATURES: Method = Method {
    name: "sample_curvatures_into",
    shape: Shape::Rows,
    width: |_| 1,
    call: |case, out, scratch| {
        case.problem.sample_curvatures_into(case.theta, case.v, case.samples.clone(), out, scratch);
    },
};

/// Between `v` and `θ`.
pub(super) const HESSIANS: Method = Method {
    name: "sample_hessians_into",
    shape: Shape::Rows,
    width: |_| 4,
    call: |case, out, scratch| {
        let vectors = [case.v, case.theta].concat();
        case.problem.sample_hessians_into(case.theta, &vectors, case.samples.clone(), out, scratch);
    },
};

pub(super) const SQUARES: Method = Method {
    name: "gradient_squares_into",
    shape: Shape::Rows,
    width: |_| 1,
    call: |case, out, scratch| case.problem.gradient_squares_into(case.theta, case.samples.clone(), out, scratch),
};

pub(super) const GRAMS: Method = Method {
    name: "jacobian_grams_into",
    shape: Shape::Rows,
    width: |problem| problem.outputs() * problem.outputs(),
    call: |case, out, scratch| case.problem.jacobian_grams_into(case.theta, case.samples.clone(), out, scratch),
};

/// Squares, then fourth powers.
pub(super) const MOMENTS: Method = Method {
    name: "jacobian_moments_into",
    shape: Shape::Sum,
    width: |problem| 2 * problem.dim(),
    call: |case, out, scratch| {
        let parts = out.split_at_mut(case.problem.dim()).into();
        case.problem.jacobian_moments_into(case.theta, case.samples.clone(), parts, scratch);
    },
};

/// The gradients at `θ` and `v`, each over the samples, and last both losses.
pub(super) const BATCH_GRADIENTS: Method = Method {
    name: "batch_gradients_into",
    shape: Shape::Mean,
    width: |problem| 2 * problem.dim() + 2,
    call: |case, out, scratch| {
        let (gradients, losses) = out.split_at_mut(2 * case.problem.dim());
        let thetas = [case.theta, case.v].concat();
        case.problem.batch_gradients_into(&thetas, &case.indices().repeat(2), gradients, losses, scratch);
    },
};

/// Two replicas, `θ` and `v`, after two steps, each over one of the samples, and then the bound on all coordinates.
pub(super) const STEPS: Method = Method {
    name: "sgd_steps",
    shape: Shape::Whole,
    width: |problem| 2 * problem.dim() + 1,
    call: |case, out, scratch| {
        let (thetas, bound) = out.split_at_mut(2 * case.problem.dim());
        thetas.copy_from_slice(&[case.theta, case.v].concat());
        bound[0] = case.problem.sgd_steps(thetas, &batches(case), 2, learning_rate(case), scratch);
    },
};

/// Batches of one sample, for the first and the second replica in a first and then in a second step.
pub(super) fn batches(case: &Case) -> Vec<u32> {
    (0..4).map(|k| case.samples.get(k % case.samples.len()) as u32).collect()
}

/// That of steps from `θ` of a hundredth of its length.
pub(super) fn learning_rate(case: &Case) -> f64 {
    let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    let gradient = BATCH_GRADIENT.output(case);
    let rate = 0.01 * (square(case.theta) / square(&gradient[..case.problem.dim()])).sqrt();
    if rate.is_finite() { rate } else { 0.0 }
}

/// All of them.
pub(super) const ALL: [Method; 17] = [
    RESIDUALS,
    LOSSES,
    WEIGHTS,
    JVP,
    VJP,
    HVP,
    BATCH_GRADIENT,
    PER_SAMPLE,
    GAUSS_NEWTON,
    HVP_BLOCK,
    CURVATURES,
    HESSIANS,
    SQUARES,
    GRAMS,
    MOMENTS,
    BATCH_GRADIENTS,
    STEPS,
];
