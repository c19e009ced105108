//! Folders walked: the files below one, or those that a pattern means.
//!
//! Each folder is entered once, whatever links say, and a file that is there under two names is read once: its rows would
//! count twice. What begins with `.` or `_` and what is being written is taken only where the pattern says so.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::FileFault;
use super::paths::FILES_MAX;

/// Entries of folders looked at. Beyond it, listing takes longer than people wait.
const ENTRIES_MAX: usize = 1_000_000;
/// Folders within each other.
const DEPTH_MAX: usize = 64;
/// What names begin with that are not meant by `*`: hidden ones, and what writers of tables keep beside their files.
const ASIDE_PREFIXES: &[&str] = &[".", "_"];
/// What names of files end with that are being written or copied.
const WRITING_SUFFIXES: &[&str] = &[".tmp", ".part", ".partial", ".crdownload"];
/// The file that nfcapd writes to, which has its process in its name where there are several.
const NFCAPD_CURRENT: &str = "nfcapd.current";
/// Characters that make a pattern of a name.
const PATTERN_CHARS: [char; 3] = ['*', '?', '['];
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// In the order of their names.
    pub(super) paths: Vec<PathBuf>,
    /// Sentences about folders that cannot be listed.
    pub(super) unreadable: Vec<String>,
}

/// Whether `*` means it where a person wrote `written`.
pub(super) fn is_meant(name: &str, written: &str) -> bool {
    let is_aside = ASIDE_PREFIXES.iter().any(|prefix| name.starts_with(prefix) && !written.starts_with(prefix));
    let is_written = WRITING_SUFFIXES.iter().any(|suffix| name.ends_with(suffix) && !written.ends_with(suffix));
    let is_current = name.starts_with(NFCAPD_CURRENT) && !written.contains("current");
    !(is_aside || is_written || is_current)
}

/// The files below a folder.
pub(super) fn below(folder: &Path, shown: &str) -> Result<Files, FileFault> {
    let anything = Step::Matching(Pattern::new("*").map_err(|fault| no_pattern(shown, &fault))?);
    Walk::new(shown).all(folder, &[Step::Deep, anything])
}

/// The files that a pattern means.
pub(super) fn matching(pattern: &Path, shown: &str) -> Result<Files, FileFault> {
    let mut steps = Vec::new();
    let mut folder = PathBuf::new();
    for part in pattern.components() {
        let name = part.as_os_str().to_string_lossy();
        let is_pattern = matches!(part, Component::Normal(_)) && name.contains(PATTERN_CHARS);
        match (is_pattern, name.as_ref()) {
            (false, _) if steps.is_empty() => folder.push(part),
            (false, _) => steps.push(Step::Named(part.as_os_str().to_owned())),
            (true, "**") if matches!(steps.last(), Some(Step::Deep)) => {}
            (true, "**") => steps.push(Step::Deep),
            (true, name) => steps.push(Step::Matching(Pattern::new(name).map_err(|fault| no_pattern(shown, &fault))?)),
        }
    }
    if pattern.as_os_str().to_string_lossy().ends_with('/') {
        steps.push(Step::Deep);
    }
    if matches!(steps.last(), Some(Step::Deep)) {
        steps.push(Step::Matching(Pattern::new("*").map_err(|fault| no_pattern(shown, &fault))?));
    }
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    if !folder.is_dir() {
        return Ok(Files::default());
    }
    Walk::new(shown).all(&folder, &steps)
}

fn no_pattern(shown: &str, fault: &glob::PatternError) -> FileFault {
    FileFault::Pattern { pattern: shown.to_owned(), reason: fault.msg.to_string() }
}

fn leads_above(link: &Path, folder: &Path) -> bool {
    link.canonicalize().is_ok_and(|target| folder.starts_with(target))
}

/// A part of a pattern.
enum Step {
    Named(OsString),
    Matching(Pattern),
    /// `**`
    Deep,
}

/// A folder in which the rest of a pattern is to be looked for.
struct Place<'s> {
    folder: PathBuf,
    steps: &'s [Step],
    depth: usize,
}

struct Walk<'p> {
    shown: &'p str,
    /// With whether it is a link, and what file it is.
    files: Vec<(bool, PathBuf, (u64, u64))>,
    unreadable: Vec<String>,
    entries: usize,
}

struct Entry {
    name: String,
    path: PathBuf,
    is_link: bool,
}

impl<'p> Walk<'p> {
    fn new(shown: &'p str) -> Walk<'p> {
        Walk { shown, files: Vec::new(), unreadable: Vec::new(), entries: 0 }
    }

    fn all(mut self, folder: &Path, steps: &[Step]) -> Result<Files, FileFault> {
        let mut places = VecDeque::from([Place { folder: folder.to_owned(), steps, depth: 0 }]);
        // Through links only what is nowhere else.
        let mut behind_links: VecDeque<Place<'_>> = VecDeque::new();
        let mut entered = HashSet::new();
        let start = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        while let Some((place, is_link)) =
            places.pop_front().map(|place| (place, false)).or_else(|| Some((behind_links.pop_front()?, true)))
        {
            // A folder above the first is not below it.
            if is_link && matches!(place.steps.first(), Some(Step::Deep)) && leads_above(&place.folder, &start) {
                continue;
            }
            let Ok(known) = std::fs::metadata(&place.folder) else { continue };
            let is_new = entered.insert((known.dev(), known.ino(), place.steps.len()));
            if is_new && known.is_dir() {
                self.look_into(&place, &mut places, &mut behind_links)?;
            }
        }
        // Of two names for one file that of the file itself is kept.
        self.files.sort();
        let mut known = HashSet::new();
        let once = self.files.into_iter().filter(|(_, _, file)| known.insert(*file));
        let mut paths: Vec<PathBuf> = once.map(|(_, path, _)| path).collect();
        paths.sort();
        Ok(Files { paths, unreadable: self.unreadable })
    }

    fn look_into<'s>(
        &mut self,
        place: &Place<'s>,
        places: &mut VecDeque<Place<'s>>,
        behind_links: &mut VecDeque<Place<'s>>,
    ) -> Result<(), FileFault> {
        let Some((step, rest)) = place.steps.split_first() else { return Ok(()) };
        if let Step::Named(name) = step {
            let path = place.folder.join(name);
            match rest {
                [] => self.take(path, false)?,
                _ => places.push_back(Place { folder: path, steps: rest, depth: place.depth }),
            }
            return Ok(());
        }
        if place.depth > DEPTH_MAX {
            return Err(self.too_much(&format!("folders lie within each other more than {DEPTH_MAX} deep")));
        }
        if let Step::Deep = step {
            places.push_back(Place { folder: place.folder.clone(), steps: rest, depth: place.depth });
        }
        for entry in self.entries(&place.folder, place.depth == 0)? {
            let (is_meant, steps) = match step {
                Step::Deep => (is_meant(&entry.name, ""), place.steps),
                Step::Matching(pattern) => {
                    (pattern.matches_with(&entry.name, MATCHING) && is_meant(&entry.name, pattern.as_str()), rest)
                }
                Step::Named(_) => (false, rest),
            };
            match steps {
                _ if !is_meant => {}
                [] => self.take(entry.path, entry.is_link)?,
                _ => {
                    let queue = if entry.is_link { &mut *behind_links } else { &mut *places };
                    queue.push_back(Place { folder: entry.path, steps, depth: place.depth + 1 });
                }
            }
        }
        Ok(())
    }

    fn entries(&mut self, folder: &Path, is_first: bool) -> Result<Vec<Entry>, FileFault> {
        let listed = std::fs::read_dir(folder).and_then(|entries| {
            let left = ENTRIES_MAX + 1 - self.entries.min(ENTRIES_MAX);
            entries.take(left).collect::<std::io::Result<Vec<_>>>()
        });
        let listed = match listed {
            Ok(listed) => listed,
            Err(fault) if is_first => {
                return Err(FileFault::Unreadable { path: self.shown.to_owned(), reason: fault.to_string() });
            }
            Err(fault) => {
                self.unreadable.push(format!("could not list the folder `{}`: {fault}", folder.display()));
                return Ok(Vec::new());
            }
        };
        self.entries += listed.len();
        if self.entries > ENTRIES_MAX {
            return Err(self.too_much(&format!("more than {ENTRIES_MAX} files and folders are below it")));
        }
        let entries = listed.into_iter().map(|entry| Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_link: entry.file_type().is_ok_and(|kind| kind.is_symlink()),
            path: entry.path(),
        });
        Ok(entries.collect())
    }

    fn take(&mut self, path: PathBuf, is_link: bool) -> Result<(), FileFault> {
        if let Some(known) = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file) {
            self.files.push((is_link, path, (known.dev(), known.ino())));
        }
        match self.files.len() > FILES_MAX {
            true => Err(FileFault::TooMany { pattern: self.shown.to_owned(), limit: FILES_MAX }),
            false => Ok(()),
        }
    }

    fn too_much(&self, reason: &str) -> FileFault {
        FileFault::Unreadable { path: self.shown.to_owned(), reason: format!("{reason}; name a deeper folder") }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder of it")).expect("folders");
            std::fs::write(path, name).expect("a file");
        }
        root
    }

    fn found(root: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let files = match pattern {
            "" => below(root.path(), "x"),
            _ => matching(&root.path().join(pattern), "x"),
        };
        let paths = files.expect("files").paths.into_iter();
        let relative = |path: PathBuf| path.strip_prefix(root.path()).expect("below it").display().to_string();
        paths.map(relative).collect()
    }

    #[test]
    fn folders_and_patterns() {
        let root = tree(&["a.log", "x/b.log", "x/y/c.log", "x/y/d.csv", "z/b.log"]);
        for (pattern, expected) in [
            ("", vec!["a.log", "x/b.log", "x/y/c.log", "x/y/d.csv", "z/b.log"]),
            ("*", vec!["a.log"]),
            ("*.log", vec!["a.log"]),
            ("**/*.log", vec!["a.log", "x/b.log", "x/y/c.log", "z/b.log"]),
            ("**", vec!["a.log", "x/b.log", "x/y/c.log", "x/y/d.csv", "z/b.log"]),
            ("**/**/c.*", vec!["x/y/c.log"]),
            ("x/**", vec!["x/b.log", "x/y/c.log", "x/y/d.csv"]),
            ("*/b.log", vec!["x/b.log", "z/b.log"]),
            ("?/y/[cd].*", vec!["x/y/c.log", "x/y/d.csv"]),
            ("[x]/", vec!["x/b.log", "x/y/c.log", "x/y/d.csv"]),
            ("**/y/**/*.log", vec!["x/y/c.log"]),
            ("nowhere/*", vec![]),
        ] {
            assert_eq!(found(&root, pattern), expected, "{pattern}");
        }
        assert!(matches!(matching(&root.path().join("a**b"), "x"), Err(FileFault::Pattern { .. })));
    }

    #[test]
    fn what_is_set_aside_or_being_written_must_be_named() {
        let root = tree(&[
            ".hidden",
            "_SUCCESS",
            "a.log",
            "a.log.tmp",
            "nfcapd.current.812",
            "nfcapd.202402051200",
            "_log/x.json",
            ".git/y",
        ]);
        for (pattern, expected) in [
            ("", vec!["a.log", "nfcapd.202402051200"]),
            ("**/*", vec!["a.log", "nfcapd.202402051200"]),
            ("nfcapd.*", vec!["nfcapd.202402051200"]),
            ("nfcapd.current*", vec!["nfcapd.current.812"]),
            ("*.tmp", vec!["a.log.tmp"]),
            ("_*", vec!["_SUCCESS"]),
            (".*", vec![".hidden"]),
            ("_log/*", vec!["_log/x.json"]),
        ] {
            assert_eq!(found(&root, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn links_give_nothing_twice_and_end() {
        let root = tree(&["a/one.log", "b/two.log", "c/d/three.log"]);
        let outside = tree(&["four.log"]);
        let at = |name: &str| root.path().join(name);
        symlink(root.path(), at("a/up")).expect("a link to a folder above");
        symlink(at("b"), at("a/aside")).expect("a link to a folder beside");
        symlink(at("c/d/three.log"), at("b/also.log")).expect("a link to a file");
        symlink(outside.path(), at("b/outside")).expect("a link to elsewhere");
        symlink(at("nothing"), at("b/lost.log")).expect("a link to nothing");
        std::fs::hard_link(at("a/one.log"), at("z.log")).expect("a second name");
        let expected = ["a/one.log", "b/outside/four.log", "b/two.log", "c/d/three.log"];
        assert_eq!(found(&root, ""), expected);
        assert_eq!(found(&root, "**/*.log"), expected);
        assert_eq!(found(&root, "b/*.log"), ["b/also.log", "b/two.log"]);
        let expected = ["a/aside/also.log", "a/aside/outside/four.log", "a/aside/two.log", "a/one.log"];
        assert_eq!(found(&root, "a/**"), expected);
        // Where it is said how deep, links are folders.
        let expected = ["a/aside/two.log", "a/up/z.log", "b/outside/four.log", "c/d/three.log"];
        assert_eq!(found(&root, "*/*/*.log"), expected);
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let mut deep = root.path().to_owned();
        (0..DEPTH_MAX + 2).for_each(|_| deep.push("d"));
        std::fs::create_dir_all(&deep).expect("folders");
        let fault = below(root.path(), "here").expect_err("too deep");
        assert!(fault.to_string().contains("`here`: folders lie within each other"), "{fault}");
    }
}
