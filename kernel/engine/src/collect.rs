//! Flows from the network into a store: UDP datagrams of NetFlow and IPFIX, decoded as they come, written about once a
//! minute.
//!
//! Two threads: one receives and decodes, one writes. Between them at most one batch waits; while the writer is behind,
//! datagrams wait in the socket's buffer, and what the system drops there shows as missing sequence numbers. At most
//! three times [`CollectOptions::flush_rows`] flows are in memory.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::Utc;
use connector_netflow::live::{Collector, ExporterStatistics, SequenceStatistics};
use flow_source::record::batch_of;
use flow_source::{FlowRecord, flow_schema};
use socket2::SockRef;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::store::{FlowStore, StoreError};

/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Asked of the system for datagrams that wait; it may give less (Linux: net.core.rmem_max).
const SOCKET_BUFFER_BYTES: usize = 32 * 1024 * 1024;
/// How often the receiver looks whether it is to end or to flush.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Datagrams that are still taken from the socket after the end was asked for.
const LAST_DATAGRAMS_MAX: usize = 100_000;

/// How to collect.
#[derive(Clone, Debug)]
pub struct CollectOptions {
    /// Where to listen; port 0 for any.
    pub listen: SocketAddr,
    /// Flows are written at least this often.
    pub flush_interval: Duration,
    /// And when there are so many.
    pub flush_rows: usize,
}

/// What happens while collecting, for the operator.
#[derive(Clone, Debug)]
pub enum CollectEvent {
    /// The socket is open.
    Listening {
        /// Where.
        address: SocketAddr,
        /// Bytes of datagrams that may wait.
        buffer_bytes: usize,
    },
    /// Flows were written.
    Written {
        /// How many.
        rows: usize,
        /// In how many files.
        files: usize,
    },
    /// Hours were merged or removed.
    Tidied {
        /// Hours of which the parts became one file.
        merged: usize,
        /// Files that were too old.
        removed: u64,
    },
    /// Writing failed; the flows of that batch are lost, the next batch is tried again.
    Failed {
        /// How many flows.
        rows: usize,
        /// Why.
        reason: String,
    },
}

/// What was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Per exporter.
    pub exporters: Vec<(std::net::IpAddr, ExporterStatistics)>,
    /// Per exporter and domain, what its sequence numbers tell.
    pub sequences: Vec<SequenceStatistics>,
    /// Flows written.
    pub rows_written: u64,
    /// Flows that could not be written.
    pub rows_lost: u64,
    /// Data sets whose template never came.
    pub without_template: u64,
}

/// Collects until `stop` is cancelled; then writes what has come. Blocks.
///
/// # Errors
/// When the socket cannot be opened, or reading from it fails.
pub fn collect(
    engine: &Engine,
    store: &FlowStore,
    options: &CollectOptions,
    stop: &CancellationToken,
    tell: impl Fn(CollectEvent) + Sync,
) -> io::Result<Collected> {
    let socket = UdpSocket::bind(options.listen)?;
    // Less than asked is less reserve, no fault.
    let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let buffer_bytes = SockRef::from(&socket).recv_buffer_size().unwrap_or(0);
    socket.set_read_timeout(Some(POLL_INTERVAL))?;
    tell(CollectEvent::Listening { address: socket.local_addr()?, buffer_bytes });
    std::thread::scope(|scope| {
        // A channel without room of its own: the receiver waits while the writer is busy.
        let (sender, receiver) = mpsc::sync_channel(0);
        let writer = scope.spawn(|| write_all(engine, store, receiver, &tell));
        let mut receiving = Receiving { socket, options, sender, collector: Collector::default() };
        let outcome = receiving.run(stop);
        let without_template = receiving.collector.finish();
        let Receiving { collector, sender, .. } = receiving;
        drop(sender);
        let (rows_written, rows_lost) = writer.join().unwrap_or_default();
        outcome.map(|()| Collected {
            exporters: collector.exporters(),
            sequences: collector.sequences(),
            rows_written,
            rows_lost,
            without_template,
        })
    })
}

struct Receiving<'a> {
    socket: UdpSocket,
    options: &'a CollectOptions,
    sender: SyncSender<Vec<FlowRecord>>,
    collector: Collector,
}

impl Receiving<'_> {
    fn run(&mut self, stop: &CancellationToken) -> io::Result<()> {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut flushed = Instant::now();
        while !stop.is_cancelled() {
            self.receive(&mut buffer)?;
            if self.collector.len() >= self.options.flush_rows || flushed.elapsed() >= self.options.flush_interval {
                self.flush();
                flushed = Instant::now();
            }
        }
        self.socket.set_nonblocking(true)?;
        for _ in 0..LAST_DATAGRAMS_MAX {
            if !self.receive(&mut buffer)? {
                break;
            }
            if self.collector.len() >= self.options.flush_rows {
                self.flush();
            }
        }
        self.flush();
        Ok(())
    }

    /// Whether a datagram came.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        match self.socket.recv_from(buffer) {
            Ok((length, source)) => {
                self.collector.datagram(source, now_ns(), &buffer[..length]);
                Ok(true)
            }
            Err(error) => match error.kind() {
                // An earlier answer of ours was refused, which says nothing about what comes in.
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused => Ok(false),
                _ => Err(error),
            },
        }
    }

    fn flush(&mut self) {
        if !self.collector.is_empty() {
            // Fails only when the writer panicked, which `collect` sees.
            let _ = self.sender.send(self.collector.take());
        }
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Writes batches until no more can come; returns how many flows were written and how many could not be.
fn write_all(
    engine: &Engine,
    store: &FlowStore,
    batches: Receiver<Vec<FlowRecord>>,
    tell: &impl Fn(CollectEvent),
) -> (u64, u64) {
    let (mut written, mut lost) = (0, 0);
    for flows in batches {
        let rows = flows.len();
        match write(store, flows) {
            Ok(files) => {
                written += rows as u64;
                tell(CollectEvent::Written { rows, files });
            }
            Err(error) => {
                lost += rows as u64;
                tell(CollectEvent::Failed { rows, reason: error.to_string() });
            }
        }
        match tidy(engine, store) {
            Ok((0, 0)) => {}
            Ok((merged, removed)) => tell(CollectEvent::Tidied { merged, removed }),
            Err(error) => tell(CollectEvent::Failed { rows: 0, reason: error.to_string() }),
        }
    }
    (written, lost)
}

fn write(store: &FlowStore, mut flows: Vec<FlowRecord>) -> Result<usize, StoreError> {
    flows.sort_by_key(|flow| flow.start_time.or(flow.received_time).or(flow.end_time));
    let batch = batch_of(&flow_schema(), &flows, connector_netflow::NAME, None)?;
    let mut writer = store.writer();
    writer.write(&batch)?;
    writer.commit()
}

fn tidy(engine: &Engine, store: &FlowStore) -> Result<(usize, u64), StoreError> {
    let now = Utc::now();
    let removed = store.remove_old(now)?;
    let merge = engine.merge_store(store, now);
    let merged = crate::executor::wait(merge).map_err(|error| engine.explain_datafusion(&error))??;
    Ok((merged, removed))
}
