//! How a service is described: its address, its key, its quotas, and what it can be asked. Data, not code: one constant a
//! service.

use serde_json::Value;

use crate::indicator::{Indicator, Kind};

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Its table in the configuration, `[enrichment.NAME]`.
    pub name: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// Where it is, with a slash at its end; `None` for services that every house runs itself.
    pub url: Option<&'static str>,
    /// How its key is sent.
    pub key: KeyUse,
    /// What it wants the answer to be.
    pub accept: &'static str,
    /// Requests in any minute.
    pub per_minute: u32,
    /// Requests in a day of UTC.
    pub per_day: u32,
    /// To how many other addresses one request may be sent on. Never with a key.
    pub redirects_max: usize,
    /// Whether this answer with status 404 says that it does not know; otherwise the address is wrong.
    pub is_unknown: fn(&str) -> bool,
    /// What it can be asked.
    pub lookups: &'static [Lookup],
}

/// How the key is sent: always in a header, so that no log of addresses has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// There is none.
    None,
    /// More is answered with one.
    Optional(&'static str),
    /// Nothing is answered without it.
    Required(&'static str),
}

impl KeyUse {
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            KeyUse::None => None,
            KeyUse::Optional(header) | KeyUse::Required(header) => Some(header),
        }
    }
}

/// One question, which is one SQL function.
#[derive(Debug)]
pub struct Lookup {
    /// The SQL function.
    pub function: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it says, for help.
    pub description: &'static str,
    /// What it gives. Changed fields need another `version`.
    pub fields: &'static [Field],
    /// Kept answers of other versions are not used.
    pub version: u32,
    /// What is sent.
    pub request: fn(&Indicator) -> Request,
    /// One value for each field; `None` when the answer says that it does not know.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub read: fn(&Value) -> Result<Option<Vec<Value>>, String>,
}

/// One value of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in SQL.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldKind,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A string, or an array of strings, which becomes one.
    Text,
    /// A whole number.
    Integer,
    /// A boolean.
    Boolean,
    /// Seconds since 1970, or text as RFC 3339 writes it.
    Time,
}

/// Shorter to read in the lists of fields.
pub const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind }
}

/// What is sent, below the address of the service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// Parts of the path; they are escaped.
    pub path: Vec<String>,
    /// Names and values behind the question mark; they are escaped.
    pub query: Vec<(&'static str, String)>,
    /// With a body it is a POST.
    pub body: Option<Body>,
}

/// JSON that is sent.
pub type Body = Value;

/// What stands at `pointer` (RFC 6901) of an answer; `Null` when nothing does.
pub fn at(answer: &Value, pointer: &str) -> Value {
    answer.pointer(pointer).cloned().unwrap_or_default()
}

/// The texts at `pointer` of each element of `list`, in order and each once.
pub fn each_text(list: &Value, pointer: &str) -> Value {
    let mut texts: Vec<Value> = Vec::new();
    for text in list.as_array().into_iter().flatten().filter_map(|element| element.pointer(pointer)) {
        if text.is_string() && !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    if texts.is_empty() { Value::Null } else { Value::Array(texts) }
}
