//! Tables of sources whose clock goes wrong: their times corrected by a constant.
//!
//! Comparisons of a time with a constant are turned round before they reach the source, so that it still chooses files
//! by them. Which times are of the source's clock is decided here: all but when a flow was received.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, DurationNanosecondArray, Scalar};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef, TimeUnit};
use async_trait::async_trait;
use chrono::TimeDelta;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as DataFusionResult, ScalarValue, internal_err};
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TableProviderFilterPushDown, TableType, Volatility,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::Column as PlanColumn;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

/// Times of the collector's clock.
const OF_OTHER_CLOCKS: &[&str] = &["received_time"];

/// A table of a source whose clock is ahead by `offset`.
#[derive(Debug)]
pub(crate) struct CorrectedTable {
    inner: Arc<dyn TableProvider>,
    offset: TimeDelta,
}

impl CorrectedTable {
    /// `inner` with its times corrected; the same table where there is nothing to correct.
    pub(crate) fn over(inner: Arc<dyn TableProvider>, offset: TimeDelta) -> Arc<dyn TableProvider> {
        match offset.is_zero() || inner.schema().fields().iter().all(|field| !is_corrected(field)) {
            true => inner,
            false => Arc::new(Self { inner, offset }),
        }
    }

    /// The filter that the source understands: about its own times. `None` when it looks at times in another way than
    /// comparing them with constants.
    fn for_source(&self, filter: &Expr) -> Option<Expr> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                let (left, right) = (self.for_source(left)?, self.for_source(right)?);
                Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                let (left, right) = match (left.as_ref(), right.as_ref()) {
                    (Expr::Column(column), Expr::Literal(value, metadata)) if self.is_time(column) => {
                        (left.as_ref().clone(), Expr::Literal(self.shifted(value)?, metadata.clone()))
                    }
                    (Expr::Literal(value, metadata), Expr::Column(column)) if self.is_time(column) => {
                        (Expr::Literal(self.shifted(value)?, metadata.clone()), right.as_ref().clone())
                    }
                    _ => return self.unless_about_times(filter),
                };
                Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
            }
            Expr::Between(Between { expr, negated, low, high }) => match (expr.as_ref(), low.as_ref(), high.as_ref()) {
                (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) if self.is_time(column) => {
                    let bound = |value| Some(Box::new(Expr::Literal(self.shifted(value)?, None)));
                    Some(Expr::Between(Between::new(expr.clone(), *negated, bound(low)?, bound(high)?)))
                }
                _ => self.unless_about_times(filter),
            },
            Expr::IsNull(inner) | Expr::IsNotNull(inner) if matches!(inner.as_ref(), Expr::Column(_)) => {
                Some(filter.clone())
            }
            _ => self.unless_about_times(filter),
        }
    }

    fn unless_about_times(&self, filter: &Expr) -> Option<Expr> {
        let mut is_about_times = false;
        let walked = filter.apply(|expr| {
            is_about_times |= matches!(expr, Expr::Column(column) if self.is_time(column));
            Ok(TreeNodeRecursion::Continue)
        });
        (walked.is_ok() && !is_about_times).then(|| filter.clone())
    }

    fn is_time(&self, column: &Column) -> bool {
        self.inner.schema().field_with_name(&column.name).is_ok_and(is_corrected)
    }

    /// A moment as the source's clock showed it; `None` where its type cannot say that exactly.
    fn shifted(&self, value: &ScalarValue) -> Option<ScalarValue> {
        let DataType::Timestamp(unit, _) = value.data_type() else { return None };
        let amount = in_unit(self.offset, unit)?;
        let add = |value: &Option<i64>| value.map_or(Some(None), |value| value.checked_add(amount).map(Some));
        Some(match value {
            ScalarValue::TimestampSecond(value, zone) => ScalarValue::TimestampSecond(add(value)?, zone.clone()),
            ScalarValue::TimestampMillisecond(value, zone) => {
                ScalarValue::TimestampMillisecond(add(value)?, zone.clone())
            }
            ScalarValue::TimestampMicrosecond(value, zone) => {
                ScalarValue::TimestampMicrosecond(add(value)?, zone.clone())
            }
            ScalarValue::TimestampNanosecond(value, zone) => {
                ScalarValue::TimestampNanosecond(add(value)?, zone.clone())
            }
            _ => return None,
        })
    }
}

/// The offset in a unit, if it is a whole number of it.
fn in_unit(offset: TimeDelta, unit: TimeUnit) -> Option<i64> {
    let nanos = offset.num_nanoseconds()?;
    let size = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    (nanos % size == 0).then_some(nanos / size)
}

fn is_corrected(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Timestamp(..)) && !OF_OTHER_CLOCKS.contains(&field.name().as_str())
}

#[async_trait]
impl TableProvider for CorrectedTable {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.for_source(filter) {
            Some(filter) => Ok(self.inner.supports_filters_pushdown(&[&filter])?.remove(0)),
            None => Ok(TableProviderFilterPushDown::Unsupported),
        };
        filters.iter().map(support).collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let filters: Vec<Expr> = filters.iter().filter_map(|filter| self.for_source(filter)).collect();
        let plan = self.inner.scan(state, projection, &filters, limit).await?;
        let schema = plan.schema();
        if schema.fields().iter().all(|field| !is_corrected(field)) {
            return Ok(plan);
        }
        let correct = Arc::new(ScalarUDF::from(CorrectTime::new(self.offset)?));
        let options = Arc::new(state.config_options().clone());
        let columns = schema.fields().iter().enumerate().map(|(place, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(PlanColumn::new(field.name(), place));
            let expr = match is_corrected(field) {
                true => Arc::new(ScalarFunctionExpr::new(
                    correct.name(),
                    Arc::clone(&correct),
                    vec![column],
                    Arc::clone(field),
                    Arc::clone(&options),
                )),
                false => column,
            };
            ProjectionExpr { expr, alias: field.name().clone() }
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), plan)?))
    }
}

/// What the source's clock showed, as what it was.
#[derive(Debug, PartialEq, Eq)]
struct CorrectTime {
    offset_nanos: i64,
    signature: Signature,
}

impl CorrectTime {
    fn new(offset: TimeDelta) -> DataFusionResult<Self> {
        let Some(offset_nanos) = offset.num_nanoseconds() else {
            return internal_err!("a clock cannot be wrong by {offset}");
        };
        Ok(Self { offset_nanos, signature: Signature::any(1, Volatility::Immutable) })
    }
}

impl Hash for CorrectTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.offset_nanos.hash(state);
    }
}

impl ScalarUDFImpl for CorrectTime {
    fn name(&self) -> &str {
        "correct_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        match types {
            [one] => Ok(one.clone()),
            _ => internal_err!("correct_time takes one time"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DataFusionResult<FieldRef> {
        match args.arg_fields {
            [one] => Ok(Arc::clone(one)),
            _ => internal_err!("correct_time takes one time"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let times = args.args[0].to_array(args.number_rows)?;
        let DataType::Timestamp(unit, _) = times.data_type() else {
            return internal_err!("correct_time was given {}", times.data_type());
        };
        let offset: ArrayRef = Arc::new(DurationNanosecondArray::from(vec![self.offset_nanos]));
        let offset = arrow::compute::cast(&offset, &DataType::Duration(*unit))?;
        Ok(ColumnarValue::Array(numeric::sub(&times, &Scalar::new(offset))?))
    }
}
