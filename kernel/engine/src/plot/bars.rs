//! Amounts of groups, the greatest first.

use datafusion::logical_expr::lit;

use super::Kind;
use super::chart::{Axis, Chart, Marks, Scale};
use super::columns::Takes;
use super::look::{Groups, Look, group, number};
use super::spread::counted;
use crate::error::EngineError;

/// Bars, beside "other".
const BARS: usize = 20;
const BARS_MAX: usize = 100;
/// Parts of a bar, beside "other".
const PARTS: usize = 7;

/// Draws `bars`.
pub(super) async fn bars(look: &Look<'_>) -> Result<Chart, EngineError> {
    let request = look.request;
    let mut columns = look.columns();
    let x = columns.groups("--x", request.x.as_deref())?;
    let y = match look.counts() {
        true => None,
        false => columns.optional("--y", request.y.as_deref(), Takes::Number)?,
    };
    let by = match &request.by {
        Some(name) => columns.names("--by", Some(name))?,
        None => None,
    };
    let drawn = y.map_or(lit(true), |y| look.is_drawn(y));
    let groups = look.groups(x, y, &drawn, request.top.unwrap_or(BARS).clamp(1, BARS_MAX)).await?;
    let parts = match by {
        Some(by) => look.groups(by, y, &drawn, PARTS).await?,
        None => Groups::one(),
    };
    let places = vec![parts.place().alias("series"), groups.place().alias("bar")];
    let found = look.rows(Some(drawn), places, vec![look.aggregated(y), counted()], None).await?;
    let mut amounts = vec![vec![None; groups.names.len()]; parts.names.len()];
    let mut drawn_count = 0.0;
    for row in 0..found.num_rows() {
        drawn_count += number(&found, 3, row).unwrap_or(0.0);
        let (part, bar) = (group(&found, 0, row), group(&found, 1, row));
        if let Some(place) = amounts.get_mut(part).and_then(|part: &mut Vec<Option<f64>>| part.get_mut(bar)) {
            *place = number(&found, 2, row);
        }
    }
    let row_count = look.stored.result().row_count;
    Ok(Chart {
        kind: Kind::Bars,
        title: None,
        is_faceted: false,
        x: look.amount_axis(y),
        value: None,
        by: by.map(|by| look.name(by)),
        notes: groups.note(&look.name(x)).into_iter().chain(by.and_then(|by| parts.note(&look.name(by)))).collect(),
        y: Axis { label: look.name(x), scale: Scale::Names(groups.names), column: look.column(x) },
        marks: Marks::Bars { series: parts.names, amounts },
        row_count,
        left_out: row_count - drawn_count as usize,
    })
}
