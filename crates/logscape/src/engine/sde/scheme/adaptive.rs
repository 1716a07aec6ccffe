//! Euler–Maruyama with steps cut where the clock runs fast.

use super::{Scheme, StepWork, tick};
use crate::engine::sde::{Sde, SdeError, positive};
use crate::lanes::{LANES, Lane};
use crate::random::{Gaussian, Normals};

/// Each step of length `Δ` is cut into parts of at most `t_max · ds/dt`, known at the start of a part, so that no part takes
/// longer than `t_max` of the time `t`. Where the log-landscape's drift `−∇L/L` is stiff, `L → 0`, the parts are those of an
/// Euler scheme for the equation in `t`, which is not.
#[derive(Debug, Clone, Copy)]
pub struct AdaptiveEuler {
    /// `t_max`; a tenth of the fastest relaxation time `1/h` is a good choice.
    pub longest: f64,
}

impl AdaptiveEuler {
    /// Parts that a step is cut into at most, so that a point where `L = 0` ends as diverged and not never.
    const MOST_PARTS: f64 = 65_536.0;
}

impl<R: Gaussian, S: Sde<R>> Scheme<R, S> for AdaptiveEuler {
    type Work = StepWork<R, S::Point>;

    fn check(&self, _sde: &S) -> Result<(), SdeError> {
        positive("longest step in t", self.longest).map(|_| ())
    }

    fn work(&self, sde: &S) -> Self::Work {
        StepWork::new(sde)
    }

    #[inline(always)]
    fn step(
        &self,
        sde: &S,
        length: R,
        (theta, time): (&mut [Lane<R>], &mut Lane<f64>),
        normals: &mut Normals<R>,
        work: &mut Self::Work,
    ) {
        let longest = R::from_f64(self.longest);
        let shortest = length * R::from_f64(1.0 / Self::MOST_PARTS);
        let mut left = Lane::splat(length);
        let mut finished = 0_u32;
        while finished != (1 << LANES) - 1 {
            sde.evaluate(theta, &mut work.at);
            let rate = sde.clock_rate(&work.at);
            let part = left.zip(rate, |left, rate| {
                let part = longest / rate;
                let part = if part > shortest { part } else { shortest };
                if part < left { part } else { left }
            });
            // A lane that has arrived waits: it draws nothing and moves by nothing.
            let before = (finished != 0).then(|| normals.clone());
            work.draw(normals);
            if let Some(before) = before {
                (0..LANES).filter(|k| finished >> k & 1 == 1).for_each(|k| {
                    let (rng, spare) = before.get(k);
                    normals.set(k, rng, spare);
                });
            }
            sde.add_drift(&mut work.at, part, theta);
            sde.add_noise(&mut work.at, &work.normals, part.sqrt(), theta);
            tick(time, rate, part);
            left = left - part;
            finished = (0..LANES).map(|k| u32::from(left[k] <= R::ZERO) << k).sum();
        }
    }
}
