//! Whether what a message of Arrow says of its buffers can be: where they are, and how long they are when unpacked.
//!
//! The reader of Arrow asks for memory by these lengths. Where messages are in a file is the business of `arrow_end`.

use std::sync::LazyLock;

use arrow::ipc::{CompressionType, Message, RecordBatch};

use crate::memory;

/// Rows of one batch, and values of one column in it.
const ROWS_MAX: i64 = i32::MAX as i64;
const VALUES_MAX: i64 = 1 << 40;
/// How much longer than what is stored a buffer can be: no more is possible with these ways to pack.
const LZ4_TIMES_MAX: u64 = 256;
const ZSTD_TIMES_MAX: u64 = 1 << 16;
/// Of a buffer that is packed to almost nothing.
const BUFFER_BYTES_ALWAYS: u64 = 64 * 1024;
/// What no buffer can be longer than, as it could not be kept.
static MEMORY_BYTES: LazyLock<u64> = LazyLock::new(memory::default_limit_bytes);
/// Before each packed buffer stands its length; this stands there for one that is not packed.
const LENGTH_BYTES: i64 = 8;
const NOT_PACKED: i64 = -1;

/// What is wrong with a message whose body has so many bytes. `length_at` reads a number of 64 bits at a place of the body.
pub(super) fn fault(
    message: &Message<'_>,
    body_bytes: u64,
    length_at: &mut dyn FnMut(u64) -> Option<i64>,
) -> Option<String> {
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let batch = message.header_as_record_batch().or(dictionary)?;
    if !(0..=ROWS_MAX).contains(&batch.length()) {
        return Some(format!("it is said to have {} rows", batch.length()));
    }
    let mut counts = batch.nodes().into_iter().flatten().flat_map(|node| [node.length(), node.null_count()]);
    if let Some(count) = counts.find(|count| !(0..=VALUES_MAX).contains(count)) {
        return Some(format!("one of its columns is said to have {count} values"));
    }
    buffer_fault(&batch, body_bytes, length_at)
}

fn buffer_fault(
    batch: &RecordBatch<'_>,
    body_bytes: u64,
    length_at: &mut dyn FnMut(u64) -> Option<i64>,
) -> Option<String> {
    let times_max = batch.compression().map(|compression| match compression.codec() {
        CompressionType::LZ4_FRAME => LZ4_TIMES_MAX,
        _ => ZSTD_TIMES_MAX,
    });
    batch.buffers().into_iter().flatten().find_map(|buffer| {
        let (offset, length) = (buffer.offset(), buffer.length());
        let place = u64::try_from(offset).ok().zip(u64::try_from(length).ok());
        let Some((from, bytes)) =
            place.filter(|(from, bytes)| from.checked_add(*bytes).is_some_and(|end| end <= body_bytes))
        else {
            return Some(format!("a buffer of {length} bytes at byte {offset} is not in its {body_bytes} bytes"));
        };
        let times_max = times_max.filter(|_| length >= LENGTH_BYTES)?;
        let unpacked = length_at(from)?;
        let most = bytes.saturating_mul(times_max).saturating_add(BUFFER_BYTES_ALWAYS).min(*MEMORY_BYTES);
        let is_possible = unpacked == NOT_PACKED || u64::try_from(unpacked).is_ok_and(|unpacked| unpacked <= most);
        (!is_possible).then(|| format!("a buffer of {bytes} bytes is said to have {unpacked} when unpacked"))
    })
}
