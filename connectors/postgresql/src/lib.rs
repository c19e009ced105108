//! Flows in tables of PostgreSQL.
//!
//! Reading order: `address` (what a location means), `connection` (with what right, encrypted or not, and how a query is
//! stopped), `columns` (which columns become which), `condition` (what the server is asked for), `value` (its binary
//! format), `source` (a query). Flows are made of values in `remote-source`.

mod address;
mod columns;
mod condition;
mod connection;
mod source;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use remote_source::{RemoteConnector, RemoteError, RemoteSource, Settings};

use source::Table;

/// PostgreSQL, from release 10 on.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresqlConnector;

/// In `flowdeck.toml` and in the column `source`.
const NAME: &str = "postgresql";
/// The key that names the table, with or without its schema.
const TABLE: &str = "table";

#[async_trait]
impl RemoteConnector for PostgresqlConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> &'static str {
        "a PostgreSQL table"
    }

    fn schemes(&self) -> &'static [&'static str] {
        address::SCHEMES
    }

    fn options(&self) -> &'static [&'static str] {
        &[TABLE]
    }

    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError> {
        Ok(Arc::new(Table::open(&settings).await?))
    }
}
