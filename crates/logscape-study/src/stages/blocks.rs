//! Parameters by name.

use crate::error::RunError;
use crate::text::count;
use logscape::Problem;
use logscape::problem::parameters_named;
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
        let parts = parameters_named(problem, pattern);
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
