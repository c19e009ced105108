//! What SQL's planner must be told, so that it lets addresses meet text.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType as SqlType};
use flow_source::ip_field;

use super::expressions::IpFunctions;
use super::{deferred, may_be_address, range};

/// Names of the type in `CAST(… AS IP)` and `'…'::inet`.
const TYPE_NAMES: &[&str] = &["ip", "inet", "ipaddress"];

/// Comparisons and concatenations with an address.
#[derive(Debug)]
pub(crate) struct IpPlanner(pub(crate) Arc<IpFunctions>);

impl ExprPlanner for IpPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> DataFusionResult<PlannerResult<RawBinaryExpr>> {
        let is_address = |side: &Expr| side.get_type(schema).is_ok_and(|found| may_be_address(&found));
        let sides = (is_address(&expr.left), is_address(&expr.right));
        if sides == (false, false) {
            return Ok(PlannerResult::Original(expr));
        }
        if let Some(operator) = comparison(&expr.op).filter(|_| sides != (true, true)) {
            return Ok(PlannerResult::Planned(deferred::comparison(expr.left, operator, expr.right)));
        }
        let Some(operator) = on_text(&expr.op) else { return Ok(PlannerResult::Original(expr)) };
        let text = |side: Expr, is_address: bool| if is_address { self.0.text_of(side) } else { side };
        let (left, right) = (text(expr.left, sides.0), text(expr.right, sides.1));
        Ok(PlannerResult::Planned(range::binary(left, operator, right)))
    }
}

fn comparison(operator: &BinaryOperator) -> Option<Operator> {
    Some(match operator {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

fn on_text(operator: &BinaryOperator) -> Option<Operator> {
    Some(match operator {
        BinaryOperator::StringConcat => Operator::StringConcat,
        BinaryOperator::PGRegexMatch => Operator::RegexMatch,
        BinaryOperator::PGRegexIMatch => Operator::RegexIMatch,
        BinaryOperator::PGRegexNotMatch => Operator::RegexNotMatch,
        BinaryOperator::PGRegexNotIMatch => Operator::RegexNotIMatch,
        BinaryOperator::PGLikeMatch => Operator::LikeMatch,
        BinaryOperator::PGILikeMatch => Operator::ILikeMatch,
        BinaryOperator::PGNotLikeMatch => Operator::NotLikeMatch,
        BinaryOperator::PGNotILikeMatch => Operator::NotILikeMatch,
        _ => return None,
    })
}

/// The type of addresses by its names in SQL.
#[derive(Debug)]
pub(crate) struct IpTypeNames;

impl TypePlanner for IpTypeNames {
    fn plan_type_field(&self, sql_type: &SqlType) -> DataFusionResult<Option<FieldRef>> {
        let SqlType::Custom(name, _) = sql_type else { return Ok(None) };
        let name = name.to_string();
        let is_ip = TYPE_NAMES.iter().any(|known| known.eq_ignore_ascii_case(&name));
        Ok(is_ip.then(|| Arc::new(ip_field(""))))
    }
}
