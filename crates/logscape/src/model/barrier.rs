//! What stands between a minimum and the event called escape.

use super::prefactor::Prefactor;
use serde::{Deserialize, Serialize};

/// The loss along a one-dimensional path through the minimum, sampled finely enough for quadrature.
///
/// All vectors have one entry per node; `position` increases. `gradient`, `noise` and `sample_slopes` are
/// projected on the path's unit tangent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Arc length, with the minimum inside the interval.
    pub position: Vec<f64>,
    /// Loss `L`.
    pub loss: Vec<f64>,
    /// Slope `dL/ds`.
    pub gradient: Vec<f64>,
    /// Curvature `d²L/ds²`.
    pub curvature: Vec<f64>,
    /// One-sample noise variance `C` along the path.
    pub noise: Vec<f64>,
    /// Per-sample slopes `g_μ`, `sample_slopes[node][μ]`, for the large deviations of the chain.
    pub sample_slopes: Vec<Vec<f64>>,
    /// Position of the minimum.
    pub minimum: f64,
    /// Quasi-potential `V_1` of the minibatch chain at the two ends of the barrier, the lower first, for batches of one sample drawn
    /// with replacement: batches of `B` have `B` times that, and `ln(steps) ≈ B V_1/η` as `η → 0`. Null at an end to which no batch
    /// leads, because every sample pushes back somewhere on the way. Empty where it was not computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quasi_potential: Vec<Option<f64>>,
}

/// A saddle (in one dimension a barrier top) that leads out of the basin.
///
/// The escape direction `e` at the saddle is the eigenvector of its negative eigenvalue. At the minimum it is the direction
/// in which the minimum-energy path leaves: the unit vector to where the path has risen by a tenth of the barrier. (In the
/// limit of no rise every such path leaves along the softest direction, whatever the barrier, which says nothing of it.)
/// Whatever `e` is, `curvature_minimum` and `ln_transverse_ratio` together give the ratio of determinants in Langer's rate:
/// `√(h_e*|h_e^s|) Π_⊥ √(h_i*/h_i^s) = |h_e^s| √(det H* / |det H^s|)`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WayOut {
    /// Where it is.
    pub theta: Vec<f64>,
    /// Loss `L^s` there.
    pub loss: f64,
    /// Curvature `h_e* = eᵀH*e > 0` of the minimum along the escape direction.
    pub curvature_minimum: f64,
    /// Curvature `h_e^s < 0` of the saddle along `e`.
    pub curvature_saddle: f64,
    /// `½ Σ_⊥ ln(h_i*/h_i^s)` over the transverse directions, `½ [ln det H* − ln h_e* − ln Π_⊥ h_i^s]`; 0 in one dimension.
    /// Directions that are flat at both ends are left out of both products, and with them the volumes of their orbits.
    /// None where the problem is too large for its determinants, or the two ends have unequal numbers of flat directions.
    pub ln_transverse_ratio: Option<f64>,
    /// One-sample noise `C_e*` along `e` at the minimum.
    pub noise_minimum: f64,
    /// One-sample noise `C_e^s` along `e` at the saddle.
    pub noise_saddle: f64,
    /// Unit vector `e` at the saddle, out of the basin (`P`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direction: Vec<f64>,
    /// Unit vector `e` at the minimum, out of the basin (`P`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direction_minimum: Vec<f64>,
    /// The minimum on the other side (`P`); empty in one dimension, where nothing has looked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_minimum: Vec<f64>,
    /// The landscape along the minimum-energy path over this saddle to the other minimum, in several dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// The nodes of that path (`P` each).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Vec<f64>>,
    /// How the chain climbs to this saddle in all dimensions, or why that is not known. None where nothing has looked for it:
    /// in one dimension, where the path says all, and where the problem is too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instanton: Option<Result<Instanton, String>>,
}

/// The path along which the minibatch chain climbs to a saddle, as `η → 0`, for batches of one sample drawn with replacement.
/// Batches of `B` take the same path, with `B` times the momenta and quasi-potential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instanton {
    /// Quasi-potential `V_1` of the saddle over the minimum: `ln(steps) ≈ B V_1/η`.
    pub quasi_potential: f64,
    /// Estimate of its error, from two grids and from what was added to noise that is singular.
    pub error: f64,
    /// The factor before the exponent for batches of one, of which those of `B` have `B` times the part of discrete time; or why
    /// it is not known.
    pub prefactor: Result<Prefactor, String>,
    /// Nodes, from the minimum to the saddle (`P` each).
    pub points: Vec<Vec<f64>>,
    /// Momenta `∇V_1` halfway between the nodes (`P` each).
    pub momenta: Vec<Vec<f64>>,
}

impl WayOut {
    /// Standard deviation `σ = √(ηC_e^s/(2B|h_e^s|))` of the walk at the saddle along `e`, for batches whose one-step covariance
    /// is `C/B`: at a distance `x` beyond the saddle the linearised walk is committed, that is, comes not back to the basin's side
    /// before it is far away on the other, with probability `½ erfc(−x/(√2σ))`.
    pub fn walk_deviation(&self, learning_rate: f64, batch: f64) -> f64 {
        (learning_rate * self.noise_saddle / (2.0 * batch * -self.curvature_saddle)).sqrt()
    }
}

/// The event called escape, as a theory sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Barrier {
    /// Escape through saddles; `path` is present where the problem is one-dimensional and spans both barrier tops.
    Saddles {
        /// The ways out; rates add up over them.
        ways_out: Vec<WayOut>,
        /// The landscape between the barrier tops, in one dimension.
        path: Option<Path>,
    },
    /// Escape from a one-dimensional interval whose ends are no barrier tops; the path spans the interval.
    Interval {
        /// The landscape between the ends. It extends beyond `lower` and `upper` by the overshoot margin.
        path: Path,
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// An event that no formula knows, such as the walls of a box in several dimensions.
    Other {
        /// Why, for the warning of each prediction.
        reason: String,
    },
    /// Escape through a loss level `L_c` of a basin taken as quadratic, in any dimension.
    Level {
        /// `L_c`, above the minimum's loss.
        loss: f64,
    },
}
