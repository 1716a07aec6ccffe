//! NIST's nonlinear reference sets, as studies on a problem of one's own.

use logscape::{Problem, Stop};
use logscape_study::{Destination, Event, parse_for_own_problem, run_with};

#[path = "../../../logscape/tests/library/strd/models.rs"]
mod models;
#[path = "../../../logscape/tests/library/strd/sets.rs"]
mod sets;

const STUDY: &str = "name = \"set\"\n[sgd]\nlearning_rate = 1e-6\nbatch_size = 1\n";

/// The record's minimum from both starts: the certified values, of eleven digits, to six, and no direction that curves down. The residual of
/// Bennett5 has twelve digits where its parameters have 5.96, beyond which the loss does not change.
#[test]
fn records_hold_the_certified_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = parse_for_own_problem("set", STUDY, &[]).expect("a study");
    let mut missed = Vec::new();
    for (name, head, data) in sets::sets(include_str!("../../../logscape/tests/library/strd/nonlinear.txt"), 4) {
        let (targets, inputs) = data.iter().map(|&[y, x]| (y, x)).unzip();
        let model = models::Model { name, parameters: head[0].len(), inputs, targets };
        for (number, start) in (1..).zip(&head[..2]) {
            let place = Destination::new(folder.path().join(format!("{name}-{number}")));
            let run = run_with(&model, start, &study, &place, &Stop::new(), &|_: &Event| {});
            let (record, _) = match run {
                Ok(record) => record,
                Err(error) => {
                    missed.push(format!("{name}, start {number}: {error}"));
                    continue;
                }
            };
            let minimum = &record.results.minimum;
            let theta = minimum.theta.as_ref().expect("parameters");
            let residual = 2.0 * model.samples() as f64 * minimum.loss;
            let reached = sets::digits(theta, &head[2]).min(sets::digits(&[residual], &head[3]));
            let least = if name == "Bennett5" { 5.9 } else { 6.0 };
            if reached < least || !minimum.converged || minimum.index != 0 {
                missed.push(format!("{name}, start {number}: {reached:.2} digits, index {}", minimum.index));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
