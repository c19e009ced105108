//! Numbers as Flowmon writes them: plain, or rounded for people.

/// Units behind rounded numbers, as nfdump has them: powers of a thousand.
const UNITS: &[(char, f64)] = &[('K', 1e3), ('M', 1e6), ('G', 1e9), ('T', 1e12), ('P', 1e15)];

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) number: u64,
    /// Whether only its first digits are known.
    pub(crate) is_rounded: bool,
}

/// Reads `995028` and `1.3 G`; `None` for what is no count.
pub(crate) fn count(text: &str) -> Option<Count> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(Count { number, is_rounded: false });
    }
    let unit = text.chars().last()?;
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&unit))?;
    let digits = text[..text.len() - unit.len_utf8()].trim_end();
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = digits.parse::<f64>().ok().filter(|_| is_plain)? * factor;
    // Beyond 2^53 a float has no units, and a rounded number needs none.
    (number < u64::MAX as f64).then(|| Count { number: number.round() as u64, is_rounded: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_rounded_numbers() {
        for (text, expected) in [
            ("995028", Some((995_028, false))),
            ("18446744073709551615", Some((u64::MAX, false))),
            ("1.3 G", Some((1_300_000_000, true))),
            ("264.0 M", Some((264_000_000, true))),
            ("1.0k", Some((1_000, true))),
            ("2 T", Some((2_000_000_000_000, true))),
            ("", None),
            ("-", None),
            ("-1", None),
            ("-1.5 M", None),
            ("1.3 X", None),
            ("G", None),
            ("inf G", None),
            ("1e30 P", None),
            ("99999999999 P", None),
            ("1.3 GB", None),
            ("5 \u{b5}", None),
        ] {
            let expected = expected.map(|(number, is_rounded)| Count { number, is_rounded });
            assert_eq!(count(text), expected, "{text}");
        }
    }
}
