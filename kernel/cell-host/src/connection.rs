//! The line to the kernel: a bridge of frames, and the process's two output descriptors.
//!
//! Standard output and error of this process are connections to the kernel, so what a cell wrote before it died is
//! still in the kernel's hands. evcxr's pipe, which was our standard output, is kept aside for its protocol.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Write},
    os::{
        fd::{AsRawFd, FromRawFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use flowdeck::bridge::{self, Frame};
use serde_json::{Value, json};

use crate::{functions, host_api, snapshot, threads};

/// How long the end of a cell waits for the kernel to have read its output. Only a kernel that hangs needs longer.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);

static CONNECTION: OnceLock<Connection> = OnceLock::new();
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

struct Connection {
    writer: Mutex<UnixStream>,
    /// Requests that wait for their answer, by identifier.
    waiting: Mutex<HashMap<u64, Sender<Frame>>>,
    /// Who waits for a mark to arrive at the kernel, by its number. Cells and callbacks may do so at the same time.
    marks: Mutex<HashMap<u64, Sender<()>>>,
    /// Lines for evcxr that came while a cell was still running.
    for_evcxr: Mutex<Vec<String>>,
    /// evcxr's pipe.
    evcxr: Mutex<File>,
}

/// Connects to the kernel, moves our output descriptors there and keeps the pipe on which evcxr listens aside.
///
/// # Errors
/// When the kernel's socket is not there: then we were not started by it.
pub fn open() -> Result<()> {
    let [bridge, stdout, stderr] = connect()?;
    let evcxr = set_aside_standard_output()?;
    redirect(&stdout, libc::STDOUT_FILENO)?;
    redirect(&stderr, libc::STDERR_FILENO)?;
    start(bridge, evcxr)?;
    // Safety: the handler only uses what lives until the process ends.
    unsafe { libc::atexit(sync_at_exit) };
    Ok(())
}

/// In a copy of this process: connects as a process of its own. What the other wrote before it ended is cut off behind its
/// last byte, so the kernel knows when it has read all of it.
///
/// # Errors
/// When the kernel is gone, and with it the need for us.
pub fn open_anew() -> Result<()> {
    let connection = CONNECTION.get().context("there was no connection")?;
    let [bridge, stdout, stderr] = connect()?;
    let reader = bridge.try_clone()?;
    let ended = std::mem::replace(&mut *lock(&connection.writer), bridge);
    // Who waited were threads of the other process, and answers to it must not be taken for answers to us.
    lock(&connection.waiting).clear();
    lock(&connection.marks).clear();
    lock(&connection.for_evcxr).clear();
    NEXT_ID.store(u64::from(std::process::id()) << 32, Ordering::Relaxed);
    listen(reader)?;
    // The kernel must know us before it sees the other's end: else it forgets the callbacks, which nobody seems to have.
    sync_frames();
    for descriptor in [ended.as_raw_fd(), libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // Safety: no memory is involved. A cell may have closed its own output.
        unsafe { libc::shutdown(descriptor, libc::SHUT_RDWR) };
    }
    redirect(&stdout, libc::STDOUT_FILENO)?;
    redirect(&stderr, libc::STDERR_FILENO)
}

/// In a copy of this process in which functions of SQL run: connects as that of a query. What functions print goes there;
/// the end of the connection, which is given, is the end of the query.
///
/// # Errors
/// When the kernel is gone.
pub fn open_for_functions(worker: u64) -> Result<UnixStream> {
    let connection = CONNECTION.get().context("there was no connection")?;
    let stream = connect_as(bridge::WORKER_ROLE, worker)?;
    let end = stream.try_clone()?;
    *lock(&connection.writer) = stream;
    lock(&connection.waiting).clear();
    lock(&connection.marks).clear();
    // evcxr must see the end of the process that it started.
    *lock(&connection.evcxr) = File::open("/dev/null")?;
    Ok(end)
}

/// In such a copy: connects for calls.
///
/// # Errors
/// When the kernel is gone.
pub fn open_for_calls(worker: u64) -> Result<UnixStream> {
    connect_as(bridge::CALL_ROLE, worker)
}

fn connect_as(role: &str, worker: u64) -> Result<UnixStream> {
    let path = std::env::var_os(bridge::SOCKET_ENV).context("there is no kernel")?;
    let mut stream = UnixStream::connect(path).context("cannot reach the kernel")?;
    let hello = json!({"type": bridge::HELLO, "role": role, "pid": std::process::id(), "worker": worker});
    Frame::new(hello).write(&mut stream)?;
    Ok(stream)
}

/// Holds what other threads may hold at any moment, for a copy of this process in which they are not.
pub fn with_locks<T>(work: impl FnOnce() -> T) -> T {
    let Some(connection) = CONNECTION.get() else { return work() };
    let _held = (
        lock(&connection.waiting),
        lock(&connection.marks),
        lock(&connection.for_evcxr),
        lock(&connection.evcxr),
        lock(&connection.writer),
    );
    work()
}

fn connect() -> Result<[UnixStream; 3]> {
    let path = std::env::var_os(bridge::SOCKET_ENV)
        .with_context(|| format!("{} is not set: the cell host is started by the kernel", bridge::SOCKET_ENV))?;
    let connect = |role: &str| -> Result<UnixStream> {
        let mut stream = UnixStream::connect(&path).context("cannot reach the kernel")?;
        Frame::new(json!({"type": bridge::HELLO, "role": role, "pid": std::process::id()})).write(&mut stream)?;
        Ok(stream)
    };
    let [bridge, stdout, stderr] = bridge::ROLES.map(connect);
    Ok([bridge?, stdout?, stderr?])
}

/// Asks the system to end this process when the kernel dies, even while a cell loops.
pub fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // Safety: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Whether there is a kernel to talk to.
pub fn is_open() -> bool {
    CONNECTION.get().is_some()
}

/// Sends a one-way frame.
pub fn send(frame: &Frame) {
    if let Some(connection) = CONNECTION.get() {
        if functions::is_worker() && ![bridge::STREAM, bridge::SYNC].contains(&frame.kind()) {
            // Widgets and displays belong to the process that was copied.
            return;
        }
        // A kernel that is gone takes this process with it; there is nobody to tell.
        let _ = frame.write(&mut *lock(&connection.writer));
    }
}

/// Sends a request and waits for the answer; an `error` in it when the kernel is gone.
pub fn request(mut frame: Frame) -> Frame {
    if functions::is_worker() {
        let fact = "a SQL function cannot ask the kernel for anything: it runs in a copy of the process of Rust cells";
        return Frame::new(
            json!({"error": fact, "hint": "ask before the query, and move the answer into the function"}),
        );
    }
    let gone = || Frame::new(json!({"error": "the kernel is gone"}));
    let Some(connection) = CONNECTION.get() else { return gone() };
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    frame.json.insert("id".to_owned(), Value::from(id));
    let (answer, wait) = channel();
    lock(&connection.waiting).insert(id, answer);
    send(&frame);
    wait.recv().unwrap_or_else(|_| gone())
}

/// Passes on what the kernel found in a cell's output that is meant for evcxr, then says that the cell is done.
///
/// # Errors
/// When evcxr's pipe is closed.
pub fn complete(last: &str) -> Result<()> {
    let Some(connection) = CONNECTION.get() else { return Ok(()) };
    // One lock after the other: a copy of this process is made with both held, in the other order.
    let lines: Vec<String> = lock(&connection.for_evcxr).drain(..).collect();
    let mut evcxr = lock(&connection.evcxr);
    for line in lines {
        writeln!(evcxr, "{line}")?;
    }
    writeln!(evcxr, "{last}")?;
    Ok(())
}

/// Waits until the kernel has read the frames that this process sent so far.
pub fn sync_frames() {
    wait_for_marks(|mark| {
        send(&Frame::new(json!({"type": bridge::SYNC, "id": mark})));
        1
    });
}

/// Waits until the kernel has read all that this process wrote so far.
pub fn sync() {
    if functions::is_worker() {
        // Its stdout and stderr are the cell's.
        return;
    }
    wait_for_marks(|mark| {
        let text = format!("{}{mark}\n", bridge::SYNC_MARK);
        // Three connections, no order among them: each is asked by itself.
        send(&Frame::new(json!({"type": bridge::SYNC, "id": mark})));
        let descriptors = [libc::STDOUT_FILENO, libc::STDERR_FILENO];
        1 + descriptors.into_iter().filter(|descriptor| write_all(*descriptor, text.as_bytes())).count()
    });
}

/// Puts a mark on connections and waits until it has arrived on as many as `put` says.
fn wait_for_marks(put: impl FnOnce(u64) -> usize) {
    let Some(connection) = CONNECTION.get() else { return };
    let mark = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let (arrived, arrivals) = channel();
    lock(&connection.marks).insert(mark, arrived);
    let mut missing = put(mark);
    while missing > 0 && arrivals.recv_timeout(SYNC_TIMEOUT).is_ok() {
        missing -= 1;
    }
    lock(&connection.marks).remove(&mark);
}

extern "C" fn sync_at_exit() {
    snapshot::tell_exit();
    // `exit` in a cell: what it wrote before must arrive.
    sync();
}

fn start(bridge: UnixStream, evcxr: File) -> Result<()> {
    let reader = bridge.try_clone()?;
    let connection = Connection {
        writer: Mutex::new(bridge),
        waiting: Mutex::default(),
        marks: Mutex::default(),
        for_evcxr: Mutex::default(),
        evcxr: Mutex::new(evcxr),
    };
    CONNECTION.get_or_init(|| connection);
    listen(reader)
}

fn listen(reader: UnixStream) -> Result<()> {
    let mut reader = BufReader::new(reader);
    std::thread::Builder::new().name(threads::BRIDGE.to_owned()).spawn(move || {
        while let Ok(Some(frame)) = Frame::read(&mut reader) {
            deliver(frame);
        }
        // The kernel is gone: nothing of ours may stay behind, not even an endless cell.
        leave()
    })?;
    Ok(())
}

/// Ends the process at once, without handlers that would wait for the kernel.
pub fn leave() -> ! {
    // Safety: no memory is involved.
    unsafe { libc::_exit(1) }
}

/// Takes a frame of the kernel. Must not wait for cells or callbacks: they wait for what comes next.
pub fn deliver(frame: Frame) {
    let Some(connection) = CONNECTION.get() else { return };
    match frame.kind() {
        bridge::REPLY => {
            let waiting = lock(&connection.waiting).remove(&frame.number("id"));
            if let Some(answer) = waiting {
                // Who asked may have been a thread that ended.
                let _ = answer.send(frame);
            }
        }
        bridge::SYNCED => {
            if let Some(arrived) = lock(&connection.marks).get(&frame.number("id")) {
                // Who waited may have given up.
                let _ = arrived.send(());
            }
        }
        bridge::CONTROL => lock(&connection.for_evcxr).push(frame.text("line").to_owned()),
        bridge::FUNCTION_WORKER => functions::start(&frame),
        bridge::WIDGET_EVENT => host_api::callbacks().deliver(frame),
        // A kernel of another version; it says more than we understand.
        _ => {}
    }
}

fn set_aside_standard_output() -> Result<File> {
    // Safety: the descriptor is ours alone; close-on-exec keeps it from programs that a cell starts.
    unsafe {
        let copy = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        if copy < 0 {
            return Err(std::io::Error::last_os_error()).context("cannot keep evcxr's pipe");
        }
        Ok(File::from_raw_fd(copy))
    }
}

fn redirect(stream: &UnixStream, descriptor: RawFd) -> Result<()> {
    // Safety: both descriptors are open.
    match unsafe { libc::dup2(stream.as_raw_fd(), descriptor) } {
        -1 => Err(std::io::Error::last_os_error()).context("cannot redirect the output of cells"),
        _ => Ok(()),
    }
}

fn write_all(descriptor: RawFd, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // Safety: the slice is valid for its length.
        let written = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) => bytes = &bytes[written..],
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            // A cell may have closed its own output.
            Err(_) => return false,
        }
    }
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one of these was held left plain data behind.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
