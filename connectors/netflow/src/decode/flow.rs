//! Records as flows of the common schema: which elements are taken, and what is made of them.
//!
//! A template is turned into a list of steps once; a record then costs one step per field.

use flow_source::FlowRecord;
use flow_source::protocol::{ICMP, ICMP6, TCP, has_ports};
use flow_source::record::Notes;

use super::context::{Context, DomainState};
use super::element::{self, ElementId, REVERSE, Unit};
use super::template::{Field, VARIABLE, value_at};
use super::wire::unsigned;

/// What a field gives to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Skip,
    Bytes,
    EgressBytes,
    Packets,
    EgressPackets,
    ReverseBytes,
    ReversePackets,
    Flows,
    Protocol,
    Tos,
    TcpFlags,
    ReverseTcpFlags,
    SrcPort,
    DstPort,
    SrcAddress,
    DstAddress,
    SrcMask,
    DstMask,
    InIf,
    OutIf,
    SrcAs,
    DstAs,
    StartUptime,
    EndUptime,
    Start(Unit),
    End(Unit),
    /// Microseconds before the export.
    StartBefore,
    EndBefore,
    DurationMillis,
    DurationMicros,
    SystemInit,
    IcmpTypeCode,
    IcmpType,
    IcmpCode,
    SamplingRate,
    Sampler,
    SrcMac,
    DstMac,
    Vlan,
    IpVersion,
    Direction,
    AppName,
    ExporterAddress,
    EndReason,
    FlowId,
    ObservationDomain,
}

use Target as T;

/// IANA elements by what they give, the preferred one first: of those in a template only the first is taken.
#[rustfmt::skip]
const PREFERENCES: &[&[(u16, Target)]] = &[
    &[(1, T::Bytes), (85, T::Bytes), (231, T::Bytes), (23, T::EgressBytes)],
    &[(2, T::Packets), (86, T::Packets), (298, T::Packets), (24, T::EgressPackets)],
    &[(232, T::ReverseBytes)],
    &[(299, T::ReversePackets)],
    &[(3, T::Flows)],
    &[(4, T::Protocol)],
    &[(5, T::Tos)],
    &[(6, T::TcpFlags)],
    &[(7, T::SrcPort), (180, T::SrcPort), (182, T::SrcPort)],
    &[(11, T::DstPort), (181, T::DstPort), (183, T::DstPort)],
    &[(9, T::SrcMask)], &[(29, T::SrcMask)],
    &[(13, T::DstMask)], &[(30, T::DstMask)],
    &[(8, T::SrcAddress)], &[(27, T::SrcAddress)],
    &[(12, T::DstAddress)], &[(28, T::DstAddress)],
    &[(10, T::InIf)], &[(14, T::OutIf)],
    &[(16, T::SrcAs)], &[(17, T::DstAs)],
    &[(156, T::Start(Unit::Ntp)), (154, T::Start(Unit::Ntp)), (152, T::Start(Unit::Milliseconds)),
      (150, T::Start(Unit::Seconds)), (158, T::StartBefore), (22, T::StartUptime), (325, T::Start(Unit::Ntp)),
      (324, T::Start(Unit::Ntp)), (323, T::Start(Unit::Milliseconds)), (322, T::Start(Unit::Seconds))],
    &[(157, T::End(Unit::Ntp)), (155, T::End(Unit::Ntp)), (153, T::End(Unit::Milliseconds)),
      (151, T::End(Unit::Seconds)), (159, T::EndBefore), (21, T::EndUptime)],
    &[(162, T::DurationMicros), (161, T::DurationMillis)],
    &[(160, T::SystemInit)],
    &[(176, T::IcmpType), (178, T::IcmpType)],
    &[(177, T::IcmpCode), (179, T::IcmpCode)],
    &[(32, T::IcmpTypeCode), (139, T::IcmpTypeCode)],
    &[(305, T::SamplingRate), (34, T::SamplingRate), (50, T::SamplingRate)],
    &[(302, T::Sampler), (48, T::Sampler)],
    &[(56, T::SrcMac), (81, T::SrcMac)],
    &[(80, T::DstMac), (57, T::DstMac)],
    &[(58, T::Vlan), (243, T::Vlan), (59, T::Vlan), (254, T::Vlan)],
    &[(60, T::IpVersion)], &[(61, T::Direction)], &[(96, T::AppName)],
    &[(130, T::ExporterAddress)], &[(131, T::ExporterAddress)],
    &[(136, T::EndReason)], &[(148, T::FlowId)], &[(149, T::ObservationDomain)],
];

/// Elements of the other direction (RFC 5103).
const REVERSES: &[(u16, Target)] = &[
    (1, T::ReverseBytes),
    (85, T::ReverseBytes),
    (2, T::ReversePackets),
    (86, T::ReversePackets),
    (6, T::ReverseTcpFlags),
];

#[derive(Clone, Copy, Debug)]
struct Step {
    target: Target,
    length: u16,
}

/// How a template's records become flows.
#[derive(Debug)]
pub(crate) struct FlowPlan {
    steps: Box<[Step]>,
    /// Whether records say who talked to whom; others (of counters, of applications' names) are no flows.
    pub(crate) is_flow: bool,
}

impl FlowPlan {
    pub(crate) fn new(fields: &[Field], is_options: bool) -> Self {
        let mut steps: Vec<Step> = Vec::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            let is_first = !fields[..place].iter().any(|other| other.id == field.id);
            let target = if is_first && field.length > 0 { target_of(field.id, fields) } else { T::Skip };
            match steps.last_mut() {
                // Fields without interest in a row are one step.
                Some(Step { target: T::Skip, length })
                    if target == T::Skip && *length != VARIABLE && field.length < VARIABLE - *length =>
                {
                    *length += field.length;
                }
                _ => steps.push(Step { target, length: field.length }),
            }
        }
        let names_ends = steps.iter().any(|step| match step.target {
            T::SrcAddress | T::DstAddress => matches!(step.length, 4 | 16),
            T::SrcMac | T::DstMac => matches!(step.length, 6 | 8),
            _ => false,
        });
        Self { steps: steps.into(), is_flow: names_ends && !is_options }
    }

    /// The flow of a record.
    pub(crate) fn flow(&self, record: &[u8], context: &Context, state: &DomainState) -> FlowRecord {
        let mut draft = Draft {
            flow: FlowRecord {
                received_time: context.received_ns.or(context.export_ns),
                exporter_ip: context.exporter.address,
                observation_domain: context.domain_id(),
                ..FlowRecord::default()
            },
            boot_ns: state.boot_ns,
            context,
            sampler: None,
            micros: None,
            start_uptime: None,
            end_uptime: None,
        };
        let mut place = 0;
        for step in &self.steps {
            let Some((start, length)) = value_at(record, place, step.length) else { break };
            place = start + length;
            if step.target != T::Skip {
                draft.take(step.target, &record[start..place]);
            }
        }
        draft.finish(state)
    }
}

fn target_of(id: ElementId, fields: &[Field]) -> Target {
    let find = |pairs: &[(u16, Target)]| pairs.iter().find(|(number, _)| *number == id.number).map(|(_, to)| *to);
    match id.enterprise {
        REVERSE => find(REVERSES).unwrap_or(T::Skip),
        0 => {
            let has = |number: u16| fields.iter().any(|field| field.id == ElementId::iana(number) && field.length > 0);
            let Some(group) = PREFERENCES.iter().find(|group| find(group).is_some()) else { return T::Skip };
            match group.iter().find(|(number, _)| has(*number)) {
                Some((number, target)) if *number == id.number => *target,
                _ => T::Skip,
            }
        }
        _ => T::Skip,
    }
}

/// A flow while its record is read.
struct Draft<'a> {
    flow: FlowRecord,
    context: &'a Context,
    boot_ns: Option<i64>,
    sampler: Option<u64>,
    micros: Option<u64>,
    /// Times of the exporter's clock since its start, which may stand behind them in the record.
    start_uptime: Option<u64>,
    end_uptime: Option<u64>,
}

impl Draft<'_> {
    fn take(&mut self, target: Target, bytes: &[u8]) {
        match target {
            T::SrcAddress | T::DstAddress | T::ExporterAddress => return self.take_address(target, bytes),
            T::Start(unit) => return self.flow.start_time = element::time(bytes, unit),
            T::End(unit) => return self.flow.end_time = element::time(bytes, unit),
            T::SrcMac => return self.flow.src_mac = known_mac(bytes),
            T::DstMac => return self.flow.dst_mac = known_mac(bytes),
            T::AppName => {
                return self.flow.app_protocol = element::text(bytes).map(|name| name.to_lowercase().into());
            }
            _ => {}
        }
        match unsigned(bytes) {
            Some(value) => self.take_number(target, value),
            // More than eight bytes and no zeros in front.
            None => self.flow.notes.add(Notes::VALUE_TOO_LARGE),
        }
    }

    fn take_address(&mut self, target: Target, bytes: &[u8]) {
        let Some(address) = element::address(bytes) else { return };
        let place = match target {
            T::SrcAddress => &mut self.flow.src_ip,
            T::DstAddress => &mut self.flow.dst_ip,
            _ => &mut self.flow.exporter_ip,
        };
        // Templates for both families leave the unused one zero.
        if !address.is_unspecified() || place.is_none() {
            *place = Some(address);
        }
    }

    fn take_number(&mut self, target: Target, value: u64) {
        match target {
            T::Bytes => self.flow.bytes = Some(value),
            T::Packets => self.flow.packets = Some(value),
            T::EgressBytes => {
                self.flow.bytes = Some(value);
                self.flow.notes.add(Notes::EGRESS_COUNTS);
            }
            T::EgressPackets => {
                self.flow.packets = Some(value);
                self.flow.notes.add(Notes::EGRESS_COUNTS);
            }
            T::ReverseBytes => self.flow.rev_bytes = Some(value),
            T::ReversePackets => self.flow.rev_packets = Some(value),
            T::Flows => self.flow.flow_count = Some(value),
            T::StartUptime => self.start_uptime = Some(value),
            T::EndUptime => self.end_uptime = Some(value),
            T::StartBefore => self.flow.start_time = self.before_export(value),
            T::EndBefore => self.flow.end_time = self.before_export(value),
            T::DurationMillis => self.micros = value.checked_mul(1000),
            T::DurationMicros => self.micros = Some(value),
            T::SystemInit => self.boot_ns = i64::try_from(value).ok().and_then(|millis| millis.checked_mul(1_000_000)),
            T::SamplingRate => self.flow.sampling_rate = (value > 0).then_some(value),
            T::Sampler => self.sampler = Some(value),
            T::FlowId => self.flow.flow_id = Some(value),
            T::Direction => self.flow.direction = direction(value),
            _ => self.take_small(target, value),
        }
    }

    /// Numbers of columns with fewer than 64 bits. Zero is "not known" where it cannot be a value.
    fn take_small(&mut self, target: Target, value: u64) {
        let Self { flow, .. } = self;
        let mut notes = Notes::default();
        match target {
            T::Protocol => flow.protocol = fit(value, &mut notes),
            T::Tos => flow.tos = fit(value, &mut notes),
            // Exporters write 8, 16 or 32 bits; the upper ones are reserved.
            T::TcpFlags => flow.tcp_flags = Some((value & 0xffff) as u16),
            T::ReverseTcpFlags => flow.rev_tcp_flags = Some((value & 0xffff) as u16),
            T::SrcPort => flow.src_port = fit(value, &mut notes),
            T::DstPort => flow.dst_port = fit(value, &mut notes),
            T::SrcMask => flow.src_mask = fit(value, &mut notes).filter(|mask| *mask > 0).or(flow.src_mask).or(Some(0)),
            T::DstMask => flow.dst_mask = fit(value, &mut notes).filter(|mask| *mask > 0).or(flow.dst_mask).or(Some(0)),
            T::InIf => flow.in_if = fit(value, &mut notes),
            T::OutIf => flow.out_if = fit(value, &mut notes),
            T::SrcAs => flow.src_as = fit(value, &mut notes).filter(|number| *number != 0),
            T::DstAs => flow.dst_as = fit(value, &mut notes).filter(|number| *number != 0),
            T::Vlan => flow.vlan_id = fit(value, &mut notes).filter(|vlan| *vlan != 0),
            T::IpVersion => flow.ip_version = fit(value, &mut notes).filter(|version| *version != 0),
            T::EndReason => flow.end_reason = fit(value, &mut notes).filter(|reason| *reason != 0),
            T::ObservationDomain => flow.observation_domain = fit(value, &mut notes),
            T::IcmpType => flow.icmp_type = fit(value, &mut notes),
            T::IcmpCode => flow.icmp_code = fit(value, &mut notes),
            T::IcmpTypeCode if flow.icmp_type.is_none() || value != 0 => {
                flow.icmp_type = fit(value >> 8, &mut notes);
                flow.icmp_code = Some((value & 0xff) as u8);
            }
            _ => {}
        }
        flow.notes.add(notes);
    }

    /// A time of the exporter's clock since its start, in milliseconds; it wraps after 49.7 days.
    fn uptime(&self, value: u64) -> Option<i64> {
        let nanos = i64::try_from(value).ok()?.checked_mul(1_000_000)?;
        match (self.context.uptime_ms, self.context.export_ns) {
            (Some(now), Some(export_ns)) => {
                let age_ms = i64::from(now.wrapping_sub(value as u32).cast_signed());
                export_ns.checked_sub(age_ms * 1_000_000)
            }
            _ => self.boot_ns?.checked_add(nanos),
        }
    }

    fn before_export(&self, micros: u64) -> Option<i64> {
        self.context.export_ns?.checked_sub(i64::try_from(micros).ok()?.checked_mul(1000)?)
    }

    fn finish(mut self, state: &DomainState) -> FlowRecord {
        self.settle_times();
        self.settle_protocol();
        let flow = &mut self.flow;
        flow.flow_count = flow.flow_count.or(Some(1));
        flow.ip_version = match (flow.src_ip.or(flow.dst_ip), flow.ip_version) {
            (Some(address), _) => Some(if address.is_ipv4() { 4 } else { 6 }),
            (None, version) => version,
        };
        if flow.src_ip.is_none() && flow.dst_ip.is_none() {
            flow.src_mask = None;
            flow.dst_mask = None;
        }
        flow.sampling_rate = flow.sampling_rate.or(self.context.sampling_rate).or_else(|| state.sampling(self.sampler));
        self.flow
    }

    fn settle_times(&mut self) {
        let start = self.start_uptime.and_then(|value| self.uptime(value));
        let end = self.end_uptime.and_then(|value| self.uptime(value));
        let flow = &mut self.flow;
        flow.start_time = flow.start_time.or(start);
        flow.end_time = flow.end_time.or(end);
        let nanos = self.micros.and_then(|micros| i64::try_from(micros).ok()?.checked_mul(1000));
        if let (Some(start), None, Some(nanos)) = (flow.start_time, flow.end_time, nanos) {
            flow.end_time = start.checked_add(nanos);
        }
        if let (None, Some(end), Some(nanos)) = (flow.start_time, flow.end_time, nanos) {
            flow.start_time = end.checked_sub(nanos);
        }
        if flow.start_time.is_none() {
            flow.notes.add(Notes::TIME_MISSING);
        }
    }

    /// Ports, flags and ICMP's type and code only where the protocol has them; exporters fill the rest with zeros.
    fn settle_protocol(&mut self) {
        let flow = &mut self.flow;
        if matches!(flow.protocol, Some(ICMP | ICMP6)) {
            // Without elements of their own, type and code are in the destination port, as in NetFlow v5.
            if let (None, Some(port)) = (flow.icmp_type, flow.dst_port) {
                let [kind, code] = port.to_be_bytes();
                flow.icmp_type = Some(kind);
                flow.icmp_code = Some(code);
            }
            flow.src_port = None;
            flow.dst_port = None;
        } else {
            flow.icmp_type = None;
            flow.icmp_code = None;
        }
        if !flow.protocol.is_some_and(has_ports) {
            flow.src_port = flow.src_port.filter(|port| *port != 0);
            flow.dst_port = flow.dst_port.filter(|port| *port != 0);
        }
        if flow.protocol != Some(TCP) {
            flow.tcp_flags = None;
            flow.rev_tcp_flags = None;
        }
    }
}

/// The number if the column can hold it.
fn fit<N: TryFrom<u64>>(value: u64, notes: &mut Notes) -> Option<N> {
    let fitting = N::try_from(value).ok();
    if fitting.is_none() {
        notes.add(Notes::VALUE_TOO_LARGE);
    }
    fitting
}

fn known_mac(bytes: &[u8]) -> Option<[u8; 6]> {
    element::mac(bytes).filter(|mac| mac.iter().any(|byte| *byte != 0))
}

/// Element 61: the direction at the exporter's interface.
fn direction(value: u64) -> Option<&'static str> {
    match value {
        0 => Some("in"),
        1 => Some("out"),
        _ => None,
    }
}
