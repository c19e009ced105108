//! The ipywidgets messaging protocol: models, their state, and the comm messages about them. No IO, no threads.
//!
//! In reading order: `table` lists the models, `spec` makes constants of it.

pub mod spec;
pub mod table;
