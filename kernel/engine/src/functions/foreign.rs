//! SQL functions whose code is elsewhere: in the process that runs Rust cells.
//!
//! Here is what SQL must know of one ([`ForeignFunction`]) and how it becomes known. `values` checks and converts what
//! it is given, `scalar` and `aggregate` are what DataFusion calls, `calls` gives each query a place of its own to call
//! them in. How a call gets there is the kernel's business, behind [`ForeignHost`].

mod aggregate;
mod calls;
mod scalar;
mod values;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

pub(crate) use self::calls::{QueryCalls, bind};
pub(crate) use self::scalar::is_one;
pub use self::values::ForeignType;
use super::fault::FunctionFault;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::names;

/// A function that SQL calls elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ForeignFunction {
    /// Its name, in lower case.
    pub name: String,
    /// Tells definitions of one name apart.
    pub number: u64,
    /// Whether one value comes of many rows.
    pub is_aggregate: bool,
    /// What it takes.
    pub arguments: Vec<ForeignType>,
    /// What comes out.
    pub returns: ForeignType,
}

impl ForeignFunction {
    /// How it is called, for people.
    pub fn signature(&self) -> String {
        let arguments: Vec<&str> = self.arguments.iter().map(|kind| kind.word()).collect();
        let kind = if self.is_aggregate { "aggregate " } else { "" };
        format!("{kind}{}({}) -> {}", self.name, arguments.join(", "), self.returns.word())
    }
}

/// What is asked of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignStep {
    /// Give the value of each row.
    Apply,
    /// Take rows in: the first column says to which group of `accumulator` each belongs.
    Update { accumulator: u64 },
    /// Take states in that [`ForeignStep::State`] gave: a column of groups, and one of states.
    Merge { accumulator: u64 },
    /// Give the states of the first groups, and forget these groups.
    State { accumulator: u64 },
    /// Give the values of the first groups; forget these groups unless they are kept.
    Evaluate { accumulator: u64, keep: bool },
    /// Forget the accumulator.
    Forget { accumulator: u64 },
}

/// One call.
#[derive(Debug)]
pub struct ForeignCall<'a> {
    /// The function.
    pub function: &'a ForeignFunction,
    /// What is asked of it.
    pub step: ForeignStep,
    /// How many values are to come out, where any are.
    pub rows: usize,
    /// What it is given. Text is `Utf8`.
    pub columns: &'a [ArrayRef],
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignFault {
    /// What happened, behind the name of the function.
    pub fact: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Where such functions run.
pub trait ForeignHost: Debug + Send + Sync {
    /// A place for all calls of one query.
    ///
    /// # Errors
    /// When there is none, in words for the analyst.
    fn open(&self) -> Result<Arc<dyn ForeignCalls>, ForeignFault>;
}

/// The calls of one query. Dropped when the query is over.
pub trait ForeignCalls: Debug + Send + Sync {
    /// Makes a call and waits for its answer, but not for long once `is_stopped`. Called by several threads at once.
    ///
    /// # Errors
    /// What the function says, or how its process ended.
    fn call(&self, call: &ForeignCall<'_>, is_stopped: &dyn Fn() -> bool) -> Result<Option<ArrayRef>, ForeignFault>;
}

impl Engine {
    /// Makes a function known to SQL; one that this defined before under the same name is replaced.
    ///
    /// # Errors
    /// When SQL could not call it by this name, or calls something else by it.
    pub fn define_function(&self, function: ForeignFunction, host: Arc<dyn ForeignHost>) -> Result<(), EngineError> {
        let name = function.name.clone();
        if let Some(reason) = names::not_a_function(&name) {
            return Err(EngineError::FunctionName { name, reason });
        }
        let context = self.context();
        let is_taken = self.function_names().contains(&name) && !is_known(context, &name);
        if is_taken || super::table_functions().iter().any(|function| function.name == name) {
            let reason = "SQL has a function of this name already".to_owned();
            return Err(EngineError::FunctionName { name, reason });
        }
        forget(context, &name);
        let function = Arc::new(function);
        if function.is_aggregate {
            context.register_udaf(AggregateUDF::from(aggregate::Adapter::new(function, host)));
        } else {
            context.register_udf(ScalarUDF::from(scalar::Adapter::new(function, host)));
        }
        Ok(())
    }

    /// Forgets a function that [`define_function`](Self::define_function) made known; says whether there was one.
    pub fn forget_function(&self, name: &str) -> bool {
        forget(self.context(), name)
    }
}

/// The signature of such a function.
pub(crate) fn signature_of(engine: &Engine, name: &str) -> Option<String> {
    let state = engine.context().state_ref();
    let state = state.read();
    let scalar = state.scalar_functions().get(name).and_then(|udf| scalar::described(udf));
    scalar.or_else(|| state.aggregate_functions().get(name).and_then(|udf| aggregate::described(udf)))
}

fn is_known(context: &SessionContext, name: &str) -> bool {
    let state = context.state_ref();
    let state = state.read();
    let is_scalar = state.scalar_functions().get(name).is_some_and(|udf| is_one(udf));
    is_scalar || state.aggregate_functions().get(name).is_some_and(|udf| aggregate::described(udf).is_some())
}

fn forget(context: &SessionContext, name: &str) -> bool {
    let is_known = is_known(context, name);
    if is_known {
        context.deregister_udf(name);
        context.deregister_udaf(name);
    }
    is_known
}

fn failed(function: &ForeignFunction, fault: ForeignFault) -> FunctionFault {
    // A panic's message may be of several lines, and hold what came from data.
    let fact = fault.fact.lines().map(crate::render::visible).collect::<Vec<_>>().join("\n");
    FunctionFault::Foreign { function: function.name.clone(), fact, hint: fault.hint }
}
