"""A Splunk of events in memory: the parser, and the export of a search with preview rows.

It understands `search TERMS | fields NAMES | head N`, and refuses anything else, as the real one does.
"""

import fnmatch
import ipaddress
import json
import re
import socket
import sys
from datetime import datetime
from urllib.parse import parse_qs

from http_server import Handler, serve

TOKEN = re.compile(r'\s*(?:(\(|\)|OR\b|NOT\b)|("?[\w.]+"?)(>=|<=|=)("[^"]*"|[^\s()]+)|(\*))')


class Refused(Exception):
    pass


def parse(text):
    """The terms of a search as a test of an event."""
    at, tokens = 0, []
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise Refused(f"Error in 'search' command: Unable to parse the search: {text[at:]!r}")
        at = match.end()
        tokens.append(match.groups())
    test, rest = disjunction(tokens)
    if rest:
        raise Refused("Error in 'search' command: Mismatched ')'")
    return test


def disjunction(tokens):
    parts = []
    while True:
        part, tokens = conjunction(tokens)
        parts.append(part)
        if not tokens or tokens[0][0] != "OR":
            return (lambda event: any(part(event) for part in parts)), tokens
        tokens = tokens[1:]


def conjunction(tokens):
    parts = []
    while tokens and tokens[0][0] not in ("OR", ")"):
        part, tokens = term(tokens)
        parts.append(part)
    if not parts:
        raise Refused("Error in 'search' command: Missing a search term")
    return (lambda event: all(part(event) for part in parts)), tokens


def term(tokens):
    (mark, field, operator, value, star), *tokens = tokens
    if mark == "(":
        test, tokens = disjunction(tokens)
        if not tokens or tokens[0][0] != ")":
            raise Refused("Error in 'search' command: Unbalanced parentheses")
        return test, tokens[1:]
    if mark == "NOT":
        test, tokens = term(tokens)
        return (lambda event: not test(event)), tokens
    if star:
        return (lambda event: True), tokens
    field, value = field.strip('"'), value.strip('"')
    return (lambda event: holds(event.get(field), operator, value)), tokens


def holds(found, operator, value):
    if found is None:
        return False
    if operator != "=":
        try:
            found, value = float(found), float(value)
        except ValueError:
            return False
        return found >= value if operator == ">=" else found <= value
    if "/" in value:
        try:
            return ipaddress.ip_address(found) in ipaddress.ip_network(value)
        except ValueError:
            return False
    return fnmatch.fnmatchcase(found.lower(), value.lower())


class Splunk(Handler):
    events: list = []

    def messages(self, status, kind, text):
        self.give(status, json.dumps({"messages": [{"type": kind, "text": text}]}))

    def refuse_login(self):
        self.messages(401, "WARN", "call not properly authenticated")

    def answer(self, method, path, parameters, body):
        try:
            match method, path:
                case "GET", ["services", "search", "parser"]:
                    self.pipeline(parameters["q"])
                    return self.give(200, json.dumps({"commands": []}))
                case "POST", ["services", "search", "jobs", "export"]:
                    form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
                    return self.export(form)
            self.messages(404, "ERROR", "Not Found")
        except Refused as refused:
            self.messages(400, "FATAL", str(refused))

    def pipeline(self, search):
        first, *rest = [part.strip() for part in search.split("|")]
        if not first.startswith("search "):
            raise Refused(f"Unknown search command '{first.split(' ')[0]}'")
        tests, fields, limit = [parse(first[len("search "):])], None, None
        for command in rest:
            name, _, arguments = command.partition(" ")
            if name == "search":
                tests.append(parse(arguments))
            elif name == "fields":
                fields = [field.strip().strip('"') for field in arguments.split(",")]
            elif name == "head":
                limit = int(arguments)
            else:
                raise Refused(f"Unknown search command '{name}'")
        return tests, fields, limit

    def export(self, form):
        if form.get("output_mode") != "json":
            raise Refused("output_mode is not json")
        tests, fields, limit = self.pipeline(form["search"])
        earliest, latest = float(form.get("earliest_time", 0)), float(form.get("latest_time", "inf"))
        fault = self.next_fault()
        if fault == "503":
            return self.give(503, json.dumps({"messages": [{"type": "WARN", "text": "too many searches"}]}), headers=[("Retry-After", "0")])
        found = []
        for event in self.events:
            if earliest <= float(event["_time"]) < latest and all(test(event) for test in tests):
                found.append({field: shown(field, event[field]) for field in fields if field in event})
                if len(found) == limit:
                    break
        self.begin_chunks()
        for at, event in enumerate(found[:5]):
            self.chunk(json.dumps({"preview": True, "offset": at, "result": event}) + "\n")
        for at, event in enumerate(found):
            if fault == "cut" and at == 3:
                return self.connection.shutdown(socket.SHUT_RDWR)
            if fault == "fatal" and at == 3:
                self.chunk(json.dumps({"messages": [{"type": "FATAL", "text": "The search was cancelled: s3cr3t-of-a-test"}]}) + "\n")
                return self.end_chunks()
            last = {"lastrow": True} if at == len(found) - 1 else {}
            self.chunk(json.dumps({"preview": False, "offset": at, **last, "result": event}) + "\n")
        if not found:
            self.chunk(json.dumps({"preview": False, "lastrow": True}) + "\n")
        self.chunk(json.dumps({"messages": [{"type": "WARN", "text": "an indexer is slow"}]}) + "\n")
        self.end_chunks()


def shown(field, value):
    if field != "_time":
        return value
    seconds, _, rest = value.partition(".")
    text = datetime.fromtimestamp(int(seconds)).astimezone().strftime(f"%Y-%m-%dT%H:%M:%S.{rest}%z")
    return f"{text[:-2]}:{text[-2:]}"


if __name__ == "__main__":
    with open(sys.argv[1]) as events:
        for line in events:
            event = {name: str(value) for name, value in json.loads(line).items() if value is not None}
            event["index"] = "flows"
            Splunk.events.append(event)
    serve(Splunk)
