//! Reads a study file, applies overrides, checks every value and says where it is wrong.

use super::check::Wrong;
use super::field::{field_at, field_of};
use super::{ProblemTable, Study, StudyError};
use logscape::problem::OptionError;
use miette::{NamedSource, SourceSpan};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// Reads the study at `path` with `--set` assignments such as `sgd.batch_size=[1,4]` applied in order.
///
/// # Errors
/// [`StudyError`] when the file cannot be read or a value is wrong.
pub fn load(path: &Path, overrides: &[String]) -> Result<Study, StudyError> {
    parse(&path.display().to_string(), &text_of(path)?, overrides)
}

/// Like [`load`], for [`run_with`](crate::run_with): a table `[problem]` is not needed.
///
/// # Errors
/// As [`load`].
pub fn load_for_own_problem(path: &Path, overrides: &[String]) -> Result<Study, StudyError> {
    parse_for_own_problem(&path.display().to_string(), &text_of(path)?, overrides)
}

fn text_of(path: &Path) -> Result<String, StudyError> {
    std::fs::read_to_string(path).map_err(|source| StudyError::Unreadable { path: path.to_path_buf(), source })
}

/// Like [`load`], from text; `name` stands for the file in diagnostics.
///
/// # Errors
/// [`StudyError`] when a value is wrong.
pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Study, StudyError> {
    let study = parse_for_own_problem(name, text, overrides)?;
    if study.problem.is_none() {
        let hint = "add a table [problem] with the problem's `kind` and its `data`".to_owned();
        return Err(Source { name, text, overrides }.error(
            Some("problem".to_owned()),
            "missing field `problem`".to_owned(),
            hint,
            None,
        ));
    }
    Ok(study)
}

/// Like [`parse`], for [`run_with`](crate::run_with): a table `[problem]` is not needed.
///
/// # Errors
/// [`StudyError`] when a value is wrong.
pub fn parse_for_own_problem(name: &str, text: &str, overrides: &[String]) -> Result<Study, StudyError> {
    let source = Source { name, text, overrides };
    let syntax = |error: toml::de::Error| {
        let hint = "write `field = value` under `[section]`, with text in quotes".to_owned();
        source.error(None, error.message().to_owned(), hint, error.span())
    };
    DeTable::parse(text).map_err(syntax)?;
    let mut table: Table = toml::from_str(text).map_err(syntax)?;
    for assignment in overrides {
        spell_out_data(&mut table);
        assign(&mut table, assignment)?;
    }
    // Without overrides the text itself is deserialised, so that the parser knows places.
    let parsed = if overrides.is_empty() { toml::from_str(text) } else { table.try_into() };
    let mut study: Study = parsed.map_err(|error| source.schema_error(&error))?;
    let path = study.problem.as_mut().and_then(|problem| problem.data.path.as_mut());
    if let Some(path) = path.filter(|_| source.is_overridden("problem.data.path")) {
        // Who types a path means one that starts where they are. Without a current folder it stays as it is.
        *path = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    }
    let options = study.problem.as_ref().map_or(Ok(()), ProblemTable::check_options);
    options.map_err(|OptionError { option, message, hint }| {
        let field = format!("problem.{option}");
        let hint = hint.map_or_else(|| suggestion(&message), str::to_owned);
        let span = source.span_of(&field);
        source.error(Some(field.clone()), format!("{field}: {message}"), hint, span)
    })?;
    study.check().map_err(|Wrong { field, message, hint }| {
        source.error(Some(field.to_owned()), format!("{field}: {message}"), hint.to_owned(), source.span_of(field))
    })?;
    Ok(study)
}

/// The text of a study, its name, and what the command line put over it.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    overrides: &'a [String],
}

impl Source<'_> {
    fn error(&self, field: Option<String>, message: String, hint: String, span: Option<Range<usize>>) -> StudyError {
        let Self { name, text, overrides } = self;
        let (span, told) = match span {
            // A place is shown with the name of its file.
            Some(span) if is_shown(text, &span) => (Some(span), None),
            Some(span) => (None, Some(format!(", line {}", line_of(text, span.start)))),
            None if overrides.is_empty() => (None, Some(String::new())),
            None => (None, Some(" with --set".to_owned())),
        };
        StudyError::Invalid {
            field,
            message: match told {
                Some(told) => format!("{message} (in {name}{told})"),
                None => message,
            },
            hint,
            file: Arc::new(NamedSource::new(self.name, self.text.to_owned()).with_language("TOML")),
            place: span.map(SourceSpan::from),
        }
    }

    /// Whether the command line gave the dotted field, or a table that it is in.
    fn is_overridden(&self, field: &str) -> bool {
        let names = |path: &str| field == path || field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.overrides.iter().filter_map(|assignment| assignment.split_once('=')).any(|(path, _)| names(path.trim()))
    }

    /// Place of the value of a dotted field, or of the closest enclosing table that the file has; none for a value
    /// that an override gave.
    fn span_of(&self, field: &str) -> Option<Range<usize>> {
        if self.is_overridden(field) {
            return None;
        }
        let root = DeTable::parse(self.text).ok()?;
        let mut table = root.get_ref();
        let mut span = None;
        for key in field.split('.') {
            let Some(value) = table.get(key) else { break };
            span = Some(value.span());
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        span
    }

    /// Turns the parser's words into a diagnostic.
    fn schema_error(&self, error: &toml::de::Error) -> StudyError {
        let message = error.message().trim().to_owned();
        let hint = suggestion(&message);
        let field = field_of(&message, error.span().and_then(|span| field_at(self.text, &span)));
        self.error(field, message, hint, error.span())
    }
}

/// Bytes of the longest line of which a part is shown.
const LONGEST_LINE: usize = 1_000;

/// Whether the place can be shown with the lines around it: none is too long for a terminal.
fn is_shown(text: &str, span: &Range<usize>) -> bool {
    let (first, last) = (line_of(text, span.start), line_of(text, span.end));
    let around = text.lines().skip(first.saturating_sub(2)).take(last - first + 3);
    around.map(str::len).all(|length| length <= LONGEST_LINE)
}

/// The line around a place, from 1.
fn line_of(text: &str, place: usize) -> usize {
    text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
}

/// The hint for the parser's words, which suggests the nearest name for a misspelt one.
fn suggestion(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let misspelt = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match names.split_first() {
        Some((given, known)) if misspelt => known
            .iter()
            .map(|name| (strsim::damerau_levenshtein(given, name), *name))
            .min()
            .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
            .map_or_else(|| format!("known here: {}", known.join(", ")), |(_, name)| format!("did you mean `{name}`?")),
        _ if message.starts_with("missing field") => "add the field to the study".into(),
        _ => "give a value of the kind that is expected here".into(),
    }
}

/// Puts the table in the place of the path that is short for it, so that its fields can be set.
fn spell_out_data(study: &mut Table) {
    if let Some(data) = study.get_mut("problem").and_then(|problem| problem.get_mut("data"))
        && data.is_str()
    {
        let path = data.clone();
        *data = Value::Table(Table::from_iter([("path".to_owned(), path)]));
    }
}

/// Sets `section.field=value` in the table; the value is TOML, or a bare word taken as a string.
fn assign(table: &mut Table, assignment: &str) -> Result<(), StudyError> {
    let fail = |reason: &str| StudyError::Override { assignment: assignment.to_owned(), reason: reason.to_owned() };
    let (path, text) = assignment.split_once('=').ok_or_else(|| fail("there is no `=`"))?;
    let keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err(fail("a part of the field's name is empty"));
    }
    let value = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut wrapped| wrapped.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    let mut here = table;
    for key in &keys[..keys.len() - 1] {
        here = here
            .entry(*key)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| fail(&format!("`{key}` is no section")))?;
    }
    here.insert(keys[keys.len() - 1].to_owned(), value);
    Ok(())
}
