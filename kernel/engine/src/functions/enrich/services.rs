//! `enrichment_services()`: the services there are, whether they can be asked, and what is left of their quotas.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result as DataFusionResult;
use enrichment::ServiceState;

use crate::executor;
use crate::functions::fault::FunctionFault;
use crate::functions::setup::Setup;
use crate::functions::text::FunctionText;

const NAME: &str = "enrichment_services";

/// The function before it has a setup.
pub(in crate::functions) const SERVICES_FUNCTION: FunctionText = FunctionText {
    name: NAME,
    syntax: "enrichment_services()",
    description: "The services that lookups ask, one a row: whether each is ready or what it misses, its requests a minute \
                  and a day, how many are used today by all kernels, how many are left, and when the next day begins.",
    examples: &[],
};

#[derive(Debug)]
pub(in crate::functions) struct ServicesFunction(pub(in crate::functions) Arc<Setup>);

impl TableFunctionImpl for ServicesFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> DataFusionResult<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            let (syntax, given) = (SERVICES_FUNCTION.syntax, args.exprs().len());
            let expected = "no argument".to_owned();
            return Err(FunctionFault::ArgumentCount { function: NAME, syntax, expected, given }.into());
        }
        let desk = self.0.lookups.desk(NAME)?;
        let states = executor::wait(desk.states())?;
        let states = states.map_err(|fault| FunctionFault::Lookup { function: NAME, fault })?;
        let batch = rows(&states)?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

fn rows(states: &[ServiceState]) -> DataFusionResult<RecordBatch> {
    let texts = |get: fn(&ServiceState) -> Option<&str>| -> ArrayRef {
        Arc::new(states.iter().map(get).collect::<StringViewArray>())
    };
    let numbers = |get: fn(&ServiceState) -> u32| -> ArrayRef {
        Arc::new(states.iter().map(|state| Some(i64::from(get(state)))).collect::<Int64Array>())
    };
    let is_ready = states.iter().map(|state| Some(state.missing.is_none())).collect::<BooleanArray>();
    let next_day =
        states.iter().map(|state| state.next_day.timestamp_nanos_opt()).collect::<TimestampNanosecondArray>();
    Ok(RecordBatch::try_from_iter_with_nullable([
        ("service", texts(|state| Some(state.name)), true),
        ("ready", Arc::new(is_ready) as ArrayRef, true),
        ("missing", texts(|state| state.missing.as_deref()), true),
        ("per_minute", numbers(|state| state.per_minute), true),
        ("per_day", numbers(|state| state.per_day), true),
        ("used_today", numbers(|state| state.used_today), true),
        ("left_today", numbers(|state| state.per_day.saturating_sub(state.used_today)), true),
        ("next_day", Arc::new(next_day.with_timezone("UTC")) as ArrayRef, true),
    ])?)
}
