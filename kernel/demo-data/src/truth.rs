//! The ground truth: what was really written, counted flow by flow while writing.
//!
//! The document's shape is fixed here and described in the crate's documentation. Nothing is decided here: labels
//! come from the scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::campus::{ATTACKER, COMPROMISED, INTERNAL_NETWORKS};
use crate::day::{DAY_US, iso};
use crate::flow::{Flow, Label};
use crate::incident::{self, BEACON_INTERVAL_S, BEACON_JITTER_S, BEACON_PORT, DESKTOP_PORT};
use crate::internet::{BEACON_DESTINATION, BEACON_DOMAIN};
use crate::zeek::Rows;

/// By this beginning of its `generator` an earlier document is recognised.
pub(crate) const GENERATOR: &str = "flowdeck demo-data";

/// Flows of one kind: how many, from when to when they began, and to where.
#[derive(Debug, Default)]
struct Tally {
    flows: u64,
    first_us: u64,
    last_us: u64,
    sources: BTreeSet<IpAddr>,
    targets: BTreeSet<IpAddr>,
    ports: BTreeSet<u16>,
    states: BTreeMap<&'static str, u64>,
    /// Targets that accepted the connection, with data or at least with SYN+ACK.
    answered: BTreeSet<IpAddr>,
}

#[derive(Debug, Default)]
pub(crate) struct Truth {
    flows: u64,
    labels: BTreeMap<Label, Tally>,
    scans: BTreeMap<u16, Tally>,
    guesses: BTreeMap<IpAddr, Tally>,
    break_in: Option<Flow>,
}

impl Truth {
    /// Called once for each flow, in order of their start.
    pub(crate) fn observe(&mut self, flow: &Flow) {
        self.flows += 1;
        if flow.label == Label::Background {
            return;
        }
        self.labels.entry(flow.label).or_default().add(flow);
        match flow.label {
            Label::Scan => self.scans.entry(flow.ends.dst_port).or_default().add(flow),
            Label::Guess => self.guesses.entry(flow.ends.dst).or_default().add(flow),
            Label::BreakIn => self.break_in = Some(flow.clone()),
            _ => {}
        }
    }

    pub(crate) fn flows(&self) -> u64 {
        self.flows
    }

    pub(crate) fn document(&self, seed: u64, flow_files: u64, zeek: Rows) -> Value {
        json!({
            "generator": format!("{GENERATOR} {}", env!("CARGO_PKG_VERSION")),
            "seed": seed,
            "flows": self.flows,
            "interval": { "start": iso(0), "end": iso(DAY_US) },
            "internal_networks": INTERNAL_NETWORKS,
            "files": {
                "flows": { "files": flow_files, "rows": self.flows },
                "zeek_conn": { "rows": zeek.conn, "covers_all_flows": zeek.conn == self.flows },
                "zeek_dns": { "rows": zeek.dns },
                "zeek_ssl": { "rows": zeek.ssl },
            },
            "incidents": [self.scan(), self.guessing(), self.beacon()],
            "benign": self.benign(),
        })
    }

    fn scan(&self) -> Value {
        let ports: Vec<Value> = self
            .scans
            .iter()
            .map(|(port, tally)| {
                json!({
                    "port": port,
                    "flows": tally.flows,
                    "targets": tally.targets.len(),
                    "first": iso(tally.first_us),
                    "last": iso(tally.last_us),
                    "conn_states": tally.states,
                    "answered_hosts": tally.answered,
                })
            })
            .collect();
        let networks: Vec<String> =
            incident::SCANNED_NETWORKS.iter().map(|network| format!("10.20.{network}.0/24")).collect();
        let mut value = self.summary("horizontal_scan", Label::Scan);
        value["attacker"] = json!(ATTACKER);
        value["protocol"] = json!("tcp");
        value["target_networks"] = json!(networks);
        value["ports"] = json!(ports);
        value
    }

    fn guessing(&self) -> Value {
        let victims: Vec<Value> = self
            .guesses
            .iter()
            .map(|(victim, tally)| {
                let (first, last) = (iso(tally.first_us), iso(tally.last_us));
                json!({ "host": victim, "attempts": tally.flows, "first": first, "last": last })
            })
            .collect();
        let mut value = self.summary("rdp_password_guessing", Label::Guess);
        value["attacker"] = json!(ATTACKER);
        value["port"] = json!(DESKTOP_PORT);
        value["attempts"] = value["flows"].clone();
        value["band"] = json!({
            "packets": incident::GUESS_PACKETS,
            "bytes": incident::GUESS_BYTES,
            "rev_packets": incident::GUESS_REVERSE_PACKETS,
            "rev_bytes": incident::GUESS_REVERSE_BYTES,
        });
        value["victims"] = json!(victims);
        value["compromised_host"] = json!(COMPROMISED);
        value["success"] = self.break_in.as_ref().map_or(Value::Null, success);
        value
    }

    fn beacon(&self) -> Value {
        let lookups = self.labels.get(&Label::BeaconLookup).map_or(0, |tally| tally.flows);
        let mut value = self.summary("beacon", Label::Beacon);
        value["source"] = json!(COMPROMISED);
        value["destination"] = json!(BEACON_DESTINATION);
        value["port"] = json!(BEACON_PORT);
        value["domain"] = json!(BEACON_DOMAIN);
        value["interval_s"] = json!(BEACON_INTERVAL_S);
        value["jitter_s"] = json!(BEACON_JITTER_S);
        value["count"] = value["flows"].clone();
        value["dns_queries"] = json!(lookups);
        value
    }

    fn benign(&self) -> Vec<Value> {
        const KINDS: [(Label, &str, &str); 5] = [
            (
                Label::VulnerabilityScanner,
                "vulnerability_scanner",
                "The security team's scanner covers the server networks every night",
            ),
            (Label::Backup, "backup", "The backup server fetches large volumes at night"),
            (
                Label::UptimeCheck,
                "uptime_check",
                "Monitoring asks a status page every 300 seconds: regular, but no beacon",
            ),
            (Label::TimeSync, "time_sync", "The time server asks its sources every 1024 seconds"),
            (
                Label::AdminDesktop,
                "admin_desktop",
                "Administrators use remote desktop; a mistyped password looks like a guess, the session after it like a success",
            ),
        ];
        let describe = |(label, kind, why): (Label, &str, &str)| {
            let mut value = self.summary(kind, label);
            if let Some(tally) = self.labels.get(&label) {
                value["sources"] = json!(tally.sources);
                value["ports"] = json!(tally.ports);
                value["targets"] = json!(tally.targets.len());
            }
            value["why_harmless"] = json!(why);
            value
        };
        KINDS.into_iter().map(describe).collect()
    }

    fn summary(&self, kind: &str, label: Label) -> Value {
        match self.labels.get(&label) {
            Some(tally) => json!({
                "kind": kind,
                "flows": tally.flows,
                "first": iso(tally.first_us),
                "last": iso(tally.last_us),
            }),
            None => json!({ "kind": kind, "flows": 0, "first": null, "last": null }),
        }
    }
}

impl Tally {
    fn add(&mut self, flow: &Flow) {
        if self.flows == 0 {
            self.first_us = flow.start_us;
        }
        self.flows += 1;
        self.last_us = flow.start_us;
        self.sources.insert(flow.ends.src);
        self.targets.insert(flow.ends.dst);
        self.ports.insert(flow.ends.dst_port);
        *self.states.entry(flow.conn_state).or_default() += 1;
        // A refusal is one packet back too, hence the state and not the counter.
        if flow.conn_state != "REJ" && flow.reverse.packets > 0 {
            self.answered.insert(flow.ends.dst);
        }
    }
}

fn success(flow: &Flow) -> Value {
    json!({
        "host": flow.ends.dst,
        "uid": flow.uid.as_ref().map(crate::dice::Uid::as_str),
        "start": iso(flow.start_us),
        "end": iso(flow.end_us()),
        "src_port": flow.ends.src_port,
        "packets": flow.forward.packets,
        "bytes": flow.forward.bytes,
        "rev_packets": flow.reverse.packets,
        "rev_bytes": flow.reverse.bytes,
    })
}
