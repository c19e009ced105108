//! A table as a file: beside the notebook, or part by part to the browser.

use std::{
    collections::BTreeMap,
    io::{Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use flow_engine::{
    CancellationToken, EngineError, Format, SessionFolder, StoredResult,
    stored::{StoredFault, View},
};
use serde_json::{Value, json};

use super::{Answer, LiveTable, Refusal, lock};
use crate::{
    exports::{self, NotSaved},
    table::request::{Destination, ExportRequest, Scope},
};

/// Bytes of one part: the browser asks for the next when it has one.
const PART_BYTES: usize = 2 << 20;
/// A larger file does not fit into the memory of every browser; it can be saved beside the notebook.
const DOWNLOAD_BYTES_MAX: u64 = 512 << 20;
/// Files that wait to be downloaded, of one table. The oldest goes first.
const DOWNLOADS_MAX: usize = 4;

/// With what names of folders for such files begin.
const PREFIX: &str = "flowdeck-export-";

/// Files that are being downloaded. They vanish with the table, or with the process.
#[derive(Default)]
pub(super) struct Downloads {
    next: AtomicU64,
    files: Mutex<BTreeMap<u64, SessionFolder>>,
}

/// What a file in such a folder is called; people see another name.
const FILE_NAME: &str = "export";

impl Downloads {
    fn keep(&self, folder: SessionFolder) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut files = self.files();
        files.insert(number, folder);
        while files.len() > DOWNLOADS_MAX {
            files.pop_first();
        }
        number
    }

    /// A part of a file.
    pub(super) fn part(&self, number: u64, part: usize) -> Result<Bytes, String> {
        let path = self.files().get(&number).map(|folder| folder.path().join(FILE_NAME));
        let path = path.ok_or("This download is over")?;
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = std::fs::File::open(&path)?;
            file.seek(SeekFrom::Start(part as u64 * PART_BYTES as u64))?;
            let mut bytes = Vec::new();
            file.take(PART_BYTES as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Bytes::from).map_err(|error| format!("The file cannot be read: {error}"))
    }

    pub(super) fn forget(&self, number: u64) {
        self.files().remove(&number);
    }

    pub(super) fn forget_all(&self) {
        self.files().clear();
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<u64, SessionFolder>> {
        lock(&self.files)
    }
}

/// What goes into a file.
struct Export {
    stored: StoredResult,
    view: View,
    columns: Vec<usize>,
    format: Format,
    cancel: CancellationToken,
}

impl Export {
    fn write(&self, path: &Path) -> Result<(), EngineError> {
        self.stored.export(&self.view, &self.columns, self.format, path, &self.cancel)
    }
}

impl LiveTable {
    /// Writes a file. One at a time: another one stops it.
    pub(super) async fn export(self: &Arc<Self>, request: ExportRequest) -> Result<Answer, Refusal> {
        let format = Format::of_name(&request.format).filter(|format| *format != Format::Table);
        let format = format.ok_or_else(|| Refusal::new("There is no such format"))?;
        let export = {
            let mut seen = self.seen();
            let stored = seen.stored.clone().ok_or_else(Refusal::let_go)?;
            if seen.version != request.view {
                return Err(Refusal::new("The table has changed meanwhile: export it again"));
            }
            seen.exporting.cancel();
            seen.exporting = CancellationToken::new();
            let (view, columns) = match request.scope {
                Scope::Seen => (seen.view.clone(), request.columns),
                Scope::All => (stored.whole(), (0..stored.columns().len()).collect()),
            };
            if columns.len() > stored.columns().len() {
                return Err(flow_engine::EngineError::from(StoredFault::UnknownColumn {
                    column: columns.len(),
                    count: stored.columns().len(),
                })
                .into());
            }
            Export { stored, view, columns, format, cancel: seen.exporting.clone() }
        };
        let table = self.clone();
        let work = tokio::task::spawn_blocking(move || match request.destination {
            Destination::Folder => table.save(&export),
            Destination::Download => table.offer(&export),
        });
        let answer = work.await.map_err(|error| Refusal::new(error.to_string()))??;
        Ok((answer, Vec::new()))
    }

    fn save(&self, export: &Export) -> Result<Value, Refusal> {
        let saved = exports::save(self.offers.interval, export.format.ending(), |path| export.write(path));
        let path = saved.map_err(|fault| match fault {
            NotSaved::File(error) => Refusal::from(error),
            NotSaved::Folder(error) => Refusal::new(format!("The folder data/ cannot be written to: {error}")),
        })?;
        Ok(json!({"path": path.display().to_string()}))
    }

    fn offer(&self, export: &Export) -> Result<Value, Refusal> {
        let cannot = |error: std::io::Error| Refusal::new(format!("The file cannot be made: {error}"));
        SessionFolder::remove_abandoned(&std::env::temp_dir(), PREFIX);
        let folder = SessionFolder::make(&std::env::temp_dir(), PREFIX).map_err(cannot)?;
        let path = folder.path().join(FILE_NAME);
        export.write(&path)?;
        let bytes = std::fs::metadata(&path).map_err(cannot)?.len();
        if bytes > DOWNLOAD_BYTES_MAX {
            let megabytes = bytes / 1_000_000;
            let hint = Some("Save it beside the notebook, filter the table, or choose Parquet".to_owned());
            return Err(Refusal { fact: format!("{megabytes} MB are too much for a download"), hint });
        }
        let parts = bytes.div_ceil(PART_BYTES as u64);
        let name = exports::name(&exports::playbook(), std::time::SystemTime::now().into(), self.offers.interval);
        let name = format!("{name}.{}", export.format.ending());
        Ok(json!({"download": self.downloads.keep(folder), "parts": parts, "name": name, "bytes": bytes}))
    }
}
