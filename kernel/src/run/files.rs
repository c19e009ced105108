//! Files that a run writes: whole or not at all.

use std::{io::Write, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};
use flow_engine::{Format, QueryOptions, QueryResult, export};
use tokio_util::sync::CancellationToken;

use super::worded;
use crate::engine;

/// Writes a table, in the place of an earlier file.
///
/// # Errors
/// When the file cannot be written, or not in that format.
pub(super) async fn write_table(result: QueryResult, format: Format, path: &Path) -> Result<()> {
    make_folder(path)?;
    let (room, file) = (engine::ready().await.map_err(worded)?, path.to_owned());
    let work = move || export::write_to_path(&result, format, &file, true);
    tokio::task::spawn_blocking(work).await?.map_err(|error| worded(room.report(&error)))
}

/// The rows of a table that no cell made with `--into`.
///
/// # Errors
/// When there is no such table.
pub(super) async fn table(name: &str) -> Result<QueryResult> {
    let room = engine::ready().await.map_err(worded)?;
    let query = format!("SELECT * FROM \"{}\"", name.to_ascii_lowercase().replace('"', "\"\""));
    let result = room.engine.query(&query, QueryOptions::default(), CancellationToken::new()).await;
    result.map_err(|error| worded(room.report(&error)).context(format!("the table `{name}` was not made")))
}

/// Writes a file in the place of an earlier one.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    make_folder(path)?;
    let cannot = || format!("cannot write `{}`", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any new file; the user's umask takes its part.
    builder.prefix(".flowdeck-").suffix(".part").permissions(std::fs::Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).with_context(cannot)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

/// Whether a file can be written there: better known before a run of hours than behind it.
///
/// # Errors
/// Why not.
pub(super) fn try_folder(path: &Path) -> Result<()> {
    make_folder(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let tried = tempfile::Builder::new().prefix(".flowdeck-").suffix(".part").tempfile_in(folder);
    tried.map(drop).with_context(|| format!("cannot write into the folder `{}`", folder.display()))
}

/// Makes the folder of a file.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))
}
