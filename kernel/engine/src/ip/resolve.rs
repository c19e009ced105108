//! A whole plan in terms of bytes: the rule that runs before DataFusion unites types.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, Union};
use datafusion::optimizer::AnalyzerRule;
use flow_source::is_ip_field;

use super::expressions::{IpFunctions, is_address};
use super::label;

/// Writes comparisons, joins and functions of addresses in terms of bytes, and keeps the label of addresses where
/// DataFusion drops it.
#[derive(Debug)]
pub(crate) struct ResolveAddresses(pub(crate) Arc<IpFunctions>);

impl AnalyzerRule for ResolveAddresses {
    fn name(&self) -> &str {
        "resolve_addresses"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| self.node(plan))?.data)
    }
}

impl ResolveAddresses {
    fn node(&self, plan: LogicalPlan) -> DataFusionResult<Transformed<LogicalPlan>> {
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let names = NamePreserver::new(&plan);
        let labels = matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_));
        let resolved = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let resolved = self.0.resolve(expr, &schema)?;
            let resolved = resolved.update_data(|expr| name.restore(expr));
            Ok(if labels { resolved.transform_data(|expr| labelled(expr, &schema))? } else { resolved })
        })?;
        let resolved = resolved.transform_data(|plan| match plan {
            LogicalPlan::Join(join) => Ok(self.join(join)),
            LogicalPlan::Union(union) => self.union(union),
            other => Ok(Transformed::no(other)),
        })?;
        // Below, a column may have become an address or text.
        resolved.map_data(LogicalPlan::recompute_schema)
    }

    /// Both sides of `ON left = right` as addresses.
    fn join(&self, mut join: Join) -> Transformed<LogicalPlan> {
        let mut changed = false;
        for (left, right) in &mut join.on {
            let (left_schema, right_schema) = (join.left.schema(), join.right.schema());
            let mut read = |text: &mut Expr, schema: &DFSchema| {
                changed = true;
                *text = self.0.united(std::mem::take(text), schema);
            };
            match (is_address(left, left_schema), is_address(right, right_schema)) {
                (true, false) => read(right, right_schema),
                (false, true) => read(left, left_schema),
                _ => {}
            }
        }
        Transformed::new_transformed(LogicalPlan::Join(join), changed)
    }

    /// Columns that are addresses in one part only become text in all.
    fn union(&self, union: Union) -> DataFusionResult<Transformed<LogicalPlan>> {
        let is_address = |plan: &LogicalPlan, column: usize| {
            plan.schema().fields().get(column).is_some_and(|field| is_ip_field(field))
        };
        let columns = union.inputs.iter().map(|input| input.schema().fields().len()).min().unwrap_or(0);
        let mixed: Vec<usize> = (0..columns)
            .filter(|column| {
                let addresses = union.inputs.iter().filter(|input| is_address(input, *column)).count();
                let texts = union.inputs.iter().filter(|input| input.schema().field(*column).data_type().is_string());
                addresses > 0 && texts.count() > 0
            })
            .collect();
        if mixed.is_empty() {
            return Ok(Transformed::no(LogicalPlan::Union(union)));
        }
        let as_text = |input: Arc<LogicalPlan>| -> DataFusionResult<Arc<LogicalPlan>> {
            let columns = input.schema().iter().enumerate().map(|(index, (qualifier, field))| {
                let column = Expr::Column(Column::from((qualifier, field)));
                match mixed.contains(&index) && is_ip_field(field) {
                    true => self.0.text_of(column).alias_qualified(qualifier.cloned(), field.name()),
                    false => column,
                }
            });
            let columns: Vec<Expr> = columns.collect();
            Ok(Arc::new(LogicalPlanBuilder::new_from_arc(input).project(columns)?.build()?))
        };
        let inputs = union.inputs.into_iter().map(as_text).collect::<DataFusionResult<Vec<_>>>()?;
        Ok(Transformed::yes(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)))
    }
}

/// The expression with the label of addresses, where its value is one and does not say so.
fn labelled(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    if matches!(expr, Expr::GroupingSet(_)) || !is_address(&expr, schema) {
        return Ok(Transformed::no(expr));
    }
    let is_labelled = expr.to_field(schema).is_ok_and(|(_, field)| is_ip_field(&field));
    if is_labelled {
        return Ok(Transformed::no(expr));
    }
    let (relation, name) = expr.qualified_name();
    let expr = expr.unalias();
    Ok(Transformed::yes(expr.alias_qualified_with_metadata(relation, name, Some(label()))))
}
