//! A query in Splunk's search language, and how much of a condition can be said in it.
//!
//! Everything said is weaker than what is meant: numbers are compared as ranges, of addresses IPv4 networks alone are told
//! apart, and IPv4 written as IPv6 is let through.

use std::net::Ipv4Addr;

use remote_source::{Predicate, Ranges, Request, Support};

use crate::fields::{Fields, TIME};

/// Networks of one condition; the server bounds the length of a search.
const NETWORKS_MAX: usize = 100;
/// The addresses that IPv4 is mapped to.
const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);
/// Any IPv6 address.
const ANY_V6: &str = "*:*";
/// IPv4 written as IPv6, in any of its spellings.
const V4_AS_V6: &str = "*ffff:*";
const NANOS_PER_MILLI: i128 = 1_000_000;
/// Of everything.
const ALWAYS: &str = "*";
/// Of nothing.
const NEVER: &str = "NOT *";

/// How well a condition on one column is answered.
pub(crate) fn support(fields: &Fields, condition: &Predicate) -> Support {
    let is_told = match condition {
        Predicate::Within { column, .. } => fields.mapped.get(column).is_some_and(|mapped| {
            // Times other than that of the event are texts or counts that are not known.
            mapped.field == TIME
                || (!column.ends_with("_time") && column != "protocol" && !column.ends_with("tcp_flags"))
        }),
        Predicate::Addresses { ranges, .. } => networks(ranges).is_some(),
        // Neither a star nor a quote can be meant as such.
        Predicate::OneOf { texts, .. } => !texts.iter().any(|text| text.contains(['*', '"', '\\'])),
        _ => false,
    };
    if is_told { Support::Inexact } else { Support::No }
}

/// The search for a request in what `base` finds.
pub(crate) fn search(base: &str, fields: &Fields, request: &Request) -> String {
    let base = base.trim();
    let base = if base.starts_with(['|']) || is_command(base) { base.to_owned() } else { format!("search {base}") };
    let condition = condition(fields, &request.predicate);
    let mut search = match condition.as_str() {
        ALWAYS => base,
        // Within the first command the server's index is used.
        _ if !base.contains('|') => format!("{base} {condition}"),
        _ => format!("{base} | search {condition}"),
    };
    let wanted: Vec<String> =
        request.columns.iter().filter_map(|name| fields.mapped.get(name)).map(|mapped| quoted(&mapped.field)).collect();
    search.push_str(&format!(" | fields {}", if wanted.is_empty() { TIME.to_owned() } else { wanted.join(", ") }));
    search.extend(request.limit.map(|limit| format!(" | head {limit}")));
    search
}

/// The stretch of time of a request, in seconds since 1970; the end does not belong to it.
pub(crate) fn window(fields: &Fields, request: &Request) -> (Option<String>, Option<String>) {
    let flow = fields.mapped.iter().find(|(_, mapped)| mapped.field == TIME).map(|(flow, _)| flow);
    let Some(bounds) = flow.and_then(|flow| request.predicate.bounds_of(flow)) else { return (None, None) };
    let first = bounds.iter().next().map(|(first, _)| first.div_euclid(NANOS_PER_MILLI));
    let last = bounds.iter().last().map(|(_, last)| last);
    let last = last.filter(|last| *last < i128::from(i64::MAX)).map(|last| last.div_euclid(NANOS_PER_MILLI) + 1);
    (first.map(seconds), last.map(seconds))
}

fn is_command(base: &str) -> bool {
    base.split_whitespace().next() == Some("search")
}

fn seconds(millis: i128) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn condition(fields: &Fields, predicate: &Predicate) -> String {
    let of = |column: &String, say: &dyn Fn(&str) -> String| match fields.mapped.get(column) {
        Some(mapped) => say(&mapped.field),
        None => ALWAYS.to_owned(),
    };
    match predicate {
        predicate if predicate.is_always() => ALWAYS.to_owned(),
        Predicate::All(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| condition(fields, part)).collect();
            format!("({})", parts.join(" "))
        }
        Predicate::Any(parts) => any(parts.iter().map(|part| condition(fields, part)).collect()),
        Predicate::Within { column, ranges } => of(column, &|field| within(field, ranges)),
        Predicate::Addresses { column, ranges } => of(column, &|field| addresses(field, ranges)),
        Predicate::OneOf { column, texts } => {
            of(column, &|field| any(texts.iter().map(|text| format!("{}=\"{text}\"", quoted(field))).collect()))
        }
        Predicate::Missing { .. } => ALWAYS.to_owned(),
    }
}

fn within(field: &str, ranges: &Ranges<i128>) -> String {
    let field_text = quoted(field);
    let ranges = ranges.iter().map(|(first, last)| match field {
        TIME => {
            let (first, last) = (first.div_euclid(NANOS_PER_MILLI), last.div_euclid(NANOS_PER_MILLI) + 1);
            format!("({field_text}>={} {field_text}<={})", seconds(first), seconds(last))
        }
        _ => format!("({field_text}>={first} {field_text}<={last})"),
    });
    any(ranges.collect())
}

fn addresses(field: &str, ranges: &Ranges<u128>) -> String {
    let field = quoted(field);
    let Some(networks) = networks(ranges) else { return ALWAYS.to_owned() };
    let mut parts: Vec<String> = networks.iter().map(|network| format!("{field}=\"{network}\"")).collect();
    let reaches_v6 = ranges.iter().any(|(first, last)| first < MAPPED.0 || last > MAPPED.1);
    parts.push(format!("{field}=\"{}\"", if reaches_v6 { ANY_V6 } else { V4_AS_V6 }));
    any(parts)
}

/// The IPv4 networks that make up the ranges; `None` when they are too many.
fn networks(ranges: &Ranges<u128>) -> Option<Vec<String>> {
    let mut networks = Vec::new();
    for (first, last) in ranges.iter() {
        let (mut from, to) = (first.max(MAPPED.0), last.min(MAPPED.1));
        while from <= to {
            let free = (from - MAPPED.0).trailing_zeros().min(32);
            let fits = (0..=free).rev().find(|bits| from + (1 << bits) - 1 <= to).unwrap_or(0);
            networks.push(format!("{}/{}", Ipv4Addr::from((from - MAPPED.0) as u32), 32 - fits));
            if networks.len() > NETWORKS_MAX {
                return None;
            }
            from += 1 << fits;
        }
    }
    Some(networks)
}

fn any(parts: Vec<String>) -> String {
    match parts.as_slice() {
        [] => NEVER.to_owned(),
        [one] => one.clone(),
        _ => format!("({})", parts.join(" OR ")),
    }
}

/// Names that are words stay as they are.
fn quoted(field: &str) -> String {
    let is_word = !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word { field.to_owned() } else { format!("\"{}\"", field.replace(['"', '\\'], "")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remote_source::Settings;

    fn fields() -> Fields {
        Fields::of(&Settings::default()).expect("the model")
    }

    fn request(predicate: Predicate) -> Request {
        Request { columns: vec!["src_ip".into(), "dst_port".into()], predicate, limit: Some(7) }
    }

    fn numbers(column: &str, first: i128, last: i128) -> Predicate {
        Predicate::Within { column: column.into(), ranges: Ranges::between(first, last) }
    }

    fn net(first: u128, last: u128) -> Predicate {
        Predicate::Addresses { column: "src_ip".into(), ranges: Ranges::between(first, last) }
    }

    #[test]
    fn a_search_leaves_out_what_cannot_be_wanted() {
        let v4 = net(MAPPED.0 + 0x0a00_0000, MAPPED.0 + 0x0aff_ffff);
        let wanted =
            request(Predicate::all([v4, numbers("dst_port", 443, 443), numbers("start_time", 1_000_000, 2_000_001)]));
        assert_eq!(
            search("index=flows", &fields(), &wanted),
            "search index=flows ((src_ip=\"10.0.0.0/8\" OR src_ip=\"*ffff:*\") (dest_port>=443 dest_port<=443) \
             (_time>=0.001 _time<=0.003)) | fields src_ip, dest_port | head 7"
        );
        assert_eq!(window(&fields(), &wanted), (Some("0.001".into()), Some("0.003".into())));
        let piped = search("search index=a | eval x=1", &fields(), &request(net(1, 1)));
        assert_eq!(piped, "search index=a | eval x=1 | search src_ip=\"*:*\" | fields src_ip, dest_port | head 7");
        assert_eq!(
            search("| tstats count", &fields(), &request(Predicate::always())),
            "| tstats count | fields src_ip, dest_port | head 7"
        );
    }

    #[test]
    fn ranges_of_addresses_are_networks() {
        let of = |first: u128, last: u128| networks(&Ranges::between(MAPPED.0 + first, MAPPED.0 + last));
        assert_eq!(of(0, 0xffff_ffff), Some(vec!["0.0.0.0/0".into()]));
        assert_eq!(
            of(0x0a00_0001, 0x0a00_0004),
            Some(vec!["10.0.0.1/32".into(), "10.0.0.2/31".into(), "10.0.0.4/32".into()])
        );
        assert_eq!(networks(&Ranges::between(0, 5)), Some(vec![]));
        let many = Ranges::of((0..500).map(|at| (MAPPED.0 + at * 4, MAPPED.0 + at * 4)));
        assert_eq!(networks(&many), None);
    }

    #[test]
    fn texts_with_a_meaning_are_not_told() {
        let text = |text: &str| Predicate::OneOf { column: "uid".into(), texts: vec![text.into()] };
        assert_eq!(support(&fields(), &text("C1")), Support::Inexact);
        for odd in ["a*", "a\" | delete", "a\\"] {
            assert_eq!(support(&fields(), &text(odd)), Support::No, "{odd}");
        }
        assert_eq!(support(&fields(), &numbers("end_time", 1, 2)), Support::No);
    }
}
