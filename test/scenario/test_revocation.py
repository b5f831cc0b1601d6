"""Revocation that acts: on every gate, in the keeper, on what is owed; with a receipt that is
verified here by an independent library, and the time it took."""
import hashlib, json, os, re, select, signal, subprocess, threading, time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
import cbor2

from node import Entity, Node, acr, free_port
from receiver import Receiver

MN, M2 = "mn-cse.in-cse.demo.example", "m2-cse.in-cse.demo.example"
DEAD_MS = 2000


@pytest.fixture(scope="module")
def node():
    port = free_port()
    with Node(options=f"gate.workers = 3\ncourier.allow = {MN}:{port}@127.0.0.1 {M2}:{port}@127.0.0.1\noutbound.time = 2\ncrl.readers = nodes\nstaple.time = 4") as n:
        n.away = port
        yield n
        assert n.stop() == 0


def of(n, entity):
    return [a for a in json.loads(n.cli("-o", "json", "association", "list")) if a["entity"].endswith("/" + entity)]


def on_all_gates(n, e, ident, at_most=60):
    """Live associations of one credential, until every gate has some."""
    held = []
    while len({a["gate"] for a in of(n, ident)}) < 3 and len(held) < at_most:
        for _ in range(4):
            twin = type(e)(n, e.folder, ident)
            assert twin.retrieve(f"/cse-in/ae-{ident}").rsc == 2000
            held.append(twin)
    return held


def wait_closed(sockets, until):
    """Seconds since the epoch at which each of them was closed by the node; None: it was not."""
    closed = {}
    while len(closed) < len(sockets) and time.time() < until:
        ready, _, _ = select.select([s for s in sockets if s not in closed], [], [], 0.05)
        for s in ready:
            try:
                if s.recv(1000) == b"":
                    closed[s] = time.time()
            except OSError:
                closed[s] = time.time()
    return [closed.get(s) for s in sockets]


def verify(n, receipt):
    """record, hash before it, hash after it, the keeper's signature over that end of the chain."""
    key = next(k for k in json.loads(n.cli("-o", "json", "key", "list")) if k["name"] == "audit")
    octets = {k: bytes.fromhex(receipt[k]) for k in ("record", "before", "hash", "signature")}
    assert hashlib.sha256(octets["before"] + octets["record"]).digest() == octets["hash"]
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(key["public"]))
    signed = b"holdfast audit anchor\0" + receipt["number"].to_bytes(8, "big") + octets["hash"] + receipt["at"].to_bytes(8, "big")
    public.verify(octets["signature"], signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(Exception):
        public.verify(octets["signature"], signed[:-1] + bytes([signed[-1] ^ 1]), ec.ECDSA(hashes.SHA256()))
    record = cbor2.loads(octets["record"])
    words = dict(w.split("=", 1) for w in record["tx"].split() if "=" in w)
    assert record["tx"] == receipt["receipt"]
    return words


def dropped(n, whose):
    return sum((x.get("text") or "").startswith(f"its {whose}'s credential") for x in n.audit())


def subscribe_to_channel(n, subscriber, told):
    """The one that is told is asked by its polling channel, and agrees."""
    poller = Entity(n, told.folder, told.originator)
    pcu = f"/cse-in/ae-{told.originator}/pch/pcu"

    def agree():
        asked = poller.retrieve(pcu).json["m2m:rqp"]
        poller.ask("POST", pcu, {"m2m:rsp": {"rsc": 2000, "rqi": asked["rqi"], "rvi": "3"}})
    t = threading.Thread(target=agree)
    t.start()
    a = subscriber.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": "channel", "nu": ["/in-cse/" + told.originator], "enc": {"net": [3]}}})
    t.join()
    poller.close()
    return a.rsc


@pytest.mark.parametrize("psk", [False, True], ids=["certificate", "psk"])
def test_dead_on_all_gates(node, psk, capsys):
    ident = "Cstolen" + ("psk" if psk else "cert")
    more = (True, "--identity", f"{ident}@demo.example") if psk else (False,)
    e, other = node.enrol(ident, ident, "device", *more), node.enrol("other" + ident, "Cother" + ident)
    assert e.register().rsc == 2001 and other.register().rsc == 2001
    held = on_all_gates(node, e, ident) + [e]
    live = of(node, ident)
    assert len(live) == len(held) and len({a["gate"] for a in live}) == 3
    credential = live[0]["credential"]
    began = time.time()
    receipt = json.loads(node.cli("-o", "json", "revoke", credential))
    answered = time.time()
    if not psk:
        sockets = [h.connection for h in held]
        at = wait_closed(sockets, began + DEAD_MS / 1000)
        assert all(at), f"{at.count(None)} connections are open after {DEAD_MS} ms"
        last = max(at) - began
    else:  # the stock client ends when its connection does
        for h in held:
            h.connection.p.wait(timeout=DEAD_MS / 1000)
        last = time.time() - began
    with capsys.disabled():
        print(f"\n  {ident}: {len(held)} associations on 3 gates closed {1000 * last:.0f} ms after the command, "
              f"which was answered after {1000 * (answered - began):.0f} ms: {receipt['receipt']}")
    assert last < DEAD_MS / 1000 and answered - began < DEAD_MS / 1000
    assert receipt["revoked"] is True and receipt["credential"] == credential
    assert receipt["associations"] == len(held) and receipt["unconfirmed"] == 0
    words = verify(node, receipt)
    assert words["entity"].endswith(ident) and 0 <= int(words["complete"]) < DEAD_MS
    assert abs(int(words["asked"]) / 1000 - began) < 2 and 0 <= int(words["recorded"]) <= int(words["complete"])
    gates = {k: v for k, v in words.items() if k.startswith("gate.")}
    assert len(gates) == 3
    for v in gates.values():
        done, _, at = v.partition(",")
        assert done.split("/")[0] == done.split("/")[1] and 0 <= int(at) <= int(words["complete"])
    assert ("key" in words) == psk
    # nothing of it is served any more, the other's is
    assert not of(node, ident)
    with pytest.raises(Exception):
        e.close()
        assert e.retrieve(f"/cse-in/ae-{ident}").rsc != 2000
        raise ConnectionError
    assert other.retrieve(f"/cse-in/ae-Cother{ident}").rsc == 2000
    # once more: nothing is left to be ended; it is not an error
    again = json.loads(node.cli("-o", "json", "revoke", credential))
    assert again["associations"] == 0 and again["number"] > receipt["number"]
    verify(node, again)
    code, out = node.cli("revoke", "33-//demo.example/in-cse/Cnobody", check=False)
    assert code == 1 and "no such credential" in out


def test_what_is_owed_goes(node):
    """Notifications on its right, and those for it, do not wait for a revoked entity."""
    mn, d, gone = node.enrol("mn", "/mn-cse", "cse"), node.enrol("d", "Cdev"), node.enrol("gone", "Cgone")
    files = dict(certificate=(mn.folder / "cert.pem", mn.folder / "key.pem"), anchor=node.dir / "node/ca.pem")
    assert d.register().rsc == 2001 and gone.register().rsc == 2001
    assert d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr(["Cgone"], 3), acr(["Cdev"], 63)]}, "pvs": {"acr": [acr(["Cdev"], 63)]}}}
    assert d.create("/cse-in/ae-Cdev", 1, acp).rsc == 2001
    assert d.update("/cse-in/ae-Cdev/c", {"m2m:cnt": {"acpi": ["cse-in/ae-Cdev/p"]}}).rsc == 2004
    # Cgone has a polling channel, and lets Cdev tell it
    assert gone.create("/cse-in/ae-Cgone", 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001
    acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr(["Cdev"], 16), acr(["Cgone"], 63)]}, "pvs": {"acr": [acr(["Cgone"], 63)]}}}
    assert gone.create("/cse-in/ae-Cgone", 1, acp).rsc == 2001
    assert gone.update("/cse-in/ae-Cgone", {"m2m:ae": {"acpi": ["cse-in/ae-Cgone/p"]}}).rsc == 2004
    # this one would have a say in what is changed
    a = gone.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": "say", "nu": ["/in-cse/Cgone"], "enc": {"net": [7]}}})
    assert a.rsc == 2001, a
    down = [False]
    with Receiver(lambda got: (503, {}, b"") if down[0] and "nev" in got.sgn else None, port=node.away, **files) as away:
        for e, rn in ((gone, "theirs"), (d, "mine")):
            a = e.create("/cse-in/ae-Cdev/c", 23, {"m2m:sub": {"rn": rn, "nu": [f"https://{MN}:{node.away}/{rn}"], "enc": {"net": [3]}}})
            assert a.rsc == 2001, a
        assert subscribe_to_channel(node, d, gone) == 2001
        down[0] = True
        for i in range(3):
            assert d.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"con": f"secret {i}"}}).rsc == 2001
        receipt = json.loads(node.cli("-o", "json", "revoke", "33-//demo.example/in-cse/Cgone"))
        at_once = receipt["notifications"]
        assert at_once >= 6 and dropped(node, "receiver") == 3 and dropped(node, "originator") == at_once - 3, receipt
        tried = len(away.got)
        down[0] = False
        end = time.time() + 30
        while sum(g.path == "/mine" for g in away.got[tried:]) < 3 and time.time() < end:
            time.sleep(0.05)
        after = [g.path for g in away.got[tried:] if "nev" in g.sgn]
        assert set(after) == {"/mine"} and len(after) >= 3, after
        # nor is anything kept for it that happens later
        assert d.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"con": "later"}}).rsc == 2001
        end = time.time() + 30
        while dropped(node, "receiver") + dropped(node, "originator") < at_once + 2 and time.time() < end:
            time.sleep(0.1)
    assert dropped(node, "originator") == at_once - 2 and dropped(node, "receiver") == 4
    assert d.update("/cse-in/ae-Cdev/c", {"m2m:cnt": {"lbl": ["nobody is asked"]}}).rsc == 2004
    d.close()


def test_what_is_owed_to_a_cse_goes(node):
    """As to an AE: what waits for a revoked remoteCSE is dropped at once."""
    m2, d = node.enrol("m2", "/m2-cse", "cse"), node.enrol("d2", "Cd2")
    url = f"https://{M2}:{node.away}"
    assert m2.create("/cse-in", 16, {"m2m:csr": {"rn": "m2", "csi": "/m2-cse", "cb": "/m2-cse/x", "rr": True, "srv": ["3"], "poa": [url]}}).rsc == 2001
    pv = {"acr": [acr(["//demo.example/m2-cse"], 63), acr(["Cd2"], 16)]}
    assert m2.create("/cse-in/m2", 1, {"m2m:acp": {"rn": "p", "pv": pv, "pvs": pv}}).rsc == 2001
    assert m2.update("/cse-in/m2", {"m2m:csr": {"acpi": ["cse-in/m2/p"]}}).rsc == 2004
    assert d.register().rsc == 2001 and d.create("/cse-in/ae-Cd2", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    down, before = [False], dropped(node, "receiver")
    files = dict(certificate=(m2.folder / "cert.pem", m2.folder / "key.pem"), anchor=node.dir / "node/ca.pem")
    with Receiver(lambda got: (503, {}, b"") if down[0] else None, port=node.away, **files):
        made = d.create("/cse-in/ae-Cd2/c", 23, {"m2m:sub": {"rn": "s", "nu": ["/m2-cse"], "enc": {"net": [3]}}})
        assert made.rsc == 2001, made
        down[0] = True
        for i in range(3):
            assert d.create("/cse-in/ae-Cd2/c", 4, {"m2m:cin": {"con": str(i)}}).rsc == 2001
        credential = next(c["id"] for c in json.loads(node.cli("-o", "json", "credential", "list")) if c["entity"] == "//demo.example/m2-cse")
        receipt = json.loads(node.cli("-o", "json", "revoke", credential))
    assert receipt["notifications"] == 3 and dropped(node, "receiver") == before + 3, receipt
    d.close(), m2.close()


def test_a_gate_that_hangs_confirms_nothing(node):
    """The receipt says so, in time; and the register serves nothing to it anyway."""
    e = node.enrol("hung", "Chung")
    assert e.register().rsc == 2001
    held = on_all_gates(node, e, "Chung") + [e]
    gates = node.pids()["gate"]
    os.kill(gates[0], signal.SIGSTOP)
    try:
        began = time.time()
        receipt = json.loads(node.cli("-o", "json", "revoke", "33-//demo.example/in-cse/Chung"))
        assert time.time() - began < DEAD_MS / 1000
        assert receipt["associations"] == len(held) and 0 < receipt["unconfirmed"] < len(held)
        words = verify(node, receipt)
        hung = [v for k, v in words.items() if k.startswith("gate.") and v.startswith("0/")]
        assert len(hung) == 1 and hung[0].endswith(",-1")
        open_ = [h for h in held if not wait_closed([h.connection], time.time() + 0.2)[0]]
        assert len(open_) == receipt["unconfirmed"]
        # what it has in its socket when it goes on counts for nothing
        for h in open_:
            h.connection.sendall(b"GET /cse-in/ae-Chung HTTP/1.1\r\nHost: x\r\nX-M2M-RI: late\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: Chung\r\n\r\n")
    finally:
        os.kill(gates[0], signal.SIGCONT)
    for h in open_:
        try:
            said = h.connection.recv(4000)
        except OSError:
            said = b""
        assert b" 200 " not in said[:20], said


# --- what the node's CA says -----------------------------------------------------------------

CRL = "/.well-known/holdfast/crl"


def pull(e):
    """As a stock client would: no header of oneM2M."""
    return e.raw(f"GET {CRL} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def test_other_nodes_pull_the_list(node):
    anchor = x509.load_pem_x509_certificate((node.dir / "node/ca.pem").read_bytes())
    peer, ae, victim = node.enrol("peer", "/peer-cse", "cse"), node.enrol("ae", "Cae"), node.enrol("victim", "Cvictim")
    serial = x509.load_pem_x509_certificate((victim.folder / "cert.pem").read_bytes()).serial_number
    before = pull(peer)
    assert before.http == 200 and before.headers["content-type"] == "application/pkix-crl"
    crl = x509.load_der_x509_crl(before.body)
    assert crl.is_signature_valid(anchor.public_key()) and crl.get_revoked_certificate_by_serial_number(serial) is None
    assert crl.next_update_utc > crl.last_update_utc if hasattr(crl, "next_update_utc") else crl.next_update > crl.last_update
    began = time.time()
    node.cli("revoke", "33-//demo.example/in-cse/Cvictim")
    crl = x509.load_der_x509_crl(pull(peer).body)
    assert crl.is_signature_valid(anchor.public_key()) and crl.get_revoked_certificate_by_serial_number(serial) is not None
    assert time.time() - began < DEAD_MS / 1000
    # an AE is no node; a request with oneM2M's headers is treated alike; other methods are others
    assert pull(ae).http == 403 and ae.retrieve(CRL).http == 403
    assert peer.ask("DELETE", CRL).http != 200
    refused = [x for x in node.audit() if x.get("rule") == "crl.readers"]
    assert {x["from"].rpartition("/")[2] for x in refused if int(x["rsc"]) == 4103} == {"Cae"}
    assert sum(int(x["rsc"]) == 2000 for x in refused) == 2
    peer.close(), ae.close()


def test_nobody_pulls_it_unless_configured():
    with Node() as n:
        peer = n.enrol("peer", "/peer-cse", "cse")
        a = pull(peer)
        assert a.http == 403 and b"not for this entity" in a.body
        assert n.stop() == 0


def staple(node, e, *more):
    """What a stock client is shown beside the node's certificate, in its words."""
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-status", "-CAfile", node.dir / "node/ca.pem",
                        "-cert", e.folder / "cert.pem", "-key", e.folder / "key.pem", "-verify_return_error", "-ign_eof", *more],
                       input=b"GET /cse-in/ae-Cstaple HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n"
                             b"X-M2M-Origin: Cstaple\r\n\r\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return p.stdout.decode(errors="replace")


def wait_for_staple(node, e):
    end = time.time() + 30
    while "OCSP Response Status: successful" not in staple(node, e) and time.time() < end:
        time.sleep(0.1)


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_the_node_s_certificate_is_shown_to_be_good(node, version):
    e = Entity(node, node.top / "profile-staple", "Cstaple")
    if not e.folder.exists():
        e = node.enrol("staple", "Cstaple")
        assert e.register().rsc == 2001
        e.close()
    wait_for_staple(node, e)
    first = staple(node, e, version)
    assert "OCSP Response Status: successful" in first and "Cert Status: good" in first and "HTTP/1.1 200" in first, first
    node_serial = x509.load_pem_x509_certificate((node.dir / "node/node.pem").read_bytes()).serial_number
    assert f"Serial Number: {node_serial:X}" in first
    this_update = lambda out: time.mktime(time.strptime(re.search(r"This Update: (.*) GMT", out)[1], "%b %d %H:%M:%S %Y"))
    # renewed at half of its life
    end = time.time() + 30
    while not (newer := this_update(staple(node, e, version)) > this_update(first)) and time.time() < end:
        time.sleep(0.2)
    assert newer
    # who does not ask is shown none
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", version, "-CAfile", node.dir / "node/ca.pem",
                        "-cert", e.folder / "cert.pem", "-key", e.folder / "key.pem"], input=b"", stdout=subprocess.PIPE, timeout=20)
    assert b"OCSP Response Status" not in p.stdout
