//! The metadata of a Parquet file, loaded as DataFusion loads it, and looked at before anything of it is believed.
//!
//! What is checked is kept in DataFusion's cache, where its readers find it: nothing is read twice. It has two types of this
//! name; that in its `metadata` is the one that it keeps. The pages themselves are
//! looked at in `pages`, when they are read.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::parquet::DecodeResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder, ParquetMetaDataReader,
};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::layouts::{COLUMN_INDEX, FILE, OFFSET_INDEX, offset_index, schema};
use super::thrift::{END, Fault, walk};
use crate::files::sniff::{PARQUET_FOOTER_BYTES, parquet_end_fault};
use crate::render::visible;

/// Bytes at the end of a file that are read at once, as DataFusion does. They mostly hold all metadata.
const END_BYTES: u64 = 512 * 1024;
/// Groups within groups of a schema. Readers call themselves once for each.
const SCHEMA_DEPTH_MAX: usize = 64;
/// Rows of a row group. Readers ask for memory for each of them.
const ROWS_MAX: i64 = i32::MAX as i64;

/// Why there is no metadata.
#[derive(Debug)]
pub(super) enum Refused {
    /// What is wrong with the file.
    Damaged(String),
    /// It cannot be had.
    Failed(DataFusionError),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Damaged(format!("its metadata is damaged: {fault}"))
    }
}

impl From<object_store::Error> for Refused {
    fn from(fault: object_store::Error) -> Self {
        Self::Failed(DataFusionError::ObjectStore(Box::new(fault)))
    }
}

impl From<ParquetError> for Refused {
    fn from(fault: ParquetError) -> Self {
        Self::Failed(DataFusionError::ParquetError(Box::new(fault)))
    }
}

/// The metadata of a file, with the index of its pages where it has one.
///
/// # Errors
/// When it is damaged or cannot be read.
pub(super) async fn load(
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    cache: &FileMetadataCache,
) -> Result<Arc<ParquetMetaData>, Refused> {
    let known = cache.get(&object.location).filter(|known| known.is_valid_for(object));
    if let Some(known) = known.as_ref().and_then(|known| known.file_metadata.as_any().downcast_ref()) {
        return Ok(Arc::clone(CachedParquetMetaData::parquet_metadata(known)));
    }
    let file = End::of(store, object).await?;
    let metadata = file.metadata().await?;
    check_ranges(&metadata, object.size)?;
    let metadata = Arc::new(file.with_page_index(metadata).await?);
    let entry =
        CachedFileMetadataEntry::new(object.clone(), Arc::new(CachedParquetMetaData::new(Arc::clone(&metadata))));
    cache.put(&object.location, entry);
    Ok(metadata)
}

/// A file, with its last bytes.
struct End<'a> {
    store: &'a dyn ObjectStore,
    location: &'a Path,
    bytes: u64,
    end: Bytes,
}

impl<'a> End<'a> {
    async fn of(store: &'a dyn ObjectStore, object: &'a ObjectMeta) -> Result<Self, Refused> {
        let (location, bytes) = (&object.location, object.size);
        if bytes < PARQUET_FOOTER_BYTES as u64 {
            return Err(Refused::Damaged("it is too short".into()));
        }
        let end = store.get_range(location, bytes.saturating_sub(END_BYTES)..bytes).await?;
        Ok(Self { store, location, bytes, end })
    }

    /// Bytes of the file, which must be in it.
    async fn range(&self, range: Range<u64>) -> Result<Bytes, Refused> {
        let end_start = self.bytes - self.end.len() as u64;
        let place = |at: u64| usize::try_from(at.checked_sub(end_start)?).ok();
        match (place(range.start), place(range.end)) {
            (Some(from), Some(to)) if from <= to && to <= self.end.len() => Ok(self.end.slice(from..to)),
            _ => Ok(self.store.get_range(self.location, range).await?),
        }
    }

    async fn metadata(&self) -> Result<ParquetMetaData, Refused> {
        let footer = &self.end[self.end.len() - PARQUET_FOOTER_BYTES..];
        if let Some(reason) = parquet_end_fault(footer, self.bytes) {
            return Err(Refused::Damaged(reason.into()));
        }
        let length = u64::from(u32::from_le_bytes([footer[0], footer[1], footer[2], footer[3]]));
        let end = self.bytes - PARQUET_FOOTER_BYTES as u64;
        let metadata = self.range(end - length..end).await?;
        check_structure(&metadata)?;
        Ok(ParquetMetaDataReader::decode_metadata(&metadata)?)
    }

    async fn with_page_index(&self, metadata: ParquetMetaData) -> Result<ParquetMetaData, Refused> {
        let Some(range) = page_index_range(&metadata) else { return Ok(metadata) };
        let bytes = self.range(range.clone()).await?;
        check_page_index(&metadata, self.bytes, &range, &bytes)?;
        let mut decoder = ParquetMetaDataPushDecoder::try_new_with_metadata(self.bytes, metadata)?;
        decoder = decoder.with_page_index_policy(PageIndexPolicy::Optional);
        decoder.push_range(range, bytes)?;
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => Ok(metadata),
            DecodeResult::NeedsData(_) | DecodeResult::Finished => {
                Err(Refused::Damaged("the index of its pages is not where its metadata says".into()))
            }
        }
    }
}

fn check_structure(metadata: &[u8]) -> Result<(), Fault> {
    let (mut children, mut current) = (Vec::new(), 0);
    walk(metadata, FILE, &mut |place, number| {
        match (place.depth, place.parent, place.field) {
            (1, schema::FIELD, schema::CHILDREN) => current = number,
            (1, schema::FIELD, END) => children.push(std::mem::take(&mut current)),
            _ => {}
        }
        Ok(())
    })?;
    check_schema(&children)
}

/// Elements of a schema stand one after the other, each before its children.
fn check_schema(children: &[i64]) -> Result<(), Fault> {
    let mut open: Vec<usize> = Vec::new();
    for (place, &count) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(missing) = open.last_mut() {
            *missing -= 1;
        }
        let behind = children.len() - place - 1;
        match usize::try_from(count) {
            Ok(0) => {}
            Ok(count) if count <= behind => open.push(count),
            _ => return Err("a group of the schema has more columns than there are"),
        }
        if open.len() > SCHEMA_DEPTH_MAX {
            return Err("groups of the schema are too deep within each other");
        }
    }
    Ok(())
}

/// Whether what the metadata names lies within the file.
fn check_ranges(metadata: &ParquetMetaData, file_bytes: u64) -> Result<(), Refused> {
    for (group, number) in metadata.row_groups().iter().zip(1_u64..) {
        if !(0..=ROWS_MAX).contains(&group.num_rows()) {
            return Err(Refused::Damaged(format!("row group {number} is said to have {} rows", group.num_rows())));
        }
        for chunk in group.columns() {
            if let Some(fault) = chunk_fault(chunk, file_bytes) {
                return Err(Refused::Damaged(format!("{} {fault}", named(chunk, number))));
            }
        }
    }
    Ok(())
}

/// A column chunk in words.
pub(super) fn named(chunk: &ColumnChunkMetaData, group: u64) -> String {
    format!("column `{}` of row group {group}", visible(&chunk.column_path().string()))
}

fn chunk_fault(chunk: &ColumnChunkMetaData, file_bytes: u64) -> Option<String> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let bloom_filter_bytes = i64::from(chunk.bloom_filter_length().unwrap_or(0));
    let parts = [
        ("its values", Some(start), Some(chunk.compressed_size())),
        ("the index of its pages", chunk.offset_index_offset(), chunk.offset_index_length().map(i64::from)),
        ("the index of its values", chunk.column_index_offset(), chunk.column_index_length().map(i64::from)),
        ("its Bloom filter", chunk.bloom_filter_offset(), Some(bloom_filter_bytes)),
    ];
    let outside = parts.iter().find_map(|(what, offset, length)| {
        let (offset, length) = ((*offset)?, (*length)?);
        let end = u64::try_from(offset).ok().zip(u64::try_from(length).ok());
        let is_inside = end.and_then(|(from, bytes)| from.checked_add(bytes)).is_some_and(|end| end <= file_bytes);
        (!is_inside).then(|| {
            format!("is not in the file: {what} would be {length} bytes at byte {offset}, of {file_bytes} bytes")
        })
    });
    let count = chunk.num_values();
    outside.or_else(|| (count < 0).then(|| format!("is said to have {count} values")))
}

/// Where a part of the index of pages is said to be.
fn index_part(offset: Option<i64>, length: Option<i32>) -> Option<Range<u64>> {
    let from = u64::try_from(offset?).ok()?;
    Some(from..from.checked_add(u64::try_from(length?).ok()?)?)
}

/// From the first part of the index to the last, as its reader wants them.
fn page_index_range(metadata: &ParquetMetaData) -> Option<Range<u64>> {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let parts = chunks.flat_map(|chunk| {
        let pages = index_part(chunk.offset_index_offset(), chunk.offset_index_length());
        [pages, index_part(chunk.column_index_offset(), chunk.column_index_length())]
    });
    parts.flatten().reduce(|all, part| all.start.min(part.start)..all.end.max(part.end))
}

fn check_page_index(
    metadata: &ParquetMetaData,
    file_bytes: u64,
    range: &Range<u64>,
    bytes: &[u8],
) -> Result<(), Refused> {
    for (group, number) in metadata.row_groups().iter().zip(1_u64..) {
        for chunk in group.columns() {
            let part = |offset: Option<i64>, length: Option<i32>| {
                let part = index_part(offset, length)?;
                let place = |at: u64| usize::try_from(at.checked_sub(range.start)?).ok();
                bytes.get(place(part.start)?..place(part.end)?)
            };
            let damaged = |fault: Fault| {
                Refused::Damaged(format!("the index of the pages of {} is damaged: {fault}", named(chunk, number)))
            };
            if let Some(index) = part(chunk.offset_index_offset(), chunk.offset_index_length()) {
                check_pages(index, file_bytes, group.num_rows()).map_err(damaged)?;
            }
            if let Some(index) = part(chunk.column_index_offset(), chunk.column_index_length()) {
                walk(index, COLUMN_INDEX, &mut |_, _| Ok(())).map_err(damaged)?;
            }
        }
    }
    Ok(())
}

/// Whether pages lie within the file, and begin with rows that there are.
fn check_pages(index: &[u8], file_bytes: u64, rows: i64) -> Result<(), Fault> {
    let (mut offset, mut length, mut row, mut earlier) = (0, 0, 0, 0);
    walk(index, OFFSET_INDEX, &mut |place, number| {
        match (place.depth, place.parent, place.field) {
            (1, offset_index::PAGES, offset_index::OFFSET) => offset = number,
            (1, offset_index::PAGES, offset_index::BYTES) => length = number,
            (1, offset_index::PAGES, offset_index::FIRST_ROW) => row = number,
            (1, offset_index::PAGES, END) => {
                let end = u64::try_from(offset).ok().zip(u64::try_from(length).ok());
                if end.and_then(|(from, bytes)| from.checked_add(bytes)).is_none_or(|end| end > file_bytes) {
                    return Err("a page is not in the file");
                }
                if row < earlier || row > rows {
                    return Err("a page begins with a row that is none of its");
                }
                earlier = row;
            }
            _ => {}
        }
        Ok(())
    })
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_trees() {
        assert_eq!(check_schema(&[]), Ok(()));
        assert_eq!(check_schema(&[2, 0, 0]), Ok(()));
        assert_eq!(check_schema(&[2, 1, 0, 0]), Ok(()));
        for count in [3, -1, i64::MAX] {
            let fault = check_schema(&[count, 0, 0]).expect_err("there are two");
            assert!(fault.contains("more columns than there are"), "{count}: {fault}");
        }
        let chain = |depth: usize| check_schema(&[vec![1; depth], vec![0]].concat());
        assert_eq!(chain(SCHEMA_DEPTH_MAX), Ok(()));
        assert!(chain(SCHEMA_DEPTH_MAX + 1).is_err());
    }
}
