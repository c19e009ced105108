//! A named source: where its files are, what is set about them, and what was found there.
//!
//! Settings come from a configuration, which is not known here. What they do to a table is decided in `files` (which
//! reader), `column_map` (foreign columns as flows), `clock` (clocks that go wrong) and `file_source` (strictness).
//! `open` opens them, `later` those that are opened when they are needed; `named` finds them by name, `schema` lists them as
//! tables, `facts` tells what rows a source has, `compare` what two of them have in common.

use std::collections::BTreeMap;
use std::time::SystemTime;

use chrono::TimeDelta;
use chrono_tz::Tz;
use file_source::text::Zone;

use crate::connectors;
use crate::engine::SourceKind;
use crate::files::remote::RemoteAccess;
use crate::servers::ServerSettings;

mod compare;
mod facts;
mod later;
mod named;
mod open;
mod rows;
mod schema;

pub use compare::{Comparison, ComparisonWindow, GAPS_MAX, Gap, Hour, Matched, PAIRS_MIN, Seen};
pub use facts::{SourceFacts, SourceTest};
pub use later::{SettingsMaker, SourceStatus};
pub use named::Channels;
pub(crate) use named::{NamedSources, NoSource};
pub(crate) use schema::SourceSchema;

/// Formats that no connector reads, under the names a source may give them.
pub(crate) const PLAIN_FORMATS: &[&str] = &["parquet", "arrow", "csv", "json"];

/// What is set about a source.
#[derive(Debug, Clone, Default)]
pub struct SourceSettings {
    /// Which columns its table gets.
    pub kind: SourceKind,
    /// The connector or format that all its files are of, by name ([`source_formats`]); found from their content where
    /// it is not set.
    pub connector: Option<String>,
    /// The zone of times that are written without one; UTC where it is not set.
    pub time_zone: Option<Tz>,
    /// Whether that zone also counts for times that say another, for files whose times are local and written as UTC.
    pub ignore_zone: bool,
    /// Where the columns of the flow schema come from, by their names; for servers, and files without a connector.
    pub columns: BTreeMap<String, ColumnOrigin>,
    /// How far the clock of the source is ahead; its times are corrected by that much.
    pub clock_offset: TimeDelta,
    /// Whether a read fails at the first row that is rejected, and not only counts it.
    pub strict: bool,
    /// How far the times in the names of its files are believed.
    pub name_margin: NameMargin,
    /// How its objects are reached, where they are in the network.
    pub access: RemoteAccess,
    /// What is set about its server, where it is at one.
    pub server: ServerSettings,
}

impl SourceSettings {
    /// How its times are read.
    pub(crate) fn zone(&self) -> Zone {
        Zone::of(self.time_zone.unwrap_or(Tz::UTC)).ignoring_written(self.ignore_zone)
    }
}

/// How far the times in the names of files are believed, so that files of other times are not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameMargin {
    /// Flows may be so much earlier or later than the name of their file says.
    Within(TimeDelta),
    /// Names say nothing.
    Ignored,
}

impl Default for NameMargin {
    /// A day: a name may be of any zone, and flows are written when they end, or later.
    fn default() -> Self {
        NameMargin::Within(TimeDelta::days(1))
    }
}

/// Where a column of the flow schema comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnOrigin {
    /// A column of the file.
    Column {
        /// Its name.
        name: String,
        /// What numbers in it count, for times; needed where they are numbers.
        unit: Option<TimeUnit>,
    },
    /// An expression over the columns of the file, or in the SQL of a server.
    Sql(String),
}

/// What a number that stands for a time counts, since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Seconds, also with a fraction.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// Short name and unit.
    pub const NAMES: &'static [(&'static str, TimeUnit)] = &[
        ("s", TimeUnit::Seconds),
        ("ms", TimeUnit::Milliseconds),
        ("us", TimeUnit::Microseconds),
        ("ns", TimeUnit::Nanoseconds),
    ];

    /// Nanoseconds as a power of ten.
    pub(crate) fn exponent(self) -> i32 {
        match self {
            TimeUnit::Seconds => 9,
            TimeUnit::Milliseconds => 6,
            TimeUnit::Microseconds => 3,
            TimeUnit::Nanoseconds => 0,
        }
    }
}

/// A table that was made of files or of what a server has, and what that is.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Under which SQL finds it.
    pub table: String,
    /// What the files are, as in "a Zeek log".
    pub format: &'static str,
    /// How many; none for a source at a server.
    pub files: usize,
    /// Their size as stored.
    pub bytes: u64,
    /// When the latest was last written to.
    pub modified: Option<SystemTime>,
    /// What was set and has no effect, and the like.
    pub remarks: Vec<String>,
}

/// The columns of the flow schema that a map may name. The others say where a row was read.
pub fn mappable_columns() -> Vec<String> {
    const OURS: &[&str] = &["source", "source_row", "notes"];
    let names = flow_source::flow_schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    names.into_iter().filter(|name| !OURS.contains(&name.as_str())).collect()
}

/// The names that [`SourceSettings::connector`] may have.
pub fn source_formats() -> Vec<&'static str> {
    connectors::names().chain(PLAIN_FORMATS.iter().copied()).collect()
}
