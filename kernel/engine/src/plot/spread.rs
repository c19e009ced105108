//! How values are spread: a histogram, and the share of rows up to each value.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::{floor, log10};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, cast, col, lit};

use super::chart::{Axis, Bin, Chart, Line, Marks, Scale};
use super::columns::Takes;
use super::lines::width_text;
use super::look::{Groups, Look, group, number};
use super::{Kind, PlotFault, scale};
use crate::error::EngineError;

/// Bars of a histogram.
const BINS: usize = 40;
const BINS_MAX: usize = 400;
/// Points of a line of shares.
const STEPS: i64 = 200;
/// Lines of shares, beside "other".
const LINES: usize = 7;

/// Draws `histogram`.
pub(super) async fn histogram(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let x = match &request.x {
        Some(name) => Some(columns.required("--x", Some(name), Takes::TimeOrNumber)?),
        None => columns.optional("--x", None, Takes::Number)?,
    };
    let x = x.map_or_else(|| columns.required("--x", None, Takes::TimeOrNumber), Ok)?;
    let y = match &request.y {
        Some(name) if !look.counts() => columns.optional("--y", Some(name), Takes::Number)?,
        _ => None,
    };
    let x_axis = look.axis(x, request.log);
    let is_log = x_axis.scale == Scale::Log;
    let drawn = look.is_drawn_on(x, is_log);
    let drawn = y.into_iter().fold(drawn, |drawn, y| drawn.and(look.is_drawn(y)));
    let extent = look.extent(x, &drawn).await?;
    let mut y_axis = look.amount_axis(y);
    y_axis.scale = Scale::Linear;
    let row_count = look.stored.result().row_count;
    let mut chart = Chart {
        kind: Kind::Histogram,
        title: None,
        is_faceted: false,
        x: x_axis,
        y: y_axis,
        value: None,
        by: None,
        marks: Marks::Bins(Vec::new()),
        row_count,
        left_out: row_count - extent.map_or(0, |extent| extent.row_count),
        notes: Vec::new(),
    };
    let Some(extent) = extent else { return Ok(chart) };
    let (along, ends) = match is_log {
        true => (log10(look.amount(x)), (extent.least.log10(), extent.greatest.log10())),
        false => (look.amount(x), (extent.least, extent.greatest)),
    };
    let bins_max = request.bins.unwrap_or(BINS).clamp(1, BINS_MAX);
    let width = match (&chart.x.scale, request.bin) {
        (Scale::Time, Some(bin)) => (bin.as_secs_f64() * 1e3).max(1.0),
        (Scale::Time, None) => scale::time_width(ends.1 - ends.0, bins_max),
        _ => scale::number_width(ends.1 - ends.0, bins_max),
    };
    let place = |value: f64| (value / width).floor();
    let (first, last) = (place(ends.0), place(ends.1));
    let count = last - first + 1.0;
    if count > 2.0 * BINS_MAX as f64 {
        return Err(PlotFault::TooManyBins { count: count as u64, limit: BINS_MAX }.into());
    }
    let groups = vec![floor(along / lit(width)).alias("bin")];
    let found = look.rows(Some(drawn), groups, vec![look.aggregated(y)], None).await?;
    let value = |place: f64| if is_log { 10f64.powf(place * width) } else { place * width };
    let empty = |index: usize| {
        let place = first + index as f64;
        Bin { from: value(place), to: value(place + 1.0), amount: 0.0 }
    };
    let mut bins: Vec<Bin> = (0..count as usize).map(empty).collect();
    for row in 0..found.num_rows() {
        let Some(place) = number(&found, 0, row) else { continue };
        // Rounding may put a value just outside.
        let index = ((place - first).max(0.0) as usize).min(bins.len() - 1);
        bins[index].amount += number(&found, 1, row).unwrap_or(0.0);
    }
    chart.marks = Marks::Bins(bins);
    chart.notes.push(match is_log {
        true => format!("in bins of {width} powers of ten"),
        false => format!("in bins of {}", width_text(&chart.x, width)),
    });
    Ok(chart)
}

/// Draws `cdf`: exact at each of its points.
pub(super) async fn cumulative(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let x = columns.required("--x", request.x.as_deref(), Takes::Number)?;
    let by = columns.names("--by", request.by.as_deref())?;
    let drawn = look.is_drawn_on(x, request.log);
    let groups = match by {
        Some(by) => look.groups(by, None, &drawn, request.top.unwrap_or(LINES).clamp(1, 20)).await?,
        None => Groups::one(),
    };
    let (series, value) = (groups.place().alias("series"), look.amount(x).alias("value"));
    let condition = Some(drawn);
    let build = |frame: datafusion::prelude::DataFrame| {
        let frame = frame.select(vec![series, value])?;
        let number = row_number().partition_by(vec![col("series")]).order_by(vec![col("value").sort(true, false)]);
        let whole = Expr::from(WindowFunction::new(
            WindowFunctionDefinition::AggregateUDF(datafusion::functions_aggregate::count::count_udaf()),
            vec![lit(1)],
        ));
        let whole = whole.partition_by(vec![col("series")]).build()?;
        let integer = |expression: Expr, name: &str| cast(expression, DataType::Int64).alias(name);
        let frame = frame.select(vec![
            col("series"),
            col("value"),
            integer(number.build()?, "number"),
            integer(whole, "whole"),
        ])?;
        // The last row of each step: what is drawn of it is exact.
        let step = |number: Expr| number * lit(STEPS) / col("whole");
        let kept = step(col("number")).gt(step(col("number") - lit(1_i64))).or(col("number").eq(lit(1_i64)));
        let share = cast(col("number"), DataType::Float64) / cast(col("whole"), DataType::Float64);
        let frame = frame.filter(kept)?;
        let whole = cast(col("whole"), DataType::Float64);
        frame
            .select(vec![col("series"), col("value"), share.alias("share"), whole.alias("whole")])?
            .sort(vec![col("series").sort(true, false), col("share").sort(true, false)])
    };
    let found = look.frame(condition, build).await?;
    let mut lines: Vec<Line> =
        groups.names.iter().map(|name| Line { name: name.clone(), points: Vec::new() }).collect();
    let mut wholes = vec![0.0; lines.len()];
    for row in 0..found.num_rows() {
        let series = group(&found, 0, row);
        if let (Some(x), Some(line)) = (number(&found, 1, row), lines.get_mut(series)) {
            line.points.push((x, number(&found, 2, row)));
            wholes[series] = number(&found, 3, row).unwrap_or(0.0);
        }
    }
    let row_count = look.stored.result().row_count;
    let drawn_count: f64 = wholes.iter().sum();
    Ok(Chart {
        kind: Kind::Cdf,
        title: None,
        is_faceted: false,
        x: look.axis(x, request.log),
        y: Axis { label: "share of rows".into(), scale: Scale::Linear, column: None },
        value: None,
        by: by.map(|by| look.name(by)),
        marks: Marks::Lines(lines),
        row_count,
        left_out: row_count - drawn_count as usize,
        notes: by.and_then(|by| groups.note(&look.name(by))).into_iter().collect(),
    })
}

/// Rows that are counted.
pub(super) fn counted() -> Expr {
    cast(count(lit(1)), DataType::Float64).alias("rows")
}
