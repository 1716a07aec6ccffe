//! Parameters by name.

use crate::error::RunError;
use crate::text::count;
use logscape::Problem;
use std::ops::Range;

/// Some of the parameters.
pub(super) struct Block {
    /// The name that the study gives; none for all.
    pub(super) name: Option<String>,
    /// Which they are.
    pub(super) parts: Vec<Range<usize>>,
}

/// All parameters, and then those that each of `patterns` names.
///
/// # Errors
/// If one names none.
pub(super) fn blocks(problem: &dyn Problem, patterns: &[String]) -> Result<Vec<Block>, RunError> {
    // A range, as a block has several.
    #[allow(clippy::single_range_in_vec_init, reason = "a block has several ranges")]
    let all = Block { name: None, parts: vec![0..problem.dim()] };
    let names = problem.parameter_names();
    let mut blocks = vec![all];
    for pattern in patterns {
        let parts: Vec<Range<usize>> =
            names.iter().filter(|(name, _)| is_named(name, pattern)).map(|(_, range)| range.clone()).collect();
        if parts.is_empty() {
            let hint = match names.as_slice() {
                [] => "parameters of this problem have no names; leave `layers` out".to_owned(),
                [(one, _)] => format!("the parameters are `{one}`"),
                [(first, _), .., (last, _)] => {
                    format!(
                        "there are {} from `{first}` to `{last}`, a layer such as `{}`, and `*` for anything",
                        count(names.len(), "name"),
                        layer(first)
                    )
                }
            };
            return Err(RunError::input(
                "curvature.layers",
                format!("there is no parameter `{pattern}`\n  hint: {hint}"),
            ));
        }
        blocks.push(Block { name: Some(pattern.clone()), parts });
    }
    Ok(blocks)
}

/// The layer of a parameter.
fn layer(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(layer, _)| layer)
}

/// Whether a parameter has this name, or is of a layer that has it, where `*` stands for anything.
fn is_named(name: &str, pattern: &str) -> bool {
    let layers = name.match_indices('.').map(|(end, _)| &name[..end]);
    layers.chain([name]).any(|name| matches(name, pattern))
}

fn matches(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_parameters_or_layers() {
        for (name, pattern, expected) in [
            ("0.weight", "0.weight", true),
            ("0.weight", "0", true),
            ("10.weight", "0", false),
            ("10.weight", "1", false),
            ("2.0.weight", "2", true),
            ("2.0.weight", "2.0", true),
            ("2.0.weight", "*.weight", true),
            ("2.0.bias", "*.weight", false),
            ("2.0.bias", "2*bias", true),
            ("2.0.bias", "2*0*a*", true),
            ("2.0.bias", "2*a*0*", false),
            ("aba", "ab*ba", false),
            ("2.0.bias", "*", true),
            ("2.0.bias", "2.0.bias.x", false),
            ("weight", "", false),
        ] {
            assert_eq!(is_named(name, pattern), expected, "{name} {pattern}");
        }
    }
}
