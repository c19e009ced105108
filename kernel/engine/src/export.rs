//! Rows for files: CSV, newline-delimited JSON, Parquet, Arrow IPC, Markdown, XLSX or the table people read.
//!
//! Column names that repeat are numbered. Rows go through batch by batch, so that an export needs no memory for all of
//! them. `csv`, `markdown` and `xlsx` hold the formats of ours. Rows for eyes are in [`crate::render`].

mod csv;
mod markdown;
mod xlsx;

pub use markdown::markdown_text;

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use arrow::json::WriterBuilder as JsonWriterBuilder;
use arrow::json::writer::LineDelimited;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;
use flow_source::is_ip_field;

use crate::error::EngineError;
use crate::ip;
use crate::render;
use crate::result::QueryResult;

/// Rows of a row group of Parquet.
const ROW_GROUP_ROWS_MAX: usize = 256 * 1024;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned text.
    Table,
    /// RFC 4180 with a header. NULL is empty, empty text is `""`; text that a spreadsheet would run as a formula gets
    /// a `'` in front.
    Csv,
    /// One object per line. Integers are exact; readers that make them floating-point numbers lose digits beyond 2^53.
    Json,
    /// Parquet, compressed with zstd. Addresses are their 16 bytes with the label of the type, which we read again.
    Parquet,
    /// Arrow IPC file, also known as Feather version 2. Addresses as in Parquet.
    Arrow,
    /// A table of GitHub Flavored Markdown. Nothing of a value is markup.
    Markdown,
    /// A workbook of one sheet. NULL is an empty cell, moments are in UTC; text that a spreadsheet would run as a formula
    /// stays text, and so do integers of more digits than it keeps. At most 1,048,575 rows.
    Xlsx,
}

impl Format {
    /// All formats with their names.
    pub const NAMES: &[(&str, Format)] = &[
        ("table", Format::Table),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("parquet", Format::Parquet),
        ("arrow", Format::Arrow),
        ("markdown", Format::Markdown),
        ("xlsx", Format::Xlsx),
    ];

    /// The format of that name.
    pub fn of_name(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, format)| *format)
    }

    /// The format that a file's ending asks for.
    pub fn of_path(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Format::Table),
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "parquet" | "parq" | "pq" => Some(Format::Parquet),
            "arrow" | "feather" | "ipc" => Some(Format::Arrow),
            "md" | "markdown" => Some(Format::Markdown),
            "xlsx" => Some(Format::Xlsx),
            _ => None,
        }
    }

    /// The ending of its files, without a dot.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Table => "txt",
            Format::Csv => "csv",
            Format::Json => "jsonl",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Markdown => "md",
            Format::Xlsx => "xlsx",
        }
    }
}

/// Says what does not fit before anything is written.
pub(crate) fn fits(format: Format, rows: usize, columns: usize) -> Result<(), EngineError> {
    let refusal = if format == Format::Xlsx { xlsx::too_much(rows, columns) } else { None };
    refusal.map_or(Ok(()), |refusal| Err(failed(&refusal)))
}

/// Rows on their way to a file.
pub(crate) struct Rows<'a> {
    /// Their columns, of which no two have one name.
    pub(crate) schema: SchemaRef,
    pub(crate) batches: &'a mut dyn Iterator<Item = Result<RecordBatch, EngineError>>,
}

/// Writes all rows of `result`.
pub fn write(result: &QueryResult, format: Format, out: &mut (dyn Write + Send)) -> Result<(), EngineError> {
    let result = result.with_distinct_names()?;
    if format == Format::Table {
        return writeln!(out, "{}", render::to_text(&result, 0))
            .and_then(|()| out.flush())
            .map_err(|fault| failed(&fault));
    }
    fits(format, result.row_count, result.schema.fields().len())?;
    let mut batches = result.batches.iter().cloned().map(Ok);
    write_rows(Rows { schema: result.schema.clone(), batches: &mut batches }, format, out)
}

/// Writes rows as they come. [`Format::Table`] needs all of them at once and is refused.
pub(crate) fn write_rows(rows: Rows, format: Format, out: &mut (dyn Write + Send)) -> Result<(), EngineError> {
    let schema = rows.schema;
    let mut writer: Box<dyn RowWriter + '_> = match format {
        Format::Table => return Err(failed(&"rows that come one after another cannot be aligned")),
        Format::Csv => Box::new(csv::Csv::new(&schema, &mut *out).map_err(|fault| failed(&fault))?),
        Format::Json => {
            let settings = JsonWriterBuilder::new().with_explicit_nulls(true);
            Box::new(Json(settings.build::<_, LineDelimited>(&mut *out)))
        }
        Format::Parquet => Box::new(parquet(&schema, &mut *out)?),
        Format::Arrow => Box::new(FileWriter::try_new(&mut *out, &schema).map_err(|fault| failed(&fault))?),
        Format::Markdown => Box::new(markdown::Markdown::new(&schema, &mut *out).map_err(|fault| failed(&fault))?),
        Format::Xlsx => Box::new(xlsx::Xlsx::new(&schema, &mut *out).map_err(|fault| failed(&fault))?),
    };
    for batch in rows.batches {
        writer.write(&batch?).map_err(|reason| failed(&reason))?;
    }
    writer.finish().map_err(|reason| failed(&reason))?;
    out.flush().map_err(|fault| failed(&fault))
}

/// A file in the making.
trait RowWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String>;
    fn finish(self: Box<Self>) -> Result<(), String>;
}

struct Json<W: Write>(arrow::json::Writer<W, LineDelimited>);

impl<W: Write> RowWriter for Json<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let batch = readable(batch).map_err(|fault| fault.to_string())?;
        self.0.write(&batch).map_err(|fault| fault.to_string())
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.0.finish().map_err(|fault| fault.to_string())
    }
}

impl<W: Write + Send> RowWriter for ArrowWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        ArrowWriter::write(self, batch).map_err(|fault| fault.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.close().map(drop).map_err(|fault| fault.to_string())
    }
}

impl<W: Write> RowWriter for FileWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        FileWriter::write(self, batch).map_err(|fault| fault.to_string())
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        FileWriter::finish(&mut self).map_err(|fault| fault.to_string())
    }
}

fn parquet<W: Write + Send>(schema: &SchemaRef, out: W) -> Result<ArrowWriter<W>, EngineError> {
    ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(parquet_settings(schema))).map_err(|fault| failed(&fault))
}

fn failed(reason: &dyn std::fmt::Display) -> EngineError {
    EngineError::Write { path: "output".into(), reason: reason.to_string(), is_existing: false }
}

/// Writes all rows of `result` to a file that appears complete or not at all. An existing file is replaced only when
/// `overwrite` says so.
pub fn write_to_path(result: &QueryResult, format: Format, path: &Path, overwrite: bool) -> Result<(), EngineError> {
    whole_file(path, overwrite, |out| write(result, format, out))
}

/// Writes these bytes to a new file, as [`write_to_path`] does without overwriting.
pub fn write_bytes(bytes: &[u8], path: &Path) -> Result<(), EngineError> {
    whole_file(path, false, |out| out.write_all(bytes).map_err(|fault| failed(&fault)))
}

/// A file that appears complete or not at all; see [`write_to_path`].
pub(crate) fn whole_file(
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let failed = |reason: String, is_existing: bool| EngineError::Write {
        path: path.display().to_string(),
        reason,
        is_existing,
    };
    if !overwrite && path.exists() {
        return Err(failed("it exists already".into(), true));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = new_file_in(folder).map_err(|fault| failed(fault.to_string(), false))?;
    fill(&mut BufWriter::new(file.as_file_mut())).map_err(|fault| match fault {
        EngineError::Write { reason, is_existing, .. } => failed(reason, is_existing),
        other => other,
    })?;
    file.as_file().sync_all().map_err(|fault| failed(fault.to_string(), false))?;
    let kept = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map(drop).map_err(|fault| {
        let is_existing = fault.error.kind() == std::io::ErrorKind::AlreadyExists;
        failed(if is_existing { "it exists already".into() } else { fault.error.to_string() }, is_existing)
    })
}

fn new_file_in(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".flowdeck-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file; the user's umask takes its part. The default would hide the export from colleagues.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Addresses as text: the writer knows bytes only.
pub(crate) fn readable(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let columns: Vec<ArrayRef> =
        schema.fields().iter().zip(batch.columns()).map(|(field, column)| ip::readable(field, column)).collect();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

/// Row groups that one host or one hour can skip: of a readable size, and with a bloom filter of each column of
/// addresses, whose smallest and largest say little.
fn parquet_settings(schema: &SchemaRef) -> WriterProperties {
    let settings = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX));
    let addresses = schema.fields().iter().filter(|field| is_ip_field(field));
    let with_filters = addresses.fold(settings, |settings, field| {
        let column = ColumnPath::from(vec![field.name().clone()]);
        settings
            .set_column_bloom_filter_enabled(column.clone(), true)
            .set_column_bloom_filter_max_ndv(column, ROW_GROUP_ROWS_MAX as u64)
    });
    with_filters.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_name_and_path() {
        assert_eq!(Format::of_name("CSV"), Some(Format::Csv));
        assert_eq!(Format::of_name("xls"), None);
        for (_, format) in Format::NAMES {
            assert_eq!(Format::of_path(Path::new("a").with_extension(format.ending()).as_path()), Some(*format));
        }
        assert_eq!(Format::of_path(Path::new("a/b.ndjson")), Some(Format::Json));
        assert_eq!(Format::of_path(Path::new("b")), None);
    }
}
