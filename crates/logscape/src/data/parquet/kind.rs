//! What the columns of a Parquet file hold, by its schema.

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::schema::types::Type;

use super::super::table::Kind;

/// What a field of the schema's root holds.
pub(super) fn kind_of(field: &Type) -> Kind {
    let info = field.get_basic_info();
    if field.is_group() || info.repetition() == Repetition::REPEATED {
        return Kind::NESTED;
    }
    // Files of old writers have converted types alone.
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    match (logical, converted) {
        (Some(LogicalType::Timestamp(_) | LogicalType::Date), _)
        | (None, ConvertedType::DATE | ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => {
            return Kind::TIMES;
        }
        (Some(LogicalType::Time(_)), _) | (None, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            return Kind::TIMES_OF_DAY;
        }
        (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => return Kind::DECIMALS,
        (Some(LogicalType::Float16), _) => return Kind::HALVES,
        _ => {}
    }
    // Some writers put text in bytes of which they say nothing.
    let is_text = match logical {
        Some(logical) => matches!(logical, LogicalType::String | LogicalType::Enum),
        None => matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::NONE),
    };
    match field.get_physical_type() {
        Physical::BOOLEAN | Physical::INT32 | Physical::INT64 | Physical::FLOAT | Physical::DOUBLE => Kind::Numbers,
        Physical::INT96 => Kind::TIMES,
        Physical::BYTE_ARRAY if is_text => Kind::Text,
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Kind::BYTES,
    }
}

/// Whether the highest bit of an integer in this field counts as the others do.
pub(super) fn is_unsigned(field: &Type) -> bool {
    let info = field.get_basic_info();
    match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::Integer(integer)), _) => !integer.is_signed,
        (_, converted) => matches!(
            converted,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    }
}
