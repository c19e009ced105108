//! Columns of tables that collectors make: goflow2's `flows_raw`, Akvorado's `flows`, ipfixcol2's `flows`.
//!
//! A value without a meaning there is NULL here: ports of protocols that have none, numbers 0 that stand for "unknown".
//! Counts of sampled packets are multiplied. Akvorado keeps only when a flow was received, so that is also its start.

use remote_source::{Origin, TimeUnit};

/// A column of flows: what it is made of, and the columns that this needs. The first of which all are there is taken.
type Line = (&'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const LINES: &[Line] = &[
    // goflow2
    ("start_time", &["time_flow_start_ns"], "time_flow_start_ns"),
    ("end_time", &["time_flow_end_ns"], "time_flow_end_ns"),
    ("received_time", &["time_received_ns"], "time_received_ns"),
    ("src_ip", &["src_addr"], "src_addr"),
    ("dst_ip", &["dst_addr"], "dst_addr"),
    ("exporter_ip", &["sampler_address"], "sampler_address"),
    ("protocol", &["proto"], "proto"),
    ("src_port", &["src_port", "proto"], "if(proto IN (1, 58), NULL, src_port)"),
    ("dst_port", &["dst_port", "proto"], "if(proto IN (1, 58), NULL, dst_port)"),
    ("bytes", &["bytes", "sampling_rate"], "bytes * greatest(sampling_rate, 1)"),
    ("packets", &["packets", "sampling_rate"], "packets * greatest(sampling_rate, 1)"),
    ("src_as", &["src_as", "time_received_ns"], "nullIf(src_as, 0)"),
    ("dst_as", &["dst_as", "time_received_ns"], "nullIf(dst_as, 0)"),
    ("tos", &["ip_tos"], "ip_tos"),
    ("vlan_id", &["src_vlan"], "nullIf(src_vlan, 0)"),
    // Akvorado
    ("start_time", &["TimeReceived"], "TimeReceived"),
    ("received_time", &["TimeReceived"], "TimeReceived"),
    ("src_ip", &["SrcAddr"], "SrcAddr"),
    ("dst_ip", &["DstAddr"], "DstAddr"),
    ("exporter_ip", &["ExporterAddress"], "ExporterAddress"),
    ("sensor", &["ExporterName"], "ExporterName"),
    ("protocol", &["Proto"], "Proto"),
    ("src_port", &["SrcPort", "Proto"], "if(Proto IN (1, 58), NULL, SrcPort)"),
    ("dst_port", &["DstPort", "Proto"], "if(Proto IN (1, 58), NULL, DstPort)"),
    ("bytes", &["Bytes", "SamplingRate"], "Bytes * greatest(SamplingRate, 1)"),
    ("packets", &["Packets", "SamplingRate"], "Packets * greatest(SamplingRate, 1)"),
    ("sampling_rate", &["SamplingRate"], "SamplingRate"),
    ("src_as", &["SrcAS"], "nullIf(SrcAS, 0)"),
    ("dst_as", &["DstAS"], "nullIf(DstAS, 0)"),
    ("src_mask", &["SrcNetMask"], "nullIf(SrcNetMask, 0)"),
    ("dst_mask", &["DstNetMask"], "nullIf(DstNetMask, 0)"),
    ("vlan_id", &["SrcVlan"], "nullIf(SrcVlan, 0)"),
    ("src_mac", &["SrcMAC"], "nullIf(SrcMAC, 0)"),
    ("dst_mac", &["DstMAC"], "nullIf(DstMAC, 0)"),
    ("tos", &["IPTos"], "IPTos"),
    ("tcp_flags", &["TCPFlags"], "TCPFlags"),
    ("icmp_type", &["ICMPv4Type", "ICMPv6Type", "Proto"], "if(Proto = 1, ICMPv4Type, if(Proto = 58, ICMPv6Type, NULL))"),
    ("icmp_code", &["ICMPv4Code", "ICMPv6Code", "Proto"], "if(Proto = 1, ICMPv4Code, if(Proto = 58, ICMPv6Code, NULL))"),
    ("direction", &["FlowDirection"], "nullIf(toString(FlowDirection), 'undefined')"),
    // ipfixcol2
    ("start_time", &["flowstart"], "flowstart"),
    ("end_time", &["flowend"], "flowend"),
    ("src_ip", &["srcip"], "srcip"),
    ("dst_ip", &["dstip"], "dstip"),
    ("src_port", &["sourceTransportPort", "protocolIdentifier"], "if(protocolIdentifier IN (1, 58), NULL, sourceTransportPort)"),
    ("dst_port", &["destinationTransportPort", "protocolIdentifier"], "if(protocolIdentifier IN (1, 58), NULL, destinationTransportPort)"),
    ("protocol", &["protocolIdentifier"], "protocolIdentifier"),
    ("bytes", &["octetDeltaCount"], "octetDeltaCount"),
    ("packets", &["packetDeltaCount"], "packetDeltaCount"),
    ("tcp_flags", &["tcpControlBits"], "tcpControlBits"),
    ("tos", &["ipClassOfService"], "ipClassOfService"),
    ("observation_domain", &["odid"], "toString(odid)"),
];

/// Columns that are numbers of nanoseconds in some tables, and times in others.
const NANOS: &[&str] = &["time_flow_start_ns", "time_flow_end_ns", "time_received_ns"];

/// What a column of flows is made of in a table with these columns.
pub(crate) fn origin(flow: &str, known: &[String]) -> Option<Origin> {
    let has = |name: &&str| known.iter().any(|known| known == name);
    let (_, _, made) = LINES.iter().find(|(column, needed, _)| *column == flow && needed.iter().all(&has))?;
    Some(match known.iter().any(|known| known == made) {
        true => {
            let unit = NANOS.contains(made).then_some(TimeUnit::Nanoseconds);
            Origin::Column { name: (*made).to_owned(), unit }
        }
        false => Origin::Expression((*made).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_source::flow_schema;

    #[test]
    fn lines_are_about_columns_of_flows_and_need_what_they_name() {
        for (flow, needed, made) in LINES {
            assert!(flow_schema().field_with_name(flow).is_ok(), "{flow}");
            assert!(needed.iter().any(|name| made.contains(name)), "{flow} from {made}");
        }
    }

    #[test]
    fn tables_are_told_apart_by_their_columns() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let akvorado = names(&["TimeReceived", "SrcAddr", "Bytes", "SamplingRate"]);
        assert_eq!(origin("bytes", &akvorado), Some(Origin::Expression("Bytes * greatest(SamplingRate, 1)".into())));
        assert_eq!(origin("start_time", &akvorado), Some(Origin::column("TimeReceived")));
        let goflow = names(&["time_received_ns", "src_as"]);
        let unit = Some(TimeUnit::Nanoseconds);
        assert_eq!(origin("received_time", &goflow), Some(Origin::Column { name: "time_received_ns".into(), unit }));
        assert_eq!(origin("src_as", &names(&["src_as"])), None);
    }
}
