//! Times without a zone: what clock they were read from.
//!
//! In the hour that a clock runs twice when summer time ends, the earlier moment is taken; [`Zone::is_ambiguous`] tells.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use crate::value::iso8601;

/// Of `2018-12-18`.
const DATE_LENGTH: usize = 10;

/// The zone of a source's clock; UTC unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    zone: Tz,
    ignores_written: bool,
}

impl Default for Zone {
    fn default() -> Self {
        Self::of(Tz::UTC)
    }
}

impl Zone {
    /// An IANA time zone.
    pub fn of(zone: Tz) -> Self {
        Self { zone, ignores_written: false }
    }

    /// The same also for times that say another zone, as they do where a program writes `Z` behind local time.
    #[must_use]
    pub fn ignoring_written(self, ignores_written: bool) -> Self {
        Self { ignores_written, ..self }
    }

    /// Whether it counts more than a zone in the text.
    pub fn ignores_written(self) -> bool {
        self.ignores_written
    }

    /// Nanoseconds since 1970 UTC of `2018-12-18 14:00:00.075`, with `T` or a space, dashes or slashes; a zone in the
    /// text counts more than this one unless that is ignored.
    pub fn moment(self, text: &str) -> Option<i64> {
        let text = with_dashes(text);
        let text = self.counted(&text);
        let nanos = iso8601(text.as_bytes())?;
        match zone_start(text) {
            Some(_) => Some(nanos),
            None => self.moment_of_clock(nanos),
        }
    }

    /// Nanoseconds since 1970 UTC when a clock in this zone shows what is so long after 1970 by itself.
    pub fn moment_of_clock(self, nanos: i64) -> Option<i64> {
        if self.zone == Tz::UTC {
            return Some(nanos);
        }
        let local = naive(nanos)?;
        let zoned = match self.zone.from_local_datetime(&local) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => moment,
            // The clock never showed this; it is read with the offset from before it was moved.
            LocalResult::None => {
                let before = local.checked_sub_signed(chrono::TimeDelta::hours(1))?;
                self.zone.from_local_datetime(&before).earliest()? + chrono::TimeDelta::hours(1)
            }
        };
        zoned.timestamp_nanos_opt()
    }

    /// Whether the clock showed this time twice.
    pub fn is_ambiguous(self, text: &str) -> bool {
        let text = with_dashes(text);
        let text = self.counted(&text);
        let nanos = iso8601(text.as_bytes()).filter(|_| zone_start(text).is_none());
        nanos.is_some_and(|nanos| self.is_ambiguous_clock(nanos))
    }

    /// The same of what a clock showed so long after it had shown 1970.
    pub fn is_ambiguous_clock(self, nanos: i64) -> bool {
        let local = naive(nanos).filter(|_| self.zone != Tz::UTC);
        local.is_some_and(|local| matches!(self.zone.from_local_datetime(&local), LocalResult::Ambiguous(..)))
    }

    /// What of the text is looked at.
    fn counted(self, text: &str) -> &str {
        let end = zone_start(text).filter(|_| self.ignores_written);
        end.map_or(text, |end| text[..end].trim_end())
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

/// Where the zone in a text begins: `Z`, or an offset behind the date.
fn zone_start(text: &str) -> Option<usize> {
    if text.ends_with(['Z', 'z']) {
        return Some(text.len() - 1);
    }
    Some(DATE_LENGTH + text.get(DATE_LENGTH..)?.find(['+', '-'])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: Tz, text: &str, expected: Option<&str>) {
        let moment = Zone::of(zone).moment(text).map(|nanos| DateTime::from_timestamp_nanos(nanos).to_rfc3339());
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
        assert!(Zone::of(Tz::Europe__Prague).is_ambiguous("2024-10-27T02:30:00"));
        assert!(!Zone::of(Tz::Europe__Prague).is_ambiguous("2024-10-27T02:30:00Z"));
        assert!(!Zone::default().is_ambiguous("2024-10-27T02:30:00"));
    }

    #[test]
    fn a_written_zone_can_be_ignored() {
        let prague = Zone::of(Tz::Europe__Prague).ignoring_written(true);
        let naive = Zone::of(Tz::Europe__Prague).moment("2024-07-01 12:00:00.25");
        for text in ["Z", "z", " Z", "+0000", "+00:00", "-0700", ""] {
            assert_eq!(prague.moment(&format!("2024-07-01T12:00:00.25{text}")), naive, "{text}");
            let utc = Zone::default().ignoring_written(true).moment(&format!("2024/07/01 10:00:00.25{text}"));
            assert_eq!(utc, naive, "{text}");
        }
        assert!(prague.is_ambiguous("2024-10-27T02:30:00Z"));
        assert_eq!(prague.moment("Z"), None);
    }
}
