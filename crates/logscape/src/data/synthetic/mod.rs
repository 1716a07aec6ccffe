//! Draws data sets from known teachers, reproducibly from a seed.
//!
//! Each generator returns the samples together with the teacher's parameters, where the noiseless loss is zero. The
//! teacher, the inputs and the label noise come from three streams of one ChaCha8 seed: a longer set begins with the
//! shorter one, and another noise level leaves the inputs as they were.
//!
//! A new generator is a file with its settings and its function, and one line in the list below.

mod draw;
mod linear_teacher;
mod matrix_factorisation;
mod phase_retrieval;
mod sinusoid;
mod teacher_student;

pub use draw::Synthetic;
pub use linear_teacher::{LinearTeacher, linear_teacher};
pub use matrix_factorisation::{MatrixFactorisation, matrix_factorisation};
pub use phase_retrieval::{PhaseRetrieval, phase_retrieval};
pub use sinusoid::{Sinusoid, sinusoid};
pub use teacher_student::{TeacherStudent, teacher_student};

use serde::{Deserialize, Serialize};

use super::DataError;

macro_rules! generators {
    ($($name:literal: $Settings:ident, $function:ident;)*) => {
        /// A generator and its settings, as a study names them.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Generator {
            $(
                #[doc = concat!("[`", stringify!($function), "`].")]
                #[serde(rename = $name)]
                $Settings($Settings),
            )*
        }

        impl Generator {
            /// What studies call them.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Draws the data.
            ///
            /// # Errors
            ///
            /// [`DataError::Parameter`] where a setting is out of range.
            pub fn generate(&self, seed: u64) -> Result<Synthetic, DataError> {
                match self {
                    $(Self::$Settings(settings) => $function(settings, seed),)*
                }
            }
        }
    };
}

generators! {
    "linear-teacher": LinearTeacher, linear_teacher;
    "sinusoid": Sinusoid, sinusoid;
    "phase-retrieval": PhaseRetrieval, phase_retrieval;
    "matrix-factorisation": MatrixFactorisation, matrix_factorisation;
    "teacher-student": TeacherStudent, teacher_student;
}

#[cfg(test)]
mod tests;
