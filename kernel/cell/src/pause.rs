//! Waiting in a way that interrupt ends, and stopping what waits.

use std::time::Duration;

use serde_json::json;

use crate::{bridge, host, host::Error};

/// Waits. Unlike std's `sleep` it ends at an interrupt, so the cell can end by itself and keep its variables.
///
/// # Errors
/// [`Error::is_interrupted`] when the user pressed interrupt, or a callback called [`cancel`].
pub fn sleep(duration: Duration) -> Result<(), Error> {
    host::request(&json!({"type": bridge::SLEEP, "seconds": duration.as_secs_f64()})).map(drop)
}

/// Stops running queries and waiting calls of this prelude, in the cell and in callbacks: they end as interrupted.
///
/// What a `concurrent` callback of a Stop button calls.
pub fn cancel() {
    host::send(&json!({"type": bridge::CANCEL}));
}

/// Whether the user wants what runs here to end.
pub(crate) fn is_interrupted() -> bool {
    sleep(Duration::ZERO).is_err_and(|error| error.is_interrupted())
}
