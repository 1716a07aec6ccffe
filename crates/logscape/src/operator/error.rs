//! Why an operator is refused.

use thiserror::Error;

/// What an operator is not, though it must be.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ProbeError {
    /// A product has other bits when it is computed again.
    #[error(
        "a product with the same vector has other bits the second time: the problem draws random numbers, or sums in another order; \
         fix its seed and its order of sums"
    )]
    NotRepeatable,
    /// The operator is not symmetric.
    #[error(
        "the matrix is not symmetric: v·Aw and w·Av differ by {found:.1e} of their size, where rounding explains {allowed:.0e}; a \
         derivative of the problem is wrong"
    )]
    NotSymmetric {
        /// Their difference, relative to the size that they have for random vectors.
        found: f64,
        /// What rounding explains.
        allowed: f64,
    },
    /// The Hessian's products are no derivatives of the gradient.
    #[error(
        "Hessian products are no derivatives of the gradient: a difference of gradients is off by {found:.1e} of its size, where its \
         error explains {allowed:.1e}; where the loss has kinks, the problem has to say so (`Problem::is_smooth`)"
    )]
    NotDerivative {
        /// The distance of the product and a central difference, relative to the product.
        found: f64,
        /// What the error of the difference explains.
        allowed: f64,
    },
}
