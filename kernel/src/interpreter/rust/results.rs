//! Results that Rust variables hold: kept here as well, so that one which is displayed becomes a table of all its rows
//! without sending them back.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_engine::QueryResult;
use flowdeck::bridge::TABLE_MIME;
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::{Value, json};
use widgets_comm::view::VIEW_MIME;

use crate::{
    engine,
    table::{About, Action, Tables},
};

/// Results kept for variables. The oldest goes first; displayed later it is shown by its first rows.
const RESULTS_MAX: usize = 256;

/// Actions on the rows of one result: more buttons than fit above a table.
const ACTIONS_MAX: usize = 20;

/// The results of the host that connected last.
#[derive(Default)]
pub struct Results {
    next: AtomicU64,
    held: Mutex<BTreeMap<u64, Held>>,
}

struct Held {
    result: QueryResult,
    /// What a person may do with its rows.
    actions: Vec<Action>,
    /// The table that shows it, if one does.
    widget: Option<String>,
}

impl Results {
    /// Keeps a result; gives what its display has to carry so that it is found again.
    pub fn keep(&self, result: QueryResult) -> MimeBundle {
        let mut bundle = engine::shown(&result);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut held = self.held();
        held.insert(number, Held { result, actions: Vec::new(), widget: None });
        while held.len() > RESULTS_MAX {
            held.pop_first();
        }
        bundle.insert(TABLE_MIME.to_owned(), json!({"id": number}));
        bundle
    }

    /// A result that is kept.
    pub fn get(&self, number: u64) -> Option<QueryResult> {
        self.held().get(&number).map(|held| held.result.clone())
    }

    /// From now on, its rows have this to be done with. A table that is shown already stays as it is.
    pub fn add_action(&self, number: u64, action: Action) {
        if let Some(held) = self.held().get_mut(&number)
            && held.actions.len() < ACTIONS_MAX
        {
            held.actions.push(action);
            held.widget = None;
        }
    }

    /// The variable is gone.
    pub fn forget(&self, number: u64) {
        self.held().remove(&number);
    }

    /// All variables are gone.
    pub fn forget_all(&self) {
        self.held().clear();
    }

    /// What is displayed, with a table where it is a result that is kept. Two displays of one share a table.
    pub async fn with_table(&self, mut data: MimeBundle, tables: &Tables, cause: &Header) -> MimeBundle {
        let Some(mark) = data.shift_remove(TABLE_MIME) else { return data };
        let Some(number) = mark.get("id").and_then(Value::as_u64) else { return data };
        let found =
            self.held().get(&number).map(|held| (held.result.clone(), held.actions.clone(), held.widget.clone()));
        let Some((result, actions, widget)) = found else { return data };
        if let Some(widget) = widget.filter(|widget| tables.has(widget)) {
            data.insert(VIEW_MIME.to_owned(), json!({"version_major": 2, "version_minor": 0, "model_id": widget}));
            return data;
        }
        let Ok(room) = engine::ready().await else { return data };
        match tables.show(room, cause, result, About { actions, ..About::default() }).await {
            Ok(shown) => {
                if let Some(held) = self.held().get_mut(&number) {
                    held.widget = Some(shown.widget);
                }
                shown.bundle
            }
            Err(report) => {
                tracing::error!(fault = report.evalue, "a result is shown by its first rows only");
                data
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Held>> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
