//! How a cell ended its process, for the analyst.

use flowdeck::bridge::Frame;
use serde_json::Value;

/// What a frame of a copy that goes on, or of a process that watched, says about the end of another.
pub fn words_for(frame: &Frame) -> String {
    match (frame.number("signal"), frame.json.get("exited")) {
        (0, Some(Value::Bool(true))) => "it called `exit`".to_owned(),
        (0, _) => "it was killed, perhaps because memory ran out".to_owned(),
        (signal, _) => match libc::c_int::try_from(signal) {
            Ok(libc::SIGSEGV) => {
                "signal 11 (SIGSEGV): it used memory that is not its own, or its stack was full".to_owned()
            }
            Ok(libc::SIGABRT) => "signal 6 (SIGABRT): it was aborted".to_owned(),
            Ok(libc::SIGBUS) => format!("signal {signal} (SIGBUS): it used memory that is not there"),
            Ok(libc::SIGILL) => {
                "signal 4 (SIGILL): a check of the compiler's found an error, such as a write through a null pointer"
                    .to_owned()
            }
            Ok(libc::SIGFPE) => "signal 8 (SIGFPE): it calculated what cannot be".to_owned(),
            _ => format!("signal {signal}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_end_has_its_words() {
        let words = |frame: Value| words_for(&Frame::new(frame));
        assert!(words(json!({"signal": null, "exited": true})).contains("`exit`"));
        assert!(words(json!({"signal": null, "exited": false})).contains("killed"));
        assert!(words(json!({"signal": libc::SIGSEGV})).contains("SIGSEGV"));
        assert_eq!(words(json!({"signal": 63})), "signal 63");
    }
}
