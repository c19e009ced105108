//! Records of a block, and where in it the elements of flow records are.
//!
//! A record begins with type and size. A flow record of layout 2 has a header of 12 bytes and then elements, each with
//! type and length; unknown ones are passed over by their length.

use file_source::TimeBounds;

/// A flow record of layout 2.
pub(crate) const FLOW_RECORD: u16 = 11;
/// Type, size, number of elements, engine type and id, exporter, flags, NetFlow version.
pub(crate) const FLOW_HEADER_BYTES: usize = 12;
pub(crate) const RECORD_HEADER_BYTES: usize = 4;
const ELEMENT_HEADER_BYTES: usize = 4;
/// Element types that are known: 0 is the record's own header.
pub(crate) const ELEMENTS: usize = 43;
const MILLIS_TO_NANOS: i64 = 1_000_000;

/// Bytes of data that each element has at least, by its type; the variable ones none.
#[rustfmt::skip]
const ELEMENT_BYTES_MIN: [u16; ELEMENTS] = [
    0, 48, 8, 32, 16, 24, 8, 8, 4, 16, 4, 16, 4, 16, 40, 32, 8, 24, 12, 16, 8, 32, 4, 24, 66, 16, 8, 4, 0, 0, 0,
    12, 36, 12, 4, 0, 8, 20, 27, 8, 4, 0, 4,
];

/// One record: `data[start..end]`, with its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: u16,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The records of a block cannot be followed further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BrokenBlock {
    /// Records that the block announces and that are lost.
    pub(crate) lost: u32,
    pub(crate) reason: String,
}

/// Goes through the records of a block; ends after the first error.
pub(crate) struct Records<'a> {
    data: &'a [u8],
    at: usize,
    left: u32,
}

impl<'a> Records<'a> {
    /// As many records as announced.
    pub(crate) fn new(data: &'a [u8], records: u32) -> Self {
        Self { data, at: 0, left: records }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BrokenBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let start = self.at;
        let rest = self.data.len() - start;
        let size = u16_at(self.data, start + 2).map_or(0, usize::from);
        if size < RECORD_HEADER_BYTES || size > rest {
            let lost = std::mem::take(&mut self.left);
            let reason = format!("a record of {size} bytes where {rest} bytes are left");
            return Some(Err(BrokenBlock { lost, reason }));
        }
        self.at = start + size;
        self.left -= 1;
        let kind = u16_at(self.data, start).unwrap_or_default();
        Some(Ok(Record { kind, start, end: self.at }))
    }
}

/// Which elements a query needs, each with a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    slot_of: [u8; ELEMENTS],
    count: usize,
}

impl Slots {
    const NONE: u8 = u8::MAX;

    /// Slots for these types of elements.
    pub(crate) fn new(elements: impl IntoIterator<Item = u16>) -> Self {
        let mut slots = Self { slot_of: [Self::NONE; ELEMENTS], count: 0 };
        for element in elements {
            slots.add(element);
        }
        slots
    }

    fn add(&mut self, element: u16) {
        let Some(slot) = self.slot_of.get_mut(usize::from(element)) else { return };
        if *slot == Self::NONE {
            // There are fewer elements than a slot has numbers.
            *slot = self.count as u8;
            self.count += 1;
        }
    }

    fn of(&self, element: u16) -> Option<usize> {
        let slot = *self.slot_of.get(usize::from(element))?;
        (slot != Self::NONE).then_some(usize::from(slot))
    }
}

/// A value in a record: the type of its element, and how far behind the element's header it is. Element 0 is the
/// record's header, from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) element: u16,
    pub(crate) offset: usize,
}

/// Flow records of a block, with the places of the elements that are needed.
///
/// Invariant: `positions` has `slots.count` entries per row, each 0 or the place in `data` of an element that lies in
/// its record and has at least `ELEMENT_BYTES_MIN` bytes.
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [u8],
    slots: &'a Slots,
    positions: Vec<u32>,
    /// Place of each row's record in `data`.
    starts: Vec<u32>,
    /// Which record of its block each row is, from 0.
    numbers: Vec<u32>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(data: &'a [u8], slots: &'a Slots) -> Self {
        Self { data, slots, positions: Vec::new(), starts: Vec::new(), numbers: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn clear(&mut self) {
        self.positions.clear();
        self.starts.clear();
        self.numbers.clear();
    }

    /// Which record of its block a row is, from 0.
    pub(crate) fn number(&self, row: usize) -> u32 {
        self.numbers[row]
    }

    /// Adds a flow record.
    ///
    /// # Errors
    /// Why it is rejected.
    pub(crate) fn push(&mut self, record: Record, number: u32) -> Result<(), String> {
        let first = self.positions.len();
        self.positions.resize(first + self.slots.count, 0);
        self.place_elements(record, first).inspect_err(|_| self.positions.truncate(first))?;
        self.starts.push(record.start as u32);
        self.numbers.push(number);
        Ok(())
    }

    /// Takes back the last row when its flow lies outside of the bounds. A row without a time stays: its time may be
    /// that of an event.
    pub(crate) fn keep_within(&mut self, bounds: TimeBounds) {
        let Some(row) = self.len().checked_sub(1) else { return };
        let wanted = [(START, bounds.start), (END, bounds.end)]
            .into_iter()
            .all(|(place, span)| self.moment(row, place).is_none_or(|moment| span.contains(moment)));
        if !wanted {
            self.starts.truncate(row);
            self.numbers.truncate(row);
            self.positions.truncate(row * self.slots.count);
        }
    }

    fn place_elements(&mut self, record: Record, first: usize) -> Result<(), String> {
        let count = u16_at(self.data, record.start + 4).unwrap_or_default();
        let mut at = record.start + FLOW_HEADER_BYTES;
        if at > record.end {
            return Err(format!("a flow record of {} bytes", record.end - record.start));
        }
        if let Some(slot) = self.slots.of(0) {
            self.positions[first + slot] = record.start as u32;
        }
        for number in 1..=count {
            let rest = record.end - at;
            let length = u16_at(self.data, at + 2).map_or(0, usize::from);
            if rest < ELEMENT_HEADER_BYTES || length < ELEMENT_HEADER_BYTES || length > rest {
                return Err(format!("element {number} of {count} has {length} bytes where {rest} bytes are left"));
            }
            let element = u16_at(self.data, at).unwrap_or_default();
            let data_bytes = length - ELEMENT_HEADER_BYTES;
            if let Some(&least) = ELEMENT_BYTES_MIN.get(usize::from(element)) {
                if data_bytes < usize::from(least) {
                    return Err(format!("an element of type {element} has {data_bytes} bytes, expected {least}"));
                }
                if let (Some(slot), 1..) = (self.slots.of(element), element) {
                    self.positions[first + slot] = (at + ELEMENT_HEADER_BYTES) as u32;
                }
            }
            at += length;
        }
        Ok(())
    }

    /// Whether a row has an element.
    pub(crate) fn has(&self, row: usize, element: u16) -> bool {
        self.position(row, element).is_some()
    }

    /// The bytes of a value; `None` when the row does not have its element.
    pub(crate) fn bytes<const N: usize>(&self, row: usize, place: Place) -> Option<[u8; N]> {
        let at = self.position(row, place.element)? + place.offset;
        self.data.get(at..at + N)?.try_into().ok()
    }

    /// All bytes of an element's data.
    pub(crate) fn whole(&self, row: usize, element: u16) -> Option<&'a [u8]> {
        let at = self.position(row, element)?;
        let length = usize::from(u16_at(self.data, at.checked_sub(2)?)?).checked_sub(ELEMENT_HEADER_BYTES)?;
        self.data.get(at..at + length)
    }

    /// A point in time in nanoseconds; the formats' 0 is "not known".
    pub(crate) fn moment(&self, row: usize, place: Place) -> Option<i64> {
        let millis = u64::from_le_bytes(self.bytes(row, place)?);
        i64::try_from(millis).ok().filter(|millis| *millis != 0)?.checked_mul(MILLIS_TO_NANOS)
    }

    fn position(&self, row: usize, element: u16) -> Option<usize> {
        let slot = self.slots.of(element)?;
        let position = self.positions[row * self.slots.count + slot] as usize;
        // A record may begin at 0, an element's data cannot.
        (position != 0 || element == 0).then_some(position)
    }
}

/// When a flow began.
pub(crate) const START: Place = Place { element: 1, offset: 0 };
/// When it ended.
pub(crate) const END: Place = Place { element: 1, offset: 8 };

pub(crate) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use file_source::Span;

    /// A flow record with these elements.
    fn flow(elements: &[(u16, &[u8])]) -> Vec<u8> {
        let mut record = vec![0; FLOW_HEADER_BYTES];
        for (kind, data) in elements {
            record.extend_from_slice(&kind.to_le_bytes());
            record.extend_from_slice(&(data.len() as u16 + 4).to_le_bytes());
            record.extend_from_slice(data);
        }
        record[0] = FLOW_RECORD as u8;
        let size = record.len() as u16;
        record[2..4].copy_from_slice(&size.to_le_bytes());
        record[4..6].copy_from_slice(&(elements.len() as u16).to_le_bytes());
        record
    }

    #[track_caller]
    fn check(elements: &[(u16, &[u8])], expected: Result<Option<u32>, &str>) {
        let data = flow(elements);
        let slots = Slots::new([2]);
        let mut rows = Rows::new(&data, &slots);
        let record = Records::new(&data, 1).next().expect("a record").expect("a good one");
        let place = Place { element: 2, offset: 4 };
        let found = rows.push(record, 0).map(|()| rows.bytes(0, place).map(u32::from_le_bytes));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn elements_are_found_by_type_and_checked() {
        check(&[(2, &[1, 0, 0, 0, 2, 0, 0, 0])], Ok(Some(2)));
        check(&[(99, b"unknown"), (2, &[1, 0, 0, 0, 2, 0, 0, 0])], Ok(Some(2)));
        check(&[(1, &[0; 48])], Ok(None));
        check(&[(2, &[1, 0, 0])], Err("an element of type 2 has 3 bytes, expected 8"));
    }

    #[test]
    fn a_record_that_is_longer_than_its_block_ends_it() {
        let mut data = flow(&[]);
        data.extend_from_slice(&[11, 0, 200, 0]);
        let found: Vec<_> = Records::new(&data, 5).collect();
        assert_eq!(found.len(), 2);
        assert!(matches!(&found[1], Err(BrokenBlock { lost: 4, .. })), "{found:?}");
    }

    #[test]
    fn rows_outside_of_the_bounds_are_taken_back() {
        let mut generic = [0; 48];
        generic[..8].copy_from_slice(&5_u64.to_le_bytes());
        generic[8..16].copy_from_slice(&7_u64.to_le_bytes());
        let data = flow(&[(1, &generic)]);
        let slots = Slots::new([1]);
        let mut rows = Rows::new(&data, &slots);
        let record = Records::new(&data, 1).next().expect("a record").expect("a good one");
        for (from, kept) in [(5, 1), (6, 0)] {
            rows.clear();
            rows.push(record, 0).expect("a good record");
            let start = Span { from: from * MILLIS_TO_NANOS, to: i64::MAX };
            rows.keep_within(TimeBounds { start, end: Span::ALL });
            assert_eq!(rows.len(), kept);
        }
    }
}
