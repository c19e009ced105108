//! What a thread is doing, so that the frames it sends say so: which callback it runs, which Output captures.
//!
//! Held here and not in the prelude: a callback of one cell calls code of another, and each may have its own prelude.

use std::cell::RefCell;

use flowdeck::bridge::{self, Frame};
use serde_json::{Map, Value};

/// Panics remembered until a callback ends: it may catch many.
const PANICS_MAX: usize = 64;

thread_local! {
    static HERE: RefCell<Here> = RefCell::default();
}

#[derive(Default)]
struct Here {
    callback: Option<u64>,
    /// Whether a function of SQL runs here.
    is_function: bool,
    /// Whether that has printed.
    is_printed: bool,
    panics: Vec<Frame>,
    /// Output widgets, the innermost last.
    captures: Vec<String>,
}

/// From now on this thread runs a callback.
pub fn enter(callback: u64) {
    HERE.with_borrow_mut(|here| *here = Here { callback: Some(callback), ..Here::default() });
}

/// From now on this thread runs a function of SQL.
pub fn enter_function() {
    HERE.with_borrow_mut(|here| *here = Here { is_function: true, ..Here::default() });
}

/// Notes that this thread prints.
pub fn note_print() {
    with(|here| here.is_printed = true);
}

/// Whether this thread has printed since its function began.
pub fn has_printed() -> bool {
    let mut has_printed = false;
    with(|here| has_printed = here.is_printed);
    has_printed
}

/// The callback or function of this thread has ended: the panics that it met, the last one last.
pub fn leave() -> Vec<Frame> {
    // Captures that were not ended end with it.
    HERE.take().panics
}

/// From now on output of this thread belongs to an Output widget.
pub fn begin_capture(widget: String) {
    with(|here| here.captures.push(widget));
}

/// Ends the innermost capture of this thread.
pub fn end_capture() {
    with(|here| drop(here.captures.pop()));
}

/// Writes into a frame where it comes from. A frame about another callback keeps that one's number.
pub fn mark(frame: &mut Map<String, Value>) {
    with(|here| {
        if let Some(callback) = here.callback {
            frame.entry(bridge::CALLBACK).or_insert_with(|| Value::from(callback));
        }
        if let Some(widget) = here.captures.last() {
            frame.entry(bridge::OUTPUT).or_insert_with(|| Value::from(widget.as_str()));
        }
    });
}

/// Keeps a panic for the end of this thread's callback or function; gives it back when none runs here.
pub fn keep_panic(panic: Frame) -> Option<Frame> {
    let mut of_a_cell = Some(panic);
    with(|here| {
        if here.callback.is_none() && !here.is_function {
            return;
        }
        if here.panics.len() == PANICS_MAX {
            here.panics.remove(0);
        }
        here.panics.extend(of_a_cell.take());
    });
    of_a_cell
}

fn with(change: impl FnOnce(&mut Here)) {
    // A thread that is ending may have lost its context already; then nothing of it is known.
    let _ = HERE.try_with(|here| change(&mut here.borrow_mut()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marked(frame: Value) -> Value {
        let mut frame = Frame::new(frame);
        mark(&mut frame.json);
        Value::Object(frame.json)
    }

    #[test]
    fn frames_name_the_callback_and_the_innermost_capture() {
        assert_eq!(marked(json!({})), json!({}));
        enter(7);
        begin_capture("outer".into());
        begin_capture("inner".into());
        assert_eq!(marked(json!({})), json!({"callback": 7, "output": "inner"}));
        end_capture();
        assert_eq!(marked(json!({"callback": 8})), json!({"callback": 8, "output": "outer"}));
        leave();
        assert_eq!(marked(json!({})), json!({}), "captures end with the callback");
    }

    #[test]
    fn another_thread_is_not_captured() {
        begin_capture("mine".into());
        let other = std::thread::spawn(|| marked(json!({}))).join().expect("the thread ends");
        assert_eq!(other, json!({}));
        end_capture();
        end_capture();
        assert_eq!(marked(json!({})), json!({}), "one end too many changes nothing");
    }

    #[test]
    fn panics_are_kept_for_a_callback_only_and_not_without_end() {
        let panic = |number: usize| Frame::new(json!({"message": number.to_string()}));
        assert_eq!(keep_panic(panic(0)), Some(panic(0)));
        enter(1);
        (0..=PANICS_MAX).for_each(|number| assert_eq!(keep_panic(panic(number)), None));
        let kept = leave();
        assert_eq!((kept.len(), kept.last()), (PANICS_MAX, Some(&panic(PANICS_MAX))));
    }
}
