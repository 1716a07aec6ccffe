//! Minima, spectra and barriers of a problem.
