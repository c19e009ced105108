//! What cells may call in the host: the functions behind [`flowdeck::abi::HostApi`].

use std::io::Cursor;

use arrow_array::{RecordBatchReader, ffi_stream::FFI_ArrowArrayStream};
use arrow_ipc::reader::StreamReader;
use flowdeck::{
    abi::{ABI_VERSION, HostApi, HostReply},
    bridge::{self, Frame},
};
use serde_json::json;

use crate::connection;

static TABLE: HostApi = HostApi { version: ABI_VERSION, send, request, release };

/// The table that cells are given.
pub fn table() -> *const HostApi {
    &TABLE
}

unsafe extern "C" fn send(json: *const u8, json_len: usize) {
    // Safety: the caller passes a valid slice.
    let Some(frame) = frame(unsafe { std::slice::from_raw_parts(json, json_len) }) else { return };
    if frame.kind() != bridge::STREAM {
        // Text that the cell wrote past us (a C library, a child process) comes before what it displays now.
        connection::sync();
    }
    connection::send(&frame);
}

unsafe extern "C" fn request(json: *const u8, json_len: usize, reply: *mut HostReply) {
    // Safety: the caller passes a valid slice and a reply to fill.
    let (message, reply) = unsafe { (std::slice::from_raw_parts(json, json_len), &mut *reply) };
    let mut answer = match frame(message) {
        Some(frame) => connection::request(frame),
        None => Frame::new(json!({"error": "internal: the cell sent a request that is no dictionary"})),
    };
    if !answer.payload.is_empty() {
        match batches(std::mem::take(&mut answer.payload)) {
            Ok(stream) => reply.batches = stream,
            Err(error) => {
                answer = Frame::new(json!({"error": format!("internal: the rows could not be read: {error}")}))
            }
        }
    }
    let text = serde_json::to_vec(&answer.json).unwrap_or_default().into_boxed_slice();
    reply.json_len = text.len();
    reply.json = Box::into_raw(text).cast();
}

unsafe extern "C" fn release(reply: *mut HostReply) {
    // Safety: the text was made by `request` and is given back once; null is nothing.
    unsafe {
        let reply = &mut *reply;
        if !reply.json.is_null() {
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(reply.json, reply.json_len)));
            reply.json = std::ptr::null_mut();
        }
    }
}

fn frame(json: &[u8]) -> Option<Frame> {
    bridge::dictionary(json).ok().map(|json| Frame { json, payload: Vec::new() })
}

fn batches(ipc: Vec<u8>) -> Result<FFI_ArrowArrayStream, arrow_schema::ArrowError> {
    let reader = StreamReader::try_new(Cursor::new(ipc), None)?;
    let reader: Box<dyn RecordBatchReader + Send> = Box::new(reader);
    Ok(FFI_ArrowArrayStream::new(reader))
}
