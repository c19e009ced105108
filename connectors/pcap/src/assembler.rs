//! Packets to biflows: which flow a packet belongs to, when flows end, and how many are remembered.

use std::collections::HashMap;

use packet_file::Headers;

use crate::biflow::{ACK, Biflow, End, Key, SYN};
use crate::inspect::{Inspected, Inspector};
use crate::options::{FLOWS_MAX, HELD_BYTES_MAX, PcapOptions};

/// Who takes what has ended or was seen.
pub(crate) trait Taker {
    /// A flow has ended.
    fn flow(&mut self, flow: &Biflow, end: End);

    /// A greeting or request was seen in a flow.
    fn inspected(&mut self, _flow: &Biflow, _seen: Inspected) {}
}

/// The flows of a capture. With `inspects`, the first octets of TCP connections are looked at too.
#[derive(Debug)]
pub(crate) struct Assembler {
    options: PcapOptions,
    inspects: bool,
    flows: HashMap<Key, Biflow>,
    /// Octets that the flows' inspectors hold.
    held_bytes: usize,
    /// The latest time of any packet.
    now_ns: Option<i64>,
    swept_ns: Option<i64>,
}

impl Assembler {
    pub(crate) fn new(options: PcapOptions, inspects: bool) -> Self {
        Self { options, inspects, flows: HashMap::new(), held_bytes: 0, now_ns: None, swept_ns: None }
    }

    pub(crate) fn packet(&mut self, headers: &Headers<'_>, time_ns: Option<i64>, offset: u64, taker: &mut impl Taker) {
        self.now_ns = self.now_ns.max(time_ns);
        self.sweep(taker);
        let (key, is_up) = Key::of(headers);
        let mut part_of = None;
        if let Some(reason) = self.flows.get(&key).and_then(|flow| self.ends_before(flow, headers, time_ns))
            && let Some(mut ended) = self.flows.remove(&key)
        {
            if reason != End::Active {
                self.held_bytes -= finish(&mut ended, taker);
            }
            taker.flow(&ended, reason);
            part_of = (reason == End::Active).then_some(ended);
        }
        if self.flows.len() >= FLOWS_MAX {
            self.make_room(taker);
        }
        let inspects = self.inspects && headers.tcp_flags.is_some();
        let flow = self.flows.entry(key).or_insert_with(|| Biflow::new(headers, is_up, time_ns, offset, part_of));
        flow.add(headers, is_up, time_ns);
        if inspects {
            let is_forward = flow.is_forward(is_up);
            let mut inspector = flow.inspector.take().unwrap_or_else(|| Box::new(Inspector::default()));
            self.held_bytes -= inspector.held_bytes();
            inspector.packet(headers, is_forward, time_ns, |seen| taker.inspected(flow, seen));
            if self.held_bytes + inspector.held_bytes() > HELD_BYTES_MAX {
                inspector.finish(|seen| taker.inspected(flow, seen));
            }
            self.held_bytes += inspector.held_bytes();
            flow.inspector = Some(inspector);
        }
    }

    /// Ends all flows: the capture is over.
    pub(crate) fn finish(&mut self, taker: &mut impl Taker) {
        let flows = std::mem::take(&mut self.flows).into_values().collect();
        self.end_in_order(flows, End::Forced, taker);
    }

    /// Why the flow ends before a packet that would belong to it.
    fn ends_before(&self, flow: &Biflow, headers: &Headers<'_>, time_ns: Option<i64>) -> Option<End> {
        let is_opening = headers.tcp_flags.is_some_and(|flags| flags & (SYN | ACK) == SYN);
        if is_opening && flow.is_closed() {
            return Some(End::Detected);
        }
        if flow.silent_ns(time_ns) > self.options.inactive_ns {
            return Some(End::Idle);
        }
        (flow.lasts_ns(time_ns) > self.options.active_ns).then_some(End::Active)
    }

    /// Ends flows that have been silent for too long, now and then.
    fn sweep(&mut self, taker: &mut impl Taker) {
        let interval_ns = self.options.inactive_ns / 4;
        let since = self.now_ns.zip(self.swept_ns).map(|(now, swept)| now.saturating_sub(swept));
        if since.is_some_and(|since| since < interval_ns) {
            return;
        }
        self.swept_ns = self.now_ns;
        let (now_ns, inactive_ns) = (self.now_ns, self.options.inactive_ns);
        let idle =
            self.flows.extract_if(|_, flow| flow.silent_ns(now_ns) > inactive_ns).map(|(_, flow)| flow).collect();
        self.end_in_order(idle, End::Idle, taker);
    }

    /// Ends the tenth of the flows that have been silent longest.
    fn make_room(&mut self, taker: &mut impl Taker) {
        let mut ends: Vec<Option<i64>> = self.flows.values().map(|flow| flow.end_ns).collect();
        let place = ends.len() / 10;
        let (_, limit, _) = ends.select_nth_unstable(place);
        let limit = *limit;
        let oldest = self.flows.extract_if(|_, flow| flow.end_ns <= limit).map(|(_, flow)| flow).collect();
        self.end_in_order(oldest, End::LackOfResources, taker);
    }

    /// Flows end in the order in which they began, so that the same capture gives the same rows.
    fn end_in_order(&mut self, mut flows: Vec<Biflow>, end: End, taker: &mut impl Taker) {
        flows.sort_by_key(|flow| flow.offset);
        for flow in &mut flows {
            self.held_bytes -= finish(flow, taker);
            taker.flow(flow, end);
        }
    }
}

/// Returns the octets that are not held any more.
fn finish(flow: &mut Biflow, taker: &mut impl Taker) -> usize {
    let Some(mut inspector) = flow.inspector.take() else { return 0 };
    let held_bytes = inspector.held_bytes();
    inspector.finish(|seen| taker.inspected(flow, seen));
    flow.inspector = Some(inspector);
    held_bytes
}
