"""A Flowmon collector on this machine, as its REST guide describes it: tokens, profiles and channels, queries that are
computed in the background, and every way in which that goes wrong.

It keeps flows of its own, applies interval, channels, filter, limit and columns of a search to them, and writes numbers as
text, great ones rounded.
"""

import ipaddress
import json
import re
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Planted: neither may be found anywhere but in a request.
USER, PASSWORD = "analyst", "flowmon-planted-3f9a1c"
TOKEN_PREFIX = "token-planted-"
CHANNELS = ["CESNET", "SRV", "UKB", "VSS"]
# Longer addresses are refused, as web servers do.
URL_BYTES_MAX = 2048
TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
ROUNDED = [("T", 10**12), ("G", 10**9), ("M", 10**6)]

Answer = tuple[int, str, str]
Flow = dict[str, Any]


def flow(ts: datetime, src: str, dst: str, **more: Any) -> Flow:
    """A TCP flow; times are those of the collector's clock."""
    usual = {"td": 2.5, "pr": 6, "sp": 40000, "dp": 443, "flg": "...AP.SF", "tos": 0, "pkt": 10, "byt": 1500, "fl": 1}
    return {"ts": ts, "sa": src, "da": dst, "channel": "SRV", **usual, **more}


def as_json(status: int, value: Any) -> Answer:
    return status, "application/json", json.dumps(value)


def refused(status: int, message: str) -> Answer:
    return as_json(status, {"code": status, "status": "error", "message": message})


NOTHING: Answer = (204, "application/json", "")
PAGE: Answer = (502, "text/html", "<html><body>Bad gateway</body></html>")

PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}


class Flowmon:
    """The collector. What it does wrong is told by `behave`."""

    def __init__(self, flows: list[Flow], certificate: tuple[Path, Path] | None = None) -> None:
        self.flows = flows
        self.profiles: dict[str, list[str]] = {"live": CHANNELS, "empty": []}
        # One of: failed, page, cut, slow, never, forbidden, gone, moved, login, broken.
        self.behave = ""
        self.polls_before_result = 2
        self.expires_in = 3600
        self.slow_s = 3.0
        self.grants: list[str] = []
        self.searches: list[tuple[str, dict[str, Any]]] = []
        self.polls = 0
        self._tokens: dict[str, float] = {}
        self._refresh_tokens: set[str] = set()
        self._results: list[tuple[int, list[dict[str, str]]]] = []
        self._lock = threading.Lock()
        flowmon = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                flowmon.handle(self, b"")

            def do_POST(self) -> None:
                flowmon.handle(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def config(self, name: str = "collector", *, more: str = "", password: str = "PLANTED_FLOWMON") -> str:
        """The source in flowdeck.toml that points here."""
        return (
            f"[sources.{name}]\nconnector = 'flowmon'\nlocation = '{self.address}'\nuser = '{USER}'\n{more}\n"
            f"[sources.{name}.secrets]\npassword = {{ env = '{password}' }}\n"
        )

    def forget_tokens(self) -> None:
        """As after a restart: no token is accepted any more, those for refreshing are."""
        self._tokens.clear()

    def handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        status, kind, text = self.answer(handler, body)
        data = text.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        if status == 302:
            handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        try:
            handler.wfile.write(data)
        except OSError:
            pass

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        parts = urlsplit(handler.path)
        if self.behave == "moved":
            return 302, "text/html", ""
        if self.behave == "login":
            return 200, "text/html", "<html><body>Please log in</body></html>"
        if len(handler.path) > URL_BYTES_MAX:
            return 414, "text/html", "<html><body>Request-URI Too Long</body></html>"
        if parts.path == "/resources/oauth/token":
            return self._token(parse_qs(body.decode()))
        with self._lock:
            known = self._tokens.get(handler.headers.get("Authorization", "").removeprefix("bearer "), 0)
        if known < time.monotonic():
            return as_json(401, {"error": "invalid_grant", "error_description": "The access token has expired"})
        if self.behave == "forbidden":
            return refused(403, "The user has no right to this resource.")
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if handler.command == "POST":
            parameters |= form(handler.headers["Content-Type"], body)
        return self._route(parts.path.removeprefix("/rest/fmc/"), handler.command, parameters)

    def _token(self, form: dict[str, list[str]]) -> Answer:
        asked = {name: values[0] for name, values in form.items()}
        self.grants.append(asked.get("grant_type", ""))
        if asked.get("client_id") != "invea-tech":
            return as_json(400, {"error": "invalid_client"})
        if asked["grant_type"] == "refresh_token":
            is_good = asked["refresh_token"] in self._refresh_tokens
            self._refresh_tokens.discard(asked["refresh_token"])
        else:
            is_good = (asked["username"], asked["password"]) == (USER, PASSWORD)
        if not is_good:
            said = f"Invalid username and password combination: {asked.get('password')}"
            return as_json(400, {"error": "invalid_grant", "error_description": said})
        access, refresh = (TOKEN_PREFIX + secrets.token_hex(8) for _ in range(2))
        with self._lock:
            self._tokens[access] = time.monotonic() + self.expires_in
            self._refresh_tokens.add(refresh)
        return as_json(200, {"access_token": access, "token_type": "bearer", "expires_in": self.expires_in, "refresh_token": refresh})

    def _route(self, path: str, method: str, parameters: dict[str, str]) -> Answer:
        match path.split("/"):
            case ["profiles"]:
                assert json.loads(parameters["fields"]) == ["id"]
                return as_json(200, [{"id": profile} for profile in self.profiles])
            case ["profiles", "channels"]:
                channels = self.profiles.get(profile := parameters["profileId"])
                if channels is None:
                    return refused(404, f"Profile {profile} was not found.")
                listed = [{"id": f"{profile}/{name}", "name": name} for name in channels]
                return as_json(200, listed) if listed else NOTHING
            case ["analysis", "nfcolumns"]:
                return as_json(200, [{"id": name, "name": name, "output": 1} for name in ("ts", "te", "td", "sa", "da")])
            case ["analysis", "flows"]:
                self.searches.append((method, parameters | {"search": json.loads(parameters["search"])}))
                return self._begin(parameters)
            case ["analysis", "results"]:
                state = 2 if self.behave == "failed" else 0
                states = [{"id": number, "state": state, "message": "No space left for the result"} for number in range(len(self._results))]
                return as_json(200, states)
            case ["analysis", "results", number]:
                return self._result(int(number))
        return 404, "text/html", "<html><body>No such page</body></html>"

    def _begin(self, parameters: dict[str, str]) -> Answer:
        search = json.loads(parameters["search"])
        for name in ("from", "to"):
            if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", search[name]):
                return refused(400, f"Invalid time in {name}")
        if search["profile"] not in self.profiles:
            return refused(404, f"Profile {search['profile']} was not found.")
        try:
            wanted = Filter(search.get("filter", "any"))
        except ValueError as fault:
            return refused(400, f"Filter: {fault}")
        first, last = (datetime.fromisoformat(search[name]) for name in ("from", "to"))
        channels = search.get("channels", self.profiles[search["profile"]])
        found = [
            flow
            for flow in sorted(self.flows, key=lambda flow: flow["ts"])
            if first <= flow["ts"] <= last and flow["channel"] in channels and wanted.holds(flow)
        ]
        columns = json.loads(parameters["output"])
        rows = [written(flow, columns) for flow in found[: int(parameters["showonly"])]]
        with self._lock:
            self._results.append((self.polls_before_result, rows))
            return as_json(200, {"id": len(self._results) - 1})

    def _result(self, number: int) -> Answer:
        with self._lock:
            self.polls += 1
            left, rows = self._results[number]
            self._results[number] = (left - 1, rows)
        match self.behave:
            case "page":
                return PAGE
            case "gone":
                return refused(404, "Result was not found.")
            case "broken":
                return refused(500, f"Worker died with {PASSWORD}")
            case "slow":
                time.sleep(self.slow_s)
        if left > 0 or self.behave in ("failed", "never"):
            return refused(202, "Requested result is not available yet.")
        if not rows:
            return NOTHING
        status, kind, text = as_json(200, rows)
        return status, kind, text[: len(text) // 2] if self.behave == "cut" else text


def written(flow: Flow, columns: list[str]) -> dict[str, str]:
    """A flow as the API gives it: texts, and great counts for people."""
    ended = flow["ts"] + timedelta(seconds=flow["td"])
    values = {name: str(value) for name, value in flow.items()}
    values |= {"ts": flow["ts"].strftime(TIME_FORMAT)[:-3], "te": ended.strftime(TIME_FORMAT)[:-3], "td": f"{flow['td']:.3f}"}
    values |= {"pr": PROTOCOLS[flow["pr"]], "byt": rounded(flow["byt"]), "pkt": rounded(flow["pkt"])}
    return {name: values[name] for name in columns if name in values}


def rounded(count: int) -> str:
    for unit, factor in ROUNDED:
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return str(count)


def form(kind: str, body: bytes) -> dict[str, str]:
    """The fields of a form of several parts."""
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    assert message.is_multipart(), kind
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        for part in message.get_payload()  # type: ignore[union-attr]
    }


class Filter:
    """As much of nfdump's language as is needed: it refuses what it does not know."""

    def __init__(self, text: str) -> None:
        self._words = re.findall(r"[()<>=]|[^\s()<>=]+", text)
        self._holds = self._alternatives()
        if self._words:
            raise ValueError(f"syntax error near '{self._words[0]}'")

    def holds(self, flow: Flow) -> bool:
        return self._holds(flow)

    def _next(self) -> str:
        if not self._words:
            raise ValueError("unexpected end")
        return self._words.pop(0)

    def _alternatives(self):  # noqa: ANN202
        parts = [self._conjuncts()]
        while self._words[:1] == ["or"]:
            self._next()
            parts.append(self._conjuncts())
        return lambda flow: any(part(flow) for part in parts)

    def _conjuncts(self):  # noqa: ANN202
        parts = [self._part()]
        while self._words[:1] == ["and"]:
            self._next()
            parts.append(self._part())
        return lambda flow: all(part(flow) for part in parts)

    def _part(self):  # noqa: ANN202
        match self._next():
            case "(":
                inner = self._alternatives()
                if self._next() != ")":
                    raise ValueError("a bracket is not closed")
                return inner
            case "not":
                inner = self._part()
                return lambda flow: not inner(flow)
            case "any":
                return lambda _: True
            case "proto":
                number = int(self._next())
                return lambda flow: flow["pr"] == number
            case "tos":
                return self._comparison("tos")
            case "src" | "dst" as side:
                return self._end(side[0])
            case word:
                raise ValueError(f"syntax error near '{word}'")

    def _end(self, side: str):  # noqa: ANN202
        match self._next():
            case "ip" | "net":
                network = ipaddress.ip_network(self._next())
                return lambda flow: ipaddress.ip_address(flow[f"{side}a"]) in network
            case "port":
                return self._comparison(f"{side}p")
            case word:
                raise ValueError(f"syntax error near '{word}'")

    def _comparison(self, field: str):  # noqa: ANN202
        word = self._next()
        if word == "<":
            number = int(self._next())
            return lambda flow: int(flow[field]) < number
        if word == ">":
            number = int(self._next())
            return lambda flow: int(flow[field]) > number
        return lambda flow: int(flow[field]) == int(word)


@contextmanager
def flowmon(flows: list[Flow], **options: Any) -> Iterator[Flowmon]:
    running = Flowmon(flows, **options)
    try:
        yield running
    finally:
        running.stop()
