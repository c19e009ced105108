//! The calls of one query: a place of its own for them, made with the first, left when the query is over.
//!
//! DataFusion does not tell an aggregate function which query it is called for. So the functions in a plan are replaced
//! by ones that know, before it runs.

use std::sync::{Arc, Mutex};

use arrow::array::ArrayRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result as DataFusionResult, exec_err};
use datafusion::logical_expr::{DdlStatement, Expr, LogicalPlan, WindowFunctionDefinition};

use super::{
    ForeignCall, ForeignCalls, ForeignFault, ForeignFunction, ForeignHost, ForeignStep, aggregate, failed, scalar,
};
use crate::stop::StopFlag;

/// What the functions in a query's plan share.
#[derive(Debug)]
pub(crate) struct QueryCalls {
    stop: StopFlag,
    /// Made with the first call; a place that could not be made is not tried again.
    place: Mutex<Option<Result<Arc<dyn ForeignCalls>, ForeignFault>>>,
}

impl QueryCalls {
    /// The calls of a query that ends at once when the flag is raised.
    pub(crate) fn new(stop: StopFlag) -> Arc<QueryCalls> {
        Arc::new(QueryCalls { stop, place: Mutex::default() })
    }

    fn place(&self, host: &Arc<dyn ForeignHost>) -> Result<Arc<dyn ForeignCalls>, ForeignFault> {
        let mut place = self.place.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        place.get_or_insert_with(|| host.open()).clone()
    }
}

/// The plan with its foreign functions bound to the query. A view keeps them unbound: it is part of other queries later.
pub(crate) fn bind(plan: LogicalPlan, query: &Arc<QueryCalls>) -> DataFusionResult<LogicalPlan> {
    if matches!(plan, LogicalPlan::Ddl(DdlStatement::CreateView(_))) {
        return Ok(plan);
    }
    let bound = plan.transform_down_with_subqueries(|node| {
        node.map_expressions(|expr| expr.transform_up(|expr| Ok(bound_expression(expr, query))))
    })?;
    Ok(bound.data)
}

fn bound_expression(expr: Expr, query: &Arc<QueryCalls>) -> Transformed<Expr> {
    match expr {
        Expr::ScalarFunction(mut call) => match scalar::bound(&call.func, query) {
            Some(bound) => {
                call.func = Arc::new(bound);
                Transformed::yes(Expr::ScalarFunction(call))
            }
            None => Transformed::no(Expr::ScalarFunction(call)),
        },
        Expr::AggregateFunction(mut call) => match aggregate::bound(&call.func, query) {
            Some(bound) => {
                call.func = Arc::new(bound);
                Transformed::yes(Expr::AggregateFunction(call))
            }
            None => Transformed::no(Expr::AggregateFunction(call)),
        },
        Expr::WindowFunction(mut call) => {
            let bound = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(udaf) => aggregate::bound(udaf, query),
                WindowFunctionDefinition::WindowUDF(_) => None,
            };
            match bound {
                Some(bound) => {
                    call.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(bound));
                    Transformed::yes(Expr::WindowFunction(call))
                }
                None => Transformed::no(Expr::WindowFunction(call)),
            }
        }
        expr => Transformed::no(expr),
    }
}

/// Who calls one function.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    function: Arc<ForeignFunction>,
    host: Arc<dyn ForeignHost>,
    query: Arc<QueryCalls>,
}

impl Caller {
    /// Outside of a query's plan each caller has a place of its own.
    pub(super) fn new(
        function: &Arc<ForeignFunction>,
        host: &Arc<dyn ForeignHost>,
        query: Option<&Arc<QueryCalls>>,
    ) -> Caller {
        let query = query.map_or_else(|| QueryCalls::new(StopFlag::default()), Arc::clone);
        Caller { function: Arc::clone(function), host: Arc::clone(host), query }
    }

    pub(super) fn function(&self) -> &ForeignFunction {
        &self.function
    }

    /// Makes a call. What it gives has as many values as `rows` says, of the function's type where they are values.
    pub(super) fn call(
        &self,
        step: ForeignStep,
        rows: usize,
        columns: &[ArrayRef],
    ) -> DataFusionResult<Option<ArrayRef>> {
        if self.query.stop.is_raised() {
            return exec_err!("the query was stopped");
        }
        let function = self.function.as_ref();
        let place = self.query.place(&self.host).map_err(|fault| failed(function, fault))?;
        let call = ForeignCall { function, step, rows, columns };
        let answer = place.call(&call, &|| self.query.stop.is_raised()).map_err(|fault| failed(function, fault))?;
        let is_value = matches!(step, ForeignStep::Apply | ForeignStep::Evaluate { .. });
        if let Some(answer) = answer.as_ref().filter(|_| is_value) {
            let wanted = function.returns.data_type();
            if answer.len() != rows || answer.data_type() != &wanted {
                let fact = format!(
                    "gave {} values of type {} where {rows} of type {wanted} were due",
                    answer.len(),
                    answer.data_type()
                );
                return Err(failed(function, ForeignFault { fact, hint: None }).into());
            }
        }
        Ok(answer)
    }
}
