//! Which field of a study an error of the parser is about.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Dotted name of the innermost field whose name or value is at this place of the text.
pub(super) fn field_at(text: &str, place: &Range<usize>) -> Option<String> {
    let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
    let root = DeTable::parse(text).ok()?;
    let mut found: Option<String> = None;
    let mut open = vec![(String::new(), root.get_ref())];
    while let Some((path, table)) = open.pop() {
        for (key, value) in table {
            let name = format!("{path}{}", key.get_ref());
            let deeper = found.as_ref().is_none_or(|known| name.len() > known.len());
            if deeper && (holds(key.span()) || holds(value.span())) {
                found = Some(name.clone());
            }
            let within = format!("{name}.");
            match value.get_ref() {
                DeValue::Table(inner) => open.push((within, inner)),
                DeValue::Array(items) => open.extend(items.iter().filter_map(|item| match item.get_ref() {
                    DeValue::Table(inner) => Some((within.clone(), inner)),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    found
}

/// The field that the parser's words are about, which stand `at` a field: that one, or the one that it names, where it is missing there, or
/// where its place is not known.
pub(super) fn field_of(message: &str, at: Option<String>) -> Option<String> {
    let named = |start: &str| message.strip_prefix(start)?.split('`').next();
    let missing = named("missing field `");
    match (at, missing) {
        (Some(table), Some(name)) => Some(format!("{table}.{name}")),
        (at, missing) => at.or_else(|| missing.or_else(|| named("unknown field `")).map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use crate::asked::{Study, StudyError, parse};

    const TEXT: &str = r#"name = "wave"

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 40, from = 0.0, to = 3.0, frequency = 3.0 }

[sgd]
learning_rate = 0.1
batch_size = 1
"#;

    fn field(text: &str, overrides: &[&str]) -> Option<String> {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let wrong: Result<Study, StudyError> = parse("study.toml", text, &overrides);
        wrong.expect_err("it is wrong").field().map(str::to_owned)
    }

    #[test]
    fn an_error_names_its_field() {
        for (good, bad, name) in [
            ("name =", "nome =", "nome"),
            ("name = \"wave\"", "name = 3", "name"),
            ("learning_rate = 0.1", "learning_rate = \"fast\"", "sgd.learning_rate"),
            ("learning_rate = 0.1", "learning_rate = -0.1", "sgd.learning_rate"),
            ("learning_rate = 0.1", "learning_rat = 0.1", "sgd.learning_rat"),
            ("learning_rate = 0.1", "", "sgd.learning_rate"),
            ("kind = \"sinusoid\"\n", "kind = [\"sinusoid\"]\n", "problem.kind"),
            ("batch_size = 1", "batch_size = 1\n[[dynamics]]\nkind = \"sgld\"\nname = 3", "dynamics"),
            ("name = \"wave\"", "", "name"),
        ] {
            let found = field(&TEXT.replace(good, bad), &[]).unwrap_or_default();
            assert!(found.starts_with(name), "{bad}: {found}");
        }
        assert_eq!(field("name = ", &[]), None);
        assert_eq!(field(TEXT, &["sgd.learning_rate"]).as_deref(), Some("sgd.learning_rate"));
        assert_eq!(field(TEXT, &["sede=1"]).as_deref(), Some("sede"));
        assert_eq!(field(TEXT, &["sgd.batch_size=0"]).as_deref(), Some("sgd.batch_size"));
        assert_eq!(
            field("name = \"x\"\n[sgd]\nlearning_rate = 0.1\nbatch_size = 1\n", &[]).as_deref(),
            Some("problem")
        );
    }
}
