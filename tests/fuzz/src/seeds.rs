//! What libFuzzer begins with where no sample is of the form: written into the folder `seeds` when the program starts.

use std::fs;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::ipc::CompressionType;
use datafusion::arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use flow_engine::{CancellationToken, Engine, Format, QueryOptions, export};

use crate::datagrams::sequence;

const FOLDER: &str = "seeds";
/// Bytes of a sample in one seed: libFuzzer changes a few at a time.
const BYTES_MAX: usize = 16 * 1024;
/// Where the records of the samples begin: behind the head of the file and that of the first block.
const RECORDS_V1: usize = 276 + 12;
const RECORDS_V2: usize = 40 + 12;

/// The seeds of a reader. Without samples there are fewer.
pub(crate) fn write(reader: &str) {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() {
        return;
    }
    let seeds = match reader {
        "collect" => of_datagrams(),
        "blocks" => of_blocks(),
        "parquet" => return of_tables(folder, Format::Parquet),
        "arrow" => return of_tables(folder, Format::Arrow),
        _ => return,
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("made-{number}")), seed).unwrap();
    }
}

fn samples(folder: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("FLOWDECK_SAMPLES").unwrap_or_default()).join(folder)
}

/// Each exported packet alone, and each with the next, which is its template or its data.
fn of_datagrams() -> Vec<Vec<u8>> {
    let entries = fs::read_dir(samples("netflow-packets")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let packets: Vec<Vec<u8>> = paths.iter().flat_map(fs::read).collect();
    let alone = packets.iter().map(|packet| sequence([packet.as_slice()]));
    let pairs = packets.windows(2).flat_map(|two| {
        let [one, other] = [two[0].as_slice(), two[1].as_slice()];
        [sequence([one, other]), sequence([other, one])]
    });
    alone.chain(pairs).collect()
}

/// Blocks of samples as they are stored, and packed with what no sample uses.
fn of_blocks() -> Vec<Vec<u8>> {
    let stored = |name: &str, from: usize| {
        let bytes = fs::read(samples("nfcapd").join(name)).unwrap_or_default();
        bytes.get(from..bytes.len().min(from + BYTES_MAX)).unwrap_or_default().to_vec()
    };
    let with = |packing: u8, layout: u8, block: Vec<u8>| [vec![packing, layout], block].concat();
    let plain = stored("nfcapd.sample", RECORDS_V2);
    let packed = zstd::bulk::compress(&plain, 3).unwrap();
    vec![
        with(0, 0, plain),
        with(4, 0, packed),
        with(1, 1, stored("nfcapd-small-lzo", RECORDS_V1)),
        with(2, 1, stored("nfcapd-large-bz2", RECORDS_V1)),
    ]
}

/// Small tables of the kinds of columns that flows have.
fn of_tables(folder: &Path, format: Format) {
    const TABLES: [&str; 3] = [
        "SELECT value AS n, 'text ' || value AS t, to_timestamp(value) AS start_time FROM range(0, 20)",
        "SELECT to_ip('10.0.0.' || value) AS src_ip, to_ip('2001:db8::' || value) AS dst_ip, value AS bytes, \
         make_array('a', 'b') AS notes FROM range(0, 20)",
        "SELECT NULL AS nothing, value > 3 AS flag, CAST(value AS DOUBLE) AS number FROM range(0, 7)",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = Engine::new().unwrap();
    for (number, table) in TABLES.iter().enumerate() {
        let result = engine.query(table, QueryOptions::default(), CancellationToken::new());
        let result = runtime.block_on(result).unwrap();
        export::write_to_path(&result, format, &folder.join(format!("made-{number}")), true).unwrap();
        let others = match format {
            Format::Parquet => other_parquet(&result.batches),
            _ => other_arrow(&result.batches),
        };
        for (kind, bytes) in others.into_iter().enumerate() {
            fs::write(folder.join(format!("made-{number}-{kind}")), bytes).unwrap();
        }
    }
}

/// What other programs write and we do not: other packing and encodings, pages of the second version, Bloom filters.
fn other_parquet(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let properties = [
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_bloom_filter_enabled(true),
        WriterProperties::builder().set_dictionary_enabled(false).set_writer_version(WriterVersion::PARQUET_2_0),
        WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_data_page_row_count_limit(5)
            .set_write_batch_size(5),
    ];
    let write = |properties: WriterPropertiesBuilder| {
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batches[0].schema(), Some(properties.build())).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
        bytes
    };
    properties.into_iter().map(write).collect()
}

/// Packed files, and a stream.
fn other_arrow(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let schema = batches[0].schema();
    let packed = |kind| {
        let options = IpcWriteOptions::default().try_with_compression(Some(kind)).unwrap();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.into_inner().unwrap()
    };
    let mut stream = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    batches.iter().for_each(|batch| stream.write(batch).unwrap());
    vec![packed(CompressionType::ZSTD), packed(CompressionType::LZ4_FRAME), stream.into_inner().unwrap()]
}
