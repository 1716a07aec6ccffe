//! Grids of numbers: a number, a list, or a range such as `"0.01:1:7log"`.

use serde::{Deserialize, Serialize};

/// A grid of positive settings, always stored as the list that it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "GridText<T>", bound(deserialize = "T: GridNumber + Deserialize<'de>"))]
pub struct Grid<T>(pub Vec<T>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number, a list of numbers, or a range like \"0.01:1:7log\"")]
enum GridText<T> {
    One(T),
    Many(Vec<T>),
    Range(String),
}

/// A number that a range can produce.
pub trait GridNumber: Sized {
    /// The number nearest to `x`, or `None` where `x` is not one.
    fn from_real(x: f64) -> Option<Self>;
}

impl GridNumber for f64 {
    fn from_real(x: f64) -> Option<Self> {
        x.is_finite().then_some(x)
    }
}

impl GridNumber for usize {
    fn from_real(x: f64) -> Option<Self> {
        (x.is_finite() && x >= 0.0).then(|| x.round() as usize)
    }
}

impl<T: GridNumber> TryFrom<GridText<T>> for Grid<T> {
    type Error = String;

    fn try_from(text: GridText<T>) -> Result<Self, String> {
        match text {
            GridText::One(x) => Ok(Self(vec![x])),
            GridText::Many(xs) if xs.is_empty() => Err("the list is empty".into()),
            GridText::Many(xs) => Ok(Self(xs)),
            GridText::Range(text) => range(&text)?
                .into_iter()
                .map(|x| T::from_real(x).ok_or_else(|| format!("`{x}` in range `{text}` is no valid value")))
                .collect::<Result<_, _>>()
                .map(Self),
        }
    }
}

/// The points of `"low:high:count"` (equally spaced) or `"low:high:countlog"` (equal ratios), both ends included.
///
/// ```
/// # use logscape_study::asked::grid::range;
/// assert_eq!(range("1:3:3").unwrap(), [1.0, 2.0, 3.0]);
/// assert!((range("1:100:3log").unwrap()[1] - 10.0).abs() < 1e-12);
/// ```
///
/// # Errors
/// In words, when the text is no range.
pub fn range(text: &str) -> Result<Vec<f64>, String> {
    let form = || format!("`{text}` is no range; write low:high:count or low:high:countlog, as in \"0.01:1:7log\"");
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let [low, high, count] = parts[..] else { return Err(form()) };
    let (count, logarithmic) = count.strip_suffix("log").map_or((count, false), |c| (c, true));
    let low: f64 = low.parse().map_err(|_| form())?;
    let high: f64 = high.parse().map_err(|_| form())?;
    let count: u32 = count.parse().map_err(|_| form())?;
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(format!("range `{text}` needs finite ends with low < high"));
    }
    if !(2..=10_000).contains(&count) {
        return Err(format!("range `{text}` needs 2 to 10000 points"));
    }
    if logarithmic && low <= 0.0 {
        return Err(format!("logarithmic range `{text}` needs low > 0"));
    }
    let last = count - 1;
    Ok((0..count)
        .map(|k| match k {
            0 => low,
            k if k == last => high,
            k if logarithmic => low * (high / low).powf(f64::from(k) / f64::from(last)),
            k => low + (high - low) * f64::from(k) / f64::from(last),
        })
        .collect())
}
