//! `usage_request`: what this kernel and its child processes take of the machine. An extension of ipykernel that
//! front ends show beside the kernel's name.

use std::{collections::BTreeSet, sync::Mutex};

use serde_json::{Value, json};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What was read last: a share of the processors is a difference of two readings.
static SYSTEM: Mutex<Option<System>> = Mutex::new(None);

/// The content of the reply: memory in bytes, processor shares in percent of one processor. A cell host that went on in the
/// place of another is not below the kernel; `host` names it.
pub async fn answer(host: Option<u32>) -> Value {
    let failed =
        |error: &dyn std::fmt::Display| crate::dispatch::failed(&format!("the usage could not be read: {error}"));
    match tokio::task::spawn_blocking(move || measure(host)).await {
        Ok(measured) => measured.unwrap_or_else(|error| failed(&error)),
        Err(error) => failed(&error),
    }
}

fn measure(host: Option<u32>) -> Result<Value, sysinfo::Error> {
    let mut last = SYSTEM.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if last.is_none() {
        *last = Some(System::new()?);
    }
    let Some(system) = last.as_mut() else { unreachable!("made just now") };
    system.refresh_memory();
    system.refresh_cpu_usage();
    let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
    let roots = [Some(std::process::id()), host].into_iter().flatten();
    let family: BTreeSet<Pid> = roots.flat_map(|root| family(system, Pid::from_u32(root))).collect();
    let processes = || family.iter().filter_map(|pid| system.process(*pid));
    let memory: u64 = processes().map(sysinfo::Process::memory).sum();
    let cpu: f32 = processes().map(sysinfo::Process::cpu_usage).sum();
    let (total, available, used) = (system.total_memory(), system.available_memory(), system.used_memory());
    Ok(json!({
        "hostname": System::host_name().unwrap_or_default(),
        "pid": std::process::id(),
        "kernel_cpu": cpu,
        "kernel_memory": memory,
        "host_cpu_percent": system.global_cpu_usage(),
        "cpu_count": system.cpus().len(),
        "host_virtual_memory": {
            "total": total,
            "available": available,
            "percent": percent(total.saturating_sub(available), total),
            "used": used,
            "free": system.free_memory(),
        },
    }))
}

/// A process and its descendants. Threads, which Linux lists as processes too, are not counted again.
fn family(system: &System, root: Pid) -> Vec<Pid> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = system
            .processes()
            .iter()
            .filter(|(_, process)| process.parent() == Some(parent) && process.thread_kind().is_none());
        family.extend(children.map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_counted_with_the_kernel() {
        let alone = measure(None).expect("the system tells")["kernel_memory"].as_u64().unwrap_or_default();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep runs");
        let mut system = System::new().expect("the system tells");
        system.refresh_processes(ProcessesToUpdate::All, true);
        let family = family(&system, Pid::from_u32(std::process::id()));
        child.kill().expect("the child was running");
        child.wait().expect("the child ends");
        assert!(alone > 1024 * 1024, "a process takes more than a megabyte, not {alone}");
        assert!(family.contains(&Pid::from_u32(child.id())));
        assert!(family.len() < 10_000);
    }
}
