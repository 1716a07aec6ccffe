//! The one-dimensional minibatch chain itself: its mean exit time on a grid, and whether it can leave at all.

use super::ReferenceError;
use crate::{Barrier, Geometry, Path, Sampling, SgdSettings};
use std::fmt;
use std::ops::Range;

/// Probabilities of steps between cells that are at most `band` apart, by rows.
struct Banded {
    band: usize,
    probability: Vec<f64>,
}

impl Banded {
    fn at(&mut self, from: usize, to: usize) -> &mut f64 {
        &mut self.probability[from * (2 * self.band + 1) + to + self.band - from]
    }

    fn row(&mut self, from: usize, to: Range<usize>) -> &mut [f64] {
        let first = from * (2 * self.band + 1) + to.start + self.band - from;
        &mut self.probability[first..first + to.len()]
    }
}

/// Writes where a chain may go from a point, with the probability of each.
pub type Images<'a> = dyn Fn(f64, &mut Vec<(f64, f64)>) + 'a;

/// Natural logarithm of the mean number of steps in which a chain on the line leaves `(lower, upper)` from `start`.
///
/// `images` writes where the chain may go from a point, with probabilities that sum to 1. The interval is cut into `cells`, an
/// image is spread over the two nearest midpoints so that its mean stays, and exits are added up as they are, never as `1 −` the
/// rest. The mean follows by eliminating cells from both ends towards the start (Grassmann, Taksar, Heyman 1985), where only
/// numbers that are not negative are added, multiplied and divided: it keeps its digits however rare the exit is, within the
/// range of `f64`.
///
/// Spreading adds a variance of at most a quarter of a squared cell to each step, so that the exponent of a rare exit is short by
/// that over the variance of a step: a tenth of its deviation is a good width. The work is `cells` times the square of the
/// longest step in cells.
///
/// # Errors
/// [`ReferenceError::BadPoints`] unless `lower < start < upper`, [`ReferenceError::BadNodes`] for fewer than three cells or where
/// the number is not positive and finite.
pub fn ln_mean_exit_steps(
    images: &Images,
    [lower, start, upper]: [f64; 3],
    cells: usize,
) -> Result<f64, ReferenceError> {
    if !(lower < start && start < upper && lower.is_finite() && upper.is_finite()) {
        return Err(ReferenceError::BadPoints);
    }
    if cells < 3 {
        return Err(ReferenceError::BadNodes);
    }
    let width = (upper - lower) / cells as f64;
    let middle = |cell: usize| lower + (cell as f64 + 0.5) * width;
    // Where an image lies in cells from the first midpoint; none outside. Half a cell at either end belongs to its midpoint.
    let inside = |image: f64| {
        let at = ((image - lower) / width - 0.5).clamp(0.0, (cells - 1) as f64);
        (image > lower && image < upper).then_some(at)
    };
    let mut to = Vec::new();
    let mut band = 1;
    for from in 0..cells {
        to.clear();
        images(middle(from), &mut to);
        for at in to.iter().filter_map(|&(image, _)| inside(image)) {
            band = band.max(from.abs_diff(at.floor() as usize)).max(from.abs_diff(at.ceil() as usize));
        }
    }
    let mut chain = Banded { band, probability: vec![0.0; cells * (2 * band + 1)] };
    let mut exit = vec![0.0; cells];
    let mut steps = vec![1.0; cells];
    for from in 0..cells {
        to.clear();
        images(middle(from), &mut to);
        for &(image, probability) in &to {
            match inside(image) {
                None => exit[from] += probability,
                Some(at) => {
                    let (low, high) = (at.floor() as usize, at.ceil() as usize);
                    *chain.at(from, low) += (1.0 - at.fract()) * probability;
                    *chain.at(from, high) += at.fract() * probability;
                }
            }
        }
    }
    let home = (((start - lower) / width) as usize).min(cells - 1);
    let mut row = Vec::new();
    for gone in (0..home).chain((home + 1..cells).rev()) {
        // What is left of the chain within reach of the cell that goes.
        let rest = if gone < home { gone + 1..(gone + band + 1).min(cells) } else { gone.saturating_sub(band)..gone };
        row.clear();
        row.extend(rest.clone().map(|to| *chain.at(gone, to)));
        let leave = exit[gone] + row.iter().sum::<f64>();
        for from in rest.clone() {
            let share = *chain.at(from, gone) / leave;
            if share > 0.0 {
                exit[from] += share * exit[gone];
                steps[from] += share * steps[gone];
                chain.row(from, rest.clone()).iter_mut().zip(&row).for_each(|(q, r)| *q += share * r);
            }
        }
    }
    let ln = steps[home].ln() - exit[home].ln();
    if ln.is_finite() { Ok(ln) } else { Err(ReferenceError::BadNodes) }
}

/// Why SGD that starts at the minimum never gets to an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Confinement {
    /// On the line, where no batch moves a point of this interval out of it.
    Interval([f64; 2]),
    /// Every batch is the whole data: there is no noise, and the minimum is stable.
    NoNoise,
    /// In several dimensions, where all inputs of a linear problem are parallel or orthogonal: SGD stays in a box along them.
    Apart {
        /// The largest loss in the box.
        loss: f64,
    },
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval([low, high]) => {
                let [low, high] = [low, high].map(|end| digits(*end));
                write!(f, "whatever batches are drawn, SGD stays between {low} and {high} for ever")
            }
            Self::NoNoise => {
                write!(f, "every batch is the whole data, so that there is no noise, and the minimum is stable")
            }
            Self::Apart { loss } => write!(
                f,
                "all inputs are parallel or orthogonal, so that whatever batches are drawn, SGD stays for ever in a box along them \
                 between the targets of single samples, where the loss is at most {}",
                digits(*loss)
            ),
        }
    }
}

/// Four digits, and a power of ten only where it spares zeros.
fn digits(x: f64) -> String {
    let power = x.abs().log10().floor();
    if (-3.0..4.0).contains(&power) { format!("{x:.*}", (3.0 - power) as usize) } else { format!("{x:.3e}") }
}

/// Why SGD that starts at the minimum cannot reach the barrier's event; none where it can, or where that is not shown. On the line
/// it is shown by the reach of the chain, see [`confined`], in several dimensions where there is no noise at all.
pub fn confinement(geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Option<Confinement> {
    let on_the_line = match barrier {
        Barrier::Saddles { path: Some(path), .. } => Some((path, [*path.position.first()?, *path.position.last()?])),
        Barrier::Interval { path, lower, upper } => Some((path, [*lower, *upper])),
        _ => None,
    };
    if let Some((path, ends)) = on_the_line {
        return confined(path, ends, sgd).map(Confinement::Interval);
    }
    let whole = sgd.sampling != Sampling::WithReplacement && sgd.batch_size == geometry.samples;
    let stable = sgd.learning_rate * geometry.eigenvalues.first()? < 2.0 && geometry.index == 0;
    (whole && stable).then_some(Confinement::NoNoise)
}

/// The interval that SGD started at the path's minimum never leaves, if there is one inside `(lower, upper)`: no batch moves any
/// of its points out of it. None where the chain can get out, or comes so near to an end that the path's nodes do not tell.
///
/// Between two nodes the farthest image is taken to lie beyond theirs by the second differences there, eight times what a
/// parabola through them has.
pub fn confined(path: &Path, [lower, upper]: [f64; 2], sgd: &SgdSettings) -> Option<[f64; 2]> {
    let farthest = |sign: f64| -> Vec<f64> {
        let image = |(x, slopes): (&f64, &Vec<f64>)| sign * (x - sgd.learning_rate * steepest(slopes, -sign, sgd));
        let images: Vec<f64> = path.position.iter().zip(&path.sample_slopes).map(image).collect();
        let bend = |i: usize| match images.get(i.wrapping_sub(1)..i + 2) {
            Some([a, b, c]) => (a - 2.0 * b + c).abs(),
            _ => 0.0,
        };
        (1..images.len()).map(|i| images[i - 1].max(images[i]) + bend(i - 1).max(bend(i))).collect()
    };
    let (left, right) = (farthest(-1.0), farthest(1.0));
    let mut reached = [path.minimum; 2];
    let mut covered = 0..0;
    loop {
        let first = path.position.partition_point(|&x| x <= reached[0]).checked_sub(1)?;
        let last = path.position.partition_point(|&x| x < reached[1]);
        let cells = first..last.max(first + 1);
        if cells == covered {
            return Some(reached);
        }
        let most = |ends: &[f64]| ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let [low, high] = [-most(left.get(cells.clone())?), most(right.get(cells.clone())?)];
        // Not a number is nowhere inside.
        if !(low > lower && high < upper) {
            return None;
        }
        reached = [reached[0].min(low), reached[1].max(high)];
        covered = cells;
    }
}

/// The slope of the batch that points farthest to the side of `sign`. A shuffled epoch may hold it.
fn steepest(slopes: &[f64], sign: f64, sgd: &SgdSettings) -> f64 {
    let mut signed: Vec<f64> = slopes.iter().map(|g| sign * g).collect();
    let batch = sgd.batch_size.clamp(1, signed.len().max(1));
    if batch == 1 || sgd.sampling == Sampling::WithReplacement {
        return sign * signed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    }
    signed.sort_unstable_by(|a, b| b.total_cmp(a));
    sign * signed[..batch.min(signed.len())].iter().sum::<f64>() / batch as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::first_passage::ln_mean_exit_time;

    #[test]
    fn a_walk_of_unit_steps_has_its_closed_form() {
        // From the cell k of n, up with p and down with q: k/(q-p) - n/(q-p) (1-(q/p)^k)/(1-(q/p)^n), the gambler's ruin.
        let (n, k) = (60.0, 25.0);
        for p in [0.5, 0.4, 0.1] {
            let q = 1.0 - p;
            let images = |x: f64, to: &mut Vec<(f64, f64)>| to.extend([(x + 1.0, p), (x - 1.0, q)]);
            // Positions 1..=59 are midpoints of the cells of (0.5, 59.5).
            let found = ln_mean_exit_steps(&images, [0.5, k, n - 0.5], 59).expect("a number");
            let exact: f64 = if p == 0.5 {
                k * (n - k)
            } else {
                let ratio: f64 = q / p;
                k / (q - p) - n / (q - p) * (ratio.powf(k) - 1.0) / (ratio.powf(n) - 1.0)
            };
            assert!((found - exact.ln()).abs() < 1e-11, "{found} {}", exact.ln());
        }
    }

    #[test]
    fn deep_escapes_keep_their_digits() {
        // Up with p = 0.01 from a reflecting floor, 60 high: exact by summing the times of each step up, t_k = 1/p + q/p t_{k-1}.
        let (p, q): (f64, f64) = (0.01, 0.99);
        let images = |x: f64, to: &mut Vec<(f64, f64)>| to.extend([(x + 1.0, p), ((x - 1.0).max(1.0), q)]);
        let found = ln_mean_exit_steps(&images, [0.5, 1.0, 60.5], 60).expect("a number");
        let (mut up, mut exact) = (0.0, 0.0);
        for _ in 0..60 {
            up = 1.0 / p + q / p * up;
            exact += up;
        }
        assert!(exact > 1e100 && (found - exact.ln()).abs() < 1e-11, "{found} {}", exact.ln());
    }

    #[test]
    fn small_steps_are_a_diffusion() {
        // The chain of an Ornstein-Uhlenbeck process between two values, with its mean exit time by quadrature.
        let (eta, noise) = (1e-3_f64, 1.0);
        let kick = eta * f64::sqrt(noise);
        let images = |x: f64, to: &mut Vec<(f64, f64)>| {
            to.extend([(x - eta * x + kick, 0.5), (x - eta * x - kick, 0.5)]);
        };
        let exit = 0.06;
        let nodes: Vec<f64> = (0..201).map(|i| -0.07 + 0.14 * f64::from(i) / 200.0).collect();
        let drift: Vec<f64> = nodes.iter().map(|x| -x).collect();
        let exact = |exit: f64| {
            ln_mean_exit_time(&nodes, &drift, &vec![eta * noise / 2.0; 201], [-exit, 0.0, exit]).expect("a number")
                - eta.ln()
        };
        let found = ln_mean_exit_steps(&images, [-exit, 0.0, exit], 1501).expect("a number");
        // Two-valued kicks overshoot by half a kick on average.
        let expected = exact(exit + 0.5 * kick);
        assert!((found - expected).abs() < 0.02, "{found} {expected} {}", exact(exit));
    }

    /// The path of linear regression `y = θx + e` with these `(x, e)`, whose minimum is 0 where `Σ x e = 0`.
    fn regression(samples: &[(f64, f64)], half: f64) -> Path {
        let position: Vec<f64> = (0..1001).map(|i| half * (f64::from(i) / 500.0 - 1.0)).collect();
        let slopes = position.iter().map(|t| samples.iter().map(|(x, e)| x * (x * t - e)).collect()).collect();
        Path {
            loss: vec![0.0; position.len()],
            gradient: vec![0.0; position.len()],
            curvature: vec![0.0; position.len()],
            noise: vec![0.0; position.len()],
            sample_slopes: slopes,
            minimum: 0.0,
            quasi_potential: vec![],
            position,
        }
    }

    #[test]
    fn bounded_errors_confine_a_linear_chain_to_the_largest_of_them() {
        // |θ| <= max|xe| for ever where x² = 1, whatever the learning rate; batches of two of four without replacement: 1.3/2.
        let samples = [(1.0, 0.5), (-1.0, -0.8), (1.0, 0.3), (-1.0, 1.6)];
        let path = regression(&samples, 2.0);
        let sgd = |learning_rate, batch_size, sampling| SgdSettings { learning_rate, batch_size, sampling };
        for learning_rate in [0.5, 0.1, 1e-3] {
            let one = sgd(learning_rate, 1, Sampling::WithReplacement);
            let [low, high] = confined(&path, [-1.7, 0.9], &one).expect("confined");
            assert!((low + 1.6).abs() < 0.01 && (high - 0.8).abs() < 0.01, "{low} {high}");
            assert_eq!(confined(&path, [-1.59, 0.9], &one), None);
            assert_eq!(confined(&path, [-1.7, 0.79], &one), None);
            for sampling in [Sampling::WithoutReplacement, Sampling::EpochShuffle] {
                let [low, high] = confined(&path, [-1.7, 0.9], &sgd(learning_rate, 2, sampling)).expect("confined");
                assert!((low + 0.65).abs() < 0.01 && (high - 0.65).abs() < 0.01, "{low} {high}");
                // The whole data have no noise.
                let [low, high] = confined(&path, [-1.7, 0.9], &sgd(learning_rate, 4, sampling)).expect("confined");
                assert!(low > -0.01 && high < 0.01, "{low} {high}");
            }
        }
    }

    #[test]
    fn a_step_may_be_longer_than_the_way_that_every_sample_pushes_back() {
        // Beyond 1/2 all push back, but from the other side a step of η x² = 1.9 throws it over.
        let samples = [(1.0, 0.5), (1.0, -0.5)];
        let path = regression(&samples, 2.0);
        let sgd = |learning_rate| SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement };
        assert!(confined(&path, [-0.6, 0.6], &sgd(0.9)).is_some());
        assert_eq!(confined(&path, [-0.6, 0.6], &sgd(1.9)), None);
    }
}
