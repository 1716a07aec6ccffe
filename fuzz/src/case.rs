//! One input of a target, made from its number: a good one, spoilt.

use crate::edit::{Edit, edits};
use crate::input::Input;
use crate::target::Target;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How an input is made.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    good: Index,
    before: Vec<Edit>,
    after: Vec<Edit>,
}

impl Case {
    /// The input: a good one, spoilt before and after it is packed.
    pub(crate) fn input(&self, target: &Target, good: &[Input]) -> Input {
        let mut input = self.good.get(good).clone();
        self.before.iter().for_each(|edit| edit.apply(&mut input, good));
        if let Some(pack) = target.pack {
            pack(&mut input);
        }
        self.after.iter().for_each(|edit| edit.apply(&mut input, good));
        input
    }
}

/// The case of that number. Target, seed and number say all of it.
///
/// # Panics
/// Never: the strategy rejects nothing.
pub(crate) fn tree(target: &Target, seed: u64, number: u64) -> impl ValueTree<Value = Case> {
    let mut bytes = [0; 32];
    for (k, byte) in target.name.bytes().take(16).enumerate() {
        bytes[k] = byte;
    }
    bytes[16..24].copy_from_slice(&seed.to_le_bytes());
    bytes[24..].copy_from_slice(&number.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let after = if target.pack.is_some() { 2 } else { 0 };
    let case = (any::<Index>(), edits(4), edits(after)).prop_map(|(good, before, after)| Case { good, before, after });
    case.new_tree(&mut runner).expect("a strategy without filters")
}
