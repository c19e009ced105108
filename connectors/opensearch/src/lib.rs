//! Flows in indices of OpenSearch and Elasticsearch.
//!
//! Reading order: `server` (requests, and what refusals mean), `mapping` (fields of an index), `columns` (which become
//! which of flows; those of the Elastic Common Schema by themselves), `condition` (what the server is asked for),
//! `point_in_time` (the state of an index while it is read page by page), `source` (a query).

mod columns;
mod condition;
mod mapping;
mod point_in_time;
mod server;
mod source;

use std::sync::Arc;

use async_trait::async_trait;
use remote_source::{RemoteConnector, RemoteError, RemoteSource, Settings};

use source::Index;

/// OpenSearch from release 2.4 on, Elasticsearch from 7.12 on.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpensearchConnector;

/// In `flowdeck.toml` and in the column `source`.
const NAME: &str = "opensearch";
/// The key that names the index, an alias, or a pattern of several.
const INDEX: &str = "index";

#[async_trait]
impl RemoteConnector for OpensearchConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> &'static str {
        "an OpenSearch index"
    }

    fn options(&self) -> &'static [&'static str] {
        &[INDEX]
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["password", "token"]
    }

    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError> {
        Ok(Arc::new(Index::open(&settings).await?))
    }
}
