//! The figures, or why they are missing.

use crate::figures::{Missing, Outcome};
use serde::Serialize;

/// One figure, or the reason why it is missing.
#[derive(Serialize)]
pub(super) struct FigureView {
    name: String,
    title: &'static str,
    caption: String,
    svg: Option<String>,
    wide: bool,
}

impl FigureView {
    pub(super) fn new(outcome: &Outcome) -> Self {
        match outcome {
            Ok(figure) => Self {
                name: figure.name.to_owned(),
                title: figure.title,
                caption: figure.caption.clone(),
                // Within a page an SVG needs no name space, and the page then names no address at all.
                svg: Some(figure.svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1)),
                wide: figure.wide,
            },
            Err((title, missing)) => {
                Self { name: String::new(), title, caption: Missing::to_string(missing), svg: None, wide: false }
            }
        }
    }
}
