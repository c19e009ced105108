//! Completion and help for Rust cells: the line to a process of its own that does nothing else.
//!
//! Of its own, because it must answer while a cell compiles or runs, and because rust-analyzer may panic on a text that
//! is being typed, which must cost neither variables nor session. It is given the cells that ran, as text.

pub mod worker;

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::oneshot,
    time::timeout,
};

use super::{rewritten, workspace::Workspace};
use crate::request::complete::{Item, Offer};

/// How long a front end waits for an answer. The first one waits for rust-analyzer to read the standard library; whoever
/// asks again gets it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A process that has not answered for so long is replaced.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Text of earlier cells that is looked at, bytes: more makes every answer slower.
const EARLIER_BYTES_MAX: usize = 64 * 1024;

/// Stands between cells, so that one that ends in a value does not run into the next.
const BETWEEN_CELLS: &str = "\n;\n";

/// The line to the process.
pub struct Analysis {
    workspace: Arc<Workspace>,
    worker: tokio::sync::Mutex<Option<Worker>>,
    /// 0 when there is none.
    process: AtomicU32,
    earlier: Mutex<String>,
}

struct Worker {
    /// Killed when this is dropped.
    _child: Child,
    questions: ChildStdin,
    waiting: Waiting,
    next: u64,
    /// When it was started or last asked for something that it then answered.
    silent_since: Instant,
}

/// Who waits for which answer.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

impl Analysis {
    /// A line whose process is started with the first question.
    pub fn new(workspace: Arc<Workspace>) -> Analysis {
        Analysis { workspace, worker: Default::default(), process: AtomicU32::new(0), earlier: Mutex::default() }
    }

    /// Remembers a cell that ran: what it defines can be completed from now on.
    pub fn remember(&self, code: &str) {
        if !rewritten::is_whole(code) {
            return;
        }
        let mut earlier = self.earlier();
        earlier.push_str(code);
        earlier.push_str(BETWEEN_CELLS);
        while earlier.len() > EARLIER_BYTES_MAX {
            let first = earlier.find(BETWEEN_CELLS).map_or(earlier.len(), |end| end + BETWEEN_CELLS.len());
            earlier.drain(..first);
        }
    }

    /// The process, if there is one.
    pub fn process(&self) -> Option<u32> {
        Some(self.process.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    /// Completions at a byte offset.
    pub async fn complete(&self, code: &str, byte: usize) -> Option<Offer> {
        let (answer, before) = self.ask("complete", code, byte).await?;
        // What would replace text of an earlier cell is no offer for this one.
        let place = |field: &str| usize::try_from(answer.get(field)?.as_u64()?).ok()?.checked_sub(before);
        let (start, end) = (place("start")?, place("end")?);
        let is_inside = start <= end && end <= code.len() && code.is_char_boundary(start) && code.is_char_boundary(end);
        let items = answer.get("items")?.as_array()?.iter().filter_map(item);
        is_inside.then(|| Offer { start, end, items: items.collect() })
    }

    /// Help on what is at a byte offset.
    pub async fn inspect(&self, code: &str, byte: usize) -> Option<String> {
        // rust-analyzer wants the cursor behind a whole name.
        let (start, name) = crate::request::cursor::name_at(code, byte);
        let (answer, _) = self.ask("inspect", code, start + name.len()).await?;
        answer.get("text")?.as_str().map(str::to_owned)
    }

    /// Asks the process, starting it if need be. Gives the answer and how many bytes were put before the code.
    async fn ask(&self, question: &str, code: &str, byte: usize) -> Option<(Value, usize)> {
        let earlier = self.earlier().clone();
        let before = earlier.len();
        let question = json!({"question": question, "code": earlier + code, "byte": before + byte});
        let answer = self.send(question).await?;
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => {
                if let Some(worker) = self.worker.lock().await.as_mut() {
                    worker.silent_since = Instant::now();
                }
                Some((answer, before))
            }
            // It ended, or is not ready yet.
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// Sends a question. A process that ended, or that never answers, is replaced.
    async fn send(&self, mut question: Value) -> Option<oneshot::Receiver<Value>> {
        let mut worker = self.worker.lock().await;
        let is_lost = |worker: &Worker| worker.has_ended() || worker.silent_since.elapsed() > SILENCE_MAX;
        if worker.as_ref().is_none_or(is_lost) {
            *worker = self.start().map_err(|error| tracing::warn!(%error, "no completion for Rust cells")).ok();
        }
        let worker = worker.as_mut()?;
        let number = worker.next;
        worker.next += 1;
        question["number"] = number.into();
        let (answer, wait) = oneshot::channel();
        lock(&worker.waiting).insert(number, answer);
        let sent = worker.questions.write_all(format!("{question}\n").as_bytes()).await;
        sent.map_err(|error| tracing::warn!(%error, "the process that completes Rust cells ended")).ok()?;
        Some(wait)
    }

    fn start(&self) -> std::io::Result<Worker> {
        let mut child = Command::new(program()?)
            .arg("analyse")
            .arg(std::process::id().to_string())
            .env("EVCXR_TMPDIR", self.workspace.analysis_crate())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        self.process.store(child.id().unwrap_or(0), Ordering::Release);
        let missing = || std::io::Error::other("a pipe to the process is missing");
        let questions = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let waiting = Waiting::default();
        tokio::spawn(read_answers(answers, waiting.clone()));
        Ok(Worker { _child: child, questions, waiting, next: 1, silent_since: Instant::now() })
    }

    fn earlier(&self) -> MutexGuard<'_, String> {
        lock(&self.earlier)
    }
}

impl Worker {
    /// Whether its answers have ended: then nobody else holds the list.
    fn has_ended(&self) -> bool {
        Arc::strong_count(&self.waiting) == 1
    }
}

async fn read_answers(answers: BufReader<ChildStdout>, waiting: Waiting) {
    let mut lines = answers.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut answer) = serde_json::from_str::<Value>(&line) else { continue };
        let asked = answer["number"].as_u64().and_then(|number| lock(&waiting).remove(&number));
        if let Some(asked) = asked {
            // Who asked may have stopped waiting.
            let _ = asked.send(answer["answer"].take());
        }
    }
    // Nobody waits for a process that ended.
    lock(&waiting).clear();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

fn item(item: &Value) -> Option<Item> {
    let text = |field: &str| item.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Item { text: text("text")?, kind: text("kind")?, signature: text("signature")? })
}
