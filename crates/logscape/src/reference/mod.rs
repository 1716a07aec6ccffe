//! Numerically exact answers for one-dimensional and radial problems.
