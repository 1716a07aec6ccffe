//! One panel: its axes, and its layers clipped to them.

use super::canvas::{Area, DrawError, Pixel, TEXT, bar, mark, pale, stroke, words};
use super::layer::{Kind, Layer, Panel, Point};
use super::style::{Dash, INK};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

pub(super) const WIDTH: i32 = 1000;
pub(super) const HEIGHT: i32 = 720;
const LEFT: i32 = 175;
/// What the name of the vertical axis takes of the room left of it, with a gap on both sides.
const LABEL: i32 = 72;
const RIGHT: i32 = 40;
const TOP: i32 = 60;
const BOTTOM: i32 = 115;

/// A panel at its place in the picture.
pub(super) struct Frame<'a, 'b> {
    pub(super) area: &'a Area<'b>,
    pub(super) panel: &'a Panel,
    pub(super) origin: Pixel,
    /// Room for the words of the vertical axis.
    pub(super) left: i32,
}

/// Room left of panels of which each has space for the words of its vertical axis.
pub(super) fn room_left(panels: &[Panel]) -> i32 {
    let texts = panels.iter().flat_map(|panel| panel.y.ticks().0);
    // A raised digit is narrower than others.
    let wide = |letter: char| if letter.is_ascii() || letter == '×' || letter == '−' { 0.64 } else { 0.42 };
    let length = |(_, text): (f64, String)| (TEXT * text.chars().map(wide).sum::<f64>()) as i32;
    (LABEL + texts.map(length).max().unwrap_or(0)).max(LEFT)
}

impl Frame<'_, '_> {
    fn left(&self) -> i32 {
        self.origin.0 + self.left
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

    pub(super) fn draw(&self) -> Result<(), DrawError> {
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
