//! Times without a zone: what clock they were read from.
//!
//! In the hour that a clock runs twice when summer time ends, the earlier moment is taken; [`Zone::is_ambiguous`] tells.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use crate::value::iso8601;

/// The zone of a source's clock; UTC unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(
    /// An IANA time zone.
    pub Tz,
);

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl Zone {
    /// Nanoseconds since 1970 UTC of `2018-12-18 14:00:00.075`, with `T` or a space, dashes or slashes; a zone in the
    /// text counts more than this one.
    pub fn moment(self, text: &str) -> Option<i64> {
        let text = with_dashes(text);
        let nanos = iso8601(text.as_bytes())?;
        if self.0 == Tz::UTC || has_zone(&text) {
            return Some(nanos);
        }
        let local = naive(nanos)?;
        let zoned = match self.0.from_local_datetime(&local) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => moment,
            // The clock never showed this; it is read with the offset from before it was moved.
            LocalResult::None => {
                let before = local.checked_sub_signed(chrono::TimeDelta::hours(1))?;
                self.0.from_local_datetime(&before).earliest()? + chrono::TimeDelta::hours(1)
            }
        };
        zoned.timestamp_nanos_opt()
    }

    /// Whether the clock showed this time twice.
    pub fn is_ambiguous(self, text: &str) -> bool {
        let text = with_dashes(text);
        let local = iso8601(text.as_bytes()).filter(|_| !has_zone(&text)).and_then(naive);
        local.is_some_and(|local| matches!(self.0.from_local_datetime(&local), LocalResult::Ambiguous(..)))
    }
}

fn naive(nanos: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_nanos(nanos).naive_utc())
}

/// Argus separates the parts of a date by slashes.
fn with_dashes(text: &str) -> String {
    match text.as_bytes() {
        [_, _, _, _, b'/', ..] => text.replacen('/', "-", 2),
        _ => text.to_owned(),
    }
}

fn has_zone(text: &str) -> bool {
    text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|time| time.contains(['+', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: Tz, text: &str, expected: Option<&str>) {
        let moment = Zone(zone).moment(text).map(|nanos| DateTime::from_timestamp_nanos(nanos).to_rfc3339());
        assert_eq!(moment.as_deref(), expected, "{text} in {zone}");
    }

    #[test]
    fn clocks() {
        check(Tz::UTC, "2018/12/18 14:00:00.075359", Some("2018-12-18T14:00:00.075359+00:00"));
        check(Tz::Europe__Prague, "2024-07-01 12:00:00", Some("2024-07-01T10:00:00+00:00"));
        check(Tz::Europe__Prague, "2024-01-01T12:00:00.5", Some("2024-01-01T11:00:00.500+00:00"));
        check(Tz::Europe__Prague, "2024-07-01T12:00:00Z", Some("2024-07-01T12:00:00+00:00"));
        check(Tz::Europe__Prague, "2024-07-01T12:00:00+0300", Some("2024-07-01T09:00:00+00:00"));
        check(Tz::Europe__Prague, "2024-10-27T02:30:00", Some("2024-10-27T00:30:00+00:00"));
        check(Tz::Europe__Prague, "2024-03-31T02:30:00", Some("2024-03-31T01:30:00+00:00"));
        check(Tz::UTC, "yesterday", None);
        assert!(Zone(Tz::Europe__Prague).is_ambiguous("2024-10-27T02:30:00"));
        assert!(!Zone(Tz::Europe__Prague).is_ambiguous("2024-10-27T02:30:00Z"));
        assert!(!Zone::default().is_ambiguous("2024-10-27T02:30:00"));
    }
}
