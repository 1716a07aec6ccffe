//! A perceptron taught by another.

use serde::{Deserialize, Serialize};

use crate::data::DataError;

use super::draw::{Draw, Stream, Synthetic, dot};

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
        draw.size(field, size)?;
    }
    draw.fits(input_dim, target_dim, hidden.saturating_mul(input_dim + target_dim))?;
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
