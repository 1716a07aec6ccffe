//! Mean exit times of one-dimensional diffusions, exact up to quadrature and in log space throughout.
//!
//! For `dθ = a dt + √(2D) dW` (Itô) let `ψ = ∫ a/D`, `s = e^{−ψ}`, `m = e^{ψ}/D`, `S = ∫ s`. The mean exit time from `(l, r)`
//! started at `x` is `[(S(r)−S(x)) ∫_l^x (S(z)−S(l)) m dz + (S(x)−S(l)) ∫_x^r (S(r)−S(z)) m dz] / (S(r)−S(l))`, and
//! with a reflecting end at `l` it is `∫_x^r s(y) ∫_l^y m dz dy` (Gardiner, *Stochastic Methods*, section 5.5).

use super::{Cubic, ReferenceError};

/// Largest change of `ψ` across one cell of the quadrature.
const CELL: f64 = 0.2;
/// Largest number of cells.
const MAX_CELLS: usize = 1_000_000;

/// `ln(e^a + e^b)`.
fn ln_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// `ln Σ w_i e^{f_i}` over three points, with weights of which one may be negative while the sum is positive.
fn ln_weighted(weights: [f64; 3], logs: [f64; 3]) -> f64 {
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high == f64::NEG_INFINITY {
        return high;
    }
    high + weights.iter().zip(logs).map(|(w, f)| w * (f - high).exp()).sum::<f64>().ln()
}

/// Simpson's weights, and those of the parabola's integral over the left or the right half, for a cell of width 1.
const SIMPSON: [f64; 3] = [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0];
const LEFT_HALF: [f64; 3] = [5.0 / 24.0, 8.0 / 24.0, -1.0 / 24.0];
const RIGHT_HALF: [f64; 3] = [-1.0 / 24.0, 8.0 / 24.0, 5.0 / 24.0];

/// One cell: the logarithm of its width, and at its start, middle and end `ln s` and `ln m`.
struct Cell {
    width: f64,
    ln_scale: [f64; 3],
    ln_speed: [f64; 3],
}

/// The cells between two points, `ψ` starting from `*psi`, which is moved on.
fn cells_between(
    from: f64,
    to: f64,
    slope: &dyn Fn(f64) -> f64,
    ln_inverse_diffusion: &dyn Fn(f64) -> f64,
    psi: &mut f64,
    cells: &mut Vec<Cell>,
) -> Result<(), ReferenceError> {
    let middle = f64::midpoint(from, to);
    let steepest = [from, middle, to].into_iter().map(|x| slope(x).abs()).fold(0.0, f64::max);
    let count = (steepest * (to - from) / CELL).ceil().max(1.0);
    if !count.is_finite() {
        return Err(ReferenceError::BadNodes);
    }
    if cells.len() as f64 + count > MAX_CELLS as f64 {
        return Err(ReferenceError::TooFine { limit: MAX_CELLS });
    }
    let width = (to - from) / count;
    for k in 0..count as usize {
        let z = [0.0, 0.5, 1.0].map(|part| from + (k as f64 + part) * width);
        let q = z.map(slope);
        let dot = |w: [f64; 3]| width * (w[0] * q[0] + w[1] * q[1] + w[2] * q[2]);
        let values = [*psi, *psi + dot(LEFT_HALF), *psi + dot(SIMPSON)];
        let d = z.map(ln_inverse_diffusion);
        cells.push(Cell {
            width: width.ln(),
            ln_scale: values.map(|v| -v),
            ln_speed: [values[0] + d[0], values[1] + d[1], values[2] + d[2]],
        });
        *psi = values[2];
    }
    Ok(())
}

/// `(ln ∫ (S − S(first)) m, ln (S(last) − S(first)))` over the cells, taken in the given direction from an exit.
fn from_exit<'a>(cells: impl Iterator<Item = &'a Cell>, rightward: bool) -> (f64, f64) {
    let (mut scale, mut total) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for cell in cells {
        let half = cell.width + ln_weighted(if rightward { LEFT_HALF } else { RIGHT_HALF }, cell.ln_scale);
        let end = ln_add(scale, cell.width + ln_weighted(SIMPSON, cell.ln_scale));
        let (near, far) = if rightward { (0, 2) } else { (2, 0) };
        let logs = [scale + cell.ln_speed[near], ln_add(scale, half) + cell.ln_speed[1], end + cell.ln_speed[far]];
        total = ln_add(total, cell.width + ln_weighted(SIMPSON, logs));
        scale = end;
    }
    (total, scale)
}

/// The value, unless the integrand left the range of numbers somewhere between the nodes.
fn finite(value: f64) -> Result<f64, ReferenceError> {
    if value.is_finite() { Ok(value) } else { Err(ReferenceError::BadNodes) }
}

/// Natural logarithm of the mean time to leave `(l, r)` from `x`, for `dθ = a dt + √(2D) dW` with drift `a` and
/// diffusion coefficient `D > 0` given on nodes.
///
/// `a/D` and `ln D` are interpolated by local cubics, so the error is of fourth order in the node spacing.
///
/// # Errors
///
/// If the nodes or points are unusable, `D` is not positive, or the barrier is too high against the noise to integrate.
pub fn ln_mean_exit_time(
    position: &[f64],
    drift: &[f64],
    diffusion: &[f64],
    [l, x, r]: [f64; 3],
) -> Result<f64, ReferenceError> {
    if position.len() != drift.len() || position.len() != diffusion.len() {
        return Err(ReferenceError::BadNodes);
    }
    if let Some(i) = diffusion.iter().position(|&d| d.is_nan() || d <= 0.0) {
        return Err(ReferenceError::NoDiffusion { position: position[i] });
    }
    let slope = Cubic::new(position, drift.iter().zip(diffusion).map(|(a, d)| a / d).collect())?;
    let inverse = Cubic::new(position, diffusion.iter().map(|d| -d.ln()).collect())?;
    let (first, last) = slope.range();
    if !(first <= l && l < x && x < r && r <= last) {
        return Err(ReferenceError::BadPoints);
    }
    let mut cells = Vec::new();
    let mut psi = 0.0;
    let mut start = 0;
    for (from, to) in [(l, x), (x, r)] {
        let mut left = from;
        for right in position.iter().copied().filter(|&p| p > from && p < to).chain([to]) {
            cells_between(left, right, &|z| slope.value(z), &|z| inverse.value(z), &mut psi, &mut cells)?;
            left = right;
        }
        if to == x {
            start = cells.len();
        }
    }
    let (left_total, left_scale) = from_exit(cells[..start].iter(), true);
    let (right_total, right_scale) = from_exit(cells[start..].iter().rev(), false);
    finite(ln_add(right_scale + left_total, left_scale + right_total) - ln_add(left_scale, right_scale))
}

/// Natural logarithm of the mean time to reach radius `exit` from the centre, in the `n`-dimensional isotropic basin
/// `L = L* + ½ h r²` with diffusion coefficient `D(r)` in every direction: drift of the radius `−h r + (n−1) D/r`.
///
/// Integrated in `ln r` from `10⁻³ exit`; the disc inside counts with its free mean time `r²/(2nD(0))`.
///
/// # Errors
///
/// If a number is not finite and positive, or the barrier is too high against the noise to integrate.
pub fn ln_mean_radial_exit_time(
    dimension: usize,
    curvature: f64,
    exit: f64,
    diffusion: &dyn Fn(f64) -> f64,
) -> Result<f64, ReferenceError> {
    if !(exit.is_finite() && exit > 0.0 && curvature.is_finite() && curvature > 0.0 && dimension > 0) {
        return Err(ReferenceError::BadPoints);
    }
    for r in [0.0, 0.5 * exit, exit] {
        let d = diffusion(r);
        if !(d.is_finite() && d > 0.0) {
            return Err(ReferenceError::NoDiffusion { position: r });
        }
    }
    let n = dimension as f64;
    let inner = 1e-3 * exit;
    let slope = |w: f64| {
        let r = w.exp();
        n - 1.0 - curvature * r * r / diffusion(r)
    };
    // Measures in w = ln r: m dr = m r dw, s dr = s r dw; `ln s` gets its `+w` below.
    let ln_speed = |w: f64| w - diffusion(w.exp()).ln();
    let mut cells = Vec::new();
    let mut psi = (n - 1.0) * inner.ln();
    // `r^n` must be resolved as well as ψ.
    let steps = (1e3_f64.ln() * (n / CELL).max(100.0)).ceil();
    let width = 1e3_f64.ln() / steps;
    let mut offsets = Vec::new();
    for k in 0..steps as usize {
        let from = inner.ln() + k as f64 * width;
        let before = cells.len();
        cells_between(from, from + width, &slope, &ln_speed, &mut psi, &mut cells)?;
        let part = width / (cells.len() - before) as f64;
        offsets.extend((0..cells.len() - before).map(|j| (from + j as f64 * part, part)));
    }
    let mut speed = n * inner.ln() - (n * diffusion(0.0)).ln();
    let mut total = 2.0 * inner.ln() - (2.0 * n * diffusion(0.0)).ln();
    for (cell, (w, part)) in cells.iter().zip(offsets) {
        let half = cell.width + ln_weighted(LEFT_HALF, cell.ln_speed);
        let end = ln_add(speed, cell.width + ln_weighted(SIMPSON, cell.ln_speed));
        let scale = [0, 1, 2].map(|i| cell.ln_scale[i] + w + 0.5 * f64::from(i as u8) * part);
        let logs = [speed + scale[0], ln_add(speed, half) + scale[1], end + scale[2]];
        total = ln_add(total, cell.width + ln_weighted(SIMPSON, logs));
        speed = end;
    }
    finite(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(l: f64, r: f64, cells: usize) -> Vec<f64> {
        (0..=cells).map(|i| l + (r - l) * i as f64 / cells as f64).collect()
    }

    #[test]
    fn free_diffusion_leaves_in_the_textbook_time() {
        let x = grid(-1.0, 2.0, 7);
        let time = ln_mean_exit_time(&x, &[0.0; 8], &[0.3; 8], [-0.9, 0.25, 1.7]).unwrap();
        // (x − l)(r − x)/(2D), exact for Simpson's rule.
        assert!((time.exp() - 1.15 * 1.45 / 0.6).abs() < 1e-12);
    }

    #[test]
    fn ornstein_uhlenbeck_agrees_with_its_series_and_converges_in_fourth_order() {
        // h = D = 1: T(b) solves T'' − x T' = 1 with T = Σ c_k x^{2k}, c_1 = ½, (2k+2)(2k+1) c_{k+1} = 2k c_k.
        let b: f64 = 2.0;
        let (mut term, mut exact) = (0.5 * b * b, 0.0);
        for k in 1..80 {
            exact += term;
            let k = f64::from(k);
            term *= 2.0 * k / ((2.0 * k + 2.0) * (2.0 * k + 1.0)) * b * b;
        }
        // D = 1/(1 + x²/2) and a = −x D keep ψ, so that only the interpolation of ln D and Simpson's rule err.
        let error = |cells| {
            let x = grid(-b, b, cells);
            let d: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + 0.5 * x * x)).collect();
            let a: Vec<f64> = x.iter().zip(&d).map(|(x, d)| -x * d).collect();
            ln_mean_exit_time(&x, &a, &d, [-b, 0.0, b]).unwrap()
        };
        let x = grid(-b, b, 64);
        let a: Vec<f64> = x.iter().map(|x| -x).collect();
        let ou = ln_mean_exit_time(&x, &a, &[1.0; 65], [-b, 0.0, b]).unwrap().exp();
        assert!((ou / exact - 1.0).abs() < 1e-6, "{ou} {exact}");
        // From 64 nodes on every cell is one node wide, so the whole error is seen to fall.
        let fine = error(4096);
        let [coarse, half, quarter] = [64, 128, 256].map(|cells| (error(cells) - fine).abs());
        assert!((coarse / quarter).log2() / 2.0 > 3.7, "{coarse} {half} {quarter}");
        assert!(coarse < 1e-6, "{coarse}");
        let radial = ln_mean_radial_exit_time(1, 1.0, b, &|_| 1.0).unwrap().exp();
        assert!((radial / exact - 1.0).abs() < 1e-5, "{radial} {exact}");
    }

    #[test]
    fn free_radial_diffusion_takes_the_textbook_time() {
        for n in [1, 2, 5, 40] {
            let time = ln_mean_radial_exit_time(n, 1e-12, 1.5, &|_| 0.2).unwrap().exp();
            let exact = 2.25 / (2.0 * n as f64 * 0.2);
            assert!((time / exact - 1.0).abs() < 1e-4, "{n} {time} {exact}");
        }
    }

    #[test]
    fn huge_barriers_do_not_overflow() {
        let b: f64 = 70.0;
        let x = grid(-b, b, 400);
        let a: Vec<f64> = x.iter().map(|x| -x).collect();
        let time = ln_mean_exit_time(&x, &a, &[1.0; 401], [-b, 0.0, b]).unwrap();
        // T → √(2π)/2 · e^{b²/2}/b (1 + 1/b² + ...); log10 T is above 1000.
        let expected = 0.5 * (std::f64::consts::TAU).sqrt().ln() * 2.0 - 2.0_f64.ln() + b * b / 2.0 - b.ln();
        assert!((time - expected).abs() < 1e-3, "{time} {expected}");
        assert!(time / std::f64::consts::LN_10 > 1000.0);
    }

    #[test]
    fn label_noise_regression_gives_the_known_steps() {
        // h = σ = 1, η = 0.05, B = 1, exit at |θ| = 0.8: decoupled C = σ² + δ²; for Gaussian x the true C = σ² + 2δ². The
        // published values have two digits, which leaves at most 3 %.
        let steps = |k: f64| {
            let x = grid(-0.8, 0.8, 400);
            let a: Vec<f64> = x.iter().map(|x| -x).collect();
            let d: Vec<f64> = x.iter().map(|x| 0.5 * 0.05 * (1.0 + k * x * x)).collect();
            ln_mean_exit_time(&x, &a, &d, [-0.8, 0.0, 0.8]).unwrap().exp() / 0.05
        };
        assert!((steps(1.0) / 1.6e5 - 1.0).abs() < 0.03, "{}", steps(1.0));
        assert!((steps(2.0) / 4.2e4 - 1.0).abs() < 0.03, "{}", steps(2.0));
    }

    #[test]
    fn unusable_input_is_refused() {
        let x = [0.0, 1.0, 2.0];
        assert!(ln_mean_exit_time(&x, &[0.0, f64::NAN, 0.0], &[1.0; 3], [0.0, 1.0, 2.0]).is_err());
        assert!(ln_mean_exit_time(&x, &[0.0; 3], &[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]).is_err());
        assert!(ln_mean_exit_time(&x, &[0.0; 3], &[1.0; 3], [0.0, 1.0, 3.0]).is_err());
        assert!(ln_mean_radial_exit_time(2, 1.0, f64::NAN, &|_| 1.0).is_err());
    }
}
