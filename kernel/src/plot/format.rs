//! Numbers and moments of a plot as people read them.

use flow_engine::{
    plot::{Chart, Marks, Place, Scale},
    render::with_commas,
};
use flowdeck::chrono::{DateTime, SecondsFormat, Utc};

/// A moment, in UTC: `2026-11-25 10:36:00`, with parts of a second only where there are some.
pub(super) fn moment(milliseconds: f64) -> String {
    let known = DateTime::<Utc>::from_timestamp_millis(milliseconds.round() as i64);
    let Some(moment) = known else { return format!("{milliseconds} ms") };
    match moment.timestamp_subsec_millis() {
        0 => moment.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    }
}

/// A moment as other parts of the kernel read it.
pub(super) fn rfc3339(milliseconds: f64) -> String {
    let known = DateTime::<Utc>::from_timestamp_millis(milliseconds.round() as i64);
    known.map_or_else(String::new, |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// A moment beside a tick, as exact as ticks that are `step` milliseconds apart need it.
pub(super) fn tick_moment(milliseconds: f64, step: f64) -> String {
    let Some(moment) = DateTime::<Utc>::from_timestamp_millis(milliseconds.round() as i64) else {
        return String::new();
    };
    let is_midnight = milliseconds % 86_400_000.0 == 0.0;
    let format = match step {
        _ if step >= 86_400_000.0 => "%Y-%m-%d",
        _ if is_midnight => "%m-%d",
        _ if step >= 60_000.0 => "%H:%M",
        _ if step >= 1_000.0 => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    moment.format(format).to_string()
}

/// A number: whole ones in full, others to five digits.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        return with_commas(value as i128);
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.4e}");
    }
    let digits = (4 - size.log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A number beside a tick: 1.5M.
pub(super) fn tick_number(value: f64) -> String {
    const STEPS: [(f64, &str); 5] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let size = value.abs();
    if !(1e-4..1e18).contains(&size) && size != 0.0 {
        return format!("{value:e}");
    }
    let step = STEPS.into_iter().find(|(step, _)| size >= *step * 0.999_999);
    let (step, letter) = step.unwrap_or((1.0, ""));
    format!("{}{letter}", number(value / step))
}

/// A caption in lines of about `chars_max` characters: its parts stay whole.
pub(super) fn in_lines(caption: &str, chars_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in caption.split("; ") {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() < chars_max => {
                line.push_str("; ");
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

/// What stands below an axis of moments: also from when to when, as ticks may tell no day.
pub(super) fn with_ends(chart: &Chart) -> String {
    let moments: Vec<f64> = match &chart.marks {
        Marks::Lines(lines) => lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect(),
        Marks::Bars { .. } => Vec::new(),
        Marks::Bins(bins) => bins.iter().flat_map(|bin| [bin.from, bin.to]).collect(),
        Marks::Points { points, .. } => points.iter().map(|point| point.x).collect(),
        Marks::Tiles(tiles) => {
            let ends = |place: Place| match place {
                Place::Name(_) => None,
                Place::Range(from, to) => Some([from, to]),
            };
            tiles.iter().filter_map(|tile| ends(tile.x)).flatten().collect()
        }
        Marks::Spans { spans, .. } => spans.iter().flat_map(|span| [span.from, span.to]).collect(),
    };
    let least = moments.iter().copied().reduce(f64::min);
    let greatest = moments.iter().copied().reduce(f64::max);
    match (least, greatest) {
        (Some(from), Some(to)) if from < to => format!("{}, {} – {}", chart.x.label, moment(from), moment(to)),
        (Some(at), _) => format!("{}, {}", chart.x.label, moment(at)),
        _ => chart.x.label.clone(),
    }
}

/// Where a tile is.
pub(super) fn place(place: Place, scale: &Scale) -> String {
    match (place, scale) {
        (Place::Name(index), Scale::Names(names)) => names.get(index).cloned().unwrap_or_default(),
        (Place::Name(index), _) => index.to_string(),
        (Place::Range(from, to), scale) => format!("{} – {}", value(from, scale), value(to, scale)),
    }
}

/// A value on an axis.
pub(super) fn value(value: f64, scale: &Scale) -> String {
    if *scale == Scale::Time { moment(value) } else { number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_broken_between_parts() {
        assert_eq!(in_lines("5 rows", 10), ["5 rows"]);
        assert_eq!(in_lines("5 rows; a; much longer", 12), ["5 rows; a", "much longer"]);
    }

    #[test]
    fn numbers_and_moments() {
        assert_eq!(moment(1_700_006_400_000.0), "2023-11-15 00:00:00");
        assert_eq!(moment(1_700_006_400_250.0), "2023-11-15 00:00:00.250");
        assert_eq!(
            [1_234_567.0, -1_000.0, 0.1, 1.0 / 3.0, 1e-9, 12_345.678, 0.0].map(number),
            ["1,234,567", "-1,000", "0.1", "0.33333", "1.0000e-9", "12346", "0"].map(str::to_owned)
        );
        assert_eq!(
            [1_500_000.0, 0.0, 999.0, 1e3, 0.25, 2e9].map(tick_number),
            ["1.5M", "0", "999", "1k", "0.25", "2G"].map(str::to_owned)
        );
        assert_eq!(tick_moment(1_700_006_400_000.0, 3_600_000.0), "11-15");
        assert_eq!(tick_moment(1_700_010_000_000.0, 3_600_000.0), "01:00");
    }
}
