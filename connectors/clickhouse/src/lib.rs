//! Flows in tables of ClickHouse, over HTTP.
//!
//! Reading order: `server` (a question and its answer, and how it is stopped), `kinds` (types as the server writes them),
//! `layouts` (columns of tables that collectors make), `columns` (which become which of flows), `condition` (what the
//! server is asked for), `arrow_stream` and `tab_separated` (the two formats of answers), `source` (a query). Old servers
//! know no Arrow and are asked for text.

mod arrow_stream;
mod columns;
mod condition;
mod kinds;
mod layouts;
mod server;
mod source;
mod tab_separated;

use std::sync::Arc;

use async_trait::async_trait;
use remote_source::{RemoteConnector, RemoteError, RemoteSource, Settings};

use source::Table;

/// ClickHouse, from release 18.16 on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClickhouseConnector;

/// In `flowdeck.toml` and in the column `source`.
const NAME: &str = "clickhouse";
/// The key that names the table, with or without its database.
const TABLE: &str = "table";

#[async_trait]
impl RemoteConnector for ClickhouseConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> &'static str {
        "a ClickHouse table"
    }

    fn options(&self) -> &'static [&'static str] {
        &[TABLE]
    }

    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError> {
        Ok(Arc::new(Table::open(&settings).await?))
    }
}
