//! Whether an Arrow file is whole, and what it says of its parts can be. DataFusion finds out while it reads, words it as a
//! fault of its own, and asks for as much memory as a damaged length says.
//!
//! Read are the end of a file and the descriptions of its batches (`arrow_batch` looks at them), not the values.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use arrow::ipc::{Block, Message, root_as_footer, root_as_message};

use super::arrow_batch;

/// Ends a file, as it begins one.
const SIGNATURE: &[u8] = b"ARROW1";
/// The length of the footer and the signature.
const END_BYTES: usize = 10;
/// Stands before each message.
const CONTINUATION: u32 = u32::MAX;
/// A description of a batch that is longer is none.
const MESSAGE_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// A footer that is longer is none. A batch has 24 bytes in it.
const FOOTER_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What is wrong with an Arrow file, which begins with the signature, or with an Arrow stream.
pub(super) fn fault(file: &mut File) -> Option<String> {
    let mut beginning = [0; SIGNATURE.len()];
    match file.read_exact_at(&mut beginning, 0) {
        Ok(()) if beginning == SIGNATURE => file_fault(file),
        _ => stream_fault(file),
    }
}

/// What is wrong with a file of the kind that has an end.
fn file_fault(file: &mut File) -> Option<String> {
    match footer(file) {
        Ok((start, footer)) => footer_fault(file, start, &footer),
        Err(reason) => Some(reason.into()),
    }
}

/// Where the footer begins, and what it is.
fn footer(file: &mut File) -> Result<(u64, Vec<u8>), &'static str> {
    const CUT: &str = "its end is missing, so it was cut while being written or copied";
    let mut end = [0; END_BYTES];
    let footer_end = file.seek(SeekFrom::End(-(END_BYTES as i64))).map_err(|_| "it is too short")?;
    if file.read_exact(&mut end).is_err() || !end.ends_with(SIGNATURE) {
        return Err(CUT);
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let start = footer_end.checked_sub(length).filter(|_| length > 0 && length <= FOOTER_BYTES_MAX);
    let start = start.ok_or("the length of its footer is wrong")?;
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(|_| CUT)?;
    file.take(length).read_to_end(&mut footer).map_err(|_| CUT)?;
    Ok((start, footer))
}

fn footer_fault(file: &File, start: u64, footer: &[u8]) -> Option<String> {
    let Ok(footer) = root_as_footer(footer) else { return Some("its footer is damaged".into()) };
    if footer.schema().is_none() || footer.recordBatches().is_none() {
        return Some("its footer names no columns or no batches".into());
    }
    let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
    blocks.zip(1_u64..).find_map(|(block, number)| {
        block_fault(file, start, block).map(|reason| format!("batch {number} is damaged: {reason}"))
    })
}

fn block_fault(file: &File, footer_start: u64, block: &Block) -> Option<String> {
    let (offset, described, body) = (block.offset(), block.metaDataLength(), block.bodyLength());
    let outside = || {
        format!("it would be {described} and {body} bytes at byte {offset}, and the footer begins at {footer_start}")
    };
    let [Ok(offset), Ok(described), Ok(body)] = [offset, i64::from(described), body].map(u64::try_from) else {
        return Some(outside());
    };
    let body_start = offset.checked_add(described);
    let Some(body_start) = body_start.filter(|at| at.checked_add(body).is_some_and(|end| end <= footer_start)) else {
        return Some(outside());
    };
    let mut description = vec![0; usize::try_from(described.min(u64::from(MESSAGE_BYTES_MAX))).unwrap_or(0)];
    if let Err(fault) = file.read_exact_at(&mut description, offset) {
        return Some(fault.to_string());
    }
    // Files of old programs have no mark before the length.
    let head_bytes = if description.starts_with(&CONTINUATION.to_le_bytes()) { 8 } else { 4 };
    match description.get(head_bytes..).map(root_as_message) {
        Some(Ok(message)) => batch_fault(file, &message, body_start, body),
        _ => Some("its description is none".into()),
    }
}

fn batch_fault(file: &File, message: &Message<'_>, body_start: u64, body_bytes: u64) -> Option<String> {
    arrow_batch::fault(message, body_bytes, &mut |place| {
        let mut length = [0; 8];
        file.read_exact_at(&mut length, body_start + place).ok()?;
        Some(i64::from_le_bytes(length))
    })
}

/// What is wrong with the chain of messages of a stream.
fn stream_fault(file: &mut File) -> Option<String> {
    let whole = file.seek(SeekFrom::End(0)).ok()?;
    let mut at = 0;
    let mut messages = 0_u64;
    while at < whole {
        match next_message(file, at, whole) {
            Ok(Some(next)) => at = next,
            // What stands behind the mark of the end belongs to somebody else.
            Ok(None) => return None,
            Err(reason) => return Some(format!("{reason}, after {messages} whole messages")),
        }
        messages += 1;
    }
    None
}

/// Where the message behind the one at `at` begins; `None` at the mark of the end.
fn next_message(file: &mut File, at: u64, whole: u64) -> Result<Option<u64>, String> {
    let cut = || format!("it ends within the message at byte {at}, so it was cut while being written or copied");
    let bad = || format!("there is no message at byte {at}");
    let mut head = [0; 8];
    file.seek(SeekFrom::Start(at)).map_err(|_| cut())?;
    file.read_exact(&mut head).map_err(|_| cut())?;
    let [a, b, c, d, e, f, g, h] = head;
    let (mark, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if mark != CONTINUATION || length > MESSAGE_BYTES_MAX {
        return Err(bad());
    }
    if length == 0 {
        return Ok(None);
    }
    let mut described = Vec::new();
    let read = Read::by_ref(file).take(u64::from(length)).read_to_end(&mut described).map_err(|_| cut())?;
    if read < length as usize {
        return Err(cut());
    }
    let message = root_as_message(&described).map_err(|_| bad())?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| bad())?;
    let body_start = at + head.len() as u64 + u64::from(length);
    let next = body_start.checked_add(body).ok_or_else(bad)?;
    if next > whole {
        return Err(cut());
    }
    match batch_fault(file, &message, body_start, body) {
        Some(reason) => Err(format!("the message at byte {at} is damaged: {reason}")),
        None => Ok(Some(next)),
    }
}
