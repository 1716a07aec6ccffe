//! Platen's explicit scheme of weak order 2 (Kloeden & Platen 1992, eq. 15.1.3).

use super::{Scheme, StepWork, tick};
use crate::engine::sde::Sde;
use crate::lanes::Lane;
use crate::random::{Gaussian, Normals};

/// For expectations rather than paths: `4m + 2` evaluations of the coefficients for a step with `m` noises, and
/// `m (m + 1)/2` normal numbers, of which `m (m − 1)/2` serve by their signs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Platen;

/// Room for a step of [`Platen`].
#[derive(Debug)]
pub struct PlatenWork<R, P> {
    step: StepWork<R, P>,
    /// The coefficients at supporting points.
    support: P,
    /// A supporting point (`P` lanes).
    theta: Vec<Lane<R>>,
    /// What is added to `θ` (`P` lanes).
    change: Vec<Lane<R>>,
    /// Weights of the columns of `b` (`m` lanes).
    weights: Vec<Lane<R>>,
    /// `V_rj/Δ = ±1` (`m × m` lanes).
    signs: Vec<Lane<R>>,
}

impl<R: Gaussian, S: Sde<R>> Scheme<R, S> for Platen {
    type Work = PlatenWork<R, S::Point>;

    fn work(&self, sde: &S) -> Self::Work {
        let (p, m) = (sde.dim(), sde.noises());
        let lanes = |count| vec![Lane::splat(R::ZERO); count];
        PlatenWork {
            step: StepWork::new(sde),
            support: sde.point(),
            theta: lanes(p),
            change: lanes(p),
            weights: lanes(m),
            signs: lanes(m * m),
        }
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
        let m = sde.noises();
        let lanes = |x: f64| Lane::splat(R::from_f64(x));
        let (one, zero, dt) = (lanes(1.0), lanes(0.0), Lane::splat(length));
        let root = dt.sqrt();
        work.step.draw(normals);
        for r in 0..m {
            work.signs[r * m + r] = lanes(-1.0);
            for j in 0..r {
                let sign = normals.draw().map(|w| if w < R::ZERO { -R::ONE } else { R::ONE });
                (work.signs[r * m + j], work.signs[j * m + r]) = (sign, -sign);
            }
        }
        let PlatenWork { step: StepWork { at, normals: w }, support, theta: point, change, weights, signs } = work;
        sde.evaluate(theta, at);
        let rate = sde.clock_rate(at);

        // ½ (a(Υ) + a) Δ with Υ = θ + a Δ + b ΔW.
        point.copy_from_slice(theta);
        sde.add_drift(at, dt, point);
        sde.add_noise(at, w, root, point);
        sde.evaluate(point, support);
        change.fill(zero);
        sde.add_drift(at, lanes(0.5) * dt, change);
        sde.add_drift(support, lanes(0.5) * dt, change);
        tick(time, (rate + sde.clock_rate(support)) * lanes(0.5), dt);

        // The column j of b at θ has the weight ½ ΔW_j − ½ (m − 1) ΔW_j.
        for (weight, w) in weights.iter_mut().zip(&*w) {
            *weight = lanes(1.0 - 0.5 * m as f64) * *w;
        }
        sde.add_noise(at, weights, root, change);

        for r in 0..m {
            for sign in [1.0, -1.0] {
                // R± = θ + a Δ ± b_r √Δ has the weight ¼ of column r, U± = θ ± b_r √Δ those of the others.
                for with_drift in [true, false] {
                    point.copy_from_slice(theta);
                    if with_drift {
                        sde.add_drift(at, dt, point);
                    }
                    weights.fill(zero);
                    weights[r] = one;
                    sde.add_noise(at, weights, lanes(sign) * root, point);
                    sde.evaluate(point, support);
                    weights.fill(zero);
                    for j in (0..m).filter(|&j| (j == r) == with_drift) {
                        let product = w[r].mul_add(w[j], signs[r * m + j]);
                        weights[j] = lanes(0.25) * lanes(sign).mul_add(product, w[j]);
                    }
                    sde.add_noise(support, weights, root, change);
                }
            }
        }
        for (x, change) in theta.iter_mut().zip(&*change) {
            *x = *x + *change;
        }
    }
}
