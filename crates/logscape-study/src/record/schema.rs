//! The JSON schema of `results.json`, derived from the types that are written there.

use super::Results;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

/// JSON schema (draft 2020-12) of `results.json`. It lets no unknown field in, and null only where a number may be missing.
pub fn schema() -> Schema {
    // A field is required unless it may be left out when it is written.
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Results>();
    RecursiveTransform(close).transform(&mut schema);
    RecursiveTransform(plain).transform(&mut schema);
    schema
}

/// Lets no other properties in than those that are named.
fn close(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// Turns a docstring into plain words: lines flow, and links are their text.
fn plain(schema: &mut Schema) {
    if let Some(Value::String(words)) = schema.get_mut("description") {
        let paragraphs: Vec<String> = words.split("\n\n").map(|words| unlinked(&words.replace('\n', " "))).collect();
        *words = paragraphs.join("\n\n");
    }
}

/// The words without the targets of links: `[words](target)` and ``[`words`]`` are their words.
fn unlinked(words: &str) -> String {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        text.extend([before, "`", name, "`"]);
        rest = after.strip_prefix('(').and_then(|target| target.split_once(')')).map_or(after, |(_, after)| after);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_words() {
        let words = unlinked("see [`a`](Self::a), [`B`] and [L, tr C].");
        assert_eq!(words, "see `a`, `B` and [L, tr C].");
    }
}
