//! What a compiled prelude depends on: compiler, versions, sources. Its folder is named by that.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::CRATE_FOLDER;
use crate::interpreter::rust::toolchain::Toolchain;

/// The crates of the workspace that the prelude consists of.
const SOURCE_FOLDERS: &[&str] = &[CRATE_FOLDER, "kernel/cell-derive", "widgets-comm"];

/// Changed with how the prelude is compiled, or with what is noted beside it.
const FORM: &str = "shared library with a record";

/// The name of the folder.
///
/// # Errors
/// When the sources cannot be read.
pub(super) fn key(toolchain: &Toolchain, workspace: &Path, lock_file: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(FORM);
    hash.update(&toolchain.version);
    let mut files = Vec::new();
    for folder in SOURCE_FOLDERS {
        let folder = workspace.join(folder);
        files.push(folder.join("Cargo.toml"));
        find_files(&folder.join("src"), &mut files)?;
    }
    files.sort();
    let texts = files.iter().map(fs::read).chain([Ok(locked_versions(&fs::read_to_string(lock_file)?).into_bytes())]);
    for text in texts {
        let text = text?;
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    Ok(hex::encode(hash.finalize())[..16].to_owned())
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => find_files(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

/// What the lock file says of the prelude and its dependencies: other crates of the workspace may change theirs.
fn locked_versions(lock_file: &str) -> String {
    let lock: toml::Table = lock_file.parse().unwrap_or_default();
    let packages: Vec<&toml::Table> = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
        .collect();
    let text = |package: &toml::Table, field: &str| {
        package.get(field).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let mut wanted = vec!["flowdeck".to_owned()];
    let mut lines = Vec::new();
    while let Some(name) = wanted.pop() {
        // A dependency is a name, or a name and a version where there are several.
        let (name, version) = name.split_once(' ').unwrap_or((&name, ""));
        let is_it =
            |package: &&&toml::Table| text(package, "name") == name && text(package, "version").starts_with(version);
        let Some(package) = packages.iter().find(is_it) else { continue };
        let line = format!("{name} {} {}", text(package, "version"), text(package, "checksum"));
        if !lines.contains(&line) {
            let dependencies = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            wanted.extend(dependencies.filter_map(toml::Value::as_str).map(str::to_owned));
            lines.push(line);
        }
    }
    lines.sort();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_versions_that_the_prelude_is_built_with_count() {
        let lock = |engine: &str, json: &str| {
            format!(
                "[[package]]\nname = \"flowdeck\"\nversion = \"1\"\ndependencies = [\"json 2\"]\n\
                 [[package]]\nname = \"json\"\nversion = \"1\"\n\
                 [[package]]\nname = \"json\"\nversion = \"2{json}\"\ndependencies = [\"flowdeck\"]\n\
                 [[package]]\nname = \"engine\"\nversion = \"{engine}\"\n"
            )
        };
        assert_eq!(locked_versions(&lock("1", ".0")), "flowdeck 1 \njson 2.0 ");
        assert_eq!(locked_versions(&lock("2", ".0")), locked_versions(&lock("1", ".0")));
        assert_ne!(locked_versions(&lock("1", ".1")), locked_versions(&lock("1", ".0")));
    }
}
