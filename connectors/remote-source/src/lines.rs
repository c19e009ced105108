//! Answers that are lines, as they arrive.

use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Response;

use crate::error::{Cause, RemoteError};
use crate::http::Http;
use crate::stream::Sink;

/// One line of an answer; a row with long texts is far below.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The lines of an answer.
pub struct Lines {
    pieces: BoxStream<'static, Result<Vec<u8>, RemoteError>>,
    place: String,
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no end of a line was found.
    searched: usize,
    has_ended: bool,
}

impl Lines {
    /// Those of a response.
    pub fn new(http: &Http, response: Response) -> Self {
        Self {
            pieces: http.pieces(response),
            place: http.place().to_owned(),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            has_ended: false,
        }
    }

    /// The next line without its end; also a last one without an end. `None` when there are no more.
    ///
    /// # Errors
    /// When the answer breaks off, or a line is too long.
    pub async fn next(&mut self, sink: &Sink) -> Result<Option<&[u8]>, RemoteError> {
        loop {
            if let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let (start, end) = (self.start, self.searched + length);
                self.start = end + 1;
                self.searched = self.start;
                return Ok(Some(without_return(&self.buffer[start..end])));
            }
            self.searched = self.buffer.len();
            if self.has_ended {
                let rest = self.start;
                self.start = self.buffer.len();
                return Ok(Some(without_return(&self.buffer[rest..])).filter(|rest| !rest.is_empty()));
            }
            if self.buffer.len() - self.start > LINE_BYTES_MAX {
                let reason = format!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20);
                return Err(RemoteError::new(&self.place, Cause::Malformed { reason }));
            }
            self.buffer.drain(..self.start);
            (self.searched, self.start) = (self.searched - self.start, 0);
            match self.pieces.next().await.transpose()? {
                Some(piece) => {
                    sink.count_bytes(piece.len());
                    self.buffer.extend_from_slice(&piece);
                }
                None => self.has_ended = true,
            }
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
