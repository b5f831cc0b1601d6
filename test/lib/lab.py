"""lab: a client of the lab listener as a conformance suite writes it: plain HTTP, python3's own
client, one connection a request. JSON, or another serialisation by name; HTTP/2 by its preface. What
is not said here or there is as forms.py has it."""
import email.message, http.client, itertools, socket

import forms
import http2
from node import decode
from waiting import until  # noqa: F401 (who uses this waits by it)

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


def exchange(address, port, method, path, headers, data=None, version=None):
    """One request on a connection of its own; what http.client gives."""
    if (version or forms.now.version) == 1:
        connection = http.client.HTTPConnection(address, port, timeout=20)
        connection.request(method, path, data, headers)
        return connection.getresponse()
    data = data.encode() if isinstance(data, str) else data or b""
    with socket.create_connection((address, port), timeout=20) as s:
        c = http2.Connection(s)
        return Answer2(*c.answer(c.ask(method, path, [(k.lower(), v) for k, v in headers.items()], data)))


class Lab:
    def __init__(self, node, serialisation=None, version=None):
        self.node, self.serialisation, self.version = node, serialisation, version

    def ask(self, method, path, body=None, ty=None, origin="CAdmin", rvi="3", rqi=None, **headers):
        h = {"Accept": "application/" + (self.serialisation or forms.now.serialisation), "X-M2M-RI": rqi or f"q{next(numbers)}",
             "X-M2M-Origin": origin, "X-M2M-RVI": rvi}
        data = None
        if body is not None:
            serialisation, data = forms.write(self.serialisation or ("json" if "Content_Type" in headers else None), body)
            if serialisation == "json" and not isinstance(body, (bytes, str)):
                h["Accept"] = "application/json"  # what XML could not say it cannot answer
            h["Content-Type"] = "application/" + serialisation + (f";ty={ty}" if ty else "")
        h.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.send(method, path, {k: v for k, v in h.items() if v is not None}, data)

    def send(self, method, path, headers, data=None):
        """Fields and octets as they stand."""
        return Reply(exchange("127.0.0.1", self.node.lab_port, method, path, headers, data, self.version))

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
