//! Lists in files as they are published, a list of a million names, and a newer list in the place of the old one.
#![allow(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod files;
mod newer;
