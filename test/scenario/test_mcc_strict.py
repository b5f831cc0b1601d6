"""Between CSEs that ask of one another for strict protection against replay: what a node asks by itself says when it was
made, and has an identifier of its own."""
import threading, time

import pytest

from node import SP, acr
from test_mcc import Chain, until


def dated(ago=0):
    return {"X-M2M-OT": time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - ago))}


@pytest.fixture(scope="module")
def pair():
    c = Chain("/in-cse", "/mn-cse", enrol=("--replay", "strict"))
    for n in c.nodes:
        n.user = n.enrol("user", "Cuser")
        assert n.user.register().rsc == 2001
        policy = {"m2m:acp": {"rn": "open", "pv": {"acr": [acr(["*"], 63), acr([f"{SP}/*/*"], 63), acr([f"{SP}/*"], 63)]},
                              "pvs": {"acr": [acr([f"{SP}{n.cse}/Cuser"], 63)]}}}
        assert n.user.create("/cse-in/ae-Cuser", 1, policy).rsc == 2001
        assert n.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/ae-Cuser/open"]}}).rsc == 2001
    i, m = c.nodes
    until(lambda: "core: registered: registrar=/in-cse" in m.log_text())
    until(lambda: m.user.retrieve("/~/in-cse/cse-in/ae-Cuser/box", headers=dated()).rsc == 2000, 10)
    yield c
    for n in c.nodes:
        n.user.close()
    assert c.close() == [0, 0]


def refused(node):
    return [r for r in node.audit() if "Originating Timestamp" in (r.get("text") or "")]


@pytest.fixture
def none_refused(pair):
    before = [len(refused(n)) for n in pair.nodes]
    yield
    assert [len(refused(n)) for n in pair.nodes] == before, [refused(n)[-2:] for n in pair.nodes]


def test_what_carries_no_time_is_refused(pair):
    i, m = pair.nodes
    there = "/~/in-cse/cse-in/ae-Cuser/box"
    assert m.user.create(there, 4, {"m2m:cin": {"con": "undated"}}).rsc == 4000
    assert refused(i)
    assert m.user.create(there, 4, {"m2m:cin": {"con": "dated"}}, headers=dated()).rsc == 2001
    assert m.user.create(there, 4, {"m2m:cin": {"con": "old"}}, headers=dated(3600)).rsc == 4008


def test_announcements(pair, none_refused):
    i, m = pair.nodes
    new = m.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "told", "at": ["/in-cse"], "aa": ["mni"], "mni": 7}})
    assert new.rsc == 2001, new
    at = until(lambda: [x for x in m.user.retrieve("/cse-in/ae-Cuser/told").json["m2m:cnt"].get("at", []) if x.count("/") > 1])
    assert m.user.retrieve("/~" + at[0], headers=dated()).rsc in (2000, 4103)
    assert m.user.update("/cse-in/ae-Cuser/told", {"m2m:cnt": {"lbl": ["x"]}}).rsc == 2004
    assert m.user.delete("/cse-in/ae-Cuser/told").rsc == 2002


def test_members_of_a_group(pair, none_refused):
    i, m = pair.nodes
    members = ["/in-cse/cse-in/ae-Cuser/box", "/mn-cse/cse-in/ae-Cuser/box"]
    made = m.user.create("/cse-in/ae-Cuser", 9, {"m2m:grp": {"rn": "both", "mt": 3, "mid": members, "mnm": 4}})
    assert made.rsc == 2001 and made.json["m2m:grp"]["mtv"], made
    got = m.user.create("/cse-in/ae-Cuser/both/fopt", 4, {"m2m:cin": {"con": "all"}})
    assert [r["rsc"] for r in got.json["m2m:agr"]["m2m:rsp"]] == [2001, 2001], got


def test_an_action(pair, none_refused):
    i, m = pair.nodes
    assert i.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "acted", "acpi": ["cse-in/ae-Cuser/open"]}}).rsc == 2001
    to = "/in-cse/cse-in/ae-Cuser/acted"
    for n in range(2):
        action = {"m2m:actr": {"rn": f"act{n}", "sri": "cse-in/ae-Cuser/box", "evm": 1, "evc": {"optr": 5, "sbjt": "cni", "thld": 0}, "orc": to,
                  "apv": {"op": 1, "to": to, "fr": "Cuser", "rqi": "a", "rvi": "4", "ty": 4, "ot": "20200101T000000",
                          "pc": {"m2m:cin": {"con": "acted"}}}}}
        assert m.user.create("/cse-in/ae-Cuser", 65, action).rsc == 2001
    until(lambda: i.user.retrieve("/cse-in/ae-Cuser/acted").json["m2m:cnt"]["cni"] == 2)


def test_an_action_with_inputs_there(pair, none_refused):
    """ipu: whole values of resources at the other CSE, which it shows to the creator, or nothing is done."""
    i, m = pair.nodes
    box = "/cse-in/ae-Cuser/source"
    assert i.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "source", "acpi": ["cse-in/ae-Cuser/open"], "lbl": ["far"]}}).rsc == 2001
    assert i.user.create(box, 4, {"m2m:cin": {"con": "measured"}}).rsc == 2001
    assert m.user.create("/cse-in/ae-Cuser", 3, {"m2m:cnt": {"rn": "sink"}}).rsc == 2001
    sink = "cse-in/ae-Cuser/sink"
    action = {"m2m:actr": {"rn": "taker", "sri": "cse-in/ae-Cuser/box", "evm": 1, "evc": {"optr": 5, "sbjt": "cni", "thld": 0}, "orc": sink,
                           "ipu": ["/in-cse/cse-in/ae-Cuser/source/la#con", "/in-cse/cse-in/ae-Cuser/source#lbl"],
                           "apv": {"op": 1, "to": sink, "fr": "Cuser", "rqi": "a", "rvi": "4", "ty": 4,
                                   "pc": {"m2m:cin": {"con": "$1", "lbl": "$2"}}}}}
    assert m.user.create("/cse-in/ae-Cuser", 65, action).rsc == 2001
    until(lambda: m.user.retrieve("/" + sink).json["m2m:cnt"]["cni"] == 1)
    made = m.user.retrieve(f"/{sink}/la").json["m2m:cin"]
    assert (made["con"], made["lbl"]) == ("measured", ["far"])
    assert i.user.update(box, {"m2m:cnt": {"acpi": None}}).rsc == 2004
    assert m.user.update("/cse-in/ae-Cuser/taker", {"m2m:actr": {"evm": 1}}).rsc == 2004
    air = until(lambda: (lambda a: a.get("air", {}).get("rsc") == 4103 and a["air"])(m.user.retrieve("/cse-in/ae-Cuser/taker").json["m2m:actr"]))
    assert "pc" not in air and m.user.retrieve("/" + sink).json["m2m:cnt"]["cni"] == 1


def test_a_request_answered_later(pair, none_refused):
    i, m = pair.nodes
    a = m.user.create("/~/in-cse/cse-in/ae-Cuser/box?rt=1", 4, {"m2m:cin": {"con": "later"}})
    assert a.rsc == 1001, a
    ref = a.json["m2m:uri"]
    ors = until(lambda: [q["ors"] for q in [m.user.retrieve("/" + ref).json["m2m:req"]] if q["rs"] in (1, 2)])[0]
    assert ors["rsc"] == 2001, ors


def test_subscriptions(pair, none_refused):
    """Verification and notifications from one CSE to an entity of another."""
    i, m = pair.nodes
    got, open_to_all = [], ["cse-in/ae-Cuser/open"]
    assert i.user.update("/cse-in/ae-Cuser", {"m2m:ae": {"acpi": open_to_all}}).rsc == 2004
    assert i.user.create("/cse-in/ae-Cuser", 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001

    def serve():
        while len(got) < 3:
            a = i.user.retrieve("/cse-in/ae-Cuser/pch/pcu")
            if a.rsc != 2000:
                continue
            got.append(a.json["m2m:rqp"])
            i.user.ask("POST", "/cse-in/ae-Cuser/pch/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": got[-1]["rqi"], "rvi": "3"}})

    polls = threading.Thread(target=serve, daemon=True)
    polls.start()
    made = m.user.create("/cse-in/ae-Cuser/box", 23, {"m2m:sub": {"rn": "s", "nu": ["/in-cse/Cuser"], "enc": {"net": [3]}}})
    assert made.rsc == 2001, made
    for n in range(2):
        assert m.user.create("/cse-in/ae-Cuser/box", 4, {"m2m:cin": {"con": "told"}}).rsc == 2001
    polls.join(10)
    assert [sorted(g["pc"]["m2m:sgn"]) for g in got] == [["cr", "sur", "vrq"], ["cr", "nev", "sur"], ["cr", "nev", "sur"]], got
    assert len({g["rqi"] for g in got}) == 3 and all(g["ot"] for g in got)
