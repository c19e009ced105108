//! The generator behind `flowdeck demo-data DIR`: one invented campus network day with an incident in it.
//!
//! The day is 2024-02-05 in UTC on the network 10.20.0.0/16. External addresses come from ranges reserved for
//! documentation (and 100.64.0.0/10), names from domains reserved for examples and tests. Written into `DIR`:
//!
//! * `flows/flows-2024-02-05Thh.parquet`: 24 files, the common flow schema, sorted by `start_time`;
//! * `zeek/conn.log`, `dns.log`, `ssl.log`: the same connections as Zeek logs them. All of them up to
//!   [`ZEEK_CONN_ROWS_MAX`]; beyond that all scripted flows and an even share of the background sessions, and only
//!   the flows that Zeek saw have a `uid` in Parquet;
//! * `toplist/domains.csv` and `names.csv`: which of the invented sites are visited most;
//! * `blocklists/c2.csv` and `domains.txt`: what somebody warns of, the implant's address and name among it;
//! * `ground-truth.json`: what is to be found (`incidents`), and what only resembles it (`benign`);
//! * `flowdeck.toml`: the sources under their names, left alone if it is already there.
//!
//! At 09:40 the server 10.20.5.23 scans for remote desktop and file shares, from 10:05 it guesses passwords on the
//! hosts that answered, at 10:31 10.20.7.44 gives in, and from 10:41 that host calls an external address every five
//! minutes. The incident has the same size however many flows are asked for; background fills up the rest.
//!
//! One seed and number of flows give the same bytes on one platform and version. Reading order: [`generate`],
//! `timeline` (what comes when), `incident`, `lookalikes`, `background` (the stories), `talk` and `flow` (single
//! connections), `campus` and `internet` (addresses), `parquet_files`, `columns`, `zeek`, `toplist`, `blocklist`, `truth`, `folder`
//! (what is written), `dice`, `day` (helpers). The command line is not here.

mod background;
mod blocklist;
mod campus;
mod columns;
mod day;
mod dice;
mod error;
mod flow;
mod folder;
mod incident;
mod internet;
mod lookalikes;
mod parquet_files;
mod talk;
mod timeline;
mod toplist;
mod truth;
mod zeek;

use std::path::PathBuf;

pub use error::DemoDataError;

use background::Background;
use day::{DAY_HOURS, HOUR_US};
use dice::Dice;
use folder::Folder;
use internet::Internet;
use timeline::Timeline;
use truth::Truth;

/// Flows written when nothing else is asked for.
pub const FLOWS_DEFAULT: u64 = 200_000;
/// Room for the incident and its lookalikes, which have a fixed size a little below this.
pub const FLOWS_MIN: u64 = 15_000;
/// The seed when nothing else is asked for.
pub const SEED_DEFAULT: u64 = 20_240_205;
/// Rows of `conn.log` at most.
pub const ZEEK_CONN_ROWS_MAX: u64 = 300_000;

/// Streams of chance, one for each part that must not depend on the others.
const STREAM_INTERNET: u64 = 0;
const STREAM_INCIDENT: u64 = 1;
const STREAM_LOOKALIKES: u64 = 2;
const STREAM_BACKGROUND: u64 = 3;

const CONFIG_TEXT: &str = r#"# Demo data made by `flowdeck demo-data`: one campus day, 2024-02-05 UTC. Locations are relative to this file.

[networks]
internal = ["10.20.0.0/16", "2001:db8:20::/48"]

[sources.flows]
location = "flows/*.parquet"

[sources.zeek_conn]
location = "zeek/conn.log"

[sources.zeek_dns]
location = "zeek/dns.log"

[sources.zeek_ssl]
location = "zeek/ssl.log"

# Invented ranks of the invented sites, so there is no newer list to fetch.
[toplist.domains]
file = "toplist/domains.csv"

[toplist.names]
file = "toplist/names.csv"

# Invented lists of what to beware of.
[blocklists.c2]
file = "blocklists/c2.csv"

[blocklists.domains]
file = "blocklists/domains.txt"

# Never told to services that names and addresses are looked up at. No such service is set up here.
[enrichment]
internal_domains = ["campus.example"]
"#;

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOptions {
    /// The folder to fill: new, empty, or filled by an earlier run.
    pub dir: PathBuf,
    /// Flows in all; at least [`FLOWS_MIN`].
    pub flows: u64,
    /// Chooses among all possible days.
    pub seed: u64,
}

impl DemoOptions {
    /// [`FLOWS_DEFAULT`] flows of [`SEED_DEFAULT`] into `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), flows: FLOWS_DEFAULT, seed: SEED_DEFAULT }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Rows of all Parquet files.
    pub flows: u64,
    /// Parquet files.
    pub flow_files: u64,
    /// Rows of `conn.log`.
    pub zeek_conn_rows: u64,
    /// Rows of `dns.log`.
    pub zeek_dns_rows: u64,
    /// Rows of `ssl.log`.
    pub zeek_ssl_rows: u64,
    /// Whether `flowdeck.toml` was written; an existing one is left alone.
    pub config_written: bool,
}

/// Makes the day. `progress` is called with a line of text for each hour of it and at the end.
///
/// # Errors
/// When the folder may not be filled, too few flows are asked for, or writing fails. Files get their final names only
/// when all of them are complete.
pub fn generate(options: &DemoOptions, progress: &mut dyn FnMut(&str)) -> Result<Summary, DemoDataError> {
    if options.flows < FLOWS_MIN {
        return Err(DemoDataError::TooFewFlows { wanted: options.flows, minimum: FLOWS_MIN });
    }
    let folder = Folder::claim(&options.dir)?;
    let mut summary = write_day(options, &folder, progress)?;
    summary.config_written = folder.publish()?;
    progress(&format!("{} flows in {} files, and Zeek's view of them", summary.flows, summary.flow_files));
    Ok(summary)
}

fn write_day(options: &DemoOptions, folder: &Folder, progress: &mut dyn FnMut(&str)) -> Result<Summary, DemoDataError> {
    let mut timeline = timeline(options);
    let mut parquet = parquet_files::HourlyFiles::create(&folder.staging().join(folder::FLOWS))?;
    let mut zeek = zeek::Logs::create(&folder.staging().join(folder::ZEEK))?;
    let mut truth = Truth::default();
    let mut hour = 0;
    while let Some(flows) = timeline.next_minute() {
        for flow in flows {
            if flow.start_us >= (hour + 1) * HOUR_US {
                hour = flow.start_us / HOUR_US;
                progress(&format!("hour {hour} of {DAY_HOURS}: {} of {} flows", truth.flows(), options.flows));
            }
            truth.observe(&flow);
            zeek.write(&flow)?;
            parquet.write(flow)?;
        }
    }
    let flow_files = parquet.finish()?;
    let rows = zeek.finish()?;
    let document = truth.document(options.seed, flow_files, rows);
    folder.write(folder::GROUND_TRUTH, &format!("{document:#}\n"))?;
    folder.write(folder::CONFIG, CONFIG_TEXT)?;
    let internet = Internet::new(&mut Dice::new(options.seed, STREAM_INTERNET));
    folder.write(&format!("{}/domains.csv", folder::TOPLIST), &toplist::domains(&internet))?;
    folder.write(&format!("{}/names.csv", folder::TOPLIST), &toplist::names(&internet))?;
    folder.write(&format!("{}/c2.csv", folder::BLOCKLISTS), &blocklist::addresses())?;
    folder.write(&format!("{}/domains.txt", folder::BLOCKLISTS), &blocklist::names())?;
    Ok(Summary {
        flows: truth.flows(),
        flow_files,
        zeek_conn_rows: rows.conn,
        zeek_dns_rows: rows.dns,
        zeek_ssl_rows: rows.ssl,
        config_written: false,
    })
}

fn timeline(options: &DemoOptions) -> Timeline {
    let dice = |stream| Dice::new(options.seed, stream);
    let mut scripted = incident::script(&mut dice(STREAM_INCIDENT));
    scripted.extend(lookalikes::script(&mut dice(STREAM_LOOKALIKES)));
    let internet = Internet::new(&mut dice(STREAM_INTERNET));
    let background = Background::new(dice(STREAM_BACKGROUND), internet);
    Timeline::new(background, scripted, options.flows, ZEEK_CONN_ROWS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_fit_into_the_minimum() {
        for seed in 0..20 {
            let mut count = incident::script(&mut Dice::new(seed, STREAM_INCIDENT)).len();
            count += lookalikes::script(&mut Dice::new(seed, STREAM_LOOKALIKES)).len();
            assert!((10_000..FLOWS_MIN as usize).contains(&count), "{count} scripted flows with seed {seed}");
        }
    }
}
