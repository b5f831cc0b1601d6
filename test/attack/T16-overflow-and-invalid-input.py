#!/usr/bin/python3
"""T16, T21: hostile lengths, depths, counts and encodings on every parser that exists: TLS, HTTP/1.1
and HTTP/2 with addresses and queries, JSON, CBOR, primitives, the messages of administration, the
configuration, and the files that `holdfast inspect` and `audit verify` read. The messages between
gate, core and keeper are D2's; the key store is T3's.

The control is a reader of requests without bounds, built for the purpose: the same inputs kill it."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, random, shutil, socket, ssl, struct, subprocess, tempfile

import http2
from attack import Refusals, attempt, end
from node import Entity, Node, NAME

VICTIM = r"""
#include <stdio.h>
#include <string.h>
static char in[1 << 22];
static int take(const char *from) { char line[256]; strcpy(line, from); return line[0]; }
int main(void)
{
	size_t n = fread(in, 1, sizeof(in) - 1, stdin);
	char *body = strstr(in, "\r\n\r\n");
	in[n] = 0;
	if (!body)
		return take(in);
	*body = 0;
	return take(in) && take(body + 4) ? 0 : 1;
}
"""


def control_falls(inputs):
    with tempfile.TemporaryDirectory() as top:
        (pathlib.Path(top) / "v.c").write_text(VICTIM)
        subprocess.run(["cc", "-O0", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-w", "-o", f"{top}/v", f"{top}/v.c"], check=True)
        ends = [subprocess.run([f"{top}/v"], input=octets, capture_output=True).returncode for _, _, octets in inputs]
    print(f"control: a reader without bounds was killed by {sum(e < 0 for e in ends)} of {len(ends)} inputs")
    return any(e < 0 for e in ends) and any(e >= 0 for e in ends)


BASE = (b"POST /cse-in/ae-Cdev/c HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: Cdev\r\nX-M2M-RI: t16-%d\r\nX-M2M-RVI: 3\r\n"
        b"Content-Type: application/%s;ty=4\r\nContent-Length: %d\r\n\r\n%s")
GOOD = b'{"m2m:cin":{"con":"hello"}}'

REFUSED, ANY = "refused", "any"


def http_inputs(rng):
    """(name, what is right, octets): REFUSED is an error or the end of the connection; ANY too
    may wait for more, or be a good request after all."""
    bodies = [(b"json", b"[" * 100000), (b"json", b'{"a":' * 5000 + b"1" + b"}" * 5000), (b"json", b'"' + b"a" * 900000 + b'"'),
              (b"json", b"{" + b",".join(b'"k%d":1' % i for i in range(60000)) + b"}"), (b"json", b"1" * 400000),
              (b"json", b'{"m2m:cin":{"con":"a","con":"b"}}'), (b"json", b'{"m2m:cin":{"con":"\\ud800"}}'), (b"json", b"\xff\xfe" * 1000), (b"json", b""),
              (b"json", GOOD + b"x"), (b"json", b'{"m2m:cin":{"con":1e99999}}'), (b"json", b'{"m2m:cin":{"con":"\xc0\xaf"}}'), (b"json", b'{"m2m:cin":NaN}'),
              (b"cbor", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), (b"cbor", b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"), (b"cbor", b"\x81" * 100000 + b"\x00"),
              (b"cbor", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xffx"), (b"cbor", b"\x9f" * 50000), (b"cbor", b"\xa1\x00\x00"), (b"cbor", b"\xc0" * 1000 + b"\x00"),
              (b"cbor", b"\x7f\x61\xff\xff"), (b"cbor", b"\xf8\x01"), (b"cbor", b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00"), (b"cbor", b"\x1c"),
              (b"cbor", b"\xa1\x67m2m:cin\xa1\x63con\x7a\xff\xff\xff\xffx"), (b"xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
              (b"xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'), (b"xml", b"<a>" * 100000), (b"xml", b"<a" + b"".join(b' b%d=""' % i for i in range(20000)) + b"/>"),
              (b"xml", b'<?xml version="1.0" encoding="UTF-16"?><a/>'), (b"xml", b"<a>\xff</a>"), (b"xml", b"<" + b"a" * 500000 + b"/>"), (b"xml", b"<a>" + b"<b/>" * 200000 + b"</a>"),
              (b"xml", b"<?php x?><a/>"), (b"xml", b"<a>&#0;</a>"), (b"xml", b"")]
    for i, (media, body) in enumerate(bodies):
        yield f"{media.decode()} {body[:14]!r} x{len(body)}", REFUSED, BASE % (i, media, len(body), body)
    for n in (1 << 21, 1 << 31, 1 << 32, 1 << 63, 1 << 64, 10 ** 30):
        yield f"Content-Length {n}", REFUSED, b"POST /x HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-Origin: Cdev\r\nContent-Length: %d\r\n\r\n" % n
    for what in (b"-1", b"+5", b"0x5", b"5, 5", b"5\r\nContent-Length: 6", b"5\r\nTransfer-Encoding: chunked"):
        yield f"Content-Length {what!r}", REFUSED, b"POST /x HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-Origin: Cdev\r\nContent-Length: %s\r\n\r\nhello" % what
    yield "request line of 1 MB", REFUSED, b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\n\r\n"
    yield "header of 1 MB", REFUSED, b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000000 + b"\r\n\r\n"
    yield "100 000 headers", REFUSED, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100000 + b"\r\n"
    yield "a header folded", REFUSED, b"GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n"
    yield "a line end alone", REFUSED, b"GET / HTTP/1.1\nHost: x\n\n"
    yield "a zero octet in a header", REFUSED, b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n"
    for path in (b"/%", b"/%zz", b"/%00", b"/cse-in/%c0%ae", b"/" + b"a/" * 3000, b"/~/~/~", b"/_/x", b"http://[::1/x"):
        yield f"address {path[:20]!r}", REFUSED, b"GET %s HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cdev\r\n\r\n" % path
    for query in (b"&".join(b"lbl=%d" % i for i in range(3000)), b"rcn=99999999999999999999", b"fu=1&lim=-1", b"fu=1&lvl=1e9", b"crb=20269999T999999", b"=", b"ty=%ff"):
        yield f"query {query[:24]!r}", REFUSED, b"GET /cse-in/ae-Cdev?%s HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Cdev\r\n\r\n" % query
    good = BASE % (1, b"json", len(GOOD), GOOD)
    for i in range(150):
        data = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield f"random change {i}", ANY, bytes(data)


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


def play(n, folder, octets, seconds):
    """What the gate says: the status, "closed", "waits", or "?" for what is no HTTP."""
    e = Entity(n, folder, "Cdev")
    e.connect()
    e.connection.settimeout(seconds)
    try:
        e.connection.sendall(octets)
    except (OSError, ConnectionError):
        pass
    try:
        first = e.connection.recv(400)
    except TimeoutError:
        return "waits"
    except (OSError, ConnectionError):
        return "closed"
    finally:
        e.close()
    if not first:
        return "closed"
    return first.split(b" ")[1].decode() if first.startswith(b"HTTP/1.1 ") else "?"


def flood(n, folder, octets):
    """What became of a connection of HTTP/2 that says this: "lives", or how it ended."""
    e = Entity(n, folder, "Cdev")
    e.version = 2
    e.connect()
    e.connection.settimeout(5)
    c = http2.Connection(e.connection)
    try:
        c.send(octets)
    except OSError:
        pass
    try:
        return c.until_end()
    finally:
        e.close()


def files(n, r, rng):
    """Each file that the command reads, damaged in many ways: a refusal, never a signal."""
    export = n.top / "export"
    n.cli("audit", "export", export)
    kinds = {"certificate": n.dir / "node/node.pem", "key store": n.dir / "keeper/keystore", "audit export": export, "profile": n.top / "profile-d/profile.conf"}
    for kind, path in kinds.items():
        whole, ends = path.read_bytes(), []
        commands = [["inspect"]] + ([["audit", "verify"]] if kind == "audit export" else [])
        damaged = target = n.top / "damaged"
        if kind == "profile":  # a folder, of which this file is one
            target = n.top / "damaged-profile"
            shutil.copytree(path.parent, target)
            damaged = target / path.name
        damaged.write_bytes(whole)
        r.say(f"file, whole: {kind} (is read)", all(n.cli(*c, target, check=False)[0] == 0 for c in commands))
        for i in range(25):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 20)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            damaged.write_bytes([bytes(data), bytes(data[:rng.randrange(len(data))]), bytes(data) + b"\xff" * 100000][i % 3])
            ends += [n.cli(*c, target, check=False, timeout=10)[0] for c in commands]
        r.say(f"file, damaged: {kind}, {len(ends)} times", set(ends) <= {0, 1, 2} and 1 in ends, f"exits {sorted(set(ends))}")


def configurations(n, r):
    conf, lines = n.dir / "holdfast.conf", []
    text = conf.read_text()
    hostile = {"a line of 1 MB": "listen.https = " + "a" * 1000000, "100 000 lines": "log.level = note\n" * 100000, "an unknown option": "listen.htps = x",
               "a number out of range": "gate.workers = 65", "no number": "gate.workers = 1e3", "a zero octet": "log.level = note\0", "no text at all": "\xff\xfe=",
               "an option twice": "gate.workers = 1\ngate.workers = 2", "a hostile address": "listen.https = [::1:99999999", "a format": "log.level = %s%n"}
    for what, line in hostile.items():
        option = line.split(" ")[0]
        kept = "".join(l for l in text.splitlines(True) if not l.startswith(option + " "))
        conf.write_text(kept + line + "\n", encoding="latin-1")
        p = subprocess.run([str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        last = p.stdout.decode(errors="replace").strip().splitlines()
        r.say(f"configuration: {what}", p.returncode in (1, 2) and last, last[-1][:90] if last else f"exit {p.returncode}")
    conf.write_text(text)


r = Refusals()
rng = random.Random(16)
inputs = list(http_inputs(rng))
control = control_falls(inputs + [("good", ANY, BASE % (1, b"json", len(GOOD), GOOD))])
with Node(options="log.level = info") as n:
    d = n.enrol("d", "Cdev")
    d.register()
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    before = n.pids()
    said = play(n, d.folder, BASE % (0, b"json", len(GOOD), GOOD), 8)
    r.say("unharmed request (is executed)", said == "201", said)
    results = {}
    for what, right, octets in inputs:
        said = play(n, d.folder, octets, 8 if right is REFUSED else 0.2)
        if right is REFUSED:
            r.say(f"HTTP: {what[:60]}", said == "closed" or said[0] in "45" and said != "500", said)
        else:
            results[said] = results.get(said, 0) + 1
    r.say("HTTP: a good request with octets changed, 150 times", "?" not in results and "500" not in results, str(results))
    for what, octets in http2.floods([("x-m2m-origin", "Cdev"), ("x-m2m-ri", "f"), ("x-m2m-rvi", "3")]):
        said = flood(n, d.folder, octets)
        # a field list may be one stream's refusal; a flood ends its connection
        one_stream = what in ("field bomb", "field table of 4 GB")
        r.say(f"HTTP/2: {what}", one_stream or said != "lives", str(said))
    refused = 0
    for what, octets in tls_inputs(rng):
        s = socket.create_connection(("127.0.0.1", n.port))
        s.settimeout(0.5)
        data = b""
        try:
            s.sendall(octets)
            data = s.recv(1000)
        except OSError:
            pass
        refused += data[:1] in (b"", b"\x15", b"\x16")
        s.close()
    r.say(f"TLS: 53 hostile beginnings, {refused} answered by an alert, a ServerHello or the end", refused == 53)
    # the administration socket: typed messages, then commands with fields of all lengths
    def frame(size, kind, zero, body=b""):
        return struct.pack(">IHHQ", size, kind, zero, 1) + body
    for octets in (b"\xff" * 64, frame(0xffffffff, 50, 0), frame(0, 24, 0), frame(0, 50, 7), frame(4, 50, 0, b"\xff" * 4), frame(0, 50, 0), frame(2, 50, 0, b"\0\x03"),
                   frame(6, 50, 0, b"\0\x03\xff\xff\xff\xff"), frame(65536, 53, 0, b"\0" * 65536), frame(0, 51, 0), frame(0, 52, 0), frame(0, 54, 0), os.urandom(5000),
                   *(frame(2 + k, 50, 0, struct.pack(">H", c) + os.urandom(k)) for c in range(16) for k in (0, 1, 8, 100))):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(n.dir / "run/admin.sock"))
        s.settimeout(0.3)
        try:
            s.sendall(octets)
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()
    r.say("administration: hostile messages; it still answers", n.cli("status", check=False)[0] == 0)
    r.say("no process died of it", n.pids() == before and "worker died" not in n.log_text(), f"{n.pids()}")
    a = attempt(d, lambda: d.retrieve("/cse-in/ae-Cdev")) or d.retrieve("/cse-in/ae-Cdev")
    r.say("an honest device is served", a.rsc == 2000)
    r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
    files(n, r, rng)
    d.close()
    n.stop()
    configurations(n, r)
    n.start()
    r.say("with its own configuration it starts", d.retrieve("/cse-in/ae-Cdev").rsc == 2000)
    d.close()
end(control, r.all, "overflow and invalid input")
