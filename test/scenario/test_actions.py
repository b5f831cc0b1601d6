"""action and dependency (Release 4): requests that the CSE makes when conditions hold, over the lab
listener, in JSON, CBOR and XML."""
import json

import pytest
from lab import Lab, until
from node import Node, acr


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory") as n:
        yield n


@pytest.fixture(params=["json", "cbor", "xml"])
def lab(node, request):
    return Lab(node, request.param)


@pytest.fixture()
def own(lab):
    stem, path = lab.ae()
    for name in ("c", "d"):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": name, "mni": 100}}, stem).rsc == 2001
    return stem, path


def put(path, stem):
    return {"op": 1, "to": path[1:], "fr": stem, "rqi": "a", "rvi": "3", "ty": 4, "pc": {"m2m:cin": {"con": "acted"}}}


def action(lab, own, rn="a", subject="/c", target="/d", **more):
    stem, path = own
    body = {"rn": rn, "sri": path[1:] + subject, "evc": {"optr": 3, "sbjt": "cni", "thld": 0}, "evm": 1,
            "orc": path[1:] + target, "apv": put(path + target, stem), **more}
    return lab.create(path, 65, {"m2m:actr": {k: v for k, v in body.items() if v is not None}}, stem, rvi="4")


def add(lab, own, where="/c"):
    assert lab.create(own[1] + where, 4, {"m2m:cin": {"con": "1"}}, own[0]).rsc == 2001


def instances(lab, own, where="/d"):
    return lab.get(own[1] + where, own[0]).json["m2m:cnt"]["cni"]


def barrier(lab, own):
    """An action that every change sets off, behind those that were there before it: when it is done, so are they, or
    they will not be. How often it was done so far is to be said."""
    stem, path = own
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "e", "mni": 100}}, stem).rsc == 2001
    assert action(lab, own, "z", "/c", "/e", evm=3, evc={"optr": 5, "sbjt": "cni", "thld": 0}).rsc == 2001
    done = lambda times: until(lambda: instances(lab, own, "/e") == times)
    assert done(1)  # it held when it was made
    return done


def test_it_is_done_when_its_condition_holds(lab, own):
    made = action(lab, own, lbl=["x"], apy=3)
    assert made.rsc == 2001, made
    a = made.json["m2m:actr"]
    assert (a["evm"], a["apy"], a["evc"], a["apv"]) == (1, 3, {"optr": 3, "sbjt": "cni", "thld": 0}, put(own[1] + "/d", own[0]))
    assert "air" not in a and instances(lab, own) == 0
    add(lab, own)
    assert until(lambda: instances(lab, own) == 1)
    for serialisation in ("json", "cbor", "xml"):  # what went in by one comes out by each
        b = Lab(lab.node, serialisation).get(own[1] + "/a", own[0], rvi="4").json["m2m:actr"]
        b["evc"]["thld"] = int(b["evc"]["thld"])  # of free type: XML writes it as text
        assert (b["evm"], b["air"]["rsc"], b["evc"], b["apv"]) == (0, 2001, a["evc"], a["apv"])
    done = barrier(lab, own)
    add(lab, own)
    assert done(2) and instances(lab, own) == 1


def test_it_is_found_when_index_keys_were_rotated(node):
    lab = Lab(node, "json")
    stem, path = lab.ae()
    for name in ("c", "d"):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": name, "mni": 100}}, stem).rsc == 2001
    assert action(lab, (stem, path)).rsc == 2001
    node.cli("store", "rotate")
    assert until(lambda: json.loads(node.cli("-o", "json", "store", "status"))["rotation"] == "done", 20)
    add(lab, (stem, path))
    assert until(lambda: instances(lab, (stem, path)) == 1)


def test_dependencies(lab, own):
    stem, path = own
    assert action(lab, own, evm=3, dep=[path[1:] + "/a/late"]).rsc == 2001
    done = barrier(lab, own)
    add(lab, own)
    assert done(2) and instances(lab, own) == 0
    late = {"m2m:depr": {"rn": "late", "rri": path[1:] + "/d", "evc": {"optr": 1, "sbjt": "mni", "thld": 7}, "sfc": False}}
    assert lab.create(path + "/a", 66, late, stem, rvi="4").rsc == 2001
    add(lab, own)
    assert done(3) and instances(lab, own) == 0
    assert lab.put(path + "/d", {"m2m:cnt": {"mni": 7}}, stem).rsc == 2004
    add(lab, own)
    assert done(4) and instances(lab, own) == 1  # by this change alone, not by that of what it depends on


def test_input(lab, own):
    """A value is taken from where it is when the request is made, whole; over each serialization."""
    stem, path = own
    apv = put(path + "/d", stem)
    apv["pc"]["m2m:cin"]["con"] = "$1"
    assert action(lab, own, evm=3, ipu=[path[1:] + "/c/la#con"], apv=apv).rsc == 2001
    for value in ("one", "two"):
        assert lab.create(path + "/c", 4, {"m2m:cin": {"con": value}}, stem).rsc == 2001
        assert until(lambda: lab.get(path + "/d/la", stem).json.get("m2m:cin", {}).get("con") == value)


def test_each_period(lab, own):
    add(lab, own)
    a = action(lab, own, "by-default", evm=2)
    assert a.rsc == 2001, a.json
    assert lab.put(own[1] + "/by-default", {"m2m:actr": {"evm": 0}}, own[0], rvi="4").rsc == 2004
    assert lab.delete(own[1] + "/by-default", own[0], rvi="4").rsc == 2002
    assert action(lab, own, evm=2, ecp=1000).rsc == 2001
    assert until(lambda: instances(lab, own) >= 2)
    assert lab.put(own[1] + "/a", {"m2m:actr": {"evm": 0, "ecp": None}}, own[0], rvi="4").rsc == 2004


def test_actions_that_feed_each_other_come_to_an_end(lab, own):
    assert action(lab, own, "a", "/c", "/d", evm=3, ecp=100000).rsc == 2001
    assert action(lab, own, "b", "/d", "/c", evm=3, ecp=100000).rsc == 2001
    add(lab, own)
    assert until(lambda: instances(lab, own) + instances(lab, own, "/c") > 20)
    seen = []
    until(lambda: seen.append(instances(lab, own) + instances(lab, own, "/c")) or (len(seen) > 6 and len(set(seen[-6:])) == 1))
    assert seen[-1] <= 1 + 32
    add(lab, own)  # and others are still served


def test_nobody_acts_for_another(lab, own):
    stem, path = own
    other, elsewhere = lab.ae()
    assert lab.create(elsewhere, 3, {"m2m:cnt": {"rn": "e"}}, other).rsc == 2001
    assert action(lab, own, apv=put(path + "/d", other)).rsc == 4000  # in another's name
    assert action(lab, own, sri=elsewhere[1:] + "/e").rsc == 4000  # on what it may not read
    assert action(lab, own, orc=elsewhere[1:] + "/e", apv=put(elsewhere + "/e", stem)).rsc == 2001
    add(lab, own)
    assert until(lambda: "air" in lab.get(path + "/a", stem, rvi="4").json["m2m:actr"])
    assert lab.get(path + "/a", stem, rvi="4").json["m2m:actr"]["air"]["rsc"] == 4103
    assert lab.get(elsewhere + "/e", other).json["m2m:cnt"]["cni"] == 0
    assert lab.get("/cse-in?fu=1&ty=17", "CAdmin").json["m2m:uril"] == []  # nothing of it stays


@pytest.mark.parametrize("more,want", [
    ({"evm": 4}, 4000), ({"ecp": 5}, 4000), ({"evm": 2, "ecp": 10}, 5207), ({"evm": 3, "ecp": 0}, 4000),
    ({"evc": {"optr": 1, "sbjt": "none", "thld": 1}}, 4000), ({"evc": {"optr": 9, "sbjt": "cni", "thld": 1}}, 4000),
    ({"evc": None}, 4000), ({"orc": None}, 4000), ({"apv": None}, 4000), ({"apv": {}}, 4000), ({"ipu": ["x"]}, 4000), ({"ipu": ["/mn/cse/x"]}, 4000),
    ({"air": {}}, 4000), ({"sri": "/mn/cse/x#cni"}, 4000), ({"sri": "cse-in/none"}, 4000)])
def test_what_is_refused(lab, own, more, want):
    assert action(lab, own, **more).rsc == want


def test_on_a_closed_node_it_is_done_on_a_credential_that_stands():
    """Over a restart, too; and not when the credential that it was made on is revoked."""
    with Node() as n:
        dev, app = n.enrol("dev", "Cdev", "device", False), n.enrol("app", "Capp", "device", False)
        assert dev.register().rsc == app.register().rsc == 2001
        root, rules = "/cse-in/ae-Cdev", {"acr": [acr(["Cdev", "Capp"], 63)]}
        assert dev.create(root, 1, {"m2m:acp": {"rn": "p", "pv": rules, "pvs": {"acr": [acr(["Cdev"], 63)]}}}).rsc == 2001
        for name in "cd":
            assert dev.create(root, 3, {"m2m:cnt": {"rn": name, "acpi": [root[1:] + "/p"]}}).rsc == 2001
        a = dev.create(root, 65, {"m2m:actr": {"rn": "a", "sri": root[1:] + "/c", "evc": {"optr": 3, "sbjt": "cni", "thld": 0}, "evm": 3,
                                               "orc": root[1:] + "/d", "apv": put(root + "/d", "Cdev")}})
        assert a.rsc == 2001, a

        def done(times):
            assert app.create(root + "/c", 4, {"m2m:cin": {"con": "1"}}).rsc == 2001
            return until(lambda: app.retrieve(root + "/d").json["m2m:cnt"]["cni"] == times)

        assert done(1)
        assert n.stop() == 0
        n.start()
        dev.close(), app.close()
        assert done(2)
        n.cli("revoke", next(c["id"] for c in json.loads(n.cli("-o", "json", "credential", "list")) if "Cdev" in json.dumps(c)))
        mine = "/cse-in/ae-Capp"  # one whose creator's credential stands is done by the same change
        assert app.create(mine, 3, {"m2m:cnt": {"rn": "e"}}).rsc == 2001
        assert app.create(root + "/c", 65, {"m2m:actr": {"rn": "b", "evc": {"optr": 3, "sbjt": "cni", "thld": 2}, "evm": 3,
                                                         "orc": mine[1:] + "/e", "apv": put(mine + "/e", "Capp")}}).rsc == 2001
        assert app.create(root + "/c", 4, {"m2m:cin": {"con": "1"}}).rsc == 2001
        assert until(lambda: app.retrieve(mine + "/e").json["m2m:cnt"]["cni"] == 1)
        assert app.retrieve(root + "/d").json["m2m:cnt"]["cni"] == 2
        dev.close(), app.close()
