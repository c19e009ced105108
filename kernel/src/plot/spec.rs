//! A plot as a Vega-Lite v5 spec with its data inline.
//!
//! Data is data: fields have names of ours (`x`, `y`, `s` …), and values of data stand in `values`, in domains of scales and
//! in titles only. Two places read more into a title. Vega-Lite puts the titles of encodings into an expression, where a
//! backslash could end its quotation; and the tooltip shows the row called `image` as a picture from the address that is its
//! value. [`label`] and [`row_name`] close these. The menu offers no editor, as that would send the data to another host.

mod parts;
mod sankey;

use flow_engine::plot::{Chart, Kind, Line, Marks, Place, Scale, Tile};
use serde_json::{Map, Value, json};

use self::parts::{colour, label, name, named, names, params, picked, position, tooltip, zoom};
use super::{format, palette};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 300;
/// Width and height of one of several drawings, and how many stand beside each other.
const PANEL: (u32, u32) = (200, 120);
pub(super) const PANEL_COLUMNS: usize = 3;
/// Characters of a line of the caption.
const CAPTION_CHARS: usize = 105;
/// Height of a bar or a lane.
const STEP: u32 = 18;
/// Lines with no more points than this show them.
const POINTS_SHOWN_MAX: usize = 60;

/// The spec.
pub(super) fn of(chart: &Chart) -> Value {
    let mut spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {
            "text": chart.title.clone().unwrap_or_else(|| heading(chart)),
            "subtitle": format::in_lines(&caption(chart), CAPTION_CHARS),
            "anchor": "start",
            "subtitleColor": "#595959",
            "offset": 12,
            "limit": WIDTH,
        },
        "background": "white",
        "width": WIDTH,
        "height": HEIGHT,
        "config": {"axis": {"labelLimit": 260, "titleLimit": 400}, "legend": {"labelLimit": 220, "titleLimit": 220}},
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": {"export": true, "source": false, "compiled": false, "editor": false}}},
    });
    let mut drawn = if chart.is_empty() { empty() } else { drawing(chart) };
    let is_faceted = chart.is_faceted && !chart.is_empty();
    if chart.x.scale == Scale::Time && !chart.is_empty() && !is_faceted {
        drawn["encoding"]["x"]["title"] = label(&format::with_ends(chart)).into();
    }
    let Some(fields) = spec.as_object_mut() else { return spec };
    if let Some(by) = chart.by.as_deref().filter(|_| is_faceted) {
        // The panels have sizes, not the whole.
        fields.retain(|name, _| name != "width" && name != "height");
        drawn = faceted(by, chart, drawn);
    }
    if let Value::Object(drawn) = drawn {
        fields.extend(drawn);
    }
    spec
}

/// Lets a person select: `parameter` takes the place of the zoom, as both are done by dragging, and `expression` is written
/// into the field of the page with this id. Vega-Lite has no such thing, so it is patched into what Vega gets.
pub(super) fn make_selectable(spec: &mut Value, parameter: &Value, expression: &str, field: &str) {
    let place = if spec.get("layer").is_some() { &mut spec["layer"][0] } else { &mut *spec };
    let mut params = vec![parameter.clone()];
    let others = place["params"].as_array().cloned().unwrap_or_default();
    params.extend(others.into_iter().filter(|param| param["name"] != "zoom"));
    place["params"] = params.into();
    let signal = json!({
        "name": "flowdeck_picked", "update": expression, "bind": {"element": format!("#{field}"), "event": "input"},
    });
    spec["usermeta"]["embedOptions"]["patch"] = json!([{"op": "add", "path": "/signals/-", "value": signal}]);
}

/// The caption; side by side there is no room for ends of times below the axes, so they are said here.
fn caption(chart: &Chart) -> String {
    match chart.is_faceted && chart.x.scale == Scale::Time && !chart.is_empty() {
        true => format!("{}; {}", chart.caption(), format::with_ends(chart)),
        false => chart.caption(),
    }
}

/// A drawing for each value of `by`, all on the same axes.
fn faceted(by: &str, chart: &Chart, mut panel: Value) -> Value {
    let data = panel.as_object_mut().and_then(|panel| panel.shift_remove("data"));
    panel["width"] = PANEL.0.into();
    if panel.get("height").is_none() {
        panel["height"] = PANEL.1.into();
    }
    json!({
        "data": data,
        "columns": PANEL_COLUMNS,
        "facet": {
            "field": "s", "type": "nominal", "sort": super::series(chart),
            "header": {"title": label(by), "labelLimit": PANEL.0, "labelFontWeight": "bold"},
        },
        "spec": panel,
    })
}

/// What a plot without a title is about.
pub(super) fn heading(chart: &Chart) -> String {
    match chart.kind {
        Kind::Histogram => format!("{} by {}", chart.y.label, chart.x.label),
        Kind::Bars => format!("{} by {}", chart.x.label, chart.y.label),
        Kind::HeatMap | Kind::Matrix | Kind::Sankey => {
            let amount = chart.value.as_ref().map_or("rows", |value| &value.label);
            format!("{amount} by {} and {}", chart.y.label, chart.x.label)
        }
        Kind::Timeline if chart.y.label.is_empty() => format!("from {}", chart.x.label),
        _ => match &chart.by {
            Some(by) => format!("{} by {} and {by}", chart.y.label, chart.x.label),
            None => format!("{} by {}", chart.y.label, chart.x.label),
        },
    }
}

fn empty() -> Value {
    json!({
        "data": {"values": [{"text": "nothing to draw"}]},
        "height": 80,
        "mark": {"type": "text", "fontSize": 14, "color": "#595959"},
        "encoding": {"text": {"field": "text", "type": "nominal"}},
    })
}

fn drawing(chart: &Chart) -> Value {
    match &chart.marks {
        Marks::Lines(lines) => of_lines(chart, lines),
        Marks::Bars { series, amounts } => of_bars(chart, series, amounts),
        Marks::Bins(bins) => {
            let one = |bin: &flow_engine::plot::Bin| {
                let range = format::place(Place::Range(bin.from, bin.to), &chart.x.scale);
                json!({"x": bin.from, "x2": bin.to, "y": bin.amount, "xt": range, "yt": format::number(bin.amount)})
            };
            json!({
                "data": {"values": bins.iter().map(one).collect::<Vec<_>>()},
                "params": [zoom(&["x"])],
                "mark": {"type": "rect", "color": palette::of(&[String::new()])[0], "stroke": "white", "strokeWidth": 0.5, "clip": true},
                "encoding": {
                    "x": position("x", &chart.x, false),
                    "x2": {"field": "x2"},
                    "y": position("y", &chart.y, true),
                    "y2": {"datum": 0},
                    "tooltip": tooltip(&[("xt", &chart.x.label), ("yt", &chart.y.label)]),
                },
            })
        }
        Marks::Points { series, points } => {
            let one = |point: &flow_engine::plot::Point| {
                let (x, y) = (format::value(point.x, &chart.x.scale), format::value(point.y, &chart.y.scale));
                json!({"x": point.x, "y": point.y, "s": name(series, point.series), "xt": x, "yt": y})
            };
            let mut rows = vec![("xt", chart.x.label.as_str()), ("yt", &chart.y.label)];
            rows.extend(chart.by.as_deref().map(|by| ("s", by)));
            json!({
                "data": {"values": points.iter().map(one).collect::<Vec<_>>()},
                "params": params(chart, &["x", "y"]),
                "mark": {"type": "circle", "size": 36, "opacity": 0.6, "clip": true},
                "encoding": {
                    "x": position("x", &chart.x, false),
                    "y": position("y", &chart.y, false),
                    "color": colour(chart, series),
                    "opacity": picked(chart),
                    "tooltip": tooltip(&rows),
                },
            })
        }
        Marks::Tiles(_) if chart.kind == Kind::Sankey => sankey::of(chart),
        Marks::Tiles(tiles) => of_tiles(chart, tiles),
        Marks::Spans { series, spans } => of_spans(chart, series, spans),
    }
}

fn of_lines(chart: &Chart, lines: &[Line]) -> Value {
    let mut values = Vec::new();
    for line in lines {
        // A line is drawn through all points of one piece; where a value is missing, another begins.
        let mut piece = 0;
        for (x, y) in &line.points {
            let Some(y) = y else {
                piece += 1;
                continue;
            };
            let y_text = if chart.kind == Kind::Cdf { format!("{:.1} %", y * 100.0) } else { format::number(*y) };
            let x_text = format::value(*x, &chart.x.scale);
            values.push(json!({"x": x, "y": y, "s": line.name, "p": piece, "xt": x_text, "yt": y_text}));
        }
    }
    let mark = match chart.kind {
        Kind::Area => json!({"type": "area", "clip": true}),
        Kind::Cdf => json!({"type": "line", "interpolate": "step-after", "strokeWidth": 2, "clip": true}),
        _ => json!({"type": "line", "strokeWidth": 1.8, "clip": true}),
    };
    let mut y = position("y", &chart.y, true);
    if chart.kind == Kind::Cdf {
        y["axis"] = json!({"format": ".0%"});
        y["scale"] = json!({"domain": [0, 1]});
    }
    if chart.kind == Kind::Area {
        y["stack"] = json!("zero");
    }
    let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    let mut rows = vec![("xt", chart.x.label.as_str()), ("yt", &chart.y.label)];
    rows.extend(chart.by.as_deref().map(|by| ("s", by)));
    let mut encoding = json!({
        "x": position("x", &chart.x, false),
        "y": y,
        "color": colour(chart, &names),
        "tooltip": tooltip(&rows),
    });
    if chart.kind == Kind::Area {
        // In the order of the legend, from below.
        encoding["order"] = json!({"field": "o", "type": "quantitative"});
        for value in &mut values {
            let place = names.iter().position(|name| value["s"] == name.as_str());
            value["o"] = json!(place);
        }
    } else {
        encoding["detail"] = json!({"field": "p", "type": "nominal"});
    }
    let few = lines.iter().all(|line| line.points.len() <= POINTS_SHOWN_MAX) && chart.kind == Kind::Line;
    // Points show the tooltip also where they are not seen.
    let mut points =
        json!({"mark": {"type": "point", "filled": true, "size": if few { 30 } else { 80 }, "clip": true}});
    points["encoding"] = json!({"opacity": if few { picked(chart) } else { json!({"value": 0}) }});
    let drawn = json!({"mark": mark, "params": params(chart, &["x"]), "encoding": {"opacity": picked(chart)}});
    json!({"data": {"values": values}, "layer": [drawn, points], "encoding": encoding})
}

fn of_bars(chart: &Chart, series: &[String], amounts: &[Vec<Option<f64>>]) -> Value {
    let names = names(&chart.y);
    let mut values = Vec::new();
    for (part, amounts) in amounts.iter().enumerate() {
        for (bar, amount) in amounts.iter().enumerate() {
            let Some(amount) = amount else { continue };
            let text = format::number(*amount);
            values.push(json!({"n": name(names, bar), "s": name(series, part), "o": part, "x": amount, "xt": text}));
        }
    }
    let mut rows = vec![("n", chart.y.label.as_str()), ("xt", &chart.x.label)];
    rows.extend(chart.by.as_deref().map(|by| ("s", by)));
    let mut encoding = json!({
        "y": named("n", &chart.y),
        "x": position("x", &chart.x, true),
        "tooltip": tooltip(&rows),
    });
    if chart.by.is_some() {
        encoding["color"] = colour(chart, series);
        encoding["order"] = json!({"field": "o", "type": "quantitative"});
        encoding["opacity"] = picked(chart);
    } else {
        // The rest is no group: it does not look like one.
        let colours: Vec<&str> = names.iter().enumerate().map(|(bar, _)| bar_colour(names, bar)).collect();
        encoding["color"] =
            json!({"field": "n", "type": "nominal", "legend": null, "scale": {"domain": names, "range": colours}});
    }
    json!({
        "data": {"values": values},
        "height": {"step": STEP},
        "params": params(chart, &[]),
        "mark": {"type": "bar"},
        "encoding": encoding,
    })
}

/// The colour of a bar without parts.
pub(super) fn bar_colour(names: &[String], bar: usize) -> &'static str {
    let colours = palette::of(names);
    let is_rest = bar > 0 && bar + 1 == names.len() && names[bar] == "other";
    if is_rest { colours[bar] } else { colours[0] }
}

fn of_tiles(chart: &Chart, tiles: &[Tile]) -> Value {
    let place = |row: &mut Map<String, Value>, key: &str, place: Place, scale: &Scale| {
        match place {
            Place::Name(_) => _ = row.insert(key.into(), json!(format::place(place, scale))),
            Place::Range(from, to) => {
                row.insert(key.into(), json!(from));
                row.insert(format!("{key}2"), json!(to));
            }
        }
        row.insert(format!("{key}t"), json!(format::place(place, scale)));
    };
    let one = |tile: &Tile| {
        let mut row = Map::new();
        place(&mut row, "x", tile.x, &chart.x.scale);
        place(&mut row, "y", tile.y, &chart.y.scale);
        row.insert("v".into(), json!(tile.amount));
        row.insert("vt".into(), json!(format::number(tile.amount)));
        Value::Object(row)
    };
    let value = chart.value.as_ref();
    let value_label = value.map_or("rows", |value| value.label.as_str());
    let is_log = value.is_some_and(|value| value.scale == Scale::Log) && tiles.iter().all(|tile| tile.amount > 0.0);
    let scale = match is_log {
        true => json!({"range": palette::AMOUNTS, "type": "log"}),
        false => json!({"range": palette::AMOUNTS, "zero": true}),
    };
    let mut spec = json!({
        "data": {"values": tiles.iter().map(one).collect::<Vec<_>>()},
        "mark": {"type": "rect", "clip": true},
        "encoding": {
            "color": {"field": "v", "type": "quantitative", "title": label(value_label), "scale": scale, "legend": {"format": "~s"}},
            "tooltip": tooltip(&[("yt", &chart.y.label), ("xt", &chart.x.label), ("vt", value_label)]),
        },
    });
    let mut zoomed = Vec::new();
    for (key, axis) in [("x", &chart.x), ("y", &chart.y)] {
        if matches!(axis.scale, Scale::Names(_)) {
            spec["encoding"][key] = named(key, axis);
            let size = if key == "x" { "width" } else { "height" };
            spec[size] = json!({"step": if key == "x" { STEP + 6 } else { STEP }});
        } else {
            spec["encoding"][key] = position(key, axis, false);
            spec["encoding"][format!("{key}2")] = json!({"field": format!("{key}2")});
            zoomed.push(key);
        }
    }
    if !zoomed.is_empty() {
        spec["params"] = json!([zoom(&zoomed)]);
    }
    spec
}

fn of_spans(chart: &Chart, series: &[String], spans: &[flow_engine::plot::Span]) -> Value {
    let lanes = names(&chart.y);
    let one = |span: &flow_engine::plot::Span| {
        json!({
            "n": name(lanes, span.lane), "s": name(series, span.series), "x": span.from, "x2": span.to,
            "xt": format::moment(span.from), "x2t": format::moment(span.to), "r": format::number(span.row_count as f64),
        })
    };
    let lane_label = if chart.y.label.is_empty() { "lane" } else { &chart.y.label };
    let mut rows = vec![("n", lane_label), ("xt", "from (UTC)"), ("x2t", "to (UTC)"), ("r", "rows")];
    rows.extend(chart.by.as_deref().map(|by| ("s", by)));
    let colours = colour(chart, series);
    json!({
        "data": {"values": spans.iter().map(one).collect::<Vec<_>>()},
        "height": {"step": STEP + 4},
        "params": params(chart, &["x"]),
        // The edge lets what lasts no time be seen.
        "mark": {"type": "bar", "strokeWidth": 2, "clip": true, "height": {"band": 0.7}},
        "encoding": {
            "x": position("x", &chart.x, false),
            "x2": {"field": "x2"},
            "y": named("n", &chart.y),
            "color": colours,
            "stroke": {"field": "s", "type": "nominal", "legend": null, "scale": {"domain": series, "range": palette::of(series)}},
            "opacity": picked(chart),
            "tooltip": tooltip(&rows),
        },
    })
}
