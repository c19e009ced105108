//! Values for `$name` from the command line: `-p NAME=VALUE`, and a file of JSON for programs that call us.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use flow_engine::Parameter;
use serde_json::{Map, Value};

/// A file of values may have this many bytes: lists of addresses, not tables.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A name, and the value that its text looks most like: a whole number, a number, true or false, an RFC 3339 moment,
/// otherwise text.
///
/// # Errors
/// Without `=` or without a name.
pub(super) fn of_text(text: &str) -> Result<(String, Parameter), String> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err("write NAME=VALUE, for instance net=10.0.0.0/8".to_owned());
    };
    let value = if let Ok(number) = value.parse() {
        Parameter::Integer(Some(number))
    } else if let Ok(number) = value.parse() {
        Parameter::Float(Some(number))
    } else if let Ok(truth) = value.parse() {
        Parameter::Boolean(Some(truth))
    } else if let Ok(moment) = DateTime::parse_from_rfc3339(value) {
        Parameter::Timestamp(Some(moment.with_timezone(&Utc)))
    } else {
        Parameter::Text(Some(value.to_owned()))
    };
    Ok((name.to_owned(), value))
}

/// The values of a file: one object of JSON. What JSON has no type for is an object: `{"timestamp": RFC 3339}`,
/// `{"date": ISO 8601}` or `{"seconds": N}`.
///
/// # Errors
/// When it cannot be read, or holds something that is no value of a query.
pub(super) fn of_file(path: &Path) -> Result<Vec<(String, Parameter)>> {
    let mut text = String::new();
    let in_file = || format!("cannot read the parameters in `{}`", path.display());
    let length = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    if length.with_context(in_file)? as u64 > FILE_BYTES_MAX {
        bail!("{} MiB of parameters are too many\nhint: make a file of them a source", FILE_BYTES_MAX >> 20);
    }
    let values: Map<String, Value> = serde_json::from_str(&text).with_context(in_file)?;
    values.into_iter().map(|(name, value)| of_json(&value).map(|value| (name.clone(), value)).context(name)).collect()
}

fn of_json(value: &Value) -> Result<Parameter> {
    Ok(match value {
        Value::Null => Parameter::Text(None),
        Value::Bool(truth) => Parameter::Boolean(Some(*truth)),
        Value::String(text) => Parameter::Text(Some(text.clone())),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Parameter::Integer(Some(whole)),
            None if number.is_f64() => Parameter::Float(number.as_f64()),
            None => bail!("{number} is beyond the whole numbers of SQL\nhint: compare with a text and a CAST"),
        },
        Value::Array(items) => of_list(items)?,
        Value::Object(object) => of_object(object)?,
    })
}

fn of_list(items: &[Value]) -> Result<Parameter> {
    if let Some(numbers) = items.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>().filter(|list| !list.is_empty())
    {
        return Ok(Parameter::IntegerList(numbers));
    }
    let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    texts.map(Parameter::TextList).context("a list holds either texts or whole numbers")
}

fn of_object(object: &Map<String, Value>) -> Result<Parameter> {
    let Some((kind, value)) = object.iter().next().filter(|_| object.len() == 1) else {
        bail!("an object has one entry: timestamp, date or seconds");
    };
    let text = value.as_str().unwrap_or_default();
    Ok(match kind.as_str() {
        "timestamp" => Parameter::Timestamp(Some(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc))),
        "date" => Parameter::Date(Some(text.parse::<NaiveDate>()?)),
        "seconds" => Parameter::Interval(Some(span(value)?)),
        other => bail!("`{other}` is none of timestamp, date, seconds"),
    })
}

/// Milliseconds are exact in the numbers of JSON for every span that a query asks for.
fn span(seconds: &Value) -> Result<TimeDelta> {
    let milliseconds = seconds.as_f64().context("seconds are a number")? * 1000.0;
    let whole = milliseconds.round();
    if whole.abs() > i64::MAX as f64 / 2.0 {
        bail!("{seconds} seconds are longer than any flow data");
    }
    TimeDelta::try_milliseconds(whole as i64).context("seconds are out of range")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> Parameter {
        of_text(&format!("x={text}")).unwrap().1
    }

    #[test]
    fn text_becomes_what_it_looks_like() {
        assert_eq!(of("3389"), Parameter::Integer(Some(3389)));
        assert_eq!(of("0.5"), Parameter::Float(Some(0.5)));
        assert_eq!(of("true"), Parameter::Boolean(Some(true)));
        assert_eq!(of("10.0.0.0/8, !10.1.0.0/16"), Parameter::Text(Some("10.0.0.0/8, !10.1.0.0/16".into())));
        assert_eq!(of("a=b"), Parameter::Text(Some("a=b".into())));
        let Parameter::Timestamp(Some(moment)) = of("2026-03-02T10:00:00+01:00") else { panic!("no moment") };
        assert_eq!(moment.to_rfc3339(), "2026-03-02T09:00:00+00:00");
        assert!(of_text("=1").is_err() && of_text("name").is_err());
    }

    #[test]
    fn a_file_names_the_types_that_json_lacks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            r#"{"at": {"timestamp": "2026-03-02T10:00:00Z"}, "day": {"date": "2026-03-02"}, "window": {"seconds": 1.5},
                "ports": [22, 23], "names": ["a"], "none": [], "unset": null}"#,
        )
        .unwrap();
        let values = of_file(file.path()).unwrap();
        let named = |name: &str| values.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!(named("window"), Parameter::Interval(Some(TimeDelta::milliseconds(1500))));
        assert_eq!(named("day"), Parameter::Date(NaiveDate::from_ymd_opt(2026, 3, 2)));
        assert_eq!(named("ports"), Parameter::IntegerList(vec![22, 23]));
        assert_eq!(named("none"), Parameter::TextList(Vec::new()));
        assert_eq!(named("unset"), Parameter::Text(None));
        assert!(matches!(named("at"), Parameter::Timestamp(Some(_))));
    }

    #[test]
    fn what_is_no_value_is_said_with_its_name() {
        for (text, said) in [
            (r#"{"n": 18446744073709551615}"#, "beyond the whole numbers"),
            (r#"{"l": [1, "a"]}"#, "either texts or whole numbers"),
            (r#"{"o": {"time": "1"}}"#, "none of timestamp"),
            (r#"{"s": {"seconds": 1e300}}"#, "longer than"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let error = format!("{:#}", of_file(file.path()).unwrap_err());
            assert!(error.contains(said) && error.starts_with(&text[2..3]), "{error}");
        }
    }
}
