//! What the benchmarks of the codecs and those of the hub have in common.

pub mod report;
