//! The lookups of one query, carried to its functions in the query's settings: DataFusion hands them nothing else.

use std::any::Any;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::common::{Result as DataFusionResult, config_err};
use enrichment::Session;

/// What is shared by all lookups of one query. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryLookups(pub(crate) Session);

impl ConfigExtension for QueryLookups {
    const PREFIX: &'static str = "flowdeck_lookups";
}

impl ExtensionOptions for QueryLookups {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> DataFusionResult<()> {
        config_err!("`{}.{key}` cannot be set", Self::PREFIX)
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
