//! The kernel's end of the line to the cell host: outputs in, answers to queries out.
//!
//! A cell host makes three connections: frames, standard output, standard error. Each is read by a task of its own,
//! so what a cell wrote before its process died still arrives.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flowdeck::bridge::{self, Frame};
use kernel_protocol::MimeBundle;
use serde_json::{Map, Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{UnixListener, UnixStream, unix::OwnedReadHalf},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    answers,
    callbacks::{self, Callbacks},
    current_cell::{CellEnd, CurrentCell, Place, is_unit},
    death,
    frames::{self, FrameReader},
    functions::{self, Functions},
    markers::{Markers, Piece},
    results::Results,
    warned::Warned,
    widget_frames,
    workspace::Workspace,
};
use crate::{
    form::Forms,
    outputs::Outputs,
    stdin::Prompt,
    table::{Action, Tables},
    widgets::Widgets,
};

/// How long the last output of a dead host may take to arrive.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes read from an output descriptor at once.
const READ_BYTES: usize = 64 * 1024;

/// The line to cell hosts, whichever is alive.
pub struct HostLink {
    shared: Arc<Shared>,
}

/// What the tasks of all connections share.
pub struct Shared {
    cell: Mutex<CurrentCell>,
    /// Open connections by process: none of a process is left when it is gone and all it wrote has been read.
    connections: watch::Sender<BTreeMap<u64, usize>>,
    /// Frames for the host that connected last.
    to_host: Mutex<Option<ToHost>>,
    /// Its process; 0 before there is one.
    process: AtomicU64,
    widgets: OnceLock<Arc<Widgets>>,
    forms: OnceLock<Arc<Forms>>,
    tables: OnceLock<Arc<Tables>>,
    /// Results of queries that variables hold.
    pub results: Results,
    workspace: Arc<Workspace>,
    /// Warnings that were shown.
    warned: Warned,
    /// Callbacks in the host that connected last.
    pub callbacks: Arc<Callbacks>,
    /// SQL functions in the host that connected last.
    pub functions: Functions,
}

/// Unbounded: the kernel says little to a host, and only when asked.
type ToHost = mpsc::UnboundedSender<Frame>;

impl HostLink {
    /// A line without a host yet.
    pub fn new(workspace: Arc<Workspace>) -> HostLink {
        let (connections, _) = watch::channel(BTreeMap::new());
        let (cell, to_host) = (Mutex::default(), Mutex::default());
        let (widgets, forms, callbacks) = (OnceLock::new(), OnceLock::new(), Arc::default());
        let (tables, results, process) = (OnceLock::new(), Results::default(), AtomicU64::new(0));
        let (functions, warned) = (Functions::default(), Warned::default());
        let shared = Shared {
            cell,
            connections,
            to_host,
            process,
            widgets,
            forms,
            tables,
            results,
            workspace,
            warned,
            callbacks,
            functions,
        };
        HostLink { shared: Arc::new(shared) }
    }

    /// Listens for cell hosts, which then may use these widgets, forms and tables. Must be called inside the runtime.
    pub fn listen(&self, socket: &Path, widgets: Arc<Widgets>, forms: Arc<Forms>, tables: Arc<Tables>) {
        self.shared.tables.get_or_init(|| tables);
        self.shared.widgets.get_or_init(|| widgets);
        self.shared.forms.get_or_init(|| forms);
        let listener = match UnixListener::bind(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, socket = %socket.display(), "cell hosts cannot reach the kernel");
                return;
            }
        };
        let shared = self.shared.clone();
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(serve(shared.clone(), stream));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a cell host was not accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
    }

    /// From now on outputs belong to this cell.
    pub fn begin(&self, outputs: Outputs, prompt: Prompt, cancel: CancellationToken) {
        let number = outputs.execution_count();
        let (outputs, header, prompt) = (Some(outputs), prompt.header().clone(), Some(prompt));
        *self.shared.cell() = CurrentCell { outputs, header, prompt, number, cancel, ..CurrentCell::default() };
    }

    /// The process in which the cell runs and the one that goes on if it ends; nothing while it compiles.
    pub fn running(&self) -> Option<(u32, Option<u32>)> {
        let cell = self.shared.cell();
        let has_another = cell.end.death.is_some() || cell.end.is_taken_back;
        let process = cell.end.process.filter(|_| !cell.is_over && !has_another)?;
        Some((u32::try_from(process).ok()?, cell.end.copy.and_then(|copy| u32::try_from(copy).ok())))
    }

    /// The process of the host that connected last.
    pub fn process(&self) -> Option<u32> {
        u32::try_from(self.shared.process.load(Ordering::Acquire)).ok().filter(|process| *process != 0)
    }

    /// Ends what callbacks wait for. Says whether any ran.
    pub fn cancel_callbacks(&self) -> bool {
        self.shared.callbacks.cancel_all()
    }

    /// The cell ended: publishes its value and says how it ended. Outputs that come later still go to it.
    pub async fn end(&self, is_host_dead: bool) -> CellEnd {
        if is_host_dead {
            let process = self.shared.cell().end.process;
            if let Some(process) = process {
                self.shared.drained(process).await;
            }
        }
        let (outputs, content, mut end, panics) = {
            let mut cell = self.shared.cell();
            let (content, end) = (std::mem::take(&mut cell.content), std::mem::take(&mut cell.end));
            let (fatal, told) = cell.take_panics();
            let number = cell.number;
            let told: Vec<String> = told.iter().map(|panic| panic.told(number)).collect();
            (cell.outputs.clone(), content, CellEnd { panic: fatal, is_unwound: cell.is_panicked, ..end }, told)
        };
        let Some(outputs) = outputs else { return end };
        for panic in panics {
            outputs.stream("stderr", panic).await;
        }
        if !content.is_empty() && end.panic.is_none() && !is_unit(&content) {
            end.result_text = content.get("text/plain").and_then(Value::as_str).map(str::to_owned);
            outputs.result(content).await;
        }
        self.shared.cell().is_over = true;
        self.shared.show_callback_area().await;
        // What the cell did to widgets may have led to callbacks: they run now that it is over.
        let header = self.shared.cell().header.clone();
        self.shared.callbacks.settled(&header).await;
        self.shared.widgets().flush().await;
        end
    }
}

impl Shared {
    /// The cell that runs, or ran last.
    pub fn cell(&self) -> MutexGuard<'_, CurrentCell> {
        self.cell.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn outputs(&self) -> Option<Outputs> {
        self.cell().outputs.clone()
    }

    /// All widgets.
    pub fn widgets(&self) -> &Arc<Widgets> {
        self.widgets.get().expect("set before the first host could connect, see `listen`")
    }

    /// All forms.
    pub fn forms(&self) -> &Arc<Forms> {
        self.forms.get().expect("set before the first host could connect, see `listen`")
    }

    /// Sends frames to the host that has the callbacks: the one of now, or the copy that went on in its place.
    pub fn sender(self: &Arc<Self>) -> callbacks::Send {
        let shared = Arc::downgrade(self);
        Arc::new(move |frame| {
            if let Some(shared) = shared.upgrade() {
                shared.send(frame);
            }
        })
    }
}

/// Serves one connection of a host until it closes.
async fn serve(shared: Arc<Shared>, stream: UnixStream) {
    let (mut reader, mut writer) = stream.into_split();
    let Ok(Some(hello)) = frames::read(&mut reader).await else { return };
    let (role, process) = (hello.text("role").to_owned(), hello.number("pid"));
    if role == bridge::CALL_ROLE {
        if let Ok(stream) = reader.reunite(writer) {
            shared.functions.call_connected(hello.number("worker"), stream);
        }
        return;
    }
    if role == bridge::WORKER_ROLE {
        return functions::serve(&shared, &mut reader, &mut writer, &hello).await;
    }
    shared.connections.send_modify(|open| *open.entry(process).or_default() += 1);
    match role.as_str() {
        "bridge" => {
            let (to_host, to_write) = mpsc::unbounded_channel();
            tokio::spawn(frames::write_all(writer, to_write));
            *shared.to_host() = Some(to_host.clone());
            shared.process.store(process, Ordering::Release);
            read_frames(&shared, &mut reader, process).await;
            shared.host_ended(&to_host, process);
            // Its number may be another process's soon. Unless another host connected meanwhile.
            let _ = shared.process.compare_exchange(process, 0, Ordering::AcqRel, Ordering::Acquire);
        }
        "stdout" => read_output(&shared, &mut reader, "stdout").await,
        "stderr" => read_output(&shared, &mut reader, "stderr").await,
        bridge::PROGRESS_ROLE => {
            let (mut frames, mut markers) = (FrameReader::new(&mut reader), Markers::default());
            while let Ok(Some(frame)) = frames.next().await {
                shared.take_text(&frame, &mut markers).await;
            }
        }
        _ => tracing::warn!(role, "a connection of an unknown kind on the bridge"),
    }
    shared.connections.send_modify(|open| {
        let count = open.entry(process).or_default();
        *count = count.saturating_sub(1);
        if *count == 0 {
            open.remove(&process);
        }
    });
}

async fn read_output(shared: &Arc<Shared>, reader: &mut OwnedReadHalf, name: &'static str) {
    let mut markers = Markers::default();
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = reader.read(&mut bytes).await {
        for piece in markers.feed(&bytes[..count]) {
            shared.take_piece(piece, name).await;
        }
    }
    for piece in markers.finish() {
        shared.take_piece(piece, name).await;
    }
}

async fn read_frames(shared: &Arc<Shared>, reader: &mut OwnedReadHalf, process: u64) {
    // Text that comes in frames may carry markers too: evcxr's generated code prints them with the cell's `println!`.
    let mut markers = Markers::default();
    let mut frames = FrameReader::new(reader);
    loop {
        match frames.next().await {
            Ok(Some(frame)) => shared.take_frame(frame, &mut markers, process).await,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "the bridge to a cell host broke");
                return;
            }
        }
    }
}

impl Shared {
    fn to_host(&self) -> MutexGuard<'_, Option<ToHost>> {
        self.to_host.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The closures of callbacks were in the host that ended.
    fn host_ended(&self, ended: &ToHost, process: u64) {
        let was_newest = self.to_host().take_if(|newest| newest.same_channel(ended)).is_some();
        // After the lock: whoever sends an event to a callback holds the table first.
        if was_newest {
            self.callbacks.forget_all();
            self.results.forget_all();
        }
        self.functions.forget(process);
    }

    /// Whether there is a host.
    pub fn has_host(&self) -> bool {
        self.to_host().is_some()
    }

    /// Sends a frame to the host that connected last.
    pub fn send(&self, frame: Frame) {
        if let Some(to_host) = self.to_host().as_ref() {
            // A host that is gone needs no answer.
            let _ = to_host.send(frame);
        }
    }

    async fn take_piece(&self, piece: Piece, name: &'static str) {
        match piece {
            Piece::Text(text) => {
                if let Some(outputs) = self.outputs() {
                    outputs.stream(name, text).await;
                }
            }
            Piece::ForEvcxr { line, is_panic } => {
                self.cell().is_panicked |= is_panic;
                self.send(Frame::new(json!({"type": bridge::CONTROL, "line": line})));
            }
            Piece::Content { mime, body } => {
                let earlier = self.cell().add_content(mime, body);
                if let (Some(bundle), Some(outputs)) = (earlier, self.outputs()) {
                    outputs.display(bundle, Map::new(), Map::new(), false).await;
                }
            }
            Piece::Question { prompt, is_password } => self.cell().question = (prompt, is_password),
            Piece::Sync(mark) => self.synced(mark),
            Piece::Panic(panic) => self.cell().add_panic(&Frame::new(panic)),
            Piece::ReturnedError(message) => {
                self.cell().end.returned_error = Some((message, Place::default()));
            }
        }
    }

    /// Shows what rustc warned of in the cell that begins to run, each warning once in a session.
    async fn warn(&self) {
        let Some(outputs) = self.outputs() else { return };
        for warning in self.warned.new_ones(self.workspace.take_warnings()) {
            outputs.stream("stderr", format!("{warning}\n")).await;
        }
    }

    fn synced(&self, mark: u64) {
        self.send(Frame::new(json!({"type": bridge::SYNCED, "id": mark})));
    }

    async fn take_frame(self: &Arc<Self>, frame: Frame, markers: &mut Markers, process: u64) {
        match frame.kind() {
            bridge::CELL_STARTED => {
                {
                    let mut cell = self.cell();
                    cell.end.process = Some(process);
                    cell.end.copy = Some(frame.number("copy")).filter(|copy| *copy != 0);
                }
                self.warn().await;
            }
            bridge::CELL_DIED => self.cell_died(&frame, process).await,
            bridge::WORKER_ENDED => self.functions.worker_ended(&frame, death::words_for(&frame)),
            bridge::STREAM => self.take_text(&frame, markers).await,
            bridge::PANIC => self.cell().add_panic(&frame),
            bridge::RETURNED_ERROR => {
                let error = (frame.text("message").to_owned(), Place::new(&frame.json));
                self.cell().end.returned_error = Some(error);
            }
            bridge::SYNC => {
                // The end of a cell or callback is near: what it changed need not wait for it.
                self.widgets().flush().await;
                self.synced(frame.number("id"));
            }
            bridge::TABLE_ACTION => {
                let action =
                    Action { label: frame.text("label").to_owned(), listener: frame.text("listener").to_owned() };
                self.results.add_action(frame.number("table"), action);
            }
            bridge::TABLE_DROP => self.results.forget(frame.number("table")),
            bridge::FUNCTION_DEFINE => drop(tokio::spawn(functions::answer(self.clone(), frame, process))),
            kind if answers::is_one(kind) => {
                tokio::spawn(answers::answer(self.clone(), frame));
            }
            kind if widget_frames::is_one(kind) => widget_frames::take(self, frame).await,
            _ => self.show(&frame).await,
        }
    }

    /// The copy of a host goes on in its place. All that the dead one wrote belongs to the cell and comes first.
    async fn cell_died(self: &Arc<Self>, frame: &Frame, process: u64) {
        self.drained(frame.number("process")).await;
        let left = frame.json.get("callbacks").and_then(Value::as_array).into_iter().flatten();
        self.callbacks.keep(&left.filter_map(Value::as_u64).collect::<Vec<_>>());
        let functions = frame.json.get("functions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        self.functions.come_back(self, functions, process).await;
        let mut cell = self.cell();
        match frame.json.get("panicked") {
            Some(Value::Bool(true)) => cell.end.is_taken_back = true,
            _ => cell.end.death = Some(death::words_for(frame)),
        }
    }

    /// Waits until all that a process wrote before it ended has been read.
    async fn drained(&self, process: u64) {
        let mut connections = self.connections.subscribe();
        if timeout(DRAIN_TIMEOUT, connections.wait_for(|open| !open.contains_key(&process))).await.is_err() {
            tracing::warn!(process, "output of a cell host that ended may be missing");
        }
    }

    /// Text that was printed, for whoever looks at it.
    pub async fn take_text(&self, frame: &Frame, markers: &mut Markers) {
        let name = if frame.text("name") == "stderr" { "stderr" } else { "stdout" };
        let is_the_cells = !frame.json.contains_key(bridge::CALLBACK) && !frame.json.contains_key(bridge::OUTPUT);
        if name == "stdout" && is_the_cells {
            for piece in markers.feed(&frame.payload) {
                self.take_piece(piece, name).await;
            }
        } else if let Some(outputs) = self.outputs_of(frame) {
            let mut text = String::from_utf8_lossy(&frame.payload).into_owned();
            if frame.json.contains_key("file") {
                let place = Place::new(&frame.json).in_brackets(self.cell().number);
                text = if text.trim().is_empty() { format!("{place}\n") } else { format!("{place} {text}") };
            }
            outputs.stream(name, text).await;
        }
    }

    /// Where what a frame says is shown: in the Output widget that captures, where its callback's output goes, or
    /// below the cell.
    pub fn outputs_of(&self, frame: &Frame) -> Option<Outputs> {
        let of_callback = frame.json.get(bridge::CALLBACK).and_then(Value::as_u64);
        let outputs = of_callback.and_then(|callback| self.callbacks.outputs(callback)).or_else(|| self.outputs())?;
        match frame.json.get(bridge::OUTPUT).and_then(Value::as_str) {
            Some(widget) => Some(outputs.captured_by(self.widgets().clone(), widget)),
            None => Some(outputs),
        }
    }

    /// Shows the place of the callbacks' output below the cell, if it has one.
    pub async fn show_callback_area(&self) {
        let (outputs, area) = {
            let cell = self.cell();
            (cell.outputs.clone(), cell.callback_area.clone())
        };
        let (Some(outputs), Some(area)) = (outputs, area) else { return };
        if let Some(bundle) = self.widgets().view(&area).await {
            outputs.display(bundle, Map::new(), Map::new(), false).await;
        }
    }

    async fn with_table(&self, data: MimeBundle) -> MimeBundle {
        let cause = self.cell().header.clone();
        let tables = self.tables.get().expect("set before the first host could connect, see `listen`");
        self.results.with_table(data, tables, &cause).await
    }

    async fn show(&self, frame: &Frame) {
        let Some(outputs) = self.outputs_of(frame) else { return };
        let dictionary = |field: &str| frame.json.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let flag = |field: &str| frame.json.get(field).and_then(Value::as_bool).unwrap_or(false);
        match frame.kind() {
            bridge::DISPLAY => {
                let data = self.with_table(dictionary("data")).await;
                outputs.display(data, dictionary("metadata"), dictionary("transient"), flag("update")).await;
            }
            bridge::RESULT => {
                let data = dictionary("data");
                if is_unit(&data) {
                    return;
                }
                self.cell().end.result_text = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
                outputs.result(self.with_table(data).await).await;
            }
            bridge::CLEAR_OUTPUT => outputs.clear(flag("wait")).await,
            other => tracing::warn!(kind = other, "a cell host sent a frame of an unknown kind"),
        }
    }
}
