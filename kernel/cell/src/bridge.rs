//! The line between cell host and kernel: names of messages, and frames on a Unix socket.
//!
//! Both ends use this module. A frame is two lengths (JSON: u32, payload: u64, little-endian), a JSON dictionary whose
//! `type` is one of the constants below, and a payload (an Arrow IPC stream, text that was printed, or nothing).

use std::io::{self, Read, Write};

use serde_json::{Map, Value};

/// Environment variable that tells the cell host where the kernel listens.
pub const SOCKET_ENV: &str = "FLOWDECK_BRIDGE";

/// The largest dictionary either end takes, bytes: a display can carry a big picture, but not everything.
pub const JSON_BYTES_MAX: u32 = 256 * 1024 * 1024;

/// The largest payload either end takes, bytes.
pub const PAYLOAD_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// First frame on each connection: `role` is one of [`ROLES`], `pid` the host's process.
pub const HELLO: &str = "hello";
/// What a connection carries: frames, or what the process writes to its two output descriptors.
pub const ROLES: [&str; 3] = ["bridge", "stdout", "stderr"];

/// The `role` of a connection of the program that compiles cells: frames of text on how far it is, for the cell.
pub const PROGRESS_ROLE: &str = "progress";
/// The `role` of a connection of a process in which a query's functions run, the `worker` of that number: frames of what they
/// print, and its end is the process's. See [`FUNCTION_WORKER`].
pub const WORKER_ROLE: &str = "functions";
/// The `role` of a connection of the same process on which the kernel calls functions: [`FUNCTION_CALL`] frames one way,
/// [`REPLY`] frames the other. With its first byte the kernel hands over two files in shared memory: one for arguments,
/// one for values, both as Arrow IPC streams.
pub const CALL_ROLE: &str = "call";

/// Host to kernel: a cell is about to run. `copy` is the process that goes on if it ends this one.
pub const CELL_STARTED: &str = "cell_started";
/// Host to kernel: a cell ended the `process` in which it ran, by a `signal`, or because it `exited`, or killed from
/// outside. The sender goes on with the variables as they were before the cell and with these `callbacks` and `functions`.
pub const CELL_DIED: &str = "cell_died";
/// Host to kernel: text for the stream `name`, as payload. See [`text`]. With `file` and `line` of a compiled source, the
/// cell's line for these comes first.
pub const STREAM: &str = "stream";
/// Host to kernel: a MIME bundle `data`, `metadata`, `transient`; `update` when it replaces an earlier one.
pub const DISPLAY: &str = "display";
/// Host to kernel: a MIME bundle `data` that is the value of the cell.
pub const RESULT: &str = "result";
/// Host to kernel: clear the output, with the next one when `wait`.
pub const CLEAR_OUTPUT: &str = "clear_output";
/// Host to kernel: a panic's `message`, `file`, `line` and the `thread` it happened in.
pub const PANIC: &str = "panic";
/// Host to kernel: a cell returned early because `?` met the error `message`, in this `line` of the compiled `file`.
pub const RETURNED_ERROR: &str = "returned_error";
/// Host to kernel: run the query `sql`; answered with the same `id`.
pub const SQL: &str = "sql";
/// Host to kernel, answered: define the SQL function `name`, in lower case, of this `number`, which takes `arguments` and
/// gives `returns`, by the words for types that the kernel knows; `aggregate` if it is one.
pub const FUNCTION_DEFINE: &str = "function_define";
/// Kernel to host: make a copy of the process for the functions of one query, the `worker` of that number, with as many
/// `calls` connections. Answered by [`WORKER_ENDED`] when it could not be made, or ended.
pub const FUNCTION_WORKER: &str = "function_worker";
/// Host to kernel: the process of `worker` ended, by a `signal` or because it `exited`; or could not be made (`error`).
pub const WORKER_ENDED: &str = "worker_ended";
/// Kernel to a worker: call the function of this `number`. `step`, `accumulator`, `keep` and `rows` are those of
/// [`crate::abi::FunctionCall`]; `bytes` of arguments stand in the shared file. Answered with `bytes` of values, or with
/// `failed` or `panic`.
pub const FUNCTION_CALL: &str = "function_call";
/// Host to kernel, answered: the payload is the table `name`.
pub const TABLE_DEFINE: &str = "table_define";
/// Host to kernel: the variable that held the result `table` of a query is gone.
pub const TABLE_DROP: &str = "table_drop";
/// Host to kernel: rows of the result `table` of a query get a button `label`; `listener` hears which row it was.
pub const TABLE_ACTION: &str = "table_action";
/// Host to kernel, answered with `path`: write the result `table` of a query as a file of this `format`.
pub const TABLE_SAVE: &str = "table_save";
/// Host to kernel, answered with `data`, a MIME bundle, or with `path` if `save` names a picture: draw the result `table`
/// of a query. `options` are pairs of an option of `%%plot` and its value.
pub const PLOT: &str = "plot";
/// In a MIME bundle, on its way to the kernel only: the result of a query that is displayed, by its `id`.
pub const TABLE_MIME: &str = "application/vnd.flowdeck.table+json";
/// Host to kernel: ask the person for a line, with a `prompt`, not shown while typed if `password`; answered with `text`.
pub const INPUT: &str = "input";
/// Host to kernel: wait for `seconds`; answered after that time, or at once as interrupted. 0 asks whether to go on.
pub const SLEEP: &str = "sleep";
/// Host to kernel: what is entered in the form field `name`; answered with `value`.
pub const FORM_VALUE: &str = "form_value";
/// Host to kernel: stop running queries and waiting calls of the cell and of callbacks.
pub const CANCEL: &str = "cancel";

/// Host to kernel, answered: make the model `widget` of the class `model` with `state`; see [`BUFFER_LENGTHS`].
pub const WIDGET_OPEN: &str = "widget_open";
/// Host to kernel: change attributes of `widget` to those in `state`.
pub const WIDGET_UPDATE: &str = "widget_update";
/// Host to kernel: send `content` to the views of `widget`.
pub const WIDGET_CUSTOM: &str = "widget_custom";
/// Host to kernel: remove the model `widget` and its views.
pub const WIDGET_CLOSE: &str = "widget_close";
/// Host to kernel: show a view of `widget` here.
pub const WIDGET_DISPLAY: &str = "widget_display";
/// Host to kernel: the attributes `names` of `widget`; answered with `state`.
pub const WIDGET_GET: &str = "widget_get";
/// Host to kernel: keep attribute `target[1]` of widget `target[0]` equal to that of `source`, and back unless `directional`.
pub const WIDGET_LINK: &str = "widget_link";
/// Host to kernel: end such a link, named by the same fields.
pub const WIDGET_UNLINK: &str = "widget_unlink";
/// Host to kernel: tell `callback` of events of the kind `on` (`change`, `click`, `submit`, `message`) of `widget`, of
/// changes only those of attributes in `names`. A `concurrent` callback may run inside cells.
pub const WIDGET_LISTEN: &str = "widget_listen";
/// Host to kernel: `callback` is gone.
pub const WIDGET_UNLISTEN: &str = "widget_unlisten";
/// Kernel to host: run `callback` with `event`, which happened to `widget`.
pub const WIDGET_EVENT: &str = "widget_event";
/// Host to kernel: `callback` has run and all that it put out has been sent; with `panic` when that ended it.
/// Also, with `dropped`, for an event that was not dealt with because too many waited.
pub const CALLBACK_ENDED: &str = "callback_ended";

/// In frames with binary state: the length of each buffer, which stand one after another in the payload. `buffer_paths`
/// in the same frame names their places in `state`.
pub const BUFFER_LENGTHS: &str = "buffer_lengths";
/// In frames from a thread on which a callback runs: its number. Frames about a callback name that one instead.
pub const CALLBACK: &str = "callback";
/// In frames from a thread whose output is captured: the Output widget, the innermost if there are several.
pub const OUTPUT: &str = "output";

/// Kernel to host: the answer to a request, `id`, and `error` with `hint` if it failed.
pub const REPLY: &str = "reply";
/// Kernel to host: write `line` to evcxr, which reads the host's standard output.
pub const CONTROL: &str = "control";
/// Host to kernel: asks for [`SYNCED`] with the same `id` once all frames before this one are dealt with.
pub const SYNC: &str = "sync";
/// Kernel to host: everything before the mark `id` on one of the connections has arrived.
pub const SYNCED: &str = "synced";

/// Written to both output descriptors, followed by a number and a line feed: asks the kernel for [`SYNCED`].
pub const SYNC_MARK: &str = "\u{0}FLOWDECK_SYNC ";

/// One frame.
#[derive(Debug, Default, PartialEq)]
pub struct Frame {
    /// The dictionary, `type` included.
    pub json: Map<String, Value>,
    /// What does not fit into JSON.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame of a JSON dictionary without payload.
    pub fn new(json: Value) -> Frame {
        match json {
            Value::Object(json) => Frame { json, payload: Vec::new() },
            other => unreachable!("frames are dictionaries, not {other}"),
        }
    }

    /// The `type` of the frame.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// A field as text, empty when missing.
    pub fn text(&self, field: &str) -> &str {
        self.json.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field as a number, 0 when missing.
    pub fn number(&self, field: &str) -> u64 {
        self.json.get(field).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The frame's bytes.
    pub fn encoded(&self) -> Vec<u8> {
        let json = serde_json::to_vec(&self.json).expect("a map with text keys is always JSON");
        let mut bytes = Vec::with_capacity(12 + json.len() + self.payload.len());
        bytes.extend((json.len() as u32).to_le_bytes());
        bytes.extend((self.payload.len() as u64).to_le_bytes());
        bytes.extend(json);
        bytes.extend(&self.payload);
        bytes
    }

    /// Writes the frame.
    ///
    /// # Errors
    /// What the socket says.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.encoded())
    }

    /// Reads one frame; `None` at the end of the connection.
    ///
    /// # Errors
    /// `InvalidData` for lengths beyond the limits or a dictionary that is none.
    pub fn read(reader: &mut impl Read) -> io::Result<Option<Frame>> {
        let mut lengths = [0u8; 12];
        match reader.read_exact(&mut lengths) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let (json_len, payload_len) = checked_lengths(lengths)?;
        let mut json = vec![0; json_len];
        reader.read_exact(&mut json)?;
        let mut payload = vec![0; payload_len];
        reader.read_exact(&mut payload)?;
        Ok(Some(Frame { json: dictionary(&json)?, payload }))
    }
}

/// The frame of text that was printed.
pub fn text(to_stderr: bool, text: &str) -> Frame {
    let name = if to_stderr { "stderr" } else { "stdout" };
    Frame { payload: text.as_bytes().to_vec(), ..Frame::new(serde_json::json!({"type": STREAM, "name": name})) }
}

/// The lengths at the head of a frame: of the dictionary and of the payload, bytes.
///
/// # Errors
/// `InvalidData` when they are beyond the limits.
pub fn checked_lengths(head: [u8; 12]) -> io::Result<(usize, usize)> {
    let [a, b, c, d, payload @ ..] = head;
    let (json, payload) = (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(payload));
    if json > JSON_BYTES_MAX || payload > PAYLOAD_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a bridge frame is larger than its limit"));
    }
    Ok((json as usize, payload as usize))
}

/// Parses the dictionary of a frame.
///
/// # Errors
/// `InvalidData` when it is none.
pub fn dictionary(json: &[u8]) -> io::Result<Map<String, Value>> {
    serde_json::from_slice(json).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_come_back_as_written_and_the_end_is_no_error() {
        let frames =
            [text(false, "ä\n"), Frame { payload: vec![0, 255, 1], ..Frame::new(json!({"type": REPLY, "id": 7})) }];
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut bytes).unwrap());
        let mut reader = bytes.as_slice();
        for frame in &frames {
            assert_eq!(Frame::read(&mut reader).unwrap().as_ref(), Some(frame));
        }
        assert_eq!(Frame::read(&mut reader).unwrap(), None);
    }

    #[test]
    fn lengths_beyond_the_limits_are_refused_before_anything_is_allocated() {
        let mut head = [0xff; 12];
        assert!(Frame::read(&mut head.as_slice()).is_err());
        head[..4].fill(0);
        assert!(Frame::read(&mut head.as_slice()).is_err());
    }
}
