//! Which threads this process has: a copy of it has none of them but the one that makes the copy.

use std::{fs, path::Path};

/// Where Linux lists the threads of a process, each with its name.
const THREADS: &str = "/proc/self/task";

/// Threads of the host by name, which a copy starts anew when it needs them.
const OURS: &[&str] = &[BRIDGE, CALLBACKS, TASKS];

/// The thread that reads what the kernel says.
pub const BRIDGE: &str = "bridge";

/// Threads that run callbacks.
pub const CALLBACKS: &str = "callbacks";

/// Threads that run tasks.
pub const TASKS: &str = "tasks";

/// Whether all threads but the first are the host's own. Where the system does not list them, that is not known.
pub fn are_ours() -> bool {
    let Ok(threads) = fs::read_dir(THREADS) else { return false };
    threads.flatten().all(|thread| is_first(&thread.path()) || is_ours(&thread.path()))
}

fn is_first(thread: &Path) -> bool {
    thread.file_name().is_some_and(|number| *number == *std::process::id().to_string())
}

fn is_ours(thread: &Path) -> bool {
    // One that has ended meanwhile has no name any more.
    fs::read_to_string(thread.join("comm")).map_or(true, |name| OURS.contains(&name.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_of_a_cell_is_told_from_the_hosts() {
        let started = |name: &str| {
            let (say, wait) = std::sync::mpsc::channel::<()>();
            let (said, heard) = std::sync::mpsc::channel();
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                let path = fs::read_link("/proc/thread-self").map(|link| Path::new("/proc").join(link));
                let _ = said.send(path.is_ok_and(|path| is_ours(&path)));
                let _ = wait.recv();
            });
            let is_ours = heard.recv().expect("the thread says it");
            drop(say);
            thread.expect("a thread").join().expect("it ends");
            is_ours
        };
        assert!(started(BRIDGE) && started(CALLBACKS) && started(TASKS));
        assert!(!started("other") && !are_ours(), "the threads of this test are not the host's");
    }
}
