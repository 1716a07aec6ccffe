//! Reads a study file, applies overrides, checks every value and says where it is wrong.

use crate::diagnostic::StudyError;
use crate::schema::{
    DynamicsTable, EscapeTable, Expectation, RareTable, RegionText, Study, Theories, TrajectoriesTable,
};
use logscape::dynamics;
use logscape::theory;
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
    let text =
        std::fs::read_to_string(path).map_err(|source| StudyError::Unreadable { path: path.to_path_buf(), source })?;
    parse(&path.display().to_string(), &text, overrides)
}

/// Like [`load`], from text; `name` stands for the file in diagnostics.
///
/// # Errors
/// [`StudyError`] when a value is wrong.
pub fn parse(name: &str, text: &str, overrides: &[String]) -> Result<Study, StudyError> {
    let source = Source { name, text, overrides };
    let syntax = |error: toml::de::Error| {
        let hint = "write `field = value` under `[section]`, with text in quotes".to_owned();
        source.error(error.message().to_owned(), hint, error.span())
    };
    DeTable::parse(text).map_err(syntax)?;
    let mut table: Table = toml::from_str(text).map_err(syntax)?;
    for assignment in overrides {
        assign(&mut table, assignment)?;
    }
    // Without overrides the text itself is deserialised, so that the parser knows places.
    let parsed = if overrides.is_empty() { toml::from_str(text) } else { table.try_into() };
    let mut study: Study = parsed.map_err(|error| source.schema_error(&error))?;
    if let Some(path) = study.problem.data.path.as_mut().filter(|_| source.is_overridden("problem.data.path")) {
        // Who types a path means one that starts where they are. Without a current folder it stays as it is.
        *path = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    }
    check(&study).map_err(|Problem { field, message, hint }| {
        source.error(format!("{field}: {message}"), hint.to_owned(), source.span_of(field))
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
    fn error(&self, message: String, hint: String, span: Option<Range<usize>>) -> StudyError {
        StudyError::Invalid {
            message,
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

    /// Turns the parser's words into a diagnostic; suggests the nearest name for a misspelt one.
    fn schema_error(&self, error: &toml::de::Error) -> StudyError {
        let message = error.message().trim().to_owned();
        let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let misspelt = message.starts_with("unknown field") || message.starts_with("unknown variant");
        let hint = match names.split_first() {
            Some((given, known)) if misspelt => known
                .iter()
                .map(|name| (strsim::damerau_levenshtein(given, name), *name))
                .min()
                .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
                .map_or_else(
                    || format!("known here: {}", known.join(", ")),
                    |(_, name)| format!("did you mean `{name}`?"),
                ),
            _ if message.starts_with("missing field") => "add the field to the study".into(),
            _ => "give a value of the kind that is expected here".into(),
        };
        self.error(message, hint, error.span())
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

/// A value out of range: its field, what is wrong, how to mend it.
struct Problem {
    field: &'static str,
    message: String,
    hint: &'static str,
}

fn require(ok: bool, field: &'static str, message: impl Into<String>, hint: &'static str) -> Result<(), Problem> {
    if ok { Ok(()) } else { Err(Problem { field, message: message.into(), hint }) }
}

/// Checks what types cannot: ranges and combinations that need no data.
fn check(study: &Study) -> Result<(), Problem> {
    let name_ok =
        !study.name.is_empty() && study.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    require(name_ok, "name", format!("`{}` is no usable name", study.name), "use letters, digits, `-` and `_`")?;

    let data = &study.problem.data;
    let sources =
        usize::from(data.builtin.is_some()) + usize::from(data.path.is_some()) + usize::from(data.synthetic.is_some());
    require(
        sources == 1,
        "problem.data",
        format!("{sources} sources of data"),
        "give exactly one of `builtin`, `path` and `synthetic`",
    )?;
    if let Some(scale) = data.scale {
        require(
            scale.is_finite() && scale != 0.0,
            "problem.data.scale",
            format!("{scale} cannot scale inputs"),
            "use a finite number other than 0",
        )?;
    }
    require(data.limit != Some(0), "problem.data.limit", "no sample is left", "use 1 or more")?;
    require(!study.problem.hidden.contains(&0), "problem.hidden", "a layer of width 0", "use widths of 1 or more")?;
    require(study.problem.rank != Some(0), "problem.rank", "rank 0", "use 1 or more")?;

    let minimum = &study.minimum;
    require(
        minimum.tolerance.is_finite() && minimum.tolerance > 0.0,
        "minimum.tolerance",
        format!("{} is no gradient norm", minimum.tolerance),
        "use a small positive number such as 1e-8",
    )?;
    if let Some(train) = &minimum.train {
        require(
            train.learning_rate.is_finite() && train.learning_rate > 0.0,
            "minimum.train.learning_rate",
            format!("{} is not positive", train.learning_rate),
            "use a positive learning rate",
        )?;
        require(train.batch_size > 0, "minimum.train.batch_size", "a batch of 0 samples", "use 1 or more")?;
    }
    let start_ok = minimum.start.as_ref().is_none_or(|start| start.iter().all(|x| x.is_finite()));
    require(start_ok, "minimum.start", "an entry is not finite", "use finite numbers")?;

    for &rate in &study.sgd.learning_rate.0 {
        require(
            rate.is_finite() && rate > 0.0,
            "sgd.learning_rate",
            format!("{rate} is not positive"),
            "use a positive learning rate",
        )?;
    }
    require(
        !study.sgd.batch_size.0.contains(&0),
        "sgd.batch_size",
        "a batch of 0 samples",
        "use a batch size of 1 or more",
    )?;

    check_dynamics(&study.dynamics)?;
    if let Some(trajectories) = &study.output.trajectories {
        check_trajectories(trajectories)?;
    }
    if let Some(stationary) = &study.stationary {
        require(stationary.replicas > 0, "stationary.replicas", "no replica", "use 1 or more")?;
        require(stationary.steps > 0, "stationary.steps", "no step", "use 1 or more")?;
        require(stationary.thin != Some(0), "stationary.thin", "no step", "use 1 or more")?;
    }
    if let Some(saddle) = &study.saddle {
        for (field, length) in [("saddle.reach", saddle.reach), ("saddle.range", saddle.range)] {
            require(
                length.is_finite() && length > 0.0,
                field,
                format!("{length} is no distance"),
                "use a positive number",
            )?;
        }
        let finite = saddle.other_minimum.iter().flatten().all(|x| x.is_finite());
        require(finite, "saddle.other_minimum", "an entry is not finite", "use finite numbers")?;
    }
    if let Some(escape) = &study.escape {
        check_escape(escape)?;
    }
    for Expectation { between: [low, high], .. } in &study.expect {
        require(low <= high, "expect", format!("no number lies between {low} and {high}"), "give [low, high]")?;
    }
    Ok(())
}

fn check_escape(escape: &EscapeTable) -> Result<(), Problem> {
    require(escape.replicas > 0, "escape.replicas", "no replica", "use 1 or more")?;
    require(escape.max_steps > 0, "escape.max_steps", "no step", "use 1 or more")?;
    require(escape.check_every != Some(0), "escape.check_every", "no step", "use 1 or more")?;
    require(escape.training_steps != Some(0), "escape.training_steps", "no step", "use 1 or more")?;
    require(
        !escape.committed || escape.region == RegionText::DividingSurface,
        "escape.committed",
        "committed escapes are told apart from arrivals at a dividing surface only",
        "use region = \"dividing-surface\", or committed = false",
    )?;
    check_region(&escape.region)?;
    check_rare(&escape.rare)?;
    check_theories(&escape.theories)?;
    require(
        escape.xi > 0.0 && escape.xi < 1.0,
        "escape.xi",
        format!("{} is no path parameter", escape.xi),
        "use a number between 0 and 1",
    )
}

fn check_dynamics(tables: &[DynamicsTable]) -> Result<(), Problem> {
    const FIELD: &str = "dynamics";
    for (k, DynamicsTable { name, kind, options }) in tables.iter().enumerate() {
        let Some(known) = dynamics::by_name(kind) else {
            return require(false, FIELD, unknown_dynamics(kind), "`logscape dynamics` lists them all");
        };
        let usable = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        require(usable, FIELD, format!("`{name}` is no usable name"), "use letters, digits, `-` and `_`")?;
        let fresh = name != "sgd" && tables[..k].iter().all(|other| other.name != *name);
        let named = format!("there are two of the name `{name}`, SGD itself included");
        require(fresh, FIELD, named, "add name = \"...\" to one of them")?;
        for option in options.given() {
            let taken = known.options();
            let words = format!("`{kind}` has no option `{option}`; it has {}", list(taken));
            require(taken.contains(&option), FIELD, words, "remove the option, or use another kind")?;
        }
    }
    Ok(())
}

/// What there is instead of a kind that is misspelt.
fn unknown_dynamics(kind: &str) -> String {
    let known = dynamics::all().iter().map(|known| known.name());
    format!("there is no dynamics `{kind}`{}", nearest(kind, known))
}

/// The known name that is most like `name`, in words that end a sentence.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known.into_iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    nearest.map_or_else(String::new, |(_, known)| format!("; the nearest is `{known}`"))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn check_trajectories(table: &TrajectoriesTable) -> Result<(), Problem> {
    const FIELD: &str = "output.trajectories";
    let some = table.every > 0 && table.replicas > 0 && table.steps > 0;
    require(some, FIELD, "a number is 0", "use every = 100, replicas = 4 and steps = 100_000, or the like")?;
    let points = table.most_points();
    require(
        points <= 1e6,
        FIELD,
        format!("up to {points:.1e} points for each setting, where 10^6 are the most"),
        "use fewer replicas, fewer steps, or a larger `every`",
    )
}

/// Repeats that random streams are kept for.
const MOST_REPEATS: usize = 1 << 16;

fn check_rare(rare: &RareTable) -> Result<(), Problem> {
    let RareTable { trajectories, repeats, cut, max_cost, .. } = rare;
    require(
        *trajectories >= 10,
        "escape.rare.trajectories",
        format!("{trajectories} excursions are too few to drop some of"),
        "use 10 or more, better 1000",
    )?;
    require(
        (3..=MOST_REPEATS).contains(repeats),
        "escape.rare.repeats",
        format!("{repeats} repeats give no interval"),
        "use 3 to 65536, better 20",
    )?;
    let cut_ok = *cut > 0.0 && *cut < 1.0;
    require(cut_ok, "escape.rare.cut", format!("{cut} is no share to drop"), "use a number between 0 and 1")?;
    require(*max_cost != Some(0), "escape.rare.max_cost", "no step", "use 1 or more, better 100_000_000")
}

fn check_theories(theories: &Theories) -> Result<(), Problem> {
    const FIELD: &str = "escape.theories";
    let Theories::Some(names) = theories else { return Ok(()) };
    require(!names.is_empty(), FIELD, "no theory", "name some, or use \"all\"")?;
    for name in names {
        let known = "use \"all\", or names that `logscape cite` lists";
        let unknown = || format!("there is no theory `{name}`{}", nearest(name, theory::names()));
        require(theory::by_name(name).is_some(), FIELD, unknown(), known)?;
    }
    Ok(())
}

fn check_region(region: &RegionText) -> Result<(), Problem> {
    const FIELD: &str = "escape.region";
    match region {
        RegionText::DividingSurface | RegionText::Quench => Ok(()),
        RegionText::LossLevel(level) => {
            require(level.is_finite() && *level > 0.0, FIELD, format!("loss level {level}"), "use a positive loss")
        }
        RegionText::LossFactor(factor) => require(
            factor.is_finite() && *factor > 1.0,
            FIELD,
            format!("loss factor {factor} is met at the minimum itself"),
            "use a factor above 1",
        ),
        RegionText::Ball(radius) => {
            require(radius.is_finite() && *radius > 0.0, FIELD, format!("radius {radius}"), "use a positive radius")
        }
        RegionText::Box(bounds) => require(
            bounds.iter().all(|[low, high]| low < high),
            FIELD,
            "a side is empty",
            "give [low, high] with low < high for every parameter",
        ),
    }
}
