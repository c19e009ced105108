//! Places in files, as people are told them.

use std::fmt;

/// Where in a file something is, in the unit in which people would look for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A record, from 1.
    Record(u64),
    /// A byte of the decompressed file, from 0.
    Byte(u64),
    /// The file as a whole.
    File,
}

impl Place {
    /// The place behind the name of its file, e.g. `, line 3`; empty for the file as a whole.
    pub fn suffix(self) -> String {
        if self == Self::File { String::new() } else { format!(", {self}") }
    }

    /// How a file breaks off here: after the last whole line or record, or at the first byte that is not part of one.
    pub(crate) fn of_breakage(self) -> String {
        match self {
            Self::Line(0) => " in its first line".to_owned(),
            Self::Line(_) | Self::Record(_) => format!(" after {self}"),
            Self::Byte(_) => format!(" at {self}"),
            Self::File => String::new(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(record) => write!(f, "record {record}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::File => f.write_str("the file"),
        }
    }
}
