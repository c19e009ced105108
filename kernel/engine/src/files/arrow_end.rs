//! Whether an Arrow file is whole. DataFusion finds out while it reads, and words it as a fault of its own.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow::ipc::root_as_message;

/// Ends a file, as it begins one.
const SIGNATURE: &[u8] = b"ARROW1";
/// The length of the footer and the signature.
const END_BYTES: usize = 10;
/// Stands before each message.
const CONTINUATION: u32 = u32::MAX;
/// A description of a batch that is longer is none.
const MESSAGE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What is wrong with the end of a file of the kind that has one.
pub(super) fn file_fault(file: &mut File) -> Option<&'static str> {
    const CUT: &str = "its end is missing, so it was cut while being written or copied";
    let mut end = [0; END_BYTES];
    let start = match file.seek(SeekFrom::End(-(END_BYTES as i64))) {
        Ok(start) => start,
        Err(_) => return Some("it is too short"),
    };
    if file.read_exact(&mut end).is_err() || !end.ends_with(SIGNATURE) {
        return Some(CUT);
    }
    let footer_bytes = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    (footer_bytes == 0 || footer_bytes > start).then_some("the length of its footer is wrong")
}

/// What is wrong with the chain of messages of a stream.
pub(super) fn stream_fault(file: &mut File) -> Option<String> {
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
    let read = file.take(u64::from(length)).read_to_end(&mut described).map_err(|_| cut())?;
    if read < length as usize {
        return Err(cut());
    }
    let message = root_as_message(&described).map_err(|_| bad())?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| bad())?;
    let next = (at + head.len() as u64 + u64::from(length)).checked_add(body).ok_or_else(bad)?;
    if next > whole { Err(cut()) } else { Ok(Some(next)) }
}
