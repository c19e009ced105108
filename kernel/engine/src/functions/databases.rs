//! Databases in MaxMind's format, which tell what is known about an address. Ours to read, not to ship.
//!
//! A file is read whole when first asked for: mapped into memory, a file replaced meanwhile would end the process.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use maxminddb::{MaxMindDbError, PathElement, Reader};

use super::fault::FunctionFault;

const HINT: &str = "Name a file in MaxMind's format in the settings, such as a GeoLite2 database";

/// What a database is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Location,
    AutonomousSystem,
}

impl Subject {
    pub(super) fn words(self) -> &'static str {
        match self {
            Subject::Location => "location database",
            Subject::AutonomousSystem => "database of autonomous systems",
        }
    }

    /// Parts of a database's type that tell it has the fields.
    fn types(self) -> &'static [&'static str] {
        match self {
            Subject::Location => &["City", "Country", "Enterprise"],
            Subject::AutonomousSystem => &["ASN", "ISP", "Enterprise"],
        }
    }
}

pub(super) struct Database {
    subject: Subject,
    path: Option<PathBuf>,
    reader: OnceLock<Result<Reader<Vec<u8>>, FunctionFault>>,
}

impl Database {
    pub(super) fn new(subject: Subject, path: Option<PathBuf>) -> Database {
        Database { subject, path, reader: OnceLock::new() }
    }

    /// The text at `path` inside what is known about `address`.
    pub(super) fn text(
        &self,
        function: &'static str,
        address: IpAddr,
        path: &[PathElement<'_>],
    ) -> Result<Option<String>, FunctionFault> {
        self.look_up(function, address, |found| found.decode_path::<&str>(path).map(|text| text.map(str::to_string)))
    }

    /// The number at `path` inside what is known about `address`.
    pub(super) fn number(
        &self,
        function: &'static str,
        address: IpAddr,
        path: &[PathElement<'_>],
    ) -> Result<Option<i64>, FunctionFault> {
        self.look_up(function, address, |found| found.decode_path::<u32>(path).map(|number| number.map(i64::from)))
    }

    fn look_up<T>(
        &self,
        function: &'static str,
        address: IpAddr,
        decode: impl for<'a> FnOnce(maxminddb::LookupResult<'a, Vec<u8>>) -> Result<Option<T>, MaxMindDbError>,
    ) -> Result<Option<T>, FunctionFault> {
        let what = self.subject.words();
        let Some(path) = &self.path else { return Err(FunctionFault::NoFile { function, what, hint: HINT }) };
        let reader = self.reader.get_or_init(|| open(self.subject, path)).as_ref().map_err(Clone::clone)?;
        // A database of IPv4 only knows nothing of IPv6, which is no fault.
        if address.is_ipv6() && reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        reader.lookup(address).and_then(decode).map_err(|fault| unusable(self.subject, path, fault.to_string()))
    }
}

fn open(subject: Subject, path: &Path) -> Result<Reader<Vec<u8>>, FunctionFault> {
    let reader = Reader::open_readfile(path).map_err(|fault| unusable(subject, path, reason(&fault)))?;
    let kind = &reader.metadata().database_type;
    if !subject.types().iter().any(|known| kind.contains(known)) {
        return Err(unusable(subject, path, format!("it is of type {}", crate::render::visible(kind))));
    }
    Ok(reader)
}

fn reason(fault: &MaxMindDbError) -> String {
    // Its own text would begin with "i/o error".
    if let MaxMindDbError::Io(fault) = fault { fault.to_string() } else { fault.to_string() }
}

fn unusable(subject: Subject, path: &Path, reason: String) -> FunctionFault {
    FunctionFault::File { what: subject.words(), path: path.into(), reason }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("subject", &self.subject).field("path", &self.path).finish_non_exhaustive()
    }
}
