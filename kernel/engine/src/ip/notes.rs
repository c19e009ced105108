//! What a query's lists of addresses mean otherwise than they are written: a network whose host bits are set.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::deferred;
use crate::functions::ip_list::parse_ip_list;

/// The function that takes lists.
const IP_IN: &str = "ip_in";

/// In sentences, each once, of the constants of a plan whose parameters have their values.
pub(crate) fn notes_of_lists(plan: &LogicalPlan) -> DataFusionResult<Vec<String>> {
    let mut notes: Vec<String> = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                for text in lists_in(part) {
                    let Ok(list) = parse_ip_list(text) else { continue };
                    let new: Vec<String> = list.notes().iter().filter(|note| !notes.contains(note)).cloned().collect();
                    notes.extend(new);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(notes)
}

/// Texts that stand where addresses are meant.
fn lists_in(part: &Expr) -> Vec<&str> {
    match part {
        Expr::ScalarFunction(call) if call.func.name() == IP_IN || deferred::operator_of(call).is_some() => {
            call.args.iter().filter_map(constant_text).collect()
        }
        _ => Vec::new(),
    }
}

fn constant_text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text),
        Expr::Cast(cast) => constant_text(&cast.expr),
        _ => None,
    }
}
