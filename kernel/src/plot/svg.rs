//! A plot as an SVG drawing: what is shown where no Vega is, and in reports.
//!
//! The crate plotters writes the SVG and escapes its texts; here is where things are. Fonts are the reader's, so widths of
//! texts are estimated.

mod frame;
mod marks;
mod panels;
mod sankey;

use flow_engine::plot::{Chart, Kind, Scale};
use plotters::prelude::*;

use self::frame::{Frame, INK, SOFT, cut, text};
use super::{format, palette, spec};

const WIDTH: i32 = 760;
const HEIGHT: i32 = 400;
/// Height of a bar or a lane.
const STEP: i32 = 18;
/// Between the top and the drawing with a title; the caption comes in addition.
const HEAD: i32 = 42;
const CAPTION_LINE: i32 = 14;
const CAPTION_LINES_MAX: usize = 3;
/// Characters of a line of the caption.
const CAPTION_CHARS: usize = 115;
/// Below the drawing: labels of ticks, label of the axis.
const FOOT: i32 = 48;
/// Right of the drawing, with a legend in it.
const LEGEND: i32 = 150;
const MARGIN: i32 = 16;
/// Characters of the longest name beside an axis.
const NAME_CHARS_MAX: usize = 30;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), String>;

/// The drawing.
pub(super) fn of(chart: &Chart) -> Result<String, String> {
    let mut drawing = String::new();
    let (width, height) = (WIDTH, height(chart));
    {
        let area = SVGBackend::with_string(&mut drawing, (width as u32, height as u32)).into_drawing_area();
        draw(&area, chart, height)?;
        area.present().map_err(|fault| fault.to_string())?;
    }
    Ok(drawing)
}

/// The caption, in lines.
fn caption(chart: &Chart) -> Vec<String> {
    let lines = format::in_lines(&chart.caption(), CAPTION_CHARS).into_iter();
    lines.take(CAPTION_LINES_MAX).map(|line| cut(&line, CAPTION_CHARS + 5)).collect()
}

/// Where the drawing begins.
fn head(chart: &Chart) -> i32 {
    HEAD + CAPTION_LINE * caption(chart).len() as i32
}

fn height(chart: &Chart) -> i32 {
    let foot = FOOT + foot_of_names(chart);
    match &chart.y.scale {
        _ if chart.kind == Kind::Sankey && !chart.is_empty() => head(chart) + sankey::height(chart),
        _ if chart.is_faceted && !chart.is_empty() => head(chart) + panels::height(chart) + FOOT,
        _ if chart.is_empty() => 140,
        Scale::Names(names) => head(chart) + foot + STEP * names.len() as i32,
        _ => HEIGHT,
    }
}

/// Names below the drawing are written upwards.
fn foot_of_names(chart: &Chart) -> i32 {
    match &chart.x.scale {
        Scale::Names(names) => longest(names) * 5,
        _ => 0,
    }
}

fn longest(names: &[String]) -> i32 {
    names.iter().map(|name| name.chars().count().min(NAME_CHARS_MAX)).max().unwrap_or(0) as i32
}

fn draw(area: &Area<'_>, chart: &Chart, height: i32) -> Drawn {
    area.fill(&WHITE).map_err(|fault| fault.to_string())?;
    let title = chart.title.clone().unwrap_or_else(|| spec::heading(chart));
    text(area, &cut(&title, 95), (MARGIN, 20), 15, INK, frame::At::Left)?;
    for (index, line) in caption(chart).iter().enumerate() {
        text(area, line, (MARGIN, 38 + CAPTION_LINE * index as i32), 11, SOFT, frame::At::Left)?;
    }
    let head = head(chart);
    if chart.is_empty() {
        return text(area, "nothing to draw", (WIDTH / 2, (head + height) / 2), 14, SOFT, frame::At::Middle);
    }
    if chart.kind == Kind::Sankey {
        return sankey::draw(area, chart, (head, height));
    }
    if chart.is_faceted {
        return panels::draw(area, chart, (head, height - FOOT));
    }
    let left = match &chart.y.scale {
        Scale::Names(names) => 34 + longest(names) * 6,
        _ => 74,
    };
    let has_legend = chart.by.is_some() || chart.value.is_some();
    let right = WIDTH - if has_legend { LEGEND } else { MARGIN };
    let frame = Frame::new(chart, (left, head), (right, height - FOOT - foot_of_names(chart)));
    frame.axes(area, chart, NAME_CHARS_MAX)?;
    marks::draw(area, chart, &frame)?;
    match (&chart.value, &chart.by) {
        (Some(value), _) => amounts(area, chart, &value.label, (right + 20, head)),
        (None, Some(by)) => legend(area, by, super::series(chart), (right + 20, head)),
        (None, None) => Ok(()),
    }
}

fn legend(area: &Area<'_>, by: &str, names: Vec<String>, (left, top): (i32, i32)) -> Drawn {
    text(area, &cut(by, 20), (left, top + 4), 11, INK, frame::At::Left)?;
    for (index, (name, colour)) in names.iter().zip(palette::of(&names)).enumerate() {
        let top = top + 16 + 16 * index as i32;
        frame::rectangle(area, (left, top), (left + 10, top + 10), palette::rgb(colour), 1.0)?;
        text(area, &cut(name, 18), (left + 16, top + 5), 11, INK, frame::At::Left)?;
    }
    Ok(())
}

/// What the colours of tiles tell.
fn amounts(area: &Area<'_>, chart: &Chart, label: &str, (left, top): (i32, i32)) -> Drawn {
    const STEPS: i32 = 50;
    let Some(amounts) = marks::Amounts::of(chart) else { return Ok(()) };
    text(area, &cut(label, 20), (left, top + 4), 11, INK, frame::At::Left)?;
    let top = top + 18;
    for step in 0..STEPS {
        let colour = palette::amount(1.0 - f64::from(step) / f64::from(STEPS - 1));
        frame::rectangle(area, (left, top + 2 * step), (left + 14, top + 2 * step + 2), colour, 1.0)?;
    }
    for (value, place) in [(amounts.greatest, top + 4), (amounts.least, top + 2 * STEPS - 2)] {
        text(area, &format::tick_number(value), (left + 20, place), 11, INK, frame::At::Left)?;
    }
    Ok(())
}
