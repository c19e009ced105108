//! One connection on which functions are called, and the memory through which values go over.
//!
//! Two files in memory belong to it, one for what goes and one for what comes. Both sides read and write them, and neither
//! maps them: what a function writes there is copied before it is looked at, so it cannot change under our eyes.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, Write},
    os::{
        fd::{AsRawFd, RawFd},
        unix::{fs::FileExt, net::UnixStream},
    },
    sync::Arc,
    time::Duration,
};

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    buffer::Buffer,
    datatypes::{Field, Schema},
    error::ArrowError,
    ipc::{reader::StreamDecoder, writer::StreamWriter},
};
use flow_engine::{ForeignCall, ForeignStep};
use flowdeck::bridge::{self, Frame};
use serde_json::{Map, Value, json};

use super::super::current_cell::Place;

/// The most that one call may give, bytes: a batch has a few thousand rows.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes gathered before they go into the file.
const WRITE_BYTES: usize = 64 * 1024;

/// Room for the message that carries the files, bytes.
const CONTROL_BYTES: usize = 64;

/// A connection for calls.
#[derive(Debug)]
pub struct Channel {
    stream: UnixStream,
    arguments: File,
    values: File,
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// Values, where any were due.
    Values(Option<ArrayRef>),
    /// The function says why there are none.
    Failed(String),
    /// It panicked.
    Panicked(String),
    /// The process has no such function.
    Gone,
}

/// Why a channel is of no more use.
#[derive(Debug)]
pub enum Broken {
    /// The query is to stop, and the function still runs.
    Stopped,
    /// The process closed it.
    Process,
    /// We could not use it.
    Kernel(String),
}

impl Channel {
    /// Hands the files over on a connection that a process has made.
    ///
    /// # Errors
    /// When the system gives no memory or the process is gone.
    pub fn open(stream: tokio::net::UnixStream) -> io::Result<Channel> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        let (arguments, values) = (file_in_memory()?, file_in_memory()?);
        send(&stream, [arguments.as_raw_fd(), values.as_raw_fd()])?;
        Ok(Channel { stream, arguments, values })
    }

    /// Makes a call and waits for its answer. Looks each `interval` whether it is to stop.
    ///
    /// # Errors
    /// [`Broken`]: the channel must not be used again.
    pub fn call(
        &mut self,
        call: &ForeignCall<'_>,
        interval: Duration,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Answer, Broken> {
        let kernel = |error: ArrowError| Broken::Kernel(error.to_string());
        let bytes = self.write(call).map_err(kernel)?;
        self.stream.set_read_timeout(Some(interval)).map_err(|error| Broken::Kernel(error.to_string()))?;
        let (step, accumulator, keep) = parts(call.step);
        let frame = json!({
            "type": bridge::FUNCTION_CALL, "number": call.function.number, "step": step, "accumulator": accumulator,
            "keep": keep, "rows": call.rows, "bytes": bytes,
        });
        Frame::new(frame).write(&mut self.stream).map_err(|_| Broken::Process)?;
        let mut patient = Patient { stream: &self.stream, is_stopped };
        let answer = match Frame::read(&mut patient) {
            Ok(Some(answer)) => answer,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(Broken::Stopped),
            Ok(None) | Err(_) => return Err(Broken::Process),
        };
        self.understood(&answer.json)
    }

    fn understood(&self, answer: &Map<String, Value>) -> Result<Answer, Broken> {
        let text = |field: &str| answer.get(field).and_then(Value::as_str).map(str::to_owned);
        if let Some(reason) = text("failed") {
            return Ok(Answer::Failed(reason));
        }
        if let Some(message) = text("panic") {
            // The query is no cell's own: the place names its cell.
            let place = Place::new(answer).words(0).map(|place| format!(" ({place})")).unwrap_or_default();
            return Ok(Answer::Panicked(format!("{message}{place}")));
        }
        match answer.get("bytes").and_then(Value::as_u64) {
            None => Ok(Answer::Gone),
            Some(0) => Ok(Answer::Values(None)),
            Some(bytes) if bytes > ANSWER_BYTES_MAX => {
                Err(Broken::Kernel(format!("it gave more than {ANSWER_BYTES_MAX} bytes at once")))
            }
            Some(bytes) => match self.read(bytes) {
                Ok(values) => Ok(Answer::Values(Some(values))),
                Err(error) => Err(Broken::Kernel(format!("its values cannot be read: {error}"))),
            },
        }
    }

    /// Puts the arguments where the process finds them; gives how many bytes they are.
    fn write(&self, call: &ForeignCall<'_>) -> Result<u64, ArrowError> {
        if call.columns.is_empty() {
            return Ok(0);
        }
        let fields = call.columns.iter().enumerate();
        let fields: Vec<Field> =
            fields.map(|(place, column)| Field::new(place.to_string(), column.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(call.columns.first().map(|column| column.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), call.columns.to_vec(), &options)?;
        let mut file = &self.arguments;
        file.rewind()?;
        let mut writer = StreamWriter::try_new(BufWriter::with_capacity(WRITE_BYTES, file), &schema)?;
        writer.write(&batch)?;
        writer.finish()?;
        writer.into_inner()?.flush()?;
        Ok(file.stream_position()?)
    }

    /// Arrow checks what it reads: lengths, and that text is UTF-8.
    fn read(&self, bytes: u64) -> Result<ArrayRef, ArrowError> {
        let length = usize::try_from(bytes).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        let mut ipc = vec![0; length];
        self.values.read_exact_at(&mut ipc, 0)?;
        let mut ipc = Buffer::from_vec(ipc);
        let batch = StreamDecoder::new().decode(&mut ipc)?;
        let column = batch.and_then(|batch| batch.columns().first().cloned());
        column.ok_or_else(|| ArrowError::IpcError("there is no column".to_owned()))
    }
}

fn parts(step: ForeignStep) -> (&'static str, u64, bool) {
    match step {
        ForeignStep::Apply => ("apply", 0, false),
        ForeignStep::Update { accumulator } => ("update", accumulator, false),
        ForeignStep::Merge { accumulator } => ("merge", accumulator, false),
        ForeignStep::State { accumulator } => ("state", accumulator, false),
        ForeignStep::Evaluate { accumulator, keep } => ("evaluate", accumulator, keep),
        ForeignStep::Forget { accumulator } => ("forget", accumulator, false),
    }
}

/// Reads a socket with a timeout until the bytes are there, or the query is to stop.
struct Patient<'a> {
    stream: &'a UnixStream,
    is_stopped: &'a dyn Fn() -> bool,
}

impl Read for Patient<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(bytes) {
                Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()) => {
                    if (self.is_stopped)() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                other => return other,
            }
        }
    }
}

/// A file without a name, in memory.
#[cfg(target_os = "linux")]
fn file_in_memory() -> io::Result<File> {
    use std::os::fd::FromRawFd;
    // Safety: the name is a text that ends in 0; the descriptor is ours alone.
    unsafe {
        match libc::memfd_create(c"flowdeck-values".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// A file without a name.
#[cfg(not(target_os = "linux"))]
fn file_in_memory() -> io::Result<File> {
    tempfile::tempfile()
}

/// Sends descriptors with one byte.
fn send(stream: &UnixStream, descriptors: [RawFd; 2]) -> io::Result<()> {
    let mut byte = [0_u8];
    // Aligned as control messages must be.
    let mut control = [0_u64; CONTROL_BYTES / size_of::<u64>()];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    let length = u32::try_from(size_of_val(&descriptors)).expect("two descriptors are a few bytes");
    // Safety: a message of zeros is an empty one, and what it points to is there during the call. The control message has
    // room for the descriptors: `CONTROL_BYTES` is more than its head and they need.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(length) as _;
        let header = &mut *libc::CMSG_FIRSTHDR(&raw const message);
        header.cmsg_level = libc::SOL_SOCKET;
        header.cmsg_type = libc::SCM_RIGHTS;
        header.cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(header).cast::<[RawFd; 2]>().write_unaligned(descriptors);
        match libc::sendmsg(stream.as_raw_fd(), &raw const message, 0) {
            1 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
