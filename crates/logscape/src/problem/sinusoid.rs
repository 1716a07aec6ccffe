//! The fit of a sine wave, the smallest problem with many minima.

use std::any::Any;

use serde::Deserialize;

use super::error::{require_finite, require_some};
use super::kind::{Registered, require_one_target};
use super::{
    BuildProblemError, LaneModel, LaneSamples, ProblemError, ProblemOption, ScalarModel, StartConfig, Visitor,
};
use crate::data::Dataset;
use crate::data::synthetic::{self, Generator};
use crate::lanes::{Lane, Real};

/// `f(θ, x) = sin(θ x)`, `P = 1`, or with a free amplitude `f(θ, x) = θ₂ sin(θ₁ x)`, `P = 2`; `x ∈ R`.
#[derive(Debug, Clone)]
pub struct Sinusoid {
    x: Vec<f64>,
    y: Vec<f64>,
    amplitude: bool,
}

impl Sinusoid {
    /// The problem of inputs `x` (`N`) and targets `y` (`N`); `amplitude` frees the amplitude `θ₂`.
    ///
    /// # Errors
    /// If lengths differ, there is no sample, or a value is not finite.
    pub fn new(x: Vec<f64>, y: Vec<f64>, amplitude: bool) -> Result<Self, ProblemError> {
        require_some("targets", y.len())?;
        require_finite("targets", &y, y.len())?;
        require_finite("inputs", &x, y.len())?;
        Ok(Self { x, y, amplitude })
    }
}

impl ScalarModel for Sinusoid {
    #[inline]
    fn parameters(&self) -> usize {
        1 + usize::from(self.amplitude)
    }

    #[inline]
    fn targets(&self) -> &[f64] {
        &self.y
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        let sine = (theta[0] * self.x[sample]).sin();
        if self.amplitude { theta[1] * sine } else { sine }
    }

    fn slope(&self, theta: &[f64], v: &[f64], sample: usize) -> f64 {
        let x = self.x[sample];
        let (sine, cosine) = (theta[0] * x).sin_cos();
        if self.amplitude { theta[1] * x * cosine * v[0] + sine * v[1] } else { x * cosine * v[0] }
    }

    #[inline]
    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let x = self.x[sample];
        let (sine, cosine) = (theta[0] * x).sin_cos();
        if self.amplitude {
            let weight = weight(theta[1] * sine);
            out[0] += weight * theta[1] * x * cosine;
            out[1] += weight * sine;
        } else {
            out[0] += weight(sine) * x * cosine;
        }
    }

    fn add_hessian_product(&self, theta: &[f64], v: &[f64], sample: usize, weight: f64, out: &mut [f64]) {
        let x = self.x[sample];
        let (sine, cosine) = (theta[0] * x).sin_cos();
        if self.amplitude {
            out[0] += weight * x * (cosine * v[1] - theta[1] * x * sine * v[0]);
            out[1] += weight * x * cosine * v[0];
        } else {
            out[0] -= weight * x * x * sine * v[0];
        }
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl LaneModel for Sinusoid {
    /// Inputs and targets (`N` each).
    type Data<R: Real> = [Vec<R>; 2];

    fn lane_data<R: Real>(&self) -> [Vec<R>; 2] {
        [&self.x, &self.y].map(|column| column.iter().map(|&value| R::from_f64(value)).collect())
    }

    #[inline(always)]
    fn add_lane_gradient<R: Real>(data: &[Vec<R>; 2], theta: &[Lane<R>], sample: &Lane<u32>, out: &mut [Lane<R>]) {
        let (x, y) = (Lane::gather(&data[0], sample), Lane::gather(&data[1], sample));
        let (sine, cosine) = (theta[0] * x).sin_cos();
        if let [_, amplitude] = theta {
            let residual = *amplitude * sine - y;
            out[0] = (residual * *amplitude * x).mul_add(cosine, out[0]);
            out[1] = residual.mul_add(sine, out[1]);
        } else {
            out[0] = ((sine - y) * x).mul_add(cosine, out[0]);
        }
    }
}

impl LaneSamples for Sinusoid {
    type Data<R: Real> = <Self as LaneModel>::Data<R>;

    fn samples_data<R: Real>(&self) -> Self::Data<R> {
        self.lane_data()
    }

    #[inline(always)]
    fn residual_and_slope<R: Real>(
        data: &Self::Data<R>,
        theta: &[Lane<R>],
        sample: usize,
        slope: &mut [Lane<R>],
    ) -> Lane<R> {
        let (x, y) = (Lane::splat(data[0][sample]), Lane::splat(data[1][sample]));
        let (sine, cosine) = (theta[0] * x).sin_cos();
        if let [_, amplitude] = theta {
            slope[0] = *amplitude * x * cosine;
            slope[1] = sine;
            *amplitude * sine - y
        } else {
            slope[0] = x * cosine;
            sine - y
        }
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
        let x = Lane::splat(data[0][sample]);
        let (sine, cosine) = (theta[0] * x).sin_cos();
        let (bent, tilted) = (-(scale * x * x * sine), scale * x * cosine);
        if let [_, amplitude] = theta {
            out[0] = (bent * *amplitude).mul_add(v[0], tilted.mul_add(v[1], out[0]));
            out[1] = tilted.mul_add(v[0], out[1]);
        } else {
            out[0] = bent.mul_add(v[0], out[0]);
        }
    }
}

/// What a study can say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    amplitude: bool,
}

impl Registered for Sinusoid {
    const NAME: &'static str = "sinusoid";
    const EQUATION: &'static str = "f = sin(θx), with a free amplitude f = θ₂ sin(θ₁x)";
    const OPTIONS: &'static [ProblemOption] = &[ProblemOption {
        name: "amplitude",
        about: "whether the amplitude is trained too; false",
        example: "true",
        required: false,
    }];

    type Options = Options;

    fn example() -> Generator {
        let (from, to, frequency, noise) = (0.0, 3.0, 3.0, 0.3);
        Generator::Sinusoid(synthetic::Sinusoid { samples: 200, from, to, frequency, noise })
    }

    fn build(data: Dataset, options: Options) -> Result<Self, BuildProblemError> {
        require_one_target(&data)?;
        if data.input_dim != 1 {
            let message = format!("a sinusoid has 1 input, not {}", data.input_dim);
            return Err(BuildProblemError::Data { message, hint: "give one input column" });
        }
        Ok(Self::new(data.inputs, data.targets, options.amplitude)?)
    }

    fn start(&self, _config: &StartConfig) -> Vec<f64> {
        vec![1.0; self.parameters()]
    }

    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.lanes(self)
    }
}
