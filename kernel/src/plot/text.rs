//! A plot as text: what it is about, and its first or greatest values.

use flow_engine::plot::{Chart, Marks, Scale};

use super::format::{moment, number, place, value};

/// Lines of values.
const LINES_MAX: usize = 20;
/// Characters of the longest bar.
const BAR_CHARS: f64 = 30.0;

/// Title, values and caption.
pub(super) fn of(chart: &Chart) -> String {
    let heading = format!("{}: {} by {}", chart.kind.name(), chart.y.label, chart.x.label);
    let mut lines = vec![chart.title.clone().unwrap_or(heading)];
    let rows = rows(chart);
    let count = rows.len();
    let width = rows.iter().take(LINES_MAX).map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let greatest = rows.iter().take(LINES_MAX).filter_map(|(_, amount)| *amount).fold(0.0, f64::max);
    for (name, amount) in rows.into_iter().take(LINES_MAX) {
        let Some(amount) = amount else {
            lines.push(format!("  {name}"));
            continue;
        };
        let length = if greatest > 0.0 { (amount.max(0.0) / greatest * BAR_CHARS).round() as usize } else { 0 };
        lines.push(format!("  {name:width$}  {}  {}", "█".repeat(length), number(amount)));
    }
    if count > LINES_MAX {
        lines.push(format!("  … {} more", count - LINES_MAX));
    }
    lines.push(chart.caption());
    lines.join("\n")
}

/// Names with amounts.
fn rows(chart: &Chart) -> Vec<(String, Option<f64>)> {
    match &chart.marks {
        Marks::Lines(lines) => lines.iter().map(|line| (line_text(chart, line), None)).collect(),
        Marks::Bars { series, amounts } => {
            let Scale::Names(names) = &chart.y.scale else { return Vec::new() };
            let one = |(bar, name): (usize, &String)| {
                let parts = (0..series.len()).filter_map(|part| amounts[part][bar]);
                (name.clone(), Some(parts.sum()))
            };
            names.iter().enumerate().map(one).collect()
        }
        Marks::Bins(bins) => bins
            .iter()
            .map(|bin| {
                let (from, to) = (value(bin.from, &chart.x.scale), value(bin.to, &chart.x.scale));
                (format!("{from} – {to}"), Some(bin.amount))
            })
            .collect(),
        Marks::Points { points, .. } => points
            .iter()
            .map(|point| (format!("{}, {}", value(point.x, &chart.x.scale), value(point.y, &chart.y.scale)), None))
            .collect(),
        Marks::Tiles(tiles) => {
            let mut tiles = tiles.clone();
            tiles.sort_by(|a, b| b.amount.total_cmp(&a.amount));
            let one = |tile: &flow_engine::plot::Tile| {
                let text = format!("{}, {}", place(tile.y, &chart.y.scale), place(tile.x, &chart.x.scale));
                (text, Some(tile.amount))
            };
            tiles.iter().map(one).collect()
        }
        Marks::Spans { spans, .. } => {
            let Scale::Names(lanes) = &chart.y.scale else { return Vec::new() };
            let one = |span: &flow_engine::plot::Span| {
                let lane = lanes.get(span.lane).map_or("", String::as_str);
                (format!("{lane}  {} – {}", moment(span.from), moment(span.to)), None)
            };
            spans.iter().map(one).collect()
        }
    }
}

fn line_text(chart: &Chart, line: &flow_engine::plot::Line) -> String {
    let (Some((from, _)), Some((to, _))) = (line.points.first(), line.points.last()) else { return line.name.clone() };
    let amounts = || line.points.iter().filter_map(|(_, amount)| *amount);
    let (least, greatest) = (amounts().fold(f64::INFINITY, f64::min), amounts().fold(f64::NEG_INFINITY, f64::max));
    let range = match least <= greatest {
        true => format!("{} to {}", number(least), number(greatest)),
        false => "no value".into(),
    };
    let name = if line.name.is_empty() { String::new() } else { format!("{}: ", line.name) };
    let along = format!("{} – {}", value(*from, &chart.x.scale), value(*to, &chart.x.scale));
    format!("{name}{} points, {along}, {range}", line.points.len())
}
