"""SAEF by a MAF [TS-0003 8.2.2.3]: A registers a key for B with a MAF, and comes to B with it; B
retrieves it from the MAF, checks usage, target and end. A is a stock client (openssl), the
MAF and B are two nodes, each with an authority of its own."""
import itertools, json, os, time

import pytest

from exporting import Exporting
from node import Node, OpensslClient, PskEntity, free_port

CONNECTION = "EXPORTER-oneM2M-Connection"
MACR, MKR = 243, 245
sources = itertools.count(2)  # who was refused too often is asked for no more: each its own


class Pair:
    """A MAF alone, and B, which takes keys from it; each enrols the other."""

    def __init__(self, fresh=1):
        ports = [free_port(), free_port()]
        self.maf = Node(cse="/maf", port=ports[0])
        self.b = Node(port=ports[1], options="\n".join([
            f"courier.allow = maf.demo.example:{ports[0]}@127.0.0.1",
            f"trust.keys = maf.demo.example=https://maf.demo.example:{ports[0]} in-cse.demo.example=here",
            f"trust.fresh = {fresh}"]))
        self.maf.cli("enrol", "cse", "in-cse", "--id", "/in-cse", "--certificate", self.b.dir / "node/node.pem")
        self.b.cli("enrol", "cse", "maf", "--id", "/maf", "--certificate", self.maf.dir / "node/node.pem")
        for n in (self.maf, self.b):
            n.cli("maf", "open")
            n.a = n.enrol("a", "Sa", "application")
            n.cli("maf", "admit", "Sa")
            made = n.a.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}})
            assert made.rsc == 2001, made

    def close(self):
        for n in (self.maf, self.b):
            n.a.close()
        codes = [n.stop() for n in (self.maf, self.b)]
        for n in (self.maf, self.b):
            n.close()
        return codes


@pytest.fixture(scope="module")
def pair():
    p = Pair()
    yield p
    assert p.close() == [0, 0]


class Kc:
    """A key that A registered with a MAF: as A has it."""

    def __init__(self, maf, suid=32, target="//demo.example/in-cse", of=None, **more):
        self.a = Exporting(of or maf.a, CONNECTION)
        made = self.a.create("/mafBase", MKR, {"sec:mkr": {"adfq": "keys.example", "suid": suid, "tgis": [target], **more}})
        assert made.rsc == 2001, made
        self.id = made.json["sec:mkr"]["ri"]
        self.key = self.a.exported[16:]
        self.fqdn = maf.name
        self.source = f"127.0.0.{next(sources)}:0"

    def end(self):
        assert self.a.delete("/" + self.id).rsc == 2002

    def come(self, node, version="-tls1_3", key=None, ident=None):
        """One request at B, on an association with this key; None: no handshake."""
        e = PskEntity(node, ".", "Sa")
        e.connection = OpensslClient(node.port, ["-psk_identity", f"{ident or self.id}@{self.fqdn}", "-psk",
                                                 (key or self.key).hex(), version, "-bind", self.source])
        try:
            return e.retrieve("/cse-in")
        except (ConnectionError, BrokenPipeError):
            return None
        finally:
            e.close()


@pytest.mark.parametrize("where", ["maf", "b"])
def test_a_key_of_the_maf_opens_an_association(pair, where):
    b, maf = pair.b, getattr(pair, where)
    kc = Kc(maf)
    answer = kc.come(b)
    assert answer is not None and answer.rsc == 4103  # who A is was known: it is not granted anything
    said = [r for r in b.audit() if kc.id in json.dumps(r)]
    assert any("//demo.example/Sa" in json.dumps(r) for r in said), said
    listed = [c for c in json.loads(b.cli("-o", "json", "credential", "list")) if kc.id in c["id"]]
    assert listed and listed[0]["entity"] == "//demo.example/Sa"
    # hexBinary: small letters say the same
    assert kc.come(b, ident=kc.id.lower()).rsc == 4103
    assert len([c for c in json.loads(b.cli("-o", "json", "credential", "list")) if kc.id.lower() in c["id"].lower()]) == 1
    # TLS 1.2, known by now.
    assert kc.come(b, "-tls1_2").rsc == 4103
    # Another key under that name is refused.
    assert kc.come(b, key=os.urandom(32)) is None
    kc.end()
    end = time.time() + 30
    while kc.come(b) is not None and time.time() < end:
        time.sleep(0.3)
    assert kc.come(b) is None  # de-registered
    kc.a.close()


@pytest.mark.parametrize("why,more", [
    ("usage", {"suid": 34}), ("target", {"target": "//demo.example/other"})])
def test_a_key_for_something_else_is_refused(pair, why, more):
    for maf in (pair.maf, pair.b):
        kc = Kc(maf, **more)
        assert kc.come(pair.b) is None, why
        kc.a.close()


def test_nobody_knows_such_a_key(pair):
    kc = Kc(pair.maf)
    assert kc.come(pair.b, ident="0" * 32) is None
    kc.fqdn = "elsewhere.example"
    assert kc.come(pair.b) is None
    kc.a.close()


def test_an_ended_key_is_refused(pair):
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    keys = [Kc(maf, et=stamp) for maf in (pair.maf, pair.b)]
    assert all(kc.come(pair.b) is not None for kc in keys)
    end = time.time() + 30
    while any(kc.come(pair.b) is not None for kc in keys) and time.time() < end:
        time.sleep(0.3)
    for kc in keys:
        assert kc.come(pair.b) is None
        kc.a.close()


def test_refusals_are_on_record_and_no_key_is(pair):
    kc = Kc(pair.maf)
    assert kc.come(pair.b) is not None
    records = json.dumps(pair.b.audit())
    for reason in ("the key is for another usage", "this node is no target of the key", "the function gives no such key"):
        assert reason in records, reason
    for text in (records, pair.b.log_text(), json.dumps(pair.maf.audit()), pair.maf.log_text()):
        assert kc.key.hex() not in text.lower()
    kc.a.close()


def test_who_is_revoked_comes_by_no_key(pair):
    """By the MAF's own node and by another: the key of who was revoked at the MAF opens nothing."""
    for maf in (pair.maf, pair.b):
        entity = maf.enrol("gone", "Sgone", "application", False, "--app-id", "Nonly.example")
        maf.cli("maf", "admit", "Sgone")
        assert entity.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).rsc == 2001
        first, second = (Kc(maf, of=entity) for _ in range(2))
        assert first.come(pair.b) is not None
        if maf is pair.b:  # what an operator says of it there holds
            listed = {c["id"]: c for c in json.loads(maf.cli("-o", "json", "credential", "list"))}
            assert listed[f"12-{first.id}@{first.fqdn}"]["app_id"] == "Nonly.example"
        maf.cli("revoke", "33-//demo.example/Sgone")
        assert second.come(pair.b) is None
        end = time.time() + 30
        while first.come(pair.b) is not None and time.time() < end:
            time.sleep(0.3)
        assert first.come(pair.b) is None
        for e in (first.a, second.a, entity):
            e.close()
