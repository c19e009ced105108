//! Files that functions look things up in, as the engine was told them. Each is read when first asked for and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::blocklist::Blocklists;
use super::databases::{Database, Subject};
use super::enrich::{EnrichmentOptions, Lookups};
use super::ip_list::{IpList, IpListError, parse_ip_list};
use super::suffix_rules::SuffixRules;
use super::toplist::{RankedFile, Ranking};

/// Paths of what functions look up in; `None` is left out.
#[derive(Debug, Clone, Default)]
pub struct LookupFiles {
    /// A public suffix list that replaces the one compiled in.
    pub public_suffix_list: Option<PathBuf>,
    /// Cities or countries of addresses, in MaxMind's format.
    pub location_database: Option<PathBuf>,
    /// Autonomous systems of addresses, in MaxMind's format.
    pub as_database: Option<PathBuf>,
    /// A ranking of registered domains.
    pub top_domains: Option<PathBuf>,
    /// A ranking of full names, sub-domains included.
    pub top_names: Option<PathBuf>,
    /// Lists of what to beware of, by the names that queries call them.
    pub blocklists: BTreeMap<String, PathBuf>,
}

/// The lookups of one engine.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) suffix_rules: SuffixRules,
    location: Database,
    autonomous_systems: Database,
    internal_networks: Option<IpList>,
    top_domains: RankedFile,
    top_names: RankedFile,
    pub(super) blocklists: Blocklists,
    pub(super) lookups: Lookups,
}

impl Setup {
    pub(crate) fn new(files: LookupFiles) -> Setup {
        Setup {
            suffix_rules: SuffixRules::new(files.public_suffix_list),
            location: Database::new(Subject::Location, files.location_database),
            autonomous_systems: Database::new(Subject::AutonomousSystem, files.as_database),
            internal_networks: None,
            top_domains: RankedFile::new(Ranking::Domains, files.top_domains),
            top_names: RankedFile::new(Ranking::Names, files.top_names),
            blocklists: Blocklists::new(files.blocklists),
            lookups: Lookups::new(None),
        }
    }

    /// The same with services that may be asked.
    pub(crate) fn with_lookups(mut self, enrichment: Option<EnrichmentOptions>) -> Setup {
        self.lookups = Lookups::new(enrichment);
        self
    }

    /// The same with networks that are one's own.
    pub(crate) fn with_internal_networks(mut self, list: Option<&str>) -> Result<Setup, IpListError> {
        self.internal_networks = list.map(parse_ip_list).transpose()?;
        Ok(self)
    }

    /// One's own networks, if they are known.
    pub(super) fn internal_networks(&self) -> Option<&IpList> {
        self.internal_networks.as_ref()
    }

    pub(super) fn location(&self) -> &Database {
        &self.location
    }

    pub(super) fn ranked_file(&self, ranking: Ranking) -> &RankedFile {
        match ranking {
            Ranking::Domains => &self.top_domains,
            Ranking::Names => &self.top_names,
        }
    }

    pub(super) fn autonomous_systems(&self) -> &Database {
        &self.autonomous_systems
    }
}
