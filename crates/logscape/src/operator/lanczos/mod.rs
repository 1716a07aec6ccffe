//! Extreme eigenpairs of a symmetric operator by block Lanczos with thick restarts.
//!
//! The iteration keeps an orthonormal basis `V` of `m` vectors, a pending block `Q` orthogonal to it, and the small matrices of
//!
//! `A V = V T + Q B`.
//!
//! A step applies `A` to `Q`, takes `Q` into the basis and makes the product orthonormal to it, which gives the next block and the
//! new columns of `T` and rows of `B`. Products with `A` are not kept: with `T y = θ y`, the residual of the Ritz vector `V y` is
//! `‖A V y − θ V y‖ = ‖B y‖`. A full basis is replaced by its best Ritz vectors, `V ← V Y`, `T ← Θ`, `B ← B Y` (Wu & Simon 2000,
//! *SIAM J. Matrix Anal. Appl.* 22, 602; Stewart 2001, *ibid.* 23, 601; for blocks Zhou & Saad 2008, *Numer. Algorithms* 47, 341).
//!
//! Everything new is orthogonal to what has converged, which thereby is deflated, and stays in `T`: later residuals know of it.
//! From a block of `b` vectors no more than `b` copies of an eigenvalue are found. If more are wanted than that, the iteration
//! therefore goes on after all has converged: it keeps the wanted vectors, and starts anew from a random block that is orthogonal
//! to them, until a start brings nothing new. What `Q B` leaves outside of the basis at that moment is below the tolerance; it is
//! counted in all later residuals, which are upper bounds from then on.
//!
//! A start is believed after so many steps that the largest Ritz value of a positive matrix is above half of the largest eigenvalue
//! but for a chance of one in a hundred, whatever the spectrum. From one random vector the chance is at most `1.648 √P e^{−√ε(2q−1)}`
//! after `q` steps for a relative error `ε` (Kuczyński & Woźniakowski 1992, *SIAM J. Matrix Anal. Appl.* 13, 1094),
//! from `b` of them the product of their chances. Eigenvalues that stand out of the rest are found sooner.

use super::basis::Basis;
use super::dense::{EigenError, eigen, product};
use super::{LinearOperator, norm};
use crate::random::{Purpose, stream};
use crate::{Interrupted, Precision, Stop};
use faer::Mat;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// What is wanted of one end of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// Number of eigenpairs.
    pub count: usize,
    /// A pair has converged when `‖Av − λv‖ ≤ tolerance · |λ|_max`.
    pub tolerance: f64,
}

impl End {
    /// Nothing.
    pub const NONE: Self = Self { count: 0, tolerance: 1.0 };

    /// So many eigenpairs, to this tolerance.
    pub fn new(count: usize, tolerance: f64) -> Self {
        Self { count, tolerance }
    }
}

/// Settings of [`extreme_eigenpairs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanczosConfig {
    /// Wanted of the largest eigenvalues.
    pub upper: End,
    /// Wanted of the lowest eigenvalues.
    pub lower: End,
    /// Vectors that are applied at once. One takes the fewest products; more are worth it where the product of a block costs less
    /// than those of its vectors, or where eigenvalues come in groups of equal ones.
    pub block: usize,
    /// Products with single vectors after which the iteration gives up, and returns what is known.
    pub max_products: usize,
    /// Bytes that the basis and the vectors at work may take. A basis that is restarted sooner needs more products.
    pub memory: u64,
    /// Numbers of the basis. Where double precision leaves no useful length, single precision is taken.
    pub precision: Precision,
    /// Seed of the random blocks.
    pub seed: u64,
}

impl Default for LanczosConfig {
    fn default() -> Self {
        Self {
            upper: End::new(20, 1e-8),
            lower: End::NONE,
            block: 1,
            max_products: 10_000,
            memory: 4 << 30,
            precision: Precision::Float64,
            seed: 1,
        }
    }
}

/// How far the iteration has come.
#[derive(Debug, Clone, PartialEq)]
pub struct LanczosProgress {
    /// Products with single vectors.
    pub products: usize,
    /// Wanted pairs.
    pub wanted: usize,
    /// Those that had converged when it was last looked.
    pub converged: usize,
    /// The largest eigenvalues as of then, descending; none before.
    pub largest: Vec<RitzValue>,
    /// The lowest, ascending.
    pub lowest: Vec<RitzValue>,
}

/// An eigenvalue as an iteration has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RitzValue {
    /// The value.
    pub value: f64,
    /// Residual norm `‖Av − λv‖` of its vector.
    pub residual: f64,
    /// Whether that meets the tolerance.
    pub converged: bool,
}

/// Eigenpairs with their residuals.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Eigenpairs {
    /// Eigenvalues, the extreme one first.
    pub values: Vec<f64>,
    /// Unit eigenvectors, same order.
    pub vectors: Vec<Vec<f64>>,
    /// Residual norms `‖Av − λv‖`, same order: from the recurrence, and where it is inexact an upper bound.
    pub residuals: Vec<f64>,
    /// Whether each residual meets the tolerance.
    pub converged: Vec<bool>,
}

/// Eigenpairs of the ends of a spectrum, and what they took.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtremeEigenpairs {
    /// The largest eigenvalues, descending.
    pub upper: Eigenpairs,
    /// The lowest eigenvalues, ascending.
    pub lower: Eigenpairs,
    /// Products with single vectors.
    pub products: usize,
    /// Numbers of the basis.
    pub precision: Precision,
    /// Most vectors of the basis.
    pub length: usize,
    /// Whether it was stopped on request: then there are fewer pairs than wanted, or pairs that have not converged.
    pub interrupted: bool,
}

impl ExtremeEigenpairs {
    /// The same, for a caller to whom a part is of no use.
    ///
    /// # Errors
    /// If the work was stopped on request.
    pub fn uninterrupted(self) -> Result<Self, Interrupted> {
        if self.interrupted { Err(Interrupted) } else { Ok(self) }
    }
}

/// The algebraically largest and lowest eigenpairs of `operator` (`P × P`), at most `P` of each, from the same products.
///
/// The time is that of the products and of three sweeps over the basis for each block of them. `progress` is called after each
/// block but the last. The result does not depend on the number of threads.
///
/// # Errors
/// If the operator returns a number that is not finite, or the memory does not hold a basis. An interrupt, which is asked for before
/// every block of products and within them, is none: what is known by then is returned.
pub fn extreme_eigenpairs(
    operator: &dyn LinearOperator,
    config: &LanczosConfig,
    stop: &Stop,
    mut progress: impl FnMut(&LanczosProgress),
) -> Result<ExtremeEigenpairs, EigenError> {
    let plan = Plan::new(operator.dim(), config)?;
    let mut state = Recurrence::new(&plan, stream(config.seed, Purpose::Krylov, 0));
    let mut interrupted = false;
    let mut known: Option<Ritz> = None;
    let mut patience = 0_usize;
    let (mut converged, mut looked) = (0, [Vec::new(), Vec::new()]);
    let wanted = plan.upper.count + plan.lower.count;
    state.start(plan.block);
    while state.pending() > 0 && state.products + state.pending() <= config.max_products {
        match stop.check().map_err(EigenError::from).and_then(|()| state.step(operator, stop)) {
            Err(EigenError::Interrupted(_)) => {
                interrupted = true;
                break;
            }
            stepped => stepped?,
        }
        let invariant = state.pending() == 0;
        if state.basis.len() == plan.rows {
            break;
        }
        let next = if invariant { plan.block } else { state.pending() };
        let full = state.basis.len() + next > plan.length;
        let believed = invariant || state.steps >= plan.steps;
        patience = patience.saturating_sub(1);
        if full || invariant || (believed && patience == 0 && state.basis.len() >= plan.wanted()) {
            let ritz = state.ritz()?;
            let open = plan.unconverged(&ritz);
            converged = wanted - open;
            looked = plan.values(&ritz);
            // A step rarely makes more than a few pairs converge.
            patience = open / (4 * plan.block);
            if open == 0 && believed {
                if plan.found_all(known.as_ref(), &ritz) {
                    break;
                }
                state.keep(&ritz, plan.ends(&ritz, 0));
                state.forget();
                known = Some(ritz);
            } else if full {
                state.keep(&ritz, plan.ends(&ritz, plan.spare()));
            }
        }
        if state.pending() == 0 {
            state.start(plan.block);
        }
        let [largest, lowest] = looked.clone();
        progress(&LanczosProgress { products: state.products, wanted, converged, largest, lowest });
    }
    finish(state, &plan, interrupted)
}

/// The Ritz pairs of the ends, as a result.
fn finish(mut state: Recurrence, plan: &Plan, interrupted: bool) -> Result<ExtremeEigenpairs, EigenError> {
    let ritz = state.ritz()?;
    let size = ritz.values.len();
    let ends = plan.ends(&ritz, 0);
    state.keep(&ritz, ends);
    let (products, precision) = (state.products, state.basis.precision());
    let mut vectors = state.basis.into_vectors();
    let mut lowest = vectors.split_off(ends[0]);
    lowest.reverse();
    // Where there are fewer than both ends want, they share vectors.
    let shared = plan.lower.count.min(size) - lowest.len();
    lowest.extend(vectors[ends[0] - shared..].iter().rev().cloned());
    let pairs = |chosen: Vec<usize>, vectors: Vec<Vec<f64>>, tolerance: f64| Eigenpairs {
        values: chosen.iter().map(|&k| ritz.values[k]).collect(),
        vectors,
        residuals: chosen.iter().map(|&k| ritz.residuals[k]).collect(),
        converged: chosen.iter().map(|&k| ritz.residuals[k] <= tolerance * ritz.scale).collect(),
    };
    Ok(ExtremeEigenpairs {
        upper: pairs((0..vectors.len()).collect(), vectors, plan.upper.tolerance),
        lower: pairs((size - lowest.len()..size).rev().collect(), lowest, plan.lower.tolerance),
        products,
        precision,
        length: plan.length,
        interrupted,
    })
}

/// What is wanted of an operator, and how long the basis may be.
struct Plan {
    rows: usize,
    upper: End,
    lower: End,
    block: usize,
    /// Most vectors in the basis.
    length: usize,
    precision: Precision,
    /// Steps after which a start is believed.
    steps: usize,
}

impl Plan {
    fn new(rows: usize, config: &LanczosConfig) -> Result<Self, EigenError> {
        let limited = |end: End| End { count: end.count.min(rows), ..end };
        let (upper, lower, block) = (limited(config.upper), limited(config.lower), config.block.clamp(1, rows.max(1)));
        let wanted = (upper.count + lower.count).min(rows);
        // Enough for the outliers of a spectrum to converge without a restart, and the least with which restarts make progress.
        let [most, least] = [3 * wanted + 64, wanted + wanted / 2 + 8].map(|length| (length + 2 * block).min(rows));
        // A block, its product and a vector of it beside the basis; in the end the vectors in double precision.
        let bytes =
            |length: usize, each: usize| rows as u128 * (each * length + 16 * block + 8).max(8 * wanted + 4) as u128;
        let longest = |each| (least..=most).rev().find(|&length| bytes(length, each) <= u128::from(config.memory));
        let double = if config.precision == Precision::Float64 { longest(8) } else { None };
        let (length, precision) = match double {
            Some(length) => (length, Precision::Float64),
            None => match longest(4) {
                Some(length) => (length, Precision::Float32),
                None => return Err(EigenError::Memory { needed: bytes(least, 4) as u64, limit: config.memory }),
            },
        };
        let chance = (1.648 * (rows as f64).sqrt()).ln() + 100.0_f64.ln() / block as f64;
        let steps = (chance / (2.0 * 0.5_f64.sqrt()) + 0.5).ceil() as usize;
        Ok(Self { rows, upper, lower, block, length, precision, steps })
    }

    fn wanted(&self) -> usize {
        (self.upper.count + self.lower.count).min(self.rows)
    }

    /// Vectors that a restart keeps beyond the wanted ones.
    fn spare(&self) -> usize {
        (self.length - self.wanted()).saturating_sub(2 * self.block) / 4
    }

    /// How many Ritz pairs of the upper and of the lower end are kept with so many more than are wanted.
    fn ends(&self, ritz: &Ritz, spare: usize) -> [usize; 2] {
        let size = ritz.values.len();
        let share = spare * self.lower.count / (self.upper.count + self.lower.count).max(1);
        let upper = (self.upper.count + spare - share).min(size);
        [upper, (self.lower.count + share).min(size - upper)]
    }

    /// Wanted pairs that have not converged.
    fn unconverged(&self, ritz: &Ritz) -> usize {
        let size = ritz.values.len();
        let open = |k: usize, end: End| !ritz.settled(k, end.tolerance);
        (0..self.upper.count).filter(|&k| k >= size || open(k, self.upper)).count()
            + (0..self.lower.count).filter(|&k| k >= size || open(size - 1 - k, self.lower)).count()
    }

    /// The largest and the lowest wanted values, as far as there are so many.
    fn values(&self, ritz: &Ritz) -> [Vec<RitzValue>; 2] {
        let size = ritz.values.len();
        let value = |k: usize, end: End| RitzValue {
            value: ritz.values[k],
            residual: ritz.residuals[k],
            converged: ritz.residuals[k] <= end.tolerance * ritz.scale,
        };
        let lowest = (0..self.lower.count.min(size)).map(|k| value(size - 1 - k, self.lower));
        [(0..self.upper.count.min(size)).map(|k| value(k, self.upper)).collect(), lowest.collect()]
    }

    /// Whether no more copies of an eigenvalue can be wanted than one start finds, or the last start has brought nothing: the wanted
    /// values are what was known, within their tolerances.
    fn found_all(&self, known: Option<&Ritz>, found: &Ritz) -> bool {
        let Some(known) = known else { return self.upper.count.max(self.lower.count) <= self.block };
        let near = |a: f64, b: f64, end: End| (a - b).abs() <= end.tolerance * found.scale;
        let mut upper = known.values.iter().zip(&found.values).take(self.upper.count);
        let mut lower = known.values.iter().rev().zip(found.values.iter().rev()).take(self.lower.count);
        upper.all(|(a, b)| near(*a, *b, self.upper)) && lower.all(|(a, b)| near(*a, *b, self.lower))
    }
}

/// Eigenpairs of `T`, descending.
struct Ritz {
    values: Vec<f64>,
    rotation: Mat<f64>,
    /// Residual norms of the Ritz vectors, with what rounding of the basis may add.
    residuals: Vec<f64>,
    /// The part of rounding, which more steps do not reduce.
    rounding: f64,
    /// `|λ|_max`.
    scale: f64,
}

impl Ritz {
    /// Whether pair `k` has converged, or as far as rounding lets it.
    fn settled(&self, k: usize, tolerance: f64) -> bool {
        self.residuals[k] <= (tolerance * self.scale).max(2.0 * self.rounding)
    }
}

/// The recurrence `A V = V T + Q B`.
struct Recurrence {
    /// `V`.
    basis: Basis,
    /// `Q`.
    block: Mat<f64>,
    /// `T`.
    projected: Mat<f64>,
    /// `B`.
    coupling: Mat<f64>,
    /// `B` of earlier starts, whose blocks are forgotten.
    forgotten: Vec<Mat<f64>>,
    /// Largest norm of a product so far, which bounds `|λ|_max` from below.
    largest: f64,
    products: usize,
    /// Steps since the last random block.
    steps: usize,
    restarts: usize,
    rng: ChaCha8Rng,
}

impl Recurrence {
    fn new(plan: &Plan, rng: ChaCha8Rng) -> Self {
        Self {
            basis: Basis::new(plan.precision),
            block: Mat::zeros(plan.rows, 0),
            projected: Mat::zeros(0, 0),
            coupling: Mat::zeros(0, 0),
            forgotten: Vec::new(),
            largest: 0.0,
            products: 0,
            steps: 0,
            restarts: 0,
            rng,
        }
    }

    /// Vectors that the next step applies the operator to.
    fn pending(&self) -> usize {
        self.block.ncols()
    }

    /// Counts `Q B` among the errors of the basis.
    fn forget(&mut self) {
        self.forgotten.push(std::mem::replace(&mut self.coupling, Mat::zeros(0, self.basis.len())));
        self.block.truncate(self.block.nrows(), 0);
    }

    /// A random block that is orthogonal to the basis takes the place of an empty one.
    fn start(&mut self, width: usize) {
        self.block = Mat::from_fn(self.block.nrows(), width, |_, _| StandardNormal.sample(&mut self.rng));
        self.basis.orthonormalise(&mut self.block, 0.0);
        self.coupling = Mat::zeros(self.pending(), self.basis.len());
        self.steps = 0;
    }

    /// Applies the operator to the pending block, which is pending still after an interrupt.
    fn step(&mut self, operator: &dyn LinearOperator, stop: &Stop) -> Result<(), EigenError> {
        let (old, width) = (self.basis.len(), self.pending());
        self.basis.push(&mut self.block);
        let mut image = Mat::zeros(self.block.nrows(), width);
        if let Err(interrupted) = operator.apply_into(self.block.as_ref(), image.as_mut(), stop) {
            self.basis.truncate(old);
            return Err(interrupted.into());
        }
        // Not two blocks and a product at once.
        self.block = Mat::new();
        self.products += width;
        self.steps += 1;
        let norms: Vec<f64> = (0..width).map(|k| norm(image.col_as_slice(k))).collect();
        if norms.iter().any(|norm| !norm.is_finite()) {
            return Err(EigenError::NotFinite);
        }
        self.largest = norms.into_iter().fold(self.largest, f64::max);
        let split = self.basis.orthonormalise(&mut image, 1e-14 * self.largest);
        self.block = image;
        let size = old + width;
        let (projected, along) = (&self.projected, &split.along);
        self.projected = Mat::from_fn(size, size, |i, j| match (i < old, j < old) {
            (true, true) => projected[(i, j)],
            (_, false) if i < old => along[(i, j - old)],
            (false, true) => along[(j, i - old)],
            _ => 0.5 * (along[(i, j - old)] + along[(j, i - old)]),
        });
        self.coupling =
            Mat::from_fn(self.pending(), size, |i, j| if j < old { 0.0 } else { split.beyond[(i, j - old)] });
        for forgotten in &mut self.forgotten {
            *forgotten = Mat::from_fn(forgotten.nrows(), size, |i, j| if j < old { forgotten[(i, j)] } else { 0.0 });
        }
        Ok(())
    }

    fn ritz(&self) -> Result<Ritz, EigenError> {
        let (values, rotation) = eigen(self.projected.as_ref())?;
        let scale = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let unit = match self.basis.precision() {
            Precision::Float64 => f64::EPSILON,
            Precision::Float32 => f64::from(f32::EPSILON),
        };
        let rounding = unit * self.largest * (1.0 + self.restarts as f64).sqrt();
        let mut residuals = vec![rounding; values.len()];
        for coupling in self.forgotten.iter().chain([&self.coupling]) {
            let rotated = product(coupling.as_ref(), rotation.as_ref());
            residuals.iter_mut().enumerate().for_each(|(k, residual)| *residual += rotated.col(k).norm_l2());
        }
        Ok(Ritz { values, rotation, residuals, rounding, scale })
    }

    /// Replaces the basis by the first and the last so many Ritz vectors.
    fn keep(&mut self, ritz: &Ritz, [upper, lower]: [usize; 2]) {
        let size = ritz.values.len();
        let chosen: Vec<usize> = (0..upper).chain(size - lower..size).collect();
        let rotation = Mat::from_fn(size, chosen.len(), |i, j| ritz.rotation[(i, chosen[j])]);
        self.basis.rotate(rotation.as_ref());
        self.projected =
            Mat::from_fn(chosen.len(), chosen.len(), |i, j| if i == j { ritz.values[chosen[i]] } else { 0.0 });
        self.coupling = product(self.coupling.as_ref(), rotation.as_ref());
        self.forgotten.iter_mut().for_each(|forgotten| *forgotten = product(forgotten.as_ref(), rotation.as_ref()));
        self.restarts += 1;
    }
}

#[cfg(test)]
mod tests;
