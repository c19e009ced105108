//! DNS questions and their answers (RFC 1035), over UDP and over TCP where a message fits a segment. By `simple-dns`.

use std::collections::HashMap;
use std::net::IpAddr;

use flow_source::protocol::TCP;
use packet_file::Headers;
use simple_dns::rdata::RData;
use simple_dns::{Packet, PacketFlag, ResourceRecord};

use crate::options::QUESTIONS_MAX;
use crate::rows::Ends;

const PORTS: [u16; 3] = [53, 5353, 5355];

/// A question, and its answer if one was seen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transaction {
    pub(crate) ends: Ends,
    pub(crate) id: u16,
    pub(crate) query: Option<String>,
    pub(crate) query_type: Option<u16>,
    pub(crate) query_class: Option<u16>,
    pub(crate) answer: Option<Answer>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) time_ns: Option<i64>,
    pub(crate) code: u8,
    pub(crate) is_authoritative: bool,
    pub(crate) records: Vec<(String, u32)>,
}

/// Both ends, client first, the number of the transaction, and the VLAN: a capture of several holds a packet twice.
type Key = (IpAddr, u16, IpAddr, u16, u16, Option<u16>);

/// Questions that wait for answers.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    waiting: HashMap<Key, Transaction>,
}

impl Questions {
    /// Takes a packet if it is of DNS; gives the transactions that end with it.
    ///
    /// # Errors
    /// What is wrong with a message on a port of DNS.
    pub(crate) fn packet(
        &mut self,
        headers: &Headers<'_>,
        time_ns: Option<i64>,
        offset: u64,
        mut give: impl FnMut(Transaction),
    ) -> Result<(), String> {
        let Some((src_port, dst_port)) = headers.ports else { return Ok(()) };
        if !PORTS.contains(&src_port) && !PORTS.contains(&dst_port) {
            return Ok(());
        }
        let message = match headers.protocol {
            TCP => headers.payload.get(2..).unwrap_or_default(),
            _ => headers.payload,
        };
        if message.is_empty() || headers.is_fragment {
            return Ok(());
        }
        let packet = Packet::parse(message)
            .map_err(|error| format!("a DNS message of {} bytes cannot be read: {error}", message.len()))?;
        let is_answer = packet.has_flags(PacketFlag::RESPONSE);
        let ends = Ends::of(headers, time_ns, offset, is_answer);
        let (client_port, server_port) = if is_answer { (dst_port, src_port) } else { (src_port, dst_port) };
        let key = (ends.src, client_port, ends.dst, server_port, packet.id(), headers.vlan);
        let asked = packet.questions.first();
        let seen = Transaction {
            ends,
            id: packet.id(),
            query: asked.map(|question| question.qname.to_string()),
            query_type: asked.map(|question| u16::from(question.qtype)),
            query_class: asked.map(|question| u16::from(question.qclass)),
            answer: None,
        };
        if is_answer {
            let mut transaction = self.waiting.remove(&key).unwrap_or(seen);
            transaction.answer = Some(answer(&packet, time_ns));
            give(transaction);
        } else {
            if self.waiting.len() >= QUESTIONS_MAX
                && let Some(oldest) =
                    self.waiting.iter().min_by_key(|(_, waiting)| waiting.ends.offset).map(|(key, _)| *key)
            {
                self.waiting.remove(&oldest).into_iter().for_each(&mut give);
            }
            // The same question again: the first had no answer.
            self.waiting.insert(key, seen).into_iter().for_each(give);
        }
        Ok(())
    }

    /// The questions without answers, in their order.
    pub(crate) fn finish(&mut self, give: impl FnMut(Transaction)) {
        let mut left: Vec<Transaction> = std::mem::take(&mut self.waiting).into_values().collect();
        left.sort_by_key(|transaction| transaction.ends.offset);
        left.into_iter().for_each(give);
    }
}

fn answer(packet: &Packet<'_>, time_ns: Option<i64>) -> Answer {
    Answer {
        time_ns,
        code: packet.rcode() as u8,
        is_authoritative: packet.has_flags(PacketFlag::AUTHORITATIVE_ANSWER),
        records: packet.answers.iter().map(|record| (data_text(record), record.ttl)).collect(),
    }
}

/// An answer as text, as Zeek writes it: the address, the name, or the text.
fn data_text(record: &ResourceRecord<'_>) -> String {
    match &record.rdata {
        RData::A(data) => IpAddr::from(data.address.to_be_bytes()).to_string(),
        RData::AAAA(data) => IpAddr::from(data.address.to_be_bytes()).to_string(),
        RData::CNAME(data) => data.to_string(),
        RData::NS(data) => data.to_string(),
        RData::PTR(data) => data.to_string(),
        RData::MX(data) => data.exchange.to_string(),
        RData::SRV(data) => format!("{}:{}", data.target, data.port),
        RData::SOA(data) => data.mname.to_string(),
        RData::TXT(data) => {
            let attributes = data.clone().long_attributes().unwrap_or_default();
            let mut parts: Vec<String> = attributes
                .into_iter()
                .map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")))
                .collect();
            parts.sort();
            parts.join(" ")
        }
        other => format!("<{:?}>", other.type_code()),
    }
}

/// The name of a query type, as in `AAAA`.
pub(crate) fn type_name(number: u16) -> String {
    const NAMES: &[(u16, &str)] = &[
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (10, "NULL"),
        (12, "PTR"),
        (13, "HINFO"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"),
        (35, "NAPTR"),
        (43, "DS"),
        (46, "RRSIG"),
        (48, "DNSKEY"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (99, "SPF"),
        (252, "AXFR"),
        (255, "ANY"),
        (257, "CAA"),
    ];
    // RFC 3597 section 5.
    NAMES.iter().find(|(known, _)| *known == number).map_or_else(|| format!("TYPE{number}"), |(_, name)| (*name).into())
}

/// The name of an answer's code (RFC 6895), as in `NXDOMAIN`.
pub(crate) fn code_name(code: u8) -> Option<&'static str> {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    NAMES.get(usize::from(code)).copied()
}
