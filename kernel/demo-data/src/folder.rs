//! The target folder: whether it may be filled, a staging folder inside it, and the move to the final names.
//!
//! Only names that demo-data itself makes are ever replaced. What the files contain is not known here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DemoDataError;
use crate::truth::GENERATOR;

pub(crate) const FLOWS: &str = "flows";
pub(crate) const ZEEK: &str = "zeek";
pub(crate) const TOPLIST: &str = "toplist";
pub(crate) const BLOCKLISTS: &str = "blocklists";
pub(crate) const GROUND_TRUTH: &str = "ground-truth.json";
pub(crate) const CONFIG: &str = "flowdeck.toml";
/// The folders with the data.
const FOLDERS: [&str; 4] = [FLOWS, ZEEK, TOPLIST, BLOCKLISTS];
/// Where files grow until all of them are complete.
const STAGING: &str = ".demo-data.partial";

/// A folder that may be filled. The staging folder is removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    staging: PathBuf,
}

impl Folder {
    /// Makes the folder if it is missing; refuses one that holds somebody else's files.
    pub(crate) fn claim(dir: &Path) -> Result<Self, DemoDataError> {
        if dir.exists() && !dir.is_dir() {
            return Err(DemoDataError::NotAFolder { dir: dir.to_path_buf() });
        }
        fs::create_dir_all(dir).map_err(DemoDataError::file("create", dir))?;
        if let Some(found) = stranger(dir)? {
            return Err(DemoDataError::FolderInUse { dir: dir.to_path_buf(), found });
        }
        let staging = dir.join(STAGING);
        if staging.exists() {
            // Left by a run that was killed.
            fs::remove_dir_all(&staging).map_err(DemoDataError::file("remove", &staging))?;
        }
        for folder in FOLDERS {
            let path = staging.join(folder);
            fs::create_dir_all(&path).map_err(DemoDataError::file("create", &path))?;
        }
        Ok(Self { dir: dir.to_path_buf(), staging })
    }

    pub(crate) fn staging(&self) -> &Path {
        &self.staging
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), DemoDataError> {
        let path = self.staging.join(name);
        fs::write(&path, text).map_err(DemoDataError::file("write", &path))
    }

    /// Moves everything to its final name, the ground truth last; returns whether the configuration was replaced.
    pub(crate) fn publish(self) -> Result<bool, DemoDataError> {
        for folder in FOLDERS {
            let target = self.dir.join(folder);
            fs::create_dir_all(&target).map_err(DemoDataError::file("create", &target))?;
            for name in names(&self.staging.join(folder))? {
                self.publish_file(&format!("{folder}/{name}"))?;
            }
        }
        // An analyst may have added sources; that work is not ours to throw away.
        let has_config = self.dir.join(CONFIG).exists();
        if !has_config {
            self.publish_file(CONFIG)?;
        }
        self.publish_file(GROUND_TRUTH)?;
        Ok(!has_config)
    }

    fn publish_file(&self, name: &str) -> Result<(), DemoDataError> {
        let target = self.dir.join(name);
        fs::rename(self.staging.join(name), &target).map_err(DemoDataError::file("move a finished file to", &target))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing to be done if this fails: the next run removes it.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

/// A name in `dir` that speaks against filling it; `None` for an empty folder or an earlier demo.
fn stranger(dir: &Path) -> Result<Option<String>, DemoDataError> {
    let found = names(dir)?.into_iter().find(|name| name != STAGING);
    if found.is_none() || is_earlier_demo(&dir.join(GROUND_TRUTH)) {
        return Ok(None);
    }
    Ok(found)
}

fn is_earlier_demo(ground_truth: &Path) -> bool {
    let Ok(text) = fs::read_to_string(ground_truth) else {
        return false;
    };
    let document: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    document["generator"].as_str().is_some_and(|generator| generator.starts_with(GENERATOR))
}

/// Sorted, so that messages and moves come in the same order everywhere.
fn names(dir: &Path) -> Result<Vec<String>, DemoDataError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(DemoDataError::file("read", dir))? {
        let entry = entry.map_err(DemoDataError::file("read", dir))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
