//! The chain of blocks: a 12-byte header each, then the block's stored bytes.
//!
//! What is in a block is the business of `record`.

use std::io::{self, Read};

use file_source::Input;

use crate::compression::{Compression, Unpacker};
use crate::header::{Header, Layout};
use crate::options::BLOCK_BYTES_MAX;

pub(crate) const BLOCK_HEADER_BYTES: u64 = 12;
/// A block of layout 2 that is stored as it is in a compressed file.
const V2_UNCOMPRESSED: u16 = 1;
/// The same in layout 1.
const V1_UNCOMPRESSED: u16 = 1;

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where its header is, in bytes of the (decompressed) file.
    pub(crate) offset: u64,
    pub(crate) records: u32,
    /// Stored bytes behind the header.
    pub(crate) bytes: u32,
    /// 2 in layout 1; 3 (records) and 4 (an array) in layout 2.
    pub(crate) kind: u16,
    pub(crate) flags: u16,
}

/// Why the chain cannot be followed further.
#[derive(Debug)]
pub(crate) struct BrokenChain {
    /// Where the first block that is not whole begins.
    pub(crate) offset: u64,
    pub(crate) reason: String,
}

/// Follows the chain. After [`next`](Self::next) the block's data is read or passed over.
pub(crate) struct BlockReader {
    input: Input,
    layout: Layout,
    compression: Compression,
    /// Where the next block begins.
    offset: u64,
    /// Where the data blocks end.
    end: u64,
    /// Bytes of the last block that have not been read yet.
    pending: u64,
    stored: Vec<u8>,
    unpacker: Unpacker,
}

impl BlockReader {
    /// `input` stands at the beginning of the file.
    pub(crate) fn new(mut input: Input, header: &Header) -> io::Result<Self> {
        input.pass_over(header.first_block)?;
        Ok(Self::at(input, header, header.first_block))
    }

    /// `input` stands at a block.
    pub(crate) fn at(input: Input, header: &Header, offset: u64) -> Self {
        Self {
            input,
            layout: header.layout,
            compression: header.compression,
            offset,
            end: header.end.unwrap_or(u64::MAX),
            pending: 0,
            stored: Vec::new(),
            unpacker: Unpacker::default(),
        }
    }

    /// The next block; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, BrokenChain> {
        let pending = std::mem::take(&mut self.pending);
        self.input.pass_over(pending).map_err(|error| self.broken(error.to_string()))?;
        if self.offset >= self.end {
            return Ok(None);
        }
        let mut head = Vec::with_capacity(BLOCK_HEADER_BYTES as usize);
        let read = (&mut self.input).take(BLOCK_HEADER_BYTES).read_to_end(&mut head);
        read.map_err(|error| self.broken(error.to_string()))?;
        if head.is_empty() {
            return Ok(None);
        }
        let &[r0, r1, r2, r3, b0, b1, b2, b3, k0, k1, f0, f1] = head.as_slice() else {
            return Err(self.broken(format!("the file ends within the header of a block, after {} bytes", head.len())));
        };
        let block = Block {
            offset: self.offset,
            records: u32::from_le_bytes([r0, r1, r2, r3]),
            bytes: u32::from_le_bytes([b0, b1, b2, b3]),
            kind: u16::from_le_bytes([k0, k1]),
            flags: u16::from_le_bytes([f0, f1]),
        };
        if block.bytes as usize > BLOCK_BYTES_MAX {
            let reason = format!("a block of {} bytes, where {BLOCK_BYTES_MAX} are the most", block.bytes);
            return Err(self.broken(reason));
        }
        self.pending = u64::from(block.bytes);
        self.offset += BLOCK_HEADER_BYTES + self.pending;
        Ok(Some(block))
    }

    /// The unpacked bytes of the block that [`next`](Self::next) gave.
    pub(crate) fn data(&mut self, block: &Block) -> Result<&[u8], BadBlock> {
        self.stored.clear();
        let wanted = std::mem::take(&mut self.pending);
        let read = (&mut self.input).take(wanted).read_to_end(&mut self.stored);
        if let Err(error) = read {
            return Err(BadBlock::Cut(error.to_string()));
        }
        if (self.stored.len() as u64) < wanted {
            let reason = format!("the file ends within a block, after {} of {wanted} bytes", self.stored.len());
            let is_plain = !self.is_packed(block) || self.compression == Compression::None;
            // Of packed bytes nothing is known before the last has come.
            return Err(if is_plain { BadBlock::CutWithin(reason) } else { BadBlock::Cut(reason) });
        }
        let compression = if self.is_packed(block) { self.compression } else { Compression::None };
        self.unpacker
            .unpack(&self.stored, compression)
            .map_err(|reason| BadBlock::Damaged(format!("its {} data is damaged ({reason})", compression.name())))
    }

    /// The bytes that are there of a block that is [`BadBlock::CutWithin`].
    pub(crate) fn rest(&self) -> &[u8] {
        &self.stored
    }

    fn is_packed(&self, block: &Block) -> bool {
        match self.layout {
            Layout::V1 => block.flags != V1_UNCOMPRESSED,
            Layout::V2 => block.flags & V2_UNCOMPRESSED == 0,
        }
    }

    fn broken(&self, reason: String) -> BrokenChain {
        BrokenChain { offset: self.offset, reason }
    }
}

/// Why a block gives no records.
#[derive(Debug)]
pub(crate) enum BadBlock {
    /// The file ends here.
    Cut(String),
    /// The file ends here, and the records before its end can be read.
    CutWithin(String),
    /// The next block may be good.
    Damaged(String),
}
