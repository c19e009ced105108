//! Tables: results that a person pages through, sorts, filters, copies and exports.
//!
//! Each is an anywidget model whose rows stay here: pages of them go out when a view asks. `request` is what a page may
//! ask, `live` one table and its answers, `code` the JavaScript that draws it. Sorting and
//! filtering is the engine's, see [`flow_engine::stored`].
//!
//! Sort and filter belong to the table and are the same in all tabs; where a tab has scrolled to is its own business.

mod code;
mod live;
mod request;

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use flow_engine::{CancellationToken, Format, QueryResult, StoredResult, stored::Condition};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::json;
use tokio::sync::OnceCell;
use widgets_comm::view::VIEW_MIME;

pub(crate) use self::code::any_model;
use self::live::{Fill, LiveTable, Offers};
use crate::{
    engine::{self, EngineRoom},
    exports::{self, Interval, NotSaved},
    form::Forms,
    report::Report,
    widgets::{Widgets, new_id},
};

/// Tables that answer at once. The rows of an older one are let go; it says so, and still shows its first rows.
const TABLES_MAX: usize = 64;

/// The tables of this kernel.
pub struct Tables {
    widgets: Arc<Widgets>,
    forms: Arc<Forms>,
    /// The model that carries the code of all tables; opened with the first of them.
    library: OnceCell<String>,
    /// Oldest first.
    live: Mutex<VecDeque<Arc<LiveTable>>>,
    /// The table below each cell that the front end names: it goes when the cell is run again.
    below: Mutex<BTreeMap<String, String>>,
}

/// What belongs to a table beside its rows.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The table of SQL that holds the same rows.
    pub name: Option<String>,
    /// The time that its query was about.
    pub interval: Option<Interval>,
    /// Columns whose values a person may put into a field of a form: column and field.
    pub fill: Vec<(String, String)>,
    /// The rows that a person selects are a table of this name.
    pub selection: Option<String>,
    /// What else a person may do with a row.
    pub actions: Vec<Action>,
}

/// Something to do with a row, as a Rust cell wrote it.
#[derive(Clone, Debug)]
pub struct Action {
    /// What its button says.
    pub label: String,
    /// Who listens hears of the row as of a message of a widget with this identifier; there is no such widget.
    pub listener: String,
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
    pub fn new(widgets: Arc<Widgets>, forms: Arc<Forms>) -> Tables {
        Tables { widgets, forms, library: OnceCell::new(), live: Mutex::default(), below: Mutex::default() }
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
        about: About,
    ) -> Result<Shown, Report> {
        let stored = StoredResult::new(&room.engine, result);
        let offers = Offers {
            name: about.name,
            interval: about.interval,
            fills: self.fills(&stored, about.fill),
            selection: about.selection,
            actions: about.actions,
        };
        let offered = offers.clone();
        // Laying out a wide result takes milliseconds of computing: not on the threads of the protocol.
        let laid_out = tokio::task::spawn_blocking(move || {
            let bundle = engine::shown(stored.result());
            let state = live::opening_state(&stored, &offered);
            (stored, bundle, state)
        });
        let (stored, mut bundle, state) = laid_out.await.map_err(Report::internal)?;
        if stored.result().schema.fields().is_empty() {
            return Ok(Shown { widget: String::new(), bundle });
        }
        if let Some(name) = &offers.selection {
            // A cell below may ask for it before anything is selected.
            let none = stored.selected(&stored.whole(), 0..0);
            none.and_then(|none| room.engine.register_result(name, &none)).map_err(|error| room.report(&error))?;
        }
        let (widget, library) = (new_id(), self.library(cause).await?);
        let state = code::names(state.map_err(|error| room.report(&error))?, library);
        self.widgets.open(cause, &widget, "AnyModel", state).await.map_err(Report::internal)?;
        let table = LiveTable::start(self.widgets.clone(), self.forms.clone(), widget.clone(), stored, offers);
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
        about: About,
    ) -> Result<MimeBundle, Report> {
        let Shown { widget, bundle } = self.show(room, cause, result, about).await?;
        let earlier = cell.and_then(|cell| lock(&self.below).insert(cell.to_owned(), widget));
        if let Some(earlier) = earlier {
            self.close(cause, &earlier).await;
        }
        Ok(bundle)
    }

    /// Whether this is a table that answers.
    pub fn has(&self, widget: &str) -> bool {
        self.live().iter().any(|table| table.widget() == widget && table.has_rows())
    }

    /// Shows only rows of the newest table of this name that meet the conditions, beside what it is filtered by on other
    /// columns; says how many there are.
    ///
    /// # Errors
    /// What the person is told: there is no such table, or it has no such column.
    pub async fn filter(
        &self,
        cause: &Header,
        name: &str,
        conditions: Vec<(String, Condition)>,
    ) -> Result<String, String> {
        let table = self.named(name)?;
        table.filter(conditions, &[], cause).await
    }

    /// Takes such filters back.
    ///
    /// # Errors
    /// As [`Tables::filter`].
    pub async fn unfilter(&self, cause: &Header, name: &str, columns: &[String]) -> Result<(), String> {
        self.named(name)?.filter(Vec::new(), columns, cause).await.map(drop)
    }

    fn named(&self, name: &str) -> Result<Arc<LiveTable>, String> {
        let live = self.live();
        let found = live.iter().rev().find(|table| table.is_of(name)).cloned();
        found.ok_or_else(|| format!("There is no table on the page with the rows of {name}: run its cell first"))
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

    /// The fields that values can go to, of those that are there.
    fn fills(&self, stored: &StoredResult, wanted: Vec<(String, String)>) -> Vec<Fill> {
        let columns = stored.result().schema.fields();
        let fills = wanted.into_iter().filter_map(|(name, field)| {
            let column = columns.iter().position(|column| *column.name() == name)?;
            let label = self.forms.label(&field)?;
            Some(Fill { column, field, label })
        });
        fills.collect()
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

/// Writes all rows of a result to a new file beside the notebook.
///
/// # Errors
/// When there is no such format or the file cannot be written.
pub async fn save(result: QueryResult, format: &str, cancel: CancellationToken) -> Result<PathBuf, Report> {
    let named = Format::of_name(format).filter(|format| *format != Format::Table);
    let format = named.ok_or_else(|| {
        let known: Vec<&str> = Format::NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "table").collect();
        Report::new("ExportError", format!("there is no format `{format}`"))
            .with_hint(format!("formats are {}", known.join(", ")))
    })?;
    let room = engine::ready().await?;
    let work = move || {
        let stored = StoredResult::new(&room.engine, result);
        let columns: Vec<usize> = (0..stored.columns().len()).collect();
        let whole = stored.whole();
        let saved = exports::save(None, format.ending(), |path| stored.export(&whole, &columns, format, path, &cancel));
        saved.map_err(|fault| match fault {
            NotSaved::File(error) => room.report(&error),
            folder => Report::new("ExportError", folder.to_string()),
        })
    };
    tokio::task::spawn_blocking(work).await.map_err(Report::internal)?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
