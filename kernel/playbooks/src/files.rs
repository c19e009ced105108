//! Files of a checkout: what a tree of git says about a path, and what is there on the disk.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use gix::{
    ObjectId,
    bstr::{BStr, BString, ByteSlice},
    filter::plumbing::pipeline::convert::ToGitOutcome,
    index::entry::Mode,
    objs::Kind,
};

use crate::{Fault, removal::Seen};

/// What a tree has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: ObjectId,
    pub(crate) kind: EntryKind,
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Executable,
    Link,
}

/// The files of a tree by their paths, without submodules, which are repositories of their own.
pub(crate) type Tree = BTreeMap<BString, Entry>;

/// The files of an index.
pub(crate) fn entries(index: &gix::index::State) -> Tree {
    let of = |entry: &gix::index::Entry| {
        let kind = match entry.mode {
            Mode::FILE => EntryKind::File,
            Mode::FILE_EXECUTABLE => EntryKind::Executable,
            Mode::SYMLINK => EntryKind::Link,
            _ => return None,
        };
        Some((entry.path(index).to_owned(), Entry { id: entry.id, kind }))
    };
    index.entries().iter().filter_map(of).collect()
}

/// What is at a path of the checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Nothing,
    /// A file or a symbolic link, as git would store it.
    File(Entry, Seen),
    Folder,
    /// A device, a socket, a pipe.
    Other(Seen),
    /// What stands in the place of a folder above.
    Blocked(BString, Seen),
}

impl OnDisk {
    /// Whether it is what a tree has there.
    pub(crate) fn is(&self, wanted: Option<&Entry>) -> bool {
        match self {
            OnDisk::Nothing => wanted.is_none(),
            OnDisk::File(entry, _) => wanted == Some(entry),
            // What stands above hides what would be below.
            OnDisk::Blocked(..) => wanted.is_none(),
            OnDisk::Folder | OnDisk::Other(_) => false,
        }
    }
}

/// Looks at files of a checkout.
pub(crate) struct Disk<'repo> {
    root: PathBuf,
    filters: gix::filter::Pipeline<'repo>,
    index: gix::index::File,
    hash: gix::hash::Kind,
    /// Whether the file system knows which files can be run; otherwise what git has is right.
    tells_executable: bool,
    folders: HashMap<BString, Above>,
}

/// What is in the place of a folder.
#[derive(Clone)]
enum Above {
    Folder,
    Nothing,
    Other(Seen),
}

impl<'repo> Disk<'repo> {
    pub(crate) fn new(repo: &'repo gix::Repository, root: &Path) -> Result<Disk<'repo>, Fault> {
        let (filters, index) = repo.filter_pipeline(None)?;
        Ok(Disk {
            root: root.to_owned(),
            filters,
            index: index.into_owned(),
            hash: repo.object_hash(),
            tells_executable: repo.filesystem_options()?.executable_bit,
            folders: HashMap::new(),
        })
    }

    /// What is at a path. `like` is what git has there, for what this file system cannot tell.
    pub(crate) fn look(&mut self, path: &BStr, like: Option<&Entry>) -> Result<OnDisk, Fault> {
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            match self.above(path[..end].as_bstr())? {
                Above::Folder => {}
                Above::Nothing => return Ok(OnDisk::Nothing),
                Above::Other(seen) => return Ok(OnDisk::Blocked(path[..end].into(), seen)),
            }
        }
        let whole = self.root.join(gix::path::from_bstr(path)?);
        let fault = |error| Fault::file(&whole, error);
        let Some(about) = about(&whole).map_err(fault)? else { return Ok(OnDisk::Nothing) };
        let seen = Seen::of(&about);
        if about.is_dir() {
            return Ok(OnDisk::Folder);
        }
        if about.is_symlink() {
            let target = gix::path::into_bstr(fs::read_link(&whole).map_err(fault)?)?.into_owned();
            let id = gix::objs::compute_hash(self.hash, Kind::Blob, &target)?;
            return Ok(OnDisk::File(Entry { id, kind: EntryKind::Link }, seen));
        }
        if !about.is_file() {
            return Ok(OnDisk::Other(seen));
        }
        let kind = match (is_executable(&about), like.map(|entry| entry.kind)) {
            (_, Some(EntryKind::Executable)) if !self.tells_executable => EntryKind::Executable,
            (true, _) if self.tells_executable => EntryKind::Executable,
            _ => EntryKind::File,
        };
        let id = self.id_of(&whole, path)?;
        Ok(OnDisk::File(Entry { id, kind }, seen))
    }

    /// The id that git would give the file.
    fn id_of(&mut self, whole: &Path, path: &BStr) -> Result<ObjectId, Fault> {
        let file = fs::File::open(whole).map_err(|error| Fault::file(whole, error))?;
        let mut text = Vec::new();
        let read = match self.filters.convert_to_git(file, &gix::path::from_bstr(path)?, &self.index)? {
            ToGitOutcome::Unchanged(mut file) => file.read_to_end(&mut text),
            ToGitOutcome::Process(mut output) => output.read_to_end(&mut text),
            ToGitOutcome::Buffer(buffer) => {
                text.extend_from_slice(buffer);
                Ok(0)
            }
        };
        read.map_err(|error| Fault::file(whole, error))?;
        Ok(gix::objs::compute_hash(self.hash, Kind::Blob, &text)?)
    }

    fn above(&mut self, folder: &BStr) -> Result<Above, Fault> {
        if let Some(known) = self.folders.get(folder) {
            return Ok(known.clone());
        }
        let whole = self.root.join(gix::path::from_bstr(folder)?);
        let above = match about(&whole).map_err(|error| Fault::file(&whole, error))? {
            None => Above::Nothing,
            Some(about) if about.is_dir() => Above::Folder,
            Some(about) => Above::Other(Seen::of(&about)),
        };
        self.folders.insert(folder.to_owned(), above.clone());
        Ok(above)
    }
}

/// What is there, without following a link; `None` when there is nothing.
pub(crate) fn about(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_executable(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const OWNER_MAY_RUN: u32 = 0o100;
    about.permissions().mode() & OWNER_MAY_RUN != 0
}
