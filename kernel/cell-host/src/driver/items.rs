//! The items of a session, and which of them a cell needs: those whose names it names, and what these name in turn.
//!
//! An implementation is needed with its type or trait. Imports stay where they may be of traits, whose methods
//! are used without their names. Names are compared as words, so one in a string or comment counts too; too much is
//! compiled rather than too little.

use std::collections::BTreeSet;

use ra_ap_syntax::{
    AstNode, AstToken, Edition, NodeOrToken, SourceFile, SyntaxNode, SyntaxToken,
    ast::{self, HasGenericParams, HasModuleItem, HasName, HasVisibility},
};

use super::{
    implementations::{Implementation, superseded},
    source::{Line, words},
};

/// The items of a text that evcxr wrote.
#[derive(Debug, Default)]
pub struct Items {
    /// Attributes of the whole.
    head: Vec<Line>,
    items: Vec<Item>,
    /// Of those that have one.
    names: BTreeSet<String>,
}

/// Items of which none begins or ends within a line of another's.
#[derive(Debug)]
struct Item {
    lines: Vec<Line>,
    words: BTreeSet<String>,
    /// Names that a type can be made of and that are defined here.
    defines: Vec<String>,
    /// Names that make it needed; `None` when it always is.
    needed_for: Option<BTreeSet<String>>,
    /// Macros are known from where they stand on, so they come first.
    is_macro: bool,
    /// When it is one of a type, and nothing else is on its lines.
    implementation: Option<Implementation>,
}

/// Types of the standard library that are often imported: a name that is none of them may be that of a trait.
const NO_TRAITS: &[&str] = &[
    "Arc",
    "AtomicBool",
    "AtomicI64",
    "AtomicU64",
    "AtomicUsize",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "BufReader",
    "BufWriter",
    "Cell",
    "Cow",
    "Duration",
    "File",
    "HashMap",
    "HashSet",
    "Instant",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "Mutex",
    "OnceLock",
    "Ordering",
    "Path",
    "PathBuf",
    "Range",
    "Rc",
    "RefCell",
    "RwLock",
    "SocketAddr",
    "SystemTime",
    "UNIX_EPOCH",
    "VecDeque",
    "Weak",
];

/// The items that a cell needs.
pub struct Chosen {
    pub lines: Vec<Line>,
    /// The words of those that were left out.
    pub left_out: BTreeSet<String>,
}

impl Items {
    /// The items in lines that begin with the first of the text.
    pub fn read(lines: &[Line]) -> Items {
        let text: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        let parsed = SourceFile::parse(&text, Edition::Edition2024);
        if !parsed.errors().is_empty() {
            // rustc will say what is wrong, if anything is.
            return Items { head: lines.to_vec(), ..Items::default() };
        }
        let tree = parsed.tree();
        let names: BTreeSet<String> = tree.items().flat_map(|item| declared(&item)).collect();
        let line_of = |offset: usize| text[..offset].matches('\n').count();
        let mut items: Vec<(usize, usize, Item)> = Vec::new();
        let mut head = Vec::new();
        for node in tree.syntax().children() {
            let first = first_offset(&node);
            let (start, end) = (line_of(first), line_of(usize::from(node.text_range().end()).saturating_sub(1)));
            let Some(mut item) = ast::Item::cast(node.clone()).map(|item| Item::new(&item, &names)) else {
                head.extend(lines[start..=end].iter().cloned());
                continue;
            };
            item.lines = lines[start..=end].to_vec();
            let line_start = text[..first].rfind('\n').map_or(0, |end| end + 1);
            item.implementation = ast::Impl::cast(node).map(|item| Implementation::new(&item, line_start));
            match items.last_mut() {
                Some((_, last, before)) if *last >= start => {
                    before.join(item, end - *last);
                    *last = end;
                }
                _ => items.push((start, end, item)),
            }
        }
        let is_split = |line: &Line| items.iter().any(|(start, end, _)| (start + 1..=end + 1).contains(&line.number));
        if head.iter().any(is_split) {
            // An attribute of the whole beside an item: rare, and not worth more.
            return Items { head: lines.to_vec(), items: Vec::new(), names };
        }
        Items { head, items: items.into_iter().map(|(_, _, item)| item).collect(), names }
    }

    /// The definitions that a type with these words is made of, as one text; nothing when it is of no item's.
    pub fn layout<'a>(&self, kind: impl Iterator<Item = &'a str>) -> String {
        let mut named: BTreeSet<&str> = kind.collect();
        let mut found: BTreeSet<String> = BTreeSet::new();
        loop {
            let is_part = |item: &&Item| item.defines.iter().any(|name| named.contains(name.as_str()));
            let parts: Vec<&Item> = self.items.iter().filter(is_part).collect();
            let before = found.len();
            found.extend(parts.iter().map(|item| item.text()));
            if found.len() == before {
                return found.into_iter().collect();
            }
            named.extend(parts.iter().flat_map(|item| item.words.iter().map(String::as_str)));
        }
    }

    /// The lines of each item.
    pub fn lines(&self) -> impl Iterator<Item = &[Line]> {
        self.items.iter().map(|item| item.lines.as_slice())
    }

    /// Leaves out what a later implementation with the same head defines anew: evcxr keeps all that there ever were. `order`
    /// says which of two is later; those of one cell have the same.
    pub fn supersede(&mut self, order: impl Fn(&[Line]) -> u64) {
        let known: Vec<(u64, &Implementation)> = self
            .items
            .iter()
            .filter_map(|item| item.implementation.as_ref().map(|found| (order(&item.lines), found)))
            .collect();
        let texts: Vec<Option<String>> = self
            .items
            .iter()
            .map(|item| superseded(item.implementation.as_ref()?, order(&item.lines), &known, &item.text()))
            .collect();
        for (item, text) in self.items.iter_mut().zip(texts) {
            let Some(text) = text else { continue };
            item.words = words(&text).map(str::to_owned).collect();
            item.lines.iter_mut().zip(text.lines()).for_each(|(line, text)| text.clone_into(&mut line.text));
        }
        self.items.retain(|item| !item.text().trim().is_empty());
    }

    /// Names by which items can be used.
    pub fn names(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// The items that are needed by a text with these words, and those of the cell itself, in their order; all without
    /// a cell. Adds the words of what is needed.
    pub fn chosen(&self, named: &mut BTreeSet<String>, cell: Option<&str>) -> Chosen {
        // What the cell defines must compile, used or not.
        let is_of_cell = |item: &Item| cell.is_none_or(|cell| cell.contains(item.text().trim()));
        let mut is_needed: Vec<bool> = self.items.iter().map(is_of_cell).collect();
        let first = self.items.iter().zip(&is_needed).filter(|(_, needed)| **needed);
        first.for_each(|(item, _)| named.extend(item.words.iter().cloned()));
        loop {
            let before = is_needed.iter().filter(|needed| **needed).count();
            for (item, needed) in self.items.iter().zip(&mut is_needed) {
                if !*needed && item.needed_for.as_ref().is_none_or(|names| !names.is_disjoint(named)) {
                    *needed = true;
                    named.extend(item.words.iter().cloned());
                }
            }
            if is_needed.iter().filter(|needed| **needed).count() == before {
                break;
            }
        }
        let (needed, left): (Vec<_>, Vec<_>) = self.items.iter().zip(&is_needed).partition(|(_, needed)| **needed);
        let mut items: Vec<&Item> = needed.into_iter().map(|(item, _)| item).collect();
        items.sort_by_cached_key(|item| (!item.is_macro, item.text()));
        // An implementation comes again with its cell, and evcxr keeps both.
        items.dedup_by_key(|item| item.text());
        let lines = self.head.iter().chain(items.iter().flat_map(|item| &item.lines)).cloned().collect();
        Chosen { lines, left_out: left.into_iter().flat_map(|(item, _)| item.words.iter().cloned()).collect() }
    }
}

impl Item {
    fn new(item: &ast::Item, names: &BTreeSet<String>) -> Item {
        let words = all_words(item.syntax());
        let is_macro = matches!(item, ast::Item::MacroRules(_));
        let needed_for = match item {
            ast::Item::Impl(implementation) => {
                // One of the names in its head is of this session, or it would not be allowed.
                let head: BTreeSet<String> =
                    head_words(implementation).into_iter().filter(|word| names.contains(word)).collect();
                (!head.is_empty()).then_some(head)
            }
            ast::Item::Use(import) => name_imported(import).map(|name| [name].into()),
            ast::Item::MacroCall(_) | ast::Item::ExternBlock(_) | ast::Item::ExternCrate(_) => None,
            other => Some(needing(other)).filter(|names| !names.is_empty()),
        };
        // What the host looks for is needed by nobody in the text.
        let is_exported = words.contains("no_mangle") || words.contains("export_name");
        let defines = defining(item);
        let needed_for = needed_for.filter(|_| !is_exported);
        Item { lines: Vec::new(), defines, needed_for, words, is_macro, implementation: None }
    }

    /// Takes an item in that begins on the last line of this one and has `lines` of its own.
    fn join(&mut self, item: Item, lines: usize) {
        let new = item.lines.len().saturating_sub(lines);
        self.lines.extend(item.lines.into_iter().skip(new));
        self.words.extend(item.words);
        self.defines.extend(item.defines);
        self.is_macro |= item.is_macro;
        self.implementation = None;
        self.needed_for = match (self.needed_for.take(), item.needed_for) {
            (Some(one), Some(other)) => Some(one.into_iter().chain(other).collect()),
            _ => None,
        };
    }

    fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }
}

/// Where an item begins, without comments before it: one at the end of a line belongs to the item before, which else would
/// seem to share the line.
fn first_offset(item: &SyntaxNode) -> usize {
    let is_part = |token: &SyntaxToken| match ast::Comment::cast(token.clone()) {
        Some(comment) => comment.is_doc(),
        None => !token.kind().is_trivia(),
    };
    let tokens = item.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    let first = tokens.into_iter().find(is_part).map_or_else(|| item.text_range(), |token| token.text_range());
    usize::from(first.start())
}

/// The name of an item, and those of a type's variants.
fn declared(item: &ast::Item) -> Vec<String> {
    let name = match item {
        ast::Item::Fn(item) => item.name(),
        ast::Item::Struct(item) => item.name(),
        ast::Item::Enum(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::TypeAlias(item) => item.name(),
        ast::Item::Const(item) => item.name(),
        ast::Item::Static(item) => item.name(),
        ast::Item::Module(item) => item.name(),
        ast::Item::MacroRules(item) => item.name(),
        ast::Item::MacroDef(item) => item.name(),
        _ => None,
    };
    name.into_iter().map(|name| name.text().trim_start_matches("r#").to_owned()).collect()
}

/// Names of an item that stand for memory: a value of one that was defined anew must not be read as the new one. Of a
/// trait that is the order of its methods, of a macro what it makes.
fn defining(item: &ast::Item) -> Vec<String> {
    match item {
        ast::Item::Struct(_)
        | ast::Item::Enum(_)
        | ast::Item::Union(_)
        | ast::Item::TypeAlias(_)
        | ast::Item::Const(_)
        | ast::Item::Trait(_)
        | ast::Item::MacroRules(_)
        | ast::Item::MacroDef(_) => declared(item),
        ast::Item::Module(module) => {
            module.syntax().descendants().filter_map(ast::Item::cast).flat_map(|item| declared(&item)).collect()
        }
        _ => Vec::new(),
    }
}

/// Names whose use needs the item: its own, and those that it brings without being named.
fn needing(item: &ast::Item) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = declared(item).into_iter().collect();
    if let ast::Item::Trait(item) = item {
        let methods = item.syntax().descendants().filter_map(ast::Fn::cast).filter_map(|method| method.name());
        names.extend(methods.map(|name| name.text().trim_start_matches("r#").to_owned()));
    }
    names
}

/// The name by which an import is known, if it is known to be of no use without it.
fn name_imported(import: &ast::Use) -> Option<String> {
    let tree = import.use_tree()?;
    let path = tree.path()?;
    let is_one = tree.use_tree_list().is_none() && tree.star_token().is_none() && import.visibility().is_none();
    let is_of_library = ["std::", "core::", "alloc::"].iter().any(|start| words_of_path(&path).starts_with(start));
    let last = path.segment()?.name_ref()?.text().to_string();
    let is_no_trait = NO_TRAITS.contains(&last.as_str()) || last.starts_with(|first: char| first.is_lowercase());
    let name = match tree.rename() {
        Some(rename) => rename.name()?.text().to_string(),
        None => last,
    };
    (is_one && is_of_library && is_no_trait).then_some(name)
}

fn words_of_path(path: &ast::Path) -> String {
    path.syntax().text().to_string().trim_start_matches("::").to_owned()
}

fn head_words(item: &ast::Impl) -> BTreeSet<String> {
    let parts = [item.self_ty().map(|part| part.syntax().clone()), item.trait_().map(|part| part.syntax().clone())];
    let generics = item.generic_param_list().map(|part| part.syntax().clone());
    let bounds = item.where_clause().map(|part| part.syntax().clone());
    parts.into_iter().flatten().chain(generics).chain(bounds).flat_map(|node| all_words(&node)).collect()
}

fn all_words(node: &SyntaxNode) -> BTreeSet<String> {
    words(&node.text().to_string()).map(str::to_owned).collect()
}
