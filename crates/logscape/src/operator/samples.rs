//! What passes over the data tell of the samples.

/// Loss, gradient, and the lengths of the samples' gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// `L(θ)`
    pub loss: f64,
    /// `∇L` (`P`)
    pub gradient: Vec<f64>,
    /// `‖g_μ‖²` (`N`)
    pub squares: Vec<f64>,
}

impl Gradients {
    /// Trace of the one-sample noise covariance, `tr C = (1/N) Σ ‖g_μ‖² − ‖∇L‖²` (squared gradient).
    pub fn noise_trace(&self) -> f64 {
        let mean = self.squares.iter().sum::<f64>() / self.squares.len() as f64;
        mean - self.gradient.iter().map(|g| g * g).sum::<f64>()
    }
}

/// How the samples change along a vector `v`.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplesAlong {
    /// Derivatives `J_μ v` of the outputs (`N × c`).
    pub outputs: Vec<f64>,
    /// Derivatives `g_μ·v` of the losses (`N`).
    pub slopes: Vec<f64>,
    /// Second derivatives `vᵀH_μ v` of the losses (`N`).
    pub curvatures: Vec<f64>,
}
