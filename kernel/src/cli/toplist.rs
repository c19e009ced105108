//! `flowdeck toplist`: what lists there are, and newer ones in their place.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use flow_engine::toplist::{self, Origin, TopList};

use super::{say, store::bytes_text};
use crate::config::{Config, toplist::TopListPlace};

/// For a configuration without a list.
const HOW_TO_SET: &str = "name the file in flowdeck.toml, for instance\n\
                          \x20 [toplist.domains]\n  file = \"toplist/domains.csv\"\n  source = \"https://…\"";

/// Options of `flowdeck toplist`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Say what lists there are.
    Status,
    /// Fetch newer lists from the sources in the configuration.
    Update {
        /// Only this one: `domains` or `names`.
        list: Option<String>,
    },
}

/// Shows or updates.
///
/// # Errors
/// When no list is configured, or one cannot be fetched or read.
pub fn run(options: &Options) -> Result<()> {
    let config = Config::load().map_err(|error| match error.hint() {
        Some(hint) => anyhow!("{error}\nhint: {hint}"),
        None => anyhow!("{error}"),
    })?;
    if config.toplist.named().next().is_none() {
        bail!("no top list is configured\nhint: {HOW_TO_SET}");
    }
    match &options.action {
        Action::Status => status(&config),
        Action::Update { list } => update(&config, list.as_deref()),
    }
}

fn status(config: &Config) -> Result<()> {
    let mut wrong = 0;
    for (name, place) in config.toplist.named() {
        let path = place.path(&config.folder);
        match TopList::read(&path) {
            Ok(list) => say(&format!("{name}: {}, {}{}", path.display(), of_list(&list), of_age(&path))),
            Err(error) => {
                wrong += 1;
                say(&format!("{name}: {} cannot be used: {error}", path.display()));
            }
        }
        match origin(place, &config.folder)? {
            Some(origin) => say(&format!("  updated from {origin}")),
            None => say("  not updated: it has no `source` in flowdeck.toml"),
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(anyhow!("not every list can be used\nhint: `flowdeck toplist update` fetches those with a source")),
    }
}

fn update(config: &Config, wanted: Option<&str>) -> Result<()> {
    let lists: Vec<(&str, &TopListPlace)> =
        config.toplist.named().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)).collect();
    if lists.is_empty() {
        let known: Vec<&str> = config.toplist.named().map(|(name, _)| name).collect();
        bail!("there is no top list `{}`\nhint: configured are {}", wanted.unwrap_or_default(), known.join(", "));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut faults = Vec::new();
    for (name, place) in lists {
        let Some(origin) = origin(place, &config.folder)? else {
            say(&format!("{name}: left as it is, as it has no `source` in flowdeck.toml"));
            continue;
        };
        let path = place.path(&config.folder);
        say(&format!("{name}: fetching {origin}"));
        let fetched = runtime.block_on(async {
            tokio::select! {
                fetched = toplist::update(&origin, &path) => Some(fetched),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        match fetched {
            Some(Ok(fetched)) => {
                say(&format!("{name}: {}, {}, {}", path.display(), of_list(&fetched.list), bytes_text(fetched.bytes)));
            }
            Some(Err(fault)) => faults.push(format!("{name}: {fault}")),
            None => bail!("stopped; `{}` is as it was", path.display()),
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(anyhow!("{}\nhint: these lists are as they were", faults.join("\n"))),
    }
}

fn origin(place: &TopListPlace, folder: &Path) -> Result<Option<Origin>> {
    let parsed = place.source.as_ref().map(|source| Origin::parse(source, folder)).transpose();
    parsed.map_err(|fault| anyhow!("the `source` of `{}` is no address: {fault}", place.file.display()))
}

fn of_list(list: &TopList) -> String {
    match list.lines_rejected() {
        0 => format!("{} names", list.len()),
        rejected => format!("{} names, {rejected} lines without one", list.len()),
    }
}

fn of_age(path: &Path) -> String {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let Ok(modified) = modified else { return String::new() };
    let day = DateTime::<Utc>::from(modified).format("%Y-%m-%d");
    match SystemTime::now().duration_since(modified).map(|age| age.as_secs() / (24 * 60 * 60)) {
        Ok(days @ 1..) => format!(", of {day}, {days} days old"),
        _ => format!(", of {day}"),
    }
}
