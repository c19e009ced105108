//! Amounts for eyes. For display only: texts do not sort as numbers do.

use super::arguments::{Kind, required};
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

/// Of 1000 each, as rates and volumes of networks are counted.
const BYTE_UNITS: &[&str] = &["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
/// As lines and rates are written.
const BIT_UNITS: &[&str] = &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s", "Ebit/s"];
/// Thousand, million, billion (10^9), trillion.
const COUNT_UNITS: &[&str] = &["", "k", "M", "G", "T", "P", "E"];
const SECONDS_PER_DAY: u64 = 86_400;

pub(super) static HUMAN_BYTES: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "human_bytes",
        syntax: "human_bytes(bytes)",
        description: "An amount of bytes for people, in units of 1000. For display: sort by the number itself.",
        examples: &[
            example("human_bytes(1536000)", "1.5 MB"),
            example("human_bytes(999)", "999 B"),
            example("human_bytes(999999)", "1.0 MB"),
        ],
    },
    arguments: &[required("bytes", Kind::Number)],
    returns: Returns::Text,
    body: |arguments| {
        let amounts = arguments.numbers(0);
        arguments.build_texts(|row| Ok(amounts.number(row).map(human_bytes)))
    },
    prepare: None,
};

pub(super) static HUMAN_BITS: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "human_bits",
        syntax: "human_bits(bits_per_second)",
        description: "A bit rate for people, in units of 1000. Bytes times 8, divided by the seconds they took. For \
                      display: sort by the number itself.",
        examples: &[
            example("human_bits(1536000)", "1.5 Mbit/s"),
            example("human_bits(8 * 125000000 / 60)", "16.7 Mbit/s"),
            example("human_bits(999)", "999 bit/s"),
        ],
    },
    arguments: &[required("bits_per_second", Kind::Number)],
    returns: Returns::Text,
    body: |arguments| {
        let amounts = arguments.numbers(0);
        arguments.build_texts(|row| Ok(amounts.number(row).map(|bits| in_units(bits, BIT_UNITS))))
    },
    prepare: None,
};

pub(super) static HUMAN_COUNT: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "human_count",
        syntax: "human_count(number)",
        description: "A number of flows, packets or hosts for people: k is a thousand, M a million, G 10^9. For \
                      display: sort by the number itself.",
        examples: &[
            example("human_count(1536000)", "1.5 M"),
            example("human_count(999)", "999"),
            example("human_count(25300)", "25.3 k"),
        ],
    },
    arguments: &[required("number", Kind::Number)],
    returns: Returns::Text,
    body: |arguments| {
        let amounts = arguments.numbers(0);
        arguments.build_texts(|row| Ok(amounts.number(row).map(|count| in_units(count, COUNT_UNITS))))
    },
    prepare: None,
};

pub(super) static HUMAN_DURATION: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "human_duration",
        syntax: "human_duration(seconds)",
        description: "A duration in seconds for people. For display: sort by the number itself.",
        examples: &[
            example("human_duration(0.35)", "350 ms"),
            example("human_duration(7384)", "2 h 3 min"),
            example("human_duration(266400)", "3 d 2 h"),
        ],
    },
    arguments: &[required("seconds", Kind::Number)],
    returns: Returns::Text,
    body: |arguments| {
        let amounts = arguments.numbers(0);
        arguments.build_texts(|row| Ok(amounts.number(row).map(human_duration)))
    },
    prepare: None,
};

fn human_bytes(bytes: f64) -> String {
    in_units(bytes, BYTE_UNITS)
}

/// An amount in the unit, each 1000 times the one before, in which it has at most three digits before the point.
fn in_units(amount: f64, units: &[&str]) -> String {
    // What rounds to nothing has no sign.
    let sign = if amount.round() < 0.0 { "-" } else { "" };
    let mut amount = amount.abs();
    let mut unit = 0;
    if amount.is_finite() && amount.round() >= 1000.0 {
        unit = 1;
        amount /= 1000.0;
        // 999.95 would be shown as 1000.0.
        while amount >= 999.95 && unit + 1 < units.len() {
            amount /= 1000.0;
            unit += 1;
        }
    }
    let number = if unit == 0 { amount.round().to_string() } else { format!("{amount:.1}") };
    format!("{sign}{number} {}", units[unit]).trim_end().to_owned()
}

fn human_duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let amount = seconds.abs();
    let text = match amount {
        _ if !amount.is_finite() => format!("{amount} s"),
        0.0 => "0 s".into(),
        _ if amount < 0.000_999_5 => format!("{:.0} µs", amount * 1e6),
        _ if amount < 0.999_5 => format!("{:.0} ms", amount * 1e3),
        _ if amount < 59.95 => format!("{amount:.1} s"),
        _ => two_units(amount.round() as u64),
    };
    format!("{sign}{text}")
}

fn two_units(seconds: u64) -> String {
    let (days, hours) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY / 3600);
    let (minutes, rest) = (seconds % 3600 / 60, seconds % 60);
    let (first, second) = match (days, hours) {
        (0, 0) => (format!("{minutes} min"), (rest > 0).then(|| format!(" {rest} s"))),
        (0, hours) => (format!("{hours} h"), (minutes > 0).then(|| format!(" {minutes} min"))),
        (days, hours) => (format!("{days} d"), (hours > 0).then(|| format!(" {hours} h"))),
    };
    first + &second.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_near_the_next_unit() {
        for (bytes, expected) in [
            (0.0, "0 B"),
            (999.4, "999 B"),
            (999.6, "1.0 kB"),
            (999_949.0, "999.9 kB"),
            (999_950.0, "1.0 MB"),
            (1.3e9, "1.3 GB"),
            (-2500.0, "-2.5 kB"),
            (f64::INFINITY, "inf B"),
            (1e30, "1000000.0 YB"),
        ] {
            assert_eq!(human_bytes(bytes), expected);
        }
    }

    #[test]
    fn rates_and_counts_near_the_next_unit() {
        for (amount, rate, count) in [
            (0.0, "0 bit/s", "0"),
            (-0.2, "0 bit/s", "0"),
            (999.6, "1.0 kbit/s", "1.0 k"),
            (999_950.0, "1.0 Mbit/s", "1.0 M"),
            (1e10, "10.0 Gbit/s", "10.0 G"),
            (-25_300.0, "-25.3 kbit/s", "-25.3 k"),
            (18_446_744_073_709_551_615.0, "18.4 Ebit/s", "18.4 E"),
            (f64::NAN, "NaN bit/s", "NaN"),
        ] {
            assert_eq!((in_units(amount, BIT_UNITS).as_str(), in_units(amount, COUNT_UNITS).as_str()), (rate, count));
        }
    }

    #[test]
    fn durations_near_the_next_unit() {
        for (seconds, expected) in [
            (0.0, "0 s"),
            (0.000_02, "20 µs"),
            (0.999_4, "999 ms"),
            (0.999_6, "1.0 s"),
            (59.96, "1 min"),
            (61.0, "1 min 1 s"),
            (3600.0, "1 h"),
            (86_399.9, "1 d"),
            (-90.0, "-1 min 30 s"),
        ] {
            assert_eq!(human_duration(seconds), expected);
        }
    }
}
