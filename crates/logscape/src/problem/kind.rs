//! What a problem with a name says of itself: its equation and options, and how it is built from data.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Problem, ProblemError, Visitor};
use crate::data::synthetic::Generator;
use crate::data::{Dataset, Standardised};
use crate::model::memory;
use crate::network::Initialisation;

/// What the file of a problem states, besides its maths, to have a name: see [`Kind::of`].
pub trait Registered: Problem + Sized + 'static {
    /// Its name in studies and records.
    const NAME: &'static str;
    /// The model, in one line.
    const EQUATION: &'static str;
    /// The options that [`Options`](Self::Options) has, in the order in which they are written.
    const OPTIONS: &'static [ProblemOption] = &[];

    /// What may be said beside the data; every field has a default.
    type Options: DeserializeOwned;

    /// Data to try it on.
    fn example() -> Generator;

    /// The required options, as [`example`](Self::example) fits them. Unless this is overridden JSON writes them as TOML does.
    fn needed() -> GivenOptions {
        let required = Self::OPTIONS.iter().filter(|option| option.required);
        required
            .filter_map(|option| Some((option.name.to_owned(), serde_json::from_str(option.example).ok()?)))
            .collect()
    }

    /// Refuses values that no data can have.
    ///
    /// # Errors
    /// The first such value.
    fn check(_options: &Self::Options) -> Result<(), OptionError> {
        Ok(())
    }

    /// The problem of these data and options.
    ///
    /// # Errors
    /// If the data do not make such a problem.
    fn build(data: Dataset, options: Self::Options) -> Result<Self, BuildProblemError>;

    /// Where the search for a minimum starts (`P`).
    fn start(&self, config: &StartConfig) -> Vec<f64>;

    /// The parameters that give inputs as they were the outputs that `theta` (`P`) gives standardised ones, from whose columns `taken`
    /// was taken; none where the model has no such parameters.
    fn unstandardised(_options: &Self::Options, _theta: &[f64], _taken: &[Standardised]) -> Option<Unstandardised> {
        None
    }

    /// Calls the method of `visitor` for all that it offers.
    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.general(self)
    }
}

/// Parameters for inputs as they were before they were standardised.
#[derive(Debug, Clone, PartialEq)]
pub struct Unstandardised {
    /// The parameters (`P`).
    pub theta: Vec<f64>,
    /// What is added to the output, in its units.
    pub offset: f64,
}

/// The options of a problem that has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// Options as they are given: names and values.
pub type GivenOptions = Map<String, Value>;

/// An option of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemOption {
    /// Its name.
    pub name: &'static str,
    /// What it is, and its default.
    pub about: &'static str,
    /// A value, as TOML writes it.
    pub example: &'static str,
    /// Whether there is no default.
    pub required: bool,
}

/// What a default start is drawn by, where it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartConfig {
    /// Law of a network's weights.
    pub initialisation: Initialisation,
    /// Seed of the generator.
    pub seed: u64,
}

/// A problem that was built by its name.
pub struct BuiltProblem {
    /// The problem.
    pub problem: Box<dyn Problem>,
    /// Where the search for a minimum starts, unless told otherwise (`P`).
    pub start: Vec<f64>,
}

/// A problem that has a name.
#[derive(Debug)]
pub struct Kind {
    /// Its name in studies and records.
    pub name: &'static str,
    /// The model, in one line.
    pub equation: &'static str,
    /// Its options.
    pub options: &'static [ProblemOption],
    example: fn() -> Generator,
    needed: fn() -> GivenOptions,
    check: fn(&GivenOptions) -> Result<(), OptionError>,
    build: fn(Dataset, &GivenOptions, &StartConfig) -> Result<BuiltProblem, BuildProblemError>,
    unstandardised: fn(&GivenOptions, &[f64], &[Standardised]) -> Option<Unstandardised>,
}

impl Kind {
    /// What `T` states of itself.
    pub const fn of<T: Registered>() -> Self {
        Self {
            name: T::NAME,
            equation: T::EQUATION,
            options: T::OPTIONS,
            example: T::example,
            needed: T::needed,
            check: |given| options::<T>(given).map(|_| ()),
            build: |data, given, config| {
                let problem = T::build(data, options::<T>(given)?)?;
                let start = problem.start(config);
                Ok(BuiltProblem { problem: Box::new(problem), start })
            },
            unstandardised: |given, theta, taken| T::unstandardised(&options::<T>(given).ok()?, theta, taken),
        }
    }

    /// Data to try it on.
    pub fn example(&self) -> Generator {
        (self.example)()
    }

    /// The required options, with values that fit [`example`](Self::example).
    pub fn needed(&self) -> GivenOptions {
        (self.needed)()
    }

    /// Refuses options that the problem does not have, and values that no data can have.
    ///
    /// # Errors
    /// The first that is wrong, or a required one that is missing.
    pub fn check(&self, given: &GivenOptions) -> Result<(), OptionError> {
        (self.check)(given)
    }

    /// The problem of these data and options, with its default start.
    ///
    /// # Errors
    /// If an option is wrong, or the data do not make such a problem.
    pub fn build(
        &self,
        data: Dataset,
        given: &GivenOptions,
        config: &StartConfig,
    ) -> Result<BuiltProblem, BuildProblemError> {
        (self.build)(data, given, config)
    }

    /// The parameters that give inputs as they were the outputs that `theta` (`P`) gives standardised ones, from whose columns `taken`
    /// was taken ([`Dataset::standardised`]); none where the model has no such parameters.
    pub fn unstandardised(
        &self,
        given: &GivenOptions,
        theta: &[f64],
        taken: &[Standardised],
    ) -> Option<Unstandardised> {
        (self.unstandardised)(given, theta, taken)
    }
}

/// The options of `T` that are given.
fn options<T: Registered>(given: &GivenOptions) -> Result<T::Options, OptionError> {
    for (name, value) in given {
        if T::OPTIONS.iter().all(|option| option.name != name) {
            let names: Vec<_> = T::OPTIONS.iter().map(|option| option.name).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(OptionError {
                option: name.clone(),
                message: format!("`{}` has no option `{name}`; it has {names}", T::NAME),
                hint: Some("remove the option, or use another kind"),
            });
        }
        // Each alone, since an error does not tell which one it is about.
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<T::Options>(Value::Object(alone)).map_err(|error| OptionError {
            option: name.clone(),
            message: error.to_string(),
            hint: None,
        })?;
    }
    let options = serde_json::from_value(Value::Object(given.clone())).map_err(|error| OptionError {
        option: String::new(),
        message: error.to_string(),
        hint: None,
    })?;
    T::check(&options)?;
    Ok(options)
}

/// An option that a problem does not have, or a value that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{option}: {message}")]
pub struct OptionError {
    /// Its name.
    pub option: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it, where the message does not say what would do.
    pub hint: Option<&'static str>,
}

/// Why a problem cannot be built by its name.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BuildProblemError {
    /// The data make no such problem.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The data have another shape than the problem needs.
    #[error("{message}")]
    Data {
        /// What does not fit.
        message: String,
        /// How to mend it.
        hint: &'static str,
    },
    /// An option is wrong.
    #[error(transparent)]
    Option(#[from] OptionError),
}

/// Refuses so many parameters that the search for a minimum among them would take more than the limit of memory.
pub(crate) fn require_memory(parameters: u128) -> Result<(), BuildProblemError> {
    /// Vectors that L-BFGS holds: twenty pairs, and some more.
    const VECTORS: u128 = 50;
    memory::require(format!("the search among {parameters} parameters"), parameters, 8 * VECTORS).map_err(|error| {
        let hint = "make it smaller, or raise the limit by --memory";
        BuildProblemError::Data { message: error.to_string(), hint }
    })
}

/// `Ok` if the data have one target.
pub(super) fn require_one_target(data: &Dataset) -> Result<(), BuildProblemError> {
    if data.target_dim == 1 {
        return Ok(());
    }
    let message = format!("the problem has 1 target, the data {}", data.target_dim);
    Err(BuildProblemError::Data { message, hint: "give one target column" })
}
