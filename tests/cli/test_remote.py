"""Objects of a store that speaks S3, moto's on this machine: read in parts or fetched, listed, refused; keys in no output."""

import functools
import gzip
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import boto3
import pytest
from harness import paths
from moto.server import ThreadedMotoServer

FLOWDECK = paths.TARGET / "debug" / "flowdeck"
BUCKET = "campus-flows"
ROWS = 30
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


def csv_of(minute: int) -> bytes:
    rows = (f"2024-01-01T00:{minute:02}:{second:02}Z,10.0.0.{second},192.0.2.1,6,100\n" for second in range(ROWS))
    return ("start_time,src_ip,dst_ip,protocol,bytes\n" + "".join(rows)).encode()


class Store:
    """A server with one bucket, which one user may read. From then on it checks signatures."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        common = {"endpoint_url": self.url, "region_name": "us-east-1"}
        nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
        iam = boto3.client("iam", **common, **nobody)
        iam.create_user(UserName="analyst")
        iam.put_user_policy(UserName="analyst", PolicyName="read", PolicyDocument=POLICY)
        key = iam.create_access_key(UserName="analyst")["AccessKey"]
        self.key_id, self.key = key["AccessKeyId"], key["SecretAccessKey"]
        self.s3 = boto3.client("s3", **common, aws_access_key_id=self.key_id, aws_secret_access_key=self.key)
        self.s3.create_bucket(Bucket=BUCKET)
        for minute in range(3):
            self.put(f"2024/01/0{minute + 1}/flows.csv", csv_of(minute))
        self.put("2024/", b"")
        self.check_signatures()

    def put(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=content)

    def check_signatures(self) -> None:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0", headers=plain)
        urllib.request.urlopen(request).read()

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.key,
            "AWS_REGION": "us-east-1",
        }


@pytest.fixture(scope="module")
def store():
    store = Store()
    yield store
    store.server.stop()


def flowdeck(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {"FLOWDECK_CONFIG": str(folder / "flowdeck.toml"), "TMPDIR": str(folder), **more}
    return subprocess.run(
        [FLOWDECK, *arguments], capture_output=True, text=True, timeout=120, cwd=folder, env=variables
    )


def configured(folder: Path, store: Store, location: str, more: str = "", key: str | None = None) -> None:
    for name, content in (("id.key", store.key_id), ("secret.key", key or store.key)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    (folder / "flowdeck.toml").write_text(
        f'[sources.campus]\nlocation = "{location}"\nendpoint = "{store.url}"\n{more}\n'
        '[sources.campus.secrets]\naccess_key_id = { file = "id.key" }\nsecret_access_key = { file = "secret.key" }\n'
    )


def count(folder: Path, table: str, **more: str) -> str:
    ended = flowdeck(folder, "sql", f"SELECT count(*) AS n FROM {table}", "--format", "csv", **more)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "flowdeck.toml").write_text("")
    return tmp_path


def test_patterns_folders_and_objects(folder, store) -> None:
    for name, expected in (
        ("2024/01/01/flows.csv", ROWS),
        ("2024/01/*/flows.csv", 3 * ROWS),
        ("2024/**/*.csv", 3 * ROWS),
        ("**", 3 * ROWS),
        ("2024/01/0[12]/*", 2 * ROWS),
        ("2024/01/02/", ROWS),
        ("2024/", 3 * ROWS),
    ):
        assert count(folder, f"read_flows('s3://{BUCKET}/{name}')", **store.environment()) == str(expected), name
    assert not list(folder.glob("flowdeck-*")), "what was fetched goes with the session"


def test_a_source_with_keys_import_and_parquet(folder, store) -> None:
    configured(folder, store, f"s3://{BUCKET}/2024/01/*/flows.csv")
    listed = flowdeck(folder, "sources")
    assert listed.returncode == 0 and "ready" in listed.stdout, listed.stdout + listed.stderr
    detail = flowdeck(folder, "sources", "campus", "--test").stdout
    assert f"s3://{BUCKET}/2024" in detail and store.url in detail and "90" in detail, detail
    imported = flowdeck(folder, "import", "campus", "--store", "kept")
    assert "imported 90 flows" in imported.stderr, imported.stderr
    direct = flowdeck(folder, "import", f"s3://{BUCKET}/2024/**", "--store", "kept2", **store.environment())
    assert "imported 90 flows" in direct.stderr, direct.stderr
    [parquet] = (folder / "kept").glob("*.parquet")
    store.put("kept/hour=00/flows.parquet", parquet.read_bytes())
    configured(folder, store, f"s3://{BUCKET}/kept/*/*.parquet", 'region = "us-east-1"')
    ended = flowdeck(folder, "sql", "SELECT bytes, src_ip FROM campus WHERE src_ip = '10.0.0.7'", "--format", "csv")
    assert ended.stdout.split() == ["bytes,src_ip"] + ["100,10.0.0.7"] * 3, ended.stderr
    assert not list(folder.glob("flowdeck-*"))
    named = flowdeck(
        folder, "sql", "SELECT count(*) FROM x", "--source", f"x=s3://{BUCKET}/kept/**", **store.environment()
    )
    assert "90" in named.stdout, named.stderr
    store.s3.delete_object(Bucket=BUCKET, Key="kept/hour=00/flows.parquet")


def day_of_csv(day: int) -> bytes:
    return csv_of(0).replace(b"2024-01-01", f"2024-03-{day:02}".encode())


def day_of_aws(day: int) -> bytes:
    start = 1709251200 + (day - 1) * 86400
    line = "2 1 eni-1 10.0.0.1 10.0.0.2 40000 443 6 20 100 {} {} ACCEPT OK\n"
    return "".join(line.format(start + second, start + second) for second in range(ROWS)).encode()


def day_of_json(day: int) -> bytes:
    row = {"start_time": f"2024-03-{day:02}T00:00:00Z", "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "bytes": 100}
    return (json.dumps(row) + "\n").encode() * ROWS


@pytest.mark.parametrize(
    ("kind", "day_of", "name"),
    [
        ("csv", day_of_csv, "2024/03/{:02}/flows.csv"),
        ("packed", lambda day: gzip.compress(day_of_csv(day)), "flows-202403{:02}.csv.gz"),
        ("aws", day_of_aws, "y=2024/m=03/d={:02}/flows.log"),
        ("json", day_of_json, "2024-03-{:02}/flows.json"),
    ],
)
def test_only_objects_of_the_time_that_is_asked_for_are_fetched(folder, store, kind, day_of, name) -> None:
    """An object that is nothing is in the way of whoever looks at all of them."""
    for day in range(1, 10):
        store.put(f"{kind}/{name.format(day)}", day_of(day))
    store.put(f"{kind}/{name.format(20)}", b"\x00\x01 nothing")
    configured(folder, store, f"s3://{BUCKET}/{kind}/**")
    window = "start_time >= '2024-03-05' AND start_time < '2024-03-06'"
    for table in (f"read_flows('s3://{BUCKET}/{kind}/**')", "campus"):
        sql = f"SELECT count(*) AS n, sum(bytes) AS b FROM {table} WHERE {{}}"
        found = flowdeck(folder, "sql", sql.format(window), "--format", "csv", **store.environment())
        assert found.returncode == 0 and found.stdout.split() == ["n,b", f"{ROWS},{ROWS * 100}"], found.stdout + found.stderr
        shown = flowdeck(folder, "sql", sql.format(window), **store.environment())
        assert "4 of 10 objects were read" in shown.stdout + shown.stderr, "the day, and a day before and after it"
        none = flowdeck(folder, "sql", sql.format("start_time > '2030-01-01'"), "--format", "csv", **store.environment())
        assert none.returncode == 0 and none.stdout.splitlines()[1].startswith("0"), none.stdout + none.stderr
        assert "0 of 10 objects were read" in none.stderr, none.stderr
        every = flowdeck(folder, "sql", sql.format("bytes > 0"), **store.environment())
        told = every.stdout + every.stderr
        assert every.returncode == 0 and name.format(20) in told and str(9 * ROWS) in told, told
    listed = flowdeck(folder, "sources").stdout
    assert next(line for line in listed.splitlines() if line.startswith("campus")).split()[1] == "ready"


def test_faults_are_explained_and_keys_are_in_no_output(folder, store) -> None:
    output = ""
    query = f"SELECT * FROM read_flows('s3://{BUCKET}/2024/01/01/flows.csv')"
    wrong = "wrong-secret-planted-by-a-test"
    for sql, environment, fact, hint in (
        ("SELECT * FROM read_flows('s3://no-such-bucket/a/*.csv')", {}, "there is no such bucket", "endpoint"),
        ("SELECT * FROM read_flows('s3://no-such-bucket/a.csv')", {}, "there is no such bucket", "endpoint"),
        (f"SELECT * FROM read_flows('s3://{BUCKET}/no.csv')", {}, "there is no such object", "capital letters"),
        (f"SELECT * FROM read_flows('s3://{BUCKET}/*.csv')", {}, "no file matches", "`**` goes into folders"),
        (query, {"AWS_SECRET_ACCESS_KEY": wrong}, "does not accept the keys (SignatureDoesNotMatch)", "AWS_*"),
        (query, {"AWS_ACCESS_KEY_ID": wrong}, "does not accept the keys (InvalidAccessKeyId)", "AWS_*"),
        (query, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached", "HTTPS_PROXY"),
        (query, {"AWS_ENDPOINT_URL": "http://192.0.2.1"}, "plain http is only for this machine", "allow_http"),
        (query, {"AWS_SECRET_ACCESS_KEY": ""}, "", ""),
    ):
        ended = flowdeck(folder, "sql", sql, FLOWDECK_LOG="info", **{**store.environment(), **environment})
        assert ended.returncode == 1 and fact in ended.stderr and hint in ended.stderr, ended.stderr
        output += ended.stdout + ended.stderr
    anonymous = flowdeck(folder, "sql", query, AWS_ENDPOINT_URL=store.url)
    assert "access is denied to requests without keys" in anonymous.stderr and "AWS_ACCESS_KEY_ID" in anonymous.stderr

    for key in (store.key, wrong):
        configured(folder, store, f"s3://{BUCKET}/2024/01/01/flows.csv", key=key)
        for arguments in (
            ["sources"],
            ["sources", "campus", "--test"],
            ["sql", "SELECT count(*) FROM campus"],
            ["sql", "EXPLAIN ANALYZE VERBOSE SELECT * FROM campus"],
            ["sql", "SHOW ALL"],
        ):
            ended = flowdeck(folder, *arguments, FLOWDECK_LOG="trace")
            output += ended.stdout + ended.stderr
    (folder / "id.key").unlink()
    listed = flowdeck(folder, "sources")
    assert listed.returncode == 1 and "id.key" in listed.stdout
    for secret in (store.key, store.key_id, wrong):
        assert secret not in output + listed.stdout + listed.stderr


def test_a_server_that_does_not_answer_costs_the_other_sources_nothing(folder, store) -> None:
    (folder / "a.csv").write_bytes(csv_of(0))
    sources = "".join(f'[sources.s{n}]\nlocation = "http://127.0.0.1:9/{n}.csv"\n' for n in range(8))
    (folder / "flowdeck.toml").write_text(sources + '[sources.here]\nlocation = "a.csv"\n')
    started = time.monotonic()
    assert count(folder, "here") == str(ROWS)
    assert time.monotonic() - started < 20
    asked = flowdeck(folder, "sql", "SELECT * FROM s1")
    assert "http://127.0.0.1:9/1.csv" in asked.stderr and "cannot be reached" in asked.stderr


def test_compressed_logs_of_a_web_server_without_parts(folder) -> None:
    """The server of Python's library gives no parts, so files come as a whole."""
    (folder / "www").mkdir()
    (folder / "www" / "flows.csv.gz").write_bytes(gzip.compress(csv_of(0)))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder / "www")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/flows.csv.gz"
        assert count(folder, f"read_flows('{url}')") == str(ROWS)
        assert count(folder, f"read_flows('file://{folder}/www/flows.csv.gz')") == str(ROWS)
        (folder / "flowdeck.toml").write_text(
            f'[sources.web]\nlocation = "{url}?sig=s3cr3t-planted"\n[sources.other]\nlocation = "http://192.0.2.1/a"\n'
        )
        detail = flowdeck(folder, "sources", "web", "--test")
        assert detail.returncode == 0 and url in detail.stdout and "s3cr3t" not in detail.stdout + detail.stderr
        assert "plain http is only for this machine" in flowdeck(folder, "sources").stdout
        server.shutdown()
