//! Texts of a configuration that have a meaning: zones, lengths of time, networks, names of columns and connectors.
//!
//! Each is checked when the file is read, so that an error has its line.

use std::fmt;

use chrono_tz::{TZ_VARIANTS, Tz};
use flow_engine::{ColumnOrigin, NameMargin, TimeUnit, nearest_names, parse_ip_list, source_formats};
use flowdeck::chrono::TimeDelta;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::form::moment;

/// Zones that resemble what was written.
const ZONES_OFFERED_MAX: usize = 3;

/// An IANA time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneName(pub Tz);

impl<'de> Deserialize<'de> for ZoneName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(ZoneName).map_err(|_| {
            let nearest = nearest_names(&text, TZ_VARIANTS.iter().copied().map(Tz::name), ZONES_OFFERED_MAX);
            unknown("time zone", &text, &nearest)
        })
    }
}

/// A length of time with a sign: `2.5s`, `-1m 30s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length(pub TimeDelta);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (is_negative, length) = match text.trim().strip_prefix('-') {
            Some(length) => (true, length),
            None => (false, text.trim().trim_start_matches('+')),
        };
        let length = moment::duration(length).map_err(D::Error::custom)?;
        Ok(Length(if is_negative { -length } else { length }))
    }
}

/// How far names of files are believed: a length of time, or `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Margin(pub NameMargin);

impl<'de> Deserialize<'de> for Margin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "off" => Ok(Margin(NameMargin::Ignored)),
            length => match moment::duration(length) {
                Ok(length) => Ok(Margin(NameMargin::Within(length))),
                Err(fault) => Err(D::Error::custom(format!("{fault}, or `off`"))),
            },
        }
    }
}

/// A length of time, in seconds, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeSeconds(pub String);

impl<'de> Deserialize<'de> for WholeSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let seconds = moment::duration(text.trim()).map_err(D::Error::custom)?.num_seconds();
        match seconds {
            1.. => Ok(WholeSeconds(seconds.to_string())),
            _ => Err(D::Error::custom("a length of time of at least a second, such as `5m`")),
        }
    }
}

/// A list of texts as one text, separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts(pub String);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Texts(Vec::<String>::deserialize(deserializer)?.join(", ")))
    }
}

/// Addresses and networks as one text that `ip_in` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(pub String);

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?.join(", ");
        match parse_ip_list(&list) {
            Ok(parsed) if parsed.is_empty() => Err(D::Error::custom("a list of networks without a network in it")),
            Ok(_) => Ok(Networks(list)),
            Err(fault) => Err(D::Error::custom(fault)),
        }
    }
}

/// A connector, or a format that needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorName(pub String);

impl<'de> Deserialize<'de> for ConnectorName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = source_formats();
        if known.contains(&name.as_str()) { Ok(ConnectorName(name)) } else { Err(unknown("connector", &name, &known)) }
    }
}

/// A column of the flow schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowColumn(pub String);

impl<'de> Deserialize<'de> for FlowColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = flow_engine::mappable_columns();
        match known.contains(&name) {
            true => Ok(FlowColumn(name)),
            false => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Err(unknown("column", &name, &known))
            }
        }
    }
}

/// Where a column comes from: `"name"`, `{ column = "name", unit = "ms" }` or `{ sql = "a + b" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(pub ColumnOrigin);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOrigin {
    column: Option<String>,
    unit: Option<UnitName>,
    sql: Option<String>,
}

#[derive(Clone, Copy)]
struct UnitName(TimeUnit);

impl<'de> Deserialize<'de> for UnitName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known: Vec<&str> = TimeUnit::NAMES.iter().map(|(name, _)| *name).collect();
        let unit = TimeUnit::NAMES.iter().find(|(known, _)| *known == name);
        unit.map(|(_, unit)| UnitName(*unit)).ok_or_else(|| unknown("unit", &name, &known))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OriginVisitor;

        impl<'de> Visitor<'de> for OriginVisitor {
            type Value = Origin;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, { column = \"name\", unit = \"ms\" } or { sql = \"a + b\" }")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Origin, E> {
                Ok(Origin(ColumnOrigin::Column { name: name.to_owned(), unit: None }))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Origin, M::Error> {
                match WrittenOrigin::deserialize(MapAccessDeserializer::new(map))? {
                    WrittenOrigin { column: Some(name), unit, sql: None } => {
                        Ok(Origin(ColumnOrigin::Column { name, unit: unit.map(|unit| unit.0) }))
                    }
                    WrittenOrigin { column: None, unit: None, sql: Some(sql) } => Ok(Origin(ColumnOrigin::Sql(sql))),
                    _ => Err(M::Error::custom("a column comes from `column` (with or without `unit`) or from `sql`")),
                }
            }
        }

        deserializer.deserialize_any(OriginVisitor)
    }
}

/// In the words of serde, from which the error's hint is made.
fn unknown<E: Error>(what: &str, written: &str, known: &[&str]) -> E {
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    E::custom(format!("unknown {what} `{written}`, expected one of {}", known.join(", ")))
}
