//! Nodes of a path, and its segments.

use crate::operator::norm;
use crate::reference::Cubic;

/// Middles of the segments.
pub(super) fn middles(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
    path.windows(2).map(|w| w[0].iter().zip(&w[1]).map(|(a, b)| f64::midpoint(*a, *b)).collect()).collect()
}

/// The segments as vectors.
pub(super) fn differences(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
    path.windows(2).map(|w| w[1].iter().zip(&w[0]).map(|(b, a)| b - a).collect()).collect()
}

/// Unit vectors along the path at its inner nodes.
pub(super) fn tangents(path: &[Vec<f64>]) -> Vec<Vec<f64>> {
    path.windows(3)
        .map(|w| {
            let along: Vec<f64> = w[2].iter().zip(&w[0]).map(|(b, a)| b - a).collect();
            let length = norm(&along).max(f64::MIN_POSITIVE);
            along.iter().map(|x| x / length).collect()
        })
        .collect()
}

/// Longest over shortest segment.
pub(super) fn unevenness(path: &[Vec<f64>]) -> f64 {
    let (mut shortest, mut longest) = (f64::INFINITY, 0.0_f64);
    for v in differences(path) {
        shortest = shortest.min(norm(&v));
        longest = longest.max(norm(&v));
    }
    longest / shortest
}

/// The path on evenly spaced nodes, by local cubics in its length; twice, as the length is that of its chords.
pub(super) fn spaced(path: &[Vec<f64>], segments: usize) -> Vec<Vec<f64>> {
    let mut path = path.to_vec();
    for _ in 0..2 {
        let mut length = vec![0.0];
        for v in differences(&path) {
            length.push(length[length.len() - 1] + norm(&v));
        }
        let total = length[length.len() - 1];
        let mut next = vec![vec![0.0; path[0].len()]; segments + 1];
        for k in 0..path[0].len() {
            let Ok(curve) = Cubic::new(&length, path.iter().map(|x| x[k]).collect()) else { return path };
            for (j, x) in next.iter_mut().enumerate() {
                x[k] = curve.value(total * j as f64 / segments as f64);
            }
        }
        next[0].clone_from(&path[0]);
        next[segments].clone_from(&path[path.len() - 1]);
        path = next;
    }
    path
}
