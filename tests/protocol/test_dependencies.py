"""`:dep`: compiled once for all kernels, with the versions that stand beside the notebook, and without asking anybody."""

import re
from pathlib import Path

import pytest
from harness.kernel import Kernel

# What the workspace itself is built with: it is on this machine, and nobody need be asked for it.
FETCHED = 'hex = "0.4"'

TABLE = 'let table = flowdeck::sql("SELECT 1 AS n")?;'


def own_crate(folder: Path, factor: int) -> str:
    """A crate on this machine; gives the line that depends on it."""
    crate = folder / "own-tools"
    (crate / "src").mkdir(parents=True, exist_ok=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "own-tools"\nversion = "0.1.0"\nedition = "2024"\n')
    (crate / "src" / "lib.rs").write_text(f"pub fn times(n: i64) -> i64 {{ n * {factor} }}\n")
    return f':dep own-tools = {{ path = "{crate}" }}'


def test_dependencies_are_compiled_once_and_their_versions_kept(new_kernel, tmp_path: Path) -> None:
    env = {"JPY_SESSION_NAME": str(tmp_path / "host search.ipynb"), "FLOWDECK_DRIVER_LOG": str(tmp_path / "log")}
    cells = [
        f":dep {FETCHED}\n{own_crate(tmp_path, 3)}\nlet before = 5i64;",
        "own_tools::times(before)",
        'hex::encode("ab")',
        'flowdeck::sql("SELECT 7 AS n")?.column::<i64>("n")?[0] + own_tools::times(1)',
    ]
    shown = ["", "15", '"6162"', "10"]
    first: Kernel = new_kernel(env=env, cwd=tmp_path)
    assert first.execute(TABLE).status == "ok"
    outputs = [first.execute(cell) for cell in cells]
    assert [cell.text for cell in outputs] == shown, "\n".join(map(repr, outputs))
    # A variable of the prelude's types survives: it is the same prelude.
    assert first.execute("table.row_count()").text == "1"
    lock = tmp_path / "host_search.cargo.lock"
    assert 'name = "hex"' in lock.read_text() and 'name = "own-tools"' in lock.read_text()
    first.close()
    written = lock.read_bytes()
    (tmp_path / "log").unlink()
    second: Kernel = new_kernel(env=env, cwd=tmp_path)
    assert second.execute(TABLE).status == "ok"
    outputs = [second.execute(cell) for cell in cells]
    assert [cell.text for cell in outputs] == shown, "\n".join(map(repr, outputs))
    assert "compiled " not in outputs[0].stream(), "nothing was compiled again"
    compiled = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("compiled")]
    assert not compiled, compiled
    assert lock.read_bytes() == written
    # A crate on this machine that changed is compiled again, and so is what uses it.
    own_crate(tmp_path, 4)
    assert second.execute("own_tools::times(before) + 0").text == "20"


def test_a_dependency_that_does_not_compile_or_is_not_there_says_so(new_kernel, tmp_path: Path) -> None:
    kernel: Kernel = new_kernel(cwd=tmp_path)
    kernel.execute("let kept = 5;")
    line = own_crate(tmp_path, 3)
    (tmp_path / "own-tools" / "src" / "lib.rs").write_text("pub fn times(n: i64) -> i64 { \"text\" }\n")
    cell = kernel.execute(f"{line}\nown_tools::times(2)")
    assert cell.status == "error" and "mismatched types" in cell.error_text, repr(cell)
    assert "own-tools" in cell.error_text
    own_crate(tmp_path, 5)
    assert kernel.execute(f"{line}\nown_tools::times(2)").text == "10"
    cell = kernel.execute(f':dep no-such = {{ path = "{tmp_path}/no-such" }}')
    assert cell.status == "error" and "no-such" in cell.error_text, repr(cell)
    assert kernel.execute("kept").text == "5"


def test_progress_is_shown_while_dependencies_are_compiled(new_kernel, tmp_path: Path) -> None:
    kernel: Kernel = new_kernel(cwd=tmp_path)
    cell = kernel.execute(f"{own_crate(tmp_path, 6)}\nown_tools::times(7)")
    assert cell.text == "42", repr(cell)
    assert re.search(r"compiled own.tools \(1 of 1\)", cell.stream()), repr(cell)
    assert re.search(r"compiled \d+ crates in \d+ s", cell.stream())


def test_futures_of_tokio_are_awaited_and_its_tasks_live_on(new_kernel, tmp_path: Path) -> None:
    # What a runtime needs besides is added.
    kernel: Kernel = new_kernel(cwd=tmp_path)
    cell = kernel.execute(
        ':dep tokio = { version = "1", features = ["time"] }\nuse std::time::Duration;\n'
        "tokio::time::sleep(Duration::from_millis(20)).await;\n6 * 7"
    )
    assert cell.text == "42", repr(cell)
    spawn = "let handle = tokio::spawn(async { tokio::time::sleep(Duration::from_millis(300)).await; 5 });"
    assert kernel.execute(f"{spawn}\ntokio::task::yield_now().await;").status == "ok"
    assert kernel.execute("1 + 1").text == "2"
    assert kernel.execute("handle.await?").text == "5"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('no-such-crate-anywhere = "1"', "no matching package named `no-such-crate-anywhere`"),
        ('hex = "99"', "hex = "),
        ("hex = {", ":dep hex = {"),
        ("hex = 5", ":dep hex = 5"),
        ('hex = { version = "0.4", features = ["nonsense"] }', "nonsense"),
        ('no-such = { path = "/nowhere" }', "/nowhere"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_a_hint(new_kernel, tmp_path: Path, line: str, told: str) -> None:
    # Nobody is asked in tests.
    kernel: Kernel = new_kernel(cwd=tmp_path, env={"CARGO_NET_OFFLINE": "true"})
    cell = kernel.execute(f":dep {line}\n1")
    error = cell.error_text
    assert error.startswith("DependencyError") and told in error and "hint: " in error, repr(cell)
    for noise in ("error:", "Cargo.toml:", "Updating", "/tmp/flowdeck", "flowdeck-dependencies", "(line"):
        assert noise not in error, error
    assert len(cell.errors[0]["content"]["evalue"].splitlines()) == 1, repr(cell)
    assert kernel.execute("1 + 1").text == "2"


def test_what_does_not_compile_is_compiled_once(new_kernel, tmp_path: Path) -> None:
    line = own_crate(tmp_path, 3)
    count = tmp_path / "count"
    (tmp_path / "own-tools" / "build.rs").write_text(
        "use std::io::Write;\nfn main() {\n"
        f'    let file = std::fs::File::options().create(true).append(true).open("{count}");\n'
        '    writeln!(file.unwrap(), "built").unwrap();\n    panic!("not today");\n}\n'
    )
    kernel: Kernel = new_kernel(cwd=tmp_path)
    cell = kernel.execute(f"{line}\n1")
    assert cell.status == "error" and "not today" in cell.error_text, repr(cell)
    assert count.read_text().splitlines() == ["built"]
    assert "build-script" not in cell.stream()


def test_two_kernels_that_want_the_same_new_crates_at_once_get_them(new_kernel, tmp_path: Path) -> None:
    line = own_crate(tmp_path, 11)
    kernels: list[Kernel] = [new_kernel(cwd=tmp_path) for _ in range(2)]
    for kernel in kernels:
        kernel.execute("()")
    cells = [(kernel, kernel.send_execute(f"{line}\nown_tools::times(3)")) for kernel in kernels]
    answers = [kernel.finish(cell) for kernel, cell in cells]
    assert [answer.text for answer in answers] == ["33", "33"], answers
