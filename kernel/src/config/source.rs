//! What a configuration says about one source.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use flow_engine::{
    RemoteAccess, Secret, SecretError, SecretPlace, ServerNeeds, ServerSettings, SourceKind, SourceSettings,
};
use serde::Deserialize;

use super::value::{ConnectorName, FlowColumn, Length, Margin, Origin, Texts, WholeSeconds, ZoneName};

/// One named source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A path or glob, or the address of a server.
    pub location: String,
    /// What its files are, found from their content without it; or what kind of server is asked.
    pub connector: Option<ConnectorName>,
    /// How its columns are read.
    #[serde(default)]
    pub schema: SourceSchema,
    /// The zone of times that are written without one; UTC without it.
    pub time_zone: Option<ZoneName>,
    /// Whether that zone also counts for times that say another.
    #[serde(default)]
    pub ignore_zone: bool,
    /// Where the columns of flows come from, for servers and for CSV, JSON, Parquet and Arrow whose columns have other names.
    #[serde(default)]
    pub columns: BTreeMap<FlowColumn, Origin>,
    /// How far its clock is ahead; `-2s` is a clock that is 2 s behind.
    #[serde(default)]
    pub clock_offset: Length,
    /// Whether a read fails at the first row that cannot be used.
    #[serde(default)]
    pub strict: bool,
    /// How far the times in the names of its files are believed; a day without it.
    #[serde(default)]
    pub name_margin: Margin,
    /// The address of a store that speaks S3; that of AWS without it.
    pub endpoint: Option<String>,
    /// The region of its bucket.
    pub region: Option<String>,
    /// Whether plain HTTP to other machines is allowed, and of databases a connection without encryption.
    #[serde(default)]
    pub allow_http: bool,
    /// The table of a database.
    pub table: Option<String>,
    /// The index, alias or pattern of a search engine.
    pub index: Option<String>,
    /// The search that finds flows among events.
    pub search: Option<String>,
    /// The profile of a Flowmon collector.
    pub profile: Option<String>,
    /// Some of the channels of that profile.
    pub channels: Option<Texts>,
    /// How long an answer is waited for that a server computes in the background.
    pub query_timeout: Option<WholeSeconds>,
    /// Who asks a server.
    pub user: Option<String>,
    /// Certificates of authorities that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Where its keys and passwords are, by the names that its connector gives them.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretPlace>,
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

impl Source {
    /// What the engine must know.
    ///
    /// # Errors
    /// What contradicts itself, for the operator.
    pub fn settings(&self) -> Result<SourceSettings, String> {
        if self.schema == SourceSchema::Native && !self.columns.is_empty() {
            return Err(
                "`columns` says how rows become flows, but schema = \"native\" asks for the files' own columns; \
                        remove one of the two"
                    .to_owned(),
            );
        }
        if self.ignore_zone && self.time_zone.is_none() {
            return Err("`ignore_zone` says that the zone in times is wrong, but not which is right; add \
                        time_zone = \"Europe/Prague\" or whichever it is"
                .to_owned());
        }
        Ok(SourceSettings {
            kind: match self.schema {
                SourceSchema::Auto => SourceKind::Auto,
                SourceSchema::Flows => SourceKind::Flows,
                SourceSchema::Native => SourceKind::Log,
            },
            connector: self.connector.as_ref().map(|name| name.0.clone()),
            time_zone: self.time_zone.map(|zone| zone.0),
            ignore_zone: self.ignore_zone,
            columns: self.columns.iter().map(|(column, origin)| (column.0.clone(), origin.0.clone())).collect(),
            clock_offset: self.clock_offset.0,
            strict: self.strict,
            name_margin: self.name_margin.0,
            access: RemoteAccess { allow_http: self.allow_http, ..RemoteAccess::default() },
            server: ServerSettings::default(),
        })
    }

    /// How its objects are reached, with its keys, fetched now; of use where it is in the network. Relative files of
    /// secrets are seen from `folder`.
    ///
    /// # Errors
    /// When a key cannot be had.
    pub fn access(&self, folder: &Path) -> Result<RemoteAccess, SecretError> {
        let secret = |name: &str| self.secret(name, folder).transpose();
        let [access_key_id, secret_access_key, session_token] = RemoteAccess::SECRETS.map(secret);
        Ok(RemoteAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            allow_http: self.allow_http,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            session_token: session_token?,
        })
    }

    /// What the connector of its server is told, with its secrets, fetched now. Relative files are seen from `folder`.
    ///
    /// # Errors
    /// When a secret cannot be had.
    pub fn server(&self, needs: ServerNeeds, folder: &Path) -> Result<ServerSettings, SecretError> {
        let options = self.options().into_iter().filter(|(name, _)| needs.options.contains(name));
        let secrets = needs.secrets.iter().filter_map(|name| {
            let secret = self.secret(name, folder)?;
            Some(secret.map(|secret| ((*name).to_owned(), secret)))
        });
        Ok(ServerSettings {
            options: options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: self.user.clone(),
            secrets: secrets.collect::<Result<_, _>>()?,
            ca_file: self.ca_file.as_ref().map(|path| folder.join(path)),
        })
    }

    /// What is set of what single connectors of servers ask for, by the names of the keys.
    pub fn options(&self) -> Vec<(&'static str, &str)> {
        let channels = self.channels.as_ref().map(|channels| channels.0.as_str());
        let query_timeout = self.query_timeout.as_ref().map(|seconds| seconds.0.as_str());
        let all = [
            ("table", self.table.as_deref()),
            ("index", self.index.as_deref()),
            ("search", self.search.as_deref()),
            ("profile", self.profile.as_deref()),
            ("channels", channels),
            ("query_timeout", query_timeout),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// One of its secrets, fetched now; `None` when it has none of that name. Relative files are seen from `folder`.
    pub fn secret(&self, name: &str, folder: &Path) -> Option<Result<Secret, SecretError>> {
        Some(self.secrets.get(name)?.read(folder))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use flow_engine::NameMargin;
    use flowdeck::chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_zone_is_ignored_only_for_another() {
        let source = |text: &str| toml::from_str::<Source>(&format!("location = \"x\"\n{text}")).unwrap();
        let refused = source("ignore_zone = true").settings().unwrap_err();
        assert!(refused.contains("add time_zone"), "{refused}");
        let settings = source("ignore_zone = true\ntime_zone = \"Europe/Prague\"").settings().unwrap();
        assert!(settings.ignore_zone && settings.time_zone.is_some());
        assert!(!source("time_zone = \"Europe/Prague\"").settings().unwrap().ignore_zone);
    }

    #[test]
    fn names_are_believed_within_a_margin() {
        let margin = |text: &str| {
            let source = toml::from_str::<Source>(&format!("location = \"x\"\n{text}"));
            source.map(|source| source.settings().unwrap().name_margin).map_err(|fault| fault.to_string())
        };
        let hours = |hours| Ok(NameMargin::Within(TimeDelta::hours(hours)));
        assert_eq!(margin(""), hours(24));
        assert_eq!(margin("name_margin = \"1h 30m\""), Ok(NameMargin::Within(TimeDelta::minutes(90))));
        assert_eq!(margin("name_margin = \"7d\""), hours(7 * 24));
        assert_eq!(margin("name_margin = \"off\""), Ok(NameMargin::Ignored));
        for wrong in ["soon", "-2h", ""] {
            let fault = margin(&format!("name_margin = \"{wrong}\"")).unwrap_err();
            assert!(fault.contains("is no length of time") && fault.contains("`off`"), "{fault}");
        }
    }
}
