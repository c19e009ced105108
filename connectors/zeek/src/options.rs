//! What can be set when a log is opened, and the limits of this connector.

/// How a log writes points in time (`LogAscii::json_timestamps` in Zeek; TSV logs always write epoch seconds).
pub use file_source::value::TimeFormat;

/// Decompressed bytes read from the front of a file to learn its format and columns.
pub const SNIFF_BYTES_MAX: usize = 256 * 1024;
/// JSON rows looked at to learn columns and types.
pub const JSON_SAMPLE_ROWS_MAX: usize = 1000;
/// Columns of one table; a JSON log with random keys must not make an endless schema.
pub const COLUMNS_MAX: usize = 2000;

/// Settings of one table.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `time_format` | how JSON logs write `ts` | found per file from its first rows |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeekOptions {
    /// How JSON logs write points in time; `None` = found per file.
    pub time_format: Option<TimeFormat>,
}
