//! Top lists: which names of the internet are visited most, so that what nobody else visits stands out.
//!
//! Reading order: [`list`] (a list in memory, and the rank of a name), `row` (the formats of lists). Files and updates are
//! those of [`list_file`]. Which lists there are is the configuration's business; what a registered domain is, the
//! engine's.

pub mod list;
mod row;

pub use list::TopList;
pub use list_file::ListError;
