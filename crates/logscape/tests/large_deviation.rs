//! Escape of SGD on linear regression with label noise: the barrier of the chain itself is linear in the loss.

use logscape::data::synthetic::{LinearTeacher, linear_teacher};
use logscape::ensemble::{EscapeRun, Interrupt, Region, rate_estimate};
use logscape::problem::LinearRegression;
use logscape::reference::large_deviation::climbing_momentum;
use logscape::{Sampling, SgdSettings};

/// Inputs and label noise of unit variance.
struct Line {
    x: Vec<f64>,
    y: Vec<f64>,
    minimum: f64,
}

impl Line {
    fn new(samples: usize) -> Self {
        let teacher = LinearTeacher { samples, spectrum: vec![1.0], teacher: vec![0.0], noise: 1.0 };
        let data = linear_teacher(&teacher, 7).unwrap().data;
        let (x, y) = (data.inputs, data.targets);
        let minimum = x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>() / x.iter().map(|x| x * x).sum::<f64>();
        Self { x, y, minimum }
    }

    fn problem(&self) -> LinearRegression {
        LinearRegression::new(self.x.clone(), self.y.clone(), 1).unwrap()
    }

    /// `V = ∫ q dθ` of this data set from the minimum to the distance `radius` on one side (`±1`), by Simpson's rule.
    fn quasi_potential(&self, radius: f64, side: f64) -> f64 {
        let momentum = |distance: f64| {
            let θ = self.minimum + side * distance;
            let slopes: Vec<f64> = self.x.iter().zip(&self.y).map(|(x, y)| x * (x * θ - y)).collect();
            side * climbing_momentum(&slopes).unwrap()
        };
        let cells = 4;
        let weight = |i: i32| if i == 0 || i == cells { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        // At the minimum itself the momentum is 0.
        let sum: f64 = (1..=cells).map(|i| weight(i) * momentum(radius * f64::from(i) / f64::from(cells))).sum();
        sum * radius / f64::from(3 * cells)
    }

    /// Mean escape time in steps over the replicas.
    fn mean_steps(&self, learning_rate: f64, radius: f64, replicas: usize) -> f64 {
        let run = EscapeRun {
            start: vec![self.minimum],
            settings: SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement },
            region: Region::interval(self.minimum - radius, self.minimum + radius),
            replicas,
            max_steps: u64::MAX,
            seed: 5,
        };
        let ends = run.run(&self.problem(), &Interrupt::new(), |_| {}).unwrap();
        let rate = rate_estimate(&ends, 5);
        assert_eq!(rate.escaped, replicas as u64);
        rate.mean_steps.unwrap().value
    }
}

#[test]
fn escape_times_grow_with_the_barrier_of_the_chain() {
    let radius = 0.7;
    let line = Line::new(20_000);
    let (fast, slow) = (0.07, 0.045);
    let (many, few) = (1000, 300);
    let ln_ratio = (line.mean_steps(slow, radius, few) / line.mean_steps(fast, radius, many)).ln();
    // Steps = K η^{−1/2} Σ e^{V/η} over the sides: the well's width goes as √η, the boundary layer, like a step, as η. What is
    // left out is the next order, a relative η/V at each rate.
    let sides = [line.quasi_potential(radius, -1.0), line.quasi_potential(radius, 1.0)];
    let ln_steps = |η: f64, v: [f64; 2]| -(v.map(|v| (-v / η).exp()).iter().sum::<f64>()).ln() - 0.5 * η.ln();
    let growth = |v: [f64; 2]| ln_steps(slow, v) - ln_steps(fast, v);
    let error = (1.0 / f64::from(few as u32) + 1.0 / f64::from(many as u32)).sqrt();
    let tolerance = 4.0 * error + fast / sides[0].min(sides[1]);
    let linear = radius * radius;
    // V of the decoupled SDE, C = 2L, and of the SDE with the true covariance C = 1 + 2δ² of Gaussian inputs.
    let decoupled = (1.0 + linear).ln();
    let measured = 0.5 * (1.0 + 2.0 * linear).ln();
    println!("V {sides:.4?}, unlimited data {linear:.4}; ln ratio {ln_ratio:.3} ± {error:.3}");
    println!("chain {:.3}, unlimited {:.3}", growth(sides), growth([linear; 2]));
    println!("decoupled {:.3}, true covariance {:.3}", growth([decoupled; 2]), growth([measured; 2]));
    assert!((ln_ratio - growth(sides)).abs() < tolerance, "{ln_ratio} {} {tolerance}", growth(sides));
    for rival in [decoupled, measured] {
        assert!((ln_ratio - growth([rival; 2])).abs() > tolerance, "{ln_ratio} {}", growth([rival; 2]));
    }
}
