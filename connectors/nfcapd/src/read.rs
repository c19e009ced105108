//! Reading a piece of a file: its blocks, their records, batches of rows.
//!
//! Layout 2 can be read from any block on; layout 1 only from the beginning, because of its extension maps.

use std::io;
use std::path::Path;
use std::sync::Arc;

use datafusion_common::Result;
use file_source::{BATCH_ROWS, Input, Next, Piece, Scan, Sink};
use flow_source::{Breakage, Place, SourceError};

use crate::blocks::{BadBlock, Block, BlockReader, BrokenChain};
use crate::exporters::Exporters;
use crate::flows::{self, Origin};
use crate::header::{Header, Layout};
use crate::native;
use crate::record::{FLOW_RECORD, Record, Records, Rows, Slots};
use crate::table::View;
use crate::v1::{COMMON_RECORD, COMMON_RECORD_V0, EXTENSION_MAP, ExtensionMaps};

/// The block of layout 1.
const V1_RECORDS: u16 = 2;
/// The block of layout 2 that holds records; the other one holds tables of nfdump's own.
const V2_RECORDS: u16 = 3;

/// Stands for a rejected record, so that the numbers of the others stay.
const NO_RECORD: [u8; 4] = [0, 0, 4, 0];

/// A file and what is wanted of it.
pub(crate) struct PieceReader<'a, 'b> {
    path: &'a Path,
    header: &'a Header,
    view: View,
    scan: &'a Scan,
    sink: &'a mut Sink<'b>,
    slots: Slots,
    maps: ExtensionMaps,
    exporters: Exporters,
    /// Blocks met so far, also those before the piece.
    blocks: u32,
    /// The records of the current block as those of layout 2.
    converted: Vec<u8>,
}

impl<'a, 'b> PieceReader<'a, 'b> {
    pub(crate) fn new(path: &'a Path, header: &'a Header, view: View, scan: &'a Scan, sink: &'a mut Sink<'b>) -> Self {
        let mut elements: Vec<u16> = match view {
            View::Native => native::elements(&scan.schema).collect(),
            View::Flows => flows::elements(&scan.schema).collect(),
        };
        if !scan.times.is_none() {
            elements.push(1);
        }
        Self {
            path,
            header,
            view,
            scan,
            sink,
            slots: Slots::new(elements),
            maps: ExtensionMaps::default(),
            exporters: Exporters::default(),
            blocks: 0,
            converted: Vec::new(),
        }
    }

    /// Reads the blocks that begin in the piece.
    pub(crate) fn run(mut self, piece: &Piece) -> Result<Next> {
        let needs_exporters = self.view == View::Flows && flows::needs_exporters(&self.scan.schema);
        let input = Input::open(self.path, Some(Arc::clone(&self.scan.report)))?;
        let mut blocks = BlockReader::new(input, self.header).map_err(|error| self.unreadable(error))?;
        loop {
            if self.sink.is_closed() {
                return Ok(Next::Stop);
            }
            let block = match blocks.next() {
                Ok(Some(block)) if block.offset < piece.to => block,
                Ok(Some(_)) => return Ok(Next::Continue),
                Ok(None) => return self.end(piece),
                Err(broken) => return self.break_off(piece, broken),
            };
            self.blocks += 1;
            if block.offset < piece.from {
                if needs_exporters && let Ok(data) = blocks.data(&block) {
                    learn_exporters(&mut self.exporters, data, block.records);
                }
                continue;
            }
            match blocks.data(&block) {
                Ok(data) => {
                    if self.block(&block, data)? == Next::Stop {
                        return Ok(Next::Stop);
                    }
                }
                Err(BadBlock::Damaged(reason)) => self.lose(&block, block.records, &reason),
                Err(BadBlock::Cut(reason)) => {
                    return self.break_off(piece, BrokenChain { offset: block.offset, reason });
                }
                Err(BadBlock::CutWithin(reason)) => {
                    let next = self.block(&block, blocks.rest())?;
                    self.tell_broken(piece, &BrokenChain { offset: block.offset, reason });
                    return Ok(next);
                }
            }
        }
    }

    fn block(&mut self, block: &Block, data: &[u8]) -> Result<Next> {
        match (self.header.layout, block.kind) {
            (Layout::V2, V2_RECORDS) => self.records(block, data),
            (Layout::V1, V1_RECORDS) => {
                self.converted.clear();
                let mut converted = std::mem::take(&mut self.converted);
                let records = self.convert(block, data, &mut converted);
                let next = self.records(&Block { records, ..*block }, &converted);
                self.converted = converted;
                next
            }
            (Layout::V2, _) => Ok(Next::Continue),
            (Layout::V1, kind) => {
                self.lose(block, block.records, &format!("it is of the unknown kind {kind}"));
                Ok(Next::Continue)
            }
        }
    }

    /// Turns the flow records of layout 1 into those of layout 2; other records are copied. Gives their number.
    fn convert(&mut self, block: &Block, data: &[u8], converted: &mut Vec<u8>) -> u32 {
        let mut count = 0;
        for record in Records::new(data, block.records) {
            let record = match record {
                Ok(record) => record,
                Err(broken) => {
                    self.lose(block, broken.lost, &broken.reason);
                    break;
                }
            };
            let outcome = match record.kind {
                COMMON_RECORD | COMMON_RECORD_V0 => self.maps.convert(data, record, converted),
                kind => {
                    converted.extend_from_slice(&data[record.start..record.end]);
                    if kind == EXTENSION_MAP { self.maps.learn(data, record) } else { Ok(()) }
                }
            };
            if let Err(reason) = outcome {
                self.reject(block, count, &reason);
                if record.kind != EXTENSION_MAP {
                    converted.extend_from_slice(&NO_RECORD);
                }
            }
            count += 1;
        }
        count
    }

    fn records(&mut self, block: &Block, data: &[u8]) -> Result<Next> {
        let slots = self.slots.clone();
        let mut rows = Rows::new(data, &slots);
        for (number, record) in (0..).zip(Records::new(data, block.records)) {
            match record {
                Ok(record) if record.kind == FLOW_RECORD => self.flow(block, &mut rows, record, number),
                Ok(record) => self.exporters.learn(data, record),
                Err(broken) => self.lose(block, broken.lost, &broken.reason),
            }
            if rows.len() >= BATCH_ROWS.min(self.sink.left()) && self.give(block, &mut rows)? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        self.give(block, &mut rows)
    }

    fn flow(&self, block: &Block, rows: &mut Rows<'_>, record: Record, number: u32) {
        if let Err(reason) = rows.push(record, number) {
            self.reject(block, number, &reason);
        } else if !self.scan.times.is_none() {
            rows.keep_within(self.scan.times);
        }
    }

    fn give(&mut self, block: &Block, rows: &mut Rows<'_>) -> Result<Next> {
        if rows.len() == 0 {
            return Ok(Next::Continue);
        }
        let origin = Origin {
            path: self.path,
            block: block.offset,
            ident: self.header.ident.as_deref(),
            exporters: &self.exporters,
        };
        let batch = match self.view {
            View::Native => native::batch(&self.scan.schema, rows)?,
            View::Flows => flows::batch(&self.scan.schema, rows, &origin)?,
        };
        rows.clear();
        Ok(self.sink.give(batch))
    }

    fn reject(&self, block: &Block, number: u32, reason: &str) {
        self.scan.report.reject(self.path, Place::Record(u64::from(number) + 1), || {
            format!("in the block at byte {}: {reason}", block.offset)
        });
    }

    fn lose(&self, block: &Block, records: u32, reason: &str) {
        self.scan.report.reject_rows(self.path, Place::Byte(block.offset), u64::from(records), || {
            format!("the block loses {records} records: {reason}")
        });
    }

    /// The chain ended where a block could begin. Were there as many blocks as announced?
    fn end(&self, piece: &Piece) -> Result<Next> {
        let announced = self.header.blocks;
        if piece.to == u64::MAX && self.blocks < announced {
            let reason = format!("the file has {} blocks, its header announces {announced}", self.blocks);
            self.report_end(self.scan.report.bytes_read(), reason);
        }
        Ok(Next::Continue)
    }

    /// The blocks so far count, and the report says where the others are missing.
    fn break_off(&self, piece: &Piece, broken: BrokenChain) -> Result<Next> {
        self.tell_broken(piece, &broken);
        Ok(Next::Continue)
    }

    fn tell_broken(&self, piece: &Piece, broken: &BrokenChain) {
        // The chain is followed from its beginning for each piece: the one in which it breaks tells.
        if broken.offset >= piece.from && broken.offset < piece.to {
            self.report_end(broken.offset, broken.reason.clone());
        }
    }

    fn report_end(&self, offset: u64, reason: String) {
        let path = self.path.to_owned();
        self.scan.report.break_off(Breakage { path, place: Place::Byte(offset), offset, reason });
    }

    fn unreadable(&self, reason: io::Error) -> SourceError {
        SourceError::Unreadable { path: self.path.to_owned(), reason }
    }
}

fn learn_exporters(exporters: &mut Exporters, data: &[u8], records: u32) {
    for record in Records::new(data, records).flatten() {
        exporters.learn(data, record);
    }
}
