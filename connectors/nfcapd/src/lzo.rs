//! Unpacking LZO1X, as nfdump's minilzo writes it.
//!
//! After the description of the stream in the Linux kernel's documentation (lzo.rst). Own code because the crates
//! there are wrap C, are under the GPL, or trust the stream.

/// Why a stream cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLzo {
    /// It ends before its end mark, or goes on after it.
    Length,
    /// It refers to bytes before its beginning.
    Distance,
    /// More bytes would come out than allowed.
    TooLarge,
}

/// Unpacks a whole stream behind what is in `out`, which may then have `most` bytes.
pub(crate) fn unpack(packed: &[u8], out: &mut Vec<u8>, most: usize) -> Result<(), BadLzo> {
    let mut stream = Stream { packed, out, most };
    // Literals copied after the last match: 0 to 3, or 4 for more. It decides what small instructions mean.
    let mut literals = 0;
    if let Some(&first @ 18..) = stream.packed.first() {
        stream.packed = &stream.packed[1..];
        let length = usize::from(first) - 17;
        stream.literals(length)?;
        literals = length.min(4);
    }
    loop {
        let instruction = usize::from(stream.byte()?);
        let (length, distance, next) = match instruction {
            0..16 if literals == 0 => {
                let length = stream.length(instruction, 15)? + 3;
                stream.literals(length)?;
                literals = 4;
                continue;
            }
            0..16 => {
                let high = usize::from(stream.byte()?) << 2;
                let (length, least) = if literals == 4 { (3, 2049) } else { (2, 1) };
                (length, high + (instruction >> 2) + least, instruction & 3)
            }
            16..32 => {
                let length = stream.length(instruction & 7, 7)? + 2;
                let word = stream.word()?;
                let distance = ((instruction & 8) << 11) + (word >> 2);
                if distance == 0 {
                    return if stream.packed.is_empty() { Ok(()) } else { Err(BadLzo::Length) };
                }
                (length, distance + 0x4000, word & 3)
            }
            32..64 => {
                let length = stream.length(instruction & 31, 31)? + 2;
                let word = stream.word()?;
                (length, (word >> 2) + 1, word & 3)
            }
            _ => {
                let high = usize::from(stream.byte()?) << 3;
                ((instruction >> 5) + 1, high + ((instruction >> 2) & 7) + 1, instruction & 3)
            }
        };
        stream.copy(length, distance)?;
        stream.literals(next)?;
        literals = next;
    }
}

struct Stream<'a> {
    /// Not used yet.
    packed: &'a [u8],
    out: &'a mut Vec<u8>,
    most: usize,
}

impl Stream<'_> {
    fn byte(&mut self) -> Result<u8, BadLzo> {
        let (first, rest) = self.packed.split_first().ok_or(BadLzo::Length)?;
        self.packed = rest;
        Ok(*first)
    }

    fn word(&mut self) -> Result<usize, BadLzo> {
        Ok(usize::from(self.byte()?) | usize::from(self.byte()?) << 8)
    }

    /// A length that did not fit its bits goes on in further bytes, of which zeros stand for 255.
    fn length(&mut self, bits: usize, full: usize) -> Result<usize, BadLzo> {
        if bits != 0 {
            return Ok(bits);
        }
        let mut length = full;
        loop {
            match self.byte()? {
                0 => length += 255,
                last => return Ok(length + usize::from(last)),
            }
        }
    }

    fn literals(&mut self, length: usize) -> Result<(), BadLzo> {
        let (literals, rest) = self.packed.split_at_checked(length).ok_or(BadLzo::Length)?;
        self.make_room(length)?;
        self.out.extend_from_slice(literals);
        self.packed = rest;
        Ok(())
    }

    /// Repeats what came out `distance` bytes ago; a distance shorter than the length repeats itself.
    fn copy(&mut self, length: usize, distance: usize) -> Result<(), BadLzo> {
        let from = self.out.len().checked_sub(distance).ok_or(BadLzo::Distance)?;
        self.make_room(length)?;
        let mut left = length;
        while left > 0 {
            let step = left.min(self.out.len() - from);
            self.out.extend_from_within(from..from + step);
            left -= step;
        }
        Ok(())
    }

    fn make_room(&self, length: usize) -> Result<(), BadLzo> {
        if length <= self.most.saturating_sub(self.out.len()) { Ok(()) } else { Err(BadLzo::TooLarge) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(packed: &[u8], expected: Result<&[u8], BadLzo>) {
        let mut out = Vec::new();
        assert_eq!(unpack(packed, &mut out, 600).map(|()| out.as_slice()), expected);
    }

    #[test]
    fn streams_by_hand() {
        // Literals only: 17 + length, the bytes, the end mark.
        check(&[21, b'a', b'b', b'c', b'd', 17, 0, 0], Ok(b"abcd"));
        // 512 zeros: one literal, then a match of 511 at distance 1.
        check(&[18, 0, 32, 0, 223, 0, 0, 17, 0, 0], Ok(&[0; 1 + 2 + 31 + 255 + 223]));
        check(&[], Err(BadLzo::Length));
        check(&[21, b'a'], Err(BadLzo::Length));
        check(&[21, b'a', b'b', b'c', b'd', 17, 0, 0, 9], Err(BadLzo::Length));
        check(&[18, 0, 64, 9, 17, 0, 0], Err(BadLzo::Distance));
        check(&[18, 0, 32, 0, 0, 0, 0, 1, 0, 0, 17, 0, 0], Err(BadLzo::TooLarge));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(garbage in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            let _ = unpack(&garbage, &mut out, 10_000);
            prop_assert!(out.len() <= 10_000);
        }
    }
}
