"""Between CSEs, in earnest: IN - MN - ASN, each with an authority of its own, over mutually
authenticated TLS. Registration, requests over two hops, and what a CSE may not claim."""
import socket, ssl, time

import pytest

from node import Entity, Node, SP, acr, free_port
from waiting import until


class Cse(Entity):
    """A CSE that speaks for itself, with the key of a profile made for it."""


class Chain:
    """Nodes in a row, each registered at the one before."""

    def __init__(self, *cses, enrol=()):
        ports = [free_port() for _ in cses]
        names = [f"{c[1:]}.{SP[2:]}" for c in cses]
        self.nodes = []
        for i, cse in enumerate(cses):
            near = [k for k in (i - 1, i + 1) if 0 <= k < len(cses)]
            lines = [f"node.cse_type = {i + 1}", f"node.poa = https://{names[i]}:{ports[i]}",
                     "courier.allow = " + " ".join(f"{names[k]}:{ports[k]}@127.0.0.1" for k in near)]
            if i:
                lines += [f"registrar.url = https://{names[i - 1]}:{ports[i - 1]}", f"registrar.id = {cses[i - 1]}", "registrar.time = 60"]
            self.nodes.append(Node(options="\n".join(lines), cse=cse, port=ports[i], start=False))
        # each enrols its neighbours by their certificates, which its gates and courier take at once; the first is
        # started anew, and reads them then
        for i, n in enumerate(self.nodes):
            n.start()
            for k in (i - 1, i + 1):
                if 0 <= k < len(cses):
                    peer = self.nodes[k]
                    n.cli("enrol", "cse", peer.cse[1:], "--id", peer.cse, "--certificate", peer.dir / "node/node.pem", *enrol)
        assert self.nodes[0].stop() == 0
        self.nodes[0].start()

    def close(self):
        codes = [n.stop() for n in reversed(self.nodes)]
        for n in self.nodes:
            n.close()
        return codes


@pytest.fixture(scope="module")
def chain():
    c = Chain("/in-cse", "/mn-cse", "/asn-cse")
    for n in c.nodes:
        n.user = n.enrol("user", "Cuser")
        assert n.user.register().rsc == 2001
        policy = {"m2m:acp": {"rn": "open", "pv": {"acr": [acr(["*"], 63), acr([f"{SP}/*/*"], 63)]},
                              "pvs": {"acr": [acr([f"{SP}{n.cse}/Cuser"], 63)]}}}
        a = n.user.create("/cse-in/ae-Cuser", 1, policy)
        assert a.rsc == 2001, a
        assert n.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/ae-Cuser/open"]}}).rsc == 2001
    yield c
    for n in c.nodes:
        n.user.close()
    assert c.close() == [0, 0, 0]


def reaches(n, path):
    return n.user.retrieve(path).rsc == 2000


def test_registered_over_tls(chain):
    i, m, a = chain.nodes
    until(lambda: "core: registered: registrar=/in-cse" in m.log_text() and "core: registered: registrar=/mn-cse" in a.log_text())
    # by the name of the credential, which is on record
    records = [r for r in i.audit() if r.get("operation") == 1 and r.get("from") == SP + "/mn-cse"]
    assert [(r["rsc"], r["credential"]) for r in records] == [(2001, "32-mn-cse.demo.example")], i.audit()


def test_two_hops(chain):
    i, m, a = chain.nodes
    for origin, target in ((i, a), (a, i), (i, m), (m, i), (m, a), (a, m)):
        path = f"/~{target.cse}/cse-in/ae-Cuser/box"
        until(lambda: reaches(origin, path), 10)
        assert origin.user.create(path, 4, {"m2m:cin": {"con": origin.cse}}).rsc == 2001
        assert target.user.retrieve("/cse-in/ae-Cuser/box/la").json["m2m:cin"]["con"] == origin.cse
    # a wildcard for a segment is asked of the absolute identifier: who came, came as who it is
    assert i.user.create(f"/~{a.cse}/cse-in/ae-Cuser/box", 3, {"m2m:cnt": {"rn": "mine", "cr": None}}).json["m2m:cnt"]["cr"] in (
        "/in-cse/Cuser", f"{SP}/in-cse/Cuser")
    assert m.user.retrieve(f"/~{a.cse}/cse-in/ae-Cuser/box/mine").rsc == 4103
    assert i.user.delete(f"/~{a.cse}/cse-in/ae-Cuser/box/mine").rsc == 2002


def test_an_honest_retry_goes_on_and_gets_its_first_answer(chain):
    i, m, a = chain.nodes
    path = f"/~{a.cse}/cse-in/ae-Cuser/box"
    before = a.user.retrieve("/cse-in/ae-Cuser/box").json["m2m:cnt"]["cni"]
    for _ in range(3):
        assert i.user.create(path, 4, {"m2m:cin": {"con": "once"}}, rqi="the-same").rsc == 2001
    assert a.user.retrieve("/cse-in/ae-Cuser/box").json["m2m:cnt"]["cni"] == before + 1


@pytest.fixture(scope="module")
def mallory(chain):
    """A CSE enrolled at the IN with a key that we hold: it may say what it likes."""
    n = chain.nodes[0]
    e = n.enrol("mallory", "/mallory", "cse")
    e.originator = "/mallory"
    yield e
    e.close()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("origin", ["/mn-cse", "/asn-cse", "/mn-cse/Cuser", "/asn-cse/Cuser", "Cuser", "/in-cse/Cuser", "/in-cse",
                                    "//demo.example/mn-cse/Cuser", "/Sapp", "/nowhere/Cx", "/nowhere", "//other.example/x/Cy"])
def test_a_cse_claims_nobody_elsewhere(chain, mallory, origin, version):
    mallory.close()
    mallory.version = version
    a = mallory.retrieve("/cse-in/ae-Cuser/box", origin=origin)
    assert a.rsc in (4106, 4000), a
    mallory.close()
    assert any(origin.rpartition("/")[2] in str(r) for r in chain.nodes[0].audit()[-5:] + chain.nodes[0].audit()[:5])


def test_it_speaks_for_its_own(chain, mallory):
    assert mallory.retrieve("/cse-in/ae-Cuser/box", origin="/mallory/Cx").rsc == 2000


def test_descendants_of_others_are_not_taken(chain, mallory):
    made = {"m2m:csr": {"rn": "mallory", "cb": "/mallory/x", "csi": "/mallory", "rr": False, "srv": ["3"]}}

    def asked(**more):
        return mallory.create("/cse-in", 16, {"m2m:csr": {**made["m2m:csr"], **more}}).rsc

    assert asked(dcse=["/asn-cse"]) == 4105   # behind the MN
    assert asked(dcse=["/mn-cse"]) == 4105    # registered here
    assert asked(dcse=["/in-cse"]) == 4105    # ourselves
    assert asked(csi="/mn-cse") == 4000       # another
    assert asked(csi="/other") == 4000
    late = chain.nodes[0].enrol("late", "/late", "cse")
    assert asked(dcse=["/late"]) == 4105      # enrolled here, not registered yet
    late.close()
    assert asked(dcse=["/leaf"]) == 2001
    assert mallory.retrieve("/cse-in/ae-Cuser/box", origin="/leaf/Cx").rsc == 2000
    assert mallory.update("/cse-in/mallory", {"m2m:csr": {"dcse": ["/asn-cse"]}}).rsc == 4105
    # the others' way is still theirs
    assert reaches(chain.nodes[0], "/~/asn-cse/cse-in/ae-Cuser/box")
    assert mallory.delete("/cse-in/mallory").rsc == 2002
    assert mallory.retrieve("/cse-in/ae-Cuser/box", origin="/leaf/Cx").rsc == 4106
    # and who is nobody's neighbour reads no remoteCSE
    assert mallory.retrieve("/cse-in/mn-cse").rsc == 4103


def test_without_a_point_of_access_on_the_list_nothing_is_opened(chain, mallory):
    """SSRF by poa: the registration says where it is; the courier goes only to listed places."""
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(2)
        where = trap.getsockname()[1]
        for url in (f"http://127.0.0.1:{where}", f"https://127.0.0.1:{where}", f"https://localhost:{where}"):
            made = {"m2m:csr": {"rn": "trap", "cb": "/mallory/x", "csi": "/mallory", "rr": True, "srv": ["3"], "poa": [url]}}
            assert mallory.create("/cse-in", 16, made).rsc == 2001
            assert chain.nodes[0].user.retrieve("/~/mallory/x").rsc == 5103
            assert mallory.delete("/cse-in/trap").rsc == 2002
        with pytest.raises(TimeoutError):
            trap.accept()


def test_a_peer_s_authority_opens_nothing(chain):
    """The MN's certificate is trusted, not what the MN's authority signs."""
    i, m, _ = chain.nodes
    stranger = m.enrol("stranger", "Cstranger")
    forged = Entity(i, stranger.folder, "Cuser")
    forged.context = lambda: _context(i, stranger.folder)
    with pytest.raises(OSError):
        forged.retrieve("/cse-in/ae-Cuser/box")
    forged.close()


def _context(node, folder):
    c = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    c.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    return c


def test_a_revoked_cse_is_dead_at_once(chain):
    i, m, a = chain.nodes
    credential = next(c["id"] for c in __import__("json").loads(i.cli("-o", "json", "credential", "list")) if "mn-cse" in c["id"])
    assert reaches(i, "/~/mn-cse/cse-in/ae-Cuser/box") and reaches(i, "/~/asn-cse/cse-in/ae-Cuser/box")
    i.cli("revoke", credential)
    begun = time.time()
    # nothing is handed to it either, for it or for who is behind it
    before = len(m.audit())
    assert i.user.retrieve("/~/mn-cse/cse-in/ae-Cuser/box").rsc == 5103
    assert i.user.create("/~/asn-cse/cse-in/ae-Cuser/box", 4, {"m2m:cin": {"con": "secret"}}).rsc == 5103
    assert not [r for r in m.audit()[before:] if "/in-cse" in str(r.get("from"))]
    assert a.user.retrieve("/~/in-cse/cse-in/ae-Cuser/box").rsc in (5103, 4107, 4106)
    assert time.time() - begun < 15
    # everything that does not need it goes on
    assert i.user.retrieve("/cse-in/ae-Cuser/box").rsc == 2000
    assert reaches(m, "/~/asn-cse/cse-in/ae-Cuser/box")
