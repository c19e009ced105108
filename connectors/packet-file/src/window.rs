//! The part of a stream that is looked at: a buffer that holds as much as was asked for, and where it is.

use std::io::{self, Read};
use std::ops::Range;

const CHUNK_BYTES: usize = 256 * 1024;

/// A stream with its unread front in memory. The buffer grows with what was really read, never with what a length
/// field promises.
pub struct Window {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    is_at_end: bool,
    /// Where `start` is in the stream.
    offset: u64,
}

impl Window {
    /// The beginning of a stream.
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, buffer: vec![0; CHUNK_BYTES], start: 0, end: 0, is_at_end: false, offset: 0 }
    }

    /// Reads until `length` bytes are unread, or the stream ends. Places from [`take`](Self::take) end with this.
    ///
    /// # Errors
    /// What the stream says; the bytes before that stay.
    pub fn need(&mut self, length: usize) -> io::Result<()> {
        while self.end - self.start < length && !self.is_at_end {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => self.end += read,
                Err(reason) if reason.kind() == io::ErrorKind::Interrupted => {}
                Err(reason) => return Err(reason),
            }
        }
        Ok(())
    }

    /// The bytes that are there and not taken yet.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes bytes off the front, all of [`unread`](Self::unread) at most. Their place stays good until the next
    /// [`need`](Self::need).
    pub fn take(&mut self, length: usize) -> Range<usize> {
        let length = length.min(self.end - self.start);
        let place = self.start..self.start + length;
        self.start += length;
        self.offset += length as u64;
        place
    }

    /// The bytes at a place from [`take`](Self::take).
    pub fn at(&self, place: Range<usize>) -> &[u8] {
        &self.buffer[place]
    }

    /// Where the unread bytes begin in the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the stream that have come in.
    pub fn received(&self) -> u64 {
        self.offset + (self.end - self.start) as u64
    }

    /// Whether nothing comes behind the unread bytes.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_order_and_once() {
        let bytes: Vec<u8> = (0..=255).cycle().take(CHUNK_BYTES * 3).collect();
        let mut window = Window::new(Box::new(io::Cursor::new(bytes.clone())));
        let mut taken = Vec::new();
        for length in [1, 100_000, 400_000, CHUNK_BYTES * 3] {
            window.need(length).expect("memory is readable");
            let place = window.take(length);
            taken.extend_from_slice(window.at(place));
            assert_eq!(window.offset(), taken.len() as u64);
        }
        assert_eq!(taken, bytes);
        assert!(window.is_at_end() && window.unread().is_empty());
    }
}
