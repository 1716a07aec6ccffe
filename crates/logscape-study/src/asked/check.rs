//! What types cannot say of a study: ranges and combinations that need no data.

/// A value out of range: its field, what is wrong, how to mend it.
pub(super) struct Wrong {
    /// Dotted name.
    pub(super) field: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// How to mend it.
    pub(super) hint: &'static str,
}

/// Refuses a field unless `ok`.
pub(super) fn require(
    ok: bool,
    field: &'static str,
    message: impl Into<String>,
    hint: &'static str,
) -> Result<(), Wrong> {
    if ok { Ok(()) } else { Err(Wrong { field, message: message.into(), hint }) }
}

/// Whether a name can stand in the names of files.
pub(super) fn is_usable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Names in a row, or `none`.
pub(super) fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The known name that is most like `name`, in words that end a sentence.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known.into_iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    nearest.map_or_else(String::new, |(_, known)| format!("; the nearest is `{known}`"))
}
