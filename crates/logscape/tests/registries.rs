//! What follows from the lists of kinds: tables of the book, and that a kind from outside is as good as those of the list.

use logscape::model::{Decoupling, Outliers};
use logscape::theory::{self, Prediction, Theory, TheoryOptions};
use logscape::verdict::{Measured, Verdict};
use logscape::{Barrier, Estimate, Geometry, Sampling, SgdSettings};
use std::path::Path;

/// Compares the table after `<!-- table: name -->` in a page of the book with the wanted one.
///
/// # Panics
/// Where they differ, with the wanted table.
fn assert_table(page: &str, name: &str, head: &[&str], rows: &[Vec<String>]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src").join(page);
    let text = std::fs::read_to_string(&path).expect("a page");
    let marker = format!("<!-- table: {name} -->\n\n");
    let start = text.find(&marker).unwrap_or_else(|| panic!("{page} has no line `{}`", marker.trim())) + marker.len();
    let wanted = table(head, rows);
    let found = text[start..].split("\n\n").next().expect("text").trim_end();
    assert!(found == wanted, "{page}: after `{}` there should stand\n\n{wanted}\n", marker.trim());
}

/// A table in Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines =
        vec![line(head.iter().map(ToString::to_string).collect()), format!("|{}", "---|".repeat(head.len()))];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| cell.replace('|', "\\|")).collect())));
    lines.join("\n")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn theory_rows(theories: &[Box<dyn Theory>]) -> Vec<Vec<String>> {
    let row = |t: &dyn Theory| vec![code(t.name()), code(t.formula()), t.regime().into(), t.reference().into()];
    theories.iter().map(|theory| row(theory.as_ref())).collect()
}

#[test]
fn the_book_lists_the_theories() {
    let head = ["theory", "formula", "assumes, and covers", "source"];
    assert_table("choosing.md", "theories", &head, &theory_rows(theory::all()));
}

/// A theory from outside: one escape in a thousand steps, come what may.
struct Toy;

impl Theory for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn reference(&self) -> &'static str {
        "this file"
    }

    fn formula(&self) -> &'static str {
        "κ = 10⁻³/η"
    }

    fn regime(&self) -> &'static str {
        "anything"
    }

    fn predict(&self, _: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        Prediction::from_rate(self, Ok(-(1e3 * sgd.learning_rate).ln()), barrier, Vec::new(), sgd)
    }
}

fn parabola() -> Geometry {
    Geometry {
        parameters: 1,
        samples: 100,
        outputs: 1,
        loss: 1.0,
        gradient_norm: 0.0,
        index: 0,
        eigenvalues: vec![1.0],
        residuals: vec![0.0],
        complete: true,
        outliers: Outliers {
            count: 1,
            h_star: Estimate::exact(1.0),
            rule: String::new(),
            gap: 1.0,
            alternatives: vec![],
        },
        vectors: vec![],
        directions: vec![],
        noise_strength: Estimate::exact(1.0),
        decoupling: Decoupling {
            trace_ratio_hessian: 1.0,
            trace_ratio_gauss_newton: 1.0,
            frobenius_distance: 0.0,
            off_diagonal_share: 0.0,
            scaling_exponent: Estimate::exact(1.0),
            scaling_points: vec![],
        },
        sample_curvature: [0.1; 4],
    }
}

#[test]
fn a_theory_from_outside_is_judged_with_the_others() {
    let mut theories = theory::all_with(&TheoryOptions::default());
    theories.push(Box::new(Toy));
    let sgd = SgdSettings { learning_rate: 0.05, batch_size: 1, sampling: Sampling::WithReplacement };
    let predict = |t: &Box<dyn Theory>| t.predict(&parabola(), &Barrier::Level { loss: 2.0 }, &sgd);
    let predictions: Vec<Prediction> = theories.iter().map(predict).collect();
    let steps = Estimate::new(1000.0, 900.0, 1100.0);
    let verdict = Verdict::new(&predictions, Measured::new(Some(steps), 0.0));
    assert_eq!(verdict.trust.as_deref(), Some("toy"));
    assert!(table(&["theory"], &theory_rows(&theories)).ends_with("| `toy` | `κ = 10⁻³/η` | anything | this file |"));
}
