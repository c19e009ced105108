//! Loads compiled cells and runs them, one after another, as evcxr asks on standard input.
//!
//! evcxr's line protocol: `LOAD_AND_RUN <object> <symbol>` in, `EVCXR_EXECUTION_COMPLETE` out. The symbol takes and
//! gives the pointer to evcxr's variable store, which lives in this process. A cell that our driver compiled has one name
//! for its function whatever its number, see [`CELL_FUNCTION`].

use std::{ffi::c_void, process::ExitCode};

use anyhow::{Context, Result, bail};
use flowdeck::{abi, bridge};
use libloading::{Library, Symbol};
use serde_json::json;

use crate::{
    connection,
    driver::CELL_FUNCTION,
    host_api,
    snapshot::{self, Death, Running, Side},
    standard_input, tasks,
};

/// evcxr's word that a cell is done.
const EXECUTION_COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";

/// Serves evcxr until it closes our standard input.
///
/// # Errors
/// When the kernel cannot be reached or evcxr says something that is not in the protocol.
pub fn serve() -> Result<ExitCode> {
    connection::die_with_parent();
    standard_input::set_aside()?;
    connection::open()?;
    snapshot::watch_signals();
    snapshot::prefer_for_killing(true);
    let mut store: *mut c_void = std::ptr::null_mut();
    while let Some(line) = standard_input::instruction()? {
        store = load_and_run(&line, store)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn load_and_run(line: &str, store: *mut c_void) -> Result<*mut c_void> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["LOAD_AND_RUN", object, symbol] = words[..] else { bail!("evcxr said `{line}`, which is no instruction") };
    // Until evcxr knows that the cell is done: what a callback puts out meanwhile would be taken for the cell's.
    let _turn = host_api::TURN.for_cell();
    let ended = std::process::id();
    let copy = match host_api::with_all_locks(snapshot::take) {
        Ok(Side::Running(copy)) => Some(copy),
        Ok(Side::Resumed(death)) => {
            go_on(ended, death)?;
            return Ok(store);
        }
        // The cell runs without a net.
        Err(_) => None,
    };
    // Safety: the object was compiled for this process by evcxr. Its initialisers run here.
    let cell = unsafe { Library::new(object) }.with_context(|| format!("cannot load the compiled cell {object}"))?;
    let store = run(&cell, symbol, store, copy.as_ref())?;
    connection::sync();
    if let Some(copy) = &copy {
        host_api::take_back_if_panicked(copy);
    }
    connection::complete(EXECUTION_COMPLETE)?;
    // Variables, closures and thread-locals may point into the object: it stays loaded.
    std::mem::forget(cell);
    if let Some(copy) = copy {
        copy.done();
    }
    Ok(store)
}

/// In the copy: takes the place of the process in which the cell ended.
fn go_on(ended: u32, death: Death) -> Result<()> {
    // Before the first event can come.
    let callbacks = host_api::callbacks().go_on();
    host_api::functions().go_on();
    tasks::go_on();
    let functions = host_api::functions().definitions();
    if connection::open_anew().is_err() {
        // The kernel is gone too, and the usual way out would wait for it.
        connection::leave();
    }
    let signal = match death {
        Death::Signal(signal) => Some(signal),
        Death::Exit | Death::Panic | Death::Killed => None,
    };
    connection::send(&bridge::Frame::new(json!({
        "type": bridge::CELL_DIED, "process": ended, "signal": signal, "exited": death == Death::Exit,
        "panicked": death == Death::Panic, "callbacks": callbacks, "functions": functions,
    })));
    // Nothing was written elsewhere yet.
    connection::sync_frames();
    // After a panic evcxr keeps the variables that the cell did not make. Said of any death of a cell.
    connection::complete(&format!("{}\n{EXECUTION_COMPLETE}", host_api::PANIC_NOTIFICATION))
}

fn run(cell: &Library, symbol: &str, store: *mut c_void, copy: Option<&Running>) -> Result<*mut c_void> {
    // Safety: the types are those that evcxr generates and the prelude defines.
    unsafe {
        let run: Symbol<unsafe extern "C" fn(*mut c_void) -> *mut c_void> =
            cell.get(symbol.as_bytes()).or_else(|_| cell.get(CELL_FUNCTION.as_bytes()))?;
        // A cell compiled without the prelude (stock path with other dependencies) has neither.
        if let Ok(attach) = cell.get::<unsafe extern "C" fn(*const abi::HostApi)>(abi::ATTACH_SYMBOL.as_bytes()) {
            attach(host_api::table());
        }
        let copy = copy.map(Running::copy);
        host_api::begin_cell();
        connection::send(&bridge::Frame::new(json!({"type": bridge::CELL_STARTED, "copy": copy})));
        let store = run(store);
        if let Ok(flush) = cell.get::<extern "C" fn()>(abi::FLUSH_SYMBOL.as_bytes()) {
            flush();
        }
        Ok(store)
    }
}
