//! What the columns of a Parquet file hold, by its schema.

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::schema::types::Type;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers; integers may have no sign.
    Numbers {
        /// Whether the highest bit of an integer counts as the others do.
        unsigned: bool,
    },
    /// Text.
    Text,
    /// Something else, with what to write in its place.
    Other {
        /// In words.
        what: &'static str,
        /// How to write it as numbers.
        hint: &'static str,
    },
}

const NESTED: Kind = Kind::Other {
    what: "lists or records",
    hint: "write each of their numbers to a column of its own, such as `pd.DataFrame(df[\"COLUMN\"].tolist())`, or leave the column out of `inputs` and `targets`",
};
const TIMES: Kind = Kind::Other {
    what: "dates or times",
    hint: "write numbers, such as `(t - t.min()).dt.total_seconds()` with `t = pd.to_datetime(df[\"COLUMN\"])`, or leave the column out of `inputs` and `targets`",
};
const TIMES_OF_DAY: Kind = Kind::Other {
    what: "times of the day",
    hint: "write numbers, such as `pd.to_timedelta(df[\"COLUMN\"].astype(str)).dt.total_seconds()`, or leave the column out of `inputs` and `targets`",
};
const DECIMALS: Kind = Kind::Other {
    what: "decimals, which numbers in binary only come near",
    hint: "write `df[\"COLUMN\"].astype(\"float64\")`, or leave the column out of `inputs` and `targets`",
};
const HALVES: Kind = Kind::Other {
    what: "16-bit reals",
    hint: "write `df[\"COLUMN\"].astype(\"float32\")`, or leave the column out of `inputs` and `targets`",
};
const BYTES: Kind = Kind::Other {
    what: "bytes, which are neither numbers nor text",
    hint: "write numbers or text, or leave the column out of `inputs` and `targets`",
};

impl Kind {
    /// What a field of the schema's root holds.
    pub(super) fn of(field: &Type) -> Self {
        let info = field.get_basic_info();
        if field.is_group() || info.repetition() == Repetition::REPEATED {
            return NESTED;
        }
        // Files of old writers have converted types alone.
        let (logical, converted) = (info.logical_type_ref(), info.converted_type());
        match (logical, converted) {
            (Some(LogicalType::Timestamp(_) | LogicalType::Date), _)
            | (None, ConvertedType::DATE | ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => {
                return TIMES;
            }
            (Some(LogicalType::Time(_)), _) | (None, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
                return TIMES_OF_DAY;
            }
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => return DECIMALS,
            (Some(LogicalType::Float16), _) => return HALVES,
            _ => {}
        }
        let unsigned = match (logical, converted) {
            (Some(LogicalType::Integer(integer)), _) => !integer.is_signed,
            (_, converted) => matches!(
                converted,
                ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
            ),
        };
        // Some writers put text in bytes of which they say nothing.
        let is_text = match logical {
            Some(logical) => matches!(logical, LogicalType::String | LogicalType::Enum),
            None => matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::NONE),
        };
        match field.get_physical_type() {
            Physical::BOOLEAN | Physical::INT32 | Physical::INT64 | Physical::FLOAT | Physical::DOUBLE => {
                Self::Numbers { unsigned }
            }
            Physical::INT96 => TIMES,
            Physical::BYTE_ARRAY if is_text => Self::Text,
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => BYTES,
        }
    }
}
