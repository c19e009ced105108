//! What comes over the network: an input is a sequence of datagrams of several exporters.

use std::net::{Ipv4Addr, SocketAddr};

use connector_netflow::live::Collector;

use crate::Reader;

/// Flows after which they are taken, as the collector does.
const FLOWS_MAX: usize = 10_000;

/// The collector without its socket.
pub(crate) struct Datagrams;

impl Reader for Datagrams {
    fn read(&self, bytes: &[u8]) {
        let mut collector = Collector::default();
        for (number, (exporter, datagram)) in (0..).zip(datagrams(bytes)) {
            let source = SocketAddr::from((Ipv4Addr::new(192, 0, 2, exporter % 4), 2055));
            collector.datagram(source, 1_700_000_000_000_000_000 + number, datagram);
            if collector.len() > FLOWS_MAX {
                collector.take();
            }
        }
        collector.finish();
        let _ = (collector.take(), collector.exporters(), collector.sequences());
    }
}

/// Each is its exporter, its length in two bytes, and its bytes; the last is as long as the input allows.
fn datagrams(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[exporter, high, low], more) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(more.len());
        let (datagram, more) = more.split_at(length);
        rest = more;
        Some((exporter, datagram))
    })
}

/// Datagrams in the form of an input.
pub(crate) fn sequence<'a>(datagrams: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut input = Vec::new();
    for datagram in datagrams {
        let Ok(length) = u16::try_from(datagram.len()) else { continue };
        input.push(1);
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(datagram);
    }
    input
}
