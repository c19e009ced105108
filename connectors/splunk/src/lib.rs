//! Flows that a search of Splunk finds.
//!
//! Reading order: `fields` (which become which columns of flows; those of its Common Information Model by themselves),
//! `search` (a query in the search language), `source` (the export of its events). What is told to the server only ever
//! leaves out what cannot be wanted: its comparisons ignore case, take `*` for any text and know values as text.

mod fields;
mod search;
mod source;

use std::sync::Arc;

use async_trait::async_trait;
use remote_source::{RemoteConnector, RemoteError, RemoteSource, Settings};

use source::Events;

/// Splunk Enterprise and Cloud, over the management port.
#[derive(Debug, Clone, Copy, Default)]
pub struct SplunkConnector;

/// In `flowdeck.toml` and in the column `source`.
const NAME: &str = "splunk";
/// The key that holds what events are of flows.
const SEARCH: &str = "search";

#[async_trait]
impl RemoteConnector for SplunkConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> &'static str {
        "a Splunk search"
    }

    fn options(&self) -> &'static [&'static str] {
        &[SEARCH]
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["password", "token"]
    }

    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError> {
        Ok(Arc::new(Events::open(&settings).await?))
    }
}
