"""Transactions: several requests of one originator, all or none (TS-0001 10.2.18, TS-0004 7.4.60)."""
import time

import pytest

from lab import Lab
from node import Node, acr
from receiver import Receiver


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="outbound.time = 3") as n:
        yield n
        assert n.stop() == 0


@pytest.fixture(params=["json", "cbor"])
def lab(request, node):
    return Lab(node, request.param)


def rqp(op, to, stem, rqi, ty=None, **content):
    one = {"op": op, "to": to, "fr": stem, "rqi": rqi, "rvi": "3"}
    if ty:
        one["ty"] = ty
    if content:
        one["pc"] = {k.replace("_", ":"): v for k, v in content.items()}
    return one


def run(lab, path, stem, *requests, expect=2001, **more):
    a = lab.create(path, 50, {"m2m:tram": {"rqps": {"rqp": list(requests)}, **more}}, stem)
    assert a.rsc == expect, a
    return a.json.get("m2m:tram")


def codes(tram):
    return [r["rsc"] for r in tram["rsps"]["m2m:rsp"]]


def ready(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "lbl": ["old"]}}, stem).rsc == 2001
    return stem, path, path[1:]


def test_all_are_done(lab):
    stem, path, p = ready(lab)
    with Receiver() as r:
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [3], "chty": [4]}}}, stem).rsc == 2001
        t = run(lab, path, stem,
                rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"}),
                rqp(1, p, stem, "d", 3, m2m_cnt={"rn": "e"}), rqp(1, p + "/e", stem, "f", 4, m2m_cin={"con": "2"}), rqp(2, p + "/e/la", stem, "g"),
                rqp(4, p + "/e/la", stem, "h"), tmh=2)
        assert (t["trst"], t["tctl"], t["tmd"]) == (4, 4, 1) and codes(t) == [2004, 2001, 2001, 2001, 2000, 2002]
        assert [x["rqi"] for x in t["rsps"]["m2m:rsp"]] == list("abdfgh") and t["rsps"]["m2m:rsp"][4]["pc"]["m2m:cin"]["con"] == "2"
        assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["new"] and lab.get(path + "/c/la", stem).json["m2m:cin"]["con"] == "1"
        r.wait(2)
        assert "nev" in r.got[1].sgn
        at = path + "/" + t["rn"]
        assert lab.put(at, {"m2m:tram": {"tctl": 5}}, stem).rsc == 4000
        assert lab.delete(at, stem).rsc == 2002


@pytest.mark.parametrize("what", ["absent", "forbidden", "taken", "invalid", "unread", "stranger", "notify", "elsewhere", "group", "nested", "later"])
def test_none_is_done(lab, what):
    """Whichever refuses, and for whatever reason, nothing of the others stays, and nobody was told."""
    stem, path, p = ready(lab)
    other, theirs = lab.ae()
    assert lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 1, "mid": [p + "/c"]}}, stem).rsc == 2001
    last, rsc = {
        "absent": (rqp(3, p + "/none", stem, "z", m2m_cnt={"lbl": []}), 4004), "forbidden": (rqp(4, theirs[1:], stem, "z"), 4103),
        "taken": (rqp(1, p, stem, "z", 3, m2m_cnt={"rn": "c"}), 4105), "invalid": (rqp(1, p + "/c", stem, "z", 4, m2m_cin={"no": 1}), 4000),
        "unread": ({"op": 1, "nonsense": 2}, 4000), "stranger": (rqp(2, theirs[1:], other, "z"), 4000),
        "notify": (rqp(5, p, stem, "z", m2m_sgn={}), 5001), "elsewhere": (rqp(2, "/far/-/x", stem, "z"), 5001),
        "group": (rqp(2, p + "/g/fopt", stem, "z"), 5001), "later": (dict(rqp(2, p, stem, "z"), rt={"rtv": 1}), 5001),
        "nested": (rqp(1, p, stem, "z", 50, m2m_tram={"rqps": {"rqp": [rqp(2, p, stem, "y")]}}), 5001),
    }[what]
    with Receiver() as r:
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [1, 3, 4]}}}, stem).rsc == 2001
        t = run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"}),
                rqp(1, p, stem, "d", 3, m2m_cnt={"rn": "e"}), last, rqp(1, p, stem, "never", 3, m2m_cnt={"rn": "f"}))
        assert (t["trst"], t["tctl"]) == (6, 5) and codes(t) == [2004, 2001, 2001, rsc], t
        c = lab.get(path + "/c", stem).json["m2m:cnt"]
        assert (c["lbl"], c["cni"], c["st"]) == (["old"], 0, 0)
        assert lab.get(path + "/e", stem).rsc == 4004 and lab.get(path + "/f", stem).rsc == 4004
        assert len(r.got) == 1  # the verification


def recorded(lab, stem):
    """What the log says of these requests of the originator: identifier, text."""
    return [(r["rqi"], r.get("text", "")) for r in lab.node.audit()
            if r.get("from", "").endswith("/" + stem) and r.get("rqi") in ("a", "b", "z")]


def test_all_of_an_undone_transaction_is_on_record(lab):
    stem, path, p = ready(lab)
    requests = [rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"})]
    run(lab, path, stem, *requests, rqp(4, p + "/none", stem, "z"))
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)] == [("a", True), ("b", True), ("z", False)]
    run(lab, path, stem, *requests, expect=5001, tmd=2)  # all were done, and then it was none
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)][3:] == [("a", True), ("b", True)]
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["old"]
    run(lab, path, stem, *requests)
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)][5:] == [("a", False), ("b", False)]


def test_what_is_no_transaction(lab):
    stem, path, p = ready(lab)
    one = rqp(1, p, stem, "a", 3, m2m_cnt={"rn": "made"})
    for more in ({"tmd": 2}, {"text": "20990101T000000"}):
        run(lab, path, stem, one, expect=5001, **more)
    for bad in ({}, {"rqps": {}}, {"rqps": {"rqp": []}}, {"rqps": {"rqp": [one] * 65}}, {"rqps": {"rqp": [one]}, "trst": 4}):
        assert lab.create(path, 50, {"m2m:tram": bad}, stem).rsc == 4000, bad
    assert lab.get(path + "/made", stem).rsc == 4004
    other, _ = lab.ae()
    assert lab.create(path, 50, {"m2m:tram": {"rqps": {"rqp": [one]}}}, other).rsc == 4103


def test_one_that_waits(node):
    """A target that has to be asked: all of it waits, and is done or not as it answers."""
    lab = Lab(node)
    stem, path, p = ready(lab)
    for says, state in ((2000, 4), (4103, 6)):
        with Receiver(lambda got: (200, {"X-M2M-RSC": str(says)}, b"")) as r:
            t = run(lab, path, stem, rqp(1, p, stem, "a", 3, m2m_cnt={"rn": f"w{says}"}),
                    rqp(1, p + "/c", stem, "b", 23, m2m_sub={"rn": f"s{says}", "nu": [r.url]}))
            assert t["trst"] == state and len(r.got) == 1
            assert lab.get(f"{path}/w{says}", stem).rsc == (2000 if state == 4 else 4004)
    # an update that somebody has to agree to; and nobody waits for it afterwards
    with Receiver() as r:
        policy = {"m2m:acp": {"rn": "judges", "pv": {"acr": [acr(["all"], 16)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.create("/cse-in", 1, policy).rsc == 2001
        ae = {"rn": "judge", "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url], "acpi": ["cse-in/judges"]}
        assert lab.create("/cse-in", 2, {"m2m:ae": ae}, "Cjudge").rsc == 2001
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "b", "nu": ["cse-in/judge"], "enc": {"net": [7], "atr": ["lbl"]}}}, stem).rsc == 2001
        t = run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["agreed"]}), rqp(3, p + "/c", stem, "b", m2m_cnt={"mni": 3}))
        assert t["trst"] == 4 and r.got[-1].sgn["nev"]["rep"]["m2m:cnt"]["lbl"] == ["agreed"]
        start = time.time()
        assert lab.put(path + "/c", {"m2m:cnt": {"mni": 4}}, stem).rsc == 2004 and time.time() - start < 2
    assert "every row opens" in node.cli("store", "verify")
