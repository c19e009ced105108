//! Parts of specs: axes, colours, what can be picked and zoomed, tooltips; and texts of data made fit for them.

use flow_engine::plot::{Axis, Chart, Scale};
use serde_json::{Value, json};

use super::{HEIGHT, STEP, WIDTH};
use crate::plot::palette;

/// What stands beside a tick of numbers: 1.5M.
const NUMBER_LABEL: &str = "format(datum.value, abs(datum.value) < 1 ? '~g' : '~s')";
/// What stands beside a tick of moments: the day at midnight, else the time, as exact as it must be.
const MOMENT_LABEL: &str = "utcFormat(datum.value, utcmilliseconds(datum.value) != 0 ? '%H:%M:%S.%L' \
     : utcseconds(datum.value) != 0 ? '%H:%M:%S' : utchours(datum.value) + utcminutes(datum.value) != 0 ? '%H:%M' \
     : utcmonth(datum.value) == 0 && utcdate(datum.value) == 1 ? '%Y-%m-%d' : '%m-%d')";

/// An axis of numbers or moments.
pub(super) fn position(field: &str, axis: &Axis, from_zero: bool) -> Value {
    let title = label(&axis.label);
    let ticks =
        json!({"labelExpr": NUMBER_LABEL, "tickCount": 8, "titleLimit": if field == "y" { HEIGHT } else { WIDTH }});
    match axis.scale {
        Scale::Time => json!({
            "field": field, "type": "temporal", "title": title, "scale": {"type": "utc"},
            "axis": {"labelExpr": MOMENT_LABEL, "labelOverlap": "greedy", "labelSeparation": 6, "titleLimit": WIDTH},
        }),
        Scale::Log => {
            json!({"field": field, "type": "quantitative", "title": title, "scale": {"type": "log"}, "axis": ticks})
        }
        _ => {
            json!({"field": field, "type": "quantitative", "title": title, "scale": {"zero": from_zero}, "axis": ticks})
        }
    }
}

/// An axis of names.
pub(super) fn named(field: &str, axis: &Axis) -> Value {
    let title = if axis.label.is_empty() { Value::Null } else { label(&axis.label).into() };
    // A title that is longer than its axis would make the drawing larger.
    let limit = (STEP as usize * names(axis).len()).clamp(60, 400);
    json!({
        "field": field, "type": "nominal", "title": title, "sort": null, "scale": {"domain": names(axis)},
        "axis": {"titleLimit": limit},
    })
}

pub(super) fn colour(chart: &Chart, series: &[String]) -> Value {
    if chart.is_faceted {
        return json!({"value": palette::of(&[String::new()])[0]});
    }
    let legend = match &chart.by {
        Some(by) => json!({"title": label(by), "symbolType": "circle"}),
        None => Value::Null,
    };
    json!({
        "field": "s", "type": "nominal", "sort": null, "legend": legend,
        "scale": {"domain": series, "range": palette::of(series)},
    })
}

/// Wheel and drag.
pub(super) fn zoom(along: &[&str]) -> Value {
    json!({"name": "zoom", "select": {"type": "interval", "encodings": along}, "bind": "scales"})
}

/// Zoom along these axes, and a click into the legend where there is one.
pub(super) fn params(chart: &Chart, along: &[&str]) -> Value {
    let pick = json!({"name": "pick", "select": {"type": "point", "fields": ["s"]}, "bind": "legend"});
    let zoom = (!along.is_empty()).then(|| zoom(along));
    zoom.into_iter().chain(has_legend(chart).then_some(pick)).collect()
}

/// What was not picked is faint.
pub(super) fn picked(chart: &Chart) -> Value {
    match has_legend(chart) {
        true => json!({"condition": {"param": "pick", "value": 1}, "value": 0.12}),
        false => json!({"value": 1}),
    }
}

pub(super) fn has_legend(chart: &Chart) -> bool {
    chart.by.is_some() && !chart.is_faceted
}

pub(super) fn tooltip(rows: &[(&str, &str)]) -> Value {
    let one = |(field, name): &(&str, &str)| json!({"field": field, "type": "nominal", "title": row_name(name)});
    rows.iter().map(one).collect()
}

/// A title that Vega-Lite may put between quotation marks of an expression.
pub(super) fn label(text: &str) -> String {
    text.replace('\\', "∖").replace('"', "”")
}

/// The name of a row of the tooltip. Two of them mean something to it.
pub(super) fn row_name(text: &str) -> String {
    let label = label(text);
    if matches!(label.as_str(), "image" | "title") { format!("{label} (column)") } else { label }
}

pub(super) fn names(axis: &Axis) -> &[String] {
    match &axis.scale {
        Scale::Names(names) => names,
        _ => &[],
    }
}

pub(super) fn name(names: &[String], index: usize) -> &str {
    names.get(index).map_or("", String::as_str)
}
