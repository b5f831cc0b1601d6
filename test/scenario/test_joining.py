"""Joining: a device that nobody knows gets its credential by a claim; every bound of the
ticket says no when it should, and a joining that is not finished leaves nothing behind."""
import hashlib, hmac, json, os, signal, socket, ssl, time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node import Node, Entity, SP, CSE, read_answer

NAME = "in-cse.demo.example"


@pytest.fixture(scope="module")
def node():
    n = Node(options="join.enabled = yes\njoin.time = 10\nregistrar.id = /above")
    yield n
    n.stop()
    n.close()


@pytest.fixture(scope="module")
def closed():
    n = Node()
    yield n
    n.stop()
    n.close()


def ticket(node, ids, *more):
    return json.loads(node.cli("-o", "json", "ticket", "create", "--ids", ids, *more))


def tickets(node):
    return {t["id"]: t for t in json.loads(node.cli("-o", "json", "ticket", "list"))}


def join(node, claim, ident, check=True, folder=None):
    folder = folder or node.top / f"joined-{ident.strip('/')}"
    argv = ["join", claim, "--id", ident, "--out", folder]
    for _ in range(5):  # twenty a second are taken: tests on a fast machine ask for more
        code, out = node.cli(*argv, directory=False, check=False)
        if "try again later" not in out:
            break
        time.sleep(1)
    assert not check or code == 0, out
    return folder if check else (code, out)


def credentials(node):
    return {c["id"]: c for c in json.loads(node.cli("-o", "json", "credential", "list"))}


def guest(node, octets, certificate=None, source="127.0.0.1", connected=lambda: None):
    """One request of somebody who has no credential."""
    c = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    if certificate:
        c.load_cert_chain(*map(str, certificate))
    with c.wrap_socket(socket.create_connection(("127.0.0.1", node.port), 10, (source, 0)), server_hostname=NAME) as s:
        connected()
        s.sendall(octets)
        return read_answer(s)


def test_join_register_and_use(node):
    t = ticket(node, "Csensor*", "--count", "2", "--app-id", "Nsensor.example")
    began = time.time()
    e = Entity(node, join(node, t["claim"], "Csensor1"), "Csensor1")
    assert time.time() - began < 5
    assert (e.folder / "key.pem").stat().st_mode & 0o077 == 0
    assert e.register("Nother.example").rsc in (4126, 4103)
    assert e.register("Nsensor.example").rsc == 2001
    assert tickets(node)[t["ticket"]]["used"] == 1
    e.close()
    assert e.retrieve("/cse-in/ae-Csensor1").rsc == 2000


def test_the_key_never_left(node):
    t = ticket(node, "Ckey*")
    folder = join(node, t["claim"], "Ckey1")
    key = (folder / "key.pem").read_text()
    assert "PRIVATE KEY" in key
    secret = t["claim"].split("/")[2]
    for f in list((node.dir).rglob("*")):
        if f.is_file():
            data = f.read_bytes()
            assert secret.encode() not in data and bytes.fromhex(secret) not in data, f
    assert secret not in node.log_text()


@pytest.mark.parametrize("ident", ["Cother1", "Ssensor1", "/mn-9", "Csensor", "../Cgauge1", "C gauge1"])
def test_identifier_must_fit(node, ident):
    t = ticket(node, "Cgauge*", "--count", "9")
    code, out = join(node, t["claim"], ident, check=False, folder=node.top / "nobody")
    assert code != 0 and not (node.top / "nobody").exists()
    assert tickets(node)[t["ticket"]]["used"] == 0


def test_once_too_often_kills(node):
    t = ticket(node, "Conce*")
    join(node, t["claim"], "Conce1")
    assert join(node, t["claim"], "Conce2", check=False)[0] == 1
    assert tickets(node)[t["ticket"]]["state"] == 2
    assert "33-//demo.example/in-cse/Conce2" not in credentials(node)


def test_guessing_kills(node):
    t = ticket(node, "Cguess*", "--count", "9")
    parts = t["claim"].split("/")
    for i in range(5):
        wrong = "/".join(parts[:2] + ["%032x" % i] + parts[3:])
        assert join(node, wrong, f"Cguess{i}", check=False)[0] == 1
    assert tickets(node)[t["ticket"]]["state"] == 3
    code, out = join(node, t["claim"], "Cguess9", check=False)
    assert code == 1 and "refuses" in out
    assert "too many wrong secrets" in node.cli("audit", "list", "--limit", "20")


def test_killed_and_taken(node):
    t = ticket(node, "Ck*", "--count", "9")
    folder = join(node, t["claim"], "Cka1")
    assert join(node, t["claim"], "Cka1", check=False, folder=node.top / "again")[0] == 1
    node.cli("ticket", "kill", t["ticket"])
    assert join(node, t["claim"], "Cka2", check=False)[0] == 1
    e = Entity(node, folder, "Cka1")
    assert e.register().rsc == 2001  # who is in stays in


def test_identity_of_another(node):
    """Nobody joins as somebody who is enrolled, by whatever credential, or was revoked."""
    node.enrol("victim", "Cvictim", "device", True, "--identity", "victim@demo.example")
    gone = node.enrol("gone", "Cgone", "device", False)
    node.cli("revoke", "33-//demo.example/in-cse/Cgone")
    t = ticket(node, "C*", "--count", "9")
    for ident in ("Cvictim", "Cgone"):
        code, out = join(node, t["claim"], ident, check=False, folder=node.top / ("as-" + ident))
        assert code == 1 and "refuses" in out
    assert tickets(node)[t["ticket"]]["used"] == 0


def test_identity_without_a_credential(node):
    """Nor as a CSE behind one that is registered, nor as our registrar, which speaks for everybody elsewhere; nor
    as the node."""
    m = node.enrol("mn1", "/mn-1", "cse")
    csr = {"m2m:csr": {"cb": "/mn-1/cse-mn", "csi": "/mn-1", "rr": False, "srv": ["3"], "dcse": ["/mn-behind"]}}
    assert m.create("/cse-in", 16, csr).rsc == 2001
    m.close()
    t = ticket(node, "*", "--count", "9")
    for ident in ("/mn-behind", "/above", "/in-cse"):
        code, out = join(node, t["claim"], ident, check=False, folder=node.top / ("as-" + ident[1:]))
        assert code == 1 and "refuses" in out, ident
    assert tickets(node)[t["ticket"]]["used"] == 0
    join(node, t["claim"], "/mn-nobody")


def test_not_finished_leaves_nothing(node):
    """Who has finished before keeps what it got."""
    done = Entity(node, join(node, ticket(node, "Cdone*")["claim"], "Cdone1"), "Cdone1")
    assert done.register().rsc == 2001
    done.close()
    t = ticket(node, "Clate*")
    folder = join(node, t["claim"], "Clate1")
    assert "33-//demo.example/in-cse/Clate1" in credentials(node)
    end = time.time() + 30
    while "33-//demo.example/in-cse/Clate1" in credentials(node) and time.time() < end:
        time.sleep(0.2)
    assert "33-//demo.example/in-cse/Clate1" not in credentials(node)
    assert done.retrieve("/cse-in/ae-Cdone1").rsc == 2000
    done.close()
    with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
        Entity(node, folder, "Clate1").retrieve("/cse-in")
    assert tickets(node)[t["ticket"]]["used"] == 0
    join(node, t["claim"], "Clate1", folder=node.top / "late-again")


def test_a_guest_may_do_nothing_else(node):
    a = guest(node, b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: Csensor1\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n")
    assert a.http == 403 and a.rsc == 0
    a = guest(node, b"GET /.well-known/holdfast/anchor HTTP/1.1\r\nHost: x\r\n\r\n")
    assert a.http == 200 and a.body == (node.dir / "node/ca.pem").read_bytes()
    for body in (b"{}", b"[]", b"nonsense", b'{"id":"Cx","key":"00","proof":"00","ticket":"0","mac":"0"}',
                 b'{"id":"' + b"C" * 3000 + b'"}'):
        a = guest(node, b"POST /.well-known/holdfast/join HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                  % (len(body), body))
        assert a.http == 400, a


def test_who_is_refused_again_and_again_takes_no_room_from_others():
    """So many joinings a second are judged, for all: an address that is refused often is refused before it is heard."""
    with Node(options="join.enabled = yes\ngate.failures_per_address = 12\ngate.workers = 1") as n:
        claim = ticket(n, "Chonest*")["claim"]
        body = json.dumps({"id": "Ceve", "key": "04" + "11" * 64, "proof": "00" * 64, "ticket": "0" * 16, "mac": "00" * 32}).encode()
        asked = b"POST /.well-known/holdfast/join HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        answers = []
        for _ in range(8):
            try:
                answers.append(guest(n, asked, source="127.0.0.2").http)
            except OSError:
                answers.append(None)
        assert answers == [403] * 4 + [None] * 4, answers
        refused = [r for r in n.audit() if str(r.get("rule")).startswith("JOIN")]
        assert len(refused) == 4, refused
        join(n, claim, "Chonest1")  # from another address


def test_what_fails_here_refuses_nobody():
    """The keeper is gone when somebody asks: that is no refusal, costs no use, and says when to come again."""
    with Node(options="join.enabled = yes") as n:
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        t = ticket(n, "Clate*")
        _, number, secret = t["claim"].split("/")[:3]
        mac = hmac.new(hashlib.sha256(bytes.fromhex(secret)).digest(), b"holdfast joining\0Clate1\0" + point, "sha256")
        proof = key.sign(b"holdfast enrolment\0\1" + f"{SP}{CSE}/Clate1".encode() + point, ec.ECDSA(hashes.SHA256()))
        body = json.dumps({"id": "Clate1", "key": point.hex(), "proof": proof.hex(), "ticket": number, "mac": mac.hexdigest()}).encode()
        asked = b"POST /.well-known/holdfast/join HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        a = guest(n, asked, connected=lambda: os.kill(n.pids()["keeper"][0], signal.SIGKILL))
        assert a.http == 503 and 1 <= int(a.headers["retry-after"]) <= 8, a
        for _ in range(100):
            try:
                a = guest(n, asked)
            except OSError:
                a = None  # no handshake without a keeper
            if a and a.http == 200:
                break
            assert not a or a.http == 503, a
            time.sleep(0.1)
        assert a and a.http == 200 and tickets(n)[t["ticket"]]["used"] == 1, a
        assert tickets(n)[t["ticket"]]["wrong"] == 0


def test_wrong_node_is_noticed(node):
    """Somebody who answers in the node's place has another anchor."""
    t = ticket(node, "Cfooled*")
    parts = t["claim"].split("/")
    parts[3] = "00" * 32
    code, out = join(node, "/".join(parts), "Cfooled1", check=False)
    assert code == 1 and "not the node of the claim" in out
    assert tickets(node)[t["ticket"]]["used"] == 0 and tickets(node)[t["ticket"]]["wrong"] == 0


def test_off_by_default(closed):
    code, out = closed.cli("ticket", "create", "--ids", "C*", check=False)
    assert code == 1 and "join.enabled" in out
    with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
        guest(closed, b"GET /.well-known/holdfast/anchor HTTP/1.1\r\nHost: x\r\n\r\n")
