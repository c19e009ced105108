//! The information elements that make a flow, under the names that ipfixcol2 gives them: by name, by number, and by name
//! as ipfixcol 1 wrote them. Numbers are IANA's (RFC 7012); those of the reverse direction are of RFC 5103.

pub(crate) const FIELDS: &[&str] = &[
    "iana:sourceIPv4Address",
    "iana:destinationIPv4Address",
    "iana:sourceIPv6Address",
    "iana:destinationIPv6Address",
    "iana:sourceTransportPort",
    "iana:destinationTransportPort",
    "iana:protocolIdentifier",
    "iana:octetDeltaCount",
    "iana:packetDeltaCount",
    "iana:octetTotalCount",
    "iana:packetTotalCount",
    "iana:flowStartSeconds",
    "iana:flowStartMilliseconds",
    "iana:flowStartMicroseconds",
    "iana:flowStartNanoseconds",
    "iana:flowEndSeconds",
    "iana:flowEndMilliseconds",
    "iana:flowEndMicroseconds",
    "iana:flowEndNanoseconds",
    "iana:tcpControlBits",
    "iana:ipClassOfService",
    "iana:icmpTypeCodeIPv4",
    "iana:icmpTypeCodeIPv6",
    "iana:icmpTypeIPv4",
    "iana:icmpCodeIPv4",
    "iana:icmpTypeIPv6",
    "iana:icmpCodeIPv6",
    "iana:ingressInterface",
    "iana:egressInterface",
    "iana:bgpSourceAsNumber",
    "iana:bgpDestinationAsNumber",
    "iana:sourceIPv4PrefixLength",
    "iana:destinationIPv4PrefixLength",
    "iana:sourceIPv6PrefixLength",
    "iana:destinationIPv6PrefixLength",
    "iana:vlanId",
    "iana:sourceMacAddress",
    "iana:destinationMacAddress",
    "iana:flowDirection",
    "iana:flowEndReason",
    "iana:exporterIPv4Address",
    "iana:exporterIPv6Address",
    "iana:observationDomainId",
    "iana:flowId",
    "iana:deltaFlowCount",
    "iana:samplingInterval",
    "iana:applicationName",
    "iana@reverse:octetDeltaCount@reverse",
    "iana@reverse:packetDeltaCount@reverse",
    "iana@reverse:tcpControlBits@reverse",
    "en0:id8",
    "en0:id12",
    "en0:id27",
    "en0:id28",
    "en0:id7",
    "en0:id11",
    "en0:id4",
    "en0:id1",
    "en0:id2",
    "en0:id85",
    "en0:id86",
    "en0:id150",
    "en0:id152",
    "en0:id154",
    "en0:id156",
    "en0:id151",
    "en0:id153",
    "en0:id155",
    "en0:id157",
    "en0:id6",
    "en0:id5",
    "en0:id32",
    "en0:id139",
    "en0:id176",
    "en0:id177",
    "en0:id178",
    "en0:id179",
    "en0:id10",
    "en0:id14",
    "en0:id16",
    "en0:id17",
    "en0:id9",
    "en0:id13",
    "en0:id29",
    "en0:id30",
    "en0:id58",
    "en0:id56",
    "en0:id80",
    "en0:id61",
    "en0:id136",
    "en0:id130",
    "en0:id131",
    "en0:id149",
    "en0:id148",
    "en0:id3",
    "en0:id34",
    "en0:id96",
    "en29305:id1",
    "en29305:id2",
    "en29305:id6",
    "ipfix.sourceIPv4Address",
    "ipfix.destinationIPv4Address",
    "ipfix.sourceIPv6Address",
    "ipfix.destinationIPv6Address",
    "ipfix.sourceTransportPort",
    "ipfix.destinationTransportPort",
    "ipfix.protocolIdentifier",
    "ipfix.octetDeltaCount",
    "ipfix.packetDeltaCount",
    "ipfix.octetTotalCount",
    "ipfix.packetTotalCount",
    "ipfix.flowStartSeconds",
    "ipfix.flowStartMilliseconds",
    "ipfix.flowStartMicroseconds",
    "ipfix.flowStartNanoseconds",
    "ipfix.flowEndSeconds",
    "ipfix.flowEndMilliseconds",
    "ipfix.flowEndMicroseconds",
    "ipfix.flowEndNanoseconds",
    "ipfix.tcpControlBits",
    "ipfix.ipClassOfService",
    "ipfix.icmpTypeCodeIPv4",
    "ipfix.icmpTypeCodeIPv6",
    "ipfix.icmpTypeIPv4",
    "ipfix.icmpCodeIPv4",
    "ipfix.icmpTypeIPv6",
    "ipfix.icmpCodeIPv6",
    "ipfix.ingressInterface",
    "ipfix.egressInterface",
    "ipfix.bgpSourceAsNumber",
    "ipfix.bgpDestinationAsNumber",
    "ipfix.sourceIPv4PrefixLength",
    "ipfix.destinationIPv4PrefixLength",
    "ipfix.sourceIPv6PrefixLength",
    "ipfix.destinationIPv6PrefixLength",
    "ipfix.vlanId",
    "ipfix.sourceMacAddress",
    "ipfix.destinationMacAddress",
    "ipfix.flowDirection",
    "ipfix.flowEndReason",
    "ipfix.exporterIPv4Address",
    "ipfix.exporterIPv6Address",
    "ipfix.observationDomainId",
    "ipfix.flowId",
    "ipfix.deltaFlowCount",
    "ipfix.samplingInterval",
    "ipfix.applicationName",
    "ipfix.reverseOctetDeltaCount",
    "ipfix.reversePacketDeltaCount",
    "ipfix.reverseTcpControlBits",
    "ipfix:odid",
    "ipfix:exportTime",
];

pub(crate) const SRC4: usize = 0;
pub(crate) const DST4: usize = 1;
pub(crate) const SRC6: usize = 2;
pub(crate) const DST6: usize = 3;
pub(crate) const SRC_PORT: usize = 4;
pub(crate) const DST_PORT: usize = 5;
pub(crate) const PROTOCOL: usize = 6;
pub(crate) const BYTES: usize = 7;
pub(crate) const PACKETS: usize = 8;
pub(crate) const TOTAL_BYTES: usize = 9;
pub(crate) const TOTAL_PACKETS: usize = 10;
pub(crate) const START_S: usize = 11;
pub(crate) const START_MS: usize = 12;
pub(crate) const START_US: usize = 13;
pub(crate) const START_NS: usize = 14;
pub(crate) const END_S: usize = 15;
pub(crate) const END_MS: usize = 16;
pub(crate) const END_US: usize = 17;
pub(crate) const END_NS: usize = 18;
pub(crate) const TCP_FLAGS: usize = 19;
pub(crate) const TOS: usize = 20;
pub(crate) const ICMP4: usize = 21;
pub(crate) const ICMP6: usize = 22;
pub(crate) const ICMP4_TYPE: usize = 23;
pub(crate) const ICMP4_CODE: usize = 24;
pub(crate) const ICMP6_TYPE: usize = 25;
pub(crate) const ICMP6_CODE: usize = 26;
pub(crate) const IN_IF: usize = 27;
pub(crate) const OUT_IF: usize = 28;
pub(crate) const SRC_AS: usize = 29;
pub(crate) const DST_AS: usize = 30;
pub(crate) const SRC_MASK4: usize = 31;
pub(crate) const DST_MASK4: usize = 32;
pub(crate) const SRC_MASK6: usize = 33;
pub(crate) const DST_MASK6: usize = 34;
pub(crate) const VLAN: usize = 35;
pub(crate) const SRC_MAC: usize = 36;
pub(crate) const DST_MAC: usize = 37;
pub(crate) const DIRECTION: usize = 38;
pub(crate) const END_REASON: usize = 39;
pub(crate) const EXPORTER4: usize = 40;
pub(crate) const EXPORTER6: usize = 41;
pub(crate) const DOMAIN: usize = 42;
pub(crate) const FLOW_ID: usize = 43;
pub(crate) const FLOWS: usize = 44;
pub(crate) const SAMPLING: usize = 45;
pub(crate) const APPLICATION: usize = 46;
pub(crate) const REV_BYTES: usize = 47;
pub(crate) const REV_PACKETS: usize = 48;
pub(crate) const REV_FLAGS: usize = 49;
/// Each element has as many names, one behind the other.
pub(crate) const ELEMENTS: usize = 50;
pub(crate) const ODID: usize = 3 * ELEMENTS;
pub(crate) const EXPORT_TIME: usize = 3 * ELEMENTS + 1;
