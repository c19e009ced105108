//! One direction of a TCP connection, its octets in order as long as that is possible within a bound.

use crate::options::HEAD_BYTES_MAX;

/// Octets in order, and segments that came too early.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The sequence number of the next octet.
    next: Option<u32>,
    bytes: Vec<u8>,
    early: Vec<(u32, Box<[u8]>)>,
    early_bytes: usize,
    is_broken: bool,
}

impl Stream {
    /// Octets that are there and not taken.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether octets are missing for good, or the bound was reached; nothing more comes.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Octets in memory.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len() + self.early_bytes
    }

    /// Forgets octets at the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
    }

    pub(crate) fn push(&mut self, sequence: u32, payload: &[u8], is_opening: bool) {
        if self.is_broken {
            return;
        }
        // SYN counts as an octet (RFC 9293 section 3.4).
        let sequence = if is_opening { sequence.wrapping_add(1) } else { sequence };
        if is_opening && self.next.is_some_and(|next| next != sequence) {
            *self = Self::default();
        }
        let next = *self.next.get_or_insert(sequence);
        if payload.is_empty() {
            return;
        }
        if sequence.wrapping_sub(next) > u32::MAX / 2 || sequence == next {
            self.append(sequence, payload);
            self.append_early();
        } else if self.early_bytes + payload.len() > HEAD_BYTES_MAX {
            self.give_up();
        } else {
            self.early_bytes += payload.len();
            self.early.push((sequence, payload.into()));
        }
    }

    /// Appends what is new of a segment that does not begin behind the next octet.
    fn append(&mut self, sequence: u32, payload: &[u8]) {
        let Some(next) = self.next else { return };
        let known = next.wrapping_sub(sequence) as usize;
        let Some(new) = payload.get(known..) else { return };
        if self.bytes.len() + new.len() > HEAD_BYTES_MAX * 4 {
            return self.give_up();
        }
        self.bytes.extend_from_slice(new);
        self.next = Some(next.wrapping_add(new.len() as u32));
    }

    fn append_early(&mut self) {
        while let Some(next) = self.next {
            let fits =
                |(sequence, _): &(u32, Box<[u8]>)| *sequence == next || sequence.wrapping_sub(next) > u32::MAX / 2;
            let Some(place) = self.early.iter().position(fits) else { return };
            let (sequence, payload) = self.early.swap_remove(place);
            self.early_bytes -= payload.len();
            self.append(sequence, &payload);
        }
    }

    fn give_up(&mut self) {
        self.is_broken = true;
        self.early.clear();
        self.early_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_in_order() {
        let mut stream = Stream::default();
        stream.push(9, b"", true);
        stream.push(13, b"def", false);
        stream.push(10, b"abc", false);
        stream.push(12, b"cde", false);
        stream.push(16, b"g", false);
        assert_eq!(stream.bytes(), b"abcdefg");
        stream.take(3);
        assert_eq!(stream.bytes(), b"defg");
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut stream = Stream::default();
        stream.push(u32::MAX, b"ab", false);
        stream.push(1, b"cd", false);
        assert_eq!(stream.bytes(), b"abcd");
    }

    #[test]
    fn a_gap_ends_it_within_a_bound() {
        let mut stream = Stream::default();
        stream.push(0, b"a", false);
        for segment in 0..100 {
            stream.push(10 + segment * 1000, &[0; 1000], false);
        }
        assert!(stream.is_broken() && stream.early.is_empty());
    }
}
