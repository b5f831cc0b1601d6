#!/usr/bin/python3
"""T11: whom the node sends to hangs, answers octet by octet or without end, or dies: a notification target, who has
to agree to an update, a remote CSE, a member of a group. What depends on it may fail, in time; what
does not must not notice: others are served, other targets are told.

The control is a server that tells its subscribers itself, in line, and waits for them."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import http.server, socket, threading, time, urllib.request

from attack import Refusals, end
from lab import Lab
from node import Node
from receiver import Receiver

SLOW = 1.5    # seconds: a bystander that waits longer has noticed
PATIENCE = 2  # outbound.time of the node

r = Refusals()


class Hostile:
    """Answers verifications; to all else it does what `how` says. One thread a connection."""

    def __init__(self, how):
        self.how, self.count, self.stopping = how, 0, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stopping.is_set():
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        data = b""
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    return
                data += more
                head, _, body = data.partition(b"\r\n\r\n")
                length = [int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")]
                if not _ or len(body) < (length[0] if length else 0):
                    continue
                data = b""
                if b'"vrq"' in body:
                    s.sendall(b"HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: 0\r\n\r\n")
                    continue
                self.count += 1
                if self.how == "dies":
                    s.sendall(b"HTTP/1.1 200 O")
                    return
                if self.how == "floods":  # with responses that are none yet [RFC 9110 15.2]
                    while not self.stopping.is_set():
                        s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 8192)
                    return
                if self.how == "hangs":
                    self.stopping.wait(30)
                    return
                for octet in b"HTTP/1.1 200 OK\r\nX-Fill: " + b"x" * 10000:
                    if self.stopping.wait(0.2):
                        return
                    s.sendall(bytes([octet]))
        except OSError:
            pass
        finally:
            s.close()

    def close(self):
        self.stopping.set()
        self.listener.close()


class Bystander:
    """Asks for something of its own all the time; how long did the slowest answer take?"""

    def __init__(self, ask):
        self.ask, self.worst, self.served, self.wrong, self.over = ask, 0.0, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            t = time.time()
            try:
                self.wrong += not self.ask()
            except OSError:
                self.wrong += 1
            self.worst = max(self.worst, time.time() - t)
            self.served += 1
            time.sleep(0.05)

    def end(self):
        """True when it never noticed."""
        until = time.time() + 5
        while self.served < 8 and time.time() < until:
            time.sleep(0.02)
        self.over.set()
        self.thread.join(20)
        return self.served > 5 and not self.wrong and self.worst < SLOW


def control_falls():
    subscribers = []

    class Naive(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for url in subscribers:
                try:
                    urllib.request.urlopen(url, body, timeout=2.5).read()
                except (OSError, ValueError, __import__("http").client.HTTPException):
                    pass
            self.send_response(201)
            self.end_headers()

        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Naive)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, h = f"http://127.0.0.1:{server.server_address[1]}/", Hostile("hangs")
    subscribers.append(h.url)
    b = Bystander(lambda: urllib.request.urlopen(url, timeout=10).status == 200)
    time.sleep(0.3)
    urllib.request.urlopen(url, b"{}", timeout=20)
    fell = not b.end()
    print(f"control: a bystander waited {b.worst:.1f} s for somebody else's target")
    h.close()
    server.shutdown()
    return fell


control = control_falls()


def timed(f):
    t = time.time()
    return f(), time.time() - t


with Node(lab=True, options=f"outbound.time = {PATIENCE}\nlab.remote_cses = /dead") as n, Receiver() as good:
    lab = Lab(n)
    pids = n.pids()
    me, mine = lab.ae()
    other, theirs = lab.ae()
    for rn in ("c", "free", "box"):
        assert lab.create(mine, 3, {"m2m:cnt": {"rn": rn}}, me).rsc == 2001
    assert lab.create(theirs, 3, {"m2m:cnt": {"rn": "c"}}, other).rsc == 2001
    told = lambda: [g for g in good.got if "nev" in g.sgn]

    for how in ("hangs", "drips", "dies", "floods"):
        h = Hostile(how)
        assert lab.create(mine + "/c", 23, {"m2m:sub": {"rn": "bad", "nu": [h.url, good.url], "enc": {"net": [3]}}}, me).rsc == 2001
        assert lab.create(theirs + "/c", 23, {"m2m:sub": {"rn": "good", "nu": [good.url], "enc": {"net": [3]}}}, other).rsc == 2001
        b = Bystander(lambda: lab.get(theirs, other).rsc == 2000)
        before, t = len(told()), time.time()
        slowest = 0.0
        for i in range(20):
            a, took = timed(lambda: lab.create(mine + "/c", 4, {"m2m:cin": {"con": str(i)}}, me))
            slowest = max(slowest, took if a.rsc == 2001 else 99)
        assert lab.create(theirs + "/c", 4, {"m2m:cin": {"con": "x"}}, other).rsc == 2001
        while len(told()) < before + 21 and time.time() < t + 6:
            time.sleep(0.02)
        late = time.time() - t
        r.say(f"a target that {how}: who creates does not wait for it", slowest < SLOW, f"{slowest:.2f} s")
        r.say(f"a target that {how}: all else are told", len(told()) == before + 21 and late < 4, f"{late:.1f} s")
        r.say(f"a target that {how}: others are served meanwhile", b.end() and h.count, f"slowest {b.worst:.2f} s of {b.served}")
        for at, who in ((mine + "/c/bad", me), (theirs + "/c/good", other)):
            assert lab.delete(at, who).rsc == 2002
        h.close()

    # a remote CSE, and a member of a group there
    h = Hostile("hangs")
    dead = {"rn": "dead", "csi": "/dead", "cb": "/dead/-", "rr": True, "srv": ["3"], "poa": [h.url]}
    assert lab.create("/cse-in", 16, {"m2m:csr": dead}, "/dead").rsc == 2001
    grp = {"m2m:grp": {"rn": "g", "mnm": 3, "mid": ["/dead/-/x", mine[1:] + "/c"]}}
    assert lab.create(mine, 9, grp, me).rsc == 2001
    b = Bystander(lambda: lab.get(theirs, other).rsc == 2000)
    a, took = timed(lambda: lab.get("/~/dead/-/x", me))
    r.say("a remote CSE that hangs: who asks for it is told so in time", a.rsc == 5103 and took < PATIENCE + 2, f"{a.rsc} in {took:.1f} s")
    a, took = timed(lambda: lab.get(mine + "/g/fopt", me))
    codes = sorted(x["rsc"] for x in a.json["m2m:agr"]["m2m:rsp"]) if a.rsc == 2000 else a
    r.say("a member of a group that hangs: the others answer, and it is said to be missing", codes == [2000, 5103] and took < PATIENCE + 2, f"{codes} in {took:.1f} s")
    a, took = timed(lambda: lab.create("/~/dead/-", 3, {"m2m:cnt": {}}, me))
    r.say("others are served meanwhile", b.end() and h.count >= 3, f"slowest {b.worst:.2f} s of {b.served}")
    r.say("and a create there is refused in time", a.rsc == 5103 and took < PATIENCE + 2)
    # very many that wait for it: they are bounded, and the bystander's share is left
    many = [threading.Thread(target=lambda: lab.get("/~/dead/-/x", me), daemon=True) for _ in range(60)]
    b = Bystander(lambda: lab.get(theirs, other).rsc == 2000)
    [t.start() for t in many]
    [t.join(15) for t in many]
    r.say("sixty requests that wait for it at once: others are served", b.end(), f"slowest {b.worst:.2f} s of {b.served}")
    h.close()

    # who has to agree to an update
    h = Hostile("hangs")
    judge = "Cjudge"
    policy = {"m2m:acp": {"rn": "judges", "pv": {"acr": [{"acor": ["all"], "acop": 16}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
    assert lab.create("/cse-in", 1, policy).rsc == 2001
    assert lab.create("/cse-in", 2, {"m2m:ae": {"rn": "judge", "api": "Nj", "rr": True, "srv": ["3"], "poa": [h.url], "acpi": ["cse-in/judges"]}}, judge).rsc == 2001
    assert lab.create(mine + "/box", 23, {"m2m:sub": {"rn": "s", "nu": ["cse-in/judge"], "enc": {"net": [7]}}}, me).rsc == 2001
    b = Bystander(lambda: lab.put(mine + "/free", {"m2m:cnt": {"lbl": ["x"]}}, me).rsc == 2004)
    a, took = timed(lambda: lab.put(mine + "/box", {"m2m:cnt": {"lbl": ["y"]}}, me))
    r.say("who has to agree hangs: the update is refused in time, and not done",
          a.rsc == 5107 and took < PATIENCE + 2 and "lbl" not in lab.get(mine + "/box", me).json["m2m:cnt"], f"{a.rsc} in {took:.1f} s")
    r.say("and updates of other resources go on", b.end(), f"slowest {b.worst:.2f} s of {b.served}")
    # as many that wait for him as may: another has his own judge, who answers
    for i in range(70):
        assert lab.create(mine, 3, {"m2m:cnt": {"rn": f"w{i}"}}, me).rsc == 2001
        assert lab.create(f"{mine}/w{i}", 23, {"m2m:sub": {"rn": "s", "nu": ["cse-in/judge"], "enc": {"net": [7]}}}, me).rsc == 2001
    assert lab.create("/cse-in", 2, {"m2m:ae": {"rn": "fair", "api": "Nj", "rr": True, "srv": ["3"], "poa": [good.url], "acpi": ["cse-in/judges"]}}, "Cfair").rsc == 2001
    assert lab.create(theirs + "/c", 23, {"m2m:sub": {"rn": "s", "nu": ["cse-in/fair"], "enc": {"net": [7]}}}, other).rsc == 2001
    many = [threading.Thread(target=lab.put, args=(f"{mine}/w{i}", {"m2m:cnt": {"lbl": ["y"]}}, me), daemon=True) for i in range(70)]
    [t.start() for t in many]
    time.sleep(0.5)
    a, took = timed(lambda: lab.put(theirs + "/c", {"m2m:cnt": {"lbl": ["y"]}}, other))
    r.say("seventy updates that wait for him: that of another is agreed to", a.rsc == 2004 and took < SLOW, f"{a.rsc} in {took:.1f} s")
    [t.join(15) for t in many]
    h.close()

    # a polling channel of his own that he does not poll, full to the brim: others' are none the fuller
    for at, who in ((mine, me), (theirs, other)):
        assert lab.create(at, 15, {"m2m:pch": {"rn": "pch"}}, who).rsc == 2001
    tell = lambda at, who, n: lab.ask("POST", at, {"m2m:sgn": {"sur": "x", "nev": {"rep": {"m2m:cin": {"con": "y" * n}}, "net": 3}}}, None, who)
    sizes = [900000] * 18 + [450000 >> i for i in range(18)] + [1] * 8
    many = [threading.Thread(target=tell, args=(mine, me, n), daemon=True) for n in sizes]
    for t in many:
        t.start()
        time.sleep(0.02)
    threading.Thread(target=tell, args=(theirs, other, 10), daemon=True).start()
    a, took = timed(lambda: lab.get(theirs + "/pch/pcu", other))
    r.say("a polling channel that nobody polls is filled: another's is served", "m2m:rqp" in (a.json or {}) and took < SLOW, f"{a.rsc} in {took:.1f} s")
    [t.join(15) for t in many]

    r.say("no process died of all this", n.pids() == pids)
    rules = [x.get("text") or "" for x in n.audit()]
    r.say("on record", any("cannot be reached" in t for t in rules))
    r.all &= n.stop() == 0
end(control, r.all, "T11 hanging receivers")
