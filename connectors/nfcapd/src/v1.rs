//! Records of layout 1, turned into flow records of layout 2, so that there is one way to read them.
//!
//! A flow record of layout 1 has a common part whose counters and addresses are as wide as its flags say, and then
//! extensions without any header; which ones, in which order, an extension map says, which precedes in the file.

use std::collections::HashMap;

use crate::options::EXTENSION_MAPS_MAX;
use crate::record::{FLOW_HEADER_BYTES, FLOW_RECORD, Record, u16_at};

/// A flow record whose exporter id does not fit (nfdump up to 1.6.5).
pub(crate) const COMMON_RECORD_V0: u16 = 1;
pub(crate) const EXTENSION_MAP: u16 = 2;
pub(crate) const COMMON_RECORD: u16 = 10;
const COMMON_V0_BYTES: usize = 28;
const COMMON_BYTES: usize = 32;

const FLAG_IPV6: u16 = 1;
const FLAG_PACKETS_64: u16 = 2;
const FLAG_BYTES_64: u16 = 4;
const FLAG_EVENT: u16 = 64;
const FLAG_SAMPLED: u16 = 128;
const V3_EVENT: u8 = 1;
const V3_SAMPLED: u8 = 2;

/// Bytes of each extension, by its number; 0 = not one.
#[rustfmt::skip]
const EXTENSION_BYTES: [u8; 49] = [
    0, 0, 0, 0, 4, 8, 4, 8, 4, 4, 16, 4, 16, 4, 4, 8, 4, 8, 4, 8, 16, 16, 40, 4, 16, 4, 8, 8,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 4, 8, 32, 24, 24, 72, 0, 24, 12, 8, 8,
];

/// The extension maps of a file so far.
#[derive(Debug, Default)]
pub(crate) struct ExtensionMaps {
    maps: HashMap<u16, Vec<u16>>,
}

impl ExtensionMaps {
    /// Learns a map; one with a known id takes its place.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn learn(&mut self, data: &[u8], record: Record) -> Result<(), String> {
        let id = u16_at(data, record.start + 4).ok_or("an extension map that is cut")?;
        let ids = data.get(record.start + 8..record.end).unwrap_or_default();
        let ids = ids.chunks_exact(2).map(|id| u16::from_le_bytes([id[0], id[1]])).take_while(|id| *id != 0);
        // Numbers 1 to 3 stand for the common part and are not stored as extensions.
        let extensions: Vec<u16> = ids.filter(|id| *id > 3).collect();
        if let Some(unknown) = extensions.iter().find(|id| bytes_of(**id).is_none()) {
            self.maps.remove(&id);
            return Err(format!("extension map {id} has the unknown extension {unknown}"));
        }
        if self.maps.len() < EXTENSION_MAPS_MAX || self.maps.contains_key(&id) {
            self.maps.insert(id, extensions);
        }
        Ok(())
    }

    /// Appends the flow record of layout 2 that says the same.
    ///
    /// # Errors
    /// Why the record is rejected; then nothing is appended.
    pub(crate) fn convert(&self, data: &[u8], record: Record, out: &mut Vec<u8>) -> Result<(), String> {
        let start = out.len();
        Conversion::run(self, &data[record.start..record.end], record.kind, out).inspect_err(|_| out.truncate(start))
    }
}

fn bytes_of(extension: u16) -> Option<usize> {
    EXTENSION_BYTES.get(usize::from(extension)).map(|bytes| usize::from(*bytes)).filter(|bytes| *bytes > 0)
}

/// Values that two extensions, or an extension and the common part, give to one element.
#[derive(Default)]
struct Conversion<'a> {
    received: Option<&'a [u8]>,
    event_time: Option<&'a [u8]>,
    icmp: Option<&'a [u8]>,
    out_packets: u64,
    out_bytes: u64,
    flows: u64,
    interfaces: Option<(u32, u32)>,
    /// Destination type of service, direction, source and destination prefix length.
    multiple: Option<&'a [u8]>,
    macs: [Option<&'a [u8]>; 2],
    engine: [u8; 2],
    elements: u16,
}

impl<'a> Conversion<'a> {
    fn run(maps: &ExtensionMaps, record: &'a [u8], kind: u16, out: &mut Vec<u8>) -> Result<(), String> {
        let common_bytes = if kind == COMMON_RECORD_V0 { COMMON_V0_BYTES } else { COMMON_BYTES };
        let (common, rest) = record
            .split_at_checked(common_bytes)
            .ok_or_else(|| format!("a flow record of {} bytes, expected at least {common_bytes}", record.len()))?;
        let map = u16::from_le_bytes([common[6], common[7]]);
        let extensions = maps.maps.get(&map).ok_or_else(|| format!("it needs the unknown extension map {map}"))?;
        let flags = if kind == COMMON_RECORD_V0 { u16::from(common[4]) } else { u16_at(common, 4).unwrap_or(0) };
        let mut rest = Rest(rest);
        let mut conversion = Self::default();
        let start = out.len();
        out.resize(start + FLOW_HEADER_BYTES, 0);
        let generic = conversion.push(out, 1, &[0; 48]);
        if flags & FLAG_IPV6 != 0 {
            conversion.push(out, 3, rest.take(32)?);
        } else {
            conversion.push(out, 2, rest.take(8)?);
        }
        let packets = rest.counter(flags & FLAG_PACKETS_64 != 0)?;
        let bytes = rest.counter(flags & FLAG_BYTES_64 != 0)?;
        for extension in extensions {
            let data = rest.take(bytes_of(*extension).unwrap_or(0))?;
            conversion.extension(*extension, data, out);
        }
        conversion.fill_generic(common, packets, bytes, &mut out[generic..generic + 48]);
        let (bi_flow, end_reason) = if kind == COMMON_RECORD_V0 { (0, 0) } else { (common[30], common[31]) };
        conversion.push_collected(bi_flow, end_reason, out);
        let exporter = if kind == COMMON_RECORD_V0 { [0; 2] } else { [common[28], common[29]] };
        conversion.fill_header(exporter, flags, start, out)
    }

    /// Appends an element and gives the place of its data.
    fn push(&mut self, out: &mut Vec<u8>, element: u16, data: &[u8]) -> usize {
        self.elements += 1;
        out.extend_from_slice(&element.to_le_bytes());
        out.extend_from_slice(&(data.len() as u16 + 4).to_le_bytes());
        let place = out.len();
        out.extend_from_slice(data);
        place
    }

    fn extension(&mut self, extension: u16, data: &'a [u8], out: &mut Vec<u8>) {
        match extension {
            4 => self.interfaces = Some((narrow(data, 0), narrow(data, 2))),
            5 => self.interfaces = Some((wide(data, 0), wide(data, 4))),
            6 => self.push_pair(7, narrow(data, 0), narrow(data, 2), out),
            8 => self.multiple = Some(data),
            13 => self.push_pair(6, narrow(data, 0), narrow(data, 2), out),
            14 | 15 => self.out_packets = number(data),
            16 | 17 => self.out_bytes = number(data),
            18 | 19 => self.flows = number(data),
            20 => self.macs[0] = Some(data),
            21 => self.macs[1] = Some(data),
            25 => self.engine = [data[2], data[3]],
            27 => self.received = Some(data),
            37 => self.security_event(data, out),
            42 | 43 => {
                let mut name = [0; 68];
                let length = data.len().min(65);
                name[..length].copy_from_slice(&data[..length]);
                self.push(out, 24, &name);
            }
            46 => {
                let mut event = [0; 16];
                event[12] = data[0];
                self.push(out, 25, &event);
                self.push(out, 36, &data[4..12]);
            }
            48 => {
                let mut block: [u8; 8] = data.try_into().unwrap_or_default();
                let [start, end, _, size] = [0, 2, 4, 6].map(|at| u16::from_le_bytes([block[at], block[at + 1]]));
                if end == 0 && size != 0 {
                    block[2..4].copy_from_slice(&start.wrapping_add(size - 1).to_le_bytes());
                }
                self.push(out, 26, &block);
            }
            // The same bytes under another number; 47 is an older name of 39.
            7 => self.push_same(7, data, out),
            9 => self.push_same(10, data, out),
            10 => self.push_same(11, data, out),
            11 => self.push_same(8, data, out),
            12 => self.push_same(9, data, out),
            22 => self.push_same(14, data, out),
            23 => self.push_same(12, data, out),
            24 => self.push_same(13, data, out),
            26 => self.push_same(16, data, out),
            38 => self.push_same(22, data, out),
            39 | 47 => self.push_same(20, data, out),
            40 => self.push_same(21, data, out),
            41 => self.push_same(23, data, out),
            45 => self.push_same(17, data, out),
            _ => {}
        }
    }

    fn push_same(&mut self, element: u16, data: &[u8], out: &mut Vec<u8>) {
        self.push(out, element, data);
    }

    fn push_pair(&mut self, element: u16, first: u32, second: u32, out: &mut Vec<u8>) {
        let mut pair = [0; 8];
        pair[..4].copy_from_slice(&first.to_le_bytes());
        pair[4..].copy_from_slice(&second.to_le_bytes());
        self.push(out, element, &pair);
    }

    /// Time, connection, ICMP code and type, event, a fill byte, extended event, security group.
    fn security_event(&mut self, data: &'a [u8], out: &mut Vec<u8>) {
        self.event_time = Some(&data[..8]);
        self.icmp = Some(&data[12..14]);
        let mut event = [0; 16];
        event[..12].copy_from_slice(&data[..12]);
        event[12..14].copy_from_slice(&data[16..18]);
        event[14] = data[14];
        self.push(out, 19, &event);
    }

    fn fill_generic(&self, common: &[u8], packets: u64, bytes: u64, generic: &mut [u8]) {
        let millis =
            |seconds: usize, part: usize| u64::from(wide(common, seconds)) * 1000 + u64::from(narrow(common, part));
        let mut first = millis(12, 8).to_le_bytes();
        if let (0, Some(event)) = (u64::from_le_bytes(first), self.event_time) {
            first.copy_from_slice(event);
        }
        generic[..8].copy_from_slice(&first);
        generic[8..16].copy_from_slice(&millis(16, 10).to_le_bytes());
        if let Some(received) = self.received {
            generic[16..24].copy_from_slice(received);
        }
        generic[24..32].copy_from_slice(&packets.to_le_bytes());
        generic[32..40].copy_from_slice(&bytes.to_le_bytes());
        let [status, tcp_flags, protocol, tos] = [common[20], common[21], common[22], common[23]];
        generic[40..44].copy_from_slice(&common[24..28]);
        if let (Some(icmp), 1 | 58) = (self.icmp, protocol) {
            generic[42..44].copy_from_slice(icmp);
        }
        generic[44..48].copy_from_slice(&[protocol, tcp_flags, status, tos]);
    }

    /// The elements whose values come from several extensions.
    fn push_collected(&mut self, bi_flow: u8, end_reason: u8, out: &mut Vec<u8>) {
        if self.out_packets != 0 || self.out_bytes != 0 || self.flows != 0 {
            let mut counts = [0; 24];
            counts[..8].copy_from_slice(&self.flows.to_le_bytes());
            counts[8..16].copy_from_slice(&self.out_packets.to_le_bytes());
            counts[16..].copy_from_slice(&self.out_bytes.to_le_bytes());
            self.push(out, 5, &counts);
        }
        if self.interfaces.is_some() || self.multiple.is_some() {
            let (input, output) = self.interfaces.unwrap_or_default();
            let mut misc = [0; 16];
            misc[..4].copy_from_slice(&input.to_le_bytes());
            misc[4..8].copy_from_slice(&output.to_le_bytes());
            if let Some(&[tos, direction, source, destination]) = self.multiple {
                misc[8..14].copy_from_slice(&[source, destination, direction, tos, bi_flow, end_reason]);
            }
            self.push(out, 4, &misc);
        }
        if self.macs.iter().any(Option::is_some) {
            let mut macs = [0; 32];
            for (half, data) in macs.chunks_exact_mut(16).zip(self.macs) {
                half.copy_from_slice(data.unwrap_or(&[0; 16]));
            }
            self.push(out, 15, &macs);
        }
    }

    fn fill_header(&self, exporter: [u8; 2], flags: u16, start: usize, out: &mut [u8]) -> Result<(), String> {
        let size = u16::try_from(out.len() - start).map_err(|_| "a flow record that is too long".to_owned())?;
        let header = &mut out[start..start + FLOW_HEADER_BYTES];
        header[..2].copy_from_slice(&FLOW_RECORD.to_le_bytes());
        header[2..4].copy_from_slice(&size.to_le_bytes());
        header[4..6].copy_from_slice(&self.elements.to_le_bytes());
        header[6..8].copy_from_slice(&self.engine);
        header[8..10].copy_from_slice(&exporter);
        header[10] = if flags & FLAG_EVENT != 0 { V3_EVENT } else { 0 };
        header[10] |= if flags & FLAG_SAMPLED != 0 { V3_SAMPLED } else { 0 };
        Ok(())
    }
}

/// The bytes of a record that are not used yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(bytes)
            .ok_or_else(|| format!("its extensions need {bytes} bytes where {} bytes are left", self.0.len()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn counter(&mut self, is_wide: bool) -> Result<u64, String> {
        self.take(if is_wide { 8 } else { 4 }).map(number)
    }
}

/// A number of 4 or 8 bytes.
fn number(data: &[u8]) -> u64 {
    data.try_into().map_or_else(|_| u64::from(wide(data, 0)), u64::from_le_bytes)
}

fn wide(data: &[u8], at: usize) -> u32 {
    data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn narrow(data: &[u8], at: usize) -> u32 {
    u16_at(data, at).map_or(0, u32::from)
}
