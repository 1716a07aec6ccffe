//! Histograms with equal bins on a linear or logarithmic axis, mergeable, that lose no count.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Axis on which the bins have equal width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// `x`.
    Linear,
    /// `ln x`.
    Logarithmic,
}

/// Why a histogram cannot be made or merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HistogramError {
    /// The range is not finite, is empty, or is not positive on a logarithmic axis.
    #[error("histogram range must be finite with lower < upper, and positive on a logarithmic axis")]
    Range,
    /// There is no bin.
    #[error("histogram must have at least one bin")]
    NoBins,
    /// Two histograms do not have the same bins.
    #[error("histograms with different bins cannot be merged")]
    Layout,
}

/// Where a number falls.
enum Bin {
    Underflow,
    Number(usize),
    Overflow,
}

/// Counts in equal bins on `[lower, upper)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    scale: Scale,
    lower: f64,
    upper: f64,
    counts: Vec<u64>,
    underflow: u64,
    overflow: u64,
}

impl Histogram {
    /// An empty histogram.
    ///
    /// # Errors
    /// If the range or the number of bins makes no histogram.
    pub fn new(scale: Scale, lower: f64, upper: f64, bins: usize) -> Result<Self, HistogramError> {
        let positive = scale == Scale::Linear || lower > 0.0;
        if !(lower.is_finite() && upper.is_finite() && lower < upper && positive) {
            return Err(HistogramError::Range);
        }
        if bins == 0 {
            return Err(HistogramError::NoBins);
        }
        Ok(Self { scale, lower, upper, counts: vec![0; bins], underflow: 0, overflow: 0 })
    }

    /// A histogram with the same bins and no counts.
    ///
    /// # Errors
    /// If this one was read from a record whose bins make no histogram.
    pub fn emptied(&self) -> Result<Self, HistogramError> {
        Self::new(self.scale, self.lower, self.upper, self.counts.len())
    }

    /// Counts `x`; what is not a number counts as overflow.
    #[inline]
    pub fn add(&mut self, x: f64) {
        match self.bin(x) {
            Bin::Underflow => self.underflow += 1,
            Bin::Number(i) => self.counts[i] += 1,
            Bin::Overflow => self.overflow += 1,
        }
    }

    #[inline]
    fn bin(&self, x: f64) -> Bin {
        if x < self.lower {
            Bin::Underflow
        } else if x < self.upper {
            let fraction = match self.scale {
                Scale::Linear => (x - self.lower) / (self.upper - self.lower),
                Scale::Logarithmic => (x / self.lower).ln() / (self.upper / self.lower).ln(),
            };
            let bins = self.counts.len();
            Bin::Number(((fraction * bins as f64) as usize).min(bins - 1))
        } else {
            Bin::Overflow
        }
    }

    /// Adds the counts of `other`.
    ///
    /// # Errors
    /// If the bins differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), HistogramError> {
        if !self.same_bins(other) {
            return Err(HistogramError::Layout);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.underflow += other.underflow;
        self.overflow += other.overflow;
        Ok(())
    }

    /// Whether both have the same bins.
    pub fn same_bins(&self, other: &Self) -> bool {
        self.scale == other.scale
            && self.lower == other.lower
            && self.upper == other.upper
            && self.counts.len() == other.counts.len()
    }

    /// The `i`-th of the `bins + 1` edges.
    pub fn edge(&self, i: usize) -> f64 {
        let fraction = i as f64 / self.counts.len() as f64;
        match self.scale {
            Scale::Linear => self.lower + fraction * (self.upper - self.lower),
            Scale::Logarithmic => self.lower * (self.upper / self.lower).powf(fraction),
        }
    }

    /// The point that lies the fraction `within` of bin `i` above its lower edge, along the axis.
    pub fn inside(&self, i: usize, within: f64) -> f64 {
        let (low, high) = (self.edge(i), self.edge(i + 1));
        match self.scale {
            Scale::Linear => low + within * (high - low),
            Scale::Logarithmic => low * (high / low).powf(within),
        }
    }

    /// A number in the middle of the sizes that the bins hold: half the width of the range, or the middle of the logarithms.
    pub fn typical(&self) -> f64 {
        match self.scale {
            Scale::Linear => 0.5 * (self.upper - self.lower),
            Scale::Logarithmic => (self.lower * self.upper).sqrt(),
        }
    }

    /// Counts of the bins.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Count below the first edge.
    pub fn underflow(&self) -> u64 {
        self.underflow
    }

    /// Count at or above the last edge.
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// All counts.
    pub fn total(&self) -> u64 {
        self.underflow + self.overflow + self.counts.iter().sum::<u64>()
    }
}

/// A histogram and, beside every count, the sum of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedHistogram {
    counts: Histogram,
    weights: Vec<f64>,
    underflow: f64,
    overflow: f64,
}

impl WeightedHistogram {
    /// A histogram with the bins of `bins` and no counts.
    ///
    /// # Errors
    /// If `bins` was read from a record whose bins make no histogram.
    pub fn new(bins: &Histogram) -> Result<Self, HistogramError> {
        let counts = bins.emptied()?;
        let weights = vec![0.0; counts.counts.len()];
        Ok(Self { counts, weights, underflow: 0.0, overflow: 0.0 })
    }

    /// Counts `x` with a finite `weight`; what is not a number counts as overflow.
    #[inline]
    pub fn add(&mut self, x: f64, weight: f64) {
        match self.counts.bin(x) {
            Bin::Underflow => self.underflow += weight,
            Bin::Number(i) => self.weights[i] += weight,
            Bin::Overflow => self.overflow += weight,
        }
        self.counts.add(x);
    }

    /// The counts without weights.
    pub fn counts(&self) -> &Histogram {
        &self.counts
    }

    /// Weights of the bins.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// All weights.
    pub fn total(&self) -> f64 {
        self.underflow + self.overflow + self.weights.iter().sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_in_its_bin() {
        let mut linear = Histogram::new(Scale::Linear, 0.0, 4.0, 4).unwrap();
        for x in [-1.0, 0.0, 0.5, 3.9, 4.0, f64::NAN] {
            linear.add(x);
        }
        assert_eq!((linear.counts(), linear.underflow(), linear.overflow()), (&[2, 0, 0, 1][..], 1, 2));
        let mut log = Histogram::new(Scale::Logarithmic, 1e-2, 1e2, 4).unwrap();
        for x in [0.0, 0.05, 0.5, 5.0, 50.0, 500.0] {
            log.add(x);
        }
        assert_eq!((log.counts(), log.underflow(), log.overflow()), (&[1, 1, 1, 1][..], 1, 1));
        let copy = log.clone();
        log.merge(&copy).unwrap();
        assert_eq!(log.total(), 12);
        assert_eq!(log.merge(&linear), Err(HistogramError::Layout));
        assert!((log.edge(2) - 1.0).abs() < 1e-12);
        assert_eq!(Histogram::new(Scale::Logarithmic, 0.0, 1.0, 3), Err(HistogramError::Range));
    }

    #[test]
    fn weights_add_up_in_their_bins() {
        let mut weighted = WeightedHistogram::new(&Histogram::new(Scale::Linear, 0.0, 4.0, 2).unwrap()).unwrap();
        for (x, weight) in [(-1.0, 0.5), (1.0, 2.0), (1.5, 3.0), (3.0, 0.25), (f64::NAN, 1.0)] {
            weighted.add(x, weight);
        }
        assert_eq!((weighted.weights(), weighted.total()), (&[5.0, 0.25][..], 6.75));
        assert_eq!((weighted.counts().counts(), weighted.counts().total()), (&[2, 1][..], 5));
    }
}
