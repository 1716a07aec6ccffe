//! Gradient noise against the loss away from the minimum.

use super::axis::Axis;
use super::plot::{COLOURS, DASH_DOT, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, INTERPOLATING, Missing, number};
use crate::record::Record;
use crate::text::ends;

pub(super) const SCALING: Design = Design { name: "scaling", title: "Noise against loss", when, draw };

const POINTS: &str = "the loss or the noise at displaced points";

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(!record.results.minimum.interpolating, INTERPOLATING)?;
    let known = record.tables.scaling.iter().any(|row| row.loss > 0.0 && row.noise_trace > 0.0);
    if known { Ok(()) } else { Err(Missing::NotPositive(POINTS)) }
}

/// `tr C` against `L` at displaced points, with the fitted exponent and slope 1.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let kept = record.tables.scaling.iter().filter(|row| row.loss > 0.0 && row.noise_trace > 0.0);
    let points: Vec<(f64, f64)> = kept.map(|row| (row.loss.log10(), row.noise_trace.log10())).collect();
    let missing = || Missing::NotPositive(POINTS);
    let x = Axis::fit("loss L", true, points.iter().map(|p| p.0)).ok_or_else(missing)?;
    let count = points.len() as f64;
    let middle = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let line = |slope: f64| [x.low, x.high].map(|at| (at, middle.1 + slope * (at - middle.0))).to_vec();
    let y = Axis::fit("noise tr C (loss² / parameter²)", true, points.iter().map(|p| p.1));
    let y = y.ok_or_else(missing)?;
    let exponent = record.results.geometry.decoupling.as_ref().ok_or_else(missing)?.scaling_exponent;
    let fitted = format!("slope γ = {} {}", number(exponent.value), ends(&exponent, number));
    let layers = vec![
        Layer::new("displaced points", COLOURS[0], Kind::Marks(points, Marker::Circle, 7.0)),
        Layer::new("slope 1 (decoupling)", COLOURS[1], Kind::Line(line(1.0), DASH_DOT)),
        Layer::new(fitted, COLOURS[2], Kind::Line(line(exponent.value), SOLID)),
    ];
    let caption = "Total gradient noise at points displaced from the minimum against the loss there. \
                   Both lines go through the mean of the points."
        .to_owned();
    Ok(Drawing { caption, panels: vec![Panel { title: String::new(), x, y, layers }] })
}
