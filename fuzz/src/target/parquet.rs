//! Tables in Parquet files.

use super::data::{PLAIN, read_table};
use super::{LIMIT, Target};
use crate::input::Input;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// A column may be packed so well that it takes many times its bytes.
pub(super) const PARQUET: Target = Target {
    name: "parquet",
    good: || {
        let [first, second] = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
        // Packed by zstd and by gzip, which are not written here.
        let packed: [&[u8]; 2] = [
            include_bytes!("../../../crates/logscape/src/data/parquet/polars.parquet"),
            include_bytes!("../../../crates/logscape/src/data/parquet/gzip.parquet"),
        ];
        let packed = packed.map(|bytes| Input::of("data.parquet", bytes.to_vec()));
        let written = [(first, true), (first, false), (second, true), (second, false)].map(table);
        written.into_iter().chain(packed).collect()
    },
    read: |folder| read_table(&folder.join("data.parquet")),
    names: &["data.parquet"],
    memory: LIMIT + (1 << 20),
    ..PLAIN
};

const SCHEMA: &str = "message table { required double x1; optional int64 x2; optional binary kind (STRING); \
                      optional int64 y (INTEGER(64,false)); }";

/// A table in two groups of rows; with a dictionary also in snappy.
fn table((version, dictionary): (WriterVersion, bool)) -> Input {
    let properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(if dictionary { Compression::SNAPPY } else { Compression::UNCOMPRESSED })
        .set_dictionary_enabled(dictionary)
        .build();
    let schema = parse_message_type(SCHEMA).expect("a schema");
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).expect("in memory");
    for rows in [12, 5_i64] {
        let present = vec![1; rows as usize];
        let reals: Vec<f64> = (0..rows).map(|k| 0.5 * (k % 4) as f64).collect();
        let wholes: Vec<i64> = (0..rows).map(|k| k * k - 3).collect();
        let texts: Vec<ByteArray> = (0..rows).map(|k| ["a", "b, c", ""][k as usize % 3].into()).collect();
        let counts: Vec<i64> = (0..rows).collect();
        let mut group = writer.next_row_group().expect("a group");
        for at in 0.. {
            let Some(mut column) = group.next_column().expect("in memory") else { break };
            let written = match at {
                0 => column.typed::<DoubleType>().write_batch(&reals, None, None),
                1 => column.typed::<Int64Type>().write_batch(&wholes, Some(&present), None),
                2 => column.typed::<ByteArrayType>().write_batch(&texts, Some(&present), None),
                _ => column.typed::<Int64Type>().write_batch(&counts, Some(&present), None),
            };
            written.expect("in memory");
            column.close().expect("in memory");
        }
        group.close().expect("in memory");
    }
    Input::of("data.parquet", writer.into_inner().expect("in memory"))
}
