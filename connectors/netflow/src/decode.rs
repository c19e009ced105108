//! Messages to records: framing, templates, and what waits for its template. Bytes in, records out; no files, no
//! sockets.
//!
//! `header` knows the versions, `template` and `fixed` the layouts, `element` the meaning of fields, `flow` what makes
//! a flow, `context` what is remembered of an exporter. All input is hostile: nothing is allocated that the input has
//! not paid for with bytes, and everything remembered has a bound.

pub(crate) mod context;
pub(crate) mod element;
pub(crate) mod fixed;
pub(crate) mod flow;
pub(crate) mod header;
pub(crate) mod lru;
mod pending;
pub(crate) mod template;
pub(crate) mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use context::{Context, DomainState};
use lru::Lru;
use pending::{Pending, PendingSet};
use template::{Definition, Domain, Exporter, OPTIONS, TEMPLATES, Template, TemplateStore, Version};
use wire::u16_at;

/// Exporters and domains remembered; beyond that those heard of least recently are forgotten.
const DOMAINS_MAX: usize = 8192;

/// One record, with all that is needed to make sense of it.
pub(crate) struct Record<'a> {
    pub(crate) context: &'a Context,
    pub(crate) state: &'a DomainState,
    pub(crate) template: &'a Template,
    pub(crate) bytes: &'a [u8],
    /// Where it begins, in the file or since the start of the listener.
    pub(crate) offset: u64,
    /// Whether its template comes from another file.
    pub(crate) is_foreign: bool,
}

/// Who takes what is decoded.
pub(crate) trait RecordSink {
    fn record(&mut self, record: &Record<'_>);

    /// A record, a set or a message that is left out.
    fn reject(&mut self, offset: u64, reason: impl FnOnce() -> String);
}

/// Templates of the other files of a table, for files that begin after their exporter had sent them. `None` where two
/// files differ.
pub(crate) type ForeignTemplates = HashMap<(Version, u32, u16), Option<Arc<Template>>>;

/// A decoder with its memory of exporters: one for each file or listener.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    templates: TemplateStore,
    domains: Lru<Domain, DomainState>,
    pending: Pending,
}

/// A message while it is read.
struct Message<'a> {
    context: Context,
    bytes: &'a [u8],
    offset: u64,
    /// Records so far; `None` once there was a set that could not be counted.
    units: Option<u32>,
}

impl Decoder {
    /// Decodes the one message in `bytes`. `offset` is where it begins, `received_ns` when it came, if that is known.
    pub(crate) fn message(
        &mut self,
        exporter: Exporter,
        received_ns: Option<i64>,
        bytes: &[u8],
        offset: u64,
        sink: &mut impl RecordSink,
    ) {
        let (mut context, header_bytes) = match header::read(bytes, exporter) {
            Ok(read) => read,
            Err(reason) => return sink.reject(offset, || reason),
        };
        context.received_ns = received_ns;
        let mut message = Message { context, bytes, offset, units: Some(0) };
        match context.version {
            Version::Ipfix | Version::V9 => self.sets(&mut message, header_bytes, sink),
            _ => self.fixed(&mut message, header_bytes, sink),
        }
        let units = if context.version == Version::V9 { Some(1) } else { message.units };
        if context.version != Version::V1 {
            self.state(context.domain()).sequence.message(context.sequence, units);
        }
    }

    /// Decodes what still waits for templates by those of other files; the rest is rejected.
    pub(crate) fn finish(&mut self, foreign: &ForeignTemplates, sink: &mut impl RecordSink) {
        for set in self.pending.take_all() {
            let key = (set.context.version, set.context.domain, set.template);
            match foreign.get(&key) {
                Some(Some(template)) => {
                    self.records(&set.context, template, &set.bytes, set.offset, true, sink);
                }
                found => sink.reject(set.offset, || set.reason(found.is_some())),
            }
        }
    }

    /// The templates known by now.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&Domain, &Arc<Template>)> {
        self.templates.all()
    }

    /// What is known of each domain.
    pub(crate) fn domains(&self) -> impl Iterator<Item = (&Domain, &DomainState)> {
        self.domains.iter()
    }

    fn state(&mut self, domain: Domain) -> &mut DomainState {
        self.domains.get_or_make(domain, DOMAINS_MAX, DomainState::default)
    }

    fn fixed(&mut self, message: &mut Message<'_>, header_bytes: usize, sink: &mut impl RecordSink) {
        let (Some((template, _)), Some(count)) = (fixed::layout(message.context.version), u16_at(message.bytes, 2))
        else {
            return;
        };
        let name = message.context.version.name();
        if count == 0 || count > fixed::RECORDS_MAX {
            let most = fixed::RECORDS_MAX;
            let reason = || format!("a {name} header that counts {count} records, expected 1 to {most}: it is damaged");
            message.units = None;
            return sink.reject(message.offset, reason);
        }
        let wanted = usize::from(count) * template.min_bytes;
        let body = message.bytes.get(header_bytes..).unwrap_or_default();
        let body = &body[..body.len().min(wanted)];
        let template = Arc::clone(template);
        let offset = message.offset + header_bytes as u64;
        self.records(&message.context, &template, body, offset, false, sink);
        message.units = Some(u32::from(count));
        if body.len() < wanted {
            let there = body.len() / template.min_bytes;
            sink.reject(message.offset + message.bytes.len() as u64, || {
                format!("a {name} message breaks off: its header counts {count} records, {there} are there")
            });
        }
    }

    fn sets(&mut self, message: &mut Message<'_>, header_bytes: usize, sink: &mut impl RecordSink) {
        let mut end = message.bytes.len();
        if message.context.version == Version::Ipfix {
            let told = usize::from(u16_at(message.bytes, 2).unwrap_or(0));
            if told > end {
                sink.reject(message.offset, || {
                    format!("an IPFIX message breaks off: {told} bytes by its header, {end} are there")
                });
                message.units = None;
            }
            end = end.min(told);
        }
        let mut place = header_bytes;
        while place + 4 <= end {
            let offset = message.offset + place as u64;
            let (Some(id), Some(length)) = (u16_at(message.bytes, place), u16_at(message.bytes, place + 2)) else {
                break;
            };
            let length = usize::from(length);
            if length < 4 {
                // Some exporters fill their datagrams up with zeros.
                if message.bytes[place..end].iter().any(|byte| *byte != 0) {
                    message.units = None;
                    sink.reject(offset, || format!("set {id} says that it has {length} bytes, less than its header"));
                }
                return;
            }
            let stop = (place + length).min(end);
            if place + length > end {
                message.units = None;
                let there = end - place;
                sink.reject(offset, || format!("set {id} breaks off: {length} bytes by its header, {there} are there"));
            }
            self.set(message, id, place + 4..stop, sink);
            place = stop;
        }
    }

    fn set(&mut self, message: &mut Message<'_>, id: u16, range: std::ops::Range<usize>, sink: &mut impl RecordSink) {
        let context = message.context;
        let offset = message.offset + range.start as u64;
        let bytes = &message.bytes[range];
        match (context.version, id) {
            (Version::V9, 0) | (Version::Ipfix, TEMPLATES) => self.define(&context, false, bytes, offset, sink),
            (Version::V9, 1) | (Version::Ipfix, OPTIONS) => self.define(&context, true, bytes, offset, sink),
            (_, 0..256) => sink.reject(offset, || format!("set {id}, a number that no version uses")),
            _ => match self.templates.get(context.domain(), id) {
                Some(template) => {
                    let count = self.records(&context, &template, bytes, offset, false, sink);
                    message.units = message.units.and_then(|units| units.checked_add(count));
                }
                None => {
                    message.units = None;
                    let set = PendingSet { context, template: id, bytes: bytes.into(), offset };
                    if let Some(refused) = self.pending.push(set) {
                        sink.reject(offset, || refused.reason(false));
                    }
                }
            },
        }
    }

    fn define(&mut self, context: &Context, is_options: bool, bytes: &[u8], offset: u64, sink: &mut impl RecordSink) {
        let domain = context.domain();
        let mut place = 0;
        while bytes.len() - place >= 4 {
            let rest = &bytes[place..];
            if rest.iter().all(|byte| *byte == 0) {
                return;
            }
            match template::read_template(rest, context.version, is_options) {
                Ok((Definition::Withdrawal(id), used)) => {
                    self.templates.withdraw(domain, id);
                    place += used;
                }
                Ok((Definition::Template(template), used)) => {
                    let template = self.templates.insert(domain, template);
                    place += used;
                    for set in self.pending.take(domain, template.id) {
                        self.records(&set.context, &template, &set.bytes, set.offset, false, sink);
                    }
                }
                Err(reason) => return sink.reject(offset + place as u64, || reason),
            }
        }
    }

    /// The records of a data set; returns how many.
    fn records(
        &mut self,
        context: &Context,
        template: &Template,
        bytes: &[u8],
        offset: u64,
        is_foreign: bool,
        sink: &mut impl RecordSink,
    ) -> u32 {
        if template.min_bytes == 0 {
            sink.reject(offset, || format!("template {} describes records without bytes", template.id));
            return 0;
        }
        let state = self.domains.get_or_make(context.domain(), DOMAINS_MAX, DomainState::default);
        let (mut place, mut count) = (0, 0);
        while bytes.len() - place >= template.min_bytes {
            let Some(length) = template.record_bytes(&bytes[place..]) else { break };
            let record = &bytes[place..place + length];
            if template.is_options {
                state.learn(template, record);
            }
            sink.record(&Record { context, state, template, bytes: record, offset: offset + place as u64, is_foreign });
            place += length;
            count += 1;
        }
        // Up to three bytes fill the set up to a multiple of four, more only if they are zero (RFC 7011 section 3.3.1).
        let rest = &bytes[place..];
        if rest.len() > 3 && rest.iter().any(|byte| *byte != 0) {
            let (id, there, least) = (template.id, rest.len(), template.min_bytes);
            sink.reject(offset + place as u64, || {
                format!("a record of template {id} breaks off: {there} bytes are there, it has at least {least}")
            });
        }
        count
    }
}
