//! One query at the desk: how far its lookups are, what they were answered, and whether to go on.
//!
//! A query may call the same function for the same value several times: SQL's optimiser copies calls. It is answered once,
//! errors too, or a service that fails would be asked again for each part of its answer that is shown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::desk::Mode;
use crate::outcome::{Answer, Outcome};

/// Lookups of one query. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Session(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    to_ask: AtomicU64,
    done: AtomicU64,
    answers: Mutex<HashMap<Question, Answer>>,
    runs: Mutex<HashMap<&'static str, Run>>,
}

/// A value as one function is asked about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) function: &'static str,
    pub(crate) mode: Mode,
    pub(crate) value: String,
}

/// How it goes with one service.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Failures since the last answer.
    pub(crate) failures: u32,
    /// What all that is left gets for an answer.
    pub(crate) end: Option<Outcome>,
}

impl Session {
    /// Lookups that were to be asked so far, and how many of them are done.
    pub fn counts(&self) -> (u64, u64) {
        (self.0.to_ask.load(Ordering::Relaxed), self.0.done.load(Ordering::Relaxed))
    }

    pub(crate) fn begin(&self, count: usize) {
        self.0.to_ask.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn end_one(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn recall(&self, question: &Question) -> Option<Answer> {
        lock(&self.0.answers).get(question).cloned()
    }

    pub(crate) fn remember(&self, question: Question, answer: Answer) {
        lock(&self.0.answers).insert(question, answer);
    }

    pub(crate) fn with_run<T>(&self, service: &'static str, change: impl FnOnce(&mut Run) -> T) -> T {
        change(lock(&self.0.runs).entry(service).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
