//! The stationary law `P(θ) ∝ L^−φ` of SGD on linear regression: predicted, and fitted to what an ensemble sees.

use logscape::ensemble::StationaryRun;
use logscape::ensemble::observable::{self, ExcessLoss, Surroundings};
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::problem::LinearRegression;
use logscape::random::{Purpose, stream};
use logscape::stats::{Histogram, loss_law};
use logscape::theory::Stationary;
use logscape::{Sampling, SgdSettings, Stop};
use rand_distr::{Distribution, StandardNormal};

/// Prints both exponents.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = stream(7, Purpose::Start, 0);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let x: Vec<f64> = (0..1000).map(|_| normal()).collect();
    let y = x.chunks(2).map(|x| x[0] - 0.5 * x[1] + normal()).collect();
    let problem = LinearRegression::new(x, y, 2)?;
    let stop = Stop::new();
    let minimum = find_minimum(&problem, &[0.0, 0.0], &MinimumConfig::default(), &stop)?;
    let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &stop)?;

    let sgd = SgdSettings { learning_rate: 0.2, batch_size: 1, sampling: Sampling::WithReplacement };
    let around = Surroundings {
        minimum: &minimum.theta,
        loss: minimum.loss,
        curvature: geometry.outliers.h_star.value,
        directions: &geometry.vectors,
        bins: 240,
    };
    let run = StationaryRun {
        start: minimum.theta.clone(),
        replicas: 64,
        groups: 16,
        burn_in: 1_000,
        samples: 2_000,
        thin: 10,
        observables: observable::all(&around)?,
        moments: false,
        seed: 7,
    };
    let groups = run.run_sgd(&problem, sgd, &stop)?;
    let losses: Vec<Histogram> = groups.iter().filter_map(|group| group.histogram(ExcessLoss::NAME).cloned()).collect();
    let fit = loss_law(&losses, geometry.outliers.count as f64, minimum.loss)?;
    let law = Stationary::predict(&geometry, &sgd);
    let known = |phi: Option<f64>| phi.map_or("none".to_owned(), |phi| format!("{phi:.2}"));
    println!("φ published {}, with measured noise {}", known(law.phi), known(law.phi_measured));
    let phi = fit.exponent;
    println!(
        "φ measured {:.2} [{:.2}, {:.2}], distance of the laws {:.3}",
        phi.value, phi.ci95[0], phi.ci95[1], fit.distance
    );
    Ok(())
}
