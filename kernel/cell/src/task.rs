//! Asynchronous code in cells: what waits for it, and tasks that go on when the cell has ended.
//!
//! A cell can `.await` at its top level. Tasks of all cells run on one runtime, which is in the cell host.
//!
//! ```ignore
//! use flowdeck::task::{sleep, spawn, spawn_blocking};
//!
//! let busy = spawn_blocking(|| flowdeck::sql("SELECT src_ip, count(*) FROM flows GROUP BY 1"));
//! let ports = spawn_blocking(|| flowdeck::sql("SELECT dst_port, count(*) FROM flows GROUP BY 1"));
//! let (busy, ports) = (busy.await??, ports.await??); // both at once
//! ```

use std::{
    ffi::c_void,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::{Duration, Instant},
};

use crate::{
    abi::{AbiFuture, AbiWaker, host},
    host::Error,
    pause,
};

/// How often somebody who waits looks whether the user wants the cell to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Waits for a future on this thread. What `.await` at the top level of a cell is made of.
///
/// At an interrupt the cell ends here, and variables of earlier cells are kept.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut output = None;
    wait(&mut |context| match future.as_mut().poll(context) {
        Poll::Ready(value) => {
            output = Some(value);
            true
        }
        Poll::Pending => false,
    });
    output.expect("whoever waits does so until it is there")
}

// Not generic, so compiled with the prelude.
fn wait(is_ready: &mut dyn FnMut(&mut Context<'_>) -> bool) {
    let sleeper = Arc::new(Sleeper { thread: std::thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(sleeper.clone());
    while !is_ready(&mut Context::from_waker(&waker)) {
        while !sleeper.is_woken.swap(false, Ordering::AcqRel) {
            let began = Instant::now();
            std::thread::park_timeout(LOOK_INTERVAL);
            if began.elapsed() >= LOOK_INTERVAL && pause::is_interrupted() {
                // Not told as a panic: the user knows.
                resume_unwind(Box::new("the user wants the cell to end"));
            }
        }
    }
}

struct Sleeper {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Starts a future that runs beside cells, also when the cell has ended. To have what comes out, `.await` what this gives.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let running = Arc::new(Running { state: Mutex::new(State::new()) });
    let told = running.clone();
    let mut future = Box::pin(future);
    // Gives whether it is over.
    let poll = move |context: &mut Context<'_>| {
        if told.is_aborted(context.waker()) {
            return true;
        }
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => false,
            Ok(Poll::Ready(value)) => told.end(Ok(value)),
            Err(panic) => told.end(Err(said(panic.as_ref()))),
        }
    };
    let generation = start(Box::new(poll));
    Task { running, generation }
}

/// Runs a closure on a thread of its own: what takes long without being asynchronous, such as a query.
pub fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    let running = Arc::new(Running { state: Mutex::new(State::new()) });
    let told = running.clone();
    let started = std::thread::Builder::new().spawn(move || {
        let ended = catch_unwind(AssertUnwindSafe(work));
        told.end(ended.map_err(|panic| said(panic.as_ref())));
    });
    if let Err(error) = started {
        running.end(Err(format!("no thread could be started: {error}")));
    }
    Task { running, generation: generation() }
}

/// Waits without keeping a thread: `sleep(Duration::from_secs(1)).await`.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { until: Instant::now() + duration }
}

/// A moment that is waited for.
#[derive(Debug)]
#[must_use = "nothing waits before it is awaited"]
pub struct Sleep {
    until: Instant,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let nanoseconds = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        match host() {
            // Safety: the host wakes whoever this is, once.
            Some(host) => unsafe { (host.wake_after)(nanoseconds, AbiWaker::of(context.waker())) },
            None => {
                std::thread::sleep(left);
                context.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

/// A future or closure that runs beside cells. It goes on when this is dropped.
pub struct Task<T> {
    running: Arc<Running<T>>,
    /// Of the runtime that has it.
    generation: u64,
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_finished() { "Task (finished)" } else { "Task (running)" })
    }
}

impl<T> Task<T> {
    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.running.state().is_over || self.generation != generation()
    }

    /// Ends it where it waits next; a closure of [`spawn_blocking`] goes on. To await it is an error from now on.
    pub fn abort(&self) {
        let mut state = self.running.state();
        if state.is_over {
            return;
        }
        state.is_aborted = true;
        let (task, waiting) = (state.task.take(), state.waiting.take());
        drop(state);
        task.into_iter().chain(waiting).for_each(Waker::wake);
    }
}

/// What comes out, or why nothing does: a panic, [`Task::abort`], or the end of the process that it ran in.
impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let mut state = self.running.state();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome.map_err(|panic| Error::new(format!("the task panicked: {panic}"))));
        }
        if state.is_aborted {
            return Poll::Ready(Err(Error::new("the task was aborted")));
        }
        if self.generation != generation() {
            let fact = "the task is gone: a later cell ended the process in which it ran, and threads are not kept";
            return Poll::Ready(Err(Error::new(fact)));
        }
        if state.is_over {
            return Poll::Ready(Err(Error::new("what came out of the task was taken before")));
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

struct Running<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    outcome: Option<Result<T, String>>,
    is_over: bool,
    is_aborted: bool,
    /// Wakes the task.
    task: Option<Waker>,
    /// Wakes whoever awaits it.
    waiting: Option<Waker>,
}

impl<T> State<T> {
    fn new() -> State<T> {
        State { outcome: None, is_over: false, is_aborted: false, task: None, waiting: None }
    }
}

impl<T> Running<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_aborted(&self, task: &Waker) -> bool {
        let mut state = self.state();
        state.task = Some(task.clone());
        state.is_over |= state.is_aborted;
        state.is_aborted
    }

    /// Notes what came out. Always true.
    fn end(&self, outcome: Result<T, String>) -> bool {
        let mut state = self.state();
        (state.outcome, state.is_over, state.task) = (Some(outcome), true, None);
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        true
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it did not say why").to_owned()
}

fn generation() -> u64 {
    // Safety: nothing is passed.
    host().map_or(0, |host| unsafe { (host.task_generation)() })
}

/// Polls a task; gives whether it is over. Panics are caught in it.
type Polled = Box<dyn FnMut(&mut Context<'_>) -> bool + Send>;

// Not generic, so compiled with the prelude.
fn start(task: Polled) -> u64 {
    let Some(host) = host() else {
        // Without a host there are no cells either.
        std::thread::spawn(move || {
            let mut task = task;
            wait(&mut |context| task(context));
        });
        return 0;
    };
    // Boxed twice: the host keeps thin pointers only.
    let data = Box::into_raw(Box::new(task)).cast();
    // Safety: the task is the host's from now on.
    unsafe { (host.spawn)(AbiFuture { poll, drop: forget, data }) }
}

unsafe extern "C" fn poll(data: *mut c_void, waker: AbiWaker) -> bool {
    // Safety: the host polls what `start` gave it, on one thread at a time.
    let task = unsafe { &mut *data.cast::<Polled>() };
    let waker = waker.into_waker();
    task(&mut Context::from_waker(&waker))
}

unsafe extern "C" fn forget(data: *mut c_void) {
    // Safety: the host gives back what `start` gave it, once.
    let task = unsafe { Box::from_raw(data.cast::<Polled>()) };
    // What a future holds may panic when it is dropped; that must not cross into the host.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_is_waited_for_and_sleeps_pass_beside_each_other() {
        let began = Instant::now();
        let both = block_on(async {
            let one = spawn(async {
                sleep(Duration::from_millis(100)).await;
                1
            });
            let two = spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(100));
                2
            });
            one.await.unwrap_or(0) + two.await.unwrap_or(0)
        });
        assert_eq!(both, 3);
        assert!(began.elapsed() < Duration::from_millis(190), "{:?}", began.elapsed());
    }

    #[test]
    fn a_panic_and_an_abort_are_errors_of_who_awaits() {
        let panicked = block_on(spawn(async { panic!("on purpose") }));
        let panicked: Result<(), Error> = panicked;
        assert!(panicked.is_err_and(|error| error.to_string().contains("on purpose")));
        let endless = spawn(std::future::pending::<()>());
        assert!(!endless.is_finished());
        endless.abort();
        assert!(block_on(endless).is_err_and(|error| error.to_string().contains("aborted")));
    }
}
