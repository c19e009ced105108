//! The tables that SQL finds by name, and beside them the names of sources that are not open yet, so that lists have all.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::TableType;

use super::NamedSources;

/// Tables in memory, and names of sources.
#[derive(Debug)]
pub(crate) struct SourceSchema {
    tables: MemorySchemaProvider,
    sources: Arc<NamedSources>,
}

impl SourceSchema {
    pub(crate) fn new(sources: Arc<NamedSources>) -> SourceSchema {
        SourceSchema { tables: MemorySchemaProvider::new(), sources }
    }
}

#[async_trait]
impl SchemaProvider for SourceSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.tables.table_names();
        names.extend(self.sources.unopened());
        names.sort();
        names.dedup();
        names
    }

    /// Of open tables only: what a statement names was opened before it is planned, and lists must not wait.
    async fn table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        self.tables.table(name).await
    }

    async fn table_type(&self, name: &str) -> DataFusionResult<Option<TableType>> {
        let known = self.tables.table_type(name).await?;
        Ok(known.or_else(|| self.sources.later(name).map(|_| TableType::Base)))
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        self.tables.register_table(name, table)
    }

    fn deregister_table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        self.tables.deregister_table(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}
