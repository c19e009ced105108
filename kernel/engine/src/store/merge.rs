//! The parts of an hour become one file when the hour is over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use datafusion::common::Result as DataFusionResult;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use datafusion::prelude::{ParquetReadOptions, col};
use futures::StreamExt;

use super::writer::{REPLACES, StoreWriter};
use super::{FlowStore, StoreError, StoreFile};
use crate::engine::Engine;

/// After its end an hour waits so long for flows that are exported late.
const GRACE_MINUTES: i64 = 15;

impl FlowStore {
    /// Hours that are over and have several files.
    fn hours_to_merge(&self, now: DateTime<Utc>) -> Result<Vec<Vec<StoreFile>>, StoreError> {
        let over = now - Duration::minutes(60 + GRACE_MINUTES);
        let mut hours: BTreeMap<DateTime<Utc>, Vec<StoreFile>> = BTreeMap::new();
        for file in self.files()? {
            if let Some(hour) = file.hour.filter(|hour| *hour <= over) {
                hours.entry(hour).or_default().push(file);
            }
        }
        Ok(hours.into_values().filter(|parts| parts.len() > 1).collect())
    }

    /// Removes parts that a merged file holds: the merge was interrupted before it could.
    pub(super) fn finish_merges(&self) -> Result<(), StoreError> {
        let files = self.files()?;
        let has_others =
            |file: &&StoreFile| files.iter().any(|other| other.hour == file.hour && other.path != file.path);
        for file in files.iter().filter(has_others) {
            for name in replaced_by(&file.path)? {
                // A name with folders in it was not written by us.
                if !name.contains(['/', '\\']) {
                    remove(&self.folder().join(name))?;
                }
            }
        }
        Ok(())
    }
}

impl Engine {
    /// Merges the hours of a store that are over; returns how many.
    ///
    /// # Errors
    /// When a file cannot be read or written. Hours before it are merged.
    pub async fn merge_store(&self, store: &FlowStore, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let hours = store.hours_to_merge(now)?;
        let count = hours.len();
        for parts in hours {
            self.merge_hour(store, parts).await?;
        }
        Ok(count)
    }

    async fn merge_hour(&self, store: &FlowStore, parts: Vec<StoreFile>) -> Result<(), StoreError> {
        let paths: Vec<String> = parts.iter().map(|part| part.path.to_string_lossy().into_owned()).collect();
        let names: Vec<String> =
            parts.iter().filter_map(|part| Some(part.path.file_name()?.to_string_lossy().into_owned())).collect();
        let mut writer = StoreWriter::new(store.folder().to_owned(), &names);
        let engine = self.clone();
        let sorted = async move {
            let rows = engine.context().read_parquet(paths, ParquetReadOptions::default()).await?;
            let mut rows = rows.sort(vec![col("start_time").sort(true, false)])?.execute_stream().await?;
            while let Some(batch) = rows.next().await {
                writer
                    .write(&batch?)
                    .map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)))?;
            }
            DataFusionResult::Ok(writer)
        };
        let writer = self.on_query_threads(sorted).await?;
        writer.commit()?;
        parts.iter().try_for_each(|part| remove(&part.path))
    }
}

fn replaced_by(path: &Path) -> Result<Vec<String>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        // It went meanwhile: another process merges.
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(reason) => return Err(StoreError::file("read", path)(reason)),
    };
    let damaged = |reason| StoreError::Damaged { path: path.to_owned(), reason };
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let names = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == REPLACES)?.value.clone());
    Ok(names.unwrap_or_default().lines().map(str::to_owned).collect())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => Err(StoreError::file("remove", path)(reason)),
        _ => Ok(()),
    }
}
