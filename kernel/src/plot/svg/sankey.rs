//! The bands of a sankey, with names on both sides.

use flow_engine::plot::Chart;
use plotters::prelude::*;

use super::frame::{At, INK, SOFT, cut, rectangle, text};
use super::{Area, Drawn, MARGIN, WIDTH};
use crate::plot::{
    bands::{Bands, NAMES_MIN},
    format, palette,
};

/// Height for each name of the longer side.
const NAME_STEP: usize = 26;
/// Room for names on each side, and their characters.
const SIDE: i32 = 210;
const NAME_CHARS_MAX: usize = 24;
const BAR: i32 = 10;
const HEAD: i32 = 20;

pub(super) fn height(chart: &Chart) -> i32 {
    let names = Bands::of(chart).map_or(0, |bands| bands.left.len().max(bands.right.len()));
    (NAME_STEP * names.max(NAMES_MIN)) as i32 + HEAD + MARGIN
}

pub(super) fn draw(area: &Area<'_>, chart: &Chart, (top, bottom): (i32, i32)) -> Drawn {
    let Some(bands) = Bands::of(chart) else { return Ok(()) };
    let (left, right) = (SIDE, WIDTH - SIDE);
    let (top, height) = (top + HEAD, f64::from(bottom - MARGIN - top - HEAD));
    let across = |share: f64| left + (share * f64::from(right - left)).round() as i32;
    let down = |share: f64| top + (share * height).round() as i32;
    let names: Vec<String> = bands.left.iter().map(|node| node.name.to_owned()).collect();
    let colours = palette::of(&names);
    for band in &bands.bands {
        let places: Vec<(f64, f64, f64)> = band.edge().collect();
        let upper = places.iter().map(|(x, top, _)| (across(*x), down(*top)));
        // A band of next to nothing is seen, too.
        let lower = places.iter().rev().map(|(x, top, bottom)| (across(*x), down(*bottom).max(down(*top) + 1)));
        let colour = palette::rgb(colours[band.ends.0]);
        let style = RGBColor(colour.0, colour.1, colour.2).mix(0.5).filled();
        area.draw(&Polygon::new(upper.chain(lower).collect::<Vec<_>>(), style)).map_err(|fault| fault.to_string())?;
    }
    let sides = [
        (&bands.left, &chart.y.label, left - BAR, left - BAR - 6, At::Right),
        (&bands.right, &chart.x.label, right, right + BAR + 6, At::Left),
    ];
    for (nodes, label, bar, place, at) in sides {
        text(area, &cut(label, NAME_CHARS_MAX), (place, top - 12), 11, INK, at)?;
        for node in nodes {
            let (from, to) = (down(node.top), down(node.bottom).max(down(node.top) + 1));
            rectangle(area, (bar, from), (bar + BAR, to), SOFT, 1.0)?;
            let name = format!("{} ({})", cut(node.name, NAME_CHARS_MAX), format::tick_number(node.amount));
            text(area, &name, (place, (from + to) / 2), 11, INK, at)?;
        }
    }
    Ok(())
}
