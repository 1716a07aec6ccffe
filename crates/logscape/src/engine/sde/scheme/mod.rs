//! Schemes that step an SDE (Kloeden & Platen 1992, *Numerical solution of stochastic differential equations*).
//!
//! | scheme | strong order | weak order | for |
//! |---|---|---|---|
//! | [`EulerMaruyama`] | ½, and 1 for constant noise | 1 | any noise |
//! | [`Milstein`] | 1 | 1 | diagonal noise |
//! | [`Platen`] | ½ | 2 | any noise; `4m` more evaluations |
//! | [`AdaptiveEuler`] | ½ | 1 | stiff drift near `L = 0` |

mod adaptive;
mod euler;
mod milstein;
mod platen;

pub use adaptive::AdaptiveEuler;
pub use euler::EulerMaruyama;
pub use milstein::Milstein;
pub use platen::Platen;

use super::{Sde, SdeError};
use crate::lanes::{Lane, Real};
use crate::random::{Gaussian, Normals};

/// A way to take one step of an SDE.
pub trait Scheme<R: Gaussian, S: Sde<R>>: Sync {
    /// Room for a step.
    type Work: Send;

    /// Refuses an equation that the scheme cannot step.
    ///
    /// # Errors
    /// If it cannot.
    fn check(&self, _sde: &S) -> Result<(), SdeError> {
        Ok(())
    }

    /// Room for a step.
    fn work(&self, sde: &S) -> Self::Work;

    /// Takes a step of length `length` in `s` with `θ` (`P` lanes) and the clock `t`. What a lane draws depends on nothing
    /// but that lane.
    fn step(
        &self,
        sde: &S,
        length: R,
        replicas: (&mut [Lane<R>], &mut Lane<f64>),
        normals: &mut Normals<R>,
        work: &mut Self::Work,
    );
}

/// The coefficients at the start of a step, and the normal numbers of the step (`m` lanes).
#[derive(Debug)]
pub struct StepWork<R, P> {
    at: P,
    normals: Vec<Lane<R>>,
}

impl<R: Gaussian, P> StepWork<R, P> {
    fn new<S: Sde<R, Point = P>>(sde: &S) -> Self {
        Self { at: sde.point(), normals: vec![Lane::splat(R::ZERO); sde.noises()] }
    }

    /// Normal numbers that a test has made.
    #[cfg(test)]
    pub(in crate::engine::sde) fn set_normals(&mut self, normals: &[Lane<R>]) {
        self.normals.copy_from_slice(normals);
    }

    #[inline(always)]
    fn draw(&mut self, normals: &mut Normals<R>) {
        for w in &mut self.normals {
            *w = normals.draw();
        }
    }
}

/// Adds `rate · length` to the clock, in double precision: a clock that has come far must not lose small steps.
#[inline(always)]
fn tick<R: Real>(time: &mut Lane<f64>, rate: Lane<R>, length: Lane<R>) {
    *time = time.zip(rate * length, |time, dt| time + dt.to_f64());
}
