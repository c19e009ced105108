//! Widgets against the real registry of models: it accepts what we send, and gives back what we set.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use chrono::{NaiveDate, NaiveTime, TimeZone, Utc};
use serde_json::{Map, Value, json};
use widgets_comm::{Registry, State, WidgetError};

use super::*;
use crate::fake_host::FakeHost;

/// A host behind which is a registry, as in the kernel.
fn registry() -> FakeHost {
    let mut registry = Registry::new();
    FakeHost::answering_with(move |frame, payload| match answer(&mut registry, frame, payload) {
        Ok(answer) => answer,
        Err(error) => (json!({"error": error.to_string()}), Vec::new()),
    })
}

fn answer(registry: &mut Registry, frame: &Value, payload: &[u8]) -> Result<(Value, Vec<u8>), WidgetError> {
    let id = frame["widget"].as_str().unwrap_or_default();
    let nothing = (json!({}), Vec::new());
    match frame["type"].as_str().unwrap() {
        "widget_open" => registry.open(id, frame["model"].as_str().unwrap(), state(frame, payload)).map(|_| nothing),
        "widget_update" => {
            // One-way: nobody else would hear of it.
            registry.update(id, state(frame, payload)).expect("the update is accepted");
            Ok(nothing)
        }
        "widget_get" => {
            let name = frame["names"][0].as_str().unwrap();
            let mut asked = State::new();
            asked.set(name, registry.get(id, name).expect("the model has it").clone());
            let wire = asked.into_wire();
            let lengths: Vec<usize> = wire.buffers.iter().map(Bytes::len).collect();
            let reply = json!({"state": wire.state, "buffer_paths": wire.buffer_paths, "buffer_lengths": lengths});
            Ok((reply, wire.buffers.concat()))
        }
        _ => Ok(nothing),
    }
}

fn state(frame: &Value, payload: &[u8]) -> State {
    let fields: Map<String, Value> = frame.as_object().unwrap().clone();
    let buffers: Vec<Bytes> = state::buffers(&fields, payload).into_iter().map(Bytes::from).collect();
    State::from_wire(frame["state"].clone(), &frame["buffer_paths"], &buffers).unwrap()
}

macro_rules! fresh {
    (Dropdown) => {
        Dropdown::new(["a"])
    };
    (RadioButtons) => {
        RadioButtons::new(["a"])
    };
    (Select) => {
        Select::new(["a"])
    };
    (SelectMultiple) => {
        SelectMultiple::new(["a"])
    };
    (SelectionRangeSlider) => {
        SelectionRangeSlider::new(["a"])
    };
    (SelectionSlider) => {
        SelectionSlider::new(["a"])
    };
    (ToggleButtons) => {
        ToggleButtons::new(["a"])
    };
    (Box) => {
        BoxWidget::new()
    };
    ($class:ident) => {
        $class::new()
    };
}

macro_rules! open_all {
    (
        choices $choices:tt
        groups $groups:tt
        models {
            $($(#[$doc:meta])* $class:ident = ($module:ident $model:literal) $view:tt $members:tt $own:tt)*
        }
    ) => {
        [$((stringify!($class), fresh!($class).open())),*]
    };
}

#[test]
fn a_fresh_widget_of_each_model_is_accepted() {
    let _host = registry();
    let opened = widgets_comm::with_models!(open_all);
    assert_eq!(opened.len(), 69);
    for (class, outcome) in opened {
        assert_eq!(outcome, Ok(()), "{class}");
    }
}

#[test]
fn values_come_back_as_they_were_set() {
    let _host = registry();
    assert_eq!(IntSlider::new().set_value(7).value(), 7);
    assert_eq!(IntSlider::new().max(10).set_value(70).value(), 10, "kept within bounds by the kernel");
    assert_eq!(FloatSlider::new().set_value(0.25).value(), 0.25);
    assert_eq!(IntRangeSlider::new().set_value((5, 6)).value(), (5, 6));
    assert_eq!(FloatRangeSlider::new().set_value((0.5, 6.0)).value(), (0.5, 6.0));
    assert!(Checkbox::new().set_value(true).value());
    assert_eq!(Textarea::new().rows(3).set_value("ä\nb").value(), "ä\nb");
    assert_eq!(ColorPicker::new().set_value("#00ff00").value(), "#00ff00");
    assert_eq!(TagsInput::new().set_value(["a", "b"]).value(), ["a", "b"]);
    assert_eq!(ColorsInput::new().set_value(["red"]).value(), ["red"]);
    assert_eq!(IntsInput::new().set_value([1, -2]).value(), [1, -2]);
    assert_eq!(FloatsInput::new().set_value([1.5]).value(), [1.5]);
    assert_eq!(Image::of(vec![0xff, 0xd8, 0]).value(), [0xff, 0xd8, 0]);
    assert_eq!(Audio::new().value(), Vec::<u8>::new());
    assert_eq!(FileUpload::new().value(), []);
    assert_eq!(Tab::of((Label::of("a"), Label::of("b"))).set_selected_index(1).selected_index(), Some(1));
}

#[test]
fn moments_come_back_and_can_be_cleared() {
    let _host = registry();
    let date = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let time = NaiveTime::from_hms_milli_opt(23, 5, 0, 250).unwrap();
    let picker = DatePicker::new().set_value(date);
    assert_eq!(picker.value(), Some(date));
    assert_eq!(picker.set_value(None).value(), None);
    assert_eq!(TimePicker::new().step(0.5).set_value(time).value(), Some(time));
    assert_eq!(NaiveDatetimePicker::new().set_value(date.and_time(time)).value(), Some(date.and_time(time)));
    let aware = Utc.from_utc_datetime(&date.and_time(time));
    assert_eq!(DatetimePicker::new().min(aware).set_value(aware).value(), Some(aware));
}

#[test]
fn choices_come_back_as_what_they_stand_for() {
    let _host = registry();
    let dropdown = Dropdown::new([("ten", 10), ("hundred", 100)]);
    assert_eq!((dropdown.value(), dropdown.index()), (Some(10), Some(0)));
    assert_eq!(dropdown.set_value(&100).value(), Some(100));
    assert_eq!(dropdown.set_index(None).value(), None);
    assert_eq!(dropdown.set_options([("one", 1), ("two", 2), ("three", 3)]).set_index(2).value(), Some(3));
    assert_eq!(SelectionSlider::new(["a", "b"]).set_value("b").value().as_deref(), Some("b"));
    assert_eq!(SelectMultiple::new([1, 2, 3]).set_value(&[3, 1]).value(), [3, 1]);
    let days = SelectionRangeSlider::new(["mon", "tue", "wed"]).set_value("tue", "wed");
    assert_eq!(days.value(), Some(("tue".to_owned(), "wed".to_owned())));
    assert_eq!(ToggleButtons::new(["a"]).style(ToggleButtonsStyle::new().button_width("3em")).index(), Some(0));
}

#[test]
fn layout_and_style_are_there_and_can_be_shared() {
    let _host = registry();
    let slider = IntSlider::new();
    slider.get_layout().width("50%");
    assert_eq!(slider.get_layout().get("width").unwrap(), json!("50%"));
    slider.get_style().handle_color("red");
    assert_eq!(slider.get_style().get("handle_color").unwrap(), json!("red"));
    let shared = Layout::new().border("1px solid gray").justify_content("center");
    let (one, other) = (Button::new().layout(&shared), Button::new().layout(&shared));
    assert_eq!(one.get_layout().id(), other.get_layout().id());
}

#[test]
fn the_registry_says_what_is_wrong() {
    let _host = registry();
    let refused = |model: &Model| model.open().unwrap_err().to_string();
    let bounds = refused(&IntSlider::new().min(5).max(3));
    assert!(bounds.contains("min is 5"), "{bounds}");
    let style = refused(&Button::new().button_style("dangr"));
    assert!(style.contains("dangr"), "{style}");
}
