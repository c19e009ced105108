"""`%sources`: what is configured, tests and comparisons, and that a notebook never shows a secret."""

import json
from collections.abc import Callable

import pytest
from harness.kernel import Kernel

PLANTED = "s3cr3t-planted-by-a-test"


def test_sources_are_listed_tested_and_compared(shared_kernel: Kernel) -> None:
    listed = shared_kernel.execute("%sources").stream()
    assert "flows" in listed and "Parquet" in listed and "2024-02-05" in listed, listed
    tested = shared_kernel.execute("%sources zeek_conn --test").stream()
    assert "state" in tested and "good" in tested and "always filled" in tested, tested
    compared = shared_kernel.execute("%sources --compare flows zeek_conn --from 2024-02-05T09:00 --to 2024-02-05T10:00")
    assert "zeek_conn agrees with flows" in compared.stream() and "gaps: none" in compared.stream(), repr(compared)


@pytest.mark.parametrize(
    ("arguments", "fact", "hint"),
    [
        ("flowz", "no source `flowz`", "`flows`"),
        ("--tset", "--tset", "usage"),
        ("--compare flows", "2 values", "usage"),
        ("--compare flows nothing", "`nothing`", "tables"),
        ("--compare flows zeek_dns", "holds no flows", ""),
        ("'open", "quote", ""),
    ],
)
def test_wrong_arguments_are_one_error(shared_kernel: Kernel, arguments: str, fact: str, hint: str) -> None:
    cell = shared_kernel.execute(f"%sources {arguments}")
    assert cell.status == "error" and cell.types == ["error"]
    assert fact in cell.error_text and hint in cell.error_text, cell.error_text


def test_a_secret_reaches_no_front_end_and_no_log(new_kernel: Callable[..., Kernel], tmp_path) -> None:
    (tmp_path / "a.csv").write_text("start_time,src_ip,dst_ip\n2024-01-01T00:00:00Z,10.0.0.1,10.0.0.2\n")
    config = tmp_path / "flowdeck.toml"
    config.write_text(
        '[sources.a]\nlocation = "a.csv"\nsecrets = { one = { env = "PLANTED_KEY" }, two = { file = "two.key" } }\n'
    )
    (tmp_path / "two.key").write_text(PLANTED)
    (tmp_path / "two.key").chmod(0o600)
    kernel = new_kernel(env={"FLOWDECK_CONFIG": str(config), "PLANTED_KEY": PLANTED, "FLOWDECK_LOG": "trace"})
    cells = [kernel.execute(code) for code in ("%sources", "%sources a --test", "%schema a", "%%sql\nSELECT * FROM a")]
    assert "one: there" in cells[1].stream() and "two: there" in cells[1].stream()
    said = json.dumps([message for cell in cells for message in [*cell.iopub, *cell.replies]], default=str)
    assert "10.0.0.1" in said and PLANTED not in said and PLANTED not in kernel.log()
