//! How θ moves: one file per dynamics.
