//! What is known of the cell that runs: where its outputs go, what it put out by evcxr's convention, how it ended.

use std::collections::VecDeque;

use flowdeck::bridge::Frame;
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{diagnostics::named, workspace};
use crate::{outputs::Outputs, report::Report, stdin::Prompt};

/// Panics remembered until the cell ends: a cell may catch many.
const PANICS_MAX: usize = 64;

/// The thread of the cell host on which cells run.
const CELLS_THREAD: &str = "main";

/// The cell that runs, or ran last: threads that it started may still write.
#[derive(Default)]
pub struct CurrentCell {
    pub outputs: Option<Outputs>,
    /// The header of the request that runs it.
    pub header: Header,
    pub prompt: Option<Prompt>,
    /// Its number in the front end; 0 when it has none.
    pub number: u64,
    pub cancel: CancellationToken,
    /// The Output widget in which its callbacks show what they put out; `None` while it has none.
    pub callback_area: Option<String>,
    /// Whether it ended, and `callback_area` has been shown.
    pub is_over: bool,
    pub end: CellEnd,
    pub panics: VecDeque<Panic>,
    /// What a read of standard input will ask, and whether it is for a password.
    pub question: (String, bool),
    pub is_panicked: bool,
    /// Representations of the value that evcxr's convention gives one by one.
    pub content: MimeBundle,
}

/// What is known of a cell when it ended.
#[derive(Debug, Default)]
pub struct CellEnd {
    /// The process in which the cell began to run; `None` when it was not compiled.
    pub process: Option<u64>,
    /// The process that goes on if the cell ends its own.
    pub copy: Option<u64>,
    /// How the cell ended its process, when another goes on.
    pub death: Option<String>,
    /// Whether a panic ended it, or an interrupt, which unwinds as a panic does.
    pub is_unwound: bool,
    /// Whether the process from before the cell goes on after that.
    pub is_taken_back: bool,
    /// The panic that ended it.
    pub panic: Option<Panic>,
    /// The error that `?` met, and where.
    pub returned_error: Option<(String, Place)>,
    /// The value as text.
    pub result_text: Option<String>,
}

/// A panic in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panic {
    pub message: String,
    /// Empty when it has no name.
    thread: String,
    place: Place,
}

impl CurrentCell {
    /// Adds a representation; gives the earlier value when this one begins another.
    pub fn add_content(&mut self, mime: String, body: String) -> Option<MimeBundle> {
        let earlier = self.content.contains_key(&mime).then(|| std::mem::take(&mut self.content));
        self.content.insert(mime, Value::from(body));
        earlier
    }

    pub fn add_panic(&mut self, frame: &Frame) {
        if self.panics.len() == PANICS_MAX {
            self.panics.pop_front();
        }
        self.panics.push_back(Panic::new(frame));
    }

    /// Takes the panics of the cell: the one that ended it, and others, which it caught or which ended a thread.
    pub fn take_panics(&mut self) -> (Option<Panic>, Vec<Panic>) {
        let mut panics: Vec<Panic> = std::mem::take(&mut self.panics).into();
        let last = panics.iter().rposition(|panic| !panic.is_of_thread()).or(panics.len().checked_sub(1));
        let fatal = last.filter(|_| self.is_panicked).map(|last| panics.remove(last));
        // One that nobody told was told by a hook of the author's own.
        (fatal.or_else(|| self.is_panicked.then(Panic::untold)), panics)
    }
}

impl Panic {
    /// A panic that the host tells of.
    pub fn new(frame: &Frame) -> Panic {
        let text = |field: &str| frame.text(field).to_owned();
        let place = Place::new(&frame.json);
        Panic { message: text("message"), thread: text("thread"), place }
    }

    /// A panic of which no more is known than that it was one.
    fn untold() -> Panic {
        Panic::new(&Frame::new(json!({"message": "the cell panicked", "thread": CELLS_THREAD})))
    }

    fn is_of_thread(&self) -> bool {
        self.thread != CELLS_THREAD
    }

    /// The panic as the error of the cell with this number.
    pub fn report(&self, cell: u64) -> Report {
        let place = self.place.words(cell).map(|place| format!("the cell panicked {place}"));
        Report::new(super::PANIC, &self.message).with_hint_if(place)
    }

    /// The panic as what the cell with this number only met.
    pub fn told(&self, cell: u64) -> String {
        let place = self.place.words(cell).map(|place| format!(" ({place})")).unwrap_or_default();
        match (self.is_of_thread(), self.thread.as_str()) {
            (true, "") => format!("a thread panicked{place}: {}\n", self.message),
            (true, name) => format!("the thread `{name}` panicked{place}: {}\n", self.message),
            (false, _) => format!("a panic was caught{place}: {}\n", self.message),
        }
    }
}

/// Where something happened, as a compiled source calls it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    file: String,
    line: u64,
    /// The cell and its line that are there.
    of_cell: Option<(u64, u64)>,
}

impl Place {
    /// The place in a frame with a `file` and a `line`. Asked for at once: when the cell is compiled again, its number is
    /// another.
    pub fn new(frame: &Map<String, Value>) -> Place {
        let file = frame.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = frame.get("line").and_then(Value::as_u64).unwrap_or_default();
        Place { of_cell: workspace::place(&file, line), file, line }
    }

    /// The place, for the author of the cell with this number; `None` when it is not known.
    pub fn words(&self, cell: u64) -> Option<String> {
        match self.of_cell {
            Some((of, line)) if of == cell => Some(format!("at line {line}")),
            Some((of, line)) => Some(format!("in code of {}, line {line}", named(of))),
            None if workspace::is_a_cells(&self.file) => None,
            None => Some(format!("in {} line {}", crate_and_file(&self.file), self.line)),
        }
    }

    /// The place in brackets, as `dbg!` begins.
    pub fn in_brackets(&self, cell: u64) -> String {
        match self.of_cell {
            Some((of, line)) if of == cell => format!("[line {line}]"),
            Some((of, line)) => format!("[{}, line {line}]", named(of)),
            None if workspace::is_a_cells(&self.file) => "[cell]".to_owned(),
            None => format!("[{}:{}]", self.file, self.line),
        }
    }
}

/// A file of the standard library or a crate, without where that is on this machine.
fn crate_and_file(file: &str) -> String {
    if let Some((_, rest)) = file.split_once("/library/") {
        return format!("the standard library, {rest}");
    }
    let of_registry = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    of_registry.map_or_else(|| file.to_owned(), |(_, rest)| rest.to_owned())
}

/// The value of a cell that ends in a `for` loop or a `println!`: nothing to show.
pub fn is_unit(content: &MimeBundle) -> bool {
    content.len() == 1 && content.get("text/plain").and_then(Value::as_str) == Some("()")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic(thread: &str, of_cell: Option<(u64, u64)>, file: &str) -> Panic {
        let place = Place { file: file.to_owned(), line: 9, of_cell };
        Panic { message: "boom".to_owned(), thread: thread.to_owned(), place }
    }

    #[test]
    fn the_place_of_a_panic_is_the_authors() {
        let hint = |panic: &Panic| panic.report(3).hint().unwrap_or_default().to_owned();
        assert!(hint(&panic("main", Some((3, 2)), "cell-1")).starts_with("the cell panicked at line 2"));
        assert!(hint(&panic("main", Some((1, 2)), "cell-1")).contains("in code of cell [1], line 2"));
        assert_eq!(hint(&panic("main", None, "cell-1")), "");
        let of_library = panic("main", None, "/rustc/1/library/alloc/src/vec/mod.rs");
        assert!(hint(&of_library).contains("in the standard library, alloc/src/vec/mod.rs line 9"), "{of_library:?}");
        let of_crate = panic("main", None, "/home/me/.cargo/registry/src/index-1/rand-0.9.0/src/lib.rs");
        assert!(hint(&of_crate).contains("in rand-0.9.0/src/lib.rs line 9"), "{of_crate:?}");
    }

    #[test]
    fn a_thread_that_panics_is_told_from_what_the_cell_caught() {
        assert_eq!(panic("main", Some((3, 2)), "").told(3), "a panic was caught (at line 2): boom\n");
        assert_eq!(panic("", Some((3, 2)), "").told(3), "a thread panicked (at line 2): boom\n");
        assert_eq!(panic("worker", None, "").told(3), "the thread `worker` panicked: boom\n");
        let panics: VecDeque<Panic> = [panic("main", None, ""), panic("worker", None, "")].into();
        let mut cell = CurrentCell { panics: panics.clone(), is_panicked: true, ..CurrentCell::default() };
        assert_eq!(cell.take_panics(), (Some(panics[0].clone()), vec![panics[1].clone()]));
        let mut cell = CurrentCell { panics: panics.clone(), ..CurrentCell::default() };
        assert_eq!(cell.take_panics(), (None, panics.into()));
    }

    #[test]
    fn a_second_value_of_one_kind_begins_another_bundle() {
        let mut cell = CurrentCell::default();
        assert!(cell.add_content("text/html".into(), "a".into()).is_none());
        assert!(cell.add_content("text/plain".into(), "a".into()).is_none());
        let earlier = cell.add_content("text/html".into(), "b".into());
        assert_eq!(earlier.map(|bundle| bundle.len()), Some(2));
        assert_eq!(cell.content.len(), 1);
    }
}
