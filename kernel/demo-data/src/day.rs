//! The fixed day: 2024-02-05 in UTC, and how its moments are written.
//!
//! A moment is a count of microseconds since midnight, Zeek's precision, so that Parquet and Zeek agree exactly.
//! Not here: what happens when.

/// 2024-02-05T00:00:00Z in seconds since 1970.
pub(crate) const DAY_START_EPOCH_S: i64 = 1_707_091_200;
pub(crate) const SECOND_US: u64 = 1_000_000;
pub(crate) const MINUTE_US: u64 = 60 * SECOND_US;
pub(crate) const HOUR_US: u64 = 60 * MINUTE_US;
pub(crate) const DAY_US: u64 = 24 * HOUR_US;
pub(crate) const DAY_MINUTES: u64 = 24 * 60;
pub(crate) const DAY_HOURS: u64 = 24;

/// `hour:minute:second` of the day.
pub(crate) const fn at(hour: u64, minute: u64, second: u64) -> u64 {
    hour * HOUR_US + minute * MINUTE_US + second * SECOND_US
}

/// Nanoseconds since 1970, as the Parquet columns hold them.
pub(crate) fn epoch_ns(moment_us: u64) -> i64 {
    DAY_START_EPOCH_S * 1_000_000_000 + moment_us as i64 * 1_000
}

/// Seconds since 1970 with six decimals, as Zeek writes a `time`.
pub(crate) fn zeek_time(moment_us: u64) -> String {
    format!("{}.{:06}", DAY_START_EPOCH_S as u64 + moment_us / SECOND_US, moment_us % SECOND_US)
}

/// Seconds with six decimals, as Zeek writes an `interval`.
pub(crate) fn zeek_interval(duration_us: u64) -> String {
    format!("{}.{:06}", duration_us / SECOND_US, duration_us % SECOND_US)
}

/// ISO 8601 in UTC, without the fraction where it is zero.
pub(crate) fn iso(moment_us: u64) -> String {
    let day = if moment_us < DAY_US { "2024-02-05" } else { "2024-02-06" };
    let second = moment_us % DAY_US / SECOND_US;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    match moment_us % SECOND_US {
        0 => format!("{day}T{hour:02}:{minute:02}:{second:02}Z"),
        fraction => format!("{day}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(iso(0), "2024-02-05T00:00:00Z");
        assert_eq!(iso(at(9, 40, 3) + 42), "2024-02-05T09:40:03.000042Z");
        assert_eq!(iso(DAY_US), "2024-02-06T00:00:00Z");
        assert_eq!(zeek_time(at(0, 0, 1) + 5), "1707091201.000005");
        assert_eq!(zeek_interval(1_500_000), "1.500000");
        assert_eq!(epoch_ns(1), 1_707_091_200_000_001_000);
    }
}
