//! The process in which the functions of one query run, as the kernel sees it.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use arrow::array::ArrayRef;
use flow_engine::{ForeignCall, ForeignCalls, ForeignFault};
use tokio::sync::Notify;

use super::{
    super::{host::Shared, processes},
    channel::{Answer, Broken, Channel},
    forget_worker,
};

/// How long a process may take to come up. Making a copy of many gigabytes takes a second.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the word on how a process ended may take to arrive.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a thread that waits looks whether its query is to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A process, from before it is there until its query is over.
#[derive(Debug, Default)]
pub struct Worker {
    state: Mutex<State>,
    /// Notified when a channel is free, and when the process ended.
    changed: Condvar,
    /// 0 before it has connected.
    process: AtomicU32,
    /// Notified when the query is over.
    pub over: Notify,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Channel>,
    /// How it ended, in words; an empty text while only its connections are gone.
    ended: Option<String>,
    busy: usize,
}

impl Worker {
    /// The process is there.
    pub fn connected(&self, process: u32) {
        self.process.store(process, Ordering::Release);
    }

    /// One more connection for calls.
    pub fn add(&self, channel: Channel) {
        self.state().idle.push(channel);
        self.changed.notify_all();
    }

    /// The process is gone. The first word on how counts.
    pub fn ended(&self, how: String) {
        let mut state = self.state();
        if state.ended.as_deref().is_none_or(str::is_empty) {
            state.ended = Some(how);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn take(&self, is_stopped: &dyn Fn() -> bool) -> Result<Channel, ForeignFault> {
        let asked = Instant::now();
        let mut state = self.state();
        loop {
            if is_stopped() {
                return Err(stopped());
            }
            if let Some(channel) = state.idle.pop() {
                state.busy += 1;
                return Ok(channel);
            }
            if state.ended.is_some() {
                return Err(self.fault(state));
            }
            if state.busy == 0 && asked.elapsed() > START_TIMEOUT {
                return Err(ForeignFault {
                    fact: "was not called: its process did not come up".to_owned(),
                    hint: Some("run the query again; where the machine lacks memory, close other notebooks".to_owned()),
                });
            }
            state = self.wait(state);
        }
    }

    fn give_back(&self, channel: Option<Channel>) {
        let mut state = self.state();
        state.busy -= 1;
        state.idle.extend(channel);
        drop(state);
        self.changed.notify_all();
    }

    /// What to say of a process that ended while it was needed.
    fn fault(&self, mut state: MutexGuard<'_, State>) -> ForeignFault {
        let began = Instant::now();
        while state.ended.as_deref().is_none_or(str::is_empty) && began.elapsed() < END_TIMEOUT {
            state = self.wait(state);
        }
        let how = state.ended.clone().filter(|how| !how.is_empty()).unwrap_or_else(|| "it is not known how".to_owned());
        ForeignFault {
            fact: format!("ended the process in which it ran: {how}"),
            hint: Some(
                "variables and functions are as they were; correct the function and run the query again".to_owned(),
            ),
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, LOOK_INTERVAL);
        waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0
    }

    fn kill(&self) {
        match self.process.load(Ordering::Acquire) {
            0 => {}
            process => processes::kill(process),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn stopped() -> ForeignFault {
    ForeignFault { fact: "was stopped".to_owned(), hint: None }
}

/// A query's hold on its process: when it lets go, the process ends.
#[derive(Debug)]
pub struct QueryWorker {
    worker: Arc<Worker>,
    number: u64,
    shared: Weak<Shared>,
}

impl QueryWorker {
    /// The query's, of the process with this number.
    pub fn new(worker: Arc<Worker>, number: u64, shared: Weak<Shared>) -> QueryWorker {
        QueryWorker { worker, number, shared }
    }
}

impl ForeignCalls for QueryWorker {
    fn call(&self, call: &ForeignCall<'_>, is_stopped: &dyn Fn() -> bool) -> Result<Option<ArrayRef>, ForeignFault> {
        let mut channel = self.worker.take(is_stopped)?;
        let answered = channel.call(call, LOOK_INTERVAL, is_stopped);
        // One that broke or still owes an answer is of no more use.
        self.worker.give_back(answered.is_ok().then_some(channel));
        match answered {
            Ok(Answer::Values(values)) => Ok(values),
            Ok(Answer::Failed(reason)) => Err(ForeignFault { fact: format!("failed: {reason}"), hint: None }),
            Ok(Answer::Panicked(message)) => Err(ForeignFault {
                fact: format!("panicked: {message}"),
                hint: Some("correct the function in the Rust cell that defines it, then run both again".to_owned()),
            }),
            Ok(Answer::Gone) => Err(ForeignFault {
                fact: "was defined anew since this view was made".to_owned(),
                hint: Some("create the view again".to_owned()),
            }),
            Err(Broken::Stopped) => {
                // It may never end by itself, and nobody else uses the process.
                self.worker.kill();
                Err(stopped())
            }
            Err(Broken::Kernel(reason)) => Err(ForeignFault { fact: format!("was not called: {reason}"), hint: None }),
            Err(Broken::Process) => {
                self.worker.ended(String::new());
                Err(self.worker.fault(self.worker.state()))
            }
        }
    }
}

impl Drop for QueryWorker {
    fn drop(&mut self) {
        forget_worker(&self.shared, self.number);
        self.worker.over.notify_one();
        self.worker.state().idle.clear();
    }
}
