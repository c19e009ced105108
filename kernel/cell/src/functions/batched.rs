//! Functions of many rows' values at once: of Arrow arrays.

use std::{marker::PhantomData, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, StringArray, TimestampNanosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};

use super::{
    call::{Callee, Question, column_missing},
    values::SqlValue,
};

/// A type of Arrow arrays that SQL's values come in and go out as.
#[diagnostic::on_unimplemented(
    message = "SQL has no columns of type `{Self}`",
    note = "BooleanArray, Int8Array to UInt64Array, Float32Array, Float64Array, StringArray, FixedSizeBinaryArray (addresses) and TimestampNanosecondArray are some"
)]
pub trait BatchColumn: Array + Clone + 'static {
    /// The type's name on the bridge.
    #[doc(hidden)]
    const WORD: &'static str;

    /// As it goes back to SQL.
    #[doc(hidden)]
    fn given(self) -> ArrayRef {
        Arc::new(self)
    }
}

macro_rules! columns {
    ($($array:ident $value:ty),*) => {$(
        impl BatchColumn for $array {
            const WORD: &'static str = <$value as SqlValue>::WORD;
        }
    )*};
}
columns!(
    BooleanArray bool,
    Int8Array i8,
    Int16Array i16,
    Int32Array i32,
    Int64Array i64,
    UInt8Array u8,
    UInt16Array u16,
    UInt32Array u32,
    UInt64Array u64,
    Float32Array f32,
    Float64Array f64,
    StringArray String,
    FixedSizeBinaryArray std::net::IpAddr
);

impl BatchColumn for TimestampNanosecondArray {
    const WORD: &'static str = <chrono::DateTime<chrono::Utc> as SqlValue>::WORD;

    fn given(self) -> ArrayRef {
        Arc::new(self.with_timezone("UTC"))
    }
}

/// A closure of references to arrays. `Marker` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "this is no function of columns that SQL can call",
    note = "write the types of its arguments and its value: |numbers: &Int64Array| -> Float64Array {{ … }}; it must be `Fn`, `Send` and `Sync`"
)]
pub trait BatchFunction<Marker>: Send + Sync {
    /// The type's name of what comes out.
    #[doc(hidden)]
    const RETURNS: &'static str;

    /// The types' names of the arguments.
    #[doc(hidden)]
    fn arguments() -> Vec<&'static str>;

    /// The values of some rows.
    #[doc(hidden)]
    fn apply(&self, columns: &[ArrayRef]) -> Result<ArrayRef, String>;
}

macro_rules! arities {
    ($(($($argument:ident $column:ident $index:tt),*))*) => {$(
        impl<Closure, Out, $($argument),*> BatchFunction<fn($($argument),*) -> Out> for Closure
        where
            Closure: Fn($(&$argument),*) -> Out + Send + Sync,
            $($argument: BatchColumn,)*
            Out: BatchColumn,
        {
            const RETURNS: &'static str = Out::WORD;

            fn arguments() -> Vec<&'static str> {
                vec![$($argument::WORD),*]
            }

            fn apply(&self, columns: &[ArrayRef]) -> Result<ArrayRef, String> {
                $(let $column = columns.get($index).and_then(|column| column.as_any().downcast_ref::<$argument>())
                    .ok_or_else(|| column_missing($index))?;)*
                Ok(self($($column),*).given())
            }
        }
    )*};
}
arities! {
    (A a 0)
    (A a 0, B b 1)
    (A a 0, B b 1, C c 2)
    (A a 0, B b 1, C c 2, D d 3)
    (A a 0, B b 1, C c 2, D d 3, E e 4)
    (A a 0, B b 1, C c 2, D d 3, E e 4, F f 5)
}

/// A closure as the host calls it.
pub(super) struct Batched<F, Marker> {
    function: F,
    marker: PhantomData<fn() -> Marker>,
}

impl<F, Marker> Batched<F, Marker> {
    pub(super) fn new(function: F) -> Self {
        Batched { function, marker: PhantomData }
    }
}

impl<F: BatchFunction<Marker>, Marker> Callee for Batched<F, Marker> {
    fn answer(&self, question: &Question<'_>) -> Result<Option<ArrayRef>, String> {
        let values = self.function.apply(question.columns)?;
        match values.len() == question.rows {
            true => Ok(Some(values)),
            false => Err(format!("gave {} values for {} rows", values.len(), question.rows)),
        }
    }
}
