//! How messages travel: one module per kind of channel.
//!
//! `router` is shell, control and stdin; `iopub` and `heartbeat` are what they say. Below them: `subscribers` (who listens
//! on iopub), `outbox` (what waits for one connection), `listener` (TCP and Unix sockets), `zmtp` (ZeroMQ's bytes). Why
//! they are ours and not a library's: docs/decisions/0004 and 0009.

pub mod heartbeat;
pub mod iopub;
mod listener;
mod outbox;
pub mod router;
mod subscribers;
mod zmtp;

use crate::connection_file::{ConnectionInfo, Transport};

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {url} for the {channel} channel: {reason}")]
pub struct BindFailed {
    /// Jupyter's name of the channel.
    pub channel: &'static str,
    /// Where we tried.
    pub url: String,
    /// What the transport said.
    pub reason: String,
}

/// The five addresses of a kernel.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// shell channel.
    pub shell: String,
    /// iopub channel.
    pub iopub: String,
    /// stdin channel.
    pub stdin: String,
    /// control channel.
    pub control: String,
    /// heartbeat channel.
    pub heartbeat: String,
}

impl Addresses {
    /// The addresses of a connection file.
    pub fn of(info: &ConnectionInfo) -> Addresses {
        Addresses {
            shell: info.shell_url(),
            iopub: info.iopub_url(),
            stdin: info.stdin_url(),
            control: info.control_url(),
            heartbeat: info.hb_url(),
        }
    }

    /// Removes socket files that a killed predecessor left behind: binding over them fails.
    pub fn remove_stale_files(&self, info: &ConnectionInfo) {
        if info.transport != Transport::IPC {
            return;
        }
        for url in [&self.shell, &self.iopub, &self.stdin, &self.control, &self.heartbeat] {
            if let Some(path) = url.strip_prefix("ipc://") {
                // Absent is the usual case; anything else shows up as a failed bind with the path in it.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}
