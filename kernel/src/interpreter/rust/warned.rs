//! Which warnings of rustc a session has shown: each is told once, as a cell runs many times.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Warnings that are remembered as shown.
const WARNINGS_MAX: usize = 1000;

/// The warnings that were shown.
#[derive(Debug, Default)]
pub struct Warned(Mutex<HashSet<String>>);

impl Warned {
    /// Those that were not shown yet; from now on they count as shown.
    pub fn new_ones(&self, warnings: Vec<String>) -> Vec<String> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() + warnings.len() > WARNINGS_MAX {
            shown.clear();
        }
        warnings.into_iter().filter(|warning| shown.insert(warning.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_new_once() {
        let warned = Warned::default();
        let two = || vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(warned.new_ones(two()), two());
        assert!(warned.new_ones(two()).is_empty());
        let many: Vec<String> = (0..WARNINGS_MAX).map(|number| number.to_string()).collect();
        assert_eq!(warned.new_ones(many).len(), WARNINGS_MAX);
        assert_eq!(warned.new_ones(two()), two(), "it does not remember without end");
    }
}
