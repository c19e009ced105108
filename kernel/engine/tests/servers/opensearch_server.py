"""An OpenSearch or Elasticsearch of documents in memory: mapping, point in time, search with `search_after`.

What it is not asked by the documented names it refuses, as the real ones do.
"""

import ipaddress
import json
import re
import sys
from datetime import datetime, timezone
from itertools import count

from http_server import Handler, serve

SHARDS = 3
RESULT_WINDOW = 10_000


class Refused(Exception):
    def __init__(self, status, kind, reason, **more):
        self.status, self.error = status, {"type": kind, "reason": reason, **more}
        self.error["root_cause"] = [{"type": kind, "reason": reason}]


def address(text):
    found = ipaddress.ip_address(text)
    return int(found) + (0xFFFF_0000_0000 if found.version == 4 else 0)


def nanos(text):
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    if not match:
        raise Refused(400, "parsing_exception", f"failed to parse date field [{text}]")
    seconds = int(datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc).timestamp())
    return seconds * 10**9 + int((match[2] or "").ljust(9, "0"))


def moment(number, digits):
    seconds, rest = divmod(number, 10**9)
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09}"[: len(text) + 1 + digits] + "Z"


def flat(properties, prefix=""):
    for name, mapping in properties.items():
        if "properties" in mapping:
            yield from flat(mapping["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name, mapping["type"]


class Index:
    def __init__(self, mapping, documents):
        self.mapping, self.kinds = mapping, dict(flat(mapping["properties"]))
        self.documents = [self.indexed(document) for document in documents]

    def indexed(self, document):
        """Of each field the values as they are compared, and as they are shown."""
        found = {}
        for field, value in document.items():
            values = [it for it in (value if isinstance(value, list) else [value]) if it is not None]
            kind = self.kinds.get(field)
            compared = values
            if kind == "ip":
                compared = [address(it) for it in values]
            elif kind in ("date", "date_nanos"):
                digits = 3 if kind == "date" else 9
                compared = [nanos(it) // 10 ** (9 - digits) * 10 ** (9 - digits) for it in values]
                values = [moment(it, digits) for it in compared]
            if values:
                found[field] = (compared, values)
        return found

    def literal(self, field, value, form):
        kind = self.kinds[field]
        if kind in ("date", "date_nanos"):
            if form == "epoch_millis":
                return int(value) * 10**6
            if form != "strict_date_optional_time_nanos":
                raise Refused(400, "parsing_exception", f"no format [{form}]")
            return nanos(value)
        if kind == "ip":
            return address(value)
        if kind == "long" and not isinstance(value, int):
            raise Refused(400, "query_shard_exception", f"failed to create query: For input string: {value}")
        return value

    def test(self, query):
        """A query as a test of a document."""
        if not isinstance(query, dict) or len(query) != 1:
            raise Refused(400, "parsing_exception", "[bool] malformed query")
        (kind, body), = query.items()
        if kind in ("match_all", "match_none"):
            return lambda _: kind == "match_all"
        if kind == "bool":
            odd = set(body) - {"filter", "should", "minimum_should_match"}
            if odd:
                raise Refused(400, "parsing_exception", f"[bool] query does not support {odd}")
            wanted, should = ([self.test(part) for part in body.get(name, [])] for name in ("filter", "should"))
            return lambda it: all(test(it) for test in wanted) and (not should or any(test(it) for test in should))
        if kind not in ("range", "terms"):
            raise Refused(400, "parsing_exception", f"unknown query [{kind}]")
        (field, said), = body.items()
        if field not in self.kinds:
            return lambda _: False
        if kind == "terms":
            terms = {self.literal(field, it, None) for it in said}
            return lambda it: any(value in terms for value in it.get(field, ((), ()))[0])
        first, last = (self.literal(field, said[name], said.get("format")) for name in ("gte", "lte"))
        return lambda it: any(first <= value <= last for value in it.get(field, ((), ()))[0])

    def shown(self, document, fields):
        for field in fields:
            form = field.get("format", "strict_date_optional_time_nanos")
            is_date = self.kinds.get(field["field"]) in ("date", "date_nanos")
            if is_date and ("format" not in field or form != "strict_date_optional_time_nanos"):
                raise Refused(400, "illegal_argument_exception", "a date without the format that the test wants")
        return {it["field"]: document[it["field"]][1] for it in fields if it["field"] in document}


class Search(Handler):
    flavour = "opensearch"
    indices: dict = {}
    open_points: dict = {}
    numbers = count(1)

    def refuse_login(self):
        self.give(401, json.dumps({"error": {"type": "security_exception", "reason": "missing authentication credentials"}}))

    def answer(self, method, path, parameters, body):
        try:
            answer = self.of(method, path, parameters, json.loads(body) if body else None)
            if answer is not None:
                self.give(200, json.dumps(answer))
        except Refused as refused:
            self.give(refused.status, json.dumps({"error": refused.error, "status": refused.status}))

    def of(self, method, path, parameters, body):
        is_open = self.flavour != "elasticsearch"
        pit = ["_search", "point_in_time"] if is_open else ["_pit"]
        name = "pit_id" if is_open else "id"
        match method, path:
            case "GET", [""]:
                version = {"number": "8.15.0"}
                if is_open:
                    version = {"distribution": "opensearch", "number": "3.3.0" if self.flavour == "opensearch" else "2.11.0"}
                return {"version": version}
            case "GET", [index, "_mapping"]:
                return {index: {"mappings": self.index(index).mapping}}
            case "GET", ["_cat", "indices"]:
                return [{"index": index} for index in self.indices]
            case "POST", [index, *rest] if rest == pit:
                if "keep_alive" not in parameters:
                    raise Refused(400, "action_request_validation_exception", "keep_alive is not specified")
                point = f"point-{next(self.numbers)}"
                self.open_points[point] = (self.index(index), index)
                return {name: point}
            case "DELETE", rest if rest == pit:
                ids = body["pit_id"] if is_open else [body["id"]]
                return {"pits": [{"pit_id": it, "successful": self.open_points.pop(it, None) is not None} for it in ids]}
            case "POST", ["_search"]:
                return self.search(body, parameters)
        raise Refused(400, "illegal_argument_exception", f"no handler found for uri [{self.path}]")

    def index(self, name):
        if name == "forbidden":
            raise Refused(403, "security_exception", "no permissions for [indices:data/read/search]")
        if name not in self.indices:
            raise Refused(404, "index_not_found_exception", f"no such index [{name}]", index=name)
        return self.indices[name]

    def search(self, body, parameters):
        fault = self.next_fault()
        if fault == "429":
            return self.give(429, json.dumps({"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}), headers=[("Retry-After", "0")])
        if fault == "html":
            return self.give(502, "<html>Bad Gateway s3cr3t-of-a-test</html>", "text/html")
        point = body.get("pit", {}).get("id")
        if point not in self.open_points:
            raise Refused(404, "search_context_missing_exception", "No search context found")
        if body["size"] > RESULT_WINDOW:
            raise Refused(400, "illegal_argument_exception", "Result window is too large")
        order = [{"_doc": "asc"}, {"_id": "asc"}] if self.flavour == "opensearch-2" else [{"_shard_doc": "asc"}]
        if body["sort"] != order or body["_source"] is not False:
            raise Refused(400, "illegal_argument_exception", f"No mapping found for {body['sort']} in order to sort on")
        index, name = self.open_points[point]
        after, test = body.get("search_after"), index.test(body["query"])
        places = ((shard, at) for shard in range(SHARDS) for at in range(shard, len(index.documents), SHARDS))
        if self.flavour == "opensearch-2":
            places = ((at // SHARDS, at) for at in range(len(index.documents)))
            key = lambda place: [place[0], f"{place[1]:09}"]
        else:
            key = lambda place: [place[0] * 2**32 + place[1]]
        hits = []
        for place in places:
            document = index.documents[place[1]]
            if (after is None or key(place) > after) and test(document):
                hits.append({"_index": name, "_id": f"{place[1]:09}", "sort": key(place), "fields": index.shown(document, body["fields"])})
                if len(hits) == body["size"]:
                    break
        failures = [{"shard": 1, "reason": {"type": "node_disconnected", "reason": "node left the cluster"}}] if fault == "shard" else []
        shards = {"total": SHARDS, "successful": SHARDS - len(failures), "failed": len(failures), "failures": failures}
        return {"pit_id": point, "timed_out": fault == "late", "_shards": shards, "hits": {"hits": hits}}


if __name__ == "__main__":
    Search.flavour = sys.argv[1]
    with open(sys.argv[2]) as mapping, open(sys.argv[3]) as documents:
        Search.indices = {"flows": Index(json.load(mapping), [json.loads(line) for line in documents])}
    Search.indices["empty"] = Index({"properties": {"message": {"type": "text"}}}, [])
    serve(Search, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
