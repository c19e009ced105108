//! `flowdeck.toml`: the named sources. Found in the working directory, its parents, then the user's folder.
//!
//! Relative locations are relative to the file. Unknown keys are errors: a misspelt one must not be ignored.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flow_engine::LookupFiles;
use serde::Deserialize;

/// Names the file directly; goes before any search.
pub const CONFIG_ENV: &str = "FLOWDECK_CONFIG";

const FILE_NAME: &str = "flowdeck.toml";

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
    /// Where the file is; sources are relative to it.
    #[serde(skip)]
    pub folder: PathBuf,
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

/// One named source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A path or glob.
    pub location: String,
    /// How its columns are read.
    #[serde(default)]
    pub schema: SourceSchema,
}

/// How the columns of a source are read.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SourceSchema {
    /// The common flow schema where the files allow it, otherwise as they are.
    #[default]
    Auto,
    /// The common flow schema.
    Flows,
    /// The files' own columns.
    Native,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read the configuration `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("the configuration `{}` is wrong: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said, with line and known keys.
        source: Box<toml::de::Error>,
    },
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

    fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut config: Config = toml::from_str(&text)
            .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })?;
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(config)
    }

    /// The files that SQL functions look things up in.
    pub fn lookup_files(&self) -> LookupFiles {
        let place = |path: &Option<PathBuf>| path.as_ref().map(|path| self.folder.join(path));
        LookupFiles {
            public_suffix_list: place(&self.lookup.public_suffix_list),
            location_database: place(&self.lookup.location_database),
            as_database: place(&self.lookup.as_database),
        }
    }

    /// The location of a source, relative ones seen from the file.
    pub fn location(&self, source: &Source) -> String {
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

        std::fs::write(&path, "[lookup]\nas_database = \"asn.mmdb\"\n").unwrap();
        let lookup = Config::read(&path).unwrap().lookup_files();
        assert_eq!(lookup.as_database, Some(folder.path().join("asn.mmdb")));
        assert_eq!(lookup.location_database, None);

        std::fs::write(&path, "[sources.flows]\nlocatoin = \"x\"\n").unwrap();
        let message = Config::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("locatoin") && message.contains("location") && message.contains("line 2"),
            "{message}"
        );
    }
}
