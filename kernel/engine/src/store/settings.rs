//! What a store remembers about itself: for how many days it keeps flows. In a hidden file, which no query reads.

use std::fs;

use super::{FlowStore, StoreError};

const NAME: &str = ".flowdeck-store";
const KEY: &str = "keep_days";

impl FlowStore {
    /// Days after which flows are removed; `None` for never.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn keep_days(&self) -> Result<Option<u32>, StoreError> {
        let path = self.folder().join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(StoreError::file("read", &path)(reason)),
        };
        let value = text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == KEY));
        match value.map(|(_, days)| days.trim().parse()) {
            None => Ok(None),
            Some(Ok(days)) => Ok(Some(days)),
            Some(Err(error)) => Err(StoreError::Settings { path, reason: format!("{KEY}: {error}") }),
        }
    }

    /// Sets it; `None` or 0 for never.
    ///
    /// # Errors
    /// When the settings cannot be written.
    pub fn set_keep_days(&self, days: Option<u32>) -> Result<(), StoreError> {
        let path = self.folder().join(NAME);
        let Some(days) = days.filter(|days| *days > 0) else {
            return match fs::remove_file(&path) {
                Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                    Err(StoreError::file("remove", &path)(reason))
                }
                _ => Ok(()),
            };
        };
        let half = self.folder().join(format!("{NAME}.new"));
        fs::write(&half, format!("{KEY} = {days}\n")).map_err(StoreError::file("write", &half))?;
        fs::rename(&half, &path).map_err(StoreError::file("write", &path))
    }
}
