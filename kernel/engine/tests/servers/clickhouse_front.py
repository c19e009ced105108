"""Today's ClickHouse behind its HTTP interface: the engine of the package chdb, with a check of who asks."""

import sys

from chdb.session import Session
from http_server import Handler, serve


class Front(Handler):
    session: Session = None

    def refuse_login(self):
        text = "Code: 516. DB::Exception: reader: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
        self.give(403, text, "text/plain")

    def answer(self, method, path, parameters, body):
        query = body.decode()
        with self.lock:
            try:
                answer = self.session.query(query, "TabSeparated").bytes()
            except Exception as fault:  # what the engine says of a query
                return self.give(404 if "Code: 60" in str(fault) else 500, str(fault), "text/plain")
        if self.next_fault() == "exception":
            # As servers do it that fail after they began.
            answer = answer[:-20] + b"Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"
        self.give(200, answer, "application/octet-stream")


if __name__ == "__main__":
    Front.session = Session(sys.argv[1])
    serve(Front)
