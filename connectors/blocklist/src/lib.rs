//! Blocklists: which addresses, networks, names and TLS fingerprints somebody warns of.
//!
//! Reading order: [`list`] (a list in memory, and the entry that a value falls under), `networks` (millions of addresses
//! and networks, searched without a loop), `row` (the formats of lists), `comment` (the date that a list says it is of).
//! Files and updates are those of [`list_file`]. Which lists there are is the configuration's business.

mod comment;
pub mod list;
mod networks;
mod row;

pub use list::{Blocklist, Entry, Listed, Sought};
pub use list_file::ListError;
