//! What happens before Rust cells can run, as the cell that waits for it sees it: the prelude is compiled, or is missing.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::prelude::Watcher;
use crate::outputs::Outputs;

/// Columns that a line fills, so that it covers a longer one before it.
const WIDTH: usize = 60;

/// What is to be shown, and whether somebody wants no more of it.
#[derive(Default)]
pub struct Preparation {
    unsaid: Mutex<Unsaid>,
    news: Notify,
    is_stopped: AtomicBool,
}

/// What no cell has shown yet. Of a compilation's progress the newest is enough.
#[derive(Default)]
struct Unsaid {
    begun: Option<String>,
    progress: Option<String>,
    warning: Option<String>,
}

impl Preparation {
    /// It begins, also for another time.
    pub fn begin(&self) {
        self.is_stopped.store(false, Ordering::Release);
    }

    /// Ends a compilation that runs.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Something that the first cell says on its standard error, once.
    pub fn warn(&self, text: String) {
        self.unsaid().warning = Some(text);
        self.news.notify_one();
    }

    /// Shows what there is to show, for as long as it is polled.
    pub async fn show(&self, outputs: &Outputs) -> std::convert::Infallible {
        loop {
            self.show_now(outputs).await;
            self.news.notified().await;
        }
    }

    /// Shows what there is now. What nobody would see waits for a cell that somebody does.
    pub async fn show_now(&self, outputs: &Outputs) {
        let unsaid = if outputs.are_seen() { self.take() } else { Vec::new() };
        for (stream, text) in unsaid {
            outputs.stream(stream, text).await;
        }
    }

    fn take(&self) -> Vec<(&'static str, String)> {
        let Unsaid { begun, progress, warning } = std::mem::take(&mut *self.unsaid());
        let progress = begun.into_iter().chain(progress).map(|text| ("stdout", text));
        progress.chain(warning.map(|text| ("stderr", text))).collect()
    }

    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.unsaid.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Watcher for Preparation {
    fn begins(&self, why: &str) {
        tracing::info!("compiling the Rust prelude: {why}");
        self.unsaid().begun =
            Some(format!("compiling Flowdeck's library for Rust cells, once, which takes a minute or two: {why}\n"));
        self.news.notify_one();
    }

    fn compiled(&self, name: &str, crates: usize, elapsed: Duration) {
        let text = format!("compiled {name} (crate {crates}, {} s)", elapsed.as_secs());
        self.unsaid().progress = Some(format!("\r{text:WIDTH$}"));
        self.news.notify_one();
    }

    fn done(&self, crates: usize, elapsed: Duration) {
        tracing::info!(crates, seconds = elapsed.as_secs(), "the Rust prelude is compiled");
        let text = format!("compiled Flowdeck's library, {crates} crates in {} s", elapsed.as_secs());
        self.unsaid().progress = Some(format!("\r{text:WIDTH$}\n"));
        self.news.notify_one();
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_comes_late_shows_what_is_so_by_then_and_once() {
        let preparation = Preparation::default();
        preparation.begins("none yet");
        (1..5).for_each(|crates| preparation.compiled("arrow", crates, Duration::from_secs(3)));
        preparation.warn("careful\n".to_owned());
        let told = preparation.take();
        assert_eq!(told.iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), ["stdout", "stdout", "stderr"]);
        assert!(told[0].1.contains("none yet") && told[1].1.starts_with("\rcompiled arrow (crate 4, 3 s)"));
        assert!(preparation.take().is_empty());
    }

    #[test]
    fn an_interrupt_stops_one_compilation() {
        let preparation = Preparation::default();
        preparation.stop();
        assert!(preparation.is_stopped());
        preparation.begin();
        assert!(!preparation.is_stopped());
    }
}
