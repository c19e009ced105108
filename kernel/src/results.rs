//! The named results of cells, with what they were asked with: what a run writes to files and what a report tells.
//!
//! SQL reads the same rows as a table, but a table knows neither the order of its rows nor the query behind them.

use std::sync::{Arc, Mutex, MutexGuard};

use flow_engine::{Parameter, QueryResult};
use flowdeck::chrono::{DateTime, Utc};

use crate::{cell::SqlCell, plot::Plot};

/// Results that are remembered. The oldest goes first; it stays a table of SQL.
const RESULTS_MAX: usize = 256;

/// What a cell with `--into` made.
#[derive(Clone)]
pub struct Made {
    /// The table that SQL knows.
    pub name: String,
    /// The text of the query.
    pub query: String,
    /// What its `$name`s stood for, without secrets.
    pub parameters: Vec<(String, Parameter)>,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// The rows, in the order of the query.
    pub result: QueryResult,
    /// Whether the cell's author said how many rows there are at most.
    pub has_limit: bool,
    /// What was drawn of them, if something was.
    pub plot: Option<Plot>,
}

impl Made {
    /// What a cell made just now; `None` for a cell that names nothing.
    pub fn of(
        cell: &SqlCell,
        parameters: Vec<(String, Parameter)>,
        result: &QueryResult,
        plot: Option<&Plot>,
    ) -> Option<Made> {
        Some(Made {
            name: cell.into.clone()?,
            query: cell.query.clone(),
            parameters,
            at: Utc::now(),
            result: result.clone(),
            has_limit: cell.limit.is_some(),
            plot: plot.cloned(),
        })
    }
}

/// The newest result of each name, in the order in which they were made.
#[derive(Default)]
pub struct Results(Mutex<Vec<Arc<Made>>>);

impl Results {
    /// Remembers a result. It replaces the one of the same name.
    pub fn add(&self, made: Made) {
        let mut all = self.all();
        all.retain(|known| !known.name.eq_ignore_ascii_case(&made.name));
        all.push(Arc::new(made));
        if all.len() > RESULTS_MAX {
            all.remove(0);
        }
    }

    /// The result of this name.
    pub fn named(&self, name: &str) -> Option<Arc<Made>> {
        self.all().iter().find(|made| made.name.eq_ignore_ascii_case(name)).cloned()
    }

    /// All results, in the order in which they were made.
    pub fn list(&self) -> Vec<Arc<Made>> {
        self.all().clone()
    }

    /// Forgets all of them; gives their names.
    pub fn forget(&self) -> Vec<String> {
        self.all().drain(..).map(|made| made.name.clone()).collect()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Made>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
