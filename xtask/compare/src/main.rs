//! `compare-records OLD NEW`: whether two records, or two folders of records, say the same, number by number and to the
//! bit. What only the new one says is listed, and no difference.

mod findings;
mod json;
mod record;
mod tables;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

const USAGE: &str = "usage: compare-records OLD NEW

  Two records, or two folders of records. Exit code: 0 the same, 1 different, 2 no record to compare.";

/// Differences that are printed; the others are counted.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [old, new] = &arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (compared, findings) = match record::compare(old.as_ref(), new.as_ref()) {
        Ok(compared) => compared,
        Err(error) => {
            eprintln!("compare-records: {error}");
            return ExitCode::from(2);
        }
    };
    for addition in &findings.additions {
        println!("{addition}");
    }
    for difference in findings.differences.iter().take(SHOWN) {
        println!("{difference}");
    }
    let count = findings.differences.len();
    if count > SHOWN {
        println!("and {} more", count - SHOWN);
    }
    println!("{compared} records compared, {count} differences, {} additions", findings.additions.len());
    if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
