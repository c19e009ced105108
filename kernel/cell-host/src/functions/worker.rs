//! The process in which the functions of one query run: a copy of this one, made for it.
//!
//! The copy shares all memory until one side writes to it, so closures find what they captured. It connects to the kernel
//! as a process of its own, calls functions on as many threads as it is told, and ends with the query. What it changes is
//! seen by nobody else.

use std::{
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, Ordering},
};

use flowdeck::bridge::{self, Frame};
use serde_json::json;

use super::calls;
use crate::{connection, host_api, snapshot, tasks};

/// Connections for calls at most: more threads than a machine for notebooks has.
const CALLS_MAX: u64 = 256;

/// Whether this process is such a copy.
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Whether this process is a copy in which functions run.
pub fn is_one() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// Makes the copy that the kernel asks for. In it this never returns.
pub fn start(order: &Frame) {
    let worker = order.number("worker");
    match host_api::with_all_locks(fork) {
        Ok(None) => serve(worker, order.number("calls").clamp(1, CALLS_MAX)),
        Ok(Some(process)) => {
            let wait = move || tell_end(worker, process);
            let started = std::thread::Builder::new().name("function worker".to_owned()).spawn(wait);
            if started.is_err() {
                // Nobody will say how it ended, and it is collected when this process ends.
                connection::send(&Frame::new(json!({"type": bridge::WORKER_ENDED, "worker": worker, "alive": true})));
            }
        }
        Err(error) => connection::send(&Frame::new(
            json!({"type": bridge::WORKER_ENDED, "worker": worker, "error": error.to_string()}),
        )),
    }
}

/// The copy's process; nothing in the copy itself.
fn fork() -> std::io::Result<Option<libc::pid_t>> {
    // Safety: the caller holds the locks that the copy needs.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => Ok(None),
        process => Ok(Some(process)),
    }
}

/// Waits for the end of a copy and tells the kernel how it came.
fn tell_end(worker: u64, process: libc::pid_t) {
    let mut status = 0;
    // Safety: the process is our child, and nobody else waits for it.
    while unsafe { libc::waitpid(process, &raw mut status, 0) } == -1 {
        if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            break;
        }
    }
    let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
    connection::send(&Frame::new(json!({
        "type": bridge::WORKER_ENDED, "worker": worker, "signal": signal, "exited": libc::WIFEXITED(status),
    })));
}

/// The copy's life.
fn serve(worker: u64, calls: u64) -> ! {
    IS_WORKER.store(true, Ordering::Relaxed);
    connection::die_with_parent();
    snapshot::leave_to_others();
    tasks::go_on();
    let Ok(kernel) = connection::open_for_functions(worker) else { connection::leave() };
    for _ in 0..calls {
        // With fewer threads queries are slower.
        let _ = std::thread::Builder::new().name("functions".to_owned()).spawn(move || calls::serve(worker));
    }
    wait_for_end(kernel);
    connection::leave()
}

/// The kernel closes this connection when the query is over.
fn wait_for_end(mut kernel: UnixStream) {
    while let Ok(Some(frame)) = Frame::read(&mut kernel) {
        connection::deliver(frame);
    }
}
