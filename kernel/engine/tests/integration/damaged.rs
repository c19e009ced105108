//! Parquet and Arrow files whose lengths and counts are wrong: errors that name the file, not the end of the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow::ipc::{CompressionType, root_as_footer};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use flow_engine::Engine;

use crate::{engine, try_query};

const ROWS: i64 = 100;

fn table() -> RecordBatch {
    let texts = (0..ROWS).map(|row| (row % 7 != 0).then(|| format!("text number {}", row / 3)));
    let lists = (0..ROWS).map(|row| Some((0..row % 3).map(Some)));
    let columns: [(&str, ArrayRef); 3] = [
        ("number", Arc::new((0..ROWS).collect::<Int64Array>())),
        ("text", Arc::new(texts.collect::<StringArray>())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn parquet(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let (table, mut bytes) = (table(), Vec::new());
    let properties = properties.set_data_page_row_count_limit(40).set_write_batch_size(20).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, table.schema(), Some(properties)).expect("a writer");
    writer.write(&table).expect("rows");
    writer.close().expect("an end");
    bytes
}

fn arrow_file(compression: Option<CompressionType>) -> Vec<u8> {
    let table = table();
    let options = IpcWriteOptions::default().try_with_compression(compression).expect("it is built in");
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &table.schema(), options).expect("a writer");
    writer.write(&table).expect("rows");
    writer.into_inner().expect("an end")
}

fn arrow_stream() -> Vec<u8> {
    let table = table();
    let mut writer = StreamWriter::try_new(Vec::new(), &table.schema()).expect("a writer");
    writer.write(&table).expect("rows");
    writer.into_inner().expect("an end")
}

/// Parquet with everything that is counted somewhere: dictionaries, differences, both versions of pages, Bloom filters.
fn parquets() -> [(&'static str, Vec<u8>); 3] {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let filtered = WriterProperties::builder().set_compression(zstd).set_bloom_filter_enabled(true);
    let differences = WriterProperties::builder().set_dictionary_enabled(false).set_compression(Compression::SNAPPY);
    let second = WriterProperties::builder()
        .set_writer_version(datafusion::parquet::file::properties::WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false);
    let differences = differences
        .set_column_encoding("number".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("text".into(), Encoding::DELTA_BYTE_ARRAY);
    let second = second
        .set_column_encoding("number".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("text".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    [("filtered", parquet(filtered)), ("differences", parquet(differences)), ("second", parquet(second))]
}

/// A folder with the one file that is written again and again.
struct Reading {
    engine: Engine,
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Reading {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { engine: engine(), file: folder.path().join(name), _folder: folder }
    }

    /// How many rows these bytes give, or the error.
    async fn read(&self, bytes: &[u8]) -> Result<usize, String> {
        std::fs::write(&self.file, bytes).expect("a file");
        let sql = format!("SELECT * FROM read_log('{}') WHERE number >= 0", self.file.display());
        let outcome = try_query(&self.engine, &sql).await;
        outcome.map(|result| result.row_count).map_err(|fault| fault.to_string())
    }

    #[track_caller]
    fn check_names(&self, fault: &str, expected: &str) {
        let path: &Path = &self.file;
        assert!(fault.contains(&path.display().to_string()) && fault.contains(expected), "{expected}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn good_files_are_read() {
    let reading = Reading::new("good");
    let arrows = [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)].map(arrow_file);
    let parquets = parquets().map(|(_, bytes)| bytes);
    for bytes in parquets.into_iter().chain(arrows).chain([arrow_stream()]) {
        assert_eq!(reading.read(&bytes).await, Ok(100));
    }
}

/// Bytes as large as can be, or with another sign: whatever length or count it belongs to is wrong then.
#[tokio::test(flavor = "multi_thread")]
async fn any_damaged_byte_is_survived() {
    let arrows = [("packed.arrow", arrow_file(Some(CompressionType::ZSTD))), ("stream.arrows", arrow_stream())];
    for (name, bytes) in parquets().into_iter().chain(arrows) {
        let reading = Reading::new(name);
        let mut faults = 0;
        // Not all of them, for the time it takes; two neighbours would mostly be one number.
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] = if at % 2 == 0 { 0xff } else { damaged[at] ^ 0x80 };
            faults += usize::from(reading.read(&damaged).await.is_err());
        }
        assert!(faults > bytes.len() / 100, "{name}: {faults} faults in {} bytes", bytes.len());
    }
}

/// Metadata with a length behind it, as a whole file.
fn with_metadata(metadata: &[u8]) -> Vec<u8> {
    let length = u32::try_from(metadata.len()).expect("a few bytes").to_le_bytes();
    [b"PAR1", metadata, &length, b"PAR1"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_parquet_are_not_believed() {
    let reading = Reading::new("counts.parquet");
    // A version, and a schema of one element with a name.
    let version = [0x15, 2];
    let element = |children: &[u8]| [&[0x19, 0x1c, 0x48, 1, b'r', 0x15][..], children, &[0]].concat();
    let cases = [
        // Two thousand million row groups.
        (
            [&version[..], &element(&[0]), &[0x16, 0, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7, 0]].concat(),
            "more elements",
        ),
        // As many columns.
        ([&version[..], &element(&[0xfe, 0xff, 0xff, 0xff, 0x0f]), &[0x16, 0, 0x19, 0x0c, 0]].concat(), "more columns"),
        // The row groups are a number.
        ([&version[..], &element(&[0]), &[0x16, 0, 0x16, 0, 0]].concat(), "another kind than its number says"),
        (version.to_vec(), "goes on behind its end"),
    ];
    for (metadata, expected) in cases {
        let fault = reading.read(&with_metadata(&metadata)).await.expect_err(expected);
        reading.check_names(&fault, expected);
    }
}

/// Where a file says that a page of a column begins, and how a header with other numbers is written there.
#[tokio::test(flavor = "multi_thread")]
async fn headers_of_pages_are_not_believed() {
    let reading = Reading::new("pages.parquet");
    let plain = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(datafusion::parquet::file::properties::EnabledStatistics::None);
    let bytes = parquet(plain);
    // Behind the signature stands the header of the first page: its kind, and its length twice.
    assert_eq!((bytes[4], bytes[5], bytes[6], bytes[9]), (0x15, 0, 0x15, 0x15), "{:?}", &bytes[4..16]);
    // Its stored length, of two bytes that are as large as can be.
    let mut damaged = bytes.clone();
    (damaged[10], damaged[11]) = (0xfe, 0x7f);
    let fault = reading.read(&damaged).await.expect_err("a page longer than its column");
    reading.check_names(&fault, "the page at byte 4 of column `number` of row group 1 is said to have 8191 bytes, and");
    // A list in the place of its kind.
    let mut damaged = bytes.clone();
    damaged[4] = 0x19;
    let fault = reading.read(&damaged).await.expect_err("a header that is none");
    reading.check_names(&fault, "the page at byte 4 of column `number` of row group 1 is damaged: a ");
}

/// The first place of some bytes.
fn place_of(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|part| part == wanted).expect("they are there")
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_arrow_are_not_believed() {
    let reading = Reading::new("lengths.arrow");
    let bytes = arrow_file(Some(CompressionType::ZSTD));
    let end = bytes.len() - 10;
    let footer_bytes = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let footer = root_as_footer(&bytes[end - footer_bytes..end]).expect("a footer");
    let block = footer.recordBatches().expect("batches").get(0);
    let (offset, body) = (block.offset(), block.bodyLength());
    let in_footer = end - footer_bytes + place_of(&bytes[end - footer_bytes..end], &body.to_le_bytes());
    for (length, expected) in [(i64::MAX, "and the footer begins"), (-1, "-1 bytes"), (1 << 44, "17592186044416 bytes")]
    {
        let mut damaged = bytes.clone();
        damaged[in_footer..in_footer + 8].copy_from_slice(&length.to_le_bytes());
        let fault = reading.read(&damaged).await.expect_err(expected);
        reading.check_names(&fault, expected);
    }
    // Before the first buffer that is packed stands its length.
    let body_start = usize::try_from(offset).expect("a place") + block.metaDataLength() as usize;
    let numbers = body_start + place_of(&bytes[body_start..end], &(ROWS * 8).to_le_bytes());
    for (length, expected) in [(1_i64 << 44, "is said to have 17592186044416 when unpacked"), (-2, "-2 when unpacked")]
    {
        let mut damaged = bytes.clone();
        damaged[numbers..numbers + 8].copy_from_slice(&length.to_le_bytes());
        let fault = reading.read(&damaged).await.expect_err(expected);
        reading.check_names(&fault, expected);
    }
}

/// A source whose file is written anew, and badly, after it was opened.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_become_damaged_are_looked_at_again() {
    for (name, bytes) in [("a.arrow", arrow_file(None)), ("a.parquet", parquet(WriterProperties::builder()))] {
        let reading = Reading::new(name);
        std::fs::write(&reading.file, &bytes).expect("a file");
        let path = reading.file.display().to_string();
        reading.engine.register_source("later", &path, flow_engine::SourceKind::Log).expect("a source");
        let count = "SELECT count(number) FROM later WHERE number > 5";
        try_query(&reading.engine, count).await.expect("it is good");
        let at = bytes.len() - 10 - if name == "a.arrow" { 4 } else { 0 };
        let damaged = [&bytes[..at], &[0xff; 40], &bytes[at..]].concat();
        std::fs::write(&reading.file, damaged).expect("a file");
        let fault = try_query(&reading.engine, count).await.expect_err(name).to_string();
        reading.check_names(&fault, name);
    }
}
