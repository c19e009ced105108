//! Copies of notebooks: those that Jupyter names `…-Copy1.ipynb`, and those that say the same under another name.
//!
//! Two notebooks are the same when the kinds and texts of their cells are; what was put out last does not count. What git
//! looks after is no copy.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    Fault,
    head::{self, Cells},
    list,
    removal::{Listed, looked_after},
    walk::shown,
};

/// A notebook that is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The copy.
    pub file: Listed,
    /// What it is a copy of, where that is still there.
    pub original: Option<PathBuf>,
    /// Whether its cells are no longer those of the original: work that is nowhere else.
    pub is_edited: bool,
    /// Whether results are stored in it.
    pub has_outputs: bool,
}

/// Finds the copies in a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn find(folder: &Path) -> Result<Vec<Duplicate>, Fault> {
    let notebooks = list::notebooks(folder)?;
    let kept = looked_after(folder)?;
    let read: BTreeMap<&PathBuf, Cells> = notebooks
        .iter()
        .filter_map(|path| Some((path, head::read_cells(&list::read(&folder.join(path)).ok()?).ok()?)))
        .collect();
    let mut originals: BTreeMap<[u8; 32], &PathBuf> = BTreeMap::new();
    for (path, cells) in &read {
        let first = originals.entry(sum(cells)).or_insert(path);
        if rank(path, &kept) < rank(first, &kept) {
            *first = path;
        }
    }
    let mut found = Vec::new();
    for path in notebooks.iter().filter(|path| !kept.contains(*path)) {
        let cells = read.get(path);
        let same = cells.and_then(|cells| originals.get(&sum(cells))).filter(|original| **original != path);
        let named = copied_from(path);
        if same.is_none() && named.is_none() {
            continue;
        }
        // A new notebook without a word in it is a copy of nothing.
        let is_blank = |cells: &Cells| cells.texts.iter().all(|(_, text)| text.trim().is_empty());
        if named.is_none() && cells.is_some_and(is_blank) {
            continue;
        }
        let Some(file) = Listed::look(folder, path).map_err(|error| Fault::file(path, error))? else { continue };
        let original = same.map(|path| (*path).clone()).or_else(|| named.filter(|path| notebooks.contains(path)));
        let has_outputs = cells.is_some_and(|cells| cells.has_outputs);
        found.push(Duplicate { file, original, is_edited: same.is_none(), has_outputs });
    }
    Ok(found)
}

/// The list for eyes.
pub fn text(duplicates: &[Duplicate]) -> String {
    if duplicates.is_empty() {
        return "there are no copies of notebooks\n".to_owned();
    }
    let told = |duplicate: &Duplicate| {
        let path = |path: &Path| shown(&path.to_string_lossy());
        let of = match (&duplicate.original, duplicate.is_edited) {
            (Some(original), false) => format!("same as {}", path(original)),
            (Some(original), true) => format!("EDITED, not the same as {} any more", path(original)),
            (None, _) => "EDITED, what it was copied from is not there".to_owned(),
        };
        let outputs = if duplicate.has_outputs { "; has results in it" } else { "" };
        format!("{}  ({of}{outputs})\n", path(&duplicate.file.path))
    };
    duplicates.iter().map(told).collect()
}

/// The sum of what a person wrote: each part with its length, so that no two notebooks run together.
fn sum(cells: &Cells) -> [u8; 32] {
    let mut sum = Sha256::new();
    for (kind, text) in &cells.texts {
        for part in [kind, text] {
            sum.update((part.len() as u64).to_le_bytes());
            sum.update(part.as_bytes());
        }
    }
    sum.finalize().into()
}

/// Which of several that are the same is the original: the lowest.
fn rank<'a>(path: &'a Path, kept: &HashSet<PathBuf>) -> (bool, bool, usize, &'a Path) {
    (!kept.contains(path), copied_from(path).is_some(), path.as_os_str().len(), path)
}

/// What a notebook was copied from by its name: `scans.ipynb` for `scans-Copy1.ipynb` and for `scans-Copy1-Copy2.ipynb`.
fn copied_from(path: &Path) -> Option<PathBuf> {
    let mut stem = path.file_stem()?.to_str()?;
    let whole = stem;
    while let Some((rest, number)) = stem.rsplit_once("-Copy") {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || rest.is_empty() {
            break;
        }
        stem = rest;
    }
    (stem != whole).then(|| path.with_file_name(format!("{stem}.ipynb")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn copies_and_what_they_are_copies_of() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str, outputs: serde_json::Value| {
            let cell = json!({"cell_type": "code", "source": text, "outputs": outputs, "metadata": {}});
            let notebook = json!({"cells": [cell], "metadata": {}, "nbformat": 4});
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), notebook.to_string()).unwrap();
        };
        write("scans.ipynb", "a", json!([]));
        write("scans-Copy1.ipynb", "a", json!([{}]));
        write("scans-Copy1-Copy12.ipynb", "b", json!([]));
        write("gone-Copy1.ipynb", "c", json!([]));
        write("deep/under-another-name.ipynb", "a", json!([]));
        write("alone.ipynb", "d", json!([]));
        write("q-Copy1.ipynb", "f", json!([]));
        write("deep/question-of-a-longer-name.ipynb", "f", json!([]));
        write("My-Copy.ipynb", "e", json!([]));
        write("Untitled.ipynb", "", json!([]));
        write("Untitled1.ipynb", "", json!([]));
        let found = find(folder.path()).unwrap();
        let told: Vec<(&str, Option<&str>, bool, bool)> = found
            .iter()
            .map(|one| {
                let original = one.original.as_ref().map(|path| path.to_str().unwrap());
                (one.file.path.to_str().unwrap(), original, one.is_edited, one.has_outputs)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("deep/under-another-name.ipynb", Some("scans.ipynb"), false, false),
                ("gone-Copy1.ipynb", None, true, false),
                ("q-Copy1.ipynb", Some("deep/question-of-a-longer-name.ipynb"), false, false),
                ("scans-Copy1-Copy12.ipynb", Some("scans.ipynb"), true, false),
                ("scans-Copy1.ipynb", Some("scans.ipynb"), false, true),
            ]
        );
        assert!(text(&found).contains("scans-Copy1.ipynb  (same as scans.ipynb; has results in it)\n"));
    }
}
