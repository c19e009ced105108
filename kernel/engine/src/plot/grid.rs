//! Amounts as colours: by time and group, by two groups, and by two numbers where the rows are too many for a point each.

use arrow::array::RecordBatch;
use datafusion::functions::math::expr_fn::{floor, log10};
use datafusion::logical_expr::{Expr, lit};

use super::chart::{Axis, Chart, Marks, Place, Point, Scale, Tile};
use super::columns::Takes;
use super::lines::width_text;
use super::look::{Extent, Groups, Look, group, number};
use super::spread::counted;
use super::{Aggregate, Kind, PlotFault, scale};
use crate::error::EngineError;

/// Rows that are drawn as a point each.
const POINTS_MAX: usize = 2_000;
/// Columns and rows of tiles where the rows are more.
const TILES: (usize, usize) = (80, 50);
/// Bins of time of a heat map.
const TIME_BINS: usize = 96;
const TIME_BINS_MAX: usize = 300;
/// Rows of a heat map and of a matrix, beside "other".
const GROUPS: usize = 20;
const GROUPS_MAX: usize = 40;
/// Groups on each side of a sankey, beside "other".
const SANKEY_GROUPS: usize = 12;
const SANKEY_GROUPS_MAX: usize = 25;
/// Colours of points.
const SERIES: usize = 7;

/// Draws `scatter`.
pub(super) async fn scatter(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let takes = |name: &Option<String>| if name.is_some() { Takes::TimeOrNumber } else { Takes::Number };
    let x = columns.required("--x", request.x.as_deref(), takes(&request.x))?;
    let y = columns.required("--y", request.y.as_deref(), takes(&request.y))?;
    let (x_axis, y_axis) = (look.axis(x, request.log), look.axis(y, request.log));
    let is_log = |axis: &Axis| axis.scale == Scale::Log;
    let drawn = look.is_drawn_on(x, is_log(&x_axis)).and(look.is_drawn_on(y, is_log(&y_axis)));
    let row_count = look.stored.result().row_count;
    let ends = match (look.extent(x, &drawn).await?, look.extent(y, &drawn).await?) {
        (Some(x), Some(y)) => Some((x, y)),
        _ => None,
    };
    let mut chart = Chart {
        kind: Kind::Scatter,
        title: None,
        is_faceted: false,
        x: x_axis,
        y: y_axis,
        value: None,
        by: None,
        marks: Marks::Points { series: vec![String::new()], points: Vec::new() },
        row_count,
        left_out: row_count - ends.map_or(0, |(x, _)| x.row_count),
        notes: Vec::new(),
    };
    let Some((x_extent, y_extent)) = ends else { return Ok(chart) };
    if x_extent.row_count > POINTS_MAX {
        return tiles(look, chart, (x, x_extent), (y, y_extent), drawn).await;
    }
    let by = columns.names("--by", request.by.as_deref())?;
    let groups = match by {
        Some(by) => look.groups(by, None, &drawn, request.top.unwrap_or(SERIES).clamp(1, 20)).await?,
        None => Groups::one(),
    };
    let selected = vec![groups.place().alias("series"), look.amount(x).alias("x"), look.amount(y).alias("y")];
    let found = look.frame(Some(drawn), |frame| frame.select(selected)).await?;
    let point = |row: usize| {
        Some(Point { series: group(&found, 0, row), x: number(&found, 1, row)?, y: number(&found, 2, row)? })
    };
    let points = (0..found.num_rows()).filter_map(point).collect();
    chart.notes.extend(by.and_then(|by| groups.note(&look.name(by))));
    chart.by = by.map(|by| look.name(by));
    chart.marks = Marks::Points { series: groups.names, points };
    Ok(chart)
}

/// How a number is put into bins along an axis.
struct Bins {
    width: f64,
    is_log: bool,
}

impl Bins {
    fn of(axis: &Axis, extent: Extent, count_max: usize) -> Bins {
        let is_log = axis.scale == Scale::Log;
        let span = if is_log { extent.greatest.log10() - extent.least.log10() } else { extent.span() };
        let width = match axis.scale {
            Scale::Time => scale::time_width(span, count_max),
            _ => scale::number_width(span, count_max),
        };
        Bins { width, is_log }
    }

    fn number(&self, amount: Expr) -> Expr {
        floor(if self.is_log { log10(amount) } else { amount } / lit(self.width))
    }

    fn place(&self, number: f64) -> Place {
        let value = |number: f64| if self.is_log { 10f64.powf(number * self.width) } else { number * self.width };
        Place::Range(value(number), value(number + 1.0))
    }

    fn text(&self, axis: &Axis) -> String {
        match self.is_log {
            true => format!("{} powers of ten", self.width),
            false => width_text(axis, self.width),
        }
    }
}

async fn tiles(
    look: &Look<'_>,
    mut chart: Chart,
    x: (usize, Extent),
    y: (usize, Extent),
    drawn: Expr,
) -> Result<Chart, EngineError> {
    if look.request.by.is_some() {
        chart.notes.push(format!("--by is not drawn for more than {POINTS_MAX} rows"));
    }
    let (along, up) = (Bins::of(&chart.x, x.1, TILES.0), Bins::of(&chart.y, y.1, TILES.1));
    let groups = vec![along.number(look.amount(x.0)).alias("x"), up.number(look.amount(y.0)).alias("y")];
    let found = look.rows(Some(drawn), groups, vec![counted()], None).await?;
    let tile = |row: usize| {
        let (x, y) = (along.place(number(&found, 0, row)?), up.place(number(&found, 1, row)?));
        Some(Tile { x, y, amount: number(&found, 2, row)? })
    };
    chart.marks = Marks::Tiles((0..found.num_rows()).filter_map(tile).collect());
    chart.value = Some(Axis { label: "rows".into(), scale: Scale::Log, column: None });
    chart.notes.push(format!(
        "counted in tiles of {} by {}, as they are too many for a point each",
        along.text(&chart.x),
        up.text(&chart.y)
    ));
    Ok(chart)
}

/// Draws `heatmap`.
pub(super) async fn heat_map(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let x = columns.required("--x", request.x.as_deref(), Takes::Time)?;
    let y = columns.groups("--y", request.y.as_deref())?;
    let value = value_column(look, &mut columns)?;
    let drawn = value.into_iter().fold(look.is_drawn(x), |drawn, value| drawn.and(look.is_drawn(value)));
    let extent = look.extent(x, &drawn).await?;
    let groups = look.groups(y, value, &drawn, count(request.top)).await?;
    let x_axis = look.axis(x, false);
    let span = extent.map_or(0.0, |extent| extent.span());
    let width = match request.bin {
        Some(bin) => (bin.as_secs_f64() * 1e3).max(1.0),
        None => scale::time_width(span, TIME_BINS),
    };
    if span / width >= TIME_BINS_MAX as f64 {
        return Err(PlotFault::TooManyBins { count: (span / width) as u64 + 1, limit: TIME_BINS_MAX }.into());
    }
    let bins = Bins { width, is_log: false };
    let places = vec![bins.number(look.amount(x)).alias("x"), groups.place().alias("y")];
    let found = look.rows(Some(drawn), places, vec![look.aggregated(value), counted()], None).await?;
    let mut chart = chart(look, Kind::HeatMap, x_axis, named(look, y, &groups), value, &found);
    let tile = |row: usize| {
        let (x, y) = (bins.place(number(&found, 0, row)?), Place::Name(group(&found, 1, row)));
        Some(Tile { x, y, amount: number(&found, 2, row)? })
    };
    chart.marks = Marks::Tiles((0..found.num_rows()).filter_map(tile).collect());
    chart.notes.push(format!("in bins of {}", width_text(&chart.x, width)));
    chart.notes.extend(groups.note(&look.name(y)));
    Ok(chart)
}

/// Draws `matrix`.
pub(super) async fn matrix(look: &Look<'_>) -> Result<Chart, EngineError> {
    who_with_whom(look, Kind::Matrix, count(look.request.top)).await
}

/// Draws `sankey`. Its bands are parts of a whole, so amounts must add up.
pub(super) async fn sankey(look: &Look<'_>) -> Result<Chart, EngineError> {
    if !matches!(look.request.aggregate, None | Some(Aggregate::Sum | Aggregate::Count)) {
        return Err(PlotFault::NoSuchOption { kind: "sankey", option: "--agg but sum and count" }.into());
    }
    let count = look.request.top.unwrap_or(SANKEY_GROUPS).clamp(1, SANKEY_GROUPS_MAX);
    let mut chart = who_with_whom(look, Kind::Sankey, count).await?;
    if let Marks::Tiles(tiles) = &mut chart.marks {
        let before = tiles.len();
        tiles.retain(|tile| tile.amount > 0.0);
        let left_out = before - tiles.len();
        if left_out > 0 {
            chart.notes.push(format!("{left_out} of the amounts left out: bands are above zero"));
        }
    }
    Ok(chart)
}

async fn who_with_whom(look: &Look<'_>, kind: Kind, count: usize) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    // The source first, as people write it.
    let y = columns.groups("--y", request.y.as_deref())?;
    let x = columns.groups("--x", request.x.as_deref())?;
    let value = value_column(look, &mut columns)?;
    let drawn = value.map_or(lit(true), |value| look.is_drawn(value));
    let across = look.groups(x, value, &drawn, count).await?;
    let down = look.groups(y, value, &drawn, count).await?;
    let places = vec![across.place().alias("x"), down.place().alias("y")];
    let found = look.rows(Some(drawn), places, vec![look.aggregated(value), counted()], None).await?;
    let mut chart = chart(look, kind, named(look, x, &across), named(look, y, &down), value, &found);
    let tile = |row: usize| {
        let (x, y) = (Place::Name(group(&found, 0, row)), Place::Name(group(&found, 1, row)));
        Some(Tile { x, y, amount: number(&found, 2, row)? })
    };
    chart.marks = Marks::Tiles((0..found.num_rows()).filter_map(tile).collect());
    chart.notes.extend(down.note(&look.name(y)));
    chart.notes.extend(across.note(&look.name(x)));
    Ok(chart)
}

fn count(asked: Option<usize>) -> usize {
    asked.unwrap_or(GROUPS).clamp(1, GROUPS_MAX)
}

fn value_column(look: &Look<'_>, columns: &mut super::columns::Columns) -> Result<Option<usize>, PlotFault> {
    match look.counts() {
        true => Ok(None),
        false => columns.optional("--value", look.request.value.as_deref(), Takes::Number),
    }
}

fn named(look: &Look<'_>, index: usize, groups: &Groups) -> Axis {
    Axis { label: look.name(index), scale: Scale::Names(groups.names.clone()), column: look.column(index) }
}

/// A chart of tiles, of which the answer's fourth column counts the rows.
fn chart(look: &Look<'_>, kind: Kind, x: Axis, y: Axis, value: Option<usize>, found: &RecordBatch) -> Chart {
    let row_count = look.stored.result().row_count;
    let drawn: f64 = (0..found.num_rows()).filter_map(|row| number(found, 3, row)).sum();
    Chart {
        kind,
        title: None,
        is_faceted: false,
        x,
        y,
        value: Some(look.amount_axis(value)),
        by: None,
        marks: Marks::Tiles(Vec::new()),
        row_count,
        left_out: row_count - drawn as usize,
        notes: Vec::new(),
    }
}
