//! The study file: every section and field, with its default.

use crate::values::Grid;
use logscape::dynamics::{self, Options};
use logscape::landscape::SaddleConfig;
use logscape::problem::{Activation, Initialisation};
use logscape::theory::{self, Theory, TheoryOptions};
use logscape::{Precision, Sampling};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One study, resolved: every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name, used for the output directory: letters, digits, `-` and `_`.
    pub name: String,
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// What is trained.
    pub problem: ProblemTable,
    /// How the minimum is found.
    #[serde(default)]
    pub minimum: MinimumTable,
    /// What SGD is run with; lists span a grid.
    pub sgd: SgdTable,
    /// What runs beside SGD, in the same ensembles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamics: Vec<DynamicsTable>,
    /// Stationary law from one long ensemble per setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stationary: Option<StationaryTable>,
    /// How ways out of a minimum in several dimensions are looked for, where `escape.region` needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saddle: Option<SaddleTable>,
    /// Escape times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<EscapeTable>,
    /// What is drawn.
    #[serde(default)]
    pub output: OutputTable,
    /// What the results must show; `logscape reproduce` checks it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

impl Study {
    /// The most replica-steps that all settings together can take: censored and stationary replicas take all of theirs. An
    /// SDE takes more steps than SGD, by the ratio of its step to the learning rate.
    pub fn most_steps(&self) -> f64 {
        let of = |replicas: usize, steps: u64| replicas as f64 * steps as f64;
        let stationary =
            self.stationary.as_ref().map_or(0.0, |table| of(table.replicas, table.burn_in.saturating_add(table.steps)));
        let escape = self.escape.as_ref().map_or(0.0, EscapeTable::most_steps);
        let runs = |rate: &f64| 1.0 + self.dynamics.iter().map(|table| table.steps_per_sgd_step(*rate)).sum::<f64>();
        let rates = self.sgd.learning_rate.0.iter().map(runs).sum::<f64>();
        let committed = self.escape.as_ref().is_some_and(|table| table.committed);
        let twice = if committed { self.sgd.learning_rate.0.len() as f64 * escape } else { 0.0 };
        self.sgd.batch_size.0.len() as f64 * (rates * (stationary + escape) + twice)
    }
}

/// `[problem]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProblemTable {
    /// Which problem.
    pub kind: ProblemKind,
    /// Its data.
    pub data: DataTable,
    /// Widths of a perceptron's hidden layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<usize>,
    /// Activation of a perceptron's hidden layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Whether the sinusoid's amplitude is trained too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub amplitude: bool,
    /// Rank of a matrix factorisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
}

/// The problems that a study can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// `f = θ·x`.
    LinearRegression,
    /// `f = sin(θx)`, with `amplitude` `f = θ₂ sin(θ₁x)`.
    Sinusoid,
    /// `f = (x·θ)²`.
    PhaseRetrieval,
    /// `f = u_i·v_j`.
    MatrixFactorisation,
    /// Multilayer perceptron.
    Mlp,
}

/// `[problem.data]`: exactly one of `builtin`, `path` and `synthetic`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataTable {
    /// A data set inside the binary: `digits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<String>,
    /// A file or folder in one of the formats of [`logscape::data::FORMATS`], relative to the study file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A seeded generator and its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<toml::Table>,
    /// Factor that multiplies the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether labels become one-hot targets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
    /// Use only the first so many samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// `[minimum]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinimumTable {
    /// Start of the search; drawn by `init` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Vec<f64>>,
    /// Initialisation of a network.
    pub init: Initialisation,
    /// Gradient norm at which the search stops.
    pub tolerance: f64,
    /// Most iterations of L-BFGS, and most Hessian products of the Newton steps after it.
    pub max_iterations: u64,
    /// Training by SGD that comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainTable>,
}

impl Default for MinimumTable {
    fn default() -> Self {
        Self { start: None, init: Initialisation::Lecun, tolerance: 1e-8, max_iterations: 2_000, train: None }
    }
}

/// `[sgd]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdTable {
    /// Learning rates `η`.
    pub learning_rate: Grid<f64>,
    /// Batch sizes `B`.
    pub batch_size: Grid<usize>,
    /// How a batch is drawn.
    #[serde(default = "with_replacement")]
    pub sampling: Sampling,
    /// Precision that SGD computes with.
    #[serde(default)]
    pub precision: Precision,
}

fn with_replacement() -> Sampling {
    Sampling::WithReplacement
}

/// `[[dynamics]]`: a dynamics that runs beside SGD, with its options.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DynamicsTable {
    /// Name in the record; the kind unless it is given.
    pub name: String,
    /// Which dynamics.
    pub kind: String,
    /// What the kind leaves open.
    #[serde(flatten)]
    pub options: Options,
}

impl DynamicsTable {
    /// Steps in the time of one step of SGD with this learning rate.
    fn steps_per_sgd_step(&self, learning_rate: f64) -> f64 {
        let steps = dynamics::by_name(&self.kind).is_some_and(|kind| kind.options().contains(&"dt"));
        if steps { self.options.dt.map_or(10.0, |dt| learning_rate / dt) } else { 1.0 }
    }
}

/// Options that no dynamics has are refused, which `serde(flatten)` could not do.
impl<'de> Deserialize<'de> for DynamicsTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = toml::Table::deserialize(deserializer)?;
        let mut text = |field: &'static str| match table.remove(field) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(D::Error::custom(format!("`{field}` is text, not {}", other.type_str()))),
        };
        let kind = text("kind")?.ok_or_else(|| D::Error::missing_field("kind"))?;
        let name = text("name")?.unwrap_or_else(|| kind.clone());
        let options = Options::deserialize(table).map_err(|error| D::Error::custom(error.message()))?;
        Ok(Self { name, kind, options })
    }
}

/// `[stationary]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StationaryTable {
    /// Replicas.
    pub replicas: usize,
    /// Steps before anything is recorded.
    pub burn_in: u64,
    /// Steps recorded.
    pub steps: u64,
    /// Steps between samples; `N/B` without it, so that samples cost as much as steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin: Option<u64>,
    /// Leading outlier directions along which displacements are recorded.
    pub directions: usize,
}

impl Default for StationaryTable {
    fn default() -> Self {
        Self { replicas: 256, burn_in: 10_000, steps: 100_000, thin: None, directions: 3 }
    }
}

/// `[minimum.train]`: SGD before the deterministic search, with shuffled epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainTable {
    /// Learning rate.
    pub learning_rate: f64,
    /// Batch size.
    pub batch_size: usize,
    /// Steps.
    pub steps: usize,
}

/// `[saddle]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaddleTable {
    /// How many of the softest and how many of the stiffest eigendirections are climbed, each on both sides.
    pub directions: usize,
    /// Searches from random points around the minimum; the study's seed drives them.
    pub searches: usize,
    /// Distance of the random points.
    pub reach: f64,
    /// Distance from the minimum at which a search gives up.
    pub range: f64,
    /// Starts of searches for other minima, to each of which the path from the minimum is looked for too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_minimum: Vec<Vec<f64>>,
}

impl Default for SaddleTable {
    fn default() -> Self {
        let SaddleConfig { directions, searches, reach, range, .. } = SaddleConfig::default();
        Self { directions, searches, reach, range, other_minimum: Vec::new() }
    }
}

impl SaddleTable {
    /// The settings of the search.
    pub fn config(&self, seed: u64) -> SaddleConfig {
        let Self { directions, searches, reach, range, .. } = *self;
        SaddleConfig { directions, searches, reach, range, seed, ..SaddleConfig::default() }
    }
}

/// `[escape]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscapeTable {
    /// What escape means.
    pub region: RegionText,
    /// Replicas.
    #[serde(default = "thousand")]
    pub replicas: usize,
    /// Steps after which a replica is censored.
    #[serde(default = "ten_million")]
    pub max_steps: u64,
    /// Steps between two looks at the loss, for regions that need the loss of all data. Without it a tenth of the
    /// fastest relaxation time `1/(η λ_max)`, so that few excursions are missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_every: Option<u64>,
    /// How escape is measured.
    #[serde(default)]
    pub method: EscapeMethod,
    /// Theories that predict: `"all"`, or a list of names.
    #[serde(default)]
    pub theories: Theories,
    /// Path parameter `ξ` of `diffusion-theory`: the weight of the minimum's noise against the saddle's.
    #[serde(default = "half")]
    pub xi: f64,
    /// Steps of a training run, for the line of one escape per run in the phase diagram; `max_steps` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_steps: Option<u64>,
    /// Whether committed escapes are measured beside arrivals, at a dividing surface, by a second ensemble of SGD.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub committed: bool,
    /// How splitting and forward flux sampling are run.
    #[serde(default)]
    pub rare: RareTable,
}

impl EscapeTable {
    /// Steps of a training run.
    pub fn steps_of_training(&self) -> u64 {
        self.training_steps.unwrap_or(self.max_steps)
    }

    /// Replica-steps that the pilot and each repeat of splitting may take.
    pub fn rare_cost(&self) -> u64 {
        self.rare.max_cost.unwrap_or((self.replicas as u64).saturating_mul(self.max_steps) / 20).max(1)
    }

    /// The most replica-steps that one ensemble takes.
    fn most_steps(&self) -> f64 {
        let direct = self.replicas as f64 * self.max_steps as f64;
        let rare = (self.rare.repeats + 1) as f64 * self.rare_cost() as f64;
        match self.method {
            EscapeMethod::Auto => direct + rare,
            EscapeMethod::Direct => direct,
            EscapeMethod::Splitting | EscapeMethod::ForwardFlux => rare,
        }
    }
}

/// `escape.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EscapeMethod {
    /// Direct simulation where the first replicas show that enough of them will escape, else splitting.
    #[default]
    Auto,
    /// Replicas run until they escape.
    Direct,
    /// Multilevel splitting.
    Splitting,
    /// Forward flux sampling.
    ForwardFlux,
}

/// `[escape.rare]`: splitting and forward flux sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RareTable {
    /// Excursions from home that each repeat follows, on average.
    pub trajectories: usize,
    /// Independent repeats, from which the interval comes.
    pub repeats: usize,
    /// What tells how far a replica is on its way out.
    pub score: ScoreName,
    /// Share of the excursions that splitting drops in each round.
    pub cut: f64,
    /// Replica-steps that the pilot and each repeat may take; a twentieth of `replicas × max_steps` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<u64>,
}

impl Default for RareTable {
    fn default() -> Self {
        Self { trajectories: 1_000, repeats: 20, score: ScoreName::Auto, cut: 0.25, max_cost: None }
    }
}

/// `escape.rare.score`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreName {
    /// `committor` with one parameter; else `log-loss` for a loss level or a quench, and `displacement` for other regions.
    #[default]
    Auto,
    /// The logarithm of the loss of all data.
    LogLoss,
    /// The displacement from the minimum towards the nearest side of the region, or its length.
    Displacement,
    /// With one parameter: to leading order, the logarithm of the probability to reach the exit before home.
    Committor,
}

impl ScoreName {
    /// Its name in studies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::LogLoss => "log-loss",
            Self::Displacement => "displacement",
            Self::Committor => "committor",
        }
    }
}

/// `escape.theories`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of names of theories")]
pub enum Theories {
    /// Every theory.
    #[default]
    #[serde(with = "all")]
    All,
    /// These.
    Some(Vec<String>),
}

impl Theories {
    /// The theories, in the order of the records, with the path parameter `xi` of `diffusion-theory`.
    pub fn chosen(&self, xi: f64) -> impl Iterator<Item = Box<dyn Theory>> {
        theory::all_with(&TheoryOptions { xi }).into_iter().filter(|theory| match self {
            Self::All => true,
            Self::Some(names) => names.iter().any(|name| name == theory.name()),
        })
    }
}

/// The word `all`.
mod all {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("all")
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        if String::deserialize(deserializer)? == "all" { Ok(()) } else { Err(D::Error::custom("not all")) }
    }
}

/// `[output]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputTable {
    /// Formats of the figures' files; none for no files. The report always holds its pictures.
    pub figures: Vec<FigureFormat>,
    /// Which trajectories are kept; none without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trajectories: Option<TrajectoriesTable>,
}

/// `output.trajectories`: the paths of the first replicas of each escape ensemble, or of replicas that nothing stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrajectoriesTable {
    /// Steps of SGD between two points.
    pub every: u64,
    /// Replicas.
    #[serde(default = "four")]
    pub replicas: usize,
    /// Steps of SGD after which a path ends.
    #[serde(default = "hundred_thousand")]
    pub steps: u64,
}

impl TrajectoriesTable {
    /// The most points that the trajectories of one dynamics in one setting have.
    pub fn most_points(&self) -> f64 {
        self.replicas as f64 * (self.steps as f64 / self.every as f64 + 2.0)
    }
}

fn four() -> usize {
    4
}

fn hundred_thousand() -> u64 {
    100_000
}

impl Default for OutputTable {
    fn default() -> Self {
        Self { figures: vec![FigureFormat::Svg], trajectories: None }
    }
}

/// A format of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureFormat {
    /// Scalable Vector Graphics.
    Svg,
}

/// `[[expect]]`: a number of `results.json` that must lie between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Where the number is: keys and list positions from 0, as in `settings.0.phi`; of an estimate its value is taken,
    /// and true and false are 1 and 0.
    pub what: String,
    /// Bounds, included.
    pub between: [f64; 2],
    /// Why.
    pub because: String,
}

fn half() -> f64 {
    0.5
}

fn thousand() -> usize {
    1_000
}

fn ten_million() -> u64 {
    10_000_000
}

/// `escape.region`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionText {
    /// The barrier tops of a one-dimensional basin; the planes at the saddles in several dimensions.
    DividingSurface,
    /// A loss `L_c`.
    LossLevel(f64),
    /// A multiple of the minimum's loss.
    LossFactor(f64),
    /// Distance from the minimum.
    Ball(f64),
    /// Lower and upper bound of each parameter.
    Box(Vec<[f64; 2]>),
    /// Gradient descent from here ends in another minimum.
    Quench,
}
