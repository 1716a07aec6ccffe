//! Gradient noise: against curvature at the minimum, and against the loss away from it.

use super::axis::Axis;
use super::plot::{COLOURS, DASH_DOT, DASHED, Kind, Layer, Marker, Panel, SOLID};
use super::{Figure, Missing, figure, number};
use crate::record::Record;

pub(super) const TITLE: &str = "Noise against curvature";
pub(super) const SCALING_TITLE: &str = "Noise against loss";

/// One-sample noise `C_ii` against curvature `h_i` per leading direction, with `2L*h` and `2sL*h`.
///
/// # Errors
/// If no direction has positive curvature and noise, or the picture cannot be drawn.
pub fn noise(record: &Record) -> Result<Figure, Missing> {
    let kept = record.tables.noise.iter().filter(|row| row.curvature > 0.0 && row.noise > 0.0);
    let rows: Vec<_> = kept.map(|row| (row.curvature.log10(), row)).collect();
    let missing = || Missing::NotPositive("the noise along the leading directions");
    let x = Axis::fit("curvature hᵢ (loss / parameter²)", true, rows.iter().map(|row| row.0)).ok_or_else(missing)?;
    let (loss, s) = (record.results.minimum.loss, record.results.geometry.noise_strength.value);
    let line = |s: f64| -> Option<Vec<(f64, f64)>> {
        let shift = (2.0 * s * loss).log10();
        shift.is_finite().then(|| vec![(x.low, x.low + shift), (x.high, x.high + shift)])
    };
    let ends = |row: &crate::record::NoiseRow| [row.noise_low.log10(), row.noise.log10(), row.noise_high.log10()];
    let lines: Vec<_> = [line(1.0), line(s)].into_iter().flatten().flatten().map(|p| p.1).collect();
    // Bars may leave the picture: where a few samples carry the noise, an interval spans many decades.
    let heights = rows.iter().map(|(_, row)| row.noise.log10()).chain(lines);
    let y = Axis::fit("noise Cᵢᵢ (loss² / parameter²)", true, heights).ok_or_else(missing)?;
    let mut layers = Vec::new();
    if let Some(points) = line(1.0) {
        layers.push(Layer::new("2 L* h  (s = 1, published)", COLOURS[1], Kind::Line(points, DASHED)));
    }
    if let Some(points) = line(s) {
        layers.push(Layer::new(
            format!("2 s L* h  (s = {}, measured)", number(s)),
            COLOURS[2],
            Kind::Line(points, SOLID),
        ));
    }
    let bars = rows.iter().map(|(h, row)| {
        let [low, value, high] = ends(row);
        ((*h, if low.is_finite() { low } else { y.low.min(value) }), (*h, high))
    });
    layers.push(Layer::plain(COLOURS[0], Kind::Bars(bars.collect())));
    for (label, outlier, marker) in [("outliers", true, Marker::Circle), ("bulk", false, Marker::Ring)] {
        let points: Vec<_> =
            rows.iter().filter(|(_, row)| row.outlier == outlier).map(|(h, row)| (*h, row.noise.log10())).collect();
        if !points.is_empty() {
            layers.push(Layer::new(label, COLOURS[0], Kind::Marks(points, marker, 9.0)));
        }
    }
    let caption = format!(
        "Variance of one sample's gradient along each of {} leading directions, with 95 % intervals, against the curvature. \
         Decoupling as published puts the points on the dashed line, decoupling with the measured strength on the whole one.",
        rows.len()
    );
    figure("noise", TITLE, caption, &[Panel { title: String::new(), x, y, layers }])
}

/// `tr C` against `L` at displaced points, with the fitted exponent and slope 1.
///
/// # Errors
/// If there are no positive points, or the picture cannot be drawn.
pub fn scaling(record: &Record) -> Result<Figure, Missing> {
    let kept = record.tables.scaling.iter().filter(|row| row.loss > 0.0 && row.noise_trace > 0.0);
    let points: Vec<(f64, f64)> = kept.map(|row| (row.loss.log10(), row.noise_trace.log10())).collect();
    let missing = || Missing::NotPositive("the loss or the noise at displaced points");
    let x = Axis::fit("loss L", true, points.iter().map(|p| p.0)).ok_or_else(missing)?;
    let count = points.len() as f64;
    let middle = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let line = |slope: f64| [x.low, x.high].map(|at| (at, middle.1 + slope * (at - middle.0))).to_vec();
    let y = Axis::fit("noise tr C (loss² / parameter²)", true, points.iter().map(|p| p.1));
    let y = y.ok_or_else(missing)?;
    let exponent = record.results.geometry.decoupling.scaling_exponent;
    let fitted =
        format!("slope γ = {} [{}, {}]", number(exponent.value), number(exponent.ci95[0]), number(exponent.ci95[1]));
    let layers = vec![
        Layer::new("displaced points", COLOURS[0], Kind::Marks(points, Marker::Circle, 7.0)),
        Layer::new("slope 1 (decoupling)", COLOURS[1], Kind::Line(line(1.0), DASH_DOT)),
        Layer::new(fitted, COLOURS[2], Kind::Line(line(exponent.value), SOLID)),
    ];
    let caption = "Total gradient noise at points displaced from the minimum against the loss there. \
                   Both lines go through the mean of the points."
        .to_owned();
    figure("scaling", SCALING_TITLE, caption, &[Panel { title: String::new(), x, y, layers }])
}
