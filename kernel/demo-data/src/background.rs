//! Ordinary life on the campus: sessions of clients and servers, drawn one after the other.
//!
//! A session is one or several flows that belong together, such as a lookup and the connections that follow it.
//! How many sessions a minute has is decided in `timeline`; nothing here belongs to the incident.

mod services;

use std::net::{IpAddr, Ipv4Addr};

use crate::campus;
use crate::day::{MINUTE_US, SECOND_US};
use crate::dice::Dice;
use crate::flow::{DnsKind, Ending, Ends, Flow, Volume};
use crate::internet::{Internet, Site};
use crate::talk::{self, Question};

/// The most flows that one session makes.
pub(crate) const SESSION_FLOWS_MAX: u64 = 8;
/// A session has started all its flows this long after it began.
pub(crate) const SESSION_SPREAD_US: u64 = 8 * SECOND_US;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Browse,
    LookupOnly,
    PlainWeb,
    FileShare,
    Directory,
    Time,
    MailClient,
    MailPeer,
    Shell,
    Ping,
    Print,
    Visitor,
    Noise,
    Polling,
    Application,
}

/// Kind, weight at the busiest time, weight in the dead of night.
const RECIPES: [(Kind, f64, f64); 15] = [
    (Kind::Browse, 30.0, 8.0),
    (Kind::LookupOnly, 16.0, 14.0),
    (Kind::PlainWeb, 4.0, 3.0),
    (Kind::FileShare, 8.0, 1.0),
    (Kind::Directory, 6.0, 3.0),
    (Kind::Time, 3.0, 12.0),
    (Kind::MailClient, 6.0, 2.0),
    (Kind::MailPeer, 2.0, 4.0),
    (Kind::Shell, 1.0, 0.5),
    (Kind::Ping, 2.0, 8.0),
    (Kind::Print, 2.0, 0.1),
    (Kind::Visitor, 5.0, 6.0),
    (Kind::Noise, 4.0, 16.0),
    (Kind::Polling, 2.0, 8.0),
    (Kind::Application, 5.0, 0.5),
];

const CAMPUS_ZONE: &str = "campus.example";

#[derive(Debug)]
pub(crate) struct Background {
    dice: Dice,
    internet: Internet,
    /// Summed weights of `RECIPES` at the present activity.
    weights: Vec<f64>,
}

impl Background {
    pub(crate) fn new(dice: Dice, internet: Internet) -> Self {
        let mut background = Self { dice, internet, weights: Vec::new() };
        background.set_activity(0.0);
        background
    }

    /// How busy people are, between 0 and 1.
    pub(crate) fn set_activity(&mut self, activity: f64) {
        let mut sum = 0.0;
        self.weights.clear();
        for (_, busy, quiet) in RECIPES {
            sum += quiet + (busy - quiet) * activity;
            self.weights.push(sum);
        }
    }

    pub(crate) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Appends the flows of one session that begins at `start_us`.
    pub(crate) fn session(&mut self, start_us: u64, flows: &mut Vec<Flow>) {
        let (kind, _, _) = RECIPES[self.dice.weighted(&self.weights)];
        match kind {
            Kind::Browse => self.browse(start_us, flows),
            Kind::LookupOnly => flows.push(self.lookup_only(start_us)),
            Kind::PlainWeb => self.plain_web(start_us, flows),
            Kind::FileShare => flows.push(self.file_share(start_us)),
            Kind::Directory => flows.push(self.directory(start_us)),
            Kind::Time => flows.push(self.time(start_us)),
            Kind::MailClient => flows.push(self.mail_client(start_us)),
            Kind::MailPeer => self.mail_peer(start_us, flows),
            Kind::Shell => flows.push(self.shell(start_us)),
            Kind::Ping => flows.push(self.ping(start_us)),
            Kind::Print => flows.push(self.print(start_us)),
            Kind::Visitor => flows.push(self.visitor(start_us)),
            Kind::Noise => flows.push(self.noise(start_us)),
            Kind::Polling => flows.push(self.polling(start_us)),
            Kind::Application => flows.push(self.application(start_us)),
        }
    }

    /// A session of exactly one flow, to fill up to a number.
    pub(crate) fn lone_flow(&mut self, start_us: u64) -> Flow {
        self.time(start_us)
    }

    fn browse(&mut self, start_us: u64, flows: &mut Vec<Flow>) {
        const IPV6_SHARE: f64 = 0.6;
        const FRESH_NAME_SHARE: f64 = 0.55;
        const QUIC_SHARE: f64 = 0.15;
        const UNREACHABLE_SHARE: f64 = 0.02;

        let dice = &mut self.dice;
        let site = self.internet.visit(dice);
        let client = campus::client(dice);
        let (src, dst): (IpAddr, IpAddr) = match site.ipv6 {
            Some(address) if dice.chance(IPV6_SHARE) => (campus::ipv6_of(client).into(), address.into()),
            _ => (client.into(), (*dice.pick(&site.addresses)).into()),
        };
        let mut start_us = start_us;
        if dst.is_ipv6() || dice.chance(FRESH_NAME_SHARE) {
            start_us = lookups(dice, client, site, start_us, flows);
        }
        for _ in 0..dice.between(1, 4) {
            let ends = Ends { src, src_port: dice.client_port(), dst, dst_port: 443 };
            let payload = (dice.log_normal(1_900.0, 0.9, 500, 40_000_000), page_bytes(dice));
            let duration_us = talk_time(dice, payload.1);
            flows.push(if dice.chance(UNREACHABLE_SHARE) {
                Flow::tcp_unanswered(ends, start_us, 7 * SECOND_US, dice.between(1, 4))
            } else if dice.chance(QUIC_SHARE) {
                quic(ends, start_us, duration_us, payload)
            } else {
                let ending = ending(dice);
                talk::tls(dice, ends, start_us, duration_us, payload, ending, &site.name)
            });
            start_us += dice.between(2_000, 1_500_000);
        }
    }

    fn plain_web(&mut self, start_us: u64, flows: &mut Vec<Flow>) {
        let dice = &mut self.dice;
        let site = self.internet.any(dice);
        let client = campus::client(dice);
        let start_us = lookups(dice, client, site, start_us, flows);
        let ends = Ends::ipv4(client, dice.client_port(), *dice.pick(&site.addresses), 80);
        let payload = (dice.log_normal(420.0, 0.5, 120, 20_000), page_bytes(dice));
        let duration_us = talk_time(dice, payload.1);
        let ending = ending(dice);
        flows.push(Flow::tcp(ends, start_us, duration_us, payload, ending).served_by("http"));
    }

    fn lookup_only(&mut self, start_us: u64) -> Flow {
        const MISSPELT_SHARE: f64 = 0.12;
        const REVERSE_SHARE: f64 = 0.12;
        const SERVER_SHARE: f64 = 0.15;
        let dice = &mut self.dice;
        let src =
            if dice.chance(SERVER_SHARE) { *dice.pick(&campus::APPLICATION_SERVERS) } else { campus::client(dice) };
        let site = self.internet.visit(dice);
        let question = if dice.chance(MISSPELT_SHARE) {
            let query = format!("{}-{}.{}", dice.pick(&["wpad", "isatap", "srv", "old"]), dice.below(40), CAMPUS_ZONE);
            Question { query, kind: DnsKind::A, answers: Vec::new(), ttl_s: 0, exists: false }
        } else if dice.chance(REVERSE_SHARE) {
            let [first, second, third, fourth] = campus::client(dice).octets();
            let query = format!("{fourth}.{third}.{second}.{first}.in-addr.arpa");
            let name = format!("c{third}-{fourth}.{CAMPUS_ZONE}");
            Question { query, kind: DnsKind::Ptr, answers: vec![name], ttl_s: 3_600, exists: true }
        } else {
            Question::address(&site.name, &site.addresses, site.ttl_s)
        };
        talk::lookup(dice, src.into(), start_us, question)
    }
}

/// The lookups of a client before it connects to `site`; returns when it can connect.
fn lookups(dice: &mut Dice, client: Ipv4Addr, site: &Site, start_us: u64, flows: &mut Vec<Flow>) -> u64 {
    const ASKS_IPV6_SHARE: f64 = 0.4;
    let question = Question::address(&site.name, &site.addresses, site.ttl_s);
    let lookup = talk::lookup(dice, client.into(), start_us, question);
    let mut ready_us = lookup.end_us();
    flows.push(lookup);
    if site.ipv6.is_some() || dice.chance(ASKS_IPV6_SHARE) {
        let answers = site.ipv6.iter().map(ToString::to_string).collect();
        let question =
            Question { query: site.name.clone(), kind: DnsKind::Aaaa, answers, ttl_s: site.ttl_s, exists: true };
        let asked_us = start_us + dice.between(20, 400);
        let lookup = talk::lookup(dice, client.into(), asked_us, question);
        ready_us = ready_us.max(lookup.end_us());
        flows.push(lookup);
    }
    ready_us + dice.between(300, 4_000)
}

fn page_bytes(dice: &mut Dice) -> u64 {
    dice.log_normal(14_000.0, 1.9, 400, 3_000_000_000)
}

/// Large answers take longer; idle connections are kept open.
fn talk_time(dice: &mut Dice, bytes: u64) -> u64 {
    const BYTES_PER_SECOND: u64 = 6_000_000;
    bytes * SECOND_US / BYTES_PER_SECOND + dice.log_normal(4.0e6, 1.5, 60_000, 15 * MINUTE_US)
}

fn ending(dice: &mut Dice) -> Ending {
    match dice.below(100) {
        0..84 => Ending::Closed,
        84..92 => Ending::ResetByClient,
        92..98 => Ending::ResetByServer,
        _ => Ending::StillOpen,
    }
}

/// QUIC is UDP to the probe, and this Zeek does not know it.
fn quic(ends: Ends, start_us: u64, duration_us: u64, payload: (u64, u64)) -> Flow {
    const DATAGRAM_PAYLOAD_BYTES: u64 = 1_252;
    let packets = (payload.0.div_ceil(DATAGRAM_PAYLOAD_BYTES), payload.1.div_ceil(DATAGRAM_PAYLOAD_BYTES));
    let forward = Volume { packets: 2 + packets.0 + packets.1 / 3, payload: payload.0 };
    let reverse = Volume { packets: 2 + packets.1 + packets.0 / 3, payload: payload.1 };
    Flow::udp(ends, start_us, duration_us, forward, reverse)
}
