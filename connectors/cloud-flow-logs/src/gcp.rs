//! Google VPC flow logs: entries of Cloud Logging in JSON, one a line or in a list.
//!
//! Fields as in "VPC Flow Logs, Record format". Both ends of a flow between two machines report it; the machine that
//! reports becomes `sensor`, and `direction` is as it sees the flow. Google takes samples of flows and scales counters
//! up, which rows say with the note `scaled_by_sampling`.

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone};
use flow_source::{FlowRow, FlowRows};

/// Entries of a log.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcpVpc {
    /// Of its clock, where the zone that it writes is wrong.
    zone: Zone,
}

const FIELDS: &[&str] = &[
    "jsonPayload.connection.src_ip",
    "jsonPayload.connection.src_port",
    "jsonPayload.connection.dest_ip",
    "jsonPayload.connection.dest_port",
    "jsonPayload.connection.protocol",
    "jsonPayload.bytes_sent",
    "jsonPayload.packets_sent",
    "jsonPayload.start_time",
    "jsonPayload.end_time",
    "jsonPayload.reporter",
    "jsonPayload.src_instance.vm_name",
    "jsonPayload.dest_instance.vm_name",
    "resource.labels.project_id",
    "insertId",
    "receiveTimestamp",
];
const SRC_IP: usize = 0;
const SRC_PORT: usize = 1;
const DEST_IP: usize = 2;
const DEST_PORT: usize = 3;
const PROTOCOL: usize = 4;
const BYTES_SENT: usize = 5;
const PACKETS_SENT: usize = 6;
const START_TIME: usize = 7;
const END_TIME: usize = 8;
const REPORTER: usize = 9;
const SRC_VM: usize = 10;
const DEST_VM: usize = 11;
const PROJECT: usize = 12;
const INSERT_ID: usize = 13;
const RECEIVED: usize = 14;
/// How far into a file the keys of its first entry may be.
const HEAD_BYTES: usize = 8000;

impl TextSource for GcpVpc {
    const NAME: &'static str = "gcp-vpc";
    const FILE_KIND: &'static str = "a Google VPC flow log";
    const READABLE: &'static str = "Google VPC flow logs";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] =
        &["timestamp", "receiveTimestamp", "jsonPayload.start_time", "jsonPayload.end_time"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let start = head.trim_ascii_start();
        let first = &start[..start.len().min(HEAD_BYTES)];
        let has = |key: &[u8]| first.windows(key.len()).any(|window| window == key);
        let is_log = has(b"\"jsonPayload\"") && has(b"\"connection\"") && has(b"\"src_ip\"");
        ((start.starts_with(b"{") || start.starts_with(b"[")) && is_log).then_some(Layout::JsonObjects { depth: 0 })
    }

    fn in_zone(&self, zone: Zone) -> Option<Self> {
        zone.ignores_written().then_some(Self { zone })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        if fields.raw(SRC_IP).is_none() && fields.raw(DEST_IP).is_none() {
            return Ok(Outcome::NoRow);
        }
        let reporter = fields.text(REPORTER);
        let (direction, vm) = match reporter.as_deref() {
            Some("SRC") => (Some("out"), SRC_VM),
            Some("DEST") => (Some("in"), DEST_VM),
            _ => (None, SRC_VM),
        };
        let (sensor, project, id) = (fields.text(vm), fields.text(PROJECT), fields.text(INSERT_ID));
        let mut row = FlowRow {
            start_time: fields.time(START_TIME, self.zone)?,
            end_time: fields.time(END_TIME, self.zone)?,
            received_time: fields.time(RECEIVED, self.zone)?,
            src_ip: fields.address(SRC_IP)?,
            dst_ip: fields.address(DEST_IP)?,
            src_port: fields.number(SRC_PORT)?,
            dst_port: fields.number(DEST_PORT)?,
            protocol: fields.number(PROTOCOL)?,
            packets: fields.number(PACKETS_SENT)?,
            bytes: fields.number(BYTES_SENT)?,
            flow_count: Some(1),
            direction,
            sensor: sensor.as_deref(),
            observation_domain: project.as_deref(),
            uid: id.as_deref(),
            ..FlowRow::default()
        };
        row.notes.add_if(true, "scaled_by_sampling");
        row.notes.add_if(fields.is_ambiguous(&[START_TIME, END_TIME], self.zone), "time_ambiguous");
        rows.push(row, line);
        Ok(Outcome::Row)
    }
}
