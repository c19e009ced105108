//! Where messages come from: the UDP packets of a capture, or a file that holds one message after the other (IPFIX
//! files of RFC 5655, dumps of datagrams).

use std::io::{self, Read};

use flow_source::protocol::UDP;
use packet_file::{CaptureReader, Defect, Headers, NoHeaders, Packet, Window, read_headers, recognises};

use crate::decode::header::{self, Extent, MESSAGE_BYTES_MAX, looks_like_message};
use crate::decode::template::Exporter;
use crate::decode::{Decoder, RecordSink};

/// A v9 message ends where the next begins, so that much of that is looked at.
const LOOK_AHEAD_BYTES: usize = 64;

/// What holds the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// pcap or pcapng.
    Capture,
    /// Messages and nothing else.
    Messages,
}

impl Container {
    /// By the first bytes of a file.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        if recognises(head) {
            return Some(Self::Capture);
        }
        looks_like_message(head).then_some(Self::Messages)
    }
}

/// Whether the head of a capture shows that it was taken to record exports of flows: most of its packets are.
pub(crate) fn is_export_capture(head: &[u8]) -> bool {
    let Ok(mut reader) = CaptureReader::new(Box::new(io::Cursor::new(head.to_vec()))) else { return false };
    let (mut packets, mut exports) = (0_u32, 0_u32);
    while let Ok(Some(packet)) = reader.next_packet() {
        packets += 1;
        let message = read_headers(packet.link, packet.bytes);
        exports += u32::from(message.is_ok_and(|headers| is_export(&headers)));
    }
    exports > 0 && exports * 2 > packets
}

fn is_export(headers: &Headers<'_>) -> bool {
    headers.protocol == UDP && looks_like_message(headers.payload)
}

/// The messages of a file, one after the other.
pub(crate) enum MessageReader {
    Capture { reader: Box<CaptureReader>, others: u64 },
    Messages(Box<Window>),
}

impl MessageReader {
    pub(crate) fn open(container: Container, input: Box<dyn Read + Send>) -> Result<Self, Defect> {
        Ok(match container {
            Container::Capture => Self::Capture { reader: Box::new(CaptureReader::new(input)?), others: 0 },
            Container::Messages => Self::Messages(Box::new(Window::new(input))),
        })
    }

    /// Packets of a capture that are no exports of flows.
    pub(crate) fn others(&self) -> u64 {
        match self {
            Self::Capture { others, .. } => *others,
            Self::Messages(_) => 0,
        }
    }

    /// Decodes the next message; `false` at the end of the file.
    ///
    /// # Errors
    /// As [`CaptureReader::next_packet`]: only after [`Defect::Block`] there may be more.
    pub(crate) fn decode_next(&mut self, decoder: &mut Decoder, sink: &mut impl RecordSink) -> Result<bool, Defect> {
        match self {
            Self::Capture { reader, others } => {
                let Some(packet) = reader.next_packet()? else { return Ok(false) };
                if !decode_packet(&packet, decoder, sink) {
                    *others += 1;
                }
                Ok(true)
            }
            Self::Messages(window) => decode_message(window, decoder, sink),
        }
    }
}

/// Whether the packet was an export of flows.
fn decode_packet(packet: &Packet<'_>, decoder: &mut Decoder, sink: &mut impl RecordSink) -> bool {
    let headers = match read_headers(packet.link, packet.bytes) {
        Ok(headers) => headers,
        Err(NoHeaders::NotIp) => return false,
        Err(NoHeaders::Unreadable(reason)) => {
            sink.reject(packet.offset, || reason);
            return true;
        }
    };
    let Some((port, _)) = headers.ports else { return false };
    if !is_export(&headers) {
        return false;
    }
    let exporter = Exporter { address: Some(headers.src), port };
    decoder.message(exporter, packet.time_ns, headers.payload, packet.offset, sink);
    true
}

fn decode_message(window: &mut Window, decoder: &mut Decoder, sink: &mut impl RecordSink) -> Result<bool, Defect> {
    let mut wanted = LOOK_AHEAD_BYTES;
    let length = loop {
        need(window, wanted)?;
        if window.unread().is_empty() {
            return Ok(false);
        }
        let is_all = window.is_at_end() || window.unread().len() >= MESSAGE_BYTES_MAX + LOOK_AHEAD_BYTES;
        match header::extent(window.unread(), is_all) {
            Ok(Extent::Bytes(length)) => break length,
            Ok(Extent::Unknown) => wanted = window.unread().len() * 2,
            Err(reason) => return Err(Defect::Broken { offset: window.offset(), reason }),
        }
    };
    need(window, length)?;
    let offset = window.offset();
    let place = window.take(length);
    decoder.message(Exporter::default(), None, window.at(place), offset, sink);
    Ok(true)
}

fn need(window: &mut Window, length: usize) -> Result<(), Defect> {
    window.need(length).map_err(|reason| Defect::Unreadable { offset: window.received(), reason })
}
