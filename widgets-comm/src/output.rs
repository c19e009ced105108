//! The list of outputs that an Output model shows, and what each Jupyter output does to it.
//!
//! Which outputs belong into which model, and when the front end hears of it, is the kernel's. Entries have the form
//! of a notebook's outputs; a display keeps its `transient`, so that it can be updated.

mod terminal;

use serde_json::{Map, Value, json};

use crate::weight::weight;

/// A list grows to this size, roughly, then its oldest entries go.
pub const OUTPUT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// So much is kept when entries go: cutting is rare, however fast the output comes.
const OUTPUT_BYTES_KEPT: usize = OUTPUT_BYTES_MAX / 4 * 3;

/// Stands at the top of a list that lost entries.
pub const NOTICE: &str = "[earlier output is not shown: it was more than 8 MiB]\n";

/// What a cell printed, displayed, or wants cleared.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// `name` is `stdout` or `stderr`.
    Stream { name: String, text: String },
    /// An entry of its own: `display_data`, `execute_result` or `error`, with the content of that message.
    Entry(Map<String, Value>),
    /// New data for all displays of that id.
    Update { display_id: String, data: Value, metadata: Value },
    /// With `wait` the list is cleared when the next output comes.
    Clear { wait: bool },
}

/// What the list itself does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    bytes: usize,
    clears_next: bool,
}

impl Output {
    /// Reads the content of a Jupyter message. `None` for messages that are no output.
    pub fn parse(message_type: &str, content: &Value) -> Option<Self> {
        let fields = content.as_object()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let value = |name: &str| fields.get(name).cloned().unwrap_or_else(|| json!({}));
        match message_type {
            "stream" => Some(Output::Stream { name: text("name")?, text: text("text")? }),
            "display_data" | "execute_result" | "error" => {
                let mut entry = fields.clone();
                entry.insert("output_type".into(), message_type.into());
                Some(Output::Entry(entry))
            }
            "update_display_data" => {
                let display_id = content["transient"]["display_id"].as_str()?.to_owned();
                Some(Output::Update { display_id, data: value("data"), metadata: value("metadata") })
            }
            "clear_output" => Some(Output::Clear { wait: fields.get("wait").and_then(Value::as_bool) == Some(true) }),
            _ => None,
        }
    }
}

impl Tally {
    /// The tally of a list that came from elsewhere.
    pub fn of(outputs: &[Value]) -> Self {
        Tally { bytes: outputs.iter().map(weight).sum(), clears_next: false }
    }
}

/// Appends one output to the list. Streams of one name run together; a list that grows too large loses its oldest
/// entries and says so at its top.
pub fn append(outputs: &mut Vec<Value>, tally: &mut Tally, output: Output) {
    if std::mem::take(&mut tally.clears_next) {
        clear(outputs, tally);
    }
    match output {
        Output::Clear { wait: true } => tally.clears_next = true,
        Output::Clear { wait: false } => clear(outputs, tally),
        Output::Stream { name, text } => append_stream(outputs, tally, &name, &text),
        Output::Entry(entry) => {
            let entry = Value::Object(entry);
            tally.bytes += weight(&entry);
            outputs.push(entry);
        }
        Output::Update { display_id, data, metadata } => {
            for entry in outputs.iter_mut().filter(|entry| entry["transient"]["display_id"] == display_id.as_str()) {
                entry["data"] = data.clone();
                entry["metadata"] = metadata.clone();
            }
            *tally = Tally::of(outputs);
        }
    }
    bound(outputs, tally);
}

/// The list within its bound; `None` when it is already.
pub fn bounded(outputs: &[Value]) -> Option<Vec<Value>> {
    let mut tally = Tally::of(outputs);
    if tally.bytes <= OUTPUT_BYTES_MAX {
        return None;
    }
    let mut outputs = outputs.to_vec();
    bound(&mut outputs, &mut tally);
    Some(outputs)
}

fn clear(outputs: &mut Vec<Value>, tally: &mut Tally) {
    outputs.clear();
    *tally = Tally::default();
}

fn append_stream(outputs: &mut Vec<Value>, tally: &mut Tally, name: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let last = outputs.last_mut().filter(|last| !is_notice(last));
    if let Some(Value::String(written)) = last.and_then(|last| stream_text(last, name)) {
        let before = written.len();
        terminal::write(written, text);
        tally.bytes = (tally.bytes + written.len()).saturating_sub(before);
        return;
    }
    let mut written = String::new();
    terminal::write(&mut written, text);
    let entry = stream(name, &written);
    tally.bytes += weight(&entry);
    outputs.push(entry);
}

fn stream(name: &str, text: &str) -> Value {
    json!({"output_type": "stream", "name": name, "text": text})
}

/// The text of an entry that is a stream of that name.
fn stream_text<'a>(entry: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let is_same = entry["output_type"] == "stream" && entry["name"] == name;
    entry.get_mut("text").filter(|_| is_same)
}

fn is_notice(entry: &Value) -> bool {
    entry["output_type"] == "stream" && entry["text"] == NOTICE
}

fn bound(outputs: &mut Vec<Value>, tally: &mut Tally) {
    if tally.bytes <= OUTPUT_BYTES_MAX {
        return;
    }
    if outputs.first().is_some_and(is_notice) {
        outputs.remove(0);
    }
    let mut bytes: usize = outputs.iter().map(weight).sum();
    let mut gone = 0;
    while bytes > OUTPUT_BYTES_KEPT && gone < outputs.len() {
        let entry = &mut outputs[gone];
        let size = weight(entry);
        // A stream is cut, not dropped, where a part of it is enough.
        if bytes - size < OUTPUT_BYTES_KEPT && entry["output_type"] == "stream" {
            cut_start(entry, bytes - OUTPUT_BYTES_KEPT);
            break;
        }
        bytes -= size;
        gone += 1;
    }
    outputs.splice(..gone, [stream("stderr", NOTICE)]);
    *tally = Tally::of(outputs);
}

/// Cuts so many bytes of a stream's text, or a few more to begin with a whole line.
fn cut_start(entry: &mut Value, bytes: usize) {
    let Some(Value::String(text)) = entry.get_mut("text") else { return };
    let start = (bytes.min(text.len())..=text.len()).find(|start| text.is_char_boundary(*start)).unwrap_or_default();
    let rest = &text[start..];
    *text = rest.split_once('\n').map_or(rest, |(_, lines)| lines).to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(messages: &[(&str, Value)]) -> Value {
        let (mut outputs, mut tally) = (Vec::new(), Tally::default());
        for (message_type, content) in messages {
            append(&mut outputs, &mut tally, Output::parse(message_type, content).expect("an output"));
            let counted = Tally { clears_next: tally.clears_next, ..Tally::of(&outputs) };
            assert_eq!(tally, counted, "bytes are counted along");
        }
        outputs.into()
    }

    fn printed(name: &str, text: &str) -> (&'static str, Value) {
        ("stream", json!({"name": name, "text": text}))
    }

    #[test]
    fn streams_of_one_name_run_together() {
        let outputs = appended(&[
            printed("stdout", "a\n"),
            printed("stdout", "b"),
            printed("stderr", "c"),
            printed("stdout", ""),
            printed("stdout", "d"),
        ]);
        assert_eq!(
            outputs,
            json!([
                {"output_type": "stream", "name": "stdout", "text": "a\nb"},
                {"output_type": "stream", "name": "stderr", "text": "c"},
                {"output_type": "stream", "name": "stdout", "text": "d"},
            ])
        );
    }

    #[test]
    fn displays_results_and_errors_are_entries_of_their_own() {
        let bundle = json!({"data": {"text/plain": "5"}, "metadata": {}});
        let error = json!({"ename": "E", "evalue": "v", "traceback": ["t"]});
        let outputs = appended(&[("display_data", bundle.clone()), ("execute_result", bundle), ("error", error)]);
        assert_eq!(
            outputs,
            json!([
                {"data": {"text/plain": "5"}, "metadata": {}, "output_type": "display_data"},
                {"data": {"text/plain": "5"}, "metadata": {}, "output_type": "execute_result"},
                {"ename": "E", "evalue": "v", "traceback": ["t"], "output_type": "error"},
            ])
        );
        assert_eq!(Output::parse("status", &json!({"execution_state": "idle"})), None);
        assert_eq!(Output::parse("stream", &json!({"name": "stdout"})), None);
    }

    #[test]
    fn a_display_is_updated_wherever_it_is_shown() {
        let shown = json!({"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "d"}});
        let update = json!({"data": {"text/plain": "22"}, "metadata": {"m": 1}, "transient": {"display_id": "d"}});
        let messages = [
            ("display_data", shown.clone()),
            printed("stdout", "x"),
            ("display_data", shown),
            ("update_display_data", update),
        ];
        let outputs = appended(&messages);
        for entry in [&outputs[0], &outputs[2]] {
            assert_eq!((&entry["data"], &entry["metadata"]), (&json!({"text/plain": "22"}), &json!({"m": 1})));
        }
        assert_eq!(outputs[1]["text"], "x");
    }

    #[test]
    fn clearing_waits_for_the_next_output_when_told_so() {
        let wait = ("clear_output", json!({"wait": true}));
        let at_once = ("clear_output", json!({"wait": false}));
        assert_eq!(appended(&[printed("stdout", "a"), wait.clone()])[0]["text"], "a");
        let cleared = appended(&[printed("stdout", "a"), wait, printed("stdout", "b"), printed("stdout", "c")]);
        assert_eq!(cleared, json!([{"output_type": "stream", "name": "stdout", "text": "bc"}]));
        assert_eq!(appended(&[printed("stdout", "a"), at_once]), json!([]));
    }

    #[test]
    fn a_list_that_is_too_large_loses_its_start_and_says_so() {
        let (mut outputs, mut tally) = (Vec::new(), Tally::default());
        let line = format!("{}\n", "x".repeat(99));
        for number in 0..200_000 {
            let text = if number == 199_999 { "the end\n".to_owned() } else { line.clone() };
            append(&mut outputs, &mut tally, Output::Stream { name: "stdout".into(), text });
            assert!(tally.bytes <= OUTPUT_BYTES_MAX);
        }
        assert_eq!(outputs.len(), 2);
        assert_eq!(outputs[0], stream("stderr", NOTICE));
        let text = outputs[1]["text"].as_str().expect("a text");
        assert!(text.starts_with(&line) && text.ends_with("\nthe end\n"), "whole lines, the newest last");
        assert!(text.len() > OUTPUT_BYTES_MAX / 2);
    }

    #[test]
    fn an_entry_that_is_too_large_by_itself_is_not_shown() {
        let huge = json!({"data": {"text/plain": "x".repeat(OUTPUT_BYTES_MAX)}, "metadata": {}});
        let outputs = appended(&[printed("stdout", "a"), ("display_data", huge), printed("stderr", "b")]);
        let after = json!({"output_type": "stream", "name": "stderr", "text": "b"});
        assert_eq!(outputs, json!([stream("stderr", NOTICE), after]));
    }

    #[test]
    fn a_list_from_elsewhere_is_bounded_too() {
        assert_eq!(bounded(&[stream("stdout", "a")]), None);
        let half = stream("stdout", &"x".repeat(OUTPUT_BYTES_MAX / 2));
        let small = stream("stderr", "b");
        let kept = bounded(&[half.clone(), half.clone(), small.clone()]).expect("too large");
        assert_eq!((&kept[0], &kept[3]), (&stream("stderr", NOTICE), &small));
        assert!(kept[1]["text"].as_str().is_some_and(|text| text.len() < OUTPUT_BYTES_MAX / 3));
        assert_eq!(kept[2], half);
    }
}
