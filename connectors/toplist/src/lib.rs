//! Top lists: which names of the internet are visited most, so that what nobody else visits stands out.
//!
//! Reading order: [`list`] (a list in memory, and the rank of a name), `read` (packed and plain files, line by line),
//! `row` (the formats of lists), [`update`] (a newer file in the place of the old one). Which lists there are is the
//! configuration's business; what a registered domain is, the engine's.

pub mod list;
mod read;
mod row;
pub mod update;

pub use list::TopList;
pub use read::TopListError;
pub use update::{Fetched, Origin, UpdateError, update};
