//! `[toplist]` of the configuration: where the lists of names that are visited most lie, and where newer ones are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The two lists; each may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopLists {
    /// A ranking of registered domains.
    pub domains: Option<TopListPlace>,
    /// A ranking of full names, sub-domains included.
    pub names: Option<TopListPlace>,
}

/// One list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopListPlace {
    /// The file it is read from.
    pub file: PathBuf,
    /// Where `flowdeck toplist update` gets a newer one: an address of the web or a file.
    pub source: Option<String>,
}

impl TopLists {
    /// The lists there are under the names that SQL and the command line give them.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &TopListPlace)> {
        [("domains", &self.domains), ("names", &self.names)]
            .into_iter()
            .filter_map(|(name, place)| Some((name, place.as_ref()?)))
    }
}

impl TopListPlace {
    /// The file, seen from the folder of the configuration.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(&self.file)
    }
}
