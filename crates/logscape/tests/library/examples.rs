//! The examples run.

#[path = "../../examples/curvature.rs"]
mod curvature;
#[path = "../../examples/escape.rs"]
mod escape;
#[path = "../../examples/own_problem.rs"]
mod own_problem;
#[path = "../../examples/stationary.rs"]
mod stationary;

#[test]
fn curvature_runs() {
    curvature::main().expect("it runs");
}

#[test]
fn escape_runs() {
    escape::main().expect("it runs");
}

#[test]
fn own_problem_runs() {
    own_problem::main().expect("it runs");
}

#[test]
fn stationary_runs() {
    stationary::main().expect("it runs");
}

#[test]
fn they_are_short() {
    for text in [
        include_str!("../../examples/curvature.rs"),
        include_str!("../../examples/escape.rs"),
        include_str!("../../examples/own_problem.rs"),
        include_str!("../../examples/stationary.rs"),
    ] {
        assert!(text.lines().count() < 60, "{}", text.lines().next().unwrap_or_default());
    }
}
