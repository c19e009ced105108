//! The flows under the names of other standards: `flows_ecs` and `flows_zeek`, for queries and detections written for
//! these. They follow the table `flows` whatever it is replaced by.
//!
//! Which column is which is the metadata of `flow-source`'s schema; here is only what needs more than a new name.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use flow_source::flow_schema;

/// The table that the views are of.
pub(crate) const FLOWS: &str = "flows";
/// Tells our views from those of an analyst under the same name.
const MARK: &str = "flows under the names of a standard";

/// A view of ours.
pub(crate) struct StandardView {
    pub(crate) name: &'static str,
    /// Whose names these are.
    pub(crate) standard: &'static str,
    /// The key of the metadata that holds a column's name there.
    key: &'static str,
    /// Columns that need more than a new name, and those that have no column of their own: name and SQL.
    computed: &'static [(&'static str, &'static str)],
    /// What the metadata names and no column can be.
    absent: &'static [&'static str],
}

pub(crate) const VIEWS: &[StandardView] = &[
    StandardView {
        name: "flows_ecs",
        standard: "Elastic Common Schema",
        key: "ecs",
        computed: &[
            ("event.duration", "CAST(round(duration_s * 1000000000) AS BIGINT)"),
            ("network.type", "CASE ip_version WHEN 4 THEN 'ipv4' WHEN 6 THEN 'ipv6' END"),
            ("network.iana_number", "CAST(protocol AS VARCHAR)"),
            (
                "network.direction",
                "CASE direction WHEN 'in' THEN 'inbound' WHEN 'out' THEN 'outbound' ELSE direction END",
            ),
            ("network.bytes", "bytes + coalesce(rev_bytes, 0)"),
            ("network.packets", "packets + coalesce(rev_packets, 0)"),
            ("source.mac", "upper(replace(src_mac, ':', '-'))"),
            ("destination.mac", "upper(replace(dst_mac, ':', '-'))"),
        ],
        absent: &[],
    },
    StandardView {
        name: "flows_zeek",
        standard: "Zeek's conn.log",
        key: "zeek",
        computed: &[
            ("id.orig_p", "coalesce(src_port, CAST(icmp_type AS SMALLINT UNSIGNED))"),
            ("id.resp_p", "coalesce(dst_port, CAST(icmp_code AS SMALLINT UNSIGNED))"),
            ("proto", "CASE WHEN protocol = 58 THEN 'icmp' ELSE protocol_name END"),
            (
                "local_orig",
                "CASE WHEN direction IN ('internal', 'out') THEN true WHEN direction IN ('in', 'external') THEN false \
                 END",
            ),
            (
                "local_resp",
                "CASE WHEN direction IN ('internal', 'in') THEN true WHEN direction IN ('out', 'external') THEN false \
                 END",
            ),
        ],
        // An end is no field of its own, and of a history of packets only the flags are known.
        absent: &["ts+duration", "history"],
    },
];

impl StandardView {
    /// Name and SQL of each column, in the order of the flow schema.
    pub(crate) fn columns(&self) -> Vec<(String, String)> {
        let mut columns: Vec<(String, String)> = Vec::new();
        for field in flow_schema().fields() {
            let names = field.metadata().get(self.key).map(String::as_str).unwrap_or_default();
            for name in names.split(", ").filter(|name| !name.is_empty() && !self.absent.contains(name)) {
                let computed = self.computed.iter().find(|(known, _)| *known == name);
                let sql = computed.map_or(field.name().as_str(), |(_, sql)| sql);
                if columns.iter().all(|(known, _)| known != name) {
                    columns.push((name.to_string(), sql.to_string()));
                }
            }
        }
        let has = |name: &str, columns: &[(String, String)]| columns.iter().any(|(known, _)| known == name);
        for (name, sql) in self.computed {
            if !has(name, &columns) {
                columns.push(((*name).to_string(), (*sql).to_string()));
            }
        }
        columns
    }

    fn over(&self, state: &SessionState, flows: Arc<dyn TableProvider>) -> DataFusionResult<ViewTable> {
        let schema = DFSchema::try_from_qualified_schema(FLOWS, &flows.schema())?;
        let column = |(name, sql): (String, String)| Ok(state.create_logical_expr(&sql, &schema)?.alias(name));
        let columns = self.columns().into_iter().map(column).collect::<DataFusionResult<Vec<Expr>>>()?;
        let plan = LogicalPlanBuilder::scan(FLOWS, provider_as_source(flows), None)?.project(columns)?.build()?;
        Ok(ViewTable::new(plan, Some(MARK.to_string())))
    }
}

/// The views of what `flows` is now, by name; none when it has not the columns of the flow schema.
pub(crate) fn over(
    state: &SessionState,
    flows: Option<Arc<dyn TableProvider>>,
) -> DataFusionResult<HashMap<&'static str, Arc<dyn TableProvider>>> {
    let Some(flows) = flows.filter(|flows| has_flow_columns(&flows.schema())) else { return Ok(HashMap::new()) };
    let view = |view: &StandardView| {
        let table: Arc<dyn TableProvider> = Arc::new(view.over(state, Arc::clone(&flows))?);
        Ok((view.name, table))
    };
    VIEWS.iter().map(view).collect()
}

/// Whether a table is one of these views and not an analyst's.
pub(crate) fn is_ours(table: &dyn TableProvider) -> bool {
    table.downcast_ref::<ViewTable>().and_then(|view| view.definition().map(String::as_str)) == Some(MARK)
}

fn has_flow_columns(found: &Schema) -> bool {
    let schema = flow_schema();
    schema
        .fields()
        .iter()
        .all(|wanted| found.field_with_name(wanted.name()).is_ok_and(|found| found.data_type() == wanted.data_type()))
}
