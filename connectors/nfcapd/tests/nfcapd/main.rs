//! nfcapd files through the public API and SQL, and against Debian's nfdump: one binary, one topic a file.
//!
//! The files come from the project's shared samples; where that folder or nfdump is absent, tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

mod damaged;
mod fixtures;
mod nfdump;
mod rewritten;
mod samples;
