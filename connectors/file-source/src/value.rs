//! Single values of text formats: exact decimal times, ISO 8601, integers.
//!
//! Everything works on bytes, allocates nothing on the common path and answers `None` for what it cannot read.

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Epoch numbers from here on cannot be seconds (the year 5138) but are milliseconds since 1973.
const MILLIS_FROM: i64 = 100_000_000_000;

/// Nanoseconds since 1970-01-01 UTC.
pub fn time(text: &[u8], format: TimeFormat) -> Option<i64> {
    match format {
        TimeFormat::EpochSeconds => {
            let nanos = decimal(text, 9)?;
            // A file never mixes units, so such a number is an error and not a date in the far future.
            (nanos / NANOS_PER_SECOND < MILLIS_FROM).then_some(nanos)
        }
        TimeFormat::EpochMillis => epoch_millis(text),
        TimeFormat::Iso8601 => iso8601(text),
    }
}

/// The format of a first time value of a file.
pub fn guess_time_format(text: &[u8]) -> Option<TimeFormat> {
    if iso8601(text).is_some() {
        return Some(TimeFormat::Iso8601);
    }
    if text.len() > 18 && text.iter().all(u8::is_ascii_digit) && epoch_millis(text).is_some() {
        return Some(TimeFormat::EpochMillis); // a negative number written unsigned
    }
    let whole = decimal(text, 0)?;
    Some(if whole.abs() >= MILLIS_FROM { TimeFormat::EpochMillis } else { TimeFormat::EpochSeconds })
}

fn epoch_millis(text: &[u8]) -> Option<i64> {
    let nanos = decimal(text, 6).or_else(|| {
        // TS_MILLIS_UNSIGNED writes times before 1970 as their two's complement.
        let millis = unsigned(text)?.cast_signed();
        (millis < 0).then(|| millis.checked_mul(1_000_000)).flatten()
    })?;
    let millis = nanos / 1_000_000;
    // 0 stands for "no time"; any other small number is seconds in a file of milliseconds.
    (!(1..MILLIS_FROM).contains(&millis)).then_some(nanos)
}

/// A decimal number times 10^`scale`, exactly; digits beyond the scale are cut off.
pub fn decimal(text: &[u8], scale: i32) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut mantissa: i128 = 0;
    let mut fraction_digits = 0;
    let mut exponent = 0;
    let mut seen_digit = false;
    let mut seen_point = false;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                seen_digit = true;
                // 30 digits are more than any i64 result needs; cutting later fraction digits keeps i128 from overflowing.
                if mantissa < 10_i128.pow(30) {
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                    fraction_digits += i32::from(seen_point);
                } else if !seen_point {
                    return None;
                }
            }
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' if seen_digit => {
                exponent = small_exponent(&digits[at + 1..])?;
                break;
            }
            _ => return None,
        }
    }
    if !seen_digit {
        return None;
    }
    let shifted = shift(mantissa, exponent - fraction_digits + scale)?;
    i64::try_from(if negative { -shifted } else { shifted }).ok()
}

fn small_exponent(text: &[u8]) -> Option<i32> {
    const EXPONENT_MAX: i32 = 400;
    let exponent: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (exponent.abs() <= EXPONENT_MAX).then_some(exponent)
}

fn shift(mantissa: i128, power: i32) -> Option<i128> {
    if mantissa == 0 {
        return Some(0);
    }
    if power < 0 {
        return Some(10_i128.checked_pow(power.unsigned_abs()).map_or(0, |divisor| mantissa / divisor));
    }
    mantissa.checked_mul(10_i128.checked_pow(power.unsigned_abs())?)
}

/// An integer without sign.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// An integer.
pub fn signed(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', rest @ ..] => 0_i64.checked_sub_unsigned(unsigned(rest)?),
        [b'+', rest @ ..] => i64::try_from(unsigned(rest)?).ok(),
        _ => i64::try_from(unsigned(text)?).ok(),
    }
}

/// A number with or without fraction.
pub fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `true` and `false`, also as Zeek writes them.
pub fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"T" | b"true" => Some(true),
        b"F" | b"false" => Some(false),
        _ => None,
    }
}

/// `2019-12-03T22:44:56.052279Z`, with `T` or a space, offset `Z`, `+01:00`, `+0100` or none (UTC).
pub fn iso8601(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't' | b' ', rest @ ..] = text else { return None };
    let [h1, h2, b':', mi1, mi2, b':', s1, s2, rest @ ..] = rest else { return None };
    let year = digits(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (digits(&[*mo1, *mo2])?, digits(&[*d1, *d2])?);
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*mi1, *mi2])?, digits(&[*s1, *s2])?);
    // Second 60 is a leap second.
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, offset) = split_fraction(rest);
    let nanos = fraction.map_or(Some(0), |digits| decimal(&[b"0.", digits].concat(), 9))?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    (seconds - offset_seconds(offset)?).checked_mul(NANOS_PER_SECOND)?.checked_add(nanos)
}

fn split_fraction(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let [b'.' | b',', rest @ ..] = text else { return (None, text) };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    (Some(&rest[..end]), &rest[end..])
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
        }
        [sign @ (b'+' | b'-'), h1, h2] => (sign, digits(&[*h1, *h2])?, 0),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    Some(if *sign == b'-' { -seconds } else { seconds })
}

fn digits(text: &[u8]) -> Option<i64> {
    i64::try_from(unsigned(text)?).ok()
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years count from March so that the leap day is last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

/// How a text writes points in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since 1970-01-01 UTC with a fraction (`JSON::TS_EPOCH`).
    #[default]
    EpochSeconds,
    /// Whole milliseconds (`JSON::TS_MILLIS` and `JSON::TS_MILLIS_UNSIGNED`).
    EpochMillis,
    /// `2019-12-03T22:44:56.052279Z` (`JSON::TS_ISO8601`).
    Iso8601,
}

impl TimeFormat {
    /// The format's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::EpochSeconds => "epoch seconds",
            Self::EpochMillis => "epoch milliseconds",
            Self::Iso8601 => "ISO 8601",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TimeFormat::{EpochMillis, EpochSeconds, Iso8601};

    #[track_caller]
    fn check_time(text: &str, format: TimeFormat, nanos: Option<i64>) {
        assert_eq!(time(text.as_bytes(), format), nanos, "{text} as {}", format.name());
    }

    #[test]
    fn times_are_exact() {
        check_time("1379288667.706265", EpochSeconds, Some(1_379_288_667_706_265_000));
        check_time("1379288667.123456789", EpochSeconds, Some(1_379_288_667_123_456_789));
        check_time("1.379288667706265e9", EpochSeconds, Some(1_379_288_667_706_265_000));
        check_time("-0.5", EpochSeconds, Some(-500_000_000));
        check_time("0", EpochSeconds, Some(0));
        check_time("1575413096052", EpochMillis, Some(1_575_413_096_052_000_000));
        check_time("2019-12-03T22:44:56.052279Z", Iso8601, Some(1_575_413_096_052_279_000));
        check_time("2019-12-03T23:44:56.052279+01:00", Iso8601, Some(1_575_413_096_052_279_000));
        check_time("2019-12-03 23:44:56.052279+0100", Iso8601, Some(1_575_413_096_052_279_000));
        check_time("1969-12-31T23:59:59Z", Iso8601, Some(-1_000_000_000));
        check_time("2000-02-29T00:00:00", Iso8601, Some(951_782_400_000_000_000));
    }

    #[test]
    fn units_are_never_mixed() {
        check_time("1575413096052", EpochSeconds, None);
        check_time("1575413096.052", EpochMillis, None);
        check_time("18446744073709551516", EpochMillis, Some(-100_000_000));
    }

    #[test]
    fn not_times() {
        for text in ["", "-", ".", "1e", "1.2.3", "1x", "99999999999999999999", "1e999", "nan"] {
            check_time(text, EpochSeconds, None);
            check_time(text, Iso8601, None);
        }
        for text in [
            "2019-13-01T00:00:00Z",
            "2019-02-29T00:00:00Z",
            "2019-12-03T24:00:00Z",
            "2019-12-03",
            "9999-12-31T00:00:00Z",
        ] {
            check_time(text, Iso8601, None);
        }
    }

    #[test]
    fn format_of_the_first_time() {
        assert_eq!(guess_time_format(b"1575413096.052279"), Some(EpochSeconds));
        assert_eq!(guess_time_format(b"1575413096052"), Some(EpochMillis));
        assert_eq!(guess_time_format(b"18446744073709551516"), Some(EpochMillis));
        assert_eq!(guess_time_format(b"2019-12-03T22:44:56.052279Z"), Some(Iso8601));
        assert_eq!(guess_time_format(b"yesterday"), None);
    }

    #[test]
    fn integers_keep_their_range() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(signed(b"-"), None);
    }
}
