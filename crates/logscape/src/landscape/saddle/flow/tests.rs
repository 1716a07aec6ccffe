//! Flow lines against fourth-order Runge–Kutta.

use super::*;
use crate::Stop;
use crate::data::synthetic::{TeacherStudent, teacher_student};
use crate::network::{Activation, Initialisation};
use crate::operator::testing::Linear;
use crate::problem::Mlp;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The line of `dθ/dt = −∇L` from `start` until the loss is below `lowest`, by steps of duration `h`.
fn runge_kutta(problem: &Mlp, start: &[f64], h: f64, lowest: f64) -> Vec<Vec<f64>> {
    let velocity = |theta: &[f64], k: &[f64], share: f64| {
        let mut at = theta.to_vec();
        axpy(share * h, k, &mut at);
        loss_and_gradient(problem, &at).1.iter().map(|g| -g).collect::<Vec<f64>>()
    };
    let mut line = vec![start.to_vec()];
    while loss(problem, &line[line.len() - 1]) > lowest {
        let theta = &line[line.len() - 1];
        let k1 = velocity(theta, theta, 0.0);
        let k2 = velocity(theta, &k1, 0.5);
        let k3 = velocity(theta, &k2, 0.5);
        let k4 = velocity(theta, &k3, 1.0);
        let mut next = theta.clone();
        for (k, weight) in [(k1, 1.0), (k2, 2.0), (k3, 2.0), (k4, 1.0)] {
            axpy(weight * h / 6.0, &k, &mut next);
        }
        line.push(next);
    }
    line
}

/// Farthest distance of a point of `line` from the nearest of `exact`, as a share of the line's length.
fn apart(line: &[Vec<f64>], exact: &[Vec<f64>]) -> f64 {
    let from_line = |point: &Vec<f64>| exact.iter().map(|on| distance(on, point)).fold(f64::INFINITY, f64::min);
    let length: f64 = line.windows(2).map(|pair| distance(&pair[0], &pair[1])).sum();
    line.iter().map(from_line).fold(0.0, f64::max) / length
}

#[test]
fn steps_in_the_whole_basis_and_in_a_krylov_space_stay_on_the_flow_line() {
    let settings = TeacherStudent { samples: 300, input_dim: 6, hidden: 7, target_dim: 6, gain: 2.0, noise: 0.5 };
    let data = teacher_student(&settings, 3).unwrap().data;
    let problem = Mlp::new(&[6, 6, 6], Activation::Tanh, data.inputs, data.targets).unwrap();
    let start = problem.init(Initialisation::Lecun, &mut ChaCha8Rng::seed_from_u64(3));
    for dense_up_to in [84, 0] {
        let model = ModelConfig { dense_up_to, krylov: 8 };
        let config = FlowConfig { gradient_tolerance: 0.0, max_step: 0.5, error: 0.02, model };
        let mut line = Flow::from(start.clone());
        follow(&problem, &mut line, 60, &config, &Stop::new()).unwrap();
        let top =
            LocalModel::at(&problem, &start, &[], ModelConfig { dense_up_to: 84, krylov: 1 }, &Stop::new()).unwrap();
        let lowest = loss(&problem, line.end());
        let exact = runge_kutta(&problem, &start, 0.1 / top.scale(), lowest);
        let apart = apart(&line.points, &exact);
        assert!(apart < config.error, "{apart}");
    }
}

#[test]
fn a_krylov_space_does_not_hide_soft_directions() {
    // H = diag(10^0 … 10^−5), from (1, …, 1): θ_j = e^{−h_j t}. The model is exact in its space of 8 of the 40 dimensions.
    let curvatures: Vec<f64> = (0..40).map(|j| 10.0_f64.powf(-5.0 * f64::from(j) / 39.0)).collect();
    let row = |j: usize| (0..40).map(|k| if k == j { (40.0 * curvatures[j]).sqrt() } else { 0.0 }).collect();
    let problem = Linear { x: (0..40).map(row).collect(), y: vec![0.0; 40] };
    let model = ModelConfig { dense_up_to: 0, krylov: 8 };
    let config = FlowConfig { gradient_tolerance: 0.0, max_step: 1.0, error: 0.002, model };
    let mut line = Flow::from(vec![1.0; 40]);
    follow(&problem, &mut line, 180, &config, &Stop::new()).unwrap();
    let at = |t: f64| curvatures.iter().map(|h| (-h * t).exp()).collect();
    let exact: Vec<Vec<f64>> = (0..10_000).map(|k| at(10.0_f64.powf(-2.0 + 1e-3 * f64::from(k)))).collect();
    let apart = apart(&line.points, &exact);
    assert!(apart < config.error && norm(line.end()) < 0.5 * norm(&line.points[0]), "{apart} {:?}", line.end());
}
