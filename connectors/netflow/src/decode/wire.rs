//! Big-endian numbers out of bytes that may be too few.

/// The unsigned number of up to eight bytes; RFC 7011 6.2 lets exporters shorten numbers. More bytes are a number too
/// if those in front are zero. `None` for none, or when it does not fit.
pub(crate) fn unsigned(bytes: &[u8]) -> Option<u64> {
    let (front, number) = bytes.split_at(bytes.len().saturating_sub(8));
    if number.is_empty() || front.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(number.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// The signed number of one to eight bytes.
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first()?;
    let start: i64 = if first & 0x80 == 0 { 0 } else { -1 };
    (bytes.len() <= 8).then(|| bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
}

/// The 16-bit number at `place`.
pub(crate) fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    let bytes = bytes.get(place..place.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// The 32-bit number at `place`.
pub(crate) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    let bytes = bytes.get(place..place.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length() {
        assert_eq!(unsigned(&[]), None);
        assert_eq!(unsigned(&[1, 0, 0]), Some(65536));
        assert_eq!(unsigned(&[255; 8]), Some(u64::MAX));
        assert_eq!(unsigned(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), Some(7));
        assert_eq!(unsigned(&[1, 0, 0, 0, 0, 0, 0, 0, 7]), None);
        assert_eq!(signed(&[0xff, 0xfe]), Some(-2));
        assert_eq!(signed(&[0x7f]), Some(127));
        assert_eq!(signed(&[0; 9]), None);
    }

    #[test]
    fn places_outside_give_nothing() {
        assert_eq!(u16_at(&[0, 9], 0), Some(9));
        assert_eq!(u16_at(&[0, 9], 1), None);
        assert_eq!(u32_at(&[0; 4], usize::MAX), None);
    }
}
