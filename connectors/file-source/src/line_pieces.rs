//! Pieces of files of lines: which lines a piece has, and which numbers these have in the file.
//!
//! A line belongs to the piece in which it begins. How many lines stand before a piece is only counted when somebody asks
//! for a number: mostly no line is told of.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use flow_source::{QualityReport, SourceError};

use crate::input::Input;
use crate::pieces::Piece;

/// Bytes in which line ends are counted at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Part of a file of lines.
#[derive(Debug)]
pub struct LinePiece<'a> {
    path: &'a Path,
    from: u64,
    to: u64,
    /// Lines that begin before it.
    before: OnceLock<u64>,
}

impl<'a> LinePiece<'a> {
    /// A piece of the file at a path.
    pub fn new(path: &'a Path, piece: &Piece) -> Self {
        Self { path, from: piece.from, to: piece.to, before: OnceLock::new() }
    }

    /// All of a file.
    pub fn whole(path: &'a Path) -> Self {
        Self { path, from: 0, to: u64::MAX, before: OnceLock::new() }
    }

    /// The number in the file of a line that has this number in the piece.
    pub fn number(&self, in_piece: u64) -> u64 {
        if self.is_first() {
            return in_piece;
        }
        in_piece + self.before.get_or_init(|| self.count_before().unwrap_or(0))
    }

    /// The file.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether it is the beginning of its file.
    pub fn is_first(&self) -> bool {
        self.from == 0
    }

    /// The byte after the last with which a line of it begins.
    pub(crate) fn end(&self) -> u64 {
        self.to
    }

    /// The file, and how many of its bytes were passed over: up to the last byte before the piece, so that a line that
    /// begins with it is told from the rest of an earlier one.
    pub(crate) fn open(&self, report: &Arc<QualityReport>) -> Result<(Input, u64), SourceError> {
        let mut input = Input::open(self.path, Some(Arc::clone(report)))?;
        let passed = self.from.saturating_sub(1);
        let unreadable = |reason| SourceError::Unreadable { path: self.path.to_owned(), reason };
        input.pass_over(passed).map_err(unreadable)?;
        Ok((input, passed))
    }

    /// The line end that the piece passes over, and those before it.
    fn count_before(&self) -> io::Result<u64> {
        let mut left = File::open(self.path)?.take(self.from - 1);
        let (mut chunk, mut count) = (vec![0; CHUNK_BYTES], 1);
        loop {
            match left.read(&mut chunk) {
                Ok(0) => return Ok(count),
                Ok(read) => count += memchr::memchr_iter(b'\n', &chunk[..read]).count() as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use arrow_array::RecordBatch;
    use arrow_schema::Schema;
    use datafusion_common::Result;
    use datafusion_physical_plan::metrics::Count;

    use super::*;
    use crate::format::{Scan, Sink};
    use crate::lines::{LineDecoder, Outcome, read_lines_of};
    use crate::times::TimeBounds;

    /// Lines with their numbers.
    type Lines = Vec<(u64, String)>;

    /// Keeps the lines of a piece with their numbers in the file; those with an `x` are none.
    struct Kept<'a> {
        piece: &'a LinePiece<'a>,
        lines: Lines,
    }

    impl LineDecoder for Kept<'_> {
        fn line(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
            let text = String::from_utf8_lossy(line).into_owned();
            if text.contains('x') {
                return Err(text);
            }
            self.lines.push((self.piece.number(number), text));
            Ok(Outcome::NoRow)
        }

        fn rows(&self) -> usize {
            0
        }

        fn take(&mut self) -> Result<RecordBatch> {
            Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
        }
    }

    /// The lines of a file that is read in pieces, and those rejected.
    fn read(path: &Path, places: &[u64]) -> (Lines, Lines) {
        let report = Arc::new(QualityReport::default());
        let schema = Arc::new(Schema::empty());
        let scan = Scan {
            schema,
            columns: 0,
            limit: None,
            times: TimeBounds::NONE,
            report: Arc::clone(&report),
            is_strict: false,
        };
        let (sender, _receiver) = tokio::sync::mpsc::channel(1);
        let mut lines = Vec::new();
        for pair in places.windows(2) {
            let piece = LinePiece::new(path, &Piece { file: 0, from: pair[0], to: pair[1] });
            let mut kept = Kept { piece: &piece, lines: Vec::new() };
            let mut sink = Sink {
                sender: &sender,
                report: &report,
                output_rows: Count::new(),
                left: usize::MAX,
                is_strict: false,
                columns: 0,
                timeless: None,
            };
            let next = read_lines_of(&piece, &scan, &mut sink, &mut kept).expect("the file is readable");
            assert_eq!(next, crate::Next::Continue, "{places:?}");
            lines.append(&mut kept.lines);
        }
        let rejected = report.rejections().into_iter().map(|it| match it.place {
            flow_source::Place::Line(line) => (line, it.reason),
            other => panic!("{other}"),
        });
        (lines, rejected.collect())
    }

    fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
        let path = folder.path().join("lines");
        std::fs::write(&path, text).expect("a file");
        path
    }

    #[test]
    fn wherever_a_file_is_cut_each_line_is_given_once_with_its_number() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["\u{feff}a\nbb\r\n\nxx\ndddd\nx\n", "a\nbb\n\n\nc", "x", "\n", "one long line\nx"] {
            let path = file(&folder, text);
            let bytes = text.len() as u64;
            let whole = read(&path, &[0, u64::MAX]);
            for first in 1..=bytes {
                assert_eq!(read(&path, &[0, first, u64::MAX]), whole, "{text:?} cut at {first}");
                for second in first..=bytes {
                    let places = [0, first, second, u64::MAX];
                    assert_eq!(read(&path, &places), whole, "{text:?} cut at {first} and {second}");
                }
            }
        }
        let path = file(&folder, "\u{feff}a\nbb\r\n\nxx\ndddd\nx\n");
        let (lines, rejected) = read(&path, &[0, u64::MAX]);
        assert_eq!(lines, [(1, "a"), (2, "bb"), (3, ""), (5, "dddd")].map(|(line, text)| (line, text.to_owned())));
        assert_eq!(rejected, [(4, "xx"), (6, "x")].map(|(line, text)| (line, text.to_owned())));
    }
}
