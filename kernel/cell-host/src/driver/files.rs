//! Files that appear whole or not at all, as several kernels write to one cache.

use std::{
    fs, io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Distinguishes files that this process writes at the same time.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes a file under another name, then gives it its own.
///
/// # Errors
/// What the system says.
pub fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let unfinished = file.with_extension(format!("{}-{number}.unfinished", std::process::id()));
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, file));
    if written.is_err() {
        // It may not have come into being.
        let _ = fs::remove_file(&unfinished);
    }
    written
}
