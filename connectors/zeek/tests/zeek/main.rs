//! Zeek logs through the public API and SQL: one binary, one topic a file.
//!
//! Real logs come from the project's shared samples; where that folder is absent, those tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

mod bad_data;
mod fixtures;
mod flow_view;
mod json;
mod samples;
mod tsv;
