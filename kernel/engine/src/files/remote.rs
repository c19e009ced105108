//! Objects in the network: what an address names, and how it comes to be read.
//!
//! Parquet stays where it is: its store is made known to DataFusion, which asks for the parts that it needs. Anything else
//! is fetched as a whole into a folder of the session and read there like any file. `address` reads what analysts write,
//! `access` makes clients with keys, `store` words faults, `fetch` fetches, `folder` is where. Formats are not known here,
//! but for the signature of Parquet.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use datafusion::catalog::Session;
use futures::{StreamExt, TryStreamExt, stream};
use glob::{MatchOptions, Pattern};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore};
use url::Url;

use super::paths::{FILES_MAX, Found};
use super::{FileFault, walk};
use fetch::{Cached, Probe};
use folder::Folder;
use store::ReadOnly;

mod access;
mod address;
mod fault;
mod fetch;
mod folder;
mod store;
mod watch;

pub use access::RemoteAccess;
pub(crate) use address::Address;
pub use address::{is_address, shown_location};
pub use fault::RemoteCause;
pub(crate) use watch::QueryWatch;

/// Objects looked at in a listing to find those that a pattern means.
const LISTED_MAX: usize = 200_000;
/// Objects whose beginnings are asked for at once, and fetched at once.
const PROBED_AT_ONCE: usize = 16;
const FETCHED_AT_ONCE: usize = 4;
/// Stores of one session.
const STORES_MAX: usize = 1000;
/// As in the shell: `*` stays within a folder.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What a session knows of stores, and has fetched from them.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    /// For addresses that no source names.
    pub(crate) allow_http: bool,
    /// Where the folder is made; that of the system without it.
    base: Option<PathBuf>,
    stores: Mutex<HashMap<(String, u64), KnownStore>>,
    folder: OnceLock<Folder>,
    cached: Mutex<HashMap<(Url, Key), Cached>>,
    /// Bytes in the folder, and of what is being fetched.
    bytes: std::sync::atomic::AtomicU64,
}

/// A store and the name by which DataFusion finds it.
#[derive(Clone, Debug)]
struct KnownStore {
    url: Url,
    store: ReadOnly,
}

impl KnownStore {
    /// The address of an object by which DataFusion finds it.
    fn url_of(&self, key: &Key) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(key.parts());
        }
        url
    }
}

/// The objects that a pattern or folder of a store means, in the order of their names.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    known: KnownStore,
    address: Address,
    pub(crate) objects: Vec<ObjectMeta>,
}

/// An object that is read in parts.
#[derive(Debug, Clone)]
pub(crate) struct InStore {
    /// By which DataFusion finds it.
    pub(crate) url: Url,
    /// Its first bytes.
    pub(crate) head: Bytes,
    pub(crate) bytes: u64,
    pub(crate) modified: Option<SystemTime>,
}

impl Remote {
    pub(crate) fn new(allow_http: bool, base: Option<PathBuf>) -> Remote {
        Remote { allow_http, base, ..Remote::default() }
    }

    /// The one object that an address means: in its store, or fetched.
    pub(crate) async fn object(
        &self,
        session: &dyn Session,
        address: &Address,
        access: &RemoteAccess,
    ) -> Result<Vec<Found>, FileFault> {
        let known = self.store(session, address, access)?;
        let key = match &address.place {
            address::Place::Server(_) if address.is_pattern() => return Err(RemoteCause::NoListing.at(address)),
            address::Place::Server(_) => Key::from(address.key.as_str()),
            address::Place::Bucket(_) => key_of(address)?,
        };
        let watch = session.config().get_extension::<QueryWatch>().unwrap_or_default();
        watch.unless_stopped(address, self.find_in(&known, address, vec![key], &watch)).await
    }

    /// The objects that a pattern or folder means; `None` for the address of one object.
    pub(crate) async fn listing(
        &self,
        session: &dyn Session,
        address: &Address,
        access: &RemoteAccess,
    ) -> Result<Option<Listing>, FileFault> {
        let is_folder = address.key.is_empty() || address.key.ends_with('/');
        let is_bucket = matches!(address.place, address::Place::Bucket(_));
        if !is_bucket || !(address.is_pattern() || is_folder) {
            return Ok(None);
        }
        let known = self.store(session, address, access)?;
        let watch = session.config().get_extension::<QueryWatch>().unwrap_or_default();
        let objects = watch.unless_stopped(address, list(&known.store, address)).await?;
        Ok(Some(Listing { known, address: address.clone(), objects }))
    }

    /// Some objects of a listing, in the order in which they are given: in their store, or fetched.
    pub(crate) async fn fetch_listed(
        &self,
        session: &dyn Session,
        listing: &Listing,
        objects: &[ObjectMeta],
    ) -> Result<Vec<Found>, FileFault> {
        let Listing { known, address, .. } = listing;
        let keys = objects.iter().map(|object| object.location.clone()).collect();
        let watch = session.config().get_extension::<QueryWatch>().unwrap_or_default();
        watch.unless_stopped(address, self.find_in(known, address, keys, &watch)).await
    }

    async fn find_in(
        &self,
        known: &KnownStore,
        address: &Address,
        keys: Vec<Key>,
        watch: &QueryWatch,
    ) -> Result<Vec<Found>, FileFault> {
        let probes = keys.into_iter().map(|key| fetch::probe(&known.store, address.with_key(&key), key));
        let probes: Vec<Probe> =
            stream::iter(probes.collect::<Vec<_>>()).buffered(PROBED_AT_ONCE).try_collect().await?;
        watch.expect(probes.iter().filter(|it| !it.is_read_in_parts()).map(|it| it.meta.size).sum());
        let found = probes.into_iter().map(|probe| self.place(known, probe, watch));
        stream::iter(found.collect::<Vec<_>>()).buffered(FETCHED_AT_ONCE).try_collect().await
    }

    async fn place(&self, known: &KnownStore, probe: Probe, watch: &QueryWatch) -> Result<Found, FileFault> {
        if probe.is_read_in_parts() {
            return Ok(Found {
                path: PathBuf::from(probe.address.to_string()),
                shown: probe.address.to_string(),
                in_store: Some(InStore {
                    url: known.url_of(&probe.meta.location),
                    head: probe.head,
                    bytes: probe.meta.size,
                    modified: fetch::modified(&probe.meta),
                }),
            });
        }
        let shown = probe.address.to_string();
        let path = self.fetched(&known.url, &known.store, &probe, watch).await?;
        Ok(Found { path, shown, in_store: None })
    }

    /// The store of an address, made known to DataFusion.
    fn store(&self, session: &dyn Session, address: &Address, access: &RemoteAccess) -> Result<KnownStore, FileFault> {
        let place = match &address.place {
            address::Place::Bucket(bucket) => format!("s3://{bucket}"),
            address::Place::Server(url) => url.to_string(),
        };
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let count = stores.len();
        match stores.entry((place, access.fingerprint())) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.get().clone()),
            std::collections::hash_map::Entry::Vacant(_) if count >= STORES_MAX => {
                Err(RemoteCause::Other { reason: "too many buckets and servers for one session".into() }.at(address))
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                let store = access.store(address)?;
                let url = Url::parse(&format!("remote://store-{count}/")).expect("a number makes an address");
                let shared: Arc<dyn ObjectStore> = Arc::new(store.clone());
                session.runtime_env().register_object_store(&url, shared);
                Ok(place.insert(KnownStore { url, store }).clone())
            }
        }
    }

    /// Removes what was fetched, when the session ends.
    pub(crate) fn remove_fetched(&self) {
        if let Some(folder) = self.folder.get() {
            folder.remove();
        }
    }

    /// `text` with addresses in the place of paths to what was fetched.
    pub(crate) fn with_addresses(&self, text: String) -> String {
        match self.folder.get() {
            Some(folder) => folder.with_addresses(&text),
            None => text,
        }
    }
}

/// The objects that a pattern or folder means.
async fn list(store: &ReadOnly, address: &Address) -> Result<Vec<ObjectMeta>, FileFault> {
    let pattern = match address.is_pattern() {
        true => address.key.clone(),
        false => format!("{}**/*", Pattern::escape(&address.key)),
    };
    let pattern = Pattern::new(&pattern)
        .map_err(|fault| FileFault::Pattern { pattern: address.to_string(), reason: fault.msg.into() })?;
    let mut objects = matching(store, address, &pattern).await?;
    objects.sort_by(|one, two| one.location.cmp(&two.location));
    match objects.len() {
        0 => Err(FileFault::NoMatch { pattern: address.to_string(), nearest: Vec::new() }),
        many if many > FILES_MAX => Err(FileFault::TooMany { pattern: address.to_string(), limit: FILES_MAX }),
        _ => Ok(objects),
    }
}

async fn matching(store: &ReadOnly, address: &Address, pattern: &Pattern) -> Result<Vec<ObjectMeta>, FileFault> {
    let (folder, is_flat) = address.folder();
    let prefix = Key::parse(folder.trim_end_matches('/')).map_err(|_| bad_key(address))?;
    let prefix = (!folder.is_empty()).then_some(&prefix);
    let written: Vec<&str> = pattern.as_str().split('/').collect();
    let is_named = |part: &str| written.iter().any(|written| walk::is_meant(part, written));
    let is_meant = |object: &ObjectMeta| {
        let key = object.location.as_ref();
        let below = key.strip_prefix(folder.as_str()).unwrap_or(key);
        object.size > 0 && pattern.matches_with(key, MATCHING) && below.split('/').all(is_named)
    };
    // Of what was asked, not of the folder that was listed.
    let worded = |error| match unworded(error, address) {
        FileFault::Remote { cause, .. } => cause.at(address),
        other => other,
    };
    if is_flat {
        let listed = store.list_with_delimiter(prefix).await.map_err(worded)?;
        return Ok(listed.objects.into_iter().filter(is_meant).collect());
    }
    let mut meant = Vec::new();
    let mut objects = store.list(prefix).enumerate();
    while let Some((place, object)) = objects.next().await {
        let object = object.map_err(worded)?;
        if place >= LISTED_MAX {
            let reason = format!("more than {LISTED_MAX} objects are in `{folder}` and below; name a deeper folder");
            return Err(RemoteCause::Other { reason }.at(address));
        }
        if is_meant(&object) {
            meant.push(object);
        }
    }
    Ok(meant)
}

fn key_of(address: &Address) -> Result<Key, FileFault> {
    Key::parse(&address.key).map_err(|_| bad_key(address))
}

fn bad_key(address: &Address) -> FileFault {
    RemoteCause::BadAddress { reason: "its path has an empty part, `.` or `..`".into() }.at(address)
}

/// The fault that [`ReadOnly`] put into an error.
fn unworded(error: object_store::Error, address: &Address) -> FileFault {
    let inside = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<FileFault>()).cloned();
    inside.unwrap_or_else(|| RemoteCause::of(&error, fault::Asked::Web).at(address))
}
