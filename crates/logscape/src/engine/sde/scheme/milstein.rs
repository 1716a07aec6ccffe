//! Milstein's scheme for diagonal noise (Milstein 1974; Kloeden & Platen 1992, eq. 10.3.12).

use super::{Scheme, StepWork, tick};
use crate::engine::sde::{Sde, SdeError};
use crate::lanes::{LANES, Lane};
use crate::random::{Gaussian, Normals};

/// `θ_i ← θ_i + a_i Δ + b_ii √Δ w_i + ½ b_ii ∂_i b_ii (w_i² − 1) Δ`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Milstein;

impl Milstein {
    /// The step with normal numbers given in `work`.
    #[inline(always)]
    pub(in crate::engine::sde) fn apply<R: Gaussian, S: Sde<R>>(
        sde: &S,
        length: R,
        (theta, time): (&mut [Lane<R>], &mut Lane<f64>),
        work: &mut StepWork<R, S::Point>,
    ) {
        let lanes = Lane::splat(length);
        let half = R::from_f64(0.5) * length;
        sde.evaluate(theta, &mut work.at);
        sde.add_drift(&mut work.at, lanes, theta);
        sde.add_noise(&mut work.at, &work.normals, lanes.sqrt(), theta);
        for w in &mut work.normals {
            for k in 0..LANES {
                w.0[k] = half * w.0[k].mul_add(w.0[k], -R::ONE);
            }
        }
        sde.add_noise_slope(&mut work.at, &work.normals, theta);
        tick(time, sde.clock_rate(&work.at), lanes);
    }
}

impl<R: Gaussian, S: Sde<R>> Scheme<R, S> for Milstein {
    type Work = StepWork<R, S::Point>;

    fn check(&self, sde: &S) -> Result<(), SdeError> {
        if sde.has_diagonal_noise() { Ok(()) } else { Err(SdeError::NotDiagonal) }
    }

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
