//! `flowdeck.toml`: the named sources and settings. Found in the working directory, its parents, then the user's folder.
//!
//! Relative locations are relative to the file. Unknown keys are errors: a misspelt one must not be ignored. What can be
//! said about a source is in `source`, texts with a meaning in `value`; `fault` words what is wrong, and where.

pub mod fault;
pub mod lists;
pub mod source;
pub mod value;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use flow_engine::{EnrichmentOptions, EnrichmentSettings, LookupFiles};
use serde::Deserialize;

use crate::interpreter::rust::prelude::cache_folder;

pub use fault::ConfigError;
pub use source::{Source, SourceSchema};
use value::{Networks, ZoneName};

/// Names the file directly; goes before any search.
pub const CONFIG_ENV: &str = "FLOWDECK_CONFIG";

const FILE_NAME: &str = "flowdeck.toml";

/// What is not routed in the public internet.
const PRIVATE_NETWORKS: &str = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7";

/// The content of `flowdeck.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Sources by table name.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// Files that SQL functions look things up in.
    #[serde(default)]
    pub lookup: Lookup,
    /// Which addresses are one's own.
    #[serde(default)]
    pub networks: NetworkSettings,
    /// How addresses in queries are reached.
    #[serde(default)]
    pub remote: RemoteSettings,
    /// How things are shown.
    #[serde(default)]
    pub display: Display,
    /// Lists of the names that are visited most.
    #[serde(default)]
    pub toplist: lists::TopLists,
    /// Lists of what to beware of, by the names that queries call them.
    #[serde(default)]
    pub blocklists: lists::Blocklists,
    /// Services that know something of addresses, names and hashes, and what they must not be told.
    #[serde(default)]
    pub enrichment: EnrichmentSettings,
    /// Where the file is; sources are relative to it.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The file; `None` when there is none.
    #[serde(skip)]
    pub path: Option<PathBuf>,
}

/// Which addresses are one's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// Addresses and networks, as `ip_in` reads them; `ip_is_internal` and fields of forms with the default `internal`
    /// use them. Without it, what is not routed in the public internet.
    pub internal: Option<Networks>,
}

/// How addresses in queries are reached; sources say it themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// Whether plain HTTP to other machines is allowed.
    #[serde(default)]
    pub allow_http: bool,
}

/// How things are shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// The zone in which times are entered in forms; that of the machine without it.
    pub time_zone: Option<ZoneName>,
}

/// Files that SQL functions look things up in; relative ones are relative to the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// A public suffix list, for `registered_domain` and the like; without it they use the one of the day of the build.
    pub public_suffix_list: Option<PathBuf>,
    /// A MaxMind database of cities or countries, for `geo_country` and `geo_city`.
    pub location_database: Option<PathBuf>,
    /// A MaxMind database of autonomous systems, for `asn` and `as_org`.
    pub as_database: Option<PathBuf>,
}

impl Config {
    /// The configuration in force, empty when there is no file.
    ///
    /// # Errors
    /// [`ConfigError`] when the file there is cannot be used.
    pub fn load() -> Result<Config, ConfigError> {
        match find() {
            Some(path) => Config::read(&path),
            None => Ok(Config::default()),
        }
    }

    /// The configuration that was in force when this was first asked; empty when it is wrong, which is reported where
    /// the engine starts.
    pub fn in_force() -> &'static Config {
        static CONFIG: OnceLock<Config> = OnceLock::new();
        CONFIG.get_or_init(|| Config::load().unwrap_or_default())
    }

    /// One's own networks as `ip_in` reads them.
    pub fn internal_networks(&self) -> &str {
        self.networks.internal.as_ref().map_or(PRIVATE_NETWORKS, |networks| &networks.0)
    }

    fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config: Config = toml::from_str(&text).map_err(|error| ConfigError::malformed(path, &text, &error))?;
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        config.path = Some(path.to_owned());
        Ok(config)
    }

    /// The files that SQL functions look things up in.
    pub fn lookup_files(&self) -> LookupFiles {
        let place = |path: &Option<PathBuf>| path.as_ref().map(|path| self.folder.join(path));
        LookupFiles {
            public_suffix_list: place(&self.lookup.public_suffix_list),
            location_database: place(&self.lookup.location_database),
            as_database: place(&self.lookup.as_database),
            top_domains: self.toplist.domains.as_ref().map(|list| list.path(&self.folder)),
            top_names: self.toplist.names.as_ref().map(|list| list.path(&self.folder)),
            blocklists: self.blocklists.iter().map(|(name, list)| (name.0.clone(), list.path(&self.folder))).collect(),
        }
    }

    /// Where lookups at services go; what kernels share of them is in the cache folder. One's own networks are internal
    /// here too.
    pub fn enrichment(&self) -> EnrichmentOptions {
        let mut settings = self.enrichment.clone();
        settings.internal_networks.extend(self.networks.internal.iter().map(|networks| networks.0.clone()));
        EnrichmentOptions { settings, config_folder: self.folder.clone(), shared_folder: cache_folder() }
    }

    /// The location of a source, relative ones seen from the file; those that begin with `~/` are left to the engine.
    pub fn location(&self, source: &Source) -> String {
        let is_whole = source.location.starts_with("~/") || source.location.starts_with("file://");
        if is_whole || flow_engine::is_address(&source.location) {
            return source.location.clone();
        }
        self.folder.join(&source.location).to_string_lossy().into_owned()
    }
}

fn find() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(CONFIG_ENV) {
        return Some(PathBuf::from(path));
    }
    let folder = std::env::current_dir().ok()?;
    let in_parents = folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file());
    in_parents.or_else(|| {
        let path = dirs::config_dir()?.join("flowdeck").join(FILE_NAME);
        path.is_file().then_some(path)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sources_are_relative_to_the_file_and_unknown_keys_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, "[sources.flows]\nlocation = \"flows/*.parquet\"\nschema = \"flows\"\n").unwrap();
        let config = Config::read(&path).unwrap();
        let source = &config.sources["flows"];
        assert_eq!(config.location(source), folder.path().join("flows/*.parquet").to_string_lossy());
        assert_eq!(source.schema, SourceSchema::Flows);
        for address in ["s3://bucket/flows/*.parquet", "https://host/conn.log", "file:///data/flows", "~/flows"] {
            let source = Source { location: address.to_owned(), ..source.clone() };
            assert_eq!(config.location(&source), address);
        }
        let at_home = Source { location: "~/flows/*.parquet".to_owned(), ..source.clone() };
        assert_eq!(config.location(&at_home), "~/flows/*.parquet");

        std::fs::write(&path, "[lookup]\nas_database = \"asn.mmdb\"\n").unwrap();
        let lookup = Config::read(&path).unwrap().lookup_files();
        assert_eq!(lookup.as_database, Some(folder.path().join("asn.mmdb")));
        assert_eq!(lookup.location_database, None);
    }
}
