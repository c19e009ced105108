//! `flowdeck collect`: NetFlow and IPFIX from the network into a store, until Control-C or SIGTERM.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use flow_engine::collect::{CollectEvent, CollectOptions, Collected, collect};
use flow_engine::{CancellationToken, FlowStore};

use super::{say, store};
use crate::engine;

/// The port that most exporters are set to.
const DEFAULT_PORT: u16 = 2055;
/// Flows held at once, three times: about 35 MB each.
const FLUSH_ROWS: usize = 100_000;

/// Options of `flowdeck collect`.
#[derive(Args)]
pub struct Options {
    /// The address to listen on for UDP, with or without a port (2055); `0.0.0.0` or `[::]` for all.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = address)]
    listen: SocketAddr,
    /// The folder with the flows; made if it is not there.
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Remove flows older than so many days, now and from then on; 0 keeps them for ever.
    #[arg(long, value_name = "DAYS")]
    keep: Option<u32>,
    /// Write at least every so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    flush: u64,
}

/// Collects until it is asked to end.
///
/// # Errors
/// What the system says of the socket; what is wrong with the store.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let room = runtime.block_on(engine::ready()).map_err(|report| anyhow!(report.evalue))?;
    let store = FlowStore::open(&options.store).map_err(store::worded)?;
    if options.keep.is_some() {
        store.set_keep_days(options.keep).map_err(store::worded)?;
    }
    let stop = CancellationToken::new();
    runtime.spawn(cancel_on_signal(stop.clone()));
    let collecting = CollectOptions {
        listen: options.listen,
        flush_interval: Duration::from_secs(options.flush),
        flush_rows: FLUSH_ROWS,
    };
    let collected = collect(&room.engine, &store, &collecting, &stop, |event| say(&line_of(&event)))
        .with_context(|| format!("could not listen on {}", options.listen))?;
    lines_of(&collected).iter().for_each(|line| say(line));
    store::show(&store)
}

async fn cancel_on_signal(stop: CancellationToken) {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminated {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
    stop.cancel();
}

fn line_of(event: &CollectEvent) -> String {
    match event {
        CollectEvent::Listening { address, buffer_bytes } => {
            format!("listening on {address} (up to {} of datagrams may wait)", store::bytes_text(*buffer_bytes as u64))
        }
        CollectEvent::Written { rows, files } => format!("wrote {rows} flows to {files} files"),
        CollectEvent::Tidied { merged, removed } => format!("merged {merged} hours, removed {removed} old files"),
        CollectEvent::Failed { rows, reason } => format!("error: {rows} flows are lost: {reason}"),
    }
}

fn lines_of(collected: &Collected) -> Vec<String> {
    let mut lines = vec![format!("{} flows written", collected.rows_written)];
    if collected.rows_lost > 0 {
        lines.push(format!("{} flows could not be written", collected.rows_lost));
    }
    for (address, seen) in &collected.exporters {
        let mut line = format!("{address}: {} datagrams, {} flows", seen.datagrams, seen.flows);
        if seen.rejected > 0 {
            let reason = seen.latest_reason.as_deref().unwrap_or("unknown");
            line.push_str(&format!(", {} could not be decoded (the last: {reason})", seen.rejected));
        }
        lines.push(line);
    }
    for one in &collected.sequences {
        let from = one.exporter.map(|address| address.to_string()).unwrap_or_default();
        lines.push(format!(
            "{from} {} domain {}: {} lost, {} late, {} restarts by its sequence numbers",
            one.protocol, one.domain, one.lost, one.late, one.restarts
        ));
    }
    if collected.without_template > 0 {
        lines.push(format!("{} sets of records never got their template", collected.without_template));
    }
    lines
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    let alone =
        || text.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| SocketAddr::new(address, DEFAULT_PORT));
    with_port.or_else(|_| alone()).map_err(|_| "write ADDR or ADDR:PORT, for instance 0.0.0.0:2055 or [::]:4739".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_port() {
        for (text, expected) in [
            ("127.0.0.1", Some("127.0.0.1:2055")),
            ("127.0.0.1:4739", Some("127.0.0.1:4739")),
            ("::1", Some("[::1]:2055")),
            ("[::]:4739", Some("[::]:4739")),
            ("[::]", Some("[::]:2055")),
            ("localhost", None),
            ("127.0.0.1:99999", None),
        ] {
            assert_eq!(address(text).ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
