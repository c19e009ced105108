//! The clone that the playbooks are in: where it is, what its upstream is, and what the upstream has now.
//!
//! Fetching writes objects and one reference of its own, so that a look at the upstream changes nothing that a person sees.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use gix::{
    ObjectId,
    bstr::ByteSlice,
    progress::Discard,
    refs::FullName,
    remote::{Direction, fetch::Tags},
};

use crate::{Fault, fault::chain};

/// How long an upstream may take to give what is new.
const FETCH_MAX: Duration = Duration::from_secs(10 * 60);

/// How often it is looked whether a person wants to stop.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Where the newest commit of the upstream is noted.
const UPSTREAM_REF: &str = "refs/flowdeck/upstream";

/// ssh that asks nobody and does not wait for ever.
const SILENT_SSH: &str = "ssh -o BatchMode=yes -o ConnectTimeout=20";

/// Whether a person sits before a terminal who can be asked for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// There is one.
    AtTerminal,
    /// There is none: what needs a password fails.
    Nobody,
}

/// A clone with files.
pub struct Checkout {
    pub(crate) repo: gix::Repository,
    pub(crate) root: PathBuf,
    /// The branch that is checked out; `None` for a detached HEAD.
    pub(crate) branch: Option<FullName>,
    upstream: Upstream,
}

/// Where newer playbooks come from.
#[derive(Clone)]
struct Upstream {
    remote: String,
    /// For people: the remote and its address without name and password.
    told: String,
    /// The branch there.
    source: String,
    /// What must not be seen in what the library says.
    secrets: Vec<String>,
}

/// What the upstream has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its newest commit.
    pub(crate) commit: ObjectId,
    /// The branch it is the newest of, as the upstream calls it.
    pub(crate) source: String,
}

impl Checkout {
    /// The clone that a folder is in.
    ///
    /// # Errors
    /// When there is none, or none that may be used.
    pub fn open(folder: &Path, asking: Asking) -> Result<Checkout, Fault> {
        let folder = folder.canonicalize().map_err(|error| Fault::file(folder, error))?;
        let mut repo = gix::discover(&folder)
            .map_err(|error| Fault::NoRepository { folder: folder.clone(), reason: chain(&error) })?;
        let root = repo.workdir().ok_or_else(|| Fault::NoFiles(repo.path().to_owned()))?;
        let root = root.canonicalize().map_err(|error| Fault::file(root, error))?;
        if repo.git_dir_trust() != gix::sec::Trust::Full {
            return Err(Fault::OfAnotherUser(root));
        }
        if repo.config_snapshot().boolean("core.sparseCheckout").unwrap_or_default() {
            return Err(Fault::Sparse(root));
        }
        if asking == Asking::Nobody {
            ask_nobody(&mut repo)?;
        }
        repo.committer_or_set_generic_fallback()?;
        let branch = repo.head_name()?;
        let upstream = Upstream::of(&repo, &root, branch.as_ref())?;
        Ok(Checkout { repo, root, branch, upstream })
    }

    /// The folder of its files.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it is compared with, for people.
    pub fn upstream(&self) -> &str {
        &self.upstream.told
    }

    /// The branch that is checked out, for people.
    pub fn branch(&self) -> String {
        match &self.branch {
            Some(branch) => format!("branch {}", branch.shorten()),
            None => "no branch (detached HEAD)".to_owned(),
        }
    }

    /// Gets from the upstream what is new there. Ends early when `stop` is set.
    ///
    /// # Errors
    /// When the upstream does not give it; then nothing has changed.
    pub fn fetch(&self, stop: &AtomicBool) -> Result<Fetched, Fault> {
        install_cryptography();
        let (sender, receiver) = mpsc::channel();
        let (repo, upstream, halt) =
            (self.repo.clone().into_sync(), self.upstream.clone(), Arc::new(AtomicBool::new(false)));
        let halted = halt.clone();
        // On a thread of its own: a server that says nothing cannot be interrupted, only left.
        thread::spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(upstream.fetch(&repo.to_thread_local(), &halted));
        });
        let begin = Instant::now();
        loop {
            match receiver.recv_timeout(STOP_POLL_INTERVAL) {
                Ok(fetched) => return fetched,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.upstream.unreachable("it ended early".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let is_late = begin.elapsed() > FETCH_MAX;
            if stop.load(Ordering::Relaxed) || is_late {
                halt.store(true, Ordering::Relaxed);
                let minutes = FETCH_MAX.as_secs() / 60;
                return Err(match is_late {
                    true => self.upstream.unreachable(format!("no end after {minutes} minutes")),
                    false => Fault::Stopped,
                });
            }
        }
    }

    /// The reference that tells what a branch of the upstream was at the last update, for the branch that is checked out.
    pub(crate) fn tracking(&self, source: &str) -> Option<FullName> {
        let short = source.strip_prefix("refs/heads/")?;
        FullName::try_from(format!("refs/remotes/{}/{short}", self.upstream.remote)).ok()
    }
}

impl Upstream {
    fn of(repo: &gix::Repository, root: &Path, branch: Option<&FullName>) -> Result<Upstream, Fault> {
        let configured = branch.and_then(|branch| {
            let remote = repo.branch_remote_name(branch.shorten(), Direction::Fetch)?.as_bstr().to_string();
            let source = repo.branch_remote_ref_name(branch.as_ref(), Direction::Fetch)?.ok()?;
            // `.` is this repository itself.
            (remote != ".").then(|| (remote, source.to_string()))
        });
        let default = || repo.remote_default_name(Direction::Fetch).map(|name| name.to_string());
        let (remote, source) = match (configured, branch) {
            (Some((remote, source)), _) => (Some(remote), source),
            // The branch of the same name, or none: one that a person made for work of their own is not moved elsewhere.
            (None, Some(branch)) => (default(), branch.to_string()),
            (None, None) => (default(), "HEAD".to_owned()),
        };
        let remote = remote.ok_or_else(|| Fault::NoUpstream(root.to_owned()))?;
        let found = repo.find_remote(remote.as_str())?;
        let address = found.url(Direction::Fetch).ok_or_else(|| Fault::NoUpstream(root.to_owned()))?;
        let secrets = [address.password(), address.user()].into_iter().flatten().map(str::to_owned).collect();
        let mut plain = address.clone();
        plain.set_password(None);
        plain.set_user(None);
        Ok(Upstream { told: format!("{remote} ({})", plain.to_bstring()), remote, source, secrets })
    }

    fn fetch(&self, repo: &gix::Repository, halt: &AtomicBool) -> Result<Fetched, Fault> {
        let fetched = self.fetch_commit(repo, halt).map_err(|error| match halt.load(Ordering::Relaxed) {
            true => Fault::Stopped,
            false => self.unreachable(chain(&error)),
        })?;
        let branch = self.source.trim_start_matches("refs/heads/");
        let missing = || Fault::NoBranch { upstream: self.told.clone(), branch: branch.to_owned() };
        Ok(Fetched { commit: fetched.ok_or_else(missing)?, source: self.source.clone() })
    }

    /// The newest commit of the branch; `None` when there is no such branch.
    fn fetch_commit(&self, repo: &gix::Repository, halt: &AtomicBool) -> gix::Result<Option<ObjectId>> {
        let mut remote = repo.find_remote(self.remote.as_str())?.with_fetch_tags(Tags::None);
        let refspec = format!("+{}:{UPSTREAM_REF}", self.source);
        remote.replace_refspecs([refspec.as_bytes().as_bstr()], Direction::Fetch)?;
        let fetch = remote.connect(Direction::Fetch)?.prepare_fetch(Discard, Default::default())?;
        if fetch.ref_map().mappings.is_empty() {
            return Ok(None);
        }
        fetch.receive(Discard, halt)?;
        Ok(Some(repo.find_reference(UPSTREAM_REF)?.peel_to_commit()?.id))
    }

    fn unreachable(&self, mut reason: String) -> Fault {
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            reason = reason.replace(&format!("{secret}@"), "…@").replace(&format!("{secret}:"), "…:");
        }
        Fault::Unreachable { upstream: self.told.clone(), reason }
    }
}

fn ask_nobody(repo: &mut gix::Repository) -> gix::Result<()> {
    let mut config = repo.config_snapshot_mut();
    config.set_raw_value("gitoxide.credentials.terminalPrompt", "false")?;
    if config.string("core.sshCommand").is_none() {
        config.set_raw_value("core.sshCommand", SILENT_SSH)?;
    }
    config.commit()?;
    Ok(())
}

/// gix's HTTP client takes its cryptography from the process.
fn install_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
