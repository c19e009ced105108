//! Tables: results that a person pages through, sorts, filters, copies and exports.
//!
//! Each is an anywidget model whose rows stay here: pages of them go out when a view asks. `request` is what a page may
//! ask, `live` one table and its answers, `code` the JavaScript that draws it, `file` where exports go. Sorting and
//! filtering is the engine's, see [`flow_engine::stored`].
//!
//! Sort and filter belong to the table and are the same in all tabs; where a tab has scrolled to is its own business.

mod code;
mod file;
mod live;
mod request;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use flow_engine::{QueryResult, StoredResult};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::json;
use tokio::sync::OnceCell;
use widgets_comm::view::VIEW_MIME;

pub use self::file::Interval;
use self::live::LiveTable;
use crate::{
    engine::{self, EngineRoom},
    report::Report,
    widgets::{Widgets, new_id},
};

/// Tables that answer at once. The rows of an older one are let go; it says so, and still shows its first rows.
const TABLES_MAX: usize = 64;

/// The tables of this kernel.
pub struct Tables {
    widgets: Arc<Widgets>,
    /// The model that carries the code of all tables; opened with the first of them.
    library: OnceCell<String>,
    /// Oldest first.
    live: Mutex<VecDeque<Arc<LiveTable>>>,
    /// The table below each cell that the front end names: it goes when the cell is run again.
    below: Mutex<BTreeMap<String, String>>,
}

/// A table that is shown.
pub struct Shown {
    /// Its model.
    pub widget: String,
    /// What a display of it carries: the view, and stand-ins where there are no widgets.
    pub bundle: MimeBundle,
}

impl Tables {
    /// No tables yet.
    pub fn new(widgets: Arc<Widgets>) -> Tables {
        Tables { widgets, library: OnceCell::new(), live: Mutex::default(), below: Mutex::default() }
    }

    /// Makes a table of a result. A result without columns has nothing to page through and is text only.
    ///
    /// # Errors
    /// A fault of ours when its model cannot be opened.
    pub async fn show(
        &self,
        room: &EngineRoom,
        cause: &Header,
        result: QueryResult,
        interval: Option<Interval>,
    ) -> Result<Shown, Report> {
        let stored = StoredResult::new(&room.engine, result);
        // Laying out a wide result takes milliseconds of computing: not on the threads of the protocol.
        let laid_out = tokio::task::spawn_blocking(move || {
            let bundle = engine::shown(stored.result());
            let state = live::opening_state(&stored);
            (stored, bundle, state)
        });
        let (stored, mut bundle, state) = laid_out.await.map_err(Report::internal)?;
        if stored.result().schema.fields().is_empty() {
            return Ok(Shown { widget: String::new(), bundle });
        }
        let (widget, library) = (new_id(), self.library(cause).await?);
        let state = code::names(state.map_err(|error| room.report(&error))?, library);
        self.widgets.open(cause, &widget, "AnyModel", state).await.map_err(Report::internal)?;
        let table = LiveTable::start(self.widgets.clone(), widget.clone(), stored, interval);
        let oldest = {
            let mut live = self.live();
            live.push_back(table);
            (live.len() > TABLES_MAX).then(|| live.pop_front()).flatten()
        };
        if let Some(oldest) = oldest {
            oldest.let_go();
        }
        bundle.insert(VIEW_MIME.to_owned(), json!({"version_major": 2, "version_minor": 0, "model_id": widget}));
        Ok(Shown { widget, bundle })
    }

    /// Makes a table of the result of a cell, in the place of the one that the cell showed when it was run before.
    ///
    /// # Errors
    /// As [`Tables::show`].
    pub async fn show_below(
        &self,
        room: &EngineRoom,
        cause: &Header,
        cell: Option<&str>,
        result: QueryResult,
        interval: Option<Interval>,
    ) -> Result<MimeBundle, Report> {
        let Shown { widget, bundle } = self.show(room, cause, result, interval).await?;
        let earlier = cell.and_then(|cell| lock(&self.below).insert(cell.to_owned(), widget));
        if let Some(earlier) = earlier {
            self.close(cause, &earlier).await;
        }
        Ok(bundle)
    }

    /// Whether this is a table that answers.
    pub fn has(&self, widget: &str) -> bool {
        self.live().iter().any(|table| table.widget() == widget)
    }

    /// Removes a table and its views, if it is there.
    pub async fn close(&self, cause: &Header, widget: &str) {
        let closed = {
            let mut live = self.live();
            let place = live.iter().position(|table| table.widget() == widget);
            place.and_then(|place| live.remove(place))
        };
        let Some(table) = closed else { return };
        table.let_go();
        // A front end may have closed it.
        let _ = self.widgets.close(cause, widget).await;
    }

    async fn library(&self, cause: &Header) -> Result<&str, Report> {
        let open = || async {
            let id = new_id();
            self.widgets.open(cause, &id, "AnyModel", code::library()).await.map_err(Report::internal)?;
            Ok(id)
        };
        self.library.get_or_try_init(open).await.map(String::as_str)
    }

    fn live(&self) -> MutexGuard<'_, VecDeque<Arc<LiveTable>>> {
        lock(&self.live)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
