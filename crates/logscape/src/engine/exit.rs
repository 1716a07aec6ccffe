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
    /// Outside when `‖θ − c‖² > r²`, with a ball for each lane: what lanes without a replica have is not looked at.
    Balls {
        /// Centres `c`, coordinate by coordinate (`P × lanes`).
        centres: &'a [f64],
        /// Squares `r²` of the radii (as many as there are lanes).
        radii_squared: &'a [f64],
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
    /// Whether every coordinate of a point inside is below `limit` in absolute value.
    #[inline(always)]
    pub fn is_bounded(&self, limit: f64) -> bool {
        let below = |bound: &f64| bound.abs() < limit;
        match *self {
            Self::Box { lower, upper } => lower.iter().all(below) && upper.iter().all(below),
            Self::Ball { centre, radius_squared } => {
                // Half for the centre, half for the radius.
                radius_squared < 0.25 * limit * limit && centre.iter().all(|c| c.abs() < 0.5 * limit)
            }
            Self::Balls { centres, radii_squared } => {
                radii_squared.iter().all(|square| *square < 0.25 * limit * limit)
                    && centres.iter().all(|c| c.abs() < 0.5 * limit)
            }
            Self::Never | Self::HalfSpaces { .. } => false,
        }
    }

    /// Whether `theta`, of the replica in a lane, lies outside.
    #[inline]
    pub fn is_outside(&self, theta: &[f64], lane: usize) -> bool {
        match *self {
            Self::Never => false,
            Self::Box { lower, upper } => {
                theta.iter().zip(lower).any(|(x, low)| x < low) || theta.iter().zip(upper).any(|(x, high)| x > high)
            }
            Self::Ball { centre, radius_squared } => {
                theta.iter().zip(centre).map(|(x, c)| (x - c) * (x - c)).sum::<f64>() > radius_squared
            }
            Self::Balls { centres, radii_squared } => {
                let lanes = radii_squared.len();
                let centre = centres.chunks_exact(lanes).map(|row| row[lane]);
                theta.iter().zip(centre).map(|(x, c)| (x - c) * (x - c)).sum::<f64>() > radii_squared[lane]
            }
            Self::HalfSpaces { normals, offsets } => normals
                .chunks_exact(theta.len())
                .zip(offsets)
                .any(|(normal, &offset)| theta.iter().zip(normal).map(|(x, n)| x * n).sum::<f64>() > offset),
        }
    }
}
