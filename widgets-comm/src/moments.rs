//! Dates and times as the date, datetime and time pickers send them: objects, with months counted from 0.
//!
//! Calendar arithmetic and time zones are the caller's: a datetime is UTC for the DatetimePicker and naive for the
//! NaiveDatetimePicker, and nothing here converts between them.

use std::fmt;

use serde_json::{Map, Value};

/// Milliseconds may have a fraction on the wire; it is kept as microseconds.
const MICROSECONDS_PER_MILLISECOND: f64 = 1000.0;

/// JavaScript's dates end in this year.
const YEAR_MAX: i64 = 275_760;

/// A date. Months are counted from 1, unlike on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
    pub microseconds: u32,
}

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Datetime {
    pub date: Date,
    pub time: Time,
}

impl Date {
    /// `{"year": 2026, "month": 0, "date": 31}` is the last of January. `None` for anything else and for dates that
    /// no calendar has.
    pub fn from_json(value: &Value) -> Option<Self> {
        date_fields(exactly(value, 3)?)
    }

    pub fn to_json(self) -> Value {
        let mut fields = Map::new();
        self.write(&mut fields);
        fields.into()
    }

    fn write(self, fields: &mut Map<String, Value>) {
        fields.insert("year".into(), self.year.into());
        fields.insert("month".into(), (i64::from(self.month) - 1).into());
        fields.insert("date".into(), self.day.into());
    }
}

impl Time {
    /// `{"hours": 13, "minutes": 5, "seconds": 0, "milliseconds": 0}`.
    pub fn from_json(value: &Value) -> Option<Self> {
        time_fields(exactly(value, 4)?)
    }

    pub fn to_json(self) -> Value {
        let mut fields = Map::new();
        self.write(&mut fields);
        fields.into()
    }

    fn write(self, fields: &mut Map<String, Value>) {
        fields.insert("hours".into(), self.hours.into());
        fields.insert("minutes".into(), self.minutes.into());
        fields.insert("seconds".into(), self.seconds.into());
        let whole = self.microseconds / 1000;
        let milliseconds = match self.microseconds % 1000 {
            0 => whole.into(),
            _ => (f64::from(self.microseconds) / MICROSECONDS_PER_MILLISECOND).into(),
        };
        fields.insert("milliseconds".into(), milliseconds);
    }
}

impl Datetime {
    /// The fields of a date and of a time in one object.
    pub fn from_json(value: &Value) -> Option<Self> {
        let fields = exactly(value, 7)?;
        Some(Datetime { date: date_fields(fields)?, time: time_fields(fields)? })
    }

    pub fn to_json(self) -> Value {
        let mut fields = Map::new();
        self.date.write(&mut fields);
        self.time.write(&mut fields);
        fields.into()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}:{:02}", self.hours, self.minutes, self.seconds)?;
        if self.microseconds > 0 {
            write!(formatter, "{}", format!(".{:06}", self.microseconds).trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl fmt::Display for Datetime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.date, self.time)
    }
}

/// The fields of an object that has exactly so many.
fn exactly(value: &Value, count: usize) -> Option<&Map<String, Value>> {
    value.as_object().filter(|fields| fields.len() == count)
}

fn date_fields(fields: &Map<String, Value>) -> Option<Date> {
    let year = fields.get("year")?.as_i64().filter(|year| (-YEAR_MAX..=YEAR_MAX).contains(year))?;
    let month = fields.get("month")?.as_u64().filter(|month| *month < 12)? + 1;
    let day = fields.get("date")?.as_u64().filter(|day| (1..=days_in(year, month)).contains(day))?;
    Some(Date { year: year.try_into().ok()?, month: month.try_into().ok()?, day: day.try_into().ok()? })
}

fn days_in(year: i64, month: u64) -> u64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn time_fields(fields: &Map<String, Value>) -> Option<Time> {
    let below = |name, limit| fields.get(name)?.as_u64().filter(|value| *value < limit)?.try_into().ok();
    let milliseconds = fields.get("milliseconds")?.as_f64().filter(|value| (0.0..1000.0).contains(value))?;
    // A fraction that rounds up to a whole second stays in its second.
    let microseconds = ((milliseconds * MICROSECONDS_PER_MILLISECOND).round() as u32).min(999_999);
    let (hours, minutes, seconds) = (below("hours", 24)?, below("minutes", 60)?, below("seconds", 60)?);
    Some(Time { hours, minutes, seconds, microseconds })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_date(value: Value, expected: Option<&str>) {
        assert_eq!(Date::from_json(&value).map(|date| date.to_string()).as_deref(), expected, "{value}");
    }

    #[test]
    fn months_are_counted_from_zero_on_the_wire() {
        check_date(json!({"year": 2026, "month": 0, "date": 31}), Some("2026-01-31"));
        let date = Date { year: 2026, month: 12, day: 1 };
        assert_eq!(date.to_json(), json!({"year": 2026, "month": 11, "date": 1}));
    }

    #[test]
    fn days_that_no_calendar_has_are_refused() {
        check_date(json!({"year": 2024, "month": 1, "date": 29}), Some("2024-02-29"));
        check_date(json!({"year": 2023, "month": 1, "date": 29}), None);
        check_date(json!({"year": 1900, "month": 1, "date": 29}), None);
        check_date(json!({"year": 2000, "month": 1, "date": 29}), Some("2000-02-29"));
        check_date(json!({"year": 2024, "month": 12, "date": 1}), None);
        check_date(json!({"year": 2024, "month": 3, "date": 31}), None);
        check_date(json!({"year": 2024, "month": 3, "date": 0}), None);
        check_date(json!({"year": 1e9 as i64, "month": 3, "date": 1}), None);
        check_date(json!({"year": 2024, "month": 3}), None);
        check_date(json!({"year": 2024, "month": 3, "date": 1, "extra": 0}), None);
        check_date(json!("2024-04-01"), None);
    }

    #[test]
    fn times_keep_microseconds() {
        let wire = json!({"hours": 13, "minutes": 5, "seconds": 9, "milliseconds": 1.25});
        let time = Time::from_json(&wire).expect("a time");
        assert_eq!(time, Time { hours: 13, minutes: 5, seconds: 9, microseconds: 1250 });
        assert_eq!((time.to_string().as_str(), time.to_json()), ("13:05:09.00125", wire));
        let whole = json!({"hours": 0, "minutes": 0, "seconds": 0, "milliseconds": 250});
        assert_eq!(Time::from_json(&whole).expect("a time").to_json(), whole);
        let late = json!({"hours": 24, "minutes": 0, "seconds": 0, "milliseconds": 0});
        assert_eq!(Time::from_json(&late), None);
        let negative = json!({"hours": 1, "minutes": 0, "seconds": 0, "milliseconds": -1});
        assert_eq!(Time::from_json(&negative), None);
    }

    #[test]
    fn datetimes_are_ordered_and_have_all_seven_fields() {
        let wire = |day: u8, hours: u8| {
            let time = Time { hours, minutes: 0, seconds: 0, microseconds: 0 };
            let datetime = Datetime { date: Date { year: 2026, month: 5, day }, time };
            datetime.to_json()
        };
        let literal = json!({
            "year": 2026, "month": 4, "date": 1, "hours": 5, "minutes": 0, "seconds": 0, "milliseconds": 0
        });
        assert_eq!(wire(1, 5), literal);
        let [early, late, later] =
            [wire(1, 5), wire(1, 6), wire(2, 0)].map(|wire| Datetime::from_json(&wire).expect("a datetime"));
        assert!(early < late && late < later);
        assert_eq!(later.to_json(), wire(2, 0));
        assert_eq!(later.to_string(), "2026-05-02 00:00:00");
        assert_eq!(Datetime::from_json(&json!({"year": 2026, "month": 4, "date": 1})), None);
    }
}
