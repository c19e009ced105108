//! `flowdeck toplist` and `flowdeck blocklist`: what lists there are, and newer ones in their place.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use flow_engine::lists::{self, Blocklist, ListError, Origin, TopList};

use super::{say, store::bytes_text};
use crate::config::{Config, lists::ListPlace};

/// Options of both commands.
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
        /// Only this one, by the name it has in flowdeck.toml.
        list: Option<String>,
    },
}

/// What a command is about.
pub struct Kind {
    /// In words.
    noun: &'static str,
    /// Its own name.
    command: &'static str,
    /// For a configuration without a list.
    example: &'static str,
    /// Those of a configuration, by name.
    places: fn(&Config) -> Vec<(&str, &ListPlace)>,
    /// What a file holds, in words.
    read: fn(&Path) -> Result<String, ListError>,
}

/// Lists of what is visited most.
pub const TOPLISTS: Kind = Kind {
    noun: "top list",
    command: "toplist",
    example: "[toplist.domains]\n  file = \"toplist/domains.csv\"\n  source = \"https://…\"",
    places: |config| config.toplist.named().collect(),
    read: |path| TopList::read(path).map(|list| in_words(list.len(), "names", list.lines_rejected())),
};

/// Lists of what to beware of.
pub const BLOCKLISTS: Kind = Kind {
    noun: "blocklist",
    command: "blocklist",
    example: "[blocklists.c2]\n  file = \"blocklists/c2.txt\"\n  source = \"https://…\"",
    places: |config| config.blocklists.iter().map(|(name, place)| (name.0.as_str(), place)).collect(),
    read: |path| {
        let list = Blocklist::read(path)?;
        let made = list.date().map(|date| format!(", made {date}")).unwrap_or_default();
        Ok(in_words(list.len(), "entries", list.lines_rejected()) + &made)
    },
};

/// Shows or updates.
///
/// # Errors
/// When no list is configured, or one cannot be fetched or read.
pub fn run(options: &Options, kind: &Kind) -> Result<()> {
    let config = Config::load().map_err(|error| match error.hint() {
        Some(hint) => anyhow!("{error}\nhint: {hint}"),
        None => anyhow!("{error}"),
    })?;
    let places = (kind.places)(&config);
    if places.is_empty() {
        bail!("no {} is configured\nhint: name the file in flowdeck.toml, for instance\n  {}", kind.noun, kind.example);
    }
    match &options.action {
        Action::Status => status(kind, &places, &config.folder),
        Action::Update { list } => update(kind, &places, &config.folder, list.as_deref()),
    }
}

fn status(kind: &Kind, places: &[(&str, &ListPlace)], folder: &Path) -> Result<()> {
    let mut wrong = 0;
    for (name, place) in places {
        let path = place.path(folder);
        match (kind.read)(&path) {
            Ok(list) => say(&format!("{name}: {}, {list}{}", path.display(), of_age(&path))),
            Err(error) => {
                wrong += 1;
                say(&format!("{name}: {} cannot be used: {error}", path.display()));
            }
        }
        match origin(place, folder)? {
            Some(origin) => say(&format!("  updated from {origin}")),
            None => say("  not updated: it has no `source` in flowdeck.toml"),
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(anyhow!(
            "not every list can be used\nhint: `flowdeck {} update` fetches those with a source",
            kind.command
        )),
    }
}

fn update(kind: &Kind, places: &[(&str, &ListPlace)], folder: &Path, wanted: Option<&str>) -> Result<()> {
    let lists: Vec<_> = places.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)).collect();
    if lists.is_empty() {
        let known: Vec<&str> = places.iter().map(|(name, _)| *name).collect();
        let wanted = wanted.unwrap_or_default();
        bail!("there is no {} `{wanted}`\nhint: configured are {}", kind.noun, known.join(", "));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut faults = Vec::new();
    for (name, place) in lists {
        let Some(origin) = origin(place, folder)? else {
            say(&format!("{name}: left as it is, as it has no `source` in flowdeck.toml"));
            continue;
        };
        let path = place.path(folder);
        say(&format!("{name}: fetching {origin}"));
        let fetched = runtime.block_on(async {
            tokio::select! {
                fetched = lists::update(&origin, &path, kind.read) => Some(fetched),
                _ = tokio::signal::ctrl_c() => None,
            }
        });
        match fetched {
            Some(Ok(fetched)) => {
                say(&format!("{name}: {}, {}, {}", path.display(), fetched.list, bytes_text(fetched.bytes)));
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

fn origin(place: &ListPlace, folder: &Path) -> Result<Option<Origin>> {
    let parsed = place.source.as_ref().map(|source| Origin::parse(source, folder)).transpose();
    parsed.map_err(|fault| anyhow!("the `source` of `{}` is no address: {fault}", place.file.display()))
}

fn in_words(count: usize, what: &str, lines_rejected: u64) -> String {
    match lines_rejected {
        0 => format!("{count} {what}"),
        rejected => format!("{count} {what}, {rejected} lines without one"),
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
