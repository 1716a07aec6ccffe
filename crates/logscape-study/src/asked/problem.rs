//! `[problem]`: a kind, its data, and the options that the kind has.

use super::check::{Wrong, require};
use logscape::data::Column;
use logscape::problem::{self, GivenOptions, Kind, OptionError};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

/// `[problem]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProblemTable {
    /// Which problem; [`problem::all`] lists them.
    pub kind: String,
    /// Its data.
    pub data: DataTable,
    /// What is said beside them.
    pub options: GivenOptions,
}

impl ProblemTable {
    /// What the name says.
    pub fn known(&self) -> Option<&'static Kind> {
        problem::by_name(&self.kind)
    }

    /// Refuses options that the kind does not have, and values that no data can have.
    ///
    /// # Errors
    /// The first that is wrong; nothing for a kind that there is not.
    pub(super) fn check_options(&self) -> Result<(), OptionError> {
        self.known().map_or(Ok(()), |kind| kind.check(&self.options))
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let data = &self.data;
        let sources = usize::from(data.builtin.is_some())
            + usize::from(data.path.is_some())
            + usize::from(data.synthetic.is_some());
        require(
            sources == 1,
            "problem.data",
            format!("{sources} sources of data"),
            "give exactly one of `builtin`, `path` and `synthetic`",
        )?;
        for (columns, field) in [(&data.inputs, "problem.data.inputs"), (&data.targets, "problem.data.targets")] {
            require(
                columns.is_empty() || data.path.is_some(),
                field,
                "only data from a file have columns to name",
                "leave it out, or give the file by `path`",
            )?;
        }
        if let Some(scale) = data.scale {
            require(
                scale.is_finite() && scale != 0.0,
                "problem.data.scale",
                format!("{scale} cannot scale inputs"),
                "use a finite number other than 0",
            )?;
        }
        require(data.limit != Some(0), "problem.data.limit", "no sample is left", "use 1 or more")?;
        Ok(())
    }
}

/// `[problem.data]`: exactly one of `builtin`, `path` and `synthetic`; text alone is a `path`.
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
    /// Columns of a table that are inputs, by name, pattern (`x*`) or position from 1; the array of an NPZ file.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub inputs: Vec<Column>,
    /// Columns of a table that are targets, as `inputs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub targets: Vec<Column>,
    /// Factor that multiplies the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether every column of inputs is centred and divided by its standard deviation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standardise: bool,
    /// Whether targets are classes, one column of whole numbers or text, that become one-hot targets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
    /// Use only the first so many samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// One column, or several.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Column>, D::Error> {
    struct Columns;

    impl<'de> Visitor<'de> for Columns {
        type Value = Vec<Column>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a column's name or position from 1, or an array of them")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
            Ok(vec![Column::Name(name.to_owned())])
        }

        fn visit_i64<E: Error>(self, position: i64) -> Result<Self::Value, E> {
            match usize::try_from(position) {
                Ok(position) if position > 0 => Ok(vec![Column::Position(position)]),
                _ => Err(E::invalid_value(Unexpected::Signed(position), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(One(column)) = columns.next_element()? {
                all.extend(column);
            }
            Ok(all)
        }
    }

    /// A column, as an element.
    struct One(Vec<Column>);

    impl<'de> Deserialize<'de> for One {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Columns).map(Self)
        }
    }

    deserializer.deserialize_any(Columns)
}

/// A table of data, or the path alone.
struct Data(DataTable);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = DataTable;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the path of a file, or a table with one of `builtin`, `path` and `synthetic`")
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<DataTable, E> {
                Ok(DataTable { path: Some(path.into()), ..DataTable::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DataTable, A::Error> {
                DataTable::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(Table).map(Self)
    }
}

/// Every field that some kind has.
static FIELDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let options = problem::all().iter().flat_map(|kind| kind.options).map(|option| option.name);
    ["kind", "data"].into_iter().chain(options).collect()
});

/// Every kind.
static KINDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| problem::all().iter().map(|kind| kind.name).collect());

/// Options are written in the order in which their kind lists them.
impl Serialize for ProblemTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("data", &self.data)?;
        for option in self.known().into_iter().flat_map(|kind| kind.options) {
            if let Some(value) = self.options.get(option.name) {
                map.serialize_entry(option.name, value)?;
            }
        }
        map.end()
    }
}

/// Fields are visited one by one, which keeps the places of mistakes; `serde(flatten)` would lose them.
impl<'de> Deserialize<'de> for ProblemTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = ProblemTable;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table with `kind` and `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProblemTable, A::Error> {
        let (mut kind, mut data, mut options) = (None, None, GivenOptions::new());
        while let Some(Field(field)) = map.next_key()? {
            match field.as_str() {
                "kind" => {
                    let KindName(name) = map.next_value()?;
                    kind = Some(name);
                }
                "data" => {
                    let Data(table) = map.next_value()?;
                    data = Some(table);
                }
                _ => {
                    options.insert(field, map.next_value()?);
                }
            }
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("kind"))?;
        Ok(ProblemTable { kind, data: data.ok_or_else(|| A::Error::missing_field("data"))?, options })
    }
}

/// A field that some kind has.
struct Field(String);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if FIELDS.contains(&name.as_str()) { Ok(Self(name)) } else { Err(D::Error::unknown_field(&name, &FIELDS)) }
    }
}

/// A kind that there is.
struct KindName(String);

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if KINDS.contains(&name.as_str()) { Ok(Self(name)) } else { Err(D::Error::unknown_variant(&name, &KINDS)) }
    }
}
