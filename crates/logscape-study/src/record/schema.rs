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

/// Lets no other properties in than those that are named, and no null where a property that has no value is left out.
fn close(schema: &mut Schema) {
    // What a reader fills in is not what is written.
    schema.remove("default");
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|other| other == name));
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    // One that is left out for another reason says that it may be null.
    let never_null = |name: &str, property: &Value| !is_required(name) && property.get("nullable").is_none();
    for (_, property) in properties.iter_mut().filter(|(name, property)| never_null(name, property)) {
        without_null(property);
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
}

/// Takes null from what a property may be.
fn without_null(property: &mut Value) {
    let Some(property) = property.as_object_mut() else { return };
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            property.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(mut any)) = property.remove("anyOf") {
        any.retain(|one| one["type"] != "null");
        match (any.len(), any.pop()) {
            (1, Some(Value::Object(only))) => property.extend(only),
            (_, last) => {
                any.extend(last);
                property.insert("anyOf".to_owned(), Value::Array(any));
            }
        }
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
    fn what_is_left_out_is_never_null() {
        let mut schema = Schema::try_from(json!({
            "properties": {
                "a": {"type": ["number", "null"], "default": null},
                "b": {"description": "b", "anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]},
                "c": {"type": ["number", "null"]},
                "d": {"type": ["number", "null"], "nullable": true},
            },
            "required": ["c"],
        }))
        .expect("a schema");
        RecursiveTransform(close).transform(&mut schema);
        let expected = json!({
            "properties": {
                "a": {"type": "number"},
                "b": {"description": "b", "$ref": "#/$defs/B"},
                "c": {"type": ["number", "null"]},
                "d": {"type": ["number", "null"], "nullable": true},
            },
            "required": ["c"],
            "additionalProperties": false,
        });
        assert_eq!(schema.as_value(), &expected);
    }

    #[test]
    fn links_become_words() {
        let words = unlinked("see [`a`](Self::a), [`B`] and [L, tr C].");
        assert_eq!(words, "see `a`, `B` and [L, tr C].");
    }
}
