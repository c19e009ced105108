"""Ordinary Rust cells for the first time, again, and replayed by a kernel that has just started; one call of rustc.

Each run has a number of its own in its cells, so nothing of an earlier run helps the first time. The geometric mean of a
script's cells is one sample, as none of them counts more for being slow. Flowdeck's own cells (queries, widgets) are
timed too and noted apart, as no other kernel can run them.
"""

import math
import random
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from client import BenchKernel, idle_after, reply_to
from peers import Peer
from rust_script import SCRIPT, Cell
from samples import Sample

NAME = "rust_cells"
ORDER = 60
REPETITIONS = 3
# With `--quick`: enough to have a variable, a value and an error among them.
QUICK_CELLS = 10

TITLES = {
    "first": "Rust cells, each for the first time (geometric mean)",
    "again": "Rust cells, each a second time (geometric mean)",
    "replay": "the same Rust cells from the start of another kernel to the last reply",
    "trivial": "1+N for the first time, and rustc alone on the same",
}

# What a person would compile by hand for `1+N`.
BY_HAND = """#[unsafe(no_mangle)]
pub extern "C" fn cell() { println!("{:?}", 1 + NUMBER); }
"""
RUSTC = ["rustc", "--edition=2024", "--crate-type=cdylib", "-Copt-level=2", "-Cprefer-dynamic"]

# One measurement gives the samples of all parts: by the folder of the run's data.
_MEASURED: dict[Path, dict[str, list[tuple[Peer, Sample]]]] = {}


def parts() -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            NAME=f"{NAME}.{part}",
            TITLE=title,
            ORDER=ORDER + place / 100,
            UNIT="ms",
            NEEDS=set(),
            REPETITIONS=REPETITIONS,
            measure=lambda run, part=part: _measured(run)[part],
        )
        for place, (part, title) in enumerate(TITLES.items())
    ]


def _measured(run) -> dict[str, list[tuple[Peer, Sample]]]:
    if run.folder not in _MEASURED:
        samples: dict[str, list[tuple[Peer, Sample]]] = {part: [] for part in TITLES}
        for _ in range(run.repetitions):
            for peer in (peer for peer in run.peers if peer.language == "rust"):
                _measure_once(peer, run.quick, samples)
            flowdeck = run.peers[0]
            samples["trivial"].append((replace(flowdeck, name="rustc", version=_rustc_version()), _rustc_alone()))
        _MEASURED[run.folder] = samples
    return _MEASURED[run.folder]


def _measure_once(peer: Peer, quick: bool, samples: dict[str, list[tuple[Peer, Sample]]]) -> None:
    number = random.randrange(10**8, 10**9)
    cells = [replace(cell, code=f"{cell.code} // {number}") for cell in SCRIPT if not cell.own or peer.name == "flowdeck"]
    if quick:
        cells = cells[:QUICK_CELLS]
    first, again, own = [], [], []
    # The kernel is ready: what it does before that is another case's.
    with BenchKernel(peer, first_cell="1") as kernel:
        for cell in cells:
            times = _timed(kernel, cell), _timed(kernel, cell)
            first.append(times[0]) if not cell.own else own.append(times[0])
            again.append(times[1])
        trivial = _timed(kernel, Cell(f"1+{number}", str(1 + number)))
    notes = {"own cells, ms": _geometric_mean(own).value} if own else {}
    samples["first"].append((peer, Sample(_geometric_mean(first).value, notes)))
    samples["again"].append((peer, _geometric_mean(again)))
    samples["trivial"].append((peer, Sample(trivial * 1000)))
    with BenchKernel(peer) as kernel:
        # The start, and each cell as soon as the one before is done; not what the client waits in between.
        seconds = kernel.ready_s + sum(_timed(kernel, cell) for cell in cells)
    samples["replay"].append((peer, Sample(seconds * 1000)))


def _timed(kernel: BenchKernel, cell: Cell) -> float:
    msg_id = kernel.send_execute(cell.code)
    elapsed = kernel.seconds_until(reply_to(msg_id), idle_after(msg_id))
    content = kernel.replies[msg_id][0]["content"]
    assert (content["status"] == "error") == cell.fails, f"{kernel.peer.name}: {cell.code}: {content}"
    outputs = [message["content"] for message in kernel.iopub[msg_id]]
    assert cell.shows in str(outputs), f"{kernel.peer.name}: {cell.code} showed {outputs}"
    return elapsed


def _geometric_mean(seconds: list[float]) -> Sample:
    return Sample(1000 * math.exp(sum(math.log(one) for one in seconds) / len(seconds)))


def _rustc_alone() -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "cell.rs"
        source.write_text(BY_HAND.replace("NUMBER", str(random.randrange(10**8, 10**9))))
        started = time.perf_counter()
        subprocess.run([*RUSTC, "--out-dir", folder, str(source)], stdin=subprocess.DEVNULL, check=True)
        return Sample((time.perf_counter() - started) * 1000)


def _rustc_version() -> str:
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
