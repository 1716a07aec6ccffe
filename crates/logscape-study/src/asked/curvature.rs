//! `[curvature]`: how spectra are computed, and what is measured of which matrices.

use super::check::{Wrong, require};
use logscape::Precision;
use logscape::geometry::SpectrumConfig;
use logscape::operator::{End, LanczosConfig, Matrix, QuadratureConfig, TraceConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// `[curvature]`. Without it the Hessian alone is looked at, as the noise and the theories need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CurvatureTable {
    /// The matrices.
    pub matrices: Vec<Matrix>,
    /// Names of parameters, such as `0.weight`, or of layers, such as `0`, where `*` stands for anything: of each matrix the block of
    /// these parameters is looked at too, for each name by itself.
    pub layers: Vec<String>,
    /// Largest eigenvalues that are wanted where a matrix is too large to be decomposed.
    pub largest: usize,
    /// Lowest eigenvalues that are wanted then, of matrices that may have negative ones.
    pub lowest: usize,
    /// Residual norm that an eigenpair may have then, in units of the largest eigenvalue by size.
    pub tolerance: f64,
    /// Precision that products and eigenvectors are computed in then.
    pub precision: Precision,
    /// Random vectors of the density of eigenvalues; 0 for none.
    pub density_probes: usize,
    /// Products with each of them, which resolve about so many parts of the spectrum.
    pub density_steps: usize,
    /// Products that estimate the trace and the Frobenius norm where a matrix is too large to be decomposed; 0 for none.
    pub trace_products: usize,
}

impl Default for CurvatureTable {
    fn default() -> Self {
        Self {
            matrices: vec![Matrix::Hessian, Matrix::GaussNewton, Matrix::NoiseCovariance],
            layers: Vec::new(),
            largest: 20,
            lowest: 4,
            tolerance: 1e-4,
            precision: Precision::Float64,
            density_probes: 10,
            density_steps: 60,
            trace_products: 60,
        }
    }
}

/// Most eigenvalues, probes, steps and products: of more no machine holds the vectors.
const MOST: usize = 100_000;

/// Residuals that products in either precision allow.
const LEAST: [f64; 2] = [1e-12, 1e-6];

impl CurvatureTable {
    /// How a spectrum of a matrix is computed that may have negative eigenvalues, or not.
    pub(crate) fn spectrum(&self, positive: bool, seed: u64) -> SpectrumConfig {
        let config = SpectrumConfig::default();
        let lowest = if positive { 0 } else { self.lowest };
        let lanczos = LanczosConfig {
            upper: End::new(self.largest, self.tolerance),
            lower: End::new(lowest, self.tolerance),
            precision: self.precision,
            seed,
            ..config.lanczos
        };
        SpectrumConfig { lanczos, ..config }
    }

    /// How the density of eigenvalues is estimated.
    pub(crate) fn quadrature(&self, seed: u64) -> QuadratureConfig {
        QuadratureConfig { probes: self.density_probes, steps: self.density_steps, seed, ..QuadratureConfig::default() }
    }

    /// How traces are estimated.
    pub(crate) fn trace(&self, seed: u64) -> TraceConfig {
        TraceConfig { products: self.trace_products, seed, ..TraceConfig::default() }
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let unlike: BTreeSet<Matrix> = self.matrices.iter().copied().collect();
        require(
            unlike.len() == self.matrices.len(),
            "curvature.matrices",
            "a matrix stands there twice",
            "name each of them once",
        )?;
        let least = LEAST[usize::from(self.precision == Precision::Float32)];
        require(
            (least..1.0).contains(&self.tolerance),
            "curvature.tolerance",
            format!("{} is no residual that products in this precision reach", self.tolerance),
            if self.precision == Precision::Float32 {
                "use 1e-4, at least 1e-6, or precision = \"float64\""
            } else {
                "use 1e-4, at least 1e-12"
            },
        )?;
        let counts = [
            ("curvature.largest", self.largest, 1),
            ("curvature.lowest", self.lowest, 0),
            ("curvature.density_probes", self.density_probes, 0),
            ("curvature.density_steps", self.density_steps, 1),
            ("curvature.trace_products", self.trace_products, 0),
        ];
        for (field, count, least) in counts {
            let hint = if least == 0 { "use between 0 and 100,000" } else { "use between 1 and 100,000" };
            require((least..=MOST).contains(&count), field, format!("{count} is out of range"), hint)?;
        }
        require(
            self.layers.iter().all(|name| !name.is_empty()),
            "curvature.layers",
            "a name is empty",
            "name parameters such as \"0.weight\", or layers such as \"0\"",
        )
    }
}
