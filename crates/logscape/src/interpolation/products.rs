//! The factors `I − η H_B` of one setting, acting on displacements.

use super::InterpolationError;
use crate::engine::{ReplicaState, draw};
use crate::operator::dense::{eigen, to_dense};
use crate::operator::full::{map_chunks, sum_over_chunks};
use crate::operator::{GaussNewton, LinearOperator, axpy, dot, norm, scale};
use crate::random::{Purpose, stream};
use crate::{Interrupted, Problem, Samples, Sampling, SgdSettings, Stop};
use faer::{MatMut, MatRef};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Directions up to which the Jacobians are kept in coordinates of their range, and most numbers that these may be.
const COORDINATES: (usize, usize) = (1000, 8_000_000);
/// Share of the largest curvature below which a direction counts as flat.
const FLAT: f64 = 1e-10;
/// Logarithm of the length to which a displacement may fall, by factors that leave flat directions as rounding makes them, before
/// those are taken out.
const FALLEN: f64 = -20.0;

/// The factors of one setting.
pub(super) struct Products<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
    pub(super) sgd: SgdSettings,
    pub(super) coordinates: Option<Coordinates>,
    /// Largest `‖J_μ‖_F²` of a sample.
    largest: f64,
}

/// Jacobians in an orthonormal basis of their range: the eigenvectors of `G` with curvature.
pub(super) struct Coordinates {
    /// Curvatures (`r`), descending.
    pub(super) curvatures: Vec<f64>,
    /// Rows of the samples' Jacobians (`N c × r`).
    pub(super) rows: Vec<f64>,
}

/// A displacement on its way, with what it needs for the next factor.
pub(super) struct Displacement {
    /// The unit vector along it: in coordinates (`r`), or whole (`P`).
    pub(super) direction: Vec<f64>,
    /// Generator, and the order of samples.
    pub(super) state: ReplicaState,
    /// Cotangents `u` with `Jᵀu` for it (`N c`), where there are no coordinates.
    cotangents: Vec<f64>,
    /// Logarithm of its length since it was last made of its cotangents.
    fallen: f64,
}

/// Where a displacement starts. A product forgets that only in the time that the exponents of its directions are apart by, and those
/// of the softest are next to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Along the directions of large curvature.
    Stiff,
    /// Along those of small curvature, where these are known.
    Soft,
}

impl Origin {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Stiff, Self::Soft];
}

/// Room for one factor.
pub(super) struct Room {
    batch: Vec<u32>,
    images: Vec<f64>,
    out: Vec<f64>,
    scratch: Vec<f64>,
}

impl Displacement {
    /// Becomes that of another, with batches of its own.
    pub(super) fn follow(&mut self, other: &Self) {
        self.direction.copy_from_slice(&other.direction);
        self.cotangents.copy_from_slice(&other.cotangents);
        self.fallen = other.fallen;
    }
}

impl<'a> Products<'a> {
    /// The factors of `sgd` at `theta`.
    pub(super) fn new(
        problem: &'a dyn Problem,
        theta: &'a [f64],
        sgd: SgdSettings,
        stop: &Stop,
    ) -> Result<Self, InterpolationError> {
        let (n, b) = (problem.samples(), sgd.batch_size);
        if b == 0 || (sgd.sampling != Sampling::WithReplacement && b > n) {
            return Err(InterpolationError::Setting("the batch size must lie between 1 and the number of samples"));
        }
        let c = problem.outputs();
        let grams = map_chunks(problem, c * c, |range, out, scratch| {
            problem.jacobian_grams_into(theta, Samples::Range(range), out, scratch);
        });
        let traces = grams.chunks_exact(c * c).map(|gram| gram.iter().step_by(c + 1).sum::<f64>());
        let largest = traces.fold(0.0, f64::max);
        if largest.is_nan() || largest <= 0.0 {
            return Err(InterpolationError::NoCurvature);
        }
        let (residuals, p) = (n * c, problem.dim());
        let directions = residuals.min(p);
        let small = directions <= COORDINATES.0 && residuals * directions <= COORDINATES.1;
        let coordinates = if small { Some(Coordinates::new(problem, theta, stop)?) } else { None };
        Ok(Self { problem, theta, sgd, coordinates, largest })
    }

    pub(super) fn samples(&self) -> usize {
        self.problem.samples()
    }

    pub(super) fn outputs(&self) -> usize {
        self.problem.outputs()
    }

    /// Directions in which factors act, or the most that there can be.
    pub(super) fn directions(&self) -> usize {
        let most = self.problem.dim().min(self.problem.samples() * self.problem.outputs());
        self.coordinates.as_ref().map_or(most, |coordinates| coordinates.curvatures.len())
    }

    /// The equally likely factors `1 − ηh_μ`, where there is one direction and batches are single samples, independent of each other.
    pub(super) fn line(&self) -> Option<Vec<f64>> {
        let rows = &self.coordinates.as_ref().filter(|coordinates| coordinates.curvatures.len() == 1)?.rows;
        let independent = self.sgd.sampling != Sampling::EpochShuffle && self.sgd.batch_size == 1;
        let factor = |row: &[f64]| 1.0 - self.sgd.learning_rate * dot(row, row);
        independent.then(|| rows.chunks_exact(self.problem.outputs()).map(factor).collect())
    }

    /// Whether some batch may lengthen some displacement: not where `η‖J_μ‖_F² ≤ 2` for all samples.
    pub(super) fn may_stretch(&self) -> bool {
        self.sgd.learning_rate * self.largest > 2.0
    }

    /// Steps after which batches begin afresh: those of an epoch, or one.
    pub(super) fn epoch(&self) -> usize {
        match self.sgd.sampling {
            Sampling::WithReplacement | Sampling::WithoutReplacement => 1,
            Sampling::EpochShuffle => self.problem.samples() / self.sgd.batch_size,
        }
    }

    /// A displacement in a random direction `Σ J_μᵀ ξ_μ` with normal `ξ`; in coordinates, normal with variances `h_i`, or `1/h_i` where it is to
    /// be along the soft directions.
    pub(super) fn start(&self, mut stream: ChaCha8Rng, from: Origin) -> Displacement {
        let mut normal = |_: usize| -> f64 { StandardNormal.sample(&mut stream) };
        let mut cotangents = Vec::new();
        let mut direction: Vec<f64> = if let Some(Coordinates { curvatures, .. }) = &self.coordinates {
            let weight = |h: f64| if from == Origin::Soft { 1.0 / h.sqrt() } else { h.sqrt() };
            curvatures.iter().enumerate().map(|(i, h)| normal(i) * weight(*h)).collect()
        } else {
            cotangents.extend((0..self.problem.samples() * self.problem.outputs()).map(normal));
            transposed(self.problem, self.theta, &cotangents)
        };
        let length = norm(&direction);
        scale(1.0 / length, &mut direction);
        scale(1.0 / length, &mut cotangents);
        Displacement { direction, cotangents, state: ReplicaState::new(&[], stream), fallen: 0.0 }
    }

    pub(super) fn room(&self) -> Room {
        let (b, c) = (self.sgd.batch_size, self.problem.outputs());
        let whole = self.coordinates.is_none();
        Room {
            batch: vec![0; b],
            images: vec![0.0; b * c],
            out: vec![0.0; if whole { self.problem.dim() } else { 0 }],
            scratch: vec![0.0; if whole { self.problem.scratch_len(b) } else { 0 }],
        }
    }

    /// Draws a batch and applies its factor; returns the logarithm of the length, `−∞` where nothing is left, and then the direction
    /// is that of before.
    pub(super) fn step(&self, displacement: &mut Displacement, room: &mut Room) -> f64 {
        let Displacement { direction, cotangents, state, fallen } = displacement;
        draw(self.sgd.sampling, self.problem.samples(), state, &mut room.batch);
        let share = self.sgd.learning_rate / self.sgd.batch_size as f64;
        if let Some(Coordinates { rows, .. }) = &self.coordinates {
            let (r, c) = (direction.len(), self.problem.outputs());
            let of = |k: usize| &rows[(room.batch[k / c] as usize * c + k % c) * r..][..r];
            for (k, image) in room.images.iter_mut().enumerate() {
                *image = dot(of(k), direction);
            }
            for (k, image) in room.images.iter().enumerate() {
                axpy(-share * image, of(k), direction);
            }
        } else {
            let c = self.problem.outputs();
            let batch = || Samples::Indices(&room.batch);
            self.problem.jvp_into(self.theta, direction, batch(), &mut room.images, &mut room.scratch);
            self.problem.vjp_into(self.theta, &room.images, batch(), &mut room.out, &mut room.scratch);
            axpy(-share, &room.out, direction);
            for (sample, images) in room.batch.iter().zip(room.images.chunks_exact(c)) {
                axpy(-share, images, &mut cotangents[*sample as usize * c..][..c]);
            }
        }
        let length = norm(direction);
        if !(length.is_finite() && length > 0.0) {
            let fresh = self.start(stream(0, Purpose::Products, state.rng[0]), Origin::Stiff);
            (*direction, *cotangents) = (fresh.direction, fresh.cotangents);
            return f64::NEG_INFINITY;
        }
        scale(1.0 / length, direction);
        scale(1.0 / length, cotangents);
        *fallen += length.ln();
        if *fallen < FALLEN && self.coordinates.is_none() {
            // Rounding in flat directions stays, and would be all that is left. What the cotangents make has none.
            *direction = transposed(self.problem, self.theta, cotangents);
            *fallen = 0.0;
        }
        length.ln()
    }
}

impl Coordinates {
    fn new(problem: &dyn Problem, theta: &[f64], stop: &Stop) -> Result<Self, InterpolationError> {
        let (n, c, p) = (problem.samples(), problem.outputs(), problem.dim());
        let by_parameters = p <= n * c;
        let matrix = if by_parameters {
            to_dense(&GaussNewton::new(problem, theta), stop)?
        } else {
            to_dense(&Kernel { problem, theta }, stop)?
        };
        let (mut curvatures, vectors) = eigen(matrix.as_ref())?;
        let floor = FLAT * curvatures[0];
        curvatures.retain(|&h| h > floor);
        let r = curvatures.len();
        let mut rows = vec![0.0; n * c * r];
        for (j, h) in curvatures.iter().enumerate() {
            stop.check()?;
            let vector: Vec<f64> = vectors.col(j).iter().copied().collect();
            // J = √N Σ_j √h_j u_j v_jᵀ for unit vectors u_j of residuals and v_j of parameters.
            let column = if by_parameters {
                images(problem, theta, &vector)
            } else {
                vector.iter().map(|u| (n as f64 * h).sqrt() * u).collect()
            };
            rows.iter_mut().skip(j).step_by(r).zip(column).for_each(|(entry, x)| *entry = x);
        }
        Ok(Self { curvatures, rows })
    }
}

/// `J Jᵀ/N` over all residuals (`N c × N c`), which has the eigenvalues of `G`.
struct Kernel<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
}

impl LinearOperator for Kernel<'_> {
    fn dim(&self) -> usize {
        self.problem.samples() * self.problem.outputs()
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        let share = 1.0 / self.problem.samples() as f64;
        for j in 0..block.ncols() {
            stop.check()?;
            let u: Vec<f64> = block.col(j).iter().copied().collect();
            let image = images(self.problem, self.theta, &transposed(self.problem, self.theta, &u));
            image.iter().enumerate().for_each(|(i, x)| out[(i, j)] = share * x);
        }
        Ok(())
    }
}

/// `J v` of all samples (`N c`).
fn images(problem: &dyn Problem, theta: &[f64], v: &[f64]) -> Vec<f64> {
    map_chunks(problem, problem.outputs(), |range, out, scratch| {
        problem.jvp_into(theta, v, Samples::Range(range), out, scratch);
    })
}

/// `Jᵀ u` for cotangents of all samples (`N c`).
pub(super) fn transposed(problem: &dyn Problem, theta: &[f64], u: &[f64]) -> Vec<f64> {
    let c = problem.outputs();
    sum_over_chunks(problem, problem.dim(), |range, out, scratch| {
        problem.vjp_into(theta, &u[range.start * c..range.end * c], Samples::Range(range), out, scratch);
    })
}
