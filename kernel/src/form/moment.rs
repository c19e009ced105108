//! Moments and lengths of time as people write them: `now-5m`, `2026-11-25 10:36`, `1h 30m`. The zone they are in is that
//! of the configuration, else that of this machine.

use chrono_tz::Tz;
use flowdeck::chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};

use crate::config::Config;

/// Formats of a moment, the usual ones of log files and forms.
const FORMATS: &[&str] =
    &["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M"];

/// A moment: relative to `now`, with a zone, or without one in the zone of this machine.
///
/// # Errors
/// What is wrong with the text, for the person who wrote it.
pub fn parse(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("now") {
        return relative(rest.trim(), now);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.with_timezone(&Utc));
    }
    let naive = FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    match naive.or_else(day) {
        Some(naive) => from_local(naive),
        None => Err(format!("`{text}` is no time; write 2026-11-25 10:36, now or now-5m")),
    }
}

fn relative(rest: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    if rest.is_empty() {
        return Ok(now);
    }
    let (sign, length) = match (rest.strip_prefix('-'), rest.strip_prefix('+')) {
        (Some(length), _) => (-1, length),
        (_, Some(length)) => (1, length),
        _ => return Err(format!("`now{rest}` is no time; write now-5m or now+1h")),
    };
    let length = duration(length)? * sign;
    now.checked_add_signed(length).ok_or_else(|| format!("`now{rest}` is too far away"))
}

/// What a clock on the wall shows, as a moment. Of an hour that happens twice it is the first.
///
/// # Errors
/// When the clocks leave this time out.
pub fn from_local(naive: NaiveDateTime) -> Result<DateTime<Utc>, String> {
    let moment = match display_zone() {
        Some(zone) => zone.from_local_datetime(&naive).earliest().map(|moment| moment.to_utc()),
        None => Local.from_local_datetime(&naive).earliest().map(|moment| moment.to_utc()),
    };
    moment.ok_or_else(|| format!("{naive} does not exist: clocks were put forward"))
}

/// What a clock on the wall shows at that moment.
pub fn to_local(moment: DateTime<Utc>) -> NaiveDateTime {
    match display_zone() {
        Some(zone) => moment.with_timezone(&zone).naive_local(),
        None => moment.with_timezone(&Local).naive_local(),
    }
}

/// The name of the wall's clock's zone, where the configuration gives one.
pub fn zone_name() -> Option<&'static str> {
    display_zone().map(|zone| zone.name())
}

/// The distance of the wall's clock from UTC at that moment: `UTC+02:00`.
pub fn distance(moment: DateTime<Utc>) -> String {
    let seconds = match display_zone() {
        Some(zone) => moment.with_timezone(&zone).offset().fix().local_minus_utc(),
        None => moment.with_timezone(&Local).offset().local_minus_utc(),
    };
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

/// The zone that the configuration names.
fn display_zone() -> Option<Tz> {
    Config::in_force().display.time_zone.map(|zone| zone.0)
}

/// A length of time: numbers with the units ms, s, m, h, d and w, for instance `1h 30m`.
///
/// # Errors
/// What is wrong with the text, for the person who wrote it.
pub fn duration(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("`{}` is no length of time; write 30s, 5m, 2h, 1d or 1h 30m", text.trim());
    let mut rest = text.trim();
    let mut sum = TimeDelta::zero();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit_on) = rest.split_at(digits);
        let letters = unit_on.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit_on.len());
        let (unit, next) = unit_on.split_at(letters);
        let milliseconds: i32 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        let part = length_of(number, milliseconds).ok_or_else(wrong)?;
        sum = sum.checked_add(&part).ok_or_else(wrong)?;
        rest = next.trim_start();
    }
    Ok(sum)
}

/// So many units, also with a fraction; to the microsecond.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn length_of(number: &str, milliseconds: i32) -> Option<TimeDelta> {
    if let Ok(number) = number.parse::<i64>() {
        return TimeDelta::try_milliseconds(number.checked_mul(milliseconds.into())?);
    }
    let micros = (number.parse::<f64>().ok()? * f64::from(milliseconds) * 1000.0).round();
    // Within what a float counts exactly.
    (micros < 2_f64.powi(53)).then(|| TimeDelta::microseconds(micros as i64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in
            [("5m", 300), ("1h 30m", 5400), ("1h30m", 5400), ("2d", 172_800), ("500ms", 0), ("1w", 604_800)]
        {
            assert_eq!(duration(text).unwrap().num_seconds(), seconds, "{text}");
        }
        assert_eq!(duration("2.5s").unwrap(), TimeDelta::milliseconds(2500));
        assert_eq!(duration("0.25ms").unwrap(), TimeDelta::microseconds(250));
        for text in ["", "5", "m", ".s", "1.2.3s", "5 parsecs", "-5m", "99999999999999999999s", "9223372036854775807w"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments() {
        let now = DateTime::parse_from_rfc3339("2026-11-25T10:41:00Z").unwrap().with_timezone(&Utc);
        assert_eq!(parse("now", now).unwrap(), now);
        assert_eq!(parse(" now - 5m ", now).unwrap(), now - TimeDelta::minutes(5));
        assert_eq!(parse("now+1h 30m", now).unwrap(), now + TimeDelta::minutes(90));
        assert_eq!(parse("2026-11-25T10:41:00+01:00", now).unwrap(), now - TimeDelta::hours(1));
        assert_eq!(parse(&to_local(now).to_string(), now).unwrap(), now, "without a zone it is this machine's");
        for text in ["", "nowish", "now-", "yesterday", "2026-13-01 00:00", "now-99999999999w"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }
}
