"""An nfcapd file of layout 2 with flows of the demo data, for measuring. What the layout is, is told in connectors/nfcapd.

Blocks are LZ4-compressed by nfdump itself where it is installed; else the file is left uncompressed.
"""

import csv
import ipaddress
import os
import shutil
import struct
import subprocess
import time
from itertools import cycle, islice
from pathlib import Path

RECORDS_PER_BLOCK = 9000
FLOW_RECORD, GENERIC, IPV4, IPV6, MISC = 11, 1, 2, 3, 4
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}


def write_repeated(demo_data: Path, rows: int, file: Path) -> None:
    """A file with that many flows: those of the demo data's Zeek log, as often as it takes."""
    records = _records(demo_data / "zeek" / "conn.log")
    plain = file.with_suffix(".plain")
    with plain.open("wb") as out:
        out.write(_header(0))
        blocks = 0
        endless = cycle(records)
        left = rows
        while left:
            block = list(islice(endless, min(left, RECORDS_PER_BLOCK)))
            data = b"".join(block)
            out.write(struct.pack("<IIHH", len(block), len(data), 3, 0) + data)
            left -= len(block)
            blocks += 1
        out.seek(0)
        out.write(_header(blocks))
    if nfdump := shutil.which("nfdump"):
        argv = [nfdump, "-r", str(plain), "-w", str(file), "-y"]
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        plain.unlink()
    else:
        os.replace(plain, file)


def _header(blocks: int) -> bytes:
    return struct.pack("<HHIqBBHIqII", 0xA50C, 2, 0x01070100, int(time.time()), 0, 0, 0, 1, 0, 1 << 20, blocks)


def _records(log: Path) -> list[bytes]:
    lines = log.read_text().splitlines()
    names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    rows = csv.DictReader((line for line in lines if not line.startswith("#")), fieldnames=names, delimiter="\t")
    return [_record(row) for row in rows]


def _record(row: dict[str, str]) -> bytes:
    first = int(float(row["ts"]) * 1000)
    last = first + int(_number(row["duration"]) * 1000)
    protocol = PROTOCOLS.get(row["proto"], 0)
    generic = struct.pack(
        "<QQQQQHHBBBB", first, last, last, int(_number(row["orig_pkts"])), int(_number(row["orig_ip_bytes"])),
        int(row["id.orig_p"]), int(row["id.resp_p"]), protocol, 0x1B if protocol == 6 else 0, 0, 0,
    )  # fmt: skip
    source, destination = ipaddress.ip_address(row["id.orig_h"]), ipaddress.ip_address(row["id.resp_h"])
    if source.version == 4:
        addresses = _element(IPV4, struct.pack("<II", int(source), int(destination)))
    else:
        addresses = _element(IPV6, b"".join(part[::-1] for ip in (source, destination) for part in _halves(ip.packed)))
    misc = struct.pack("<IIBBBBBBH", 1, 2, 0, 0, 0, 0, 0, 0, 0)
    elements = _element(GENERIC, generic) + addresses + _element(MISC, misc)
    return struct.pack("<HHHBBHBB", FLOW_RECORD, 12 + len(elements), 3, 0, 0, 1, 0, 10) + elements


def _halves(address: bytes) -> tuple[bytes, bytes]:
    return address[:8], address[8:]


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data) + 4) + data


def _number(text: str) -> float:
    return 0.0 if text == "-" else float(text)
