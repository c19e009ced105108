//! Looks of charts, the hostile among them.

#![allow(clippy::unwrap_used)]

use flow_engine::plot::{Axis, Chart, Kind, Line, Marks, Scale};

use super::*;

pub(super) fn chart(kind: Kind, marks: Marks) -> Chart {
    let axis = |label: &str, scale| Axis { label: label.into(), scale, column: None };
    Chart {
        kind,
        title: None,
        is_faceted: false,
        x: axis("start_time (UTC)", Scale::Time),
        y: axis("sum of bytes (B)", Scale::Linear),
        value: None,
        by: Some("name".into()),
        marks,
        row_count: 10,
        left_out: 0,
        notes: Vec::new(),
    }
}

fn lines() -> Chart {
    let line = |name: &str, points: &[(f64, Option<f64>)]| Line { name: name.into(), points: points.to_vec() };
    let first = line("a", &[(0.0, Some(1.0)), (60_000.0, None), (120_000.0, Some(1_500.0))]);
    chart(Kind::Line, Marks::Lines(vec![first, line("other", &[(0.0, Some(2.0))])]))
}

#[test]
fn the_spec_holds_the_values() {
    let spec = spec::of(&lines());
    let values = spec["data"]["values"].as_array().unwrap();
    assert_eq!(values.len(), 3, "no point where there is no value: {values:?}");
    assert_eq!(values[1]["y"], 1_500.0);
    assert_eq!(values[1]["xt"], "1970-01-01 00:02:00");
    assert_eq!(values[1]["yt"], "1,500");
    assert_ne!(values[0]["p"], values[1]["p"], "the line is interrupted");
    assert_eq!(spec["encoding"]["x"]["scale"]["type"], "utc");
    assert_eq!(spec["encoding"]["color"]["scale"]["domain"], serde_json::json!(["a", "other"]));
    assert_eq!(spec["encoding"]["color"]["scale"]["range"][1], "#8C8C8C", "the rest is grey");
    assert_eq!(spec["usermeta"]["embedOptions"]["actions"]["editor"], false);
    assert_eq!(spec["title"]["subtitle"][0], "10 rows");
}

#[test]
fn the_drawing_is_xml_with_a_line_for_each_piece() {
    let svg = svg::of(&lines()).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("sum of bytes (B)") && svg.contains("10 rows"));
    assert_eq!(svg.matches("<circle").count(), 3, "each piece is one point: {svg}");
}

#[test]
fn hostile_names_stay_text() {
    const HOSTILE: &str = r#"</text><script>alert(1)</script>\" + alert(2) + \"${x}"#;
    let mut chart = lines();
    chart.title = Some(HOSTILE.into());
    chart.y.label = HOSTILE.into();
    chart.by = Some("image".into());
    if let Marks::Lines(lines) = &mut chart.marks {
        lines[0].name = HOSTILE.into();
    }
    let svg = svg::of(&chart).unwrap();
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    let spec = spec::of(&chart);
    assert_eq!(spec["title"]["text"], HOSTILE, "a plain string");
    let title = spec["encoding"]["y"]["title"].as_str().unwrap();
    assert!(!title.contains('\\') && !title.contains('"'), "nothing ends a quotation: {title}");
    for row in spec["encoding"]["tooltip"].as_array().unwrap() {
        let name = row["title"].as_str().unwrap();
        assert!(!name.contains('\\') && !name.contains('"') && name != "image", "{name}");
    }
    let text = serde_json::to_string(&spec).unwrap();
    for key in ["\"href\"", "\"url\"", "\"signal\"", "\"expr\"", "\"calculate\"", "\"test\""] {
        assert!(!text.contains(key), "{key} in {text}");
    }
}

#[test]
fn nothing_and_one_value_can_be_drawn() {
    let nothing = chart(Kind::Line, Marks::Lines(Vec::new()));
    assert!(svg::of(&nothing).unwrap().contains("nothing to draw"));
    assert_eq!(spec::of(&nothing)["data"]["values"][0]["text"], "nothing to draw");
    assert!(text::of(&nothing).ends_with("10 rows; nothing to draw"));
    let one = Line { name: String::new(), points: vec![(5.0, Some(0.0))] };
    for kind in [Kind::Line, Kind::Area, Kind::Cdf] {
        let svg = svg::of(&chart(kind, Marks::Lines(vec![one.clone()]))).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
    let log = Chart {
        y: Axis { label: "n".into(), scale: Scale::Log, column: None },
        ..chart(Kind::Line, Marks::Lines(vec![one]))
    };
    assert!(svg::of(&log).is_ok());
}
