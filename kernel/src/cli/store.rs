//! What is said about a store of flows on the command line.

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use flow_engine::{FlowStore, StoreError};

use super::say;

/// Says what the store holds.
///
/// # Errors
/// When it cannot be read.
pub(super) fn show(store: &FlowStore) -> Result<()> {
    let summary = store.summary().map_err(worded)?;
    let folder = store.folder().display();
    let hour = |hour: DateTime<Utc>| hour.format("%Y-%m-%d %H:00").to_string();
    let span = match (summary.first_hour, summary.last_hour) {
        (Some(first), Some(last)) => format!(", hours from {} to {} UTC", hour(first), hour(last)),
        _ => String::new(),
    };
    let kept = match summary.keep_days {
        Some(days) => format!("kept for {days} days"),
        None => "kept for ever (--keep DAYS changes that)".to_owned(),
    };
    say(&format!("store {folder}: {} files, {}{span}, {kept}", summary.files, bytes_text(summary.bytes)));
    if summary.files > 0 {
        say(&format!("query it with SELECT … FROM read_flows('{folder}')"));
    }
    Ok(())
}

pub(super) fn worded(error: StoreError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => anyhow!("{error}\nhint: {hint}"),
        None => anyhow!("{error}"),
    }
}

/// Bytes for eyes, as in `1.5 MiB`.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let mut value = bytes as f64;
    for name in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(name);
    }
    unit.map_or_else(|| format!("{bytes} bytes"), |unit| format!("{value:.1} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_eyes() {
        assert_eq!(bytes_text(1023), "1023 bytes");
        assert_eq!(bytes_text(1536), "1.5 KiB");
        assert_eq!(bytes_text(5 * 1024 * 1024 * 1024), "5.0 GiB");
    }
}
