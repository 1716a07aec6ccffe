//! Many replicas: run loop, regions, first passage, stationary histograms.
