//! A query that waits for the network: whether it is still wanted, and how far it is.
//!
//! Tables are found while a query is planned, before anything of it runs that could be asked. What several queries wait for
//! has a watch of its own, whose counts each of them reports.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::RemoteCause;
use super::address::Address;
use crate::files::FileFault;
use crate::query::{Progress, ProgressCallback};
use crate::stop::StopFlag;

/// Between two looks at whether the query is still wanted.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// What belongs to a query while it is planned.
pub(crate) struct QueryWatch {
    stop: StopFlag,
    progress: Option<ProgressCallback>,
    started: Instant,
    read: AtomicU64,
    total: AtomicU64,
}

impl Default for QueryWatch {
    fn default() -> Self {
        QueryWatch::new(StopFlag::default(), None)
    }
}

impl QueryWatch {
    pub(crate) fn new(stop: StopFlag, progress: Option<ProgressCallback>) -> QueryWatch {
        QueryWatch { stop, progress, started: Instant::now(), read: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    /// Does `work`, until the query is stopped.
    pub(super) async fn unless_stopped<T>(
        &self,
        address: &Address,
        work: impl Future<Output = Result<T, FileFault>>,
    ) -> Result<T, FileFault> {
        let stopped = async {
            while !self.stop.is_raised() {
                tokio::time::sleep(LOOK_INTERVAL).await;
                self.report();
            }
        };
        tokio::select! {
            outcome = work => outcome,
            () = stopped => Err(RemoteCause::Stopped.at(address)),
        }
    }

    /// More bytes are to be fetched.
    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes were fetched, or need not be.
    pub(super) fn add(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Waits for `outcome`, and reports meanwhile how far `others` is, which it belongs to. To be dropped when the query is
    /// stopped.
    pub(crate) async fn until<T>(&self, outcome: impl Future<Output = T>, others: &QueryWatch) -> T {
        let reporting = async {
            loop {
                tokio::time::sleep(LOOK_INTERVAL).await;
                self.report_of(others);
            }
        };
        tokio::select! {
            outcome = outcome => outcome,
            () = reporting => unreachable!("reporting has no end"),
        }
    }

    /// Does `work`; `None` when the query is stopped before that has ended. For work that nobody drops.
    pub(crate) async fn unless_raised<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stopped = async {
            while !self.stop.is_raised() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::select! {
            outcome = work => Some(outcome),
            () = stopped => None,
        }
    }

    fn report(&self) {
        self.report_of(self);
    }

    fn report_of(&self, counted: &QueryWatch) {
        let (bytes_read, bytes_total) = (counted.read.load(Ordering::Relaxed), counted.total.load(Ordering::Relaxed));
        if let (Some(callback), true) = (&self.progress, bytes_total > 0) {
            callback(Progress { bytes_read, bytes_total, elapsed: self.started.elapsed(), ..Progress::default() });
        }
    }
}
