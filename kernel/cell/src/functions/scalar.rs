//! Functions of one row's values.

use std::marker::PhantomData;

use arrow_array::ArrayRef;

use super::{
    call::{Callee, Question, column_missing},
    values::{Argument, Output, SqlValue},
};

/// A closure that SQL can call once a row. `Marker` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "this is no function that SQL can call",
    note = "write the types of its arguments and its value: |number: i64, text: &str| -> f64 {{ … }}; it must be `Fn`, `Send` and `Sync`: `move` what it uses into it, and change nothing in it"
)]
pub trait ScalarFunction<Marker>: Send + Sync {
    /// The type's name of what comes out.
    #[doc(hidden)]
    const RETURNS: &'static str;

    /// The types' names of the arguments.
    #[doc(hidden)]
    fn arguments() -> Vec<&'static str>;

    /// The values of some rows.
    #[doc(hidden)]
    fn apply(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef, String>;
}

/// Values of a column, of which the first that is an error ends all.
pub(super) fn collected<T: SqlValue>(
    values: impl Iterator<Item = Result<Option<T>, String>>,
) -> Result<ArrayRef, String> {
    let mut failed = None;
    let column = T::column(Shunt { values, failed: &mut failed });
    match failed {
        Some(reason) => Err(reason),
        None => Ok(column),
    }
}

/// Ends at the first error, and remembers it. Knows how many values are left, so that room for them is made once.
struct Shunt<'a, I> {
    values: I,
    failed: &'a mut Option<String>,
}

impl<T, I: Iterator<Item = Result<Option<T>, String>>> Iterator for Shunt<'_, I> {
    type Item = Option<T>;

    fn next(&mut self) -> Option<Option<T>> {
        match self.values.next()? {
            Ok(value) => Some(value),
            Err(reason) => {
                *self.failed = Some(reason);
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.values.size_hint().1)
    }
}

macro_rules! arities {
    ($($argument:ident $column:ident $index:tt),*) => {
        // The first bound tells the compiler the types, the second that the closure takes them for as long as a call lasts.
        impl<Closure, Out, $($argument),*> ScalarFunction<fn($($argument),*) -> Out> for Closure
        where
            Closure: Fn($($argument),*) -> Out + for<'a> Fn($($argument::Item<'a>),*) -> Out + Send + Sync,
            $($argument: Argument,)*
            Out: Output,
        {
            const RETURNS: &'static str = <Out::Value as SqlValue>::WORD;

            fn arguments() -> Vec<&'static str> {
                vec![$($argument::WORD),*]
            }

            fn apply(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef, String> {
                $(let $column = columns.get($index).and_then($argument::read).ok_or_else(|| column_missing($index))?;)*
                // `None` where a value is NULL and the function does not take that.
                let row = |row: usize| {
                    // Without arguments nothing depends on them.
                    let _ = (columns, row);
                    Some(self($($argument::at(&$column, row)?),*))
                };
                collected((0..rows).map(|index| match row(index) {
                    Some(value) => Output::value(value),
                    None => Ok(None),
                }))
            }
        }
    };
}

macro_rules! all_arities {
    ($(($($argument:ident $column:ident $index:tt),*))*) => {$(arities!($($argument $column $index),*);)*};
}
all_arities! {
    ()
    (A a 0)
    (A a 0, B b 1)
    (A a 0, B b 1, C c 2)
    (A a 0, B b 1, C c 2, D d 3)
    (A a 0, B b 1, C c 2, D d 3, E e 4)
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5)
}

/// A closure as the host calls it.
pub(super) struct Scalar<F, Marker> {
    function: F,
    marker: PhantomData<fn() -> Marker>,
}

impl<F, Marker> Scalar<F, Marker> {
    pub(super) fn new(function: F) -> Self {
        Scalar { function, marker: PhantomData }
    }
}

impl<F: ScalarFunction<Marker>, Marker> Callee for Scalar<F, Marker> {
    fn answer(&self, question: &Question<'_>) -> Result<Option<ArrayRef>, String> {
        self.function.apply(question.columns, question.rows).map(Some)
    }
}
