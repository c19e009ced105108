//! A long time cut into windows: each is a run of its own, and what is done is remembered beside the outputs.
//!
//! The memory is a file that only grows: a line that says what is run, then a line a finished window. A line is written
//! when all files of its window are whole, so that after a power cut no window is taken for done that is not.

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use flowdeck::chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::form::definition::{Field, Kind};

/// More windows than this are a mistake in the step.
const WINDOWS_MAX: i64 = 100_000;

/// The ending of the file that remembers.
const ENDING: &str = "windows.jsonl";

/// A part of the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The moment behind it.
    pub to: DateTime<Utc>,
}

impl Window {
    /// The moment in the name of a file.
    pub fn stamp(moment: DateTime<Utc>) -> String {
        moment.format("%Y%m%dT%H%M%SZ").to_string()
    }

    /// A moment as a field takes it.
    pub fn text(moment: DateTime<Utc>) -> String {
        moment.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

/// The windows from one moment to another. The last may be shorter.
///
/// # Errors
/// When there is no window, or there are too many.
pub fn cut(from: DateTime<Utc>, to: DateTime<Utc>, step: Option<TimeDelta>) -> Result<Vec<Window>> {
    if from >= to {
        bail!("--from {} is not before --to {}", Window::text(from), Window::text(to));
    }
    let Some(step) = step else { return Ok(vec![Window { from, to }]) };
    if step < TimeDelta::seconds(1) {
        bail!("--step is shorter than a second");
    }
    let count = (to - from).num_seconds() / step.num_seconds();
    if count > WINDOWS_MAX {
        bail!("--step makes {count} windows; {WINDOWS_MAX} are the most");
    }
    let begins = std::iter::successors(Some(from), |begin| begin.checked_add_signed(step).filter(|next| *next < to));
    Ok(begins
        .map(|begin| Window { from: begin, to: begin.checked_add_signed(step).map_or(to, |end| end.min(to)) })
        .collect())
}

/// The fields that get the ends of a window: those named, else `start` and `end`.
///
/// # Errors
/// When the notebook has no such fields of moments.
pub fn fields(named: Option<&str>, fields: &[Field]) -> Result<(String, String)> {
    let (start, end) = match named {
        Some(named) => named.split_once(',').context("--window takes two fields, as in --window start,end")?,
        None => ("start", "end"),
    };
    let moments: Vec<&str> =
        fields.iter().filter(|field| field.kind == Kind::Datetime).map(|field| field.name.as_str()).collect();
    for name in [start.trim(), end.trim()] {
        if !moments.contains(&name) {
            let known = if moments.is_empty() { "none".to_owned() } else { moments.join(", ") };
            bail!(
                "the notebook has no field `{name}` of the type datetime for the windows\nhint: name two with --window START,END; there are: {known}"
            );
        }
    }
    Ok((start.trim().to_owned(), end.trim().to_owned()))
}

/// What is done of a run in windows.
pub struct Journal {
    file: File,
    done: BTreeSet<String>,
}

/// The first line of the file.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Head {
    /// Changes with the notebook, its parameters and what is written.
    run: String,
}

/// Another line.
#[derive(Deserialize, Serialize)]
struct Done {
    from: String,
    to: String,
}

impl Journal {
    /// Where a run that writes this file remembers.
    pub fn place(of: &Path) -> PathBuf {
        of.with_extension(ENDING)
    }

    /// Opens the memory of the run that `run` tells apart from others; with `is_anew` what was done is forgotten.
    ///
    /// # Errors
    /// When it belongs to another run, one that runs now uses it, or it cannot be written.
    pub fn open(path: &Path, run: &str, is_anew: bool) -> Result<Journal> {
        let shown = path.display();
        let cannot = || format!("cannot remember in `{shown}` which windows are done");
        let mut file = File::options().read(true).append(true).create(true).open(path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another run works on these windows now\nhint: it remembers in `{shown}`; wait for its end, or write elsewhere"
                )
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        if is_anew {
            file.set_len(0).with_context(cannot)?;
        }
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).with_context(cannot)?;
        let mut lines = text.lines();
        let done = match lines.next() {
            None => {
                append(&mut file, &Head { run: run.to_owned() }).with_context(cannot)?;
                BTreeSet::new()
            }
            Some(head) if serde_json::from_str::<Head>(head).is_ok_and(|head| head.run == run) => {
                // A line that was cut off says nothing.
                lines.filter_map(|line| serde_json::from_str::<Done>(line).ok()).map(|done| key(&done)).collect()
            }
            Some(_) => bail!(
                "`{shown}` is of a run with another notebook, other parameters or other files\nhint: write elsewhere, or forget what is done with --anew"
            ),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").with_context(cannot)?;
        }
        Ok(Journal { file, done })
    }

    /// Whether a window is done.
    pub fn has(&self, window: Window) -> bool {
        self.done.contains(&key(&line(window)))
    }

    /// Remembers that a window is done.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn add(&mut self, window: Window) -> Result<()> {
        append(&mut self.file, &line(window)).context("cannot remember that a window is done")?;
        self.done.insert(key(&line(window)));
        Ok(())
    }
}

fn append(file: &mut File, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn line(window: Window) -> Done {
    Done { from: Window::text(window.from), to: Window::text(window.to) }
}

fn key(done: &Done) -> String {
    format!("{} {}", done.from, done.to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn time_is_cut_without_gap_or_overlap() {
        let (from, to) = (at("2024-02-05T00:00:00Z"), at("2024-02-05T02:30:00Z"));
        let windows = cut(from, to, Some(TimeDelta::hours(1))).unwrap();
        assert_eq!(windows.len(), 3);
        assert!(windows.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!((windows[0].from, windows[2].to), (from, to));
        assert_eq!(cut(from, to, None).unwrap(), [Window { from, to }]);
        assert!(cut(to, from, None).is_err() && cut(from, to, Some(TimeDelta::zero())).is_err());
        assert!(cut(at("1970-01-01T00:00:00Z"), to, Some(TimeDelta::seconds(1))).is_err());
    }

    #[test]
    fn what_is_done_is_remembered_for_the_same_run_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = Journal::place(&folder.path().join("out.csv"));
        let window = Window { from: at("2024-02-05T00:00:00Z"), to: at("2024-02-05T01:00:00Z") };
        let mut journal = Journal::open(&path, "a", false).unwrap();
        assert!(!journal.has(window) && Journal::open(&path, "a", false).is_err(), "one at a time");
        journal.add(window).unwrap();
        drop(journal);
        // As after a power cut in the middle of a line.
        File::options().append(true).open(&path).unwrap().write_all(b"{\"from\":\"2024").unwrap();
        let mut journal = Journal::open(&path, "a", false).unwrap();
        let next = Window { from: window.to, to: at("2024-02-05T02:00:00Z") };
        assert!(journal.has(window) && !journal.has(next));
        journal.add(next).unwrap();
        drop(journal);
        assert!(Journal::open(&path, "a", false).unwrap().has(next), "behind the line that was cut off");
        assert!(Journal::open(&path, "b", false).is_err());
        assert!(!Journal::open(&path, "b", true).unwrap().has(window));
    }
}
