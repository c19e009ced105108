//! The stdin channel: asks the front end of the running cell for a line, one question at a time.

use std::sync::{Arc, Mutex, MutexGuard};

use kernel_protocol::{
    Message, Session,
    socket::{iopub::Iopub, router},
    wire::header::Header,
};
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::report::Report;

/// The channel.
pub struct Stdin {
    session: Arc<Session>,
    sender: router::Sender,
    iopub: Iopub,
    /// Who waits for an answer. A reply that nobody waits for is an answer to an earlier question: it is dropped.
    waiting: Mutex<Option<Waiting>>,
    /// Held while a question is open.
    turn: tokio::sync::Mutex<()>,
}

/// Who waits for the answer to which question.
struct Waiting {
    question: String,
    answer: oneshot::Sender<String>,
}

/// The way from one cell to its front end.
#[derive(Clone)]
pub struct Prompt {
    stdin: Arc<Stdin>,
    /// The `execute_request`: its identity is where the question goes.
    request: Arc<Message>,
    cancel: CancellationToken,
}

impl Stdin {
    /// The channel with the socket's sending half.
    pub fn new(session: Arc<Session>, sender: router::Sender, iopub: Iopub) -> Stdin {
        Stdin { session, sender, iopub, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Hands replies to whoever waits, for as long as the kernel runs.
    pub async fn serve(&self, mut replies: router::Receiver) {
        loop {
            let reply = replies.receive().await;
            let mut waiting = self.waiting();
            // Some clients do not say which question they answer.
            let question = reply.parent_header.msg_id();
            let is_it = |waiting: &Waiting| question.is_empty() || question == waiting.question;
            match waiting.take_if(|waiting| reply.msg_type() == "input_reply" && is_it(waiting)) {
                // Who asked may have been interrupted just now.
                Some(waiting) => drop(waiting.answer.send(reply.text("value").to_owned())),
                None => tracing::info!(msg_type = reply.msg_type(), "an answer that nobody waits for"),
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Prompt {
    /// The way to the front end that sent `request`, until `cancel`.
    pub fn new(stdin: Arc<Stdin>, request: &Message, cancel: CancellationToken) -> Prompt {
        Prompt { stdin, request: Arc::new(request.clone()), cancel }
    }

    /// The header of the request whose cell asks.
    pub fn header(&self) -> &Header {
        &self.request.header
    }

    /// The cell's identifier in the notebook, where the front end tells it.
    pub fn cell_id(&self) -> Option<&str> {
        self.request.metadata.get("cellId")?.as_str()
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// `StdinNotAllowed` when the front end said that it cannot ask, `Interrupted` when the user interrupts.
    pub async fn ask(&self, prompt: &str, is_password: bool) -> Result<String, Report> {
        if !self.request.flag("allow_stdin", false) {
            return Err(Report::new(
                "StdinNotAllowed",
                "the cell asks for input, and this front end does not allow it",
            )
            .with_hint("run the cell in JupyterLab or Notebook; a notebook that runs unattended cannot ask"));
        }
        let _turn = self.stdin.turn.lock().await;
        let (answer, wait) = oneshot::channel();
        self.stdin.iopub.flush().await;
        let content = json!({"prompt": prompt, "password": is_password});
        let question = self.stdin.session.reply(&self.request, "input_request", content);
        *self.stdin.waiting() = Some(Waiting { question: question.header.msg_id().to_owned(), answer });
        self.stdin.sender.clone().send(&question).await;
        tokio::select! {
            answer = wait => answer.map_err(|_| Report::interrupted("the question was withdrawn")),
            () = self.cancel.cancelled() => {
                self.stdin.waiting().take();
                Err(Report::interrupted("the cell was interrupted while it waited for input"))
            }
        }
    }
}
