//! An upstream and its clone, made by git itself, so that what our code did is judged by another program than ours.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, atomic::AtomicBool},
};

use playbooks::{
    Checkout, Fault, Level, Plan,
    checkout::{Asking, Fetched},
    update::{self, Updated},
};
use tempfile::TempDir;

pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    /// An upstream with these files, and a clone of it.
    pub(crate) fn with(files: &[(&str, &str)]) -> Site {
        let site = Site { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(site.upstream()).unwrap();
        site.git(&site.upstream(), &["init", "-q", "-b", "main"]);
        site.publish(files);
        site.git(site.folder.path(), &["clone", "-q", "upstream", "clone"]);
        site
    }

    pub(crate) fn upstream(&self) -> PathBuf {
        self.folder.path().join("upstream")
    }

    pub(crate) fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// A folder that is no part of either.
    pub(crate) fn elsewhere(&self) -> PathBuf {
        let path = self.folder.path().join("elsewhere");
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Commits files to the upstream. An empty text removes.
    pub(crate) fn publish(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.upstream().join(path);
            if text.is_empty() {
                fs::remove_file(path).unwrap();
            } else {
                write(&path, text);
            }
        }
        self.commit(&self.upstream());
    }

    pub(crate) fn commit(&self, repository: &Path) {
        self.git(repository, &["add", "-A"]);
        self.git(repository, &["commit", "-q", "--allow-empty", "-m", "a change"]);
    }

    /// What git says.
    #[track_caller]
    pub(crate) fn git(&self, repository: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(repository)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.org")])
            .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.org")])
            .output()
            .expect("git is installed by scripts/setup.sh");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn head(&self, repository: &Path) -> String {
        self.git(repository, &["rev-parse", "HEAD"])
    }

    pub(crate) fn status(&self) -> String {
        self.git(&self.clone(), &["status", "--porcelain"])
    }

    pub(crate) fn checkout(&self) -> Checkout {
        Checkout::open(&self.clone(), Asking::Nobody).unwrap()
    }

    pub(crate) fn fetched(&self) -> (Checkout, Fetched) {
        let checkout = self.checkout();
        let fetched = checkout.fetch(&AtomicBool::new(false)).unwrap();
        (checkout, fetched)
    }

    pub(crate) fn plan(&self) -> Plan {
        let (checkout, fetched) = self.fetched();
        Plan::new(&checkout, &fetched, false).unwrap()
    }

    /// Updates the clone; gives what was done and what was said.
    #[track_caller]
    pub(crate) fn update(&self) -> (Updated, Vec<String>) {
        self.try_update(false).unwrap()
    }

    pub(crate) fn try_update(&self, puts_back: bool) -> Result<(Updated, Vec<String>), Fault> {
        let said = Mutex::new(Vec::new());
        let log = |_: Level, text: &str| said.lock().unwrap().push(text.to_owned());
        let (checkout, fetched) = self.fetched();
        let updated = update::run(&checkout, &fetched, puts_back, &AtomicBool::new(false), &log)?;
        Ok((updated, said.into_inner().unwrap()))
    }

    /// The clone is what the upstream is, for git too.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.head(&self.clone()), self.head(&self.upstream()));
        assert_eq!(self.status(), "");
        assert!(!self.clone().join(".git/flowdeck-update").exists());
        self.git(&self.clone(), &["fsck", "--no-progress", "--no-dangling"]);
    }

    pub(crate) fn text(&self, path: impl AsRef<Path>) -> String {
        let path = self.clone().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.clone().join(path), text);
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// All files of a folder with their contents and rights, and where links lead.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(here).unwrap().flatten() {
            let (path, about) = (entry.path(), entry.metadata().unwrap());
            let text = match (about.is_dir(), about.is_symlink()) {
                (true, _) => {
                    waiting.push(path.clone());
                    Vec::new()
                }
                (_, true) => fs::read_link(&path).unwrap().to_string_lossy().into_owned().into_bytes(),
                _ => fs::read(&path).unwrap(),
            };
            found.insert(path, (about.permissions().mode(), text));
        }
    }
    found
}

/// A notebook with a head, as text.
pub(crate) fn notebook(version: &str) -> String {
    format!(
        r##"{{"cells": [{{"cell_type": "markdown", "source": "# Scans\n\nWho scans.\n\n*Version {version}, maintained by us.*"}}], "metadata": {{}}}}"##
    )
}
