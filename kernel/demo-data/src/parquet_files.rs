//! `flows/*.parquet`: one file for each hour of the day, sorted by start, in the common flow schema.
//!
//! Writing only; the columns are made in `columns`.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::columns;
use crate::day::{DAY_HOURS, HOUR_US};
use crate::error::DemoDataError;
use crate::flow::Flow;

/// Rows of a row group; small enough that a time window skips most of a busy hour.
const ROW_GROUP_ROWS_MAX: usize = 128 * 1024;
/// Rows turned into columns at once.
const BATCH_ROWS: usize = 8 * 1024;
const CREATED_BY: &str = concat!("flowdeck demo-data ", env!("CARGO_PKG_VERSION"));

/// The name of the file of an hour.
pub(crate) fn file_name(hour: u64) -> String {
    format!("flows-2024-02-05T{hour:02}.parquet")
}

/// Invariant: `open` is the file of hour `next_hour - 1`, and `rows` belong to it.
pub(crate) struct HourlyFiles {
    folder: PathBuf,
    properties: WriterProperties,
    open: Option<(PathBuf, ArrowWriter<File>)>,
    next_hour: u64,
    rows: Vec<Flow>,
}

impl HourlyFiles {
    pub(crate) fn create(folder: &Path) -> Result<Self, DemoDataError> {
        // Only a level outside of 1..=22 is refused, so the default never stands in.
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let schema = flow_source::flow_schema();
        let addresses = schema.fields().iter().filter(|field| flow_source::is_ip_field(field));
        let with_filters = addresses.fold(WriterProperties::builder(), |properties, field| {
            properties.set_column_bloom_filter_enabled(ColumnPath::from(vec![field.name().clone()]), true)
        });
        let properties = with_filters
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(CREATED_BY.to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
            .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
            .build();
        let mut files = Self { folder: folder.to_path_buf(), properties, open: None, next_hour: 0, rows: Vec::new() };
        files.open_next()?;
        Ok(files)
    }

    /// `flow` must not begin before the one given last.
    pub(crate) fn write(&mut self, flow: Flow) -> Result<(), DemoDataError> {
        while flow.start_us >= self.next_hour * HOUR_US {
            self.close_hour()?;
            self.open_next()?;
        }
        self.rows.push(flow);
        if self.rows.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Closes the last file; returns how many files there are, also for hours without a flow.
    pub(crate) fn finish(mut self) -> Result<u64, DemoDataError> {
        self.close_hour()?;
        while self.next_hour < DAY_HOURS {
            self.open_next()?;
            self.close_hour()?;
        }
        Ok(self.next_hour)
    }

    fn open_next(&mut self) -> Result<(), DemoDataError> {
        let path = self.folder.join(file_name(self.next_hour));
        let file = File::create(&path).map_err(DemoDataError::file("create", &path))?;
        let writer = ArrowWriter::try_new(file, flow_source::flow_schema(), Some(self.properties.clone()))
            .map_err(|reason| DemoDataError::Parquet { path: path.clone(), reason })?;
        self.open = Some((path, writer));
        self.next_hour += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DemoDataError> {
        let Some((path, writer)) = &mut self.open else {
            return Ok(());
        };
        let batch = columns::batch_of(&self.rows).map_err(|reason| DemoDataError::Columns { reason })?;
        self.rows.clear();
        writer.write(&batch).map_err(|reason| DemoDataError::Parquet { path: path.clone(), reason })
    }

    fn close_hour(&mut self) -> Result<(), DemoDataError> {
        self.flush()?;
        let Some((path, writer)) = self.open.take() else {
            return Ok(());
        };
        writer.close().map_err(|reason| DemoDataError::Parquet { path, reason })?;
        Ok(())
    }
}
