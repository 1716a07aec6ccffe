//! Parameters of a network in a safetensors file, as Python's library wrote it.

use super::data::PLAIN;
use super::{Target, WRONG};
use crate::input::Input;
use logscape::Problem;
use logscape::model::to_safetensors;
use logscape::network::{LayerWord, Network, OutputLoss};
use logscape::problem::load_safetensors;
use std::fs;
use std::path::Path;

const FILE: &str = "weights.safetensors";

pub(super) const WEIGHTS: Target = Target {
    name: "weights",
    good: || {
        vec![Input::of(FILE, include_bytes!("../../../crates/logscape/src/network/sequential.safetensors").to_vec())]
    },
    read: |folder| {
        read(&folder.join(FILE))
            .map_err(|words| if words.starts_with(WRONG) { words } else { format!("{FILE}: {words}") })
    },
    names: &[FILE],
    ..PLAIN
};

/// The file's network, and its parameters written and read again.
fn read(path: &Path) -> Result<(), String> {
    let layers = r#"[{"conv2d": 2, "kernel": 3}, "batch-norm", "relu", "flatten", {"linear": 2}]"#;
    let layers: Vec<LayerWord> = serde_json::from_str(layers).map_err(|error| error.to_string())?;
    let network = Network::new(&[1, 4, 4], &layers, OutputLoss::MeanSquare, vec![0.5; 16], vec![0.0; 2]);
    let mut network = network.map_err(|error| error.to_string())?;
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let theta = load_safetensors(&mut network, &bytes).map_err(|error| error.to_string())?;
    if theta.len() != network.dim() || theta.iter().any(|x| !x.is_finite()) {
        return Err(format!("{WRONG}{} parameters, or one that is not finite", theta.len()));
    }
    let written = to_safetensors(&network.tensors(&theta)).map_err(|error| error.to_string())?;
    match load_safetensors(&mut network, &written) {
        Ok(again) if again == theta => Ok(()),
        other => Err(format!("{WRONG}what is written is read as {other:?}")),
    }
}
