//! Large deviations of the one-dimensional minibatch chain: quasi-potential, prefactor and rate of escape.
//!
//! With the cumulant generating function `𝓗(θ, p)` of a batch ([`BatchCumulant`]) the chain climbs along `𝓗 = 0`, `p ≠ 0`:
//! the quasi-potential is `V = ∫ p dθ`. The WKB prefactor obeys `(ln K)' = −[½ p' M_pp + M_θp]/M_p` with `M = exp 𝓗`. Along
//! `𝓗 = 0`, where `𝓗_θ = −𝓗_p p'`, that integrates to `ln K = −ln|𝓗_p| + ½ ∫ (𝓗_pp/𝓗_p + 𝓗_p) dp`, in which no derivative
//! along `θ` is left. Nothing but the independence of the batches enters, so it holds with and without replacement.

use super::{Cubic, ReferenceError};
use crate::reference::cumulant::BatchCumulant;
use crate::{Sampling, SgdSettings};
use std::f64::consts::TAU;
use std::ops::Range;

/// The root `q ≠ 0` of `(1/N) Σ exp(−q g_μ) = 1`, or 0 where the mean slope is 0; `None` where none exists (all slopes of
/// one sign) or a slope is not finite. It is the momentum of batches of one.
pub fn climbing_momentum(slopes: &[f64]) -> Option<f64> {
    let sgd = SgdSettings { learning_rate: 1.0, batch_size: 1, sampling: Sampling::WithReplacement };
    momentum(&BatchCumulant::new(slopes.len(), &sgd).ok()?, slopes)
}

/// The root `p ≠ 0` of `𝓗(p) = 0`, or 0 where the mean slope is 0; `None` where none exists, because every batch pushes the
/// same way, or a slope is not finite.
///
/// `𝓗` is convex in `p`, so Newton's steps from beyond the root fall on it monotonically.
///
/// # Panics
/// If the number of slopes is not that of the samples.
pub fn momentum(cumulant: &BatchCumulant, slopes: &[f64]) -> Option<f64> {
    let [_, fall, variance] = cumulant.along(slopes, 0.0);
    let mean = -fall;
    if !(mean.is_finite() && variance.is_finite()) {
        return None;
    }
    if mean == 0.0 {
        return Some(0.0);
    }
    if cumulant.steepest(slopes, -mean.signum()) * mean >= 0.0 {
        return None;
    }
    let gaussian = 2.0 * mean / variance;
    // Beside a fixed point the Gaussian root is exact to a relative error of about this size, below which Newton meets the
    // rounding of 𝓗.
    if mean.abs() <= cumulant.resolution() * variance.sqrt() {
        return Some(gaussian);
    }
    let mut p = gaussian;
    while cumulant.along(slopes, p)[0] < 0.0 {
        p *= 2.0;
        if !p.is_finite() {
            return None;
        }
    }
    for _ in 0..200 {
        let [value, slope, _] = cumulant.along(slopes, p);
        let step = value / slope;
        p -= step;
        if !p.is_finite() || step.abs() <= 1e-14 * p.abs() {
            break;
        }
    }
    (p.is_finite() && p * mean > 0.0).then_some(p)
}

/// Escape of the chain over one barrier top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ascent {
    /// Position of the barrier top.
    pub top: f64,
    /// Quasi-potential `V` of the top over the minimum: `ln(steps) ≈ V/η`.
    pub quasi_potential: f64,
    /// `ln(K_s/K_*)`.
    pub ln_prefactor_ratio: f64,
    /// `ln κ`, committed escapes per unit `t`:
    /// `κ = (Σ_s/2)(K_s/K_*) √(V''_*|V''_s|)/(2π) e^{−V/η}`, `V'' = 2h/Σ`, with the batch's covariance `Σ`.
    pub ln_rate: f64,
}

/// Curvatures and one-sample noise at the minimum and at the tops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ends {
    /// Curvature of the minimum `h* > 0`.
    pub curvature_minimum: f64,
    /// Curvature of the top `h^s < 0`.
    pub curvature_top: f64,
    /// One-sample noise at the minimum.
    pub noise_minimum: f64,
    /// One-sample noise at the top.
    pub noise_top: f64,
}

/// The way from a minimum up to a barrier top, with the momenta at the nodes of the path.
struct Climb {
    top: f64,
    low: f64,
    high: f64,
    /// 1 to the right, −1 to the left.
    sign: f64,
    /// Nodes of the climb with a margin of two on both sides for the interpolation.
    nodes: Range<usize>,
    momenta: Vec<f64>,
}

impl Climb {
    /// To the next top.
    fn new(
        position: &[f64],
        slopes: &[Vec<f64>],
        minimum: f64,
        rightward: bool,
        cumulant: &BatchCumulant,
    ) -> Result<Self, ReferenceError> {
        let means = slopes.iter().map(|g| g.iter().sum::<f64>() / g.len() as f64).collect();
        let top = Cubic::new(position, means)?.top_beyond(minimum, rightward);
        Self::to(position, slopes, minimum, top, cumulant)
    }

    /// To a point at or before the next top.
    fn to(
        position: &[f64],
        slopes: &[Vec<f64>],
        minimum: f64,
        top: f64,
        cumulant: &BatchCumulant,
    ) -> Result<Self, ReferenceError> {
        if slopes.len() != position.len() || slopes.iter().any(|g| g.len() != cumulant.samples()) {
            return Err(ReferenceError::BadNodes);
        }
        let (low, high, sign) = if top > minimum { (minimum, top, 1.0) } else { (top, minimum, -1.0) };
        if low >= high || position.is_empty() {
            return Err(ReferenceError::BadPoints);
        }
        let first = position.partition_point(|&x| x < low).saturating_sub(2);
        let last = (position.partition_point(|&x| x <= high) + 2).min(position.len());
        let mut momenta = Vec::with_capacity(last - first);
        for i in first..last {
            match momentum(cumulant, &slopes[i]) {
                Some(root) => momenta.push(root),
                None => return Err(ReferenceError::OneSided { position: position[i] }),
            }
        }
        Ok(Self { top, low, high, sign, nodes: first..last, momenta })
    }

    /// `∫ p dθ`.
    fn quasi_potential(&self, position: &[f64]) -> Result<f64, ReferenceError> {
        let momenta = Cubic::new(&position[self.nodes.clone()], self.momenta.clone())?;
        Ok(self.sign * momenta.integral(self.low, self.high))
    }
}

/// The quasi-potential of the next barrier top to the right of `minimum`, for motion along the line alone, as in [`ascend`].
///
/// On a path through several dimensions it is an estimate: what progress along the given tangents costs where motion across
/// them is free, at points that the chain need not pass. The first makes it at most the geometric action of the path, the
/// second leaves it above the quasi-potential where the chain has a cheaper path. In one dimension, and along the
/// minimum-energy path under isotropic noise, it is exact.
///
/// # Errors
///
/// As [`ascend`].
pub fn projected_quasi_potential(
    position: &[f64],
    slopes: &[Vec<f64>],
    minimum: f64,
    cumulant: &BatchCumulant,
) -> Result<f64, ReferenceError> {
    Climb::new(position, slopes, minimum, true, cumulant)?.quasi_potential(position)
}

/// The quasi-potential of `end` over `minimum`, to the left or right of it and not beyond the next barrier top.
///
/// # Errors
///
/// As [`ascend`].
pub fn quasi_potential(
    position: &[f64],
    slopes: &[Vec<f64>],
    minimum: f64,
    end: f64,
    cumulant: &BatchCumulant,
) -> Result<f64, ReferenceError> {
    Climb::to(position, slopes, minimum, end, cumulant)?.quasi_potential(position)
}

/// The climb from `minimum` to the next barrier top to the right or left.
///
/// `slopes[node][μ]` are the per-sample slopes at `position[node]`. `V` is of fourth order in the node spacing, the
/// prefactor of second.
///
/// # Errors
///
/// [`ReferenceError::OneSided`] where the chain cannot climb; [`ReferenceError::BadNodes`] for unusable input.
pub fn ascend(
    position: &[f64],
    slopes: &[Vec<f64>],
    minimum: f64,
    rightward: bool,
    cumulant: &BatchCumulant,
    learning_rate: f64,
    ends_at: &dyn Fn(f64) -> Ends,
) -> Result<Ascent, ReferenceError> {
    let climb = Climb::new(position, slopes, minimum, rightward, cumulant)?;
    let Climb { top, low, high, sign, .. } = climb;
    let (p, nodes) = (&climb.momenta, climb.nodes.clone());
    let quasi_potential = climb.quasi_potential(position)?;
    let ends = ends_at(top);
    let ln_prefactor_ratio = sign * ln_prefactor(&position[nodes.clone()], &slopes[nodes], p, cumulant, low, high)?
        - (ends.noise_top / ends.noise_minimum).ln();
    let batch = cumulant.effective_batch_size();
    let curved = |h: f64, c: f64| (2.0 * batch * h.abs() / c).ln();
    let ln_rate = (ends.noise_top / (2.0 * batch)).ln()
        + ln_prefactor_ratio
        + 0.5 * (curved(ends.curvature_minimum, ends.noise_minimum) + curved(ends.curvature_top, ends.noise_top))
        - TAU.ln()
        - quasi_potential / learning_rate;
    if ln_rate.is_finite() {
        Ok(Ascent { top, quasi_potential, ln_prefactor_ratio, ln_rate })
    } else {
        Err(ReferenceError::BadNodes)
    }
}

/// `∫ (½ 𝓗_pp/𝓗_p − 1/p + ½ 𝓗_p) dp` from `low` to `high`: `ln K` with `ln|𝓗_p/p|` (which is `ln Σ/2` at both fixed
/// points) taken out, so that the integrand is finite. Nodes too near to a fixed point take their neighbours' value.
fn ln_prefactor(
    position: &[f64],
    slopes: &[Vec<f64>],
    p: &[f64],
    cumulant: &BatchCumulant,
    low: f64,
    high: f64,
) -> Result<f64, ReferenceError> {
    let (mut kept, mut integrand) = (Vec::new(), Vec::new());
    for i in 0..position.len() {
        let [_, first, second] = cumulant.along(&slopes[i], p[i]);
        if p[i].abs() * second.sqrt() > 1e-4 {
            kept.push(position[i]);
            integrand.push(0.5 * second / first - 1.0 / p[i] + 0.5 * first);
        }
    }
    let integrand = Cubic::new(&kept, integrand)?;
    let momentum = Cubic::new(position, p.to_vec())?;
    let (mut left, mut sum) = (low, 0.0);
    for right in position.iter().copied().filter(|&x| x > low && x < high).chain([high]) {
        let middle = f64::midpoint(left, right);
        sum += integrand.value(middle) * (momentum.value(right) - momentum.value(left));
        left = right;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    fn with_replacement(samples: usize, batch_size: usize) -> BatchCumulant {
        let sgd = SgdSettings { learning_rate: 1.0, batch_size, sampling: Sampling::WithReplacement };
        BatchCumulant::new(samples, &sgd).unwrap()
    }

    /// `n` midpoint quantiles of the standard normal law.
    fn normal(n: usize) -> Vec<f64> {
        let law = Normal::new(0.0, 1.0).unwrap();
        (0..n).map(|i| law.inverse_cdf((i as f64 + 0.5) / n as f64)).collect()
    }

    #[test]
    fn two_slopes_have_the_closed_form_root() {
        // Slopes 2a, −a: with u = e^{qa}, u^{-2} + u = 2, so u = (1+√5)/2 for q > 0.
        let root = climbing_momentum(&[0.6, -0.3]).unwrap();
        assert!((root - f64::midpoint(1.0, 5.0_f64.sqrt()).ln() / 0.3).abs() < 1e-12);
        assert!((climbing_momentum(&[-0.6, 0.3]).unwrap() + root).abs() < 1e-12);
        assert_eq!(climbing_momentum(&[0.1, 0.2]), None);
        assert_eq!(climbing_momentum(&[0.1, f64::NAN]), None);
        assert_eq!(climbing_momentum(&[1.0, -1.0]), Some(0.0));
    }

    #[test]
    fn a_rare_pull_needs_a_large_momentum() {
        let mut slopes = vec![1.0; 1000];
        slopes.push(-1e-3);
        // The one slope must carry N: e^{q/1000} ≈ N.
        let root = climbing_momentum(&slopes).unwrap();
        assert!((root / (1e3 * 1001.0_f64.ln()) - 1.0).abs() < 1e-9, "{root}");
    }

    #[test]
    fn gaussian_slopes_give_the_diffusion_rate() {
        // g = sin θ + σ z: q = 2 sin θ/σ², V = 4B/σ², K constant, Kramers' rate 1/(2π) e^{−V/η} for B = 1; with B > 1 the
        // prefactor gains only ½(B−1)∫ m_q dq = ½(B−1)∫ sin θ (2/σ²) cos θ dθ = 0.
        let sigma = 2.0;
        let z = normal(20_000);
        let x: Vec<f64> = (0..=60).map(|i| -0.2 + 3.6 * f64::from(i) / 60.0).collect();
        let slopes: Vec<Vec<f64>> = x.iter().map(|x| z.iter().map(|z| x.sin() + sigma * z).collect()).collect();
        let c = z.iter().map(|z| sigma * sigma * z * z).sum::<f64>() / z.len() as f64;
        let ends = Ends { curvature_minimum: 1.0, curvature_top: -1.0, noise_minimum: c, noise_top: c };
        let climb = ascend(&x, &slopes, 0.0, true, &with_replacement(z.len(), 3), 0.5, &|_| ends).unwrap();
        assert!((climb.top - std::f64::consts::PI).abs() < 1e-5);
        // The quantile sample's tails are cut: its moments fall 0.1 % short.
        assert!((climb.quasi_potential * c / 12.0 - 1.0).abs() < 2e-3, "{}", climb.quasi_potential * c / 12.0);
        assert!(climb.ln_prefactor_ratio.abs() < 5e-3, "{}", climb.ln_prefactor_ratio);
        let kramers = -TAU.ln() - climb.quasi_potential / 0.5;
        assert!((climb.ln_rate - kramers).abs() < 5e-3);
    }

    #[test]
    fn gaussian_slopes_of_changing_width_have_the_closed_form_prefactor() {
        // g = sin θ + √C z, √C = 2 + θ/4: q = 2 sin θ/C, m_q = sin θ, m_qq = C + sin² θ, so
        // ln(K_s/K_*) = −ln(C_s/C_*) + ½ B ∫ sin θ dq.
        let pi = std::f64::consts::PI;
        let z = normal(20_000);
        let width = |x: f64| 2.0 + 0.25 * x;
        let x: Vec<f64> = (0..=120).map(|i| -0.2 + 3.6 * f64::from(i) / 120.0).collect();
        let slopes: Vec<Vec<f64>> = x.iter().map(|x| z.iter().map(|z| x.sin() + width(*x) * z).collect()).collect();
        let ends = Ends {
            curvature_minimum: 1.0,
            curvature_top: -1.0,
            noise_minimum: width(0.0).powi(2),
            noise_top: width(pi).powi(2),
        };
        let climb = ascend(&x, &slopes, 0.0, true, &with_replacement(z.len(), 2), 0.1, &|_| ends).unwrap();
        let q = |x: f64| 2.0 * x.sin() / width(x).powi(2);
        let cells = 10_000;
        let at = |i: i32| pi * f64::from(i) / f64::from(cells);
        let area: f64 = (0..cells).map(|i| f64::midpoint(at(i), at(i + 1)).sin() * (q(at(i + 1)) - q(at(i)))).sum();
        let expected = -(ends.noise_top / ends.noise_minimum).ln() + area;
        // The quantiles' cut tails and the second-order node sum leave a few thousandths.
        assert!((climb.ln_prefactor_ratio - expected).abs() < 5e-3, "{} {expected}", climb.ln_prefactor_ratio);
    }

    #[test]
    fn gaussian_label_noise_has_a_barrier_linear_in_the_loss() {
        // g = x (δ x − ε): E exp(−q g) = 1 at q = 2δ/σ² for every law of x, so V = Bδ²/σ².
        // Features within ±1.5 shift the noise by at most 2δ·1.5/σ = 1.7 σ, which 4,000 quantiles (to 3.7 σ) still hold.
        let noise = normal(4000);
        let features: Vec<f64> = (0..20).map(|i| -1.425 + 0.15 * f64::from(i)).collect();
        for delta in [0.2, 0.4] {
            let mut slopes = Vec::new();
            for x in &features {
                slopes.extend(noise.iter().map(|e| x * (delta * x - 0.7 * e)));
            }
            let q = climbing_momentum(&slopes).unwrap();
            assert!((q * 0.49 / (2.0 * delta) - 1.0).abs() < 0.03, "{}", q * 0.49 / (2.0 * delta));
        }
    }
}
