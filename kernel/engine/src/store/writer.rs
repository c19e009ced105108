//! Rows to files of one hour each, all of which appear together when the writer commits.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::TimestampNanosecondType;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;

use super::journal::Journal;
use super::{PREFIX, StoreError, TEMPORARY_SUFFIX, hour_text};

/// Rows of a row group: small enough that a window of time or a Bloom filter passes over most of a busy hour.
const ROW_GROUP_ROWS_MAX: usize = 128 * 1024;
/// Columns that queries for a host look up.
const ADDRESS_COLUMNS: [&str; 2] = ["src_ip", "dst_ip"];
/// Share of row groups that are read in vain for an address that is not in them.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;
const CREATED_BY: &str = concat!("flowdeck ", env!("CARGO_PKG_VERSION"));
/// Under this key a merged file names the files whose rows it holds, separated by newlines.
pub(super) const REPLACES: &str = "flowdeck.replaces";
/// Where a flow's time is: the first that is there.
pub(super) const TIME_COLUMNS: [&str; 3] = ["start_time", "received_time", "end_time"];

type Hour = Option<DateTime<Utc>>;

/// Writes files of a store. Without [`commit`](Self::commit) nothing of it stays.
pub(crate) struct StoreWriter {
    folder: PathBuf,
    properties: WriterProperties,
    open: Option<OpenFile>,
    /// Files that are complete: hidden name and name.
    complete: Vec<(PathBuf, PathBuf)>,
    rows: u64,
}

struct OpenFile {
    hour: Hour,
    hidden: PathBuf,
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl StoreWriter {
    pub(super) fn new(folder: PathBuf, replaces: &[String]) -> Self {
        // Only a level outside of 1..=22 is refused, so the default never stands in.
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(CREATED_BY.to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX));
        for column in ADDRESS_COLUMNS {
            let column = ColumnPath::from(column);
            properties = properties
                .set_column_bloom_filter_enabled(column.clone(), true)
                .set_column_bloom_filter_fpp(column.clone(), BLOOM_FALSE_POSITIVES)
                // Filters of fewer rows are folded to fewer bytes when they are written.
                .set_column_bloom_filter_max_ndv(column, ROW_GROUP_ROWS_MAX as u64);
        }
        if !replaces.is_empty() {
            let names = KeyValue::new(REPLACES.to_owned(), replaces.join("\n"));
            properties = properties.set_key_value_metadata(Some(vec![names]));
        }
        Self { folder, properties: properties.build(), open: None, complete: Vec::new(), rows: 0 }
    }

    /// Writes rows. They are best sorted by time: each change of the hour begins another file.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let hours = hours_of(batch);
        let mut start = 0;
        while start < hours.len() {
            let end =
                hours[start..].iter().position(|hour| *hour != hours[start]).map_or(hours.len(), |run| start + run);
            self.write_hour(hours[start], &batch.slice(start, end - start))?;
            start = end;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Rows written so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes all files appear, or none where the process is killed meanwhile: what then has appeared goes when the
    /// store is opened next. Returns how many.
    pub(crate) fn commit_whole(mut self) -> Result<usize, StoreError> {
        self.close()?;
        if self.complete.len() < 2 {
            return self.commit();
        }
        let journal = Journal::begin(&self.folder, &self.complete)?;
        let count = self.commit()?;
        journal.end()?;
        Ok(count)
    }

    /// Makes all files appear; returns how many.
    pub(crate) fn commit(mut self) -> Result<usize, StoreError> {
        self.close()?;
        let complete = std::mem::take(&mut self.complete);
        for (hidden, path) in &complete {
            fs::rename(hidden, path).map_err(StoreError::file("write", path))?;
        }
        if let Ok(folder) = File::open(&self.folder) {
            // So that the names survive a power cut; the files' bytes were synced before.
            let _ = folder.sync_all();
        }
        Ok(complete.len())
    }

    fn write_hour(&mut self, hour: Hour, rows: &RecordBatch) -> Result<(), StoreError> {
        if self.open.as_ref().is_none_or(|open| open.hour != hour) {
            self.close()?;
            self.open = Some(self.create(hour, rows)?);
        }
        match &mut self.open {
            Some(open) => open.writer.write(rows).map_err(|reason| damaged(&open.path, reason)),
            None => Ok(()),
        }
    }

    fn create(&self, hour: Hour, rows: &RecordBatch) -> Result<OpenFile, StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let (now, process) = (Utc::now().format("%Y%m%dT%H%M%S%3f"), std::process::id());
        let name = format!("{PREFIX}{}-{now}-{count}-p{process}", hour_text(hour));
        let path = self.folder.join(format!("{name}.parquet"));
        let hidden = self.folder.join(format!(".{name}{TEMPORARY_SUFFIX}"));
        let file = File::create_new(&hidden).map_err(StoreError::file("write", &hidden))?;
        let writer = ArrowWriter::try_new(file, rows.schema(), Some(self.properties.clone()))
            .map_err(|reason| damaged(&path, reason))?;
        Ok(OpenFile { hour, hidden, path, writer })
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let Some(OpenFile { hidden, path, writer, .. }) = self.open.take() else { return Ok(()) };
        self.complete.push((hidden.clone(), path.clone()));
        let file = writer.into_inner().map_err(|reason| damaged(&path, reason))?;
        file.sync_all().map_err(StoreError::file("write", &hidden))
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        // What was not committed goes; a file that cannot be removed goes when the store is opened next.
        let open = self.open.take().map(|open| open.hidden);
        for hidden in open.into_iter().chain(self.complete.drain(..).map(|(hidden, _)| hidden)) {
            let _ = fs::remove_file(hidden);
        }
    }
}

fn damaged(path: &Path, reason: datafusion::parquet::errors::ParquetError) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason }
}

fn hours_of(batch: &RecordBatch) -> Vec<Hour> {
    let columns: Vec<_> = TIME_COLUMNS
        .iter()
        .filter_map(|name| batch.column_by_name(name)?.as_primitive_opt::<TimestampNanosecondType>())
        .collect();
    let hour = |row: usize| {
        let column = columns.iter().find(|column| column.is_valid(row))?;
        let time = DateTime::from_timestamp_nanos(column.value(row));
        time.duration_trunc(TimeDelta::hours(1)).ok()
    };
    (0..batch.num_rows()).map(hour).collect()
}
