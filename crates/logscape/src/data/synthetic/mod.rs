//! Draws data sets from known teachers, reproducibly from a seed.
//!
//! Each generator returns the samples together with the teacher's parameters, where the noiseless loss is zero. The
//! teacher, the inputs and the label noise come from three streams of one ChaCha8 seed: a longer set begins with the
//! shorter one, and another noise level leaves the inputs as they were.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::{DataError, Dataset};

/// The most numbers one generator may draw for its inputs or its targets, `2²⁸` (2 GiB).
const MAX_DRAWN: usize = 1 << 28;

/// Samples and the parameters that would fit them without noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// The samples.
    pub data: Dataset,
    /// The teacher's parameters; the generator says their order.
    pub teacher: Vec<f64>,
}

/// A generator and its settings, as a study names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Generator {
    /// [`linear_teacher`].
    LinearTeacher(LinearTeacher),
    /// [`sinusoid`].
    Sinusoid(Sinusoid),
    /// [`phase_retrieval`].
    PhaseRetrieval(PhaseRetrieval),
    /// [`matrix_factorisation`].
    MatrixFactorisation(MatrixFactorisation),
    /// [`teacher_student`].
    TeacherStudent(TeacherStudent),
}

impl Generator {
    /// Draws the data.
    ///
    /// # Errors
    ///
    /// [`DataError::Parameter`] where a setting is out of range.
    pub fn generate(&self, seed: u64) -> Result<Synthetic, DataError> {
        match self {
            Self::LinearTeacher(settings) => linear_teacher(settings, seed),
            Self::Sinusoid(settings) => sinusoid(settings, seed),
            Self::PhaseRetrieval(settings) => phase_retrieval(settings, seed),
            Self::MatrixFactorisation(settings) => matrix_factorisation(settings, seed),
            Self::TeacherStudent(settings) => teacher_student(settings, seed),
        }
    }
}

/// Settings of [`linear_teacher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearTeacher {
    /// Number of samples `N`.
    pub samples: usize,
    /// Eigenvalues of the input covariance, one per input, along the coordinate axes.
    pub spectrum: Vec<f64>,
    /// The parameters `θ*`, as many as eigenvalues.
    pub teacher: Vec<f64>,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// Linear regression: `y = θ*·x + σξ` with `x ~ N(0, diag(spectrum))` and `ξ ~ N(0, 1)`. The teacher is `θ*`.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn linear_teacher(settings: &LinearTeacher, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("linear teacher", seed, settings.samples, settings.noise)?;
    let dim = settings.spectrum.len();
    draw.fits("spectrum", dim)?;
    if settings.teacher.len() != dim || settings.teacher.iter().any(|θ| !θ.is_finite()) {
        let wanted = format!("{dim} finite numbers, as many as the spectrum has");
        return Err(DataError::parameter(draw.name, "teacher", &format!("{:?}", settings.teacher), &wanted));
    }
    if settings.spectrum.iter().any(|λ| !λ.is_finite() || *λ < 0.0) {
        let found = format!("{:?}", settings.spectrum);
        return Err(DataError::parameter(draw.name, "spectrum", &found, "finite numbers that are not negative"));
    }
    let mut inputs = draw.gaussian(Stream::Inputs, settings.samples * dim);
    for row in inputs.chunks_exact_mut(dim) {
        row.iter_mut().zip(&settings.spectrum).for_each(|(x, λ)| *x *= λ.sqrt());
    }
    draw.taught(inputs, dim, 1, settings.teacher.clone(), |x, y| y[0] = dot(&settings.teacher, x))
}

/// Settings of [`sinusoid`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sinusoid {
    /// Number of samples `N`.
    pub samples: usize,
    /// Left end `a` of the interval of inputs.
    pub from: f64,
    /// Right end `b` of the interval of inputs.
    pub to: f64,
    /// Angular frequency `ω`.
    pub frequency: f64,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// A sine of unknown frequency: `y = sin(ωx) + σξ` with `x` uniform on `[a, b)`. The teacher is `ω`.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn sinusoid(settings: &Sinusoid, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("sinusoid", seed, settings.samples, settings.noise)?;
    let width = settings.to - settings.from;
    if !(width.is_finite() && width > 0.0) {
        let wanted = format!("a finite number above `from`, {}", settings.from);
        return Err(DataError::parameter(draw.name, "to", &settings.to, &wanted));
    }
    if !settings.frequency.is_finite() {
        return Err(DataError::parameter(draw.name, "frequency", &settings.frequency, "a finite number"));
    }
    let mut rng = draw.rng(Stream::Inputs);
    let inputs = (0..settings.samples).map(|_| settings.from + width * rng.random::<f64>()).collect();
    draw.taught(inputs, 1, 1, vec![settings.frequency], |x, y| y[0] = (settings.frequency * x[0]).sin())
}

/// Settings of [`phase_retrieval`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRetrieval {
    /// Number of samples `N`.
    pub samples: usize,
    /// Number of inputs `d`.
    pub dim: usize,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// Phase retrieval: `y = (θ*·x)² + σξ` with `x ~ N(0, I)` and `θ*` uniform on the unit sphere. The teacher is `θ*`; its
/// sign cannot be recovered.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn phase_retrieval(settings: &PhaseRetrieval, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("phase retrieval", seed, settings.samples, settings.noise)?;
    draw.fits("dim", settings.dim)?;
    let mut teacher = draw.gaussian(Stream::Teacher, settings.dim);
    let norm = dot(&teacher, &teacher).sqrt();
    for θ in &mut teacher {
        *θ /= norm;
    }
    let inputs = draw.gaussian(Stream::Inputs, settings.samples * settings.dim);
    let θ = teacher.clone();
    draw.taught(inputs, settings.dim, 1, teacher, |x, y| y[0] = dot(&θ, x).powi(2))
}

/// Settings of [`matrix_factorisation`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixFactorisation {
    /// Number of samples `N`.
    pub samples: usize,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
    /// Rank of the matrix.
    pub rank: usize,
    /// Standard deviation `σ` of the noise on each target.
    pub noise: f64,
}

/// Observed entries of a low-rank matrix: `y = u_i·v_j + σξ` at `N` different places `(i, j)`, drawn uniformly.
///
/// An input is `(i, j)`, from 0. The teacher is `U` (`rows × rank`), then `V` (`columns × rank`), both row-major with
/// independent entries of variance `1/√rank`, so that a noiseless target has variance 1 on average.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range; there cannot be more samples than entries.
pub fn matrix_factorisation(settings: &MatrixFactorisation, seed: u64) -> Result<Synthetic, DataError> {
    let MatrixFactorisation { samples, rows, columns, rank, noise } = *settings;
    let draw = Draw::new("matrix factorisation", seed, samples, noise)?;
    draw.fits("rows", rows)?;
    draw.fits("columns", columns)?;
    let largest = rows.min(columns);
    if rank == 0 || rank > largest {
        let wanted = format!("between 1 and {largest}, the smaller side of the matrix");
        return Err(DataError::parameter(draw.name, "rank", &rank, &wanted));
    }
    let entries = rows.saturating_mul(columns);
    if samples > entries {
        return Err(DataError::parameter(draw.name, "samples", &samples, &format!("at most {entries}, the entries")));
    }
    draw.teacher_fits(rank, rows + columns)?;
    let mut teacher = draw.gaussian(Stream::Teacher, (rows + columns) * rank);
    let deviation = (rank as f64).powf(-0.25);
    for θ in &mut teacher {
        *θ *= deviation;
    }
    let places = rand::seq::index::sample(&mut draw.rng(Stream::Inputs), entries, samples);
    let inputs = places.iter().flat_map(|place| [(place / columns) as f64, (place % columns) as f64]).collect();
    let (u, v) = teacher.split_at(rows * rank);
    let (u, v) = (u.to_vec(), v.to_vec());
    let factor = |factors: &[f64], k: f64| -> Vec<f64> {
        let start = k as usize * rank;
        factors[start..start + rank].to_vec()
    };
    draw.taught(inputs, 2, 1, teacher, |x, y| y[0] = dot(&factor(&u, x[0]), &factor(&v, x[1])))
}

/// Settings of [`teacher_student`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherStudent {
    /// Number of samples `N`.
    pub samples: usize,
    /// Number of inputs `d`.
    pub input_dim: usize,
    /// Number of hidden units `h` of the teacher.
    pub hidden: usize,
    /// Number of targets.
    pub target_dim: usize,
    /// Factor `γ` of the teacher's inner weights: beyond 1 its units saturate on most inputs.
    #[serde(default = "one")]
    pub gain: f64,
    /// Standard deviation `σ` of the noise on each target.
    pub noise: f64,
}

fn one() -> f64 {
    1.0
}

/// A perceptron taught by another: `y = A tanh(Wx) + σξ` with `x ~ N(0, I)`.
///
/// The teacher is `W` (`hidden × input_dim`, entries of variance `γ²/input_dim`), then `A` (`target_dim × hidden`, entries
/// of variance `1/hidden`), both row-major.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn teacher_student(settings: &TeacherStudent, seed: u64) -> Result<Synthetic, DataError> {
    let TeacherStudent { samples, input_dim, hidden, target_dim, gain, noise } = *settings;
    let draw = Draw::new("teacher and student", seed, samples, noise)?;
    for (field, size) in [("input_dim", input_dim), ("hidden", hidden), ("target_dim", target_dim)] {
        draw.fits(field, size)?;
    }
    draw.teacher_fits(hidden, input_dim + target_dim)?;
    if !gain.is_finite() {
        return Err(DataError::parameter(draw.name, "gain", &gain, "a finite number"));
    }
    let mut teacher = draw.gaussian(Stream::Teacher, hidden * (input_dim + target_dim));
    let (w, a) = teacher.split_at_mut(hidden * input_dim);
    for w in &mut *w {
        *w *= gain / (input_dim as f64).sqrt();
    }
    for a in &mut *a {
        *a /= (hidden as f64).sqrt();
    }
    let (w, a) = (w.to_vec(), a.to_vec());
    let inputs = draw.gaussian(Stream::Inputs, samples * input_dim);
    let mut units = vec![0.0; hidden];
    draw.taught(inputs, input_dim, target_dim, teacher, |x, y| {
        units.iter_mut().zip(w.chunks_exact(input_dim)).for_each(|(unit, row)| *unit = dot(row, x).tanh());
        y.iter_mut().zip(a.chunks_exact(hidden)).for_each(|(y, row)| *y = dot(row, &units));
    })
}

/// What the random numbers are for.
#[derive(Clone, Copy)]
enum Stream {
    Teacher = 1,
    Inputs = 2,
    Noise = 3,
}

/// What all generators share.
struct Draw {
    name: &'static str,
    seed: u64,
    samples: usize,
    noise: f64,
}

impl Draw {
    fn new(name: &'static str, seed: u64, samples: usize, noise: f64) -> Result<Self, DataError> {
        if !noise.is_finite() || noise < 0.0 {
            return Err(DataError::parameter(name, "noise", &noise, "a finite number that is not negative"));
        }
        let draw = Self { name, seed, samples, noise };
        if samples == 0 || samples > MAX_DRAWN {
            return Err(DataError::parameter(name, "samples", &samples, &format!("between 1 and {MAX_DRAWN}")));
        }
        Ok(draw)
    }

    /// Refuses a dimension that is zero or makes more numbers than fit.
    fn fits(&self, field: &str, dim: usize) -> Result<(), DataError> {
        let largest = MAX_DRAWN / self.samples;
        if dim == 0 || dim > largest {
            return Err(DataError::parameter(self.name, field, &dim, &format!("a size between 1 and {largest}")));
        }
        Ok(())
    }

    /// Refuses a teacher with more parameters than fit.
    fn teacher_fits(&self, hidden: usize, ends: usize) -> Result<(), DataError> {
        match hidden.checked_mul(ends) {
            Some(size) if size <= MAX_DRAWN => Ok(()),
            _ => {
                let found = format!("{hidden} times {ends}");
                Err(DataError::parameter(self.name, "teacher", &found, &format!("at most {MAX_DRAWN} parameters")))
            }
        }
    }

    fn rng(&self, stream: Stream) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream as u64);
        rng
    }

    fn gaussian(&self, stream: Stream, count: usize) -> Vec<f64> {
        StandardNormal.sample_iter(self.rng(stream)).take(count).collect()
    }

    /// Lets the teacher answer every input, adds the noise and checks the result.
    fn taught(
        &self,
        inputs: Vec<f64>,
        input_dim: usize,
        target_dim: usize,
        teacher: Vec<f64>,
        mut answer: impl FnMut(&[f64], &mut [f64]),
    ) -> Result<Synthetic, DataError> {
        let mut targets = vec![0.0; self.samples * target_dim];
        for (x, y) in inputs.chunks_exact(input_dim).zip(targets.chunks_exact_mut(target_dim)) {
            answer(x, y);
        }
        let noise = StandardNormal.sample_iter(self.rng(Stream::Noise));
        targets.iter_mut().zip(noise).for_each(|(y, ξ): (&mut f64, f64)| *y += self.noise * ξ);
        let data = Dataset::new(self.name, inputs, input_dim, targets, target_dim, None)?;
        Ok(Synthetic { data, teacher })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
