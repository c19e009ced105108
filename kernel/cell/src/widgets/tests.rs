//! What widgets say to the kernel and make of its answers, with a fake host in between.

#![allow(clippy::unwrap_used)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
};

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::{Value, json};

use super::*;
use crate::fake_host::FakeHost;

/// Answers `widget_get` with the same value for every attribute.
fn answering(value: Value) -> FakeHost {
    FakeHost::answering(move |question| match question["type"].as_str() {
        Some("widget_get") => json!({"state": {question["names"][0].as_str().unwrap(): value.clone()}}),
        _ => json!({}),
    })
}

/// The text of the panic in which a closure ends.
#[track_caller]
fn panic_of<T>(run: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("there was no panic"),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn change(name: &str, new: Value) -> Value {
    json!({"type": "widget_event", "event": {"kind": "change", "name": name, "old": null, "new": new}})
}

fn heard<T>(heard: &Receiver<T>) -> Vec<T> {
    heard.try_iter().collect()
}

#[test]
fn a_chain_of_setters_is_one_message_and_later_ones_are_updates() {
    let host = FakeHost::new();
    let slider = IntSlider::new().min(0).max(10).description("n").set_value(3).max(12);
    assert_eq!(host.frames(), Vec::<Value>::new(), "nothing is sent before the widget is used");
    slider.open().unwrap();
    let opened = json!({
        "type": "widget_open", "widget": slider.id(), "model": "IntSliderModel",
        "state": {"min": 0, "description": "n", "value": 3, "max": 12}, "buffer_paths": [], "buffer_lengths": [],
    });
    assert_eq!(host.frames(), [opened]);
    slider.step(2);
    slider.set("readout", false);
    let update = |state: Value| {
        json!({
            "type": "widget_update", "widget": slider.id(), "state": state, "buffer_paths": [], "buffer_lengths": [],
        })
    };
    assert_eq!(host.frames(), [update(json!({"step": 2})), update(json!({"readout": false}))]);
}

#[test]
fn every_kind_of_attribute_is_written_as_ipywidgets_does() {
    let host = FakeHost::new();
    let state = |widget: &Model| {
        widget.open().unwrap();
        host.frames().last().unwrap()["state"].clone()
    };
    let date = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap();
    assert_eq!(
        state(&DatePicker::new().set_value(date).min(None).step(7)),
        json!({"value": {"year": 2026, "month": 1, "date": 1}, "min": null, "step": 7})
    );
    assert_eq!(state(&DatePicker::new().step(None)), json!({"step": "any"}));
    assert_eq!(state(&TimePicker::new().step(0.5)), json!({"step": 0.5}));
    assert_eq!(
        state(&FloatRangeSlider::new().set_value((0.5, 2.0)).step(0.1)),
        json!({"value": [0.5, 2.0], "step": 0.1})
    );
    assert_eq!(
        state(&TagsInput::new().set_value(["a", "b"]).allowed_tags(["a", "b"])),
        json!({
            "value": ["a", "b"], "allowed_tags": ["a", "b"],
        })
    );
    assert_eq!(state(&IntsInput::new().set_value([1, 2]).max(9)), json!({"value": [1, 2], "max": 9}));
    assert_eq!(state(&ColorPicker::new().set_value("#ff0000")), json!({"value": "#ff0000"}));
    assert_eq!(state(&Video::new().repeat(false)), json!({"loop": false}));
    assert_eq!(
        state(&Text::new().dom_classes(["wide"]).tabbable(true)),
        json!({"_dom_classes": ["wide"], "tabbable": true})
    );
    assert_eq!(state(&Tab::new().titles(["A"]).set_selected_index(0)), json!({"titles": ["A"], "selected_index": 0}));
    let sides =
        ["border_top", "border_right", "border_bottom", "border_left"].map(|side| (side.to_owned(), json!("1px")));
    assert_eq!(state(&Layout::new().border("1px")), Value::Object(sides.into_iter().collect()));
}

#[test]
fn pictures_travel_beside_the_json() {
    let host = FakeHost::new();
    let picture = Image::of(*b"\xff\xd8\xff\xe0").width("10");
    picture.open().unwrap();
    let [(opened, payload)] = <[_; 1]>::try_from(host.frames_with_payload()).unwrap();
    assert_eq!(payload, b"\xff\xd8\xff\xe0");
    assert_eq!(opened["state"], json!({"format": "jpeg", "width": "10"}));
    assert_eq!((&opened["buffer_paths"], &opened["buffer_lengths"]), (&json!([["value"]]), &json!([4])));
}

#[test]
fn what_is_referred_to_is_known_first() {
    let host = FakeHost::new();
    let slider = FloatSlider::new().layout(Layout::new().width("50%")).style(SliderStyle::new().handle_color("red"));
    let view = HBox::of((&slider, Label::of("beside")));
    crate::display(&view);
    let frames = host.frames();
    let kinds: Vec<&str> =
        frames.iter().map(|frame| frame["model"].as_str().or(frame["type"].as_str()).unwrap()).collect();
    let expected = ["LayoutModel", "SliderStyleModel", "FloatSliderModel", "LabelModel", "HBoxModel", "widget_display"];
    assert_eq!(kinds, expected);
    let reference = |frame: &Value| json!(format!("IPY_MODEL_{}", frame["widget"].as_str().unwrap()));
    assert_eq!(frames[2]["state"]["layout"], reference(&frames[0]));
    assert_eq!(frames[4]["state"]["children"], json!([reference(&frames[2]), reference(&frames[3])]));
    assert_eq!(frames[5]["widget"], view.id());
}

#[test]
fn a_refused_widget_says_why_where_it_is_used() {
    let _host = FakeHost::answering(|_| json!({"error": "`min` is above `max`", "hint": "raise `max`"}));
    let slider = IntSlider::new().min(5).max(3);
    assert_eq!(slider.open().unwrap_err().hint(), Some("raise `max`"));
    let expected = "`min` is above `max`\nhint: raise `max`";
    assert_eq!(panic_of(|| slider.value()), expected);
    assert_eq!(panic_of(|| slider.evcxr_display()), expected);
    assert_eq!(panic_of(|| HBox::of((&slider,))), expected);
    assert_eq!(panic_of(|| slider.on_change(drop)), expected);
}

#[test]
fn values_come_typed() {
    let _host = answering(json!(7));
    assert_eq!(IntSlider::new().value(), 7);
    assert_eq!(FloatText::new().value(), 7.0);
    assert_eq!(Play::new().get("interval").unwrap(), json!(7));
    let wrong = panic_of(|| Checkbox::new().value());
    assert!(wrong.contains("`value` is 7") && wrong.contains("bool"), "{wrong}");
    let _host = answering(Value::Null);
    assert_eq!(DatePicker::new().value(), None);
    assert_eq!(DatetimePicker::new().value(), None);
    assert_eq!(Tab::new().selected_index(), None);
    let _host = answering(json!({
        "year": 2026, "month": 0, "date": 2, "hours": 3, "minutes": 4, "seconds": 5, "milliseconds": 0,
    }));
    let aware = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    assert_eq!(DatetimePicker::new().value(), Some(aware));
    assert_eq!(NaiveDatetimePicker::new().value(), Some(aware.naive_utc()));
    let _host = answering(json!("IPY_MODEL_0123"));
    assert_eq!(IntSlider::new().get_layout().id(), "0123");
}

#[test]
fn options_stand_for_values() {
    let host = answering(json!(1));
    let dropdown = Dropdown::new([("ten", 10u64), ("hundred", 100)]).description("limit");
    assert_eq!((dropdown.value(), dropdown.index()), (Some(100), Some(1)));
    assert_eq!(
        host.frames()[0]["state"],
        json!({
            "_options_labels": ["ten", "hundred"], "index": 0, "description": "limit",
        })
    );
    dropdown.set_value(&100);
    assert_eq!(host.frames()[0]["state"], json!({"index": 1}));
    dropdown.clone().set_options([("one", 1)]);
    assert_eq!(host.frames()[0]["state"], json!({"_options_labels": ["one"], "index": 0}));
    assert_eq!((dropdown.value(), dropdown.labels()), (None, vec!["one".to_owned()]), "all handles have the new ones");
    let missing = panic_of(|| dropdown.set_value(&100));
    assert!(missing.contains("hint: the options are one"), "{missing}");

    let texts = RadioButtons::new(["a", "b"]);
    assert_eq!(texts.value().as_deref(), Some("b"));
    texts.set_value("a").set_index(None);
    let _host = answering(Value::Null);
    assert_eq!(texts.value(), None);
}

#[test]
fn several_options_are_chosen_at_once() {
    let host = answering(json!([0, 2]));
    let many = SelectMultiple::new([80u16, 443, 8080]).rows(3);
    assert_eq!((many.value(), many.index()), (vec![80, 8080], vec![0, 2]));
    assert_eq!(host.frames()[0]["state"]["index"], json!([]));
    many.set_value(&[443]);
    assert_eq!(host.frames()[0]["state"], json!({"index": [1]}));
    let range = SelectionRangeSlider::new(["mon", "tue", "wed"]);
    assert_eq!(range.value(), Some(("mon".to_owned(), "wed".to_owned())));
    range.set_value("tue", "wed");
    assert_eq!(host.frames().last().unwrap()["state"], json!({"index": [1, 2]}));
}

#[test]
fn uploaded_files_come_with_their_bytes() {
    let _host = FakeHost::answering_with(|question, _| match question["type"].as_str() {
        Some("widget_get") => (
            json!({
                "state": {"value": [
                    {"name": "a.log", "type": "text/plain", "size": 2, "last_modified": 1_600_000_000_000i64},
                    {"name": "b", "type": "", "size": 1, "last_modified": 0},
                ]},
                "buffer_paths": [["value", 0, "content"], ["value", 1, "content"]], "buffer_lengths": [2, 1],
            }),
            b"hib".to_vec(),
        ),
        _ => (json!({}), Vec::new()),
    });
    let files = FileUpload::new().multiple(true).value();
    let first = UploadedFile {
        name: "a.log".to_owned(),
        mime: "text/plain".to_owned(),
        size: 2,
        last_modified: Utc.timestamp_opt(1_600_000_000, 0).single(),
        bytes: b"hi".to_vec(),
    };
    assert_eq!((files.len(), &files[0], files[1].bytes.as_slice()), (2, &first, b"b".as_slice()));
}

#[test]
fn closures_get_typed_values_and_survive_a_panic() {
    let host = FakeHost::new();
    let (say, said) = channel();
    let slider = IntSlider::new();
    let callback = slider.on_change(move |value| {
        assert_ne!(value, 13, "an unlucky number");
        say.send(value).unwrap();
    });
    let listen = host.frames().pop().unwrap();
    let expected = json!({
        "type": "widget_listen", "widget": slider.id(), "on": "change", "names": ["value"], "concurrent": false,
    });
    assert_eq!(listen, expected);
    assert!(!host.fire(1, &change("value", json!(1)), &[]));
    assert!(host.fire(1, &change("value", json!(13)), &[]), "the panic is told");
    assert!(!host.fire(1, &change("value", json!(2)), &[]));
    assert_eq!(heard(&said), [1, 2]);
    callback.unobserve();
    assert_eq!(host.callbacks(), Vec::<u64>::new());
    assert!(said.recv().is_err(), "the closure is dropped");
}

#[test]
fn clicks_submissions_and_messages_reach_their_closures() {
    let host = FakeHost::new();
    let (say, said) = channel();
    let note = |text: &'static str| {
        let say = say.clone();
        move |id: &str| say.send(format!("{text} {id}")).unwrap()
    };
    let button = Button::new();
    let (clicked, submitted, told) = (note("clicked"), note("submitted"), note("told"));
    button.concurrent().on_click(move |button| clicked(button.id()));
    assert_eq!(host.frames().pop().unwrap()["concurrent"], json!(true));
    let text = Text::new();
    text.on_submit(move |text| submitted(text.id()));
    text.on_message(move |message| {
        assert_eq!(message.buffers, [b"ab".to_vec(), b"c".to_vec()]);
        told(&message.content.to_string());
    });
    let event = |event: Value| json!({"event": event, "buffer_lengths": [2, 1]});
    host.fire(1, &event(json!({"kind": "click"})), &[]);
    host.fire(2, &event(json!({"kind": "submit"})), &[]);
    host.fire(3, &event(json!({"kind": "message", "content": [1]})), b"abc");
    host.fire(2, &event(json!({"kind": "click"})), &[]);
    let expected = [format!("clicked {}", button.id()), format!("submitted {}", text.id()), "told [1]".to_owned()];
    assert_eq!(heard(&said), expected);
}

#[test]
fn changes_carry_old_new_and_bytes() {
    let host = FakeHost::new();
    let seen = Arc::new(Mutex::new(None));
    let sink = seen.clone();
    Image::new().observe("value", move |change| *sink.lock().unwrap() = change.bytes().map(<[u8]>::to_vec));
    let event = json!({
        "event": {"kind": "change", "name": "value", "old": null, "new": null, "buffer_paths": [["value"]]},
        "buffer_lengths": [2],
    });
    host.fire(1, &event, b"hi");
    assert_eq!(seen.lock().unwrap().take(), Some(b"hi".to_vec()));
}

#[test]
fn captures_nest_and_end_with_a_panic() {
    let host = FakeHost::new();
    let (outer, inner) = (Output::new(), Output::new());
    let ended = panic_of(|| {
        outer.capture(|| {
            crate::write_stdout("a");
            let given_back = inner.capture(|| {
                crate::write_stdout("b");
                5
            });
            crate::write_stdout("c");
            panic!("{given_back} is enough");
        })
    });
    crate::write_stdout("d");
    inner.append_stderr("e");
    inner.clear(true);
    assert_eq!(ended, "5 is enough");
    let told: Vec<(Value, Value)> = host
        .frames()
        .into_iter()
        .filter(|frame| frame["type"] == "stream" || frame["type"] == "clear_output")
        .map(|frame| (frame["text"].clone(), frame["output"].clone()))
        .collect();
    let [outer, inner] = [json!(outer.id()), json!(inner.id())];
    let expected = [
        (json!("a"), outer.clone()),
        (json!("b"), inner.clone()),
        (json!("c"), outer),
        (json!("d"), Value::Null),
        (json!("e"), inner.clone()),
        (Value::Null, inner),
    ];
    assert_eq!(told, expected);
}

#[test]
fn interact_runs_now_and_at_each_change_also_after_a_panic() {
    let host = answering(json!(1));
    let (say, said) = channel();
    let mut runs = 0;
    let interaction = interact((IntSlider::new(), Dropdown::new(["a", "b"])), move |(number, text)| {
        runs += 1;
        crate::write_stdout("run");
        assert_ne!(runs, 2, "the second run fails");
        say.send((number, text)).unwrap();
    });
    let text = host.frames().into_iter().rfind(|frame| frame["type"] == "stream").unwrap();
    assert_eq!(text["output"], interaction.output.id());
    assert_eq!(host.callbacks(), [1, 2]);
    assert!(host.fire(1, &change("value", json!(1)), &[]));
    assert!(!host.fire(2, &change("index", json!(1)), &[]));
    let expected = (1, Some("b".to_owned()));
    assert_eq!(heard(&said), [expected.clone(), expected]);
    let cleared = host.frames().iter().filter(|frame| frame["type"] == "clear_output").count();
    assert_eq!(cleared, 2, "each run replaces what the one before put out");
    interaction.stop();
    assert_eq!(host.callbacks(), Vec::<u64>::new());
}

#[test]
fn one_widget_needs_no_tuple() {
    let _host = answering(json!(true));
    let (say, said) = channel();
    interact(&*Box::leak(Box::new(Checkbox::new())), move |ticked| say.send(ticked).unwrap());
    assert_eq!(heard(&said), [true]);
}

#[test]
fn links_name_their_ends() {
    let host = FakeHost::new();
    let (slider, text) = (IntSlider::new(), IntText::new());
    let linked = link(&slider, "value", &text, "value");
    let ends = json!({
        "type": "widget_link", "source": [slider.id(), "value"], "target": [text.id(), "value"], "directional": false,
    });
    assert_eq!(host.frames().pop().unwrap(), ends);
    linked.unlink();
    let unlinked = host.frames().pop().unwrap();
    assert_eq!((&unlinked["type"], &unlinked["source"]), (&json!("widget_unlink"), &ends["source"]));
    jsdlink(&slider, "value", &text, "value");
    let opened = host.frames().pop().unwrap();
    let end = |model: &Model| json!([format!("IPY_MODEL_{}", model.id()), "value"]);
    assert_eq!(opened["model"], "DirectionalLinkModel");
    assert_eq!(opened["state"], json!({"source": end(&slider), "target": end(&text)}));
}

#[test]
fn a_closed_widget_is_removed_once_and_an_unknown_one_silently() {
    let host = FakeHost::new();
    let button = Button::new();
    button.close();
    assert_eq!(host.frames(), Vec::<Value>::new());
    let button = Button::new();
    button.open().unwrap();
    button.close();
    assert_eq!(host.frames().pop().unwrap(), json!({"type": "widget_close", "widget": button.id()}));
}

#[test]
fn an_attribute_that_is_not_there_is_told_at_once() {
    let _host = FakeHost::answering(|question| match question["type"].as_str() {
        Some("widget_get") => json!({"error": "IntSlider has no attribute `valeu`", "hint": "`value` is near"}),
        _ => json!({}),
    });
    let slider = IntSlider::new();
    let expected = "IntSlider has no attribute `valeu`\nhint: `value` is near";
    assert_eq!(panic_of(|| slider.observe("valeu", drop)), expected);
    assert_eq!(panic_of(|| link(&slider, "valeu", &slider, "value")), expected);
    assert_eq!(panic_of(|| jslink(&slider, "valeu", &slider, "value")), expected);
}

#[test]
fn handles_can_be_sent_and_kept() {
    fn check<T: Clone + Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
    check(&IntSlider::new());
    check(&Dropdown::new(["a"]));
    check(&Output::new());
    check(&Model::new("ButtonModel"));
}

#[test]
fn identifiers_are_those_of_comms() {
    let (one, other) = (model::identifier(), model::identifier());
    assert!(one.len() == 32 && one.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f')), "{one}");
    assert_ne!(one, other);
}

#[test]
fn the_glob_import_leaves_names_of_std_alone() {
    // `use super::*` above is what notebooks write.
    let boxed: Box<dyn Fn() -> Option<Vec<String>> + Send> = Box::new(|| Some(Vec::new()));
    assert_eq!(boxed(), Some(Vec::new()));
}
