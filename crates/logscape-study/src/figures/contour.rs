//! Lines of equal value of a function on a grid, by marching squares.

use super::plot::Point;
use std::collections::HashMap;

/// Values on the nodes of a grid, `z[i][j]` at `(x[i], y[j])`; none where there is none.
pub(super) struct Field {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) z: Vec<Vec<Option<f64>>>,
}

/// An edge of the grid: its first node, and whether it runs along `x`.
type Edge = (usize, usize, bool);

impl Field {
    /// The lines on which the function, linear along the edges of the grid, has this value; cells with a corner that has no
    /// value are left out.
    pub(super) fn contours(&self, level: f64) -> Vec<Vec<Point>> {
        let mut next: HashMap<Edge, Vec<Edge>> = HashMap::new();
        for i in 1..self.x.len() {
            for j in 1..self.y.len() {
                for (a, b) in self.segments(i - 1, j - 1, level) {
                    next.entry(a).or_default().push(b);
                    next.entry(b).or_default().push(a);
                }
            }
        }
        // Lines with ends begin there; what is left are loops. Sorted, so that the order does not depend on hashes.
        let mut starts: Vec<Edge> = next.keys().copied().collect();
        starts.sort_by_key(|edge| (next[edge].len(), *edge));
        let mut lines = Vec::new();
        for start in starts {
            let mut line = vec![start];
            let mut here = start;
            while let Some(edge) = next.get_mut(&here).and_then(Vec::pop) {
                if let Some(back) = next.get_mut(&edge) {
                    let place = back.iter().position(|other| *other == here);
                    place.map(|place| back.swap_remove(place));
                }
                line.push(edge);
                here = edge;
            }
            if line.len() > 1 {
                lines.push(line.into_iter().filter_map(|edge| self.crossing(edge, level)).collect());
            }
        }
        lines
    }

    /// The pieces of the line in the cell whose lowest node is `(i, j)`, as pairs of the edges that they join.
    fn segments(&self, i: usize, j: usize, level: f64) -> Vec<(Edge, Edge)> {
        let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)].map(|(i, j)| self.z[i][j]);
        let [Some(a), Some(b), Some(c), Some(d)] = corners else { return Vec::new() };
        let above = [a, b, c, d].map(|z| z > level);
        let edges: [Edge; 4] = [(i, j, true), (i + 1, j, false), (i, j + 1, true), (i, j, false)];
        let crossed: Vec<Edge> = (0..4).filter(|&k| above[k] != above[(k + 1) % 4]).map(|k| edges[k]).collect();
        match crossed[..] {
            [from, to] => vec![(from, to)],
            // A saddle: the mean tells which corners belong together.
            [e0, e1, e2, e3] if (0.25 * (a + b + c + d) > level) == above[0] => vec![(e0, e1), (e2, e3)],
            [e0, e1, e2, e3] => vec![(e3, e0), (e1, e2)],
            _ => Vec::new(),
        }
    }

    /// Where an edge is crossed.
    fn crossing(&self, (i, j, along): Edge, level: f64) -> Option<Point> {
        let (k, l) = if along { (i + 1, j) } else { (i, j + 1) };
        let (from, to) = (self.z[i][j]?, self.z[k][l]?);
        let share = (level - from) / (to - from);
        Some((self.x[i] + share * (self.x[k] - self.x[i]), self.y[j] + share * (self.y[l] - self.y[j])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(count: usize, value: impl Fn(f64, f64) -> Option<f64>) -> Field {
        let nodes: Vec<f64> = (0..count).map(|k| -2.0 + 4.0 * k as f64 / (count - 1) as f64).collect();
        let z = nodes.iter().map(|&x| nodes.iter().map(|&y| value(x, y)).collect()).collect();
        Field { x: nodes.clone(), y: nodes, z }
    }

    fn length(line: &[Point]) -> f64 {
        line.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).sum()
    }

    #[test]
    fn a_plane_has_one_straight_contour_from_wall_to_wall() {
        let lines = field(8, |x, y| Some(x + 2.0 * y)).contours(0.5);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, y)| (x + 2.0 * y - 0.5).abs() < 1e-12));
        // From y = (0.5 − x)/2 at x = ±2.
        assert!((length(&lines[0]) - 4.0_f64.hypot(2.0)).abs() < 1e-12);
    }

    #[test]
    fn a_paraboloid_has_a_closed_contour() {
        let lines = field(81, |x, y| Some(x * x + y * y)).contours(1.0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        // Chords of cells of 0.05: the circle within their squared size.
        assert!((length(&lines[0]) - std::f64::consts::TAU).abs() < 0.01, "{}", length(&lines[0]));
    }

    #[test]
    fn saddles_and_holes_are_taken_apart() {
        // x y = ε: two branches, which the cell around the origin must not join.
        let lines = field(8, |x, y| Some(x * y)).contours(1e-3);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.iter().all(|p| p.0 > 0.0) || line.iter().all(|p| p.0 < 0.0)));
        let hole = field(9, |x, y| (x.abs() > 0.1).then_some(y)).contours(0.3);
        assert_eq!(hole.len(), 2);
        assert!(field(5, |_, _| Some(1.0)).contours(2.0).is_empty());
    }
}
