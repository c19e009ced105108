//! One capture to record batches, and the report of what could not be read.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::ArrowError;
use datafusion_common::Result;
use file_source::{BATCH_ROWS, Input, Next, Scan, Sink};
use flow_source::{Breakage, FlowRecord, Place};
use packet_file::{CaptureReader, Defect, Headers, NoHeaders, Packet, read_headers};

use crate::NAME;
use crate::assembler::{Assembler, Taker};
use crate::biflow::{Biflow, End};
use crate::dns::Questions;
use crate::inspect::Inspected;
use crate::rows::{self, Ends, PacketRow, Row};
use crate::table::{Captures, View};

/// Reads a capture of the table.
pub(crate) fn read(captures: &Captures, path: &Path, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
    let input = Input::open(path, Some(Arc::clone(&scan.report)))?;
    let compression = input.compression();
    let with_app = captures.view == View::Flows && scan.schema.column_with_name("app_protocol").is_some();
    let inspects = with_app || matches!(captures.view, View::Tls | View::Http);
    let rows = if captures.view == View::Flows { Rows::Flows(Vec::new()) } else { Rows::Others(Vec::new()) };
    let output = Output { view: captures.view, path, scan, sink, rows, with_app, next: Next::Continue, fault: None };
    let mut reading = Reading {
        output,
        assembler: Assembler::new(captures.options, inspects),
        questions: Questions::default(),
        packets: 0,
        truncated: 0,
        not_ip: 0,
    };
    let outcome = CaptureReader::new(Box::new(input)).and_then(|mut reader| reading.read_all(&mut reader));
    reading.finish();
    let Reading { output: Output { next, fault, .. }, .. } = reading;
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let (offset, reason) = match outcome {
        Ok(()) => return Ok(next),
        Err(Defect::Broken { offset, reason } | Defect::Block { offset, reason }) => (offset, reason),
        Err(Defect::Unreadable { offset, reason }) => {
            let error = compression.defect(path, offset, reason);
            if offset == 0 {
                return Err(error.into());
            }
            (offset, error.to_string())
        }
    };
    scan.report.break_off(Breakage { path: path.to_owned(), place: Place::Byte(offset), offset, reason });
    Ok(next)
}

struct Reading<'a, 's> {
    output: Output<'a, 's>,
    assembler: Assembler,
    questions: Questions,
    packets: u64,
    truncated: u64,
    not_ip: u64,
}

impl Reading<'_, '_> {
    fn read_all(&mut self, reader: &mut CaptureReader) -> Result<(), Defect> {
        while self.output.next == Next::Continue && !self.output.sink.is_closed() {
            match reader.next_packet() {
                Ok(Some(packet)) => self.packet(&packet),
                Ok(None) => return Ok(()),
                Err(Defect::Block { offset, reason }) => self.output.reject(offset, reason),
                Err(defect) => return Err(defect),
            }
        }
        self.output.next = Next::Stop;
        Ok(())
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        let headers = read_headers(packet.link, packet.bytes);
        if (packet.bytes.len() as u64) < u64::from(packet.length) {
            self.truncated += 1;
        }
        if self.output.view == View::Packets {
            let row = packet_row(self.packets, packet, headers.as_ref().ok());
            self.output.push(Row::Packet(Box::new(row)));
        }
        match headers {
            Ok(headers) => self.headers(&headers, packet),
            Err(NoHeaders::NotIp) => self.not_ip += 1,
            Err(NoHeaders::Unreadable(reason)) => {
                if self.output.view != View::Packets {
                    self.output.reject(packet.offset, reason);
                }
            }
        }
    }

    fn headers(&mut self, headers: &Headers<'_>, packet: &Packet<'_>) {
        let Self { output, assembler, questions, .. } = self;
        match output.view {
            View::Packets => {}
            View::Dns => {
                let give = |transaction| output.push(Row::Dns(Box::new(transaction)));
                if let Err(reason) = questions.packet(headers, packet.time_ns, packet.offset, give) {
                    output.reject(packet.offset, reason);
                }
            }
            View::Flows | View::Tls | View::Http => {
                assembler.packet(headers, packet.time_ns, packet.offset, output);
            }
        }
    }

    fn finish(&mut self) {
        let Self { output, assembler, questions, .. } = self;
        if output.next == Next::Continue {
            assembler.finish(output);
            questions.finish(|transaction| output.push(Row::Dns(Box::new(transaction))));
            output.give();
        }
        let (path, packets, report) = (self.output.path.display(), self.packets, &self.output.scan.report);
        if self.truncated > 0 {
            report.note(format!("`{path}`: {} of {packets} packets were captured in part", self.truncated));
        }
        if self.not_ip > 0 && self.output.view != View::Packets {
            report.note(format!("`{path}`: {} of {packets} packets are not IP", self.not_ip));
        }
    }
}

fn packet_row(number: u64, packet: &Packet<'_>, headers: Option<&Headers<'_>>) -> PacketRow {
    PacketRow {
        number,
        ends: headers.map(|headers| Ends::of(headers, packet.time_ns, packet.offset, false)),
        time_ns: packet.time_ns,
        offset: packet.offset,
        length: packet.length,
        captured: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
        macs: headers.and_then(|headers| headers.macs),
        vlan: headers.and_then(|headers| headers.vlan),
        ip_bytes: headers.map(|headers| headers.ip_bytes),
        payload_bytes: headers.map(|headers| headers.payload_bytes),
        tcp_flags: headers.and_then(|headers| headers.tcp_flags),
        icmp: headers.and_then(|headers| headers.icmp),
        is_fragment: headers.is_some_and(|headers| headers.is_fragment),
    }
}

enum Rows {
    Flows(Vec<FlowRecord>),
    Others(Vec<Row>),
}

/// Where rows gather until they are a batch.
struct Output<'a, 's> {
    view: View,
    path: &'a Path,
    scan: &'a Scan,
    sink: &'a mut Sink<'s>,
    rows: Rows,
    with_app: bool,
    next: Next,
    fault: Option<ArrowError>,
}

impl Taker for Output<'_, '_> {
    fn flow(&mut self, flow: &Biflow, end: End) {
        if let (Rows::Flows(flows), Next::Continue) = (&mut self.rows, self.next) {
            flows.push(flow.record(end, self.with_app));
            self.give_when_full();
        }
    }

    fn inspected(&mut self, flow: &Biflow, seen: Inspected) {
        match (seen, self.view) {
            (Inspected::Tls(handshake), View::Tls) => self.push(Row::Tls(flow.ends(), handshake)),
            (Inspected::Http(exchange), View::Http) => self.push(Row::Http(flow.ends(), exchange)),
            _ => {}
        }
    }
}

impl Output<'_, '_> {
    fn push(&mut self, row: Row) {
        if let (Rows::Others(rows), Next::Continue) = (&mut self.rows, self.next) {
            rows.push(row);
            self.give_when_full();
        }
    }

    fn reject(&mut self, offset: u64, reason: String) {
        self.scan.report.reject(self.path, Place::Byte(offset), || reason);
    }

    fn count(&self) -> usize {
        match &self.rows {
            Rows::Flows(flows) => flows.len(),
            Rows::Others(rows) => rows.len(),
        }
    }

    fn give_when_full(&mut self) {
        if self.count() >= BATCH_ROWS.min(self.sink.left()) {
            self.give();
        }
    }

    fn give(&mut self) {
        if self.count() == 0 {
            return;
        }
        let batch = match &mut self.rows {
            Rows::Flows(flows) => {
                flow_source::record::batch_of(&self.scan.schema, &std::mem::take(flows), NAME, Some(self.path))
            }
            Rows::Others(rows) => rows::batch_of(&self.scan.schema, &std::mem::take(rows), self.path),
        };
        match batch {
            Ok(batch) => self.next = self.sink.give(batch),
            Err(fault) => {
                self.fault = Some(fault);
                self.next = Next::Stop;
            }
        }
    }
}
