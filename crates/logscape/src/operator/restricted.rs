//! Diagonal blocks of operators.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef};

use super::LinearOperator;
use crate::{Interrupted, Stop};

/// The diagonal block of an operator for some of the parameters: what it is with all others fixed.
pub struct Restricted<'a> {
    operator: &'a dyn LinearOperator,
    parts: Vec<Range<usize>>,
    rows: usize,
}

impl<'a> Restricted<'a> {
    /// The block of these ranges of parameters, one after the other.
    ///
    /// # Panics
    /// If a range goes beyond the operator's rows.
    pub fn new(operator: &'a dyn LinearOperator, parts: Vec<Range<usize>>) -> Self {
        assert!(parts.iter().all(|part| part.end <= operator.dim()));
        let rows = parts.iter().map(Range::len).sum();
        Self { operator, parts, rows }
    }
}

impl LinearOperator for Restricted<'_> {
    fn dim(&self) -> usize {
        self.rows
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        assert!(block.nrows() == self.rows && out.nrows() == self.rows && block.ncols() == out.ncols());
        let (rows, columns) = (self.operator.dim(), block.ncols());
        let (mut whole, mut image) = (Mat::zeros(rows, columns), Mat::zeros(rows, columns));
        let mut first = 0;
        for part in &self.parts {
            whole.as_mut().subrows_mut(part.start, part.len()).copy_from(block.subrows(first, part.len()));
            first += part.len();
        }
        self.operator.apply_into(whole.as_ref(), image.as_mut(), stop)?;
        first = 0;
        for part in &self.parts {
            out.as_mut().subrows_mut(first, part.len()).copy_from(image.as_ref().subrows(part.start, part.len()));
            first += part.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::dense::to_dense;

    #[test]
    fn a_restricted_operator_is_the_block_of_its_matrix() {
        let operator = crate::operator::testing::Reflected::network(40);
        let whole = to_dense(&operator, &Stop::new()).unwrap();
        let restricted = Restricted::new(&operator, vec![30..35, 3..5]);
        let rows: Vec<usize> = (30..35).chain(3..5).collect();
        let found = to_dense(&restricted, &Stop::new()).unwrap();
        let wanted = Mat::from_fn(7, 7, |i, j| whole[(rows[i], rows[j])]);
        assert!((found - wanted).norm_max() < 1e-14);
    }
}
