//! The marks of a drawing.

use std::collections::BTreeMap;

use flow_engine::plot::{Chart, Kind, Line, Marks, Place, Scale};
use plotters::prelude::*;

use super::frame::{Frame, line, rectangle};
use super::{Area, Drawn};
use crate::plot::{palette, spec};

pub(super) fn draw(area: &Area<'_>, chart: &Chart, frame: &Frame) -> Drawn {
    match &chart.marks {
        Marks::Lines(lines) if chart.kind == Kind::Area => areas(area, frame, lines),
        Marks::Lines(lines) => drawn_lines(area, frame, lines, chart.kind == Kind::Cdf),
        Marks::Bars { series, amounts } => bars(area, chart, frame, series, amounts),
        Marks::Bins(bins) => {
            let colour = palette::rgb(palette::of(&[String::new()])[0]);
            let drawn = bins.iter().filter(|bin| bin.amount != 0.0).map(|bin| {
                // A pixel is left between two.
                let right = (frame.x(bin.to) - 1).max(frame.x(bin.from) + 1);
                rectangle(area, (frame.x(bin.from), frame.y(bin.amount)), (right, frame.y(0.0)), colour, 1.0)
            });
            drawn.collect()
        }
        Marks::Points { series, points } => {
            let colours = palette::of(series);
            let drawn = points.iter().map(|point| {
                let place = (frame.x(point.x), frame.y(point.y));
                circle(area, place, 3, colour_of(&colours, point.series), 0.6)
            });
            drawn.collect()
        }
        Marks::Tiles(tiles) => {
            let Some(amounts) = Amounts::of(chart) else { return Ok(()) };
            let drawn = tiles.iter().map(|tile| {
                let (left, right) = match tile.x {
                    Place::Name(index) => frame.column(index),
                    Place::Range(from, to) => (frame.x(from), frame.x(to)),
                };
                let (top, bottom) = match tile.y {
                    Place::Name(index) => frame.row(index),
                    Place::Range(from, to) => (frame.y(to), frame.y(from)),
                };
                rectangle(area, (left, top), (right, bottom), palette::amount(amounts.share(tile.amount)), 1.0)
            });
            drawn.collect()
        }
        Marks::Spans { series, spans } => {
            let colours = palette::of(series);
            let drawn = spans.iter().map(|span| {
                let (top, bottom) = frame.row(span.lane);
                let left = frame.x(span.from);
                // What lasts no time is seen too.
                let right = frame.x(span.to).max(left + 2);
                rectangle(area, (left, top + 3), (right, bottom - 3), colour_of(&colours, span.series), 0.9)
            });
            drawn.collect()
        }
    }
}

fn drawn_lines(area: &Area<'_>, frame: &Frame, lines: &[Line], is_stepped: bool) -> Drawn {
    let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    for (drawn, colour) in lines.iter().zip(palette::of(&names)) {
        let colour = palette::rgb(colour);
        for piece in drawn.points.split(|(_, y)| y.is_none()) {
            let mut places: Vec<(i32, i32)> = Vec::new();
            for (x, y) in piece {
                let place = (frame.x(*x), frame.y(y.unwrap_or(0.0)));
                if let Some(before) = places.last().copied().filter(|_| is_stepped) {
                    places.push((place.0, before.1));
                }
                places.push(place);
            }
            match places.as_slice() {
                [] => {}
                [place] => circle(area, *place, 3, colour, 1.0)?,
                _ => line(area, places, colour, 2)?,
            }
        }
    }
    Ok(())
}

/// For each line: x, and the lower and upper end of its area there.
pub(super) fn stacked(lines: &[Line]) -> Vec<Vec<(f64, f64, f64)>> {
    // Finite numbers in their order as keys.
    let key = |x: f64| if x < 0.0 { !x.to_bits() as i64 ^ i64::MIN } else { x.to_bits() as i64 };
    let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
    let mut areas = Vec::new();
    for line in lines {
        let area = line.points.iter().map(|(x, y)| {
            let sum = sums.entry(key(*x)).or_insert(0.0);
            let below = *sum;
            *sum += y.unwrap_or(0.0);
            (*x, below, *sum)
        });
        areas.push(area.collect());
    }
    areas
}

fn areas(area: &Area<'_>, frame: &Frame, lines: &[Line]) -> Drawn {
    let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    for (stack, colour) in stacked(lines).into_iter().zip(palette::of(&names)) {
        let colour = palette::rgb(colour);
        if let [(x, below, above)] = stack.as_slice() {
            let x = frame.x(*x);
            rectangle(area, (x - 3, frame.y(*above)), (x + 3, frame.y(*below)), colour, 0.85)?;
            continue;
        }
        let upper = stack.iter().map(|(x, _, above)| (frame.x(*x), frame.y(*above)));
        let lower = stack.iter().rev().map(|(x, below, _)| (frame.x(*x), frame.y(*below)));
        let style = RGBColor(colour.0, colour.1, colour.2).mix(0.85).filled();
        area.draw(&Polygon::new(upper.chain(lower).collect::<Vec<_>>(), style)).map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

fn bars(area: &Area<'_>, chart: &Chart, frame: &Frame, series: &[String], amounts: &[Vec<Option<f64>>]) -> Drawn {
    let Scale::Names(names) = &chart.y.scale else { return Ok(()) };
    let colours = palette::of(series);
    for bar in 0..names.len() {
        let (top, bottom) = frame.row(bar);
        let mut sum = 0.0;
        for (part, amounts) in amounts.iter().enumerate() {
            let Some(amount) = amounts[bar] else { continue };
            let colour = match chart.by {
                Some(_) => colour_of(&colours, part),
                None => palette::rgb(spec::bar_colour(names, bar)),
            };
            let (from, to) = (frame.x(sum), frame.x(sum + amount));
            rectangle(area, (from.min(to), top + 2), (from.max(to), bottom - 2), colour, 1.0)?;
            sum += amount;
        }
    }
    Ok(())
}

fn circle(area: &Area<'_>, place: (i32, i32), radius: i32, colour: (u8, u8, u8), opacity: f64) -> Drawn {
    let style = RGBColor(colour.0, colour.1, colour.2).mix(opacity).filled();
    area.draw(&Circle::new(place, radius, style)).map_err(|fault| fault.to_string())
}

fn colour_of(colours: &[&str], series: usize) -> (u8, u8, u8) {
    palette::rgb(colours.get(series).copied().unwrap_or("#000000"))
}

/// The amounts that colours tell.
pub(super) struct Amounts {
    pub(super) least: f64,
    pub(super) greatest: f64,
    is_log: bool,
}

impl Amounts {
    /// Those of a chart of tiles.
    pub(super) fn of(chart: &Chart) -> Option<Amounts> {
        let Marks::Tiles(tiles) = &chart.marks else { return None };
        let ends = tiles
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |ends, tile| (ends.0.min(tile.amount), ends.1.max(tile.amount)));
        let is_log = chart.value.as_ref().is_some_and(|value| value.scale == Scale::Log) && ends.0 > 0.0;
        // As in the spec: colours of amounts begin at zero unless they are logarithmic.
        let least = if is_log { ends.0 } else { ends.0.min(0.0) };
        (least <= ends.1).then_some(Amounts { least, greatest: ends.1, is_log })
    }

    fn share(&self, amount: f64) -> f64 {
        let (least, greatest, amount) = match self.is_log {
            true => (self.least.log10(), self.greatest.log10(), amount.log10()),
            false => (self.least, self.greatest, amount),
        };
        if greatest > least { (amount - least) / (greatest - least) } else { 1.0 }
    }
}
