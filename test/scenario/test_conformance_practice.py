"""What test tools and clients of earlier releases ask for in practice, by the text: refusals that do not
depend on who asks, names, values and subscriptions, over the lab listener. doc/decision/042-conformance.md
lists the clauses."""
import pytest
from lab import Lab
from node import Node
from receiver import Receiver

BASE = "/cse-in"


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        yield Lab(node)


@pytest.fixture(scope="module")
def own(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    return stem, path


@pytest.fixture(scope="module")
def other(lab):
    return lab.ae()[0]


# --- refused at the syntax of the message, whoever asks (Recv-1.0 of TS-0004 7.4) ---------------------------------


def test_operations_that_there_are_not(lab, own, other):
    """7.4.3.2, 7.4.7.2.3, 7.4.12.2.1, 7.4.27, 7.4.28, 7.4.33, 7.4.39: before anybody's rights."""
    stem, path = own
    lab.create(path + "/c", 4, {"m2m:cin": {"con": "x", "rn": "i"}}, stem)
    lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [stem]}}, stem)
    lab.create(path, 29, {"m2m:ts": {"rn": "t"}}, stem)
    lab.create(path + "/t", 30, {"m2m:tsi": {"rn": "i", "con": "x", "dgt": "20260101T000000"}}, stem)
    lab.create(path, 15, {"m2m:pch": {"rn": "p"}}, stem)
    lab.create(path, 3, {"m2m:cnt": {"rn": "empty"}}, stem)
    for who in (stem, other, "Cstranger"):
        for a in (lab.delete(BASE, who), lab.put(BASE, {"m2m:cb": {"lbl": ["x"]}}, who), lab.create(BASE, 5, {"m2m:cb": {}}, who),
                  lab.create(BASE, 17, {"m2m:req": {}}, who), lab.put(path + "/c/i", {"m2m:cin": {"lbl": ["x"]}}, who),
                  lab.put(path + "/t/i", {"m2m:tsi": {"lbl": ["x"]}}, who), lab.get(path + "/c/s/ntsr", who),
                  lab.put(path + "/p/pcu", {"m2m:pch": {}}, who), lab.delete(path + "/p/pcu", who),
                  *(lab.put(path + end, {"m2m:cin": {}}, who) for end in ("/c/la", "/c/ol", "/t/la", "/empty/la")),
                  *(lab.create(path + end, 4, {"m2m:cin": {"con": "x"}}, who) for end in ("/c/la", "/c/ol", "/empty/ol"))):
            assert (a.http, a.rsc) == (405, 4005), (who, a)
    # what there is, is asked of the policies as ever
    for a in (lab.delete(path + "/c/i", other), lab.delete(path + "/c/la", other), lab.get(path + "/empty/la", other),
              lab.get(path + "/c/i", other), lab.create(path + "/c", 4, {"m2m:cin": {"con": "x"}}, other)):
        assert (a.http, a.rsc) == (403, 4103)
    assert lab.get(path + "/c/i", stem).rsc == 2000 and lab.get(path + "/empty/la", stem).rsc == 4004


# --- subscription [TS-0004 7.4.8] ------------------------------------------------------------------


def test_creator_of_a_subscription(lab, own):
    """7.4.8.2.1, Recv-6.5: shown where others than the originator are told."""
    stem, path = own
    with Receiver() as r:
        made = lambda **b: lab.create(path + "/c", 23, {"m2m:sub": b}, stem).json["m2m:sub"]
        assert "cr" not in made(nu=[stem]) and "cr" not in made(nu=["/in-cse/" + stem]) and "cr" not in made(nu=[path[1:]])
        assert made(nu=[r.url])["cr"] == stem and made(nu=[stem, r.url])["cr"] == stem
        assert made(nu=[stem], cr=None)["cr"] == stem and made(nu=[r.url], cr=None)["cr"] == stem


# --- names [TS-0004 8.2.3] ----------------------------------------------------------------


def test_interworking_names(lab, own):
    stem, path = own
    service = {"cnd": "org.onem2m.genericInterworkingService", "gisn": "s", "giip": ["a"], "giop": ["b"]}
    call = {"cnd": "org.onem2m.genericInterworkingOperationInstance", "gion": "o", "gios": "start", "giil": ["a"], "giol": ["b"]}
    for member, body in (("gis", service), ("gio", call)):
        a = lab.create(path, 28, {"m2m:" + member: body}, stem)
        assert a.rsc == 2001 and body.items() <= a.json["m2m:" + member].items()
        assert lab.create(path, 28, {"m2m:" + member: {"cnd": body["cnd"]}}, stem).rsc == 4000
