//! How much memory queries may hold before they spill or stop.
//!
//! Only numbers are found here; the pool that enforces them is made in [`crate::engine`].

use std::collections::HashSet;
use std::path::Path;

use arrow::array::{Array, ArrayData, RecordBatch};

/// The setting that overrides the share of RAM.
pub(crate) const MEMORY_LIMIT_VARIABLE: &str = "FLOWDECK_MEMORY_LIMIT";
/// The setting for what large results may take on disk together.
pub(crate) const RESULT_LIMIT_VARIABLE: &str = "FLOWDECK_RESULT_LIMIT";
/// What large results may take on disk together if nobody says otherwise.
pub(crate) const RESULT_BYTES_DEFAULT: u64 = 32 << 30;
/// Share of the memory of queries that results may keep when their queries are over.
pub(crate) const RESULT_MEMORY_SHARE: u64 = 4;
/// Share of the machine's (or container's) memory that queries may use.
const MEMORY_SHARE: f64 = 0.6;
/// Assumed when neither the machine nor the container tells its size.
const MEMORY_BYTES_UNKNOWN: u64 = 4 * 1024 * 1024 * 1024;
/// Below this even small sorts fail.
pub(crate) const MEMORY_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// The default limit: a share of what the machine or its container has.
pub(crate) fn default_limit_bytes() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of_meminfo(&text));
    let containers = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = containers.iter().filter_map(|path| number_in(Path::new(path))).min();
    let available = [machine, container].into_iter().flatten().min().unwrap_or(MEMORY_BYTES_UNKNOWN);
    ((available as f64 * MEMORY_SHARE) as u64).max(MEMORY_BYTES_MIN)
}

/// Reads a limit as people write it: `4G`, `512 MiB`, `800000000`.
pub(crate) fn parse_limit(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let amount: f64 = text[..digits_end].parse().ok()?;
    let unit: u64 = match text[digits_end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    let bytes = amount * unit as f64;
    (bytes >= MEMORY_BYTES_MIN as f64).then_some(bytes as u64)
}

/// Bytes as people read them: `14.1 GiB`.
pub(crate) fn readable_bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < units.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{amount:.1} {}", units[unit]) }
}

/// Memory of a batch that `seen` does not hold yet.
///
/// Batches of one query often are slices of the same buffers; counting each slice in full would refuse results that
/// fit many times over.
pub(crate) fn new_bytes(batch: &RecordBatch, seen: &mut HashSet<usize>) -> usize {
    batch.columns().iter().map(|column| new_bytes_of(&column.to_data(), seen)).sum()
}

fn new_bytes_of(data: &ArrayData, seen: &mut HashSet<usize>) -> usize {
    let buffers = data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer()));
    let own: usize =
        buffers.filter(|buffer| seen.insert(buffer.data_ptr().as_ptr() as usize)).map(|buffer| buffer.capacity()).sum();
    own + data.child_data().iter().map(|child| new_bytes_of(child, seen)).sum::<usize>()
}

fn total_of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

fn number_in(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        let cases = [
            ("512M", Some(512 << 20)),
            ("4 GiB", Some(4 << 30)),
            ("1.5g", Some(3 << 29)),
            ("800000000", Some(800_000_000)),
            ("1k", None),
            ("much", None),
            ("-4G", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_limit(text), expected, "{text}");
        }
    }

    #[test]
    fn meminfo_is_read_in_kib() {
        assert_eq!(total_of_meminfo("MemTotal:       1024 kB\nMemFree: 3 kB\n"), Some(1 << 20));
        assert_eq!(total_of_meminfo("nothing"), None);
    }

    #[test]
    fn slices_of_one_buffer_count_once() {
        let column = arrow::array::UInt64Array::from_iter_values(0..1000);
        let batch = RecordBatch::try_from_iter([("n", std::sync::Arc::new(column) as _)]).expect("one column");
        let mut seen = HashSet::new();
        let first = new_bytes(&batch.slice(0, 10), &mut seen);
        assert!(first >= 8000, "{first}");
        assert_eq!(new_bytes(&batch.slice(10, 10), &mut seen), 0);
    }
}
