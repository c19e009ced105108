//! Widths that people count in: 1, 2 and 5 of numbers, seconds to days of time.

const SECOND: f64 = 1e3;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// In milliseconds. Each divides the day or is whole days, so that bins begin at midnight UTC.
const TIME_WIDTHS: &[f64] = &[
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    SECOND,
    2.0 * SECOND,
    5.0 * SECOND,
    10.0 * SECOND,
    15.0 * SECOND,
    30.0 * SECOND,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
];

/// The least width of time, in milliseconds, of which no more than `count_max` cover `span`.
pub(super) fn time_width(span: f64, count_max: usize) -> f64 {
    let wanted = span / count_max as f64;
    let known = TIME_WIDTHS.iter().copied().find(|width| *width >= wanted);
    known.unwrap_or_else(|| (number_width(span / DAY, count_max).max(1.0)) * DAY)
}

/// The least width of 1, 2 or 5 times a power of ten of which no more than `count_max` cover `span`; 1 for no span.
pub(super) fn number_width(span: f64, count_max: usize) -> f64 {
    let wanted = span / count_max as f64;
    if !(wanted.is_finite() && wanted > 0.0) {
        return 1.0;
    }
    let ten = 10f64.powf(wanted.log10().floor());
    // Powers are not exact: a width that falls short by rounding is as good.
    let known = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * ten).find(|width| *width >= wanted * 0.999_999);
    known.unwrap_or(10.0 * ten)
}

/// A width of time as people write it.
pub(super) fn time_width_text(width_ms: f64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")];
    let unit = units.into_iter().find(|(unit, _)| width_ms >= *unit && width_ms % unit == 0.0);
    let (unit, name) = unit.unwrap_or((1.0, "ms"));
    format!("{} {name}", width_ms / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_that_people_count_in() {
        assert_eq!(time_width(DAY, 240), 10.0 * MINUTE);
        assert_eq!(time_width(1.0, 240), 1.0);
        assert_eq!(time_width(400.0 * DAY, 100), 5.0 * DAY);
        assert_eq!(number_width(100.0, 20), 5.0);
        assert_eq!(number_width(1.0, 10), 0.1);
        assert_eq!(number_width(0.0, 10), 1.0);
        assert_eq!(number_width(97.0, 30), 5.0);
        assert_eq!(
            [10.0 * MINUTE, 90.0 * SECOND, DAY, 1.0].map(time_width_text),
            ["10 min", "90 s", "1 d", "1 ms"].map(str::to_owned)
        );
    }
}
