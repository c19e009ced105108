"""`make bench`: Flowdeck, ipykernel and evcxr_jupyter on this machine, in the same run, on the same cases.

Each case is a file in cases/ (see cases/__init__.py). Kernels take turns inside a case, so that a machine that gets
slower or faster during the run does so for all of them. Nothing here asserts a time: the results are numbers for
people, written to the terminal and to target/bench/results.json and results.md.
"""

import argparse
import importlib
import os
import pkgutil
import platform
import shutil
import sys
import tempfile
import traceback
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

# Runs as a script, beside the tests' own harness.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases  # noqa: E402
from peers import Peer, able, find_peers  # noqa: E402
from report import CaseResult, as_json, as_markdown, as_text  # noqa: E402
from run import QUICK_DIVISOR, Run, WarmKernels  # noqa: E402


def main() -> None:
    arguments = _arguments()
    results_folder = arguments.target / "bench"
    results_folder.mkdir(parents=True, exist_ok=True)
    with _own_jupyter(), tempfile.TemporaryDirectory(prefix="data-", dir=results_folder) as data:
        peers, missing = find_peers(arguments.target)
        chosen = [case for case in _all_cases() if not arguments.case or _is_named(case, arguments.case)]
        if not chosen:
            sys.exit(f"error: no case of that name; the cases are {', '.join(case.NAME for case in _all_cases())}")
        print(f"measures {', '.join(peer.name for peer in peers)}")
        for line in missing:
            print(f"not measured: {line}")
        results = _run_all(chosen, peers, quick=arguments.quick, data=Path(data))
    machine = describe_machine()
    print("\n" + as_text(results))
    (results_folder / "results.json").write_text(as_json(results, machine, missing, peers))
    (results_folder / "results.md").write_text(as_markdown(results, machine, missing, peers))
    print(f"written to {results_folder.name}/results.json and {results_folder.name}/results.md in the target folder")
    if failed := [result.name for result in results if result.failure]:
        sys.exit(f"error: these cases failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--target", type=Path, required=True, help="cargo's target folder, with release/ and bench-tools/"
    )
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case; may be given more than once")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try the benchmark itself")
    return parser.parse_args()


def _all_cases() -> list:
    found = [importlib.import_module(f"cases.{module.name}") for module in pkgutil.iter_modules(cases.__path__)]
    every = [part for module in found for part in (module.parts() if hasattr(module, "parts") else [module])]
    return sorted(every, key=lambda case: case.ORDER)


def _is_named(case, names: list[str]) -> bool:
    """By its name, or by that of the case it is a part of."""
    return case.NAME in names or case.NAME.split(".")[0] in names


def _run_all(chosen: list, peers: list[Peer], *, quick: bool, data: Path) -> list[CaseResult]:
    results = []
    with WarmKernels() as shared:
        for case in chosen:
            # In a real run each case has kernels of its own; to try the benchmark, one start is enough.
            with nullcontext(shared) if quick else WarmKernels() as warm:
                repetitions = max(2, case.REPETITIONS // QUICK_DIVISOR) if quick else case.REPETITIONS
                results.append(_measure(case, Run(able(peers, case.NEEDS), repetitions, quick, data, warm)))
    return results


def _measure(case, run: Run) -> CaseResult:
    print(f"\n== {case.TITLE}", flush=True)
    result = CaseResult(case.NAME, case.TITLE, case.UNIT)
    for peer in run.peers:
        result.samples[peer.name] = []
    try:
        for peer, sample in case.measure(run):
            result.add(peer.name, sample)
    except Exception as error:  # Whatever it is, the other cases' numbers are kept, and the run ends with an error.
        traceback.print_exc()
        result.failure = f"{type(error).__name__}: {error}"
    # A case may compare with others than kernels; who took no part has no line.
    result.samples = {name: samples for name, samples in result.samples.items() if samples or result.failure}
    for name in result.samples:
        print(f"   {name}: {result.summary(name)}", flush=True)
    return result


class _own_jupyter:
    """The person's Jupyter folders and history stay out of the measurement, and clean."""

    def __enter__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fd-bench-"))
        for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            os.environ[variable] = str(self.folder / variable.lower())
        os.environ["FLOWDECK_HISTORY"] = str(self.folder / "history.sqlite")

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def describe_machine() -> dict[str, object]:
    """Numbers without the machine they were taken on say nothing."""
    information = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    information["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    information["load_1_min"] = round(os.getloadavg()[0], 2)
    information["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    information["cpu"] = models[0] if models else platform.processor()
    return information


if __name__ == "__main__":
    main()
