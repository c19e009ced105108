"""What the servers of the tests share: a port of this machine, who may ask, what was asked, and faults on demand.

A server prints its port and answers until it is ended. `GET /_test/asked` gives what it was asked, `POST /_test/fault` says
how the next answers go wrong: {"kind": ..., "times": ...}.
"""

import base64
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "reader", "s3cr3t-of-a-test"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list = []
    fault: dict = {}
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.begin()

    def do_POST(self):
        self.begin()

    def do_DELETE(self):
        self.begin()

    def begin(self):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if parts.path == "/_test/asked":
            return self.give(200, json.dumps(self.asked))
        if parts.path == "/_test/fault":
            type(self).fault = json.loads(body)
            return self.give(200, "{}")
        parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self.lock:
            self.asked.append({"method": self.command, "path": parts.path, "query": parameters, "body": body.decode()})
        if not self.may():
            return self.refuse_login()
        self.answer(self.command, [unquote(part) for part in parts.path.strip("/").split("/")], parameters, body)

    def may(self):
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") in (wanted, f"Bearer {PASSWORD}", f"ApiKey {PASSWORD}")

    def next_fault(self):
        """The kind of fault of this answer, if it has one."""
        with self.lock:
            if self.fault.get("times", 0) <= 0:
                return None
            self.fault["times"] -= 1
            return self.fault["kind"]

    def give(self, status, text, content_type="application/json", headers=()):
        data = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in (("Content-Type", content_type), ("Content-Length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end_chunks(self):
        self.wfile.write(b"0\r\n\r\n")


def serve(handler, port=0):
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    # Ends with the test that started it.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()
