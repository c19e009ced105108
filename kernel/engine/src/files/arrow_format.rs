//! Arrow files as DataFusion reads them, looked at again where one was written anew since its table was opened.
//!
//! `arrow_end` says what is wrong with one. DataFusion's own look for the columns takes a file that it cannot read for a
//! stream, and asks for memory by its signature.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::{FileReader, StreamReader};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result as DataFusionResult, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::arrow_end;
use super::named::Names;

/// DataFusion's reader behind our checks.
pub(super) struct CheckedArrow {
    inner: ArrowFormat,
    /// Files with an end, or streams.
    is_file: bool,
    /// What that is in words.
    format: &'static str,
    names: Names,
    /// What was found to be right.
    checked: Mutex<HashMap<Path, ObjectMeta>>,
}

impl CheckedArrow {
    /// For files or streams with these names for people; `format` says in words which.
    pub(super) fn new(is_file: bool, format: &'static str, names: Names) -> Self {
        Self { inner: ArrowFormat, is_file, format, names, checked: Mutex::default() }
    }

    /// The file at a place if it is a file of this machine, as all Arrow files are: others are fetched.
    async fn file(&self, store: &dyn ObjectStore, object: &ObjectMeta) -> DataFusionResult<Option<File>> {
        Ok(match store.get(&object.location).await?.payload {
            GetResultPayload::File(file, _) => Some(file),
            GetResultPayload::Stream(_) => None,
        })
    }

    async fn check(&self, store: &dyn ObjectStore, object: &ObjectMeta) -> DataFusionResult<()> {
        let Some(mut file) = self.file(store, object).await? else { return Ok(()) };
        match arrow_end::fault(&mut file) {
            Some(reason) => Err(self.names.broken(&object.location, self.format, reason).into_datafusion()),
            None => {
                self.note(object);
                Ok(())
            }
        }
    }

    fn note(&self, object: &ObjectMeta) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.insert(object.location.clone(), object.clone());
    }

    fn is_checked(&self, object: &ObjectMeta) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked
            .get(&object.location)
            .is_some_and(|known| (known.size, known.last_modified) == (object.size, object.last_modified))
    }
}

impl fmt::Debug for CheckedArrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl FileFormat for CheckedArrow {
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
        let mut schemas = Vec::with_capacity(objects.len());
        for object in objects {
            // Whoever found out that it is Arrow has just looked at it.
            self.note(object);
            let schema = match self.file(store.as_ref(), object).await? {
                Some(file) if self.is_file => FileReader::try_new(file, None)?.schema(),
                Some(file) => StreamReader::try_new(file, None)?.schema(),
                None => self.inner.infer_schema(state, store, std::slice::from_ref(object)).await?,
            };
            schemas.push(Arc::unwrap_or_clone(schema));
        }
        Ok(Arc::new(Schema::try_merge(schemas)?))
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<Statistics> {
        self.inner.infer_stats(state, store, table_schema, object).await
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        conf: FileScanConfig,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let store = state.runtime_env().object_store(&conf.object_store_url)?;
        for file in conf.file_groups.iter().flat_map(|group| group.files()) {
            if !self.is_checked(&file.object_meta) {
                self.check(store.as_ref(), &file.object_meta).await?;
            }
        }
        self.inner.create_physical_plan(state, conf).await
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.inner.file_source(table_schema)
    }
}
