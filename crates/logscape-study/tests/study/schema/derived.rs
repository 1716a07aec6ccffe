//! The schema itself: derived from the types, described, and the one in the repository.

use super::runs::{LINEAR_RUN, complaints};
use logscape::theory::Warning;
use logscape_study::record::schema;
use serde_json::{Value, json};
use std::{env, fs};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/results.schema.json");

#[test]
fn the_file_is_the_derived_schema() {
    let derived = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    if env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(FILE, derived).expect("to write the schema");
        return;
    }
    let file = fs::read_to_string(FILE).expect("the schema");
    assert!(
        file == derived,
        "{FILE} is not the schema of these types. Write it by\n  INSTA_UPDATE=always cargo test -p logscape-study --test study\nand look at what changed"
    );
}

#[test]
fn the_schema_describes_every_field() {
    fn walk(place: &str, value: &Value) {
        if let Some(fields) = value["properties"].as_object() {
            assert_eq!(value["additionalProperties"], json!(false), "{place} lets other fields in");
            for (name, field) in fields {
                // A variant with one value is described as a whole.
                let variant = fields.len() == 1 && value.get("description").is_some();
                let described = variant || ["description", "$ref", "const"].iter().any(|key| field.get(key).is_some());
                assert!(described, "{place}/{name} is not described");
            }
        }
        match value {
            Value::Object(entries) => entries.iter().for_each(|(key, value)| walk(&format!("{place}/{key}"), value)),
            Value::Array(entries) => entries.iter().for_each(|value| walk(place, value)),
            _ => {}
        }
    }
    walk("", schema().as_value());
}

/// Every check that a theory can fail is one that the schema knows.
#[test]
fn the_schema_knows_every_check() {
    let (value, limit) = (2.0, 1.0);
    let reason = || "a reason".to_owned();
    let all = [
        Warning::TimeDiscreteness { value, limit },
        Warning::MeanSquareGrowth { value, limit },
        Warning::OneSampleStep { value, limit },
        Warning::LargeTemperature { value, limit },
        Warning::OutlierSpread { value, limit },
        Warning::DecouplingShape { value, limit },
        Warning::DecouplingScaling { value, limit },
        Warning::CriticalDimension { value, limit },
        Warning::RefinedDimension { value, limit },
        Warning::SmallBarrier { value, limit },
        Warning::NoiseSpread { value, limit },
        Warning::ResidualGradient { value, limit },
        Warning::NegativeCurvature { value, limit },
        Warning::Kinks { value, limit },
        Warning::LinearInstability { value, limit },
        Warning::QuasiPotential { value, limit },
        Warning::OutOfReach,
        Warning::WaysLeftOut { value, limit },
        Warning::NoiseAboveBarrier { value, limit },
        Warning::StrongPrefactor { value, limit },
        Warning::WayClosed { reason: reason() },
        Warning::ActionError { value, limit },
        Warning::ProjectedAction { count: 1, reason: reason() },
        Warning::ApproximatePrefactor { made_of: reason() },
    ];
    for check in all {
        // One that is added fails to compile here, and belongs into the list.
        match check {
            Warning::TimeDiscreteness { .. }
            | Warning::MeanSquareGrowth { .. }
            | Warning::OneSampleStep { .. }
            | Warning::LargeTemperature { .. }
            | Warning::OutlierSpread { .. }
            | Warning::DecouplingShape { .. }
            | Warning::DecouplingScaling { .. }
            | Warning::CriticalDimension { .. }
            | Warning::RefinedDimension { .. }
            | Warning::SmallBarrier { .. }
            | Warning::NoiseSpread { .. }
            | Warning::ResidualGradient { .. }
            | Warning::NegativeCurvature { .. }
            | Warning::Kinks { .. }
            | Warning::LinearInstability { .. }
            | Warning::QuasiPotential { .. }
            | Warning::OutOfReach
            | Warning::WaysLeftOut { .. }
            | Warning::NoiseAboveBarrier { .. }
            | Warning::StrongPrefactor { .. }
            | Warning::WayClosed { .. }
            | Warning::ActionError { .. }
            | Warning::ProjectedAction { .. }
            | Warning::ApproximatePrefactor { .. }
            | Warning::NotApplicable { .. } => {}
        }
        let mut results = LINEAR_RUN.results.clone();
        *checks_of(&mut results) = json!([check]);
        assert_eq!(complaints(&results), Vec::<String>::new(), "{check:?}");
        checks_of(&mut results)[0]["kind"] = json!("unheard-of");
        assert_eq!(complaints(&results).len(), 1, "{check:?}");
    }
}

fn checks_of(results: &mut Value) -> &mut Value {
    results.pointer_mut("/settings/0/escape/verdict/theories/kramers/failed_checks").expect("checks")
}
