//! Headers of messages, and how long a message is where nothing around it says so.

use super::context::Context;
use super::fixed;
use super::template::{Exporter, Version, read_template};
use super::wire::{u16_at, u32_at};

/// No datagram is longer.
pub(crate) const MESSAGE_BYTES_MAX: usize = 65_535;
/// 1996, the year of the first NetFlow, and 2100: between them the clock of an exporter may be.
const YEARS: std::ops::Range<u32> = 820_454_400..4_102_444_800;

/// The header of the message at the front of `bytes`, with the bytes it takes.
///
/// # Errors
/// What is there instead.
pub(crate) fn read(bytes: &[u8], exporter: Exporter) -> Result<(Context, usize), String> {
    let number = u16_at(bytes, 0).ok_or_else(|| cut(bytes))?;
    let version = Version::of(number).ok_or_else(|| match number {
        8 => "NetFlow v8, which exports sums instead of flows and is not read".to_owned(),
        _ => format!("version {number}, expected NetFlow 1, 5, 7, 9 or IPFIX (10)"),
    })?;
    let word = |place| u32_at(bytes, place).ok_or_else(|| cut(bytes));
    let (uptime_ms, seconds, nanos, sequence, domain, header_bytes) = match version {
        Version::Ipfix => (None, word(4)?, 0, word(8)?, word(12)?, 16),
        Version::V9 => (Some(word(4)?), word(8)?, 0, word(12)?, word(16)?, 20),
        Version::V1 => (Some(word(4)?), word(8)?, word(12)?, 0, 0, 16),
        Version::V5 => (Some(word(4)?), word(8)?, word(12)?, word(16)?, word(20)? >> 16, 24),
        Version::V7 => (Some(word(4)?), word(8)?, word(12)?, word(16)?, word(20)?, 24),
    };
    // Beyond a second the fraction is damaged.
    let nanos = if nanos < 1_000_000_000 { i64::from(nanos) } else { 0 };
    let export_ns = (seconds != 0).then(|| i64::from(seconds) * 1_000_000_000 + nanos);
    // v5 puts a mode into the upper two bits of the sampling interval.
    let sampling = if version == Version::V5 { u64::from(word(20)? & 0x3fff) } else { 0 };
    let context = Context {
        exporter,
        version,
        domain,
        received_ns: None,
        export_ns,
        uptime_ms,
        sequence,
        sampling_rate: (sampling > 0).then_some(sampling),
    };
    Ok((context, header_bytes))
}

fn cut(bytes: &[u8]) -> String {
    format!("a message breaks off in its header, after {} bytes", bytes.len())
}

/// Whether bytes begin like a message: a version that we read, and a clock between 1996 and 2100 or, where a device
/// has not set its clock, templates.
pub(crate) fn looks_like_message(bytes: &[u8]) -> bool {
    let Some(version) = u16_at(bytes, 0).and_then(Version::of) else { return false };
    let clock = if version == Version::Ipfix { 4 } else { 8 };
    let in_years = u32_at(bytes, clock).is_some_and(|seconds| YEARS.contains(&seconds));
    match version {
        Version::Ipfix => {
            u16_at(bytes, 2).is_some_and(|length| length >= 16)
                && (in_years || begins_with_templates(bytes, 16, version))
        }
        Version::V9 => in_years || begins_with_templates(bytes, 20, version),
        _ => in_years && u32_at(bytes, 12).is_some_and(|nanos| nanos < 1_000_000_000),
    }
}

fn begins_with_templates(bytes: &[u8], header_bytes: usize, version: Version) -> bool {
    let (Some(set), Some(length)) = (u16_at(bytes, header_bytes), u16_at(bytes, header_bytes + 2)) else {
        return false;
    };
    let is_template = set == if version == Version::V9 { 0 } else { 2 };
    let body = bytes.get(header_bytes + 4..).unwrap_or_default();
    is_template && length >= 12 && read_template(body, version, false).is_ok()
}

/// How far a message reaches in a file that holds one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many bytes, which may be more than there are.
    Bytes(usize),
    /// More bytes are needed to tell.
    Unknown,
}

/// The extent of the message at the front of `bytes`; `is_all` when no more bytes follow.
///
/// # Errors
/// What is there instead of a message.
pub(crate) fn extent(bytes: &[u8], is_all: bool) -> Result<Extent, String> {
    if bytes.len() < 20 && !is_all {
        return Ok(Extent::Unknown);
    }
    let (context, header_bytes) = read(bytes, Exporter::default())?;
    let second = u16_at(bytes, 2).ok_or_else(|| cut(bytes))?;
    match context.version {
        Version::Ipfix if second < 16 => {
            Err(format!("an IPFIX message of {second} bytes, which is less than its header"))
        }
        Version::Ipfix => Ok(Extent::Bytes(usize::from(second))),
        Version::V9 => Ok(extent_of_v9(bytes, header_bytes, is_all)),
        // A count that cannot be is left to the decoder to tell; the file is taken as this one message.
        version => Ok(match fixed::layout(version) {
            Some((template, _)) if (1..=fixed::RECORDS_MAX).contains(&second) => {
                Extent::Bytes(header_bytes + usize::from(second) * template.min_bytes)
            }
            _ if is_all || bytes.len() >= MESSAGE_BYTES_MAX => Extent::Bytes(bytes.len().min(MESSAGE_BYTES_MAX)),
            _ => Extent::Unknown,
        }),
    }
}

/// The header of v9 counts records, not bytes: the message goes on while sets follow one another. The numbers of
/// versions are numbers that no set has.
fn extent_of_v9(bytes: &[u8], header_bytes: usize, is_all: bool) -> Extent {
    let mut place = header_bytes;
    loop {
        let (Some(id), Some(length)) = (u16_at(bytes, place), u16_at(bytes, place + 2)) else {
            return if is_all { Extent::Bytes(bytes.len()) } else { Extent::Unknown };
        };
        if Version::of(id).is_some() && looks_like_message(&bytes[place..]) {
            return Extent::Bytes(place);
        }
        if place >= MESSAGE_BYTES_MAX {
            return Extent::Bytes(MESSAGE_BYTES_MAX);
        }
        // Zeros after the last set fill the datagram up.
        place += usize::from(length).max(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v9(sets: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0, 9, 0, 1, 0, 0, 0, 0];
        bytes.extend_from_slice(&1_700_000_000_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 8]);
        sets.iter().for_each(|set| bytes.extend_from_slice(set));
        bytes
    }

    #[test]
    fn messages_of_v9_end_where_the_next_begins() {
        let one = v9(&[&[1, 0, 0, 8, 1, 2, 3, 4]]);
        assert_eq!(extent(&one, true), Ok(Extent::Bytes(one.len())));
        assert_eq!(extent(&one, false), Ok(Extent::Unknown));
        assert_eq!(extent(&[one.clone(), one.clone()].concat(), false), Ok(Extent::Bytes(one.len())));
        let filled = v9(&[&[1, 0, 0, 8, 1, 2, 3, 4], &[0; 40]]);
        assert_eq!(extent(&[filled.clone(), one].concat(), true), Ok(Extent::Bytes(filled.len())));
    }

    #[test]
    fn what_is_no_message_is_said() {
        let said = |bytes: &[u8]| extent(bytes, true).expect_err("no message");
        assert!(said(&[0, 8, 0, 0]).contains("v8"));
        assert!(said(&[1, 2, 3, 4]).contains("version 258"));
        assert!(said(&[0, 10, 0, 16]).contains("breaks off"));
        assert!(said(&[&[0, 10, 0, 4][..], &[0; 12]].concat()).contains("4 bytes"));
    }
}
