//! Functions of all rows of a group.
//!
//! States stay in this process: SQL's engine hands numbers of theirs from one accumulator to another.

use std::{
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard},
};

use arrow_array::{ArrayRef, UInt32Array, UInt64Array, cast::AsArray};

use super::{
    call::{Callee, Question, column_missing},
    scalar::collected,
    values::{Argument, Output, SqlValue},
};
use crate::abi::FunctionStep;

/// A closure that takes a row into a state. `Marker` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "this is no function that takes a row into a state of type `{S}`",
    note = "write the types of its arguments: |state: &mut State, number: i64| {{ … }}; it must be `Fn`, `Send` and `Sync`"
)]
pub trait AggregateFunction<S, Marker>: Send + Sync {
    /// The types' names of the arguments.
    #[doc(hidden)]
    fn arguments() -> Vec<&'static str>;

    /// Takes rows in, each into the state of its group.
    #[doc(hidden)]
    fn update(&self, states: &mut [S], groups: &UInt32Array, columns: &[ArrayRef]) -> Result<(), String>;
}

/// A closure that gives the value of a state.
#[diagnostic::on_unimplemented(
    message = "this is no function that gives SQL the value of a state of type `{S}`",
    note = "write its types: |state: &State| -> f64 {{ … }}; it must be `Fn`, `Send` and `Sync`"
)]
pub trait FinishFunction<S, Out>: Send + Sync {
    /// The type's name of what comes out.
    #[doc(hidden)]
    const RETURNS: &'static str;

    /// The values of states.
    #[doc(hidden)]
    fn finish(&self, states: &[S]) -> Result<ArrayRef, String>;
}

impl<S, Out: Output, Closure: Fn(&S) -> Out + Send + Sync> FinishFunction<S, Out> for Closure {
    const RETURNS: &'static str = <Out::Value as SqlValue>::WORD;

    fn finish(&self, states: &[S]) -> Result<ArrayRef, String> {
        collected(states.iter().map(|state| self(state).value()))
    }
}

macro_rules! arities {
    ($(($($argument:ident $column:ident $value:ident $index:tt),*))*) => {$(
        impl<Closure, S, $($argument),*> AggregateFunction<S, fn($($argument),*)> for Closure
        where
            Closure: Fn(&mut S, $($argument),*) + for<'a> Fn(&mut S, $($argument::Item<'a>),*) + Send + Sync,
            $($argument: Argument,)*
        {
            fn arguments() -> Vec<&'static str> {
                vec![$($argument::WORD),*]
            }

            fn update(&self, states: &mut [S], groups: &UInt32Array, columns: &[ArrayRef]) -> Result<(), String> {
                $(let $column = columns.get($index).and_then($argument::read).ok_or_else(|| column_missing($index))?;)*
                for (row, group) in groups.values().iter().enumerate() {
                    let Some(state) = states.get_mut(*group as usize) else { return Err(group_missing()) };
                    // A row with a NULL that the function does not take is passed over, as `sum` does.
                    if let ($(Some($value),)*) = ($($argument::at(&$column, row),)*) {
                        self(state, $($value),*);
                    }
                }
                Ok(())
            }
        }
    )*};
}
arities! {
    (A a x 0)
    (A a x 0, B b y 1)
    (A a x 0, B b y 1, C c z 2)
    (A a x 0, B b y 1, C c z 2, D d u 3)
}

fn group_missing() -> String {
    "internal: a row belongs to no group".to_owned()
}

/// The closures as the host calls them, and the states that there are.
pub(super) struct Aggregate<S, New, Update, Merge, Finish, Marker, Out> {
    new: New,
    update: Update,
    merge: Merge,
    finish: Finish,
    /// By accumulator, and in it by group.
    accumulators: Mutex<HashMap<u64, Arc<Mutex<Vec<S>>>>>,
    /// On their way from one accumulator to another, by number.
    handed_over: Mutex<HandedOver<S>>,
    marker: PhantomData<fn(Marker) -> Out>,
}

struct HandedOver<S> {
    next: u64,
    states: HashMap<u64, S>,
}

impl<S, New, Update, Merge, Finish, Marker, Out> Aggregate<S, New, Update, Merge, Finish, Marker, Out>
where
    New: Fn() -> S,
{
    pub(super) fn new(new: New, update: Update, merge: Merge, finish: Finish) -> Self {
        let handed_over = Mutex::new(HandedOver { next: 0, states: HashMap::new() });
        Aggregate { new, update, merge, finish, accumulators: Mutex::default(), handed_over, marker: PhantomData }
    }

    fn states(&self, accumulator: u64) -> Arc<Mutex<Vec<S>>> {
        lock(&self.accumulators).entry(accumulator).or_default().clone()
    }

    /// Makes states for groups that have none yet.
    fn fill(&self, states: &mut Vec<S>, groups: usize) {
        if states.len() < groups {
            states.resize_with(groups, &self.new);
        }
    }
}

impl<S, New, Update, Merge, Finish, Marker, Out> Callee for Aggregate<S, New, Update, Merge, Finish, Marker, Out>
where
    S: Send,
    New: Fn() -> S + Send + Sync,
    Update: AggregateFunction<S, Marker>,
    Merge: Fn(&mut S, S) + Send + Sync,
    Finish: FinishFunction<S, Out>,
{
    fn answer(&self, question: &Question<'_>) -> Result<Option<ArrayRef>, String> {
        let accumulator = question.accumulator;
        if question.step == FunctionStep::Forget {
            lock(&self.accumulators).remove(&accumulator);
            return Ok(None);
        }
        let states = self.states(accumulator);
        let mut states = lock(&states);
        match question.step {
            FunctionStep::Update => {
                let (groups, columns) = groups(question.columns)?;
                self.fill(&mut states, group_count(groups));
                self.update.update(&mut states, groups, columns)?;
                Ok(None)
            }
            FunctionStep::Merge => {
                let (groups, columns) = groups(question.columns)?;
                self.fill(&mut states, group_count(groups));
                let numbers = columns.first().and_then(|column| column.as_primitive_opt()).ok_or_else(group_missing)?;
                self.take_over(&mut states, groups, numbers)?;
                Ok(None)
            }
            FunctionStep::State => {
                self.fill(&mut states, question.rows);
                let mut handed_over = lock(&self.handed_over);
                let numbers = states.drain(..question.rows).map(|state| handed_over.put(state));
                Ok(Some(Arc::new(numbers.collect::<UInt64Array>())))
            }
            FunctionStep::Evaluate => {
                self.fill(&mut states, question.rows);
                let values = self.finish.finish(&states[..question.rows])?;
                if !question.keep {
                    drop(states.drain(..question.rows));
                }
                Ok(Some(values))
            }
            FunctionStep::Apply | FunctionStep::Forget => {
                Err("internal: an aggregate was asked for one row".to_owned())
            }
        }
    }
}

impl<S, New, Update, Merge: Fn(&mut S, S), Finish, Marker, Out> Aggregate<S, New, Update, Merge, Finish, Marker, Out> {
    fn take_over(&self, states: &mut [S], groups: &UInt32Array, numbers: &UInt64Array) -> Result<(), String> {
        for (group, number) in groups.values().iter().zip(numbers.iter()) {
            let Some(number) = number else { continue };
            // The lock is not held while the author's closure runs.
            let state = lock(&self.handed_over).states.remove(&number).ok_or_else(group_missing)?;
            (self.merge)(states.get_mut(*group as usize).ok_or_else(group_missing)?, state);
        }
        Ok(())
    }
}

impl<S> HandedOver<S> {
    fn put(&mut self, state: S) -> Option<u64> {
        self.next += 1;
        self.states.insert(self.next, state);
        Some(self.next)
    }
}

/// The column of groups, and the others.
fn groups(columns: &[ArrayRef]) -> Result<(&UInt32Array, &[ArrayRef]), String> {
    let (first, others) = columns.split_first().ok_or_else(group_missing)?;
    Ok((first.as_primitive_opt().ok_or_else(group_missing)?, others))
}

fn group_count(groups: &UInt32Array) -> usize {
    groups.values().iter().max().map_or(0, |greatest| *greatest as usize + 1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A closure that panicked ends its query, and all states of that.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
