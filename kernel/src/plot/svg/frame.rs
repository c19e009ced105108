//! Where values are on the drawing, and its axes.

use flow_engine::plot::{Axis, Chart, Kind, Marks, Place, Scale};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn};
use crate::plot::format;

pub(super) const INK: (u8, u8, u8) = (0x22, 0x22, 0x22);
pub(super) const SOFT: (u8, u8, u8) = (0x59, 0x59, 0x59);
const GRID: (u8, u8, u8) = (0xE4, 0xE4, 0xE4);

/// Which part of a text stands where it is put.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum At {
    Left,
    Middle,
    Right,
    /// As the right end, read upwards.
    Upwards,
    /// As the middle, read upwards.
    MiddleUpwards,
}

/// The part of the drawing that holds marks.
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
    x: Span,
    y: Span,
}

/// The values of an axis, in logarithms if it is logarithmic.
struct Span {
    least: f64,
    greatest: f64,
    is_log: bool,
}

impl Span {
    fn new(axis: &Axis, values: impl Iterator<Item = f64>, from_zero: bool) -> Span {
        if let Scale::Names(names) = &axis.scale {
            return Span { least: 0.0, greatest: names.len().max(1) as f64, is_log: false };
        }
        let is_log = axis.scale == Scale::Log;
        let placed = values.map(|value| if is_log { value.max(f64::MIN_POSITIVE).log10() } else { value });
        let (mut least, mut greatest) =
            placed.fold((f64::INFINITY, f64::NEG_INFINITY), |ends, value| (ends.0.min(value), ends.1.max(value)));
        if from_zero && !is_log {
            (least, greatest) = (least.min(0.0), greatest.max(0.0));
        }
        if least >= greatest {
            // One value stands in the middle.
            let around = match axis.scale {
                Scale::Time => 30_000.0,
                _ => (least.abs() * 0.1).max(0.5),
            };
            (least, greatest) = (least - around, greatest + around);
        }
        Span { least, greatest, is_log }
    }

    fn share(&self, value: f64) -> f64 {
        let value = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value - self.least) / (self.greatest - self.least)).clamp(0.0, 1.0)
    }

    fn ticks(&self, scale: &Scale, count_max: usize) -> Vec<f64> {
        match self.is_log {
            true => scale.ticks(10f64.powf(self.least), 10f64.powf(self.greatest), count_max),
            false => scale.ticks(self.least, self.greatest, count_max),
        }
    }
}

impl Frame {
    pub(super) fn new(chart: &Chart, from: (i32, i32), to: (i32, i32)) -> Frame {
        let (x, y) = values(chart);
        let x_from_zero = chart.kind == Kind::Bars;
        let y_from_zero = !matches!(chart.kind, Kind::Scatter);
        let x = Span::new(&chart.x, x.into_iter(), x_from_zero);
        let y = Span::new(&chart.y, y.into_iter(), y_from_zero);
        Frame { left: from.0, top: from.1, right: to.0, bottom: to.1, x, y }
    }

    pub(super) fn x(&self, value: f64) -> i32 {
        self.left + (self.x.share(value) * f64::from(self.right - self.left)).round() as i32
    }

    pub(super) fn y(&self, value: f64) -> i32 {
        self.bottom - (self.y.share(value) * f64::from(self.bottom - self.top)).round() as i32
    }

    /// From top to bottom: the first name is above.
    pub(super) fn row(&self, index: usize) -> (i32, i32) {
        let step = f64::from(self.bottom - self.top) / self.y.greatest;
        let at = |index: f64| self.top + (index * step).round() as i32;
        (at(index as f64), at(index as f64 + 1.0))
    }

    pub(super) fn column(&self, index: usize) -> (i32, i32) {
        (self.x(index as f64), self.x(index as f64 + 1.0))
    }

    pub(super) fn axes(&self, area: &Area<'_>, chart: &Chart, name_chars_max: usize) -> Drawn {
        self.x_axis(area, chart, name_chars_max)?;
        self.y_axis(area, chart, name_chars_max)?;
        let corners = [(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)];
        line(area, corners.to_vec(), SOFT, 1)
    }

    fn x_axis(&self, area: &Area<'_>, chart: &Chart, name_chars_max: usize) -> Drawn {
        let axis = &chart.x;
        let mut below = 34;
        if let Scale::Names(names) = &axis.scale {
            below += names.iter().map(|name| name.chars().count().min(name_chars_max)).max().unwrap_or(0) as i32 * 5;
            for (index, name) in names.iter().enumerate() {
                let (from, to) = self.column(index);
                text(area, &cut(name, name_chars_max), ((from + to) / 2, self.bottom + 6), 11, INK, At::Upwards)?;
            }
        }
        let ticks = self.x.ticks(&axis.scale, ((self.right - self.left) / 80).clamp(2, 7) as usize);
        let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { 1_000.0 };
        for value in &ticks {
            let x = self.x(*value);
            line(area, vec![(x, self.top), (x, self.bottom)], GRID, 1)?;
            let label = match axis.scale {
                Scale::Time => format::tick_moment(*value, step),
                _ => format::tick_number(*value),
            };
            text(area, &label, (x, self.bottom + 13), 11, INK, At::Middle)?;
        }
        let label = match axis.scale {
            Scale::Time if !axis.label.is_empty() => format::with_ends(chart),
            _ => axis.label.clone(),
        };
        text(area, &cut(&label, 90), ((self.left + self.right) / 2, self.bottom + below), 11, INK, At::Middle)
    }

    fn y_axis(&self, area: &Area<'_>, chart: &Chart, name_chars_max: usize) -> Drawn {
        if let Scale::Names(names) = &chart.y.scale
            && name_chars_max > 0
        {
            for (index, name) in names.iter().enumerate() {
                let (from, to) = self.row(index);
                text(area, &cut(name, name_chars_max), (self.left - 6, (from + to) / 2), 11, INK, At::Right)?;
            }
        }
        let ticks = self.y.ticks(&chart.y.scale, ((self.bottom - self.top) / 40).clamp(2, 6) as usize);
        let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { 1_000.0 };
        for value in ticks {
            let y = self.y(value);
            line(area, vec![(self.left, y), (self.right, y)], GRID, 1)?;
            let label = match chart.y.scale {
                Scale::Time => format::tick_moment(value, step),
                _ if chart.kind == Kind::Cdf => format!("{:.0} %", value * 100.0),
                _ => format::tick_number(value),
            };
            text(area, &label, (self.left - 6, y), 11, INK, At::Right)?;
        }
        let middle = (self.top + self.bottom) / 2;
        let chars = (self.bottom - self.top) / 6;
        text(area, &cut(&chart.y.label, chars.max(6) as usize), (12, middle), 11, INK, At::MiddleUpwards)
    }
}

/// All values along both axes.
fn values(chart: &Chart) -> (Vec<f64>, Vec<f64>) {
    let ends = |place: Place| match place {
        Place::Name(_) => Vec::new(),
        Place::Range(from, to) => vec![from, to],
    };
    match &chart.marks {
        Marks::Lines(lines) if chart.kind == Kind::Area && !chart.is_faceted => {
            let x = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
            (x, super::marks::stacked(lines).into_iter().flat_map(|area| area.into_iter().map(|at| at.2)).collect())
        }
        Marks::Lines(lines) => {
            let points = || lines.iter().flat_map(|line| line.points.iter());
            (points().map(|point| point.0).collect(), points().filter_map(|point| point.1).collect())
        }
        Marks::Bars { amounts, .. } => {
            let bar_count = amounts.first().map_or(0, Vec::len);
            if chart.is_faceted {
                return (amounts.iter().flatten().flatten().copied().collect(), Vec::new());
            }
            let sum = |bar: usize| amounts.iter().filter_map(|part| part[bar]).sum();
            ((0..bar_count).map(sum).collect(), Vec::new())
        }
        Marks::Bins(bins) => {
            (bins.iter().flat_map(|bin| [bin.from, bin.to]).collect(), bins.iter().map(|bin| bin.amount).collect())
        }
        Marks::Points { points, .. } => {
            (points.iter().map(|point| point.x).collect(), points.iter().map(|point| point.y).collect())
        }
        Marks::Tiles(tiles) => {
            (tiles.iter().flat_map(|tile| ends(tile.x)).collect(), tiles.iter().flat_map(|tile| ends(tile.y)).collect())
        }
        Marks::Spans { spans, .. } => (spans.iter().flat_map(|span| [span.from, span.to]).collect(), Vec::new()),
    }
}

pub(super) fn line(area: &Area<'_>, points: Vec<(i32, i32)>, colour: (u8, u8, u8), width: u32) -> Drawn {
    let style = RGBColor(colour.0, colour.1, colour.2).stroke_width(width);
    area.draw(&PathElement::new(points, style)).map_err(|fault| fault.to_string())
}

pub(super) fn rectangle(
    area: &Area<'_>,
    from: (i32, i32),
    to: (i32, i32),
    colour: (u8, u8, u8),
    opacity: f64,
) -> Drawn {
    // What is nowhere high or wide is not seen, and programs that read the drawing complain of it.
    if from.0 == to.0 || from.1 == to.1 {
        return Ok(());
    }
    let style = RGBColor(colour.0, colour.1, colour.2).mix(opacity).filled();
    area.draw(&Rectangle::new([from, to], style)).map_err(|fault| fault.to_string())
}

pub(super) fn text(
    area: &Area<'_>,
    written: &str,
    place: (i32, i32),
    size: i32,
    colour: (u8, u8, u8),
    at: At,
) -> Drawn {
    if written.is_empty() {
        return Ok(());
    }
    let font = ("sans-serif", size).into_font();
    let font = match at {
        At::Upwards | At::MiddleUpwards => font.transform(FontTransform::Rotate270),
        _ => font,
    };
    let h = match at {
        At::Left => HPos::Left,
        At::Middle | At::MiddleUpwards => HPos::Center,
        At::Right | At::Upwards => HPos::Right,
    };
    let colour = RGBColor(colour.0, colour.1, colour.2);
    let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, VPos::Center));
    area.draw(&Text::new(written.to_owned(), place, style)).map_err(|fault| fault.to_string())
}

/// The first `chars_max` characters.
pub(super) fn cut(written: &str, chars_max: usize) -> String {
    if written.chars().count() <= chars_max {
        return written.to_owned();
    }
    written.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}
