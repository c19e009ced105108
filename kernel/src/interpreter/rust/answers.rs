//! Requests of a cell host that take their time: queries, questions to the person, pauses. Each is answered by a task.

use std::{io::Cursor, sync::Arc, time::Duration};

use arrow::ipc::reader::StreamReader;
use flow_engine::{QueryOptions, QueryResult};
use flowdeck::bridge::{self, Frame};
use kernel_protocol::MimeBundle;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{host::Shared, widget_frames::cancellation};
use crate::{cell::plot::PlotCell, engine, plot, report::Report, table};

/// The longest pause, seconds: a day.
const PAUSE_SECONDS_MAX: f64 = 86_400.0;

/// Whether this room answers a frame of this kind.
pub fn is_one(kind: &str) -> bool {
    [
        bridge::SQL,
        bridge::TABLE_SAVE,
        bridge::TABLE_DEFINE,
        bridge::PLOT,
        bridge::INPUT,
        bridge::SLEEP,
        bridge::FORM_VALUE,
    ]
    .contains(&kind)
}

/// Answers a request.
pub async fn answer(shared: Arc<Shared>, mut question: Frame) {
    let cancel = cancellation(&shared, &question);
    let answer = match question.kind() {
        bridge::INPUT => ask(&shared, &question).await,
        bridge::SLEEP => pause(&question, cancel).await,
        bridge::FORM_VALUE => form_value(&shared, &question).await,
        bridge::TABLE_SAVE => save(&shared, &question, cancel).await,
        bridge::PLOT => draw(&shared, &question, cancel).await,
        bridge::TABLE_DEFINE => define_table(&shared, &mut question).await,
        _ => run_query(&shared, question.text("sql"), cancel).await,
    };
    shared.reply(question.number("id"), answer);
}

impl Shared {
    /// Answers the request `id`.
    pub fn reply(&self, id: u64, answer: Result<Frame, Report>) {
        let mut answer = answer.unwrap_or_else(|report| {
            Frame::new(
                json!({"error": report.evalue, "hint": report.hint(), "interrupted": report.ename == "Interrupted"}),
            )
        });
        answer.json.insert("type".to_owned(), Value::from(bridge::REPLY));
        answer.json.insert("id".to_owned(), Value::from(id));
        self.send(answer);
    }
}

async fn form_value(shared: &Shared, question: &Frame) -> Result<Frame, Report> {
    let header = shared.cell().header.clone();
    let value = shared.forms().value(&header, question.text("name")).await?;
    Ok(Frame::new(json!({"value": value})))
}

async fn pause(question: &Frame, cancel: CancellationToken) -> Result<Frame, Report> {
    let seconds = question.json.get("seconds").and_then(Value::as_f64).unwrap_or_default();
    let pause = if seconds.is_nan() { 0.0 } else { seconds.clamp(0.0, PAUSE_SECONDS_MAX) };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Report::interrupted("the pause was interrupted")),
        () = tokio::time::sleep(Duration::from_secs_f64(pause)) => Ok(Frame::new(json!({}))),
    }
}

async fn ask(shared: &Shared, question: &Frame) -> Result<Frame, Report> {
    let prompt = shared.cell().prompt.clone();
    let prompt = prompt.ok_or_else(|| Report::internal("a question came from no cell"))?;
    let (text, is_password) = match question.json.get("prompt").and_then(Value::as_str) {
        Some(text) => (text.to_owned(), question.json.get("password").and_then(Value::as_bool).unwrap_or(false)),
        // A plain read of standard input.
        None => std::mem::take(&mut shared.cell().question),
    };
    let text = prompt.ask(&text, is_password).await?;
    Ok(Frame::new(json!({"text": text})))
}

/// The result that a variable holds.
fn result(shared: &Shared, question: &Frame) -> Result<QueryResult, Report> {
    shared.results.get(question.number("table")).ok_or_else(|| {
        let fact = "the rows of this table are no longer in the kernel: many queries came after it";
        Report::new("TableError", fact).with_hint("run the query again")
    })
}

async fn draw(shared: &Shared, question: &Frame, cancel: CancellationToken) -> Result<Frame, Report> {
    let result = result(shared, question)?;
    let mut wanted = PlotCell::default();
    for pair in question.json.get("options").and_then(Value::as_array).into_iter().flatten() {
        let part = |index: usize| pair.get(index).and_then(Value::as_str).unwrap_or_default().to_owned();
        wanted.set(&part(0), &mut || Ok(part(1)))?;
    }
    let plot = plot::of(engine::ready().await?, result, &wanted.request, cancel).await?;
    match wanted.save {
        Some(picture) => Ok(Frame::new(json!({"path": plot.save(picture, None).await?.display().to_string()}))),
        None => Ok(Frame::new(json!({"data": plot.bundle().await?}))),
    }
}

async fn save(shared: &Shared, question: &Frame, cancel: CancellationToken) -> Result<Frame, Report> {
    let result = result(shared, question)?;
    let path = table::save(result, question.text("format"), cancel).await?;
    Ok(Frame::new(json!({"path": path.display().to_string()})))
}

/// Makes rows of a cell a table.
async fn define_table(shared: &Arc<Shared>, question: &mut Frame) -> Result<Frame, Report> {
    let room = engine::ready().await?;
    let (name, rows) = (question.text("name").to_owned(), std::mem::take(&mut question.payload));
    let shared = shared.clone();
    let define = move || -> Result<(String, MimeBundle), Report> {
        let reader = StreamReader::try_new(Cursor::new(rows), None).map_err(Report::internal)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(Report::internal)?;
        let result = QueryResult::of_batches(schema, batches);
        let name = room.engine.register_result(&name, &result).map_err(|error| room.report(&error))?;
        Ok((name, shared.results.keep(result)))
    };
    let (name, data) = tokio::task::spawn_blocking(define).await.map_err(Report::internal)??;
    Ok(Frame::new(json!({"name": name, "data": data})))
}

async fn run_query(shared: &Arc<Shared>, sql: &str, cancel: CancellationToken) -> Result<Frame, Report> {
    let room = engine::ready().await?;
    let result = room.engine.query(sql, QueryOptions::default(), cancel).await.map_err(|error| room.report(&error))?;
    let shared = shared.clone();
    let answer = move || -> Result<Frame, arrow::error::ArrowError> {
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &result.schema)?;
        for batch in &result.batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        let data = shared.results.keep(result);
        Ok(Frame { payload: writer.into_inner()?, ..Frame::new(json!({"data": data})) })
    };
    tokio::task::spawn_blocking(answer).await.map_err(Report::internal)?.map_err(Report::internal)
}
