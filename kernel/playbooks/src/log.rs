//! The lines that tell what is done, while it is done, and how they are written.

use chrono::NaiveDateTime;

/// Who speaks in a line of the log.
const NAME: &str = "flowdeck_playbooks";

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What was done.
    Info,
    /// What the person should know: something was put aside, or left.
    Warning,
    /// What did not work.
    Error,
}

/// Hears what is done, while it is done.
pub type Log<'a> = dyn Fn(Level, &str) + Send + Sync + 'a;

/// A line of the log, as in `2026-02-05 12:33:56 flowdeck_playbooks [INFO]: up to date`. More lines of the text stand below
/// it, moved in.
pub fn line(at: NaiveDateTime, level: Level, text: &str) -> String {
    let level = match level {
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    };
    let text = text.replace('\n', "\n    ");
    format!("{} {NAME} [{level}]: {text}", at.format("%Y-%m-%d %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_name_and_level() {
        let at = chrono::DateTime::from_timestamp(1_770_294_836, 0).expect("a moment").naive_utc();
        assert_eq!(line(at, Level::Info, "done"), "2026-02-05 12:33:56 flowdeck_playbooks [INFO]: done");
        assert_eq!(line(at, Level::Error, "a\nb"), "2026-02-05 12:33:56 flowdeck_playbooks [ERROR]: a\n    b");
    }
}
