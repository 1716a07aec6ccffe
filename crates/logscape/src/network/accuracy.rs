//! Targets that are classes, and how often a network is right.

use super::{Network, OutputLoss};
use crate::operator::full::map_chunks;
use crate::problem::{Problem, Samples};

/// The class of each sample (`N`), where the targets are classes: one of several is 1 and the others are 0; or, of a single output
/// with the logistic loss, each is 0 or 1.
pub(super) fn classes(network: &Network) -> Option<Vec<usize>> {
    let c = network.outputs();
    let single = c == 1 && network.loss == OutputLoss::Logistic;
    let class_of = |row: &[f64]| {
        let mut ones = (0..c).filter(|&k| row[k] == 1.0);
        let class = ones.next();
        let sound = row.iter().all(|&y| y == 0.0 || y == 1.0) && ones.next().is_none();
        if single { sound.then(|| usize::from(class.is_some())) } else { class.filter(|_| sound && c > 1) }
    };
    let [_, targets] = network.data();
    targets.chunks_exact(c).map(class_of).collect()
}

/// The share of the samples whose class has the largest output, where the targets are classes; a single output above zero says 1.
pub(super) fn accuracy(network: &Network, theta: &[f64]) -> Option<f64> {
    let (c, classes) = (network.outputs(), classes(network)?);
    let right = map_chunks(network, 1, |range, right, scratch| {
        network.for_blocks(theta, &Samples::Range(range.clone()), scratch, |mut pass, first| {
            pass.forward(false);
            let classes = &classes[range.start + first..];
            for ((outputs, &class), right) in pass.outputs().chunks_exact(c).zip(classes).zip(&mut right[first..]) {
                *right = f64::from(u8::from(if c == 1 {
                    (outputs[0] > 0.0) == (class == 1)
                } else {
                    // A class that shares the largest output is not told from the other.
                    (0..c).all(|k| k == class || outputs[k] < outputs[class])
                }));
            }
        });
    });
    Some(right.iter().sum::<f64>() / right.len() as f64)
}
