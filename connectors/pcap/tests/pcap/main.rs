//! Captures through the public API and SQL: one binary, one topic a file.
//!
//! Real captures come from the project's shared samples; where that folder is absent, those tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

mod biflows;
mod damage;
mod fixtures;
mod ipfixprobe;
mod samples;
