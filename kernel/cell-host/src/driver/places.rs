//! Where the lines that rustc gets come from: the cell that is compiled, or an earlier one of this session.
//!
//! evcxr writes a cell's statements into its function, its items before that, and those of all earlier cells with them.
//! The author knows lines of cells only. Beside the driver's settings it is kept which cell defined an item last, and, for
//! the kernel, of which lines each compiled object is made: a panic names the object's source and a line in it.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    files,
    segments::{Kind, Point, Segment, segments},
    source::Line,
};

/// The author's cell.
#[derive(Clone, Debug)]
pub struct Announced {
    /// What evcxr was given.
    pub text: String,
    /// Its number in the front end; 0 when it has none.
    pub number: u64,
}

/// Where a line comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A line of the cell. So many characters stand there before what rustc gets.
    Here { line: usize, column: usize },
    /// Written anew from what is between these places of the cell.
    Rewritten(Point, Point),
    /// A line of an earlier cell.
    Earlier { cell: u64, line: usize },
}

/// The places of lines, by the number that these have with evcxr.
#[derive(Debug, Default)]
pub struct Places {
    lines: HashMap<usize, Place>,
    cell: u64,
}

/// Which cell defined an item last.
#[derive(Debug)]
pub struct Defined {
    file: PathBuf,
    items: HashMap<String, Definition>,
}

/// Where an item was defined last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    cell: u64,
    line: usize,
    /// Later cells have greater ones.
    pub order: u64,
}

impl Announced {
    /// What the kernel wrote beside the settings before it gave the cell to evcxr.
    pub fn read(folder: &Path) -> Option<Announced> {
        let text = fs::read_to_string(folder.join("cell.txt")).ok()?.replace("\r\n", "\n");
        let number = fs::read_to_string(folder.join("cell-number.txt")).unwrap_or_default();
        Some(Announced { text, number: number.trim().parse().unwrap_or_default() })
    }
}

impl Defined {
    /// What earlier cells of the kernel with this folder defined.
    pub fn read(folder: &Path) -> Defined {
        let file = folder.join("defined.json");
        let known: HashMap<String, (u64, usize, u64)> =
            fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let items = known.into_iter().map(|(key, (cell, line, order))| (key, Definition { cell, line, order }));
        Defined { file, items: items.collect() }
    }

    /// Where an item with these lines was defined last.
    pub fn find<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Option<Definition> {
        let lines: Vec<&str> = lines.collect();
        self.items.get(&key(&lines[comments_before(&lines)..])).copied()
    }

    /// Remembers the items of a cell that compiled.
    pub fn keep(&mut self, cell: &Announced) {
        let order = self.items.values().map(|item| item.order).max().unwrap_or_default() + 1;
        let mut is_changed = false;
        for segment in segments(&cell.text) {
            let mut define = |key: String, line: usize| {
                let definition = Definition { cell: cell.number, line, order };
                is_changed |= self.items.insert(key, definition) != Some(definition);
            };
            match &segment.kind {
                Kind::Statement => {}
                Kind::Item => {
                    let own = segment.lines.iter().take(segment.own.end).skip(segment.own.start);
                    let lines: Vec<&str> = own.map(String::as_str).collect();
                    let before = comments_before(&lines);
                    define(key(&lines[before..]), segment.line + segment.own.start + before);
                }
                Kind::Imports(imports) => {
                    imports.iter().for_each(|import| define(key(&[import.text.as_str()]), import.range.0.0));
                }
            }
        }
        if is_changed {
            let known: HashMap<_, _> =
                self.items.iter().map(|(key, item)| (key, (item.cell, item.line, item.order))).collect();
            // Without it messages about these items name no cell.
            if let Ok(text) = serde_json::to_vec(&known) {
                let _ = files::write_whole(&self.file, &text);
            }
        }
    }
}

/// How many of an item's lines are comments in front of it, which may be another's.
fn comments_before(lines: &[&str]) -> usize {
    let is_comment = |line: &&&str| {
        let text = line.trim();
        text.is_empty() || (text.starts_with("//") && !text.starts_with("///") && !text.starts_with("//!"))
    };
    lines.iter().take_while(is_comment).count()
}

fn key(lines: &[&str]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.trim_end());
        hash.update("\n");
    }
    hex::encode(hash.finalize())[..16].to_owned()
}

impl Places {
    /// The places of evcxr's lines. The function is at the index `function`; before it are items, each with its lines in
    /// `items`.
    pub fn new<'a>(
        lines: &[Line],
        function: usize,
        items: impl Iterator<Item = &'a [Line]>,
        cell: Option<&Announced>,
        defined: &Defined,
    ) -> Places {
        let mut places = Places { lines: HashMap::new(), cell: cell.map_or(0, |cell| cell.number) };
        for item in items {
            let texts: Vec<&str> = item.iter().map(|line| line.text.as_str()).collect();
            let Some(found) = defined.find(texts.iter().copied()) else { continue };
            for (offset, line) in item[comments_before(&texts)..].iter().enumerate() {
                places.lines.insert(line.number, Place::Earlier { cell: found.cell, line: found.line + offset });
            }
        }
        let (before, after) = lines.split_at(function.min(lines.len()));
        let mut rest = after;
        for segment in cell.map(|cell| segments(&cell.text)).unwrap_or_default() {
            match &segment.kind {
                Kind::Statement => {
                    if let Some(start) = found(rest, &segment.lines) {
                        places.take(&rest[start..start + segment.lines.len()], &segment);
                        rest = &rest[start + segment.lines.len()..];
                    }
                }
                Kind::Item => {
                    let mut rest = before;
                    while let Some(start) = found(rest, &segment.lines) {
                        places.take(&rest[start..start + segment.lines.len()], &segment);
                        rest = &rest[start + segment.lines.len()..];
                    }
                }
                Kind::Imports(imports) => {
                    for line in before {
                        if let Some(import) = imports.iter().find(|import| import.text == line.text) {
                            let (start, end) = import.range;
                            places.lines.insert(line.number, Place::Rewritten(start, end));
                        }
                    }
                }
            }
        }
        places
    }

    fn take(&mut self, lines: &[Line], segment: &Segment) {
        for (offset, line) in lines.iter().enumerate() {
            let column = if offset == 0 { segment.column } else { 0 };
            self.lines.insert(line.number, Place::Here { line: segment.line + offset, column });
        }
    }

    /// The place of a line of evcxr's; nothing for what evcxr wrote itself.
    pub fn of(&self, line: usize) -> Option<&Place> {
        self.lines.get(&line)
    }

    /// The cell and line of a line of evcxr's.
    pub fn cell_and_line(&self, line: usize) -> Option<(u64, usize)> {
        Some(match self.of(line)? {
            Place::Here { line, .. } | Place::Rewritten((line, _), _) => (self.cell, *line),
            Place::Earlier { cell, line } => (*cell, *line),
        })
    }
}

fn found(lines: &[Line], wanted: &[String]) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    lines.windows(wanted.len()).position(|window| window.iter().zip(wanted).all(|(line, wanted)| line.text == *wanted))
}

/// Tells the kernel of which lines the object from the source with this name is made.
pub fn tell(folder: &Path, name: &str, lines: &[Option<(u64, usize)>]) {
    let folder = folder.join("places");
    let table: Vec<Value> =
        lines.iter().map(|place| place.map_or(Value::Null, |(cell, line)| json!([cell, line]))).collect();
    // Without it a panic is told without its line.
    let _ = fs::create_dir_all(&folder);
    let _ = files::write_whole(&folder.join(format!("{name}.json")), Value::Array(table).to_string().as_bytes());
}
