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
        if x < self.lower {
            self.underflow += 1;
        } else if x < self.upper {
            let fraction = match self.scale {
                Scale::Linear => (x - self.lower) / (self.upper - self.lower),
                Scale::Logarithmic => (x / self.lower).ln() / (self.upper / self.lower).ln(),
            };
            let bins = self.counts.len();
            self.counts[((fraction * bins as f64) as usize).min(bins - 1)] += 1;
        } else {
            self.overflow += 1;
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
}
