//! What a study says that its results must show.

use crate::asked::{Expectation, Study};
use crate::record::Results;
use serde_json::Value;

/// One expectation, and the number that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding<'a> {
    /// What was expected.
    pub expectation: &'a Expectation,
    /// The number in the results; `None` where there is none, or it is null.
    pub value: Option<f64>,
}

impl Finding<'_> {
    /// Whether the number lies between the bounds, ends included.
    pub fn is_met(&self) -> bool {
        let [low, high] = self.expectation.between;
        self.value.is_some_and(|value| low <= value && value <= high)
    }
}

/// Looks up every expectation of the study in its results.
///
/// # Errors
/// If the results are no JSON.
pub fn findings<'a>(study: &'a Study, results: &Results) -> serde_json::Result<Vec<Finding<'a>>> {
    let results = serde_json::to_value(results)?;
    Ok(study
        .expect
        .iter()
        .map(|expectation| Finding { expectation, value: number(&results, &expectation.what) })
        .collect())
}

/// The number at a dotted path, list entries counted from 0; of an estimate its value, and 1 or 0 for true or false.
fn number(results: &Value, path: &str) -> Option<f64> {
    let found = path.split('.').try_fold(results, |here, key| match here {
        Value::Array(entries) => entries.get(key.parse::<usize>().ok()?),
        _ => here.get(key),
    })?;
    let found = found.get("value").unwrap_or(found);
    found.as_f64().or_else(|| found.as_bool().map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_found_by_path() {
        let results = json!({"settings": [{"phi": 2.0}, {"phi": {"value": 3.5, "ci95": [3, 4]}, "none": null}]});
        assert_eq!(number(&results, "settings.0.phi"), Some(2.0));
        assert_eq!(number(&results, "settings.1.phi"), Some(3.5));
        let verdict = json!({"theories": {"a": {"holds": true}, "b": {"holds": false}, "c": {"holds": null}}});
        let holds = ["a", "b", "c"].map(|name| number(&verdict, &format!("theories.{name}.holds")));
        assert_eq!(holds, [Some(1.0), Some(0.0), None]);
        for missing in ["settings.2.phi", "settings.x.phi", "settings.1.none", "settings.1.other", "", "settings"] {
            assert_eq!(number(&results, missing), None, "{missing}");
        }
    }

    #[test]
    fn ends_belong_to_the_interval_and_a_missing_number_meets_nothing() {
        let expectation = Expectation { what: "x".into(), between: [1.0, 2.0], because: "it is so".into() };
        let met = |value| Finding { expectation: &expectation, value }.is_met();
        assert!(met(Some(1.0)) && met(Some(2.0)));
        assert!(!met(Some(0.999)) && !met(Some(2.001)) && !met(None));
    }
}
