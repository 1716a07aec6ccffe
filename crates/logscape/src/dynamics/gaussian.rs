//! Gradient descent with constant Gaussian noise of the trace of SGD's at the minimum, and of other shapes.

use super::equation::{Equation, diffusion, on_landscape};
use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, ConstantNoise, EulerMaruyama, NoiseFactor};
use crate::operator::full::noise_trace;
use crate::random::Gaussian;

/// Noise of a shape.
pub(super) struct Shaped {
    name: &'static str,
    equation: &'static str,
    shape: fn(&AtMinimum) -> Result<NoiseFactor<f64>, BuildError>,
}

pub(super) static ISOTROPIC: Shaped = Shaped {
    name: "gaussian-isotropic",
    equation: "θ ← θ − η (∇L + ε), Cov ε = (tr C*/(PB)) I",
    shape: |at| Ok(NoiseFactor::isotropic(at.theta.len(), 1.0)?),
};

pub(super) static DIAGONAL: Shaped = Shaped {
    name: "gaussian-diagonal",
    equation: "θ ← θ − η (∇L + ε), Cov ε = diag C*/B",
    shape: |at| at.diagonal_factor(),
};

pub(super) static LEADING: Shaped = Shaped {
    name: "gaussian-leading",
    equation: "θ ← θ − η (∇L + ε), Cov ε = (tr C*/B) v vᵀ, v the leading eigenvector of C*",
    shape: |at| at.leading_factor(),
};

pub(super) static HESSIAN: Shaped = Shaped {
    name: "gaussian-hessian",
    equation: "θ ← θ − η (∇L + ε), Cov ε = (tr C*/B) H*/tr H*",
    shape: |at| at.hessian_factor(),
};

pub(super) static FULL: Shaped =
    Shaped {
        name: "gaussian-full", equation: "θ ← θ − η (∇L + ε), Cov ε = C*/B", shape: |at| at.noise_factor()
    };

impl Kind for Shaped {
    fn name(&self) -> &'static str {
        self.name
    }

    fn equation(&self) -> &'static str {
        self.equation
    }

    fn reference(&self) -> &'static str {
        "Zhu, Wu, Yu, Wu, Ma 2019"
    }

    fn question(&self) -> &'static str {
        "does the shape of the noise matter?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["precision"]
    }

    /// The Euler–Maruyama step of length `η` is the chain.
    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let strength = sgd.learning_rate / sgd.effective_batch_size(at.problem.samples());
        let (shape, trace) = ((self.shape)(at)?, strength * noise_trace(at.problem, at.theta));
        let equation = Matched { shape, trace, learning_rate: sgd.learning_rate };
        Ok(Built::in_time(on_landscape(at, options, equation)?, sgd.learning_rate, &sgd))
    }
}

struct Matched {
    shape: NoiseFactor<f64>,
    trace: f64,
    learning_rate: f64,
}

impl<'a> Equation<'a> for Matched {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        let sde = ConstantNoise::matched(landscape, self.shape.rounded(), self.trace)?;
        diffusion::<R, _, _>(sde, EulerMaruyama, self.learning_rate)
    }
}
