//! Completion and help for Rust cells: the line to a process of its own that does nothing else.
//!
//! Of its own, because it must answer while a cell compiles or runs, and because rust-analyzer may panic on a text that
//! is being typed, which must cost neither variables nor session. It is given the cells that ran, as text.

pub mod worker;

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::workspace::Workspace;
use crate::request::complete::{Item, Offer};

/// How long an answer may take. The first one waits for rust-analyzer to read the standard library.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Text of earlier cells that is looked at, bytes: more makes every answer slower.
const EARLIER_BYTES_MAX: usize = 64 * 1024;

/// Stands between cells, so that one that ends in a value does not run into the next.
const BETWEEN_CELLS: &str = "\n;\n";

/// The line to the process.
pub struct Analysis {
    workspace: Arc<Workspace>,
    /// Held while a question is open: answers have no names.
    worker: tokio::sync::Mutex<Option<Worker>>,
    /// 0 when there is none.
    process: AtomicU32,
    earlier: Mutex<String>,
}

struct Worker {
    /// Killed when this is dropped.
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Analysis {
    /// A line whose process is started with the first question.
    pub fn new(workspace: Arc<Workspace>) -> Analysis {
        Analysis { workspace, worker: Default::default(), process: AtomicU32::new(0), earlier: Mutex::default() }
    }

    /// Remembers a cell that ran: what it defines can be completed from now on.
    pub fn remember(&self, code: &str) {
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
        let text = json!({"question": question, "code": earlier + code, "byte": before + byte}).to_string();
        let mut worker = self.worker.lock().await;
        if worker.is_none() {
            *worker = self.start().map_err(|error| tracing::warn!(%error, "no completion for Rust cells")).ok();
        }
        let answer = timeout(ANSWER_TIMEOUT, worker.as_mut()?.ask(text)).await;
        match answer {
            Ok(Ok(answer)) => Some((answer, before)),
            Ok(Err(error)) => self.give_up(&mut worker, &format!("it ended: {error}")),
            Err(_) => self.give_up(&mut worker, "it took too long"),
        }
    }

    /// The next question starts another process.
    fn give_up<T>(&self, worker: &mut Option<Worker>, why: &str) -> Option<T> {
        tracing::warn!(why, "the process that completes Rust cells is given up");
        *worker = None;
        self.process.store(0, Ordering::Release);
        None
    }

    fn start(&self) -> std::io::Result<Worker> {
        let mut child = Command::new(program()?)
            .arg("analyse")
            .env("EVCXR_TMPDIR", self.workspace.analysis_crate())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        self.process.store(child.id().unwrap_or(0), Ordering::Release);
        let missing = || std::io::Error::other("a pipe to the process is missing");
        let questions = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Worker { _child: child, questions, answers })
    }

    fn earlier(&self) -> MutexGuard<'_, String> {
        self.earlier.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Worker {
    async fn ask(&mut self, mut question: String) -> std::io::Result<Value> {
        question.push('\n');
        self.questions.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(serde_json::from_str(&answer)?),
        }
    }
}

fn program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

fn item(item: &Value) -> Option<Item> {
    let text = |field: &str| item.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Item { text: text("text")?, kind: text("kind")?, signature: text("signature")? })
}
