//! The configured sources: how they are made known to the engine, and what is known of them.
//!
//! Files of this machine are opened when the engine starts. What the network leads to is opened by whatever first needs it, so
//! that no start waits for a server, and a server that is down costs the queries of that time only.

use std::{path::PathBuf, sync::Arc};

use flow_engine::{
    Engine, EngineError, Registered, RemoteAccess, SecretError, ServerNeeds, SettingsMaker, SourceStatus,
};

use super::Fault;
use crate::config::{Config, Source};

/// A configured source.
pub struct SourceState {
    /// Its name in the configuration.
    pub name: String,
    /// Path, glob or address.
    pub location: String,
    /// What the configuration says about it.
    pub source: Source,
    known: Known,
    /// What is set and has no effect.
    remarks: Vec<String>,
    /// Where files of secrets are seen from.
    folder: PathBuf,
}

/// A secret of a source.
pub struct SecretState {
    /// What its connector calls it.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Why it cannot be had.
    pub fault: Option<Fault>,
}

enum Known {
    /// Opened when the engine started.
    Opened(Registered),
    /// Will never be a table.
    Broken(Fault),
    /// The engine knows, under this name.
    Later(String),
}

/// How a source is now.
pub enum State {
    /// Nothing has needed it yet.
    Unopened,
    /// It is a table.
    Open(Registered),
    /// It is none. Of those in the network, because opening it failed the last time.
    Broken(Fault),
}

impl SourceState {
    /// How it is now.
    pub fn state(&self, engine: &Engine) -> State {
        let with_remarks = |registered: &Registered| {
            let mut registered = registered.clone();
            registered.remarks.extend(self.remarks.iter().cloned());
            State::Open(registered)
        };
        match &self.known {
            Known::Opened(registered) => with_remarks(registered),
            Known::Broken(fault) => State::Broken(fault.clone()),
            Known::Later(table) => match engine.source_status(table) {
                Some(SourceStatus::Open(registered)) => with_remarks(&registered),
                Some(SourceStatus::Failed(fault)) => State::Broken(Fault::of(fault.cause())),
                Some(SourceStatus::Unopened) | None => State::Unopened,
            },
        }
    }

    /// Its table, unless it can never be one.
    pub fn table(&self) -> Option<&str> {
        match &self.known {
            Known::Opened(registered) => Some(&registered.table),
            Known::Later(table) => Some(table),
            Known::Broken(_) => None,
        }
    }

    /// Why it can never be a table.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.known {
            Known::Broken(fault) => Some(fault),
            Known::Opened(_) | Known::Later(_) => None,
        }
    }

    /// Whether it is opened when it is needed.
    pub fn is_remote(&self) -> bool {
        matches!(self.known, Known::Later(_))
    }

    /// Its secrets, and whether they are there now.
    pub fn secrets(&self) -> Vec<SecretState> {
        let secrets = self.source.secrets.iter().map(|(name, place)| {
            let fault = self.source.secret(name, &self.folder).and_then(Result::err);
            let fault = fault.map(|error| Fault { fact: error.to_string(), hint: error.hint() });
            SecretState { name: name.clone(), place: place.to_string(), fault }
        });
        secrets.collect()
    }
}

/// Makes all sources known.
pub(super) fn register_all(engine: &Engine, config: &Config) -> Vec<SourceState> {
    config.sources.iter().map(|(name, source)| register(engine, config, name, source)).collect()
}

fn register(engine: &Engine, config: &Config, name: &str, source: &Source) -> SourceState {
    let location = config.location(source);
    let connector = source.connector.as_ref().map(|name| name.0.as_str());
    let needs = flow_engine::server_needs(connector, &location);
    let outcome = match source.settings() {
        _ if is_second(config, name) => Err(Fault {
            fact: format!(
                "another source is called `{name}` but for capital letters, and SQL does not tell them apart"
            ),
            hint: Some("give one of them another name".to_owned()),
        }),
        Err(fact) => Err(Fault { fact, hint: None }),
        Ok(_) if needs.is_some() || flow_engine::is_address(&location) => {
            let settings = settings_maker(config, source, needs);
            engine.register_source_later(name, &location, settings).map(Known::Later).map_err(|error| Fault::of(&error))
        }
        Ok(settings) => engine
            .register_source_with(name, &location, &settings)
            .map(Known::Opened)
            .map_err(|error| Fault::of(&error)),
    };
    if let Err(fault) = &outcome {
        tracing::warn!(name, %fault, "source not registered");
    }
    SourceState {
        name: name.to_owned(),
        // There may be a signature in it.
        location: flow_engine::shown_location(&location),
        source: source.clone(),
        known: outcome.unwrap_or_else(Known::Broken),
        remarks: match needs {
            Some(needs) => without_effect_at_server(source, needs),
            None => without_effect_for_files(source, flow_engine::is_address(&location)),
        },
        folder: config.folder.clone(),
    }
}

/// Secrets are fetched whenever the source is opened.
fn settings_maker(config: &Config, source: &Source, needs: Option<ServerNeeds>) -> SettingsMaker {
    let (source, folder) = (source.clone(), config.folder.clone());
    Arc::new(move || {
        let refused = |text: String, hint| EngineError::Source { log: text.clone(), text, hint };
        let secret = |error: SecretError| refused(error.to_string(), error.hint());
        let mut settings = source.settings().map_err(|fact| refused(fact, None))?;
        match needs {
            Some(needs) => settings.server = source.server(needs, &folder).map_err(secret)?,
            None => settings.access = source.access(&folder).map_err(secret)?,
        }
        Ok(settings)
    })
}

fn without_effect_for_files(source: &Source, is_remote: bool) -> Vec<String> {
    let of_servers = source.options().into_iter().map(|(key, _)| key).chain(source.user.as_ref().map(|_| "user"));
    let of_servers = of_servers.chain(source.ca_file.as_ref().map(|_| "ca_file"));
    let mut remarks: Vec<String> =
        of_servers.map(|key| format!("`{key}` has no effect: it is for servers of flows")).collect();
    if !is_remote && (source.endpoint.is_some() || source.region.is_some() || source.allow_http) {
        let remark = "`endpoint`, `region` and `allow_http` have no effect: the files are on this machine";
        remarks.push(remark.to_owned());
    }
    let unused = source.secrets.keys().filter(|name| !RemoteAccess::SECRETS.contains(&name.as_str()));
    if is_remote {
        remarks.extend(unused.map(|name| {
            format!("the secret `{name}` has no effect: those of stores are {}", RemoteAccess::SECRETS.join(", "))
        }));
    }
    remarks
}

/// Keys that a server's connector does not know have no effect, and are told.
fn without_effect_at_server(source: &Source, needs: ServerNeeds) -> Vec<String> {
    let odd_options = source.options().into_iter().map(|(key, _)| key).filter(|key| !needs.options.contains(key));
    let of_stores = [("endpoint", source.endpoint.is_some()), ("region", source.region.is_some())];
    let of_stores = of_stores.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key);
    let connector = needs.connector;
    let mut remarks: Vec<String> = odd_options
        .chain(of_stores)
        .map(|key| format!("`{key}` has no effect: the connector {connector} does not ask for it"))
        .collect();
    let odd_secrets = source.secrets.keys().filter(|name| !needs.secrets.contains(&name.as_str()));
    remarks.extend(odd_secrets.map(|name| {
        format!("the secret `{name}` has no effect: those of {connector} are {}", needs.secrets.join(", "))
    }));
    remarks
}

/// Whether an earlier source has this name, as SQL reads names.
fn is_second(config: &Config, name: &str) -> bool {
    config.sources.keys().take_while(|earlier| *earlier != name).any(|earlier| earlier.eq_ignore_ascii_case(name))
}
