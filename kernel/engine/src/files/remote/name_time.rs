//! The time that is written in the name of an object: of its folders (`2024/02/05/`, `year=2024/month=2/day=5/`), or in the
//! name of the file (`nfcapd.202402051200`, `…_20240205T1200Z_….log.gz`, `flows-2024-02-05.csv`).
//!
//! Of which zone it is nobody says, nor whether it is that of the first or of the last flow: who uses it leaves a margin.

use chrono::{Months, NaiveDate, NaiveDateTime, TimeDelta};
use file_source::Span;

/// Years that a number of four digits may be.
const YEARS: std::ops::RangeInclusive<u32> = 1990..=2100;
/// Between year, month and day.
const DATE_SEPARATORS: &[u8] = b"-_.";
/// Between day, hour and minute.
const TIME_SEPARATORS: &[u8] = b"T-_.: ";

/// A stretch of time: from then on, until then.
type Stretch = (NaiveDateTime, NaiveDateTime);

/// Within which the time in a name lies; `None` when there is none.
pub(crate) fn span_of(key: &str) -> Option<Span> {
    let (folders, file) = key.rsplit_once('/').unwrap_or(("", key));
    let (from, to) = in_text(file).or_else(|| in_folders(folders))?;
    let nanos = |time: NaiveDateTime| time.and_utc().timestamp_nanos_opt();
    Some(Span { from: nanos(from)?, to: nanos(to)? })
}

/// Of two times in one name, as of a stretch from day to day, all between.
fn in_text(text: &str) -> Option<Stretch> {
    let bytes = text.as_bytes();
    let (mut found, mut at): (Option<Stretch>, usize) = (None, 0);
    while at < bytes.len() {
        let begins = at == 0 || !bytes[at - 1].is_ascii_digit();
        match time_at(&bytes[at..]).filter(|_| begins) {
            Some((length, (from, to))) => {
                found = Some(found.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The time that a text begins with, as exactly as it is written, and the bytes of it.
fn time_at(text: &[u8]) -> Option<(usize, Stretch)> {
    let year = number(text, 4).filter(|year| YEARS.contains(year))?;
    let separator = usize::from(text.get(4).is_some_and(|byte| DATE_SEPARATORS.contains(byte)));
    let month = number(text.get(4 + separator..)?, 2)?;
    let before_day = 6 + separator;
    if separator == 1 && text.get(before_day) != text.get(4) {
        return None;
    }
    let day = number(text.get(before_day + separator..)?, 2)?;
    let mut end = before_day + separator + 2;
    let start = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_opt(0, 0, 0)?;
    let mut found = ends_at(text, end).then_some((end, (start, start + TimeDelta::days(1))));
    let mut exact = start;
    for (units, limit) in [(TimeDelta::hours(1), 24), (TimeDelta::minutes(1), 60), (TimeDelta::seconds(1), 60)] {
        end += usize::from(text.get(end).is_some_and(|byte| TIME_SEPARATORS.contains(byte)));
        let Some(value) = text.get(end..).and_then(|rest| number(rest, 2)).filter(|value| *value < limit) else {
            break;
        };
        end += 2;
        exact += units * i32::try_from(value).ok()?;
        if ends_at(text, end) {
            found = Some((end, (exact, exact + units)));
        }
    }
    found
}

fn ends_at(text: &[u8], end: usize) -> bool {
    text.get(end).is_none_or(|byte| !byte.is_ascii_digit())
}

/// So many digits.
fn number(text: &[u8], digits: usize) -> Option<u32> {
    let digits = text.get(..digits).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What folders within each other say: year, month, day and hour, as far as they go.
fn in_folders(folders: &str) -> Option<Stretch> {
    const KEYS: [&[&str]; 4] = [&["year", "y"], &["month", "m"], &["day", "d"], &["hour", "h"]];
    let mut parts: Vec<u32> = Vec::new();
    let mut whole = None;
    for folder in folders.split('/') {
        let (key, value) = folder.split_once('=').map_or((None, folder), |(key, value)| (Some(key), value));
        let Some(keys) = KEYS.get(parts.len()) else { break };
        let is_meant = key.is_none_or(|key| keys.contains(&key.to_ascii_lowercase().as_str()));
        match value.parse::<u32>().ok().filter(|_| value.len() <= 4 && is_meant) {
            Some(value) if parts.is_empty() && !YEARS.contains(&value) => {}
            Some(value) => parts.push(value),
            None => match in_text(value) {
                Some(found) => whole = Some(found),
                // A folder of another kind ends a row of numbers; `region=eu` between them does not.
                None if key.is_none() && !parts.is_empty() => break,
                None => {}
            },
        }
    }
    whole.or_else(|| of_parts(&parts))
}

fn of_parts(parts: &[u32]) -> Option<Stretch> {
    let year = i32::try_from(*parts.first()?).ok()?;
    let part = |place: usize| parts.get(place).copied();
    let start = NaiveDate::from_ymd_opt(year, part(1).unwrap_or(1), part(2).unwrap_or(1))?;
    let start = start.and_hms_opt(part(3).unwrap_or(0), 0, 0)?;
    let end = match parts.len() {
        1 => start.checked_add_months(Months::new(12))?,
        2 => start.checked_add_months(Months::new(1))?,
        3 => start + TimeDelta::days(1),
        _ => start + TimeDelta::hours(1),
    };
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[track_caller]
    fn check(key: &str, expected: Option<(&str, &str)>) {
        let found = span_of(key);
        let text = |nanos: i64| DateTime::from_timestamp_nanos(nanos).format("%Y-%m-%dT%H:%M").to_string();
        let found = found.map(|span| (text(span.from), text(span.to)));
        assert_eq!(found, expected.map(|(from, to)| (from.to_owned(), to.to_owned())), "{key}");
    }

    #[test]
    fn names_of_files() {
        check("nfcapd.202402051200", Some(("2024-02-05T12:00", "2024-02-05T12:01")));
        check("a/flows-2024-02-05.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check(
            "AWSLogs/123456789010/123456789010_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_fe123456.log.gz",
            Some(("2018-06-20T16:20", "2018-06-20T16:21")),
        );
        check("flows_20240205_20240207.csv", Some(("2024-02-05T00:00", "2024-02-08T00:00")));
        check("flows-2024-02-05-10.csv.gz", Some(("2024-02-05T10:00", "2024-02-05T11:00")));
        check("flows-20240205-001.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("20240205-99.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        for none in ["flows.csv", "part-00012.csv", "1707127200.log", "20241399.csv", "120240205.csv", "2024-02.csv"] {
            check(none, None);
        }
    }

    #[test]
    fn names_of_folders() {
        check("2024/02/05/flows.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("x/2024/02/part-1.csv", Some(("2024-02-01T00:00", "2024-03-01T00:00")));
        check("year=2024/region=eu/month=2/day=5/hour=7/a.csv", Some(("2024-02-05T07:00", "2024-02-05T08:00")));
        check("y=2024/m=02/d=05/h=10/m=00/macAddress=00/PT1H.json", Some(("2024-02-05T10:00", "2024-02-05T11:00")));
        check("zeek/2024-02-05/conn.10:00:00-11:00:00.log.gz", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("dt=2024-02-05/a.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("2024/reports/02/a.csv", Some(("2024-01-01T00:00", "2025-01-01T00:00")));
        check("17/42/a.csv", None);
        check("2024/13/a.csv", None);
    }
}
