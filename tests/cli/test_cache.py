"""`flowdeck cache`: what is kept for Rust cells is shown, explained and cleaned; what is in use stays."""

import json
import os
import subprocess
from pathlib import Path

from harness import paths
from harness.kernel import Kernel
from harness.preludes import own_prelude

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
OTHER = "fedcba9876543210"


def cache(folder: Path, *arguments: str) -> str:
    env = {**os.environ, "FLOWDECK_CACHE_DIR": str(folder)}
    done = subprocess.run([FLOWDECK, "cache", *arguments], capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_what_is_kept_is_shown_and_only_what_nobody_uses_is_cleaned(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert "nothing is kept" in cache(folder)
    prelude = own_prelude(folder)
    other = folder / "prelude" / OTHER / "release"
    other.mkdir(parents=True)
    (other / "libflowdeck.so").write_bytes(bytes(3 * 2**20))
    crate = tmp_path / "own-tools"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "own-tools"\nversion = "0.1.0"\nedition = "2024"\n')
    (crate / "src" / "lib.rs").write_text("pub fn one() -> u8 { 1 }\n")
    with Kernel(env={**os.environ, "FLOWDECK_CACHE_DIR": str(folder)}) as kernel:
        assert kernel.execute(f':dep own-tools = {{ path = "{crate}" }}\nown_tools::one() + 1').text == "2"
        shown = cache(folder)
        rows = shown.splitlines()
        version = json.loads((prelude / "prelude.json").read_text())["version"]
        (own,) = [line for line in rows if line.startswith("prelude") and prelude.name in line]
        assert "in use" in own and f"Flowdeck {version}" in own and "rustc 1." in own, shown
        assert any(line.startswith("crates of :dep") and "own-tools" in line for line in rows), shown
        assert any(line.startswith("compiled cells") for line in rows), shown
        assert "3.0 MiB" in shown and "30 days" in shown and "--clean" in shown, shown
        assert "freed 3.0 MiB" in cache(folder, "--clean")
        assert "in use by kernels" in cache(folder, "--clean", "--all")
        assert kernel.execute("own_tools::one() + 2").text == "3"
    assert (prelude / "release" / "libflowdeck.so").exists() and not other.exists()
    assert "freed" in cache(folder, "--clean", "--all")
    assert not prelude.exists()


def test_it_says_what_things_are_for_and_why_a_cell_is_compiled_again(tmp_path: Path) -> None:
    text = cache(tmp_path, "--explain")
    for words in ("prelude", "crates of :dep", "256.0 MiB", "4.0 GiB", "compiled again when", "include!"):
        assert words in text, text
