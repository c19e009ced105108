"""The numbers as a table for the terminal, as Markdown and as JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from peers import Peer
from samples import Sample

# The table's ratios say how many times as long (or as much) as this peer.
BASE = "flowdeck"


@dataclass
class CaseResult:
    name: str
    title: str
    unit: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    # The largest of each of the samples' notes.
    notes: dict[str, dict[str, float]] = field(default_factory=dict)
    # Why the case ended before its time.
    failure: str | None = None

    def add(self, peer: str, sample: Sample) -> None:
        self.samples.setdefault(peer, []).append(sample.value)
        notes = self.notes.setdefault(peer, {})
        for name, value in sample.notes.items():
            notes[name] = max(value, notes.get(name, value))

    @property
    def larger_is_better(self) -> bool:
        return self.unit.endswith("/s")

    def median(self, peer: str) -> float | None:
        return statistics.median(self.samples[peer]) if self.samples.get(peer) else None

    def summary(self, peer: str) -> str:
        samples = sorted(self.samples.get(peer, []), reverse=self.larger_is_better)
        if not samples:
            return "no samples"
        p95 = samples[min(len(samples) - 1, int(len(samples) * 0.95))]
        spread = f"95 % {'reach' if self.larger_is_better else 'within'} {_number(p95)}"
        parts = [f"median {_number(self.median(peer))} {self.unit}", spread]
        parts += [f"from {_number(min(samples))} to {_number(max(samples))}", f"N={len(samples)}"]
        parts += [f"{name} {_exact(value)}" for name, value in self.notes.get(peer, {}).items()]
        return ", ".join(parts)

    def ratio(self, peer: str) -> str:
        base, other = self.median(BASE), self.median(peer)
        if not base or not other or peer == BASE:
            return ""
        times = other / base
        # 0.0082× says more than 0.0×.
        return f"{times:.1f}×" if times >= 0.95 else f"{times:.2g}×"


def as_text(results: Sequence[CaseResult]) -> str:
    rows = _rows(results)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], f"(medians; in brackets, as many times {BASE})", ""])


def as_markdown(
    results: Sequence[CaseResult], machine: Mapping[str, object], missing: Sequence[str], peers: Sequence[Peer]
) -> str:
    rows = _rows(results)
    lines = ["# Benchmark", "", f"Medians; in brackets, as many times {BASE}. Smaller is better, except per second.", ""]
    lines += ["| " + " | ".join(rows[0]) + " |", "|---" + "|---:" * (len(rows[0]) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    lines += ["", "Kernels: " + ", ".join(f"{peer.name} {peer.version}" for peer in peers) + "."]
    lines += [f"Not measured: {line}." for line in missing]
    lines += [
        "",
        "Machine: " + "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in machine.items()) + ".",
        "",
    ]
    for result in results:
        lines += [f"* {result.title}" + (f": failed, {_first_line(result.failure)}" if result.failure else "")]
        lines += [f"  * {peer}: {result.summary(peer)}" for peer in result.samples]
    return "\n".join([*lines, ""])


def as_json(
    results: Sequence[CaseResult], machine: Mapping[str, object], missing: Sequence[str], peers: Sequence[Peer]
) -> str:
    return json.dumps(
        {
            "machine": machine,
            "kernels": {peer.name: peer.version for peer in peers},
            "not_measured": list(missing),
            "cases": [
                {
                    "name": result.name,
                    "title": result.title,
                    "unit": result.unit,
                    "median": {peer: result.median(peer) for peer in result.samples},
                    "notes": result.notes,
                    "failure": result.failure,
                    "samples": {
                        peer: [round(sample, 4) for sample in samples] for peer, samples in result.samples.items()
                    },
                }
                for result in results
            ],
        },
        indent=1,
    )


def _rows(results: Sequence[CaseResult]) -> list[list[str]]:
    names = list(dict.fromkeys(peer for result in results for peer in result.samples))
    rows = [["", *names]]
    for result in results:
        row = [f"{result.title} ({result.unit})" + (", failed" if result.failure else "")]
        for name in names:
            ratio = result.ratio(name)
            row.append(f"{_number(result.median(name))}" + (f" ({ratio})" if ratio else ""))
        rows.append(row)
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _exact(value: float) -> str:
    """Counts as they are: 0 lost lines are not 0.00."""
    return str(value) if isinstance(value, int) else _number(value)


def _first_line(text: str) -> str:
    return text.splitlines()[0]
