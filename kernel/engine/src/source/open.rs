//! Opening sources: at once, or when a statement, a test or a completion first needs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::{Result as DataFusionResult, TableReference};
use datafusion::execution::SessionState;
use futures::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::later::{Later, SettingsMaker, SourceStatus};
use super::{Registered, SourceSettings};
use crate::engine::{Engine, checked_name};
use crate::error::{EngineError, UnopenedFault};
use crate::files::remote::QueryWatch;
use crate::files::{self, Opened};
use crate::{servers, standard_views};

/// How long what is only convenient leaves a source alone that could not be opened.
const LEFT_ALONE: Duration = Duration::from_secs(30);

impl Engine {
    /// As [`register_source`](Self::register_source), with what a configuration says about the source.
    pub fn register_source_with(
        &self,
        name: &str,
        location: &str,
        settings: &SourceSettings,
    ) -> Result<Registered, EngineError> {
        let name = checked_name(name)?;
        let state = self.context().state();
        let opened = crate::executor::wait(open(&state, location, settings));
        let opened = opened.and_then(|opened| opened).map_err(|fault| self.explain_datafusion(&fault))?;
        let table = Arc::clone(&opened.table);
        let registered = self.known_as(&name, opened);
        self.replace_table(&name, table)?;
        Ok(registered)
    }

    /// Makes a source known that is opened when a query, a test or a completion first needs it. Nothing is asked of the
    /// network here. When opening fails, that query fails, and the next one tries again with new settings. Returns the name
    /// under which SQL finds it; a table of that name goes.
    ///
    /// # Errors
    /// When no table can have this name.
    pub fn register_source_later(
        &self,
        name: &str,
        location: &str,
        settings: SettingsMaker,
    ) -> Result<String, EngineError> {
        let name = checked_name(name)?;
        self.deregister(&name);
        self.sources().insert_later(Later::new(name.clone(), location.to_owned(), settings));
        Ok(name)
    }

    /// What is known of a source that was to be opened later; `None` for all others.
    pub fn source_status(&self, name: &str) -> Option<SourceStatus> {
        self.sources().status(name)
    }

    /// Opens a source, if there is one of that name that is not open and no other table has its name.
    ///
    /// # Errors
    /// Why it cannot be opened, or that `cancel` was cancelled.
    pub async fn open_source(&self, name: &str, cancel: &CancellationToken) -> Result<(), EngineError> {
        let started = std::time::Instant::now();
        let (table, watch) = (TableReference::bare(name.to_ascii_lowercase()), QueryWatch::default());
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(EngineError::Cancelled { after: started.elapsed() }),
            opened = self.open_tables(std::slice::from_ref(&table), &watch) => opened,
        }
    }

    /// Opens what the unfinished `sql` names, for what an editor shows of it. Failures are not told, and a source that
    /// failed is left alone for a while.
    pub async fn open_for_completion(&self, sql: &str, cursor: usize) {
        let named = crate::completion::tables_named(sql, cursor);
        let references: Vec<TableReference> = named.into_iter().map(TableReference::bare).collect();
        let is_tried = |later: &Arc<Later>| later.failure().is_none_or(|(at, _)| at.elapsed() > LEFT_ALONE);
        let wanted = self.unopened_of(&references).into_values().filter(is_tried).collect::<Vec<_>>();
        let watch = QueryWatch::default();
        futures::future::join_all(wanted.iter().map(|later| later.opened(self, &watch))).await;
    }

    /// Opens the sources among the tables that a statement names, beside each other.
    pub(crate) async fn open_tables(
        &self,
        references: &[TableReference],
        watch: &QueryWatch,
    ) -> Result<(), EngineError> {
        let wanted = self.unopened_of(references);
        try_join_all(wanted.values().map(|later| later.opened(self, watch))).await?;
        Ok(())
    }

    fn unopened_of(&self, references: &[TableReference]) -> BTreeMap<String, Arc<Later>> {
        if self.sources().unopened().is_empty() {
            return BTreeMap::new();
        }
        let config = self.context().copied_config();
        let catalog = &config.options().catalog;
        let is_of_ours = |reference: &&TableReference| {
            reference.schema().is_none_or(|schema| schema == catalog.default_schema)
                && reference.catalog().is_none_or(|name| name == catalog.default_catalog)
        };
        let named = references.iter().filter(is_of_ours).map(TableReference::table);
        let unknown = named.filter(|name| !self.context().table_exist(TableReference::bare(*name)).unwrap_or(false));
        let later = unknown.filter_map(|name| {
            let is_view = standard_views::VIEWS.iter().any(|view| view.name == name);
            self.sources().later(if is_view { standard_views::FLOWS } else { name })
        });
        later.map(|later| (later.name().to_owned(), later)).collect()
    }

    /// Opens a source and makes it a table, unless another has taken its name meanwhile.
    pub(super) async fn open_now(
        &self,
        name: &str,
        location: &str,
        settings: &SourceSettings,
        watch: Arc<QueryWatch>,
    ) -> Result<Registered, EngineError> {
        let mut state = self.context().state();
        state.config_mut().set_extension(watch);
        let opened = open(&state, location, settings).await.map_err(|fault| self.explain_datafusion(&fault))?;
        let table = Arc::clone(&opened.table);
        let registered = self.known_as(name, opened);
        if !self.context().table_exist(TableReference::bare(name)).unwrap_or(false) {
            self.replace_table(name, table)?;
        }
        Ok(registered)
    }

    fn known_as(&self, name: &str, opened: Opened) -> Registered {
        let Opened { table, format, files, bytes, modified, remarks, channels } = opened;
        let registered = Registered { table: name.to_owned(), format, files, bytes, modified, remarks };
        self.sources().insert(name, table, channels, registered.clone());
        registered
    }
}

async fn open(state: &SessionState, location: &str, settings: &SourceSettings) -> DataFusionResult<Opened> {
    match servers::find(settings.connector.as_deref(), location) {
        Some(connector) => servers::open(connector, location, settings).await,
        None => files::open_source(state, location, settings).await,
    }
}

impl From<UnopenedFault> for EngineError {
    fn from(fault: UnopenedFault) -> EngineError {
        EngineError::Unopened(fault)
    }
}
