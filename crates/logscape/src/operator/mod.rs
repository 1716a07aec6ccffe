//! Symmetric linear operators and iterative eigensolvers.
