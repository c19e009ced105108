//! One object: what it begins with, and all of it on disk.
//!
//! An object whose tag, or time and size, have not changed since it was fetched is not fetched again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use futures::StreamExt;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use super::address::Address;
use super::fault::{is_beyond_end, is_whole_for_part};
use super::folder::Folder;
use super::store::ReadOnly;
use super::watch::QueryWatch;
use super::{Remote, RemoteCause, unworded};
use crate::files::FileFault;
use crate::files::sniff::{PARQUET_FOOTER_BYTES, PARQUET_SIGNATURE, parquet_end_fault};

/// Bytes of one object that is fetched as a whole.
const OBJECT_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of all objects that a session has fetched.
const FETCHED_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;
/// The beginning of an object that tells whether it is Parquet.
const PROBE_BYTES: u64 = 8;

/// An object that was fetched.
#[derive(Debug)]
pub(super) struct Cached {
    path: PathBuf,
    meta: ObjectMeta,
}

/// An object and its first bytes.
pub(super) struct Probe {
    pub(super) address: Address,
    pub(super) meta: ObjectMeta,
    /// Empty where the server gives no parts.
    pub(super) head: Bytes,
}

impl Probe {
    /// Parquet, of a server that gives parts.
    pub(super) fn is_read_in_parts(&self) -> bool {
        self.head.starts_with(PARQUET_SIGNATURE)
    }
}

/// When an object was last written, if its store says that.
pub(super) fn modified(meta: &ObjectMeta) -> Option<SystemTime> {
    let is_known = meta.last_modified.timestamp() != 0;
    is_known.then(|| meta.last_modified.into())
}

/// Asks for the beginning of an object.
pub(super) async fn probe(store: &ReadOnly, address: Address, key: Key) -> Result<Probe, FileFault> {
    let worded = |error: object_store::Error| RemoteCause::of(&error, store.asked).at(&address);
    let beginning = GetOptions { range: Some(GetRange::Bounded(0..PROBE_BYTES)), ..GetOptions::default() };
    let probe = match store.inner.get_opts(&key, beginning).await {
        Ok(result) => {
            let meta = result.meta.clone();
            Probe { head: result.bytes().await.map_err(worded)?, meta, address }
        }
        // The answer is let go after its first lines.
        Err(error) if is_whole_for_part(&error) => {
            let result = store.inner.get_opts(&key, GetOptions::default()).await.map_err(worded)?;
            Probe { head: Bytes::new(), meta: result.meta, address }
        }
        Err(error) if is_beyond_end(&error) => return Err(FileFault::Empty { path: address.to_string() }),
        Err(error) => return Err(worded(error)),
    };
    if probe.meta.size == 0 {
        return Err(FileFault::Empty { path: probe.address.to_string() });
    }
    if probe.is_read_in_parts() {
        check_parquet_end(store, &probe, &key).await?;
    }
    Ok(probe)
}

async fn check_parquet_end(store: &ReadOnly, probe: &Probe, key: &Key) -> Result<(), FileFault> {
    let size = probe.meta.size;
    let start = size.saturating_sub(PARQUET_FOOTER_BYTES as u64);
    let end = store.get_range(key, start..size).await.map_err(|error| unworded(error, &probe.address))?;
    match parquet_end_fault(&end, size) {
        Some(reason) => {
            Err(FileFault::Broken { path: probe.address.to_string(), format: "Parquet", reason: reason.into() })
        }
        None => Ok(()),
    }
}

impl Remote {
    /// The object on disk.
    pub(super) async fn fetched(
        &self,
        store_url: &Url,
        store: &ReadOnly,
        probe: &Probe,
        watch: &QueryWatch,
    ) -> Result<PathBuf, FileFault> {
        let name = (store_url.clone(), probe.meta.location.clone());
        if let Some(path) = self.unchanged(&name, &probe.meta) {
            watch.add(probe.meta.size);
            return Ok(path);
        }
        let bytes = probe.meta.size;
        if bytes > OBJECT_BYTES_MAX {
            return Err(RemoteCause::TooLarge { bytes, limit: OBJECT_BYTES_MAX }.at(&probe.address));
        }
        let reserved = Reserved::of(&self.bytes, bytes);
        if self.bytes.load(Ordering::Relaxed) > FETCHED_BYTES_MAX {
            return Err(RemoteCause::TooMuch { limit: FETCHED_BYTES_MAX }.at(&probe.address));
        }
        let path = self.fetch(store, probe, watch).await?;
        reserved.keep();
        let cached = Cached { path: path.clone(), meta: probe.meta.clone() };
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).insert(name, cached);
        Ok(path)
    }

    fn unchanged(&self, name: &(Url, Key), meta: &ObjectMeta) -> Option<PathBuf> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cached.get(name)?;
        let is_same = match (&cached.meta.e_tag, &meta.e_tag) {
            (Some(before), Some(now)) => before == now,
            _ => modified(meta).is_some() && modified(&cached.meta) == modified(meta),
        };
        (is_same && cached.meta.size == meta.size && cached.path.is_file()).then(|| cached.path.clone())
    }

    async fn fetch(&self, store: &ReadOnly, probe: &Probe, watch: &QueryWatch) -> Result<PathBuf, FileFault> {
        let on_disk = |reason: std::io::Error| RemoteCause::Disk { reason: reason.to_string() }.at(&probe.address);
        let path = self.folder().map_err(on_disk)?.place(&probe.address).map_err(on_disk)?;
        let worded = |error| unworded(error, &probe.address);
        let mut parts = store.get(&probe.meta.location).await.map_err(worded)?.into_stream();
        let mut file = Unfinished::create(&path).map_err(on_disk)?;
        let mut left = probe.meta.size;
        while let Some(part) = parts.next().await {
            let part = part.map_err(worded)?;
            let count = part.len() as u64;
            left = left.checked_sub(count).ok_or_else(|| changed(probe))?;
            file.0.write_all(&part).map_err(on_disk)?;
            watch.add(count);
        }
        if left > 0 {
            return Err(changed(probe));
        }
        if let Some(time) = modified(&probe.meta) {
            // Only for eyes: lists of sources say when a file was written.
            let _ = file.0.set_modified(time);
        }
        file.finish();
        Ok(path)
    }

    fn folder(&self) -> std::io::Result<&Folder> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder);
        }
        let base = self.base.clone().unwrap_or_else(std::env::temp_dir);
        let made = Folder::make(&base)?;
        // Whoever comes second uses that of the first, and the second goes.
        Ok(self.folder.get_or_init(|| made))
    }
}

fn changed(probe: &Probe) -> FileFault {
    RemoteCause::Other { reason: "it changed while it was fetched; try again".into() }.at(&probe.address)
}

/// Bytes that are taken from the limit of all, given back unless they are kept.
struct Reserved<'a> {
    all: &'a AtomicU64,
    bytes: u64,
}

impl<'a> Reserved<'a> {
    fn of(all: &'a AtomicU64, bytes: u64) -> Reserved<'a> {
        all.fetch_add(bytes, Ordering::Relaxed);
        Reserved { all, bytes }
    }

    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A file that is removed unless all of it was written.
struct Unfinished<'a>(File, Option<&'a Path>);

impl<'a> Unfinished<'a> {
    fn create(path: &'a Path) -> std::io::Result<Unfinished<'a>> {
        Ok(Unfinished(File::create_new(path)?, Some(path)))
    }

    fn finish(mut self) {
        self.1 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.1 {
            let _ = std::fs::remove_file(path);
        }
    }
}
