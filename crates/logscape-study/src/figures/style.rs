//! Looks of the curves and points of one series among many, from its place in a list.

use super::plot::{COLOURS, DASH_DOT, DASHED, DOTTED, Dash, Marker, SOLID};
use plotters::style::RGBColor;

/// One marker for each of [`COLOURS`].
const MARKERS: [Marker; COLOURS.len()] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Cross,
    Marker::Plus,
    Marker::Inverted,
    Marker::Ring,
    Marker::Frame,
];
/// Strokes in turn, so that curves that coincide are all seen.
const STROKES: [Dash; 4] = [SOLID, DASHED, DOTTED, DASH_DOT];

/// How one series looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    /// Colour of lines and marks.
    pub(super) colour: RGBColor,
    /// Shape of marks.
    pub(super) marker: Marker,
    /// Stroke of lines.
    pub(super) dash: Dash,
}

impl Style {
    /// The look of number `k`. Each time the colours begin again, markers and strokes have moved on by one: 36 lines and 81 marks
    /// differ.
    pub(super) fn of(k: usize) -> Self {
        let (turn, place) = (k / COLOURS.len(), k % COLOURS.len());
        Self {
            colour: COLOURS[place],
            marker: MARKERS[(place + turn) % MARKERS.len()],
            dash: STROKES[(place + turn) % STROKES.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_series_look_different() {
        let differ = |count: usize, same: fn(&Style, &Style) -> bool| {
            let styles: Vec<Style> = (0..count).map(Style::of).collect();
            styles.iter().enumerate().all(|(k, style)| !styles[..k].iter().any(|other| same(style, other)))
        };
        assert!(differ(COLOURS.len(), |a, b| a.colour == b.colour));
        assert!(differ(COLOURS.len(), |a, b| a.marker == b.marker));
        assert!(differ(36, |a, b| a.colour == b.colour && a.dash == b.dash));
        assert!(differ(81, |a, b| a.colour == b.colour && a.marker == b.marker));
        // The next of each kind looks like one before.
        assert!(!differ(37, |a, b| a.colour == b.colour && a.dash == b.dash));
        assert!(!differ(82, |a, b| a.colour == b.colour && a.marker == b.marker));
    }
}
