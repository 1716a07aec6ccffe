//! The text of a study with its comments.

use super::choice::{Choice, SEED};
use super::model::Candidate;
use crate::asked::{DataTable, MinimumTable};
use crate::text::count;
use crate::warning::Warning;
use logscape::data::{Column, Dataset};
use logscape::problem::Kind;
use std::fmt::Write;

/// Names that are told one by one.
const TOLD: usize = 12;
/// Columns of a line of comment.
const WIDTH: usize = 118;

/// What a study is about.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    /// The file of the data, without its folder.
    pub(super) file: &'a str,
    pub(super) table: &'a DataTable,
    pub(super) data: &'a Dataset,
    /// Names of the columns that are left out, each with the reason.
    pub(super) left_out: &'a [(String, String)],
    pub(super) warnings: &'a [Warning],
}

/// The study.
pub(super) fn text(source: &Source, candidate: &Candidate, choice: &Choice) -> String {
    let data = source.data;
    let size = format!(
        "{}: {}, {}, {}.",
        source.file,
        count(data.len(), "sample"),
        count(data.input_dim, "input"),
        count(data.target_dim, "target")
    );
    let mut text = comment(&format!("{size} This study runs as it is; every value may be changed."));
    let _ = writeln!(text, "name = {}\n# Seed of all random numbers.\nseed = {}\n", quoted(source.name), SEED);
    text += &comment(&format!("{}.", first_capital(&candidate.why)));
    text += &problem(candidate);
    text.push('\n');
    text += &data_table(source);
    text += &numbers(choice);
    text
}

/// `[problem]` with the options of the kind.
pub(super) fn problem(candidate: &Candidate) -> String {
    let Kind { name, options, .. } = candidate.kind;
    let mut text = format!("[problem]\nkind = {}\n", quoted(name));
    for option in *options {
        let _ = writeln!(text, "# {}", option.about);
        let _ = match candidate.options.get(option.name) {
            Some(value) => {
                // Options are numbers, words and what is made of them, which TOML can write.
                let value = toml::Value::try_from(value).map(|value| value.to_string()).unwrap_or_default();
                writeln!(text, "{} = {value}", option.name)
            }
            None => writeln!(text, "# {} = {}", option.name, option.example),
        };
    }
    text
}

/// `[problem.data]`.
fn data_table(source: &Source) -> String {
    let Source { table, data, .. } = source;
    let mut text = comment("A relative path starts at the folder of this file.");
    let parts = [("Inputs", &data.input_names), ("Target", &data.target_names), ("Classes", &data.classes)];
    for (what, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
        text += &comment(&format!("{what}: {}.", list(names)));
    }
    if !source.left_out.is_empty() {
        let why = source.left_out.iter().map(|(name, why)| format!("`{name}` ({why})"));
        let why: Vec<String> = why.collect();
        text += &comment(&format!("Left out: {}. Name in `inputs` what is to be taken all the same.", list(&why)));
    }
    for warning in source.warnings {
        text += &comment(&format!("warning: {warning}; {}.", warning.hint()));
    }
    let path = table.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let _ = writeln!(text, "[problem.data]\npath = {}", quoted(&path));
    for (field, columns) in [("inputs", &table.inputs), ("targets", &table.targets)] {
        if !columns.is_empty() {
            let _ = writeln!(text, "{field} = [{}]", columns.iter().map(column).collect::<Vec<_>>().join(", "));
        }
    }
    if table.standardise {
        text += "# Inputs of unlike scale are centred and divided by their standard deviations, which manifest.json keeps.\n";
        text += "standardise = true\n";
    }
    if table.one_hot {
        text +=
            "# The target names classes: each becomes an output, 1 for its samples and 0 for others.\none_hot = true\n";
    }
    text
}

/// `[minimum]`, where it is not as usual, `[sgd]`, `[stationary]` and `[escape]`.
pub(super) fn numbers(choice: &Choice) -> String {
    let mut text = String::new();
    let MinimumTable { tolerance, max_iterations, accept, .. } = choice.minimum;
    let usual = MinimumTable::default();
    if choice.minimum != usual {
        text += "\n# The search for a minimum, from which SGD starts.\n[minimum]\n";
        if tolerance != usual.tolerance {
            let _ = writeln!(text, "tolerance = {tolerance:e}\nmax_iterations = {max_iterations}");
        }
        if accept {
            text += "# Where the search ends at no minimum, everything is measured there all the same, and the page says so.\n";
            text += "accept = true\n";
        }
    }
    let why = format!("Lists span a grid, as does \"0.01:0.1:3log\". Learning rates {}.", choice.why);
    let _ = write!(text, "\n{}[sgd]\n", comment(&why));
    let rates: Vec<String> = choice.rates.iter().map(|rate| rate_in_words(*rate)).collect();
    let _ = writeln!(text, "learning_rate = [{}]\nbatch_size = 1", rates.join(", "));
    let [region, meaning] = &choice.region;
    let burn_in = choice.steps / 10;
    text += "\n# The law that SGD comes to, from the steps after `burn_in`.\n";
    let _ = writeln!(
        text,
        "[stationary]\nreplicas = 32\nburn_in = {}\nsteps = {}",
        grouped(burn_in),
        grouped(choice.steps)
    );
    let rest =
        "Replicas start at the minimum; where too few escape within `max_steps`, the time is measured by splitting";
    let _ = write!(text, "\n{}", comment(&format!("Escape: {meaning}. {rest}.")));
    let _ = writeln!(
        text,
        "[escape]\nregion = {region}\nreplicas = {}\nmax_steps = {}",
        choice.replicas,
        grouped(choice.steps)
    );
    text
}

/// A learning rate, in powers of ten where it is small.
fn rate_in_words(rate: f64) -> String {
    if rate < 1e-3 { format!("{rate:e}") } else { toml::Value::from(rate).to_string() }
}

/// A number with marks between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn column(column: &Column) -> String {
    match column {
        Column::Position(position) => position.to_string(),
        Column::Name(name) => quoted(name),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(names: &[String]) -> String {
    match names {
        [first, second, .., last] if names.len() > TOLD => {
            format!("{first}, {second}, …, {last} ({} in all)", names.len())
        }
        names => names.join(", "),
    }
}

fn first_capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Lines of comment; what is no text for one, such as the end of a line in a name, becomes a space.
pub(super) fn comment(text: &str) -> String {
    let mut lines = String::from("#");
    let mut length = 1;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let letters = word.chars().count();
        if length > 1 && length + 1 + letters > WIDTH {
            lines += "\n#";
            length = 1;
        }
        lines.push(' ');
        lines += word;
        length += 1 + letters;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_marked() {
        assert_eq!([0, 999, 2_000, 100_000, 1_234_567].map(grouped), ["0", "999", "2_000", "100_000", "1_234_567"]);
    }

    #[test]
    fn a_comment_keeps_to_its_lines_whatever_is_in_a_name() {
        let lines = comment(&format!("of `a\nb = 1`, {}", "and so on ".repeat(40)));
        assert!(lines.lines().count() > 2);
        assert!(lines.lines().all(|line| line.starts_with('#') && line.chars().count() <= WIDTH), "{lines}");
    }
}
