//! Callbacks of cells: which there are, which events wait for them, and the threads they run on.
//!
//! By default callbacks run one after another on one thread, and not while a cell runs. Concurrent ones run when their
//! event comes, on threads of their own, but none twice at a time.
//!
//! **Invariants**: all output of a callback is sent before its end is. A panic costs the run it happened in, nothing
//! else. A closure is dropped on no thread that holds a lock of ours.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use flowdeck::{
    abi::{self, Message},
    bridge::{self, Frame},
};
use serde_json::json;

use crate::{context, threads, turn::Turn};

/// Events that wait for the thread of default callbacks, and for each concurrent callback. Then the oldest is dropped:
/// who clicked that often wants the last click.
const WAITING_MAX: usize = 100;

/// Threads on which concurrent callbacks run at the same time; more wait for one of them.
const CONCURRENT_MAX: usize = 16;

/// What callbacks need of the line to the kernel.
pub trait Line: Send + Sync {
    /// Sends a one-way frame.
    fn send(&self, frame: &Frame);
    /// Waits until the kernel has read all that this process wrote so far.
    fn sync(&self);
}

/// All callbacks of this process.
pub struct Callbacks {
    line: Box<dyn Line>,
    turn: &'static Turn,
    state: Mutex<State>,
    /// Notified when an event came for the default callbacks.
    arrived: Condvar,
    next: AtomicU64,
}

#[derive(Default)]
struct State {
    registered: HashMap<u64, Arc<Registered>>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    /// Concurrent callbacks that are running.
    running: HashSet<u64>,
    concurrent_threads: usize,
    has_default_thread: bool,
    /// Whether it was said that events are dropped.
    is_overflow_told: bool,
}

/// An event, and whose it is.
struct Waiting {
    callback: u64,
    lane: Lane,
    event: Frame,
}

/// An event that is to be dealt with now.
struct Next {
    callback: u64,
    registered: Arc<Registered>,
    event: Frame,
}

struct Registered {
    closure: abi::Callback,
    lane: Lane,
}

/// On what kind of thread a callback runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lane {
    /// One after another, never while a cell runs.
    Default,
    /// At once.
    Concurrent,
}

// Safety: the prelude makes callbacks of closures that are `Send`; they are called by one thread at a time.
unsafe impl Send for Registered {}
unsafe impl Sync for Registered {}

impl Drop for Registered {
    fn drop(&mut self) {
        // Safety: the last reference is gone, so the closure is not running and will not run again.
        unsafe { (self.closure.drop)(self.closure.data) }
    }
}

impl Callbacks {
    /// No callbacks yet. `turn` keeps default callbacks and cells apart.
    pub fn new(line: Box<dyn Line>, turn: &'static Turn) -> Callbacks {
        Callbacks { line, turn, state: Mutex::default(), arrived: Condvar::new(), next: AtomicU64::new(1) }
    }

    /// Takes a closure over; gives its number.
    pub fn register(&self, closure: abi::Callback, lane: Lane) -> u64 {
        let callback = self.next.fetch_add(1, Ordering::Relaxed);
        self.state().registered.insert(callback, Arc::new(Registered { closure, lane }));
        callback
    }

    /// Forgets a callback and the events that wait for it. Gives whether it was there.
    pub fn forget(&self, callback: u64) -> bool {
        let mut state = self.state();
        state.waiting.retain(|waiting| waiting.callback != callback);
        let forgotten = state.registered.remove(&callback);
        drop(state);
        // The closure, if it is not running, is dropped here, after the lock.
        forgotten.is_some()
    }

    /// Holds what other threads may hold at any moment, for a copy of this process in which they are not.
    pub fn with_locks<T>(&self, work: impl FnOnce() -> T) -> T {
        let _state = self.state();
        work()
    }

    /// Whether none runs or waits to.
    pub fn are_done(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.running.is_empty()
    }

    /// In a copy of this process: the threads that ran callbacks are not in it, and the kernel forgets what waited for
    /// them. Gives the callbacks that are left.
    pub fn go_on(&self) -> Vec<u64> {
        let mut state = self.state();
        state.waiting.clear();
        state.running.clear();
        (state.has_default_thread, state.concurrent_threads) = (false, 0);
        state.registered.keys().copied().collect()
    }

    /// Takes an event of the kernel. Never waits for a callback.
    pub fn deliver(self: &Arc<Self>, event: Frame) {
        let callback = event.number(bridge::CALLBACK);
        let mut state = self.state();
        let Some(registered) = state.registered.get(&callback) else { return };
        let lane = registered.lane;
        let dropped = state.make_room(callback, lane);
        let is_told = dropped.is_some() && !std::mem::replace(&mut state.is_overflow_told, true);
        state.waiting.push_back(Waiting { callback, lane, event });
        let is_thread_missing = state.count_thread(lane);
        drop(state);
        self.arrived.notify_one();
        if let Some(dropped) = dropped {
            // The kernel may wait for the end of what it sent before it sends more.
            let ended = json!({"type": bridge::CALLBACK_ENDED, "callback": dropped, "dropped": true});
            self.line.send(&Frame::new(ended));
        }
        if is_told {
            self.say(callback, format!("{WAITING_MAX} events are waiting for callbacks; the oldest are dropped\n"));
        }
        if is_thread_missing {
            self.start(lane);
        }
    }

    fn start(self: &Arc<Self>, lane: Lane) {
        let callbacks = self.clone();
        let started = std::thread::Builder::new().name(threads::CALLBACKS.to_owned()).spawn(move || match lane {
            Lane::Default => callbacks.run_default(),
            Lane::Concurrent => callbacks.run_concurrent(),
        });
        if started.is_err() {
            // The system gives no more threads. Whoever delivers events must go on; the next event tries again.
            self.state().uncount_thread(lane);
        }
    }

    /// The thread of default callbacks.
    fn run_default(&self) {
        loop {
            let state = self.state();
            let has_none = |state: &mut State| !state.waiting.iter().any(|waiting| waiting.lane == Lane::Default);
            drop(self.arrived.wait_while(state, has_none).unwrap_or_else(|poisoned| poisoned.into_inner()));
            let _turn = self.turn.for_callback();
            // Looked for after the wait: a cell may have removed the callback meanwhile.
            let next = self.state().take(Lane::Default);
            if let Some(next) = next {
                self.run(&next);
            }
        }
    }

    /// A thread of concurrent callbacks; ends when none has an event.
    fn run_concurrent(&self) {
        loop {
            let mut state = self.state();
            let Some(next) = state.take(Lane::Concurrent) else {
                state.uncount_thread(Lane::Concurrent);
                return;
            };
            state.running.insert(next.callback);
            drop(state);
            self.run(&next);
            self.state().running.remove(&next.callback);
        }
    }

    fn run(&self, next: &Next) {
        let Next { callback, registered, event } = next;
        let callback = *callback;
        let json = serde_json::to_vec(&event.json).unwrap_or_default();
        context::enter(callback);
        // Safety: the closure is registered, and only this thread calls it: there is one default thread, and `running`
        // keeps concurrent ones apart.
        let is_panicked =
            unsafe { (registered.closure.call)(registered.closure.data, &Message::new(&json, &event.payload)) };
        let mut panics = context::leave();
        self.line.sync();
        let fatal = is_panicked.then(|| panics.pop().unwrap_or_else(unknown_panic));
        for caught in panics {
            self.say(callback, format!("a panic was caught: {}\n", caught.text("message")));
        }
        let mut ended = Frame::new(json!({"type": bridge::CALLBACK_ENDED, "callback": callback}));
        if let Some(panic) = fatal {
            let field = |name: &str| panic.json.get(name).cloned().unwrap_or_default();
            let told = json!({"message": field("message"), "file": field("file"), "line": field("line")});
            ended.json.insert("panic".to_owned(), told);
            // Where the callback captured its output is where the user looks.
            if let Some(output) = panic.json.get(bridge::OUTPUT) {
                ended.json.insert(bridge::OUTPUT.to_owned(), output.clone());
            }
        }
        self.line.send(&ended);
    }

    fn say(&self, callback: u64, text: String) {
        let mut frame = bridge::text(true, &text);
        frame.json.insert(bridge::CALLBACK.to_owned(), callback.into());
        self.line.send(&frame);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A panic that its hook did not see, for instance `resume_unwind`.
fn unknown_panic() -> Frame {
    Frame::new(json!({"message": "the callback panicked", "file": "", "line": 0}))
}

impl State {
    /// Drops the oldest event where too many wait; gives whose it was.
    fn make_room(&mut self, callback: u64, lane: Lane) -> Option<u64> {
        let is_same = |waiting: &Waiting| match lane {
            Lane::Concurrent => waiting.callback == callback,
            Lane::Default => waiting.lane == Lane::Default,
        };
        let count = self.waiting.iter().filter(|waiting| is_same(waiting)).count();
        if count < WAITING_MAX {
            return None;
        }
        let oldest = self.waiting.iter().position(is_same)?;
        self.waiting.remove(oldest).map(|waiting| waiting.callback)
    }

    /// Whether a thread must be started, now that an event waits. It counts as started.
    fn count_thread(&mut self, lane: Lane) -> bool {
        match lane {
            Lane::Default => !std::mem::replace(&mut self.has_default_thread, true),
            Lane::Concurrent if self.concurrent_threads == CONCURRENT_MAX => false,
            Lane::Concurrent => {
                self.concurrent_threads += 1;
                true
            }
        }
    }

    fn uncount_thread(&mut self, lane: Lane) {
        match lane {
            Lane::Default => self.has_default_thread = false,
            Lane::Concurrent => self.concurrent_threads -= 1,
        }
    }

    /// The first event of a callback that may run now.
    fn take(&mut self, lane: Lane) -> Option<Next> {
        let may_run = |waiting: &Waiting| waiting.lane == lane && !self.running.contains(&waiting.callback);
        let place = self.waiting.iter().position(may_run)?;
        let Waiting { callback, event, .. } = self.waiting.remove(place)?;
        if self.waiting.is_empty() {
            self.is_overflow_told = false;
        }
        // Events of a callback that is gone went with it, see `forget`.
        Some(Next { callback, registered: self.registered.get(&callback)?.clone(), event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        ffi::c_void,
        sync::mpsc::{Receiver, Sender, channel},
    };

    struct Recorder(Mutex<Sender<String>>);

    impl Recorder {
        fn note(&self, text: String) {
            // The test may be over.
            let _ = self.0.lock().expect("no panic here").send(text);
        }
    }

    impl Line for Recorder {
        fn send(&self, frame: &Frame) {
            let callback = frame.number("callback");
            let text = match frame.kind() {
                bridge::STREAM => String::from_utf8_lossy(&frame.payload).into_owned(),
                bridge::CALLBACK_ENDED => {
                    let message = frame.json.get("panic").and_then(|panic| panic["message"].as_str());
                    let word = if frame.json.contains_key("dropped") { "dropped" } else { "ended" };
                    format!("{word} {callback}{}", message.map(|message| format!(": {message}")).unwrap_or_default())
                }
                kind => format!("{kind} {callback}"),
            };
            self.note(text);
        }

        fn sync(&self) {
            self.note("sync".into());
        }
    }

    type Closure = Box<dyn FnMut(&str) -> bool + Send>;

    unsafe extern "C" fn call(data: *mut c_void, event: *const Message) -> bool {
        // Safety: made by `closure`; the message is valid during the call.
        let (closure, (json, _)) = unsafe { (&mut *data.cast::<Closure>(), (*event).parts()) };
        closure(bridge::dictionary(json).expect("a frame")["event"].as_str().expect("a text"))
    }

    unsafe extern "C" fn forget(data: *mut c_void) {
        // Safety: made by `closure`.
        drop(unsafe { Box::from_raw(data.cast::<Closure>()) });
    }

    fn closure(run: impl FnMut(&str) -> bool + Send + 'static) -> abi::Callback {
        let closure: Closure = Box::new(run);
        abi::Callback { call, drop: forget, data: Box::into_raw(Box::new(closure)).cast() }
    }

    fn callbacks() -> (Arc<Callbacks>, Receiver<String>) {
        let (say, heard) = channel();
        let turn = Box::leak(Box::new(Turn::default()));
        (Arc::new(Callbacks::new(Box::new(Recorder(Mutex::new(say))), turn)), heard)
    }

    fn event(callback: u64, text: &str) -> Frame {
        Frame::new(json!({"type": bridge::WIDGET_EVENT, "callback": callback, "event": text}))
    }

    /// What was sent until `last`.
    fn until(heard: &Receiver<String>, last: &str) -> Vec<String> {
        let mut found = Vec::new();
        while found.last().is_none_or(|text| text != last) {
            found.push(heard.recv().expect("the callback ends"));
        }
        found
    }

    #[test]
    fn a_panic_is_told_at_the_end_and_the_next_click_works() {
        let (callbacks, heard) = callbacks();
        let panic = |message: &str| context::keep_panic(Frame::new(json!({"message": message})));
        let number = callbacks.register(
            closure(move |event| {
                if event == "bad" {
                    panic("caught");
                    panic("boom");
                }
                event == "bad"
            }),
            Lane::Default,
        );
        callbacks.deliver(event(number, "bad"));
        let told = until(&heard, "ended 1: boom");
        assert_eq!(told, ["sync", "a panic was caught: caught\n", "ended 1: boom"]);
        callbacks.deliver(event(number, "good"));
        assert_eq!(until(&heard, "ended 1"), ["sync", "ended 1"]);
    }

    #[test]
    fn a_default_callback_waits_for_the_cell_and_a_concurrent_one_does_not() {
        let (callbacks, heard) = callbacks();
        let default = callbacks.register(closure(|_| false), Lane::Default);
        let concurrent = callbacks.register(closure(|_| false), Lane::Concurrent);
        let cell = callbacks.turn.for_cell();
        callbacks.deliver(event(default, "click"));
        callbacks.deliver(event(concurrent, "stop"));
        assert_eq!(until(&heard, "ended 2"), ["sync", "ended 2"]);
        drop(cell);
        assert_eq!(until(&heard, "ended 1"), ["sync", "ended 1"]);
    }

    #[test]
    fn too_many_clicks_drop_the_oldest_and_say_so_once() {
        let (callbacks, heard) = callbacks();
        let (seen, events) = channel();
        let number = callbacks.register(
            closure(move |event| {
                seen.send(event.to_owned()).expect("the test listens");
                false
            }),
            Lane::Default,
        );
        let cell = callbacks.turn.for_cell();
        (0..WAITING_MAX + 50).for_each(|click| callbacks.deliver(event(number, &click.to_string())));
        drop(cell);
        let ran: Vec<String> = events.iter().take(WAITING_MAX).collect();
        assert_eq!((ran[0].as_str(), ran[WAITING_MAX - 1].as_str()), ("50", "149"));
        let told: Vec<String> = heard.try_iter().collect();
        let count = |wanted: &str| told.iter().filter(|text| text.contains(wanted)).count();
        assert_eq!((count("100 events are waiting"), count("dropped 1")), (1, 50));
    }

    #[test]
    fn a_callback_may_forget_itself_and_is_dropped_after_its_end() {
        struct SaysGoodbye(Sender<&'static str>);
        impl Drop for SaysGoodbye {
            fn drop(&mut self) {
                self.0.send("dropped").expect("the test listens");
            }
        }
        let (callbacks, _heard) = callbacks();
        let (say, said) = channel();
        let (own, own_callbacks) = (SaysGoodbye(say.clone()), callbacks.clone());
        let number = callbacks.register(
            closure(move |_| {
                let _own = &own;
                own_callbacks.forget(1);
                say.send("still there").expect("the test listens");
                false
            }),
            Lane::Default,
        );
        assert_eq!(number, 1);
        let cell = callbacks.turn.for_cell();
        // The second click must not find it.
        callbacks.deliver(event(number, "click"));
        callbacks.deliver(event(number, "click"));
        drop(cell);
        assert_eq!(said.iter().collect::<Vec<_>>(), ["still there", "dropped"]);
    }

    #[test]
    fn concurrent_callbacks_run_beside_each_other_but_none_beside_itself() {
        let (callbacks, heard) = callbacks();
        let (go, wait) = channel::<()>();
        let (begin, begun) = channel();
        let slow = callbacks.register(
            closure(move |_| {
                begin.send(()).expect("the test listens");
                wait.recv().expect("the test lets it go");
                false
            }),
            Lane::Concurrent,
        );
        let quick = callbacks.register(closure(|_| false), Lane::Concurrent);
        callbacks.deliver(event(slow, "a"));
        callbacks.deliver(event(slow, "b"));
        callbacks.deliver(event(quick, "c"));
        begun.recv().expect("it runs");
        until(&heard, "ended 2");
        assert!(begun.try_recv().is_err(), "not twice at a time");
        go.send(()).expect("it waits");
        until(&heard, "ended 1");
        go.send(()).expect("it waits again");
        until(&heard, "ended 1");
    }
}
