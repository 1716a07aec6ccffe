//! Gradient descent with random weights of the samples.

use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::engine::{AnyDynamics, MultiplicativeSgd, SgdError, WeightLaw};
use crate::problem::{Visitor, visit};
use crate::{Problem, SgdSettings};

/// Weights of a law that the number of samples `N` and the batch size `B` settle, but for the share of sparse ones.
pub(super) struct Weighted {
    name: &'static str,
    equation: &'static str,
    options: &'static [&'static str],
    /// The law for the least share `B/(N + B)` and the share that is asked for.
    law: fn(f64, Option<f64>) -> WeightLaw,
}

pub(super) static GAUSSIAN: Weighted = Weighted {
    name: "multiplicative-gaussian",
    equation: "θ ← θ − (η/N) Σ v_μ g_μ, v_μ = 1 + √(N/B) ξ_μ",
    options: &[],
    law: |_, _| WeightLaw::Gaussian,
};

pub(super) static BERNOULLI: Weighted = Weighted {
    name: "multiplicative-bernoulli",
    equation: "θ ← θ − (η/N) Σ v_μ g_μ, v_μ = N/B with probability B/N, else 0",
    options: &[],
    law: |_, _| WeightLaw::Bernoulli,
};

pub(super) static SPARSE: Weighted = Weighted {
    name: "multiplicative-sparse",
    equation: "θ ← θ − (η/N) Σ v_μ g_μ, v_μ normal for a share of the samples, else 0",
    options: &["share"],
    law: |least, share| WeightLaw::SparseGaussian { share: share.unwrap_or(least) },
};

impl Kind for Weighted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn equation(&self) -> &'static str {
        self.equation
    }

    fn reference(&self) -> &'static str {
        "Wu, Hu, Xiong, Huan, Braverman, Zhu 2020"
    }

    fn question(&self) -> &'static str {
        "do mean and variance of the weights of samples suffice?"
    }

    fn options(&self) -> &'static [&'static str] {
        self.options
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (n, b) = (at.problem.samples() as f64, sgd.batch_size as f64);
        let law = (self.law)(b / (n + b), options.share);
        Ok(Built::chain(visit(at.problem, Chain { sgd, law })?))
    }
}

struct Chain {
    sgd: SgdSettings,
    law: WeightLaw,
}

impl<'a> Visitor<'a> for Chain {
    type Output = Result<AnyDynamics<'a>, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        Ok(AnyDynamics::new(MultiplicativeSgd::new(problem, self.sgd.learning_rate, self.sgd.batch_size, self.law)?))
    }
}
