//! The threads on which queries compute, apart from the caller's own.
//!
//! A query may keep a thread busy for tens of milliseconds between two yields. On the kernel's threads that would
//! delay heartbeats and interrupts, so queries run on a runtime of their own. It starts with the first query: creating
//! an engine starts no thread. Not in here: what a query is.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use datafusion::common::{Result as DataFusionResult, internal_datafusion_err};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::task::{JoinError, JoinHandle};

/// Stack of a query thread. Deeply nested expressions recurse; the default of 2 MiB is tight in debug builds.
const QUERY_STACK_BYTES: usize = 8 * 1024 * 1024;

/// A runtime that starts with its first task and may be dropped anywhere.
#[derive(Debug)]
pub(crate) struct Executor {
    thread_count: usize,
    runtime: OnceLock<Runtime>,
}

impl Executor {
    pub(crate) fn new(thread_count: usize) -> Executor {
        Executor { thread_count: thread_count.max(1), runtime: OnceLock::new() }
    }

    pub(crate) fn thread_count(&self) -> usize {
        self.thread_count
    }

    /// Runs `future` on the query threads. Dropping the returned task stops the future at its next yield.
    pub(crate) fn spawn<F>(&self, future: F) -> std::io::Result<Task<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Ok(Task(self.runtime()?.spawn(future)))
    }

    fn runtime(&self) -> std::io::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let started = Builder::new_multi_thread()
            .worker_threads(self.thread_count)
            .thread_name("flow-query")
            .thread_stack_size(QUERY_STACK_BYTES)
            .enable_all()
            .build()?;
        if let Err(second) = self.runtime.set(started) {
            second.shutdown_background();
        }
        Ok(self.runtime.get().expect("the runtime was set two lines above"))
    }

    /// How many tasks the query threads hold, including those of cancelled queries that have not yielded yet.
    #[cfg(test)]
    pub(crate) fn alive_tasks(&self) -> usize {
        self.runtime.get().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // The last handle may go inside a task, where waiting for threads would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A running task that stops when dropped.
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits for `future` from synchronous code, on any runtime or none.
///
/// DataFusion calls table functions synchronously while it plans, yet finding a file's schema is asynchronous. The
/// future runs on a helper thread with a small runtime of its own, because a runtime must not be entered twice on one
/// thread; on a multi-thread runtime the others' tasks are moved away first.
pub(crate) fn wait<F>(future: F) -> DataFusionResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let on_workers = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if on_workers { tokio::task::block_in_place(|| wait_on_helper(future)) } else { wait_on_helper(future) }
}

fn wait_on_helper<F>(future: F) -> DataFusionResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::scope(|scope| {
        let helper = std::thread::Builder::new().name("flow-plan".into()).stack_size(QUERY_STACK_BYTES);
        let running = helper.spawn_scoped(scope, move || runtime.block_on(future))?;
        running.join().map_err(|_| internal_datafusion_err!("the thread that looked into the files panicked"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_works_without_a_runtime() {
        assert_eq!(wait(async { 40 + 2 }).expect("a helper thread"), 42);
    }

    #[tokio::test]
    async fn waiting_works_on_a_current_thread_runtime() {
        assert_eq!(wait(async { tokio::task::spawn_blocking(|| 42).await.ok() }).expect("a helper thread"), Some(42));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waiting_works_on_a_multi_thread_runtime() {
        assert_eq!(wait(async { 42 }).expect("a helper thread"), 42);
    }
}
