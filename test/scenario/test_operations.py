"""Result contents, filter criteria and requests that are not answered at once, over every
serialisation. Each test names the clause it stands for."""
import urllib.parse

import pytest
from lab import Lab
from node import Node, acr


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory") as n:
        yield n


@pytest.fixture(params=["json", "cbor"])
def lab(request, node):
    return Lab(node, request.param)


def quote(value):
    return urllib.parse.quote(value, safe="")


def tree(lab):
    """An AE with containers a (b with instances i, j; e) and z (k)."""
    stem, path = lab.ae()
    for at, rn, more in [("", "a", {"lbl": ["color:red"]}), ("/a", "b", {"lbl": ["color:green", "hot"], "mni": 5}),
                         ("/a", "e", {}), ("", "z", {"lbl": ["color"]})]:
        assert lab.create(path + at, 3, {"m2m:cnt": dict(more, rn=rn)}, stem).rsc == 2001
    for at, rn in [("/a/b", "i"), ("/a/b", "j"), ("/z", "k")]:
        assert lab.create(path + at, 4, {"m2m:cin": {"rn": rn, "con": rn}}, stem).rsc == 2001
    return stem, path


def test_filter_criteria(lab):
    """TS-0004 7.3.3.17."""
    stem, path = tree(lab)
    base = path[1:] + "/"

    def found(query):
        a = lab.get(f"{path}?fu=1&{query}", stem)
        assert a.rsc == 2000, (query, a)
        return sorted(u.replace(base, "") for u in a.json["m2m:uril"])

    for query, want in [
            ("chty=4", ["a/b", "z"]), ("pty=2", ["a", "z"]), ("ty=4&palb=hot", ["a/b/i", "a/b/j"]),
            ("clbl=hot", ["a"]), ("c.mni=5", ["a"]), ("p.rn=z", ["z/k"]), ("rn=e&c.rn=x", []),
            ("lbq=" + quote("color NE red"), ["a/b"]), ("lbq=" + quote("color IN (red, green)"), ["a", "a/b"]),
            ("lbq=color+" + quote("NT color") + "&ty=3", ["a", "a/b", "a/e", "z"]),
            ("fo=3&ty=3&pty=2", ["a/b", "a/e"]), ("ty=3&arp=la", ["a/b/j", "z/k"]),
            ("rcn=11&ty=4", ["a/b/i", "a/b/j", "z/k"]), ("ops=2&ty=4&lim=1", ["a/b/i"]),
            ("gmty=1&gsf=1&geom=" + quote("[1,2]"), [])]:
        assert found(query) == want, query
    rrf = lab.get(f"{path}?fu=1&rcn=6&chty=4", stem).json["m2m:rrl"]["rrf"]
    assert [(r["nm"], r["typ"], r["val"]) for r in rrf] == [("b", 3, base + "a/b"), ("z", 3, base + "z")]
    for wrong in ["rcn=4", "rcn=1", "rcn=8", "lbq=" + quote("a IN b"), "gmty=1", "gmty=9&gsf=1&geom=" + quote("[1,2]"),
                  "geom=x&gmty=1&gsf=1", "arp=" + quote("../x"), "fo=4", "c.nonsense=1"]:
        assert lab.get(f"{path}?fu=1&{wrong}", stem).rsc == 4000, wrong
    for absent in ["smf=x", "cfs=1&cfq=x", "fu=3"]:
        assert lab.get(f"{path}?{absent if 'fu' in absent else 'fu=1&' + absent}", stem).rsc == 5001, absent


def test_conditions_on_every_operation(lab):
    """TS-0004 7.3.3.1: a target that does not match does not exist."""
    stem, path = tree(lab)
    assert lab.get(path + "/a?chty=3", stem).rsc == 2000
    assert lab.get(path + "/a?chty=4", stem).rsc == 4004
    assert lab.put(path + "/a?lbl=none", {"m2m:cnt": {"mni": 1}}, stem).rsc == 4004
    assert lab.put(path + "/a?lbl=color:red", {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004
    assert lab.delete(path + "/a?ty=4", stem).rsc == 4004
    assert lab.delete(path + "/a?ty=3&rcn=6", stem).json["m2m:rrl"]["rrf"][0]["nm"] == "b"
    assert lab.get(path + "/a", stem).rsc == 4004
    assert lab.create(path + "?ty=3", 3, {"m2m:cnt": {}}, stem).rsc == 4000


def test_discovery_shows_only_what_may_be_discovered(lab):
    """TS-0003 7.1.3; by way of children and parents too."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    own = {"acr": [acr([stem], 63)]}
    acp = {"m2m:acp": {"rn": "p", "pvs": own, "pv": {"acr": own["acr"] + [acr([other], 32)]}}}
    assert lab.create(path, 1, acp, stem).rsc == 2001
    assert lab.get(path + "/a?fu=1", other).rsc == 4103
    assert lab.put(path + "/a", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    assert lab.get(path + "/a", other).rsc == 4103
    assert lab.get(path + "/a?fu=1", other).json["m2m:uril"] == []
    assert lab.put(path + "/a/b", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    listed = lambda q: [u.rsplit("/", 1)[1] for u in lab.get(f"{path}/a?fu=1&{q}", other).json["m2m:uril"]]
    assert listed("ty=3") == ["b"] and listed("chty=4") == ["b"] and listed("lbl=hot") == ["b"]
    # values that only a reader may know, of its own and of its children, and a right it has not
    for hidden in ["con=i", "c.con=i", "mni=5", "ops=2", "p.mni=5", "gmty=1&gsf=1&geom=" + quote("[1,2]")]:
        assert listed(hidden) == [], hidden
    assert lab.put(path + "/p", {"m2m:acp": {"pv": {"acr": own["acr"] + [acr([other], 34)]}}}, stem).rsc == 2004
    assert listed("c.con=i") == ["b"] and listed("ops=2&ty=3") == ["b"] and listed("ops=4") == []
