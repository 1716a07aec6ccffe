//! How far SGD of linear regression gets in several dimensions, where no two samples share a direction without having the same.

use super::chain::Confinement;
use crate::ensemble::Region;
use crate::operator::{axpy, dot};
use crate::{Problem, Samples, SgdSettings};

/// Cosine, or share of a length, that is rounding. Inputs that are nearly parallel lead far away across their direction.
const ROUNDED: f64 = 1e-13;
/// Multiplications, at most: `N K P` for `K` directions, and `N` for each step in which the reach along one comes to rest.
const WORK: usize = 100_000_000;

/// A direction that some samples push along, and no other sample.
struct Direction {
    /// The unit vector (`P`).
    along: Vec<f64>,
    /// Inputs `c = x·q` and residuals `r` at the minimum of its samples.
    samples: Vec<[f64; 2]>,
}

/// Why SGD that starts at the minimum `theta` (`P`) of a linear problem never leaves `region`; none where it can, or where that is not shown.
///
/// Where all inputs are parallel or orthogonal, as indicators of classes are, the chain is one on the line along each direction `q`, and a
/// sample takes the coordinate `t` there to `t − ηc(ct + r)`, the others leave it. A batch takes it to a mean of such images, so that
/// an interval with `t = 0` which all samples leave inside itself holds it for ever: for `ηc² ≤ 1` that of their targets `−r/c`.
/// With inputs in other positions the reach is far larger, and not an interval of any coordinate.
pub fn apart(problem: &dyn Problem, theta: &[f64], region: &Region, sgd: &SgdSettings) -> Option<Confinement> {
    problem.least_squares_step(theta)?;
    let directions = directions(problem, theta)?;
    let n = problem.samples() as f64;
    let mut reach = Vec::with_capacity(directions.len());
    let mut loss = crate::operator::full::loss(problem, theta);
    for Direction { along, samples } in &directions {
        let ends = interval(samples, sgd.learning_rate)?;
        let rise = |t: f64| samples.iter().map(|[c, r]| c * t * (0.5 * c * t + r)).sum::<f64>() / n;
        loss += rise(ends[0]).max(rise(ends[1]));
        reach.push((along.as_slice(), ends));
    }
    holds(region, theta, &reach, loss).then_some(Confinement::Apart { loss })
}

/// The directions of the inputs; none where two inputs are neither parallel nor orthogonal, or there is more than one output.
fn directions(problem: &dyn Problem, theta: &[f64]) -> Option<Vec<Direction>> {
    let (n, p) = (problem.samples(), theta.len());
    if problem.outputs() != 1 || n.checked_mul(p)? > WORK {
        return None;
    }
    let mut found: Vec<Direction> = Vec::new();
    let mut scratch = vec![0.0; problem.scratch_len(1)];
    let (mut x, mut residual) = (vec![0.0; p], [0.0]);
    for sample in 0..n {
        let samples = || Samples::Range(sample..sample + 1);
        x.fill(0.0);
        problem.vjp_into(theta, &[1.0], samples(), &mut x, &mut scratch);
        problem.residuals_into(theta, samples(), &mut residual, &mut scratch);
        let length = dot(&x, &x).sqrt();
        if length == 0.0 {
            continue;
        }
        if found.len().checked_mul(n * p)? > WORK {
            return None;
        }
        let mut own = None;
        for (k, direction) in found.iter().enumerate() {
            let c = dot(&x, &direction.along);
            let across = x.iter().zip(&direction.along).map(|(x, q)| (x - c * q).powi(2)).sum::<f64>().sqrt();
            if across <= ROUNDED * length {
                own = Some((k, c));
            } else if c.is_nan() || c.abs() > ROUNDED * length {
                return None;
            }
        }
        let (k, c) = own.unwrap_or_else(|| {
            found.push(Direction { along: x.iter().map(|x| x / length).collect(), samples: Vec::new() });
            (found.len() - 1, length)
        });
        found[k].samples.push([c, residual[0]]);
    }
    Some(found)
}

/// The interval around 0 that no sample leads out of: that of the targets, and what samples beyond `ηc² = 1` throw it over to.
fn interval(samples: &[[f64; 2]], learning_rate: f64) -> Option<[f64; 2]> {
    let hull = |[low, high]: [f64; 2], t: f64| [low.min(t), high.max(t)];
    let mut reach = samples.iter().fold([0.0; 2], |reach, [c, r]| hull(reach, -r / c));
    for _ in 0..WORK / samples.len().max(1) {
        let images = samples.iter().flat_map(|[c, r]| reach.map(|t| t - learning_rate * c * (c * t + r)));
        let next = images.fold(reach, hull);
        if next == reach {
            return Some(reach);
        }
        // Rounding, and what is left of a sum that comes to rest.
        let slack = 1e-12 * (next[1] - next[0]);
        reach = [next[0] - slack, next[1] + slack];
        if !reach.iter().all(|end| end.is_finite()) {
            return None;
        }
    }
    None
}

/// Whether all points `θ + Σ_k t_k q_k` with each `t_k` in its interval are within the region; their largest `loss` is known.
fn holds(region: &Region, theta: &[f64], reach: &[(&[f64], [f64; 2])], loss: f64) -> bool {
    // The largest `n·θ`.
    let most = |normal: &dyn Fn(&[f64]) -> f64| {
        let ends = reach.iter().map(|(q, [low, high])| (normal(q) * low).max(normal(q) * high));
        normal(theta) + ends.sum::<f64>()
    };
    match region {
        Region::LossLevel { loss: level, .. } => loss < *level,
        Region::Box { lower, upper } => {
            (0..theta.len()).all(|i| most(&|x| x[i]) < upper[i] && most(&|x| -x[i]) < -lower[i])
        }
        Region::Ball { centre, radius } => {
            let mut rest: Vec<f64> = theta.iter().zip(centre).map(|(x, c)| x - c).collect();
            let mut square = 0.0;
            for (q, ends) in reach {
                let along = dot(&rest, q);
                axpy(-along, q, &mut rest);
                square += ends.map(|t| (along + t).powi(2)).into_iter().fold(0.0, f64::max);
            }
            (square + dot(&rest, &rest)).sqrt() < *radius
        }
        Region::HalfSpaces { normals, offsets } => {
            let mut planes = normals.chunks_exact(theta.len()).zip(offsets);
            planes.all(|(normal, offset)| most(&|x| dot(normal, x)) < *offset)
        }
        Region::Quench { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampling;
    use crate::problem::LinearRegression;

    /// Orthonormal, and along no axis.
    const BASIS: [[f64; 3]; 3] = [[0.6, 0.8, 0.0], [-0.48, 0.36, 0.8], [0.64, -0.48, 0.6]];
    /// Samples along each direction: length of the input, and target.
    const SAMPLES: [&[[f64; 2]]; 3] =
        [&[[1.0, 0.5], [-1.0, 0.2], [0.5, 0.3]], &[[1.2, 1.0], [0.8, -1.0]], &[[2.0, 0.4], [2.0, -0.6]]];

    fn problem(more: &[[f64; 3]]) -> LinearRegression {
        let rows =
            BASIS.iter().zip(SAMPLES).flat_map(|(q, samples)| samples.iter().map(move |[c, _]| q.map(|q| c * q)));
        let inputs: Vec<f64> = rows.chain(more.iter().copied()).flatten().collect();
        let targets = SAMPLES.iter().copied().flatten().map(|[_, y]| *y).chain(more.iter().map(|_| 0.1)).collect();
        LinearRegression::new(inputs, targets, 3).unwrap()
    }

    fn minimum(problem: &LinearRegression) -> Vec<f64> {
        problem.least_squares_step(&[0.0; 3]).unwrap()
    }

    fn sgd(learning_rate: f64) -> SgdSettings {
        SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement }
    }

    /// Loss, coordinates and distances that an adversary reaches who draws the sample that leads farthest along each direction.
    fn farthest(problem: &LinearRegression, learning_rate: f64) -> Vec<Vec<f64>> {
        let mut ends = Vec::new();
        for signs in 0..8 {
            let mut theta = minimum(problem);
            for step in 0..6_000 {
                let (k, side) = (step % 3, if signs >> (step % 3) & 1 == 0 { 1.0 } else { -1.0 });
                let at = dot(&theta, &BASIS[k]);
                let image = |[c, y]: &[f64; 2]| at - learning_rate * c * (c * at - y);
                let best = SAMPLES[k].iter().map(image).max_by(|a, b| (side * a).total_cmp(&(side * b))).unwrap();
                axpy(best - at, &BASIS[k], &mut theta);
            }
            ends.push(theta);
        }
        ends
    }

    #[test]
    fn regions_are_left_just_where_an_adversary_leaves_them() {
        let problem = problem(&[]);
        let theta = minimum(&problem);
        let learning_rate = 0.2;
        let ends = farthest(&problem, learning_rate);
        let held = |region: Region| apart(&problem, &theta, &region, &sgd(learning_rate)).is_some();
        let loss = |theta: &Vec<f64>| crate::operator::full::loss(&problem, theta);
        let level = ends.iter().map(loss).fold(0.0, f64::max);
        let centre = vec![0.3, 0.0, -0.1];
        let distance = |theta: &Vec<f64>| theta.iter().zip(&centre).map(|(x, c)| (x - c).powi(2)).sum::<f64>().sqrt();
        let radius = ends.iter().map(distance).fold(0.0, f64::max);
        let normals = vec![0.3, -0.7, 1.1];
        let offset = ends.iter().map(|theta| dot(theta, &normals)).fold(f64::NEG_INFINITY, f64::max);
        for (scale, stays) in [(1.0 + 1e-6, true), (1.0 - 1e-6, false)] {
            assert_eq!(held(Region::LossLevel { loss: scale * level, check_every: 1 }), stays);
            assert_eq!(held(Region::Ball { centre: centre.clone(), radius: scale * radius }), stays);
            let offsets = vec![offset + (scale - 1.0)];
            assert_eq!(held(Region::HalfSpaces { normals: normals.clone(), offsets }), stays);
            for i in 0..3 {
                let at = |sign: f64| ends.iter().map(|theta| sign * theta[i]).fold(f64::NEG_INFINITY, f64::max);
                for sign in [1.0, -1.0] {
                    let (mut lower, mut upper) = (vec![f64::NEG_INFINITY; 3], vec![f64::INFINITY; 3]);
                    let side = if sign > 0.0 { &mut upper } else { &mut lower };
                    side[i] = sign * (at(sign) + (scale - 1.0));
                    assert_eq!(held(Region::Box { lower, upper }), stays, "{i} {sign}");
                }
            }
        }
    }

    #[test]
    fn steps_beyond_a_target_are_held_and_unstable_ones_are_not() {
        let problem = problem(&[]);
        let theta = minimum(&problem);
        let level = |loss: f64| Region::LossLevel { loss, check_every: 1 };
        // Inputs of length 2: a step of 0.45 goes 1.8 times as far as the target, one of 0.51 comes never to rest.
        let ends = farthest(&problem, 0.45);
        let most = ends.iter().map(|theta| crate::operator::full::loss(&problem, theta)).fold(0.0, f64::max);
        assert!(apart(&problem, &theta, &level(0.99 * most), &sgd(0.45)).is_none());
        assert!(apart(&problem, &theta, &level(100.0 * most), &sgd(0.45)).is_some());
        assert!(apart(&problem, &theta, &level(1e12), &sgd(0.51)).is_none());
    }

    #[test]
    fn inputs_in_other_positions_tell_nothing() {
        let region = Region::LossLevel { loss: 1e9, check_every: 1 };
        let other = problem(&[[0.5, 0.5, 0.0]]);
        assert!(apart(&other, &minimum(&other), &region, &sgd(0.1)).is_none());
        let tells = |across: f64| {
            let inputs = vec![1.0, 0.0, 1.0, 0.0, 1.0, across];
            let line = LinearRegression::new(inputs, vec![0.5, -0.5, 0.1], 2).unwrap();
            apart(&line, &[0.0; 2], &region, &sgd(0.1)).is_some()
        };
        assert_eq!([0.0, 1e-7].map(tells), [true, false]);
    }
}
