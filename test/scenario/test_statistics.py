"""statsConfig, eventConfig, statsCollect [TS-0001 10.2.11; TS-0004 7.4.23-25]: what is collected, of whom,
when, and who may see it; over the lab listener, in JSON, CBOR and XML."""
import json
import time

import pytest
from lab import Lab, until
from node import Node


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory") as n:
        assert Lab(n).create("/cse-in", 22, {"m2m:stcg": {"rn": "g"}}).rsc == 2001
        yield n


@pytest.fixture(params=["json", "cbor", "xml"])
def lab(node, request):
    return Lab(node, request.param)


@pytest.fixture()
def own(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    return stem, path


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + seconds))


def rule(lab, event, origin="CAdmin", status=1, **more):
    """An event and a rule for it: the rule's address, and its container's."""
    evcg = lab.create("/cse-in/g", 7, {"m2m:evcg": event})
    assert evcg.rsc == 2001, evcg
    body = {"cei": "CAdmin", "srs": status, "sm": 1, "evi": evcg.json["m2m:evcg"]["evi"], **more}
    stcl = lab.create("/cse-in", 21, {"m2m:stcl": body}, origin)
    assert stcl.rsc == 2001, stcl
    sci = stcl.json["m2m:stcl"]["sci"]
    found = Lab(lab.node).get(f"/cse-in?fu=1&ty=3&lbl={sci}").json["m2m:uril"]
    return "/cse-in/" + stcl.json["m2m:stcl"]["rn"], "/" + found[0] if found else None


def records(lab, container, origin="CAdmin"):
    cnt = Lab(lab.node).get(container + "?rcn=4", origin).json["m2m:cnt"]
    assert cnt["cni"] == len(cnt.get("m2m:cin", []))
    return [json.loads(i["con"]) for i in cnt.get("m2m:cin", [])]


def add(lab, own, con="1"):
    a = lab.create(own[1] + "/c", 4, {"m2m:cin": {"con": con}}, own[0])
    assert a.rsc == 2001
    return a


def test_operations(lab, own):
    stem, path = own
    address, container = rule(lab, {"evt": 1, "opt": [1, 2], "erts": [4]}, cdi=["/in-cse/" + stem])
    add(lab, own), lab.get(path + "/c/la", stem), lab.get(path + "/c", stem), lab.delete(path + "/c/la", stem)
    other = lab.ae()
    lab.create(other[1], 3, {"m2m:cnt": {"rn": "c"}}, other[0]), add(lab, other)
    got = records(lab, container)
    assert [(r["opt"], r["ty"], r["cdi"].rpartition("/")[2]) for r in got] == [(1, 4, stem), (2, 4, stem)]
    assert got[0]["to"] == path[1:] + "/c" and got[0]["ds"] == 1 and got[0]["cei"] == "CAdmin" and got[0]["evt"] == 1
    shown = {s: Lab(lab.node, s).get(address).json["m2m:stcl"] for s in ("json", "cbor", "xml")}
    assert shown["json"] == shown["cbor"] and shown["xml"]["sci"] == shown["json"]["sci"] == got[0]["sci"]
    assert not any(k.startswith("@") for k in shown["json"])
    assert lab.put(address, {"m2m:stcl": {"srs": 2}}).rsc == 2004
    add(lab, own)
    assert len(records(lab, container)) == 2
    assert lab.delete(address).rsc == 2002 and lab.get(container).rsc == 4004


def test_resources_that_are_named(lab, own):
    stem, path = own
    _, container = rule(lab, {"evt": 1, "eris": [path[1:] + "/c"]})
    add(lab, own), lab.get(path, stem), lab.put(path + "/c", {"m2m:cnt": {"mni": 5}}, stem)
    lab.put(path + "/c", {"m2m:cnt": {"mni": -5}}, stem)  # refused: not done
    assert [r["opt"] for r in records(lab, container)] == [1, 3]
    assert lab.delete(path + "/c", stem).rsc == 2002 and [r["opt"] for r in records(lab, container)] == [1, 3, 4]


def test_stored_octets(lab, own):
    _, container = rule(lab, {"evt": 2, "ds": 100, "erts": [4]}, cdi=[own[0]])
    add(lab, own), add(lab, own, "x" * 100), add(lab, own, "x" * 99)
    assert [r["ds"] for r in records(lab, container)] == [100]


def test_a_time(lab, own):
    _, container = rule(lab, {"evt": 3, "evs": stamp(-5), "eve": stamp(2), "erts": [4]}, cdi=[own[0]])
    _, late = rule(lab, {"evt": 3, "evs": stamp(2), "eve": stamp(3)}, cdi=[own[0]])
    add(lab, own, "12345"), add(lab, own, "123")
    assert records(lab, container) == records(lab, late) == []
    assert until(lambda: len(records(lab, container)) == 1)
    r = records(lab, container)[0]
    assert (r["n"], r["ds"], r["evt"]) == (2, 8, 3) and "eve" in r and "cdi" not in r
    # what was before its time, and what comes after it, counts nowhere
    assert until(lambda: len(records(lab, late)) == 1) and records(lab, late)[0]["n"] == 0
    add(lab, own)
    time.sleep(1.2)
    assert len(records(lab, container)) == len(records(lab, late)) == 1


def test_periods(lab, own):
    _, over = rule(lab, {"evt": 1}, cdi=[own[0]], cp={"sce": ["* * * 1 1 * 2001"]})
    _, never = rule(lab, {"evt": 1}, cdi=[own[0]], cp={"sce": ["* * * 1 1 * 2099"]})
    _, always = rule(lab, {"evt": 1}, cdi=[own[0]], cp={"sce": ["* * * * * * *"]})
    add(lab, own)
    assert records(lab, over) == records(lab, never) == [] and len(records(lab, always)) == 1


def test_a_rule_shows_nobody_what_is_hidden_from_its_creator(one):
    """Who may make rules learns of what it may read, and nothing else: on a closed node."""
    dev, spy = one.entity(), one.entity()
    event = {"m2m:evcg": {"evt": 1, "erts": [4]}}
    assert spy.create("/cse-in", 22, {"m2m:stcg": {"rn": "g"}}).rsc == 4103
    one.node.cli("access", "grant", spy.originator, "--operations", "C", "--types", "21,22")
    assert spy.create("/cse-in", 22, {"m2m:stcg": {"rn": "g"}}).rsc == 2001
    evi = spy.create("/cse-in/g", 7, event).json["m2m:evcg"]["evi"]
    made = spy.create("/cse-in", 21, {"m2m:stcl": {"cei": spy.originator, "srs": 1, "sm": 1, "evi": evi}}).json["m2m:stcl"]
    container = f"/cse-in/cnt{int(made['sci'][4:]) + 1}"  # made next; its name is its number's

    def seen():
        return spy.retrieve(container).json["m2m:cnt"]["cni"]

    def add():
        assert dev.create(dev.root + "/c", 4, {"m2m:cin": {"con": "1"}}).rsc == 2001

    assert dev.create(dev.root, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    add()
    assert seen() == 0 and dev.retrieve(container).rsc == 4103
    rules = lambda who, what: {"acr": [{"acor": who, "acop": what}]}
    policy = {"rn": "p", "pv": rules([dev.originator, spy.originator], 63), "pvs": rules([dev.originator], 63)}
    assert dev.create(dev.root, 1, {"m2m:acp": policy}).rsc == 2001
    assert dev.update(dev.root + "/c", {"m2m:cnt": {"acpi": [dev.root[1:] + "/p"]}}).rsc == 2004
    add()
    assert seen() == 1
    assert dev.update(dev.root + "/p", {"m2m:acp": {"pv": rules([dev.originator], 63)}}).rsc == 2004
    add()
    assert seen() == 1
    for gone in ("/cse-in/g", "/cse-in/" + made["rn"]):
        assert spy.delete(gone).rsc == 2002


def test_many_rules_and_members_within_the_creators_share():
    """What 32 rules look at for each of 130 members is no burden of the request; and records count as resources
    of who made the rule, whatever the container's owner lets it hold."""
    with Node(lab=True, options="store.engine = memory\npeer.resources = 200") as node:
        lab = Lab(node, "json")
        assert lab.create("/cse-in", 22, {"m2m:stcg": {"rn": "g"}}).rsc == 2001
        _, container = rule(lab, {"evt": 1, "opt": [2], "erts": [3]})
        evi = lab.create("/cse-in/g", 7, {"m2m:evcg": {"evt": 1, "opt": [4]}}).json["m2m:evcg"]["evi"]
        for _ in range(31):
            assert lab.create("/cse-in", 21, {"m2m:stcl": {"cei": "CAdmin", "srs": 1, "sm": 1, "evi": evi}}).rsc == 2001
        assert lab.put(container, {"m2m:cnt": {"mni": 100000}}).rsc == 2004
        stem, path = lab.ae()
        for i in range(130):
            assert lab.create(path, 3, {"m2m:cnt": {"rn": f"c{i}"}}, stem).rsc == 2001
        group = {"rn": "g", "mnm": 130, "mid": [f"{path[1:]}/c{i}" for i in range(130)]}
        assert lab.create(path, 9, {"m2m:grp": group}, stem).rsc == 2001

        def visit():
            a = lab.get(path + "/g/fopt", stem)
            assert a.rsc == 2000 and {r["rsc"] for r in a.json["m2m:agr"]["m2m:rsp"]} == {2000}
            return len(records(lab, container))

        # the oldest make room where the container is full; else nothing more is kept
        first, full = visit(), visit()
        assert first == 130 < full < 140 and visit() == full
        assert lab.create("/cse-in", 3, {"m2m:cnt": {}}).rsc == 5207
        assert lab.put(container, {"m2m:cnt": {"mni": 10}}).rsc == 2004
        assert lab.create("/cse-in", 3, {"m2m:cnt": {}}).rsc == 2001 and visit() == 10


def test_what_is_refused(lab, own):
    event = rule(lab, {"evt": 1}, status=2)[0]
    body = {"cei": "CAdmin", "srs": 1, "sm": 1}
    assert lab.create("/cse-in", 21, {"m2m:stcl": body}).rsc == 4000
    assert lab.create("/cse-in", 21, {"m2m:stcl": {**body, "evi": "none"}}).rsc == 4000
    assert lab.create("/cse-in", 21, {"m2m:stcl": {**body, "srs": 2}}).rsc == 2001
    assert lab.put(event, {"m2m:stcl": {"srs": 1}}).rsc == 2004
    assert lab.put(event, {"m2m:stcl": {"evi": "none"}}).rsc == 4000
    assert lab.put(event, {"m2m:stcl": {"srs": 2}}).rsc == 2004
