#!/usr/bin/python3
"""T16, T21: hostile lengths, depths, counts and encodings on every parser that exists."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, random, socket, ssl, struct, subprocess, tempfile

from attack import Refusals, end
from node import Entity, Node, NAME

VICTIM = r"""
#include <stdio.h>
#include <string.h>
int main(void) { char line[8192], name[64]; if (!fgets(line, sizeof line, stdin)) return 1; strcpy(name, line); printf("%zu\n", strlen(name)); return 0; }
"""


def control_falls():
    """A reader without bounds, built for the purpose, dies of a long line."""
    with tempfile.TemporaryDirectory() as top:
        (pathlib.Path(top) / "v.c").write_text(VICTIM)
        subprocess.run(["cc", "-O0", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-w", "-o", f"{top}/v", f"{top}/v.c"], check=True)
        p = subprocess.run([f"{top}/v"], input=b"A" * 4000 + b"\n", capture_output=True)
        print(f"control: a reader without bounds ended with {p.returncode}")
        return p.returncode < 0


def http_inputs(rng):
    base = b"POST /cse-in/ae-Cdev/c HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: Cdev\r\nX-M2M-RI: %d\r\nX-M2M-RVI: 3\r\nContent-Type: application/%s;ty=4\r\nContent-Length: %d\r\n\r\n%s"
    bodies = [(b"json", b"[" * 100000), (b"json", b'{"a":' * 5000 + b"1" + b"}" * 5000), (b"json", b'"' + b"a" * 900000 + b'"'),
              (b"json", b"{" + b",".join(b'"k%d":1' % i for i in range(60000)) + b"}"), (b"json", b"1" * 400000),
              (b"json", b'{"m2m:cin":{"con":"' + b"\\u0000" + b'"}}'), (b"json", b"\xff\xfe" * 1000), (b"json", b""),
              (b"cbor", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), (b"cbor", b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"), (b"cbor", b"\x81" * 100000 + b"\x00"),
              (b"cbor", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xffx"), (b"cbor", b"\x9f" * 50000), (b"cbor", b"\xa1\x00\x00"), (b"cbor", b"\xc0" * 1000 + b"\x00"),
              (b"cbor", b"\x7f\x61\xff\xff"), (b"cbor", b"\xf8\x01"), (b"cbor", b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00")]
    for i, (media, body) in enumerate(bodies):
        yield f"{media.decode()} {body[:12]!r} x{len(body)}", base % (i, media, len(body), body)
    for n in (1 << 16, 1 << 20, 1 << 31, 1 << 63, 10 ** 30):
        yield f"Content-Length {n}", b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % n
    yield "request line of 1 MB", b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\n\r\n"
    yield "header of 1 MB", b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000000 + b"\r\n\r\n"
    yield "100 000 headers", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100000 + b"\r\n"
    yield "query of 3000 members", b"GET /?" + b"&".join(b"lbl=%d" % i for i in range(3000)) + b" HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-Origin: Cdev\r\n\r\n"
    good = base % (1, b"json", 27, b'{"m2m:cin":{"con":"hello"}}')
    for i in range(150):
        data = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield f"random change {i}", bytes(data)


def tls_inputs(rng):
    yield "random octets", bytes(rng.randrange(256) for _ in range(5000))
    yield "record of 65535", b"\x16\x03\x01\xff\xff" + b"a" * 65535
    hello = b"\x01\xff\xff\xff" + b"\x03\x03" + bytes(32) + b"\xff" * 600
    yield "ClientHello with hostile lengths", b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello
    for i in range(50):
        c = ssl._create_unverified_context()
        i_, o = ssl.MemoryBIO(), ssl.MemoryBIO()
        obj = c.wrap_bio(i_, o, server_hostname=NAME)
        try:
            obj.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = bytearray(o.read())
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(5, len(data))] = rng.randrange(256)
        yield f"changed ClientHello {i}", bytes(data)


r = Refusals()
control = control_falls()
rng = random.Random(16)
with Node() as n:
    d = n.enrol("d", "Cdev")
    d.register()
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    before = n.pids()
    bad = []
    for what, octets in http_inputs(rng):
        e = Entity(n, d.folder, "Cdev")
        e.connect()
        e.connection.settimeout(8)
        try:
            e.connection.sendall(octets)
            first = e.connection.recv(400)
            ok = first == b"" or first.startswith(b"HTTP/1.1 ")
        except (OSError, ConnectionError):
            ok = True
        e.close()
        if not ok or not what.startswith("random"):
            r.say(f"HTTP, JSON, CBOR: {what[:60]}", ok)
    for what, octets in tls_inputs(rng):
        s = socket.create_connection(("127.0.0.1", n.port))
        try:
            s.sendall(octets)
            s.settimeout(0.3)
            s.recv(1000)
        except OSError:
            pass
        s.close()
    r.say("no process died of it", n.pids() == before, f"{before} {n.pids()}")
    r.say("an honest device is served", d.retrieve("/cse-in/ae-Cdev").rsc == 2000)
    # the administration socket
    s = socket.socket(socket.AF_UNIX)
    for octets in (b"\xff" * 64, struct.pack(">IHHQ", 0xffffffff, 50, 0, 1), struct.pack(">IHHQ", 0, 24, 0, 1), struct.pack(">IHHQ", 4, 50, 0, 1) + b"\xff\xff\xff\xff", os.urandom(5000)):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(n.dir / "run/admin.sock"))
        try:
            s.sendall(octets)
            s.settimeout(0.5)
            s.recv(100)
        except OSError:
            pass
        s.close()
    r.say("administration: hostile messages", n.cli("status", check=False)[0] == 0)
    r.say("no process died of it", n.pids() == before, f"{n.pids()}")
    d.close()
end(control, r.all, "overflow and invalid input")
