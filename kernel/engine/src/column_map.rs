//! Foreign columns as flows by a map of an operator's: which column or expression becomes which, in which unit and zone.
//!
//! A value that cannot be read is NULL and the flow carries the note `value_unreadable`, or, in a strict source, fails
//! the query. What follows from other columns (end, duration, names) is filled in. Without a map, columns are found by
//! their names (`flow_view`).

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Column, DFSchema, DataFusionError, Result as DataFusionResult, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::functions::expr_fn::{btrim, coalesce, nullif, round};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ScalarUDF, ScalarUDFImpl, cast, lit, try_cast};
use flow_source::is_ip_field;
use flow_source::schema::time_type;

use crate::files::FileFault;
use crate::flow_view::{self, find, is_text};
use crate::names;
use crate::source::{ColumnOrigin, SourceSettings, TimeUnit};
use guard::Guard;
pub(crate) use guard::MUST_BE_READABLE;
pub(crate) use known::Noted;
use known::{KnownTime, Length};
use time::{IsAmbiguous, ReadTime};

mod guard;
mod known;
mod time;

/// What a flow says of which a value could not be read.
const UNREADABLE: &str = "value_unreadable";
/// What a flow says of which a time was shown twice by the clock of its source.
const AMBIGUOUS: &str = "time_ambiguous";
/// What a flow says of which nobody knows when it began.
pub(crate) const TIME_MISSING: &str = "time_missing";
/// What writers of text put where there is no value.
const NO_VALUE: &str = "-";
/// Similar names offered.
const NEAREST_MAX: usize = 3;
const NANOS_PER_SECOND: f64 = 1e9;
/// How the columns of the file are qualified while the plan is built.
const FILE: &str = "file";

/// A column of a flow: what it is made of, and its value.
struct Made {
    name: String,
    /// Whether there was something to read and nothing was read; only of what may be unreadable without that being an
    /// error.
    unreadable: Option<Expr>,
    value: Expr,
    /// Whether a clock showed this time twice; of times in a zone alone.
    ambiguous: Option<Expr>,
}

impl Made {
    /// What follows from other columns.
    fn derived(name: &str, value: Expr) -> Made {
        Made { name: name.to_owned(), unreadable: None, value, ambiguous: None }
    }
}

/// `table` as flows.
pub(crate) fn under_flow_schema(
    state: &dyn Session,
    table: Arc<dyn TableProvider>,
    settings: &SourceSettings,
    path: &Path,
    format: Option<&str>,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let state = state.as_any().downcast_ref::<SessionState>();
    let state = state.ok_or_else(|| DataFusionError::Internal("another kind of session".into()))?;
    let found = table.schema();
    let maker = Maker { state, settings, found: &found };
    let wanted = flow_source::flow_schema();
    let mut made: Vec<Made> = Vec::new();
    for field in wanted.fields().iter().filter(|field| field.name() != flow_view::NOTES) {
        made.extend(maker.column(field)?);
    }
    if !made.iter().any(|column| flow_view::ESSENTIAL.contains(&column.name.as_str())) {
        return Err(flow_view::not_flows(&found, path).into_datafusion());
    }
    maker.fill_what_follows(&mut made)?;
    made.extend(maker.notes(&made)?);
    let columns: Vec<Expr> = wanted.fields().iter().map(|field| labelled(field, &made, format)).collect();
    let plan = LogicalPlanBuilder::scan(FILE, provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Numbers that stand for times need their unit; it is never guessed, neither of what a map names nor of what is found
/// by its name.
pub(crate) fn check_units(found: &Schema, settings: &SourceSettings) -> Result<(), FileFault> {
    let wanted = flow_source::flow_schema();
    for flow_column in wanted.fields().iter().filter(|field| field.data_type() == &time_type()) {
        let flow_column = flow_column.name();
        let (name, is_mapped) = match settings.columns.get(flow_column) {
            Some(ColumnOrigin::Column { name, unit: None }) => (name, true),
            Some(_) => continue,
            None => (flow_column, false),
        };
        let Some(field) = find(found, name).filter(|field| field.data_type().is_numeric()) else { continue };
        let shown = crate::render::visible(field.name());
        let entry = format!("{flow_column} = {{ column = \"{shown}\", unit = \"s\" }}");
        return Err(without_unit(
            flow_column,
            &format!("`{shown}`"),
            match is_mapped {
                true => format!("Write {entry}"),
                false => format!("In flowdeck.toml, under the `columns` of a source with these files, write {entry}"),
            },
        ));
    }
    Ok(())
}

fn without_unit(flow_column: &str, what: &str, hint: String) -> FileFault {
    FileFault::ColumnMap {
        column: flow_column.to_owned(),
        reason: format!("{what} holds numbers, and it is not said what they count"),
        hint: Some(format!("{hint}; units are s, ms, us and ns since 1970")),
    }
}

/// Whether a column of a text file is to be read as text, because it is mapped or because its times need a zone.
pub(crate) fn is_read_as_text(column: &str, settings: &SourceSettings) -> bool {
    let is_mapped = settings.columns.values().any(
        |origin| matches!(origin, ColumnOrigin::Column { name, .. } if name == column || name.eq_ignore_ascii_case(column)),
    );
    let is_time = || matches!(flow_view::type_of(column), Some(DataType::Timestamp(..)));
    is_mapped || settings.time_zone.is_some() && is_time()
}

struct Maker<'a> {
    state: &'a SessionState,
    settings: &'a SourceSettings,
    found: &'a Schema,
}

impl Maker<'_> {
    fn column(&self, wanted: &Field) -> DataFusionResult<Option<Made>> {
        let origin = self.settings.columns.get(wanted.name());
        let (raw, unit) = match origin {
            Some(ColumnOrigin::Sql(sql)) => (self.expression(wanted.name(), sql)?, None),
            Some(ColumnOrigin::Column { name, unit }) => (self.file_column(wanted.name(), name)?, *unit),
            None => match find(self.found, wanted.name()) {
                Some(field) => (Expr::Column(Column::new_unqualified(field.name())), None),
                None => return Ok(None),
            },
        };
        let schema = DFSchema::try_from(self.found.clone())?;
        let kind = datafusion::logical_expr::ExprSchemable::get_type(&raw, &schema)?;
        if unit.is_none() && wanted.data_type() == &time_type() && kind.is_numeric() {
            let hint = format!(
                "Write {} = {{ sql = \"to_timestamp_millis(…)\" }}, or _seconds, _micros, _nanos",
                wanted.name()
            );
            return Err(without_unit(wanted.name(), "its expression", hint).into_datafusion());
        }
        let raw = if is_text(&kind) { nullif(btrim(vec![text(raw)]), lit(NO_VALUE)) } else { raw };
        let raw = if is_text(&kind) { nullif(raw, lit("")) } else { raw };
        let name = wanted.name().clone();
        if origin.is_none() && !is_text(&kind) && self.is_read(wanted, &kind) {
            return Ok(Some(Made::derived(&name, raw)));
        }
        let read = self.value(wanted, raw.clone(), &kind, unit)?;
        let ambiguous = self.ambiguous(wanted, &raw, unit);
        let may_fail = read != raw && !wanted.data_type().is_string();
        let (read, unreadable) = match may_fail {
            true if self.settings.strict => (call(Guard::new(&name), vec![raw, read]), None),
            true => (read.clone(), Some(raw.is_not_null().and(read.is_null()))),
            false => (read, None),
        };
        let value = if wanted.data_type() == &time_type() { call(KnownTime::new(), vec![read]) } else { read };
        Ok(Some(Made { name, unreadable, value, ambiguous }))
    }

    /// Whether a column of a file is one of flows already: conditions on it reach what reads the file.
    fn is_read(&self, wanted: &Field, kind: &DataType) -> bool {
        kind == wanted.data_type() && !(kind == &time_type() && self.settings.zone().ignores_written())
    }

    fn ambiguous(&self, wanted: &Field, raw: &Expr, unit: Option<TimeUnit>) -> Option<Expr> {
        self.settings.time_zone.filter(|_| unit.is_none() && wanted.data_type() == &time_type())?;
        Some(call(IsAmbiguous::new(self.settings.zone()), vec![raw.clone()]))
    }

    fn value(&self, wanted: &Field, raw: Expr, kind: &DataType, unit: Option<TimeUnit>) -> DataFusionResult<Expr> {
        if wanted.data_type() == &time_type() {
            return Ok(call(ReadTime::new(unit, self.settings.zone()), vec![raw]));
        }
        if is_ip_field(wanted) && is_text(kind) {
            return self.function("to_ip", vec![raw]);
        }
        let converted = try_cast(raw.clone(), wanted.data_type().clone());
        Ok(match wanted.name().as_str() {
            "protocol_name" => cast(datafusion::functions::expr_fn::lower(converted), wanted.data_type().clone()),
            _ if wanted.data_type().is_string() => cast(raw, wanted.data_type().clone()),
            _ if kind == wanted.data_type() => raw,
            "protocol" if is_text(kind) => {
                try_cast(self.function("protocol_number", vec![raw])?, wanted.data_type().clone())
            }
            _ => converted,
        })
    }

    fn expression(&self, column: &str, sql: &str) -> DataFusionResult<Expr> {
        let schema = DFSchema::try_from(self.found.clone())?;
        let made = self.state.create_logical_expr(sql, &schema);
        made.map_err(|fault| {
            let reason = crate::error::plain_text(&fault.to_string());
            FileFault::ColumnMap { column: column.to_owned(), reason, hint: None }.into_datafusion()
        })
    }

    fn file_column(&self, wanted: &str, name: &str) -> DataFusionResult<Expr> {
        if let Some(field) = find(self.found, name) {
            return Ok(Expr::Column(Column::new_unqualified(field.name())));
        }
        let known = self.found.fields().iter().map(|field| field.name().as_str());
        let nearest: Vec<String> =
            names::nearest(name, known, NEAREST_MAX).into_iter().map(crate::render::visible).collect();
        let listed: Vec<String> =
            self.found.fields().iter().map(|field| crate::render::visible(field.name())).take(20).collect();
        let hint = match nearest.is_empty() {
            true => format!("Its columns are {}", listed.join(", ")),
            false => format!("Did you mean {}?", crate::files::list_of(&nearest)),
        };
        Err(FileFault::ColumnMap {
            column: wanted.to_owned(),
            reason: format!("the files have no column `{}`", crate::render::visible(name)),
            hint: Some(hint),
        }
        .into_datafusion())
    }

    /// End and duration follow from each other, names from numbers.
    fn fill_what_follows(&self, made: &mut Vec<Made>) -> DataFusionResult<()> {
        let value = |name: &str, made: &[Made]| made.iter().find(|it| it.name == name).map(|it| it.value.clone());
        let nanos = |time: Expr| cast(time, DataType::Int64);
        let (start, end) = (value("start_time", made), value("end_time", made));
        let duration = value("duration_s", made);
        let mut set = |name: &str, value: Expr| match made.iter_mut().find(|it| it.name == name) {
            Some(found) => found.value = value,
            None => made.push(Made::derived(name, value)),
        };
        if let (Some(start), Some(duration)) = (&start, &duration) {
            let length = cast(round(vec![duration.clone() * lit(NANOS_PER_SECOND)]), DataType::Int64);
            let ended = cast(nanos(start.clone()) + length, time_type());
            let ended = match &end {
                Some(end) => coalesce(vec![end.clone(), ended]),
                None => ended,
            };
            set("end_time", ended);
        }
        if let (Some(start), Some(end)) = (start, end) {
            let said = duration.unwrap_or_else(|| lit(ScalarValue::Float64(None)));
            set("duration_s", call(Length::new(), vec![start, end, said]));
        }
        if let (Some(protocol), None) = (value("protocol", made), value("protocol_name", made)) {
            let name = cast(self.function("protocol_name", vec![protocol])?, DataType::Utf8View);
            made.push(Made::derived("protocol_name", name));
        }
        if let (Some(source), None) = (value("src_ip", made), value("ip_version", made)) {
            let version = cast(self.function("ip_version", vec![source])?, DataType::UInt8);
            made.push(Made::derived("ip_version", version));
        }
        Ok(())
    }

    /// The notes of a file, and of flows of which something could not be read, was shown twice by a clock, or is missing.
    fn notes(&self, made: &[Made]) -> DataFusionResult<Option<Made>> {
        let unreadable = made.iter().filter_map(|column| column.unreadable.clone()).reduce(Expr::or);
        let ambiguous = made.iter().filter_map(|column| column.ambiguous.clone()).reduce(Expr::or);
        let missing = made.iter().find(|it| it.name == "start_time").map(|start| start.value.clone().is_null());
        let told = [(unreadable, UNREADABLE), (ambiguous, AMBIGUOUS), (missing, TIME_MISSING)];
        let (conditions, notes): (Vec<Expr>, Vec<&'static str>) =
            told.into_iter().filter_map(|(condition, note)| Some((condition?, note))).unzip();
        let own = match find(self.found, flow_view::NOTES).zip(flow_view::type_of(flow_view::NOTES)) {
            Some((field, wanted)) => {
                let written = if is_text(field.data_type()) { DataType::Utf8 } else { wanted };
                cast(Expr::Column(Column::new_unqualified(field.name())), written)
            }
            None if notes.is_empty() => return Ok(None),
            None => lit(ScalarValue::Null),
        };
        let arguments = std::iter::once(own).chain(conditions).collect();
        Ok(Some(Made::derived(flow_view::NOTES, call(Noted::new(notes), arguments))))
    }

    fn function(&self, name: &str, arguments: Vec<Expr>) -> DataFusionResult<Expr> {
        let function = self.state.scalar_functions().get(name);
        let function = function.ok_or_else(|| DataFusionError::Internal(format!("{name} is not registered")))?;
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), arguments)))
    }
}

pub(crate) fn call(function: impl ScalarUDFImpl + 'static, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), arguments))
}

fn text(value: Expr) -> Expr {
    cast(value, DataType::Utf8)
}

fn labelled(wanted: &Field, made: &[Made], format: Option<&str>) -> Expr {
    let metadata = || Some(FieldMetadata::from(wanted.metadata()));
    match made.iter().find(|column| &column.name == wanted.name()) {
        Some(column) => column.value.clone().alias_with_metadata(wanted.name(), metadata()),
        None => flow_view::absent(wanted, format),
    }
}
