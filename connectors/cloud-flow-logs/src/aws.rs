//! AWS VPC flow logs: lines of values separated by blanks, of the default format (version 2) or of one whose header names
//! the fields (versions 3 and later), as in files on S3; exports of CloudWatch put a time before each line.
//!
//! Fields as in "VPC Flow Logs, Available fields". The interface becomes `sensor`, the account `observation_domain`.

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone, delimited};
use flow_source::protocol::TCP;
use flow_source::{FlowRow, FlowRows};

use crate::REJECTED;

/// Lines of values separated by blanks.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsVpc;

/// The default format.
const DEFAULT: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];
const FIELDS: &[&str] = &[
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "tcp-flags",
    "flow-direction",
    "pkt-dst-aws-service",
    "timestamp",
];
const ACCOUNT_ID: usize = 0;
const INTERFACE_ID: usize = 1;
const SRCADDR: usize = 2;
const DSTADDR: usize = 3;
const SRCPORT: usize = 4;
const DSTPORT: usize = 5;
const PROTOCOL: usize = 6;
const PACKETS: usize = 7;
const BYTES: usize = 8;
const START: usize = 9;
const END: usize = 10;
const ACTION: usize = 11;
const LOG_STATUS: usize = 12;
const TCP_FLAGS: usize = 13;
const FLOW_DIRECTION: usize = 14;
const SERVICE: usize = 15;
const TIMESTAMP: usize = 16;

impl TextSource for AwsVpc {
    const NAME: &'static str = "aws-vpc";
    const FILE_KIND: &'static str = "an AWS VPC flow log";
    const READABLE: &'static str = "AWS VPC flow logs";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] = &["start", "end", "timestamp"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
        let mut values = Vec::new();
        delimited::cut(std::str::from_utf8(line).ok()?, b' ', &mut values);
        let names = names_of(&values)?;
        Some(Layout::Delimited { separator: b' ', names })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        match fields.text(LOG_STATUS).as_deref() {
            Some("NODATA") => return Ok(Outcome::NoRow),
            Some("SKIPDATA") => return Err("the log says SKIPDATA: flows of this interval were not recorded".into()),
            _ => {}
        }
        let (account, interface, service) = (fields.text(ACCOUNT_ID), fields.text(INTERFACE_ID), fields.text(SERVICE));
        let protocol = fields.number(PROTOCOL)?;
        rows.push(
            FlowRow {
                start_time: fields.epoch_seconds(START)?,
                end_time: fields.epoch_seconds(END)?,
                received_time: fields.time(TIMESTAMP, Zone::default())?,
                src_ip: fields.address(SRCADDR)?,
                dst_ip: fields.address(DSTADDR)?,
                src_port: fields.number(SRCPORT)?,
                dst_port: fields.number(DSTPORT)?,
                protocol,
                packets: fields.number(PACKETS)?,
                bytes: fields.number(BYTES)?,
                tcp_flags: fields.number(TCP_FLAGS)?.filter(|_| protocol == Some(TCP)),
                flow_count: Some(1),
                direction: match fields.text(FLOW_DIRECTION).as_deref() {
                    Some("ingress") => Some("in"),
                    Some("egress") => Some("out"),
                    _ => None,
                },
                app_protocol: service.as_deref(),
                conn_state: (fields.text(ACTION).as_deref() == Some("REJECT")).then_some(REJECTED),
                observation_domain: account.as_deref(),
                sensor: interface.as_deref(),
                ..FlowRow::default()
            },
            line,
        );
        Ok(Outcome::Row)
    }
}

/// The names of the values of a first line, which is a header or a record of the default format.
fn names_of(values: &[&str]) -> Option<Vec<String>> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    if ["srcaddr", "dstaddr", "start", "end"].iter().all(|needed| values.contains(needed)) {
        return Some(owned(values));
    }
    match values {
        [timestamp, record @ ..] if Zone::default().moment(timestamp).is_some() && is_default(record) => {
            Some([owned(&["timestamp"]), owned(&DEFAULT)].concat())
        }
        record if is_default(record) => Some(owned(&DEFAULT)),
        _ => None,
    }
}

fn is_default(record: &[&str]) -> bool {
    let &["2", _, interface, .., start, end, action, status] = record else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    record.len() == DEFAULT.len()
        && interface.starts_with("eni-")
        && is_number(start)
        && is_number(end)
        && ["ACCEPT", "REJECT", "-"].contains(&action)
        && ["OK", "NODATA", "SKIPDATA"].contains(&status)
}
