//! What connectors of published lists share: files of one entry a line, packed or plain, and newer ones in their place.
//!
//! Reading order: [`lines`] (a file, line by line), [`names`] (millions of names in memory), [`update`] (a newer file in
//! the place of the old one). What a line means is the business of each connector.

pub mod lines;
pub mod names;
pub mod update;

pub use lines::{ListError, ListKind, read_lines};
pub use names::{NameTable, NameTableBuilder, normalized};
pub use update::{Fetched, Origin, UpdateError, update};
