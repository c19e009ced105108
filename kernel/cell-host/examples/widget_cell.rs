//! Two cells with widgets in one object, with the signature that evcxr generates. `tests/callbacks.rs` runs them.

use std::{ffi::c_void, time::Duration};

use flowdeck::widgets::*;

/// Shows a button that counts clicks: the second one fails. Another works while a cell runs.
#[unsafe(no_mangle)]
pub extern "C" fn make_buttons(variables: *mut c_void) -> *mut c_void {
    let output = Output::new();
    let mut clicks = 0;
    let button = Button::new().description("Count");
    button.on_click(move |button| {
        clicks += 1;
        say(&format!("std {clicks}"));
        output.capture(|| {
            flowdeck::write_stdout(&format!("click {clicks}"));
            assert_ne!(clicks, 2, "boom");
        });
        button.description(&clicks.to_string());
    });
    let stop = Button::new().description("Stop");
    stop.concurrent().on_click(|_| flowdeck::cancel());
    HBox::of((&button, &stop)).evcxr_display();
    variables
}

/// Waits until the kernel says that the time is over.
#[unsafe(no_mangle)]
pub extern "C" fn wait(variables: *mut c_void) -> *mut c_void {
    if let Err(error) = flowdeck::sleep(Duration::from_secs(3600)) {
        flowdeck::write_stderr(&format!("{error}, interrupted: {}", error.is_interrupted()));
    }
    variables
}

/// Writes as a crate does that knows nothing of notebooks: std keeps it in a buffer until a line is full.
fn say(text: &str) {
    use std::io::Write;
    // A closed stdout has nobody to tell.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
