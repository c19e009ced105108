//! Exports as they come over the network: datagrams in, flows out. No socket: who listens hands them over.

use std::net::{IpAddr, SocketAddr};

use flow_source::FlowRecord;

use crate::decode::lru::Lru;
use crate::decode::template::{Exporter, Version};
use crate::decode::{Decoder, ForeignTemplates, Record, RecordSink};

/// Exporters that are told apart in the statistics.
const EXPORTERS_MAX: usize = 4096;

/// What has come from one exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExporterStatistics {
    /// Datagrams.
    pub datagrams: u64,
    /// Flows.
    pub flows: u64,
    /// Records, sets and datagrams that could not be decoded.
    pub rejected: u64,
    /// Why the latest of them could not.
    pub latest_reason: Option<String>,
}

/// What is known of the sequence numbers of one observation domain or source ID of an exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceStatistics {
    /// Where it sends from.
    pub exporter: Option<IpAddr>,
    /// `NetFlow v5`, `NetFlow v9`, `IPFIX`, …
    pub protocol: &'static str,
    /// Source ID, observation domain, or engine.
    pub domain: u32,
    /// Records (of v9: datagrams) that were sent and never came.
    pub lost: u64,
    /// Datagrams that came after a later one.
    pub late: u64,
    /// Times that numbering began anew: the exporter restarted.
    pub restarts: u64,
}

/// Decodes datagrams and keeps what it learns of their exporters, within bounds.
#[derive(Debug, Default)]
pub struct Collector {
    decoder: Decoder,
    exporters: Lru<IpAddr, ExporterStatistics>,
    flows: Vec<FlowRecord>,
    received_bytes: u64,
}

impl Collector {
    /// Takes a datagram that came from `source` at `received_ns` (since 1970-01-01 UTC).
    pub fn datagram(&mut self, source: SocketAddr, received_ns: i64, bytes: &[u8]) {
        let address = source.ip().to_canonical();
        let exporter = Exporter { address: Some(address), port: source.port() };
        let mut sink = LiveSink { flows: &mut self.flows, seen: ExporterStatistics::default() };
        let offset = self.received_bytes;
        self.received_bytes += bytes.len() as u64;
        self.decoder.message(exporter, Some(received_ns), bytes, offset, &mut sink);
        let seen = sink.seen;
        let known = self.exporters.get_or_make(address, EXPORTERS_MAX, ExporterStatistics::default);
        known.datagrams += 1;
        known.flows += seen.flows;
        known.rejected += seen.rejected;
        known.latest_reason = seen.latest_reason.or(known.latest_reason.take());
    }

    /// Flows that wait to be taken.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether no flow waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// The flows since the last call.
    pub fn take(&mut self) -> Vec<FlowRecord> {
        std::mem::take(&mut self.flows)
    }

    /// Gives up on records whose template never came; returns how many sets of them there were.
    pub fn finish(&mut self) -> u64 {
        let mut sink = LiveSink { flows: &mut self.flows, seen: ExporterStatistics::default() };
        self.decoder.finish(&ForeignTemplates::new(), &mut sink);
        sink.seen.rejected
    }

    /// Per exporter, by address.
    pub fn exporters(&self) -> Vec<(IpAddr, ExporterStatistics)> {
        let mut all: Vec<_> = self.exporters.iter().map(|(address, seen)| (*address, seen.clone())).collect();
        all.sort_by_key(|(address, _)| *address);
        all
    }

    /// Per exporter and domain, those that lost something first.
    pub fn sequences(&self) -> Vec<SequenceStatistics> {
        let numbered = self.decoder.domains().filter(|(domain, _)| domain.version != Version::V1);
        let mut all: Vec<SequenceStatistics> = numbered
            .map(|(domain, state)| SequenceStatistics {
                exporter: domain.exporter.address,
                protocol: domain.version.name(),
                domain: domain.id,
                lost: state.sequence.lost,
                late: state.sequence.late,
                restarts: state.sequence.restarts,
            })
            .collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.lost), one.exporter, one.domain));
        all
    }
}

struct LiveSink<'a> {
    flows: &'a mut Vec<FlowRecord>,
    seen: ExporterStatistics,
}

impl RecordSink for LiveSink<'_> {
    fn record(&mut self, record: &Record<'_>) {
        if record.template.flow.is_flow {
            self.seen.flows += 1;
            self.flows.push(record.template.flow.flow(record.bytes, record.context, record.state));
        }
    }

    fn reject(&mut self, _: u64, reason: impl FnOnce() -> String) {
        self.seen.rejected += 1;
        self.seen.latest_reason = Some(reason());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A NetFlow v5 datagram with one flow.
    fn v5(sequence: u32) -> Vec<u8> {
        let mut bytes = vec![0, 5, 0, 1, 0, 0, 0, 100];
        bytes.extend_from_slice(&1_700_000_000_u32.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.resize(24 + 48, 0);
        bytes
    }

    #[test]
    fn flows_and_losses_are_counted_per_exporter() {
        let mut collector = Collector::default();
        let from = |last| SocketAddr::from(([192, 0, 2, last], 5000));
        for (last, sequence) in [(1, 0), (1, 1), (1, 5), (2, 0)] {
            collector.datagram(from(last), 7, &v5(sequence));
        }
        collector.datagram(from(2), 8, b"nonsense");
        assert_eq!(collector.len(), 4);
        let flows = collector.take();
        assert_eq!((flows[0].received_time, flows[3].exporter_ip), (Some(7), Some([192, 0, 2, 2].into())));
        let exporters = collector.exporters();
        assert_eq!((exporters[0].1.datagrams, exporters[0].1.flows, exporters[0].1.rejected), (3, 3, 0));
        assert_eq!((exporters[1].1.datagrams, exporters[1].1.flows, exporters[1].1.rejected), (2, 1, 1));
        assert!(exporters[1].1.latest_reason.as_ref().is_some_and(|reason| reason.contains("version")));
        assert_eq!(collector.sequences().iter().map(|one| one.lost).collect::<Vec<_>>(), [3, 0]);
    }
}
