//! The flow schema as a page for people, docs/schema.md, written from the code so that it cannot say anything else.

use std::fmt::Write;

use flow_source::flow_schema;

use crate::engine::field_type_text;
use crate::standard_views::{StandardView, VIEWS};

const BEGINNING: &str = "\
# The flow schema

Whatever flows come from, these are their columns. One row is one flow, forward is from the initiator to the responder,
`rev_` is the other direction (RFC 5103). Names follow the information elements of IPFIX (RFC 7012). A value that a
source does not know is NULL, never 0. Addresses are 16 bytes (IPv4 mapped) that compare with text and networks, see
docs/decisions/0008-addresses.md. `source` and `source_row` say where a row is from, `notes` what was changed in it or is
missing.

This page is written by `flowdeck schema-document`; a test fails when it is stale.

";

/// The page in Markdown.
pub fn schema_document() -> String {
    let mut page = BEGINNING.to_string();
    // Writing to a String cannot fail.
    let _ = push_columns(&mut page);
    for view in VIEWS {
        let _ = push_view(&mut page, view);
    }
    page
}

fn push_columns(page: &mut String) -> std::fmt::Result {
    writeln!(page, "| column | type | unit, values | IPFIX | ECS | OCSF | Zeek |\n|---|---|---|---|---|---|---|")?;
    for field in flow_schema().fields() {
        let known = |key: &str| field.metadata().get(key).map(String::as_str).unwrap_or_default();
        let kind = field_type_text(field);
        let [unit, ipfix, ecs, ocsf, zeek] = ["unit", "ipfix", "ecs", "ocsf", "zeek"].map(known);
        writeln!(page, "| `{}` | {kind} | {unit} | {ipfix} | {ecs} | {ocsf} | {zeek} |", field.name())?;
    }
    writeln!(
        page,
        "\nThe columns carry the same as metadata of their Arrow fields: `unit`, `ipfix`, `ecs`, `ocsf`, `zeek`."
    )
}

fn push_view(page: &mut String, view: &StandardView) -> std::fmt::Result {
    writeln!(page, "\n## `{}`\n\nA view of `flows` under the names of the {}.\n", view.name, view.standard)?;
    writeln!(page, "| column | of |\n|---|---|")?;
    for (name, sql) in view.columns() {
        writeln!(page, "| `\"{name}\"` | `{sql}` |")?;
    }
    Ok(())
}
