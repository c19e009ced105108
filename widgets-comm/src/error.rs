//! What can go wrong with a message or a value, as facts. Advice and the words for the notebook are the kernel's.

use crate::{buffers::BufferError, check::ValueFault, rules::RuleFault};

/// Why something was refused. The text is readable as it is, for a log or as the fact of a report.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WidgetError {
    #[error("no widget has the id `{id}`")]
    UnknownModel { id: String },
    #[error("a widget with the id `{id}` is open already")]
    DuplicateId { id: String },
    #[error("no widget model is named `{name}`{}", nearest_hint(.nearest))]
    UnknownModelName { name: String, nearest: Option<String> },
    #[error("{model} has no attribute `{attribute}`{}", nearest_hint(.nearest))]
    UnknownAttribute { model: String, attribute: String, nearest: Option<String> },
    #[error("{model}.{attribute} cannot be changed")]
    ReadOnly { model: String, attribute: String },
    #[error("{model}.{attribute}: {fault}")]
    BadValue { model: String, attribute: String, fault: ValueFault },
    #[error("{model}: {fault}")]
    BrokenRule { model: String, fault: RuleFault },
    #[error("a custom widget needs a string in `{key}`")]
    MissingName { key: &'static str },
    #[error("the widget `{id}` is used as {attribute} of the widget `{by}`")]
    InUse { id: String, by: String, attribute: String },
    #[error("a link needs two different attributes, not `{attribute}` of `{id}` twice")]
    LinkToItself { id: String, attribute: String },
    #[error("the link to `{attribute}` of `{id}` broke off: {reason}")]
    LinkRefused { id: String, attribute: String, reason: Box<WidgetError> },
    #[error("malformed {message_type}: {fault}")]
    MalformedMessage { message_type: &'static str, fault: &'static str },
    #[error("the message's buffers do not fit: {0}")]
    Buffers(#[from] BufferError),
    #[error("no comm is open with the id `{id}`")]
    UnknownComm { id: String },
    #[error("no comm target is named `{target}`")]
    UnknownTarget { target: String },
    #[error("the front end speaks version `{found}` of {target}, not {supported}")]
    IncompatibleVersion { target: &'static str, found: String, supported: &'static str },
    #[error("a front end sent the unknown method `{method}`")]
    UnknownMethod { method: String },
    #[error("{what}: {found}, more than {limit}")]
    TooLarge { what: &'static str, found: usize, limit: usize },
}

fn nearest_hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; the nearest is `{nearest}`")).unwrap_or_default()
}
