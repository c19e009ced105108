//! Captures made byte by byte, whole and broken.

use super::*;

fn pcap(frames: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    bytes.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
    for (seconds, micros, data) in frames {
        let length = u32::try_from(data.len()).expect("short frames");
        [*seconds, *micros, length, length].iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes.extend_from_slice(data);
    }
    bytes
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(12 + body.len().next_multiple_of(4)).expect("short blocks");
    let mut bytes = [kind.to_be_bytes(), length.to_be_bytes()].concat();
    bytes.extend_from_slice(body);
    bytes.resize(length as usize - 4, 0);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes
}

/// A big-endian section with one interface of nanoseconds (if_tsresol 9).
fn pcapng(blocks: &[Vec<u8>]) -> Vec<u8> {
    let section = [0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];
    let interface = [0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0];
    [block(SECTION_HEADER, &section), block(1, &interface), blocks.concat()].concat()
}

fn enhanced(nanos: u64, interface: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short packets");
    let words = [interface, (nanos >> 32) as u32, nanos as u32, length, length];
    let mut body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    body.extend_from_slice(data);
    block(6, &body)
}

/// Time and bytes of each packet; what ended the reading; damaged blocks.
fn read(bytes: Vec<u8>) -> (Vec<(Option<i64>, Vec<u8>)>, Option<String>, usize) {
    let mut packets = Vec::new();
    let mut blocks = 0;
    let mut reader = match CaptureReader::new(Box::new(io::Cursor::new(bytes))) {
        Ok(reader) => reader,
        Err(defect) => return (packets, Some(defect.to_string()), 0),
    };
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => packets.push((packet.time_ns, packet.bytes.to_vec())),
            Ok(None) => return (packets, None, blocks),
            Err(Defect::Block { .. }) => blocks += 1,
            Err(defect) => return (packets, Some(defect.to_string()), blocks),
        }
    }
}

#[test]
fn packets_of_pcap() {
    let (packets, end, _) = read(pcap(&[(1, 5, b"abc"), (2, 0, b"")]));
    assert_eq!(packets, [(Some(1_000_005_000), b"abc".to_vec()), (Some(2_000_000_000), Vec::new())]);
    assert_eq!(end, None);
}

#[test]
fn packets_of_pcapng() {
    let bytes = pcapng(&[enhanced(7, 0, b"abcde"), enhanced(8, 3, b"x"), enhanced(9, 0, b"y")]);
    let (packets, end, blocks) = read(bytes);
    assert_eq!(packets, [(Some(7), b"abcde".to_vec()), (Some(9), b"y".to_vec())]);
    assert_eq!((end, blocks), (None, 1), "interface 3 is not described");
}

#[test]
fn captures_that_break_off_say_where() {
    let bytes = pcap(&[(1, 0, b"abcdef")]);
    for length in 0..bytes.len() {
        let (packets, end, _) = read(bytes[..length].to_vec());
        assert!(packets.is_empty());
        assert_eq!(end.is_none(), length == FILE_HEADER_BYTES, "{length}: {end:?}");
    }
    let (packets, end, _) = read([pcap(&[(1, 0, b"a")]), vec![255; 16]].concat());
    assert_eq!(packets.len(), 1);
    assert!(end.is_some_and(|end| end.contains("4294967295")));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn damage_never_panics(place in 0_usize..400, value: u8, cut in 0_usize..400) {
        let bytes = pcapng(&[enhanced(7, 0, &[1; 60]), enhanced(8, 0, &[2; 61]), enhanced(9, 0, &[3; 62])]);
        for mut bytes in [bytes, pcap(&[(1, 5, &[1; 60]), (2, 6, &[2; 61])])] {
            let place = place % bytes.len();
            bytes[place] = value;
            bytes.truncate(cut.max(12));
            read(bytes);
        }
    }
}
