//! Colours, shapes of points and strokes of lines.

use plotters::style::RGBColor;

/// Okabe and Ito's colours, which readers with any colour vision can tell apart, and a grey.
pub(crate) const COLOURS: [RGBColor; 9] = [
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
pub(crate) const INK: RGBColor = RGBColor(0, 0, 0);
/// Grey, for what matters less.
pub(crate) const GREY: RGBColor = RGBColor(120, 120, 120);

/// Shapes of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
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
pub(crate) type Dash = &'static [f64];
/// A whole line.
pub(crate) const SOLID: Dash = &[];
/// Long strokes.
pub(crate) const DASHED: Dash = &[24.0, 12.0];
/// Dots.
pub(crate) const DOTTED: Dash = &[6.0, 9.0];
/// Strokes and dots.
pub(crate) const DASH_DOT: Dash = &[24.0, 9.0, 6.0, 9.0];
