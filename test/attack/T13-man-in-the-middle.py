#!/usr/bin/python3
"""T13 (and T7, T8, T9 on the transport): somebody stands between client and node. Records are read, changed, left out,
sent twice, put in another order, taken from another association; the hello is stripped of what makes it strong; and the
one in the middle ends the connection itself, with a certificate of its own. By certificate and by pre-shared key, TLS 1.3
and 1.2; and towards who joins.

Control: the same proxy before a server of the same requests without protection; what the attacks do must work there."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import http.client, json, shutil, socket, ssl, subprocess, tempfile, threading

from attack import Refusals, Twin, end
from middle import APPLICATION, HANDSHAKE, Middle
from node import NAME, Entity, Node, PskEntity

WORD, OTHER = "reading-of-4711", "reading-of-9999"


def passed(side, kind, number, record):
    return [record]


def flipped(side, kind, number):
    """That record, with its last octet changed."""
    return lambda s, k, n, r: [r[:-1] + bytes([r[-1] ^ 1])] if (s, k, n) == (side, kind, number) else [r]


def altered(s, k, n, r):
    """The request says something else of the same length, where its words can be found; else the record is changed there."""
    if (s, k) != (0, APPLICATION) or len(r) < 100:
        return [r]
    return [r.replace(WORD.encode(), OTHER.encode())] if WORD.encode() in r else [r[:60] + bytes([r[60] ^ 1]) + r[61:]]


def twice(s, k, n, r):
    return [r, r] if (s, k) == (0, APPLICATION) and len(r) > 100 else [r]


def without(extension):
    """The hello without it: another number in its place."""
    def act(s, k, n, r):
        return [r.replace(extension, b"\xfa\xfa" + extension[2:], 1)] if (s, k, n) == (0, HANDSHAKE, 0) else [r]
    return act


def old_versions(s, k, n, r):
    """supported_versions offers TLS 1.2 alone."""
    at = r.find(b"\x00\x2b\x00") if (s, k, n) == (0, HANDSHAKE, 0) else -1
    return [r] if at < 0 else [r[:at + 4] + r[at + 4:at + 5] + b"\x03\x03" * (r[at + 4] // 2) + r[at + 5 + r[at + 4]:]]


r = Refusals()

# --- the control ---------------------------------------------------------------------------------------------

worked = {}
with Twin() as t:
    def post(act, rqi):
        m = Middle(t.port, act, tls=False)
        c = http.client.HTTPConnection("127.0.0.1", m.port, timeout=5)
        body, head = json.dumps({"con": WORD}), {"X-M2M-Origin": "Cdev", "X-M2M-RI": rqi}
        try:
            c.request("POST", "/" + rqi, body, head)
            c.getresponse().read()
        except (OSError, http.client.HTTPException):
            pass
        m.close()
        return m.seen, t.ask("GET", "/" + rqi)[1]

    seen, _ = post(passed, "read")
    worked["read"] = WORD.encode() in seen
    def altered_plain(s, k, n, x):
        return [x.replace(WORD.encode(), OTHER.encode())]
    worked["changed"] = any(OTHER in v for v in post(altered_plain, "changed")[1])
    kept = []
    def keep(s, k, n, x):
        if s == 0:
            kept.append(x)
        return [x]
    post(keep, "splice")
    with socket.create_connection(("127.0.0.1", t.port)) as s:
        for x in kept:
            s.sendall(x)
        s.recv(100)
    worked["taken from another association"] = len(t.ask("GET", "/splice")[1]) == 2
for what, yes in worked.items():
    print(f"control: {'worked' if yes else 'FAILED'}: {what}")

# --- the node ----------------------------------------------------------------------------------------------------

ATTACKS = {
    "the client's first flight changed": flipped(0, HANDSHAKE, 0), "the node's first flight changed": flipped(1, HANDSHAKE, 0),
    "the client's first protected record changed": flipped(0, APPLICATION, 0), "the node's first protected record changed": flipped(1, APPLICATION, 0),
    "the node's second record of the handshake changed": flipped(1, HANDSHAKE, 1), "the client's second record of the handshake changed": flipped(0, HANDSHAKE, 1),
    "the request changed": altered, "the hello without extended master secret": without(b"\x00\x17\x00\x00"),
    "the hello without TLS 1.3": old_versions, "the hello without its signature algorithms": without(b"\x00\x0d\x00"),
    "the hello without its groups": without(b"\x00\x0a\x00"),
    "the client's Finished left out": lambda s, k, n, x: [] if (s, k, n) == (0, HANDSHAKE, 2) or (s, k, n) == (0, APPLICATION, 0) else [x],
}
DOES_NOTHING = {  # where the version has no such record, or nobody looks for it: the handshake is the same one
    ("1.3", "the node's second record of the handshake changed"), ("1.3", "the client's second record of the handshake changed"),
    ("1.2", "the hello without TLS 1.3"),
}
top = pathlib.Path(tempfile.mkdtemp(prefix="middle-"))
with Node(options="join.enabled = yes") as n, Node() as other:
    reader = n.enrol("reader", "Creader")
    kinds = {}
    for what, psk in (("certificate", False), ("pre-shared key", True)):
        e = n.enrol("e" + str(psk), "Ce" + str(psk), "device", *((True, "--identity", f"e{psk}@demo.example") if psk else ()))
        assert e.register().rsc == 2001
        e.create(f"/cse-in/ae-{e.originator}", 3, {"m2m:cnt": {"rn": "box"}})
        e.close()
        kinds[what] = e

    def through(e, port, version):
        f = type(e)(n, e.folder, e.originator)
        f.node = type("At", (), dict(port=port, dir=n.dir, name=n.name, cse_name=n.cse_name))()
        if isinstance(e, PskEntity):
            f.connect = lambda: PskEntity.connect(f, version="-tls1_3" if version == "1.3" else "-tls1_2")
        else:
            def context():
                c = Entity.context(f)
                c.maximum_version = ssl.TLSVersion.TLSv1_3 if version == "1.3" else ssl.TLSVersion.TLSv1_2
                return c
            f.context = context
        return f

    def stored(e):
        """Contents, by a connection of its own."""
        f = type(e)(n, e.folder, e.originator)
        a = f.retrieve(f"/cse-in/ae-{e.originator}/box?rcn=4").json
        f.close()
        return [c["con"] for c in a["m2m:cnt"].get("m2m:cin", [])]

    def attempt(e, version, act):
        """(was it answered, what is there afterwards that was not, octets seen)."""
        m = Middle(n.port, act)
        f = through(e, m.port, version)
        before, answered = stored(e), False
        try:
            if isinstance(f, Entity) and not isinstance(f, PskEntity):
                f.connect(timeout=2)
            else:
                f.connect()
            if isinstance(f, PskEntity):  # who waits for what is left out waits for ever
                timer = threading.Timer(2, f.connection.p.kill)
                timer.start()
            answered = f.create(f"/cse-in/ae-{e.originator}/box", 4, {"m2m:cin": {"con": WORD}}).rsc == 2001
        except (OSError, ConnectionError):
            pass
        finally:
            if isinstance(f, PskEntity):
                timer.cancel()
            try:
                f.close()
            except OSError:
                pass
            m.close()
        after = stored(e)
        return answered, after[len(before):], m.seen

    for kind, e in kinds.items():
        for version in ("1.3", "1.2"):
            where = f"{kind}, TLS {version}"
            answered, made, seen = attempt(e, version, passed)
            r.say(f"{where}: passed on, it works (the probe can tell)", answered and made == [WORD])
            r.say(f"{where}: and is not read on the way", len(seen) > 500 and WORD.encode() not in seen, f"{len(seen)} octets")
            for what, act in ATTACKS.items():
                if (version, what) in DOES_NOTHING or (kind == "pre-shared key" and ("signature" in what or "groups" in what)):
                    continue
                answered, made, _ = attempt(e, version, act)
                # in TLS 1.2 that record is the answer: what was asked is done, and the client takes no answer
                done = [[], [WORD]] if version == "1.2" and what.startswith("the node's first protected") else [[]]
                r.say(f"{where}: {what}", not answered and made in done, f"there then: {made}" if made else "")
            _, made, _ = attempt(e, version, twice)
            r.say(f"{where}: the request twice is there once", made in ([WORD], []), str(made))
        # records of one association in another
        kept = []

        def keep(s, k, number, x):
            if (s, k) == (0, APPLICATION) and len(x) > 100:
                kept.append(x)
            return [x]
        attempt(e, "1.3", keep)
        assert kept
        _, made, _ = attempt(e, "1.3", lambda s, k, number, x: [x, kept[-1]] if (s, k) == (0, APPLICATION) and len(x) > 100 else [x])
        r.say(f"{kind}: a record of another association in this one", made in ([WORD], []), str(made))

    # --- it ends the connection itself ---------------------------------------------------------------------------------

    def openssl(*argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", top / "key", "-out", top / "own",
            "-subj", "/CN=x", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "2")
    asked = []

    def ends(certificate, key):
        """A TLS server of the one in the middle: notes what it is sent."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                try:
                    s, _ = listener.accept()
                    with context.wrap_socket(s, server_side=True) as x:
                        x.settimeout(4)
                        got = x.recv(65536)
                        asked.append(got)
                        pem = open(certificate, "rb").read()
                        if b"anchor" in got:
                            x.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(pem), pem))
                except OSError:
                    if listener.fileno() < 0:
                        return
        threading.Thread(target=serve, daemon=True).start()
        return listener

    mallory = other.enrol("m", "Cm")
    for what, certificate, key in (("a certificate of its own by the node's name", top / "own", top / "key"),
                                   ("a certificate of another node's authority", mallory.folder / "cert.pem", mallory.folder / "key.pem"),
                                   ("an enrolled device's certificate", reader.folder / "cert.pem", reader.folder / "key.pem")):
        listener = ends(certificate, key)
        asked.clear()
        f = through(kinds["certificate"], listener.getsockname()[1], "1.3")
        try:
            f.connect()
            f.connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            refused = False
        except (ssl.SSLError, ConnectionError):
            refused = True
        f.close()
        r.say(f"a client refuses {what}", refused and not any(asked))
        # who joins fetches an anchor from whoever answers, and knows it by the claim
        claim = json.loads(n.cli("-o", "json", "ticket", "create", "--ids", "Cjoin*"))["claim"].split("/")
        here = "/".join(claim[:4] + [f"127.0.0.1:{listener.getsockname()[1]}"] + claim[5:])
        code, out = n.cli("join", here, "--id", "Cjoin1", "--out", top / "joined", directory=False, check=False)
        r.say(f"who joins refuses {what}, and sends nothing of the claim", code == 1 and not (top / "joined").exists()
              and not any(claim[1].encode() in x or claim[2].encode() in x for x in asked), out.strip()[-60:])
        listener.close()
    # and passed on, it learns nothing by which it could join itself
    claim = json.loads(n.cli("-o", "json", "ticket", "create", "--ids", "Cjoin*"))["claim"].split("/")
    m = Middle(n.port, passed)
    code, _ = n.cli("join", "/".join(claim[:4] + [f"127.0.0.1:{m.port}"] + claim[5:]), "--id", "Cjoin2", "--out", top / "joined2", directory=False, check=False)
    m.close()
    r.say("a joining that is passed on works, and shows neither ticket nor secret", code == 0 and claim[1].encode() not in m.seen
          and claim[2].encode() not in m.seen and bytes.fromhex(claim[2]) not in m.seen, f"{len(m.seen)} octets")
    r.say("who is enrolled is served as before", reader.register().rsc == 2001)
    reader.close()
shutil.rmtree(top, ignore_errors=True)
end(all(worked.values()), r.all, "man in the middle")
