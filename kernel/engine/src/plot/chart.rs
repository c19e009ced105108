//! What a plot draws: axes and marks, with everything that must be said beside them.

use super::request::Kind;
use super::scale;
use crate::render::with_commas;

/// A plot without its looks. Names are bounded and hold nothing invisible; they may still be markup of any language.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is drawn.
    pub kind: Kind,
    /// Above the drawing.
    pub title: Option<String>,
    /// To the right.
    pub x: Axis,
    /// Upwards; of bars, to the right.
    pub y: Axis,
    /// What colours tell, where they tell an amount.
    pub value: Option<Axis>,
    /// The column whose values are drawn apart.
    pub by: Option<String>,
    /// Whether each of its values has a drawing of its own, all on the same axes.
    pub is_faceted: bool,
    /// What is drawn.
    pub marks: Marks,
    /// Rows that went in.
    pub row_count: usize,
    /// How many of them are not drawn, since they hold no value where one is needed.
    pub left_out: usize,
    /// What was done to the rows, in parts of a sentence.
    pub notes: Vec<String>,
}

/// One direction of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is told, with the unit or the zone.
    pub label: String,
    /// Where values are.
    pub scale: Scale,
    /// The column of the result whose values they are, if they are those of one, by its own name.
    pub column: Option<String>,
}

/// Where values are on an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Scale {
    /// Numbers.
    Linear,
    /// Numbers above zero, by their logarithm.
    Log,
    /// Milliseconds since 1970, UTC.
    Time,
    /// One place for each of these names.
    Names(Vec<String>),
}

impl Scale {
    /// Where a scale from `least` to `greatest` has its ticks: at most about `count_max` values that people count in.
    pub fn ticks(&self, least: f64, greatest: f64, count_max: usize) -> Vec<f64> {
        let every = |width: f64| -> Vec<f64> {
            let (first, last) = ((least / width).ceil(), (greatest / width + 1e-9).floor());
            let count = if last >= first { ((last - first) as usize).min(TICKS_MAX) + 1 } else { 0 };
            (0..count).map(|index| (first + index as f64) * width).collect()
        };
        let span = greatest - least;
        match self {
            Scale::Linear => every(scale::number_width(span, count_max)),
            Scale::Time => every(scale::time_width(span, count_max)),
            Scale::Log => {
                let (first, last) = (least.log10().ceil() as i32, (greatest.log10() + 1e-9).floor() as i32);
                let step = ((last - first) / count_max.max(1) as i32 + 1).max(1) as usize;
                (first..=last).step_by(step).map(|power| 10f64.powi(power)).collect()
            }
            Scale::Names(_) => Vec::new(),
        }
    }
}

/// Ticks of a scale, whatever its ends are.
const TICKS_MAX: usize = 100;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Marks {
    /// Of `line`, `area` and `cdf`.
    Lines(Vec<Line>),
    /// Of `bars`: for each series, the amount of each name of the axis.
    Bars { series: Vec<String>, amounts: Vec<Vec<Option<f64>>> },
    /// Of `histogram`.
    Bins(Vec<Bin>),
    /// Of `scatter`, where the rows are few.
    Points { series: Vec<String>, points: Vec<Point> },
    /// Of `heatmap`, `matrix`, `sankey`, and `scatter` where the rows are many.
    Tiles(Vec<Tile>),
    /// Of `timeline`.
    Spans { series: Vec<String>, spans: Vec<Span> },
}

/// A line of points; where the second number is missing, it is interrupted.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Empty where there is only one.
    pub name: String,
    /// In order of the first number.
    pub points: Vec<(f64, Option<f64>)>,
}

/// Values from `from` up to `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    /// Rows, or the aggregate of their amounts.
    pub amount: f64,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    /// Which series it belongs to.
    pub series: usize,
}

/// An area whose colour tells an amount.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tile {
    pub x: Place,
    pub y: Place,
    pub amount: f64,
}

/// Where a tile is on an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// The number of a name.
    Name(usize),
    /// From the first up to the second.
    Range(f64, f64),
}

/// What lasts from when to when, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The number of a name of the vertical axis.
    pub lane: usize,
    pub from: f64,
    pub to: f64,
    /// Which series it belongs to.
    pub series: usize,
    /// Rows that lie in it.
    pub row_count: u64,
}

impl Chart {
    /// How many rows went in and what became of them, one sentence.
    pub fn caption(&self) -> String {
        let rows = |count: usize| format!("{} {}", with_commas(count as i128), if count == 1 { "row" } else { "rows" });
        let mut parts = vec![rows(self.row_count)];
        if self.is_empty() {
            parts.push("nothing to draw".into());
        }
        parts.extend(self.notes.iter().cloned());
        if self.left_out > 0 {
            parts.push(format!("{} without a value left out", rows(self.left_out)));
        }
        parts.join("; ")
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.mark_count() == 0
    }

    /// Leaves out amounts that have no logarithm, where logarithms are drawn of amounts.
    pub(super) fn leave_out_what_has_no_logarithm(&mut self) {
        let mut count = 0;
        let is_log = |axis: &Axis| axis.scale == Scale::Log;
        match &mut self.marks {
            Marks::Lines(lines) if is_log(&self.y) => {
                for (_, amount) in lines.iter_mut().flat_map(|line| line.points.iter_mut()) {
                    if amount.take_if(|amount| *amount <= 0.0).is_some() {
                        count += 1;
                    }
                }
            }
            Marks::Tiles(tiles) if self.value.as_ref().is_some_and(is_log) => {
                let before = tiles.len();
                tiles.retain(|tile| tile.amount > 0.0);
                count = before - tiles.len();
            }
            _ => {}
        }
        if count > 0 {
            self.notes.push(format!("{} of the amounts left out: they have no logarithm", with_commas(count as i128)));
        }
    }

    /// How many marks are drawn.
    pub fn mark_count(&self) -> usize {
        match &self.marks {
            Marks::Lines(lines) => {
                lines.iter().flat_map(|line| &line.points).filter(|(_, amount)| amount.is_some()).count()
            }
            Marks::Bars { amounts, .. } => amounts.iter().flatten().flatten().count(),
            Marks::Bins(bins) => bins.len(),
            Marks::Points { points, .. } => points.len(),
            Marks::Tiles(tiles) => tiles.len(),
            Marks::Spans { spans, .. } => spans.len(),
        }
    }
}
