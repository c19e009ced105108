//! `time_bin`: the beginning of the interval in which a moment lies, by the clocks of a time zone.
//!
//! Days begin at local midnight, weeks on Monday, whatever the clocks did in between.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampNanosecondArray};
use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::arguments::{Arguments, Kind, optional, required};
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

const NANOSECONDS_PER_HOUR: i64 = 3_600_000_000_000;
const NANOSECONDS_PER_DAY: i64 = 24 * NANOSECONDS_PER_HOUR;
/// Clocks are not put forward by more than this; Samoa once left out a day.
const GAP_STEP_MINUTES: i64 = 15;
const GAP_STEPS_MAX: i64 = 26 * 60 / GAP_STEP_MINUTES;

pub(super) static TIME_BIN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "time_bin",
        syntax: "time_bin(interval, timestamp [, zone])",
        description: "The beginning of the interval in which a moment lies. zone is an IANA name such as \
                      'Europe/Prague' and decides where days and hours begin (the default is UTC); the result is \
                      still a moment. Days begin at local midnight, weeks on Monday, months on the first; when the \
                      clocks change, the interval is longer or shorter. A timestamp without zone counts as UTC.",
        examples: &[
            example("time_bin('5 minutes', TIMESTAMP '2024-02-05 12:33:56')", "2024-02-05T12:30:00"),
            example(
                "time_bin(INTERVAL '1 day', TIMESTAMP '2024-07-01 22:30:00', 'Europe/Prague')",
                "2024-07-01T22:00:00",
            ),
            example("time_bin('1 week', TIMESTAMP '2024-02-08 00:00:00')", "2024-02-05T00:00:00"),
            example("time_bin('1 month', TIMESTAMP '2024-02-29 23:59:59')", "2024-02-01T00:00:00"),
        ],
    },
    arguments: &[
        required("interval", Kind::Interval),
        required("timestamp", Kind::Timestamp),
        optional("zone", Kind::Text),
    ],
    returns: Returns::TimestampLike(1),
    body: time_bin,
    prepare: None,
};

fn time_bin(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let (intervals, moments) = (arguments.intervals(0), arguments.timestamps(1));
    let zones = arguments.has(2).then(|| arguments.texts(2));
    let mut known_zone: Option<(String, Tz)> = None;
    let mut known_width: Option<(IntervalMonthDayNano, Width)> = None;
    let bins = (0..arguments.row_count()).map(|row| {
        let zone = match zones.as_ref().map(|zones| zones.text(row)) {
            None => Tz::UTC,
            Some(None) => return Ok(None),
            Some(Some(name)) => match &known_zone {
                Some((known, zone)) if known == name => *zone,
                _ => known_zone.insert((name.to_string(), zone_of(name, arguments)?)).1,
            },
        };
        let Some((interval, moment)) = intervals.number(row).zip(moments.number(row)) else { return Ok(None) };
        let width = match known_width {
            Some((known, width)) if known == interval => width,
            _ => known_width.insert((interval, Width::of(interval, arguments)?)).1,
        };
        let begin = width.begin(moment, zone).and_then(|begin| begin.timestamp_nanos_opt());
        let outside = || arguments.refused(1, DateTime::from_timestamp_nanos(moment), "its bin begins before 1678");
        begin.ok_or_else(outside).map(Some)
    });
    let bins = bins.collect::<Result<TimestampNanosecondArray, FunctionFault>>()?;
    Ok(Arc::new(bins.with_data_type(moments.data_type().clone())))
}

fn zone_of(name: &str, arguments: &Arguments) -> Result<Tz, FunctionFault> {
    name.parse().map_err(|_| arguments.refused(2, format!("'{name}'"), "write an IANA name such as 'Europe/Prague'"))
}

/// How wide a bin is.
#[derive(Debug, Clone, Copy)]
enum Width {
    Months(i32),
    Nanoseconds(i64),
}

impl Width {
    fn of(interval: IntervalMonthDayNano, arguments: &Arguments) -> Result<Width, FunctionFault> {
        let refused = |reason: &str| arguments.refused(0, format!("{interval:?}"), reason);
        let days = i64::from(interval.days).checked_mul(NANOSECONDS_PER_DAY);
        let nanoseconds = days.and_then(|days| days.checked_add(interval.nanoseconds));
        match (interval.months, nanoseconds) {
            (_, None) => Err(refused("it is too long")),
            (0, Some(nanoseconds @ 1..)) => Ok(Width::Nanoseconds(nanoseconds)),
            (months @ 1.., Some(0)) => Ok(Width::Months(months)),
            (0, Some(_)) | (..0, Some(0)) => Err(refused("it must be longer than nothing")),
            (_, Some(_)) => Err(refused("months and shorter units cannot be mixed")),
        }
    }

    /// `None` beyond the years that can be computed with.
    fn begin(self, moment: i64, zone: Tz) -> Option<DateTime<Utc>> {
        let moment = DateTime::from_timestamp_nanos(moment);
        let offset = zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
        let local = moment.naive_utc().checked_add_offset(offset)?;
        let (begin, is_within_an_hour) = match self {
            Width::Months(months) => (months_floor(local, months)?, false),
            Width::Nanoseconds(width) => (floor(local, width)?, width <= NANOSECONDS_PER_HOUR),
        };
        if is_within_an_hour {
            // An hour that the clocks repeat is told apart by its offset.
            let same_offset = begin.checked_sub_offset(offset)?.and_utc();
            if zone.offset_from_utc_datetime(&same_offset.naive_utc()).fix() == offset {
                return Some(same_offset);
            }
        }
        by_the_clock(begin, zone)
    }
}

fn months_floor(local: NaiveDateTime, months: i32) -> Option<NaiveDateTime> {
    let month = local.year().checked_mul(12)?.checked_add_unsigned(local.month0())?;
    let begin = month - month.rem_euclid(months);
    let month_of_year = u32::try_from(begin.rem_euclid(12)).ok()? + 1;
    NaiveDate::from_ymd_opt(begin.div_euclid(12), month_of_year, 1)?.and_hms_opt(0, 0, 0)
}

fn floor(local: NaiveDateTime, width: i64) -> Option<NaiveDateTime> {
    // A Monday.
    let origin = NaiveDate::from_ymd_opt(1969, 12, 29)?.and_hms_opt(0, 0, 0)?;
    let past = local.signed_duration_since(origin).num_nanoseconds()?.rem_euclid(width);
    local.checked_sub_signed(TimeDelta::nanoseconds(past))
}

/// When local clocks first showed `local`, or the next time that they showed.
fn by_the_clock(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    for step in 0..=GAP_STEPS_MAX {
        let shown = local.checked_add_signed(TimeDelta::minutes(step * GAP_STEP_MINUTES))?;
        match zone.from_local_datetime(&shown) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
                return Some(moment.with_timezone(&Utc));
            }
            MappedLocalTime::None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(width: Width, moment: &str, zone: &str) -> String {
        let moment: DateTime<Utc> = moment.parse().expect("a moment");
        let zone: Tz = zone.parse().expect("a zone");
        let begin = width.begin(moment.timestamp_nanos_opt().expect("in range"), zone).expect("in range");
        begin.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    #[track_caller]
    fn check(width: Width, zone: &str, cases: &[(&str, &str)]) {
        for (moment, expected) in cases {
            assert_eq!(bin(width, moment, zone), *expected, "{moment} by {width:?} in {zone}");
        }
    }

    const MINUTES: i64 = NANOSECONDS_PER_HOUR / 60;

    #[test]
    fn days_are_local_days() {
        check(
            Width::Nanoseconds(NANOSECONDS_PER_DAY),
            "Europe/Prague",
            &[
                ("2024-03-30T23:30:00Z", "2024-03-30T23:00:00Z"),
                ("2024-03-31T21:59:59Z", "2024-03-30T23:00:00Z"),
                ("2024-03-31T22:00:00Z", "2024-03-31T22:00:00Z"),
                ("2024-10-27T22:59:59Z", "2024-10-26T22:00:00Z"),
                ("2024-10-27T23:00:00Z", "2024-10-27T23:00:00Z"),
            ],
        );
        // Midnight itself is left out there.
        check(
            Width::Nanoseconds(NANOSECONDS_PER_DAY),
            "America/Sao_Paulo",
            &[("2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z")],
        );
    }

    #[test]
    fn a_repeated_hour_is_two_hours() {
        check(
            Width::Nanoseconds(NANOSECONDS_PER_HOUR),
            "Europe/Prague",
            &[
                ("2024-10-27T00:30:00Z", "2024-10-27T00:00:00Z"),
                ("2024-10-27T01:30:00Z", "2024-10-27T01:00:00Z"),
                ("2024-03-31T01:30:00Z", "2024-03-31T01:00:00Z"),
            ],
        );
        check(
            Width::Nanoseconds(15 * MINUTES),
            "Europe/Prague",
            &[("2024-10-27T01:20:00Z", "2024-10-27T01:15:00Z"), ("2024-10-27T00:20:00Z", "2024-10-27T00:15:00Z")],
        );
    }

    #[test]
    fn longer_bins_follow_the_clock() {
        check(
            Width::Nanoseconds(6 * NANOSECONDS_PER_HOUR),
            "Europe/Prague",
            &[
                ("2024-10-27T01:30:00Z", "2024-10-26T22:00:00Z"),
                ("2024-10-27T05:30:00Z", "2024-10-27T05:00:00Z"),
                ("2024-03-31T03:59:00Z", "2024-03-30T23:00:00Z"),
                ("2024-03-31T04:00:00Z", "2024-03-31T04:00:00Z"),
            ],
        );
        check(
            Width::Nanoseconds(2 * NANOSECONDS_PER_HOUR),
            "Europe/Prague",
            &[("2024-03-31T01:10:00Z", "2024-03-31T01:00:00Z"), ("2024-10-27T01:30:00Z", "2024-10-27T00:00:00Z")],
        );
    }

    #[test]
    fn hours_of_zones_that_are_off_by_less() {
        check(
            Width::Nanoseconds(NANOSECONDS_PER_HOUR),
            "Asia/Kolkata",
            &[("2024-01-01T00:40:00Z", "2024-01-01T00:30:00Z")],
        );
    }

    #[test]
    fn weeks_and_months() {
        check(
            Width::Nanoseconds(7 * NANOSECONDS_PER_DAY),
            "UTC",
            &[("2024-02-04T23:59:59Z", "2024-01-29T00:00:00Z"), ("1969-12-28T00:00:00Z", "1969-12-22T00:00:00Z")],
        );
        check(Width::Months(3), "UTC", &[("2024-06-30T00:00:00Z", "2024-04-01T00:00:00Z")]);
        check(Width::Months(12), "Europe/Prague", &[("2024-06-30T00:00:00Z", "2023-12-31T23:00:00Z")]);
    }
}
