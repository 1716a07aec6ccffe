//! The cumulant generating function of a batch's gradient noise, with and without replacement.
//!
//! With replacement `𝓗(p) = B ln[(1/N) Σ_μ exp(−p·g_μ/B)]`. A uniform subset of `B` out of `N` samples has
//! `𝓗(p) = ln[e_B(w)/binom(N, B)]`, `w_μ = exp(−p·g_μ/B)`, with the elementary symmetric polynomial `e_B`. That is
//! `Π (1 + w_μ e^λ) e^{−λB} P(S = B)` for any `λ`, where `S` counts independent successes of odds `w_μ e^λ`. Here `λ` is the
//! saddle point, `E S = B`, and `P(S = B)` the mean of `E e^{it(S − B)}` over `M` equidistant `t`. The mean is that of
//! `P(S = B + kM)` over all `k` more, so `M` a few dozen standard deviations leaves nothing but rounding (Trefethen, Weideman
//! 2014 on the trapezoidal rule). Nothing is truncated and nothing recursive, so the cost is `O(N)` for any `B`.
//!
//! `p` is dual to `θ` in units of `1/η`: `∇𝓗(0) = −∇L`, `∇²𝓗(0) = Σ_B`, the batch's covariance.

#[cfg(test)]
mod tests;

use crate::{Sampling, SgdSettings};
use faer::Mat;
use std::f64::consts::TAU;
use thiserror::Error;

/// Exponent beyond which a term of the mean over `t`, or of a tail, is below rounding.
const NEGLIGIBLE: f64 = 45.0;

/// Why a batch has no cumulant generating function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CumulantError {
    /// The batch is empty or, drawn without replacement, larger than the data.
    #[error("a batch of {batch} cannot be drawn from {samples} samples")]
    BatchSize {
        /// `B`.
        batch: usize,
        /// `N`.
        samples: usize,
    },
    /// The batches of an epoch depend on each other.
    #[error("the batches of a shuffled epoch depend on each other, so one step has no large deviations of its own")]
    EpochShuffle,
}

/// `𝓗(p)` with its derivatives.
#[derive(Debug, Clone)]
pub struct Cumulant {
    /// `𝓗(p)`.
    pub value: f64,
    /// `∇𝓗(p)` (`P`): the mean step of the tilted chain per unit `t`.
    pub gradient: Vec<f64>,
    /// `∇²𝓗(p)` (`P × P`): the covariance of the tilted batch gradient.
    pub hessian: Mat<f64>,
    /// Expected share of each sample in the tilted batch (`N`, sums to 1), so that `∇𝓗 = −Σ share_μ g_μ`.
    pub shares: Vec<f64>,
}

/// The law of a batch of `B` out of `N` samples, drawn anew for every step.
#[derive(Debug, Clone)]
pub struct BatchCumulant {
    samples: usize,
    batch: usize,
    replacement: bool,
    effective: f64,
    /// `ln P(S = B)` of equal weights.
    ln_binomial: f64,
}

/// A point on the contour: `e^{it} − 1`, and its weight in the mean, `E e^{it(S−B)}` times its multiplicity.
struct Contour {
    turn: Complex,
    weight: Complex,
}

/// A complex number, as far as the contour needs it.
#[derive(Debug, Clone, Copy)]
struct Complex {
    re: f64,
    im: f64,
}

impl Complex {
    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn scaled(self, by: f64) -> Self {
        Self { re: by * self.re, im: by * self.im }
    }

    fn inverse(self) -> Self {
        let square = self.re * self.re + self.im * self.im;
        Self { re: self.re / square, im: -self.im / square }
    }

    fn plus_one(self) -> Self {
        Self { re: 1.0 + self.re, im: self.im }
    }
}

impl BatchCumulant {
    /// The law of the batches of `sgd` out of `samples`.
    ///
    /// # Errors
    /// For shuffled epochs, and for batches that cannot be drawn.
    pub fn new(samples: usize, sgd: &SgdSettings) -> Result<Self, CumulantError> {
        let batch = sgd.batch_size;
        let replacement = match sgd.sampling {
            Sampling::WithReplacement => true,
            Sampling::WithoutReplacement => false,
            Sampling::EpochShuffle => return Err(CumulantError::EpochShuffle),
        };
        if samples == 0 || batch == 0 || (!replacement && batch > samples) {
            return Err(CumulantError::BatchSize { batch, samples });
        }
        let effective = sgd.effective_batch_size(samples);
        let mut law = Self { samples, batch, replacement, effective, ln_binomial: 0.0 };
        if !replacement && batch < samples {
            let share = batch as f64 / samples as f64;
            law.ln_binomial = ln_total(&law.contour(&vec![share; samples]));
        }
        Ok(law)
    }

    /// Number of samples `N`.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Batch size `B`.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Batch size of a sampling with replacement with the same covariance.
    pub fn effective_batch_size(&self) -> f64 {
        self.effective
    }

    /// Ratio of mean to standard deviation below which `𝓗` is parabolic up to its own rounding.
    pub(crate) fn resolution(&self) -> f64 {
        if self.replacement { 1e-8 } else { 1e-5 }
    }

    /// `𝓗`, `𝓗'` and `𝓗''` at `p` for slopes `g_μ` along one direction.
    ///
    /// # Panics
    /// If there are not `N` slopes.
    pub fn along(&self, slopes: &[f64], p: f64) -> [f64; 3] {
        if self.replacement {
            assert_eq!(slopes.len(), self.samples);
            return self.multinomial_along(slopes, p);
        }
        let cumulant = self.at(slopes, &[p]);
        [cumulant.value, cumulant.gradient[0], cumulant.hessian[(0, 0)]]
    }

    /// The slope of the batch that points farthest to the side of `sign`.
    pub(crate) fn steepest(&self, slopes: &[f64], sign: f64) -> f64 {
        if self.replacement || self.batch == 1 {
            return sign * slopes.iter().map(|g| sign * g).fold(f64::NEG_INFINITY, f64::max);
        }
        let mut ordered: Vec<f64> = slopes.iter().map(|g| sign * g).collect();
        ordered.sort_unstable_by(|a, b| b.total_cmp(a));
        sign * ordered[..self.batch].iter().sum::<f64>() / self.batch as f64
    }

    /// `𝓗` and its derivatives at `p` (`P`) for the per-sample gradients `g_μ`, the rows of `gradients` (`N × P`).
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn at(&self, gradients: &[f64], p: &[f64]) -> Cumulant {
        let dim = p.len();
        assert_eq!(gradients.len(), self.samples * dim);
        let per_batch = -1.0 / self.batch as f64;
        let exponents: Vec<f64> =
            gradients.chunks_exact(dim).map(|g| per_batch * g.iter().zip(p).map(|(g, p)| g * p).sum::<f64>()).collect();
        if self.replacement {
            self.multinomial(gradients, dim, &exponents)
        } else if self.batch == self.samples {
            let shares = vec![-per_batch; self.samples];
            let gradient = weighted(gradients, dim, &shares).iter().map(|g| -g).collect();
            Cumulant { value: exponents.iter().sum(), gradient, hessian: Mat::zeros(dim, dim), shares }
        } else {
            self.subset(gradients, dim, &exponents)
        }
    }

    fn multinomial(&self, gradients: &[f64], dim: usize, exponents: &[f64]) -> Cumulant {
        let n = self.samples as f64;
        let high = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = exponents.iter().map(|x| (x - high).exp()).collect();
        let total: f64 = shares.iter().sum();
        // Near p = 0 the mean differs from 1 by little, which exp_m1 keeps.
        let excess = exponents.iter().map(|x| x.exp_m1()).sum::<f64>() / n;
        let ln_mean = if excess.abs() < 0.5 { excess.ln_1p() } else { high + (total / n).ln() };
        shares.iter_mut().for_each(|w| *w /= total);
        let mean = weighted(gradients, dim, &shares);
        let mut hessian = Mat::zeros(dim, dim);
        for (g, w) in gradients.chunks_exact(dim).zip(&shares) {
            add_square(&mut hessian, w / self.batch as f64, |i| g[i] - mean[i]);
        }
        fill_lower(&mut hessian);
        let gradient = mean.iter().map(|g| -g).collect();
        Cumulant { value: self.batch as f64 * ln_mean, gradient, hessian, shares }
    }

    /// [`multinomial`](Self::multinomial) along one direction, with one exponential for each sample: roots are looked for with it at
    /// every node of a path.
    fn multinomial_along(&self, slopes: &[f64], p: f64) -> [f64; 3] {
        let (n, b) = (self.samples as f64, self.batch as f64);
        let high = slopes.iter().map(|g| -p * g / b).fold(f64::NEG_INFINITY, f64::max);
        // From 1, near which the mean is where roots are; from the largest weight where that is far.
        let base = if (0.0..300.0).contains(&high) { 0.0 } else { high };
        let excesses: Vec<f64> = slopes.iter().map(|g| (-p * g / b - base).exp_m1()).collect();
        let excess = excesses.iter().sum::<f64>() / n;
        let mean = excesses.iter().zip(slopes).map(|(e, g)| (1.0 + e) * g).sum::<f64>() / (n * (1.0 + excess));
        let square = |(e, g): (&f64, &f64)| (1.0 + e) * (g - mean) * (g - mean);
        let variance = excesses.iter().zip(slopes).map(square).sum::<f64>() / (n * (1.0 + excess));
        [b * (base + excess.ln_1p()), -mean, variance / b]
    }

    fn subset(&self, gradients: &[f64], dim: usize, exponents: &[f64]) -> Cumulant {
        let (n, b) = (self.samples as f64, self.batch as f64);
        let flat = b / n;
        let rest = (flat / (1.0 - flat)).ln();
        let lambda = saddle_point(exponents, b, rest);
        let successes: Vec<f64> = exponents.iter().map(|x| logistic(x + lambda)).collect();
        let contour = self.contour(&successes);
        let total: f64 = contour.iter().map(|c| c.weight.re).sum();
        // Σ ln[(1 + w e^λ)/(1 + e^λ0)] − B(λ − λ0), with the linear part summed by itself, as it cancels near p = 0.
        let curved = |x: &f64| {
            let shift = x + lambda - rest;
            let ln_ratio =
                if shift.abs() < 1.0 { (flat * shift.exp_m1()).ln_1p() } else { softplus(x + lambda) - softplus(rest) };
            ln_ratio - flat * shift
        };
        let linear = flat * exponents.iter().sum::<f64>();
        let value = exponents.iter().map(curved).sum::<f64>() + linear + ln_total(&contour) - self.ln_binomial;

        let mean =
            |f: &dyn Fn(&Contour) -> Complex| contour.iter().map(|c| f(c).times(c.weight).re).sum::<f64>() / total;
        // With ρ = P(success) on the contour: shares are E ρ, and E ρ(1 − ρ) is the part of the variance that is their own.
        let (mut shares, mut own) = (Vec::with_capacity(self.samples), Vec::with_capacity(self.samples));
        for &s in &successes {
            let spread = s * (1.0 - s);
            shares.push((s + mean(&|c| shift(s, c.turn))) / b);
            own.push(mean(&|c| {
                let inverse = c.turn.scaled(s).plus_one().inverse();
                c.turn.plus_one().times(inverse).times(inverse).scaled(spread)
            }));
        }
        let centre = weighted(gradients, dim, &shares);
        let mut hessian = Mat::zeros(dim, dim);
        for (g, own) in gradients.chunks_exact(dim).zip(&own) {
            add_square(&mut hessian, own / (b * b), |i| g[i] - centre[i]);
        }
        // The mean of the shifts Σ (ρ − s) g over the contour, and of their squares.
        let mut first = vec![0.0; dim];
        for c in &contour {
            let (mut re, mut im) = (vec![0.0; dim], vec![0.0; dim]);
            for (g, &s) in gradients.chunks_exact(dim).zip(&successes) {
                let shift = shift(s, c.turn);
                for i in 0..dim {
                    re[i] += shift.re * (g[i] - centre[i]);
                    im[i] += shift.im * (g[i] - centre[i]);
                }
            }
            let (x, y) = (c.weight.re / total, c.weight.im / total);
            (0..dim).for_each(|i| first[i] += x * re[i] - y * im[i]);
            add_square(&mut hessian, x / (b * b), |i| re[i]);
            add_square(&mut hessian, -x / (b * b), |i| im[i]);
            for i in 0..dim {
                (i..dim).for_each(|j| hessian[(i, j)] -= y * (re[i] * im[j] + im[i] * re[j]) / (b * b));
            }
        }
        add_square(&mut hessian, -1.0 / (b * b), |i| first[i]);
        fill_lower(&mut hessian);
        Cumulant { value, gradient: centre.iter().map(|g| -g).collect(), hessian, shares }
    }

    /// The points `t = 2πl/M` of the upper half circle, as far as they count: `|E e^{itS}| ≤ e^{−σ²(1 − cos t)}`.
    fn contour(&self, successes: &[f64]) -> Vec<Contour> {
        let variance: f64 = successes.iter().map(|s| s * (1.0 - s)).sum();
        // P(|S − B| ≥ M) ≤ 2 exp(−½M²/(σ² + M/3)) (Bernstein).
        let third = NEGLIGIBLE / 3.0;
        let points = (third + (third * third + 2.0 * NEGLIGIBLE * variance).sqrt()).ceil() as usize + 1;
        let mut contour = Vec::new();
        for l in 0..=points / 2 {
            let t = TAU * l as f64 / points as f64;
            let half = (0.5 * t).sin();
            if 2.0 * variance * half * half > NEGLIGIBLE {
                break;
            }
            let turn = Complex { re: -2.0 * half * half, im: t.sin() };
            let phase = (l * self.batch % points) as f64 / points as f64 * TAU;
            let start = Complex { re: phase.cos(), im: -phase.sin() };
            let product = successes.iter().fold(start, |product, s| product.times(turn.scaled(*s).plus_one()));
            // The lower half circle is conjugate.
            let times = if l == 0 || 2 * l == points { 1.0 } else { 2.0 };
            contour.push(Contour { turn, weight: product.scaled(times / points as f64) });
        }
        contour
    }
}

/// `ln P(S = B)`.
fn ln_total(contour: &[Contour]) -> f64 {
    contour.iter().map(|c| c.weight.re).sum::<f64>().ln()
}

/// `ρ − s`, where `ρ = s e^{it}/(1 + s(e^{it} − 1))`.
fn shift(s: f64, turn: Complex) -> Complex {
    turn.scaled(s * (1.0 - s)).times(turn.scaled(s).plus_one().inverse())
}

/// `1/(1 + e^{−x})`.
fn logistic(x: f64) -> f64 {
    if x > 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The `λ` at which the expected number of successes is `b`, by Newton's steps within a bracket.
fn saddle_point(exponents: &[f64], b: f64, rest: f64) -> f64 {
    let (low, high) = exponents.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let (mut left, mut right) = (rest - high, rest - low);
    let mut lambda = rest - exponents.iter().sum::<f64>() / exponents.len() as f64;
    for _ in 0..200 {
        let (mut excess, mut slope) = (-b, 0.0);
        for x in exponents {
            let s = logistic(x + lambda);
            excess += s;
            slope += s * (1.0 - s);
        }
        if excess > 0.0 {
            right = lambda;
        } else {
            left = lambda;
        }
        // The result does not depend on λ, only its conditioning does.
        if excess.abs() <= 1e-9 * b || right - left <= 1e-15 * lambda.abs() {
            break;
        }
        let next = lambda - excess / slope;
        lambda = if next > left && next < right { next } else { f64::midpoint(left, right) };
    }
    lambda
}

/// `Σ w_μ g_μ`.
fn weighted(gradients: &[f64], dim: usize, weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; dim];
    for (g, w) in gradients.chunks_exact(dim).zip(weights) {
        sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += w * g);
    }
    sum
}

/// Adds `w x xᵀ` to the upper triangle.
fn add_square(matrix: &mut Mat<f64>, weight: f64, x: impl Fn(usize) -> f64) {
    for i in 0..matrix.nrows() {
        let left = weight * x(i);
        (i..matrix.ncols()).for_each(|j| matrix[(i, j)] += left * x(j));
    }
}

fn fill_lower(matrix: &mut Mat<f64>) {
    for i in 0..matrix.nrows() {
        (0..i).for_each(|j| matrix[(i, j)] = matrix[(j, i)]);
    }
}
