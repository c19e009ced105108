//! What a field holds, from the state of its widget to a parameter of a query.

use flow_engine::{Parameter, parse_ip_list};
use flowdeck::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;
use widgets_comm::moments;

use super::{
    definition::{Field, Kind},
    moment,
};

/// Said beside a time or a length of time that nobody chose.
const NOT_SET: &str = "not set";

/// A field's value for queries, and what to tell the person about it even though it is usable.
#[derive(Clone, Debug, PartialEq)]
pub struct Entered {
    /// What `$name` stands for.
    pub parameter: Parameter,
    /// For instance that an address was taken for its network.
    pub note: Option<String>,
}

impl Entered {
    /// A value without a note.
    pub fn of(parameter: Parameter) -> Entered {
        Entered { parameter, note: None }
    }
}

/// Reads a field. `get` gives an attribute of its widget.
///
/// # Errors
/// What is wrong with it, for the person who filled it in.
pub fn read(field: &Field, get: &dyn Fn(&str) -> Value) -> Result<Entered, String> {
    let mut entered = entered(&field.kind, get)?;
    if !is_empty(&entered.parameter) {
        return Ok(entered);
    }
    if field.required {
        return Err(format!("fill in {}", field.label));
    }
    // A picker that was cleared looks like one that was never touched, and a comparison with NULL leaves no row.
    if matches!(field.kind, Kind::Date | Kind::Time | Kind::Datetime | Kind::Duration) {
        entered.note = Some(NOT_SET.to_owned());
    }
    Ok(entered)
}

fn entered(kind: &Kind, get: &dyn Fn(&str) -> Value) -> Result<Entered, String> {
    let value = || get("value");
    let text = || value().as_str().unwrap_or_default().trim().to_owned();
    let parameter = match kind {
        Kind::Text => Parameter::Text(Some(value().as_str().unwrap_or_default().to_owned())),
        Kind::Password => Parameter::Text(Some(value().as_str().unwrap_or_default().to_owned())),
        Kind::IpList => return ip_list(&text()),
        Kind::Int { .. } => Parameter::Integer(value().as_i64()),
        Kind::Float { .. } => Parameter::Float(value().as_f64()),
        Kind::Bool => Parameter::Boolean(value().as_bool()),
        Kind::Choice(options) => Parameter::Text(chosen(options, &get("index"))),
        Kind::Multi(options) => {
            let indices = get("index");
            let indices = indices.as_array().into_iter().flatten();
            Parameter::TextList(indices.filter_map(|index| chosen(options, index)).collect())
        }
        Kind::Date => Parameter::Date(date(&value())),
        Kind::Time => Parameter::Time(time(&value())),
        Kind::Datetime => Parameter::Timestamp(datetime(&value())?),
        Kind::Duration if text().is_empty() => Parameter::Interval(None),
        Kind::Duration => Parameter::Interval(Some(moment::duration(&text())?)),
        // A query gets the file's name; what is in it is for Rust cells.
        Kind::File => Parameter::Text(get("value")[0]["name"].as_str().map(str::to_owned)),
        Kind::Button => Parameter::Text(None),
    };
    Ok(Entered::of(parameter))
}

fn ip_list(text: &str) -> Result<Entered, String> {
    match parse_ip_list(text) {
        Ok(list) => {
            let note = (!list.notes().is_empty()).then(|| list.notes().join("; "));
            Ok(Entered { parameter: Parameter::Text(Some(text.to_owned())), note })
        }
        Err(error) => Err(error.to_string()),
    }
}

fn chosen(options: &[String], index: &Value) -> Option<String> {
    options.get(usize::try_from(index.as_u64()?).ok()?).cloned()
}

fn date(value: &Value) -> Option<NaiveDate> {
    let date = moments::Date::from_json(value)?;
    NaiveDate::from_ymd_opt(date.year, date.month.into(), date.day.into())
}

fn time(value: &Value) -> Option<NaiveTime> {
    let time = moments::Time::from_json(value)?;
    NaiveTime::from_hms_micro_opt(time.hours.into(), time.minutes.into(), time.seconds.into(), time.microseconds)
}

fn datetime(value: &Value) -> Result<Option<DateTime<Utc>>, String> {
    let Some(entered) = moments::Datetime::from_json(value) else { return Ok(None) };
    let naive = date(&entered.date.to_json()).zip(time(&entered.time.to_json()));
    naive.map(|(date, time)| moment::from_local(NaiveDateTime::new(date, time))).transpose()
}

fn is_empty(parameter: &Parameter) -> bool {
    match parameter {
        Parameter::Text(text) => text.as_deref().is_none_or(|text| text.trim().is_empty()),
        Parameter::Integer(value) => value.is_none(),
        Parameter::Float(value) => value.is_none(),
        Parameter::Boolean(value) => value.is_none(),
        Parameter::Date(value) => value.is_none(),
        Parameter::Time(value) => value.is_none(),
        Parameter::Timestamp(value) => value.is_none(),
        Parameter::Interval(value) => value.is_none(),
        Parameter::TextList(values) => values.is_empty(),
        Parameter::IntegerList(values) => values.is_empty(),
    }
}
