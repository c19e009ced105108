//! What can be set when a log is opened, and the limits of this connector.

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

/// How a log writes points in time (`LogAscii::json_timestamps` in Zeek; TSV logs always write epoch seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since 1970-01-01 UTC with a fraction (`JSON::TS_EPOCH`).
    #[default]
    EpochSeconds,
    /// Whole milliseconds (`JSON::TS_MILLIS` and `JSON::TS_MILLIS_UNSIGNED`).
    EpochMillis,
    /// `2019-12-03T22:44:56.052279Z` (`JSON::TS_ISO8601`).
    Iso8601,
}

impl TimeFormat {
    /// The format's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::EpochSeconds => "epoch seconds",
            Self::EpochMillis => "epoch milliseconds",
            Self::Iso8601 => "ISO 8601",
        }
    }
}
