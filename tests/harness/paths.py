"""Where things are: the checkout, what cargo built, the samples, and where tests may write."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
NOTEBOOKS = ROOT / "notebooks"

# Kept after a run for people to look at; ignored by git.
ARTIFACTS = ROOT / "test-artifacts"

# Written by the Makefile before the tests start.
TEST_PREFIX = TARGET / "test-prefix"
DEMO_DATA = TARGET / "test-demo-data"
TEST_WHEELS = TARGET / "test-wheels"

# Sample files of other projects lie beside the checkout on the developers' machines and in CI.
SAMPLES = Path(os.environ.get("FLOWDECK_SAMPLES") or ROOT.parent / "shared" / "samples")


def zeek_conn_log() -> Path:
    """A Zeek conn.log: the real one of the samples, or the demo data's where the samples are not there."""
    real = SAMPLES / "zeek" / "conn.log"
    return real if real.is_file() else DEMO_DATA / "zeek" / "conn.log"
