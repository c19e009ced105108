//! What a cell writes on its standard output: text for the reader, and lines meant for evcxr or for us among it.
//!
//! Bytes come in any portions. Text is passed on as soon as it cannot be the beginning of a marker, a marker is found
//! also when text without a line feed stands before it.

use flowdeck::bridge::SYNC_MARK;
use serde_json::{Value, json};

/// evcxr's markers begin so.
const EVCXR: &[u8] = b"EVCXR_";
const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
const BEGIN_CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
const END_CONTENT: &str = "EVCXR_END_CONTENT";

/// Lines that evcxr must see, by how they begin (evcxr 0.22, `run_and_capture_output`).
const FOR_EVCXR: &[&str] = &[PANIC, "EVCXR_ERROR_OCCURRED", "EVCXR_VARIABLE_CHANGED_TYPE:"];

/// How the crate `evcxr_input` names what it asks for next; then it reads standard input.
const QUESTION: &str = "EVCXR_INPUT_REQUEST:";
const QUESTION_FOR_PASSWORD: &str = "EVCXR_INPUT_REQUEST_PASSWORD:";

/// Ours, of cells without the prelude: where a cell panicked and what it said, and the error of a `?`.
const PANIC_WITHOUT_PRELUDE: &str = "EVCXR_FLOWDECK_PANIC:";
const ERROR_WITHOUT_PRELUDE: &str = "EVCXR_FLOWDECK_ERROR:";

/// Stands for a line feed in these.
const LINE_FEED: char = '\u{1e}';

/// A marker line longer than this is text.
const MARKER_BYTES_MAX: usize = 4096;

/// One piece of the output.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Text for the reader.
    Text(String),
    /// A line for evcxr.
    ForEvcxr {
        /// The line without its end.
        line: String,
        /// Whether it says that the cell panicked.
        is_panic: bool,
    },
    /// A representation of the cell's value, by the convention of evcxr's ecosystem.
    Content {
        /// The MIME type.
        mime: String,
        /// The content.
        body: String,
    },
    /// What the next read of standard input asks for.
    Question {
        /// The text before the field.
        prompt: String,
        /// Whether what is typed is hidden.
        is_password: bool,
    },
    /// A panic of a cell without the prelude, as the fields of a frame about one.
    Panic(Value),
    /// The error of a `?` in a cell without the prelude.
    ReturnedError(String),
    /// All before this mark has been read.
    Sync(u64),
}

/// Splits one output descriptor into pieces.
#[derive(Debug, Default)]
pub struct Markers {
    pending: Vec<u8>,
    content: Option<(String, String)>,
}

impl Markers {
    /// Takes bytes and gives the pieces that are certain now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.pending.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while self.step(&mut pieces) {}
        pieces
    }

    /// Gives what is left at the end of the output.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let rest = std::mem::take(&mut self.pending);
        self.text(&rest, &mut pieces);
        if let Some((mime, body)) = self.content.take() {
            pieces.push(Piece::Content { mime, body });
        }
        pieces
    }

    /// Takes the next marker with the text before it; `false` when more bytes are needed.
    fn step(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let Some(start) = find(&self.pending) else {
            let safe = self.pending.len() - held_back(&self.pending);
            let text: Vec<u8> = self.pending.drain(..safe).collect();
            self.text(&text, pieces);
            return false;
        };
        let text: Vec<u8> = self.pending.drain(..start).collect();
        self.text(&text, pieces);
        let Some(length) = self.pending.iter().position(|byte| *byte == b'\n') else {
            if self.pending.len() > MARKER_BYTES_MAX {
                self.not_a_marker(pieces);
                return true;
            }
            return false;
        };
        let line = String::from_utf8_lossy(&self.pending[..length]).into_owned();
        if self.marker(&line, pieces) {
            self.pending.drain(..=length);
        } else {
            self.not_a_marker(pieces);
        }
        true
    }

    /// Whether the line is a marker; then its piece is given.
    fn marker(&mut self, line: &str, pieces: &mut Vec<Piece>) -> bool {
        if let Some(number) = line.strip_prefix(SYNC_MARK).and_then(|number| number.parse().ok()) {
            pieces.push(Piece::Sync(number));
        } else if let Some(mime) = line.strip_prefix(BEGIN_CONTENT) {
            self.content = Some((mime.split(' ').next().unwrap_or_default().to_owned(), String::new()));
        } else if line == END_CONTENT {
            let Some((mime, body)) = self.content.take() else { return false };
            // The line feed before the end marker is the marker's.
            let body = body.strip_suffix('\n').map(str::to_owned).unwrap_or(body);
            pieces.push(Piece::Content { mime, body });
        } else if let Some(prompt) = line.strip_prefix(QUESTION) {
            pieces.push(Piece::Question { prompt: prompt.to_owned(), is_password: false });
        } else if let Some(prompt) = line.strip_prefix(QUESTION_FOR_PASSWORD) {
            pieces.push(Piece::Question { prompt: prompt.to_owned(), is_password: true });
        } else if let Some(said) = line.strip_prefix(PANIC_WITHOUT_PRELUDE) {
            let mut parts = said.splitn(4, ':');
            let mut part = || parts.next().unwrap_or_default();
            let (line, thread, file, message) = (part().parse::<u64>(), part(), part(), with_lines(part()));
            let line = line.unwrap_or_default();
            pieces.push(Piece::Panic(json!({"message": message, "thread": thread, "file": file, "line": line})));
        } else if let Some(message) = line.strip_prefix(ERROR_WITHOUT_PRELUDE) {
            pieces.push(Piece::ReturnedError(with_lines(message)));
        } else if FOR_EVCXR.iter().any(|prefix| line.starts_with(prefix)) {
            pieces.push(Piece::ForEvcxr { line: line.to_owned(), is_panic: line == PANIC });
        } else {
            return false;
        }
        true
    }

    /// Passes the first byte of what looked like a marker on as text, so that the search goes on behind it.
    fn not_a_marker(&mut self, pieces: &mut Vec<Piece>) {
        let first: Vec<u8> = self.pending.drain(..1).collect();
        self.text(&first, pieces);
    }

    fn text(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        if bytes.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        if let Some((_, body)) = &mut self.content {
            body.push_str(&text);
        } else if let Some(Piece::Text(last)) = pieces.last_mut() {
            last.push_str(&text);
        } else {
            pieces.push(Piece::Text(text.into_owned()));
        }
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|start| {
        let rest = &bytes[*start..];
        matches!(rest[0], b'E' | 0) && (rest.starts_with(EVCXR) || rest.starts_with(SYNC_MARK.as_bytes()))
    })
}

/// How many bytes at the end may still become a marker or belong to a character that is not whole.
fn held_back(bytes: &[u8]) -> usize {
    let marker = [EVCXR, SYNC_MARK.as_bytes()]
        .iter()
        .flat_map(|marker| (1..marker.len()).filter(|length| bytes.ends_with(&marker[..*length])))
        .max()
        .unwrap_or(0);
    marker.max(cut_character(bytes))
}

fn cut_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(4)..];
    match std::str::from_utf8(tail) {
        Err(error) if error.error_len().is_none() => tail.len() - error.valid_up_to(),
        Err(_) => tail
            .iter()
            .rposition(|byte| *byte >= 0xc0)
            .map(|lead| tail.len() - lead)
            .filter(|length| {
                std::str::from_utf8(&tail[tail.len() - length..]).is_err_and(|error| error.error_len().is_none())
            })
            .unwrap_or(0),
        Ok(_) => 0,
    }
}

fn with_lines(text: &str) -> String {
    text.replace(LINE_FEED, "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces are the same in whatever portions the bytes come; adjacent texts are one.
    #[track_caller]
    fn check(output: &str, wanted: &[Piece]) {
        for portion in 1..=output.len().max(1) {
            let mut markers = Markers::default();
            let mut pieces: Vec<Piece> = Vec::new();
            let mut add = |new: Vec<Piece>| {
                for piece in new {
                    match (pieces.last_mut(), piece) {
                        (Some(Piece::Text(last)), Piece::Text(text)) => last.push_str(&text),
                        (_, piece) => pieces.push(piece),
                    }
                }
            };
            output.as_bytes().chunks(portion).for_each(|bytes| add(markers.feed(bytes)));
            add(markers.finish());
            assert_eq!(pieces, wanted, "in portions of {portion}");
        }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn text_passes_and_looks_of_markers_are_text() {
        check("hello\nwörld 𝒳", &[text("hello\nwörld 𝒳")]);
        check("EVCXR\nEVCXR_SOMETHING\nE\0", &[text("EVCXR\nEVCXR_SOMETHING\nE\0")]);
    }

    #[test]
    fn a_marker_behind_a_line_without_end_is_found() {
        let panic = Piece::ForEvcxr { line: PANIC.into(), is_panic: true };
        check("50 %EVCXR_PANIC_NOTIFICATION\nafter", &[text("50 %"), panic, text("after")]);
        check("a\0FLOWDECK_SYNC 12\nb", &[text("a"), Piece::Sync(12), text("b")]);
    }

    #[test]
    fn panics_and_errors_without_the_prelude_are_told_with_their_lines() {
        let panic = json!({"message": "stop: 1\nhere", "thread": "main", "file": "src/lib.rs", "line": 7});
        check("x\nEVCXR_FLOWDECK_PANIC:7:main:src/lib.rs:stop: 1\u{1e}here\n", &[text("x\n"), Piece::Panic(panic)]);
        check("EVCXR_FLOWDECK_ERROR:a\u{1e}b\n", &[Piece::ReturnedError("a\nb".into())]);
    }

    #[test]
    fn questions_of_the_crate_evcxr_input_are_told_apart() {
        let question = |is_password| Piece::Question { prompt: "Name: ".into(), is_password };
        check("EVCXR_INPUT_REQUEST:Name: \n", &[question(false)]);
        check("EVCXR_INPUT_REQUEST_PASSWORD:Name: \n", &[question(true)]);
    }

    #[test]
    fn content_is_one_piece_with_its_lines() {
        let content = |body: &str| Piece::Content { mime: "text/html".into(), body: body.into() };
        check("x\nEVCXR_BEGIN_CONTENT text/html\n<b>\nhi\nEVCXR_END_CONTENT\n", &[text("x\n"), content("<b>\nhi")]);
        check("EVCXR_END_CONTENT\n", &[text("EVCXR_END_CONTENT\n")]);
    }

    #[test]
    fn text_is_given_at_once_and_not_held_for_a_line_feed() {
        let mut markers = Markers::default();
        assert_eq!(markers.feed(b"progress 50 %\r"), [text("progress 50 %\r")]);
        assert_eq!(markers.feed(b"\xff\xfe"), [text("\u{fffd}\u{fffd}")]);
    }
}
