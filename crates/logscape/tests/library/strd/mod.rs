//! The Statistical Reference Datasets of NIST: least squares with certified values, linear and not.

mod linear;
mod models;
mod nonlinear;
mod sets;

use sets::{digits, sets};
