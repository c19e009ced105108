//! What an update would do: the files of the checkout as git knows them, as they are, and as the upstream has them.
//!
//! Comparing writes nothing. For each path there is what git has (`base`), what lies on the disk, and what the upstream
//! has (`target`). Only what the upstream changes is replaced; what a person changed beside that stays as it is, unless all
//! is to be put back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use gix::{
    ObjectId,
    bstr::{BStr, BString, ByteSlice},
};

use crate::{
    Checkout, Fault,
    checkout::Fetched,
    files::{Disk, Entry, OnDisk, Tree, entries},
    head,
    removal::Seen,
    walk::{self, shown},
};

/// Commits that are counted; there is a word for more.
const COMMITS_MAX: usize = 1_000;

/// Where an update notes what it makes of the files, so that the next one knows how far it came.
pub(crate) const JOURNAL: &str = "flowdeck-update";

/// What an update would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the upstream changed, by path.
    pub changes: Vec<Change>,
    /// What a person changed, by path.
    pub edits: Vec<Edit>,
    /// Commits that only this clone has.
    pub commits: usize,
    /// Whether the upstream's history no longer has the commit that is checked out.
    pub is_rewritten: bool,
    /// Whether an update before was interrupted.
    pub was_interrupted: bool,
    pub(crate) head: Option<ObjectId>,
    pub(crate) fetched: Fetched,
    pub(crate) steps: BTreeMap<BString, Step>,
    /// What was staged and lies nowhere else: path and blob.
    pub(crate) staged: Vec<(BString, ObjectId)>,
    /// What lay where the upstream's file already is.
    pub(crate) unchanged: BTreeMap<BString, Seen>,
    /// Folders in which an interrupted update may have left what it had begun to write.
    pub(crate) half_done: BTreeSet<PathBuf>,
}

/// A file that the upstream changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Seen from the root of the clone.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
    /// The version of the playbook before and after, where it has one.
    pub versions: [Option<String>; 2],
}

/// How a file is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there.
    New,
    /// It was another.
    Changed,
    /// It is not there any more.
    Removed,
}

/// A file that a person changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Seen from the root of the clone.
    pub path: String,
    /// Whether the person removed it.
    pub is_removed: bool,
    /// Whether an update replaces it, after copying it aside.
    pub is_replaced: bool,
}

/// What is done with one path.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) path: PathBuf,
    /// Whether what is there is copied aside.
    pub(crate) keeps: bool,
    /// What is there afterwards.
    pub(crate) becomes: Option<Entry>,
    /// What was there when it was looked at.
    pub(crate) seen: Option<Seen>,
}

impl Plan {
    /// Compares the checkout with what was fetched. With `puts_back`, files that a person changed are replaced too where the
    /// upstream did not change them.
    ///
    /// # Errors
    /// When a person is in the middle of a merge, or something cannot be read.
    pub fn new(checkout: &Checkout, fetched: &Fetched, puts_back: bool) -> Result<Plan, Fault> {
        let repo = &checkout.repo;
        let index = repo.index_or_empty()?;
        if let Some(state) = repo.state() {
            return Err(checkout.under_way(format!("{state:?}").to_lowercase()));
        }
        if index.entries().iter().any(|entry| entry.stage_raw() != 0) {
            return Err(checkout.under_way("a merge".to_owned()));
        }
        let head = repo.head()?.id().map(|id| id.detach());
        let tree_of = |commit: ObjectId| -> Result<Tree, Fault> {
            let tree = repo.find_commit(commit)?.tree_id()?.detach();
            Ok(entries(&*repo.index_from_tree(&tree)?))
        };
        let base = head.map_or_else(|| Ok(Tree::new()), tree_of)?;
        let target = tree_of(fetched.commit)?;
        let journal = journal(checkout).filter(|commit| repo.has_object(*commit));
        let half_done = journal.map(tree_of).transpose()?;
        let mut comparison = Comparison {
            disk: Disk::new(repo, &checkout.root)?,
            root: &checkout.root,
            trees: Trees { base, half_done, target },
            steps: BTreeMap::new(),
            unchanged: BTreeMap::new(),
            edits: Vec::new(),
            puts_back,
        };
        comparison.compare()?;
        comparison.edits.sort_by(|one, other| one.path.cmp(&other.path));
        comparison.edits.dedup();
        let staged = comparison.staged(&entries(&index))?;
        let changes = changes(repo, &comparison.trees);
        let (commits, is_rewritten) = history(checkout, head, fetched)?;
        let half_done = half_done_folders(&comparison.trees);
        let Comparison { steps, edits, unchanged, .. } = comparison;
        let (was_interrupted, fetched) = (journal.is_some(), fetched.clone());
        Ok(Plan {
            changes,
            edits,
            commits,
            is_rewritten,
            was_interrupted,
            head,
            fetched,
            steps,
            staged,
            unchanged,
            half_done,
        })
    }

    /// Whether an update would change nothing.
    pub fn is_up_to_date(&self) -> bool {
        self.steps.is_empty() && self.head == Some(self.fetched.commit) && !self.was_interrupted
    }

    /// How many files an update would write or remove.
    pub fn files(&self) -> usize {
        self.steps.len()
    }

    /// What would change, for eyes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let (notebooks, others): (Vec<&Change>, Vec<&Change>) =
            self.changes.iter().partition(|change| change.path.ends_with(".ipynb"));
        for (what, changes) in [("notebooks", notebooks), ("other files", others)] {
            if !changes.is_empty() {
                text += &format!("{what} that the upstream changed:\n");
                text.extend(changes.iter().map(|change| change.text()));
            }
        }
        for (what, is_replaced) in [
            ("changed here; an update copies them aside and replaces them:", true),
            ("changed here; an update leaves them:", false),
        ] {
            let edits: Vec<&Edit> = self.edits.iter().filter(|edit| edit.is_replaced == is_replaced).collect();
            if !edits.is_empty() {
                text += &format!("{what}\n");
                let told = |edit: &&Edit| (if edit.is_removed { "removed" } else { "edited" }, shown(&edit.path));
                text.extend(edits.iter().map(told).map(|(how, path)| format!("  {how:<8} {path}\n")));
            }
        }
        text
    }
}

impl Change {
    fn text(&self) -> String {
        let how = match self.kind {
            ChangeKind::New => "new",
            ChangeKind::Changed => "changed",
            ChangeKind::Removed => "removed",
        };
        let versions = match &self.versions {
            [Some(before), Some(after)] if before != after => format!("  {before} -> {after}"),
            [None, Some(version)] | [Some(version), _] => format!("  {version}"),
            [None, None] => String::new(),
        };
        format!("  {how:<8} {}{}\n", shown(&self.path), shown(&versions))
    }
}

/// The three trees that are compared; the one of an interrupted update makes four.
struct Trees {
    base: Tree,
    half_done: Option<Tree>,
    target: Tree,
}

struct Comparison<'a> {
    disk: Disk<'a>,
    root: &'a Path,
    trees: Trees,
    steps: BTreeMap<BString, Step>,
    unchanged: BTreeMap<BString, Seen>,
    edits: Vec<Edit>,
    puts_back: bool,
}

impl Comparison<'_> {
    fn compare(&mut self) -> Result<(), Fault> {
        let Trees { base, half_done, target } = &self.trees;
        let paths = base.keys().chain(target.keys()).chain(half_done.iter().flat_map(|tree| tree.keys()));
        let paths: BTreeSet<BString> = paths.cloned().collect();
        for path in &paths {
            self.compare_one(path.as_ref())?;
        }
        Ok(())
    }

    fn compare_one(&mut self, path: &BStr) -> Result<(), Fault> {
        let base = self.trees.base.get(path).copied();
        let target = self.trees.target.get(path).copied();
        let half_done = self.trees.half_done.as_ref().map(|tree| tree.get(path).copied());
        let there = self.disk.look(path, target.as_ref().or(base.as_ref()))?;
        if there.is(target.as_ref()) {
            if let OnDisk::File(_, seen) = there {
                self.unchanged.insert(path.to_owned(), seen);
            }
            return Ok(());
        }
        let is_as_git_has_it = there.is(base.as_ref()) || half_done.is_some_and(|entry| there.is(entry.as_ref()));
        // A folder of files that git knows too; what else is in it is looked at where it has to give way.
        let is_folder = base.is_none() && matches!(there, OnDisk::Folder);
        if is_as_git_has_it || is_folder {
            return self.replace(path, &there, target, false);
        }
        let is_replaced = base != target || self.puts_back;
        let is_removed = matches!(there, OnDisk::Nothing);
        if is_removed || !is_replaced {
            self.edits.push(Edit { path: path.to_string(), is_removed, is_replaced });
        }
        match is_replaced {
            true => self.replace(path, &there, target, !is_removed),
            false => Ok(()),
        }
    }

    /// Notes what is to be done so that the target is at the path.
    fn replace(&mut self, path: &BStr, there: &OnDisk, target: Option<Entry>, keeps: bool) -> Result<(), Fault> {
        match there {
            OnDisk::Nothing => self.step(path, None, target, false),
            OnDisk::File(_, seen) | OnDisk::Other(seen) => self.step(path, Some(seen.clone()), target, keeps),
            // A file below what is no folder is not there: nothing to remove.
            OnDisk::Blocked(..) if target.is_none() => Ok(()),
            OnDisk::Blocked(above, seen) => {
                // What git knows there has its own turn.
                if !self.is_known(above.as_ref()) {
                    self.step(above.as_ref(), Some(seen.clone()), None, true)?;
                }
                self.step(path, None, target, false)
            }
            OnDisk::Folder if target.is_none() => Ok(()),
            OnDisk::Folder => {
                self.clear(path)?;
                self.step(path, None, target, false)
            }
        }
    }

    /// Files that nobody but a person knows, in a folder that has to give way.
    fn clear(&mut self, folder: &BStr) -> Result<(), Fault> {
        let folder = gix::path::from_bstr(folder)?.into_owned();
        for file in walk::everything(&self.root.join(&folder))? {
            let path = folder.join(file);
            let known = gix::path::to_unix_separators_on_windows(gix::path::into_bstr(path.as_path())?).into_owned();
            if !self.is_known(known.as_ref()) {
                let about = crate::files::about(&self.root.join(&path)).map_err(|error| Fault::file(&path, error))?;
                self.step(known.as_ref(), about.map(|about| Seen::of(&about)), None, true)?;
            }
        }
        Ok(())
    }

    fn is_known(&self, path: &BStr) -> bool {
        let Trees { base, half_done, .. } = &self.trees;
        base.contains_key(path) || half_done.as_ref().is_some_and(|tree| tree.contains_key(path))
    }

    fn step(&mut self, path: &BStr, seen: Option<Seen>, becomes: Option<Entry>, keeps: bool) -> Result<(), Fault> {
        if keeps {
            self.edits.push(Edit { path: path.to_string(), is_removed: false, is_replaced: true });
        }
        let step = Step { path: gix::path::from_bstr(path)?.into_owned(), keeps, becomes, seen };
        self.steps.insert(path.to_owned(), step);
        Ok(())
    }

    /// Blobs that were staged and are neither on the disk nor in a tree.
    fn staged(&mut self, index: &Tree) -> Result<Vec<(BString, ObjectId)>, Fault> {
        let mut staged = Vec::new();
        for (path, entry) in index {
            let Trees { base, half_done, target } = &self.trees;
            let trees = [Some(base), half_done.as_ref(), Some(target)];
            let is_in_tree =
                trees.iter().flatten().any(|tree| tree.get(path).is_some_and(|other| other.id == entry.id));
            if is_in_tree {
                continue;
            }
            let there = self.disk.look(path.as_ref(), Some(entry))?;
            if !matches!(&there, OnDisk::File(file, _) if file.id == entry.id) {
                staged.push((path.clone(), entry.id));
            }
        }
        Ok(staged)
    }
}

fn half_done_folders(trees: &Trees) -> BTreeSet<PathBuf> {
    let paths = trees.half_done.iter().flat_map(|tree| tree.keys());
    let folder = |path: &BString| Some(gix::path::from_bstr(path.as_bstr()).ok()?.parent()?.to_owned());
    paths.filter_map(folder).collect()
}

fn changes(repo: &gix::Repository, trees: &Trees) -> Vec<Change> {
    let Trees { base, target, .. } = trees;
    let paths: BTreeSet<&BString> = base.keys().chain(target.keys()).collect();
    let version = |path: &BString, entry: Option<&Entry>| {
        let entry = entry.filter(|_| path.ends_with(b".ipynb"))?;
        head::read(&repo.find_blob(entry.id).ok()?.data).ok()?.version
    };
    let change = |path: &BString| {
        let (before, after) = (base.get(path), target.get(path));
        let kind = match (before, after) {
            (before, after) if before == after => return None,
            (None, _) => ChangeKind::New,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        Some(Change { path: path.to_string(), kind, versions: [version(path, before), version(path, after)] })
    };
    paths.into_iter().filter_map(change).collect()
}

/// How many commits only this clone has, and whether the upstream's history leads elsewhere.
fn history(checkout: &Checkout, head: Option<ObjectId>, fetched: &Fetched) -> Result<(usize, bool), Fault> {
    let repo = &checkout.repo;
    let Some(head) = head else { return Ok((0, false)) };
    let count = |hidden: Vec<ObjectId>| -> Result<usize, Fault> {
        let walk = repo.rev_walk([head]).with_hidden(hidden).all()?;
        let mut count = 0;
        for commit in walk.take(COMMITS_MAX) {
            commit?;
            count += 1;
        }
        Ok(count)
    };
    // What the upstream had at the last update is not this clone's own, even if the upstream has it no more.
    let tracking = checkout.tracking(&fetched.source);
    let before = tracking.and_then(|name| repo.try_find_reference(name.as_ref()).ok().flatten());
    let before = before.and_then(|mut reference| reference.peel_to_commit().ok()).map(|commit| commit.id);
    let own = count([Some(fetched.commit), before].into_iter().flatten().collect())?;
    let elsewhere = count(vec![fetched.commit])?;
    Ok((own, elsewhere > own))
}

/// The commit whose files an interrupted update was writing.
fn journal(checkout: &Checkout) -> Option<ObjectId> {
    let text = fs::read(checkout.repo.path().join(JOURNAL)).ok()?;
    ObjectId::from_hex(text.trim_ascii()).ok()
}

impl Checkout {
    fn under_way(&self, what: String) -> Fault {
        Fault::UnderWay { what, repository: self.root.clone() }
    }
}
