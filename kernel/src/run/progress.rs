//! How far a run is: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{sync::watch, task::JoinHandle};

use crate::{cli::say, form::live::words, kernel::Kernel};

/// Without a terminal a query that takes long is told about so often.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How often the bar is drawn while nothing is heard.
const TICK: Duration = Duration::from_millis(200);

/// Where progress is told.
#[derive(Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Whether nothing but failures is told.
    is_quiet: bool,
}

/// Follows the query of one cell; ends with this.
pub struct Following(Option<JoinHandle<()>>);

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Progress {
    /// A bar where stderr is a terminal.
    pub fn new(is_quiet: bool) -> Progress {
        let bar = (!is_quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {pos}/{len} {prefix} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(TICK);
            bar
        });
        Progress { bar, is_quiet }
    }

    /// A run of so many cells begins; `of` names its window, if it has one.
    pub fn begin(&self, cells: usize, of: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(cells as u64);
            bar.set_position(0);
            bar.set_prefix(of.to_owned());
        } else if !of.is_empty() {
            self.tell(of);
        }
    }

    /// A cell begins: tells how far its query is until what it gives is dropped.
    pub fn follow(&self, kernel: &Arc<Kernel>, label: &str) -> Following {
        if self.is_quiet {
            return Following(None);
        }
        let told = kernel.progress.subscribe();
        let (progress, label) = (self.clone(), label.to_owned());
        if let Some(bar) = &self.bar {
            bar.set_message(label.clone());
        }
        Following(Some(tokio::spawn(progress.listen(told, label))))
    }

    async fn listen(self, mut told: watch::Receiver<flow_engine::Progress>, label: String) {
        let mut last = Instant::now();
        while told.changed().await.is_ok() {
            let text = format!("{label}: {}", words::how_far(&told.borrow_and_update()));
            match &self.bar {
                Some(bar) => bar.set_message(text),
                None if last.elapsed() >= LINE_INTERVAL => {
                    last = Instant::now();
                    say(&text);
                }
                None => {}
            }
        }
    }

    /// A cell has ended.
    pub fn end_cell(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        self.tell(line);
    }

    /// A line about the run.
    pub fn tell(&self, line: &str) {
        if !self.is_quiet && !line.is_empty() {
            self.warn(line);
        }
    }

    /// A line that is told in any case.
    pub fn warn(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
