//! Frames of the bridge as the kernel reads and writes them. What is in them is in [`super::host`].

use flowdeck::bridge::{self, Frame};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
};

/// Bytes asked of the socket at once: a loop that prints sends many small frames.
const READ_BYTES: usize = 64 * 1024;

/// Text that is gathered from frames before it is passed on, bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Reads frames, and joins text that was printed in many pieces: whatever waits already is given as one frame.
pub struct FrameReader<'a> {
    reader: BufReader<&'a mut OwnedReadHalf>,
    /// A frame that was read after the text before it, and comes next.
    next: Option<Raw>,
}

/// A frame of which the dictionary is not parsed yet.
struct Raw {
    json: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> FrameReader<'a> {
    /// Reads from a connection.
    pub fn new(reader: &'a mut OwnedReadHalf) -> FrameReader<'a> {
        FrameReader { reader: BufReader::with_capacity(READ_BYTES, reader), next: None }
    }

    /// The next frame; `None` at the end of the connection.
    ///
    /// # Errors
    /// What the connection says; `InvalidData` for lengths beyond the limits or a dictionary that is none.
    pub async fn next(&mut self) -> std::io::Result<Option<Frame>> {
        let first = match self.next.take() {
            Some(frame) => frame,
            None => match read_raw(&mut self.reader).await? {
                Some(frame) => frame,
                None => return Ok(None),
            },
        };
        let mut frame = Frame { json: bridge::dictionary(&first.json)?, payload: first.payload };
        // One with a place is about that alone.
        if frame.kind() == bridge::STREAM && !frame.json.contains_key("file") {
            self.gather(&first.json, &mut frame.payload).await?;
        }
        Ok(Some(frame))
    }

    /// Adds the text of the frames that wait already and say the same of themselves.
    async fn gather(&mut self, json: &[u8], text: &mut Vec<u8>) -> std::io::Result<()> {
        while text.len() < TEXT_BYTES_MAX && holds_a_frame(self.reader.buffer()) {
            match read_raw(&mut self.reader).await? {
                Some(more) if more.json == json => text.extend(more.payload),
                other => {
                    self.next = other;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Reads one frame; `None` at the end of the connection.
///
/// # Errors
/// As [`FrameReader::next`].
pub async fn read(reader: &mut OwnedReadHalf) -> std::io::Result<Option<Frame>> {
    let Some(raw) = read_raw(reader).await? else { return Ok(None) };
    Ok(Some(Frame { json: bridge::dictionary(&raw.json)?, payload: raw.payload }))
}

/// Writes frames for as long as there are any to come.
pub async fn write_all(mut writer: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) {
    while let Some(frame) = frames.recv().await {
        if let Err(error) = writer.write_all(&frame.encoded()).await {
            tracing::debug!(%error, "the cell host is gone");
            return;
        }
    }
}

/// Whether the bytes begin with a whole frame, so that reading it does not wait.
fn holds_a_frame(bytes: &[u8]) -> bool {
    let Some(head) = bytes.first_chunk() else { return false };
    bridge::checked_lengths(*head).is_ok_and(|(json, payload)| bytes.len() - head.len() >= json.saturating_add(payload))
}

async fn read_raw(reader: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Raw>> {
    let mut head = [0; 12];
    match reader.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (json_len, payload_len) = bridge::checked_lengths(head)?;
    let (mut json, mut payload) = (vec![0; json_len], vec![0; payload_len]);
    reader.read_exact(&mut json).await?;
    reader.read_exact(&mut payload).await?;
    Ok(Some(Raw { json, payload }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn what_is_about_a_place_is_not_joined() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let placed = Frame::new(json!({"type": bridge::STREAM, "name": "stderr", "file": "cell-1", "line": 2}));
        let bytes: Vec<u8> = [&placed, &placed].into_iter().flat_map(Frame::encoded).collect();
        theirs.write_all(&bytes).await.expect("the socket takes it");
        drop(theirs);
        let (mut reader, _writer) = ours.into_split();
        let mut frames = FrameReader::new(&mut reader);
        for _ in 0..2 {
            assert_eq!(frames.next().await.expect("whole frames").as_ref(), Some(&placed));
        }
    }

    #[tokio::test]
    async fn text_that_waits_is_joined_and_keeps_its_place_among_other_frames() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let other = Frame::new(json!({"type": bridge::CLEAR_OUTPUT}));
        let sent = ["a", "b", "c"].map(|text| bridge::text(false, text));
        let bytes: Vec<u8> = sent
            .iter()
            .chain([&other, &bridge::text(true, "d"), &bridge::text(false, "e")])
            .flat_map(Frame::encoded)
            .collect();
        theirs.write_all(&bytes).await.expect("the socket takes it");
        drop(theirs);
        let (mut reader, _writer) = ours.into_split();
        let mut frames = FrameReader::new(&mut reader);
        let mut read = Vec::new();
        while let Some(frame) = frames.next().await.expect("whole frames") {
            read.push(frame);
        }
        let expected = [bridge::text(false, "abc"), other, bridge::text(true, "d"), bridge::text(false, "e")];
        assert_eq!(read, expected);
    }
}
