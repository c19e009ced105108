//! One service as the house has set it up: its address, its key, its quotas.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use flow_source::secret::Secret;
use reqwest::Certificate;
use sha2::{Digest, Sha256};
use url::Url;

use crate::client::{REQUEST_TIMEOUT_S, ServiceClient};
use crate::outcome::Reason;
use crate::quota::Limits;
use crate::service::{KeyUse, Lookup, Service};
use crate::settings::{ServiceSettings, Settings, SettingsError, address};
use crate::store::{Account, Shelf};

/// How long an answer is kept, and how long it is kept that there is none.
const KEEP_HOURS: u32 = 7 * 24;
const KEEP_UNKNOWN_HOURS: u32 = 24;

/// What the house says about one service.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) service: &'static Service,
    settings: ServiceSettings,
    /// Whether the configuration names the service: no other is asked.
    is_configured: bool,
    /// Where the configuration is: files are relative to it.
    folder: PathBuf,
    url: Option<Url>,
    pub(super) limits: Limits,
    client: OnceLock<Result<ServiceClient, String>>,
}

/// What a request needs.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) client: ServiceClient,
    pub(super) key: Option<Secret>,
    pub(super) account: Account,
}

impl Counter {
    pub(super) fn new(service: &'static Service, settings: &Settings, folder: &Path) -> Result<Counter, SettingsError> {
        let configured = settings.services.get(service.name);
        let is_configured = configured.is_some();
        let settings = configured.cloned().unwrap_or_default();
        let url = settings.url.as_deref().or(service.url).map(|url| address(service.name, url)).transpose()?;
        let limits = Limits {
            per_minute: settings.per_minute.unwrap_or(service.per_minute),
            per_day: settings.per_day.unwrap_or(service.per_day),
        };
        Ok(Counter {
            service,
            settings,
            is_configured,
            folder: folder.to_owned(),
            url,
            limits,
            client: OnceLock::new(),
        })
    }

    pub(super) fn shelf(&self, lookup: &'static Lookup) -> Option<Shelf> {
        let source = self.url.as_ref()?.to_string();
        Some(Shelf { source, function: lookup.function, version: lookup.version })
    }

    /// What a request needs, or why it cannot be sent. The key is read anew: it may have been changed.
    pub(super) fn access(&self) -> Result<Access, Reason> {
        let title = self.service.title;
        let not_set_up = |reason: String| Reason::NotSetUp { title, reason };
        if !self.is_configured {
            return Err(not_set_up(format!("add [enrichment.{}] to flowdeck.toml", self.service.name)));
        }
        let Some(url) = &self.url else {
            return Err(not_set_up(format!("set `url` of [enrichment.{}] in flowdeck.toml", self.service.name)));
        };
        let key = match (&self.settings.key, self.service.key) {
            (Some(place), KeyUse::Required(_) | KeyUse::Optional(_)) => {
                Some(place.read(&self.folder).map_err(|fault| Reason::NoKey { title, reason: fault.to_string() })?)
            }
            (None, KeyUse::Required(_)) => {
                let reason = format!("set `key` of [enrichment.{}] in flowdeck.toml", self.service.name);
                return Err(Reason::NoKey { title, reason });
            }
            _ => None,
        };
        let account = Account { source: url.to_string(), mark: mark_of(key.as_ref()) };
        let client = self.client.get_or_init(|| self.connect(url)).clone().map_err(not_set_up)?;
        Ok(Access { client, key, account })
    }

    fn connect(&self, url: &Url) -> Result<ServiceClient, String> {
        let authorities = match &self.settings.ca_file {
            None => Vec::new(),
            Some(file) => {
                let path = self.folder.join(file);
                let unusable = |fault: String| format!("the `ca_file` `{}` cannot be used: {fault}", path.display());
                let pem = std::fs::read(&path).map_err(|fault| unusable(fault.to_string()))?;
                let read = Certificate::from_pem_bundle(&pem).map_err(|fault| unusable(fault.to_string()))?;
                if read.is_empty() {
                    return Err(unusable("it holds no certificate".into()));
                }
                read
            }
        };
        let timeout_s = self.settings.timeout_s.unwrap_or(REQUEST_TIMEOUT_S);
        ServiceClient::new(self.service, url.clone(), &authorities, timeout_s).map_err(|fault| fault.to_string())
    }

    pub(super) fn expires_at(&self, is_found: bool, asked_at: DateTime<Utc>) -> DateTime<Utc> {
        let hours = match is_found {
            true => self.settings.keep_hours.unwrap_or(KEEP_HOURS),
            false => self.settings.keep_unknown_hours.unwrap_or(KEEP_UNKNOWN_HOURS),
        };
        asked_at + TimeDelta::hours(i64::from(hours))
    }
}

/// Tells one key from another without saying anything about it.
fn mark_of(key: Option<&Secret>) -> String {
    const MARK_BYTES: usize = 8;
    key.map_or_else(String::new, |key| hex::encode(&Sha256::digest(key.expose())[..MARK_BYTES]))
}
