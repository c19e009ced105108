//! What can go wrong, as facts; what to do about it is a hint beside the fact.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The folder is in no git repository.
    #[error("{} is in no git repository ({reason})", folder.display())]
    NoRepository {
        /// Where one was looked for.
        folder: PathBuf,
        /// What the search said.
        reason: String,
    },
    /// The repository has no files beside it.
    #[error("the repository {} has no folder of files", .0.display())]
    NoFiles(PathBuf),
    /// The repository belongs to another user, who could make this one run programs.
    #[error("the repository {} belongs to another user", .0.display())]
    OfAnotherUser(PathBuf),
    /// The repository knows no other.
    #[error("the repository {} has no upstream", .0.display())]
    NoUpstream(PathBuf),
    /// The upstream did not give what was asked for.
    #[error("{upstream} cannot be reached: {reason}; nothing was changed")]
    Unreachable {
        /// Remote and address.
        upstream: String,
        /// What was met.
        reason: String,
    },
    /// The upstream is there, the branch is not.
    #[error("{upstream} has no branch {branch}; nothing was changed")]
    NoBranch {
        /// Remote and address.
        upstream: String,
        /// The branch that was asked for.
        branch: String,
    },
    /// A person is in the middle of something.
    #[error("{what} is under way in {}", repository.display())]
    UnderWay {
        /// What it is.
        what: String,
        /// The repository.
        repository: PathBuf,
    },
    /// Only a part of the files is checked out.
    #[error("only a part of {} is checked out (a sparse checkout), which is not updated", .0.display())]
    Sparse(PathBuf),
    /// Another process updates.
    #[error("{} is being updated by another process", .0.display())]
    Busy(PathBuf),
    /// The person stopped it in time.
    #[error("stopped; nothing was changed")]
    Stopped,
    /// The person stopped a removal between two files.
    #[error("stopped; the files that were not removed by then are still there")]
    StoppedMidway,
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is more below a folder than is looked at.
    #[error("{} has more than {most} files and folders", folder.display())]
    TooMuch {
        /// The folder.
        folder: PathBuf,
        /// How many are looked at.
        most: usize,
    },
    /// What the git library said.
    #[error("git: {0}")]
    Git(String),
}

impl Fault {
    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Fault::NoRepository { .. } => {
                "playbooks that came with the package are updated with it; those of a git repository with the folder of its \
                 clone, as in `flowdeck playbooks check --folder /srv/playbooks`"
            }
            Fault::NoFiles(_) => "name the folder of a clone with files",
            Fault::OfAnotherUser(_) => {
                "run this as that user, or trust the folder with `git config --global --add safe.directory FOLDER`"
            }
            Fault::NoUpstream(_) => "`git remote add origin ADDRESS` names one",
            Fault::Unreachable { .. } => {
                "look at the network, the proxy (HTTPS_PROXY) and the right to read; `git fetch` in that folder asks the same"
            }
            Fault::NoBranch { .. } => "`git branch --set-upstream-to=origin/BRANCH` chooses another",
            Fault::UnderWay { .. } => "finish it or give it up with git, then run this again",
            Fault::Sparse(_) => "update it with `git pull`",
            Fault::Busy(_) => "run this again when that one is done",
            Fault::TooMuch { .. } => "name the folder of the playbooks, not one above it",
            Fault::Stopped | Fault::StoppedMidway | Fault::File { .. } | Fault::Git(_) => return None,
        })
    }

    pub(crate) fn file(path: &Path, source: io::Error) -> Fault {
        Fault::File { path: path.to_owned(), source }
    }
}

impl From<gix::Error> for Fault {
    fn from(error: gix::Error) -> Fault {
        Fault::Git(chain(&error))
    }
}

/// What an error says, with its causes, each said once.
pub(crate) fn chain(error: &gix::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for one in error.iter_errors() {
        let text = one.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}
