//! What is wrong with a call of one of our functions, in words for the analyst.

use std::path::PathBuf;

use datafusion::common::DataFusionError;
use enrichment::DeskError;

use super::ip_list::IpListError;

/// A call that cannot be answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FunctionFault {
    /// Too few or too many arguments.
    #[error("{function} takes {expected}; it was given {given}")]
    ArgumentCount { function: &'static str, syntax: &'static str, expected: String, given: usize },
    /// An argument of a type that has no meaning there.
    #[error("{function} needs {expected} as `{argument}`; it was given {found}")]
    ArgumentType {
        function: &'static str,
        syntax: &'static str,
        argument: &'static str,
        expected: &'static str,
        found: String,
    },
    /// A value that has no meaning there.
    #[error("{function} cannot use {found} as `{argument}`: {reason}")]
    ArgumentValue { function: &'static str, argument: &'static str, found: String, reason: String },
    /// Text where an address must stand.
    #[error("`{text}` is no IP address")]
    NoAddress { text: String },
    /// A value that an address cannot be compared with.
    #[error("an address cannot be compared with {found}: {reason}")]
    Comparison { found: String, reason: String },
    /// A list of addresses with entries that are none.
    #[error("{function}: {fault}")]
    IpList { function: &'static str, fault: IpListError },
    /// A file that functions look things up in.
    #[error("the {what} `{}` cannot be used: {reason}", .path.display())]
    File { what: &'static str, path: PathBuf, reason: String },
    /// No file to look up in.
    #[error("{function} needs a {what}, and none is set")]
    NoFile { function: &'static str, what: &'static str, hint: &'static str },
    /// Services cannot be asked at all.
    #[error("{function}: {fault}")]
    Lookup { function: &'static str, fault: DeskError },
    /// A lookup where it would be asked for rows that are thrown away.
    #[error("{function} can only stand in the SELECT list of a query, and not inside CASE")]
    LookupPlace { function: String },
    /// A function that is defined elsewhere.
    #[error("`{function}` {fact}")]
    Foreign { function: String, fact: String, hint: Option<String> },
    /// A result that the type cannot hold.
    #[error("{function}: {reason}")]
    Overflow { function: &'static str, reason: String },
    /// A whole number that its type cannot hold.
    #[error("{what} is beyond what a whole number of {bits} bits can be")]
    Integer { what: String, bits: usize },
    /// A sum of whole numbers or of lengths of time that its type cannot hold.
    #[error("{what} is beyond what 64 bits can hold")]
    Sum { what: String, is_length: bool },
}

impl FunctionFault {
    /// What the analyst may try next.
    pub fn hint(&self) -> Option<String> {
        match self {
            FunctionFault::ArgumentCount { syntax, .. } | FunctionFault::ArgumentType { syntax, .. } => {
                Some(format!("Write {syntax}"))
            }
            FunctionFault::IpList { fault, .. } => Some(fault.hint()),
            FunctionFault::NoAddress { .. } => Some("TRY_CAST or to_ip give NULL where there is no address".into()),
            FunctionFault::Comparison { .. } => Some(
                "Write an address such as '10.0.0.1' or '2001:db8::1', or a network such as '10.0.0.0/8'; ip_in \
                 takes lists, and CAST(… AS VARCHAR) makes text of an address"
                    .into(),
            ),
            FunctionFault::NoFile { hint, .. } => Some((*hint).into()),
            FunctionFault::Lookup { fault: DeskError::Store(_), .. } => Some(
                "Check that the folder can be written to, or delete the file if it is broken: it holds answers only"
                    .into(),
            ),
            FunctionFault::LookupPlace { function } => Some(format!(
                "Look up in a query inside, and filter outside: SELECT … FROM (SELECT …, {function}(…) AS answer FROM … WHERE …) \
                 WHERE answer['status'] = 'found'"
            )),
            FunctionFault::Foreign { hint, .. } => hint.clone(),
            FunctionFault::Lookup { .. } => Some("docs/enrichment.md tells what belongs into flowdeck.toml".into()),
            FunctionFault::Integer { .. } => Some(
                "CAST(… AS DECIMAL(38, 0)) of one of the two gives room for 38 digits, CAST(… AS DOUBLE) rounds".into(),
            ),
            FunctionFault::Sum { is_length: false, .. } => {
                Some("safe_sum has room for 38 digits: write it in the place of sum".into())
            }
            FunctionFault::Sum { is_length: true, .. } => {
                Some("Add up seconds: sum(duration_s), or sum(date_part('epoch', …))".into())
            }
            FunctionFault::ArgumentValue { .. } | FunctionFault::File { .. } | FunctionFault::Overflow { .. } => None,
        }
    }
}

impl From<FunctionFault> for DataFusionError {
    fn from(fault: FunctionFault) -> DataFusionError {
        DataFusionError::External(Box::new(fault))
    }
}
