//! The processes below ours: cell host, rustc, and what they started.

/// Kills every process that descends from this one, but for the processes `spared` and their own. Best effort: a process
/// may end while we look.
pub fn kill_descendants(spared: &[u32]) {
    descendants(std::process::id(), spared).into_iter().for_each(kill);
}

/// Kills one process.
pub fn kill(pid: u32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // Safety: no memory is involved; the worst case is a process that is already gone.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
        }
    }
}

/// Kills a process and every process that descends from it, but for the processes `spared` and their own.
pub fn kill_tree(root: u32, spared: &[u32]) {
    let below = descendants(root, spared);
    kill(root);
    below.into_iter().for_each(kill);
}

/// Asks the system to end this process with `parent`, which started it, whatever that dies of. Ends it now if that is gone
/// already: it may have died while this process came up, and the system tells only what happens after it was asked.
pub fn die_with(parent: u32) {
    #[cfg(target_os = "linux")]
    // Safety: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    if std::os::unix::process::parent_id() != parent {
        std::process::exit(1);
    }
}

/// Children before their own children are looked for, so that the list is complete when nothing is started meanwhile.
fn descendants(pid: u32, spared: &[u32]) -> Vec<u32> {
    let children = |pid| children(pid).into_iter().filter(|child| !spared.contains(child));
    let mut found: Vec<u32> = children(pid).collect();
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found
}

#[cfg(target_os = "linux")]
fn children(pid: u32) -> Vec<u32> {
    // Every thread of a process has its own list.
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn children(pid: u32) -> Vec<u32> {
    let listed = std::process::Command::new("pgrep").arg("-P").arg(pid.to_string()).output();
    let Ok(listed) = listed else { return Vec::new() };
    String::from_utf8_lossy(&listed.stdout).lines().filter_map(|pid| pid.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_a_child_is_found_and_killed() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 600; true"]).spawn().expect("sh is there");
        let started = std::time::Instant::now();
        while descendants(shell.id(), &[]).is_empty() && started.elapsed().as_secs() < 10 {
            std::thread::yield_now();
        }
        assert_eq!(descendants(shell.id(), &[]).len(), 1, "the sleep below the shell");
        assert!(descendants(std::process::id(), &[shell.id()]).is_empty(), "a spared process keeps its children");
        kill_descendants(&[]);
        assert!(!shell.wait().expect("the shell is our child").success());
    }
}
