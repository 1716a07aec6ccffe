//! The problems that have a name: one line each.

use super::kind::Registered;
use super::{Kind, LinearRegression, MatrixFactorisation, Mlp, PhaseRetrieval, Problem, Sinusoid, Visitor};
use crate::network::Network;

/// Lists problems by their types, so that [`visit`] and [`all`] have the same.
macro_rules! register {
    ($($problem:ty),* $(,)?) => {
        static ALL: &[Kind] = &[$(Kind::of::<$problem>()),*];

        /// Calls the method of `visitor` for what the type of `problem` offers, with that type where it is a registered
        /// one, else [`general`](Visitor::general).
        pub fn visit<'a, V: Visitor<'a>>(problem: &'a dyn Problem, visitor: V) -> V::Output {
            if let Some(any) = problem.as_any() {
                $(if let Some(problem) = any.downcast_ref::<$problem>() {
                    return problem.accept(visitor);
                })*
            }
            visitor.general(problem)
        }
    };
}

register![
    LinearRegression, //
    Sinusoid,
    PhaseRetrieval,
    MatrixFactorisation,
    Mlp,
    Network,
];

/// Every problem that has a name.
pub fn all() -> &'static [Kind] {
    ALL
}

/// The problem of that name.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}
