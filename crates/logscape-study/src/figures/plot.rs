//! Panels with axes, marks and a legend below them, drawn by plotters as one SVG.

#![allow(clippy::cast_possible_wrap, reason = "a picture has few panels and rows")]

use super::axis::{Axis, power_of_ten};
use super::colour::colour;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// What plotters answers when it cannot draw.
pub(super) type DrawError = DrawingAreaErrorKind<io::Error>;
/// A point as positions on the two axes.
pub(super) type Point = (f64, f64);
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Pixel = (i32, i32);

/// Okabe and Ito's colours, which readers with any colour vision can tell apart, and a grey.
pub(super) const COLOURS: [RGBColor; 9] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(190, 178, 20),
    RGBColor(120, 120, 120),
];
/// Black, for reference lines.
pub(super) const INK: RGBColor = RGBColor(0, 0, 0);
/// Grey, for what matters less.
pub(super) const GREY: RGBColor = RGBColor(120, 120, 120);

/// Shapes of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    Plus,
    Inverted,
    Ring,
    Frame,
    /// An open triangle: the value lies above.
    Up,
}

/// Lengths of strokes and gaps, in units of the drawing; empty for a whole line.
pub(super) type Dash = &'static [f64];
/// A whole line.
pub(super) const SOLID: Dash = &[];
/// Long strokes.
pub(super) const DASHED: Dash = &[24.0, 12.0];
/// Dots.
pub(super) const DOTTED: Dash = &[6.0, 9.0];
/// Strokes and dots.
pub(super) const DASH_DOT: Dash = &[24.0, 9.0, 6.0, 9.0];

/// What a layer shows.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A line through points.
    Line(Vec<Point>, Dash),
    /// Points of a size (radius) and shape.
    Marks(Vec<Point>, Marker, f64),
    /// Bars between two points each, with ends.
    Bars(Vec<(Point, Point)>),
    /// The area inside a closed line.
    Area(Vec<Point>),
    /// The scale of colours between two powers of ten, in the legend alone.
    Scale([f64; 2]),
}

/// One thing in a panel.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// Its words in the legend.
    pub(super) label: Option<String>,
    /// Its colour.
    pub(super) colour: RGBColor,
    /// What it shows.
    pub(super) kind: Kind,
}

impl Layer {
    /// A layer with an entry in the legend.
    pub(super) fn new(label: impl Into<String>, colour: RGBColor, kind: Kind) -> Self {
        Self { label: Some(label.into()), colour, kind }
    }

    /// A layer without one.
    pub(super) fn plain(colour: RGBColor, kind: Kind) -> Self {
        Self { label: None, colour, kind }
    }
}

/// One pair of axes with what they hold.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    /// Words above it; may be empty.
    pub(super) title: String,
    /// Horizontal axis.
    pub(super) x: Axis,
    /// Vertical axis.
    pub(super) y: Axis,
    /// What it holds, lowest first.
    pub(super) layers: Vec<Layer>,
}

const WIDTH: i32 = 1000;
const HEIGHT: i32 = 720;
const LEFT: i32 = 175;
const RIGHT: i32 = 40;
const TOP: i32 = 60;
const BOTTOM: i32 = 115;
const TEXT: f64 = 34.0;
const LEGEND_ROW: i32 = 50;
const KEY: i32 = 70;
/// Lengths of the scale of colours, and of the numbers at each of its ends.
const SCALE: [i32; 2] = [360, 85];

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
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        for (i, panel) in panels.iter().enumerate() {
            let origin = ((i % columns) as i32 * WIDTH, (i / columns) as i32 * HEIGHT);
            Frame { area: &root, panel, origin }.draw()?;
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

/// Entries of the legend, each with its left end, in rows that fit the width.
fn legend_rows(panels: &[Panel], width: i32) -> Vec<Vec<(i32, &Layer)>> {
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

fn legend_entry(area: &Area<'_>, layer: &Layer, (x, y): Pixel) -> Result<(), DrawError> {
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

fn pale(colour: RGBColor) -> ShapeStyle {
    colour.mix(0.2).filled()
}

fn words(area: &Area<'_>, text: &str, at: Pixel, (h, v): (HPos, VPos), upright: bool) -> Result<(), DrawError> {
    // The SVG backend divides sizes by 1.24.
    let mut font = ("DejaVu Sans, Helvetica, Arial, sans-serif", TEXT * 1.24).into_font();
    if upright {
        font = font.transform(FontTransform::Rotate270);
    }
    area.draw(&Text::new(text.to_owned(), at, font.color(&INK).pos(Pos::new(h, v))))
}

fn bar(area: &Area<'_>, from: Pixel, to: Pixel, colour: RGBColor) -> Result<(), DrawError> {
    let line = |a, b| area.draw(&PathElement::new(vec![a, b], colour.stroke_width(3)));
    line(from, to)?;
    let (across, along) = if from.0 == to.0 { (8, 0) } else { (0, 8) };
    for (x, y) in [from, to] {
        line((x - across, y - along), (x + across, y + along))?;
    }
    Ok(())
}

fn mark(area: &Area<'_>, (x, y): Pixel, marker: Marker, size: f64, colour: RGBColor) -> Result<(), DrawError> {
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
fn stroke(area: &Area<'_>, points: &[Point], colour: RGBColor, dash: Dash) -> Result<(), DrawError> {
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

/// A panel at its place in the picture.
struct Frame<'a, 'b> {
    area: &'a Area<'b>,
    panel: &'a Panel,
    origin: Pixel,
}

impl Frame<'_, '_> {
    fn left(&self) -> i32 {
        self.origin.0 + LEFT
    }

    fn right(&self) -> i32 {
        self.origin.0 + WIDTH - RIGHT
    }

    fn top(&self) -> i32 {
        self.origin.1 + TOP
    }

    fn bottom(&self) -> i32 {
        self.origin.1 + HEIGHT - BOTTOM
    }

    /// Where fractions of the axes lie.
    fn at(&self, (x, y): Point) -> Point {
        let (left, right) = (f64::from(self.left()), f64::from(self.right()));
        let (top, bottom) = (f64::from(self.top()), f64::from(self.bottom()));
        (left + x * (right - left), bottom + y * (top - bottom))
    }

    fn pixel(&self, fractions: Point) -> Pixel {
        let (x, y) = self.at(fractions);
        (x.round() as i32, y.round() as i32)
    }

    fn fractions(&self, (x, y): Point) -> Point {
        (self.panel.x.fraction(x), self.panel.y.fraction(y))
    }

    fn draw(&self) -> Result<(), DrawError> {
        for layer in &self.panel.layers {
            self.layer(layer)?;
        }
        let corners = [(self.left(), self.top()), (self.right(), self.bottom())];
        self.area.draw(&Rectangle::new(corners, INK.stroke_width(3)))?;
        self.axes()?;
        let title = (i32::midpoint(self.left(), self.right()), self.top() - 14);
        words(self.area, &self.panel.title, title, (HPos::Center, VPos::Bottom), false)
    }

    fn axes(&self) -> Result<(), DrawError> {
        let tick = |a: Pixel, b: Pixel| self.area.draw(&PathElement::new(vec![a, b], INK.stroke_width(3)));
        let (major, minor) = self.panel.x.ticks();
        let x_of = |position: f64| self.pixel((self.panel.x.fraction(position), 0.0)).0;
        for x in minor {
            tick((x_of(x), self.bottom()), (x_of(x), self.bottom() - 8))?;
        }
        for (x, text) in major {
            tick((x_of(x), self.bottom()), (x_of(x), self.bottom() - 16))?;
            words(self.area, &text, (x_of(x), self.bottom() + 12), (HPos::Center, VPos::Top), false)?;
        }
        let (major, minor) = self.panel.y.ticks();
        let y_of = |position: f64| self.pixel((0.0, self.panel.y.fraction(position))).1;
        for y in minor {
            tick((self.left(), y_of(y)), (self.left() + 8, y_of(y)))?;
        }
        for (y, text) in major {
            tick((self.left(), y_of(y)), (self.left() + 16, y_of(y)))?;
            words(self.area, &text, (self.left() - 12, y_of(y)), (HPos::Right, VPos::Center), false)?;
        }
        let middle = (i32::midpoint(self.left(), self.right()), self.bottom() + 62);
        words(self.area, &self.panel.x.label, middle, (HPos::Center, VPos::Top), false)?;
        let middle = (self.origin.0 + 12, i32::midpoint(self.top(), self.bottom()));
        words(self.area, &self.panel.y.label, middle, (HPos::Center, VPos::Top), true)
    }

    fn layer(&self, layer: &Layer) -> Result<(), DrawError> {
        match &layer.kind {
            Kind::Line(points, dash) => self.line(points, layer.colour, dash),
            Kind::Marks(points, marker, size) => {
                for &point in points {
                    let (x, y) = self.fractions(point);
                    if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
                        mark(self.area, self.pixel((x, y)), *marker, *size, layer.colour)?;
                    }
                }
                Ok(())
            }
            Kind::Bars(bars) => {
                for &(from, to) in bars {
                    if let Some((from, to)) = clipped(self.fractions(from), self.fractions(to)) {
                        bar(self.area, self.pixel(from), self.pixel(to), layer.colour)?;
                    }
                }
                Ok(())
            }
            Kind::Area(points) => {
                let inside = points.iter().map(|&point| self.fractions(point));
                let inside = inside.filter(|(x, y)| !x.is_nan() && !y.is_nan());
                let corners =
                    inside.map(|(x, y)| self.pixel((x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)))).collect::<Vec<_>>();
                self.area.draw(&Polygon::<Pixel>::new(corners, pale(layer.colour)))
            }
            Kind::Scale(_) => Ok(()),
        }
    }

    /// Draws the parts of a line that lie inside the panel.
    fn line(&self, points: &[Point], colour: RGBColor, dash: Dash) -> Result<(), DrawError> {
        let mut run: Vec<Point> = Vec::new();
        for pair in points.windows(2) {
            let end = self.fractions(pair[1]);
            let Some((from, to)) = clipped(self.fractions(pair[0]), end) else {
                stroke(self.area, &std::mem::take(&mut run), colour, dash)?;
                continue;
            };
            if run.is_empty() {
                run.push(self.at(from));
            }
            run.push(self.at(to));
            if to != end {
                stroke(self.area, &std::mem::take(&mut run), colour, dash)?;
            }
        }
        stroke(self.area, &run, colour, dash)
    }
}

/// The part of a segment that lies in the unit square (Liang and Barsky 1984).
fn clipped(from: Point, to: Point) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return None;
    }
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (p, q) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
        if p == 0.0 {
            if q < 0.0 {
                return None;
            }
        } else if p < 0.0 {
            enter = enter.max(q / p);
        } else {
            leave = leave.min(q / p);
        }
    }
    let at = |t: f64| if t == 1.0 { to } else { (from.0 + t * dx, from.1 + t * dy) };
    (enter <= leave).then(|| (at(enter), at(leave)))
}
