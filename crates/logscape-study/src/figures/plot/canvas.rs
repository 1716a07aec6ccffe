//! Marks, strokes and words on a drawing area.

use super::layer::Point;
use super::style::{Dash, INK, Marker};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// What plotters answers when it cannot draw.
pub(crate) type DrawError = DrawingAreaErrorKind<io::Error>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Pixel = (i32, i32);
pub(super) const TEXT: f64 = 34.0;

pub(super) fn pale(colour: RGBColor) -> ShapeStyle {
    colour.mix(0.2).filled()
}

pub(super) fn words(
    area: &Area<'_>,
    text: &str,
    at: Pixel,
    (h, v): (HPos, VPos),
    upright: bool,
) -> Result<(), DrawError> {
    // The SVG backend divides sizes by 1.24.
    let mut font = ("DejaVu Sans, Helvetica, Arial, sans-serif", TEXT * 1.24).into_font();
    if upright {
        font = font.transform(FontTransform::Rotate270);
    }
    area.draw(&Text::new(text.to_owned(), at, font.color(&INK).pos(Pos::new(h, v))))
}

pub(super) fn bar(area: &Area<'_>, from: Pixel, to: Pixel, colour: RGBColor) -> Result<(), DrawError> {
    let line = |a, b| area.draw(&PathElement::new(vec![a, b], colour.stroke_width(3)));
    line(from, to)?;
    let (across, along) = if from.0 == to.0 { (8, 0) } else { (0, 8) };
    for (x, y) in [from, to] {
        line((x - across, y - along), (x + across, y + along))?;
    }
    Ok(())
}

pub(super) fn mark(
    area: &Area<'_>,
    (x, y): Pixel,
    marker: Marker,
    size: f64,
    colour: RGBColor,
) -> Result<(), DrawError> {
    let r = size.round() as i32;
    let filled = colour.filled();
    let thin = colour.stroke_width(3);
    let corners = |points: [Pixel; 4]| points.map(|(dx, dy)| (x + dx, y + dy)).to_vec();
    let square = corners([(-r, -r), (r, -r), (r, r), (-r, r)]);
    let cross = |a: Pixel| area.draw(&PathElement::new(vec![(x - a.0, y - a.1), (x + a.0, y + a.1)], thin));
    match marker {
        Marker::Circle => area.draw(&Circle::new((x, y), r, filled)),
        Marker::Ring => area.draw(&Circle::new((x, y), r, thin)),
        Marker::Square => area.draw(&Polygon::new(square, filled)),
        Marker::Frame => {
            let mut outline = square;
            outline.push(outline[0]);
            area.draw(&PathElement::new(outline, thin))
        }
        Marker::Triangle => area.draw(&Polygon::new(corners([(-r, r), (0, -r), (r, r), (r, r)]), filled)),
        Marker::Up => {
            let outline = corners([(-r, r), (0, -r), (r, r), (-r, r)]);
            area.draw(&PathElement::new(outline, colour.stroke_width(6)))
        }
        Marker::Inverted => area.draw(&Polygon::new(corners([(-r, -r), (0, r), (r, -r), (r, -r)]), filled)),
        Marker::Diamond => {
            let q = r * 5 / 4;
            area.draw(&Polygon::new(corners([(-q, 0), (0, -q), (q, 0), (0, q)]), filled))
        }
        Marker::Cross => cross((r, r)).and_then(|()| cross((r, -r))),
        Marker::Plus => cross((r, 0)).and_then(|()| cross((0, r))),
    }
}

/// Draws a line in strokes and gaps.
pub(super) fn stroke(area: &Area<'_>, points: &[Point], colour: RGBColor, dash: Dash) -> Result<(), DrawError> {
    let round = |(x, y): Point| (x.round() as i32, y.round() as i32);
    let line = |piece: Vec<Pixel>| area.draw(&PathElement::new(piece, colour.stroke_width(4)));
    let Some(&first) = points.first() else { return Ok(()) };
    if dash.is_empty() {
        return line(points.iter().copied().map(round).collect());
    }
    let (mut part, mut left) = (0, dash[0]);
    let mut piece = vec![round(first)];
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = round((x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length));
            if part % 2 == 0 {
                piece.push(at);
                line(std::mem::take(&mut piece))?;
            } else {
                piece = vec![at];
            }
            part += 1;
            left = dash[part % dash.len()];
        }
        left -= length - done;
        if part % 2 == 0 {
            piece.push(round((x1, y1)));
        }
    }
    if part % 2 == 0 && piece.len() > 1 { line(piece) } else { Ok(()) }
}
