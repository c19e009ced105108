"""usage_request, ipykernel's extension on control: what the kernel and its child processes take of the machine."""

import os
import socket
from typing import Any

import psutil
import pytest
from harness.kernel import Kernel

MIB = 1024 * 1024


def usage(kernel: Kernel, channel: str = "control") -> dict[str, Any]:
    conversation = kernel.request("usage_request", channel=channel, timeout=10)
    assert conversation.outputs == []
    return conversation.content


def test_the_shape_is_that_of_ipykernel(shared_kernel: Kernel) -> None:
    told = usage(shared_kernel)
    assert told["hostname"] == socket.gethostname()
    assert told["pid"] == shared_kernel.process.pid
    assert told["cpu_count"] == psutil.cpu_count()
    assert isinstance(told["kernel_cpu"], (int, float)) and told["kernel_cpu"] >= 0
    assert isinstance(told["kernel_memory"], int)
    # Left out by ipykernel where it would be 0.
    assert 0 <= told.get("host_cpu_percent", 0) <= 100
    memory = told["host_virtual_memory"]
    assert memory["total"] == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    assert memory.keys() >= {"total", "available", "percent", "used", "free"}
    assert 0 <= memory["percent"] <= 100


def test_memory_of_the_kernel_is_plausible(shared_kernel: Kernel) -> None:
    own = psutil.Process(shared_kernel.process.pid).memory_info().rss
    # pss or rss: a share of what is mapped, or all of it.
    assert own / 4 < usage(shared_kernel)["kernel_memory"] < 16 * own + 1024 * MIB


def test_memory_that_a_cell_takes_is_counted(shared_kernel: Kernel) -> None:
    """The cell runs in a child process, and people look at this number because of their data."""
    shared_kernel.execute("let small = 1;")
    before = usage(shared_kernel)["kernel_memory"]
    shared_kernel.execute("let mut data = vec![1u8; 300 * 1024 * 1024]; data[7] = 2;")
    taken = usage(shared_kernel)["kernel_memory"] - before
    assert 250 * MIB < taken < 500 * MIB, f"{taken / MIB:.0f} MiB more are told for 300 MiB more"
    shared_kernel.execute("drop(data);")
    assert usage(shared_kernel)["kernel_memory"] < before + 100 * MIB


def test_work_of_a_running_cell_is_counted(shared_kernel: Kernel) -> None:
    usage(shared_kernel)
    cell = shared_kernel.start_cell('println!("running");\nloop { std::hint::spin_loop(); }', marker="running")

    def busy() -> bool:
        # A share is that of the time since the question before: the first after the start says nothing.
        return usage(shared_kernel)["kernel_cpu"] > 20

    shared_kernel.wait_for(busy, 20, "a share of the processor that is not nothing")
    assert not shared_kernel.is_idle(cell)
    shared_kernel.interrupt()
    shared_kernel.finish(cell)


def test_no_secret_and_no_other_process_is_told(shared_kernel: Kernel) -> None:
    told = repr(usage(shared_kernel))
    assert shared_kernel.info["key"] not in told and str(os.getpid()) not in told
