//! `flowdeck sources`: the list of sources on standard output; the exit status tells whether all is well.

use anyhow::{Result, anyhow};
use clap::Args;
use flow_engine::CancellationToken;

use super::print;
use crate::{report::Report, sources};

/// Options of `flowdeck sources`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    request: sources::Request,
}

/// Lists, tests or compares.
///
/// # Errors
/// When a source cannot be read, or is not configured.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cancel = CancellationToken::new();
    let answer = runtime.block_on(async {
        let request = options.request.clone().opening_all();
        let asking = sources::about(&request, cancel.clone());
        tokio::pin!(asking);
        tokio::select! {
            answer = &mut asking => answer,
            _ = tokio::signal::ctrl_c() => {
                cancel.cancel();
                asking.await
            }
        }
    });
    let answer = answer.map_err(|report| worded(&report))?;
    print(&answer.text)?;
    match answer.is_well {
        true => Ok(()),
        false => Err(anyhow!("not all is well with the sources; see above")),
    }
}

fn worded(report: &Report) -> anyhow::Error {
    match report.hint() {
        Some(hint) => anyhow!("{}\nhint: {hint}", report.evalue),
        None => anyhow!("{}", report.evalue),
    }
}
