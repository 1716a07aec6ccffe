//! A study for a problem that has a name, on data of its own.

use super::choice::{SEED, choose};
use super::model::Candidate;
use super::words::{comment, numbers, problem};
use crate::error::RunError;
use crate::events::Events;
use logscape::Stop;
use logscape::problem::Kind;

/// A study of `kind` on data of its own, with every option of the kind. The events are the stages that choose its numbers.
///
/// # Errors
/// [`RunError`] when stopped.
pub fn of_kind(kind: &'static Kind, stop: &Stop, events: &dyn Events) -> Result<String, RunError> {
    let candidate = Candidate::new(kind, kind.equation);
    let generator = kind.example();
    // Generators have plain settings, which TOML can write.
    let table = toml::Value::try_from(&generator).map(|table| table.to_string()).unwrap_or_default();
    let Some(choice) = choose(&candidate, &generator.generate(SEED)?.data, true, (stop, events))? else {
        return Err(RunError::input("problem.kind", format!("nothing suits `{}`", kind.name)));
    };
    Ok(format!(
        "{}name = \"{}\"\nseed = {SEED}\n\n{}# \"data.csv\" in place of it is a table of yours; `logscape new data.csv` \
         writes a study for that.\ndata = {{ synthetic = {table} }}\n{}",
        comment(kind.equation),
        kind.name,
        problem(&candidate),
        numbers(&choice)
    ))
}
