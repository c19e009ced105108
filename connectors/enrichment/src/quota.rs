//! How often a service may still be asked. Pure: the clock and the disk are outside.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A token that was used is back after this: a minute, and a second as one request takes longer to arrive than the next.
const TOKEN_BACK_AFTER: TimeDelta = TimeDelta::seconds(61);
/// How long a service is left alone that says it was asked too often, and does not say for how long.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// It may not send us away for longer.
const PAUSE_MAX: TimeDelta = TimeDelta::days(31);
/// Tokens at most, whatever a service allows: each is a number in the file that all kernels read and write.
const TOKENS_MAX: usize = 1_000;

/// What a service allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) per_minute: u32,
    pub(crate) per_day: u32,
}

/// What was asked so far with one key, by all kernels.
///
/// The bucket has as many tokens as requests are allowed in a minute, and each comes back when a minute has passed:
/// then no minute has more of them, however the service counts its minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// When the tokens in use were taken, in milliseconds since 1970, the first one first.
    tokens_ms: Vec<i64>,
    /// The day that `used` counts, since 1970.
    day: i64,
    used: u32,
    /// The service wants to be left alone until then.
    paused_until_ms: i64,
}

/// What may be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// One request, which is counted.
    Go,
    /// Nothing before that.
    Wait(TimeDelta),
    /// Nothing for the rest of the day.
    DayOver { used: u32, until: DateTime<Utc> },
    /// The service wants to be left alone.
    Paused { until: DateTime<Utc> },
}

impl Usage {
    pub(crate) fn take(&mut self, limits: Limits, now: DateTime<Utc>) -> Permit {
        let now_ms = now.timestamp_millis();
        if self.paused_until_ms > now_ms {
            return Permit::Paused { until: moment(self.paused_until_ms) };
        }
        self.forget_before(now);
        if self.used >= limits.per_day {
            return Permit::DayOver { used: self.used, until: next_day(now) };
        }
        let tokens = usize::try_from(limits.per_minute).unwrap_or(TOKENS_MAX).clamp(1, TOKENS_MAX);
        if self.tokens_ms.len() >= tokens {
            // The one that is back first lets this request go, when no more tokens are in use than there are.
            let back = self.tokens_ms[self.tokens_ms.len() - tokens] + TOKEN_BACK_AFTER.num_milliseconds();
            return Permit::Wait(TimeDelta::milliseconds((back - now_ms).max(1)));
        }
        self.tokens_ms.push(now_ms);
        self.tokens_ms.sort_unstable();
        self.used += 1;
        Permit::Go
    }

    /// The service said that it was asked too often.
    pub(crate) fn pause(&mut self, for_s: Option<u64>, now: DateTime<Utc>) -> DateTime<Utc> {
        let asked = for_s.and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?));
        let until = now + asked.unwrap_or(PAUSE).clamp(TimeDelta::seconds(1), PAUSE_MAX);
        self.paused_until_ms = self.paused_until_ms.max(until.timestamp_millis());
        moment(self.paused_until_ms)
    }

    /// Requests of this day.
    pub(crate) fn used_today(&self, now: DateTime<Utc>) -> u32 {
        if self.day == day_of(now) { self.used } else { 0 }
    }

    fn forget_before(&mut self, now: DateTime<Utc>) {
        let now_ms = now.timestamp_millis();
        let back_after_ms = TOKEN_BACK_AFTER.num_milliseconds();
        // Requests overtake each other on their way to the lock, so a moment may be a little later than `now`. One that is
        // much later was written by a clock that was wrong.
        self.tokens_ms.retain(|taken_ms| (now_ms - taken_ms).abs() < back_after_ms);
        if self.day != day_of(now) {
            (self.day, self.used) = (day_of(now), 0);
        }
    }
}

/// Quotas of a day begin anew at midnight UTC.
pub(crate) fn next_day(now: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1)).unwrap_or(now.date_naive());
    tomorrow.and_time(NaiveTime::MIN).and_utc()
}

fn day_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(24 * 60 * 60)
}

fn moment(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { per_minute: 4, per_day: 10 };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 - 1_700_000_000 % 86_400 + 3_600 + seconds, 0).expect("a moment")
    }

    #[test]
    fn no_minute_has_more_requests_than_allowed() {
        let mut usage = Usage::default();
        for second in [0, 10, 20, 30] {
            assert_eq!(usage.take(LIMITS, at(second)), Permit::Go);
        }
        assert_eq!(usage.take(LIMITS, at(31)), Permit::Wait(TimeDelta::seconds(30)));
        assert_eq!(usage.take(LIMITS, at(61)), Permit::Go);
        assert_eq!(usage.take(LIMITS, at(61)), Permit::Wait(TimeDelta::seconds(10)));
        assert_eq!(usage.used_today(at(61)), 5);
        // The house got a smaller quota meanwhile.
        let smaller = Limits { per_minute: 2, ..LIMITS };
        assert_eq!(usage.take(smaller, at(61)), Permit::Wait(TimeDelta::seconds(30)));
    }

    #[test]
    fn requests_that_overtake_each_other_are_all_counted() {
        let mut usage = Usage::default();
        for second in [3, 1, 2, 0] {
            assert_eq!(usage.take(LIMITS, at(second)), Permit::Go);
        }
        assert_eq!(usage.take(LIMITS, at(1)), Permit::Wait(TimeDelta::seconds(60)));
        assert_eq!(usage.take(LIMITS, at(61)), Permit::Go);
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let mut usage = Usage::default();
        for minute in 0..10 {
            assert_eq!(usage.take(LIMITS, at(60 * minute)), Permit::Go);
        }
        let midnight = at(23 * 3_600);
        assert_eq!(usage.take(LIMITS, at(700)), Permit::DayOver { used: 10, until: midnight });
        assert_eq!(usage.used_today(midnight), 0);
        assert_eq!(usage.take(LIMITS, midnight), Permit::Go);
        assert_eq!(usage.used_today(midnight), 1);
    }

    #[test]
    fn a_service_that_wants_to_be_left_alone_is() {
        let mut usage = Usage::default();
        assert_eq!(usage.pause(None, at(0)), at(60));
        assert_eq!(usage.pause(Some(7), at(0)), at(60), "the longer one counts");
        assert_eq!(usage.take(LIMITS, at(59)), Permit::Paused { until: at(60) });
        assert_eq!(usage.take(LIMITS, at(60)), Permit::Go);
        let until = usage.pause(Some(u64::MAX), at(60));
        assert!(until <= at(60) + PAUSE_MAX, "{until}");
    }

    #[test]
    fn a_clock_that_was_wrong_costs_nothing() {
        let mut usage = Usage::default();
        for _ in 0..4 {
            assert_eq!(usage.take(LIMITS, at(1_000_000)), Permit::Go);
        }
        assert_eq!(usage.take(LIMITS, at(0)), Permit::Go);
    }
}
