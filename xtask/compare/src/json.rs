//! Comparison of `results.json`.

use serde_json::{Number, Value};

use crate::findings::Findings;

/// Compares two values at a place, and all that is in them.
pub(crate) fn compare(place: &str, old: &Value, new: &Value, findings: &mut Findings) {
    match (old, new) {
        (Value::Object(olds), Value::Object(news)) => {
            for (key, old) in olds {
                let inside = format!("{place}.{key}");
                match news.get(key) {
                    Some(new) => compare(&inside, old, new, findings),
                    None => findings.missing("field", &inside, &old.to_string()),
                }
            }
            for key in news.keys().filter(|key| !olds.contains_key(*key)) {
                findings.addition("field", &format!("{}.{key}", everywhere(place)));
            }
        }
        (Value::Array(olds), Value::Array(news)) => {
            if olds.len() != news.len() {
                findings.differ(place, &format!("{} elements", olds.len()), &format!("{} elements", news.len()));
            }
            for (k, (old, new)) in olds.iter().zip(news).enumerate() {
                compare(&format!("{place}[{k}]"), old, new, findings);
            }
        }
        (Value::Number(a), Value::Number(b)) if same_number(a, b) => {}
        (Value::Number(_), _) | (_, Value::Number(_)) => findings.differ(place, &old.to_string(), &new.to_string()),
        _ if old != new => findings.differ(place, &old.to_string(), &new.to_string()),
        _ => {}
    }
}

/// Equal to the bit: `0.0` is neither `-0.0` nor `0`.
fn same_number(old: &Number, new: &Number) -> bool {
    match (old.is_f64(), new.is_f64()) {
        (true, true) => old.as_f64().map(f64::to_bits) == new.as_f64().map(f64::to_bits),
        (false, false) => old == new,
        _ => false,
    }
}

/// A place without the numbers of its elements, so that what is new in each is one addition.
fn everywhere(place: &str) -> String {
    let mut parts = place.split('[');
    let mut place = parts.next().unwrap_or_default().to_string();
    for part in parts {
        place.push_str("[]");
        place.push_str(part.split_once(']').map_or("", |(_, after)| after));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(old: &Value, new: &Value) -> (Vec<String>, Vec<String>) {
        let mut findings = Findings::default();
        compare("r", old, new, &mut findings);
        (findings.differences, findings.additions.into_iter().collect())
    }

    #[test]
    fn equal_values_have_no_difference_whatever_the_order_of_keys() {
        let old = json!({"a": [1, 2.5, null], "b": {"c": "x", "d": true}});
        let new = serde_json::from_str(r#"{"b": {"d": true, "c": "x"}, "a": [1, 2.5, null]}"#).unwrap();
        assert_eq!(found(&old, &new), (vec![], vec![]));
    }

    #[test]
    fn one_bit_is_a_difference() {
        let old = 0.1_f64;
        let new = f64::from_bits(old.to_bits() + 1);
        let (differences, _) = found(&json!({"a": [{"b": old}]}), &json!({"a": [{"b": new}]}));
        assert_eq!(differences, ["r.a[0].b: old 0.1, new 0.10000000000000002"]);
        assert_eq!(found(&json!(0.0), &json!(-0.0)).0, ["r: old 0.0, new -0.0"]);
        assert_eq!(found(&json!(1), &json!(1.0)).0, ["r: old 1, new 1.0"]);
        assert_eq!(found(&json!(null), &json!(1.0)).0, ["r: old null, new 1.0"]);
        assert_eq!(found(&json!(u64::MAX), &json!(u64::MAX - 1)).0.len(), 1);
    }

    #[test]
    fn what_is_new_is_listed_once_and_what_is_gone_is_a_difference() {
        let old = json!({"rows": [{"a": 1, "b": 2}, {"a": 1}]});
        let new = json!({"rows": [{"a": 1, "c": {"d": 1}}, {"a": 1, "c": 3}], "more": []});
        let (differences, additions) = found(&old, &new);
        assert_eq!(differences, ["missing field r.rows[0].b: old 2"]);
        assert_eq!(additions, ["new field r.more", "new field r.rows[].c"]);
    }

    #[test]
    fn lists_of_other_lengths_differ() {
        let (differences, _) = found(&json!([1, 2]), &json!([3]));
        assert_eq!(differences, ["r: old 2 elements, new 1 elements", "r[0]: old 1, new 3"]);
    }
}
