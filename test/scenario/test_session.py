"""An association is taken up again: TLS 1.3 resumption with sessions that the core holds. The
clients are python's ssl and `openssl s_client`."""
import contextlib, json, os, re, signal, socket, ssl, subprocess, time

import pytest

from node import NAME, Node, read_answer


@pytest.fixture(scope="module")
def node():
    with Node(options="session.time = 600\ngate.workers = 2\nassociation.requests = 12") as n:
        yield n
        assert n.stop() == 0


def device(n, name, *more):
    e = n.enrol(name, "C" + name, "device", *more)
    assert e.register().rsc == 2001
    e.close()
    e.tls = e.context()
    return e


def request(e):
    return f"GET /cse-in/ae-{e.originator} HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: {e.originator}\r\n\r\n".encode()


class Visit:
    """A connection that may take up a session; one answered request; the session it was given."""

    def __init__(self, e, session=None, requests=1):
        raw = socket.create_connection(("127.0.0.1", e.node.port), timeout=30)
        self.s = e.tls.wrap_socket(raw, server_hostname=NAME, session=session)
        self.resumed, self.e = self.s.session_reused, e
        for _ in range(requests):
            self.status = self.ask()
        self.session = self.s.session

    def ask(self):
        self.s.sendall(request(self.e))
        return read_answer(self.s).rsc

    def close(self):
        self.s.close()
        return self.session


def live(n, e):
    return [a for a in json.loads(n.cli("-o", "json", "association", "list")) if a["entity"].endswith("/" + e.originator)]


def texts(n, e, since=0):
    return [x.get("text") for x in n.audit() if x["kind"] == 5 and x["n"] > since and (x.get("credential") or "").endswith(e.originator)]


def test_it_goes_on_with_the_first_and_once(node):
    e = device(node, "once")
    first = Visit(e)
    a = live(node, e)[0]
    session = first.close()
    second = Visit(e, session)
    assert second.resumed and second.status == 2000
    b = live(node, e)
    # same end, same credential; what was asked before is counted
    assert b[0]["until"] == a["until"] and b[0]["credential"] == a["credential"]
    assert b[0]["requests"] == 2 and b[0]["number"] != a["number"]
    second.close()
    third = Visit(e, session)
    assert not third.resumed and third.status == 2000, "a session was taken twice"
    third.close()
    said = texts(node, e)
    assert said.count("resumed") == 1 and said.count("opened") == 3


def test_the_first_ends_where_it_is_live(node):
    e = device(node, "moves")
    first = Visit(e)
    second = Visit(e, first.session)
    assert second.resumed and len(live(node, e)) == 1
    first.s.settimeout(30)
    try:
        assert first.s.recv(100) == b""
    except ssl.SSLError:
        pass
    assert second.ask() == 2000
    second.close()


def test_any_gate_and_a_restart(node):
    e = device(node, "far")
    session, gates = Visit(e).close(), set()
    for _ in range(10):
        v = Visit(e, session)
        assert v.resumed
        gates.add(live(node, e)[0]["gate"])
        session = v.close()
        if len(gates) == 2:
            break
    assert gates == {0, 1}
    # kill -9 of everything: what was live may have used up all it had, so it is not taken up ...
    v = Visit(device(node, "crash"))
    for p in [node.process.pid] + [p for pids in node.pids().values() for p in pids]:
        with contextlib.suppress(ProcessLookupError):  # workers end with their parent
            os.kill(p, signal.SIGKILL)
    node.process.wait()
    node.start()
    assert not Visit(v.e, v.session).resumed
    # ... and what had ended before is
    after = Visit(e, session)
    assert after.resumed and after.status == 2000
    session = after.close()
    assert node.stop() == 0
    node.start()
    assert Visit(e, session).resumed


def test_dead_with_its_credential(node):
    e, other = device(node, "stolen"), device(node, "kept")
    session, theirs = Visit(e).close(), Visit(other).close()
    receipt = json.loads(node.cli("-o", "json", "revoke", "33-//demo.example/in-cse/Cstolen"))
    assert receipt["sessions"] >= 1 and f"sessions={receipt['sessions']}" in receipt["receipt"]
    for _ in range(4):  # on whatever gate
        with pytest.raises((OSError, ConnectionError)):
            Visit(e, session)
    assert Visit(other, theirs).resumed


def test_what_was_used_up_stays_used_up(node):
    e = device(node, "much")
    v = Visit(e, requests=8)
    w = Visit(e, v.close(), requests=4)
    assert w.resumed  # 12 in all: the association is over
    w.s.settimeout(30)
    try:
        assert w.ask() != 2000
    except (OSError, ConnectionError):
        pass
    assert not Visit(e, w.session).resumed


def client(e, *more, say=b"", version="-tls1_3"):
    key = ["-psk_identity", (e.folder / "psk.identity").read_text().strip(), "-psk", (e.folder / "psk.key").read_text().strip()] \
        if (e.folder / "psk.key").exists() else ["-cert", e.folder / "cert.pem", "-key", e.folder / "key.pem"]
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{e.node.port}", "-servername", NAME, version, "-ign_eof",
                        "-CAfile", e.node.dir / "node/ca.pem", *key, *more],
                       input=say or request(e).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return p.stdout.decode(errors="replace")


def test_a_pre_shared_key_and_the_stock_client(node):
    e = node.enrol("key", "Ckey", "device", True, "--identity", "key@demo.example")
    assert e.register().rsc == 2001
    e.close()
    kept = node.top / "session.pem"
    first = client(e, "-sess_out", kept)
    assert "HTTP/1.1 200" in first and "Post-Handshake New Session Ticket arrived" in first
    assert int(re.search(r"TLS session ticket lifetime hint: (\d+)", first)[1]) <= 600
    again = client(e, "-sess_in", kept)
    assert "Reused, TLSv1.3" in again and "HTTP/1.1 200" in again
    resumed = [x for x in node.audit() if x["kind"] == 5 and x.get("text") == "resumed" and x.get("credential") == "12-key@demo.example"]
    assert len(resumed) == 1
    # no early data is asked for or taken
    assert "Early data was not sent" in again and "Max Early Data: 0" in first


def test_tls_1_2_is_never_taken_up(node):
    e = device(node, "old")
    kept = node.top / "session12.pem"
    first = client(e, "-sess_out", kept, version="-tls1_2")
    assert "HTTP/1.1 200" in first and kept.exists()
    again = client(e, "-sess_in", kept, version="-tls1_2")
    assert "Reused" not in again and "HTTP/1.1 200" in again


def test_the_level_is_that_of_the_first_proof():
    with Node(options="session.time = 600\nassurance.proof_time = 60") as n:
        e = device(n, "proof")
        v = Visit(e)
        shown = lambda: json.loads(n.cli("-o", "json", "association", "show", str(live(n, e)[0]["number"])))
        first = shown()
        time.sleep(1.1)
        w = Visit(e, v.close())
        assert w.resumed
        second = shown()
        since = lambda x: [v for k, v in flat(x) if k == "since"][0]
        assert since(first) == since(second), (first, second)
        # it is off unless configured, for what was given before, too
        conf = n.dir / "holdfast.conf"
        conf.write_text(conf.read_text().replace("session.time = 600", "session.time = 0"))
        session = w.close()
        n.process.send_signal(signal.SIGHUP)
        end = time.time() + 30
        while time.time() < end:
            try:
                v = Visit(e, session)
            except ConnectionError:  # taken up as the new policy came
                continue
            if not v.resumed:
                break
            session = v.close()
            time.sleep(0.3)  # one credential opens so many a second
        assert not v.resumed and not v.s.session.has_ticket
        assert n.stop() == 0


def flat(x):
    if isinstance(x, dict):
        for k, v in x.items():
            yield (k, v)
            yield from flat(v)
    if isinstance(x, list):
        for v in x:
            yield from flat(v)
