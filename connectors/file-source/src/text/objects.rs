//! JSON that is not one object a line: objects over several lines, in an array, or within other objects.
//!
//! `cutter` finds them. What stands between them and is none is a row that cannot be read.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use datafusion_common::Result;
use flow_source::{Breakage, Place};

use crate::BATCH_ROWS;
use crate::format::{Next, Scan, Sink};
use crate::input::Input;
use crate::lines::{BATCH_BYTES_MAX, LINE_BYTES_MAX, LineDecoder, without_bom};
use crate::text::cutter::{Cut, Cutter};
use crate::text::fields::excerpt;

const CHUNK_BYTES: usize = 256 * 1024;
/// The objects in the beginning of a file, until `each` wants no more of them.
pub fn find_objects(head: &[u8], mut each: impl FnMut(&[u8]) -> Next) {
    let mut cutter = Cutter::new(0);
    let mut rest = without_bom(head);
    while !rest.is_empty() {
        let (taken, is_complete) = cutter.take(rest);
        rest = &rest[taken..];
        if let (true, Cut::Object(_, object)) = (is_complete, cutter.record())
            && each(object) == Next::Stop
        {
            return;
        }
    }
}

/// Reads a whole file of objects, with so many objects around them.
///
/// # Errors
/// When the file cannot be opened, and those of the decoder.
pub fn read_objects(
    path: &Path,
    outer: usize,
    scan: &Scan,
    sink: &mut Sink<'_>,
    decoder: &mut dyn LineDecoder,
) -> Result<Next> {
    let mut input = Input::open(path, Some(Arc::clone(&scan.report)))?;
    let compression = input.compression();
    let mut reading = Objects { path, scan, sink, decoder, cutter: Cutter::new(outer), offset: 0, batch_offset: 0 };
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let next = reading.give()?;
                let reason = compression.defect(path, reading.offset, error).to_string();
                reading.break_off(reason);
                return Ok(next);
            }
        };
        if reading.chunk(&chunk[..read])? == Next::Stop {
            return Ok(Next::Stop);
        }
    }
    reading.end()
}

/// The reading of one file.
struct Objects<'a, 'b> {
    path: &'a Path,
    scan: &'a Scan,
    sink: &'a mut Sink<'b>,
    decoder: &'a mut dyn LineDecoder,
    cutter: Cutter,
    /// Decompressed bytes that have been read.
    offset: u64,
    /// Where the current batch began.
    batch_offset: u64,
}

impl Objects<'_, '_> {
    fn chunk(&mut self, chunk: &[u8]) -> Result<Next> {
        let mut rest = if self.offset == 0 { without_bom(chunk) } else { chunk };
        self.offset += (chunk.len() - rest.len()) as u64;
        while !rest.is_empty() {
            let (taken, is_complete) = self.cutter.take(rest);
            rest = &rest[taken..];
            self.offset += taken as u64;
            if is_complete && self.record()? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(if self.sink.is_closed() { Next::Stop } else { Next::Continue })
    }

    fn record(&mut self) -> Result<Next> {
        let (line, outcome) = match self.cutter.record() {
            Cut::Object(line, text) => (line, self.decoder.line(text, line)),
            Cut::TooLong(line) => (line, Err(format!("an object of more than {LINE_BYTES_MAX} bytes"))),
            Cut::Stray(line, text) => {
                (line, Err(format!("`{}` is not a JSON object", excerpt(String::from_utf8_lossy(text).trim()))))
            }
        };
        if let Err(reason) = outcome {
            self.scan.report.reject(self.path, Place::Line(line), || reason);
        }
        let is_full = self.decoder.rows() >= BATCH_ROWS.min(self.sink.left())
            || self.offset - self.batch_offset > BATCH_BYTES_MAX;
        if is_full && self.decoder.rows() > 0 { self.give() } else { Ok(Next::Continue) }
    }

    fn give(&mut self) -> Result<Next> {
        self.batch_offset = self.offset;
        for remark in self.decoder.remarks() {
            self.scan.report.note(remark);
        }
        if self.decoder.rows() == 0 {
            return Ok(Next::Continue);
        }
        let batch = self.decoder.take()?;
        Ok(self.sink.give(batch))
    }

    fn end(&mut self) -> Result<Next> {
        if self.cutter.end() && self.record()? == Next::Stop {
            return Ok(Next::Stop);
        }
        let next = self.give()?;
        if let Some(open) = self.cutter.open() {
            self.break_off(format!("the file ends within {open}"));
        }
        Ok(next)
    }

    fn break_off(&self, reason: String) {
        let (place, offset) = (Place::Line(self.cutter.line()), self.offset);
        self.scan.report.break_off(Breakage { path: self.path.to_owned(), place, offset, reason });
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use arrow_schema::Schema;
    use datafusion_physical_plan::metrics::Count;
    use flow_source::QualityReport;

    use super::*;
    use crate::lines::Outcome;
    use crate::times::{TimeBounds, TimeColumns};

    /// Notes how many rows each batch has.
    #[derive(Default)]
    struct Counting {
        rows: usize,
        batches: Vec<usize>,
    }

    impl LineDecoder for Counting {
        fn line(&mut self, _: &[u8], _: u64) -> std::result::Result<Outcome, String> {
            self.rows += 1;
            Ok(Outcome::Row)
        }

        fn rows(&self) -> usize {
            self.rows
        }

        fn take(&mut self) -> Result<RecordBatch> {
            self.batches.push(std::mem::take(&mut self.rows));
            Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
        }
    }

    #[test]
    fn large_objects_fill_a_batch_early() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let object = [b"{".as_slice(), &vec![b' '; LINE_BYTES_MAX - 2], b"}"].concat();
        std::fs::write(file.path(), object.repeat(6)).expect("a file");
        let schema = Schema::empty();
        let times = TimeBounds::of(&[], TimeColumns::of(&schema));
        let report = Arc::<QualityReport>::default();
        let schema = Arc::new(schema);
        let scan = Scan { times, schema, columns: 0, limit: None, report: Arc::clone(&report), is_strict: false };
        let (sender, _receiver) = tokio::sync::mpsc::channel(1);
        let mut sink = Sink {
            sender: &sender,
            report: &report,
            output_rows: Count::new(),
            left: usize::MAX,
            is_strict: false,
            columns: 0,
            timeless: None,
        };
        let mut decoder = Counting::default();
        let next = read_objects(file.path(), 0, &scan, &mut sink, &mut decoder).expect("objects");
        assert_eq!((next, decoder.batches.as_slice()), (Next::Continue, [5, 1].as_slice()));
    }
}
