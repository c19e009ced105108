//! `flowdeck import`: flows of any source into a store; without a source, what the store holds.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use clap::Args;
use flow_engine::store::ImportWindow;
use flow_engine::{CancellationToken, FlowStore, Note, render::visible};

use super::{say, store};
use crate::engine;

/// Options of `flowdeck import`.
#[derive(Args)]
pub struct Options {
    /// A file, a folder, a pattern, or the name of a source in the configuration. Without it the store is only shown.
    source: Option<String>,
    /// Flows that begin then or later (UTC unless it says otherwise): 2024-02-05, 2024-02-05T10:00, …
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Flows that begin before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
    /// The folder with the flows; made if it is not there.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Remove flows older than so many days, now and from then on; 0 keeps them for ever.
    #[arg(long, value_name = "DAYS")]
    keep: Option<u32>,
}

/// Imports.
///
/// # Errors
/// What the engine says of the source, what is wrong with the store.
pub fn run(options: &Options) -> Result<()> {
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from >= to
    {
        bail!("--from {from} is not before --to {to}");
    }
    if options.source.is_none() && !options.store.is_dir() {
        bail!("there is no store `{}`\nhint: name a source to make one", options.store.display());
    }
    let store = FlowStore::open(&options.store).map_err(store::worded)?;
    if options.keep.is_some() {
        store.set_keep_days(options.keep).map_err(store::worded)?;
    }
    if let Some(source) = &options.source {
        import(source, options, &store)?;
    }
    let removed = store.remove_old(Utc::now()).map_err(store::worded)?;
    if removed > 0 {
        say(&format!("removed {removed} old files"));
    }
    store::show(&store)
}

fn import(source: &str, options: &Options, store: &FlowStore) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let window = ImportWindow { from: options.from, to: options.to };
    let imported = runtime.block_on(async {
        let room = engine::ready().await.map_err(|report| anyhow!(report.evalue))?;
        let cancel = CancellationToken::new();
        let importing = room.engine.import(source, window, store, cancel.clone());
        tokio::pin!(importing);
        let outcome = tokio::select! {
            outcome = &mut importing => outcome,
            _ = tokio::signal::ctrl_c() => {
                cancel.cancel();
                importing.await
            }
        };
        outcome.map_err(store::worded)
    })?;
    say(&format!("imported {} flows into {} files", imported.rows, imported.files));
    for line in imported.notes.iter().flat_map(Note::lines) {
        say(&format!("note: {}", visible(line)));
    }
    Ok(())
}

/// A moment as it is written on the command line: UTC unless it says otherwise.
pub(crate) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let time = naive.or_else(day).map(|time| time.and_utc());
    time.ok_or_else(|| "write a time as 2024-02-05, 2024-02-05T10:00 or 2024-02-05T10:00:00+01:00".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        for (text, expected) in [
            ("2024-02-05", Some("2024-02-05T00:00:00+00:00")),
            ("2024-02-05T10:30", Some("2024-02-05T10:30:00+00:00")),
            ("2024-02-05 10:30:01.5", Some("2024-02-05T10:30:01.500+00:00")),
            ("2024-02-05T10:00:00+01:00", Some("2024-02-05T09:00:00+00:00")),
            ("yesterday", None),
            ("2024-02-30", None),
        ] {
            assert_eq!(time(text).ok().map(|time| time.to_rfc3339()).as_deref(), expected, "{text}");
        }
    }
}
