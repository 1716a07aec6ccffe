//! Saddles in several dimensions.

use super::runs::{Finished, LINEAR, PHASES, complaints, finished, silent};
use logscape::Stop;
use logscape_study::{Destination, Record, parse, run};
use serde_json::json;
use std::path::Path;

#[test]
fn saddles_in_several_dimensions_are_found_recorded_and_described() {
    for (study, region) in [
        (PHASES.to_owned(), "half-spaces"),
        (PHASES.replace("\"dividing-surface\"", "\"quench\"\ncheck_every = 50"), "quench"),
    ] {
        let Finished { record, folder, results } = finished(&study);
        assert_eq!(complaints(&results), Vec::<String>::new(), "{region}");
        let found = results["saddles"]["found"].as_array().expect("saddles");
        assert_eq!(found.len(), 2, "{}", results["saddles"]["summary"]);
        for saddle in found {
            // The two minima differ in their sign alone.
            let both = [&saddle["other_loss"], &results["minimum"]["loss"]].map(|loss| loss.as_f64().expect("a loss"));
            assert!((both[0] / both[1] - 1.0).abs() < 1e-9, "{both:?}");
            assert!(saddle["ln_transverse_ratio"].is_number());
        }
        assert_eq!(results["settings"][0]["escape"]["region"]["kind"], region);
        assert!(results["settings"][0]["escape"]["predictions"]["kramers"]["rate"].is_number());
        let read = Record::read(&folder.path().join("record")).expect("the record is whole");
        assert_eq!(read.tables, record.tables);
        assert_eq!(read.results, record.results);
        assert_eq!(read.tables.energy_paths.iter().filter(|row| row.saddle == 1).count(), 101);
    }
}

#[test]
fn a_basin_without_saddles_says_so_where_the_region_can_do_without_them() {
    let quench = LINEAR.replace("{ loss-factor = 1.5 }", "\"quench\"\ncheck_every = 100");
    let results = finished(&quench).results;
    assert_eq!(complaints(&results), Vec::<String>::new());
    assert_eq!(results["saddles"]["found"], json!([]));
    assert!(results["saddles"]["attempts"].as_array().is_some_and(|attempts| attempts.len() > 10));
    let kramers = &results["settings"][0]["escape"]["predictions"]["kramers"];
    assert!(kramers["rate"].is_null() && kramers["warnings"].to_string().contains("0 saddles found"), "{kramers}");
    assert_eq!(results["settings"][0]["escape"]["measured"]["escaped"], 0);
    let place = tempfile::tempdir().expect("a temporary folder");
    let study = parse("study.toml", &LINEAR.replace("{ loss-factor = 1.5 }", "\"dividing-surface\""), &[]);
    let destination = Destination::new(place.path().join("record"));
    let error = run(&study.expect("a good study"), Path::new(""), &destination, &Stop::new(), &silent);
    let error = error.expect_err("there is no saddle");
    assert!(
        error.is_bad_input() && error.to_string().contains("a dividing surface needs a saddle: 0 saddles"),
        "{error}"
    );
}
