//! The runtime on which tasks of cells run (`flowdeck::task`): one for all cells, from the first that needs it.
//!
//! It is here and not in the prelude, which cells need not share. Cells without `async` start no thread.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use flowdeck::abi::{AbiFuture, AbiWaker};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::threads;

static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// Tells the runtimes of processes that went on in each other's place apart.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// Runs a future to its end, whether anybody waits for it or not. Gives the runtime's number; 0 when there is none.
pub unsafe extern "C" fn spawn(future: AbiFuture) -> u64 {
    let task = Task(future);
    let Some(runtime) = handle() else { return 0 };
    // Whoever waits for it is told by the future itself.
    drop(runtime.spawn(task));
    generation()
}

/// Wakes somebody after a time.
pub unsafe extern "C" fn wake_after(nanoseconds: u64, waker: AbiWaker) {
    let waker = waker.into_waker();
    let Some(runtime) = handle() else { return waker.wake() };
    runtime.spawn(async move {
        tokio::time::sleep(Duration::from_nanos(nanoseconds)).await;
        waker.wake();
    });
}

/// The number of the runtime of now: tasks of another are gone.
pub extern "C" fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Whether none is running.
pub fn are_done() -> bool {
    runtime().as_ref().is_none_or(|runtime| runtime.metrics().num_alive_tasks() == 0)
}

/// In a copy of this process: the threads of the runtime are not in it, so its tasks are gone.
pub fn go_on() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    // To end it would wait for these threads.
    std::mem::forget(runtime().take());
}

/// Holds what other threads may hold at any moment, for a copy of this process in which they are not.
pub fn with_lock<T>(work: impl FnOnce() -> T) -> T {
    let _runtime = runtime();
    work()
}

fn handle() -> Option<Handle> {
    let mut runtime = runtime();
    if runtime.is_none() {
        *runtime = Builder::new_multi_thread().thread_name(threads::TASKS).enable_time().build().ok();
    }
    runtime.as_ref().map(|runtime| runtime.handle().clone())
}

fn runtime() -> MutexGuard<'static, Option<Runtime>> {
    RUNTIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A future of a cell.
struct Task(AbiFuture);

// Safety: the prelude makes them of futures that are `Send`.
unsafe impl Send for Task {}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Safety: the future is polled by one thread at a time, and not after its end.
        match unsafe { (self.0.poll)(self.0.data, AbiWaker::of(context.waker())) } {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // Safety: it is not polled any more.
        unsafe { (self.0.drop)(self.0.data) }
    }
}
