//! How often a network is right.

use super::{Network, OutputLoss};
use crate::operator::full::map_chunks;
use crate::problem::{Problem, Samples};

/// The share of the samples whose class has the largest output, where the targets are classes: one of several is 1 and the others are
/// 0; or, of a single output with the logistic loss, each is 0 or 1, and an output above zero says 1.
pub(super) fn accuracy(network: &Network, theta: &[f64]) -> Option<f64> {
    let c = network.outputs();
    let single = c == 1 && network.output_loss() == OutputLoss::Logistic;
    let is_class = |row: &[f64]| {
        let ones = row.iter().filter(|&&y| y == 1.0).count();
        row.iter().all(|&y| y == 0.0 || y == 1.0) && (single || c > 1 && ones == 1)
    };
    let [_, targets] = network.data();
    if !targets.chunks_exact(c).all(is_class) {
        return None;
    }
    let right = map_chunks(network, 1, |range, right, scratch| {
        network.for_blocks(theta, &Samples::Range(range.clone()), scratch, |mut pass, first| {
            pass.forward(false);
            let targets = targets[(range.start + first) * c..].chunks_exact(c);
            for ((outputs, targets), right) in pass.outputs().chunks_exact(c).zip(targets).zip(&mut right[first..]) {
                *right = f64::from(u8::from(if single {
                    (outputs[0] > 0.0) == (targets[0] == 1.0)
                } else {
                    // A class that shares the largest output is not told from the other.
                    let own: f64 = outputs.iter().zip(targets).map(|(f, y)| f * y).sum();
                    outputs.iter().zip(targets).all(|(f, y)| *y == 1.0 || *f < own)
                }));
            }
        });
    });
    Some(right.iter().sum::<f64>() / right.len() as f64)
}
