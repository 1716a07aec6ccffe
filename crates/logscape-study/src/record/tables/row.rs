//! A row of a Parquet file as a row of a table: columns by their names, each of the type that it is written in.

use parquet::errors::ParquetError;
use parquet::record::{Field, Row};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor, value};
use serde::forward_to_deserialize_any;

/// Reads a row; a damaged file may hold anything.
///
/// # Errors
/// If a column is missing, or holds something else.
pub(super) fn read<T: DeserializeOwned>(row: &Row) -> Result<T, ParquetError> {
    let columns = row.get_column_iter().map(|(name, field)| (name.as_str(), Value(field)));
    T::deserialize(MapDeserializer::<_, value::Error>::new(columns))
        .map_err(|error| ParquetError::General(error.to_string()))
}

/// What one column has in a row.
struct Value<'a>(&'a Field);

impl IntoDeserializer<'_, value::Error> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self.0 {
            Field::Bool(value) => visitor.visit_bool(*value),
            Field::ULong(value) => visitor.visit_u64(*value),
            Field::Double(value) => visitor.visit_f64(*value),
            Field::Str(value) => visitor.visit_str(value),
            Field::ListInternal(list) => visitor.visit_seq(SeqDeserializer::new(list.elements().iter().map(Value))),
            _ => Err(value::Error::custom("a value of a type that no column has")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
