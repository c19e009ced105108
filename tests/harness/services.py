"""The services that lookups ask, on this machine: they enforce headers and quotas, count what they are asked, and answer
with every kind of error that the real ones have.

What a value gets is told by `behave`, else by the first label of a name: `quota.example.com` gets the error `quota`.
"""

import base64
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

# Planted: none of them may be found anywhere but in the header that takes it.
KEYS = {"virustotal": "vt-planted-7c1d9e", "abuseipdb": "abuse-planted-55aa01", "greynoise": "grey-planted-0f0f", "misp": "misp-planted-e8e8"}
ENVIRONMENT = {f"PLANTED_{name.upper()}": key for name, key in KEYS.items()}
HEADERS = {"virustotal": "x-apikey", "abuseipdb": "Key", "greynoise": "key", "misp": "Authorization"}

Answer = tuple[int, dict[str, str], str]

MINUTE_S = 60


def vt_error(status: int, code: str, message: str, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps({"error": {"code": code, "message": message}})


HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}

# The errors that do not depend on the service, by name.
ERRORS: dict[str, Answer] = {
    "bad": vt_error(400, "InvalidArgumentError", "Domain is not valid"),
    "early": vt_error(400, "NotAvailableYet", "Not available yet"),
    "echo": vt_error(400, "BadRequestError", f"unknown key {KEYS['virustotal']} in the request"),
    "forbidden": vt_error(403, "ForbiddenError", "You are not authorized to perform the requested operation"),
    "inactive": vt_error(401, "UserNotActiveError", "User is not active"),
    "conflict": vt_error(409, "AlreadyExistsError", "Exists"),
    "dependency": vt_error(424, "FailedDependencyError", "Failed"),
    "quota": vt_error(429, "QuotaExceededError", "Quota exceeded"),
    "busy": vt_error(429, "TooManyRequestsError", "Slow down", **{"Retry-After": "7"}),
    "transient": vt_error(503, "TransientError", "Transient server error"),
    "deadline": vt_error(504, "DeadlineExceededError", "Took too long"),
    "html": (502, HTML, "<html><body>Bad gateway</body></html>"),
    "lost": (404, HTML, "<html><body>No such page</body></html>"),
    "login": (200, HTML, "<html><body>Please log in to the proxy</body></html>"),
    "truncated": (200, JSON, '{"data": {"attributes": {"last_analysis_stats": {"harmless": 5'),
    "other": (200, JSON, '{"unexpected": []}'),
    "gone": (204, {}, ""),
    "control": vt_error(400, "BadRequestError", "\x1b[31mred\x1b[0m " + "long " * 500),
    "huge": (200, JSON, '{"data": "' + "x" * 9_000_000 + '"}'),
    "redirect": (302, {"Location": "/stolen"}, ""),
}


class Services:
    """The server. `calls` has what was asked, `clock` may be put forward."""

    def __init__(self, per_minute: int = 100, per_day: int = 1000) -> None:
        self.per_minute, self.per_day = per_minute, per_day
        self.calls: Counter[str] = Counter()
        self.paths: list[str] = []
        self.behave: dict[str, str] = {}
        self.offset_s = 0.0
        # How long `slow` takes.
        self.slow_s = 5.0
        self._taken: list[float] = []
        self._today = 0
        self._lock = threading.Lock()
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                services.answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                services.answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def config(self, folder: str = "shared", **more: str) -> str:
        """The tables of flowdeck.toml that point here. `more` has lines for a service."""
        places = {
            "virustotal": "/api/v3/", "abuseipdb": "/api/v2", "greynoise": "/v3/community/", "rdap": "/rdap", "misp": "/misp",
        }  # fmt: skip
        text = f"[enrichment]\nfolder = '{folder}'\ninternal_domains = ['corp.example.com']\ninternal_networks = ['9.9.9.0/24']\n"
        for name, place in places.items():
            text += f"[enrichment.{name}]\nurl = '{self.address}{place}'\ntimeout_s = 2\n"
            if name in KEYS:
                text += f"key = {{ env = 'PLANTED_{name.upper()}' }}\n"
            text += more.get(name, "") + "\n"
        return text

    def answer(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        parts = urlsplit(handler.path)
        with self._lock:
            self.paths.append(handler.path)
        service, value, found = self._route(parts.path, parse_qs(parts.query), body)
        with self._lock:
            self.calls[value] += 1
        behaviour = self.behave.get(value) or value.partition(".")[0]
        if behaviour == "slow":
            time.sleep(self.slow_s)
        if behaviour == "closed":
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        refused = self._refused(service, handler.headers)
        status, headers, text = refused or ERRORS.get(behaviour) or found()
        data = text.encode()
        handler.send_response(status)
        for name, content in headers.items():
            handler.send_header(name, content)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        try:
            handler.wfile.write(data)
        except ConnectionError:
            pass

    def _route(self, path: str, query: dict[str, list[str]], body: Any) -> tuple[str, str, Callable[[], Answer]]:
        names = [unquote(part) for part in path.strip("/").split("/")]
        match names:
            case ["api", "v3", kind, value]:
                if kind == "urls":
                    value = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
                return "virustotal", value, lambda: virustotal(kind, value)
            case ["api", "v2", "check"]:
                (value,), (days,) = query["ipAddress"], query["maxAgeInDays"]
                assert days == "90"
                return "abuseipdb", value, lambda: abuseipdb(value)
            case ["v3", "community", value]:
                return "greynoise", value, lambda: greynoise(value)
            case ["rdap", kind, value]:
                return "rdap", value, lambda: (302, {"Location": f"{self.address}/registry/{kind}/{value}"}, "")
            case ["registry", kind, value]:
                return "rdap", f"registry:{value}", lambda: rdap(kind, value)
            case ["misp", "attributes", "restSearch"]:
                return "misp", body["value"], lambda: misp(body)
        return "", path, lambda: ERRORS["lost"]

    def _refused(self, service: str, headers: Any) -> Answer | None:
        name = HEADERS.get(service)
        key = headers.get(name) if name else None
        if service == "greynoise" and key is None:
            key = KEYS["greynoise"]
        if service == "rdap":
            assert "rdap+json" in headers["Accept"], headers
            return None
        if key is None:
            return vt_error(401, "AuthenticationRequiredError", "X-Apikey header is missing")
        if key != KEYS.get(service):
            return vt_error(401, "WrongCredentialsError", f"Wrong API key {key}")
        if service == "abuseipdb" and headers["Accept"] != "application/json":
            return 422, JSON, json.dumps({"errors": [{"detail": "Accept is missing", "status": 422}]})
        if service == "virustotal":
            return self._over_quota()
        return None

    def _over_quota(self) -> Answer | None:
        now = time.monotonic() + self.offset_s
        with self._lock:
            self._taken = [taken for taken in self._taken if now - taken < MINUTE_S]
            if len(self._taken) >= self.per_minute or self._today >= self.per_day:
                return ERRORS["quota"]
            self._taken.append(now)
            self._today += 1
        return None


def virustotal(kind: str, value: str) -> Answer:
    if value.startswith(("notfound.", "http://notfound.")) or set(value) == {"0"}:
        return vt_error(404, "NotFoundError", f'"{value}" not found')
    attributes: dict[str, Any] = {
        "last_analysis_stats": {"harmless": 57, "malicious": 0, "suspicious": 0, "undetected": 9, "timeout": 0},
        "reputation": 0, "tags": [], "last_analysis_date": 1546957549, "categories": {},
    }  # fmt: skip
    if value.startswith("evil."):
        attributes["last_analysis_stats"] |= {"malicious": 12, "suspicious": 2, "harmless": 43}
        attributes |= {"categories": {"one": "malware", "two": "phishing"}, "reputation": -40, "creation_date": 1700000000}
    if value.startswith("unscanned."):
        del attributes["last_analysis_stats"]
    if value.startswith("hostile."):
        attributes["registrar"] = "<script>alert(1)</script>=cmd()"
    kinds = {"domains": "domain", "ip_addresses": "ip_address", "files": "file", "urls": "url"}
    attributes |= {"country": "CZ", "asn": 64500, "meaningful_name": "a.exe", "size": 7, "last_final_url": "http://x/"}
    return 200, JSON, json.dumps({"data": {"id": value, "type": kinds[kind], "attributes": attributes}})


def abuseipdb(value: str) -> Answer:
    data = {"ipAddress": value, "abuseConfidenceScore": 87, "totalReports": 3, "countryCode": "CZ", "isp": "An ISP"}
    data |= {"numDistinctUsers": 2, "lastReportedAt": "2024-02-05T10:31:00+00:00", "isTor": False, "hostnames": ["a.example.com"]}
    return 200, JSON, json.dumps({"data": data})


def greynoise(value: str) -> Answer:
    if value == "8.8.4.4":
        text = {"ip": value, "noise": False, "riot": False, "message": "IP not observed scanning the internet"}
        return 404, JSON, json.dumps(text)
    # Without a classification: there are such answers.
    return 200, JSON, json.dumps({"ip": value, "noise": True, "riot": False, "name": "unknown", "last_seen": "2024-02-04"})


def rdap(kind: str, value: str) -> Answer:
    headers = {"Content-Type": "application/rdap+json"}
    if value.startswith("notfound."):
        return 404, headers, json.dumps({"errorCode": 404, "title": "Not found"})
    if kind == "ip":
        answer: dict[str, Any] = {"objectClassName": "ip network", "name": "NET", "country": "CZ", "ipVersion": "v4"}
        return 200, headers, json.dumps(answer | {"cidr0_cidrs": [{"v4prefix": "8.8.8.0", "length": 24}]})
    events = [{"eventAction": "registration", "eventDate": "2024-02-01T00:00:00Z"}]
    card = ["vcard", [["fn", {}, "text", "Some Registrar"]]]
    entities = [{"roles": ["registrar"], "vcardArray": card}]
    answer = {"objectClassName": "domain", "ldhName": value, "status": ["active"], "events": events, "entities": entities}
    return 200, headers, json.dumps(answer)


def misp(body: dict[str, Any]) -> Answer:
    assert body["returnFormat"] == "json" and body["type"], body
    event = {"event_id": "7", "type": body["type"][0], "category": "Network activity", "to_ids": True, "timestamp": "1707129060"}
    found = [event | {"Event": {"info": "Campaign"}}] if body["value"].startswith("evil.") else []
    return 200, JSON, json.dumps({"response": {"Attribute": found}})


@contextmanager
def services(**options: Any) -> Iterator[Services]:
    running = Services(**options)
    try:
        yield running
    finally:
        running.stop()
