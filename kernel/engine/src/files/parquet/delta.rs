//! Pages of differences: how many values they have is said in their own bytes, behind the compression.
//!
//! Only the heads of such pages are looked at. They are unpacked once more for that; programs rarely write them.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

/// Values of one block. Programs write 128, and some a few thousand.
const BLOCK_VALUES_MAX: u64 = 1 << 20;

/// What is wrong with a page of differences, which is given with its header; `None` also where the page cannot be unpacked,
/// as its reader says why.
pub(super) fn fault(bytes: Bytes, chunk: &ColumnChunkMetaData) -> Option<&'static str> {
    let page = unpacked(bytes, chunk).ok().flatten()?;
    let count = u64::from(page.num_values());
    let (encoding, values) = (page.encoding(), values(&page, chunk)?);
    let Some(first) = Head::of(values) else { return Some("has no count of its values") };
    if !first.is_possible(count) {
        return Some("counts more values than it has");
    }
    if encoding != Encoding::DELTA_BYTE_ARRAY {
        return None;
    }
    // Of these, the lengths of the ends follow on the lengths of the beginnings.
    let second = first.end(values).and_then(|end| values.get(end..)).and_then(Head::of)?;
    (!second.is_possible(count)).then_some("counts more values than it has")
}

fn unpacked(bytes: Bytes, chunk: &ColumnChunkMetaData) -> Result<Option<Page>, ParquetError> {
    let alone = ColumnChunkMetaData::builder(chunk.column_descr_ptr())
        .set_compression(chunk.compression())
        .set_num_values(chunk.num_values())
        .set_data_page_offset(0)
        .set_total_compressed_size(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
        .build()?;
    SerializedPageReader::new(Arc::new(bytes), &alone, 0, None)?.get_next_page()
}

/// The values of a page, behind its levels.
fn values<'a>(page: &'a Page, chunk: &ColumnChunkMetaData) -> Option<&'a [u8]> {
    match page {
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let column = chunk.column_descr();
            let levels = [(column.max_rep_level(), *rep_level_encoding), (column.max_def_level(), *def_level_encoding)];
            levels.iter().filter(|(most, _)| *most > 0).try_fold(&buf[..], |rest, (most, encoding)| {
                let length = match encoding {
                    Encoding::RLE => {
                        let (length, _) = rest.split_first_chunk::<4>()?;
                        (u32::from_le_bytes(*length) as usize).checked_add(length.len())?
                    }
                    _ => (*num_values as usize).checked_mul((i16::BITS - most.leading_zeros()) as usize)?.div_ceil(8),
                };
                rest.get(length..)
            })
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            buf.get((*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

/// Stands before numbers that are written as differences.
struct Head {
    block_values: u64,
    /// Parts of a block, each with numbers of its own width.
    parts: u64,
    values: u64,
    /// Its length.
    bytes: usize,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut at = 0;
        let mut next = || varint(bytes, &mut at);
        let (block_values, parts, values, _first) = (next()?, next()?, next()?, next()?);
        Some(Self { block_values, parts, values, bytes: at })
    }

    fn is_possible(&self, values: u64) -> bool {
        self.values <= values && self.block_values <= BLOCK_VALUES_MAX && self.parts <= self.block_values
    }

    /// Where the numbers behind it end.
    fn end(&self, bytes: &[u8]) -> Option<usize> {
        let part_values = self.block_values.checked_div(self.parts)?;
        let mut at = self.bytes;
        let mut left = self.values.saturating_sub(1);
        while left > 0 {
            let _least_difference = varint(bytes, &mut at)?;
            let widths = bytes.get(at..at.checked_add(usize::try_from(self.parts).ok()?)?)?;
            at += widths.len();
            for width in widths {
                if left == 0 {
                    break;
                }
                at = at.checked_add(usize::try_from(part_values * u64::from(*width) / 8).ok()?)?;
                left = left.saturating_sub(part_values.max(1));
            }
            if widths.is_empty() {
                return None;
            }
        }
        Some(at)
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_differences() {
        // Blocks of 128 values in four parts, three values, and the first of them.
        let head = [0x80, 0x01, 4, 3, 0];
        // The least difference, the widths of the parts, and one part with values of one bit.
        let block = [0, 1, 0, 0, 0, 0b11, 0, 0, 0];
        let whole = [&head[..], &block].concat();
        let found = Head::of(&whole).expect("a head");
        assert!(found.is_possible(3) && !found.is_possible(2));
        assert_eq!((found.bytes, found.end(&whole)), (head.len(), Some(whole.len())));
        assert!(found.end(&whole[..8]).is_none(), "widths are missing");
        assert!(Head::of(&head[..4]).is_none());
        let endless = Head::of(&[0xff, 0xff, 0xff, 0x7f, 4, 3, 0]).expect("a head");
        assert!(!endless.is_possible(3), "blocks of so many values");
        let no_parts = Head::of(&[0x80, 0x01, 0, 3, 0]).expect("a head");
        assert!(no_parts.end(&[0; 20]).is_none());
    }
}
