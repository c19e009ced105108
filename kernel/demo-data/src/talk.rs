//! Conversations that several rooms need: a DNS lookup, a TLS connection.
//!
//! Still one flow each. Sequences of them are put together where the story is told.

use std::net::{IpAddr, Ipv4Addr};

use crate::campus;
use crate::dice::Dice;
use crate::flow::{DnsExchange, DnsKind, Ending, Ends, Flow, TlsHandshake, Volume};

/// Time a resolver needs for a name it knows, and for one it must ask for, in microseconds.
const CACHED_LOOKUP_US: (u64, u64) = (250, 1_400);
const FRESH_LOOKUP_US: (u64, u64) = (6_000, 90_000);
const CACHED_SHARE: f64 = 0.6;
/// Octets of a DNS question beside its name: header, type, class, EDNS.
const DNS_QUESTION_BYTES: u64 = 29;
const DNS_ANSWER_BYTES: u64 = 16;
const TLS13_SHARE: f64 = 0.72;
const RESUMED_SHARE: f64 = 0.2;

/// What is asked and what comes back.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) query: String,
    pub(crate) kind: DnsKind,
    pub(crate) answers: Vec<String>,
    pub(crate) ttl_s: u32,
    pub(crate) exists: bool,
}

impl Question {
    pub(crate) fn address(query: &str, answers: &[Ipv4Addr], ttl_s: u32) -> Self {
        let answers = answers.iter().map(Ipv4Addr::to_string).collect();
        Self { query: query.to_owned(), kind: DnsKind::A, answers, ttl_s, exists: true }
    }
}

/// A lookup at one of the campus resolvers. It ends before the connection it is for begins: see [`Flow::end_us`].
pub(crate) fn lookup(dice: &mut Dice, client: IpAddr, start_us: u64, question: Question) -> Flow {
    let resolver = *dice.pick(&campus::RESOLVERS);
    // Resolvers answer over IPv4; a client known by its IPv6 address has an IPv4 address too.
    let ends = Ends { src: client, src_port: dice.client_port(), dst: resolver.into(), dst_port: 53 };
    let range = if dice.chance(CACHED_SHARE) { CACHED_LOOKUP_US } else { FRESH_LOOKUP_US };
    let asked = question.query.len() as u64 + DNS_QUESTION_BYTES;
    let answer_texts: u64 = match question.kind {
        DnsKind::A => 0,
        DnsKind::Aaaa => 12 * question.answers.len() as u64,
        DnsKind::Ptr => question.answers.iter().map(|answer| answer.len() as u64).sum(),
    };
    let answered = asked + DNS_ANSWER_BYTES * question.answers.len() as u64 + answer_texts;
    let mut flow = Flow::udp(
        ends,
        start_us,
        dice.between(range.0, range.1),
        Volume { packets: 1, payload: asked },
        Volume { packets: 1, payload: answered },
    )
    .served_by("dns");
    flow.dns = Some(Box::new(DnsExchange {
        query: question.query,
        kind: question.kind,
        transaction: dice.below(65_536) as u16,
        answers: question.answers,
        ttl_s: question.ttl_s,
        exists: question.exists,
    }));
    flow
}

/// A TLS connection to `server_name`.
pub(crate) fn tls(
    dice: &mut Dice,
    ends: Ends,
    start_us: u64,
    duration_us: u64,
    payload: (u64, u64),
    ending: Ending,
    server_name: &str,
) -> Flow {
    let mut flow = Flow::tcp(ends, start_us, duration_us, payload, ending).served_by("ssl");
    let is_tls13 = dice.chance(TLS13_SHARE);
    flow.tls = Some(Box::new(TlsHandshake {
        server_name: server_name.to_owned(),
        resumed: dice.chance(RESUMED_SHARE),
        certificate: (!is_tls13).then(|| dice.uid(b'F')),
    }));
    flow
}
