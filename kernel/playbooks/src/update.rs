//! Making the files of a checkout those of its upstream, so that nothing a person did is lost and a run that is interrupted is
//! completed by the next one.
//!
//! The order: what would be lost is copied aside and waits on the disk; commits of this clone get a branch; the journal says
//! what is being made; files are removed and written, each whole; then the index, then HEAD; then the journal goes. A file that
//! changes between being looked at and being replaced is copied aside at that moment.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::Utc;
use gix::{
    ObjectId,
    bstr::{BStr, BString, ByteSlice},
    filter::plumbing::pipeline::convert::ToWorktreeOutcome,
    refs::{
        FullName, Target,
        transaction::{Change as RefChange, LogChange, PreviousValue, RefEdit},
    },
};

use crate::{
    Checkout, Fault, Level, Log, Plan,
    checkout::Fetched,
    data,
    files::{Entry, EntryKind, about},
    kept::Kept,
    plan::{JOURNAL, Step},
    removal::{Seen, remove_empty_folders},
    walk::{self, shown},
};

/// Held while files are written.
const LOCK: &str = "flowdeck-update.lock";

/// How the name of a file begins that is not whole yet.
const UNFINISHED: &str = ".flowdeck-update-";

/// In the folder of what is kept: what was staged and lay nowhere else.
const STAGED_FOLDER: &str = "staged";

/// Of the reference log.
const LOG_MESSAGE: &str = "flowdeck playbooks update";

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Files that were written or removed.
    pub files: usize,
    /// Where what a person had changed is now, seen from the root of the clone.
    pub kept: Option<PathBuf>,
    /// The branch that has the commits of this clone.
    pub branch: Option<String>,
}

/// Makes the files those of the upstream. With `puts_back`, also files that the upstream did not change. Once something is
/// written, `stop` is not looked at any more: half an update is worse than a whole one.
///
/// # Errors
/// When a person stopped it in time, or something cannot be read or written. What was copied aside by then stays there, and the next run goes on.
pub fn run(
    checkout: &Checkout,
    fetched: &Fetched,
    puts_back: bool,
    stop: &AtomicBool,
    log: &Log<'_>,
) -> Result<Updated, Fault> {
    let _lock = lock(checkout)?;
    // Compared under the lock, so that nothing but a person can change what is found.
    let plan = Plan::new(checkout, fetched, puts_back)?;
    if stop.load(Ordering::SeqCst) {
        return Err(Fault::Stopped);
    }
    if plan.was_interrupted {
        log(Level::Warning, "the last update was interrupted; this one goes on from there");
        remove_unfinished(checkout, &plan)?;
    }
    if plan.is_up_to_date() {
        log(Level::Info, "there is nothing to update");
        return Ok(Updated::default());
    }
    let mut update = Update::new(checkout, &plan, log)?;
    update.keep()?;
    let branch = update.keep_commits()?;
    update.begin()?;
    let files = update.replace_files()?;
    update.write_index()?;
    update.move_head()?;
    update.end()?;
    let kept = update.kept.folder().map(Path::to_owned);
    log(Level::Info, &format!("{} updated, now at {}", data::files_text(files), short(plan.fetched.commit)));
    Ok(Updated { files, kept, branch })
}

struct Update<'a> {
    checkout: &'a Checkout,
    plan: &'a Plan,
    log: &'a Log<'a>,
    kept: Kept,
    stamp: String,
    /// The upstream's files.
    index: gix::index::File,
    /// Files that are the upstream's, as they were looked at or written.
    seen: BTreeMap<BString, Seen>,
}

impl<'a> Update<'a> {
    fn new(checkout: &'a Checkout, plan: &'a Plan, log: &'a Log<'a>) -> Result<Update<'a>, Fault> {
        let stamp = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let tree = checkout.repo.find_commit(plan.fetched.commit)?.tree_id()?.detach();
        // What a tree may not contain, as a path into `.git`, is refused here.
        let index = checkout.repo.index_from_tree(&tree)?;
        let is_taken = |name: &str| {
            let is_below = |path: &BStr| path == name || path.starts_with(format!("{name}/").as_bytes());
            index.entries().iter().any(|entry| is_below(entry.path(&index)))
        };
        let kept = Kept::new(&checkout.root, &stamp, &is_taken)?;
        Ok(Update { checkout, plan, log, kept, stamp, index, seen: plan.unchanged.clone() })
    }

    /// Copies aside what is about to be replaced and is nowhere else.
    fn keep(&mut self) -> Result<(), Fault> {
        for step in self.plan.steps.values().filter(|step| step.keeps) {
            self.kept.copy(&step.path)?;
        }
        for (path, blob) in &self.plan.staged {
            let text = self.checkout.repo.find_blob(*blob)?;
            self.kept.write(&Path::new(STAGED_FOLDER).join(gix::path::from_bstr(path.as_bstr())?), &text.data)?;
        }
        self.kept.finish()?;
        if let Some(folder) = self.kept.folder() {
            let folder = shown(&folder.to_string_lossy());
            for step in self.plan.steps.values().filter(|step| step.keeps) {
                let path = shown(&step.path.to_string_lossy());
                (self.log)(Level::Warning, &format!("{path} was changed here; what it was is now {folder}/{path}"));
            }
            for (path, _) in &self.plan.staged {
                let path = shown(&path.to_string());
                (self.log)(
                    Level::Warning,
                    &format!("what was staged of {path} is now {folder}/{STAGED_FOLDER}/{path}"),
                );
            }
        }
        Ok(())
    }

    /// Gives commits that only this clone has a branch, unless one has them already.
    fn keep_commits(&self) -> Result<Option<String>, Fault> {
        let Some(head) = self.plan.head else { return Ok(None) };
        if self.plan.is_rewritten {
            (self.log)(Level::Warning, "the upstream's history was written anew");
        }
        if self.plan.commits == 0 {
            return Ok(None);
        }
        let repo = &self.checkout.repo;
        for branch in repo.references()?.local_branches()? {
            let mut branch = branch.map_err(|error| Fault::Git(error.to_string()))?;
            let is_checked_out = self.checkout.branch.as_ref().is_some_and(|name| name.as_ref() == branch.name());
            if !is_checked_out && branch.peel_to_commit().is_ok_and(|commit| commit.id == head) {
                return Ok(Some(self.told_branch(branch.name().shorten().to_string())));
            }
        }
        let mut names = (1..).map(|number: u32| match number {
            1 => format!("kept-{}", self.stamp),
            number => format!("kept-{}-{number}", self.stamp),
        });
        let name = names.find(|name| repo.try_find_reference(name.as_str()).is_ok_and(|found| found.is_none()));
        let name = name.unwrap_or_default();
        let full = FullName::try_from(format!("refs/heads/{name}")).map_err(|error| Fault::Git(error.to_string()))?;
        repo.edit_reference(RefEdit::update(full, head, PreviousValue::MustNotExist, LOG_MESSAGE))?;
        Ok(Some(self.told_branch(name)))
    }

    fn told_branch(&self, name: String) -> String {
        let commits = match self.plan.commits {
            1 => "1 commit".to_owned(),
            count => format!("{count} commits"),
        };
        (self.log)(
            Level::Warning,
            &format!("{commits} of this clone: now in the branch {name}; `git merge {name}` brings them back"),
        );
        name
    }

    /// Notes what the files become.
    fn begin(&self) -> Result<(), Fault> {
        let path = self.checkout.repo.path().join(JOURNAL);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(self.plan.fetched.commit.to_string().as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| Fault::file(&path, error))
    }

    fn end(&self) -> Result<(), Fault> {
        let path = self.checkout.repo.path().join(JOURNAL);
        fs::remove_file(&path).map_err(|error| Fault::file(&path, error))
    }

    fn replace_files(&mut self) -> Result<usize, Fault> {
        let (removed, written): (Vec<&Step>, Vec<&Step>) =
            self.plan.steps.values().partition(|step| step.becomes.is_none());
        for step in &removed {
            self.remove(step)?;
        }
        let repo = &self.checkout.repo;
        let attributes =
            repo.attributes_only(&self.index, gix::worktree::stack::state::attributes::Source::IdMapping)?.detach();
        let mut filters = gix::filter::Pipeline::new(repo, attributes)?;
        for step in &written {
            if let Some(entry) = step.becomes {
                self.write(step, entry, &mut filters)?;
            }
        }
        Ok(removed.len() + written.len())
    }

    fn remove(&mut self, step: &Step) -> Result<(), Fault> {
        let root = &self.checkout.root;
        let whole = root.join(&step.path);
        let fault = |error| Fault::file(&whole, error);
        if walk::below(root, &step.path).map_err(fault)?.is_none_or(|about| about.is_dir()) {
            return Ok(());
        }
        self.keep_late_change(step)?;
        fs::remove_file(&whole).map_err(fault)?;
        if let Some(above) = step.path.parent() {
            remove_empty_folders(root, above);
        }
        Ok(())
    }

    fn write(&mut self, step: &Step, entry: Entry, filters: &mut gix::filter::Pipeline<'_>) -> Result<(), Fault> {
        let root = self.checkout.root.clone();
        let whole = root.join(&step.path);
        let fault = |error| Fault::file(&whole, error);
        make_folders(&root, step.path.parent().unwrap_or(Path::new(""))).map_err(fault)?;
        let blob = self.checkout.repo.find_blob(entry.id)?;
        let new = whole.with_file_name(format!("{UNFINISHED}{}", std::process::id()));
        if entry.kind == EntryKind::Link {
            let _ = fs::remove_file(&new);
            symlink(gix::path::from_bstr(blob.data.as_bstr())?, &new).map_err(fault)?;
        } else {
            let path = gix::path::into_bstr(step.path.as_path())?;
            let text = filters.convert_to_worktree(&blob.data, path.as_ref(), Default::default())?;
            write_file(&new, text, entry.kind == EntryKind::Executable).map_err(fault)?;
        }
        self.keep_late_change(step)?;
        if about(&whole).map_err(fault)?.is_some_and(|about| about.is_dir()) {
            remove_empty_tree(&whole).map_err(fault)?;
        }
        let written = fs::symlink_metadata(&new).map_err(fault)?;
        fs::rename(&new, &whole).map_err(fault)?;
        self.seen.insert(gix::path::into_bstr(step.path.as_path())?.into_owned(), Seen::of(&written));
        Ok(())
    }

    /// A file that is not any more what was looked at: a notebook that a page has saved meanwhile.
    fn keep_late_change(&mut self, step: &Step) -> Result<(), Fault> {
        let whole = self.checkout.root.join(&step.path);
        let there = about(&whole).map_err(|error| Fault::file(&whole, error))?.filter(|about| !about.is_dir());
        let Some(there) = there.map(|about| Seen::of(&about)) else { return Ok(()) };
        if step.seen.as_ref() == Some(&there) {
            return Ok(());
        }
        self.kept.copy(&step.path)?;
        let folder = self.kept.folder().unwrap_or(Path::new("")).to_string_lossy().into_owned();
        let path = shown(&step.path.to_string_lossy());
        (self.log)(Level::Warning, &format!("{path} was changed meanwhile; what it was is now {folder}/{path}"));
        Ok(())
    }

    /// The upstream's index. Of files that are as they were looked at or written it knows what the file system says, so that
    /// git need not read them; the others git reads.
    fn write_index(&mut self) -> Result<(), Fault> {
        let root = &self.checkout.root;
        for (entry, path) in self.index.entries_mut_with_paths() {
            let whole = root.join(gix::path::from_bstr(path)?);
            let is_same =
                about(&whole).is_ok_and(|about| about.map(|about| Seen::of(&about)).as_ref() == self.seen.get(path));
            let stat = gix::index::fs::Metadata::from_path_no_follow(&whole).ok().filter(|_| is_same);
            if let Some(stat) = stat.and_then(|about| gix::index::entry::Stat::from_fs(&about).ok()) {
                entry.stat = stat;
            }
        }
        self.index.write(Default::default())?;
        Ok(())
    }

    fn move_head(&self) -> Result<(), Fault> {
        let head = FullName::try_from("HEAD").map_err(|error| Fault::Git(error.to_string()))?;
        let Fetched { commit, source } = &self.plan.fetched;
        let expected = match self.plan.head {
            Some(before) => PreviousValue::MustExistAndMatch(Target::Object(before)),
            None => PreviousValue::Any,
        };
        let edit = |name: FullName, expected| RefEdit {
            change: RefChange::Update {
                log: LogChange { message: LOG_MESSAGE.into(), ..LogChange::default() },
                expected,
                new: Target::Object(*commit),
            },
            name,
            deref: true,
        };
        let tracking = self.checkout.tracking(source).map(|name| edit(name, PreviousValue::Any));
        self.checkout.repo.edit_references([edit(head, expected)].into_iter().chain(tracking))?;
        Ok(())
    }
}

/// Taken for as long as files are written; ends with the process at the latest.
fn lock(checkout: &Checkout) -> Result<File, Fault> {
    let path = checkout.repo.path().join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Fault::file(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Fault::Busy(checkout.root.clone())),
        Err(fs::TryLockError::Error(error)) => Err(Fault::file(&path, error)),
    }
}

/// Files that an interrupted update had begun to write.
fn remove_unfinished(checkout: &Checkout, plan: &Plan) -> Result<(), Fault> {
    for folder in &plan.half_done {
        // Through a link there is nothing of ours.
        let is_ours = folder.as_os_str().is_empty()
            || walk::below(&checkout.root, folder).is_ok_and(|about| about.is_some_and(|about| about.is_dir()));
        let entries = fs::read_dir(checkout.root.join(folder)).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_ours && entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| Fault::file(&path, error))?;
        }
    }
    Ok(())
}

/// Makes the folders that lead to a file. Refuses to go through anything else.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    let mut here = root.to_owned();
    for part in folder.iter() {
        here.push(part);
        match about(&here)? {
            Some(about) if about.is_dir() => {}
            Some(_) => {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "what stands in its place came meanwhile"));
            }
            None => fs::create_dir(&here)?,
        }
    }
    Ok(())
}

/// A file with the rights that this process gives to new files.
fn write_file(path: &Path, mut text: ToWorktreeOutcome<'_, '_>, is_executable: bool) -> io::Result<()> {
    // What a process left that was killed here.
    let _ = fs::remove_file(path);
    let mode = if is_executable { 0o777 } else { 0o666 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    io::copy(&mut text, &mut file).map(drop)
}

/// Folders in folders that hold no file.
fn remove_empty_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty_tree(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

fn short(commit: ObjectId) -> String {
    commit.to_hex_with_len(10).to_string()
}
