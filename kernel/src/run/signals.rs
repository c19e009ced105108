//! Signals that end a run: what runs is stopped, and OUT gets what there is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

use super::front_end::FrontEnd;
use crate::engine;

/// Until everything has stopped it is said again so often.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(200);

/// Stops what runs at the first signal to end; at the second the process ends.
pub(super) async fn heed(front_end: Arc<FrontEnd>, stopped_by: Arc<AtomicU8>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return tracing::warn!("signals will end this run at once");
    };
    let code = tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    };
    stopped_by.store(code, Ordering::Relaxed);
    loop {
        // Again and again: what was about to begin when it was said first did not hear it.
        front_end.interrupt();
        tokio::select! {
            () = tokio::time::sleep(INTERRUPT_INTERVAL) => {}
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    front_end.stop();
    engine::leave();
    std::process::exit(code.into());
}
