#!/usr/bin/python3
"""T18, T6, T7, T9: keys that a MAF gives out. Somebody who is no target asks for one, under his own
name and under the target's; a key comes in that is for another usage, for another target, that
has ended, that was taken back; one connection's key is registered twice; and the memory of the
processes that the key opens handshakes at is searched for it.

Control: a key server that does what is common: it gives a key to who knows its name, and who is
asked for an association takes whatever key the server ever knew. The attacks are the same."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import http.client, http.server, itertools, json, os, subprocess, threading, time

from attack import Refusals, encodings, end, scan_memory
from exporting import Exporting
from node import Node, OpensslClient, free_port

MACR, MKR = 243, 245
B = "//demo.example/in-cse"
sources = itertools.count(2)


def hello(port, identity, key, source=None):
    """Does a handshake with this key come to its end?"""
    client = OpensslClient(port, ["-psk_identity", identity, "-psk", key.hex(), "-tls1_3",
                                  *(["-bind", source] if source else [])], quiet=False)
    try:
        client.sendall(b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: Sa\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n")
        seen = b""
        while b"HTTP/1.1 " not in seen and b"ACCEPTED" not in seen:
            more = client.recv(65536)
            if not more:
                return False
            seen += more
        return True
    except (OSError, BrokenPipeError):
        return False
    finally:
        client.close()


class KeyServer(http.server.BaseHTTPRequestHandler):
    """The control's MAF."""
    keys = {}

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.keys[asked["id"]] = asked["key"]
        self.answer({"id": asked["id"]})

    def do_GET(self):
        self.answer({"key": self.keys.get(self.path[1:])})

    def log_message(self, *_):
        pass


class Control:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def call(self, method, path, body=None, origin="Sa"):
        c = http.client.HTTPConnection(*self.server.server_address, timeout=10)
        c.request(method, path, json.dumps(body) if body else None, {"X-M2M-Origin": origin})
        return json.loads(c.getresponse().read())

    def register(self, suid=32, target=B, seconds=600, same=None):
        octets = same or os.urandom(48)
        self.call("POST", "/", {"id": octets[:16].hex(), "key": octets[16:].hex()})
        return octets

    def take_back(self, octets):
        pass  # it was given out: who has it has it

    def fetch(self, origin, octets):
        return self.call("GET", "/" + octets[:16].hex(), origin=origin)["key"] == octets[16:].hex()

    def lies_about(self, octets):
        return self.come(octets, lambda pid: bool(scan_memory(pid, encodings(octets[16:]))[0]))

    def come(self, octets, look=lambda pid: True):
        port, identity = free_port(), octets[:16].hex() + "@maf"
        key = self.call("GET", "/" + octets[:16].hex(), origin="/in-cse")["key"]
        server = subprocess.Popen(["openssl", "s_server", "-nocert", "-accept", f"127.0.0.1:{port}", "-psk_identity", identity,
                                   "-psk", key, "-tls1_3", "-rev"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(50):
                client = OpensslClient(port, ["-psk_identity", identity, "-psk", octets[16:].hex(), "-tls1_3"])
                try:
                    client.sendall(b"DETPECCA\n")
                    if b"ACCEPTED" in client.recv(65536):
                        return look(server.pid)
                except (OSError, BrokenPipeError):
                    pass
                finally:
                    client.close()
                time.sleep(0.1)
            return False
        finally:
            server.kill()
            server.wait()

    def again(self, octets):
        return bool(self.register(same=octets))

    def close(self):
        self.server.shutdown()


class Holdfast:
    def __init__(self, node):
        self.node = node
        self.a, self.stranger = node.enrol("a", "Sa", "application"), node.enrol("s", "Sstranger", "application")
        node.cli("maf", "open")
        for who in ("Sa", "Sstranger"):
            node.cli("maf", "admit", who)
        assert self.a.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).rsc == 2001
        self.clients = {}

    def body(self, suid=32, target=B, seconds=600):
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + seconds))
        return {"sec:mkr": {"adfq": "keys.example", "suid": suid, "tgis": [target], "et": stamp}}

    def register(self, **more):
        client = Exporting(self.a, "EXPORTER-oneM2M-Connection")
        assert client.create("/mafBase", MKR, self.body(**more)).rsc == 2001
        self.clients[client.exported] = client
        return client.exported

    def take_back(self, octets):
        assert self.clients[octets].delete("/" + octets[:16].hex().upper()).rsc == 2002

    def again(self, octets):
        return self.clients[octets].create("/mafBase", MKR, self.body()).rsc == 2001

    def fetch(self, origin, octets):
        try:
            answer = self.stranger.retrieve("/" + octets[:16].hex().upper(), origin=origin)
        except (OSError, ConnectionError):
            self.stranger.close()
            return False
        return answer.rsc == 2000 and "kv" in str(answer.json)

    def lies_about(self, octets):
        """Anywhere but in the keeper, which has it in software."""
        assert self.come(octets)
        pids = [p for role, ps in self.node.pids().items() for p in ps if role != "keeper"]
        return any(scan_memory(p, encodings(octets[16:]))[0] for p in pids)

    def come(self, octets):
        return hello(self.node.port, f"{octets[:16].hex().upper()}@{self.node.name}", octets[16:], f"127.0.0.{next(sources)}:0")


def attacks(door):
    got, began = {}, time.time()
    good, ends = door.register(), door.register(seconds=2)
    assert door.come(good), "the honest client did not get in"
    got["somebody who is no target asks for a key"] = door.fetch("Sstranger", good)
    got["the same, as if he were the target"] = door.fetch("/in-cse", good)
    got["the same, as if he were who registered it"] = door.fetch("Sa", good)
    got["a key for the encryption of data opens an association"] = door.come(door.register(suid=34))
    got["a key for another CSE opens an association"] = door.come(door.register(target="//demo.example/other"))
    got["the key lies in the memory of who takes handshakes with it"] = door.lies_about(good)
    got["the same key is registered a second time"] = door.again(good)
    door.take_back(good)
    got["a key that was taken back opens an association"] = door.come(good)
    got["a key that was taken back is registered again"] = door.again(good)
    time.sleep(max(0, began + 3.1 - time.time()))
    got["a key that has ended opens an association"] = door.come(ends)
    return got


control = Control()
fell = attacks(control)
for what, worked in fell.items():
    print(f"control: {'worked' if worked else 'FAILED'}: {what}")
control.close()

r = Refusals()
with Node(options="trust.keys = in-cse.demo.example=here") as node:
    door = Holdfast(node)
    for what, worked in attacks(door).items():
        r.say(what, not worked)
    text = json.dumps(node.audit())
    for why in ("the key is for another usage", "this node is no target of the key", "no such key is registered"):
        r.say(f"it is on record: {why}", why in text)
    for e in (door.a, door.stranger, *door.clients.values()):
        e.close()
end(all(fell.values()), r.all, "keys that a MAF gives out")
