//! SQL functions that a cell defines: closures that `%%sql` cells, forms and [`crate::sql`] call by a name.
//!
//! ```ignore
//! flowdeck::register_udf("is_even", |number: i64| -> bool { number % 2 == 0 })?;
//! flowdeck::sql("SELECT count(*) FROM flows WHERE is_even(bytes)")?;
//! ```
//!
//! `values` says which Rust types SQL's values are, `scalar`, `batched` and `aggregate` are the kinds of functions, `call`
//! is the line over which the host calls them.

mod aggregate;
mod batched;
mod call;
mod scalar;
mod values;

use serde_json::json;

use self::{aggregate::Aggregate, batched::Batched, call::Callee, scalar::Scalar};
pub use self::{
    aggregate::{AggregateFunction, FinishFunction},
    batched::{BatchColumn, BatchFunction},
    scalar::ScalarFunction,
    values::{Argument, Output, SqlValue},
};
use crate::{bridge, host, host::Error};

/// A function of SQL that a cell has defined. It stays when this is dropped.
#[derive(Clone)]
pub struct Udf {
    signature: String,
}

impl std::fmt::Debug for Udf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SQL function {}", self.signature)
    }
}

/// Makes a closure a function of SQL: from now on queries call it by `name`, once a row. One that a cell defined under
/// this name before is replaced.
///
/// Its types say how SQL may call it: `bool`, the integers up to 64 bits, `f32`, `f64`, `&str` or `String`, `IpAddr`, and
/// `DateTime<Utc>`, of up to six arguments. Where an argument is `Option<…>` the closure is called for NULL too, otherwise
/// NULL gives NULL. What it returns is such a type, an `Option` (`None` is NULL), or a `Result`, whose error ends the query.
///
/// It runs in a copy of this process that is made for each query, on several threads: what it changes is gone with the query,
/// and what it captured is as it was when the query began. A panic or a crash in it is an error of the query.
///
/// ```ignore
/// flowdeck::register_udf("entropy", |text: &str| -> f64 { … })?;
/// ```
///
/// # Errors
/// When SQL has a function of that name itself, or could not call one by it.
pub fn register_udf<F, Marker>(name: &str, function: F) -> Result<Udf, Error>
where
    F: ScalarFunction<Marker> + 'static,
    Marker: 'static,
{
    let (arguments, returns) = (F::arguments(), F::RETURNS);
    define(name, false, &arguments, returns, Box::new(Scalar::new(function)))
}

/// As [`register_udf`], with a closure that is called for a few thousand rows at once: it takes references to Arrow arrays
/// and gives one of as many values. Text is a `StringArray`, an address a `FixedSizeBinaryArray` of 16 bytes, a moment
/// a `TimestampNanosecondArray`. NULL is for the closure to deal with.
///
/// ```ignore
/// use flowdeck::arrow_array::{Float64Array, UInt64Array};
/// flowdeck::register_batch_udf("kib", |bytes: &UInt64Array| -> Float64Array { bytes.unary(|bytes| bytes as f64 / 1024.0) })?;
/// ```
///
/// # Errors
/// As [`register_udf`].
pub fn register_batch_udf<F, Marker>(name: &str, function: F) -> Result<Udf, Error>
where
    F: BatchFunction<Marker> + 'static,
    Marker: 'static,
{
    let (arguments, returns) = (F::arguments(), F::RETURNS);
    define(name, false, &arguments, returns, Box::new(Batched::new(function)))
}

/// Makes four closures an aggregate function of SQL, as `sum` is one: `new` gives the state of a group without rows,
/// `update` takes a row in, `merge` takes in the state of other rows of the group, `finish` gives the value. Types are
/// those of [`register_udf`], of up to four arguments.
///
/// ```ignore
/// flowdeck::register_udaf(
///     "product",
///     || 1.0,
///     |product: &mut f64, factor: f64| *product *= factor,
///     |product: &mut f64, other: f64| *product *= other,
///     |product: &f64| -> f64 { *product },
/// )?;
/// ```
///
/// # Errors
/// As [`register_udf`].
pub fn register_udaf<S, New, Update, Merge, Finish, Marker, Out>(
    name: &str,
    new: New,
    update: Update,
    merge: Merge,
    finish: Finish,
) -> Result<Udf, Error>
where
    S: Send + 'static,
    New: Fn() -> S + Send + Sync + 'static,
    Update: AggregateFunction<S, Marker> + 'static,
    Merge: Fn(&mut S, S) + Send + Sync + 'static,
    Finish: FinishFunction<S, Out> + 'static,
    Marker: 'static,
    Out: 'static,
{
    let (arguments, returns) = (Update::arguments(), Finish::RETURNS);
    define(name, true, &arguments, returns, Box::new(Aggregate::new(new, update, merge, finish)))
}

// Not generic, so compiled with the prelude.
fn define(
    name: &str,
    is_aggregate: bool,
    arguments: &[&'static str],
    returns: &'static str,
    callee: Box<dyn Callee>,
) -> Result<Udf, Error> {
    let frame = json!({
        "type": bridge::FUNCTION_DEFINE, "name": name.to_lowercase(), "aggregate": is_aggregate,
        "arguments": arguments, "returns": returns,
    });
    host::define_function(&frame, call::function(callee))?;
    let kind = if is_aggregate { "aggregate " } else { "" };
    Ok(Udf { signature: format!("{kind}{}({}) -> {returns}", name.to_lowercase(), arguments.join(", ")) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{ffi::c_void, sync::Arc};

    use arrow_array::{
        Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, UInt32Array, UInt64Array,
        cast::AsArray,
        ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi},
        make_array,
    };

    use super::*;
    use crate::{
        abi::{FunctionCall, FunctionOutcome, FunctionStep},
        fake_host::FakeHost,
    };

    unsafe extern "C" fn fail(context: *mut c_void, text: *const u8, text_len: usize) {
        // Safety: as `asked` calls it.
        unsafe {
            *context.cast::<String>() =
                String::from_utf8_lossy(std::slice::from_raw_parts(text, text_len)).into_owned();
        }
    }

    /// Calls the function that was defined last, as the host does.
    fn asked(host: &FakeHost, step: FunctionStep, rows: usize, columns: Vec<ArrayRef>) -> Result<ArrayRef, String> {
        let names = columns.iter().enumerate().map(|(place, column)| (place.to_string(), column.clone(), true));
        let (arguments, arguments_schema) = match columns.is_empty() {
            true => (FFI_ArrowArray::empty(), FFI_ArrowSchema::empty()),
            false => {
                let batch = RecordBatch::try_from_iter_with_nullable(names).unwrap();
                to_ffi(&StructArray::from(batch).to_data()).unwrap()
            }
        };
        let mut said = String::new();
        let mut call = FunctionCall {
            step,
            accumulator: 1,
            keep: true,
            rows,
            arguments,
            arguments_schema,
            values: FFI_ArrowArray::empty(),
            values_schema: FFI_ArrowSchema::empty(),
            outcome: FunctionOutcome::Failed,
            fail,
            context: (&raw mut said).cast(),
        };
        let function = host.function();
        // Safety: the function is registered, and the call is valid.
        unsafe { (function.call)(function.data, &mut call) };
        match call.outcome {
            FunctionOutcome::Done if call.values.is_released() => Ok(Arc::new(Int64Array::from(Vec::<i64>::new()))),
            // Safety: the function gave both.
            FunctionOutcome::Done => Ok(make_array(
                unsafe { from_ffi(std::mem::replace(&mut call.values, FFI_ArrowArray::empty()), &call.values_schema) }
                    .unwrap(),
            )),
            FunctionOutcome::Failed => Err(said),
            FunctionOutcome::Panicked => Err("a panic".to_owned()),
        }
    }

    #[test]
    fn a_closure_is_called_once_a_row_and_null_is_for_options_only() {
        let host = FakeHost::new();
        let udf = register_udf("Twice", |text: &str, more: Option<i64>| -> Result<i64, String> {
            match text {
                "refused" => Err("no such text".to_owned()),
                "panics" => panic!("on purpose"),
                text => Ok(text.len() as i64 + more.unwrap_or(100)),
            }
        })
        .unwrap();
        assert_eq!(format!("{udf:?}"), "SQL function twice(text, i64) -> i64");
        let frame = &host.frames()[0];
        assert_eq!((&frame["name"], &frame["arguments"]), (&json!("twice"), &json!(["text", "i64"])));
        let called = |text: &str| {
            let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("ab"), None, Some(text)]));
            let more: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
            asked(&host, FunctionStep::Apply, 3, vec![texts, more])
        };
        let values = called("xyz").unwrap();
        assert_eq!(values.as_primitive(), &Int64Array::from(vec![Some(3), None, Some(103)]));
        assert_eq!(called("refused").unwrap_err(), "no such text");
        assert_eq!(called("panics").unwrap_err(), "a panic");
        assert!(called("abc").is_ok(), "the next call finds it as it was");
    }

    #[test]
    fn groups_have_states_that_are_handed_over_and_merged() {
        let host = FakeHost::new();
        register_udaf(
            "total",
            || 0.0,
            |sum: &mut f64, value: f64| *sum += value,
            |sum: &mut f64, other: f64| *sum += other,
            |sum: &f64| -> f64 { *sum },
        )
        .unwrap();
        let groups = |groups: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from(groups.to_vec())) };
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None, Some(4.0)]));
        asked(&host, FunctionStep::Update, 0, vec![groups(&[0, 1, 0, 0]), values]).unwrap();
        let numbers = asked(&host, FunctionStep::State, 2, Vec::new()).unwrap();
        assert_eq!(numbers.as_primitive(), &UInt64Array::from(vec![1, 2]));
        asked(&host, FunctionStep::Merge, 0, vec![groups(&[2, 2]), numbers]).unwrap();
        // A group that no row came for has the state of the beginning.
        let values = asked(&host, FunctionStep::Evaluate, 3, Vec::new()).unwrap();
        assert_eq!(values.as_primitive(), &Float64Array::from(vec![0.0, 0.0, 7.0]));
    }

    #[test]
    fn a_batch_must_give_as_many_values_as_it_has_rows() {
        let host = FakeHost::new();
        register_batch_udf("half", |numbers: &Int64Array| -> Int64Array { numbers.slice(0, numbers.len() / 2) })
            .unwrap();
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
        let refused = asked(&host, FunctionStep::Apply, 4, vec![numbers]).unwrap_err();
        assert_eq!(refused, "gave 2 values for 4 rows");
    }

    #[test]
    fn without_a_kernel_no_function_is_defined() {
        let held = Arc::new(());
        let kept = held.clone();
        let refused = register_udf("f", move |n: i64| -> i64 { n + i64::from(Arc::strong_count(&kept) > 9) });
        assert!(refused.is_err_and(|error| error.to_string().contains("no kernel")));
        assert_eq!(Arc::strong_count(&held), 1, "the closure is dropped");
    }
}
