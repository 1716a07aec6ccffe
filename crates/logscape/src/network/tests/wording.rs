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
fn layers_without_biases_and_scales_have_weights_alone() {
    let text = r#"[{"conv2d": 4, "kernel": [2, 3], "bias": false}, {"batch-norm": true, "scale": false}, "flatten",
        {"layer-norm": true, "scale": false}, {"linear": 3, "bias": false}]"#;
    let network = Network::new(&[2, 3, 4], &layers(text), OutputLoss::MeanSquare, vec![0.5; 24], vec![0.0; 3]).unwrap();
    let names = [("0.weight".to_owned(), 0..48), ("4.weight".to_owned(), 48..96)];
    assert_eq!((network.dim(), network.parameter_names()), (96, names.to_vec()));
    let theta = network.init(Initialisation::He, &mut ChaCha8Rng::seed_from_u64(5));
    assert!(theta.iter().all(|&weight| weight != 0.0 && weight != 1.0), "{theta:?}");
    let shapes: Vec<_> = network.tensors(&theta).into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
    let expected = [
        ("0.weight", vec![4, 2, 2, 3]),
        ("1.running_mean", vec![4]),
        ("1.running_var", vec![4]),
        ("4.weight", vec![3, 16]),
    ];
    assert_eq!(shapes, expected.map(|(name, shape)| (name.to_owned(), shape)));
}

#[test]
fn layers_that_do_not_fit_are_refused_where_they_stand() {
    let refused = |shape: &[usize], text: &str| builder::graph(shape, &layers(text)).unwrap_err().to_string();
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
        "layer 0: `residual` makes an image of 2 × 4 × 4 of an image of 1 × 4 × 4, which cannot be added; add `shortcut = [...]` with layers that do so too"
    );
    assert_eq!(
        refused(
            &[1, 4, 4],
            r#"["relu", {"residual": [{"conv2d": 2, "kernel": 2}], "shortcut": [{"conv2d": 2, "kernel": 1, "stride": 2}]}]"#
        ),
        "layer 1: `residual` makes an image of 2 × 3 × 3 of an image of 1 × 4 × 4, and `shortcut` an image of 2 × 2 × 2; let both make the same"
    );
    assert_eq!(
        refused(&[3], r#"[{"residual": [{"linear": 2}], "shortcut": [{"linear": 2}, {"conv2d": 2, "kernel": 1}]}]"#),
        "layer 0.shortcut.1: it needs an image and gets 2 numbers; give `input = [channels, height, width]`, or move it before `flatten`"
    );
    assert_eq!(
        refused(&[3], r#"[{"residual": [], "shortcut": [{"linear": 3}]}]"#),
        "layer 0: `residual` has no layers that compute; add one, as { linear = 10 }"
    );
    assert_eq!(
        refused(&[3], r#"[{"conv2d": 2, "kernel": 1}]"#),
        "layer 0: it needs an image and gets 3 numbers; give `input = [channels, height, width]`, or move it before `flatten`"
    );
    assert!(refused(&[3, 4, 4], r#"[{"conv2d": 4, "kernel": 1, "groups": 2}]"#).contains("2 groups do not divide 3"));
    assert!(refused(&[1, 4, 4], r#"[{"max-pool2d": 2, "padding": 2}]"#).contains("more than half"));
    for padding in ["[0, 2]", "[2, 0]"] {
        let text = format!(r#"[{{"avg-pool2d": [3, 3], "padding": {padding}}}]"#);
        assert!(refused(&[1, 4, 4], &text).contains("more than half of the window 3"), "{padding}");
    }
    assert_eq!(
        refused(&[1, 4, 4], r#"["relu", {"conv2d": 1, "kernel": [2, 5], "stride": [1, 2]}]"#),
        "layer 1: windows of 2 × 5 with stride 1 × 2 and padding 0 do not fit an image of 1 × 4 × 4"
    );
    // Three numbers, two apart, are as long as five.
    assert_eq!(
        refused(&[1, 4, 5], r#"[{"conv2d": 1, "kernel": 3, "dilation": 2}]"#),
        "layer 0: windows of 3 with dilation 2, stride 1 and padding 0 do not fit an image of 1 × 4 × 5"
    );
    assert!(builder::graph(&[1, 5, 5], &layers(r#"[{"conv2d": 1, "kernel": 3, "dilation": 2}]"#)).is_ok());
    // A window that begins in the image is one where the next would be beyond.
    let outputs = |text: &str| builder::graph(&[1, 5, 5], &layers(text)).unwrap().outputs();
    assert_eq!(outputs(r#"[{"max-pool2d": 2}]"#), 4);
    assert_eq!(outputs(r#"[{"max-pool2d": 2, "ceil_mode": true}]"#), 9);
    assert_eq!(outputs(r#"[{"max-pool2d": 2, "stride": 3, "padding": [1, 0], "ceil_mode": true}]"#), 4);
    assert!(refused(&[1, 4, 4], r#"[{"max-pool2d": 6, "stride": 2, "ceil_mode": true}]"#).contains("do not fit"));
    assert!(refused(&[1, 4, 4], r#"[{"conv2d": 1, "kernel": 1, "dilation": 0}]"#).contains("do not fit"));
    for word in [r#"{"layer-norm": true, "epsilon": 0}"#, r#"{"batch-norm": true, "epsilon": -1e-5}"#] {
        let told = refused(&[3], &format!(r#"["tanh", {word}]"#));
        assert!(told.starts_with("layer 1: `epsilon` is ") && told.ends_with("use more than 0, as 1e-5"), "{told}");
    }
    let infinite = LayerWord::LeakyRelu { slope: f64::INFINITY };
    assert!(builder::graph(&[3], &[infinite]).unwrap_err().to_string().contains("layer 0: the slope is inf"));
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
    let text = r#"[{"conv2d":4,"kernel":3,"stride":1,"padding":1,"groups":2},"gelu-tanh",{"max-pool2d":2,"stride":2,"padding":0},{"avg-pool2d":2,"stride":1,"padding":0},"batch-norm",{"group-norm":2},{"residual":["relu",{"residual":["layer-norm"]}]},{"residual":["relu"],"shortcut":["batch-norm"]},"flatten",{"linear":10}]"#;
    assert_eq!(serde_json::to_string(&layers(text)).unwrap(), text);
    // What has its usual value is left out.
    let text = r#"[{"conv2d":4,"kernel":[3,1],"stride":[1,2],"padding":[1,0],"dilation":[2,1],"groups":1,"bias":false},{"max-pool2d":[2,3],"stride":[2,3],"padding":0},{"avg-pool2d":2,"stride":1,"padding":1,"count_include_pad":false},{"batch-norm":true,"epsilon":0.001},{"group-norm":2,"epsilon":1e-6,"scale":false},{"residual":[{"leaky-relu":0.2}]},{"layer-norm":true,"scale":false},{"group-norm":2,"bias":false,"epsilon":0.1},{"avg-pool2d":2,"stride":1,"padding":1,"ceil_mode":true},{"max-pool2d":3,"stride":3,"padding":0,"ceil_mode":true},"flatten",{"linear":10,"bias":false}]"#;
    assert_eq!(serde_json::to_string(&layers(text)).unwrap(), text);
    for (usual, short) in [
        (r#"{"linear": 3, "bias": true}"#, r#"{"linear":3}"#),
        (r#"{"residual": ["relu"], "shortcut": []}"#, r#"{"residual":["relu"]}"#),
        (r#"{"layer-norm": true}"#, r#""layer-norm""#),
        (r#"{"batch-norm": true, "epsilon": 1e-5, "scale": true}"#, r#""batch-norm""#),
        (r#"{"group-norm": 2, "epsilon": 0.00001}"#, r#"{"group-norm":2}"#),
        (r#"{"leaky-relu": 0.01}"#, r#""leaky-relu""#),
        (r#"{"layer-norm": true, "bias": true}"#, r#""layer-norm""#),
        (r#"{"batch-norm": true, "scale": false, "bias": false}"#, r#"{"batch-norm":true,"scale":false}"#),
        (r#"{"max-pool2d": 2, "ceil_mode": false}"#, r#"{"max-pool2d":2,"stride":2,"padding":0}"#),
        (r#"{"max-pool2d": [2, 2]}"#, r#"{"max-pool2d":2,"stride":2,"padding":0}"#),
        (r#"{"avg-pool2d": 2, "count_include_pad": true}"#, r#"{"avg-pool2d":2,"stride":2,"padding":0}"#),
        (
            r#"{"conv2d": 1, "kernel": [3, 3], "dilation": 1}"#,
            r#"{"conv2d":1,"kernel":3,"stride":1,"padding":0,"groups":1}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&layers(&format!("[{usual}]"))).unwrap(), format!("[{short}]"));
    }
    let refused = |text: &str| serde_json::from_str::<LayerWord>(text).unwrap_err().to_string();
    assert!(refused(r#""rleu""#).contains("there is no layer `rleu`; a name alone is one of flatten"));
    assert!(refused(r#"{"conv2d": 3}"#).contains("Add `kernel = 3`"));
    assert!(refused(r#"{"linear": 3, "stride": 1}"#).contains("has no `stride`"));
    assert!(refused(r#"{"linear": 3, "conv2d": 1}"#).contains("a layer is one of"));
    assert!(refused(r#"{"max-pool2d": 3, "dilation": 2, "bias": false}"#).contains("has no `bias`"));
    assert!(refused(r#"{"linear": 3, "count_include_pad": true}"#).contains("has no `count_include_pad`"));
    assert!(refused(r#"{"linear": 3, "shortcut": []}"#).contains("has no `shortcut`"));
    assert!(refused(r#"{"shortcut": ["relu"]}"#).contains("or { residual = [...], shortcut = [...] }"));
    assert!(refused(r#"{"conv2d": 3, "kernel": 2, "ceil_mode": true}"#).contains("has no `ceil_mode`"));
    assert!(refused(r#"{"batch-norm": true, "scale": false, "bias": true}"#).contains("leave out `scale = false`"));
    assert!(refused(r#"{"layer-norm": false}"#).contains("`layer-norm = false` is no layer; leave it out"));
    for kernel in ["[3]", "[1, 2, 3]", "-1", "1.5", "\"same\""] {
        let told = refused(&format!(r#"{{"conv2d": 3, "kernel": {kernel}}}"#));
        assert!(told.contains("are no sides; give one number, or two as [height, width]"), "{told}");
    }
}

#[test]
fn targets_that_the_loss_cannot_have_are_refused() {
    let refused = |loss: OutputLoss, targets: &[f64]| {
        Network::new(&[1], &layers(r#"[{"linear": 2}]"#), loss, vec![0.5; 2], targets.to_vec()).unwrap_err().to_string()
    };
    assert!(refused(OutputLoss::CrossEntropy, &[0.0, 1.0, 1.0, 1.0]).contains("sample 1 are no probabilities"));
    assert!(refused(OutputLoss::Logistic, &[0.0, 1.0, -1.0, 1.0]).contains("sample 1 are no probabilities"));
}
