//! What looking at the loss every so many steps does to escape times is measured and said.

use logscape::Stop;
use logscape_study::record::MeasuredRecord;
use logscape_study::summary::summary;
use logscape_study::{Destination, Event, parse, run};

const STUDY: &str = r#"
name = "looks"
seed = 3
[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 200, spectrum = [1.0, 0.3], teacher = [1.0, 1.0], noise = 1.0 }
[sgd]
learning_rate = 0.1
batch_size = 1
[escape]
region = { loss-factor = 2.0 }
method = "direct"
replicas = 64
max_steps = 1_000_000
theories = ["kramers"]
"#;

/// What the study measures with so many steps between looks, and what it says.
fn measured(check_every: u32) -> (MeasuredRecord, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let overrides = [format!("escape.check_every={check_every}")];
    let study = parse("study.toml", STUDY, &overrides).expect("a good study");
    let destination = Destination::new(folder.path().join("record"));
    let (record, _) = run(&study, folder.path(), &destination, &Stop::new(), &|_: &Event| {}).expect("the run ends");
    let said = summary(&record.results);
    let escape = record.results.settings.into_iter().next().and_then(|setting| setting.escape).expect("an escape");
    (escape.measured, said)
}

#[test]
fn the_bias_of_looks_is_the_ratio_to_a_run_without_them() {
    let (seen, said) = measured(1);
    assert!(seen.look_bias.is_none() && !said.contains("looks every"), "{said}");
    let exact = seen.log10_mean_steps.expect("escapes").value;
    let mut before = 0.0;
    for every in [2, 20] {
        let (looked, said) = measured(every);
        let bias = looked.look_bias.expect("looks are apart");
        assert_eq!((bias.check_every, bias.replicas), (u64::from(every), 64));
        let decades = bias.decades.expect("all escape");
        let ratio = looked.log10_mean_steps.expect("escapes").value - exact;
        assert!((decades.value - ratio).abs() < 1e-9 && ratio > before, "{decades:?} {ratio}");
        assert!(decades.ci95[0] > 0.0 && decades.ci95[1] < ratio + 0.5, "{decades:?}");
        assert!(said.contains(&format!("looks every {every} steps make times")), "{said}");
        before = ratio;
    }
}
