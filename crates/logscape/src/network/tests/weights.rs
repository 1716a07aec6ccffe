//! Files of parameters.

use super::*;
use crate::model::{WeightsError, to_safetensors};
use crate::problem::load_safetensors;

/// A file of Python's safetensors library, with tensors as PyTorch names those of `Sequential(Conv2d(1, 2, 3), BatchNorm2d(2),
/// ReLU(), Flatten(), Linear(8, 2))`, in single precision. The losses are those of a script in NumPy.
#[test]
fn weights_of_a_sequential_give_its_loss() {
    let text = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 2}]"#;
    let file = include_bytes!("../sequential.safetensors");
    let inputs: Vec<f64> = (0..48).map(|k| (f64::from(k) * 0.7).sin()).collect();
    for (loss, wanted) in
        [(OutputLoss::MeanSquare, 13.198_525_991_841_962), (OutputLoss::CrossEntropy, 0.608_325_927_692_463)]
    {
        let targets = vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let mut network = Network::new(&[1, 4, 4], &layers(text), loss, inputs.clone(), targets).unwrap();
        let theta = load_safetensors(&mut network, file).unwrap();
        let found = crate::operator::full::loss(&network, &theta);
        assert!((found / wanted - 1.0).abs() < 1e-12, "{loss:?}: {found}");

        // What is written is read, with the statistics, by a network that has none yet.
        let mut other = Network::new(&[1, 4, 4], &layers(text), loss, inputs.clone(), network.targets.clone()).unwrap();
        let written = to_safetensors(&network.tensors(&theta)).unwrap();
        assert_eq!(load_safetensors(&mut other, &written).unwrap(), theta);
        assert_eq!(crate::operator::full::loss(&other, &theta), found);
    }
    let mut one =
        Network::new(&[2], &layers(r#"[{"linear": 1}]"#), OutputLoss::MeanSquare, vec![1.0; 2], vec![0.0]).unwrap();
    assert_eq!(load_safetensors(&mut one, include_bytes!("../half.safetensors")).unwrap(), [1.5, -2.0, 0.25]);
}

/// The names of a model of the user's own, in the order of the layers that have tensors.
#[test]
fn layers_have_the_names_that_they_are_given() {
    let text = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 2}]"#;
    let (inputs, targets) = (vec![0.5; 16], vec![1.0, 0.0]);
    let mut network = Network::new(&[1, 4, 4], &layers(text), OutputLoss::MeanSquare, inputs, targets).unwrap();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(network.rename(names(&["conv", "fc"])), Err(3));
    assert_eq!(network.rename(names(&["conv", "norm", "conv"])), Err(3));
    network.rename(names(&["conv", "norm", "fc"])).unwrap();
    let parameters: Vec<String> = network.parameter_names().into_iter().map(|(name, _)| name).collect();
    assert_eq!(parameters, ["conv.weight", "conv.bias", "norm.weight", "norm.bias", "fc.weight", "fc.bias"]);
    let theta: Vec<f64> = (0..network.dim()).map(|k| k as f64).collect();
    let written = to_safetensors(&network.tensors(&theta)).unwrap();
    assert_eq!(load_safetensors(&mut network, &written).unwrap(), theta);
}

/// Those of a block that is an `nn.Sequential` with another, `shortcut`, beside.
#[test]
fn layers_of_a_shortcut_are_named_and_placed_after_those_that_they_stand_beside() {
    let text = r#"[{"linear": 2, "bias": false}, {"residual": ["tanh", {"linear": 3}], "shortcut": [{"linear": 3, "bias": false}, "batch-norm"]}]"#;
    let network = Network::new(&[2], &layers(text), OutputLoss::MeanSquare, vec![0.5; 2], vec![0.0; 3]).unwrap();
    let expected = [
        ("0.weight", 0..4),
        ("1.1.weight", 4..10),
        ("1.1.bias", 10..13),
        ("1.shortcut.0.weight", 13..19),
        ("1.shortcut.1.weight", 19..22),
        ("1.shortcut.1.bias", 22..25),
    ];
    assert_eq!(network.parameter_names(), expected.map(|(name, range)| (name.to_owned(), range)));
    let named = |name: &str| network.tensors(&[0.0; 25]).iter().any(|tensor| tensor.name == name);
    assert!(named("1.shortcut.1.running_mean") && named("1.shortcut.1.running_var"));
}

#[test]
fn files_that_do_not_fit_are_refused_by_tensor() {
    let file = include_bytes!("../sequential.safetensors");
    let refused = |text: &str, file: &[u8]| {
        let shape: &[usize] = if text.contains("conv2d") { &[1, 4, 4] } else { &[8] };
        let inputs = vec![0.5; shape.iter().product()];
        let outputs = builder::graph(shape, &layers(text)).unwrap().outputs();
        let mut network =
            Network::new(shape, &layers(text), OutputLoss::MeanSquare, inputs, vec![0.0; outputs]).unwrap();
        let before = network.graph.clone();
        let error = load_safetensors(&mut network, file).unwrap_err();
        assert!(network.graph == before, "nothing is set");
        error
    };
    let whole = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 2}]"#;
    assert!(matches!(refused(whole, &file[..file.len() - 1]), WeightsError::Format(_)));
    assert!(matches!(refused(whole, b"PK\x03\x04 something else entirely"), WeightsError::Format(_)));
    let deeper = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 2}, {"linear": 2}]"#;
    let error = refused(deeper, file);
    assert!(matches!(&error, WeightsError::Missing { name, .. } if name == "5.weight"));
    assert!(error.to_string().contains("the file has 0.bias, 0.weight, 1.bias"), "{error}");
    let shallower = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten"]"#;
    assert_eq!(refused(shallower, file), WeightsError::Unknown { name: "4.bias".to_owned() });
    let bare = r#"[{"conv2d": 2, "kernel": 3, "bias": false}, "batch-norm", "relu", "flatten", {"linear": 2}]"#;
    assert_eq!(refused(bare, file), WeightsError::Unknown { name: "0.bias".to_owned() });
    let unscaled =
        r#"[{"conv2d": 2, "kernel": 3}, {"batch-norm": true, "scale": false}, "relu", "flatten", {"linear": 2}]"#;
    assert!(matches!(refused(unscaled, file), WeightsError::Unknown { name } if name.starts_with("1.")));
    let wider = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 3}]"#;
    let error = WeightsError::Shape { name: "4.weight".to_owned(), found: vec![2, 8], expected: vec![3, 8] };
    assert_eq!(refused(wider, file), error);
    // The dtype of the first tensor's header, and a number of it, changed.
    let changed = |from: &str, to: &str| {
        let place = file.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        [&file[..place], to.as_bytes(), &file[place + from.len()..]].concat()
    };
    let integers = changed(r#""0.bias":{"dtype":"F32""#, r#""0.bias":{"dtype":"I32""#);
    assert_eq!(refused(whole, &integers), WeightsError::Dtype { name: "0.bias".to_owned(), found: "I32".to_owned() });
    let mut broken = file.to_vec();
    let last = broken.len() - 4;
    broken[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let WeightsError::Number { value, .. } = refused(whole, &broken) else { panic!("an infinite number is refused") };
    assert!(value.is_infinite());
}
