//! Busy and idle, as the front end shows them beside the kernel's name.
//!
//! Requests are answered also while a cell runs, and each answer ends with its idle. Jupyter Server and JupyterLab take
//! the latest status for the kernel's: after a moved slider or a reload of the page they would show a kernel at rest, and
//! the server could end it as unused. So a cell that still runs has busy said again behind such an idle.

use std::sync::Arc;

use kernel_protocol::{socket::iopub::Iopub, wire::header::Header};
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

use crate::pace::Pace;

/// What the kernel says of itself.
pub struct Status {
    iopub: Iopub,
    pace: Arc<Pace>,
    /// Held while a status goes out: the busy that is said again must not follow the idle of the cell it stands for.
    cell_runs: Mutex<bool>,
}

impl Status {
    /// A kernel at rest.
    pub fn new(iopub: Iopub, pace: Arc<Pace>) -> Status {
        Status { iopub, pace, cell_runs: Mutex::new(false) }
    }

    /// Work for the request with this header begins.
    pub async fn busy(&self, request: &Header) {
        self.say(request, "busy").await;
    }

    /// All that the request with this header caused is out.
    pub async fn idle(&self, request: &Header) {
        let cell_runs = self.cell_runs.lock().await;
        self.rest(request).await;
        if *cell_runs {
            // Without a parent: the cell has had its own busy, and front ends note the time of it.
            self.say(&Header::default(), "busy").await;
        }
    }

    /// As [`Status::busy`], for the request whose cell runs from now on.
    pub async fn cell_busy(&self, request: &Header) {
        let _none_between = self.set(true).await;
        self.say(request, "busy").await;
    }

    /// As [`Status::idle`], for the request whose cell has ended.
    pub async fn cell_idle(&self, request: &Header) {
        let _none_between = self.set(false).await;
        self.rest(request).await;
    }

    async fn set(&self, runs: bool) -> MutexGuard<'_, bool> {
        let mut cell_runs = self.cell_runs.lock().await;
        *cell_runs = runs;
        cell_runs
    }

    async fn rest(&self, request: &Header) {
        self.say(request, "idle").await;
        self.pace.start_anew();
    }

    async fn say(&self, request: &Header, state: &str) {
        self.iopub.publish(request, "status", json!({"execution_state": state})).await;
    }
}
