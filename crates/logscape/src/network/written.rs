//! How layers are written in TOML and JSON, and read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::activation::{Activation, LEAK};
use super::words::{LayerWord, Normalised, Windows};

/// A layer as it is written: a name, or a table with what the name needs.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Table(Box<Table>),
}

/// One of the kinds, which come first, and what belongs to it. What has its usual value is not written, but for windows and groups of
/// convolutions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv2d: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_pool2d: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_pool2d: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer_norm: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_norm: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_norm: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaky_relu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residual: Option<Vec<LayerWord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shortcut: Option<Vec<LayerWord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dilation: Option<Sides>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "count_include_pad")]
    count_include_pad: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "ceil_mode")]
    ceil_mode: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<bool>,
}

/// Two sides, `[height, width]`: written as one number where they are the same.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
struct Sides([usize; 2]);

impl TryFrom<serde_json::Value> for Sides {
    type Error = String;

    fn try_from(written: serde_json::Value) -> Result<Self, String> {
        let both = match written.as_u64() {
            Some(side) => usize::try_from(side).ok().map(|side| [side; 2]),
            None => serde_json::from_value(written.clone()).ok(),
        };
        let message = || format!("{written} are no sides; give one number, or two as [height, width]");
        both.map(Self).ok_or_else(message)
    }
}

impl From<Sides> for serde_json::Value {
    fn from(Sides([height, width]): Sides) -> Self {
        if height == width { height.into() } else { vec![height, width].into() }
    }
}

/// The layers that are a word alone, beside activation functions.
fn names() -> [(&'static str, LayerWord); 3] {
    [
        ("flatten", LayerWord::Flatten),
        ("layer-norm", LayerWord::LayerNorm(Normalised::default())),
        ("batch-norm", LayerWord::BatchNorm(Normalised::default())),
    ]
}

/// The layers that need more.
const TABLES: &str = "{ linear = 10 }, { conv2d = 32, kernel = 3 }, { max-pool2d = 2 }, { avg-pool2d = 2 }, \
                      { group-norm = 4 }, { layer-norm = true, epsilon = 1e-6 }, { batch-norm = true, epsilon = 1e-3 }, \
                      { leaky-relu = 0.2 }, { residual = [...] } or { residual = [...], shortcut = [...] }";

/// The name of an activation function, as it is written.
fn activation_name(activation: Activation) -> String {
    match serde_json::to_value(activation) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

impl<'de> Deserialize<'de> for LayerWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(serde_json::Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for LayerWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::from(self).serialize(serializer)
    }
}

/// The layer of what is written.
fn read(written: serde_json::Value) -> Result<LayerWord, String> {
    match written {
        serde_json::Value::String(name) => named(&name),
        table @ serde_json::Value::Object(_) => {
            serde_json::from_value::<Table>(table).map_err(|error| error.to_string())?.word()
        }
        other => Err(format!("{other} is no layer; give a name or one of {TABLES}")),
    }
}

/// The layer of a name alone.
fn named(name: &str) -> Result<LayerWord, String> {
    if let Some((_, word)) = names().into_iter().find(|(known, _)| *known == name) {
        return Ok(word);
    }
    if let Some(activation) = Activation::ALL.into_iter().find(|&activation| activation_name(activation) == name) {
        return Ok(LayerWord::Activation(activation));
    }
    let names = names().into_iter().map(|(name, _)| name.to_owned());
    let names: Vec<String> = names.chain(Activation::ALL.map(activation_name)).collect();
    Err(format!("there is no layer `{name}`; a name alone is one of {}, the others are {TABLES}", names.join(", ")))
}

impl Table {
    /// How many kinds of layers it names.
    fn kinds(&self) -> usize {
        let kinds = [
            self.linear.is_some(),
            self.conv2d.is_some(),
            self.max_pool2d.is_some(),
            self.avg_pool2d.is_some(),
            self.layer_norm.is_some(),
            self.group_norm.is_some(),
            self.batch_norm.is_some(),
            self.leaky_relu.is_some(),
            self.residual.is_some(),
        ];
        kinds.into_iter().filter(|&named| named).count()
    }

    /// The layer.
    fn word(mut self) -> Result<LayerWord, String> {
        if self.kinds() != 1 {
            return Err(format!("a layer is one of {TABLES}"));
        }
        let word = if let Some(outputs) = self.linear.take() {
            LayerWord::Linear { outputs, bias: self.take_bias() }
        } else if let Some(channels) = self.conv2d.take() {
            let kernel = self.kernel.take().ok_or("conv2d: how large is the window? Add `kernel = 3`")?;
            LayerWord::Conv2d {
                channels,
                windows: self.take_windows(kernel, Sides([1; 2])),
                dilation: self.dilation.take().map_or([1; 2], |dilation| dilation.0),
                groups: self.groups.take().unwrap_or(1),
                bias: self.take_bias(),
            }
        } else if let Some(kernel) = self.max_pool2d.take() {
            LayerWord::MaxPool2d { windows: self.take_windows(kernel, kernel), ceil: self.take_ceil() }
        } else if let Some(kernel) = self.avg_pool2d.take() {
            LayerWord::AvgPool2d {
                windows: self.take_windows(kernel, kernel),
                counts_padding: self.count_include_pad.take().unwrap_or(true),
                ceil: self.take_ceil(),
            }
        } else if let Some(is_one) = self.layer_norm.take() {
            is_true("layer-norm", is_one)?;
            LayerWord::LayerNorm(self.take_normalised()?)
        } else if let Some(groups) = self.group_norm.take() {
            LayerWord::GroupNorm { groups, normalised: self.take_normalised()? }
        } else if let Some(is_one) = self.batch_norm.take() {
            is_true("batch-norm", is_one)?;
            LayerWord::BatchNorm(self.take_normalised()?)
        } else if let Some(slope) = self.leaky_relu.take() {
            // The function with this slope is as fast as the others.
            if slope == LEAK { LayerWord::Activation(Activation::LeakyRelu) } else { LayerWord::LeakyRelu { slope } }
        } else {
            let layers = self.residual.take().unwrap_or_default();
            LayerWord::Residual { layers, shortcut: self.shortcut.take().unwrap_or_default() }
        };
        // What is left belongs to other layers.
        let rest = serde_json::to_value(&self).map_err(|error| error.to_string())?;
        match rest.as_object().and_then(|rest| rest.keys().min()) {
            Some(name) => Err(format!("this layer has no `{name}`")),
            None => Ok(word),
        }
    }

    fn take_bias(&mut self) -> bool {
        self.bias.take().unwrap_or(true)
    }

    fn take_windows(&mut self, Sides(kernel): Sides, stride_unless: Sides) -> Windows {
        let Sides(stride) = self.stride.take().unwrap_or(stride_unless);
        Windows { kernel, stride, padding: self.padding.take().map_or([0; 2], |padding| padding.0) }
    }

    fn take_ceil(&mut self) -> bool {
        self.ceil_mode.take().unwrap_or(false)
    }

    fn take_normalised(&mut self) -> Result<Normalised, String> {
        let usual = Normalised::default();
        let scale = self.scale.take().unwrap_or(usual.scale);
        if self.bias == Some(true) && !scale {
            return Err("`bias = true` needs gains; leave out `scale = false`".to_owned());
        }
        Ok(Normalised { epsilon: self.epsilon.take().unwrap_or(usual.epsilon), scale, bias: self.take_bias() })
    }

    fn with_windows(self, windows: Windows) -> Self {
        Self { stride: Some(Sides(windows.stride)), padding: Some(Sides(windows.padding)), ..self }
    }

    fn with_normalised(self, Normalised { epsilon, scale, bias }: Normalised) -> Self {
        let usual = Normalised::default();
        Self {
            epsilon: (epsilon != usual.epsilon).then_some(epsilon),
            scale: (scale != usual.scale).then_some(scale),
            bias: (scale && bias != usual.bias).then_some(bias),
            ..self
        }
    }
}

/// Refuses a layer that is said not to be.
fn is_true(name: &str, is_one: bool) -> Result<(), String> {
    if is_one { Ok(()) } else { Err(format!("`{name} = false` is no layer; leave it out")) }
}

impl From<&LayerWord> for Written {
    fn from(word: &LayerWord) -> Self {
        if let Some((name, _)) = names().iter().find(|(_, known)| known == word) {
            return Self::Name((*name).to_owned());
        }
        let table = Table::default();
        let unless_usual = |bias: bool| (!bias).then_some(bias);
        let table = match *word {
            LayerWord::Flatten => return Self::Name("flatten".to_owned()),
            LayerWord::Activation(activation) => return Self::Name(activation_name(activation)),
            LayerWord::Linear { outputs, bias } => Table { linear: Some(outputs), bias: unless_usual(bias), ..table },
            LayerWord::Conv2d { channels, windows, dilation, groups, bias } => Table {
                conv2d: Some(channels),
                kernel: Some(Sides(windows.kernel)),
                dilation: (dilation != [1; 2]).then_some(Sides(dilation)),
                groups: Some(groups),
                bias: unless_usual(bias),
                ..table.with_windows(windows)
            },
            LayerWord::MaxPool2d { windows, ceil } => Table {
                max_pool2d: Some(Sides(windows.kernel)),
                ceil_mode: ceil.then_some(ceil),
                ..table.with_windows(windows)
            },
            LayerWord::AvgPool2d { windows, counts_padding, ceil } => Table {
                avg_pool2d: Some(Sides(windows.kernel)),
                count_include_pad: unless_usual(counts_padding),
                ceil_mode: ceil.then_some(ceil),
                ..table.with_windows(windows)
            },
            LayerWord::LayerNorm(normalised) => Table { layer_norm: Some(true), ..table.with_normalised(normalised) },
            LayerWord::GroupNorm { groups, normalised } => {
                Table { group_norm: Some(groups), ..table.with_normalised(normalised) }
            }
            LayerWord::BatchNorm(normalised) => Table { batch_norm: Some(true), ..table.with_normalised(normalised) },
            LayerWord::LeakyRelu { slope } => Table { leaky_relu: Some(slope), ..table },
            LayerWord::Residual { ref layers, ref shortcut } => Table {
                residual: Some(layers.clone()),
                shortcut: (!shortcut.is_empty()).then(|| shortcut.clone()),
                ..table
            },
        };
        Self::Table(Box::new(table))
    }
}
