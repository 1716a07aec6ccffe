//! What a picture shows: panels of layers.

use super::style::{Dash, Marker};
use crate::figures::axis::Axis;
use plotters::style::RGBColor;

/// A point as positions on the two axes.
pub(crate) type Point = (f64, f64);

/// What a layer shows.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
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
pub(crate) struct Layer {
    /// Its words in the legend.
    pub(crate) label: Option<String>,
    /// Its colour.
    pub(crate) colour: RGBColor,
    /// What it shows.
    pub(crate) kind: Kind,
}

impl Layer {
    /// A layer with an entry in the legend.
    pub(crate) fn new(label: impl Into<String>, colour: RGBColor, kind: Kind) -> Self {
        Self { label: Some(label.into()), colour, kind }
    }

    /// A layer without one.
    pub(crate) fn plain(colour: RGBColor, kind: Kind) -> Self {
        Self { label: None, colour, kind }
    }
}

/// One pair of axes with what they hold.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// Words above it; may be empty.
    pub(crate) title: String,
    /// Horizontal axis.
    pub(crate) x: Axis,
    /// Vertical axis.
    pub(crate) y: Axis,
    /// What it holds, lowest first.
    pub(crate) layers: Vec<Layer>,
}
