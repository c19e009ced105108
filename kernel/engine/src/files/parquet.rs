//! Parquet as DataFusion reads it, with a look at every length before it is believed.
//!
//! The reader of Parquet takes lengths, counts and places out of a file and asks for as much memory: a damaged one ended the
//! process. `metadata` looks at what stands at the end of a file and keeps it where DataFusion finds it, `pages` at the
//! headers of the pages that a query reads, `delta` at the one encoding that counts values within a page; `thrift` and
//! `layouts` know how such structures are written. What the values are is the reader's business.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result as DataFusionResult, Statistics, internal_datafusion_err};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::file_format::{FileFormat, FileMeta};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore};

use super::listing::SCHEMAS_AT_ONCE;
use super::named::Names;
use metadata::Refused;
use pages::CheckedReaders;

mod delta;
mod layouts;
mod metadata;
mod pages;
mod thrift;

/// In words.
const FORMAT: &str = "Parquet";

/// DataFusion's reader behind our checks.
pub(super) struct CheckedParquet {
    inner: ParquetFormat,
    names: Arc<Names>,
}

impl CheckedParquet {
    /// For files with these names for people.
    pub(super) fn new(names: Names) -> Self {
        // Metadata says which columns are addresses.
        let inner = ParquetFormat::default().with_skip_metadata(false);
        Self { inner, names: Arc::new(names) }
    }

    /// Whoever asks DataFusion for the metadata of a file finds it checked.
    async fn check(&self, state: &dyn Session, store: &dyn ObjectStore, object: &ObjectMeta) -> DataFusionResult<()> {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let loaded = metadata::load(store, object, cache.as_ref()).await;
        match loaded {
            Ok(_) => Ok(()),
            Err(Refused::Damaged(reason)) => Err(self.names.broken(&object.location, FORMAT, reason).into_datafusion()),
            Err(Refused::Failed(fault)) => Err(fault),
        }
    }
}

impl fmt::Debug for CheckedParquet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl FileFormat for CheckedParquet {
    fn get_ext(&self) -> String {
        self.inner.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> DataFusionResult<String> {
        self.inner.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.inner.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> DataFusionResult<SchemaRef> {
        let checks: Vec<_> = objects.iter().map(|object| self.check(state, store.as_ref(), object)).collect();
        stream::iter(checks).buffered(SCHEMAS_AT_ONCE).try_collect::<()>().await?;
        self.inner.infer_schema(state, store, objects).await
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<Statistics> {
        self.check(state, store.as_ref(), object).await?;
        self.inner.infer_stats(state, store, table_schema, object).await
    }

    async fn infer_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<Option<LexOrdering>> {
        self.check(state, store.as_ref(), object).await?;
        self.inner.infer_ordering(state, store, table_schema, object).await
    }

    async fn infer_stats_and_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<FileMeta> {
        self.check(state, store.as_ref(), object).await?;
        self.inner.infer_stats_and_ordering(state, store, table_schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        conf: FileScanConfig,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let source = conf.file_source().downcast_ref::<ParquetSource>().cloned();
        let source = source.ok_or_else(|| internal_datafusion_err!("a source of Parquet is none"))?;
        let store = state.runtime_env().object_store(conf.object_store_url.clone())?;
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CheckedReaders::new(store, cache, Arc::clone(&self.names));
        let source = source
            .with_table_parquet_options(self.inner.options().clone())
            .with_parquet_file_reader_factory(Arc::new(readers));
        let conf = FileScanConfigBuilder::from(conf).with_source(Arc::new(source)).build();
        Ok(DataSourceExec::from_data_source(conf))
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.inner.file_source(table_schema)
    }
}
