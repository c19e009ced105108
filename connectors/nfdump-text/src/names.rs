//! What the fields of a flow are called: in the `csv` of nfdump up to 1.7.3, in `csv-fast` and the later `csv`, and in
//! `json` and `ndjson`. Each constant holds the places of the names of one thing in [`FIELDS`].

#[rustfmt::skip]
pub(crate) const FIELDS: &[&str] = &[
    "ts",
    "firstSeen",
    "first",
    "te",
    "lastSeen",
    "last",
    "tr",
    "received",
    "td",
    "duration",
    "sa",
    "srcAddr",
    "src4_addr",
    "src6_addr",
    "da",
    "dstAddr",
    "dst4_addr",
    "dst6_addr",
    "sp",
    "srcPort",
    "src_port",
    "dp",
    "dstPort",
    "dst_port",
    "pr",
    "proto",
    "flg",
    "flags",
    "tcp_flags",
    "stos",
    "srcTos",
    "src_tos",
    "ipkt",
    "packets",
    "in_packets",
    "ibyt",
    "bytes",
    "in_bytes",
    "opkt",
    "out_packets",
    "obyt",
    "out_bytes",
    "in",
    "input",
    "input_snmp",
    "out",
    "output",
    "output_snmp",
    "sas",
    "srcAS",
    "src_as",
    "das",
    "dstAS",
    "dst_as",
    "smk",
    "src_mask",
    "dmk",
    "dst_mask",
    "svln",
    "src_vlan",
    "ismc",
    "in_src_mac",
    "idmc",
    "in_dst_mac",
    "ra",
    "ip4_router",
    "ip6_router",
    "icmp_type",
    "icmp_code",
    "flows",
    "aggr_flows",
    "cnt",
    "sampled",
    "end_reason",
];

pub(crate) const FIRST: &[usize] = &[0, 1, 2];
pub(crate) const LAST: &[usize] = &[3, 4, 5];
pub(crate) const RECEIVED: &[usize] = &[6, 7];
pub(crate) const DURATION: &[usize] = &[8, 9];
pub(crate) const SRC: &[usize] = &[10, 11, 12, 13];
pub(crate) const DST: &[usize] = &[14, 15, 16, 17];
pub(crate) const SRC_PORT: &[usize] = &[18, 19, 20];
pub(crate) const DST_PORT: &[usize] = &[21, 22, 23];
pub(crate) const PROTO: &[usize] = &[24, 25];
pub(crate) const FLAGS: &[usize] = &[26, 27, 28];
pub(crate) const TOS: &[usize] = &[29, 30, 31];
pub(crate) const PACKETS: &[usize] = &[32, 33, 34];
pub(crate) const BYTES: &[usize] = &[35, 36, 37];
pub(crate) const REV_PACKETS: &[usize] = &[38, 39];
pub(crate) const REV_BYTES: &[usize] = &[40, 41];
pub(crate) const IN_IF: &[usize] = &[42, 43, 44];
pub(crate) const OUT_IF: &[usize] = &[45, 46, 47];
pub(crate) const SRC_AS: &[usize] = &[48, 49, 50];
pub(crate) const DST_AS: &[usize] = &[51, 52, 53];
pub(crate) const SRC_MASK: &[usize] = &[54, 55];
pub(crate) const DST_MASK: &[usize] = &[56, 57];
pub(crate) const VLAN: &[usize] = &[58, 59];
pub(crate) const SRC_MAC: &[usize] = &[60, 61];
pub(crate) const DST_MAC: &[usize] = &[62, 63];
pub(crate) const ROUTER: &[usize] = &[64, 65, 66];
pub(crate) const ICMP_TYPE: &[usize] = &[67];
pub(crate) const ICMP_CODE: &[usize] = &[68];
pub(crate) const FLOWS: &[usize] = &[69, 70, 71];
pub(crate) const SAMPLED: &[usize] = &[72];
pub(crate) const END_REASON: &[usize] = &[73];
