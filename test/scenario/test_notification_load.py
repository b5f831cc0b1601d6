"""Many targets at once, of which a third says nothing and a third is not there: who answers is told as if the others were not
(T11)."""
import re, selectors, socket, threading, time

import pytest

from lab import Lab
from node import Node

SUBSCRIPTIONS, EACH = 30, 11  # of each kind in a subscription: 990 targets


class Targets:
    """Every address 127.1.x.y is a place of its own; x says of which kind. All answer while they are asked to agree."""

    def __init__(self):
        self.got, self.unanswered, self.agreeing, self.stopping = {}, 0, True, False
        self.selector = selectors.DefaultSelector()
        self.listeners = [self.listen(), self.listen()]  # the second one dies
        self.ports = [s.getsockname()[1] for s in self.listeners]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def listen(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        s.bind(("0.0.0.0", 0))
        s.listen(1024)
        s.setblocking(False)
        self.selector.register(s, selectors.EVENT_READ, None)
        return s

    def urls(self, kind, of):
        port = self.ports[kind == "dead"]
        x = {"good": 1, "mute": 2, "dead": 3}[kind]
        return [f"http://127.1.{x}.{1 + (of * EACH + i) % 250}:{port}/{of}-{i}" for i in range(EACH)]

    def run(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                if key.data is None:
                    s, _ = key.fileobj.accept()
                    s.setblocking(False)
                    self.selector.register(s, selectors.EVENT_READ, bytearray())
                else:
                    self.read(key.fileobj, key.data)

    def read(self, s, data):
        try:
            more = s.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.selector.unregister(s)
            s.close()
            return
        data += more
        head, end, body = bytes(data).partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.I)
        if not end or len(body) < int(length[1] if length else 0):
            return
        data.clear()
        if not self.agreeing:
            if not s.getsockname()[0].startswith("127.1.1."):
                self.unanswered += 1
                return
            self.got[(head.split()[1].decode(), re.search(rb'"con":"(\w+)"', body)[1].decode())] = time.monotonic()
        s.sendall(b"HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: 0\r\n\r\n")

    def turn_bad(self):
        self.agreeing = False
        self.selector.unregister(self.listeners[1])
        self.listeners[1].close()

    def close(self):
        self.stopping = True
        self.thread.join()


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory\noutbound.time = 10") as n:
        yield n


def test_who_answers_does_not_notice(node):
    lab, targets = Lab(node), Targets()
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "mni": 10}}, stem).rsc == 2001
    for k in range(SUBSCRIPTIONS):
        nu = targets.urls("mute", k) + targets.urls("dead", k) + targets.urls("good", k)
        made = lab.create(path + "/c", 23, {"m2m:sub": {"nu": nu, "enc": {"net": [3], "chty": [4]}, "nct": 1}}, stem)
        assert made.rsc == 2001, made
    targets.turn_bad()

    def told(con, within):
        begun, all_of_them = time.monotonic(), SUBSCRIPTIONS * EACH
        assert lab.create(path + "/c", 4, {"m2m:cin": {"con": con}}, stem).rsc == 2001
        here = lambda: [t - begun for (_, c), t in targets.got.items() if c == con]
        while len(here()) < all_of_them and time.monotonic() < begun + within:
            time.sleep(0.05)
        assert len(here()) == all_of_them, (con, len(here()))
        return max(here())

    told("first", 20)  # of nobody is known yet whether he answers
    for con in ("second", "third"):
        before, end = targets.unanswered, time.monotonic() + 30
        while targets.unanswered < before + 60 and time.monotonic() < end:  # many of them are being tried again
            time.sleep(0.05)
        took = told(con, 9)
        assert took < 3, (con, took)
    targets.close()
