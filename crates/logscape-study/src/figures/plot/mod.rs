//! Panels with axes, marks and a legend below them, drawn by plotters as one SVG.

#![allow(clippy::cast_possible_wrap, reason = "a picture has few panels and rows")]

mod canvas;
mod frame;
mod layer;
mod legend;
mod style;

pub(super) use canvas::DrawError;
pub(super) use layer::{Kind, Layer, Panel, Point};
pub(super) use style::{COLOURS, DASH_DOT, DASHED, DOTTED, Dash, GREY, INK, Marker, SOLID};

use frame::{Frame, HEIGHT, WIDTH, room_left};
use legend::{LEGEND_ROW, legend_entry, legend_rows};
use plotters::prelude::*;

/// Number of columns that the panels take.
pub(super) fn columns(panels: &[Panel]) -> usize {
    if panels.len() < 4 { 1 } else { 2 }
}

/// Draws panels one below the other, in two columns from four on, with one legend for all.
pub(super) fn draw(panels: &[Panel]) -> Result<String, DrawError> {
    let columns = columns(panels);
    let rows = panels.len().div_ceil(columns) as i32;
    let width = WIDTH * columns as i32;
    let entries = legend_rows(panels, width);
    let height = rows * HEIGHT + entries.len() as i32 * LEGEND_ROW + 20;
    let left = room_left(panels);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        for (i, panel) in panels.iter().enumerate() {
            let origin = ((i % columns) as i32 * WIDTH, (i / columns) as i32 * HEIGHT);
            Frame { area: &root, panel, origin, left }.draw()?;
        }
        for (row, entries) in entries.iter().enumerate() {
            let y = rows * HEIGHT + row as i32 * LEGEND_ROW + LEGEND_ROW / 2;
            for (x, layer) in entries {
                legend_entry(&root, layer, (*x, y))?;
            }
        }
        root.present()?;
    }
    Ok(sized(&svg, width, height))
}

/// Gives the picture its size on paper: 88 mm for each column of panels.
fn sized(svg: &str, width: i32, height: i32) -> String {
    let wide = 88.0 * f64::from(width) / f64::from(WIDTH);
    let high = wide * f64::from(height) / f64::from(width);
    svg.replacen(
        &format!("width=\"{width}\" height=\"{height}\""),
        &format!("width=\"{wide:.1}mm\" height=\"{high:.1}mm\""),
        1,
    )
}
