//! Exports of NetFlow and IPFIX through the public API and SQL: one binary, one topic a file.
//!
//! Real packets come from the project's shared samples; where that folder is absent, those tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

mod captures;
mod damage;
mod fixtures;
mod oracle;
mod samples;
mod templates;
