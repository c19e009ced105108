//! `[enrichment]` of the configuration. Secrets are not in it, only where they are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use flow_source::secret::SecretPlace;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

/// What the house says about all services and about each.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Networks whose addresses are never sent, beside those that are private everywhere.
    pub internal_networks: Vec<String>,
    /// Domains whose names are never sent, beside those that are reserved everywhere.
    pub internal_domains: Vec<String>,
    /// Where kernels share answers and quotas, when not in the cache folder.
    pub folder: Option<PathBuf>,
    /// The services by name. Whether there are such services is not known here.
    pub services: BTreeMap<String, ServiceSettings>,
}

/// What the house says about one service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// Where the key is.
    pub key: Option<SecretPlace>,
    /// Where the service is, when not at its usual place.
    pub url: Option<String>,
    /// Certificates of authorities that only the house knows, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Requests in any minute, when the house has bought more.
    pub per_minute: Option<u32>,
    /// Requests in a day of UTC.
    pub per_day: Option<u32>,
    /// How long an answer is waited for.
    pub timeout_s: Option<u64>,
    /// How long an answer is kept.
    pub keep_hours: Option<u32>,
    /// How long it is kept that the service does not know.
    pub keep_unknown_hours: Option<u32>,
}

/// By hand, as derived code would take a list for a service, and tell no line.
impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
        struct Tables;

        impl<'de> de::Visitor<'de> for Tables {
            type Value = Settings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the table [enrichment]")
            }

            fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<Settings, M::Error> {
                let mut settings = Settings::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "internal_networks" => settings.internal_networks = map.next_value()?,
                        "internal_domains" => settings.internal_domains = map.next_value()?,
                        "folder" => settings.folder = Some(map.next_value()?),
                        _ => {
                            let ServiceTable(service) = map.next_value()?;
                            settings.services.insert(key, service);
                        }
                    }
                }
                Ok(settings)
            }
        }

        deserializer.deserialize_map(Tables)
    }
}

/// The settings of a service, which are a table and nothing else.
struct ServiceTable(ServiceSettings);

impl<'de> Deserialize<'de> for ServiceTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ServiceTable, D::Error> {
        struct Table;

        impl<'de> de::Visitor<'de> for Table {
            type Value = ServiceTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the table of a service; keys beside services are internal_networks, internal_domains, folder",
                )
            }

            fn visit_map<M: de::MapAccess<'de>>(self, map: M) -> Result<ServiceTable, M::Error> {
                ServiceSettings::deserialize(MapAccessDeserializer::new(map)).map(ServiceTable)
            }
        }

        deserializer.deserialize_map(Table)
    }
}

/// Why the settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A name that no service has.
    #[error("flowdeck.toml has [enrichment.{name}], and there is no such service; services are {known}")]
    UnknownService {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Text that is no network.
    #[error("`{text}` in `internal_networks` of flowdeck.toml is no network")]
    NoNetwork {
        /// The text.
        text: String,
    },
    /// Text that is no domain.
    #[error("`{text}` in `internal_domains` of flowdeck.toml is no domain")]
    NoDomain {
        /// The text.
        text: String,
    },
    /// An address that is none.
    #[error("the `url` of [enrichment.{name}] in flowdeck.toml is no address: {reason}")]
    NoAddress {
        /// The service.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key would travel in the clear.
    #[error("the `url` of [enrichment.{name}] in flowdeck.toml must begin with https: others could read what is sent")]
    NotSecure {
        /// The service.
        name: String,
    },
}

/// The address of a service: `https`, or this machine. With a slash at its end, so that paths are put below it.
pub(crate) fn address(name: &str, text: &str) -> Result<Url, SettingsError> {
    let wrong = |reason: &str| SettingsError::NoAddress { name: name.to_owned(), reason: reason.to_owned() };
    let mut url = Url::parse(text.trim()).map_err(|fault| wrong(&fault.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("a key or password does not belong into it; set `key`"));
    }
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(wrong("it has no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        "http" => return Err(SettingsError::NotSecure { name: name.to_owned() }),
        _ => return Err(wrong("it must begin with https://")),
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_services() {
        for (text, expected) in [
            ("https://ti.example.org", Some("https://ti.example.org/")),
            ("https://ti.example.org/api/v3", Some("https://ti.example.org/api/v3/")),
            ("http://127.0.0.1:8080/x/", Some("http://127.0.0.1:8080/x/")),
            ("http://localhost:8080", Some("http://localhost:8080/")),
            ("http://ti.example.org/", None),
            ("https://user:secret@ti.example.org/", None),
            ("https://ti.example.org/?key=secret", None),
            ("ftp://ti.example.org/", None),
            ("ti.example.org", None),
        ] {
            let found = address("x", text);
            assert_eq!(found.as_ref().ok().map(Url::as_str), expected, "{text}: {found:?}");
            assert!(!format!("{:?}", found.err()).contains("secret"), "{text}");
        }
    }
}
