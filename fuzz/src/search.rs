//! Trying inputs one after the other, and making one at which a reader fails smaller.

use crate::case::tree;
use crate::input::Input;
use crate::judge::{Failure, judge};
use crate::target::Target;
use proptest::strategy::ValueTree;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time that is spent on making an input smaller.
const PATIENCE: Duration = Duration::from_secs(30);

/// Inputs tried, and how many of them the reader took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tried: u64,
    pub(crate) taken: u64,
}

/// An input at which a reader fails.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) number: u64,
    pub(crate) input: Input,
    pub(crate) failure: Failure,
}

/// Tries the inputs of these numbers in `folder`, telling each number and the count before it is tried, until one fails or whoever is
/// told says that it is enough.
pub(crate) fn search(
    target: &Target,
    seed: u64,
    numbers: impl Iterator<Item = u64>,
    folder: &Path,
    mut tell: impl FnMut(u64, Count) -> ControlFlow<()>,
) -> Result<Count, Box<Found>> {
    let good = (target.good)();
    let mut count = Count::default();
    for number in numbers {
        if tell(number, count).is_break() {
            break;
        }
        let input = tree(target, seed, number).current().input(target, &good);
        match judge(target, &input, folder) {
            Ok(taken) => count.taken += u64::from(taken),
            Err(failure) => {
                let (input, failure) = smaller(target, (seed, number), &good, folder, (input, failure));
                return Err(Box::new(Found { number, input, failure }));
            }
        }
        count.tried += 1;
    }
    Ok(count)
}

/// The input of that number, as it is.
pub(crate) fn input(target: &Target, seed: u64, number: u64) -> Input {
    tree(target, seed, number).current().input(target, &(target.good)())
}

/// The same failure at fewer or simpler edits.
fn smaller(
    target: &Target,
    (seed, number): (u64, u64),
    good: &[Input],
    folder: &Path,
    mut found: (Input, Failure),
) -> (Input, Failure) {
    let begun = Instant::now();
    let mut tree = tree(target, seed, number);
    let mut changed = tree.simplify();
    while changed && begun.elapsed() < PATIENCE {
        let input = tree.current().input(target, good);
        changed = match judge(target, &input, folder) {
            Err(failure) if failure.kind == found.1.kind => {
                found = (input, failure);
                tree.simplify()
            }
            _ => tree.complicate(),
        };
    }
    found
}
