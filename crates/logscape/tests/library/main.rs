//! Tests of the library as others use it: one program, since each would be linked with all of it.

mod boundaries;
mod divergence;
mod examples;
mod failure;
mod large_deviation;
mod linear_regression;
mod loss_level;
mod precision;
mod properties;
mod registries;
mod scales;
mod strd;
mod trust;
