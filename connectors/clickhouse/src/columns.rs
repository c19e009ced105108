//! Which columns and expressions of a table become which columns of flows, and of what type the server says they are.

use std::collections::BTreeMap;

use flow_source::flow_schema;
use remote_source::error::words;
use remote_source::{Cause, Origin, RemoteError, Settings, SourceColumn, TimeUnit};

use crate::kinds::Kind;
use crate::layouts;
use crate::server::Server;

/// Tables named when the one that was asked for is not there.
const TABLES_LISTED_MAX: usize = 200;
/// Made here, so that no table can have them.
const OURS: &[&str] = &["source", "source_row", "notes"];
const ESSENTIAL: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// What a column of flows is made of.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    /// In SQL.
    pub(crate) value: String,
    pub(crate) kind: Kind,
    /// What its numbers count.
    pub(crate) unit: Option<TimeUnit>,
}

/// The columns of a table, by those of flows.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) mapped: BTreeMap<String, Mapped>,
    pub(crate) columns: Vec<SourceColumn>,
}

/// `database.table` as SQL; each part keeps its letters.
pub(crate) fn quoted_table(table: &str) -> String {
    table.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

struct Wanted {
    flow: String,
    name: String,
    value: String,
    unit: Option<TimeUnit>,
    /// `None` of expressions, whose type is asked for.
    written: Option<String>,
}

impl Columns {
    /// Asks the server what it has.
    pub(crate) async fn learn(server: &Server, table: &str, settings: &Settings) -> Result<Self, RemoteError> {
        let described = describe(server, table).await?;
        let known: Vec<String> = described.iter().map(|(name, _)| name.clone()).collect();
        let mut wanted = Vec::new();
        let schema = flow_schema();
        for field in schema.fields().iter().filter(|field| !OURS.contains(&field.name().as_str())) {
            wanted.extend(want(field.name(), settings, &described, &known).map_err(|cause| server.error(cause))?);
        }
        ask_types(server, table, &mut wanted).await?;
        let mut columns = Self::default();
        for wanted in wanted {
            let mapped = wanted.mapped().map_err(|cause| server.error(cause))?;
            columns.columns.push(SourceColumn { name: wanted.flow.clone(), unit: mapped.unit });
            columns.mapped.insert(wanted.flow, mapped);
        }
        match columns.columns.iter().any(|column| ESSENTIAL.contains(&column.name.as_str())) {
            true => Ok(columns),
            false => Err(server.error(Cause::NoFlows { known })),
        }
    }
}

/// Names and types of the table's columns.
async fn describe(server: &Server, table: &str) -> Result<Vec<(String, String)>, RemoteError> {
    let query = format!("DESCRIBE TABLE {} FORMAT TabSeparated", quoted_table(table));
    let lines = match server.lines(&query).await {
        Err(RemoteError { cause: Cause::NoTable { what: "table", .. }, .. }) => {
            let known = tables(server, table).await.unwrap_or_default();
            let name = words(table, &[]);
            return Err(server.error(Cause::NoTable { what: "table", name, known }));
        }
        lines => lines?,
    };
    let mut described = Vec::with_capacity(lines.len());
    for line in lines {
        match <[String; 2]>::try_from(line.into_iter().take(2).collect::<Vec<_>>()) {
            Ok([name, kind]) => described.push((name, kind)),
            Err(_) => return Err(RemoteError::malformed(server.http().place(), "it does not describe a table")),
        }
    }
    Ok(described)
}

async fn tables(server: &Server, table: &str) -> Result<Vec<String>, RemoteError> {
    let query = match table.split_once('.') {
        Some((database, _)) => format!("SHOW TABLES FROM {} FORMAT TabSeparated", quoted(database)),
        None => "SHOW TABLES FORMAT TabSeparated".to_owned(),
    };
    let lines = server.lines(&query).await?;
    Ok(lines.into_iter().filter_map(|line| line.into_iter().next()).take(TABLES_LISTED_MAX).collect())
}

/// Where a column comes from: what the source says, what is known of such tables, or a column of its name.
fn want(
    flow: &str,
    settings: &Settings,
    described: &[(String, String)],
    known: &[String],
) -> Result<Option<Wanted>, Cause> {
    let find = |name: &str| {
        let exact = described.iter().find(|(known, _)| known == name);
        exact.or_else(|| described.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)))
    };
    let flow_name = || flow.to_owned();
    let of_column = |(name, kind): &(String, String), unit| Wanted {
        flow: flow_name(),
        name: name.clone(),
        value: quoted(name),
        unit,
        written: Some(kind.clone()),
    };
    let set = settings.columns.get(flow).cloned();
    match set.or_else(|| layouts::origin(flow, known)) {
        Some(Origin::Expression(sql)) => {
            Ok(Some(Wanted { flow: flow_name(), value: format!("({sql})"), name: sql, unit: None, written: None }))
        }
        Some(Origin::Column { name, unit }) => match find(&name) {
            Some(column) => Ok(Some(of_column(column, unit))),
            None => Err(Cause::NoColumn { column: flow_name(), name, known: known.to_vec() }),
        },
        None => Ok(find(flow).map(|column| of_column(column, None))),
    }
}

/// Fills in the types of expressions: all of them at once, or one by one where the server refuses one of them.
async fn ask_types(server: &Server, table: &str, wanted: &mut [Wanted]) -> Result<(), RemoteError> {
    let mut unknown: Vec<&mut Wanted> = wanted.iter_mut().filter(|wanted| wanted.written.is_none()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let values: Vec<String> = unknown.iter().map(|wanted| wanted.value.clone()).collect();
    let types = match types_of(server, table, &values).await {
        Ok(types) => types,
        Err(_) => {
            let mut types = Vec::with_capacity(values.len());
            for (wanted, value) in unknown.iter().zip(&values) {
                let asked = types_of(server, table, std::slice::from_ref(value)).await;
                types.extend(asked.map_err(|fault| refused(server, &wanted.flow, fault))?);
            }
            types
        }
    };
    for (wanted, written) in unknown.iter_mut().zip(types) {
        wanted.written = Some(written);
    }
    Ok(())
}

async fn types_of(server: &Server, table: &str, values: &[String]) -> Result<Vec<String>, RemoteError> {
    let values: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("{value} AS flowdeck_{at}")).collect();
    let table = quoted_table(table);
    let query = format!("SELECT {} FROM {table} LIMIT 0 FORMAT TabSeparatedWithNamesAndTypes", values.join(", "));
    let mut lines = server.lines(&query).await?;
    match lines.len() {
        2.. if lines[1].len() == values.len() => Ok(lines.swap_remove(1)),
        _ => Err(RemoteError::malformed(server.http().place(), "it does not tell types")),
    }
}

fn refused(server: &Server, flow: &str, fault: RemoteError) -> RemoteError {
    match fault.cause {
        Cause::Refused { words } => server.error(Cause::Setting {
            fact: format!("the server refuses what {flow} should come from: {words}"),
            hint: format!("Correct `{flow}` in `columns` of the source; sql is that of the server"),
        }),
        _ => fault,
    }
}

impl Wanted {
    fn mapped(&self) -> Result<Mapped, Cause> {
        let written = self.written.as_deref().unwrap_or_default();
        let wrong = |hint: String| Cause::WrongType {
            column: self.flow.clone(),
            name: self.name.clone(),
            found: words(written, &[]),
            hint,
        };
        let is_time = self.flow.ends_with("_time");
        let Some(kind) = Kind::of(written).and_then(|kind| kind.as_column(&self.flow)) else {
            return Err(wrong(format!(
                "Write {} = {{ sql = \"…\" }} with an expression that gives a number or text",
                self.flow
            )));
        };
        let is_number = matches!(kind, Kind::Number(_) | Kind::Real);
        if is_time && is_number && self.unit.is_none() {
            let (flow, name) = (&self.flow, &self.name);
            return Err(wrong(format!(
                "Write {flow} = {{ column = \"{name}\", unit = \"s\" }}; units are s, ms, us and ns since 1970"
            )));
        }
        Ok(Mapped { value: self.value.clone(), kind, unit: kind.unit().or(self.unit) })
    }
}
