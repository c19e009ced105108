//! `blocklists()` and `blocklist_entries('NAME')`: the lists there are, and what they hold.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use chrono::NaiveDate;
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::Expr;

use super::{Unusable, answers};
use crate::connectors::lists::Blocklist;
use crate::functions::constant_text;
use crate::functions::fault::FunctionFault;
use crate::functions::setup::Setup;
use crate::functions::text::FunctionText;

/// Rows of one batch.
const BATCH_ROWS: usize = 64 * 1024;

pub(in crate::functions) const BLOCKLISTS_FUNCTION: FunctionText = FunctionText {
    name: "blocklists",
    syntax: "blocklists()",
    description: "The blocklists there are, one a row: how many addresses and networks, names and fingerprints each has, \
                  of which date it is, and what is wrong with it if it cannot be used.",
    examples: &[],
};

pub(in crate::functions) const ENTRIES_FUNCTION: FunctionText = FunctionText {
    name: "blocklist_entries",
    syntax: "blocklist_entries('LIST')",
    description: "The entries of a blocklist, one a row: what it warns of, which kind of thing that is (address, network, \
                  name, fingerprint), and the ports and the date beside it. Without LIST those of all lists.",
    examples: &[],
};

#[derive(Debug)]
pub(super) struct ListsFunction(pub(super) Arc<Setup>);

impl TableFunctionImpl for ListsFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> DataFusionResult<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            return Err(argument_count(&BLOCKLISTS_FUNCTION, "no argument", args.exprs().len()).into());
        }
        let files: Vec<(&str, String)> =
            self.0.blocklists.all().map(|(name, file)| (name, file.path().display().to_string())).collect();
        let read: Vec<_> = self.0.blocklists.all().map(|(_, file)| file.get()).collect();
        let numbers = |get: fn(&Blocklist) -> u64| -> ArrayRef {
            let number = |list: &Arc<Blocklist>| i64::try_from(get(list)).ok();
            Arc::new(read.iter().map(|list| list.as_ref().ok().and_then(number)).collect::<Int64Array>())
        };
        let faults = read.iter().map(|list| list.as_ref().err().map(ToString::to_string));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("list", texts(files.iter().map(|(name, _)| Some(*name))), true),
            ("addresses", numbers(|list| list.counts()[0] as u64), true),
            ("names", numbers(|list| list.counts()[1] as u64), true),
            ("fingerprints", numbers(|list| list.counts()[2] as u64), true),
            ("date", answers::dates(read.iter().map(|list| list.as_ref().ok()?.date())), true),
            ("lines_rejected", numbers(Blocklist::lines_rejected), true),
            ("file", texts(files.iter().map(|(_, path)| Some(path))), true),
            ("fault", texts(faults), true),
        ])?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

#[derive(Debug)]
pub(super) struct EntriesFunction(pub(super) Arc<Setup>);

impl TableFunctionImpl for EntriesFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> DataFusionResult<Arc<dyn TableProvider>> {
        let name = match args.exprs() {
            [] => "",
            [Expr::Literal(value, _)] => constant_text(value).flatten().unwrap_or_default(),
            [_] => return Err(refused("something else than a constant", "it must be the name of a list").into()),
            more => return Err(argument_count(&ENTRIES_FUNCTION, "0 to 1 arguments", more.len()).into()),
        };
        let lists = self.0.blocklists.chosen(name).map_err(|fault| match fault {
            Unusable::Fault(fault) => fault,
            Unusable::Unknown { name, known } => {
                refused(&format!("'{name}'"), &format!("there is no such list; lists are {known}"))
            }
        })?;
        let mut batches = Vec::new();
        for (name, list) in lists {
            let mut entries = list.entries().peekable();
            while entries.peek().is_some() {
                let some: Vec<_> = entries.by_ref().take(BATCH_ROWS).collect();
                batches.push(RecordBatch::try_from_iter_with_nullable([
                    ("list", texts(some.iter().map(|_| Some(name))), true),
                    ("entry", texts(some.iter().map(|listed| Some(listed.entry.to_string()))), true),
                    ("kind", texts(some.iter().map(|listed| Some(listed.entry.kind()))), true),
                    ("ports", answers::ports(some.iter().map(|listed| listed.ports)), true),
                    ("entry_date", answers::dates(some.iter().map(|listed| listed.date)), true),
                    ("list_date", answers::dates(some.iter().map(|_| -> Option<NaiveDate> { list.date() })), true),
                ])?);
            }
        }
        // No list is empty.
        let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
    }
}

fn texts<T: AsRef<str>>(texts: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(texts.collect::<StringViewArray>())
}

fn argument_count(function: &FunctionText, expected: &str, given: usize) -> FunctionFault {
    let (function, syntax) = (function.name, function.syntax);
    FunctionFault::ArgumentCount { function, syntax, expected: expected.to_owned(), given }
}

fn refused(found: &str, reason: &str) -> FunctionFault {
    FunctionFault::ArgumentValue {
        function: ENTRIES_FUNCTION.name,
        argument: "LIST",
        found: crate::render::visible(found),
        reason: reason.to_owned(),
    }
}
