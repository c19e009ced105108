//! Whether somebody warns of an address, a name or a fingerprint: the blocklists that are set, by name. What a list is:
//! [`connector_blocklist`].
//!
//! `answers` makes the struct that a row gets, `tables` the tables of lists and of their entries.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::prelude::SessionContext;

use self::answers::Answer;
use super::arguments::{AddressOrText, Arguments, Kind, optional, required};
use super::fault::FunctionFault;
use super::kept_file::KeptFile;
use super::scalar::{Returns, ScalarFunction};
use super::setup::Setup;
use super::text::{FunctionText, example};
use crate::connectors::lists::{Blocklist, Listed, Sought};

mod answers;
mod tables;

pub(super) use tables::{BLOCKLISTS_FUNCTION, ENTRIES_FUNCTION};

const NAME: &str = "blocklist";
const WHAT: &str = "blocklist";

const HINT: &str = "Name the list in flowdeck.toml, for instance [blocklists.c2] with `file` and `source`, and run \
                    `flowdeck blocklist update`; docs/enrichment.md tells how";

pub(super) static BLOCKLIST: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: NAME,
        syntax: "blocklist(value [, lists])",
        description: "What the blocklists say of an address, a name or a JA3 or JA4 fingerprint; NULL when it is on none. \
                      A name below a listed one and an address in a listed network are listed too. lists names one list \
                      or several, separated by commas; NULL and '' mean all. The answer has list and entry (the closest \
                      one), ports and entry_date (what the list tells beside it), list_date, and lists (all that have \
                      it).",
        examples: &[
            example("blocklist('203.0.113.77')['entry']", "203.0.113.0/24"),
            example("blocklist('www.update-check.test')['list']", "c2"),
            example("blocklist('update-check.test', 'c2') IS NOT NULL", "true"),
            example("blocklist('10.0.0.1')", "NULL"),
        ],
    },
    arguments: &[required("value", Kind::AddressOrText), optional("lists", Kind::Text)],
    returns: Returns::Struct(answers::data_type),
    body: blocklist,
    prepare: None,
};

/// Makes the tables of lists known to SQL.
pub(super) fn register(context: &SessionContext, setup: &Arc<Setup>) {
    context.register_udtf(BLOCKLISTS_FUNCTION.name, Arc::new(tables::ListsFunction(Arc::clone(setup))));
    context.register_udtf(ENTRIES_FUNCTION.name, Arc::new(tables::EntriesFunction(Arc::clone(setup))));
}

fn blocklist(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let values = arguments.addresses(0);
    let wanted = arguments.has(1).then(|| arguments.texts(1));
    let setup = arguments.setup();
    // One look at the files for all rows: a list that is replaced meanwhile must not split a result.
    let mut last: Option<(String, Lists)> = None;
    let mut answers = Vec::with_capacity(arguments.row_count());
    for row in 0..arguments.row_count() {
        let names = wanted.as_ref().and_then(|wanted| wanted.text(row)).unwrap_or_default();
        let (_, lists) = match &mut last {
            Some(last) if last.0 == names => last,
            last => {
                let chosen = setup.blocklists.chosen(names).map_err(|fault| fault.of(arguments))?;
                last.insert((names.to_owned(), chosen))
            }
        };
        let sought = match values.address_or_text(row) {
            Some(AddressOrText::Address(address)) => Some(Sought::Address(address)),
            Some(AddressOrText::Text(text)) => Sought::of(text),
            None => None,
        };
        answers.push(sought.and_then(|sought| answer(&sought, lists)));
    }
    Ok(answers::column(&answers))
}

/// Lists with their names.
type Lists<'a> = Vec<(&'a str, Arc<Blocklist>)>;

/// What the lists say: the closest entry, of equally close ones that of the first list.
fn answer<'a>(sought: &Sought, lists: &[(&'a str, Arc<Blocklist>)]) -> Option<Answer<'a>> {
    let mut answer: Option<(usize, Answer)> = None;
    for (name, list) in lists {
        let Some(Listed { entry, date, ports }) = sought.on(list) else { continue };
        let closeness = entry.closeness();
        let lists = answer.as_ref().map(|(_, answer)| answer.lists.as_slice()).unwrap_or_default();
        let lists = [lists, &[*name]].concat();
        match &mut answer {
            Some((closest, answer)) if *closest >= closeness => answer.lists = lists,
            answer => {
                let (entry, list_date) = (entry.to_string(), list.date());
                let found = Answer { list: name, entry, ports: ports.to_vec(), entry_date: date, list_date, lists };
                *answer = Some((closeness, found));
            }
        }
    }
    answer.map(|(_, answer)| answer)
}

/// The lists of an engine.
#[derive(Debug, Default)]
pub(super) struct Blocklists(BTreeMap<String, KeptFile<Blocklist>>);

/// Why lists cannot be had.
enum Unusable {
    Fault(FunctionFault),
    Unknown { name: String, known: String },
}

impl Unusable {
    fn of(self, arguments: &Arguments) -> FunctionFault {
        match self {
            Unusable::Fault(fault) => fault,
            Unusable::Unknown { name, known } => {
                arguments.refused(1, format!("'{name}'"), format!("there is no such list; lists are {known}"))
            }
        }
    }
}

impl Blocklists {
    pub(super) fn new(paths: BTreeMap<String, PathBuf>) -> Blocklists {
        let kept = |path| KeptFile::new(WHAT, path, Blocklist::read);
        Blocklists(paths.into_iter().map(|(name, path)| (name, kept(path))).collect())
    }

    /// Those that a text names, in the order of their names; all of them when it names none.
    fn chosen(&self, names: &str) -> Result<Lists<'_>, Unusable> {
        if self.0.is_empty() {
            return Err(Unusable::Fault(FunctionFault::NoFile { function: NAME, what: WHAT, hint: HINT }));
        }
        let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if let Some(name) = names.iter().find(|name| !self.0.contains_key(**name)) {
            let known = self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Unusable::Unknown { name: (*name).to_owned(), known });
        }
        let wanted = self.0.iter().filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
        let read = wanted.map(|(name, file)| Ok((name.as_str(), file.get()?)));
        read.collect::<Result<_, _>>().map_err(Unusable::Fault)
    }

    fn all(&self) -> impl Iterator<Item = (&str, &KeptFile<Blocklist>)> {
        self.0.iter().map(|(name, file)| (name.as_str(), file))
    }
}

#[cfg(test)]
mod tests;
