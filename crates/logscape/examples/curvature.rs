//! Curvature and gradient noise at the minimum of a network on handwritten digits.

use logscape::data::digits;
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::network::{Activation, Initialisation};
use logscape::problem::Mlp;
use logscape::random::{Purpose, stream};
use logscape::{Estimate, Stop};

/// Prints what is measured.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = digits()?.take(300)?;
    let problem = Mlp::new(&[64, 4, 10], Activation::Tanh, data.inputs, data.targets)?;
    let start = problem.init(Initialisation::Lecun, &mut stream(7, Purpose::Start, 0));
    let stop = Stop::new();
    let config = MinimumConfig { gradient_tolerance: 1e-4, max_iterations: 500, ..MinimumConfig::default() };
    let minimum = find_minimum(&problem, &start, &config, &stop)?;
    let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &stop)?;

    let interval = |x: &Estimate| format!("{:.3} [{:.3}, {:.3}]", x.value, x.ci95[0], x.ci95[1]);
    println!("loss {:.4}, gradient norm {:.1e}, found by {}", minimum.loss, minimum.gradient_norm, minimum.method);
    println!("{} outliers of {} eigenvalues", geometry.outliers.count, geometry.eigenvalues.len());
    println!("their typical curvature h* = {}", interval(&geometry.outliers.h_star));
    if let (Some(strength), Some(decoupling)) = (&geometry.noise_strength, &geometry.decoupling) {
        println!("noise strength s = {}", interval(strength));
        println!("tr C / (2 L tr H) = {:.4}", decoupling.trace_ratio_hessian);
        println!("tr C ~ L^γ, γ = {}", interval(&decoupling.scaling_exponent));
    }
    Ok(())
}
