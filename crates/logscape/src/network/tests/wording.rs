//! What is written for layers, how it is read, and what is refused.

use super::*;

#[test]
fn initial_weights_have_the_laws_deviation_and_normalisations_change_nothing() {
    let text =
        r#"[{"conv2d": 64, "kernel": 5, "groups": 4}, "batch-norm", {"group-norm": 2}, "flatten", "layer-norm"]"#;
    let network =
        Network::new(&[8, 5, 5], &layers(text), OutputLoss::MeanSquare, vec![0.5; 200], vec![0.0; 64]).unwrap();
    let theta = network.init(Initialisation::He, &mut ChaCha8Rng::seed_from_u64(4));
    // A kernel sees two channels: 50 inputs.
    let weights = &theta[..3200];
    let ratio = weights.iter().map(|w| w * w).sum::<f64>() / (3200.0 * 2.0 / 50.0);
    // The mean square of 3200 normals has a relative deviation of 2.5 %, of which five are allowed.
    assert!((ratio - 1.0).abs() < 0.125, "{ratio}");
    let [zeros, ones] = [0.0, 1.0].map(|x| vec![x; 64]);
    assert_eq!(theta[3200..], [&zeros[..], &ones, &zeros, &ones, &zeros, &ones, &zeros].concat());
}

#[test]
fn layers_that_do_not_fit_are_refused_where_they_stand() {
    let refused = |shape: &[usize], text: &str| words::graph(shape, &layers(text)).unwrap_err().to_string();
    assert_eq!(
        refused(&[1, 4, 4], r#"["tanh", {"linear": 3}]"#),
        "layer 1: `linear` needs a row of numbers and gets an image of 1 × 4 × 4; put `flatten` before it"
    );
    assert_eq!(
        refused(&[1, 4, 4], r#"[{"residual": ["relu", {"conv2d": 3, "kernel": 5}]}]"#),
        "layer 0.1: windows of 5 with stride 1 and padding 0 do not fit an image of 1 × 4 × 4"
    );
    assert_eq!(
        refused(&[1, 4, 4], r#"[{"residual": [{"conv2d": 2, "kernel": 1}]}]"#),
        "layer 0: the block makes an image of 2 × 4 × 4 of an image of 1 × 4 × 4, which cannot be added"
    );
    assert_eq!(
        refused(&[3], r#"[{"conv2d": 2, "kernel": 1}]"#),
        "layer 0: it needs an image and gets 3 numbers; give `input = [channels, height, width]`, or move it before `flatten`"
    );
    assert!(refused(&[3, 4, 4], r#"[{"conv2d": 4, "kernel": 1, "groups": 2}]"#).contains("2 groups do not divide 3"));
    assert!(refused(&[1, 4, 4], r#"[{"max-pool2d": 2, "padding": 2}]"#).contains("more than half"));
    let huge = i64::MAX;
    let most = format!(r#"[{{"conv2d": 1, "kernel": {huge}, "padding": {huge}}}]"#);
    assert!(refused(&[1, 4, 4], &most).contains("are at most 16777216"));
    assert!(refused(&[1, 4, 4], &format!(r#"[{{"conv2d": {huge}, "kernel": 1}}]"#)).contains("make it smaller"));
    assert!(refused(&[1, 999, 999], r#"[{"conv2d": 1, "kernel": 500}]"#).contains("make the kernel smaller"));
    assert!(refused(&[1, 4, 4], r#"[{"conv2d": 4, "kernel": 2, "stride": 0}]"#).contains("do not fit"));
    assert!(refused(&[4], r#"[{"linear": 0}]"#).contains("is 0"));
    assert!(refused(&[4], "[]").contains("there is none"));
    assert!(refused(&[4, 4], r#"["relu"]"#).contains("[features] or"));
    assert!(refused(&[usize::MAX, 2, 2], r#"["relu"]"#).contains("of the shape"));
    assert!(refused(&[1, 9, 9], r#"[{"conv2d": 9999999, "kernel": 1}]"#).contains("make it smaller"));
}

#[test]
fn words_are_read_as_they_are_written() {
    let text = r#"[{"conv2d":4,"kernel":3,"stride":1,"padding":1,"groups":2},"gelu-tanh",{"max-pool2d":2,"stride":2,"padding":0},{"avg-pool2d":2,"stride":1,"padding":0},"batch-norm",{"group-norm":2},{"residual":["relu",{"residual":["layer-norm"]}]},"flatten",{"linear":10}]"#;
    let mut rewritten: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let again = serde_json::to_value(layers(text)).unwrap();
    assert_eq!(again, serde_json::Value::Array(std::mem::take(&mut rewritten)));
    let refused = |text: &str| serde_json::from_str::<LayerWord>(text).unwrap_err().to_string();
    assert!(refused(r#""rleu""#).contains("there is no layer `rleu`; a name alone is one of flatten"));
    assert!(refused(r#"{"conv2d": 3}"#).contains("Add `kernel = 3`"));
    assert!(refused(r#"{"linear": 3, "stride": 1}"#).contains("has no `stride`"));
    assert!(refused(r#"{"linear": 3, "conv2d": 1}"#).contains("a layer is one of"));
}

#[test]
fn targets_that_the_loss_cannot_have_are_refused() {
    let refused = |loss: OutputLoss, targets: &[f64]| {
        Network::new(&[1], &layers(r#"[{"linear": 2}]"#), loss, vec![0.5; 2], targets.to_vec()).unwrap_err().to_string()
    };
    assert!(refused(OutputLoss::CrossEntropy, &[0.0, 1.0, 1.0, 1.0]).contains("sample 1 are no probabilities"));
    assert!(refused(OutputLoss::Logistic, &[0.0, 1.0, -1.0, 1.0]).contains("sample 1 are no probabilities"));
}
