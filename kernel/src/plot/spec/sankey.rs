//! A sankey as layers of areas, bars and texts: Vega-Lite has no mark for it.

use flow_engine::plot::Chart;
use serde_json::{Value, json};

use super::parts::tooltip;
use crate::plot::{
    bands::{Bands, NAMES_MIN, Node},
    format, palette,
};

/// How wide the bars of names are, the whole being 1.
const BAR: f64 = 0.02;
/// Room for names on each side.
const SIDE: f64 = 0.42;
/// Height of the drawing for each name of the longer side.
const NAME_STEP: usize = 26;

pub(super) fn of(chart: &Chart) -> Value {
    let Some(bands) = Bands::of(chart) else { return super::empty() };
    let names: Vec<String> = bands.left.iter().map(|node| node.name.to_owned()).collect();
    let amount = chart.value.as_ref().map_or("rows", |value| &value.label);
    let mut areas = Vec::new();
    for (number, band) in bands.bands.iter().enumerate() {
        let (from, to) = (bands.left[band.ends.0].name, bands.right[band.ends.1].name);
        let text = format::number(band.amount);
        for (x, y, y2) in band.edge() {
            areas.push(json!({"k": number, "x": x, "y": y, "y2": y2, "s": from, "t": to, "vt": text}));
        }
    }
    let left = bands.left.iter().map(|node| bar(node, -BAR, 0.0));
    let bars: Vec<Value> = left.chain(bands.right.iter().map(|node| bar(node, 1.0, 1.0 + BAR))).collect();
    let height = NAME_STEP * bands.left.len().max(bands.right.len()).max(NAMES_MIN);
    let across = |field: &str| json!({"field": field, "type": "quantitative", "axis": null, "scale": {"domain": [-SIDE, 1.0 + SIDE], "nice": false}});
    let down = |field: &str| json!({"field": field, "type": "quantitative", "axis": null, "scale": {"domain": [-0.04, 1.0], "nice": false, "reverse": true}});
    json!({
        "height": height,
        "layer": [
            {
                "data": {"values": areas},
                "mark": {"type": "area", "interpolate": "monotone", "opacity": 0.5},
                "encoding": {
                    "x": across("x"), "y": down("y"), "y2": {"field": "y2"},
                    "detail": {"field": "k", "type": "nominal"},
                    "color": {"field": "s", "type": "nominal", "sort": null, "legend": null, "scale": {"domain": names, "range": palette::of(&names)}},
                    "tooltip": tooltip(&[("s", &chart.y.label), ("t", &chart.x.label), ("vt", amount)]),
                },
            },
            {
                "data": {"values": bars},
                "mark": {"type": "rect", "color": "#595959"},
                "encoding": {
                    "x": across("x"), "x2": {"field": "x2"}, "y": down("y"), "y2": {"field": "y2"},
                    "tooltip": tooltip(&[("n", "name"), ("vt", amount)]),
                },
            },
            texts(names_of(&bands.left, -2.0 * BAR), "right", "normal", &across, &down),
            texts(names_of(&bands.right, 1.0 + 2.0 * BAR), "left", "normal", &across, &down),
            texts(vec![heading(&chart.y.label, -2.0 * BAR)], "right", "bold", &across, &down),
            texts(vec![heading(&chart.x.label, 1.0 + 2.0 * BAR)], "left", "bold", &across, &down),
        ],
        "view": {"stroke": null},
    })
}

fn bar(node: &Node, x: f64, x2: f64) -> Value {
    json!({"x": x, "x2": x2, "y": node.top, "y2": node.bottom, "n": node.name, "vt": format::number(node.amount)})
}

fn names_of(nodes: &[Node], x: f64) -> Vec<Value> {
    nodes.iter().map(|node| json!({"x": x, "y": (node.top + node.bottom) / 2.0, "n": node.name})).collect()
}

fn heading(text: &str, x: f64) -> Value {
    json!({"x": x, "y": -0.03, "n": text})
}

fn texts(
    values: Vec<Value>,
    align: &str,
    weight: &str,
    across: &dyn Fn(&str) -> Value,
    down: &dyn Fn(&str) -> Value,
) -> Value {
    json!({
        "data": {"values": values},
        "mark": {"type": "text", "align": align, "fontSize": 11, "limit": 190, "fontWeight": weight},
        "encoding": {"x": across("x"), "y": down("y"), "text": {"field": "n", "type": "nominal"}},
    })
}
