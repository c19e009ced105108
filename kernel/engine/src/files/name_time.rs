//! The time that is written in the name of a file or object: of its folders (`2024/02/05/`, `year=2024/month=2/day=5/`), or
//! in the name of the file (`nfcapd.202402051200`, `…_20240205T1200Z_….log.gz`, `flows-2024-02-05.csv`), or in both
//! (`2024-02-05/conn.10:00:00-11:00:00.log.gz`).
//!
//! Of which zone it is nobody says, nor whether it is that of the first or of the last flow: hence a margin. Who uses it asks
//! some files first whether their names are right (`windowed`).

use chrono::{Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use file_source::Span;

use crate::source::{NameMargin, SourceSettings};

/// Years that a number of four digits may be.
const YEARS: std::ops::RangeInclusive<u32> = 1990..=2100;
/// Between year, month and day.
const DATE_SEPARATORS: &[u8] = b"-_.";
/// Between day, hour and minute.
const TIME_SEPARATORS: &[u8] = b"T-_.: ";

/// A stretch of time: from then on, until then.
type Stretch = (NaiveDateTime, NaiveDateTime);

/// How names are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameTimes {
    zone: Tz,
    margin: TimeDelta,
}

impl NameTimes {
    /// As a source says it; `None` where names are not to be believed.
    pub(super) fn of(settings: &SourceSettings) -> Option<NameTimes> {
        let zone = settings.time_zone.unwrap_or(Tz::UTC);
        match settings.name_margin {
            NameMargin::Within(margin) => Some(NameTimes { zone, margin }),
            NameMargin::Ignored => None,
        }
    }

    /// Within which the flows of each file are, by their paths. The folder in which all are says nothing of one of them.
    pub(super) fn spans_of<'a>(self, paths: impl Iterator<Item = &'a str> + Clone) -> Vec<Option<Span>> {
        let common = in_folders(common_folder(paths.clone()));
        paths.map(|path| self.span_of(path, common)).collect()
    }

    fn span_of(self, path: &str, common: Option<Stretch>) -> Option<Span> {
        let (from, to) = stretch_of(path).filter(|found| common != Some(*found))?;
        let (from, to) = (self.moment(from, false)?, self.moment(to, true)?);
        let margin = self.margin.num_nanoseconds()?;
        // The end of a day is the beginning of the next.
        Some(Span { from: from.saturating_sub(margin), to: to.saturating_add(margin).saturating_sub(1) })
    }

    /// The margin for people.
    pub(super) fn margin_text(self) -> String {
        let seconds = self.margin.num_seconds();
        let of = |unit: i64, name: &str| match (seconds / unit, seconds % unit) {
            (1, 0) => Some(format!("1 {name}")),
            (count @ 2.., 0) => Some(format!("{count} {name}s")),
            _ => None,
        };
        let text = of(86_400, "day").or_else(|| of(3600, "hour")).or_else(|| of(60, "minute"));
        text.unwrap_or_else(|| format!("{seconds} s"))
    }

    /// In nanoseconds since 1970. Of what a clock shows twice the first, as an end the second; what it leaves out lies
    /// within an hour.
    fn moment(self, time: NaiveDateTime, is_end: bool) -> Option<i64> {
        let hour = TimeDelta::hours(if is_end { 1 } else { -1 });
        let shown = |time: NaiveDateTime| {
            let found = self.zone.from_local_datetime(&time);
            if is_end { found.latest() } else { found.earliest() }
        };
        shown(time).or_else(|| shown(time + hour))?.timestamp_nanos_opt()
    }
}

/// The folder in which, or in whose folders, all paths are.
fn common_folder<'a>(paths: impl Iterator<Item = &'a str>) -> &'a str {
    let folders = paths.map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder));
    let both = |one: &'a str, other: &'a str| {
        let same = one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other);
        let length: usize = same.map(|(part, _)| part.len() + 1).sum();
        &one[..length.saturating_sub(1)]
    };
    folders.reduce(both).unwrap_or_default()
}

/// The time that a path says.
fn stretch_of(path: &str) -> Option<Stretch> {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    if let Some(found) = in_text(file) {
        return Some(found);
    }
    let (from, to) = in_folders(folders)?;
    match clock_times(file).filter(|_| to - from == TimeDelta::days(1)) {
        Some((first, last)) => {
            let next_day = TimeDelta::days(i64::from(last <= first));
            Some((from + (first - NaiveTime::MIN), from + (last - NaiveTime::MIN) + next_day))
        }
        None => Some((from, to)),
    }
}

/// Two times of a day with a `-` between them, as in Zeek's archive.
fn clock_times(file: &str) -> Option<(NaiveTime, NaiveTime)> {
    const LENGTH: usize = "10:00:00-11:00:00".len();
    let clock = |text: &str| NaiveTime::parse_from_str(text, "%H:%M:%S").ok();
    let mut starts = file.char_indices().map(|(at, _)| at);
    starts.find_map(|at| {
        let begins = !file[..at].ends_with(|before: char| before.is_ascii_digit());
        let text = file.get(at..at + LENGTH).filter(|_| begins && ends_at(file.as_bytes(), at + LENGTH))?;
        let (first, last) = text.split_once('-')?;
        (first.len() == last.len()).then(|| clock(first).zip(clock(last)))?
    })
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
        let text = |time: NaiveDateTime| time.format("%Y-%m-%dT%H:%M").to_string();
        let found = stretch_of(key).map(|(from, to)| (text(from), text(to)));
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
        check("date=2024-02-05/a.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("2026/11/26/13/part-0.parquet", Some(("2026-11-26T13:00", "2026-11-26T14:00")));
        check("dt=2024-02-05/a.csv", Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        check("2024/reports/02/a.csv", Some(("2024-01-01T00:00", "2025-01-01T00:00")));
        check("17/42/a.csv", None);
        check("2024/13/a.csv", None);
    }

    #[test]
    fn days_of_folders_and_hours_of_files() {
        check("zeek/2024-02-05/conn.10:00:00-11:00:00.log.gz", Some(("2024-02-05T10:00", "2024-02-05T11:00")));
        check("2024-02-05/conn.23:00:00-00:00:00.log.gz", Some(("2024-02-05T23:00", "2024-02-06T00:00")));
        check("2024/02/05/conn.10:00:00-11:00:00.log", Some(("2024-02-05T10:00", "2024-02-05T11:00")));
        for day in
            ["conn.10:00:00-11:00:000.log", "conn.110:00:00-11:00:00.log", "conn.25:00:00-26:00:00.log", "é10:00"]
        {
            check(&format!("2024-02-05/{day}"), Some(("2024-02-05T00:00", "2024-02-06T00:00")));
        }
        check("2024/conn.10:00:00-11:00:00.log", Some(("2024-01-01T00:00", "2025-01-01T00:00")));
        check("conn.10:00:00-11:00:00.log", None);
    }

    #[test]
    fn with_zone_and_margin() {
        let prague = |margin| NameTimes { zone: Tz::Europe__Prague, margin };
        let text = |nanos: i64| DateTime::from_timestamp_nanos(nanos).format("%m-%dT%H:%M").to_string();
        let check = |times: NameTimes, path: &str, beside: &str, expected: Option<(&str, &str)>| {
            let found = times.spans_of([path, beside].into_iter())[0];
            let found = found.map(|span| (text(span.from), text(span.to + 1)));
            assert_eq!(found, expected.map(|(from, to)| (from.to_owned(), to.to_owned())), "{path} beside {beside}");
        };
        let none = prague(TimeDelta::zero());
        check(none, "f-2024-02-05-10.csv", "x", Some(("02-05T09:00", "02-05T10:00")));
        check(prague(TimeDelta::hours(2)), "f-2024-02-05-10.csv", "x", Some(("02-05T07:00", "02-05T12:00")));
        // Clocks go back at 3:00, and forward at 2:00.
        check(none, "f-2024-10-27-02.csv", "x", Some(("10-27T00:00", "10-27T02:00")));
        check(none, "f-2024-03-31-02.csv", "x", Some(("03-31T00:00", "03-31T01:00")));
        // What is true of all files tells nothing of one.
        check(none, "/cases/2024/05/x/a.csv", "/cases/2024/05/x/y/b.csv", None);
        check(none, "/f/2024/05/06/a.csv", "/f/2024/05/06/b.csv", None);
        check(none, "/f/2024/05/06/a.csv", "/f/2024/05/07/a.csv", Some(("05-05T22:00", "05-06T22:00")));
        let zeek = "/logs/2024-02-05/c.10:00:00-11:00:00.log";
        check(none, zeek, "/logs/2024-02-05/c.log", Some(("02-05T09:00", "02-05T10:00")));
        check(none, "/f/year=2024/month=2/day=5/a.csv", "/f/year=2024/b.csv", Some(("02-04T23:00", "02-05T23:00")));
        for (margin, expected) in
            [(TimeDelta::days(1), "1 day"), (TimeDelta::hours(36), "36 hours"), (TimeDelta::seconds(90), "90 s")]
        {
            assert_eq!(prague(margin).margin_text(), expected);
        }
    }
}
