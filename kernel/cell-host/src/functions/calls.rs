//! One thread of a process in which functions run: takes calls of the kernel and makes them.

use std::{
    ffi::c_void,
    fs::File,
    os::unix::{fs::FileExt, net::UnixStream},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use arrow_array::{
    Array, RecordBatch, StructArray,
    ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi},
    make_array,
};
use arrow_buffer::Buffer;
use arrow_ipc::{reader::StreamDecoder, writer::StreamWriter};
use arrow_schema::{Field, Schema};
use flowdeck::{
    abi::{FunctionCall, FunctionOutcome, FunctionStep},
    bridge::{self, Frame},
};
use serde_json::{Map, Value, json};

use super::files;
use crate::{connection, context, host_api};

/// Serves one connection until the kernel closes it.
pub fn serve(worker: u64) {
    let Ok(mut kernel) = connection::open_for_calls(worker) else { return };
    let Ok([arguments, values]) = files::receive(&kernel) else { return };
    while let Ok(Some(call)) = Frame::read(&mut kernel) {
        let answer = answer(&call, &arguments, &values);
        if reply(&mut kernel, answer).is_err() {
            return;
        }
    }
}

fn reply(kernel: &mut UnixStream, answer: Result<Map<String, Value>>) -> std::io::Result<()> {
    let mut json = answer.unwrap_or_else(|error| {
        let failed = json!({"failed": format!("internal: {error:#}")});
        Frame::new(failed).json
    });
    json.insert("type".to_owned(), Value::from(bridge::REPLY));
    Frame { json, payload: Vec::new() }.write(kernel)
}

/// Makes a call.
fn answer(frame: &Frame, arguments: &File, values: &File) -> Result<Map<String, Value>> {
    let Some(function) = host_api::functions().find(frame.number("number")) else {
        return Ok(Frame::new(json!({"gone": true})).json);
    };
    let mut failed = String::new();
    let (given, given_schema) = read(arguments, frame.number("bytes"))?;
    let mut call = FunctionCall {
        step: step(frame.text("step"))?,
        accumulator: frame.number("accumulator"),
        keep: frame.json.get("keep") == Some(&Value::Bool(true)),
        rows: usize::try_from(frame.number("rows"))?,
        arguments: given,
        arguments_schema: given_schema,
        values: FFI_ArrowArray::empty(),
        values_schema: FFI_ArrowSchema::empty(),
        outcome: FunctionOutcome::Failed,
        fail,
        context: (&raw mut failed).cast(),
    };
    context::enter_function();
    function.call(&mut call);
    if context::has_printed() {
        // Before the answer: the query may be over with it.
        connection::sync_frames();
    }
    let panics = context::leave();
    Ok(match call.outcome {
        FunctionOutcome::Done => Frame::new(json!({"bytes": write(values, &mut call)?})).json,
        FunctionOutcome::Failed => Frame::new(json!({"failed": failed})).json,
        FunctionOutcome::Panicked => {
            let field = |name: &str| panics.last().and_then(|panic| panic.json.get(name).cloned());
            let message = field("message").unwrap_or_else(|| "it did not say why".into());
            Frame::new(json!({"panic": message, "file": field("file"), "line": field("line")})).json
        }
    })
}

fn step(word: &str) -> Result<FunctionStep> {
    Ok(match word {
        "apply" => FunctionStep::Apply,
        "update" => FunctionStep::Update,
        "merge" => FunctionStep::Merge,
        "state" => FunctionStep::State,
        "evaluate" => FunctionStep::Evaluate,
        "forget" => FunctionStep::Forget,
        other => bail!("the kernel asks a function to `{other}`"),
    })
}

/// The columns that the kernel has written, as the cell takes them.
fn read(file: &File, bytes: u64) -> Result<(FFI_ArrowArray, FFI_ArrowSchema)> {
    if bytes == 0 {
        return Ok((FFI_ArrowArray::empty(), FFI_ArrowSchema::empty()));
    }
    // Copied: a closure may keep an array, and the kernel writes the next one in its place.
    let mut ipc = vec![0; usize::try_from(bytes)?];
    file.read_exact_at(&mut ipc, 0).context("the arguments are not there")?;
    let mut ipc = Buffer::from_vec(ipc);
    let batch = StreamDecoder::new().decode(&mut ipc)?.context("there are no arguments")?;
    Ok(to_ffi(&StructArray::from(batch).to_data())?)
}

/// Writes what came out; gives how many bytes that are.
fn write(file: &File, call: &mut FunctionCall) -> Result<usize> {
    let values = std::mem::replace(&mut call.values, FFI_ArrowArray::empty());
    if values.is_released() {
        return Ok(0);
    }
    // Safety: the prelude gives an array and its type.
    let values = make_array(unsafe { from_ffi(values, &call.values_schema) }?);
    let schema = Arc::new(Schema::new(vec![Field::new("value", values.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![values])?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    let ipc = writer.into_inner()?;
    file.write_all_at(&ipc, 0).context("there is no memory for the values")?;
    Ok(ipc.len())
}

unsafe extern "C" fn fail(context: *mut c_void, text: *const u8, text_len: usize) {
    // Safety: the context is the text in `answer`, and the cell passes a valid slice.
    unsafe {
        let text = std::slice::from_raw_parts(text, text_len);
        *context.cast::<String>() = String::from_utf8_lossy(text).into_owned();
    }
}
