//! `flowdeck demo-data`: writes the demo day.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use demo_data::{DemoOptions, FLOWS_DEFAULT, SEED_DEFAULT};

use super::say;

/// Options of `flowdeck demo-data`.
#[derive(Args)]
pub struct Options {
    /// The folder to write into; made if it is not there.
    dir: PathBuf,
    /// How many flows; the incident in them has a fixed size.
    #[arg(long, default_value_t = FLOWS_DEFAULT)]
    flows: u64,
    /// The same seed and number of flows give the same files.
    #[arg(long, default_value_t = SEED_DEFAULT)]
    seed: u64,
}

/// Writes the data.
///
/// # Errors
/// When the folder holds something else or cannot be written.
pub fn run(options: &Options) -> Result<()> {
    let demo = DemoOptions { dir: options.dir.clone(), flows: options.flows, seed: options.seed };
    demo_data::generate(&demo, &mut |progress| say(progress)).map_err(|error| match error.hint() {
        Some(hint) => anyhow!("{error}\nhint: {hint}"),
        None => anyhow!("{error}"),
    })?;
    say(&format!("demo data is in {}", options.dir.display()));
    Ok(())
}
