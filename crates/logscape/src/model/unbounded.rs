//! Numbers that may be infinite, as JSON holds them: it has no infinity, so that an end that is nowhere is null, and its place
//! tells which infinity that is.
//!
//! ```
//! # use logscape::Estimate;
//! let open = Estimate::new(1.0, 0.5, f64::INFINITY);
//! let text = serde_json::to_string(&open)?;
//! assert_eq!(text, r#"{"value":1.0,"ci95":[0.5,null]}"#);
//! assert_eq!(serde_json::from_str::<Estimate>(&text)?, open);
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number, unless JSON cannot hold it.
fn finite(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite())
}

macro_rules! instead_of_null {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) mod $name {
                use super::{Deserialize, Deserializer, Serialize, Serializer, finite};

                pub(crate) fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
                    finite(*x).serialize(serializer)
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
                    Ok(Option::deserialize(deserializer)?.unwrap_or($number))
                }
            }
        )*
    };
}

instead_of_null! {
    /// Null is `−∞`.
    below = f64::NEG_INFINITY;
    /// Null is `∞`.
    above = f64::INFINITY;
    /// Null is no number.
    undefined = f64::NAN;
}

macro_rules! instead_of_nulls {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) mod $name {
                use super::{Deserialize, Deserializer, Serializer, finite};

                pub(crate) fn serialize<S: Serializer>(all: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_seq(all.iter().map(|x| finite(*x)))
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
                    let all: Vec<Option<f64>> = Deserialize::deserialize(deserializer)?;
                    Ok(all.into_iter().map(|x| x.unwrap_or($number)).collect())
                }
            }
        )*
    };
}

instead_of_nulls! {
    /// Nulls are `−∞`.
    all_below = f64::NEG_INFINITY;
    /// Nulls are `∞`.
    all_above = f64::INFINITY;
}

/// An interval: a null is `−∞` at its lower end, `∞` at its upper end.
pub(crate) mod ends {
    use super::{Deserialize, Deserializer, Serialize, Serializer, finite};

    pub(crate) fn serialize<S: Serializer>(ends: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
        ends.map(finite).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; 2], D::Error> {
        let [low, high] = <[Option<f64>; 2]>::deserialize(deserializer)?;
        Ok([low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)])
    }
}

/// Cuts of a spectrum `(n, h*, gap)`: a gap that is null is `∞`.
pub(crate) mod cuts {
    use super::{Deserialize, Deserializer, Serializer, finite};

    pub(crate) fn serialize<S: Serializer>(cuts: &[(usize, f64, f64)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(cuts.iter().map(|&(count, h_star, gap)| (count, h_star, finite(gap))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(usize, f64, f64)>, D::Error> {
        let cuts: Vec<(usize, f64, Option<f64>)> = Deserialize::deserialize(deserializer)?;
        Ok(cuts.into_iter().map(|(count, h_star, gap)| (count, h_star, gap.unwrap_or(f64::INFINITY))).collect())
    }
}
