//! `flowdeck run`: a notebook without a page.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, Utc};
use clap::Args;

use super::{say, utc_time};
use crate::{
    cell::report::{Form, ReportCell},
    exports,
    form::moment,
    interpreter::rust::RustCells,
    run::{Order, Outcome, Run, Time, parameters, template::Template},
};

/// What is said to those whose order cannot be followed; nothing has run then. As clap has it.
const WRONG_ORDER: u8 = 2;

/// Options of `flowdeck run`.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all ran; 1 a cell or query failed, OUT tells which; 2 the order is wrong and nothing ran; \
                  130 interrupted, OUT has what there is."
)]
pub struct Options {
    /// The notebook to run.
    notebook: PathBuf,
    /// Write the notebook with its outputs here; `{NAME}` stands for the value of a field.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The value of a field of a form, or of a variable of the Rust cell with the tag `parameters`.
    #[arg(short, long = "parameters", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, serde_json::Value)>,
    /// Parameters in a file: YAML, JSON or TOML.
    #[arg(short = 'f', long = "parameters_file", alias = "parameters-file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Parameters in YAML.
    #[arg(
        short = 'y',
        long = "parameters_yaml",
        alias = "parameters-yaml",
        value_name = "YAML",
        allow_hyphen_values = true
    )]
    yaml: Vec<String>,
    /// Write a table that the notebook makes to a file; its ending tells how: csv, jsonl, parquet, arrow, xlsx, md.
    #[arg(long = "result", value_name = "NAME=FILE", value_parser = name_and_file)]
    results: Vec<(String, PathBuf)>,
    /// Write a report of the results, as HTML or, to a file with the ending md, as Markdown.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Notes for the report: a file in Markdown.
    #[arg(long, value_name = "FILE", requires = "report")]
    notes: Option<PathBuf>,
    /// The tables and plots in the report; otherwise all.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "report")]
    show: Vec<String>,
    /// Write addresses and names in the report so that nobody follows them by accident.
    #[arg(long, requires = "report")]
    defang: bool,
    /// Press this button, and no other that is not named so. Without it all are pressed.
    #[arg(long, value_name = "BUTTON")]
    press: Vec<String>,
    /// Run for the time from then on (UTC unless it says otherwise): 2024-02-05, 2024-02-05T10:00, now-2d.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "to")]
    from: Option<DateTime<Utc>>,
    /// Run for the time until then.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "from")]
    to: Option<DateTime<Utc>>,
    /// Cut the time into windows of this length, each a run of its own: 1h, 1d. Windows that are done are not run again.
    #[arg(long, value_name = "LENGTH", value_parser = length, requires = "from")]
    step: Option<flowdeck::chrono::TimeDelta>,
    /// The fields that get the ends of a window; otherwise `start` and `end`.
    #[arg(long, value_name = "START,END", requires = "from")]
    window: Option<String>,
    /// Run windows again that are done.
    #[arg(long, requires = "from")]
    anew: bool,
    /// Run in this folder; otherwise in the notebook's.
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Say nothing but what went wrong.
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the notebook, and says what became of it.
pub fn run(options: Options) -> ExitCode {
    let run = match order(options).and_then(Run::prepare) {
        Ok(run) => run,
        Err(error) => {
            say(&format!("error: {error:#}"));
            return ExitCode::from(WRONG_ORDER);
        }
    };
    match execute(run) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Stopped(code)) => {
            say("interrupted");
            ExitCode::from(code)
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(run: Run) -> Result<Outcome> {
    let rust = RustCells::prepare()?;
    // Queries, cells and the compiler have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(run.execute(rust));
    runtime.shutdown_background();
    outcome
}

/// The order, its paths made absolute before the folder changes.
fn order(options: Options) -> Result<Order> {
    let mut parameters = serde_json::Map::new();
    for file in &options.files {
        parameters.extend(parameters::of_file(file)?);
    }
    for yaml in &options.yaml {
        let given = parameters::of_yaml(yaml);
        parameters.extend(given.map_err(|error| anyhow!("`{yaml}` holds no parameters: {error}"))?);
    }
    parameters.extend(options.parameters.clone());
    let notebook = std::path::absolute(&options.notebook)?;
    let out = options.output.as_deref().map(template).transpose()?;
    let results = options.results.iter().map(|(name, file)| Ok((name.clone(), template(file)?)));
    let results = results.collect::<Result<_>>()?;
    let report = match &options.report {
        Some(file) => Some((template(file)?, report(&options, file)?)),
        None => None,
    };
    let time = options.from.zip(options.to).map(|(from, to)| Time {
        from,
        to,
        step: options.step,
        fields: options.window.clone(),
    });
    let folder = options.cwd.as_deref().or_else(|| notebook.parent()).unwrap_or(Path::new("."));
    if options.cwd.is_some() || notebook.is_file() {
        // Relative paths in a notebook are seen from its folder, as when Jupyter runs it.
        std::env::set_current_dir(folder).with_context(|| format!("cannot run in `{}`", folder.display()))?;
    }
    exports::name_playbook(&notebook);
    Ok(Order {
        notebook,
        out,
        results,
        report,
        parameters,
        press: options.press,
        time,
        is_anew: options.anew,
        is_quiet: options.quiet,
    })
}

fn report(options: &Options, file: &Path) -> Result<ReportCell> {
    let is_markdown = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
    let notes = match &options.notes {
        Some(notes) => {
            std::fs::read_to_string(notes).with_context(|| format!("cannot read the notes in `{}`", notes.display()))?
        }
        None => String::new(),
    };
    Ok(ReportCell {
        show: options.show.clone(),
        form: if is_markdown { Form::Markdown } else { Form::Html },
        is_defanged: options.defang,
        notes,
        ..ReportCell::default()
    })
}

/// The path as a template, seen from the folder of now; braces in the names of folders above are no placeholders.
fn template(path: &Path) -> Result<Template> {
    let text = path.to_str().context("the name of a file is not UTF-8")?;
    if path.is_absolute() {
        return Template::parse(text);
    }
    let folder = std::env::current_dir()?;
    let folder = folder.to_str().context("the name of this folder is not UTF-8")?;
    Template::parse(&format!("{}/{text}", folder.replace('{', "{{").replace('}', "}}")))
}

/// Arguments in which `-p NAME VALUE` became `-p NAME=VALUE`: people who know papermill write both.
pub fn joined(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.peekable();
    let mut joined: Vec<OsString> = Vec::new();
    let mut is_run = false;
    while let Some(argument) = arguments.next() {
        is_run |= joined.len() == 1 && argument == "run";
        let is_parameter = is_run && ["-p", "--parameters"].iter().any(|flag| argument == *flag);
        joined.push(argument);
        if !is_parameter {
            continue;
        }
        let Some(name) = arguments.next() else { break };
        let is_name = name.to_str().is_some_and(|name| !name.contains('=') && !name.starts_with('-'));
        let value = if is_name { arguments.next() } else { None };
        joined.push(match value {
            Some(value) => [name, OsString::from("="), value].into_iter().collect(),
            None => name,
        });
    }
    joined
}

fn pair(text: &str) -> Result<(String, serde_json::Value), String> {
    parameters::of_pair(text).map_err(|error| error.to_string())
}

fn name_and_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("write NAME=FILE, for instance scans=scans.csv".to_owned()),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    match text.starts_with("now") {
        true => moment::parse(text, Utc::now()),
        false => utc_time(text),
    }
}

fn length(text: &str) -> Result<flowdeck::chrono::TimeDelta, String> {
    moment::duration(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        let split = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(joined(split(words).into_iter()), split(expected));
    }

    #[test]
    fn parameters_are_written_in_two_ways() {
        check("flowdeck run nb -p a 1 -p b=2 -o out", "flowdeck run nb -p a=1 -p b=2 -o out");
        check("flowdeck run -p a=1 nb", "flowdeck run -p a=1 nb");
        check("flowdeck run nb --parameters a b=c -p", "flowdeck run nb --parameters a=b=c -p");
        check("flowdeck sql -p a 1", "flowdeck sql -p a 1");
    }
}
