//! Where the rows of results lie: in memory up to a limit that all results of an engine share, beyond it in a
//! temporary file without a name, mapped into memory.
//!
//! Both are record batches to everybody else. A file without a name vanishes with the last result that uses it or with
//! the process, however that ends. Whole batches are written one after another, each a little Arrow IPC stream of its
//! own, so that batches whose dictionaries differ can stand in one file.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use datafusion::execution::memory_pool::MemoryReservation;
use memmap2::MmapOptions;

use crate::error::EngineError;
use crate::memory::new_bytes;

/// Bytes of a file that are mapped at once: few mappings, and little in memory until they are.
const SEGMENT_BYTES: u64 = 64 << 20;
/// Arrow wants its buffers so; the writer pads what is inside a batch, we what is between them.
const ALIGNMENT: u64 = 64;

/// What the results of an engine may take together, and where.
#[derive(Debug)]
pub(crate) struct KeepLimits {
    pub(crate) memory_bytes_max: u64,
    pub(crate) disk_bytes_max: u64,
    /// The system's temporary folder if `None`.
    pub(crate) folder: Option<PathBuf>,
    memory_bytes: AtomicU64,
    disk_bytes: AtomicU64,
}

impl KeepLimits {
    pub(crate) fn new(memory_bytes_max: u64, disk_bytes_max: u64, folder: Option<PathBuf>) -> KeepLimits {
        let (memory_bytes, disk_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        KeepLimits { memory_bytes_max, disk_bytes_max, folder, memory_bytes, disk_bytes }
    }

    #[cfg(test)]
    fn in_use(&self) -> (u64, u64) {
        (self.memory_bytes.load(Ordering::Relaxed), self.disk_bytes.load(Ordering::Relaxed))
    }
}

fn take(used: &AtomicU64, bytes: u64, max: u64) -> bool {
    let taken = |now: u64| now.checked_add(bytes).filter(|then| *then <= max);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
}

/// What one result takes. Given back when the last clone goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Only dropped.
    _taken: Option<Arc<Taken>>,
}

#[derive(Debug)]
struct Taken {
    limits: Arc<KeepLimits>,
    memory_bytes: u64,
    disk_bytes: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.limits.memory_bytes.fetch_sub(self.memory_bytes, Ordering::Relaxed);
        self.limits.disk_bytes.fetch_sub(self.disk_bytes, Ordering::Relaxed);
    }
}

/// A result in the making.
pub(crate) struct Keeper {
    taken: Taken,
    batches: Vec<RecordBatch>,
    buffers_seen: HashSet<usize>,
    /// Counts what is in memory against the memory of queries while this one runs.
    reservation: MemoryReservation,
    spill: Option<Spill>,
}

impl Keeper {
    pub(crate) fn new(limits: &Arc<KeepLimits>, reservation: MemoryReservation) -> Keeper {
        let taken = Taken { limits: Arc::clone(limits), memory_bytes: 0, disk_bytes: 0 };
        Keeper { taken, batches: Vec::new(), buffers_seen: HashSet::new(), reservation, spill: None }
    }

    /// Keeps a batch: in memory, or from the first that does not fit there on in a file.
    pub(crate) fn push(&mut self, batch: RecordBatch) -> Result<(), EngineError> {
        if self.spill.is_none() {
            let bytes = new_bytes(&batch, &mut self.buffers_seen);
            if self.take_memory(bytes) {
                self.batches.push(batch);
                return Ok(());
            }
        }
        let folder = self.taken.limits.folder.clone();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::new(folder).map_err(|fault| disk_failed(&fault))?),
        };
        let bytes =
            encoded(&batch).map_err(|fault| EngineError::internal(format!("rows cannot be written: {fault}")))?;
        if !take(&self.taken.limits.disk_bytes, bytes.len() as u64, self.taken.limits.disk_bytes_max) {
            return Err(EngineError::ResultTooLarge { limit_bytes: self.taken.limits.disk_bytes_max });
        }
        self.taken.disk_bytes += bytes.len() as u64;
        spill.push(&bytes).map_err(|fault| disk_failed(&fault))
    }

    fn take_memory(&mut self, bytes: usize) -> bool {
        let limits = &self.taken.limits;
        if !take(&limits.memory_bytes, bytes as u64, limits.memory_bytes_max) {
            return false;
        }
        self.taken.memory_bytes += bytes as u64;
        self.reservation.try_grow(bytes).is_ok()
    }

    /// All batches in the order in which they came.
    pub(crate) fn finish(mut self) -> Result<(Vec<RecordBatch>, Kept), EngineError> {
        if let Some(spill) = self.spill {
            self.batches.extend(spill.finish().map_err(|fault| disk_failed(&fault))?);
        }
        Ok((self.batches, Kept { _taken: Some(Arc::new(self.taken)) }))
    }
}

fn disk_failed(fault: &dyn std::fmt::Display) -> EngineError {
    EngineError::Spill { reason: fault.to_string() }
}

/// A batch as a stream of its own, padded so that the next one is aligned too.
fn encoded(batch: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let batch = compacted(batch)?;
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(&batch)?;
    let mut bytes = writer.into_inner()?;
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
    Ok(bytes)
}

/// Arrays of views may refer to buffers of which most bytes belong to other batches, and the writer writes all of them.
fn compacted(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = batch.columns().iter().map(|column| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => Arc::clone(column),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)
}

/// Batches on their way into a file and back as maps of it.
struct Spill {
    file: File,
    written: u64,
    segment_start: u64,
    /// Where each batch of the segment begins and how long it is.
    places: Vec<(u64, usize)>,
    batches: Vec<RecordBatch>,
}

impl Spill {
    fn new(folder: Option<PathBuf>) -> std::io::Result<Spill> {
        let file = tempfile::tempfile_in(folder.unwrap_or_else(std::env::temp_dir))?;
        Ok(Spill { file, written: 0, segment_start: 0, places: Vec::new(), batches: Vec::new() })
    }

    fn push(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.places.push((self.written, bytes.len()));
        self.written += bytes.len() as u64;
        if self.written - self.segment_start >= SEGMENT_BYTES { self.seal() } else { Ok(()) }
    }

    fn finish(mut self) -> std::io::Result<Vec<RecordBatch>> {
        self.seal()?;
        Ok(self.batches)
    }

    /// Maps what was written since the last time.
    fn seal(&mut self) -> std::io::Result<()> {
        let length = usize::try_from(self.written - self.segment_start).map_err(std::io::Error::other)?;
        if length == 0 {
            return Ok(());
        }
        // Safety: the file has no name and this is its only handle, so nobody can shorten it or write into it; we
        // ourselves only append.
        let map = unsafe { MmapOptions::new().offset(self.segment_start).len(length).map(&self.file)? };
        let segment = Buffer::from(bytes::Bytes::from_owner(map));
        for (start, length) in self.places.drain(..) {
            let place = usize::try_from(start - self.segment_start).map_err(std::io::Error::other)?;
            let mut stream = segment.slice_with_length(place, length);
            let batch = StreamDecoder::new().decode(&mut stream).map_err(std::io::Error::other)?;
            self.batches.extend(batch);
        }
        self.segment_start = self.written;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, StringViewArray};
    use arrow::datatypes::Int32Type;
    use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};

    use super::*;

    fn batch(first: i32, text: &str) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(first..first + 1_000));
        let texts: ArrayRef =
            Arc::new(StringViewArray::from_iter_values((0..1_000).map(|n| format!("{text} {n} and more"))));
        let words: DictionaryArray<Int32Type> = (0..1_000).map(|_| Some(text)).collect();
        RecordBatch::try_from_iter([("n", numbers), ("t", texts), ("d", Arc::new(words) as ArrayRef)]).expect("a batch")
    }

    fn keeper(limits: &Arc<KeepLimits>) -> Keeper {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        Keeper::new(limits, MemoryConsumer::new("test").register(&pool))
    }

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_disk_in_order() {
        let one = new_bytes(&batch(0, "x"), &mut HashSet::new()) as u64;
        let limits = Arc::new(KeepLimits::new(one * 5 / 2, 1 << 30, None));
        let mut keeper = keeper(&limits);
        let given: Vec<RecordBatch> = (0..6).map(|part| batch(part * 1_000, &format!("part {part}"))).collect();
        for batch in &given {
            keeper.push(batch.clone()).expect("room");
        }
        let (kept, held) = keeper.finish().expect("all of them");
        assert_eq!(kept, given);
        let (memory, disk) = limits.in_use();
        assert!(memory > 0 && memory <= one * 5 / 2 && disk > 0, "{memory} {disk}");
        drop(held);
        assert_eq!(limits.in_use(), (0, 0), "all is given back");
        assert_eq!(kept[5], given[5], "a batch holds its map");
    }

    #[test]
    fn the_disk_is_bounded_too() {
        let limits = Arc::new(KeepLimits::new(0, 100_000, None));
        let mut keeper = keeper(&limits);
        let outcome = (0..10).try_for_each(|part| keeper.push(batch(part, "y")));
        assert!(matches!(outcome, Err(EngineError::ResultTooLarge { limit_bytes: 100_000 })), "{outcome:?}");
        drop(keeper);
        assert_eq!(limits.in_use(), (0, 0));
    }

    #[test]
    fn a_slice_takes_what_it_holds_and_not_what_it_is_cut_from() {
        let long = batch(0, &"z".repeat(1_000));
        assert!(encoded(&long.slice(0, 1)).expect("bytes").len() < 10_000);
    }
}
