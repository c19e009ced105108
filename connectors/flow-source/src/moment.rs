//! What times and lengths of flows can be: values that stand for "none", and lengths that do not fit their ends.

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Between the offsets of time zones lie quarters of an hour.
const OFFSET_STEP_S: i64 = 15 * 60;
/// No clock on Earth is further from UTC.
const OFFSET_MAX_S: i64 = 14 * 60 * 60;

/// Whether this is what stands where a flow has no time: zero, which a clock of another zone shows as another hour of the
/// end of 1969 or the beginning of 1970. In nanoseconds since 1970 UTC.
pub fn is_no_time(nanos: i64) -> bool {
    let seconds = nanos.div_euclid(NANOS_PER_SECOND);
    seconds.abs() <= OFFSET_MAX_S && seconds % OFFSET_STEP_S == 0
}

/// How long a flow lasted, in seconds: from its start to its end, both in nanoseconds since 1970 UTC. What its source says
/// of that counts where one of them is not known, and where both are whole seconds of which it knows the parts: some
/// programs say it wrongly.
#[expect(clippy::cast_precision_loss, reason = "a float is what the column holds")]
pub fn length_s(start: Option<i64>, end: Option<i64>, said: Option<f64>) -> Option<f64> {
    let Some((start, end)) = start.zip(end) else { return said };
    let Some(nanos) = end.checked_sub(start).filter(|nanos| *nanos >= 0) else { return said };
    let between = nanos as f64 / NANOS_PER_SECOND as f64;
    let are_whole = start % NANOS_PER_SECOND == 0 && end % NANOS_PER_SECOND == 0;
    let finer = said.filter(|said| are_whole && *said >= 0.0 && (said - between).abs() < 1.0);
    Some(finer.unwrap_or(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_time_in_any_zone() {
        for seconds in [0, 3600, -5 * 3600, 5 * 3600 + 45 * 60, 14 * 3600, -12 * 3600] {
            assert!(is_no_time(seconds * NANOS_PER_SECOND), "{seconds}");
        }
        assert!(is_no_time(250_000_000), "nfdump printed parts of a second behind a zero");
        for seconds in [7, -1, 3601, 15 * 3600, 86_400, 1_704_067_200] {
            assert!(!is_no_time(seconds * NANOS_PER_SECOND), "{seconds}");
        }
        assert!(!is_no_time(i64::MIN) && !is_no_time(i64::MAX));
    }

    #[test]
    fn lengths_follow_from_the_ends() {
        let at = |seconds: f64| Some((seconds * 1e9) as i64);
        assert_eq!(length_s(at(1.25), at(2.75), Some(6600.0)), Some(1.5));
        assert_eq!(length_s(at(1.0), at(2.0), Some(6600.0)), Some(1.0));
        assert_eq!(length_s(at(1.0), at(1.0), Some(0.75)), Some(0.75));
        assert_eq!(length_s(at(1.0), at(1.5), Some(0.75)), Some(0.5));
        assert_eq!(length_s(at(1.0), None, Some(0.75)), Some(0.75));
        assert_eq!(length_s(at(2.0), at(1.0), Some(0.75)), Some(0.75));
        assert_eq!(length_s(at(2.0), at(1.0), None), None);
        assert_eq!(length_s(Some(i64::MIN), Some(i64::MAX), None), None);
    }
}
