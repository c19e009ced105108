//! Helpers: samples, temporary files, messages made byte by byte, SQL.

use std::sync::Arc;

pub(crate) use connector_test_support::{Files, context, rows, sample as samples, text};
use datafusion::catalog::TableProvider;
use flow_source::QualityReport;

pub(crate) fn report(table: &Arc<dyn TableProvider>) -> Arc<QualityReport> {
    file_source::quality(table.as_ref()).unwrap()
}

/// The flows of a file with this content.
pub(crate) trait Flows {
    fn flows(&self, content: impl AsRef<[u8]>) -> Arc<dyn TableProvider>;
}

impl Flows for Files {
    fn flows(&self, content: impl AsRef<[u8]>) -> Arc<dyn TableProvider> {
        connector_netflow::open_flows(vec![self.add("file", content)]).unwrap()
    }
}

const EXPORT_SECONDS: u32 = 1_700_000_000;

/// An IPFIX message of these sets.
pub(crate) fn ipfix(sequence: u32, domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    let length = u16::try_from(16 + body.len()).unwrap();
    let mut bytes = [10_u16.to_be_bytes(), length.to_be_bytes()].concat();
    for word in [EXPORT_SECONDS, sequence, domain] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(&body);
    bytes
}

/// A NetFlow v9 message of these sets, from an exporter that started 100 s before.
pub(crate) fn v9(sequence: u32, domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [9_u16.to_be_bytes(), 1_u16.to_be_bytes()].concat();
    for word in [100_000, EXPORT_SECONDS, sequence, domain] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(&sets.concat());
    bytes
}

pub(crate) fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + body.len()).unwrap();
    [&id.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// A template as it stands in a set.
pub(crate) fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let count = u16::try_from(fields.len()).unwrap();
    let fields = fields.iter().flat_map(|(number, length)| [number.to_be_bytes(), length.to_be_bytes()]);
    [id.to_be_bytes(), count.to_be_bytes()].into_iter().chain(fields).flatten().collect()
}

/// Addresses, octets: twelve bytes.
pub(crate) const SMALL: &[(u16, u16)] = &[(8, 4), (12, 4), (1, 4)];

pub(crate) fn small_record(last: u8, octets: u32) -> Vec<u8> {
    [&[192, 0, 2, last, 198, 51, 100, last][..], &octets.to_be_bytes()].concat()
}
