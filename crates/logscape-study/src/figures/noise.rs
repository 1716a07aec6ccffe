//! Gradient noise against curvature at the minimum.

use super::axis::Axis;
use super::plot::{COLOURS, DASHED, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, INTERPOLATING, Missing, number};
use crate::record::Record;

pub(super) const NOISE: Design = Design { name: "noise", title: "Noise against curvature", when, draw };

const NOISY: &str = "the noise along the leading directions";

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(!record.results.minimum.interpolating, INTERPOLATING)?;
    let known = record.tables.noise.iter().any(|row| row.curvature > 0.0 && row.noise > 0.0);
    if known { Ok(()) } else { Err(Missing::NotPositive(NOISY)) }
}

/// One-sample noise `C_ii` against curvature `h_i` per leading direction, with `2L*h` and `2sL*h`.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let kept = record.tables.noise.iter().filter(|row| row.curvature > 0.0 && row.noise > 0.0);
    let rows: Vec<_> = kept.map(|row| (row.curvature.log10(), row)).collect();
    let leading: Vec<_> =
        record.tables.leading_noise.iter().filter(|row| row.curvature > 0.0 && row.noise > 0.0).collect();
    let leading: Vec<(f64, f64)> = leading.iter().map(|row| (row.curvature.log10(), row.noise.log10())).collect();
    let missing = || Missing::NotPositive(NOISY);
    let x = Axis::fit(
        "curvature hᵢ (loss / parameter²)",
        true,
        rows.iter().map(|row| row.0).chain(leading.iter().map(|point| point.0)),
    )
    .ok_or_else(missing)?;
    let loss = record.results.minimum.loss;
    let s = record.results.geometry.noise_strength.ok_or_else(missing)?.value;
    let line = |s: f64| -> Option<Vec<(f64, f64)>> {
        let shift = (2.0 * s * loss).log10();
        shift.is_finite().then(|| vec![(x.low, x.low + shift), (x.high, x.high + shift)])
    };
    let ends = |row: &crate::record::NoiseRow| [row.noise_low.log10(), row.noise.log10(), row.noise_high.log10()];
    let lines: Vec<_> = [line(1.0), line(s)].into_iter().flatten().flatten().map(|p| p.1).collect();
    // Bars may leave the picture: where a few samples carry the noise, an interval spans many decades.
    let heights = rows.iter().map(|(_, row)| row.noise.log10()).chain(lines).chain(leading.iter().map(|point| point.1));
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
        let low = if low.is_finite() { low } else { y.low.min(value) };
        ((*h, low), (*h, if high.is_finite() { high } else { y.high.max(value) }))
    });
    layers.push(Layer::plain(COLOURS[0], Kind::Bars(bars.collect())));
    for (label, outlier, marker) in [("outliers", true, Marker::Circle), ("bulk", false, Marker::Ring)] {
        let points: Vec<_> =
            rows.iter().filter(|(_, row)| row.outlier == outlier).map(|(h, row)| (*h, row.noise.log10())).collect();
        if !points.is_empty() {
            layers.push(Layer::new(label, COLOURS[0], Kind::Marks(points, marker, 9.0)));
        }
    }
    if !leading.is_empty() {
        layers.push(Layer::new(
            "leading directions of C",
            COLOURS[3],
            Kind::Marks(leading.clone(), Marker::Diamond, 9.0),
        ));
    }
    let caption = format!(
        "Variance of one sample's gradient along each of {} leading directions, with 95 % intervals, against the curvature. \
         Decoupling as published puts the points on the dashed line, decoupling with the measured strength on the whole one.{}",
        rows.len(),
        if leading.is_empty() {
            ""
        } else {
            " Diamonds are the leading eigenvectors of C, as many as outliers, at their curvature."
        }
    );
    Ok(Drawing { caption, panels: vec![Panel { title: String::new(), x, y, layers }] })
}
