//! Thrift's compact protocol, as far as a check needs it: whether a structure lies within its bytes, and its whole numbers.
//!
//! The reader of Parquet goes by the numbers of fields and does not look at their kinds, so a field of another kind than its
//! number says would lead it to bytes that were never looked at here: such a structure is refused. Which structures there
//! are is said in `layouts`; what their numbers must be, in `metadata` and `pages`.

/// Structures within structures. Those of Parquet stay below ten.
const DEPTH_MAX: usize = 24;
/// Bytes of a number of 64 bits.
const VARINT_BYTES_MAX: u32 = 10;

/// Kinds of values as they are written.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;
const UUID: u8 = 13;
/// A list with more elements than this has their number behind its first byte.
const SHORT_LIST_MAX: u8 = 14;

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Byte,
    /// Of 16, 32 or 64 bits, which are written alike.
    Int,
    Double,
    Binary,
    List(&'static Kind),
    Struct(&'static Layout),
}

/// The fields of a structure by their numbers. Others may be there and are passed over, as the reader does.
pub(super) type Layout = [(i16, Kind)];

/// Where a whole number stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Structures around it.
    pub(super) depth: usize,
    /// The number of the field that holds its structure; 0 for the outermost.
    pub(super) parent: i16,
    /// The number of its field; [`END`] at the end of the structure.
    pub(super) field: i16,
}

/// Stands for the end of a structure.
pub(super) const END: i16 = 0;

/// What is wrong with a structure.
pub(super) type Fault = &'static str;

const CUT: Fault = "a structure goes on behind its end";

/// Walks through a structure at the beginning of `bytes`, and gives its whole numbers to `seen`. Returns its length in bytes.
///
/// # Errors
/// When it is longer than `bytes`, a list is longer than what follows, or a field is of another kind than its number says.
pub(super) fn walk(
    bytes: &[u8],
    layout: &'static Layout,
    seen: &mut dyn FnMut(Place, i64) -> Result<(), Fault>,
) -> Result<usize, Fault> {
    let mut walk = Walk { rest: bytes, seen };
    walk.structure(layout, 0, 0)?;
    Ok(bytes.len() - walk.rest.len())
}

struct Walk<'a, 'b> {
    rest: &'a [u8],
    seen: &'b mut dyn FnMut(Place, i64) -> Result<(), Fault>,
}

impl Walk<'_, '_> {
    fn structure(&mut self, layout: &'static Layout, depth: usize, parent: i16) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err("structures are too deep within each other");
        }
        let mut field = 0_i16;
        loop {
            let head = self.byte()?;
            let written = head & 0x0f;
            if written == 0 {
                return (self.seen)(Place { depth, parent, field: END }, 0);
            }
            field = match head >> 4 {
                #[expect(clippy::cast_possible_truncation, reason = "the reader cuts it in the same way")]
                0 => self.number()? as i16,
                step => field.checked_add(i16::from(step)).ok_or("a field has no number")?,
            };
            let kind = layout.iter().find(|(number, _)| *number == field).map(|(_, kind)| *kind);
            match (kind, written) {
                (None | Some(Kind::Bool), TRUE | FALSE) => {}
                _ => self.value(written, kind, Place { depth, parent, field })?,
            }
        }
    }

    /// A value as it stands behind its head.
    fn value(&mut self, written: u8, kind: Option<Kind>, place: Place) -> Result<(), Fault> {
        match (kind, written) {
            (None | Some(Kind::Int), I16 | I32 | I64) => {
                let number = self.number()?;
                if kind.is_some() { (self.seen)(place, number) } else { Ok(()) }
            }
            (None | Some(Kind::Byte), BYTE) => self.byte().map(|_| ()),
            (None | Some(Kind::Double), DOUBLE) => self.pass_over(8),
            (None | Some(Kind::Binary), BINARY) => {
                let length = self.varint()?;
                self.pass_over(length)
            }
            (None, UUID) => self.pass_over(16),
            (None, LIST | SET) => self.list(None, place),
            (Some(Kind::List(element)), LIST) => self.list(Some(*element), place),
            (None, STRUCT) => self.structure(&[], place.depth + 1, place.field),
            (Some(Kind::Struct(layout)), STRUCT) => self.structure(layout, place.depth + 1, place.field),
            _ => Err("a field is of another kind than its number says"),
        }
    }

    fn list(&mut self, element: Option<Kind>, place: Place) -> Result<(), Fault> {
        let head = self.byte()?;
        // Some programs write an empty list without the kind of its elements.
        if head == 0 {
            return Ok(());
        }
        let written = head & 0x0f;
        let count = match head >> 4 {
            count if count <= SHORT_LIST_MAX => u64::from(count),
            _ => self.varint()?,
        };
        // Each element has at least one byte.
        if count > self.rest.len() as u64 {
            return Err("a list has more elements than there are bytes");
        }
        if place.depth > DEPTH_MAX {
            return Err("lists are too deep within each other");
        }
        let inner = Place { depth: place.depth + 1, ..place };
        for _ in 0..count {
            match (element, written) {
                (Some(Kind::Bool), TRUE | FALSE) => drop(self.byte()?),
                // Whole numbers in lists are of no use to a check.
                (Some(Kind::Int), I32 | I64) => drop(self.number()?),
                (Some(Kind::Struct(_)), STRUCT) => self.value(STRUCT, element, place)?,
                _ => self.value(written, element, inner)?,
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or(CUT)?;
        self.rest = rest;
        Ok(byte)
    }

    fn pass_over(&mut self, length: u64) -> Result<(), Fault> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        self.rest = self.rest.get(length..).ok_or(CUT)?;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for place in 0..VARINT_BYTES_MAX {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number is longer than numbers are")
    }

    fn number(&mut self) -> Result<i64, Fault> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: &Layout = &[(1, Kind::Int), (2, Kind::Bool)];
    const LAYOUT: &Layout = &[
        (1, Kind::Int),
        (2, Kind::Binary),
        (3, Kind::List(&Kind::Struct(INNER))),
        (4, Kind::List(&Kind::Bool)),
        (5, Kind::Struct(INNER)),
    ];

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&[(i16, i16, i64)], Fault>) {
        let mut numbers = Vec::new();
        let outcome = walk(bytes, LAYOUT, &mut |place, number| {
            if place.field != END {
                numbers.push((place.parent, place.field, number));
            }
            Ok(())
        });
        assert_eq!(outcome.map(|_| numbers.as_slice()), expected, "{bytes:?}");
        if let Ok(length) = outcome {
            assert_eq!(length, bytes.len(), "{bytes:?}");
        }
    }

    #[test]
    fn structures_and_their_numbers() {
        check(&[0], Ok(&[]));
        check(&[0x15, 3, 0x18, 2, b'a', b'b', 0], Ok(&[(0, 1, -2)]));
        check(&[0x39, 0x2c, 0x15, 2, 0x11, 0, 0x15, 4, 0, 0], Ok(&[(3, 1, 1), (3, 1, 2)]));
        check(&[0x49, 0x21, 1, 2, 0x1c, 0x16, 0x80, 0x01, 0, 0], Ok(&[(5, 1, 64)]));
        // Fields that nobody knows, also with a number of their own.
        check(&[0x79, 0x15, 8, 0x08, 0x40, 1, b'x', 0x0c, 0x42, 0x15, 2, 0, 0], Ok(&[]));
    }

    #[test]
    fn structures_that_are_none() {
        const KIND: Fault = "a field is of another kind than its number says";
        const LENGTH: Fault = "a list has more elements than there are bytes";
        check(&[], Err(CUT));
        check(&[0x15], Err(CUT));
        check(&[0x28, 5, b'a', 0], Err(CUT));
        check(&[0x18, 1, b'a', 0], Err(KIND));
        check(&[0x25, 2, 0], Err(KIND));
        check(&[0x39, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0], Err(LENGTH));
        check(&[0x79, 0xf5, 0xff, 0xff, 0x03, 0], Err(LENGTH));
        check(&[0x39, 0x15, 0, 0], Err(KIND));
        check(
            &[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
            Err("a number is longer than numbers are"),
        );
        check(&[0x7c; 100], Err("structures are too deep within each other"));
    }
}
