//! The front end of a run: a kernel in this process without sockets, and what its cells put out.
//!
//! A cell runs as it does for a page. When and whether buttons are pressed is decided in [`super::cells`].

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flowdeck::chrono::Utc;
use kernel_protocol::{
    Message, MimeBundle, Session,
    socket::{iopub::Iopub, router},
    wire::header::Header,
};
use serde_json::{Value, json};
use widgets_comm::{
    output::{Output, Tally, append},
    view::VIEW_MIME,
};

use super::{notebook::CodeCell, told::Span};
use crate::{
    cell::Cell,
    engine, execution,
    form::live::{Ran, words},
    interpreter::rust::RustCells,
    kernel::Kernel,
    report::Report,
    stdin::Stdin,
};

/// A kernel and what it has put out.
pub struct FrontEnd {
    kernel: Arc<Kernel>,
    heard: Arc<Mutex<Vec<Heard>>>,
    is_interrupted: AtomicBool,
    has_rust: AtomicBool,
}

/// The outputs of one cell.
struct Heard {
    request: String,
    outputs: Vec<Value>,
    tally: Tally,
}

/// What became of a cell.
pub struct Ended {
    /// The cell's place among all cells.
    pub index: usize,
    /// Its number in the run.
    pub count: u64,
    /// Why it failed, if it did.
    pub failure: Option<Report>,
    /// Why its query was not run, if it was not: its button was not pressed, or a field is empty.
    pub waits: Option<String>,
    /// From when to when it ran.
    pub span: Span,
    /// The message that ran it.
    header: Header,
    /// Names it in the kernel.
    id: String,
}

impl FrontEnd {
    /// A kernel. `rust` has to be prepared before any thread is started.
    ///
    /// # Errors
    /// None that is known: an empty key signs nothing.
    pub fn start(rust: RustCells) -> anyhow::Result<FrontEnd> {
        let session = Arc::new(Session::new("hmac-sha256", "")?);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let iopub = Iopub::within(session.clone(), {
            let heard = heard.clone();
            move |message| hear(&mut lock(&heard), &message)
        });
        let stdin = Stdin::new(session.clone(), router::unconnected("stdin", session.clone()), iopub.clone());
        let (kernel, _) = Kernel::assemble(session, iopub, stdin, rust);
        tokio::spawn({
            let widgets = kernel.widgets.clone();
            async move { widgets.serve().await }
        });
        let (is_interrupted, has_rust) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(FrontEnd { kernel, heard, is_interrupted, has_rust })
    }

    /// The kernel, for what is neither run nor interrupted.
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Runs a cell. A query in it that waits for a button waits on.
    pub async fn run(&self, cell: &CodeCell, count: u64) -> Ended {
        let begun = Utc::now();
        let parsed = Cell::parse(&cell.source);
        if matches!(parsed, Ok(Cell::Rust(_) | Cell::LineMagic { .. })) {
            self.prepare_rust();
        }
        let request = self.request(cell);
        let outcome = execution::run_cell(&self.kernel, &request, count, false).await;
        let mut ended = Ended {
            index: cell.index,
            count,
            failure: outcome.err(),
            waits: None,
            span: (begun, Utc::now()),
            header: request.header,
            id: cell.id.clone(),
        };
        ended.note(self.kernel.live.ran(&cell.id));
        ended
    }

    /// Presses the button that the query of a cell waits for, for this query alone.
    pub async fn press(&self, ended: &mut Ended, button: &str) {
        match self.kernel.forms.waits_for(button).await {
            Some(table) => ended.waits = Some(format!("the button `{button}` waits for the table `{table}`")),
            None => match self.kernel.reports.run(&ended.id, &ended.header).await {
                Some(made) => ended.failure = made.err(),
                None => ended.note(self.kernel.live.run(&ended.id, &ended.header).await),
            },
        }
        ended.span.1 = Utc::now();
    }

    /// What a cell has put out, with stand-ins for its widgets as they are now.
    pub async fn outputs(&self, ended: &Ended) -> Vec<Value> {
        self.kernel.widgets.flush().await;
        self.kernel.iopub.barrier().await;
        let mut outputs = {
            let heard = lock(&self.heard);
            heard.iter().find(|heard| heard.request == ended.header.msg_id()).map(|heard| heard.outputs.clone())
        }
        .unwrap_or_default();
        let ran = self.kernel.live.ran(&ended.id);
        for output in &mut outputs {
            let Some(data) = output.get_mut("data").and_then(Value::as_object_mut) else { continue };
            let Some(model) = data.get(VIEW_MIME).and_then(|view| view["model_id"].as_str()) else { continue };
            if !self.kernel.widgets.is_published(model).await {
                continue;
            }
            if let Some(view) = self.kernel.widgets.view(model).await {
                data.extend(view);
            }
            if let Some(Ran::Shown { bundle, line }) = &ran {
                data.extend(stand_ins(bundle, line));
            }
        }
        if let (Some(Ran::Failed(report)), Some(failure)) = (&ran, &ended.failure)
            && report == failure
        {
            // On a page the failure stands in the query's area; tools look for it among the outputs.
            let mut error = report.content();
            error.insert("output_type".to_owned(), "error".into());
            outputs.push(error.into());
        }
        outputs
    }

    /// The state of all widgets, as a notebook keeps it.
    pub async fn widget_state(&self) -> Value {
        self.kernel.widgets.saved().await
    }

    /// Forgets outputs and tables of an earlier run of the same cells.
    ///
    /// # Errors
    /// When the engine cannot start.
    pub async fn begin_anew(&self) -> Result<(), Report> {
        lock(&self.heard).clear();
        let names = self.kernel.results.forget();
        if !names.is_empty() {
            let room = engine::ready().await?;
            for name in names {
                room.engine.deregister(&name);
            }
        }
        Ok(())
    }

    /// Stops what runs now and whatever would come.
    pub fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Relaxed);
        self.kernel.execution.interrupt();
        self.kernel.live.stop_all();
    }

    /// Whether it was interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Ends child processes.
    pub fn stop(&self) {
        self.kernel.interpreters.stop();
    }

    /// A notebook without Rust cells needs no compiler.
    fn prepare_rust(&self) {
        if !self.has_rust.swap(true, Ordering::Relaxed) {
            let Kernel { interpreters, widgets, forms, tables, .. } = self.kernel.as_ref();
            interpreters.warm_up(widgets.clone(), forms.clone(), tables.clone());
        }
    }

    fn request(&self, cell: &CodeCell) -> Message {
        let content = json!({"code": cell.source, "silent": false, "store_history": false, "allow_stdin": false});
        let mut request = self.kernel.session.caused_by(&Header::default(), "execute_request", content);
        request.metadata.insert("cellId".to_owned(), cell.id.as_str().into());
        request
    }
}

impl Ended {
    fn note(&mut self, ran: Option<Ran>) {
        match ran {
            Some(Ran::Failed(report)) => self.failure = Some(report),
            Some(Ran::NotFilledIn(wrong)) => self.waits = Some(words::facts(&wrong)),
            Some(Ran::Shown { .. } | Ran::Overtaken | Ran::Aside) | None => {}
        }
    }
}

/// Keeps what a message puts out. Updates of a display reach the cells before, too.
fn hear(heard: &mut Vec<Heard>, message: &Message) {
    let content = Value::Object(message.content.clone());
    let Some(output) = Output::parse(message.msg_type(), &content) else { return };
    if let Output::Update { .. } = output {
        heard.iter_mut().for_each(|cell| append(&mut cell.outputs, &mut cell.tally, output.clone()));
        return;
    }
    let request = message.parent_header.msg_id();
    let place = heard.iter().position(|cell| cell.request == request).unwrap_or_else(|| {
        heard.push(Heard { request: request.to_owned(), outputs: Vec::new(), tally: Tally::default() });
        heard.len() - 1
    });
    let cell = &mut heard[place];
    append(&mut cell.outputs, &mut cell.tally, output);
}

/// What readers without widgets see of a query's area: the line above its result, and the result.
fn stand_ins(bundle: &MimeBundle, line: &str) -> MimeBundle {
    let text = |mime: &str| bundle.get(mime).and_then(Value::as_str);
    let picture = || {
        let svg = text("image/svg+xml")?;
        // As a picture by its address, so that nothing in it can run.
        Some(format!("<img alt=\"plot\" src=\"data:image/svg+xml;base64,{}\">", BASE64.encode(svg)))
    };
    let plain = text("text/plain").unwrap_or_default();
    let shown = text("text/html").map(str::to_owned).or_else(picture);
    let shown = shown.unwrap_or_else(|| format!("<pre>{}</pre>", html_escape::encode_text(plain)));
    let mut stand_ins = MimeBundle::new();
    stand_ins.insert("text/plain".to_owned(), format!("{line}\n{plain}").into());
    stand_ins.insert("text/html".to_owned(), format!("<p>{}</p>{shown}", html_escape::encode_text(line)).into());
    stand_ins
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
