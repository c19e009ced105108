//! Waiting for another build, replacing a damaged prelude, marking one as used.

#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Wants no more after so many looks.
struct Impatient(AtomicUsize);

impl Watcher for Impatient {
    fn begins(&self, _: &str) {}
    fn compiled(&self, _: &str, _: usize, _: Duration) {}
    fn done(&self, _: usize, _: Duration) {}
    fn is_stopped(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 1
    }
}

#[test]
fn whoever_waits_for_another_build_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = || File::create(folder.path().join("lock")).unwrap();
    let held = file();
    held.lock().unwrap();
    assert!(matches!(wait_for(&file(), &Impatient(AtomicUsize::new(0))), Err(None)));
    drop(held);
    assert!(wait_for(&file(), &Impatient(AtomicUsize::new(9))).is_ok());
}

#[test]
fn a_damaged_prelude_is_replaced_with_the_cells_that_were_compiled_with_it() {
    let cache = tempfile::tempdir().unwrap();
    let at = |path: &str| cache.path().join(path);
    for folder in ["key.building", "key", "cells"] {
        fs::create_dir_all(at(folder)).unwrap();
        fs::write(at(folder).join("from"), folder).unwrap();
    }
    put_in_place(&at("key.building"), &at("key"), &at("cells")).unwrap();
    assert_eq!(fs::read_to_string(at("key/from")).unwrap(), "key.building");
    assert!(!at("cells").exists() && !at("key.damaged").exists());
}

#[test]
fn one_in_use_is_marked_so() {
    let folder = tempfile::tempdir().unwrap();
    let used = in_use(folder.path(), "key").unwrap();
    let other = in_use(folder.path(), "key").unwrap();
    let whoever_cleans = File::open(folder.path().join("key.used")).unwrap();
    assert!(whoever_cleans.try_lock().is_err());
    drop((used, other));
    assert!(whoever_cleans.try_lock().is_ok());
}
