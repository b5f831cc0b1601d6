"""lab: a client of the lab listener as a conformance suite writes it: plain HTTP, python3's own
client, one connection a request. JSON, or another serialisation by name; HTTP/2 by its preface."""
import email.message, http.client, itertools, socket

import http2
from node import decode, encode

numbers = itertools.count(1)
AE = {"api": "Ntest", "rr": True, "srv": ["3"]}


class Reply:
    def __init__(self, answer):
        self.http, self.headers, self.body = answer.status, answer.headers, answer.read()
        self.rsc = int(answer.headers.get("X-M2M-RSC", 0))
        self.json = decode(answer.headers.get("Content-Type", ""), self.body)

    def __repr__(self):
        return f"<{self.http} {self.rsc} {self.body[:300]!r}>"


class Answer2:
    """An answer of HTTP/2 with what one of http.client has."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.read = status, email.message.Message(), lambda: body
        for name, value in headers.items():
            self.headers[name] = value


class Lab:
    def __init__(self, node, serialisation="json", version=1):
        self.node, self.serialisation, self.version = node, serialisation, version

    def ask(self, method, path, body=None, ty=None, origin="CAdmin", rvi="3", rqi=None, **headers):
        media = "application/" + self.serialisation
        h = {"Accept": media, "X-M2M-RI": rqi or f"q{next(numbers)}",
             "X-M2M-Origin": origin, "X-M2M-RVI": rvi}
        data = None
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else encode(self.serialisation, body)
            h["Content-Type"] = media + (f";ty={ty}" if ty else "")
        h.update({k.replace("_", "-"): v for k, v in headers.items()})
        h = {k: v for k, v in h.items() if v is not None}
        if self.version == 2:
            return self.ask2(method, path, h, data)
        connection = http.client.HTTPConnection("127.0.0.1", self.node.lab_port, timeout=10)
        connection.request(method, path, data, h)
        return Reply(connection.getresponse())

    def ask2(self, method, path, h, data):
        data = data.encode() if isinstance(data, str) else data or b""
        with socket.create_connection(("127.0.0.1", self.node.lab_port), timeout=10) as s:
            c = http2.Connection(s)
            return Reply(Answer2(*c.answer(c.ask(method, path, [(k.lower(), v) for k, v in h.items()], data))))

    def create(self, path, ty, body, origin="CAdmin", **kw):
        return self.ask("POST", path, body, ty, origin, **kw)

    def get(self, path, origin="CAdmin", **kw):
        return self.ask("GET", path, None, None, origin, **kw)

    def put(self, path, body, origin="CAdmin", **kw):
        return self.ask("PUT", path, body, None, origin, **kw)

    def delete(self, path, origin="CAdmin", **kw):
        return self.ask("DELETE", path, None, None, origin, **kw)

    def ae(self):
        """A registered AE: its stem and its path."""
        stem = f"Cq{next(numbers)}"
        a = self.create("/cse-in", 2, {"m2m:ae": dict(AE, rn="ae-" + stem)}, stem)
        assert a.rsc == 2001, a
        return stem, "/cse-in/ae-" + stem
