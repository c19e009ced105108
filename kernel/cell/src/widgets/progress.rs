//! Progress bars: `for item in progress(items)`.

use std::time::{Duration, Instant};

use super::{
    builders::{HBox, IntProgress, Label},
    state::{IntoState, State},
};
use crate::{output::write_stderr, pause};

/// The least time between two updates of a bar. The page cannot show more, and servers drop messages that come too fast.
const UPDATE_INTERVAL: Duration = Duration::from_millis(50);

/// Shows a progress bar while the items are iterated over: count, rate, and how far it is where the number is known.
///
/// An interrupt ends the iteration early, with a note on stderr: the cell goes on behind the loop and keeps its
/// variables.
///
/// ```no_run
/// let mut bytes = 0;
/// for file in flowdeck::progress(["a.log", "b.log"]) {
///     bytes += std::fs::read(file)?.len();
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When the kernel refuses the bar, with what it says.
#[track_caller]
pub fn progress<I: IntoIterator>(items: I) -> Progress<I::IntoIter> {
    let items = items.into_iter();
    let total = match items.size_hint() {
        (lower, Some(upper)) if lower == upper => Some(lower),
        _ => None,
    };
    Progress { items, bar: Bar::show(total, Instant::now()) }
}

/// An iterator with a progress bar; see [`progress`].
#[derive(Debug)]
pub struct Progress<I> {
    items: I,
    bar: Bar,
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if !self.bar.step(Instant::now()) {
            return None;
        }
        let item = self.items.next();
        if item.is_none() {
            self.bar.end(Ending::Complete, Instant::now());
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An interrupt may end it any time.
        (0, self.items.size_hint().1)
    }
}

/// How a loop ended.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Complete,
    Stopped,
}

/// What is shown.
#[derive(Debug)]
struct Bar {
    total: Option<usize>,
    /// Items that are dealt with; `None` before the first.
    done: Option<usize>,
    started: Instant,
    updated: Instant,
    has_ended: bool,
    bar: IntProgress,
    label: Label,
}

impl Bar {
    #[track_caller]
    fn show(total: Option<usize>, now: Instant) -> Bar {
        // Without a number of items the bar is full and only says that something goes on.
        let bar = IntProgress::new().max(total.map_or(1, |total| total.max(1) as i64));
        let bar = if total.is_none() { bar.set_value(1).bar_style("info") } else { bar };
        let label = Label::new();
        let shown = Bar { total, done: None, started: now, updated: now, has_ended: false, bar, label };
        shown.label.set_value(&shown.text(0, now));
        HBox::of((&shown.bar, &shown.label)).evcxr_display();
        shown
    }

    /// The item before, if there was one, is dealt with. `false` when the loop must end.
    fn step(&mut self, now: Instant) -> bool {
        if self.has_ended {
            return false;
        }
        self.done = Some(self.done.map_or(0, |done| done + 1));
        if now.duration_since(self.updated) < UPDATE_INTERVAL {
            return true;
        }
        self.updated = now;
        self.update(now, None);
        // Asked as seldom as it is shown: the answer takes a moment.
        if !pause::is_interrupted() {
            return true;
        }
        self.end(Ending::Stopped, now);
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        write_stderr(&format!("progress: interrupted after {}{total}\n", self.done.unwrap_or_default()));
        false
    }

    fn end(&mut self, ending: Ending, now: Instant) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.update(now, Some(ending));
        }
    }

    fn update(&self, now: Instant, ending: Option<Ending>) {
        let done = self.done.unwrap_or_default();
        let mut state = State::new();
        if self.total.is_some() {
            state.push(("value".to_owned(), (done as i64).into_state()));
        }
        match ending {
            Some(Ending::Complete) => state.push(("bar_style".to_owned(), "success".into_state())),
            Some(Ending::Stopped) => state.push(("bar_style".to_owned(), "danger".into_state())),
            None => {}
        }
        if !state.is_empty() {
            self.bar.put_all(state);
        }
        self.label.set_value(&self.text(done, now));
    }

    fn text(&self, done: usize, now: Instant) -> String {
        let seconds = now.duration_since(self.started).as_secs_f64();
        let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let count = match self.total {
            Some(total) => format!("{done}/{total}"),
            None => done.to_string(),
        };
        match self.total {
            Some(total) if rate > 0.0 && done < total => {
                let left = (total - done) as f64 / rate;
                format!("{count} · {}/s · {} left", rounded(rate), rounded_seconds(left))
            }
            _ if rate > 0.0 => format!("{count} · {}/s", rounded(rate)),
            _ => count,
        }
    }
}

impl Drop for Bar {
    /// The loop was left by `break`, `?`, or a panic.
    fn drop(&mut self) {
        self.end(Ending::Stopped, Instant::now());
    }
}

/// A rate with as many digits as say something.
fn rounded(rate: f64) -> String {
    match rate {
        100.0.. => format!("{rate:.0}"),
        1.0.. => format!("{rate:.1}"),
        _ => format!("{rate:.3}"),
    }
}

fn rounded_seconds(seconds: f64) -> String {
    match seconds.ceil() {
        whole @ 3600.0.. => format!("{:.1} h", whole / 3600.0),
        whole @ 120.0.. => format!("{:.0} min", whole / 60.0),
        whole => format!("{whole:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_host::FakeHost;

    /// Value and look of the bar, and the label's text, as last sent.
    fn shown(frames: &[Value]) -> (Option<u64>, Option<&str>, Option<&str>) {
        let states =
            || frames.iter().filter(|frame| frame["type"] == "widget_update").map(|frame| &frame["state"]).rev();
        let texts = |name: &'static str| states().find_map(move |state| state[name].as_str());
        (states().find_map(|state| state["value"].as_u64()), texts("bar_style"), texts("value"))
    }

    #[test]
    fn updates_are_as_rare_as_the_interval_and_the_last_is_right() {
        let host = FakeHost::new();
        let start = Instant::now();
        let mut bar = Bar::show(Some(1000), start);
        let opened = host.frames();
        assert_eq!(opened[0]["state"], json!({"max": 1000}));
        assert_eq!(opened.last().map(|frame| &frame["type"]), Some(&json!("widget_display")));
        // A thousand items of a millisecond each.
        (0..=1000).for_each(|millisecond| assert!(bar.step(start + Duration::from_millis(millisecond))));
        bar.end(Ending::Complete, start + Duration::from_millis(1000));
        let frames = host.frames();
        let asked = frames.iter().filter(|frame| frame["type"] == "sleep").count();
        assert_eq!(asked, 20);
        assert_eq!(frames.len(), 20 * 3 + 2, "bar, label and question each time, and the end");
        assert_eq!(shown(&frames), (Some(1000), Some("success"), Some("1000/1000 · 1000/s")));
        drop(bar);
        assert_eq!(host.frames().len(), 0, "it has ended already");
    }

    #[test]
    fn an_interrupt_ends_the_loop_with_a_note() {
        let host = FakeHost::answering(|question| match question["type"].as_str() {
            Some("sleep") => json!({"error": "interrupted", "interrupted": true}),
            _ => json!({}),
        });
        let start = Instant::now();
        let mut bar = Bar::show(Some(10), start);
        assert!(bar.step(start));
        assert!(!bar.step(start + UPDATE_INTERVAL));
        assert!(!bar.step(start + UPDATE_INTERVAL * 2), "it stays ended");
        let frames = host.frames();
        assert_eq!(shown(&frames), (Some(1), Some("danger"), Some("1/10 · 20.0/s · 1 s left")));
        let note = frames.iter().rfind(|frame| frame["type"] == "stream");
        assert_eq!(note.map(|note| &note["text"]), Some(&json!("progress: interrupted after 1 of 10\n")));
    }

    #[test]
    fn all_items_come_and_a_loop_left_early_is_shown_as_stopped() {
        let host = FakeHost::new();
        assert_eq!(progress(vec!["a", "b"]).collect::<Vec<_>>(), ["a", "b"]);
        let frames = host.frames();
        let (value, look, _) = shown(&frames);
        assert_eq!((value, look), (Some(2), Some("success")));
        assert_eq!(progress(0..5).find(|item| *item == 2), Some(2));
        let frames = host.frames();
        let (value, look, _) = shown(&frames);
        assert_eq!((value, look), (Some(2), Some("danger")));
    }

    #[test]
    fn without_a_known_number_the_bar_is_full_and_the_label_counts() {
        let host = FakeHost::new();
        assert_eq!(progress((0..9).filter(|item| item % 2 == 0)).count(), 5);
        let frames = host.frames();
        assert_eq!(frames[0]["state"], json!({"max": 1, "value": 1, "bar_style": "info"}));
        let (_, _, label) = shown(&frames);
        assert!(label.is_some_and(|text| text.starts_with("5 ")), "{label:?}");
    }

    #[test]
    fn the_label_tells_count_rate_and_what_is_left() {
        let _host = FakeHost::new();
        let start = Instant::now();
        let bar = Bar::show(Some(100), start);
        assert_eq!(bar.text(0, start), "0/100");
        assert_eq!(bar.text(25, start + Duration::from_secs(10)), "25/100 · 2.5/s · 30 s left");
        assert_eq!(bar.text(100, start + Duration::from_secs(1)), "100/100 · 100/s");
    }
}
