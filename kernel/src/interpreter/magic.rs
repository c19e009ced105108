//! Content cells (`%%html` …), line magics (`%help` …) and `?name`.

use kernel_protocol::MimeBundle;
use serde_json::{Map, Value, json};

use super::{Done, Job, form, sql};
use crate::{
    cell::SqlCell,
    engine, help,
    outputs::Outputs,
    playbooks::area::{self, Command},
    report::Report,
    request::inspect,
    sources,
};

/// Shows the body of a content cell under its MIME type.
///
/// # Errors
/// None; the signature is that of all interpreters.
pub async fn content(mime: &str, body: String, outputs: &Outputs) -> Result<Done, Report> {
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), Value::from(body.as_str()));
    bundle.insert(mime.to_owned(), Value::from(body));
    outputs.display(bundle, Map::new(), Map::new(), false).await;
    Ok(Done::default())
}

/// Runs a line magic.
///
/// # Errors
/// A report when there is no such magic or it fails.
pub async fn line(name: &str, arguments: &str, job: &Job) -> Result<Done, Report> {
    match name {
        "help" => print(job, help::page()).await,
        "sources" => print(job, sources::answer(arguments, job.cancel.clone()).await?).await,
        "schema" => print(job, schema(arguments, job).await?).await,
        "vars" => print(job, job.kernel.interpreters.rust.variables().await?).await,
        "playbooks" => playbooks(arguments, job).await,
        "explain" => sql::run(SqlCell { query: format!("EXPLAIN {arguments}"), ..SqlCell::default() }, job).await,
        _ => Err(Report::new("UnknownMagic", format!("there is no magic `%{name}`"))
            .with_hint("run `%help` to see the magics there are")),
    }
}

/// Opens the front end's pager with help on a name.
///
/// # Errors
/// A report when nothing of that name is known.
pub async fn help_on(name: &str, job: &Job) -> Result<Done, Report> {
    let text = if name.is_empty() { Some(help::page()) } else { inspect::on_name(&job.kernel, name).await };
    let Some(text) = text else {
        return Err(Report::new("NothingFound", format!("there is no help on `{name}`"))
            .with_hint("help is there for SQL functions, tables, magics and Rust names; `%help` lists the magics"));
    };
    let page = json!({"source": "page", "data": {"text/plain": text}, "start": 0});
    Ok(Done { payload: vec![page], ..Done::default() })
}

async fn playbooks(arguments: &str, job: &Job) -> Result<Done, Report> {
    let command = Command::parse(arguments)?;
    if command.button.is_some() {
        let key = job.cell_key(arguments);
        let bundle = area::start(&job.kernel, job.prompt.header(), &key, command).await?;
        return form::show(bundle, job).await;
    }
    area::run_once(&job.kernel, &command, job).await?;
    Ok(Done::default())
}

async fn print(job: &Job, text: String) -> Result<Done, Report> {
    job.outputs.stream("stdout", text).await;
    Ok(Done::default())
}

async fn schema(table: &str, job: &Job) -> Result<String, Report> {
    let room = engine::ready().await?;
    room.engine.open_source(table, &job.cancel).await.map_err(|error| room.report(&error))?;
    let columns = room.engine.columns(table);
    if columns.is_empty() {
        let known = room.engine.table_names().join(", ");
        return Err(Report::new("UnknownTable", format!("there is no table `{table}`"))
            .with_hint(format!("usage: %schema TABLE; tables are: {known}")));
    }
    let width = columns.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    Ok(columns.iter().map(|(name, kind)| format!("{name:width$}  {kind}\n")).collect())
}
