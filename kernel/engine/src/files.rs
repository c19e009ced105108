//! Files: from a path or glob to a table, decided by what the files hold, not by what they are called.
//!
//! `paths` finds the files (`walk` in folders), `sniff` says what each holds (`arrow_end` whether it is whole), `delimited` knows
//! CSV's dialects, `describe` words what was found instead, `guess` and `json_types` correct types told from few rows, `listing`
//! lets DataFusion read them (`listed`), `parquet` and `arrow_format` look at lengths before they are believed, `plain` reads
//! CSV and JSON, `folder_columns` has the columns that folders say, `left_out` tells of those of a set that are not read,
//! `timed` of rows that no window of time finds, `opened` applies what is set about a source, `remote` finds objects in the
//! network, `windowed` opens or fetches those that a query's times need by their names (`name_time`). What a connector
//! recognises goes to it; none of those formats is known here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use flow_source::{Connector, SourceError};

use crate::connectors;
use crate::engine::SourceKind;
use crate::source::SourceSettings;
use left_out::LeftOut;
pub(crate) use opened::{Opened, open_source};
use paths::Found;
use remote::{Address, Remote, RemoteAccess, RemoteCause};
use sniff::{FileFormat, Sniffed, Wanted};
use windowed::FileSet;

mod arrow_batch;
mod arrow_end;
mod arrow_format;
pub(crate) mod delimited;
pub(crate) mod describe;
mod folder_columns;
mod guess;
mod json_types;
mod labels;
mod left_out;
mod listed;
mod listing;
mod name_time;
mod named;
mod opened;
mod parquet;
mod paths;
mod plain;
pub(crate) mod remote;
pub(crate) mod sniff;
mod timed;
mod walk;
mod windowed;
pub(crate) mod zeros;

/// Rows from which the types of CSV and JSON columns are guessed.
const ROWS_FOR_TYPES: usize = 10_000;
/// Columns and names named in one error at most.
pub(crate) const NAMES_SHOWN_MAX: usize = 20;

/// Which columns the table of a file gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The common flow schema.
    Flows,
    /// The file's own columns.
    Native,
    /// The common flow schema where the file maps to it, else its own columns.
    Either,
    /// Another table that files of its connector hold, by name.
    Side(&'static str),
}

/// What is wrong with a file or with the path that should lead to it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileFault {
    /// Nothing is at the path.
    #[error("there is no file `{path}`")]
    Missing { path: String, nearest: Vec<String> },
    /// There is no path at all.
    #[error("the path is empty")]
    NoPath,
    /// A folder without files.
    #[error("there is no file in the folder `{folder}`")]
    EmptyFolder { folder: String },
    /// Something that has a path and no content.
    #[error("`{path}` is {what}, not a file")]
    NotAFile { path: String, what: &'static str },
    /// A link that leads nowhere.
    #[error("`{path}` is a link {leads}")]
    BadLink { path: String, leads: String },
    /// Text in another encoding than UTF-8.
    #[error("`{path}` is not UTF-8: it holds {found}")]
    Encoding { path: String, found: String, encoding: &'static str },
    /// CSV of which all would be one line.
    #[error("`{path}` has lines that end with a carriage return alone")]
    LineEnds { path: String },
    /// The glob is well-formed and matches nothing.
    #[error("no file matches `{pattern}`")]
    NoMatch { pattern: String, nearest: Vec<String> },
    /// The glob is not one.
    #[error("`{pattern}` is not a file pattern: {reason}")]
    Pattern { pattern: String, reason: String },
    /// More files than one table may have.
    #[error("`{pattern}` matches more than {limit} files")]
    TooMany { pattern: String, limit: usize },
    /// The operating system refuses to give its bytes, or they cannot be unpacked.
    #[error("could not read `{path}`: {reason}")]
    Unreadable { path: String, reason: String },
    /// Nothing is in it.
    #[error("`{path}` is empty")]
    Empty { path: String },
    /// The bytes are of no format we read, or of another one than the name says.
    #[error("`{path}` {}: it holds {found}", expectation(*.expected))]
    Unrecognised { path: String, expected: Option<&'static str>, found: String },
    /// The bytes are of another format than the source is set to.
    #[error("`{path}` is not {wanted}, as its source says: it holds {found}")]
    OtherFormat { path: String, wanted: &'static str, found: String },
    /// A column of flows that cannot be made as the source says.
    #[error("the column `{column}` cannot be made: {reason}")]
    ColumnMap { column: String, reason: String, hint: Option<String> },
    /// The beginning is right, the rest is not.
    #[error("`{path}` begins like {format} but cannot be read as such: {reason}")]
    Broken { path: String, format: &'static str, reason: String },
    /// One table cannot have both.
    #[error("`{first}` holds {first_format} but `{other}` holds {other_format}")]
    Mixed { first: String, first_format: &'static str, other: String, other_format: &'static str },
    /// Read well, but it holds no flows.
    #[error("`{path}` does not hold flows: none of {essential} is among its columns {found}")]
    NotFlows { path: String, essential: String, found: String },
    /// Read well, but such a table is not in it.
    #[error("`{path}` holds {found}, from which no table of {table} is made")]
    NoSideTable { path: String, found: &'static str, table: &'static str },
    /// An object in the network that cannot be had. The address is without secrets.
    #[error("could not read `{address}`: {cause}")]
    Remote { address: String, cause: RemoteCause },
    /// A table function was not given one path.
    #[error("{function} takes one path as text, as in {function}('conn.log'); {found}")]
    Argument { function: &'static str, found: String },
}

impl FileFault {
    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            FileFault::Missing { nearest, .. } | FileFault::NoMatch { nearest, .. } if !nearest.is_empty() => {
                Some(format!("Did you mean {}?", list_of(nearest)))
            }
            FileFault::NoMatch { pattern, .. } if remote::is_address(pattern) => {
                Some("`*` stays within a folder, `**` goes into folders; capital letters count".into())
            }
            FileFault::NoPath => {
                Some("Write the path of a file, a folder or a pattern, as in read_log('logs/conn*.log')".into())
            }
            FileFault::EmptyFolder { .. } => Some(
                "Check whether its files are elsewhere, or yet to come. Names that begin with `.` or `_` and files that are \
                 being written (.tmp, nfcapd.current) must be named"
                    .into(),
            ),
            FileFault::NotAFile { .. } => Some("Write what comes out of it to a file, and read that".into()),
            FileFault::BadLink { .. } => Some("Correct the link, or write the path of the file itself".into()),
            FileFault::Encoding { encoding, .. } => {
                Some(format!("Convert it: iconv -f {encoding} -t UTF-8 FILE > NEW_FILE"))
            }
            FileFault::LineEnds { .. } => Some("Convert it: tr '\\r' '\\n' < FILE > NEW_FILE".into()),
            FileFault::Broken { .. } => {
                Some("The file may still be being written, or was cut while it was copied; fetch it again".into())
            }
            FileFault::Missing { .. } | FileFault::NoMatch { .. } => Some(format!(
                "Relative paths start at {}",
                std::env::current_dir()
                    .map_or_else(|_| "the notebook's folder".into(), |dir| dir.display().to_string())
            )),
            FileFault::Unrecognised { .. } => Some(format!(
                "Readable are {}, Parquet, Arrow IPC, CSV and newline-delimited JSON",
                connectors::readable()
            )),
            FileFault::Mixed { .. } => Some("Read them as two tables, or narrow the pattern".into()),
            FileFault::TooMany { .. } => Some("Narrow the pattern, for example to one day".into()),
            FileFault::NoSideTable { table, .. } => {
                Some(format!("read_{table} reads packet captures; of logs use read_log"))
            }
            FileFault::OtherFormat { .. } => Some(
                "Correct or remove `connector` of the source; without it the format is found from the content".into(),
            ),
            FileFault::ColumnMap { hint, .. } => hint.clone(),
            FileFault::Remote { cause, .. } => cause.hint(),
            FileFault::NotFlows { .. } => Some("Use read_log to read it with its own columns".into()),
            _ => None,
        }
    }

    /// The error in the form in which it travels through DataFusion.
    pub(crate) fn into_datafusion(self) -> DataFusionError {
        DataFusionError::External(Box::new(self))
    }
}

fn expectation(expected: Option<&str>) -> String {
    match expected {
        Some(format) => format!("is not {format}, as its name says"),
        None => "is of no known format".into(),
    }
}

/// "`a`, `b` or `c`".
pub(crate) fn list_of(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [firsts @ .., last] => format!("{} or {last}", firsts.join(", ")),
    }
}

/// Opens what `pattern` names as one table.
///
/// Reads the beginning of each file and, where the format needs it, enough of them to know the columns.
pub(crate) async fn open(state: &dyn Session, pattern: &str, shape: Shape) -> DataFusionResult<Arc<dyn TableProvider>> {
    let access = RemoteAccess { allow_http: remote_of(state).allow_http, ..RemoteAccess::default() };
    let kind = match shape {
        Shape::Flows => SourceKind::Flows,
        Shape::Native => SourceKind::Log,
        Shape::Either => SourceKind::Auto,
        Shape::Side(name) => return side_table(state, pattern, name, &access).await,
    };
    let settings = SourceSettings { kind, access, ..SourceSettings::default() };
    Ok(open_source(state, pattern, &settings).await?.table)
}

async fn side_table(
    state: &dyn Session,
    pattern: &str,
    name: &'static str,
    access: &RemoteAccess,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let (found, folders) = match located(state, pattern, access).await.map_err(FileFault::into_datafusion)? {
        Located::Object(found) => (found, Vec::new()),
        Located::Set { set, folders_left_out } => {
            (set.all(state).await.map_err(FileFault::into_datafusion)?, folders_left_out)
        }
    };
    let files = identified(found, Wanted::Any, false).map_err(FileFault::into_datafusion)?;
    match files.format() {
        FileFormat::Connector(connector) => {
            let mut left_out = LeftOut { folders, ..files.left_out.clone() };
            let table = open_with(*connector, &files, Shape::Side(name), Some(&mut left_out.unreadable))?;
            Ok(left_out.told_by(table))
        }
        _ => Err(no_side_table(&files, name).into_datafusion()),
    }
}

/// What the session knows of the network.
fn remote_of(state: &dyn Session) -> Arc<Remote> {
    state.config().get_extension::<Remote>().unwrap_or_default()
}

fn no_side_table(files: &IdentifiedFiles, table: &'static str) -> FileFault {
    FileFault::NoSideTable { path: files.files[0].0.shown.clone(), found: files.format().name(), table }
}

/// Where `unreadable` is given, some of several files may not be readable; why comes there.
fn open_with(
    connector: &dyn Connector,
    files: &IdentifiedFiles,
    shape: Shape,
    unreadable: Option<&mut Vec<String>>,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    if let Shape::Side(name) = shape
        && !connector.side_tables().contains(&name)
    {
        return Err(no_side_table(files, name).into_datafusion());
    }
    let open = |paths: Vec<PathBuf>| open_paths(connector, paths, shape);
    let opened = match unreadable {
        Some(unreadable) => left_out::open_readable(files.paths(), unreadable, open),
        None => open(files.paths()),
    };
    opened.map_err(|fault| DataFusionError::External(Box::new(fault)))
}

fn open_paths(
    connector: &dyn Connector,
    paths: Vec<PathBuf>,
    shape: Shape,
) -> Result<Arc<dyn TableProvider>, SourceError> {
    match shape {
        Shape::Flows => connector.open_flows(paths),
        Shape::Native => connector.open_log(paths),
        Shape::Either => connectors::open_either(connector, paths),
        Shape::Side(name) => {
            let missing = || SourceError::NoFile { pattern: name.to_owned() };
            connector.open_side_table(name, paths).unwrap_or_else(|| Err(missing()))
        }
    }
}

/// Files of one format.
#[derive(Debug)]
pub(crate) struct IdentifiedFiles {
    /// Invariant: not empty, and all formats have the same name.
    files: Vec<(Found, Sniffed)>,
    /// The others of the set.
    left_out: LeftOut,
}

impl IdentifiedFiles {
    fn format(&self) -> &FileFormat {
        &self.files[0].1.format
    }

    fn first_path(&self) -> &Path {
        Path::new(&self.files[0].0.shown)
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(found, _)| found.path.clone()).collect()
    }
}

/// What a location means, before anything is looked into.
enum Located {
    /// One object: in its store, or fetched.
    Object(Vec<Found>),
    /// Files, or objects of a store of which nothing was fetched; with sentences about folders that cannot be listed.
    Set { set: FileSet, folders_left_out: Vec<String> },
}

async fn located(state: &dyn Session, pattern: &str, access: &RemoteAccess) -> Result<Located, FileFault> {
    let Some(address) = Address::of(pattern).transpose()? else {
        let files = paths::find(pattern)?;
        let found = files.paths.into_iter().map(Found::on_disk).collect();
        let set = FileSet::of_files(found);
        return Ok(Located::Set { set, folders_left_out: files.unreadable });
    };
    let remote = remote_of(state);
    Ok(match remote.listing(state, &address, access).await? {
        Some(listing) => Located::Set { set: FileSet::of_objects(listing), folders_left_out: Vec::new() },
        None => Located::Object(remote.object(state, &address, access).await?),
    })
}

/// Looks into files. Of several those that cannot be read are left out, unless none may be lost.
fn identified(found: Vec<Found>, wanted: Wanted, is_strict: bool) -> Result<IdentifiedFiles, FileFault> {
    let mut files: Vec<(Found, Sniffed)> = Vec::new();
    let mut left_out = LeftOut::default();
    let mut first_fault: Option<FileFault> = None;
    for found in found {
        match sniff::sniff(&found, wanted) {
            Ok(sniffed) => files.push((found, sniffed)),
            Err(fault) if is_strict && !matches!(fault, FileFault::Empty { .. }) => return Err(fault),
            // One bad file does not hide the others, and a quiet hour leaves an empty one; only none to read is a fault.
            Err(fault) => {
                match &fault {
                    FileFault::Empty { path } => left_out.empty.push(path.clone()),
                    fault => left_out.unreadable.push(fault.to_string()),
                }
                first_fault = match first_fault {
                    Some(known) if !matches!(known, FileFault::Empty { .. }) => Some(known),
                    _ => Some(fault),
                };
            }
        }
    }
    let Some((first_found, first)) = files.first() else {
        return Err(first_fault.unwrap_or_else(|| FileFault::NoMatch { pattern: String::new(), nearest: Vec::new() }));
    };
    let differs = files.iter().find(|(_, sniffed)| sniffed.format.name() != first.format.name());
    if let Some((found, sniffed)) = differs {
        return Err(FileFault::Mixed {
            first: first_found.shown.clone(),
            first_format: first.format.name(),
            other: found.shown.clone(),
            other_format: sniffed.format.name(),
        });
    }
    Ok(IdentifiedFiles { files, left_out })
}
