//! What evcxr wrote for a cell, as rustc gets it: only what the cell needs, in an order that is always the same.
//!
//! evcxr writes every item and loads every variable of the session into each cell, in the order of its hash maps, and
//! counts the cells in a name. So no two texts are the same and all of it is compiled again. Here a variable that the
//! cell does not name stays in the store, an item that nothing names is left out, and the rest is sorted: a cell that
//! needs the same as before is the same text, in this session and the next. Every line keeps the number it had with
//! evcxr, by which evcxr finds its way.
//!
//! The texts that are looked for are those of evcxr 0.22. What is not recognised is passed on as it is.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

use flowdeck::stand_in::{STAND_IN, replaced};
use sha2::{Digest, Sha256};

use super::{
    body::{Body, PUT, variable},
    items::Items,
    places::{Announced, Defined, Place, Places},
    typing::Typing,
};

/// The cell's function in the compiled object.
pub const CELL_FUNCTION: &str = "flowdeck_cell";

/// Stands before evcxr's function.
const EXPORTED: &str = "#[unsafe(no_mangle)]";
const EVCXR_FUNCTION: &str = "pub extern \"C\" fn run_user_code_";

/// Begins evcxr's module with the store of variables, which the prelude has compiled.
const STORE_MODULE: &str = "mod evcxr_internal_runtime {";
const STORE_OF_PRELUDE: &str = "use flowdeck::evcxr_store as evcxr_internal_runtime;";
/// The store as it must be for the prelude's to be the same.
const STORE_FIELD: &str = "variables: std::collections::HashMap<String, Box<dyn std::any::Any + 'static>>,";

/// Begins what evcxr writes for a `?`, behind the items.
const ERROR_TYPE: &str = "struct EvcxrUserCodeError {}";

/// What the names of sources begin with, and how long what distinguishes them is.
pub const SOURCE_NAME: &str = "cell-";
const SOURCE_NAME_DIGITS: usize = 10;

/// A line for rustc, and its number with evcxr, from 1.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub number: usize,
}

/// A variable whose type this compilation will tell.
#[derive(Clone, Debug)]
pub struct Untyped {
    pub stand_in: String,
    pub variable: String,
}

/// What earlier cells of the session left for this one.
pub struct Session<'a> {
    pub typing: &'a Typing,
    pub defined: &'a Defined,
    /// The cell as the author has it.
    pub cell: Option<&'a Announced>,
}

/// A stand-in that became a type, which is longer or shorter. Places in characters.
#[derive(Debug, PartialEq)]
struct Edit {
    /// Where it was with evcxr.
    at: usize,
    was: usize,
    is: usize,
}

/// A cell for rustc.
#[derive(Debug, Default)]
pub struct Source {
    pub lines: Vec<Line>,
    /// What the source is called in panics and messages: by what the author wrote, and always the same for it.
    pub name: String,
    /// Where evcxr's lines come from.
    pub places: Places,
    /// By the index of a line, in the order of their places.
    edits: HashMap<usize, Vec<Edit>>,
    /// By the number of the line, from 1, that makes rustc tell the type.
    pub untyped: HashMap<usize, Untyped>,
    /// Names of items that the cell can use as they are.
    pub items: BTreeSet<String>,
    /// The words of items that were left out.
    pub left_out: BTreeSet<String>,
    /// Variables that the cell defines, with the names of their types.
    pub defines: Vec<(String, String)>,
    all_items: Items,
}

impl Session<'_> {
    /// When an item was defined, among the cells: those that are defined now come last.
    fn order(&self, lines: &[Line]) -> u64 {
        let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        match self.cell {
            Some(cell) if cell.text.contains(text.trim()) => u64::MAX,
            _ => self.defined.find(lines.iter().map(|line| line.text.as_str())).map_or(0, |found| found.order),
        }
    }
}

impl Source {
    /// evcxr's text as it is, but for stand-ins.
    pub fn plain(text: &str, session: &Session<'_>) -> Source {
        let lines = numbered(text);
        let items_end = function_in(&lines).unwrap_or(0);
        let all_items = Items::read(&lines[..items_end]);
        let places = Places::new(&lines, items_end, all_items.lines(), session.cell, session.defined);
        Source { lines, items: all_items.names(), places, ..Source::default() }.typed(session.typing.known())
    }

    /// The text in its one order. With `cell`, the author's text, reduced to what that needs; else with all items.
    /// What it awaits is awaited on tokio's runtime if the cell has one.
    pub fn sorted(text: &str, session: &Session<'_>, cell: Option<&str>, has_runtime: bool) -> Source {
        let (lines, typing, types) = (numbered(text), session.typing, session.typing.known());
        let Some(function) = function_in(&lines) else { return Source::plain(text, session) };
        let (before, after) = lines.split_at(function);
        let support = Support::new(before);
        let mut all_items = Items::read(&before[..support.start]);
        let places = Places::new(&lines, function, all_items.lines(), session.cell, session.defined);
        all_items.supersede(|lines| session.order(lines));
        let mut body = Body::new(after, has_runtime);
        body.lose(|variable, kind| typing.is_redefined(variable, &layout(&all_items, kind, types)));
        let rest = support.needed(&body);
        let mut words = words_of(rest.iter().chain(&body.lines));
        // Types of variables that the cell takes may be the only place where an item is named.
        words.extend(types_named(&body.lines, types));
        let chosen = all_items.chosen(&mut words, cell);
        let lines = chosen.lines.into_iter().chain(rest).chain(body.lines).collect();
        let (items, left_out, defines) = (all_items.names(), chosen.left_out, body.defines);
        Source { lines, items, left_out, defines, places, all_items, ..Source::default() }.typed(types)
    }

    /// What each variable that the cell defines is made of, when its type is of this session's items.
    pub fn layouts(&self, types: &HashMap<String, String>) -> Vec<(String, String)> {
        let layouts = self.defines.iter().map(|(name, kind)| (name.clone(), layout(&self.all_items, kind, types)));
        layouts.collect()
    }

    /// The text.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    /// The number with evcxr of a line of ours. Both from 1.
    pub fn evcxr_line(&self, line: usize) -> usize {
        let found = line.checked_sub(1).and_then(|index| self.lines.get(index));
        found.or(self.lines.last()).map_or(line, |line| line.number)
    }

    /// The cell and line of each of our lines.
    pub fn table(&self) -> Vec<Option<(u64, usize)>> {
        self.lines.iter().map(|line| self.places.cell_and_line(line.number)).collect()
    }

    /// Where a line of ours comes from.
    pub fn place(&self, line: usize) -> Option<&Place> {
        self.places.of(self.lines.get(line.checked_sub(1)?)?.number)
    }

    /// The column with evcxr of a column of ours. Both from 1.
    pub fn evcxr_column(&self, line: usize, column: usize) -> usize {
        let place = column.saturating_sub(1);
        let (mut ours, mut evcxrs) = (0, 0);
        for edit in self.edits.get(&line.saturating_sub(1)).into_iter().flatten() {
            let start = edit.at - evcxrs + ours;
            if place < start {
                break;
            }
            if place < start + edit.is {
                return edit.at + (place - start).min(edit.was) + 1;
            }
            (ours, evcxrs) = (start + edit.is, edit.at + edit.was);
        }
        place - ours + evcxrs + 1
    }

    /// Writes types for stand-ins. Where none is known, rustc is asked.
    fn typed(mut self, types: &HashMap<String, String>) -> Source {
        self.name = name(&self.lines);
        for (index, line) in self.lines.iter_mut().enumerate() {
            if !line.text.contains(STAND_IN) {
                continue;
            }
            let stand_in = line.text.strip_prefix(PUT).and_then(|rest| rest.split('>').next()).map(str::to_owned);
            let (text, edits) = with_types(&line.text, types);
            (line.text, _) = (text, self.edits.insert(index, edits));
            let unknown = stand_in.filter(|name| name.starts_with(STAND_IN) && !types.contains_key(name));
            if let (Some(stand_in), Some((_, variable))) = (unknown, variable(&line.text)) {
                // A cast that changes nothing is warned of, with the type's name. It must not be bound: rustc would ask for
                // a pointer's type where that of the variable is not known.
                line.text = format!("#[warn(trivial_casts)] {{ (&{variable} as *const _); }} {}", line.text);
                self.untyped.insert(index + 1, Untyped { stand_in, variable });
            }
        }
        self
    }
}

fn function_in(lines: &[Line]) -> Option<usize> {
    let is_function = |pair: &[Line]| pair[0].text == EXPORTED && pair[1].text.starts_with(EVCXR_FUNCTION);
    lines.windows(2).position(is_function)
}

/// Whether a line of evcxr's keeps a variable by this stand-in.
pub fn keeping_line(line: &str, stand_in: &str) -> bool {
    line.strip_prefix(PUT).and_then(|rest| rest.strip_prefix(stand_in)).is_some_and(|rest| rest.starts_with('>'))
}

fn numbered(text: &str) -> Vec<Line> {
    text.lines().enumerate().map(|(index, text)| Line { text: text.to_owned(), number: index + 1 }).collect()
}

fn layout(items: &Items, kind: &str, types: &HashMap<String, String>) -> String {
    items.layout(words(types.get(kind).map_or(kind, String::as_str)))
}

/// What evcxr writes between items and function.
struct Support {
    /// Where it begins, among the lines before the function.
    start: usize,
    /// The type for the error of a `?`.
    error: Vec<Line>,
    /// The store of variables: the prelude's, if evcxr's is as we know it.
    store: Vec<Line>,
}

impl Support {
    fn new(before: &[Line]) -> Support {
        let store = before.iter().rposition(|line| line.text == STORE_MODULE);
        let error = before.iter().rposition(|line| line.text.trim() == ERROR_TYPE);
        let store_start = store.unwrap_or(before.len());
        let start = error.unwrap_or(store_start).min(store_start);
        let is_known = before[store_start..].iter().any(|line| line.text.trim() == STORE_FIELD);
        let store = match before.get(store_start) {
            Some(line) if is_known => vec![Line { text: STORE_OF_PRELUDE.to_owned(), number: line.number }],
            _ => before[store_start..].to_vec(),
        };
        Support { start, error: before[start..store_start].to_vec(), store }
    }

    fn needed(&self, body: &Body) -> Vec<Line> {
        let error = self.error.iter().filter(|_| body.has_question);
        // The type for errors names the store.
        let store = self.store.iter().filter(|_| body.has_question || body.has_store);
        error.chain(store).cloned().collect()
    }
}

fn words_of<'a>(lines: impl Iterator<Item = &'a Line>) -> BTreeSet<String> {
    lines.flat_map(|line| words(&line.text)).map(str::to_owned).collect()
}

/// The words of a text, whatever they are in it: `println!("{x}")` names a variable inside a string.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn types_named(lines: &[Line], types: &HashMap<String, String>) -> Vec<String> {
    let stand_ins = lines.iter().flat_map(|line| words(&line.text)).filter_map(|word| types.get(word));
    stand_ins.flat_map(|name| words(name)).map(str::to_owned).collect()
}

fn with_types(text: &str, types: &HashMap<String, String>) -> (String, Vec<Edit>) {
    let edits = RefCell::new(Vec::new());
    let written = replaced(text, |stand_in| {
        let name = types.get(stand_in).map_or("_", String::as_str);
        let at = stand_in.as_ptr().addr() - text.as_ptr().addr();
        let edit = Edit { at: text[..at].chars().count(), was: stand_in.chars().count(), is: name.chars().count() };
        edits.borrow_mut().push(edit);
        name
    });
    (written, edits.into_inner())
}

/// A name for the source, whatever types its stand-ins are.
fn name(lines: &[Line]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(replaced(&line.text, |_| "_"));
        hash.update("\n");
    }
    format!("{SOURCE_NAME}{}", &hex::encode(hash.finalize())[..SOURCE_NAME_DIGITS])
}

#[cfg(test)]
mod tests;
