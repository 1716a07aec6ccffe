//! Several problems and equations.
