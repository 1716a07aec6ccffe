//! How far a replica is on its way out.

use thiserror::Error;

use crate::Problem;
use crate::ensemble::{LossMeter, Region};

/// A number that rises on the way out. The exit itself is the region's business: a score need not know where it is.
///
/// Rates are unbiased for any score. The error is smallest for one that has the level sets of the committor, the
/// probability to reach the exit before home.
pub trait Score: Sync {
    /// Room for an evaluation.
    type Scratch: Send;

    /// That room.
    fn scratch(&self) -> Self::Scratch;

    /// The score at `theta` (`P`), without allocation.
    fn score(&self, theta: &[f64], scratch: &mut Self::Scratch) -> f64;

    /// The score above which the loss is above the level of a [`Region::LossLevel`], where the score knows that: then the
    /// loss is not computed twice.
    fn loss_level_score(&self) -> Option<f64> {
        None
    }
}

/// A score that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ScoreError {
    /// The grid of a table does not increase, is too short, or does not have as many entries as there are values.
    #[error("a table needs at least two increasing, finite positions and one finite value for each")]
    Table,
    /// A direction or a path has no length.
    #[error("a direction or path needs a positive, finite length")]
    Length,
}

/// The displacement along the side of a box that is nearest to its end: `max_i (θ_i − c_i)/(u_i − c_i)`, and
/// `(c_i − θ_i)/(c_i − l_i)` below the centre, 1 on every side. Infinite sides do not count. On the line this is the distance
/// from the minimum in units of that to the barrier top on the same side.
#[derive(Debug, Clone, PartialEq)]
pub struct BoxScore {
    centre: Vec<f64>,
    /// `1/(c_i − l_i)` and `1/(u_i − c_i)`.
    scales: Vec<[f64; 2]>,
}

impl BoxScore {
    /// The score of the box with these bounds (`P` each) around `centre` (`P`), which is inside.
    pub fn new(centre: &[f64], lower: &[f64], upper: &[f64]) -> Self {
        let sides = centre.iter().zip(lower).zip(upper);
        let scales = sides.map(|((c, l), u)| [1.0 / (c - l), 1.0 / (u - c)]).collect();
        Self { centre: centre.to_vec(), scales }
    }
}

impl Score for BoxScore {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline]
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        let mut highest = 0.0;
        for ((x, c), [below, above]) in theta.iter().zip(&self.centre).zip(&self.scales) {
            let distance = x - c;
            let side = if distance < 0.0 { -distance * below } else { distance * above };
            highest = if side > highest { side } else { highest };
        }
        highest
    }
}

/// `‖θ − c‖/r`.
#[derive(Debug, Clone, PartialEq)]
pub struct BallScore {
    centre: Vec<f64>,
    radius: f64,
}

impl BallScore {
    /// The distance from `centre` (`P`) in units of `radius`.
    pub fn new(centre: &[f64], radius: f64) -> Self {
        Self { centre: centre.to_vec(), radius }
    }
}

impl Score for BallScore {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline]
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        theta.iter().zip(&self.centre).map(|(x, c)| (x - c) * (x - c)).sum::<f64>().sqrt() / self.radius
    }
}

/// The displacement towards the nearest of several planes: `max_k n_k·(θ − c)/(o_k − n_k·c)`, 1 on every plane.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneScore {
    /// One for each plane.
    planes: Vec<Along>,
}

impl PlaneScore {
    /// The score of the planes `n_k·θ = offset_k` with `normals` (`K × P`) and `offsets` (`K`) around `centre` (`P`), which is
    /// inside all of them.
    pub fn new(centre: &[f64], normals: &[f64], offsets: &[f64]) -> Self {
        let plane = |(normal, offset): (&[f64], &f64)| {
            let inner: f64 = normal.iter().zip(centre).map(|(n, c)| n * c).sum();
            let distance = offset - inner;
            Along { direction: normal.iter().map(|n| n / distance).collect(), offset: -inner / distance }
        };
        Self { planes: normals.chunks_exact(centre.len().max(1)).zip(offsets).map(plane).collect() }
    }
}

impl Score for PlaneScore {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline]
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        let scores = self.planes.iter().map(|plane| plane.score(theta, &mut ()));
        // A comparison that keeps what is not a number, which `f64::max` would drop.
        scores.fold(f64::NEG_INFINITY, |highest, score| if score <= highest { highest } else { score })
    }
}

/// `ln L(θ)`, the loss of all data. It costs `N` samples: as much as `N/B` steps.
pub struct LossScore<'a> {
    problem: &'a dyn Problem,
    level: Option<f64>,
}

impl<'a> LossScore<'a> {
    /// The score of `problem`.
    pub fn new(problem: &'a dyn Problem) -> Self {
        Self { problem, level: None }
    }

    /// The same where the exit is the loss `level`.
    pub fn with_level(problem: &'a dyn Problem, level: f64) -> Self {
        Self { problem, level: Some(level.ln()) }
    }
}

impl<'a> Score for LossScore<'a> {
    type Scratch = LossMeter<'a>;

    fn scratch(&self) -> LossMeter<'a> {
        LossMeter::new(self.problem)
    }

    fn score(&self, theta: &[f64], meter: &mut LossMeter<'a>) -> f64 {
        // A loss of zero has a logarithm too small to count with.
        let loss = meter.loss(theta);
        if loss < f64::MIN_POSITIVE { f64::MIN_POSITIVE.ln() } else { loss.ln() }
    }

    fn loss_level_score(&self) -> Option<f64> {
        self.level
    }
}

/// The displacement `v·(θ − c)/(v·(e − c))` along a direction, 0 at `c` and 1 at `e`.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// `v/(v·(e − c))`.
    direction: Vec<f64>,
    /// The score of `θ = 0`.
    offset: f64,
}

impl Along {
    /// The displacement from `from` towards `to` (`P` each), along the straight line.
    ///
    /// # Errors
    /// If both are one point.
    pub fn new(from: &[f64], to: &[f64]) -> Result<Self, ScoreError> {
        let along: Vec<f64> = to.iter().zip(from).map(|(e, c)| e - c).collect();
        Self::with_normal(from, to, &along)
    }

    /// The displacement along `normal` (`P`), in units of that from `from` to `to`.
    ///
    /// # Errors
    /// If `to` is not beyond `from` along it.
    pub fn with_normal(from: &[f64], to: &[f64], normal: &[f64]) -> Result<Self, ScoreError> {
        let length: f64 = normal.iter().zip(to.iter().zip(from)).map(|(v, (e, c))| v * (e - c)).sum();
        if !(length.is_finite() && length > 0.0) {
            return Err(ScoreError::Length);
        }
        let direction: Vec<f64> = normal.iter().map(|v| v / length).collect();
        let offset = -direction.iter().zip(from).map(|(v, c)| v * c).sum::<f64>();
        Ok(Self { direction, offset })
    }
}

impl Score for Along {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline]
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        self.offset + theta.iter().zip(&self.direction).map(|(x, v)| x * v).sum::<f64>()
    }
}

/// How far along a path of straight pieces its point nearest to `θ` is: 0 at its first node, 1 at its last.
#[derive(Debug, Clone, PartialEq)]
pub struct PathScore {
    nodes: Vec<Vec<f64>>,
    /// Share of the length before each node.
    before: Vec<f64>,
}

impl PathScore {
    /// The path through `nodes` (`P` each).
    ///
    /// # Errors
    /// If two neighbours are one point, or there are fewer than two.
    pub fn new(nodes: Vec<Vec<f64>>) -> Result<Self, ScoreError> {
        let mut before = vec![0.0];
        for pair in nodes.windows(2) {
            let length = pair[0].iter().zip(&pair[1]).map(|(a, b)| (b - a) * (b - a)).sum::<f64>().sqrt();
            if !(length.is_finite() && length > 0.0) {
                return Err(ScoreError::Length);
            }
            before.push(before[before.len() - 1] + length);
        }
        let total = before[before.len() - 1];
        if nodes.len() < 2 {
            return Err(ScoreError::Length);
        }
        before.iter_mut().for_each(|length| *length /= total);
        Ok(Self { nodes, before })
    }
}

impl Score for PathScore {
    type Scratch = ();

    fn scratch(&self) {}

    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        let (mut nearest, mut score) = (f64::INFINITY, f64::NAN);
        for (ends, before) in self.nodes.windows(2).zip(self.before.windows(2)) {
            let (mut along, mut length, mut distance) = (0.0, 0.0, 0.0);
            for ((x, a), b) in theta.iter().zip(&ends[0]).zip(&ends[1]) {
                along += (x - a) * (b - a);
                length += (b - a) * (b - a);
                distance += (x - a) * (x - a);
            }
            let share = (along / length).clamp(0.0, 1.0);
            let square = distance - 2.0 * share * along + share * share * length;
            if square < nearest {
                (nearest, score) = (square, before[0] + share * (before[1] - before[0]));
            }
        }
        score
    }
}

/// Share of their spacing by which points may be off to count as evenly spaced: rounding.
const EVEN: f64 = 1e-6;

/// A function of the first parameter, linear between the points of a table and constant beyond: a committor on the line, or
/// a potential whose equal levels on both sides of the minimum are equally rare.
#[derive(Debug, Clone, PartialEq)]
pub struct Tabulated {
    position: Vec<f64>,
    value: Vec<f64>,
    /// Slope of each piece.
    slope: Vec<f64>,
    /// Points in a unit of the parameter, where they are evenly spaced: then none has to be searched for.
    per_unit: Option<f64>,
}

impl Tabulated {
    /// The function with `value[i]` at `position[i]`; the positions increase.
    ///
    /// # Errors
    /// If these make no table.
    pub fn new(position: Vec<f64>, value: Vec<f64>) -> Result<Self, ScoreError> {
        let finite = position.iter().chain(&value).all(|x| x.is_finite());
        if position.len() < 2 || value.len() != position.len() || !finite || !position.is_sorted_by(|a, b| a < b) {
            return Err(ScoreError::Table);
        }
        let last = position.len() - 1;
        let per_unit = last as f64 / (position[last] - position[0]);
        let place = |(k, x): (usize, &f64)| (x - position[0]) * per_unit - k as f64;
        let even = position.iter().enumerate().map(place).all(|error| error.abs() < EVEN);
        let piece = |k: usize| (value[k + 1] - value[k]) / (position[k + 1] - position[k]);
        let slope = (0..last).map(piece).collect();
        Ok(Self { position, value, slope, per_unit: even.then_some(per_unit) })
    }

    /// Its value at `x`.
    #[inline]
    pub fn at(&self, x: f64) -> f64 {
        let last = self.slope.len();
        let x = x.clamp(self.position[0], self.position[last]);
        let left = match self.per_unit {
            // A point that is off by its rounding makes no difference to a continuous function.
            Some(per_unit) => ((x - self.position[0]) * per_unit) as usize,
            None => self.position.partition_point(|p| *p < x).saturating_sub(1),
        };
        let left = left.min(last - 1);
        self.value[left] + (x - self.position[left]) * self.slope[left]
    }
}

impl Score for Tabulated {
    type Scratch = ();

    fn scratch(&self) {}

    #[inline]
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        self.at(theta[0])
    }
}

/// The score that suits a region when nothing more is known.
pub enum RegionScore<'a> {
    /// Of a box.
    Box(BoxScore),
    /// Of a ball.
    Ball(BallScore),
    /// Of planes.
    Planes(PlaneScore),
    /// Of a loss level or a quench.
    Loss(LossScore<'a>),
}

impl<'a> RegionScore<'a> {
    /// The score of `region` around `start` (`P`), with the loss of `problem`.
    pub fn new(region: &Region, start: &[f64], problem: &'a dyn Problem) -> Self {
        match region {
            Region::Box { lower, upper } => Self::Box(BoxScore::new(start, lower, upper)),
            Region::Ball { centre, radius } => Self::Ball(BallScore::new(centre, *radius)),
            Region::HalfSpaces { normals, offsets } => Self::Planes(PlaneScore::new(start, normals, offsets)),
            Region::LossLevel { loss, .. } => Self::Loss(LossScore::with_level(problem, *loss)),
            Region::Quench { .. } => Self::Loss(LossScore::new(problem)),
        }
    }
}

impl<'a> Score for RegionScore<'a> {
    type Scratch = Option<LossMeter<'a>>;

    fn scratch(&self) -> Option<LossMeter<'a>> {
        match self {
            Self::Loss(score) => Some(score.scratch()),
            Self::Box(_) | Self::Ball(_) | Self::Planes(_) => None,
        }
    }

    #[inline]
    fn score(&self, theta: &[f64], meter: &mut Option<LossMeter<'a>>) -> f64 {
        match (self, meter) {
            (Self::Box(score), _) => score.score(theta, &mut ()),
            (Self::Ball(score), _) => score.score(theta, &mut ()),
            (Self::Planes(score), _) => score.score(theta, &mut ()),
            (Self::Loss(score), Some(meter)) => score.score(theta, meter),
            // Room for another score.
            (Self::Loss(_), None) => f64::NAN,
        }
    }

    fn loss_level_score(&self) -> Option<f64> {
        match self {
            Self::Loss(score) => score.loss_level_score(),
            Self::Box(_) | Self::Ball(_) | Self::Planes(_) => None,
        }
    }
}
