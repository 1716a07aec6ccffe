//! `[[dynamics]]`: what runs beside SGD.

use super::check::{Wrong, is_usable, list, nearest, require};
use logscape::dynamics::{self, Options};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

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
    pub(crate) fn steps_per_sgd_step(&self, learning_rate: f64) -> f64 {
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

pub(super) fn check_dynamics(tables: &[DynamicsTable]) -> Result<(), Wrong> {
    const FIELD: &str = "dynamics";
    for (k, DynamicsTable { name, kind, options }) in tables.iter().enumerate() {
        let Some(known) = dynamics::by_name(kind) else {
            return require(false, FIELD, unknown_dynamics(kind), "`logscape dynamics` lists them all");
        };
        require(is_usable(name), FIELD, format!("`{name}` is no usable name"), "use letters, digits, `-` and `_`")?;
        let fresh = name != "sgd" && tables[..k].iter().all(|other| other.name != *name);
        let named = format!("there are two of the name `{name}`, SGD itself included");
        require(fresh, FIELD, named, "add name = \"...\" to one of them")?;
        for option in options.given() {
            let taken = known.options();
            let words = format!("`{kind}` has no option `{option}`; it has {}", list(taken));
            require(taken.contains(&option), FIELD, words, "remove the option, or use another kind")?;
        }
    }
    Ok(())
}

/// What there is instead of a kind that is misspelt.
fn unknown_dynamics(kind: &str) -> String {
    let known = dynamics::all().iter().map(|known| known.name());
    format!("there is no dynamics `{kind}`{}", nearest(kind, known))
}
