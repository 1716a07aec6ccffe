//! How many eigenvalues of the matrices lie beyond a value.

use super::axis::Axis;
use super::plot::{COLOURS, Kind, Layer, Marker, Panel, SOLID};
use super::{Design, Drawing, Missing, PANELS};
use crate::record::{CurvatureRecord, DensityRow, EigenvalueRow, Record};
use crate::text::count;

pub(super) const CURVATURE: Design = Design { name: "curvature", title: "Eigenvalues of the matrices", when, draw };

/// Part of the largest eigenvalue below which an eigenvalue is 0 within rounding.
const ROUNDING: f64 = 1e-12;

/// Eigenvalues that may be open in any count.
const FEW: f64 = 3.0;

/// Powers of ten below the outermost eigenvalue that are shown.
const DECADES: f64 = 6.0;

fn when(record: &Record) -> Result<(), Missing> {
    Missing::unless(!record.results.curvature.is_empty(), "the study has no [curvature] section")
}

/// For each matrix the number of eigenvalues beyond a value against the value: known ones as marks, the rest as estimated.
fn draw(record: &Record) -> Result<Drawing, Missing> {
    let all = &record.results.curvature;
    let panels: Vec<Panel> = all.iter().filter_map(|found| panel(record, found)).take(PANELS).collect();
    if panels.is_empty() {
        return Err(Missing::NotPositive("the size of the eigenvalues"));
    }
    let estimated = if record.tables.density.is_empty() {
        ""
    } else {
        " Lines are estimates from random vectors, smoothed over a tenth of each value, as far as the steps with each vector tell eigenvalues \
         apart; bands are 95 % intervals with what these steps leave open."
    };
    let left_out = match all.len() - panels.len() {
        0 => String::new(),
        1 => " One is not drawn.".to_owned(),
        several => format!(" {several} are not drawn."),
    };
    let caption = format!(
        "How many eigenvalues are larger than a positive value, or lower than a negative one, against the size of the value. Marks \
         are eigenvalues that are known and whose sign is sure, in their order.{estimated}{left_out}"
    );
    Ok(Drawing { caption, panels })
}

/// Whether what the steps leave open of a count is no more than the count, or than a few.
fn is_resolved(row: &DensityRow) -> bool {
    row.count_most - row.count_least <= row.count.max(FEW)
}

fn panel(record: &Record, found: &CurvatureRecord) -> Option<Panel> {
    let block = found.block.clone().unwrap_or_default();
    let own = |matrix: &str, name: &str| matrix == found.matrix.name() && name == block;
    let eigenvalues: Vec<&EigenvalueRow> =
        record.tables.eigenvalues.iter().filter(|row| own(&row.matrix, &row.block)).collect();
    let density: Vec<&DensityRow> = record.tables.density.iter().filter(|row| own(&row.matrix, &row.block)).collect();
    let largest = eigenvalues.iter().map(|row| row.eigenvalue.abs()).fold(0.0, f64::max);
    let mut layers = Vec::new();
    for (sign, colour, words) in [(1.0, COLOURS[0], "positive"), (-1.0, COLOURS[1], "negative, as |λ|")] {
        let rows = density.iter().filter(|row| sign * row.eigenvalue > 0.0 && row.count >= 0.5);
        let rows: Vec<_> = rows.map(|row| ((sign * row.eigenvalue).log10(), row)).collect();
        if !rows.is_empty() {
            let at = |count: f64| count.clamp(0.5, found.parameters as f64).log10();
            let low = rows.iter().map(|(x, row)| (*x, at(row.count_least + row.count_low - row.count)));
            let high = rows.iter().rev().map(|(x, row)| (*x, at(row.count_most + row.count_high - row.count)));
            layers.push(Layer::plain(colour, Kind::Area(low.chain(high).collect())));
            let known = rows.iter().take_while(|(_, row)| is_resolved(row));
            let line = known.map(|(x, row)| (*x, row.count.log10())).collect();
            layers.push(Layer::new(format!("{words}, estimated"), colour, Kind::Line(line, SOLID)));
        }
        // Where not all are known, those of the other end have no known number beyond them.
        let end = if sign > 0.0 || found.complete { "largest" } else { "lowest" };
        let mut values: Vec<f64> = eigenvalues
            .iter()
            .filter(|row| row.end == end && sign * row.eigenvalue > row.uncertainty.max(ROUNDING * largest))
            .map(|row| row.eigenvalue.abs())
            .collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let marks: Vec<_> =
            values.iter().zip(1..).map(|(value, rank)| (value.log10(), f64::from(rank).log10())).collect();
        if !marks.is_empty() {
            let size = if marks.len() > 60 { 4.0 } else { 8.0 };
            let marker = if sign > 0.0 { Marker::Circle } else { Marker::Inverted };
            layers.push(Layer::new(words, colour, Kind::Marks(marks, marker, size)));
        }
    }
    let points: Vec<(f64, f64)> = layers
        .iter()
        .flat_map(|layer| match &layer.kind {
            Kind::Line(points, _) | Kind::Marks(points, ..) => points.clone(),
            _ => Vec::new(),
        })
        .collect();
    let right = points.iter().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
    let shown = points.iter().filter(|point| point.0 > right - DECADES);
    let unit = if found.matrix.is_of_noise() { "loss² / parameter²" } else { "loss / parameter²" };
    let x = Axis::fit(&format!("|λ| ({unit})"), true, shown.clone().map(|point| point.0))?;
    let y = Axis::fit("eigenvalues beyond λ", true, shown.map(|point| point.1))?;
    let left = x.low;
    for layer in &mut layers {
        if let Kind::Line(points, _) | Kind::Marks(points, ..) | Kind::Area(points) = &mut layer.kind {
            points.retain(|point| point.0 >= left);
        }
    }
    // What is not drawn is not in the legend.
    layers.retain(|layer| match &layer.kind {
        Kind::Line(points, _) | Kind::Marks(points, ..) | Kind::Area(points) => !points.is_empty(),
        _ => true,
    });
    let of = found.block.as_ref().map_or_else(String::new, |block| format!(" of {block}"));
    let title = format!("{}{of}: {}", found.matrix.symbol(), count(found.parameters, "parameter"));
    Some(Panel { title, x, y, layers })
}
