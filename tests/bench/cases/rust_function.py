"""A SQL function of ten lines in a Rust cell over ten million rows, beside the same function built into the engine.

`entropy` computes some time a row, `ip_is_private` almost none: there the way to the closure and back is most of it.
"""

from dataclasses import replace
from types import SimpleNamespace

from client import BenchKernel
from peers import TABLES
from samples import ms

NAME = "rust_function"
ORDER = 83
REPETITIONS = 5
ROWS = 10_000_000

TABLE = """%%sql --limit 0
CREATE OR REPLACE TABLE measured AS SELECT concat('host-', value * 7654321 % {rows}, '.example') AS name,
    to_ip(concat('10.', value % 256, '.', value / 256 % 256, '.1')) AS address FROM generate_series(0, {rows} - 1)"""

# The same code as in kernel/engine/src/functions.
FUNCTIONS = """use std::{collections::HashMap, net::IpAddr};
flowdeck::register_udf("own_entropy", |text: &str| -> f64 {
    let mut counts: HashMap<char, u32> = HashMap::new();
    for c in text.chars() {
        *counts.entry(c).or_default() += 1;
    }
    let mut counts: Vec<f64> = counts.into_values().map(f64::from).collect();
    counts.sort_by(f64::total_cmp);
    let total: f64 = counts.iter().sum();
    let bits: f64 = counts.iter().map(|count| count / total * (total / count).log2()).sum();
    bits + 0.0
})?;
flowdeck::register_udf("own_private", |address: IpAddr| -> bool {
    match address {
        IpAddr::V4(address) => {
            let is_of_carrier = address.octets()[0] == 100 && address.octets()[1] & 0b1100_0000 == 64;
            address.is_private() || is_of_carrier || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
})?;"""

PARTS = {
    "entropy": ("entropy of 10 million names, a closure of ten lines", "sum({})", "entropy(name)", "own_entropy(name)"),
    "private": (
        "is an address private, of 10 million",
        "count(*) FILTER (WHERE {})",
        "ip_is_private(address)",
        "own_private(address)",
    ),
}


def parts() -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            NAME=f"{NAME}.{part}",
            TITLE=title,
            ORDER=ORDER + place / 100,
            UNIT="ms",
            NEEDS={TABLES},
            REPETITIONS=REPETITIONS,
            measure=lambda run, part=part: measure(run, part),
        )
        for place, (part, (title, *_)) in enumerate(PARTS.items())
    ]


def measure(run, part: str):
    _, shown, built_in, own = PARTS[part]
    flowdeck = run.peers[0]
    with BenchKernel(flowdeck, first_cell="1") as kernel:
        kernel.cell(TABLE.format(rows=run.sized(ROWS)))
        kernel.cell(FUNCTIONS)
        cells = [
            (flowdeck, f"%%sql\nSELECT {shown.format(own)} AS n FROM measured"),
            (replace(flowdeck, name="built in"), f"%%sql\nSELECT {shown.format(built_in)} AS n FROM measured"),
        ]
        answers = {_answer(kernel, cell) for _, cell in cells}
        assert len(answers) == 1, f"the answers differ: {answers}"
        for _ in range(run.repetitions):
            for peer, cell in cells:
                yield peer, ms(kernel.cell(cell))


def _answer(kernel: BenchKernel, cell: str) -> str:
    _, msg_id = kernel.cell_with_id(cell)
    (result,) = [m for m in kernel.iopub[msg_id] if m["msg_type"] == "execute_result"]
    # Sums of floats depend on the order of threads in their last digits.
    shown = result["content"]["data"]["text/plain"].splitlines()[2]
    return shown.strip()[:8]


