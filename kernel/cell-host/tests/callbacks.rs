//! Callbacks across the real line: a compiled cell in the real cell host, and this test in place of kernel and evcxr.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use flowdeck::bridge::{self, Frame};
use serde_json::{Value, json};

/// What reaches the kernel, in the order in which it came.
#[derive(Debug)]
enum Arrival {
    Frame(Frame),
    /// Text on standard output.
    Text(String),
}

/// The kernel's side of the bridge.
struct Kernel {
    process: Child,
    evcxr: ChildStdin,
    to_host: UnixStream,
    arrivals: Receiver<Arrival>,
    for_evcxr: Receiver<String>,
    /// Numbers of the callbacks, in the order in which they were registered.
    callbacks: Vec<u64>,
}

impl Kernel {
    fn start() -> Kernel {
        let host = Path::new(env!("CARGO_BIN_EXE_flowdeck-cell-host"));
        let socket = std::env::temp_dir().join(format!("flowdeck-callbacks-{}", std::process::id()));
        // A socket of a test that was killed.
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("the socket is free");
        let mut process = Command::new(host)
            .env(bridge::SOCKET_ENV, &socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the cell host starts");
        let (arrived, arrivals) = channel();
        let mut connections = std::collections::HashMap::new();
        for _ in bridge::ROLES {
            let (mut stream, _) = listener.accept().expect("the host connects");
            let hello = Frame::read(&mut stream).expect("a frame").expect("a greeting");
            connections.insert(hello.text("role").to_owned(), stream);
        }
        std::fs::remove_file(&socket).expect("the socket is ours");
        let mut connection = |role: &str| connections.remove(role).expect("each role connects once");
        let to_host = connection("bridge");
        for (stream, is_shown) in [(connection("stdout"), true), (connection("stderr"), false)] {
            let (to_host, arrived) = (to_host.try_clone().expect("a socket"), arrived.clone());
            thread::spawn(move || read_output(stream, to_host, is_shown.then_some(arrived)));
        }
        let pipe = process.stdout.take().expect("piped");
        let (line_arrived, for_evcxr) = channel();
        let frames = to_host.try_clone().expect("a socket");
        thread::spawn(move || read_frames(frames, &arrived));
        thread::spawn(move || {
            // Ends with the host; the test may have ended before.
            let _ = BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| line_arrived.send(line));
        });
        let evcxr = process.stdin.take().expect("piped");
        Kernel { process, evcxr, to_host, arrivals, for_evcxr, callbacks: Vec::new() }
    }

    /// Tells the host to run a cell of the example.
    fn run(&mut self, symbol: &str) {
        let folder = Path::new(env!("CARGO_BIN_EXE_flowdeck-cell-host")).parent().expect("a folder");
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let object = folder.join(format!("examples/{prefix}widget_cell{suffix}"));
        assert!(object.exists(), "cargo builds examples when it runs all tests of this crate");
        writeln!(self.evcxr, "LOAD_AND_RUN {} {symbol}", object.display()).expect("the host reads");
    }

    fn send(&mut self, frame: Value) {
        Frame::new(frame).write(&mut self.to_host).expect("the host reads");
    }

    fn click(&mut self, place: usize) {
        let callback = self.callbacks[place];
        self.send(json!({"type": bridge::WIDGET_EVENT, "callback": callback, "event": {"kind": "click"}}));
    }

    /// Waits until evcxr is told that the cell is done.
    fn wait_for_end(&self) {
        assert_eq!(self.for_evcxr.recv().expect("the host runs"), "EVCXR_EXECUTION_COMPLETE");
    }

    /// What arrives next. Requests for widgets are answered.
    fn next(&mut self) -> Seen {
        loop {
            let frame = match self.arrivals.recv().expect("the host runs") {
                Arrival::Text(text) => return Seen::Text(text),
                Arrival::Frame(frame) => frame,
            };
            match frame.kind() {
                bridge::WIDGET_OPEN => self.send(json!({"type": bridge::REPLY, "id": frame.number("id")})),
                bridge::WIDGET_LISTEN => self.callbacks.push(frame.number("callback")),
                bridge::STREAM => {
                    let mut stream = frame.json;
                    stream.insert("text".to_owned(), String::from_utf8_lossy(&frame.payload).into());
                    return Seen::Frame(bridge::STREAM.to_owned(), Value::Object(stream));
                }
                kind => return Seen::Frame(kind.to_owned(), Value::Object(frame.json)),
            }
        }
    }

    /// The frames until the last of these, which must be these.
    #[track_caller]
    fn expect(&mut self, kinds: &[&str]) -> Vec<Value> {
        self.expect_with_text(kinds, "")
    }

    /// As [`Kernel::expect`], and the text on standard output that came before the last frame. Where between the other
    /// frames it came is not told: these are two connections.
    #[track_caller]
    fn expect_with_text(&mut self, kinds: &[&str], text: &str) -> Vec<Value> {
        let (mut found, mut written) = (Vec::new(), String::new());
        while found.len() < kinds.len() {
            match self.next() {
                Seen::Text(text) => written.push_str(&text),
                Seen::Frame(kind, frame) => found.push((kind, frame)),
            }
        }
        assert_eq!(found.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), kinds, "{found:#?}");
        assert_eq!(written, text);
        found.into_iter().map(|(_, frame)| frame).collect()
    }
}

/// What a person would see or the kernel would act on.
enum Seen {
    Text(String),
    /// Its kind, and itself.
    Frame(String, Value),
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read_frames(mut stream: UnixStream, arrived: &Sender<Arrival>) {
    while let Ok(Some(frame)) = Frame::read(&mut stream) {
        if frame.kind() == bridge::SYNC {
            synced(&mut stream, frame.number("id"));
        } else if arrived.send(Arrival::Frame(frame)).is_err() {
            return;
        }
    }
}

/// Reads an output descriptor; answers its marks and passes the text on.
fn read_output(mut stream: UnixStream, mut to_host: UnixStream, arrived: Option<Sender<Arrival>>) {
    let mut unread = String::new();
    let mut bytes = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        unread.push_str(std::str::from_utf8(&bytes[..count]).expect("the example writes ASCII"));
        while let Some((line, rest)) = unread.split_once('\n').map(|(line, rest)| (line.to_owned(), rest.to_owned())) {
            let (text, mark) =
                line.split_once(bridge::SYNC_MARK).unwrap_or_else(|| panic!("a line without mark: {line:?}"));
            if let Some(arrived) = arrived.as_ref().filter(|_| !text.is_empty()) {
                arrived.send(Arrival::Text(text.to_owned())).expect("the test listens");
            }
            synced(&mut to_host, mark.parse().expect("a number"));
            unread = rest;
        }
    }
}

fn synced(to_host: &mut UnixStream, mark: u64) {
    // One write for each frame: other threads write to the same socket.
    let frame = Frame::new(json!({"type": bridge::SYNCED, "id": mark}));
    to_host.write_all(&frame.encoded()).expect("the host reads");
}

#[test]
fn callbacks_outlive_their_cell_and_their_panics() {
    let mut kernel = Kernel::start();
    kernel.run("make_buttons");
    kernel.expect(&["cell_started", "widget_display"]);
    kernel.wait_for_end();

    kernel.click(0);
    let frames = kernel.expect_with_text(&["stream", "widget_update", "callback_ended"], "std 1");
    let callback = json!(kernel.callbacks[0]);
    assert!(frames.iter().all(|frame| frame["callback"] == callback), "{frames:#?}");
    assert_eq!((&frames[0]["text"], frames[0]["output"].is_string()), (&json!("click 1"), true));
    assert_eq!((&frames[1]["state"], &frames[1]["output"]), (&json!({"description": "1"}), &Value::Null));

    kernel.click(0);
    let frames = kernel.expect_with_text(&["stream", "callback_ended"], "std 2");
    let panic = &frames[1]["panic"];
    assert!(panic["message"].as_str().is_some_and(|message| message.contains("boom")), "{panic}");
    assert!(panic["file"].as_str().is_some_and(|file| file.ends_with("widget_cell.rs")), "{panic}");
    assert_eq!(frames[1]["output"], frames[0]["output"], "told where the callback wrote");

    kernel.click(0);
    kernel.expect_with_text(&["stream", "widget_update", "callback_ended"], "std 3");

    // A cell that runs keeps the default callback waiting, but not the concurrent one.
    kernel.run("wait");
    let waiting = kernel.expect(&["cell_started", "sleep"]).pop().expect("two frames");
    assert_eq!(waiting["seconds"], json!(3600.0));
    kernel.click(0);
    kernel.click(1);
    let frames = kernel.expect(&["cancel", "callback_ended"]);
    assert_eq!(frames[1]["callback"], json!(kernel.callbacks[1]));
    kernel.send(json!({"type": bridge::REPLY, "id": waiting["id"], "error": "stopped", "interrupted": true}));
    let kinds = ["stream", "stream", "widget_update", "callback_ended"];
    let frames = kernel.expect_with_text(&kinds, "std 4");
    assert_eq!(frames[0]["text"], json!("stopped, interrupted: true"));
    assert_eq!(frames[1]["callback"], callback);
    kernel.wait_for_end();
}
