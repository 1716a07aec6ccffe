//! What a column of a table holds.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Kind {
    /// Numbers.
    Numbers,
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

impl Kind {
    pub(in crate::data) const NESTED: Self = Self::Other {
        what: "lists or records",
        hint: "write each of their numbers to a column of its own, such as `pd.DataFrame(df[\"COLUMN\"].tolist())`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const TIMES: Self = Self::Other {
        what: "dates or times",
        hint: "write numbers, such as `(t - t.min()).dt.total_seconds()` with `t = pd.to_datetime(df[\"COLUMN\"])`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const TIMES_OF_DAY: Self = Self::Other {
        what: "times of the day",
        hint: "write numbers, such as `pd.to_timedelta(df[\"COLUMN\"].astype(str)).dt.total_seconds()`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const DURATIONS: Self = Self::Other {
        what: "spans of time",
        hint: "write numbers, such as `pd.to_timedelta(df[\"COLUMN\"]).dt.total_seconds()`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const INTERVALS: Self = Self::Other {
        what: "months and days, which are of no fixed length",
        hint: "write numbers, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const DECIMALS: Self = Self::Other {
        what: "decimals, which numbers in binary only come near",
        hint: "write `df[\"COLUMN\"].astype(\"float64\")`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const HALVES: Self = Self::Other {
        what: "16-bit reals",
        hint: "write `df[\"COLUMN\"].astype(\"float32\")`, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const BYTES: Self = Self::Other {
        what: "bytes, which are neither numbers nor text",
        hint: "write numbers or text, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const NULLS: Self = Self::Other {
        what: "nothing but nulls",
        hint: "fill it with numbers, or leave the column out of `inputs` and `targets`",
    };
    pub(in crate::data) const RUNS: Self = Self::Other {
        what: "runs of equal values",
        hint: "write each value, `pyarrow.compute.run_end_decode(table[\"COLUMN\"])`, or leave the column out of `inputs` and `targets`",
    };
}
