"""The benchmark itself must run: a short one, with the development build in the place of the release."""

import json
import subprocess
import sys
from pathlib import Path

from harness import paths


def test_benchmark_runs_every_case_and_writes_its_results(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "flowdeck").symlink_to(paths.TARGET / "debug" / "flowdeck")
    (tmp_path / "bench-cache").symlink_to(paths.TARGET / "test-cache")
    bench = Path(__file__).with_name("bench.py")
    run = subprocess.run(
        [sys.executable, bench, "--target", tmp_path, "--quick"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads((tmp_path / "bench" / "results.json").read_text())
    cases = sorted(path.stem for path in (bench.parent / "cases").glob("[!_]*.py"))
    assert sorted(case["name"] for case in results["cases"]) == cases
    for case in results["cases"]:
        assert set(case["median"]) >= {"flowdeck", "ipykernel"} and all(
            value > 0 for value in case["median"].values()
        ), case
    assert "| flowdeck |" in (tmp_path / "bench" / "results.md").read_text()
