//! Which partition reads what: files, and pieces of files that can be read from several places at once.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::input::Compression;
use crate::times::Span;

/// A smaller piece costs more to start than it saves.
const PIECE_BYTES_MIN: u64 = 1024 * 1024;

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// Stored bytes, for sharing work and for progress; 0 when unknown.
    pub bytes: u64,
    /// Whether its format can begin to read in the middle.
    pub splits: bool,
    /// Within which all its rows lie; `None` when it does not say.
    pub span: Option<Span>,
}

impl SourceFile {
    /// A file that is read from beginning to end.
    pub fn whole(path: PathBuf) -> Self {
        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Self { path, bytes, splits: false, span: None }
    }

    /// A file of lines, each for itself: it is read from several places where it is large and not compressed.
    pub fn of_lines(path: PathBuf) -> Self {
        let file = Self::whole(path);
        let splits = file.bytes > PIECE_BYTES_MIN && stored_plainly(&file.path);
        Self { splits, ..file }
    }
}

/// Whether the bytes of a file are those that are meant.
fn stored_plainly(path: &Path) -> bool {
    let mut first = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && Compression::of(&first) == Compression::None
}

/// Part of a file: what begins at a stored byte of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Place in [`crate::Format::files`].
    pub file: usize,
    /// First byte.
    pub from: u64,
    /// Byte after the last; `u64::MAX` for the end of the file, wherever that is by then.
    pub to: u64,
}

impl Piece {
    /// Whether it is the beginning of its file.
    pub fn is_first(&self) -> bool {
        self.from == 0
    }
}

/// The files with the given places, shared between at most `partitions` groups of about the same number of bytes,
/// each in file order. At least one group, which is empty when there are no files.
pub(crate) fn share(files: &[SourceFile], places: &[usize], partitions: usize) -> Vec<Vec<Piece>> {
    let pieces = cut(files, places, partitions);
    let mut by_size: Vec<(u64, Piece)> = pieces;
    by_size.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let count = partitions.clamp(1, by_size.len().max(1));
    let mut shares: Vec<(u64, Vec<Piece>)> = vec![(0, Vec::new()); count];
    for (bytes, piece) in by_size {
        if let Some(smallest) = shares.iter_mut().min_by_key(|(bytes, pieces)| (*bytes, pieces.len())) {
            smallest.0 += bytes;
            smallest.1.push(piece);
        }
    }
    let mut groups: Vec<Vec<Piece>> = shares.into_iter().map(|(_, pieces)| pieces).collect();
    groups.iter_mut().for_each(|pieces| pieces.sort_by_key(|piece| (piece.file, piece.from)));
    groups.sort_by_key(|pieces| pieces.first().map(|piece| (piece.file, piece.from)));
    groups
}

/// The files, those larger than a partition's share cut up, with the bytes of each piece.
fn cut(files: &[SourceFile], places: &[usize], partitions: usize) -> Vec<(u64, Piece)> {
    let total: u64 = places.iter().map(|&file| files[file].bytes).sum();
    let fair = total.div_ceil(partitions.max(1) as u64).max(PIECE_BYTES_MIN);
    let mut pieces = Vec::new();
    for &file in places {
        let SourceFile { bytes, splits, .. } = files[file];
        let count = if splits { bytes.div_ceil(fair).max(1) } else { 1 };
        let size = bytes.div_ceil(count);
        for index in 0..count {
            let to = if index + 1 == count { u64::MAX } else { (index + 1) * size };
            pieces.push((size, Piece { file, from: index * size, to }));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: u64, splits: bool) -> SourceFile {
        SourceFile { path: PathBuf::new(), bytes, splits, span: None }
    }

    #[track_caller]
    fn check(files: &[SourceFile], partitions: usize, expected: &[&[(usize, u64)]]) {
        let places: Vec<usize> = (0..files.len()).collect();
        let groups = share(files, &places, partitions);
        let found: Vec<Vec<(usize, u64)>> =
            groups.iter().map(|group| group.iter().map(|piece| (piece.file, piece.from)).collect()).collect();
        assert_eq!(found, expected);
        for piece in groups.iter().flatten() {
            let others = groups.iter().flatten().filter(|other| other.file == piece.file && other.from == piece.to);
            assert_eq!(others.count(), usize::from(piece.to != u64::MAX), "pieces of a file follow each other");
        }
    }

    #[test]
    fn shares_are_fair_and_in_order() {
        const M: u64 = 1024 * 1024;
        check(&[file(5, false), file(9, false), file(4, false)], 2, &[&[(0, 0), (2, 0)], &[(1, 0)]]);
        check(&[file(0, false)], 4, &[&[(0, 0)]]);
        check(&[file(8 * M, true)], 2, &[&[(0, 0)], &[(0, 4 * M)]]);
        check(&[file(8 * M, false)], 2, &[&[(0, 0)]]);
        check(&[file(M / 2, true)], 4, &[&[(0, 0)]]);
        check(&[file(6 * M, true), file(2 * M, true)], 2, &[&[(0, 0), (1, 0)], &[(0, 3 * M)]]);
        check(&[], 3, &[&[]]);
    }
}
