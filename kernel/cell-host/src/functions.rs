//! Functions of SQL that cells have defined: which there are, and how the kernel has them called.
//!
//! They never run in this process: `worker` makes a copy of it for each query that calls any, so that one that crashes or
//! never ends costs its query and nothing else (docs/decisions/0017). `calls` is what that copy does.

mod calls;
mod files;
mod worker;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use flowdeck::{
    abi::{Function, FunctionCall},
    bridge::Frame,
};
use serde_json::{Map, Value};

pub use self::worker::{is_one as is_worker, start};
use crate::connection;

/// All functions of this process.
#[derive(Default)]
pub struct Functions {
    /// By their numbers.
    table: Mutex<BTreeMap<u64, Defined>>,
    next: AtomicU64,
}

#[derive(Clone)]
struct Defined {
    /// What the kernel was told.
    definition: Map<String, Value>,
    function: Arc<Held>,
}

/// A function that is dropped when nobody calls it any more.
struct Held(Function);

// Safety: the prelude makes functions of closures that are `Send` and `Sync`.
unsafe impl Send for Held {}
unsafe impl Sync for Held {}

impl Held {
    fn call(&self, call: &mut FunctionCall) {
        // Safety: the function is there as long as this is, and the call is valid until it returns.
        unsafe { (self.0.call)(self.0.data, call) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Safety: the last reference is gone, so nobody calls it.
        unsafe { (self.0.drop)(self.0.data) }
    }
}

impl Functions {
    /// Has the kernel define a function; gives its answer. Takes the place of an earlier one of that name.
    pub fn define(&self, mut frame: Frame, function: Function) -> Frame {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        frame.json.insert("number".to_owned(), Value::from(number));
        let name = frame.text("name").to_owned();
        let defined = Defined { definition: frame.json.clone(), function: Arc::new(Held(function)) };
        // Before the kernel knows of it: a query may call it at once.
        self.table().insert(number, defined);
        let answer = connection::request(frame);
        let is_refused = answer.json.contains_key("error");
        let gone =
            self.take_out(|other, text| if is_refused { other == number } else { other != number && text == name });
        // Closures are dropped here, after the lock.
        drop(gone);
        answer
    }

    /// What the kernel was told of each.
    pub fn definitions(&self) -> Vec<Value> {
        self.table().values().map(|defined| Value::Object(defined.definition.clone())).collect()
    }

    /// In a copy of this process that goes on in its place: numbers that the other gave out are not used again.
    pub fn go_on(&self) {
        self.next.store(u64::from(std::process::id()) << 32, Ordering::Relaxed);
    }

    /// Holds what other threads may hold at any moment, for a copy of this process in which they are not.
    pub fn with_lock<T>(&self, work: impl FnOnce() -> T) -> T {
        let _table = self.table();
        work()
    }

    fn find(&self, number: u64) -> Option<Arc<Held>> {
        self.table().get(&number).map(|defined| defined.function.clone())
    }

    fn take_out(&self, is_gone: impl Fn(u64, &str) -> bool) -> Vec<Defined> {
        let mut table = self.table();
        let name = |defined: &Defined| defined.definition.get("name").and_then(Value::as_str).map(str::to_owned);
        let numbers: Vec<u64> = table
            .iter()
            .filter(|(number, defined)| is_gone(**number, &name(defined).unwrap_or_default()))
            .map(|(number, _)| *number)
            .collect();
        numbers.iter().filter_map(|number| table.remove(number)).collect()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<u64, Defined>> {
        self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
