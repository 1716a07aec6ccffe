//! Predictions: one file per theory, all behind one trait.
