"""The engine as a function: one query, one `pyarrow.Table`.

Each call is a process of its own, which has the sources of `flowdeck.toml`; rows come back through a file that is mapped
into memory, so that a large result is not held twice.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdeck._program import binary

if TYPE_CHECKING:
    import pyarrow


class QueryError(RuntimeError):
    """What the engine says of a query that did not run, with its hint."""


def sql(
    query: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    sources: Mapping[str, Any] | None = None,
    addresses: str = "text",
    config: str | os.PathLike | None = None,
) -> pyarrow.Table:
    """Runs a query and returns all of its rows.

    `parameters` are values for `$name`, bound and never made part of the text: text, numbers, truth values, dates,
    datetimes with a zone, timedeltas, addresses and networks, lists of texts or of whole numbers, None.

    `sources` are tables beside those of `flowdeck.toml`: a path or pattern of files, or rows that pyarrow understands
    (a `pyarrow.Table`, a DataFrame of pandas or Polars).

    `addresses` come as "text" or as "binary", their 16 bytes. `config` is another `flowdeck.toml`.

    Raises QueryError with the engine's own words, and ImportError when pyarrow is not installed.
    """
    arrow = _pyarrow()
    with tempfile.TemporaryDirectory(prefix="flowdeck-") as folder:
        rows = Path(folder) / "rows.arrow"
        command = [str(binary()), "sql", "-", "--addresses", addresses, "--format", "arrow", "-o", str(rows)]
        for name, source in (sources or {}).items():
            command += ["--source", f"{name}={_as_file(arrow, source, Path(folder) / f'{len(command)}.arrow')}"]
        if parameters:
            values = Path(folder) / "parameters.json"
            values.write_text(json.dumps({name: _as_json(name, value) for name, value in parameters.items()}))
            command += ["--parameters", str(values)]
        environment = os.environ | ({"FLOWDECK_CONFIG": os.fspath(config)} if config is not None else {})
        run = subprocess.run(command, input=query.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        if run.returncode != 0:
            raise QueryError(run.stderr.decode(errors="replace").strip().removeprefix("error: "))
        with arrow.memory_map(str(rows)) as mapped:
            return arrow.ipc.open_file(mapped).read_all()


def _pyarrow() -> Any:
    try:
        import pyarrow.ipc
    except ImportError as error:
        raise ImportError("flowdeck.sql returns a pyarrow.Table: install it with `pip install flowdeck[arrow]`") from error
    return pyarrow


def _as_file(arrow: Any, source: Any, file: Path) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    table = arrow.table(source)
    with arrow.ipc.new_file(str(file), table.schema) as writer:
        writer.write_table(table)
    return str(file)


def _as_json(name: str, value: Any) -> Any:
    """As `flowdeck sql --parameters` reads values; what JSON has no type for is an object that names it."""
    match value:
        case int() if not -(2**63) <= value < 2**63:
            # JSON would carry it as a floating-point number, with other digits.
            raise QueryError(f"the parameter `{name}` is beyond the whole numbers of SQL\nhint: compare with a text and a CAST")
        case None | bool() | int() | float() | str():
            return value
        case datetime.datetime():
            if value.tzinfo is None:
                raise QueryError(f"the parameter `{name}` has no zone\nhint: give it one, as in datetime.now(timezone.utc)")
            return {"timestamp": value.isoformat()}
        case datetime.date():
            return {"date": value.isoformat()}
        case datetime.timedelta():
            return {"seconds": value.total_seconds()}
        case os.PathLike():
            return os.fspath(value)
        case _ if isinstance(value, _ADDRESSES):
            return str(value)
        case Iterable():
            return [_as_json(name, item) for item in value]
        case _:
            raise QueryError(f"the parameter `{name}` is a {type(value).__name__}, which is no value of a query")


_ADDRESSES = (ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network)
