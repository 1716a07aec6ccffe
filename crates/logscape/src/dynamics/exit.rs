//! The part of an escape test that is cheap enough to run after every step.

/// A geometric test of `θ` alone. Lengths must equal `θ`'s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExitTest<'a> {
    /// Nothing is an exit.
    Never,
    /// Outside when some `θ_i < lower_i` or `θ_i > upper_i`.
    Box {
        /// Lower bounds.
        lower: &'a [f64],
        /// Upper bounds.
        upper: &'a [f64],
    },
    /// Outside when `‖θ − centre‖² > radius_squared`.
    Ball {
        /// Centre.
        centre: &'a [f64],
        /// Square of the radius.
        radius_squared: f64,
    },
    /// Outside when `n_k·θ > offset_k` for some `k`.
    HalfSpaces {
        /// Normals `n_k`, one after the other (`K × P`).
        normals: &'a [f64],
        /// Offsets (`K`).
        offsets: &'a [f64],
    },
}

impl ExitTest<'_> {
    /// Whether `theta` lies outside.
    #[inline]
    pub fn is_outside(&self, theta: &[f64]) -> bool {
        match *self {
            Self::Never => false,
            Self::Box { lower, upper } => {
                theta.iter().zip(lower).any(|(x, low)| x < low) || theta.iter().zip(upper).any(|(x, high)| x > high)
            }
            Self::Ball { centre, radius_squared } => {
                theta.iter().zip(centre).map(|(x, c)| (x - c) * (x - c)).sum::<f64>() > radius_squared
            }
            Self::HalfSpaces { normals, offsets } => normals
                .chunks_exact(theta.len())
                .zip(offsets)
                .any(|(normal, &offset)| theta.iter().zip(normal).map(|(x, n)| x * n).sum::<f64>() > offset),
        }
    }
}
