//! The cell host: evcxr's child process. It loads compiled cells, holds the user's variables, and talks to the kernel.
//!
//! The same small program also stands in for `cargo`, `rustc` and `rustup` when evcxr compiles a cell (see [`driver`]): it is
//! called by those names through links in a folder on evcxr's PATH.
//!
//! Reading order: [`cells`] (load and run), [`snapshot`] (the copy that goes on when a cell dies), [`connection`] (the line to the kernel), [`host_api`] (what cells may call),
//! [`standard_input`] (evcxr's instructions apart from what cells read),
//! [`callbacks`] (closures of widgets), [`functions`] (closures that SQL calls), [`tasks`] (what cells leave running), [`threads`] (whose threads there are), [`turn`] (cell or callback), [`context`] (what a thread is doing).

// Everything here is internal to one program.
#![allow(unreachable_pub)]

mod callbacks;
mod cells;
mod connection;
mod context;
mod driver;
mod functions;
mod host_api;
mod snapshot;
mod standard_input;
mod tasks;
mod threads;
mod turn;

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let called_as = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called_as).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let ended = match name {
        "cargo" => driver::cargo(),
        "rustc" => driver::rustc(),
        "rustc-with-whole-names" => driver::rustc_with_whole_names(),
        "rustup" => driver::rustup(),
        driver::linker::CHOOSER => driver::linker::choose(),
        driver::linker::TRIER => driver::linker::try_object(),
        _ => cells::serve(),
    };
    ended.unwrap_or_else(|error| {
        report(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// Says on stderr what ended the process; evcxr and the kernel pass it on.
#[allow(clippy::print_stderr)]
fn report(message: &str) {
    eprintln!("flowdeck-cell-host: {message}");
}
