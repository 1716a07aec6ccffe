//! Tables in Arrow files and streams, as pandas, polars and pyarrow wrote them.

use super::data::{PLAIN, read_columns, read_table};
use super::{LIMIT, Target};
use crate::input::Input;
use logscape::data::{Column, ReadOptions};
use std::path::Path;

/// A column may be packed so well that it takes many times its bytes.
pub(super) const ARROW: Target = Target {
    name: "arrow",
    good: || GOOD.map(|bytes| Input::of("data.arrow", bytes.to_vec())).into(),
    read: |folder| read(&folder.join("data.arrow")),
    names: &["data.arrow"],
    memory: LIMIT + (1 << 20),
    ..PLAIN
};

/// As any table is read and, where that is refused, without the columns of text and others between `x` and the last, which may be classes.
fn read(path: &Path) -> Result<(), String> {
    let inputs = vec![Column::Name("x".into())];
    read_table(path).or_else(|_| read_columns(path, &ReadOptions { inputs, one_hot: true, ..ReadOptions::default() }))
}

const GOOD: [&[u8]; 13] = [
    include_bytes!("../../../crates/logscape/src/data/arrow/first.feather"),
    include_bytes!("../../../crates/logscape/src/data/arrow/grown.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/grown.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/mixed.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/nested.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/numbers.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/old.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/others.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/pandas.feather"),
    include_bytes!("../../../crates/logscape/src/data/arrow/polars.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/polars.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/replaced.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/wide.arrows"),
];
