//! SQL functions that Rust cells define: known to the engine as long as the process that has them.
//!
//! Each query that calls any gets a process of its own for them, a copy of the cell host (`worker`); `channel` is one
//! connection to it. What a definition says is in [`flowdeck::bridge`].

mod channel;
mod worker;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use flow_engine::{ForeignCalls, ForeignFault, ForeignFunction, ForeignHost, ForeignType};
use flowdeck::bridge::{self, Frame};
use serde_json::{Map, Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use self::worker::{QueryWorker, Worker};
use super::{frames::FrameReader, host::Shared, markers::Markers};
use crate::{engine, report::Report};

/// Functions a session may have: beyond that somebody defines them in a loop.
const FUNCTIONS_MAX: usize = 1_000;

/// The functions of cell hosts that are alive, and the processes of queries that call them.
#[derive(Debug, Default)]
pub struct Functions {
    /// By name, the process that has each.
    defined: Mutex<BTreeMap<String, u64>>,
    workers: Mutex<HashMap<u64, Arc<Worker>>>,
    next: AtomicU64,
}

impl Functions {
    /// A process goes on in the place of the one that defined these functions: the engine must know them again.
    pub async fn come_back(&self, shared: &Arc<Shared>, left: &[Value], process: u64) {
        for definition in left.iter().filter_map(Value::as_object) {
            let added = match read(definition) {
                Ok(function) => self.add(shared, function, process).await,
                Err(report) => Err(report),
            };
            if let Err(report) = added {
                tracing::warn!(fault = report.evalue, "a SQL function did not come back");
            }
        }
    }

    /// A cell host is gone, and with it the functions that it had.
    pub fn forget(&self, process: u64) {
        let gone: Vec<String> = {
            let mut defined = self.defined();
            let gone = defined.iter().filter(|(_, of)| **of == process).map(|(name, _)| name.clone()).collect();
            defined.retain(|_, of| *of != process);
            gone
        };
        // Where functions are defined the engine is there.
        let Some(room) = engine::started().filter(|_| !gone.is_empty()) else { return };
        for name in gone {
            room.engine.forget_function(&name);
            room.lost_functions().insert(name);
        }
    }

    /// A process for functions has connected, for what they print.
    fn worker_connected(&self, number: u64, process: u64) -> Option<Arc<Worker>> {
        let worker = self.workers().get(&number).cloned()?;
        worker.connected(u32::try_from(process).ok()?);
        Some(worker)
    }

    /// Takes a connection for calls.
    pub fn call_connected(&self, number: u64, stream: UnixStream) {
        let Some(worker) = self.workers().get(&number).cloned() else { return };
        match channel::Channel::open(stream) {
            Ok(channel) => worker.add(channel),
            Err(error) => {
                tracing::error!(%error, "a connection for SQL functions could not be made");
                worker.ended("the system gave no memory to hand values over".to_owned());
            }
        }
    }

    /// A process for functions has ended, or could not be made.
    pub fn worker_ended(&self, frame: &Frame, how: String) {
        let Some(worker) = self.workers().get(&frame.number("worker")).cloned() else { return };
        match frame.text("error") {
            "" => worker.ended(how),
            reason => worker.ended(format!("no process for it could be started: {reason}")),
        }
    }

    async fn add(&self, shared: &Arc<Shared>, function: ForeignFunction, process: u64) -> Result<(), Report> {
        let is_new = !self.defined().contains_key(&function.name);
        if is_new && self.defined().len() >= FUNCTIONS_MAX {
            let fact = format!("there are {FUNCTIONS_MAX} SQL functions already");
            return Err(Report::new("SqlError", fact).with_hint("define functions under names that are used again"));
        }
        let room = engine::ready().await?;
        let host: Arc<dyn ForeignHost> = Arc::new(CellHost(Arc::downgrade(shared)));
        let name = function.name.clone();
        room.engine.define_function(function, host).map_err(|error| room.report(&error))?;
        room.lost_functions().remove(&name);
        self.defined().insert(name, process);
        Ok(())
    }

    fn defined(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.defined.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn workers(&self) -> MutexGuard<'_, HashMap<u64, Arc<Worker>>> {
        self.workers.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Answers a cell of this process that defines a function: with what SQL has against it, if anything.
pub async fn answer(shared: Arc<Shared>, question: Frame, process: u64) {
    let defined = match read(&question.json) {
        Ok(function) => shared.functions.add(&shared, function, process).await,
        Err(report) => Err(report),
    };
    shared.reply(question.number("id"), defined.map(|()| Frame::new(json!({}))));
}

/// Reads what functions of SQL print, until their process or the query ends. Then the connection is closed, by which the
/// process knows.
pub async fn serve(shared: &Arc<Shared>, reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf, hello: &Frame) {
    let worker = shared.functions.worker_connected(hello.number("worker"), hello.number("pid"));
    let Some(worker) = worker else { return };
    let mut markers = Markers::default();
    let mut frames = FrameReader::new(reader);
    loop {
        tokio::select! {
            frame = frames.next() => match frame {
                Ok(Some(frame)) if frame.kind() == bridge::STREAM => shared.take_text(&frame, &mut markers).await,
                Ok(Some(frame)) if frame.kind() == bridge::SYNC => {
                    let synced = Frame::new(json!({"type": bridge::SYNCED, "id": frame.number("id")}));
                    // A process that is gone waits no more.
                    let _ = writer.write_all(&synced.encoded()).await;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return worker.ended(String::new()),
            },
            () = worker.over.notified() => return,
        }
    }
}

fn read(definition: &Map<String, Value>) -> Result<ForeignFunction, Report> {
    let unknown = || Report::internal("a SQL function was defined in a way that this kernel does not know");
    let kind = |word: &Value| word.as_str().and_then(ForeignType::named).ok_or_else(unknown);
    let field = |name: &str| definition.get(name).ok_or_else(unknown);
    let arguments = field("arguments")?.as_array().ok_or_else(unknown)?;
    Ok(ForeignFunction {
        name: field("name")?.as_str().ok_or_else(unknown)?.to_owned(),
        number: field("number")?.as_u64().ok_or_else(unknown)?,
        is_aggregate: field("aggregate")? == &Value::Bool(true),
        arguments: arguments.iter().map(kind).collect::<Result<_, _>>()?,
        returns: kind(field("returns")?)?,
    })
}

/// Where the engine finds the functions.
struct CellHost(Weak<Shared>);

impl std::fmt::Debug for CellHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CellHost")
    }
}

impl ForeignHost for CellHost {
    fn open(&self) -> Result<Arc<dyn ForeignCalls>, ForeignFault> {
        let gone = || ForeignFault {
            fact: "is gone: the process of Rust cells ended".to_owned(),
            hint: Some("run the cell that defines it again".to_owned()),
        };
        let shared = self.0.upgrade().filter(|shared| shared.has_host()).ok_or_else(gone)?;
        let functions = &shared.functions;
        let number = functions.next.fetch_add(1, Ordering::Relaxed) + 1;
        let worker = Arc::new(Worker::default());
        functions.workers().insert(number, worker.clone());
        let calls = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        shared.send(Frame::new(json!({"type": bridge::FUNCTION_WORKER, "worker": number, "calls": calls})));
        Ok(Arc::new(QueryWorker::new(worker, number, Arc::downgrade(&shared))))
    }
}

/// The query of a process for functions is over.
fn forget_worker(shared: &Weak<Shared>, number: u64) {
    if let Some(shared) = shared.upgrade() {
        shared.functions.workers().remove(&number);
    }
}
