//! Which columns and expressions of a table become which columns of flows, and of what type the server says they are.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use flow_source::flow_schema;
use remote_source::source::{Holds, holds};
use remote_source::sql::Domain;
use remote_source::{Cause, Origin, RemoteError, Settings, SourceColumn, TimeUnit};
use tokio_postgres::types::{Kind, Type};

use crate::connection::{Connection, Server};
use crate::value::Format;

/// Tables named when the one that was asked for is not there.
const TABLES_LISTED_MAX: i64 = 200;
/// Made here, so that no table can have them.
const OURS: &[&str] = &["source", "source_row", "notes"];
const ESSENTIAL: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// What a column of flows is made of.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    /// In SQL.
    pub(crate) value: String,
    pub(crate) format: Format,
    /// What conditions on it mean to the server.
    pub(crate) native: Native,
}

/// What the server knows a value as, where that says something about conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// Whole numbers, compared as such.
    Number(Domain),
    /// Times as whole numbers of so many nanoseconds.
    Count {
        domain: Domain,
        nanos: i64,
    },
    /// Numbers that may have a fraction.
    Numeric,
    /// Moments, to the microsecond.
    Timestamptz,
    /// What a clock showed, to the microsecond.
    Timestamp,
    Inet,
    Text,
    /// Compared in another way than here.
    Other,
}

/// The columns of a table, by those of flows.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) mapped: BTreeMap<String, Mapped>,
    pub(crate) columns: Vec<SourceColumn>,
    pub(crate) zone: Tz,
}

/// `schema.table` as SQL; each part keeps its letters.
pub(crate) fn quoted_table(table: &str) -> String {
    table.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Columns {
    /// Asks the server what it has.
    pub(crate) async fn learn(
        server: &Server,
        connection: &Connection,
        table: &str,
        settings: &Settings,
    ) -> Result<Self, RemoteError> {
        let known = names(server, connection, table).await?;
        let mut columns = Self { mapped: BTreeMap::new(), columns: Vec::new(), zone: settings.zone };
        let schema = flow_schema();
        for field in schema.fields().iter().filter(|field| !OURS.contains(&field.name().as_str())) {
            let flow = field.name();
            let Some((value, unit)) = origin(flow, settings, &known).map_err(|cause| server.error(cause))? else {
                continue;
            };
            let mapped = describe(server, connection, table, flow, &value, unit).await?;
            columns.mapped.insert(flow.clone(), mapped);
            columns.columns.push(SourceColumn { name: flow.clone(), unit });
        }
        if !columns.columns.iter().any(|column| ESSENTIAL.contains(&column.name.as_str())) {
            return Err(server.error(Cause::NoFlows { known }));
        }
        columns.try_out(server, connection, table).await?;
        Ok(columns)
    }

    /// Whether the right to read is there is told by reading alone.
    async fn try_out(&self, server: &Server, connection: &Connection, table: &str) -> Result<(), RemoteError> {
        let values: Vec<&str> = self.mapped.values().map(|mapped| mapped.value.as_str()).collect();
        let query = format!("SELECT {} FROM {} LIMIT 0", values.join(", "), quoted_table(table));
        connection.client.query(&query, &[]).await.map(|_| ()).map_err(|fault| server.explain(&fault))
    }
}

/// The columns of the table.
async fn names(server: &Server, connection: &Connection, table: &str) -> Result<Vec<String>, RemoteError> {
    const NAMES: &str = "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass($1::text) \
                         AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    const TABLES: &str = "SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') \
                          AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace NOT IN \
                          (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema')) \
                          ORDER BY 1 LIMIT $1";
    let explain = |fault| server.explain(&fault);
    let rows = connection.client.query(NAMES, &[&quoted_table(table)]).await.map_err(explain)?;
    if !rows.is_empty() {
        return rows.iter().map(|row| row.try_get(0).map_err(explain)).collect();
    }
    let rows = connection.client.query(TABLES, &[&TABLES_LISTED_MAX]).await.map_err(explain)?;
    let known = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    Err(server.error(Cause::NoTable { what: "table", name: server.words(table), known }))
}

/// Where a column comes from, in SQL; `None` when the table has nothing for it.
fn origin(flow: &str, settings: &Settings, known: &[String]) -> Result<Option<(String, Option<TimeUnit>)>, Cause> {
    let find = |name: &str| {
        let exact = known.iter().find(|known| *known == name);
        exact.or_else(|| known.iter().find(|known| known.eq_ignore_ascii_case(name)))
    };
    match settings.columns.get(flow) {
        Some(Origin::Expression(sql)) => Ok(Some((format!("({sql})"), None))),
        Some(Origin::Column { name, unit }) => match find(name) {
            Some(found) => Ok(Some((quoted(found), *unit))),
            None => Err(Cause::NoColumn { column: flow.to_owned(), name: name.clone(), known: known.to_vec() }),
        },
        None => Ok(find(flow).map(|found| (quoted(found), None))),
    }
}

async fn describe(
    server: &Server,
    connection: &Connection,
    table: &str,
    flow: &str,
    value: &str,
    unit: Option<TimeUnit>,
) -> Result<Mapped, RemoteError> {
    let statement = connection.client.prepare(&format!("SELECT {value} FROM {}", quoted_table(table))).await;
    let statement = statement.map_err(|fault| {
        let refused = server.explain(&fault);
        match refused.cause {
            Cause::Refused { words } => server.error(Cause::Setting {
                fact: format!("the server refuses what {flow} should come from: {words}"),
                hint: format!("Correct `{flow}` in `columns` of the source; sql is that of the server"),
            }),
            _ => refused,
        }
    })?;
    let kind = statement.columns().first().map_or(Type::UNKNOWN, |column| column.type_().clone());
    let base = base_of(&kind);
    let wrong = |hint: String| {
        let found = base.name().to_owned();
        server.error(Cause::WrongType {
            column: flow.to_owned(),
            name: value.trim_matches('"').to_owned(),
            found,
            hint,
        })
    };
    let is_time = flow.ends_with("_time");
    let number = number_of(&base);
    if is_time && unit.is_none() && (number.is_some() || is_real(&base)) {
        let name = value.trim_matches('"');
        return Err(wrong(format!(
            "Write {flow} = {{ column = \"{name}\", unit = \"s\" }}; units are s, ms, us and ns since 1970"
        )));
    }
    let format = Format::of(&base);
    if !may_become(flow, &base, format) {
        return Err(wrong(format!("Write {flow} = {{ sql = \"…\" }} with an expression that gives a number or text")));
    }
    // Of other types than text the server writes what a column of texts shows.
    let format = format.filter(|format| !is_told_as_text(flow, *format));
    let value = match format {
        Some(_) => value.to_owned(),
        // A cast to text would write the netmask of single addresses too.
        None if matches!(base, Type::INET | Type::CIDR) => format!("abbrev(({value})::inet)"),
        None => format!("({value})::text"),
    };
    let native = match (base, number, unit.filter(|_| is_time)) {
        _ if format.is_none() => Native::Other,
        (_, Some(domain), Some(unit)) => Native::Count { domain, nanos: unit.nanos() },
        (_, Some(domain), None) => Native::Number(domain),
        (Type::NUMERIC | Type::FLOAT4 | Type::FLOAT8, None, None) => Native::Numeric,
        (Type::TIMESTAMPTZ, ..) => Native::Timestamptz,
        (Type::TIMESTAMP, ..) => Native::Timestamp,
        (Type::INET | Type::CIDR, ..) => Native::Inet,
        (Type::TEXT | Type::VARCHAR, ..) => Native::Text,
        _ => Native::Other,
    };
    Ok(Mapped { value, format: format.unwrap_or(Format::Text), native })
}

/// Whether values of a type can be what a column holds; those without a format of ours are asked for as text.
fn may_become(flow: &str, kind: &Type, format: Option<Format>) -> bool {
    use Format::{
        Bytes, Date, Float4, Float8, Inet, Int2, Int4, Int8, Interval, Numeric, Oid, Text, Timestamp, Timestamptz,
    };
    if matches!(*kind, Type::BOOL | Type::JSON | Type::JSONB)
        || matches!(kind.kind(), Kind::Array(_) | Kind::Composite(_))
    {
        return false;
    }
    let Some(format) = format else { return true };
    let is_number = matches!(format, Int2 | Int4 | Int8 | Oid | Float4 | Float8 | Numeric | Text);
    match holds(flow) {
        Holds::Times => is_number || matches!(format, Timestamptz | Timestamp | Date),
        Holds::Seconds => is_number || format == Interval,
        Holds::Addresses => matches!(format, Inet | Bytes | Text),
        Holds::Numbers => is_number,
        Holds::Macs => matches!(format, Bytes | Text | Int8),
        Holds::Texts => true,
    }
}

fn is_told_as_text(flow: &str, format: Format) -> bool {
    use Format::{Bytes, Date, Inet, Interval, Timestamp, Timestamptz};
    holds(flow) == Holds::Texts && matches!(format, Bytes | Date | Inet | Interval | Timestamp | Timestamptz)
}

/// The type below domains.
fn base_of(kind: &Type) -> Type {
    match kind.kind() {
        Kind::Domain(inner) => base_of(inner),
        _ => kind.clone(),
    }
}

fn number_of(kind: &Type) -> Option<Domain> {
    Some(match *kind {
        Type::INT2 => Domain::signed(16),
        Type::INT4 => Domain::signed(32),
        Type::INT8 => Domain::signed(64),
        Type::OID => Domain::unsigned(32),
        _ => return None,
    })
}

fn is_real(kind: &Type) -> bool {
    matches!(*kind, Type::NUMERIC | Type::FLOAT4 | Type::FLOAT8)
}
