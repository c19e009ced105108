//! NetFlow v1, v5 and v7: records of one layout each, described as templates so that one decoder serves all.
//!
//! Layouts after Cisco's "NetFlow Export Datagram Format".

use std::sync::{Arc, LazyLock};

use super::element::ElementId;
use super::template::{Field, Template, Version};

/// Records of one message; v5 and v7 were made for datagrams of at most 1,500 bytes.
pub(crate) const RECORDS_MAX: u16 = 30;

/// Element number and bytes; 0 is padding.
type Layout = &'static [(u16, u16)];

#[rustfmt::skip]
const V1: Layout = &[(8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
    (0, 2), (4, 1), (5, 1), (6, 1), (0, 11)];
#[rustfmt::skip]
const V5: Layout = &[(8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
    (0, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (0, 2)];
#[rustfmt::skip]
const V7: Layout = &[(8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
    (0, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (0, 2), (0, 4)];

/// The layout of a version without templates, and the bytes of its header.
pub(crate) fn layout(version: Version) -> Option<(&'static Arc<Template>, usize)> {
    static V1_TEMPLATE: LazyLock<Arc<Template>> = LazyLock::new(|| template(V1));
    static V5_TEMPLATE: LazyLock<Arc<Template>> = LazyLock::new(|| template(V5));
    static V7_TEMPLATE: LazyLock<Arc<Template>> = LazyLock::new(|| template(V7));
    match version {
        Version::V1 => Some((&V1_TEMPLATE, 16)),
        Version::V5 => Some((&V5_TEMPLATE, 24)),
        Version::V7 => Some((&V7_TEMPLATE, 24)),
        Version::V9 | Version::Ipfix => None,
    }
}

fn template(layout: Layout) -> Arc<Template> {
    let field = |&(number, length): &(u16, u16)| Field { id: ElementId::iana(number), length };
    Arc::new(Template::new(0, false, layout.iter().map(field).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_their_lengths() {
        let bytes = |version| layout(version).map(|(template, _)| template.min_bytes);
        assert_eq!(bytes(Version::V1), Some(52));
        assert_eq!(bytes(Version::V5), Some(48));
        assert_eq!(bytes(Version::V7), Some(52));
        assert_eq!(bytes(Version::V9), None);
    }
}
