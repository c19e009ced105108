//! What lasts from when to when, in lanes.

use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, lit};

use super::chart::{Axis, Chart, Marks, Scale, Span};
use super::columns::{Takes, is_duration};
use super::look::{Groups, Look, group, number};
use super::spread::counted;
use super::{Kind, scale};
use crate::error::EngineError;

/// Rows that are drawn as an interval each.
const SPANS_MAX: usize = 1_000;
/// Where the rows are more, those of a lane that begin in the same of so many bins are drawn as one.
const BINS: usize = 100;
/// Lanes, beside "other".
const LANES: usize = 20;
const LANES_MAX: usize = 60;
/// Colours, beside "other".
const SERIES: usize = 7;

/// Draws `timeline`.
pub(super) async fn timeline(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let from = columns.required("--x", request.x.as_deref(), Takes::Time)?;
    let to = columns.required("--end", request.end.as_deref(), Takes::TimeOrDuration)?;
    let lane = match &request.y {
        Some(name) => columns.optional("--y", Some(name), Takes::Names)?,
        None => columns.names("--y", None)?,
    };
    let by = match &request.by {
        Some(name) => columns.names("--by", Some(name))?,
        None => None,
    };
    let drawn = look.is_drawn(from).and(look.is_drawn(to));
    let end = || match is_duration(look.field(to)) {
        true => look.amount(from) + look.amount(to) * lit(1e3),
        false => look.amount(to),
    };
    let extent = look.extent(from, &drawn).await?;
    let groups = |column: Option<usize>, count: usize| {
        let drawn = drawn.clone();
        async move {
            match column {
                Some(column) => look.groups(column, None, &drawn, count).await,
                None => Ok(Groups::one()),
            }
        }
    };
    let lanes = groups(lane, request.top.unwrap_or(LANES).clamp(1, LANES_MAX)).await?;
    let series = groups(by, SERIES).await?;
    let row_count = look.stored.result().row_count;
    let drawn_count = extent.map_or(0, |extent| extent.row_count);
    let mut places = vec![lanes.place().alias("lane"), series.place().alias("series")];
    let mut notes: Vec<String> = lane.and_then(|lane| lanes.note(&look.name(lane))).into_iter().collect();
    notes.extend(by.and_then(|by| series.note(&look.name(by))));
    if drawn_count > SPANS_MAX {
        let width = scale::time_width(extent.map_or(0.0, |extent| extent.span()), BINS);
        places.push(floor(look.amount(from) / lit(width)).alias("bin"));
        notes.push(format!("those that begin within the same {} drawn as one", scale::time_width_text(width)));
    } else {
        // Equal ones lie on each other and are one mark.
        places.extend([look.amount(from).alias("from"), end().alias("to")]);
    }
    let ends: Vec<Expr> = vec![min(look.amount(from)).alias("first"), max(end()).alias("last"), counted()];
    let first = places.len();
    let found = look.rows(Some(drawn), places, ends, None).await?;
    let span = |row: usize| {
        let (from, to) = (number(&found, first, row)?, number(&found, first + 1, row)?);
        let row_count = number(&found, first + 2, row)? as u64;
        // An end before its beginning is drawn as a moment.
        Some(Span { lane: group(&found, 0, row), series: group(&found, 1, row), from, to: to.max(from), row_count })
    };
    let mut spans: Vec<Span> = (0..found.num_rows()).filter_map(span).collect();
    spans.sort_by(|a, b| (a.lane, a.series).cmp(&(b.lane, b.series)).then(a.from.total_cmp(&b.from)));
    let label = lane.map_or(String::new(), |lane| look.name(lane));
    let y = Axis { label, scale: Scale::Names(lanes.names), column: lane.and_then(|lane| look.column(lane)) };
    Ok(Chart {
        kind: Kind::Timeline,
        title: None,
        is_faceted: false,
        x: look.axis(from, false),
        y,
        value: None,
        by: by.map(|by| look.name(by)),
        marks: Marks::Spans { series: series.names, spans },
        row_count,
        left_out: row_count - drawn_count,
        notes,
    })
}
