//! `escape.theories`: which theories predict.

use super::check::{Wrong, nearest, require};
use logscape::theory::{self, Theory};
use serde::{Deserialize, Serialize};

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
        theory::all_with(&theory::TheoryOptions { xi }).into_iter().filter(|theory| match self {
            Self::All => true,
            Self::Some(names) => names.iter().any(|name| name == theory.name()),
        })
    }
}

impl Theories {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        const FIELD: &str = "escape.theories";
        let Theories::Some(names) = self else { return Ok(()) };
        require(!names.is_empty(), FIELD, "no theory", "name some, or use \"all\"")?;
        for name in names {
            let known = "use \"all\", or names that `logscape cite` lists";
            let unknown = || format!("there is no theory `{name}`{}", nearest(name, theory::names()));
            require(theory::by_name(name).is_some(), FIELD, unknown(), known)?;
        }
        Ok(())
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
