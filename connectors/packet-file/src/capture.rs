//! Files of packets: pcap (both byte orders, micro- and nanoseconds) and pcapng, read as a stream.
//!
//! pcap's headers are two fixed structs and read here; pcapng's blocks are parsed by `pcap-parser`, one complete block
//! at a time, so that the buffer, its bound and the offsets are ours.

use std::io::{self, Read};

use pcap_parser::pcapng::{Block, parse_block_be, parse_block_le};

use crate::headers::LinkType;
use crate::window::Window;

/// No capture holds longer packets: tcpdump's own limit.
pub const PACKET_BYTES_MAX: usize = 256 * 1024;
/// A longer pcapng block is damage. Packets come with options; name tables may be larger than packets.
const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Interfaces of one pcapng section.
const INTERFACES_MAX: usize = 65_536;
const FILE_HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 16;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// Magic numbers of pcap in the file's byte order, whether times are in nanoseconds, and bytes of a frame's header:
/// 24 in the variant that Linux once patched.
const MAGIC: &[(u32, bool, usize)] =
    &[(0xa1b2_c3d4, false, FRAME_HEADER_BYTES), (0xa1b2_3c4d, true, FRAME_HEADER_BYTES), (0xa1b2_cd34, false, 24)];

/// Whether first bytes of a file are those of a capture.
pub fn recognises(first_bytes: &[u8]) -> bool {
    Format::of(first_bytes).is_some()
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Where its record begins in the file.
    pub offset: u64,
    /// Nanoseconds since 1970-01-01 UTC; `None` where the file does not say (pcapng's simple packets).
    pub time_ns: Option<i64>,
    /// What the bytes begin with.
    pub link: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// How long the packet was on the wire.
    pub length: u32,
}

/// Why a capture cannot be read further, or a block of it not at all.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// What is there is not what a capture has; nothing behind it can be found.
    #[error("{reason}")]
    Broken {
        /// Where.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// One block is damaged; the next call goes on behind it.
    #[error("{reason}")]
    Block {
        /// Where.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// The file cannot be read or decompressed.
    #[error("{reason}")]
    Unreadable {
        /// Decompressed bytes before the defect.
        offset: u64,
        /// What the system or the decompressor says.
        #[source]
        reason: io::Error,
    },
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Pcap { is_big_endian: bool, in_nanos: bool, frame_header: usize },
    Pcapng { is_big_endian: bool },
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        let magic: [u8; 4] = *bytes.first_chunk()?;
        for is_big_endian in [false, true] {
            let number = u32_of(magic, is_big_endian);
            if let Some((_, in_nanos, frame_header)) = MAGIC.iter().find(|(known, ..)| *known == number) {
                return Some(Self::Pcap { is_big_endian, in_nanos: *in_nanos, frame_header: *frame_header });
            }
        }
        let order = *bytes.get(8..)?.first_chunk()?;
        if u32_of(magic, false) != SECTION_HEADER {
            return None;
        }
        match (u32_of(order, false), u32_of(order, true)) {
            (0x1a2b_3c4d, _) => Some(Self::Pcapng { is_big_endian: false }),
            (_, 0x1a2b_3c4d) => Some(Self::Pcapng { is_big_endian: true }),
            _ => None,
        }
    }
}

/// An interface of a pcapng section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    units_per_second: u64,
    offset_s: i64,
    snap_bytes: u32,
}

/// Reads the packets of a capture one after the other.
pub struct CaptureReader {
    window: Window,
    format: Format,
    interfaces: Vec<Interface>,
}

/// A packet as places in the buffer.
struct Found {
    offset: u64,
    time_ns: Option<i64>,
    link: LinkType,
    range: std::ops::Range<usize>,
    length: u32,
}

impl CaptureReader {
    /// Opens a capture; `input` gives its decompressed bytes.
    ///
    /// # Errors
    /// When it is not a capture, or breaks off in its header.
    pub fn new(input: Box<dyn Read + Send>) -> Result<Self, Defect> {
        let format = Format::Pcapng { is_big_endian: false };
        let mut reader = Self { window: Window::new(input), format, interfaces: Vec::new() };
        reader.need(FILE_HEADER_BYTES)?;
        let head = reader.window.unread();
        let Some(format) = Format::of(head) else {
            let shown = &head[..head.len().min(8)];
            return Err(reader.broken(format!("no capture begins with {shown:02x?}")));
        };
        reader.format = format;
        if let Format::Pcap { is_big_endian, .. } = format {
            if head.len() < FILE_HEADER_BYTES {
                return Err(reader.broken(format!("the header of the capture breaks off after {} bytes", head.len())));
            }
            let word = |place| u32_at(head, place, is_big_endian);
            // The upper bits may say how many bytes of check sum each packet ends with.
            let link = LinkType((word(20) & 0xffff) as u16);
            reader.interfaces.push(Interface { link, units_per_second: 0, offset_s: 0, snap_bytes: word(16) });
            reader.window.take(FILE_HEADER_BYTES);
        }
        Ok(reader)
    }

    /// Decompressed bytes read so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The next packet; `None` at the end of the file.
    ///
    /// # Errors
    /// After [`Defect::Block`] the next call goes on; after the others nothing more can be read.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Defect> {
        let found = match self.format {
            Format::Pcap { is_big_endian, in_nanos, frame_header } => {
                self.next_frame(is_big_endian, in_nanos, frame_header)?
            }
            Format::Pcapng { .. } => self.next_block_with_packet()?,
        };
        Ok(found.map(|Found { offset, time_ns, link, range, length }| Packet {
            offset,
            time_ns,
            link,
            bytes: self.window.at(range),
            length,
        }))
    }

    fn next_frame(&mut self, is_big_endian: bool, in_nanos: bool, header: usize) -> Result<Option<Found>, Defect> {
        self.need(header)?;
        let head = self.window.unread();
        if head.is_empty() {
            return Ok(None);
        }
        if head.len() < header {
            return Err(self.broken(format!("the header of a packet breaks off after {} bytes", head.len())));
        }
        let word = |place| u32_at(head, place, is_big_endian);
        let (seconds, fraction, captured, length) = (word(0), word(4), word(8) as usize, word(12));
        if captured > PACKET_BYTES_MAX {
            return Err(self.broken(format!("a packet says that {captured} bytes of it were captured")));
        }
        self.need(header + captured)?;
        let there = self.window.unread().len() - header;
        if there < captured {
            return Err(self.broken(format!("a packet breaks off: {captured} bytes were captured, {there} are there")));
        }
        let fraction = i64::from(fraction) * if in_nanos { 1 } else { 1000 };
        let time_ns = i64::from(seconds) * 1_000_000_000 + fraction;
        let link = self.interfaces.first().map_or(LinkType(0), |interface| interface.link);
        let offset = self.window.offset();
        let place = self.window.take(header + captured);
        Ok(Some(Found { offset, time_ns: Some(time_ns), link, range: place.start + header..place.end, length }))
    }

    fn next_block_with_packet(&mut self) -> Result<Option<Found>, Defect> {
        loop {
            let Some(length) = self.next_block_length()? else { return Ok(None) };
            let offset = self.window.offset();
            let place = self.window.take(length);
            let bytes = self.window.at(place.clone());
            let Format::Pcapng { is_big_endian } = self.format else { return Ok(None) };
            let parsed = if is_big_endian { parse_block_be(bytes) } else { parse_block_le(bytes) };
            let Ok((_, block)) = parsed else {
                let kind = u32_at(bytes, 0, is_big_endian);
                let reason = format!("a block of type {kind:#x} with {length} bytes is damaged");
                return Err(Defect::Block { offset, reason });
            };
            let range_of = |data: &[u8]| {
                // The parser lends a part of the block.
                let start = data.as_ptr().addr().saturating_sub(bytes.as_ptr().addr()).min(bytes.len());
                place.start + start..place.start + (start + data.len()).min(bytes.len())
            };
            match block {
                Block::SectionHeader(_) => self.interfaces.clear(),
                Block::InterfaceDescription(interface) if self.interfaces.len() < INTERFACES_MAX => {
                    let interface = Interface {
                        link: LinkType(u16::try_from(interface.linktype.0).unwrap_or(u16::MAX)),
                        units_per_second: interface.ts_resolution().unwrap_or(1_000_000),
                        offset_s: interface.ts_offset(),
                        snap_bytes: interface.snaplen,
                    };
                    self.interfaces.push(interface);
                }
                Block::EnhancedPacket(packet) => {
                    let captured = (packet.caplen as usize).min(packet.data.len());
                    let range = range_of(&packet.data[..captured]);
                    let Some(interface) = self.interfaces.get(packet.if_id as usize) else {
                        let reason = format!("a packet of interface {}, which is not described", packet.if_id);
                        return Err(Defect::Block { offset, reason });
                    };
                    let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                    let (time_ns, link) = (interface.time_ns(units), interface.link);
                    return Ok(Some(Found { offset, time_ns, link, range, length: packet.origlen }));
                }
                Block::SimplePacket(packet) => {
                    let range = range_of(packet.data);
                    let Some(interface) = self.interfaces.first() else {
                        let reason = "a packet before the description of an interface".to_owned();
                        return Err(Defect::Block { offset, reason });
                    };
                    let mut captured = packet.origlen;
                    if interface.snap_bytes != 0 {
                        captured = captured.min(interface.snap_bytes);
                    }
                    let range = range.start..range.end.min(range.start + captured as usize);
                    let link = interface.link;
                    return Ok(Some(Found { offset, time_ns: None, link, range, length: packet.origlen }));
                }
                _ => {}
            }
        }
    }

    /// The length of the block at the front, all of which is in the buffer then.
    fn next_block_length(&mut self) -> Result<Option<usize>, Defect> {
        self.need(12)?;
        let head = self.window.unread();
        if head.is_empty() {
            return Ok(None);
        }
        if head.len() < 12 {
            return Err(self.broken(format!("a block breaks off after {} bytes", head.len())));
        }
        if u32_at(head, 0, false) == SECTION_HEADER {
            match Format::of(head) {
                Some(format) => self.format = format,
                None => return Err(self.broken("a section begins without its byte order".into())),
            }
        }
        let Format::Pcapng { is_big_endian } = self.format else { return Ok(None) };
        let length = u32_at(self.window.unread(), 4, is_big_endian) as usize;
        if length < 12 || length > BLOCK_BYTES_MAX || !length.is_multiple_of(4) {
            return Err(self.broken(format!("a block says that it has {length} bytes")));
        }
        self.need(length)?;
        let there = self.window.unread().len();
        if there < length {
            return Err(self.broken(format!("a block breaks off: it has {length} bytes, {there} are there")));
        }
        Ok(Some(length))
    }

    fn broken(&self, reason: String) -> Defect {
        Defect::Broken { offset: self.window.offset(), reason }
    }

    fn need(&mut self, length: usize) -> Result<(), Defect> {
        self.window.need(length).map_err(|reason| Defect::Unreadable { offset: self.window.received(), reason })
    }
}

impl Interface {
    fn time_ns(self, units: u64) -> Option<i64> {
        let nanos = u128::from(units) * 1_000_000_000 / u128::from(self.units_per_second.max(1));
        i64::try_from(nanos).ok()?.checked_add(self.offset_s.checked_mul(1_000_000_000)?)
    }
}

fn u32_of(bytes: [u8; 4], is_big_endian: bool) -> u32 {
    if is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// The number at a place that is known to be in `bytes`; 0 beyond.
fn u32_at(bytes: &[u8], place: usize, is_big_endian: bool) -> u32 {
    let found = bytes.get(place..).and_then(|rest| rest.first_chunk::<4>());
    found.map_or(0, |bytes| u32_of(*bytes, is_big_endian))
}

#[cfg(test)]
mod tests;
