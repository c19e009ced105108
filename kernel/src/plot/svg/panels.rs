//! Small multiples: a drawing for each group, side by side, on the same axes.

use flow_engine::plot::{Chart, Line, Marks, Point, Scale};

use super::frame::{At, Frame, INK, SOFT, cut, text};
use super::{Area, Drawn, MARGIN, STEP, WIDTH, longest, marks};
use crate::plot::{format, series, spec::PANEL_COLUMNS};

/// Height of the part of a panel that holds marks, where its axis has no names.
const HEIGHT: i32 = 110;
/// Above it, for the name of its group, and below it, for its ticks.
const HEAD: i32 = 24;
const FOOT: i32 = 26;
/// Left of it, for ticks.
const LEFT: i32 = 50;
/// Characters of a name beside the axis of the first panel.
const NAME_CHARS_MAX: usize = 18;

/// Of all panels.
pub(super) fn height(chart: &Chart) -> i32 {
    let rows = series(chart).len().div_ceil(PANEL_COLUMNS) as i32;
    rows * panel_height(chart)
}

fn panel_height(chart: &Chart) -> i32 {
    let marks = match &chart.y.scale {
        Scale::Names(names) => STEP * names.len() as i32,
        _ => HEIGHT,
    };
    HEAD + marks + FOOT
}

pub(super) fn draw(area: &Area<'_>, chart: &Chart, (top, bottom): (i32, i32)) -> Drawn {
    let names = series(chart);
    // Names stand once, left of the first panel of a row.
    let room = match &chart.y.scale {
        Scale::Names(names) => longest(names).min(NAME_CHARS_MAX as i32) * 6,
        _ => 0,
    };
    let left = MARGIN + 14 + room;
    let width = (WIDTH - MARGIN - left) / PANEL_COLUMNS as i32;
    for (index, name) in names.iter().enumerate() {
        let (column, row) = ((index % PANEL_COLUMNS) as i32, (index / PANEL_COLUMNS) as i32);
        let corner = (left + column * width, top + row * panel_height(chart));
        let inner = if room > 0 { 8 } else { LEFT };
        let ends = (corner.0 + width - 6, corner.1 + panel_height(chart) - FOOT);
        // The ends of all panels' values, and the marks of one.
        let frame = Frame::new(chart, (corner.0 + inner, corner.1 + HEAD), ends);
        let one = panel(chart, index);
        frame.axes(area, &one, if column == 0 { NAME_CHARS_MAX } else { 0 })?;
        marks::draw(area, &one, &frame)?;
        text(area, &cut(name, (width / 7) as usize), (corner.0 + inner, corner.1 + 14), 11, INK, At::Left)?;
    }
    let label = match chart.x.scale {
        Scale::Time => format::with_ends(chart),
        _ => chart.x.label.clone(),
    };
    text(area, &cut(&label, 100), (WIDTH / 2, bottom + 16), 11, SOFT, At::Middle)?;
    text(area, &cut(&chart.y.label, 40), (12, (top + bottom) / 2), 11, SOFT, At::MiddleUpwards)
}

/// One group alone, without the labels that stand beside all of them.
fn panel(chart: &Chart, index: usize) -> Chart {
    let mut one = Chart { by: None, is_faceted: false, ..chart.clone() };
    (one.x.label, one.y.label) = (String::new(), String::new());
    let unnamed = || vec![String::new()];
    one.marks = match &chart.marks {
        Marks::Lines(lines) => {
            let of = lines.get(index).map(|line| Line { name: String::new(), points: line.points.clone() });
            Marks::Lines(of.into_iter().collect())
        }
        Marks::Bars { amounts, .. } => {
            Marks::Bars { series: unnamed(), amounts: amounts.get(index).cloned().into_iter().collect() }
        }
        Marks::Points { points, .. } => {
            let own = points.iter().filter(|point| point.series == index);
            Marks::Points { series: unnamed(), points: own.map(|point| Point { series: 0, ..*point }).collect() }
        }
        other => other.clone(),
    };
    one
}
