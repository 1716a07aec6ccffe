//! Tests of studies as others run them: one program, since each would be linked with all of it.

mod coverage;
mod curvature;
mod interpolating;
mod load;
mod looks;
mod own_problem;
mod properties;
mod report;
mod round_trip;
mod schema;
mod strd;
mod threads;
mod training;
mod units;
mod work;
