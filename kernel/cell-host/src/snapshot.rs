//! A frozen copy of this process for the time a cell runs: if the cell ends the process, the copy goes on in its place,
//! with all variables as they were before the cell.
//!
//! The copy is made by fork(2), which shares memory until one side writes to it. It waits on a pipe of which the running
//! process holds the other end, so whatever ends that process, even SIGKILL, wakes the copy. What the copy cannot keep
//! are other threads: those of cells are gone.

use std::{
    io::{PipeReader, PipeWriter, Read, Write},
    os::fd::AsRawFd,
    sync::{
        OnceLock,
        atomic::{AtomicI32, Ordering},
    },
};

/// Said by the running process: the cell is done.
const DONE: u8 = b'd';
/// Said by its signal handler, followed by the signal's number.
const SIGNAL: u8 = b's';
/// Said when the cell calls `exit`.
const EXIT: u8 = b'e';
/// Said when a panic ended the cell, and the running process ends for its copy.
const PANICKED: u8 = b'p';

/// What is added to a process's share of memory, in thousandths, when the system looks for one to kill (proc(5)).
const KILLING_ORDER: &str = "/proc/self/oom_score_adj";
/// As if it had that much more memory.
const KILLED_EARLIER: i32 = 300;
const KILLED_FIRST: i32 = 1000;

/// What the kernel gave us.
static INHERITED_ORDER: OnceLock<Option<i32>> = OnceLock::new();

/// Signals that end a process because of what it did.
const FATAL: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// Where the signal handler says what happened; -1 while no copy waits.
static WATCHED_BY: AtomicI32 = AtomicI32::new(-1);

/// What was done about each of [`FATAL`] before us.
static HANDLED_BEFORE: OnceLock<[libc::sigaction; FATAL.len()]> = OnceLock::new();

/// In which of the two processes we are.
pub enum Side {
    /// The one that runs the cell.
    Running(Running),
    /// The copy. The other has ended.
    Resumed(Death),
}

/// The way from the running process to its copy.
pub struct Running {
    line: PipeWriter,
    copy: libc::pid_t,
}

/// How the running process ended, as far as it could say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Death {
    /// A signal that it raised itself.
    Signal(u8),
    /// It called `exit`.
    Exit,
    /// A panic ended its cell.
    Panic,
    /// Without a word: it was killed, by the system for its memory or by an interrupt.
    Killed,
}

/// Makes the system tell us of fatal signals before it ends the process. Once, at the start.
pub fn watch_signals() {
    // Safety: `action` is whole, the handler only makes calls that are allowed in one.
    let before = FATAL.map(|signal| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = tell as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut before: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &action, &mut before);
        before
    });
    HANDLED_BEFORE.get_or_init(|| before);
}

/// When memory runs out the system should end the process in which a cell runs: not the copy that goes on in its place,
/// nor the kernel or a browser.
pub fn prefer_for_killing(is_preferred: bool) {
    // Only Linux has such a file.
    let read = || std::fs::read_to_string(KILLING_ORDER).ok().and_then(|order| order.trim().parse::<i32>().ok());
    let Some(inherited) = *INHERITED_ORDER.get_or_init(read) else { return };
    let order = if is_preferred { (inherited + KILLED_EARLIER).min(KILLED_FIRST) } else { inherited };
    // A container may not let us.
    let _ = std::fs::write(KILLING_ORDER, order.to_string());
}

/// Says that the cell has called `exit`.
pub fn tell_exit() {
    say(&[EXIT]);
}

/// In another copy of this process: what this one waits for must not wait for that.
pub fn leave_to_others() {
    let line = WATCHED_BY.swap(-1, Ordering::AcqRel);
    if line >= 0 {
        // Safety: the descriptor is that of the running process, whose `Running` never runs here.
        unsafe { libc::close(line) };
    }
}

/// Makes the copy. In the copy this returns only when the running process is dead.
///
/// No other thread may hold a lock that the copy needs: the caller holds them all.
///
/// # Errors
/// When the system has no room for another process; the cell can run without.
pub fn take() -> std::io::Result<Side> {
    let (reader, line) = std::io::pipe()?;
    // Safety: the caller holds the locks; what the copy does until it takes over is a read.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error()),
        0 => {
            drop(line);
            WATCHED_BY.store(-1, Ordering::Release);
            prefer_for_killing(false);
            let death = wait_for_death(reader);
            prefer_for_killing(true);
            Ok(Side::Resumed(death))
        }
        copy => {
            WATCHED_BY.store(line.as_raw_fd(), Ordering::Release);
            Ok(Side::Running(Running { line, copy }))
        }
    }
}

impl Running {
    /// The copy's process.
    pub fn copy(&self) -> libc::pid_t {
        self.copy
    }

    /// A panic ended the cell: this process ends at once, and the copy goes on. Returns when there is no copy any more.
    pub fn panicked(&self) {
        // Safety: the process is our child, and nobody else waits for it.
        let is_there = unsafe { libc::waitpid(self.copy, std::ptr::null_mut(), libc::WNOHANG) } == 0;
        if !is_there {
            return;
        }
        say(&[PANICKED]);
        crate::connection::leave()
    }

    /// The cell is done: the copy ends.
    pub fn done(mut self) {
        WATCHED_BY.store(-1, Ordering::Release);
        // A copy that was killed meanwhile needs no word.
        let _ = self.line.write_all(&[DONE]);
        drop(self.line);
        // Safety: the process is our child, and nobody else waits for it.
        while unsafe { libc::waitpid(self.copy, std::ptr::null_mut(), 0) } == -1
            && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
        {}
    }
}

/// The copy's life until it is needed.
fn wait_for_death(mut reader: PipeReader) -> Death {
    let mut said = Vec::new();
    let mut byte = [0];
    loop {
        match reader.read(&mut byte) {
            // Safety: ends this process at once, without handlers of the process that it copies.
            Ok(1) if byte[0] == DONE && said.is_empty() => unsafe { libc::_exit(0) },
            Ok(1) => said.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return death(&said),
        }
    }
}

fn death(said: &[u8]) -> Death {
    match said {
        [SIGNAL, number, ..] => Death::Signal(*number),
        [EXIT, ..] => Death::Exit,
        [PANICKED, ..] => Death::Panic,
        _ => Death::Killed,
    }
}

fn say(bytes: &[u8]) {
    let line = WATCHED_BY.load(Ordering::Acquire);
    if line >= 0 {
        // Safety: write(2) is allowed in a signal handler; a copy that is gone is told nothing.
        unsafe { libc::write(line, bytes.as_ptr().cast(), bytes.len()) };
    }
}

extern "C" fn tell(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    say(&[SIGNAL, u8::try_from(signal).unwrap_or_default()]);
    let before = HANDLED_BEFORE.get().zip(FATAL.iter().position(|fatal| *fatal == signal));
    match before.map(|(before, place)| (before[place].sa_sigaction, before[place].sa_flags)) {
        // std's handler, which tells a stack overflow from other faults.
        Some((handler, flags)) if handler > libc::SIG_IGN && flags & libc::SA_SIGINFO != 0 => {
            // Safety: with SA_SIGINFO the handler takes these three.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        // Safety: from here on the signal ends the process, as it would have without us.
        _ => unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_tell_how_it_ended() {
        assert_eq!(death(&[SIGNAL, 11]), Death::Signal(11));
        // A signal handler of std aborts after a stack overflow: the first word counts.
        assert_eq!(death(&[SIGNAL, 11, SIGNAL, 6]), Death::Signal(11));
        assert_eq!(death(&[EXIT]), Death::Exit);
        assert_eq!(death(&[PANICKED]), Death::Panic);
        assert_eq!(death(&[]), Death::Killed);
        assert_eq!(death(&[SIGNAL]), Death::Killed);
    }
}
