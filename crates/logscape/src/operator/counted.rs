//! Products that are counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use faer::{Mat, MatMut, MatRef};

use super::LinearOperator;
use crate::{Interrupted, Stop};

/// An operator that tells of its products, for who wants to know how far an iteration has come.
pub struct Counted<'a> {
    operator: &'a dyn LinearOperator,
    products: AtomicUsize,
    tell: &'a (dyn Fn(usize) + Sync),
}

impl<'a> Counted<'a> {
    /// The same operator, which calls `tell` after each block of products with the number of all with single vectors.
    pub fn new(operator: &'a dyn LinearOperator, tell: &'a (dyn Fn(usize) + Sync)) -> Self {
        Self { operator, products: AtomicUsize::new(0), tell }
    }
}

impl LinearOperator for Counted<'_> {
    fn dim(&self) -> usize {
        self.operator.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        let count = block.ncols();
        self.operator.apply_into(block, out, stop)?;
        (self.tell)(self.products.fetch_add(count, Ordering::Relaxed) + count);
        Ok(())
    }

    fn matrix(&self, stop: &Stop) -> Option<Result<Mat<f64>, Interrupted>> {
        self.operator.matrix(stop)
    }
}
