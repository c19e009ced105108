//! Who runs: a cell or a callback, one at a time, cells first.

use std::sync::{Condvar, Mutex, MutexGuard};

/// Lets one cell or one callback run at a time.
#[derive(Default)]
pub struct Turn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    cells_waiting: usize,
}

/// Held while a cell or callback runs.
pub struct Taken<'a>(&'a Turn);

impl Turn {
    /// Waits for the callback that is running, if one is.
    pub fn for_cell(&self) -> Taken<'_> {
        let mut state = self.state();
        state.cells_waiting += 1;
        state = self.wait_while(state, |state| state.is_taken);
        state.cells_waiting -= 1;
        state.is_taken = true;
        Taken(self)
    }

    /// Waits for the cell or callback that is running, and lets a waiting cell go first: many clicks may be waiting.
    pub fn for_callback(&self) -> Taken<'_> {
        let mut state = self.wait_while(self.state(), |state| state.is_taken || state.cells_waiting > 0);
        state.is_taken = true;
        Taken(self)
    }

    /// Holds what another thread may hold at any moment, for a copy of this process in which it is not.
    pub fn with_lock<T>(&self, work: impl FnOnce() -> T) -> T {
        let _state = self.state();
        work()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, |state| condition(state)).unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.state().is_taken = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_waiting_cell_goes_before_waiting_callbacks() {
        let turn = Turn::default();
        let (say, heard) = channel();
        let first = turn.for_callback();
        std::thread::scope(|scope| {
            scope.spawn({
                let (turn, say) = (&turn, say.clone());
                move || {
                    let _taken = turn.for_cell();
                    say.send("cell").expect("the test listens");
                }
            });
            while turn.state().cells_waiting == 0 {
                std::thread::yield_now();
            }
            scope.spawn({
                let turn = &turn;
                move || {
                    let _taken = turn.for_callback();
                    say.send("callback").expect("the test listens");
                }
            });
            drop(first);
        });
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["cell", "callback"]);
    }
}
