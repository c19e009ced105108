//! Sources that are opened when something first needs them: those that the network leads to.
//!
//! Whoever needs one waits for the same attempt. It runs on the engine's threads and stops when nobody waits any more; one
//! that fails is told to all who waited, and the next who needs the source begins anew. What opening is, is decided in
//! `files` and `servers`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use super::{Registered, SourceSettings};
use crate::engine::Engine;
use crate::error::{EngineError, UnopenedFault};
use crate::files::remote::QueryWatch;

/// Makes the settings of a source, with its keys, each time it is opened.
pub type SettingsMaker = Arc<dyn Fn() -> Result<SourceSettings, EngineError> + Send + Sync>;

type Outcome = Result<Registered, UnopenedFault>;

/// A source that is not open, and how it is opened.
pub(crate) struct Later {
    name: String,
    location: String,
    settings: SettingsMaker,
    running: Mutex<Option<Running>>,
    opened: OnceLock<Registered>,
    failed: Mutex<Option<(Instant, UnopenedFault)>>,
}

/// An attempt, as long as somebody waits for it.
struct Running {
    outcome: WeakShared<BoxFuture<'static, Outcome>>,
    watch: Arc<QueryWatch>,
}

/// What is known of a source that was not opened when the engine started.
#[derive(Debug, Clone)]
pub enum SourceStatus {
    /// Nothing has needed it yet.
    Unopened,
    /// It is a table.
    Open(Registered),
    /// Why opening it failed the last time.
    Failed(UnopenedFault),
}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There may be a signature in the location.
        f.debug_struct("Later").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Later {
    pub(crate) fn new(name: String, location: String, settings: SettingsMaker) -> Later {
        Later { name, location, settings, running: Mutex::default(), opened: OnceLock::new(), failed: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// When and how the last attempt failed; `None` when there was none.
    pub(crate) fn failure(&self) -> Option<(Instant, UnopenedFault)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the source, or waits for the attempt that others wait for. `watch` is told how much was fetched.
    pub(crate) async fn opened(self: &Arc<Self>, engine: &Engine, watch: &QueryWatch) -> Outcome {
        let (outcome, fetching) = self.attempt(engine);
        watch.until(outcome, &fetching).await
    }

    fn attempt(self: &Arc<Self>, engine: &Engine) -> (Shared<BoxFuture<'static, Outcome>>, Arc<QueryWatch>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Running { outcome, watch }) = running.as_ref()
            && let Some(outcome) = outcome.upgrade()
            && outcome.peek().is_none()
        {
            return (outcome, Arc::clone(watch));
        }
        let watch = Arc::new(QueryWatch::default());
        let (later, of_engine, fetching) = (Arc::clone(self), engine.clone(), Arc::clone(&watch));
        let work = async move { later.open(&of_engine, fetching).await };
        let task = engine.executor().spawn(work);
        let name = self.name.clone();
        let outcome = async move {
            let lost = |fault: String| Err(UnopenedFault::new(&name, EngineError::internal(fault)));
            match task {
                Ok(task) => task.await.unwrap_or_else(|fault| lost(format!("opening ended early: {fault}"))),
                Err(fault) => lost(format!("no thread for opening: {fault}")),
            }
        };
        let outcome = outcome.boxed().shared();
        *running = outcome.downgrade().map(|outcome| Running { outcome, watch: Arc::clone(&watch) });
        (outcome, watch)
    }

    async fn open(&self, engine: &Engine, watch: Arc<QueryWatch>) -> Outcome {
        // Who found this source unopened may come after it was opened.
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let opened = match (self.settings)() {
            Ok(settings) => engine.open_now(&self.name, &self.location, &settings, watch).await,
            Err(fault) => Err(fault),
        };
        let outcome = opened.map_err(|fault| UnopenedFault::new(&self.name, fault));
        if let Ok(registered) = &outcome {
            // Attempts follow each other, so none has set it.
            let _ = self.opened.set(registered.clone());
        }
        let failed = outcome.as_ref().err().map(|fault| (Instant::now(), fault.clone()));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        outcome
    }
}
