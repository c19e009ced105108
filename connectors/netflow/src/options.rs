//! The limits of this connector. There is nothing to set.
//!
//! | what | bound |
//! |---|---|
//! | fields of templates remembered, per file | 500,000 |
//! | domains of exporters remembered, per file | 8,192 |
//! | bytes of records that wait for their template, per file | 8 MiB |
//! | columns of the native view | 2,000 |

/// Decompressed bytes read from the front of a file to learn its templates.
pub const HEAD_BYTES: usize = 1024 * 1024;
