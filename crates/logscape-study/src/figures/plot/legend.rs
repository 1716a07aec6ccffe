//! The legend below all panels.

use super::canvas::{Area, DrawError, Pixel, TEXT, bar, mark, pale, stroke, words};
use super::layer::{Kind, Layer, Panel};
use super::style::INK;
use crate::figures::axis::power_of_ten;
use crate::figures::colour::colour;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

pub(super) const LEGEND_ROW: i32 = 50;
const KEY: i32 = 70;
/// Lengths of the scale of colours, and of the numbers at each of its ends.
const SCALE: [i32; 2] = [360, 85];

/// Entries of the legend, each with its left end, in rows that fit the width.
pub(super) fn legend_rows(panels: &[Panel], width: i32) -> Vec<Vec<(i32, &Layer)>> {
    let mut seen: Vec<&Layer> = Vec::new();
    for layer in panels.iter().flat_map(|panel| &panel.layers) {
        if layer.label.is_some() && !seen.iter().any(|other| other.label == layer.label) {
            seen.push(layer);
        }
    }
    let mut rows: Vec<Vec<(i32, &Layer)>> = Vec::new();
    let mut x = i32::MAX;
    for layer in seen {
        let letters = layer.label.as_deref().unwrap_or("").chars().count();
        let length = key(layer) + 25 + (0.58 * TEXT * letters as f64) as i32;
        if x.saturating_add(length) > width - 10 {
            rows.push(Vec::new());
            x = 30;
        }
        if let Some(row) = rows.last_mut() {
            row.push((x, layer));
        }
        x += length + 25;
    }
    rows
}

pub(super) fn legend_entry(area: &Area<'_>, layer: &Layer, (x, y): Pixel) -> Result<(), DrawError> {
    let ends = [(f64::from(x), f64::from(y)), (f64::from(x + KEY), f64::from(y))];
    let middle = (x + KEY / 2, y);
    match &layer.kind {
        Kind::Line(_, dash) => stroke(area, &ends, layer.colour, dash)?,
        Kind::Marks(_, marker, size) => mark(area, middle, *marker, size.max(9.0), layer.colour)?,
        Kind::Bars(_) => bar(area, (x + 10, y), (x + KEY - 10, y), layer.colour)?,
        Kind::Area(_) => area.draw(&Rectangle::new([(x, y - 14), (x + KEY, y + 14)], pale(layer.colour)))?,
        Kind::Scale(ends) => scale(area, *ends, (x, y))?,
    }
    words(area, layer.label.as_deref().unwrap_or(""), (x + key(layer) + 15, y), (HPos::Left, VPos::Center), false)
}

/// Length of what stands before the words of an entry.
fn key(layer: &Layer) -> i32 {
    let [length, end] = SCALE;
    if matches!(layer.kind, Kind::Scale(_)) { length + 2 * end } else { KEY }
}

/// Draws the scale of colours with its ends and a tick for each power of ten.
fn scale(area: &Area<'_>, [low, high]: [f64; 2], (x, y): Pixel) -> Result<(), DrawError> {
    let [length, end] = SCALE;
    let left = x + end;
    for step in 0..length / 4 {
        let from = left + 4 * step;
        let shade = colour(f64::from(4 * step + 2) / f64::from(length));
        area.draw(&Rectangle::new([(from, y - 14), (from + 5, y + 14)], shade.filled()))?;
    }
    let place = |power: f64| left + (f64::from(length) * (power - low) / (high - low)).round() as i32;
    let every = ((high - low) / 12.0).ceil();
    let powers = (0..=((high - low) / every) as i32).map(|k| low + f64::from(k) * every);
    for at in powers.map(place) {
        area.draw(&PathElement::new(vec![(at, y + 14), (at, y + 22)], INK.stroke_width(2)))?;
    }
    let centre = VPos::Center;
    words(area, &power_of_ten(low as i64), (left - 10, y), (HPos::Right, centre), false)?;
    words(area, &power_of_ten(high as i64), (left + length + 10, y), (HPos::Left, centre), false)
}
