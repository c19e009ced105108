//! `[toplist]` and `[blocklists]` of the configuration: where published lists lie, and where newer ones are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The two top lists; each may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopLists {
    /// A ranking of registered domains.
    pub domains: Option<ListPlace>,
    /// A ranking of full names, sub-domains included.
    pub names: Option<ListPlace>,
}

/// Blocklists under the names that queries call them.
pub type Blocklists = BTreeMap<ListName, ListPlace>;

/// One list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPlace {
    /// The file it is read from.
    pub file: PathBuf,
    /// Where `flowdeck toplist update` and `flowdeck blocklist update` get a newer one: an address of the web or a file.
    pub source: Option<String>,
}

/// What a blocklist is called: letters, digits, `-` and `_`, so that several names can be written side by side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName(pub String);

impl<'de> Deserialize<'de> for ListName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_name = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_');
        match !name.is_empty() && name.chars().all(is_name) {
            true => Ok(ListName(name)),
            false => Err(D::Error::custom("the name of a blocklist has letters, digits, `-` and `_` only")),
        }
    }
}

impl TopLists {
    /// The lists there are under the names that SQL and the command line give them.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &ListPlace)> {
        [("domains", &self.domains), ("names", &self.names)]
            .into_iter()
            .filter_map(|(name, place)| Some((name, place.as_ref()?)))
    }
}

impl ListPlace {
    /// The file, seen from the folder of the configuration.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.file)
    }
}
