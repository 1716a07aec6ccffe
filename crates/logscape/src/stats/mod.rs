//! Statistics that return an estimate with an interval.
