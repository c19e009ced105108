//! The Output widget: an area on the page for what code puts out.
//!
//! Captured in the kernel: text and displays of a thread go to the innermost Output that captures it, wherever the cell
//! or callback runs. What code writes past this prelude, with std's `print!` or from a C library, is not captured.

use super::builders::Output;
use crate::{
    display::{Displayable, display},
    host, output,
};

impl Output {
    /// Runs a closure; what it puts out on this thread appears in this area, also when it panics.
    ///
    /// # Panics
    /// When the kernel refuses the widget, or the closure panics.
    #[track_caller]
    pub fn capture<R>(&self, run: impl FnOnce() -> R) -> R {
        super::model::told(self.open());
        let _capture = host::capture(self.id());
        run()
    }

    /// Adds text as standard output.
    pub fn append_stdout(&self, text: &str) {
        self.capture(|| output::write_stdout(text));
    }

    /// Adds text as standard error.
    pub fn append_stderr(&self, text: &str) {
        self.capture(|| output::write_stderr(text));
    }

    /// Adds a value, or a widget, as [`flowdeck::display`](crate::display) would show it; gives its display identifier.
    pub fn append_display(&self, value: impl Displayable) -> String {
        self.capture(|| display(value))
    }

    /// Removes what is in the area: now, or with `wait` when the next output comes.
    pub fn clear(&self, wait: bool) {
        self.capture(|| output::clear_output(wait));
    }
}
