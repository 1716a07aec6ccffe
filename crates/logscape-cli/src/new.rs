//! `logscape new`: a study to start from, on standard output or in a file.

use crate::outcome::{BAD_INPUT, DONE, FAILED, fail, print, tell};
use crate::progress::Terminal;
use crate::{shipped, signals};
use clap::builder::PossibleValuesParser;
use logscape::data::{Column, FORMATS};
use logscape::problem::{self, Kind};
use logscape_study::template::{self, Asked};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct NewArguments {
    /// A shipped study, a problem, or the path of data: KINDS
    #[arg(value_name = "KIND|DATA", help = help())]
    what: String,
    /// The problem for the data [default: a network for classes, else linear regression]
    #[arg(long, value_parser = PossibleValuesParser::new(problem::all().iter().map(|kind| kind.name)))]
    kind: Option<String>,
    /// A column of the data to predict, by name, pattern or place from 1; several times for several [default: the last]
    #[arg(long = "target", value_name = "COLUMN", value_parser = column)]
    targets: Vec<Column>,
    /// A column of the data that is an input, as --target [default: all others that hold numbers]
    #[arg(long = "input", value_name = "COLUMN", value_parser = column)]
    inputs: Vec<Column>,
    /// Write the study to this file, which must not be there yet [default: standard output]
    #[arg(long = "out", value_name = "FILE")]
    output: Option<PathBuf>,
}

fn help() -> String {
    format!("A shipped study or a problem ({}), or the path of data of yours", shipped::names().join(", "))
}

#[allow(clippy::unnecessary_wraps, reason = "what a parser of arguments returns")]
fn column(text: &str) -> Result<Column, String> {
    Ok(text.parse().map_or_else(|_| Column::Name(text.to_owned()), Column::Position))
}

/// Prints the study, or writes it to its file.
pub(crate) fn new(arguments: &NewArguments) -> u8 {
    let text = match study(arguments) {
        Ok(text) => text,
        Err((message, code)) => return fail(&message, code),
    };
    let Some(output) = &arguments.output else { return print(&text) };
    let written = File::create_new(output).and_then(|mut file| {
        // What is half written would be taken for a study.
        file.write_all(text.as_bytes()).inspect_err(|_| drop(fs::remove_file(output)))
    });
    match written {
        Ok(()) => {
            tell(&format!("study: {}\n  hint: logscape run {}", output.display(), output.display()));
            DONE
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fail(&format!("{} is there already\n  hint: give another --out, or remove it", output.display()), BAD_INPUT)
        }
        Err(error) => {
            let hint = "is the folder there, and may you write in it?";
            fail(&format!("cannot write {}: {error}\n  hint: {hint}", output.display()), FAILED)
        }
    }
}

/// The study, or what is wrong and the exit code.
fn study(arguments: &NewArguments) -> Result<String, (String, u8)> {
    let NewArguments { what, kind, targets, inputs, output } = arguments;
    let of_data = kind.is_some() || !targets.is_empty() || !inputs.is_empty();
    if let Some(text) = shipped::text(what).filter(|_| !of_data) {
        return Ok(text.to_owned());
    }
    let bad = |message: String| (message, BAD_INPUT);
    let (stop, events) = (signals::stop(None), Terminal::of(&[]));
    let study = if let Some(kind) = problem::by_name(what).filter(|_| !of_data) {
        template::of_kind(kind, &stop, &events)
    } else {
        let data = Path::new(what);
        if !data.exists() && !FORMATS.iter().any(|format| format.reads(data)) {
            return Err(bad(unknown(what)));
        }
        let kind: Option<&'static Kind> = kind.as_deref().and_then(problem::by_name);
        let written = path_in_study(data, output.as_deref());
        let (inputs, targets) = (inputs.clone(), targets.clone());
        template::of_data(&Asked { data, written, kind, inputs, targets }, &stop, &events)
    };
    events.clear();
    study.map_err(|error| (error.to_string(), if error.is_bad_input() { BAD_INPUT } else { FAILED }))
}

/// Neither a name nor data, with the nearest name.
fn unknown(what: &str) -> String {
    let names = shipped::names();
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(what, name), name)).min();
    let near = near.filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    let hint = near.map_or_else(
        || format!("give a path, or one of {}", names.join(", ")),
        |(_, name)| format!("did you mean `{name}`?"),
    );
    format!("`{what}` is no study, no problem, and no data that are there\n  hint: {hint}")
}

/// The path of the data as the study says it: from the study's folder where they are in it, else from the root, which holds
/// wherever standard output goes.
fn path_in_study(data: &Path, output: Option<&Path>) -> PathBuf {
    let absolute = fs::canonicalize(data).or_else(|_| std::path::absolute(data)).unwrap_or_else(|_| data.to_path_buf());
    let folder = output.and_then(|output| {
        let parent = output.parent()?;
        fs::canonicalize(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }).ok()
    });
    folder.and_then(|folder| absolute.strip_prefix(folder).map(Path::to_path_buf).ok()).unwrap_or(absolute)
}
