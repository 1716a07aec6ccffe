//! Generalised exponents `Λ(α)`, from populations, and the root of `Λ`.

use super::products::{Displacement, Origin, Products};
use super::{InterpolationConfig, InterpolationError, larger, mean_and_variance, student};
use crate::random::{Purpose, RngState, next_word, seed_state, stream};
use crate::{Estimate, Interrupted, Stop};
use rayon::prelude::*;

/// Why there is no root where no factor lengthens a displacement.
pub(super) const NO_STRETCH: &str = "no batch lengthens any displacement, so that none escapes";
/// Why there is none where the Lyapunov exponent is positive.
pub(super) const LEAVES: &str = "the Lyapunov exponent is positive: SGD leaves for certain";
/// Why there is none where it would be too large.
pub(super) const NEVER: &str =
    "no power of the length is seen to grow up to the largest that was tried: escapes, if there are any, are very rare";

/// Powers that are tried at first, and the largest that is.
const POWERS: [f64; 2] = [0.25, 64.0];
/// Steps before those that are counted, in units of these: directions settle in the time that the largest exponents are apart by.
const SETTLING: usize = 4;
/// Bisections before the populations of the result, and between which multiples of the root the slope there is taken.
const BISECTIONS: usize = 7;
const AROUND: [f64; 2] = [0.9, 1.1];

/// The root `α > 0` of `Λ(α) = 0`, or why there is none.
pub(super) fn root(
    products: &Products,
    lyapunov: Option<Estimate>,
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Result<Estimate, String>, InterpolationError> {
    if !products.may_stretch() {
        return Ok(Err(NO_STRETCH.to_owned()));
    }
    if lyapunov.is_some_and(|lyapunov| lyapunov.ci95[0] > 0.0) {
        return Ok(Err(LEAVES.to_owned()));
    }
    // Few populations of the same batches bracket the root. They start along stiff directions, which are those that grow: beside them
    // soft ones, with exponents next to 0 for every α, would hide the root.
    let few = InterpolationConfig { groups: config.groups.min(4), ..*config };
    let sign = |alpha: f64| Ok::<_, InterpolationError>(exponent(products, (alpha, Origin::Stiff), &few, stop)?.value);
    let [mut high, largest] = POWERS;
    let mut low = 0.0;
    while sign(high)? <= 0.0 {
        (low, high) = (high, 2.0 * high);
        if high > largest {
            return Ok(Err(NEVER.to_owned()));
        }
    }
    if low == 0.0 {
        for _ in 0..3 {
            high *= 0.5;
            if sign(high)? <= 0.0 {
                (low, high) = (high, 2.0 * high);
                break;
            }
        }
        if low == 0.0 {
            return Ok(Err(
                "the Lyapunov exponent is not told from 0, and no power of the length is seen to shrink".to_owned()
            ));
        }
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if sign(middle)? > 0.0 { high = middle } else { low = middle }
    }
    let guess = 0.5 * (low + high);
    // Λ(α)/α has no root at 0 and is nearly straight; its slope, which counts little so near, is that of few populations.
    let ratio = |alpha: f64| Ok::<_, InterpolationError>(sign(alpha)? / alpha);
    let [near, far] = AROUND.map(|share| share * guess);
    let slope = (ratio(far)? - ratio(near)?) / (far - near);
    let rest = exponent(products, (guess, Origin::Stiff), config, stop)?;
    let at = |exponent: f64| guess - exponent / (guess * slope);
    let alpha = Estimate::new(at(rest.value), at(rest.ci95[1]).max(0.0), at(rest.ci95[0]));
    if alpha.ci95[1].is_finite() && alpha.value > 0.0 && slope > 0.0 {
        Ok(Ok(alpha))
    } else {
        Ok(Err("the root is not resolved".to_owned()))
    }
}

/// `e^Λ` of an exponent, which is 0 for `−∞`.
fn exponential(exponent: Estimate) -> Estimate {
    if exponent.value == f64::NEG_INFINITY {
        return Estimate::exact(0.0);
    }
    Estimate { value: exponent.value.exp(), ci95: exponent.ci95.map(f64::exp) }
}

/// The growth `e^{Λ(2)}` of mean squares, from the origin that has the larger.
pub(super) fn mean_square(
    products: &Products,
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Estimate, Interrupted> {
    let [stiff, soft] = Origin::ALL.map(|from| exponent(products, (2.0, from), config, stop));
    Ok(exponential(larger(stiff?, soft?)))
}

/// `Λ(α)` from the populations of all groups.
///
/// The growth of a population's weight is unbiased and nearly log-normal, so that its logarithm is too low by half of the variance, which
/// the scatter of the groups tells: `Λ k = m + s²/2` with the mean `m` and variance `s²` of `n` logarithms, and the variance `s²/n + s⁴/2(n − 1)`
/// (Cox's method: Zhou & Gao 1997, *Stat. Med.* 16, 783).
fn exponent(
    products: &Products,
    power: (f64, Origin),
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Estimate, Interrupted> {
    let steps = config.steps.next_multiple_of(products.epoch());
    let of = |group: usize| population(products, power, group as u64, [steps, SETTLING * config.steps], config, stop);
    let found: Vec<f64> = (0..config.groups).into_par_iter().map(of).collect::<Result<_, _>>()?;
    let (middle, variance) = mean_and_variance(&found);
    if middle == f64::NEG_INFINITY {
        return Ok(Estimate::exact(middle));
    }
    let n = found.len() as f64;
    let half = student(n) * (variance / n + variance * variance / (2.0 * (n - 1.0))).sqrt();
    let [value, half] = [middle + 0.5 * variance, half].map(|x| x / steps as f64);
    Ok(Estimate::new(value, value - half, value + half))
}

/// `ln` of the growth of the mean of `‖δ‖^α` over so many steps, after others that are not counted.
///
/// Displacements are resampled in proportion to their weights where these are unequal, and batches begin afresh: copies
/// that go on through the same epoch would go on alike.
fn population(
    products: &Products,
    (alpha, from): (f64, Origin),
    group: u64,
    [steps, before]: [usize; 2],
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<f64, Interrupted> {
    let (epoch, count) = (products.epoch(), config.clones);
    let before = before.next_multiple_of(epoch);
    let index = |clone: usize| ((group + 1) << 32) + clone as u64;
    let start = |clone: usize| products.start(stream(config.seed, Purpose::Products, index(clone)), from);
    let mut clones: Vec<Displacement> = (0..count).map(start).collect();
    let mut logs = vec![0.0; count];
    let mut room = products.room();
    let mut chooser: RngState =
        seed_state(&mut stream(config.seed, Purpose::Products, group << 32 | u64::from(u32::MAX)));
    let mut last = (count as f64).ln();
    let mut total = 0.0;
    for step in 0..before + steps {
        stop.check()?;
        for (displacement, log) in clones.iter_mut().zip(&mut logs) {
            *log += alpha * products.step(displacement, &mut room);
        }
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if highest == f64::NEG_INFINITY {
            return Ok(f64::NEG_INFINITY);
        }
        let (sum, squares) =
            logs.iter().map(|log| (log - highest).exp()).fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
        let now = highest + f64::ln(sum);
        if step >= before {
            total += now - last;
        }
        last = now;
        if (step + 1).is_multiple_of(epoch) && sum * sum < 0.5 * count as f64 * squares {
            resample(&mut clones, &logs, now, &mut chooser);
            logs.fill(0.0);
            last = (count as f64).ln();
        }
    }
    Ok(total)
}

/// Systematic resampling (Carpenter, Clifford, Fearnhead 1999): copies take the places, and the generators, of those that are gone.
fn resample(clones: &mut [Displacement], logs: &[f64], total: f64, chooser: &mut RngState) {
    let count = clones.len();
    let offset = (next_word(chooser) >> 11) as f64 / (1_u64 << 53) as f64;
    let (mut reached, mut copies) = (-offset, Vec::with_capacity(count));
    for log in logs {
        let before = reached.ceil();
        reached += count as f64 * (log - total).exp();
        copies.push((reached.ceil() - before) as usize);
    }
    // Rounding may leave one too few or too many.
    let given: usize = copies.iter().sum();
    let most = (0..count).max_by_key(|&k| copies[k]).unwrap_or(0);
    copies[most] = (copies[most] + count).saturating_sub(given);
    let mut gone: Vec<usize> = (0..count).filter(|&k| copies[k] == 0).collect();
    for from in 0..count {
        for _ in 1..copies[from] {
            let Some(to) = gone.pop() else { return };
            let (low, high) = clones.split_at_mut(from.max(to));
            let (copy, original) = if from < to { (&mut high[0], &low[from]) } else { (&mut low[to], &high[0]) };
            copy.follow(original);
        }
    }
}
