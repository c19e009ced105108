//! The queue of cells: one after another, each bracketed by busy and idle, counted, remembered, and interruptible.
//!
//! After a cell fails with `stop_on_error`, the cells queued behind it are answered `aborted` without running; other
//! requests are not touched, they never come here.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel_protocol::{Message, socket::router};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cell::Cell,
    interpreter::{Done, Job},
    kernel::Kernel,
    outputs::Outputs,
    report::Report,
    stdin::Prompt,
};

/// How long the reply of a failed cell waits for cells that were sent before it.
const ABORT_WINDOW: Duration = Duration::from_millis(10);

/// The queue as the rest of the kernel sees it.
pub struct Execution {
    queue: mpsc::UnboundedSender<Message>,
    running: Mutex<Option<CancellationToken>>,
    count: AtomicU64,
}

/// Cells waiting to run.
pub type Cells = mpsc::UnboundedReceiver<Message>;

/// An empty queue. Its length is bounded by what clients send: they wait for replies.
pub fn queue() -> (Execution, Cells) {
    let (queue, cells) = mpsc::unbounded_channel();
    (Execution { queue, running: Mutex::default(), count: AtomicU64::new(0) }, cells)
}

impl Execution {
    /// Queues an `execute_request`.
    pub fn enqueue(&self, request: Message) {
        if self.queue.send(request).is_err() {
            tracing::error!("the task that runs cells is gone");
        }
    }

    /// Stops the running cell; says whether there was one.
    pub fn interrupt(&self) -> bool {
        match self.running().as_ref() {
            Some(running) => {
                running.cancel();
                true
            }
            None => false,
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<CancellationToken>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Runs the queued cells for as long as the kernel runs.
pub async fn run(kernel: Arc<Kernel>, mut cells: Cells, replies: router::Sender) {
    while let Some(request) = cells.recv().await {
        let sent_before = run_one(&kernel, &request, &cells, &replies).await;
        abort(&kernel, sent_before, &mut cells, &replies).await;
    }
}

/// Runs a cell and answers it. Gives the number of queued cells that must not run any more.
async fn run_one(kernel: &Arc<Kernel>, request: &Message, cells: &Cells, replies: &router::Sender) -> usize {
    kernel.status.cell_busy(&request.header).await;
    let started = now();
    let silent = request.flag("silent", false);
    let store_history = request.flag("store_history", !silent) && !silent;
    let step = u64::from(store_history);
    let count = kernel.execution.count.fetch_add(step, Ordering::Relaxed) + step;
    let outcome = run_cell(kernel, request, count, silent).await;
    if store_history {
        let output = outcome.as_ref().ok().and_then(|done| done.result_text.clone());
        kernel.history.add(count, request.text("code"), output);
    }
    let stops = outcome.is_err() && request.flag("stop_on_error", true) && !silent;
    let to_abort = if stops { sent_before_the_failure(cells).await } else { 0 };
    let (status, content) = content(outcome.as_ref(), count);
    let mut reply = kernel.session.reply(request, "execute_reply", content);
    reply.metadata = metadata(started, status);
    replies.send(&reply).await;
    kernel.status.cell_idle(&request.header).await;
    to_abort
}

/// How many cells are queued while the client cannot know of the failure yet: counted before the reply goes out, so
/// that what it sends in answer to the reply is never among them.
async fn sent_before_the_failure(cells: &Cells) -> usize {
    // Some may still be on their way from the socket to the queue.
    tokio::time::sleep(ABORT_WINDOW).await;
    cells.len()
}

/// Runs the cell of an `execute_request` at once. Its outputs, and the report of its failure, go to iopub; it is neither
/// bracketed nor answered nor remembered.
///
/// # Errors
/// What the failure is.
pub async fn run_cell(kernel: &Arc<Kernel>, request: &Message, count: u64, silent: bool) -> Result<Done, Report> {
    let code = request.text("code");
    // First of all: an interrupt must find the cell from the moment at which the front end sees it busy.
    let cancel = CancellationToken::new();
    *kernel.execution.running() = Some(cancel.clone());
    if !silent {
        let input = json!({"code": code, "execution_count": count});
        kernel.iopub.publish(&request.header, "execute_input", input).await;
    }
    let outputs = Outputs::new(kernel, request.header.clone(), count, silent);
    let mut outcome = run_text(kernel, request, code, outputs.clone(), &cancel).await;
    if let Ok(done) = &mut outcome {
        done.user_expressions = user_expressions(kernel, request, &cancel).await;
    }
    *kernel.execution.running() = None;
    if let Err(report) = &outcome {
        outputs.error(report).await;
    }
    outcome
}

async fn run_text(
    kernel: &Arc<Kernel>,
    request: &Message,
    code: &str,
    outputs: Outputs,
    cancel: &CancellationToken,
) -> Result<Done, Report> {
    let cell = Cell::parse(code)?;
    let prompt = Prompt::new(kernel.stdin.clone(), request, cancel.clone());
    let job = Job { kernel: kernel.clone(), outputs, prompt, cancel: cancel.clone() };
    // A panic of ours in a task of its own ends the cell, not the queue.
    tokio::spawn(job.run(cell)).await.unwrap_or_else(|error| Err(Report::internal(error)))
}

/// Evaluates the expressions that came with the cell: each is a cell of its own, of which only the value counts.
async fn user_expressions(kernel: &Arc<Kernel>, request: &Message, cancel: &CancellationToken) -> Map<String, Value> {
    let mut values = Map::new();
    let Some(Value::Object(expressions)) = request.content.get("user_expressions") else { return values };
    for (name, expression) in expressions {
        let (outputs, gathered) = Outputs::gathered();
        let code = expression.as_str().unwrap_or_default();
        let value = match run_text(kernel, request, code, outputs, cancel).await {
            Ok(_) => json!({"status": "ok", "data": gathered.take().unwrap_or_default(), "metadata": {}}),
            Err(report) => {
                let mut content = report.content();
                content.insert("status".into(), "error".into());
                Value::Object(content)
            }
        };
        values.insert(name.clone(), value);
    }
    values
}

fn content(outcome: Result<&Done, &Report>, count: u64) -> (&'static str, Value) {
    match outcome {
        Ok(done) => {
            let content = json!({
                "status": "ok",
                "execution_count": count,
                "user_expressions": done.user_expressions,
                "payload": done.payload,
            });
            ("ok", content)
        }
        Err(report) => {
            let mut content = report.content();
            content.insert("status".into(), "error".into());
            content.insert("execution_count".into(), count.into());
            content.insert("user_expressions".into(), json!({}));
            content.insert("payload".into(), json!([]));
            ("error", Value::Object(content))
        }
    }
}

fn metadata(started: String, status: &str) -> Map<String, Value> {
    // JupyterLab shows the cell's timing from `started`.
    [
        ("started".to_owned(), Value::from(started)),
        ("status".to_owned(), Value::from(status)),
        ("dependencies_met".to_owned(), Value::from(true)),
    ]
    .into_iter()
    .collect()
}

async fn abort(kernel: &Arc<Kernel>, count: usize, cells: &mut Cells, replies: &router::Sender) {
    for _ in 0..count {
        let Ok(request) = cells.try_recv() else { return };
        kernel.status.busy(&request.header).await;
        let content = json!({"status": "aborted"});
        replies.send(&kernel.session.reply(&request, "execute_reply", content)).await;
        kernel.status.idle(&request.header).await;
    }
}

fn now() -> String {
    flowdeck::chrono::Utc::now().to_rfc3339_opts(flowdeck::chrono::SecondsFormat::Micros, true)
}
