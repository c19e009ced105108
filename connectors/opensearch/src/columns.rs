//! Which fields become which columns of flows: those that the source names, those of the Elastic Common Schema, those
//! that have the name of the column.

use std::collections::BTreeMap;

use flow_source::flow_schema;
use remote_source::{Cause, Origin, Settings, SourceColumn, TimeUnit};

use crate::mapping::Field;

/// Where flows say which field of the common schema they are.
const ECS: &str = "ecs";
/// Fields that stand in where the first choice is not there.
const SECOND_CHOICES: &[(&str, &str)] = &[("start_time", "@timestamp")];
/// Its text is another one than a number of a version.
const NOT_TAKEN: &[&str] = &["ip_version"];
/// Made here, so that no field can be these.
const OURS: &[&str] = &["source", "source_row", "notes"];
/// Where a row says which document it was.
pub(crate) const DOCUMENT: &str = "source_row";
const ESSENTIAL: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// What a column of flows is made of.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    /// The path of the field.
    pub(crate) field: String,
    pub(crate) kind: Field,
    /// What its numbers count.
    pub(crate) unit: Option<TimeUnit>,
}

/// The fields of an index, by columns of flows.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) mapped: BTreeMap<String, Mapped>,
    pub(crate) columns: Vec<SourceColumn>,
}

impl Columns {
    /// Of an index that has these fields.
    pub(crate) fn of(settings: &Settings, fields: &BTreeMap<String, Field>) -> Result<Self, Cause> {
        let mut columns = Self::default();
        let schema = flow_schema();
        for field in schema.fields().iter().filter(|field| !OURS.contains(&field.name().as_str())) {
            let flow = field.name();
            let Some((name, unit)) = origin(flow, field.metadata().get(ECS), settings, fields)? else { continue };
            let kind = fields.get(&name).copied().unwrap_or(Field::Other);
            let mapped = checked(flow, name, kind, unit)?;
            columns.columns.push(SourceColumn { name: flow.clone(), unit: mapped.unit });
            columns.mapped.insert(flow.clone(), mapped);
        }
        if !ESSENTIAL.iter().any(|name| columns.mapped.contains_key(*name)) {
            return Err(Cause::NoFlows { known: fields.keys().cloned().collect() });
        }
        columns.columns.push(SourceColumn { name: DOCUMENT.to_owned(), unit: None });
        Ok(columns)
    }
}

fn origin(
    flow: &str,
    ecs: Option<&String>,
    settings: &Settings,
    fields: &BTreeMap<String, Field>,
) -> Result<Option<(String, Option<TimeUnit>)>, Cause> {
    match settings.columns.get(flow) {
        Some(Origin::Expression(_)) => {
            return Err(Cause::Setting {
                fact: format!("{flow} should come from an expression, and the server has none"),
                hint: format!("Write {flow} = \"FIELD\""),
            });
        }
        Some(Origin::Column { name, unit }) if fields.contains_key(name) => return Ok(Some((name.clone(), *unit))),
        Some(Origin::Column { name, .. }) => {
            let known = fields.keys().cloned().collect();
            return Err(Cause::NoColumn { column: flow.to_owned(), name: name.clone(), known });
        }
        None if NOT_TAKEN.contains(&flow) => return Ok(None),
        None => {}
    }
    let second = SECOND_CHOICES.iter().filter(|(column, _)| *column == flow).map(|(_, field)| *field);
    let mut choices = ecs.map(String::as_str).into_iter().chain(second).chain([flow]);
    let found = choices.find(|name| fields.contains_key(*name));
    // The common schema counts durations in nanoseconds.
    let unit = |name: &str| (name == "event.duration").then_some(TimeUnit::Nanoseconds);
    Ok(found.map(|name| (name.to_owned(), unit(name))))
}

fn checked(flow: &str, field: String, kind: Field, unit: Option<TimeUnit>) -> Result<Mapped, Cause> {
    let is_number = matches!(kind, Field::Number(_) | Field::Real);
    if flow.ends_with("_time") && is_number && unit.is_none() {
        let hint =
            format!("Write {flow} = {{ column = \"{field}\", unit = \"s\" }}; units are s, ms, us and ns since 1970");
        return Err(Cause::WrongType { column: flow.to_owned(), name: field, found: "a number".into(), hint });
    }
    // Dates are asked for as text.
    let unit = unit.filter(|_| !matches!(kind, Field::Date | Field::DateNanos));
    Ok(Mapped { field, kind, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(names: &[(&str, Field)]) -> BTreeMap<String, Field> {
        names.iter().map(|(name, field)| ((*name).to_owned(), *field)).collect()
    }

    #[test]
    fn the_common_schema_is_known() {
        let fields = fields(&[
            ("@timestamp", Field::Date),
            ("source.ip", Field::Ip),
            ("source.bytes", Field::Other),
            ("event.duration", Field::Other),
            ("network.type", Field::Keyword(10)),
        ]);
        let columns = Columns::of(&Settings::default(), &fields).expect("flows");
        let field = |name: &str| columns.mapped.get(name).map(|mapped| mapped.field.as_str());
        assert_eq!(field("start_time"), Some("@timestamp"));
        assert_eq!(field("src_ip"), Some("source.ip"));
        assert_eq!(field("bytes"), Some("source.bytes"));
        assert_eq!(columns.mapped["duration_s"].unit, Some(TimeUnit::Nanoseconds));
        assert_eq!(field("ip_version"), None);
        let with_start = fields.into_iter().chain([("event.start".to_owned(), Field::Date)]).collect();
        let columns = Columns::of(&Settings::default(), &with_start).expect("flows");
        assert_eq!(columns.mapped["start_time"].field, "event.start");
    }
}
