//! `zeek/conn.log`, `dns.log` and `ssl.log` in Zeek's own text format, with the columns of Zeek 4.
//!
//! Rows are written in the order of the flows given, which is that of their time (Zeek itself writes a connection
//! when it ends). Which flows Zeek sees is decided in `timeline`: those that have a uid.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::campus;
use crate::columns::protocol_name;
use crate::day::{zeek_interval, zeek_time};
use crate::dice::Uid;
use crate::error::DemoDataError;
use crate::flow::{DnsExchange, DnsKind, Flow, TlsHandshake};

/// Name and Zeek type of the columns that every log begins with.
const CONNECTION: [(&str, &str); 6] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
];
const CONN: [(&str, &str); 16] = [
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"),
    ("local_resp", "bool"),
    ("missed_bytes", "count"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"),
    ("community_id", "string"),
];
const DNS: [(&str, &str); 18] = [
    ("proto", "enum"),
    ("trans_id", "count"),
    ("rtt", "interval"),
    ("query", "string"),
    ("qclass", "count"),
    ("qclass_name", "string"),
    ("qtype", "count"),
    ("qtype_name", "string"),
    ("rcode", "count"),
    ("rcode_name", "string"),
    ("AA", "bool"),
    ("TC", "bool"),
    ("RD", "bool"),
    ("RA", "bool"),
    ("Z", "count"),
    ("answers", "vector[string]"),
    ("TTLs", "vector[interval]"),
    ("rejected", "bool"),
];
const SSL: [(&str, &str); 14] = [
    ("version", "string"),
    ("cipher", "string"),
    ("curve", "string"),
    ("server_name", "string"),
    ("resumed", "bool"),
    ("last_alert", "string"),
    ("next_protocol", "string"),
    ("established", "bool"),
    ("cert_chain_fuids", "vector[string]"),
    ("client_cert_chain_fuids", "vector[string]"),
    ("subject", "string"),
    ("issuer", "string"),
    ("client_subject", "string"),
    ("client_issuer", "string"),
];

/// What Zeek writes for a value that is not there.
const UNSET: &str = "-";
/// The handshake is logged this long after the first packet.
const HANDSHAKE_DELAY_US: u64 = 1_900;

/// How many rows each log has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) conn: u64,
    pub(crate) dns: u64,
    pub(crate) ssl: u64,
}

pub(crate) struct Logs {
    conn: Log,
    dns: Log,
    ssl: Log,
}

impl Logs {
    pub(crate) fn create(folder: &Path) -> Result<Self, DemoDataError> {
        Ok(Self {
            conn: Log::create(folder, "conn", &CONN)?,
            dns: Log::create(folder, "dns", &DNS)?,
            ssl: Log::create(folder, "ssl", &SSL)?,
        })
    }

    /// A flow without uid is one that Zeek did not see; it leaves no row.
    pub(crate) fn write(&mut self, flow: &Flow) -> Result<(), DemoDataError> {
        let Some(uid) = &flow.uid else { return Ok(()) };
        self.conn.row(&format!("{}\t{}", connection(flow, uid, 0), conn_columns(flow)))?;
        if let Some(exchange) = &flow.dns {
            self.dns.row(&format!("{}\t{}", connection(flow, uid, 0), dns_columns(flow, exchange)))?;
        }
        if let Some(handshake) = &flow.tls {
            self.ssl.row(&format!("{}\t{}", connection(flow, uid, HANDSHAKE_DELAY_US), ssl_columns(handshake)))?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Rows, DemoDataError> {
        Ok(Rows { conn: self.conn.finish()?, dns: self.dns.finish()?, ssl: self.ssl.finish()? })
    }
}

/// One log file under construction.
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    rows: u64,
}

impl Log {
    fn create(folder: &Path, name: &str, columns: &[(&str, &str)]) -> Result<Self, DemoDataError> {
        let path = folder.join(format!("{name}.log"));
        let file = File::create(&path).map_err(DemoDataError::file("create", &path))?;
        let mut log = Self { path, file: BufWriter::new(file), rows: 0 };
        let all = || CONNECTION.iter().chain(columns);
        let fields: Vec<&str> = all().map(|(name, _)| *name).collect();
        let types: Vec<&str> = all().map(|(_, kind)| *kind).collect();
        log.line("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-")?;
        log.line(&format!("#path\t{name}\n#open\t2024-02-05-00-00-00"))?;
        log.line(&format!("#fields\t{}\n#types\t{}", fields.join("\t"), types.join("\t")))?;
        Ok(log)
    }

    fn row(&mut self, row: &str) -> Result<(), DemoDataError> {
        self.rows += 1;
        self.line(row)
    }

    fn line(&mut self, line: &str) -> Result<(), DemoDataError> {
        writeln!(self.file, "{line}").map_err(DemoDataError::file("write", &self.path))
    }

    fn finish(mut self) -> Result<u64, DemoDataError> {
        self.line("#close\t2024-02-06-00-00-00")?;
        self.file.flush().map_err(DemoDataError::file("write", &self.path))?;
        Ok(self.rows)
    }
}

fn connection(flow: &Flow, uid: &Uid, delay_us: u64) -> String {
    let ends = &flow.ends;
    let time = zeek_time(flow.start_us + delay_us);
    format!("{time}\t{}\t{}\t{}\t{}\t{}", uid.as_str(), ends.src, ends.src_port, ends.dst, ends.dst_port)
}

fn conn_columns(flow: &Flow) -> String {
    // A single packet has no duration and, to Zeek, no payload.
    let (duration, payload, rev_payload) = if flow.duration_us == 0 {
        (UNSET.to_owned(), UNSET.to_owned(), UNSET.to_owned())
    } else {
        (zeek_interval(flow.duration_us), flow.forward.payload.to_string(), flow.reverse.payload.to_string())
    };
    let (ends, local) = (&flow.ends, |address: IpAddr| flag(campus::is_internal(address)));
    let history = if flow.history.is_empty() { UNSET } else { flow.history };
    let hash = flow.community_id();
    [
        protocol_name(flow.protocol),
        flow.service.unwrap_or(UNSET),
        &duration,
        &payload,
        &rev_payload,
        flow.conn_state,
        local(ends.src),
        local(ends.dst),
        "0",
        history,
        &flow.forward.packets.to_string(),
        &flow.forward.bytes.to_string(),
        &flow.reverse.packets.to_string(),
        &flow.reverse.bytes.to_string(),
        UNSET,
        hash.as_deref().unwrap_or(UNSET),
    ]
    .join("\t")
}

fn dns_columns(flow: &Flow, exchange: &DnsExchange) -> String {
    let (kind, kind_name) = match exchange.kind {
        DnsKind::A => ("1", "A"),
        DnsKind::Aaaa => ("28", "AAAA"),
        DnsKind::Ptr => ("12", "PTR"),
    };
    let (code, code_name) = if exchange.exists { ("0", "NOERROR") } else { ("3", "NXDOMAIN") };
    let lifetimes = vec![format!("{}.000000", exchange.ttl_s); exchange.answers.len()];
    [
        protocol_name(flow.protocol),
        &exchange.transaction.to_string(),
        &zeek_interval(flow.duration_us),
        &exchange.query,
        "1",
        "C_INTERNET",
        kind,
        kind_name,
        code,
        code_name,
        flag(false),
        flag(false),
        flag(true),
        flag(true),
        "0",
        &vector(&exchange.answers),
        &vector(&lifetimes),
        flag(false),
    ]
    .join("\t")
}

fn ssl_columns(handshake: &TlsHandshake) -> String {
    let (version, cipher, curve) = match handshake.certificate {
        Some(_) => ("TLSv12", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "secp256r1"),
        None => ("TLSv13", "TLS_AES_128_GCM_SHA256", "x25519"),
    };
    // A resumed session shows no certificate either.
    let certificate = handshake.certificate.as_ref().filter(|_| !handshake.resumed);
    let (chain, client_chain, subject, issuer) = match certificate {
        Some(file) => (
            file.as_str(),
            "(empty)",
            format!("CN={},O=Example Organisation,C=XX", handshake.server_name),
            "CN=Example Issuing CA,O=Example Trust,C=XX",
        ),
        None => (UNSET, UNSET, UNSET.to_owned(), UNSET),
    };
    [
        version,
        cipher,
        curve,
        &handshake.server_name,
        flag(handshake.resumed),
        UNSET,
        if certificate.is_none() { "h2" } else { UNSET },
        flag(true),
        chain,
        client_chain,
        &subject,
        issuer,
        UNSET,
        UNSET,
    ]
    .join("\t")
}

fn flag(value: bool) -> &'static str {
    if value { "T" } else { "F" }
}

/// An unset vector is what Zeek logs when the answer held no record.
fn vector(items: &[String]) -> String {
    if items.is_empty() { UNSET.to_owned() } else { items.join(",") }
}
