//! What a connector of a server is, what is set about a source, and what the server is asked for.
//!
//! Connecting happens twice: once when a source is first opened, to learn what columns the server has and to check the
//! source's own map against them, and once for each query that reads. Planning a query asks nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::DataType;
use async_trait::async_trait;
use chrono_tz::Tz;
use flow_source::Secret;

use crate::error::RemoteError;
use crate::predicate::{Predicate, Support};
use crate::ranges::Ranges;
use crate::stream::Sink;

/// For all that happens when a source is first opened.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// For a connection to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the next piece of an answer: a server may compute for a while before the first.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// A kind of server, as the engine's registry sees it.
#[async_trait]
pub trait RemoteConnector: std::fmt::Debug + Send + Sync {
    /// The name used in `flowdeck.toml` and in the column `source`, e.g. `postgresql`.
    fn name(&self) -> &'static str;

    /// What one of its sources is, with article, e.g. `a PostgreSQL table`.
    fn kind(&self) -> &'static str;

    /// Schemes of addresses that are of this connector and no other, e.g. `postgresql`.
    fn schemes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Keys of [`Settings::options`] that it knows, e.g. `table`.
    fn options(&self) -> &'static [&'static str];

    /// Names of secrets that it knows.
    fn secrets(&self) -> &'static [&'static str] {
        &["password"]
    }

    /// Asks the server what it has, and gives a source that can be read. The caller bounds the time by
    /// [`OPEN_TIMEOUT`].
    ///
    /// # Errors
    /// When settings are wrong, the server cannot be reached or refuses, or has other columns than the map says.
    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError>;
}

/// Where a column of flows comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A column or field of the server.
    Column {
        /// Its name.
        name: String,
        /// What numbers in it count, for times and durations.
        unit: Option<TimeUnit>,
    },
    /// An expression in the server's own language.
    Expression(String),
}

impl Origin {
    /// A column without more.
    pub fn column(name: &str) -> Self {
        Self::Column { name: name.to_owned(), unit: None }
    }
}

/// What a number that stands for a time counts, since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// How many nanoseconds one is.
    pub fn nanos(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }
}

/// What is set about a source.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server is, as written.
    pub location: String,
    /// What its connector asks for beside that, e.g. `table`, by the names of [`RemoteConnector::options`].
    pub options: BTreeMap<String, String>,
    /// Who asks.
    pub user: Option<String>,
    /// Passwords and tokens, by the names of [`RemoteConnector::secrets`].
    pub secrets: BTreeMap<String, Secret>,
    /// Certificates (PEM) of authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether a connection to another machine may be without encryption.
    pub allow_http: bool,
    /// Where the columns of flows come from, by their names; empty for what the connector knows by itself.
    pub columns: BTreeMap<String, Origin>,
    /// The zone of times that are written without one.
    pub zone: Tz,
    /// Whether a read fails at the first value that cannot be read.
    pub is_strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: String::new(),
            options: BTreeMap::new(),
            user: None,
            secrets: BTreeMap::new(),
            ca_file: None,
            allow_http: false,
            columns: BTreeMap::new(),
            zone: Tz::UTC,
            is_strict: false,
        }
    }
}

impl Settings {
    /// One of the options.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

/// A column of flows that a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its name in the flow schema.
    pub name: String,
    /// What numbers in it count, when it is a time or a duration and the server gives numbers.
    pub unit: Option<TimeUnit>,
}

/// Something that can be read, at one server.
#[async_trait]
pub trait RemoteSource: std::fmt::Debug + Send + Sync {
    /// The connector's name.
    fn name(&self) -> &'static str;

    /// Server and table for people, without secrets.
    fn place(&self) -> &str;

    /// The columns of flows that it can be asked for. Others are made of these, or are NULL.
    fn columns(&self) -> &[SourceColumn];

    /// The zone of times that are written without one.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// What its column `sensor` can hold, where the server says so: channels, exporters.
    fn channels(&self) -> &[String] {
        &[]
    }

    /// How well the server answers a condition on one column, which is never an `All` or `Any`. Only asked about
    /// [`columns`](Self::columns).
    fn support(&self, condition: &Predicate) -> Support;

    /// Asks the server and gives the rows to the sink, each with one cell for each of the request's columns, until the
    /// sink says stop. The future is dropped when nobody wants more; what the server then still does must be stopped by
    /// what is dropped with it.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, breaks off or answers in a way that cannot be understood.
    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError>;
}

/// What a server is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Columns of flows out of [`RemoteSource::columns`], none twice; without any only the number of rows matters.
    pub columns: Vec<String>,
    /// What rows are wanted, out of conditions that the source supports.
    pub predicate: Predicate,
    /// How many rows are enough.
    pub limit: Option<usize>,
}

/// The numbers that a column of flows can have, times as nanoseconds since 1970; `None` for columns of other things.
pub fn numbers_of(column: &str) -> Option<Ranges<i128>> {
    crate::translate::numbers_of(flow_source::flow_schema().field_with_name(column).ok()?)
}

/// What a column of flows holds, for connectors to tell which types of a server may become it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Points in time.
    Times,
    /// Lengths of time.
    Seconds,
    /// Addresses.
    Addresses,
    /// Whole numbers.
    Numbers,
    /// Hardware addresses, as text of their own.
    Macs,
    /// Any text.
    Texts,
}

/// What a column of flows holds.
pub fn holds(column: &str) -> Holds {
    let schema = flow_source::flow_schema();
    match schema.field_with_name(column) {
        Ok(field) if matches!(field.data_type(), DataType::Timestamp(..)) => Holds::Times,
        Ok(field) if field.data_type() == &DataType::Float64 => Holds::Seconds,
        Ok(field) if flow_source::is_ip_field(field) => Holds::Addresses,
        Ok(field) if field.data_type().is_integer() => Holds::Numbers,
        _ if column.ends_with("_mac") => Holds::Macs,
        _ => Holds::Texts,
    }
}
