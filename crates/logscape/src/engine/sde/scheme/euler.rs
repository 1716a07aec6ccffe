//! The Euler–Maruyama scheme (Maruyama 1955).

use super::{Scheme, StepWork, tick};
use crate::engine::sde::Sde;
use crate::lanes::Lane;
use crate::random::{Gaussian, Normals};

/// `θ ← θ + a Δ + b √Δ w`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EulerMaruyama;

impl EulerMaruyama {
    /// The step with normal numbers given in `work`.
    #[inline(always)]
    pub(in crate::engine::sde) fn apply<R: Gaussian, S: Sde<R>>(
        sde: &S,
        length: R,
        (theta, time): (&mut [Lane<R>], &mut Lane<f64>),
        work: &mut StepWork<R, S::Point>,
    ) {
        let length = Lane::splat(length);
        sde.evaluate(theta, &mut work.at);
        sde.add_drift(&mut work.at, length, theta);
        sde.add_noise(&mut work.at, &work.normals, length.sqrt(), theta);
        tick(time, sde.clock_rate(&work.at), length);
    }
}

impl<R: Gaussian, S: Sde<R>> Scheme<R, S> for EulerMaruyama {
    type Work = StepWork<R, S::Point>;

    fn work(&self, sde: &S) -> Self::Work {
        StepWork::new(sde)
    }

    #[inline(always)]
    fn step(
        &self,
        sde: &S,
        length: R,
        replicas: (&mut [Lane<R>], &mut Lane<f64>),
        normals: &mut Normals<R>,
        work: &mut Self::Work,
    ) {
        work.draw(normals);
        Self::apply(sde, length, replicas, work);
    }
}
