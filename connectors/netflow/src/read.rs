//! One file to record batches: messages to records, records to rows, and the report of what was left out.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use datafusion_common::Result;
use file_source::{BATCH_ROWS, Input, Next, Scan, Sink};
use flow_source::record::{Notes, batch_of};
use flow_source::{Breakage, FlowRecord, Place, QualityReport, SourceError};
use packet_file::Defect;

use crate::NAME;
use crate::decode::{Decoder, Record, RecordSink};
use crate::messages::MessageReader;
use crate::native::NativeBatch;
use crate::table::{ExportFile, ExportFiles, View};

/// Reads a file of the table.
pub(crate) fn read(files: &ExportFiles, file: &ExportFile, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
    let input = Input::open(&file.path, Some(std::sync::Arc::clone(&scan.report)))?;
    let compression = input.compression();
    let rows = match files.view {
        View::Flows => Rows::Flows(Vec::new()),
        View::Native => Rows::Native(NativeBatch::new(scan.schema.clone(), &files.columns, &file.path)),
    };
    let mut reading = Reading { path: &file.path, scan, sink, rows, next: Next::Continue, fault: None, no_flows: 0 };
    let mut decoder = Decoder::default();
    let outcome = MessageReader::open(file.container, Box::new(input)).and_then(|mut messages| {
        let outcome = decode_all(&mut messages, &mut decoder, &mut reading);
        reading.note_others(messages.others());
        outcome
    });
    if reading.next == Next::Continue {
        decoder.finish(&files.foreign, &mut reading);
        reading.give();
    }
    reading.note_lost(&decoder);
    reading.note_skipped();
    let Reading { next, fault, .. } = reading;
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let Err(defect) = outcome else { return Ok(next) };
    let (offset, error) = match defect {
        Defect::Broken { offset, reason } | Defect::Block { offset, reason } => (offset, Err(reason)),
        Defect::Unreadable { offset, reason } => (offset, Ok(compression.defect(&file.path, offset, reason))),
    };
    // A file of which nothing could be read at all is an error; otherwise its rows count.
    match error {
        Ok(error) if offset == 0 => return Err(error.into()),
        Ok(error) => break_off(scan, &file.path, offset, error.to_string()),
        Err(reason) => break_off(scan, &file.path, offset, reason),
    }
    Ok(next)
}

fn break_off(scan: &Scan, path: &Path, offset: u64, reason: String) {
    scan.report.break_off(Breakage { path: path.to_owned(), place: Place::Byte(offset), offset, reason });
}

fn decode_all(
    messages: &mut MessageReader,
    decoder: &mut Decoder,
    reading: &mut Reading<'_, '_>,
) -> Result<(), Defect> {
    while reading.next == Next::Continue {
        match messages.decode_next(decoder, reading) {
            Ok(true) => {}
            Ok(false) => break,
            Err(Defect::Block { offset, reason }) => reading.reject(offset, || reason),
            Err(defect) => return Err(defect),
        }
        if reading.sink.is_closed() {
            reading.next = Next::Stop;
        }
    }
    Ok(())
}

enum Rows<'a> {
    Flows(Vec<FlowRecord>),
    Native(NativeBatch<'a>),
}

/// The reading of one file.
struct Reading<'a, 's> {
    path: &'a Path,
    scan: &'a Scan,
    sink: &'a mut Sink<'s>,
    rows: Rows<'a>,
    next: Next,
    fault: Option<ArrowError>,
    /// Records that describe no flow.
    no_flows: u64,
}

impl RecordSink for Reading<'_, '_> {
    fn record(&mut self, record: &Record<'_>) {
        // Waiting sets may hold more rows than a batch, so the bound is kept here.
        if self.next == Next::Stop {
            return;
        }
        match &mut self.rows {
            Rows::Flows(flows) if record.template.flow.is_flow => {
                let mut flow = record.template.flow.flow(record.bytes, record.context, record.state);
                flow.offset = Some(record.offset);
                if record.is_foreign {
                    flow.notes.add(Notes::FOREIGN_TEMPLATE);
                }
                flows.push(flow);
            }
            Rows::Flows(_) => self.no_flows += u64::from(!record.template.is_options),
            Rows::Native(batch) => batch.push(record),
        }
        if self.rows.len() >= BATCH_ROWS.min(self.sink.left()) {
            self.give();
        }
    }

    fn reject(&mut self, offset: u64, reason: impl FnOnce() -> String) {
        self.scan.report.reject(self.path, Place::Byte(offset), reason);
    }
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Flows(flows) => flows.len(),
            Self::Native(batch) => batch.rows(),
        }
    }

    fn take(&mut self, scan: &Scan, path: &Path) -> Result<RecordBatch, ArrowError> {
        match self {
            Self::Flows(flows) => {
                let batch = batch_of(&scan.schema, flows, NAME, Some(path));
                flows.clear();
                batch
            }
            Self::Native(batch) => batch.take(),
        }
    }
}

impl Reading<'_, '_> {
    fn give(&mut self) {
        if self.rows.len() == 0 {
            return;
        }
        match self.rows.take(self.scan, self.path) {
            Ok(batch) => self.next = self.sink.give(batch),
            Err(fault) => {
                self.fault = Some(fault);
                self.next = Next::Stop;
            }
        }
    }

    fn report(&self) -> &QualityReport {
        &self.scan.report
    }

    fn note_others(&self, packets: u64) {
        if packets > 0 {
            let path = self.path.display();
            self.report().note(format!("`{path}` has {packets} packets that are no exports of NetFlow or IPFIX"));
        }
    }

    fn note_skipped(&self) {
        let path = self.path.display();
        if self.no_flows > 0 {
            let records = self.no_flows;
            self.report().note(format!(
                "`{path}` has {records} data records without addresses, which are no flows; read_log shows them"
            ));
        }
        if let Rows::Native(batch) = &self.rows
            && !batch.unknown.is_empty()
        {
            let names = batch.unknown_names().join("`, `");
            self.report().note(format!("`{path}` has fields the table does not have: `{names}`"));
        }
    }

    fn note_lost(&self, decoder: &Decoder) {
        for (domain, state) in decoder.domains().filter(|(_, state)| state.sequence.lost > 0) {
            let from = domain.exporter.address.map_or_else(String::new, |address| format!("{address}, "));
            let what = if domain.version == crate::decode::template::Version::V9 { "messages" } else { "records" };
            let (lost, name, id) = (state.sequence.lost, domain.version.name(), domain.id);
            let path = self.path.display();
            self.report().note(format!(
                "`{path}`: by the sequence numbers of {from}{name} domain {id}, {lost} {what} are missing"
            ));
        }
    }
}

/// The error for a file whose first bytes are of no format that is read here.
pub(crate) fn not_an_export(path: &Path, found: String) -> SourceError {
    SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::File,
        found,
        expected: "NetFlow v1, v5, v7, v9 or IPFIX messages, bare or in a pcap or pcapng capture".into(),
        hint: None,
    }
}
