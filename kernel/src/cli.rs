//! The command line: what the program can be asked to do. One module per subcommand that does more than call another
//! room.

mod cache;
mod collect;
mod demo_data;
mod import;
mod lists;
mod parameters;
mod playbooks;
mod run;
mod sources;
mod sql;
pub(crate) mod store;

pub(crate) use import::time as utc_time;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{engine, install, interpreter::rust::analysis::worker, kernel};

/// Flowdeck: a Jupyter kernel for analysts of IP flows.
#[derive(Parser)]
#[command(name = "flowdeck", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a kernel on a connection file; Jupyter calls this.
    Kernel {
        /// The connection file that Jupyter wrote.
        #[arg(short = 'f', long = "connection-file")]
        connection_file: PathBuf,
    },
    /// Make the kernel known to Jupyter.
    Install(install::Options),
    /// Run a notebook without a page, with parameters.
    Run(Box<run::Options>),
    /// Run a query and print its result.
    Sql(sql::Options),
    /// List the configured sources, test them, compare two of them.
    Sources(sources::Options),
    /// Receive NetFlow and IPFIX and keep the flows in a folder.
    Collect(collect::Options),
    /// Copy flows of a source into a folder, or say what the folder holds.
    Import(import::Options),
    /// Say what lists of well-known names there are, or fetch newer ones.
    Toplist(lists::Options),
    /// Say what lists of addresses and names to beware of there are, or fetch newer ones.
    Blocklist(lists::Options),
    /// Look after a folder of playbooks: list them, compare with the upstream, update, find copies and stored data.
    Playbooks(playbooks::Options),
    /// Show what is kept for Rust cells, and remove what is not used any more.
    Cache(cache::Options),
    /// Write a campus network day with an incident in it, to try things on.
    DemoData(demo_data::Options),
    /// Print the widget models this kernel has, in the format of ipywidgets' specification.
    WidgetModels,
    /// Print the page about the flow schema, docs/schema.md.
    #[command(hide = true)]
    SchemaDocument,
    /// Complete and explain Rust code for a kernel, which starts this itself.
    #[command(hide = true)]
    Analyse {
        /// The kernel's process, with which this one ends.
        kernel: u32,
    },
}

/// The crates whose messages are for the operator; the analyser's own would be thousands.
const OUR_CRATES: &[&str] = &["flowdeck_kernel", "flow_engine", "flow_source", "connector_zeek", "kernel_protocol"];

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(run::joined(std::env::args_os()));
    // A list of sources says itself what is wrong with them.
    start_log(if matches!(cli.command, Command::Sources(_)) { "error" } else { "warn" });
    let outcome = obey(cli.command);
    engine::leave();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn obey(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Playbooks(options) => return playbooks::run(&options),
        Command::Run(options) => return Ok(run::run(*options)),
        Command::Kernel { connection_file } => kernel::run(&connection_file),
        Command::Install(options) => install::run(&options),
        Command::Sql(options) => sql::run(options),
        Command::Sources(options) => sources::run(&options),
        Command::Collect(options) => collect::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Toplist(options) => lists::run(&options, &lists::TOPLISTS),
        Command::Blocklist(options) => lists::run(&options, &lists::BLOCKLISTS),
        Command::Cache(options) => cache::run(&options),
        Command::DemoData(options) => demo_data::run(&options),
        Command::WidgetModels => print(&format!("{:#}\n", widgets_comm::spec::spec_json())),
        Command::SchemaDocument => print(&flow_engine::schema_document()),
        Command::Analyse { kernel } => worker::serve(kernel),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The operator's log goes to stderr, which Jupyter Server shows in its own.
///
/// FLOWDECK_LOG chooses how much: a level for our own crates, or a filter for any (`info,kernel_protocol=debug`).
fn start_log(level: &str) {
    let wanted = std::env::var("FLOWDECK_LOG").unwrap_or_else(|_| level.to_owned());
    let is_level = wanted.parse::<tracing::Level>().is_ok();
    let filter = match is_level {
        true => OUR_CRATES.iter().fold("warn".to_owned(), |filter, name| format!("{filter},{name}={wanted}")),
        false => wanted,
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

fn print(text: &str) -> anyhow::Result<()> {
    write!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// A line for the person at the terminal.
pub fn say(line: &str) {
    // A closed stderr has nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}
