"""Flows and domains for the case flow_queries, made by arithmetic in SQL: the same rows wherever they are made.

Sources and destinations are skewed as in a campus network: a few talk much, most little. Each address is there twice,
as Flowdeck keeps it and as text, so that every tool reads the form its users have.
"""

import subprocess
from pathlib import Path

from peers import Peer

# The host of the queries (a) and (f), and the network of (b).
HOST = "10.22.0.9"
NETWORK = "10.20.0.0/16"

DOMAINS = 1_000_000


def write(flowdeck: Peer, rows: int, folder: Path) -> tuple[Path, Path]:
    """The files of flows and of domains."""
    flows, domains = folder / "bench-flows.parquet", folder / "bench-domains.parquet"
    _run(flowdeck, f"COPY ({_flows(rows)}) TO '{flows}' STORED AS PARQUET OPTIONS (compression 'zstd(3)')")
    names = f"SELECT {_domain('value')} AS domain, value + 1 AS rank FROM range(0, {min(DOMAINS, rows)})"
    _run(flowdeck, f"COPY ({names}) TO '{domains}' STORED AS PARQUET")
    return flows, domains


def _run(flowdeck: Peer, sql: str) -> None:
    argv = [flowdeck.program, "sql", sql]
    done = subprocess.run(
        argv, env=flowdeck.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _uniform(multiplier: int, prime: int) -> str:
    """From 0 to 1, without an order that one would see. Columns with different primes are independent."""
    return f"(CAST(value % {prime} AS DOUBLE) * {multiplier} % {prime} / {prime})"


def _flows(rows: int) -> str:
    source = f"CAST(pow({_uniform(48271, 999983)}, 4) * 20000 AS BIGINT)"
    target = f"CAST(pow({_uniform(69621, 1000003)}, 3) * 300000 AS BIGINT)"
    # The last octets are scattered, so that neighbours in rank are no neighbours in the network.
    inner = "concat('10.', 20 + s % 3, '.', s / 250, '.', 1 + s % 250)"
    outer = "concat(11 + d * 7 % 180, '.', d * 13 % 251, '.', d / 1200, '.', 1 + d * 3 % 250)"
    is_in = "flip < 0.3"
    return f"""
    SELECT to_timestamp_micros(1707091200000000 + value * {86_400_000_000 // rows}) AS start_time,
        to_ip(src) AS src_ip, to_ip(dst) AS dst_ip, src AS src_text, dst AS dst_text,
        CAST(CASE WHEN {is_in} THEN service ELSE high END AS SMALLINT UNSIGNED) AS src_port,
        CAST(CASE WHEN {is_in} THEN high ELSE service END AS SMALLINT UNSIGNED) AS dst_port,
        CAST(CASE WHEN service IN (53, 123) THEN 17 ELSE 6 END AS TINYINT UNSIGNED) AS protocol,
        CAST(packets AS BIGINT UNSIGNED) AS packets, CAST(packets * size AS BIGINT UNSIGNED) AS bytes, domain
    FROM (
        SELECT value, flip, high, packets, size, domain, service,
            CASE WHEN {is_in} THEN {outer} ELSE {inner} END AS src, CASE WHEN {is_in} THEN {inner} ELSE {outer} END AS dst
        FROM (
            SELECT value, {source} AS s, {target} AS d, {_uniform(16807, 998244353)} AS flip,
                CAST(1024 + {_uniform(630360016, 2147483647)} * 60000 AS BIGINT) AS high,
                CAST(1 + 1 / (0.001 + {_uniform(40692, 1000033)}) AS BIGINT) AS packets,
                CAST(40 + {_uniform(40014, 1000037)} * 1400 AS BIGINT) AS size,
                {_domain(f"CAST(pow({_uniform(39373, 1000039)}, 3) * {2 * DOMAINS} AS BIGINT)")} AS domain,
                CASE CAST({_uniform(45991, 1000081)} * 8 AS BIGINT)
                    WHEN 0 THEN 53 WHEN 1 THEN 80 WHEN 2 THEN 22 WHEN 3 THEN 123 WHEN 4 THEN 3389 ELSE 443 END AS service
            FROM range(0, {rows})
        )
    )"""


def _domain(number: str) -> str:
    return f"concat('host', {number} % 97, '.site', {number}, '.example')"
