//! Templates: how the records of a set are laid out, and where templates are kept.
//!
//! What the fields mean for a flow is in `flow`; who may use which template (RFC 7011 section 8, RFC 3954 section 5.1)
//! is in [`Domain`].

use std::net::IpAddr;
use std::sync::Arc;

use super::element::{ElementId, V9_SCOPE};
use super::flow::FlowPlan;
use super::lru::Lru;
use super::wire::{u16_at, u32_at};

/// The length of a field that says its own length in each record (RFC 7011 section 7).
pub(crate) const VARIABLE: u16 = u16::MAX;
/// Fields of all templates kept; beyond that the templates used least recently go. About 30 MiB.
const FIELDS_KEPT_MAX: usize = 500_000;

/// The protocols that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    V1,
    V5,
    V7,
    V9,
    Ipfix,
}

impl Version {
    pub(crate) fn of(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::V1,
            5 => Self::V5,
            7 => Self::V7,
            9 => Self::V9,
            10 => Self::Ipfix,
            _ => return None,
        })
    }

    pub(crate) fn number(self) -> u16 {
        match self {
            Self::V1 => 1,
            Self::V5 => 5,
            Self::V7 => 7,
            Self::V9 => 9,
            Self::Ipfix => 10,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "NetFlow v1",
            Self::V5 => "NetFlow v5",
            Self::V7 => "NetFlow v7",
            Self::V9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
        }
    }
}

/// Who sends. Nothing is known of it when packets lie in a file without their headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Exporter {
    /// The address from which the packets come.
    pub(crate) address: Option<IpAddr>,
    /// The UDP port, 0 if not known.
    pub(crate) port: u16,
}

/// The scope of template numbers: exporter, and source ID or observation domain. Of IPFIX the port belongs to it (a
/// transport session), of v9 it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Domain {
    pub(crate) exporter: Exporter,
    pub(crate) version: Version,
    pub(crate) id: u32,
}

impl Domain {
    pub(crate) fn new(exporter: Exporter, version: Version, id: u32) -> Self {
        let port = if version == Version::Ipfix { exporter.port } else { 0 };
        Self { exporter: Exporter { port, ..exporter }, version, id }
    }
}

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) id: ElementId,
    /// Bytes, or [`VARIABLE`].
    pub(crate) length: u16,
}

/// How a record is laid out.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: u16,
    pub(crate) is_options: bool,
    pub(crate) fields: Box<[Field]>,
    pub(crate) flow: FlowPlan,
    /// Bytes of the shortest record.
    pub(crate) min_bytes: usize,
    has_variable: bool,
}

impl Template {
    pub(crate) fn new(id: u16, is_options: bool, fields: Vec<Field>) -> Self {
        let has_variable = fields.iter().any(|field| field.length == VARIABLE);
        let least = |field: &Field| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        let min_bytes = fields.iter().map(least).sum();
        let flow = FlowPlan::new(&fields, is_options);
        Self { id, is_options, fields: fields.into(), flow, min_bytes, has_variable }
    }

    /// The bytes of the record at the front of `bytes`; `None` when it is cut.
    pub(crate) fn record_bytes(&self, bytes: &[u8]) -> Option<usize> {
        if !self.has_variable {
            return (bytes.len() >= self.min_bytes).then_some(self.min_bytes);
        }
        let mut place = 0;
        for field in &self.fields {
            let (start, length) = value_at(bytes, place, field.length)?;
            place = start + length;
        }
        Some(place)
    }

    /// The fields of a record with their values.
    pub(crate) fn values<'a>(&'a self, record: &'a [u8]) -> impl Iterator<Item = (&'a Field, &'a [u8])> {
        let mut place = 0;
        self.fields.iter().map_while(move |field| {
            let (start, length) = value_at(record, place, field.length)?;
            place = start + length;
            Some((field, &record[start..place]))
        })
    }
}

/// Where the value of a field begins whose place in the record is `place`, and its length; `None` when it is cut.
pub(crate) fn value_at(record: &[u8], place: usize, length: u16) -> Option<(usize, usize)> {
    let (start, length) = if length == VARIABLE {
        match *record.get(place)? {
            255 => (place + 3, usize::from(u16_at(record, place + 1)?)),
            short => (place + 1, usize::from(short)),
        }
    } else {
        (place, usize::from(length))
    };
    (start + length <= record.len()).then_some((start, length))
}

/// What a set of templates holds.
#[derive(Debug)]
pub(crate) enum Definition {
    Template(Template),
    /// RFC 7011 section 8.1: this template is not used any more; [`TEMPLATES`] or [`OPTIONS`] for all of a kind.
    Withdrawal(u16),
}

/// Set number of IPFIX templates.
pub(crate) const TEMPLATES: u16 = 2;
/// Set number of IPFIX options templates.
pub(crate) const OPTIONS: u16 = 3;

/// A template at the front of a set's rest, and the bytes that it takes.
///
/// # Errors
/// What is wrong, when nothing behind it in the set can be trusted.
pub(crate) fn read_template(bytes: &[u8], version: Version, is_options: bool) -> Result<(Definition, usize), String> {
    let cut = || format!("a template breaks off after {} bytes", bytes.len());
    let id = u16_at(bytes, 0).ok_or_else(cut)?;
    let count = u16_at(bytes, 2).ok_or_else(cut)?;
    if version == Version::Ipfix && count == 0 {
        return Ok((Definition::Withdrawal(id), 4));
    }
    if id < 256 {
        return Err(format!("a template has the number {id}, which is kept for other sets"));
    }
    let (count, scopes, mut place) = match (version, is_options) {
        (_, false) => (count, 0, 4),
        (Version::Ipfix, true) => (count, u16_at(bytes, 4).ok_or_else(cut)?, 6),
        // v9 gives the bytes of the scopes and of the options instead of their numbers.
        (_, true) => {
            let options = u16_at(bytes, 4).ok_or_else(cut)?;
            if !count.is_multiple_of(4) || !options.is_multiple_of(4) {
                return Err(format!(
                    "options template {id} has fields of {count} and {options} bytes, no multiple of 4"
                ));
            }
            (count / 4 + options / 4, count / 4, 6)
        }
    };
    let mut fields = Vec::new();
    for index in 0..count {
        let number = u16_at(bytes, place).ok_or_else(cut)?;
        let length = u16_at(bytes, place + 2).ok_or_else(cut)?;
        place += 4;
        let (enterprise, number) = if version == Version::Ipfix && number & 0x8000 != 0 {
            place += 4;
            (u32_at(bytes, place - 4).ok_or_else(cut)?, number & 0x7fff)
        } else if version == Version::V9 && index < scopes {
            (V9_SCOPE, number)
        } else {
            (0, number)
        };
        fields.push(Field { id: ElementId { enterprise, number }, length });
    }
    Ok((Definition::Template(Template::new(id, is_options, fields)), place))
}

/// The templates of all domains, those used least recently forgotten when they become too many.
#[derive(Debug, Default)]
pub(crate) struct TemplateStore {
    templates: Lru<(Domain, u16), Arc<Template>>,
    fields: usize,
}

impl TemplateStore {
    /// Keeps a template; exporters repeat them, and then the one that is there stays.
    pub(crate) fn insert(&mut self, domain: Domain, template: Template) -> Arc<Template> {
        let key = (domain, template.id);
        if let Some(known) = self.templates.get(&key) {
            if known.fields == template.fields && known.is_options == template.is_options {
                return Arc::clone(known);
            }
            self.remove(domain, template.id);
        }
        self.fields += template.fields.len();
        let template = Arc::new(template);
        self.templates.insert(key, Arc::clone(&template));
        while self.fields > FIELDS_KEPT_MAX && self.templates.len() > 1 {
            let Some((_, forgotten)) = self.templates.remove_oldest() else { break };
            self.fields -= forgotten.fields.len();
        }
        template
    }

    pub(crate) fn get(&mut self, domain: Domain, id: u16) -> Option<Arc<Template>> {
        self.templates.get(&(domain, id)).map(|template| Arc::clone(template))
    }

    /// Forgets one template, or with [`TEMPLATES`] or [`OPTIONS`] all of that kind in the domain.
    pub(crate) fn withdraw(&mut self, domain: Domain, id: u16) {
        if id != TEMPLATES && id != OPTIONS {
            return self.remove(domain, id);
        }
        let is_options = id == OPTIONS;
        let of_kind =
            |(of, _): &(Domain, u16), template: &Arc<Template>| *of == domain && template.is_options == is_options;
        for (_, template) in self.templates.take_where(of_kind) {
            self.fields -= template.fields.len();
        }
    }

    fn remove(&mut self, domain: Domain, id: u16) {
        if let Some(template) = self.templates.remove(&(domain, id)) {
            self.fields -= template.fields.len();
        }
    }

    /// All templates.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Domain, &Arc<Template>)> {
        self.templates.iter().map(|((domain, _), template)| (domain, template))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain::new(Exporter::default(), Version::Ipfix, 1)
    }

    fn template(id: u16, fields: usize) -> Template {
        Template::new(id, false, vec![Field { id: ElementId::iana(1), length: 4 }; fields])
    }

    #[test]
    fn variable_fields_say_their_length() {
        let fields =
            vec![Field { id: ElementId::iana(96), length: VARIABLE }, Field { id: ElementId::iana(4), length: 1 }];
        let template = Template::new(256, false, fields);
        assert_eq!(template.record_bytes(&[2, b'o', b'k', 6, 99]), Some(4));
        assert_eq!(template.record_bytes(&[2, b'o', b'k']), None);
        assert_eq!(template.record_bytes(&[255, 0, 1, b'x', 6]), Some(5));
        assert_eq!(template.record_bytes(&[255, 255]), None);
        let values: Vec<&[u8]> = template.values(&[2, b'o', b'k', 6]).map(|(_, value)| value).collect();
        assert_eq!(values, [b"ok".as_slice(), &[6]]);
    }

    #[test]
    fn templates_are_bounded_and_withdrawn() {
        let mut store = TemplateStore::default();
        for id in 256..300 {
            store.insert(domain(), template(id, FIELDS_KEPT_MAX / 40));
        }
        assert!(store.fields <= FIELDS_KEPT_MAX, "{} fields", store.fields);
        assert!(store.get(domain(), 256).is_none() && store.get(domain(), 299).is_some());
        store.withdraw(domain(), OPTIONS);
        assert!(store.get(domain(), 299).is_some(), "it is no options template");
        store.withdraw(domain(), TEMPLATES);
        assert_eq!((store.fields, store.all().count()), (0, 0));
    }

    #[test]
    fn a_port_is_a_scope_in_ipfix_only() {
        let from = |port| Exporter { address: Some([192, 0, 2, 1].into()), port };
        assert_ne!(Domain::new(from(1), Version::Ipfix, 7), Domain::new(from(2), Version::Ipfix, 7));
        assert_eq!(Domain::new(from(1), Version::V9, 7), Domain::new(from(2), Version::V9, 7));
    }
}
