//! Tables in Arrow files and streams, as pandas, polars and pyarrow wrote them.

use super::data::{PLAIN, read_table};
use super::{LIMIT, Target};
use crate::input::Input;

/// A column may be packed so well that it takes many times its bytes.
pub(super) const ARROW: Target = Target {
    name: "arrow",
    good: || GOOD.map(|bytes| Input::of("data.arrow", bytes.to_vec())).into(),
    read: |folder| read_table(&folder.join("data.arrow")),
    names: &["data.arrow"],
    memory: LIMIT + (1 << 20),
    ..PLAIN
};

const GOOD: [&[u8]; 11] = [
    include_bytes!("../../../crates/logscape/src/data/arrow/first.feather"),
    include_bytes!("../../../crates/logscape/src/data/arrow/grown.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/grown.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/nested.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/numbers.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/old.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/others.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/pandas.feather"),
    include_bytes!("../../../crates/logscape/src/data/arrow/polars.arrow"),
    include_bytes!("../../../crates/logscape/src/data/arrow/polars.arrows"),
    include_bytes!("../../../crates/logscape/src/data/arrow/replaced.arrows"),
];
