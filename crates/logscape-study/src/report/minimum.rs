//! The minimum and its geometry.

use super::words::interval;
use crate::figures::number;
use crate::record::Record;
use serde::Serialize;

/// A row of the table of the minimum.
#[derive(Serialize)]
pub(super) struct Quantity {
    name: &'static str,
    value: String,
    meaning: String,
}

pub(super) fn quantities(record: &Record) -> Vec<Quantity> {
    let (minimum, geometry) = (&record.results.minimum, &record.results.geometry);
    let [median, .., largest] = geometry.sample_curvature;
    let row = |name, value, meaning: &str| Quantity { name, value, meaning: meaning.to_owned() };
    let mut rows = vec![
        row("Loss L*", number(minimum.loss), "mean over samples of half the squared residual"),
        row("Gradient norm", number(minimum.gradient_norm), "0 at a minimum"),
        row("Index", minimum.index.to_string(), "number of negative Hessian eigenvalues"),
        row("Outliers n", geometry.outliers.to_string(), &geometry.outlier_rule),
        row(
            "Gap",
            geometry.gap.map_or_else(|| "no bulk".to_owned(), number),
            "last outlier over first bulk eigenvalue",
        ),
        row("Curvature h*", interval(&geometry.h_star), "typical outlier eigenvalue"),
        row("Curvature of one sample", format!("{} / {}", number(median), number(largest)), "median / largest"),
    ];
    if let (Some(strength), Some(decoupling)) = (&geometry.noise_strength, &geometry.decoupling) {
        rows.extend([
            row("Noise strength s", interval(strength), "mean of Cᵢᵢ/(2 L* hᵢ) over outliers"),
            row("tr C/(2 L tr H)", number(decoupling.trace_ratio_hessian), "the same over all directions"),
            row("tr C/(2 L tr G)", number(decoupling.trace_ratio_gauss_newton), "with the Gauss–Newton matrix G"),
            row("Shape distance", number(decoupling.frobenius_distance), "‖C − aH‖/‖C‖ among outliers; 0 is perfect"),
            row("Off-diagonal share", number(decoupling.off_diagonal_share), "of ‖C‖² in the eigenbasis of H"),
            row("Scaling exponent γ", interval(&decoupling.scaling_exponent), "tr C ∝ L^γ; 1 for decoupling"),
        ]);
    }
    rows
}
