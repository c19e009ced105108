//! The line over which the host calls a function: C functions, and arrays by Arrow's C data interface.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use arrow_array::{
    Array, ArrayRef, StructArray,
    ffi::{FFI_ArrowArray, from_ffi, to_ffi},
};

use crate::abi::{Function, FunctionCall, FunctionOutcome, FunctionStep};

/// A function as the host calls it: from several threads at once.
pub(super) trait Callee: Send + Sync {
    /// What comes out of a call, or why nothing does.
    fn answer(&self, question: &Question<'_>) -> Result<Option<ArrayRef>, String>;
}

/// What is asked of a function.
pub(super) struct Question<'a> {
    pub(super) step: FunctionStep,
    /// Which states of an aggregate.
    pub(super) accumulator: u64,
    /// Whether the states stay when their values are given.
    pub(super) keep: bool,
    pub(super) rows: usize,
    pub(super) columns: &'a [ArrayRef],
}

/// A column that the kernel did not send as it was told to.
pub(super) fn column_missing(index: usize) -> String {
    format!("internal: argument {} is of another type", index + 1)
}

/// The function as the host holds it.
pub(super) fn function(callee: Box<dyn Callee>) -> Function {
    // Boxed twice: the host keeps thin pointers only.
    Function { call, drop: forget, data: Box::into_raw(Box::new(callee)).cast() }
}

unsafe extern "C" fn call(data: *const c_void, call: *mut FunctionCall) {
    // Safety: the host calls with what `function` gave it, and a call that is valid until this returns.
    let (callee, call) = unsafe { (&*data.cast::<Box<dyn Callee>>(), &mut *call) };
    // std's own stdout is left alone: a thread that is not in this copy of the process may have held it.
    let answered = catch_unwind(AssertUnwindSafe(|| answer(callee.as_ref(), call)));
    call.outcome = match answered {
        Ok(Ok(())) => FunctionOutcome::Done,
        Ok(Err(reason)) => {
            // Safety: the host copies the text during the call.
            unsafe { (call.fail)(call.context, reason.as_ptr(), reason.len()) };
            FunctionOutcome::Failed
        }
        // The hook for panics has told the host.
        Err(_) => FunctionOutcome::Panicked,
    };
}

fn answer(callee: &dyn Callee, call: &mut FunctionCall) -> Result<(), String> {
    let internal = |error: arrow_schema::ArrowError| format!("internal: {error}");
    let columns = match call.arguments.is_released() {
        true => Vec::new(),
        false => {
            let arguments = std::mem::replace(&mut call.arguments, FFI_ArrowArray::empty());
            // Safety: the host gives arrays that it has checked.
            let data = unsafe { from_ffi(arguments, &call.arguments_schema) }.map_err(internal)?;
            StructArray::from(data).into_parts().1
        }
    };
    let FunctionCall { step, accumulator, keep, rows, .. } = *call;
    let question = Question { step, accumulator, keep, rows, columns: &columns };
    if let Some(values) = callee.answer(&question)? {
        let (array, schema) = to_ffi(&values.to_data()).map_err(internal)?;
        (call.values, call.values_schema) = (array, schema);
    }
    Ok(())
}

unsafe extern "C" fn forget(data: *mut c_void) {
    // Safety: the host gives back what `function` gave it, once.
    let callee = unsafe { Box::from_raw(data.cast::<Box<dyn Callee>>()) };
    // What the closure holds may panic when it is dropped; that must not cross into the host.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(callee)));
}
