//! The pages of Parquet files, looked at between the store and their reader: only their headers, which are a few bytes each.
//!
//! The reader asks for memory by what headers say. Ranges that reach behind the end of the file are refused as well: stores
//! ask for memory for all of a range before they read it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result as DataFusionResult;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetFileReaderFactory};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::{ObjectMeta, ObjectStore};

use super::layouts::{PAGE_HEADER, page};
use super::metadata::{Refused, load, named};
use super::thrift::{Fault, walk};
use super::{FORMAT, delta};
use crate::files::named::Names;

/// How much longer than what is stored a page can be: no more is possible with these ways to pack.
const SNAPPY_TIMES_MAX: i64 = 32;
const LZ4_TIMES_MAX: i64 = 256;
const GZIP_TIMES_MAX: i64 = 1040;
/// Of a page that is packed to almost nothing.
const PAGE_BYTES_ALWAYS: i64 = 64 * 1024;

/// Kinds and encodings of pages as they are written.
const DICTIONARY_PAGE: i64 = 2;
const DELTA_ENCODINGS: std::ops::RangeInclusive<i64> = 5..=7;

/// Makes readers of the files of a query.
pub(super) struct CheckedReaders {
    readers: CachedParquetFileReaderFactory,
    store: Arc<dyn ObjectStore>,
    cache: Arc<FileMetadataCache>,
    names: Arc<Names>,
}

impl CheckedReaders {
    pub(super) fn new(store: Arc<dyn ObjectStore>, cache: Arc<FileMetadataCache>, names: Arc<Names>) -> Self {
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&store), Arc::clone(&cache));
        Self { readers, store, cache, names }
    }
}

impl fmt::Debug for CheckedReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedReaders").finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for CheckedReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let object = file.object_meta.clone();
        let inner = self.readers.create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(CheckedReader {
            inner,
            store: Arc::clone(&self.store),
            cache: Arc::clone(&self.cache),
            names: Arc::clone(&self.names),
            object,
            metadata: None,
            chunks: Vec::new(),
        }))
    }
}

/// The reader of one file.
struct CheckedReader {
    inner: Box<dyn AsyncFileReader + Send>,
    store: Arc<dyn ObjectStore>,
    cache: Arc<FileMetadataCache>,
    names: Arc<Names>,
    object: ObjectMeta,
    metadata: Option<Arc<ParquetMetaData>>,
    /// Where column chunks begin, in that order, with their row group and column.
    chunks: Vec<(u64, usize, usize)>,
}

impl CheckedReader {
    fn damaged(&self, reason: String) -> ParquetError {
        ParquetError::External(Box::new(self.names.broken(&self.object.location, FORMAT, reason)))
    }

    fn check_range(&self, range: &Range<u64>) -> Result<(), ParquetError> {
        if range.start <= range.end && range.end <= self.object.size {
            return Ok(());
        }
        let Range { start, end } = range;
        Err(self.damaged(format!("bytes {start} to {end} are named in it, and it has {}", self.object.size)))
    }

    /// Looks at the pages of a range, which begins with one where it is of a column chunk.
    fn check_pages(&self, start: u64, bytes: &Bytes) -> Result<(), ParquetError> {
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let behind = self.chunks.partition_point(|(first, ..)| *first <= start);
        let Some(&(_, group, column)) = behind.checked_sub(1).and_then(|place| self.chunks.get(place)) else {
            return Ok(());
        };
        let chunk = metadata.row_group(group).column(column);
        let (first, length) = chunk.byte_range();
        if start >= first + length {
            return Ok(());
        }
        check_pages(bytes, chunk).map_err(|(at, fault)| {
            let chunk = named(chunk, group as u64 + 1);
            self.damaged(format!("the page at byte {} of {chunk} {fault}", start + at as u64))
        })
    }

    async fn load(&mut self) -> Result<Arc<ParquetMetaData>, ParquetError> {
        let loaded = load(self.store.as_ref(), &self.object, self.cache.as_ref()).await;
        let metadata = loaded.map_err(|refused| match refused {
            Refused::Damaged(reason) => self.damaged(reason),
            Refused::Failed(fault) => ParquetError::External(Box::new(fault)),
        })?;
        self.learn(Arc::clone(&metadata));
        Ok(metadata)
    }

    fn learn(&mut self, metadata: Arc<ParquetMetaData>) {
        let groups = metadata.row_groups().iter().enumerate();
        let chunks = groups.flat_map(|(group, it)| {
            it.columns().iter().enumerate().map(move |(column, chunk)| (chunk.byte_range().0, group, column))
        });
        self.chunks = chunks.collect();
        self.chunks.sort_unstable();
        self.metadata = Some(metadata);
    }
}

impl AsyncFileReader for CheckedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        match self.check_range(&range) {
            Ok(()) => self.inner.get_bytes(range),
            Err(fault) => async { Err(fault) }.boxed(),
        }
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            ranges.iter().try_for_each(|range| self.check_range(range))?;
            // Who reads Bloom filters goes on with another reader, which nobody asked for metadata.
            if self.metadata.is_none() {
                self.load().await?;
            }
            let starts: Vec<u64> = ranges.iter().map(|range| range.start).collect();
            let parts = self.inner.get_byte_ranges(ranges).await?;
            for (start, bytes) in starts.iter().zip(&parts) {
                self.check_pages(*start, bytes)?;
            }
            Ok(parts)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        self.load().boxed()
    }
}

/// What the headers of some pages say; where a page is at fault, and what is wrong with it.
fn check_pages(bytes: &Bytes, chunk: &ColumnChunkMetaData) -> Result<(), (usize, String)> {
    let mut at = 0;
    while at < bytes.len() {
        let damaged = |fault: Fault| (at, format!("is damaged: {fault}"));
        let header = Header::of(&bytes[at..]).map_err(damaged)?;
        let stored = usize::try_from(header.bytes).ok().and_then(|bytes| bytes.checked_add(header.header_bytes));
        let Some(end) = stored.and_then(|stored| at.checked_add(stored)).filter(|end| *end <= bytes.len()) else {
            let here = bytes.len() - at - header.header_bytes;
            return Err((at, format!("is said to have {} bytes, and {here} are there", header.bytes)));
        };
        if let Some(fault) = header.fault(chunk) {
            return Err((at, fault));
        }
        if header.kind != DICTIONARY_PAGE
            && DELTA_ENCODINGS.contains(&header.encoding)
            && let Some(fault) = delta::fault(bytes.slice(at..end), chunk)
        {
            return Err((at, fault.into()));
        }
        at = end;
    }
    Ok(())
}

/// What the header of a page says.
#[derive(Default)]
struct Header {
    kind: i64,
    bytes: i64,
    uncompressed_bytes: i64,
    values: i64,
    encoding: i64,
    /// Its own length.
    header_bytes: usize,
}

impl Header {
    fn of(bytes: &[u8]) -> Result<Self, Fault> {
        let mut header = Self::default();
        let length = walk(bytes, PAGE_HEADER, &mut |place, number| {
            // The reader cuts numbers in the same way.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a number that is too great is another one to the reader"
            )]
            let number = i64::from(number as i32);
            match (place.depth, place.parent, place.field) {
                (0, _, page::KIND) => header.kind = number,
                (0, _, page::BYTES) => header.bytes = number,
                (0, _, page::UNCOMPRESSED_BYTES) => header.uncompressed_bytes = number,
                (1, page::DATA | page::DATA_V2 | page::DICTIONARY, page::VALUES) => header.values = number,
                (1, page::DATA | page::DICTIONARY, page::ENCODING) | (1, page::DATA_V2, page::ENCODING_V2) => {
                    header.encoding = number;
                }
                _ => {}
            }
            Ok(())
        })?;
        header.header_bytes = length;
        Ok(header)
    }

    fn fault(&self, chunk: &ColumnChunkMetaData) -> Option<String> {
        let Self { kind, bytes, uncompressed_bytes, values, .. } = self;
        let times_max = match chunk.compression() {
            Compression::SNAPPY => Some(SNAPPY_TIMES_MAX),
            Compression::LZ4 | Compression::LZ4_RAW => Some(LZ4_TIMES_MAX),
            Compression::GZIP(_) => Some(GZIP_TIMES_MAX),
            _ => None,
        };
        let is_too_long = times_max.is_some_and(|times| *uncompressed_bytes > bytes * times + PAGE_BYTES_ALWAYS);
        if *uncompressed_bytes < 0 || is_too_long {
            return Some(format!("of {bytes} bytes is said to have {uncompressed_bytes} when unpacked"));
        }
        // Each value of a dictionary has at least one byte.
        if *values < 0 || (*kind == DICTIONARY_PAGE && values > uncompressed_bytes) {
            return Some(format!("of {uncompressed_bytes} bytes is said to have {values} values"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use datafusion::parquet::basic::Type as PhysicalType;
    use datafusion::parquet::schema::types::{ColumnDescriptor, ColumnPath, Type};

    use super::*;

    #[track_caller]
    fn check(compression: Compression, page: &[u8], expected: Result<(), (usize, &str)>) {
        let column = Type::primitive_type_builder("a", PhysicalType::INT32).build().expect("a type");
        let column = ColumnDescriptor::new(Arc::new(column), 0, 0, ColumnPath::from("a"));
        let chunk = ColumnChunkMetaData::builder(Arc::new(column)).set_compression(compression);
        let chunk = chunk.build().expect("a column chunk");
        let found = check_pages(&Bytes::copy_from_slice(page), &chunk);
        match (&found, expected) {
            (Ok(()), Ok(())) => {}
            (Err((at, fault)), Err((place, part))) => {
                assert!(*at == place && fault.contains(part), "{part}: {found:?}");
            }
            _ => panic!("{expected:?}: {found:?}"),
        }
    }

    /// A dictionary of four bytes, which is said to have lengths and a count: numbers that are written in one byte, doubled.
    fn dictionary(unpacked: &[u8], stored: u8, values: &[u8]) -> Vec<u8> {
        let head = [&[0x15, 4, 0x15], unpacked, &[0x15, stored, 0x4c, 0x15], values, &[0x15, 0, 0, 0]].concat();
        [&head[..], &[1, 0, 0, 7]].concat()
    }

    #[test]
    fn counts_and_lengths_of_pages() {
        const MOST: &[u8] = &[0xfe, 0xff, 0xff, 0xff, 0x0f];
        let plain = Compression::UNCOMPRESSED;
        check(plain, &[], Ok(()));
        check(plain, &dictionary(&[8], 8, &[2]), Ok(()));
        let two = [dictionary(&[8], 8, &[2]), dictionary(&[8], 8, &[10])].concat();
        check(plain, &two, Err((two.len() / 2, "of 4 bytes is said to have 5 values")));
        check(plain, &dictionary(&[8], 8, MOST), Err((0, "of 4 bytes is said to have 2147483647 values")));
        check(plain, &dictionary(&[8], 8, &[1]), Err((0, "of 4 bytes is said to have -1 values")));
        check(plain, &dictionary(&[8], 10, &[2]), Err((0, "is said to have 5 bytes, and 4 are there")));
        check(plain, &dictionary(&[8], 9, &[2]), Err((0, "is said to have -5 bytes")));
        check(plain, &dictionary(&[8], 6, &[2]), Err((16, "is damaged: a structure goes on behind its end")));
        for packed in [Compression::SNAPPY, Compression::LZ4_RAW, Compression::GZIP(Default::default())] {
            let fault = "of 4 bytes is said to have 2147483647 when unpacked";
            check(packed, &dictionary(MOST, 8, &[2]), Err((0, fault)));
            check(packed, &dictionary(&[0x80, 0x80, 0x02], 8, &[2]), Ok(()));
        }
    }
}
