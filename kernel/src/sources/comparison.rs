//! Two sources beside each other, in words and a table by hour.

use flow_engine::source::{Comparison, ComparisonWindow, GAPS_MAX, Matched, PAIRS_MIN, Seen};
use flowdeck::chrono::TimeDelta;

use super::{detail::share_text, grouped, moment_text};

/// Hours shown one by one at most; a longer comparison is better made in parts.
const HOURS_SHOWN_MAX: usize = 48;

/// A difference so near to that of two zones is one of zones.
const LIKE_A_ZONE: TimeDelta = TimeDelta::seconds(5);

/// The page. `configured_b` is the offset that the second source has in the configuration already.
pub(super) fn text(found: &Comparison, window: ComparisonWindow, configured_b: TimeDelta) -> String {
    let (a, b) = (&found.a.source, &found.b.source);
    let mut text = format!("{a} and {b}: flows that begin {}\n\n", window_text(window));
    push_counts(&mut text, &found.a, &found.b);
    text.push('\n');
    text.push_str(&clocks(found, configured_b));
    push_gaps(&mut text, found);
    push_hours(&mut text, found);
    text
}

fn window_text(window: ComparisonWindow) -> String {
    match (window.from, window.to) {
        (None, None) => "at any time".to_owned(),
        (Some(from), None) => format!("from {} UTC on", moment_text(from)),
        (None, Some(to)) => format!("before {} UTC", moment_text(to)),
        (Some(from), Some(to)) => format!("from {} to {} UTC", moment_text(from), moment_text(to)),
    }
}

fn push_counts(text: &mut String, a: &Seen, b: &Seen) {
    let time = |time: Option<_>| time.map_or_else(|| "–".to_owned(), moment_text);
    let shared = |part: u64, whole: u64| format!("{} ({})", grouped(part), share_text(part, whole));
    type Row<'r> = (&'static str, &'r dyn Fn(&Seen) -> String);
    let rows: [Row<'_>; 8] = [
        ("flows", &|seen| grouped(seen.flows)),
        ("connections", &|seen| grouped(seen.connections)),
        ("  seen by both", &|seen| shared(seen.shared_connections, seen.connections)),
        ("  their flows", &|seen| shared(seen.shared_flows, seen.flows)),
        ("repeated flows", &|seen| shared(seen.repeated, seen.flows)),
        ("without a Community ID", &|seen| shared(seen.without_id, seen.flows)),
        ("first (UTC)", &|seen| time(seen.first)),
        ("last (UTC)", &|seen| time(seen.last)),
    ];
    let label = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let width = |seen: &Seen| {
        rows.iter()
            .map(|(_, of)| of(seen).chars().count())
            .chain([seen.source.chars().count()])
            .max()
            .unwrap_or_default()
    };
    let (wide_a, wide_b) = (width(a), width(b));
    text.push_str(&format!("{:label$}  {:>wide_a$}  {:>wide_b$}\n", "", a.source, b.source));
    for (name, of) in rows {
        text.push_str(&format!("{name:label$}  {:>wide_a$}  {:>wide_b$}\n", of(a), of(b)));
    }
}

fn clocks(found: &Comparison, configured_b: TimeDelta) -> String {
    let (a, b) = (&found.a.source, &found.b.source);
    let Some(matched) = &found.matched else {
        return "clocks: no connection was seen by both, so nothing can be said\n\
                hint: check that both cover the same hours and that addresses are not anonymised or translated in one\n"
            .to_owned();
    };
    let Matched { pairs, offset, spread, agreeing } = *matched;
    let count = grouped(pairs);
    let how_sure = format!(
        "from {count} connections; half of them within {} of that, {:.0} % within 1 s",
        length_text(spread),
        agreeing * 100.0
    );
    if !matched.clocks_differ() {
        let doubt = if pairs < PAIRS_MIN { "; these are too few to be sure" } else { "" };
        return match offset.num_milliseconds() {
            0 => format!("clocks: {b} agrees with {a} ({how_sure}{doubt})\n"),
            _ => format!("clocks: {b} is {} {a}: no difference to correct ({how_sure}{doubt})\n", side(offset)),
        };
    }
    format!("clocks: {b} is {} {a} ({how_sure})\nhint: {}\n", side(offset), advice(a, b, offset, configured_b))
}

fn advice(a: &str, b: &str, offset: TimeDelta, configured: TimeDelta) -> String {
    let corrected = configured + offset;
    let zone = nearest_zone_step(offset);
    if !zone.is_zero() && (offset - zone).abs() < LIKE_A_ZONE {
        let zone = length_text(zone.abs());
        return format!(
            "a difference of {zone} is rather a wrong zone than a wrong clock: check time_zone of {a} and {b}"
        );
    }
    match (corrected.num_milliseconds(), configured.is_zero()) {
        (0, _) => format!("if {a} is right, remove clock_offset from [sources.{b}]"),
        (_, true) => format!("if {a} is right, write clock_offset = \"{}\" into [sources.{b}]", length_text(corrected)),
        (_, false) => format!(
            "if {a} is right, write clock_offset = \"{}\" instead of \"{}\" into [sources.{b}]",
            length_text(corrected),
            length_text(configured)
        ),
    }
}

/// The difference of two zones that is nearest: a whole number of quarters of an hour.
fn nearest_zone_step(offset: TimeDelta) -> TimeDelta {
    let quarter = TimeDelta::minutes(15).num_seconds();
    let seconds = offset.num_seconds();
    TimeDelta::seconds((seconds + quarter / 2 * seconds.signum()) / quarter * quarter)
}

fn side(offset: TimeDelta) -> String {
    match offset < TimeDelta::zero() {
        true => format!("{} behind", length_text(offset.abs())),
        false => format!("{} ahead of", length_text(offset)),
    }
}

fn push_gaps(text: &mut String, found: &Comparison) {
    if found.gaps.is_empty() {
        text.push_str("gaps: none; whenever one saw flows the other did too, by the minute\n");
        return;
    }
    let most = if found.gaps.len() == GAPS_MAX {
        format!(", the {GAPS_MAX} with the most missed flows")
    } else {
        String::new()
    };
    text.push_str(&format!("gaps (UTC, by the minute{most}):\n"));
    let width = found.gaps.iter().map(|gap| gap.source.len()).max().unwrap_or_default();
    for gap in &found.gaps {
        let (begin, end) = (moment_text(gap.begin), gap.end.format("%H:%M:%S"));
        let length = length_text(gap.end - gap.begin);
        text.push_str(&format!(
            "  {:width$}  saw nothing {begin} – {end} ({length}), the other {} flows\n",
            gap.source,
            grouped(gap.missed)
        ));
    }
}

fn push_hours(text: &mut String, found: &Comparison) {
    if found.hours.len() < 2 {
        return;
    }
    let (a, b) = (&found.a.source, &found.b.source);
    let rows: Vec<[String; 5]> = found
        .hours
        .iter()
        .take(HOURS_SHOWN_MAX)
        .map(|hour| {
            let offset = hour.offset.map_or_else(|| "–".to_owned(), length_text);
            [
                hour.begin.format("%Y-%m-%d %H:%M").to_string(),
                grouped(hour.flows_a),
                grouped(hour.flows_b),
                grouped(hour.pairs),
                offset,
            ]
        })
        .collect();
    let header = ["hour (UTC)".to_owned(), a.clone(), b.clone(), "both saw".to_owned(), "offset".to_owned()];
    let width =
        |column: usize| rows.iter().chain([&header]).map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    text.push('\n');
    for row in std::iter::once(&header).chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        text.push_str(&format!("{}\n", cells.collect::<Vec<_>>().join("  ")));
    }
    if found.hours.len() > HOURS_SHOWN_MAX {
        text.push_str(&format!("… {} hours in all; --from and --to choose\n", found.hours.len()));
    }
}

/// A length of time as the configuration takes it: `-2.503s`, `1h 30m`.
pub(super) fn length_text(length: TimeDelta) -> String {
    let sign = if length < TimeDelta::zero() { "-" } else { "" };
    let millis = length.abs().num_milliseconds();
    let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
    let seconds = match rest % 1000 {
        0 => format!("{}s", rest / 1000),
        part => format!("{}.{:03}", rest / 1000, part).trim_end_matches('0').to_owned() + "s",
    };
    let parts = [(hours, format!("{hours}h")), (minutes, format!("{minutes}m"))];
    let mut parts: Vec<String> = parts.into_iter().filter(|(amount, _)| *amount > 0).map(|(_, text)| text).collect();
    if rest > 0 || parts.is_empty() {
        parts.push(if millis > 0 && millis < 1000 { format!("{millis}ms") } else { seconds });
    }
    format!("{sign}{}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_what_the_configuration_takes() {
        for (millis, text) in [
            (0, "0s"),
            (2503, "2.503s"),
            (-2500, "-2.5s"),
            (12, "12ms"),
            (90_000, "1m 30s"),
            (-3_600_000, "-1h"),
            (7_384_250, "2h 3m 4.25s"),
        ] {
            let length = TimeDelta::milliseconds(millis);
            assert_eq!(length_text(length), text);
            let read: crate::config::value::Length =
                serde_json::from_value(serde_json::Value::from(text)).expect("a length");
            assert_eq!(read.0, length);
        }
    }
}
