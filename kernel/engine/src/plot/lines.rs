//! Amounts over time: lines, and areas on top of each other.

use std::collections::BTreeMap;

use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::expr_fn::approx_distinct;
use datafusion::logical_expr::{cast, lit};

use super::chart::{Axis, Chart, Line, Marks, Scale};
use super::columns::Takes;
use super::look::{Extent, Groups, Look, group, number};
use super::{Aggregate, Kind, PlotFault, scale};
use crate::error::EngineError;

/// Points of a line.
const BINS_MAX: usize = 240;
/// Bins that an author may ask for.
const ASKED_BINS_MAX: usize = 1_000;
/// Lines, beside "other": as many as the palette has colours.
const LINES: usize = 7;
const LINES_MAX: usize = 20;

/// Draws `line` and `area`.
pub(super) async fn over_time(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let is_area = request.kind == Kind::Area;
    let mut columns = look.columns();
    // The first time, else the first number.
    let x = match &request.x {
        Some(name) => Some(columns.required("--x", Some(name), Takes::TimeOrNumber)?),
        None => columns.optional("--x", None, Takes::Time)?,
    };
    let x = x.map_or_else(|| columns.required("--x", None, Takes::TimeOrNumber), Ok)?;
    let y = match look.counts() {
        true => None,
        false => columns.optional("--y", request.y.as_deref(), Takes::Number)?,
    };
    let by = columns.names("--by", request.by.as_deref())?;
    let drawn = y.into_iter().fold(look.is_drawn(x), |drawn, y| drawn.and(look.is_drawn(y)));
    let x_axis = look.axis(x, false);
    let extent = look.extent(x, &drawn).await?;
    let mut chart = Chart {
        kind: request.kind,
        title: None,
        is_faceted: false,
        y: look.amount_axis(y),
        value: None,
        by: by.map(|by| look.name(by)),
        marks: Marks::Lines(Vec::new()),
        row_count: look.stored.result().row_count,
        left_out: look.stored.result().row_count - extent.map_or(0, |extent| extent.row_count),
        notes: Vec::new(),
        x: x_axis,
    };
    let Some(extent) = extent else { return Ok(chart) };
    let groups = match by {
        Some(by) => look.groups(by, y, &drawn, request.top.unwrap_or(LINES).clamp(1, LINES_MAX)).await?,
        None => Groups::one(),
    };
    let width = width(look, x, &chart.x, extent).await?;
    let along = match width {
        Some(width) => floor(look.amount(x) / lit(width)) * lit(width),
        None => look.amount(x),
    };
    let by_place = vec![groups.place().alias("series"), along.alias("x")];
    let found = look.rows(Some(drawn), by_place, vec![look.aggregated(y)], None).await?;
    let mut lines = vec![BTreeMap::new(); groups.names.len()];
    for row in 0..found.num_rows() {
        if let (Some(x), Some(line)) = (number(&found, 1, row), lines.get_mut(group(&found, 0, row))) {
            line.insert(Ordered(x), number(&found, 2, row));
        }
    }
    let is_additive = matches!(look.aggregate(y), Aggregate::Sum | Aggregate::Count);
    let grid = grid(&lines, width, is_area);
    let fill = if is_additive && !request.log { Some(0.0) } else { None };
    let named = groups.names.iter().zip(lines).map(|(name, mut line)| {
        grid.iter().for_each(|x| _ = line.entry(*x).or_insert(fill));
        Line { name: name.clone(), points: line.into_iter().map(|(Ordered(x), y)| (x, y)).collect() }
    });
    chart.marks = Marks::Lines(named.collect());
    chart.notes.extend(width.map(|width| format!("in bins of {}", width_text(&chart.x, width))));
    chart.notes.extend(by.and_then(|by| groups.note(&look.name(by))));
    Ok(chart)
}

/// The width of bins; `None` where the rows are as few as points may be, and are drawn where they are.
async fn width(look: &Look<'_>, x: usize, axis: &Axis, extent: Extent) -> Result<Option<f64>, EngineError> {
    if let (Some(asked), Scale::Time) = (look.request.bin, &axis.scale) {
        let width = (asked.as_secs_f64() * 1e3).max(1.0);
        let count = (extent.span() / width) as u64 + 1;
        if count > ASKED_BINS_MAX as u64 {
            return Err(PlotFault::TooManyBins { count, limit: ASKED_BINS_MAX }.into());
        }
        return Ok(Some(width));
    }
    let distinct = cast(
        approx_distinct(cast(look.amount(x), arrow::datatypes::DataType::Utf8)),
        arrow::datatypes::DataType::Float64,
    );
    let distinct = look.rows(Some(look.is_drawn(x)), Vec::new(), vec![distinct], None).await?;
    if number(&distinct, 0, 0).unwrap_or(0.0) <= BINS_MAX as f64 {
        return Ok(None);
    }
    Ok(Some(match axis.scale {
        Scale::Time => scale::time_width(extent.span(), BINS_MAX),
        _ => scale::number_width(extent.span(), BINS_MAX),
    }))
}

/// Where every line has a point. Between two bins without rows there would be a line that nothing stands behind.
fn grid(lines: &[BTreeMap<Ordered, Option<f64>>], width: Option<f64>, is_area: bool) -> Vec<Ordered> {
    let all = || lines.iter().flat_map(|line| line.keys().copied());
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return Vec::new() };
    match width {
        Some(width) => {
            let count = ((last.0 - first.0) / width).round() as usize;
            let first = (first.0 / width).round();
            // Computed as DataFusion does, so that the same bin is the same number.
            (0..=count.min(ASKED_BINS_MAX)).map(|index| Ordered((first + index as f64) * width)).collect()
        }
        None if is_area => all().collect(),
        None => Vec::new(),
    }
}

pub(super) fn width_text(axis: &Axis, width: f64) -> String {
    match axis.scale {
        Scale::Time => scale::time_width_text(width),
        _ => format!("{width}"),
    }
}

/// A finite number as a key.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Ordered) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Ordered) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
