//! Moments and the autocorrelation time of long series, in memory that grows with the logarithm of their length.

use serde::{Deserialize, Serialize};

use super::groups::jackknife;
use crate::Estimate;

/// Units in one of the fixed-point numbers' last place: `2⁵⁰`.
const SCALE: f64 = (1_u64 << 50) as f64;
/// Largest number that is summed, in units; larger ones count as this.
const LARGEST: f64 = 1e7;
/// Blocks are as long as this many autocorrelation times, so that what is left of the correlation between blocks that are
/// not neighbours is below `e^−10`.
const LONG: f64 = 5.0;
/// Blocks needed in all where the time is read off.
const ENOUGH: u64 = 100;

/// Sums of the means of blocks of `1, 2, 4, …` neighbouring values of many series (Flyvbjerg & Petersen 1989, *Error estimates
/// on averages of correlated data*).
///
/// Sums are of fixed-point numbers, and so the same in any order: of threads, of replicas, or of a run that was extended.
/// They resolve `10⁻¹⁵` of the unit, and for squares of its square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockMeans {
    unit: f64,
    levels: Vec<Level>,
}

/// Means of blocks of one length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    count: u64,
    sum: i128,
    squares: i128,
}

/// The blocks of one series that are not full yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenBlocks {
    values: u64,
    /// Mean of the first half of the open block of each length, where that half is full.
    halves: Vec<f64>,
}

impl Level {
    fn add(&mut self, x: f64) {
        let fixed = |x: f64| (x * SCALE) as i128;
        self.count += 1;
        self.sum = self.sum.saturating_add(fixed(x));
        self.squares = self.squares.saturating_add(fixed(x * x));
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / (SCALE * self.count as f64)
    }

    /// Variance of the blocks' means.
    fn variance(&self) -> f64 {
        (self.squares as f64 / (SCALE * self.count as f64) - self.mean().powi(2)).max(0.0)
    }
}

impl BlockMeans {
    /// Nothing yet, for values of about the size of `unit`, which is positive and finite.
    pub fn new(unit: f64) -> Self {
        Self { unit, levels: Vec::new() }
    }

    /// Adds the next value of the series that `open` belongs to; what is not a number counts as very large.
    pub fn add(&mut self, open: &mut OpenBlocks, x: f64) {
        let scaled = x / self.unit;
        let mut mean = if scaled.is_nan() { LARGEST } else { scaled.clamp(-LARGEST, LARGEST) };
        let before = open.values;
        open.values += 1;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Level::default());
            }
            self.levels[level].add(mean);
            if before >> level & 1 == 0 {
                if open.halves.len() == level {
                    open.halves.push(0.0);
                }
                open.halves[level] = mean;
                return;
            }
            mean = 0.5 * (open.halves[level] + mean);
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.count)
    }

    /// Those of all series together.
    fn merged<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::new(1.0);
        for one in all {
            sum.unit = one.unit;
            sum.levels.resize(sum.levels.len().max(one.levels.len()), Level::default());
            for (level, other) in sum.levels.iter_mut().zip(&one.levels) {
                level.count += other.count;
                level.sum = level.sum.saturating_add(other.sum);
                level.squares = level.squares.saturating_add(other.squares);
            }
        }
        sum
    }

    /// `2^k` times the variance of the means of blocks of `2^k` over that of single values.
    fn inflation(&self, level: usize) -> f64 {
        (level as f64).exp2() * self.levels[level].variance() / self.levels[0].variance()
    }

    /// The autocorrelation time from blocks of `2^k` and `2^(k+1)`: between blocks that are far longer than it the inflation
    /// lacks a term `∝ 2^−k`, which the difference takes out.
    fn time(&self, level: usize) -> f64 {
        2.0 * self.inflation(level + 1) - self.inflation(level)
    }

    /// The first level whose blocks are long, and with the next enough.
    fn long(&self) -> Option<usize> {
        let enough = |level: usize| self.levels.get(level + 1).is_some_and(|next| next.count >= ENOUGH);
        let long = |level: &usize| (*level as f64).exp2() >= LONG * self.inflation(*level).max(1.0);
        (0..self.levels.len()).take_while(|level| enough(*level)).find(long)
    }
}

/// Mean, spread and autocorrelation of a series, each with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeriesSummary {
    /// Number of values.
    pub count: u64,
    /// Mean.
    pub mean: Estimate,
    /// Standard deviation. Its interval needs fourth moments, and has no upper end where groups differ too much to tell.
    pub deviation: Estimate,
    /// Integrated autocorrelation time `1 + 2 Σ_k ρ_k`, in values; `None` where the series are too short to tell.
    pub time: Option<Estimate>,
}

impl SeriesSummary {
    /// The same where the values have no fourth moment: no finite interval holds their standard deviation as often as it says.
    pub fn without_fourth_moment(self) -> Self {
        let Estimate { value, ci95: [lower, _] } = self.deviation;
        Self { deviation: Estimate { value, ci95: [lower, f64::INFINITY] }, ..self }
    }

    /// Number of independent values that the series are worth.
    pub fn effective(&self) -> Option<f64> {
        self.time.filter(|time| time.value > 0.0).map(|time| self.count as f64 / time.value)
    }
}

/// Summary of series in independent groups; the intervals are a jackknife over them. `None` with fewer than two groups that
/// have values, or without any spread.
pub fn summarise(groups: &[BlockMeans]) -> Option<SeriesSummary> {
    let groups: Vec<&BlockMeans> = groups.iter().filter(|group| group.count() > 0).collect();
    let all = BlockMeans::merged(groups.iter().copied());
    if groups.len() < 2 || all.levels[0].variance() == 0.0 {
        return None;
    }
    let of = |f: &dyn Fn(&BlockMeans) -> f64| jackknife(&groups, |kept| f(&BlockMeans::merged(kept.iter().copied())));
    let time = all.long().and_then(|level| {
        let has = |group: &&BlockMeans| group.levels.get(level + 1).is_some_and(|next| next.count > 1);
        if groups.iter().all(has) { of(&|means| means.time(level)) } else { None }
    });
    // The inverse cube of a deviation is nearer to normal than the deviation, the more so the heavier the tails.
    let inverse = of(&|means| -means.levels[0].variance().powf(-1.5))?;
    let deviation = |x: f64| if x < 0.0 { all.unit * (-x).cbrt().recip() } else { f64::INFINITY };
    Some(SeriesSummary {
        count: all.count(),
        mean: of(&|means| means.unit * means.levels[0].mean())?,
        deviation: Estimate { value: deviation(inverse.value), ci95: inverse.ci95.map(deviation) },
        time,
    })
}

#[cfg(test)]
mod tests;
