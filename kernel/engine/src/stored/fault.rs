//! Why a request about a stored result is refused. Read by the person whose page sent it.

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredFault {
    /// A column that the result does not have.
    #[error("there is no column number {column}: the table has {count}")]
    UnknownColumn { column: usize, count: usize },
    /// A row that the view does not have.
    #[error("there is no row {row}: {count} are seen")]
    UnknownRow { row: usize, count: usize },
    /// More of something than is allowed.
    #[error("{found} {what} are too many: at most {limit} are possible")]
    TooMany { what: &'static str, found: usize, limit: usize },
    /// A text that is too long.
    #[error("the {what} is too long: at most {limit} characters are possible")]
    TooLong { what: &'static str, limit: usize },
    /// A regular expression that is none.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    BadPattern { pattern: String, reason: String },
    /// The end of a range that is no value of its column.
    #[error("`{text}` is not a value of the column {column}, which holds {type_text}")]
    BadBound { text: String, column: String, type_text: String },
    /// A condition that does not fit the column.
    #[error("the column {column} holds {type_text}: {what} is not possible")]
    DoesNotFit { what: &'static str, column: String, type_text: String },
    /// A result of more rows than a view can number.
    #[error("a table of more than {limit} rows can be looked at, but not sorted or filtered")]
    TooManyRows { limit: usize },
    /// A list of addresses in which something is none.
    #[error("{reason}")]
    AddressList { reason: String },
    /// A copy that makes no sense.
    #[error("{reason}")]
    Copy { reason: &'static str },
}
