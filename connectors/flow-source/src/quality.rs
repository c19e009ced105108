//! What a scan met in the data: rows read, rows rejected and why, files that break off.
//!
//! A report belongs to one plan and grows while its streams run. Plans publish it as a metric, so that whoever holds
//! a plan finds it with [`quality_of_plan`] without knowing the connector.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::temporal_conversions::timestamp_ns_to_datetime;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::metrics::{CustomMetricValue, ExecutionPlanMetricsSet, MetricBuilder, MetricValue};

use crate::place::Place;

/// Rejections, breakages and notes beyond this many are counted but not kept.
pub const REASONS_KEPT_MAX: usize = 10;

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What was found and what was expected.
    pub reason: String,
}

/// A file of which the rest could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakage {
    /// The file.
    pub path: PathBuf,
    /// The last whole line or record before the defect, or the byte where it is.
    pub place: Place,
    /// Decompressed bytes before the defect.
    pub offset: u64,
    /// What went wrong.
    pub reason: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.path.display(), self.place.suffix(), self.reason)
    }
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Errors name their file; once is enough.
        let path = self.path.display();
        let place = self.place.of_breakage();
        match self.reason.strip_prefix(&format!("`{path}` ")) {
            Some(reason) => write!(f, "{path} breaks off{place}: it {reason}"),
            None => write!(f, "{path} breaks off{place}: {}", self.reason),
        }
    }
}

/// Counts and first reasons of one scan; shared between its streams.
#[derive(Debug, Default)]
pub struct QualityReport {
    rows_read: AtomicU64,
    rows_rejected: AtomicU64,
    /// How often rows were rejected, one or several at once.
    rejections: AtomicU64,
    breakages: AtomicU64,
    files_left_out: AtomicU64,
    bytes_read: AtomicU64,
    bytes_total: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rejections: Vec<Rejection>,
    breakages: Vec<Breakage>,
    left_out: Vec<String>,
    /// The files of which that is said, all of them.
    left_out_paths: HashSet<PathBuf>,
    notes: Vec<String>,
    timeless: Vec<Timeless>,
}

/// Rows that have no value in a column on which the query has a condition.
#[derive(Debug)]
struct Timeless {
    column: &'static str,
    rows: u64,
    /// The first and the last moment when such flows were received, where that is known.
    received: Option<(i64, i64)>,
}

impl fmt::Display for Timeless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column;
        let rows = counted(self.rows, "row", "rows").unwrap_or_default();
        write!(f, "{rows} without {column}")?;
        let moment = |nanos| Some(timestamp_ns_to_datetime(nanos)?.format("%Y-%m-%d %H:%M:%S").to_string());
        let received = self.received.and_then(|(from, to)| Some((moment(from)?, moment(to)?)));
        match received {
            Some((from, to)) if from == to => write!(f, " (received {from} UTC)")?,
            Some((from, to)) => write!(f, " (received {from} to {to} UTC)")?,
            None => {}
        }
        let meet = if self.rows == 1 { "it meets" } else { "they meet" };
        write!(f, "; {meet} no condition on {column}")
    }
}

impl QualityReport {
    /// Good rows given so far.
    pub fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    /// Rows left out so far.
    pub fn rows_rejected(&self) -> u64 {
        self.rows_rejected.load(Ordering::Relaxed)
    }

    /// Bytes read so far, as stored (compressed).
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Bytes to read, as stored; 0 when unknown.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Ordering::Relaxed)
    }

    /// The first [`REASONS_KEPT_MAX`] rejections.
    pub fn rejections(&self) -> Vec<Rejection> {
        self.kept().rejections.clone()
    }

    /// The first [`REASONS_KEPT_MAX`] files that break off.
    pub fn breakages(&self) -> Vec<Breakage> {
        self.kept().breakages.clone()
    }

    /// How many files break off.
    pub fn files_broken(&self) -> u64 {
        self.breakages.load(Ordering::Relaxed)
    }

    /// How many files of several are not read.
    pub fn files_not_read(&self) -> u64 {
        self.files_left_out.load(Ordering::Relaxed)
    }

    /// Why they are not, the first [`REASONS_KEPT_MAX`].
    pub fn files_left_out(&self) -> Vec<String> {
        self.kept().left_out.clone()
    }

    /// Other things the analyst should know, e.g. keys that have no column.
    pub fn notes(&self) -> Vec<String> {
        let kept = self.kept();
        kept.timeless.iter().map(Timeless::to_string).chain(kept.notes.iter().cloned()).collect()
    }

    /// Whether all data was read and every row was good.
    pub fn is_clean(&self) -> bool {
        let kept = self.kept();
        !self.has_losses() && kept.notes.is_empty() && kept.timeless.is_empty()
    }

    /// Whether a row or the rest of a file was left out. Cheap: asked for each batch.
    pub fn has_losses(&self) -> bool {
        [&self.rows_rejected, &self.breakages, &self.files_left_out].iter().any(|it| it.load(Ordering::Relaxed) > 0)
    }

    /// The first thing that was left out: its file, place and reason.
    pub fn first_loss(&self) -> Option<(PathBuf, Place, String)> {
        let kept = self.kept();
        let rejected = kept.rejections.first().map(|it| (it.path.clone(), it.place, it.reason.clone()));
        let broken = || {
            let it = kept.breakages.first()?;
            Some((it.path.clone(), it.place, format!("the file breaks off: {}", it.reason)))
        };
        rejected.or_else(broken)
    }

    /// One line for a caption, e.g. `3 rows rejected, 1 file breaks off`; `None` when there is nothing to say.
    pub fn caption(&self) -> Option<String> {
        let kept = self.kept();
        let parts: Vec<String> = [
            counted(self.rows_rejected(), "row rejected", "rows rejected"),
            counted(self.breakages.load(Ordering::Relaxed), "file breaks off", "files break off"),
            counted(self.files_not_read(), "file not read", "files not read"),
            counted((kept.notes.len() + kept.timeless.len()) as u64, "note", "notes"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Counts good rows; called per batch, not per row.
    pub fn add_rows(&self, rows: u64) {
        self.rows_read.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts stored bytes as they are read.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds to the bytes there are to read.
    pub fn expect_bytes(&self, bytes: u64) {
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a row that is left out; its reason is only worded while there is room to keep it.
    pub fn reject(&self, path: &Path, place: Place, reason: impl FnOnce() -> String) {
        self.reject_rows(path, place, 1, reason);
    }

    /// Counts rows that are left out together for one reason, e.g. those of a damaged block.
    pub fn reject_rows(&self, path: &Path, place: Place, rows: u64, reason: impl FnOnce() -> String) {
        if rows == 0 {
            return;
        }
        self.rows_rejected.fetch_add(rows, Ordering::Relaxed);
        if self.rejections.fetch_add(1, Ordering::Relaxed) < REASONS_KEPT_MAX as u64 {
            let rejection = Rejection { path: path.to_owned(), place, reason: reason() };
            self.kept().rejections.push(rejection);
        }
    }

    /// Records that a file cannot be read further.
    pub fn break_off(&self, breakage: Breakage) {
        let mut kept = self.kept();
        self.breakages.fetch_add(1, Ordering::Relaxed);
        if kept.breakages.len() < REASONS_KEPT_MAX {
            kept.breakages.push(breakage);
        }
    }

    /// Records once that a file of several, or a piece of it, is not read, and why: a sentence that names it.
    pub fn leave_out_file(&self, path: &Path, reason: String) {
        let mut kept = self.kept();
        if !kept.left_out_paths.insert(path.to_owned()) {
            return;
        }
        self.files_left_out.fetch_add(1, Ordering::Relaxed);
        if kept.left_out.len() < REASONS_KEPT_MAX {
            kept.left_out.push(reason);
        }
    }

    /// Counts rows without a value in a column of times on which the query has a condition; `received` is the first
    /// and the last moment when they were, in nanoseconds since 1970-01-01 UTC.
    pub fn add_timeless(&self, column: &'static str, rows: u64, received: Option<(i64, i64)>) {
        if rows == 0 {
            return;
        }
        let mut kept = self.kept();
        let place = kept.timeless.iter().position(|known| known.column == column).unwrap_or(kept.timeless.len());
        if place == kept.timeless.len() {
            kept.timeless.push(Timeless { column, rows: 0, received: None });
        }
        let known = &mut kept.timeless[place];
        known.rows += rows;
        known.received = match (known.received, received) {
            (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
            (known, new) => known.or(new),
        };
    }

    /// Records a remark once.
    pub fn note(&self, note: String) {
        let mut kept = self.kept();
        if kept.notes.len() < REASONS_KEPT_MAX && !kept.notes.contains(&note) {
            kept.notes.push(note);
        }
    }

    /// Publishes the report among a plan's metrics; called once when the plan is made.
    pub fn publish(self: &Arc<Self>, metrics: &ExecutionPlanMetricsSet) {
        let value = Arc::new(QualityMetric { reports: Mutex::new(vec![Arc::clone(self)]) });
        MetricBuilder::new(metrics).build(MetricValue::Custom { name: METRIC_NAME.into(), value });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change under the lock is one push, so a poisoned lock still holds a usable value.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reports of all scans below (and at) a plan node, in plan order.
pub fn quality_of_plan(plan: &dyn ExecutionPlan) -> Vec<Arc<QualityReport>> {
    let mut reports = Vec::new();
    collect_reports(plan, &mut reports);
    reports
}

const METRIC_NAME: &str = "quality";

/// A report as a DataFusion metric; holds several after DataFusion has aggregated partitions.
#[derive(Debug)]
struct QualityMetric {
    reports: Mutex<Vec<Arc<QualityReport>>>,
}

impl QualityMetric {
    fn reports(&self) -> Vec<Arc<QualityReport>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Display for QualityMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captions: Vec<String> = self.reports().iter().filter_map(|report| report.caption()).collect();
        f.write_str(if captions.is_empty() { "clean" } else { "" })?;
        f.write_str(&captions.join("; "))
    }
}

impl CustomMetricValue for QualityMetric {
    fn new_empty(&self) -> Arc<dyn CustomMetricValue> {
        Arc::new(Self { reports: Mutex::default() })
    }

    fn aggregate(&self, other: Arc<dyn CustomMetricValue + 'static>) {
        if let Some(other) = other.as_any().downcast_ref::<Self>() {
            let added = other.reports();
            self.reports.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_usize(&self) -> usize {
        self.reports().iter().map(|report| usize::try_from(report.rows_rejected()).unwrap_or(usize::MAX)).sum()
    }

    fn is_eq(&self, other: &Arc<dyn CustomMetricValue>) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Self>() else { return false };
        let (ours, theirs) = (self.reports(), other.reports());
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

fn collect_reports(plan: &dyn ExecutionPlan, reports: &mut Vec<Arc<QualityReport>>) {
    for metric in plan.metrics().iter().flat_map(|set| set.iter()) {
        let MetricValue::Custom { value, .. } = metric.value() else { continue };
        if let Some(quality) = value.as_any().downcast_ref::<QualityMetric>() {
            reports.extend(quality.reports());
        }
    }
    for child in plan.children() {
        collect_reports(child.as_ref(), reports);
    }
}

fn counted(count: u64, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_first_reasons_and_counts_all() {
        let report = QualityReport::default();
        assert_eq!(report.caption(), None);
        for line in 1..=25 {
            report.reject(Path::new("conn.log"), Place::Line(line), || format!("reason {line}"));
        }
        assert_eq!(report.rows_rejected(), 25);
        assert_eq!(report.rejections().len(), REASONS_KEPT_MAX);
        assert_eq!(report.rejections()[0].reason, "reason 1");
        report.break_off(Breakage { path: "a.gz".into(), place: Place::Line(3), offset: 90, reason: "cut".into() });
        assert_eq!(report.rejections()[0].to_string(), "conn.log, line 1: reason 1");
        assert_eq!(report.breakages()[0].to_string(), "a.gz breaks off after line 3: cut");
        assert_eq!(report.caption().as_deref(), Some("25 rows rejected, 1 file breaks off"));
        for _ in 0..2 {
            report.leave_out_file(Path::new("b.csv"), "`b.csv` is gone".into());
        }
        assert_eq!(report.files_left_out(), ["`b.csv` is gone"], "each piece of a file may say it");
        assert!(report.caption().is_some_and(|caption| caption.ends_with("1 file not read")));
    }
}
