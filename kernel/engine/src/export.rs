//! Rows for files: CSV, newline-delimited JSON, Parquet, Arrow IPC or the table people read.
//!
//! Column names that repeat are numbered. Rows for eyes are in [`crate::render`].

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
use crate::render::cell::{Cell, Cells, is_number};
use crate::result::QueryResult;

/// Cells that a spreadsheet would run as a formula begin so.
const FORMULA_STARTS: &[char] = &['=', '+', '-', '@', '\t', '\r'];

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
}

impl Format {
    /// All formats with their names.
    pub const NAMES: &[(&str, Format)] = &[
        ("table", Format::Table),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("parquet", Format::Parquet),
        ("arrow", Format::Arrow),
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
            _ => None,
        }
    }
}

/// Writes all rows of `result`.
pub fn write(result: &QueryResult, format: Format, out: &mut (dyn Write + Send)) -> Result<(), EngineError> {
    let result = result.with_distinct_names()?;
    let written = match format {
        Format::Table => writeln!(out, "{}", render::to_text(&result, 0)).map_err(|fault| fault.to_string()),
        Format::Csv => write_csv(&result, out).map_err(|fault| fault.to_string()),
        Format::Json => write_json(&result, out),
        Format::Parquet => write_parquet(&result.schema, &result.batches, out),
        Format::Arrow => write_arrow(&result.schema, &result.batches, out),
    };
    let written = written.and_then(|()| out.flush().map_err(|fault| fault.to_string()));
    written.map_err(|reason| EngineError::Write { path: "output".into(), reason, is_existing: false })
}

/// Writes all rows of `result` to a file that appears complete or not at all. An existing file is replaced only when
/// `overwrite` says so.
pub fn write_to_path(result: &QueryResult, format: Format, path: &Path, overwrite: bool) -> Result<(), EngineError> {
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
    {
        let mut out = BufWriter::new(file.as_file_mut());
        write(result, format, &mut out).map_err(|fault| match fault {
            EngineError::Write { reason, is_existing, .. } => failed(reason, is_existing),
            other => other,
        })?;
    }
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

fn write_csv(result: &QueryResult, out: &mut dyn Write) -> std::io::Result<()> {
    let fields = result.schema.fields();
    let names: Vec<String> = fields.iter().map(|field| csv_text(field.name())).collect();
    write!(out, "{}\r\n", names.join(","))?;
    let is_text: Vec<bool> = fields.iter().map(|field| !is_number(field.data_type())).collect();
    for batch in &result.batches {
        let cells = Cells::of(batch);
        for row in 0..batch.num_rows() {
            for (column, may_need_quotes) in is_text.iter().enumerate() {
                if column > 0 {
                    out.write_all(b",")?;
                }
                match cells.get(column, row, usize::MAX) {
                    Cell::Null if is_text.len() > 1 => {}
                    // A line with nothing in it would be no row.
                    Cell::Null => out.write_all(b"\"\"")?,
                    Cell::Text { text, .. } if *may_need_quotes => out.write_all(csv_text(&text).as_bytes())?,
                    Cell::Text { text, .. } => out.write_all(text.as_bytes())?,
                }
            }
            out.write_all(b"\r\n")?;
        }
    }
    Ok(())
}

fn csv_text(text: &str) -> String {
    let guard = if text.len() > 1 && text.starts_with(FORMULA_STARTS) { "'" } else { "" };
    if guard.is_empty() && !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return text.to_string();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

fn write_json(result: &QueryResult, out: &mut dyn Write) -> Result<(), String> {
    let mut writer = JsonWriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(out);
    for batch in &result.batches {
        let batch = readable(batch).map_err(|fault| fault.to_string())?;
        writer.write(&batch).map_err(|fault| fault.to_string())?;
    }
    writer.finish().map_err(|fault| fault.to_string())
}

/// Addresses as text: the writer knows bytes only.
fn readable(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let columns: Vec<ArrayRef> =
        schema.fields().iter().zip(batch.columns()).map(|(field, column)| ip::readable(field, column)).collect();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn write_parquet(schema: &SchemaRef, batches: &[RecordBatch], out: &mut (dyn Write + Send)) -> Result<(), String> {
    let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let settings = parquet_settings(schema, row_count);
    let mut writer =
        ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(settings)).map_err(|fault| fault.to_string())?;
    for batch in batches {
        writer.write(batch).map_err(|fault| fault.to_string())?;
    }
    writer.close().map(drop).map_err(|fault| fault.to_string())
}

/// Row groups that one host or one hour can skip: of a readable size, and with a bloom filter of each column of
/// addresses, whose smallest and largest say little.
fn parquet_settings(schema: &SchemaRef, row_count: usize) -> WriterProperties {
    let settings = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX));
    let addresses = schema.fields().iter().filter(|field| is_ip_field(field));
    let different_max = row_count.clamp(1, ROW_GROUP_ROWS_MAX) as u64;
    let with_filters = addresses.fold(settings, |settings, field| {
        let column = ColumnPath::from(vec![field.name().clone()]);
        settings
            .set_column_bloom_filter_enabled(column.clone(), true)
            .set_column_bloom_filter_max_ndv(column, different_max)
    });
    with_filters.build()
}

fn write_arrow(schema: &SchemaRef, batches: &[RecordBatch], out: &mut dyn Write) -> Result<(), String> {
    let mut writer = FileWriter::try_new(out, schema).map_err(|fault| fault.to_string())?;
    for batch in batches {
        writer.write(batch).map_err(|fault| fault.to_string())?;
    }
    writer.finish().map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_fields() {
        let cases = [
            ("plain", "plain"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
        ];
        for (text, expected) in cases {
            assert_eq!(csv_text(text), expected);
        }
    }

    #[test]
    fn formats_by_name_and_path() {
        assert_eq!(Format::of_name("CSV"), Some(Format::Csv));
        assert_eq!(Format::of_name("xlsx"), None);
        assert_eq!(Format::of_path(Path::new("a/b.ndjson")), Some(Format::Json));
        assert_eq!(Format::of_path(Path::new("b")), None);
    }
}
