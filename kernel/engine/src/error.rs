//! What went wrong, for three readers: the analyst (`Display` and [`EngineError::hint`]), the log
//! ([`EngineError::for_log`]), and code that must tell cases apart (the variants).
//!
//! `translate` turns DataFusion's errors into these. Where a text is shown is the kernel's business.

use std::sync::Arc;
use std::time::Duration;

use crate::files::{FileFault, list_of};
use crate::functions::{self, FunctionFault};
use crate::memory::{MEMORY_LIMIT_VARIABLE, RESULT_LIMIT_VARIABLE, readable_bytes};
use crate::names;
use crate::plot::PlotFault;
use crate::stored::StoredFault;

mod translate;

pub(crate) use translate::{Known, buried_fault, plain_text, translate};

/// Names listed in one error at most.
const NAMES_LISTED_MAX: usize = 20;
/// Similar names offered in a hint.
const NEAREST_MAX: usize = 3;

/// Where in the text of a query, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Character in the line, from 1.
    pub column: u64,
}

/// What the engine answers when it cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The text is not SQL.
    #[error("the query is not valid SQL: {message}{}", at(*.position))]
    Syntax { message: String, position: Option<Position> },
    /// The text holds no statement.
    #[error("the query is empty")]
    EmptyQuery,
    /// A table that does not exist.
    #[error("there is no table `{wanted}`{}; {}", at(*.position), known_tables(.known))]
    UnknownTable { wanted: String, known: Vec<String>, position: Option<Position> },
    /// A column that none of the query's tables has.
    #[error("there is no column `{wanted}`{}; {}", at(*.position), known_columns(.valid))]
    UnknownColumn { wanted: String, valid: Vec<String>, position: Option<Position> },
    /// A function that does not exist.
    #[error("there is no function `{wanted}`{}", at(*.position))]
    UnknownFunction { wanted: String, nearest: Vec<String>, position: Option<Position> },
    /// The query names parameters that were not given.
    #[error("the query needs {}, which {} not set", parameters(.missing), if .missing.len() == 1 { "is" } else { "are" })]
    MissingParameter { missing: Vec<String>, given: Vec<String> },
    /// The query was understood and cannot be answered as written.
    #[error("{text}{}", at(*.position))]
    Plan { text: String, position: Option<Position>, log: String },
    /// The query failed on the data.
    #[error("{text}")]
    Execution { text: String, log: String },
    /// More memory than allowed.
    #[error("the query needs more memory than the {} allowed", readable_bytes(*.limit_bytes))]
    Memory { limit_bytes: u64, log: String },
    /// A result that needs more space on disk than results may take.
    #[error("the result is larger than the {} that results may take on disk", readable_bytes(*.limit_bytes))]
    ResultTooLarge { limit_bytes: u64 },
    /// Space on disk for a large result cannot be had.
    #[error("a result that does not fit into memory could not be put on disk: {reason}")]
    Spill { reason: String },
    /// DataFusion has no such feature.
    #[error("not supported: {text}")]
    Unsupported { text: String, log: String },
    /// The query would write where only reading is allowed.
    #[error("{what} is not allowed here: this query may only read")]
    WriteRefused { what: &'static str },
    /// Stopped on request.
    #[error("the query was cancelled after {:.1} s", .after.as_secs_f64())]
    Cancelled { after: Duration },
    /// A file or path.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A call of one of our functions.
    #[error(transparent)]
    Function(#[from] FunctionFault),
    /// A source's connector.
    #[error("{text}")]
    Source { text: String, hint: Option<String>, log: String },
    /// A source that could not be opened when it was needed.
    #[error(transparent)]
    Unopened(UnopenedFault),
    /// A name that no table can have.
    #[error("`{name}` cannot be the name of a table: {reason}")]
    TableName { name: String, reason: String, suggestion: String },
    /// A name that no function of SQL can have.
    #[error("`{name}` cannot be the name of a SQL function: {reason}")]
    FunctionName { name: String, reason: String },
    /// A limit of the environment is not an amount.
    #[error("{variable} is `{text}`, which is not an amount of memory")]
    MemoryLimitText { variable: &'static str, text: String },
    /// An export that cannot be written.
    #[error("could not write `{path}`: {reason}")]
    Write { path: String, reason: String, is_existing: bool },
    /// A request about a stored result that makes no sense.
    #[error(transparent)]
    Stored(#[from] StoredFault),
    /// A plot that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotFault),
    /// Our bug, or DataFusion's.
    #[error("internal: {text} (flow-engine {})", env!("CARGO_PKG_VERSION"))]
    Internal { text: String, log: String },
}

/// Why a source could not be opened, for all who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the source `{name}` could not be opened: {fault}")]
pub struct UnopenedFault {
    name: String,
    fault: Arc<EngineError>,
}

impl UnopenedFault {
    pub(crate) fn new(name: &str, fault: EngineError) -> UnopenedFault {
        UnopenedFault { name: name.to_owned(), fault: Arc::new(fault) }
    }

    /// What is wrong, without the name of the source.
    pub fn cause(&self) -> &EngineError {
        &self.fault
    }

    /// What the analyst may try next.
    pub fn hint(&self) -> Option<String> {
        let again = "the next query tries again";
        Some(self.fault.hint().map_or_else(|| again.to_owned(), |hint| format!("{hint}; {again}")))
    }
}

impl EngineError {
    /// What the analyst may try next.
    pub fn hint(&self) -> Option<String> {
        match self {
            EngineError::UnknownTable { wanted, known, .. } => table_hint(wanted, known),
            EngineError::UnknownColumn { wanted, valid, .. } => column_hint(wanted, valid),
            EngineError::UnknownFunction { nearest, .. } if !nearest.is_empty() => {
                Some(format!("Did you mean {}?", list_of(nearest)))
            }
            EngineError::MissingParameter { given, .. } if given.is_empty() => {
                Some("Parameters come from the fields of a form, from widgets or from Rust variables".into())
            }
            EngineError::MissingParameter { given, .. } => Some(format!("Set are {}", parameters(given))),
            EngineError::Plan { text, .. } => plan_hint(text),
            EngineError::Memory { .. } => Some(format!(
                "Read fewer rows or columns (a time window, a LIMIT), or raise {MEMORY_LIMIT_VARIABLE}, for example to 8G"
            )),
            EngineError::ResultTooLarge { .. } => Some(format!(
                "Ask for fewer rows or columns (a time window, a LIMIT), or raise {RESULT_LIMIT_VARIABLE}, for example to 64G"
            )),
            EngineError::Spill { .. } => {
                Some("Make space in the temporary folder (TMPDIR), or ask for fewer rows or columns".into())
            }
            EngineError::File(fault) => fault.hint(),
            EngineError::Function(fault) => fault.hint(),
            EngineError::Plot(fault) => fault.hint(),
            EngineError::Source { hint, .. } => hint.clone(),
            EngineError::Unopened(fault) => fault.hint(),
            EngineError::TableName { suggestion, .. } => {
                Some(format!("Use letters, digits and underscores, for example `{suggestion}`"))
            }
            EngineError::FunctionName { .. } => Some("Take another name, of letters, digits and underscores".into()),
            EngineError::MemoryLimitText { .. } => Some("Write it like 4G or 512M; at least 16M".into()),
            EngineError::Write { is_existing: true, .. } => Some("Choose another name, or allow overwriting".into()),
            EngineError::Internal { .. } => {
                Some("This is a bug of ours, not in your query; please report it with the log".into())
            }
            _ => None,
        }
    }

    /// Whether it is that the query was stopped.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, EngineError::Cancelled { .. })
    }

    /// Everything known, for the log: includes DataFusion's own text.
    pub fn for_log(&self) -> String {
        match self {
            EngineError::Plan { log, .. }
            | EngineError::Execution { log, .. }
            | EngineError::Memory { log, .. }
            | EngineError::Unsupported { log, .. }
            | EngineError::Source { log, .. }
            | EngineError::Internal { log, .. } => format!("{self}: {log}"),
            EngineError::Unopened(fault) => format!("{self}: {}", fault.fault.for_log()),
            _ => format!("{self:?}"),
        }
    }

    /// Where in the query the fault is, when that is known.
    pub fn position(&self) -> Option<Position> {
        match self {
            EngineError::Syntax { position, .. }
            | EngineError::UnknownTable { position, .. }
            | EngineError::UnknownColumn { position, .. }
            | EngineError::UnknownFunction { position, .. }
            | EngineError::Plan { position, .. } => *position,
            _ => None,
        }
    }

    pub(crate) fn of_source(fault: &flow_source::SourceError) -> EngineError {
        EngineError::Source { text: fault.to_string(), hint: fault.hint(), log: format!("{fault:?}") }
    }

    pub(crate) fn internal(text: impl Into<String>) -> EngineError {
        let text = text.into();
        EngineError::Internal { log: text.clone(), text }
    }
}

fn at(position: Option<Position>) -> String {
    position.map_or_else(String::new, |at| format!(" (line {}, column {})", at.line, at.column))
}

fn known_tables(known: &[String]) -> String {
    if known.is_empty() { "no table is known yet".into() } else { format!("known tables: {}", bounded_list(known)) }
}

fn known_columns(valid: &[String]) -> String {
    if valid.is_empty() { "the query has no table".into() } else { format!("columns: {}", bounded_list(valid)) }
}

fn bounded_list(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_LISTED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_LISTED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn parameters(names: &[String]) -> String {
    names.iter().map(|name| format!("${name}")).collect::<Vec<_>>().join(", ")
}

fn table_hint(wanted: &str, known: &[String]) -> Option<String> {
    if let Some(function) = functions::table_functions().iter().find(|function| function.name == wanted) {
        return Some(format!("It is a function: write {}", function.syntax));
    }
    let nearest = nearest_owned(wanted, known);
    if !nearest.is_empty() {
        return Some(format!("Did you mean {}?", list_of(&nearest)));
    }
    let looks_like_a_file = wanted.contains(['/', '.', '*']);
    looks_like_a_file.then(|| format!("To read a file, write read_flows('{wanted}') or read_log('{wanted}')"))
}

fn column_hint(wanted: &str, valid: &[String]) -> Option<String> {
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_string();
    let bare_wanted = bare(wanted);
    // Names with capitals or odd characters are reachable only in quotes.
    let folded = valid
        .iter()
        .map(|name| bare(name))
        .find(|name| name.eq_ignore_ascii_case(&bare_wanted) && *name != bare_wanted);
    if let Some(name) = folded {
        return Some(format!("Names with capital letters need double quotes: \"{name}\""));
    }
    let dotted = wanted.replace('"', "");
    if valid.iter().any(|name| name.trim_matches('"') == dotted || name.ends_with(&format!("\"{dotted}\""))) {
        return Some(format!("Names with a dot need double quotes: \"{dotted}\""));
    }
    let bare_valid: Vec<String> = valid.iter().map(|name| bare(name)).collect();
    let nearest = nearest_owned(&bare_wanted, &bare_valid);
    (!nearest.is_empty()).then(|| format!("Did you mean {}?", list_of(&nearest)))
}

fn plan_hint(text: &str) -> Option<String> {
    text.contains("unique expression names").then(|| "Give one of them another name with AS".into())
}

fn nearest_owned(wanted: &str, known: &[String]) -> Vec<String> {
    names::nearest(wanted, known.iter().map(String::as_str), NEAREST_MAX).into_iter().map(str::to_string).collect()
}
