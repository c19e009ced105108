"""Rust cells that take exactly as long as a test wants."""

from pathlib import Path

import psutil
from harness.kernel import CELL_TIMEOUT_S, Kernel

ENDLESS_SQL = "SELECT sum(a.value % 7 + b.value % 5) AS s FROM range(1, 1000000) a CROSS JOIN range(1, 1000000) b"

ENDLESS_LOOP = 'println!("running");\nlet mut n = 0u64;\nloop { n = std::hint::black_box(n.wrapping_add(1)); }'
ENDLESS_SLEEP = 'println!("running");\nstd::thread::sleep(std::time::Duration::from_secs(600));'

# rustc computes the constant, one step after another.
ENDLESS_COMPILATION = """\
#[allow(long_running_const_eval)]
const ENDLESS: u64 = { let mut n = 0u64; while n < u64::MAX { n += 1; } n };
println!("{ENDLESS}");"""


def waits_for(file: Path) -> str:
    """A line of Rust that goes on once the test has made the file."""
    return (
        f'while !std::path::Path::new("{file}").exists() {{ '
        "std::thread::sleep(std::time::Duration::from_millis(5)); }"
    )


def start_endless_compilation(kernel: Kernel) -> str:
    """Sends a cell that never compiles, and returns once rustc is at it."""
    # A kernel that starts calls rustc too, or ourselves under that name.
    kernel.execute("()")
    cell = kernel.send_execute(ENDLESS_COMPILATION)
    kernel.wait_for(lambda: compilers(kernel), CELL_TIMEOUT_S, "rustc")
    return cell


def compilers(kernel: Kernel) -> list[int]:
    """The process ids of the rustc that compile cells of the kernel."""
    return [child.pid for child in kernel.children() if _is_compiler(child)]


def _is_compiler(process: psutil.Process) -> bool:
    try:
        return process.name() == "rustc" and "src/cell_lib.rs" in process.cmdline()
    except psutil.NoSuchProcess:
        return False
