//! The kinds of the table of models as Rust types: what a setter takes, what a getter gives.
//!
//! Setters take texts as `&str` and the rest by value, so hardly any of them is generic: they are compiled once, with
//! this crate, not in each cell.

/// The type that a setter takes. `None` is null, or `"any"` for a step.
macro_rules! parameter {
    (string) => { &str };
    (color) => { &str };
    ((choice $choice:ident)) => { &str };
    (bytes) => { impl Into<Vec<u8>> };
    ((optional string)) => { &str };
    ((optional color)) => { &str };
    ((optional (choice $choice:ident))) => { &str };
    ((optional $kind:tt)) => { impl Into<Option<owned!($kind)>> };
    ((or_any $kind:tt)) => { impl Into<Option<owned!($kind)>> };
    ([string]) => { impl IntoIterator<Item = impl Into<String>> };
    ((list string)) => { impl IntoIterator<Item = impl Into<String>> };
    ((list color)) => { impl IntoIterator<Item = impl Into<String>> };
    ((list any)) => { impl IntoIterator<Item = impl Into<serde_json::Value>> };
    ((list $kind:tt)) => { impl IntoIterator<Item = owned!($kind)> };
    ((widget $class:ident)) => { impl std::borrow::Borrow<$class> };
    ($kind:tt) => { owned!($kind) };
}

/// The type that a getter gives.
macro_rules! owned {
    (string) => { String };
    (color) => { String };
    ((choice $choice:ident)) => { String };
    (int) => { i64 };
    (float) => { f64 };
    (bool) => { bool };
    (bytes) => { Vec<u8> };
    (date) => { chrono::NaiveDate };
    (datetime) => { chrono::DateTime<chrono::Utc> };
    (naive_datetime) => { chrono::NaiveDateTime };
    (time) => { chrono::NaiveTime };
    ((widget $class:ident)) => { $class };
    ((optional $kind:tt)) => { Option<owned!($kind)> };
    ((pair $kind:tt)) => { (owned!($kind), owned!($kind)) };
    ((list $kind:tt)) => { Vec<owned!($kind)> };
    ([$kind:tt]) => { Vec<owned!($kind)> };
}

/// A parameter as the value of an attribute.
macro_rules! content {
    (bytes $value:ident) => { Into::<Vec<u8>>::into($value).into_state() };
    ((optional string) $value:ident) => { $value.into_state() };
    ((optional color) $value:ident) => { $value.into_state() };
    ((optional (choice $choice:ident)) $value:ident) => { $value.into_state() };
    ((optional $kind:tt) $value:ident) => { Into::<Option<owned!($kind)>>::into($value).into_state() };
    ((or_any $kind:tt) $value:ident) => {
        Into::<Option<owned!($kind)>>::into($value).map_or_else(|| "any".into_state(), IntoState::into_state)
    };
    ([string] $value:ident) => { content!((list string) $value) };
    ((list color) $value:ident) => { content!((list string) $value) };
    ((list string) $value:ident) => {
        $value.into_iter().map(|item| serde_json::Value::from(item.into())).collect::<Vec<_>>().into_state()
    };
    ((list any) $value:ident) => { $value.into_iter().map(Into::into).collect::<Vec<_>>().into_state() };
    ((list $kind:tt) $value:ident) => {
        $value.into_iter().map(serde_json::Value::from).collect::<Vec<_>>().into_state()
    };
    ((widget $class:ident) $value:ident) => { $value.borrow().model().reference().into_state() };
    ($kind:tt $value:ident) => { $value.into_state() };
}

pub(crate) use {content, owned, parameter};
