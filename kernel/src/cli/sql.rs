//! `flowdeck sql`: one query, its result on standard output or in a file.

use std::{
    io::{IsTerminal, Read, Write},
    path::PathBuf,
};

use anyhow::{Result, anyhow, bail};
use clap::{Args, ValueEnum};
use flow_engine::{
    CancellationToken, EngineError, Format, Parameter, QueryOptions, QueryResult, SourceKind, export, render,
};

use super::parameters;
use crate::engine;

/// A query on standard input may be this long: whoever needs more has data, not a query.
const QUERY_BYTES_MAX: u64 = 16 << 20;

/// Options of `flowdeck sql`.
#[derive(Args)]
pub struct Options {
    /// The query, or `-` to read it from standard input; several statements are separated by semicolons, the last one's
    /// result is printed.
    query: String,
    /// A value for `$NAME` in the query. May be given more than once.
    #[arg(short, long = "parameter", value_name = "NAME=VALUE", value_parser = parameters::of_text)]
    parameters: Vec<(String, Parameter)>,
    /// A file of values, one JSON object; what it has no type for is `{"timestamp": …}`, `{"date": …}`, `{"seconds": …}`.
    #[arg(long = "parameters", value_name = "FILE")]
    parameter_file: Option<PathBuf>,
    /// A table: NAME=PATH, where PATH is a file or a glob. May be given more than once.
    #[arg(long = "source", value_name = "NAME=PATH", value_parser = name_and_path)]
    sources: Vec<(String, String)>,
    /// How the result is written; by default as OUT's ending says, otherwise as a table.
    #[arg(long, value_parser = format_of_name)]
    format: Option<Format>,
    /// Write the result to this file instead of printing it.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace OUT if it is there.
    #[arg(long)]
    overwrite: bool,
    /// How the formats Arrow and Parquet hold addresses.
    #[arg(long, value_enum, default_value_t = Addresses::Binary)]
    addresses: Addresses,
}

/// Addresses in a file for programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Addresses {
    /// 16 bytes with the label of their type, which Flowdeck reads again.
    Binary,
    /// Text, for programs that do not know the label.
    Text,
}

/// Runs the query.
///
/// # Errors
/// What the engine says, with its hint; what the system says of the output.
pub fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut result = runtime.block_on(query(&options))?;
    if options.addresses == Addresses::Text {
        result = result.with_readable_addresses().map_err(worded)?;
    }
    let by_ending = || options.output.as_deref().and_then(Format::of_path);
    let format = options.format.or_else(by_ending).unwrap_or(Format::Table);
    match &options.output {
        Some(path) => export::write_to_path(&result, format, path, options.overwrite).map_err(worded)?,
        None => print(&result, format)?,
    }
    // A table has them below its rows.
    if format != Format::Table {
        let mut stderr = std::io::stderr();
        render::note_lines(&result).iter().try_for_each(|line| writeln!(stderr, "{line}"))?;
    }
    Ok(())
}

async fn query(options: &Options) -> Result<QueryResult> {
    let room = engine::ready().await.map_err(|report| anyhow!(report.evalue))?;
    for (name, path) in &options.sources {
        room.engine.register_source(name, path, SourceKind::Auto).map_err(worded)?;
    }
    let text = match options.query.as_str() {
        "-" => text_of_stdin()?,
        text => text.to_owned(),
    };
    let from_file = options.parameter_file.as_deref().map(parameters::of_file).transpose()?.unwrap_or_default();
    let values = from_file.iter().chain(&options.parameters);
    let bound = values.fold(QueryOptions::default(), |bound, (name, value)| bound.with_parameter(name, value.clone()));
    let cancel = CancellationToken::new();
    let query = room.engine.query(&text, bound, cancel.clone());
    tokio::pin!(query);
    tokio::select! {
        result = &mut query => result.map_err(worded),
        _ = tokio::signal::ctrl_c() => {
            cancel.cancel();
            query.await.map_err(worded)
        }
    }
}

fn text_of_stdin() -> Result<String> {
    let mut text = String::new();
    let length = std::io::stdin().take(QUERY_BYTES_MAX + 1).read_to_string(&mut text)?;
    if length as u64 > QUERY_BYTES_MAX {
        bail!("a query has at most {} MiB\nhint: give data as a source", QUERY_BYTES_MAX >> 20);
    }
    Ok(text)
}

fn print(result: &QueryResult, format: Format) -> Result<()> {
    let mut stdout = std::io::stdout();
    if matches!(format, Format::Parquet | Format::Arrow) && stdout.is_terminal() {
        bail!("this format is not for terminals\nhint: write it to a file with `-o FILE`");
    }
    let mut bytes = Vec::new();
    export::write(result, format, &mut bytes).map_err(worded)?;
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        // `| head` closes the pipe when it has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn worded(error: EngineError) -> anyhow::Error {
    tracing::info!(error = error.for_log(), "query failed");
    match error.hint() {
        Some(hint) => anyhow!("{error}\nhint: {hint}"),
        None => anyhow!("{error}"),
    }
}

fn name_and_path(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.to_owned())),
        _ => Err("write NAME=PATH, for instance conn=zeek/conn.log".to_owned()),
    }
}

fn format_of_name(name: &str) -> Result<Format, String> {
    Format::of_name(name).ok_or_else(|| {
        let known: Vec<&str> = Format::NAMES.iter().map(|(name, _)| *name).collect();
        format!("known formats: {}", known.join(", "))
    })
}
