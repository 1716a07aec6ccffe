//! What the SDEs among the named dynamics have in common.

use super::{AtMinimum, BuildError, Options, SchemeName};
use crate::engine::AnyDynamics;
use crate::engine::sde::{
    AllSamples, AnyLandscape, Curved, Diffusion, EachReplica, EulerMaruyama, GradientNoise, Moments, Platen, Scheme,
    Sde,
};
use crate::problem::{LaneModel, LaneSamples, Visitor, visit};
use crate::random::Gaussian;
use crate::{Precision, Problem, SgdSettings};
use std::any::Any;

/// What makes an equation of a landscape, whatever its type.
pub(super) trait Equation<'a> {
    /// The equation on `landscape`.
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError>;
}

/// The equation on the landscape of the problem, in the precision that the options name: in lanes where its model has them,
/// else replica by replica.
pub(super) fn on_landscape<'a>(
    at: &AtMinimum<'a>,
    options: &Options,
    equation: impl Equation<'a>,
) -> Result<AnyDynamics<'a>, BuildError> {
    match options.precision.unwrap_or_default() {
        Precision::Float64 => equation.on(visit(at.problem, Double)),
        Precision::Float32 => equation.on(visit(at.problem, Single)?),
    }
}

/// `samples`, the landscape of the data of `problem`, or that of its quadratic form, where it has one.
fn in_moments<'a, R, L, P>(samples: L, problem: &P) -> AnyLandscape<'a, R>
where
    R: Gaussian,
    L: GradientNoise<R> + Curved<R> + Send + 'a,
    L::Work: Any,
    P: Problem + ?Sized,
{
    match problem.quadratic_loss() {
        Some(form) => AnyLandscape::new(Moments::new(samples, form)),
        None => AnyLandscape::new(samples),
    }
}

struct Double;

impl<'a> Visitor<'a> for Double {
    type Output = AnyLandscape<'a, f64>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        in_moments(EachReplica(problem), problem)
    }

    fn lanes<M: LaneModel + LaneSamples>(self, model: &'a M) -> Self::Output {
        in_moments(AllSamples::<f64, M>::new(model), model)
    }
}

struct Single;

impl<'a> Visitor<'a> for Single {
    type Output = Result<AnyLandscape<'a, f32>, BuildError>;

    fn general<P: Problem + ?Sized>(self, _problem: &'a P) -> Self::Output {
        Err(BuildError::SdePrecision)
    }

    fn lanes<M: LaneModel + LaneSamples>(self, model: &'a M) -> Self::Output {
        Ok(in_moments(AllSamples::<f32, M>::new(model), model))
    }
}

/// `sde` by `scheme` in steps of length `step`, its type forgotten.
pub(super) fn diffusion<'a, R, S, M>(sde: S, scheme: M, step: f64) -> Result<AnyDynamics<'a>, BuildError>
where
    R: Gaussian,
    S: Sde<R> + Send + 'a,
    M: Scheme<R, S> + Send + 'a,
{
    Ok(AnyDynamics::new(Diffusion::<R, S, M>::new(sde, scheme, step)?))
}

/// [`diffusion`] by the scheme of that name, out of those for additive noise.
pub(super) fn additive<'a, R: Gaussian, S: Sde<R> + Send + 'a>(
    sde: S,
    options: &Options,
    step: f64,
) -> Result<AnyDynamics<'a>, BuildError> {
    match options.scheme.unwrap_or(SchemeName::EulerMaruyama) {
        SchemeName::EulerMaruyama => diffusion::<R, _, _>(sde, EulerMaruyama, step),
        SchemeName::Platen => diffusion::<R, _, _>(sde, Platen, step),
        SchemeName::Milstein | SchemeName::AdaptiveEuler => {
            Err(BuildError::Scheme("euler-maruyama and platen: Milstein's is Euler's where noise is constant"))
        }
    }
}

/// `2ηs/B` with the noise strength that the options name, or the measured one.
///
/// # Errors
/// If none is named where the fit interpolates, and none can be measured.
pub(super) fn strength(at: &AtMinimum, sgd: &SgdSettings, options: &Options) -> Result<f64, BuildError> {
    let measured = at.geometry.noise_strength.map(|strength| strength.value);
    let s = options
        .noise_strength
        .or(measured)
        .ok_or(BuildError::Interpolating("so that no noise strength can be measured: give `noise_strength`"))?;
    Ok(2.0 * sgd.learning_rate * s / sgd.effective_batch_size(at.problem.samples()))
}
