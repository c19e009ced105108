//! The notebooks of a folder with what they say about themselves.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Fault,
    head::{self, Head},
    walk::{self, shown},
};

/// A larger file is no notebook that anybody could open.
pub(crate) const NOTEBOOK_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A notebook of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// Seen from the folder.
    pub path: PathBuf,
    /// What it says about itself, or why that cannot be read.
    pub head: Result<Head, String>,
    /// Whether its name begins with two digits: a tour shows code and has no head to be checked.
    pub is_tour: bool,
}

/// All notebooks of a folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn playbooks(folder: &Path) -> Result<Vec<Playbook>, Fault> {
    let of = |path: PathBuf| Playbook {
        head: read(&folder.join(&path)).and_then(|text| head::read(&text)),
        is_tour: is_tour(&path),
        path,
    };
    Ok(notebooks(folder)?.into_iter().map(of).collect())
}

impl Playbook {
    /// What is wrong with it.
    pub fn problems(&self) -> Vec<String> {
        match &self.head {
            Err(why) => vec![why.clone()],
            Ok(_) if self.is_tour => Vec::new(),
            Ok(head) => head.problems.clone(),
        }
    }
}

/// The list for eyes, one playbook a line and its problems below it.
pub fn text(playbooks: &[Playbook]) -> String {
    if playbooks.is_empty() {
        return "there are no notebooks\n".to_owned();
    }
    let rows: Vec<[String; 4]> = playbooks.iter().map(row).collect();
    let headings = ["PATH", "VERSION", "TITLE", "MAINTAINERS"].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]);
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let told = |[path, version, title, maintainers]: &[String; 4]| {
        let [first, second, third] = widths;
        let line = format!("{path:first$}  {version:second$}  {title:third$}  {maintainers}");
        format!("{}\n", line.trim_end())
    };
    let mut text = told(&headings);
    for (playbook, row) in playbooks.iter().zip(&rows) {
        text += &told(row);
        for problem in playbook.problems() {
            text += &format!("  ! {}\n", shown(&problem));
        }
    }
    text
}

fn row(playbook: &Playbook) -> [String; 4] {
    let path = shown(&playbook.path.to_string_lossy());
    let none = || "-".to_owned();
    let Ok(head) = &playbook.head else { return [path, none(), none(), none()] };
    let of = |text: &Option<String>| text.as_deref().map_or_else(none, shown);
    let maintainers = if head.maintainers.is_empty() { none() } else { shown(&head.maintainers.join(", ")) };
    [path, of(&head.version), of(&head.title), maintainers]
}

/// The notebooks below a folder, seen from it, without copies that Jupyter keeps and what programs put there.
pub(crate) fn notebooks(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut files = walk::files(folder, &|_, name| walk::is_for_people(name) && name != crate::data::FOLDER)?;
    let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    files.retain(|path| path.extension().is_some_and(|ending| ending == "ipynb") && !is_hidden(path));
    Ok(files)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let about = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    match about.len() > NOTEBOOK_BYTES_MAX {
        true => Err(format!("it has {} bytes; a notebook has {NOTEBOOK_BYTES_MAX} at most", about.len())),
        false => fs::read(path).map_err(|error| error.to_string()),
    }
}

fn is_tour(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() > 3 && name.as_bytes()[..2].iter().all(u8::is_ascii_digit) && name.as_bytes()[2] == b'_'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn notebooks_of_people_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let empty = r#"{"cells": [], "metadata": {}}"#;
        for path in [
            "a.ipynb",
            "b/01_c.ipynb",
            ".ipynb_checkpoints/a-checkpoint.ipynb",
            "data/a/d.ipynb",
            "local-changes/x/a.ipynb",
        ] {
            fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            fs::write(folder.path().join(path), empty).unwrap();
        }
        fs::write(folder.path().join("broken.ipynb"), "{").unwrap();
        let found = playbooks(folder.path()).unwrap();
        let paths: Vec<&str> = found.iter().map(|playbook| playbook.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["a.ipynb", "b/01_c.ipynb", "broken.ipynb"]);
        assert_eq!(found[1].problems(), [""; 0], "a tour");
        let text = text(&found);
        assert!(text.contains("a.ipynb       -        -      -\n  ! no title\n"), "{text}");
        assert!(text.contains("  ! it is not JSON"), "{text}");
    }
}
