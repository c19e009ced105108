//! Results that the next query of a comparison reads as tables, and that go with it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::result::QueryResult;

/// A table under a name that nobody else has.
pub(super) struct Scratch {
    engine: Engine,
    name: String,
}

impl Scratch {
    pub(super) fn of(engine: &Engine, result: &QueryResult) -> Result<Self, EngineError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("_comparison_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = engine.register_result(&name, result)?;
        Ok(Self { engine: engine.clone(), name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.engine.deregister(&self.name);
    }
}
