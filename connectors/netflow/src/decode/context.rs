//! What is true of all records of a message, and what is remembered of a domain between messages: the clock of the
//! exporter, its sampling, its sequence numbers.

use std::collections::HashMap;

use super::element::{self, ElementId, Unit};
use super::template::{Domain, Exporter, Template, Version};
use super::wire::unsigned;

/// Samplers remembered per domain.
const SAMPLERS_MAX: usize = 1024;
/// A gap larger than this is a restart or a damaged header, not loss.
const GAP_MAX: u32 = 1_000_000;
/// So many messages in a row with smaller numbers are not late: the exporter began anew.
const LATE_IN_A_ROW_MAX: u8 = 3;

/// The header of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) exporter: Exporter,
    pub(crate) version: Version,
    /// Source ID, observation domain, or of v5 the engine's type and number.
    pub(crate) domain: u32,
    /// When the message came, where that is known.
    pub(crate) received_ns: Option<i64>,
    /// When the message was sent, by the exporter's clock; `None` for zero.
    pub(crate) export_ns: Option<i64>,
    /// Milliseconds since the exporter's start, in versions that say it.
    pub(crate) uptime_ms: Option<u32>,
    pub(crate) sequence: u32,
    /// 1 of n packets, where the header says it (v5).
    pub(crate) sampling_rate: Option<u64>,
}

impl Context {
    pub(crate) fn domain(&self) -> Domain {
        Domain::new(self.exporter, self.version, self.domain)
    }

    /// The observation domain, which v1 and v7 do not have.
    pub(crate) fn domain_id(&self) -> Option<u32> {
        (!matches!(self.version, Version::V1 | Version::V7)).then_some(self.domain)
    }
}

/// What is known of a domain.
#[derive(Debug, Default)]
pub(crate) struct DomainState {
    /// When the exporter started (element 160), for IPFIX with times relative to it.
    pub(crate) boot_ns: Option<i64>,
    sampling: Option<u64>,
    samplers: HashMap<u64, u64>,
    pub(crate) sequence: Sequence,
}

impl DomainState {
    /// 1 of n packets, of this sampler if the record names one.
    pub(crate) fn sampling(&self, sampler: Option<u64>) -> Option<u64> {
        sampler.and_then(|sampler| self.samplers.get(&sampler).copied()).or(self.sampling)
    }

    /// Takes from an options record what flows need: sampling (RFC 5476, Cisco's samplers) and the exporter's start.
    pub(crate) fn learn(&mut self, template: &Template, record: &[u8]) {
        let value = |numbers: &[u16]| {
            numbers.iter().find_map(|number| {
                let wanted = ElementId::iana(*number);
                let (_, bytes) = template.values(record).find(|(field, _)| field.id == wanted)?;
                Some(bytes)
            })
        };
        let number = |numbers: &[u16]| value(numbers).and_then(unsigned);
        if let Some(boot_ns) = value(&[160]).and_then(|bytes| element::time(bytes, Unit::Milliseconds)) {
            self.boot_ns = Some(boot_ns);
        }
        let rate = match (number(&[305]), number(&[306]), number(&[309]), number(&[310])) {
            // So many packets are taken, then so many are left out.
            (Some(taken), Some(left), ..) if taken > 0 => Some(taken.saturating_add(left) / taken),
            (_, _, Some(size), Some(population)) if size > 0 => Some(population / size),
            _ => number(&[34, 50, 305]),
        };
        let Some(rate) = rate.filter(|rate| *rate > 0) else { return };
        match number(&[302, 48]) {
            Some(sampler) if self.samplers.len() < SAMPLERS_MAX || self.samplers.contains_key(&sampler) => {
                self.samplers.insert(sampler, rate);
            }
            Some(_) => {}
            None => self.sampling = Some(rate),
        }
    }
}

/// Sequence numbers of a domain: v5 counts flows, v9 messages, IPFIX records (RFC 7011 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    next: Option<u32>,
    /// Records (of v9: messages) that were sent and never came.
    pub(crate) lost: u64,
    /// Messages that came after a later one, or twice.
    pub(crate) late: u64,
    /// Times that numbering began anew.
    pub(crate) restarts: u64,
    late_in_a_row: u8,
}

impl Sequence {
    /// A message with this number that held `units` records (of v9: is one message); `None` when they could not be
    /// counted because a template is missing.
    pub(crate) fn message(&mut self, sequence: u32, units: Option<u32>) {
        if let Some(expected) = self.next {
            let ahead = sequence.wrapping_sub(expected);
            let behind = expected.wrapping_sub(sequence);
            if ahead <= GAP_MAX {
                self.lost += u64::from(ahead);
                self.late_in_a_row = 0;
            } else if behind <= GAP_MAX && self.late_in_a_row < LATE_IN_A_ROW_MAX {
                self.late_in_a_row += 1;
                self.late += 1;
                // What was counted as lost when the later message came has come after all.
                self.lost = self.lost.saturating_sub(u64::from(units.unwrap_or(0)));
                return;
            } else {
                self.restarts += 1;
                self.late_in_a_row = 0;
            }
        }
        self.next = units.map(|units| sequence.wrapping_add(units));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted() {
        let mut sequence = Sequence::default();
        for (number, units) in [(100, 10), (110, 10), (150, 10), (2_000_000_000, 5)] {
            sequence.message(number, Some(units));
        }
        assert_eq!((sequence.lost, sequence.restarts), (30, 1));
        sequence.message(2_000_000_005, None);
        sequence.message(5000, Some(1));
        assert_eq!(sequence.lost, 30, "nothing can be said after a message that could not be counted");
    }

    #[test]
    fn numbers_wrap() {
        let mut sequence = Sequence::default();
        for (number, units) in [(u32::MAX - 4, 5), (0, 5), (7, 1)] {
            sequence.message(number, Some(units));
        }
        assert_eq!((sequence.lost, sequence.restarts), (2, 0));
    }

    #[test]
    fn late_messages_and_restarts() {
        let mut sequence = Sequence::default();
        for (number, units) in [(5000, 10), (5020, 10), (5010, 10), (5030, 10)] {
            sequence.message(number, Some(units));
        }
        assert_eq!((sequence.lost, sequence.late), (0, 1));
        for number in 0..6 {
            sequence.message(number * 10, Some(10));
        }
        assert_eq!((sequence.lost, sequence.restarts), (0, 1));
    }
}
