//! Binary values: how they lie beside the JSON of a state, and how they travel as buffers of a message.
//!
//! A value is JSON with holes, and the bytes that belong into the holes. A hole in a list is `null`, a hole in an
//! object is an absent key, exactly as on the wire: a message is put together without rewriting any JSON. A value that
//! is binary as a whole is `null` with one buffer at the empty path.
//!
//! What a value may be is decided in `check`.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value};

/// More buffers than this are refused in one state.
pub const BUFFERS_MAX: usize = 1_000;

/// One step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    Key(String),
    Index(usize),
}

/// The way to a buffer's place.
pub type BufferPath = Vec<PathStep>;

/// The value of one attribute. Cheap to clone: clones share the JSON and the bytes.
#[derive(Clone)]
pub struct StateValue(Arc<Parts>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Parts {
    json: Value,
    buffers: Vec<(BufferPath, Bytes)>,
}

/// Values of several attributes, by name, in order. What `open` and `update` take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    entries: Vec<(String, StateValue)>,
}

/// A state as a comm message carries it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireState {
    pub state: Map<String, Value>,
    /// Where each of the buffers belongs, seen from `state`.
    pub buffer_paths: Vec<Value>,
    pub buffers: Vec<Bytes>,
}

/// Why buffers do not fit their state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BufferError {
    #[error("state is not an object")]
    StateNotObject,
    #[error("buffer_paths is not a list of paths")]
    MalformedPaths,
    #[error("{found} buffers, more than {BUFFERS_MAX}")]
    TooMany { found: usize },
    #[error("buffer path {path} leads nowhere")]
    NoSuchPlace { path: String },
    #[error("the place of buffer path {path} holds a value already")]
    Taken { path: String },
    #[error("{paths} buffer paths but {buffers} buffers")]
    MissingBuffers { paths: usize, buffers: usize },
}

impl StateValue {
    /// A value that is binary as a whole.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        StateValue(Arc::new(Parts { json: Value::Null, buffers: vec![(BufferPath::new(), bytes.into())] }))
    }

    /// The JSON, with holes where the buffers belong.
    pub fn json(&self) -> &Value {
        &self.0.json
    }

    /// The bytes in the holes, each with its path from the top of this value.
    pub fn buffers(&self) -> &[(BufferPath, Bytes)] {
        &self.0.buffers
    }

    /// The bytes, when the value is binary as a whole.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self.buffers() {
            [(path, bytes)] if path.is_empty() => Some(bytes),
            _ => None,
        }
    }

    /// The JSON, to change it in place. Copies it only when another clone of the value is alive.
    pub(crate) fn json_mut(&mut self) -> &mut Value {
        &mut Arc::make_mut(&mut self.0).json
    }
}

impl From<Value> for StateValue {
    fn from(json: Value) -> Self {
        StateValue(Arc::new(Parts { json, buffers: Vec::new() }))
    }
}

impl PartialEq for StateValue {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl fmt::Debug for StateValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.json)?;
        for (path, bytes) in &self.0.buffers {
            write!(formatter, " + {} bytes at {}", bytes.len(), path_json(None, path))?;
        }
        Ok(())
    }
}

impl State {
    pub fn new() -> Self {
        State::default()
    }

    /// This state with one attribute more. A name that is there already gets the new value.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, StateValue::from(value.into()));
        self
    }

    /// This state with one binary attribute more.
    pub fn with_bytes(mut self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.set(name, StateValue::bytes(bytes));
        self
    }

    pub fn set(&mut self, name: &str, value: StateValue) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&StateValue> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &StateValue)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Puts the buffers of a message back into its state. Buffers beyond the paths are ignored, as front ends do.
    pub fn from_wire(state: Value, buffer_paths: &Value, buffers: &[Bytes]) -> Result<Self, BufferError> {
        let Value::Object(state) = state else { return Err(BufferError::StateNotObject) };
        let paths = parse_paths(buffer_paths)?;
        if paths.len() > BUFFERS_MAX {
            return Err(BufferError::TooMany { found: paths.len() });
        }
        if paths.len() > buffers.len() {
            return Err(BufferError::MissingBuffers { paths: paths.len(), buffers: buffers.len() });
        }
        let mut parts: Vec<(String, Parts)> =
            state.into_iter().map(|(name, json)| (name, Parts { json, buffers: Vec::new() })).collect();
        let taken_in_json = parts.len();
        for ((name, path), bytes) in paths.into_iter().zip(buffers) {
            place(&mut parts, taken_in_json, name, path, bytes.clone())?;
        }
        Ok(State { entries: parts.into_iter().map(|(name, parts)| (name, StateValue(Arc::new(parts)))).collect() })
    }

    /// Splits the buffers out, for a message.
    pub fn into_wire(self) -> WireState {
        split(self.iter())
    }
}

impl IntoIterator for State {
    type Item = (String, StateValue);
    type IntoIter = std::vec::IntoIter<(String, StateValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl From<Map<String, Value>> for State {
    fn from(state: Map<String, Value>) -> Self {
        State { entries: state.into_iter().map(|(name, json)| (name, json.into())).collect() }
    }
}

impl FromIterator<(String, StateValue)> for State {
    fn from_iter<Entries: IntoIterator<Item = (String, StateValue)>>(entries: Entries) -> Self {
        State { entries: entries.into_iter().collect() }
    }
}

/// Attributes as a message carries them: JSON without the binary values, the paths of these, and these.
pub fn split<'a>(entries: impl Iterator<Item = (&'a str, &'a StateValue)>) -> WireState {
    let mut wire = WireState::default();
    for (name, value) in entries {
        for (path, bytes) in value.buffers() {
            wire.buffer_paths.push(path_json(Some(name), path));
            wire.buffers.push(bytes.clone());
        }
        if value.as_bytes().is_none() {
            wire.state.insert(name.to_owned(), value.json().clone());
        }
    }
    wire
}

fn path_json(name: Option<&str>, path: &[PathStep]) -> Value {
    let steps = path.iter().map(|step| match step {
        PathStep::Key(key) => Value::from(key.as_str()),
        PathStep::Index(index) => Value::from(*index),
    });
    name.map(Value::from).into_iter().chain(steps).collect()
}

/// The paths of a message, each cut into the attribute's name and the rest.
fn parse_paths(buffer_paths: &Value) -> Result<Vec<(String, BufferPath)>, BufferError> {
    match buffer_paths {
        Value::Null => Ok(Vec::new()),
        Value::Array(paths) => paths.iter().map(|path| parse_path(path).ok_or(BufferError::MalformedPaths)).collect(),
        _ => Err(BufferError::MalformedPaths),
    }
}

fn parse_path(path: &Value) -> Option<(String, BufferPath)> {
    let (name, rest) = path.as_array()?.split_first()?;
    let rest = rest.iter().map(|step| match step {
        Value::String(key) => Some(PathStep::Key(key.clone())),
        Value::Number(index) => index.as_u64().and_then(|index| usize::try_from(index).ok()).map(PathStep::Index),
        _ => None,
    });
    Some((name.as_str()?.to_owned(), rest.collect::<Option<BufferPath>>()?))
}

/// `taken_in_json` entries came as JSON; those behind them are binary as a whole.
fn place(
    parts: &mut Vec<(String, Parts)>,
    taken_in_json: usize,
    name: String,
    path: BufferPath,
    bytes: Bytes,
) -> Result<(), BufferError> {
    let position = parts.iter().position(|(known, _)| *known == name);
    let shown = || path_json(Some(&name), &path).to_string();
    match position {
        Some(position) if position < taken_in_json => {
            let (_, part) = &mut parts[position];
            if part.buffers.iter().any(|(known, _)| *known == path) {
                return Err(BufferError::Taken { path: shown() });
            }
            match is_hole(&part.json, &path) {
                Some(true) => part.buffers.push((path, bytes)),
                Some(false) => return Err(BufferError::Taken { path: shown() }),
                None => return Err(BufferError::NoSuchPlace { path: shown() }),
            }
        }
        Some(_) => return Err(BufferError::Taken { path: shown() }),
        None if path.is_empty() => parts.push((name, Parts { json: Value::Null, buffers: vec![(path, bytes)] })),
        None => return Err(BufferError::NoSuchPlace { path: shown() }),
    }
    Ok(())
}

/// Whether the path ends in a hole; `None` when it ends nowhere.
fn is_hole(json: &Value, path: &[PathStep]) -> Option<bool> {
    let Some((last, way)) = path.split_last() else { return Some(false) };
    let parent = way.iter().try_fold(json, |json, step| match step {
        PathStep::Key(key) => json.as_object()?.get(key),
        PathStep::Index(index) => json.as_array()?.get(*index),
    })?;
    match last {
        PathStep::Key(key) => Some(!parent.as_object()?.contains_key(key)),
        PathStep::Index(index) => Some(parent.as_array()?.get(*index)?.is_null()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_refused(state: Value, buffer_paths: Value, expected: &str) {
        let buffers = [Bytes::from_static(b"ab")];
        let error = State::from_wire(state, &buffer_paths, &buffers).expect_err("buffers that do not fit");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_buffer_in_a_list_is_null_and_one_in_an_object_is_absent() {
        let state = json!({"value": [{"name": "a.txt", "size": 2}], "frames": [null, 1]});
        let paths = json!([["value", 0, "content"], ["frames", 0], ["thumbnail"]]);
        let buffers = [b"ab".as_slice(), b"cd", b"ef"].map(Bytes::from_static);
        let joined = State::from_wire(state.clone(), &paths, &buffers).expect("buffers fit");
        let content = vec![PathStep::Index(0), PathStep::Key("content".into())];
        assert_eq!(joined.get("value").expect("there").buffers(), [(content, buffers[0].clone())]);
        assert_eq!(joined.get("thumbnail").expect("there").as_bytes(), Some(&buffers[2]));

        let wire = joined.into_wire();
        assert_eq!(Value::from(wire.state), state);
        assert_eq!(Value::from(wire.buffer_paths), paths);
        assert_eq!(wire.buffers, buffers);
    }

    #[test]
    fn a_binary_attribute_is_absent_from_the_state() {
        let wire = State::new().with("format", "png").with_bytes("value", "ab").into_wire();
        assert_eq!(Value::from(wire.state), json!({"format": "png"}));
        assert_eq!(Value::from(wire.buffer_paths), json!([["value"]]));
        assert_eq!(wire.buffers, [Bytes::from_static(b"ab")]);
    }

    #[test]
    fn buffers_that_do_not_fit_are_refused() {
        check_refused(json!([]), json!([["value"]]), "state is not an object");
        check_refused(json!({}), json!("value"), "buffer_paths is not a list of paths");
        check_refused(json!({}), json!([[]]), "buffer_paths is not a list of paths");
        check_refused(json!({}), json!([["value", -1]]), "buffer_paths is not a list of paths");
        check_refused(json!({}), json!([["value"], ["other"]]), "2 buffer paths but 1 buffers");
        check_refused(json!({}), json!([["value", 0]]), r#"buffer path ["value",0] leads nowhere"#);
        check_refused(json!({"value": []}), json!([["value", 7]]), r#"buffer path ["value",7] leads nowhere"#);
        let taken = r#"the place of buffer path ["value",0] holds a value already"#;
        check_refused(json!({"value": [1]}), json!([["value", 0]]), taken);
        check_refused(
            json!({"value": 1}),
            json!([["value"]]),
            "the place of buffer path [\"value\"] holds a value already",
        );
        let state = json!({"value": [null]});
        let buffers = [Bytes::new(), Bytes::new()];
        let twice = State::from_wire(state, &json!([["value", 0], ["value", 0]]), &buffers).expect_err("twice");
        assert_eq!(twice.to_string(), taken);
    }

    #[test]
    fn the_number_of_buffers_is_bounded() {
        let paths: Value = (0..=BUFFERS_MAX).map(|index| json!([index.to_string()])).collect();
        let buffers = vec![Bytes::new(); BUFFERS_MAX + 1];
        let error = State::from_wire(json!({}), &paths, &buffers).expect_err("too many");
        assert_eq!(error.to_string(), "1001 buffers, more than 1000");
    }

    #[test]
    fn buffers_beyond_the_paths_are_ignored() {
        let state = State::from_wire(json!({"value": 1}), &Value::Null, &[Bytes::new()]).expect("it fits");
        assert_eq!(state, State::new().with("value", 1));
    }

    #[test]
    fn clones_share_and_changes_in_place_do_not_reach_them() {
        let mut value = StateValue::from(json!([1]));
        let before = value.clone();
        *value.json_mut() = json!([2]);
        assert_eq!((before.json(), value.json()), (&json!([1]), &json!([2])));
    }
}
