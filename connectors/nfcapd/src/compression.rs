//! Unpacking blocks, each compressed on its own.
//!
//! Output is bounded by `BLOCK_BYTES_MAX` and by what the compression can make of the stored bytes.

use std::io::Read;

use crate::lzo::{self, BadLzo};
use crate::options::BLOCK_BYTES_MAX;

/// No compression here makes more than this of a byte, and that only in the limit.
const RATIO_MAX: usize = 256;
/// What most blocks need: 1 MiB, and room for a last record.
const USUAL_BYTES: usize = 1024 * 1024 + 64 * 1024;
const SLACK_BYTES: usize = 1024;

/// How the blocks of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Lzo,
    Bzip2,
    Lz4,
    Zstd,
}

impl Compression {
    /// By the number in the header of layout 2.
    pub(crate) fn of_v2(number: u8) -> Option<Self> {
        [Self::None, Self::Lzo, Self::Bzip2, Self::Lz4, Self::Zstd].get(usize::from(number)).copied()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Lzo => "LZO",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "LZ4",
            Self::Zstd => "zstd",
        }
    }
}

/// Unpacks block after block into the same memory.
#[derive(Default)]
pub(crate) struct Unpacker {
    unpacked: Vec<u8>,
}

impl Unpacker {
    /// The unpacked bytes.
    ///
    /// # Errors
    /// What is wrong with the stored bytes.
    pub(crate) fn unpack<'a>(&'a mut self, stored: &'a [u8], compression: Compression) -> Result<&'a [u8], String> {
        match compression {
            Compression::None => Ok(stored),
            Compression::Bzip2 => self.unpack_bzip2(stored),
            Compression::Zstd => {
                self.unpack_into(stored, |stored, room| match zstd::bulk::decompress_to_buffer(stored, room) {
                    Ok(length) => Ok(length),
                    Err(error) if error.to_string().contains("too small") => Err(None),
                    Err(error) => Err(Some(error.to_string())),
                })
            }
            Compression::Lz4 => {
                self.unpack_into(stored, |stored, room| match lz4_flex::block::decompress_into(stored, room) {
                    Ok(length) => Ok(length),
                    Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) => Err(None),
                    Err(error) => Err(Some(error.to_string())),
                })
            }
            Compression::Lzo => self.unpack_lzo(stored),
        }
    }

    fn unpack_bzip2(&mut self, stored: &[u8]) -> Result<&[u8], String> {
        self.unpacked.clear();
        let mut reader = bzip2::read::BzDecoder::new(stored).take(BLOCK_BYTES_MAX as u64 + 1);
        reader.read_to_end(&mut self.unpacked).map_err(|error| error.to_string())?;
        if self.unpacked.len() > BLOCK_BYTES_MAX {
            return Err(too_large());
        }
        Ok(&self.unpacked)
    }

    fn unpack_lzo(&mut self, stored: &[u8]) -> Result<&[u8], String> {
        self.unpacked.clear();
        match lzo::unpack(stored, &mut self.unpacked, BLOCK_BYTES_MAX) {
            Ok(()) => Ok(&self.unpacked),
            Err(BadLzo::TooLarge) => Err(too_large()),
            Err(BadLzo::Length) => Err("it does not end where its stream says".into()),
            Err(BadLzo::Distance) => Err("it refers to data before its beginning".into()),
        }
    }

    /// Tries with the room most blocks need, then with more. `unpack` answers `Err(None)` when the room is too small.
    fn unpack_into(
        &mut self,
        stored: &[u8],
        unpack: impl Fn(&[u8], &mut [u8]) -> Result<usize, Option<String>>,
    ) -> Result<&[u8], String> {
        let largest = stored.len().saturating_mul(RATIO_MAX).saturating_add(SLACK_BYTES).min(BLOCK_BYTES_MAX);
        let mut room = self.unpacked.len().clamp(USUAL_BYTES.min(largest), largest);
        loop {
            if self.unpacked.len() < room {
                self.unpacked.resize(room, 0);
            }
            match unpack(stored, &mut self.unpacked[..room]) {
                Ok(length) => return self.unpacked.get(..length).ok_or_else(too_large),
                Err(Some(reason)) => return Err(reason),
                Err(None) if room >= largest => return Err(too_large()),
                Err(None) => room = (room * 4).min(largest),
            }
        }
    }
}

fn too_large() -> String {
    format!("it unpacks to more than {BLOCK_BYTES_MAX} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [Compression; 3] = [Compression::Bzip2, Compression::Lz4, Compression::Zstd];

    fn pack(bytes: &[u8], compression: Compression) -> Vec<u8> {
        match compression {
            // There is nothing here that packs LZO; nfdump does, in the tests of whole files.
            Compression::None | Compression::Lzo => bytes.to_vec(),
            Compression::Lz4 => lz4_flex::block::compress(bytes),
            Compression::Zstd => zstd::bulk::compress(bytes, 1).expect("zstd"),
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).expect("bzip2");
                encoder.finish().expect("bzip2")
            }
        }
    }

    #[test]
    fn small_and_large_blocks() {
        let mut unpacker = Unpacker::default();
        for size in [1, 1000, 1024 * 1024, 5 * 1024 * 1024] {
            let bytes: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8 ^ (at >> 12) as u8).collect();
            for compression in ALL {
                let packed = pack(&bytes, compression);
                let unpacked = unpacker.unpack(&packed, compression).expect("it was packed by the same crate");
                assert!(unpacked == bytes, "{} of {size} bytes", compression.name());
            }
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bytes = vec![0; BLOCK_BYTES_MAX + 1];
        for compression in ALL {
            let reason = Unpacker::default().unpack(&pack(&bytes, compression), compression).expect_err("too large");
            assert!(reason.contains("more than"), "{}: {reason}", compression.name());
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(garbage in proptest::collection::vec(any::<u8>(), 0..300)) {
            for compression in ALL {
                let _ = Unpacker::default().unpack(&garbage, compression);
            }
        }
    }
}
