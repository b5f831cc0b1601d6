"""Result contents, filter criteria and discovery as an independent suite asks for them, over the lab
listener [TS-0001 8.1.2, 10.2.6; TS-0004 7.3.3.12, 7.3.3.14, 7.3.3.17, 7.5.2]."""
import datetime

import pytest
from lab import Lab
from node import Node

NOW = lambda seconds=0: (datetime.datetime.now(datetime.timezone.utc) +
                         datetime.timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%S")


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="store.engine = memory") as node:
        yield node


@pytest.fixture(scope="module")
def lab(node):
    return Lab(node)


@pytest.fixture(scope="module")
def tree(lab):
    """a: x color:red, creator; a/aa: x; a/aa/i: 5 octets of text, t; a/j: 10 octets of JSON;
    b: y z, mni 5, until 2030; g: a group."""
    stem, path = lab.ae()
    for where, ty, member, body in [
            ("", 3, "cnt", {"rn": "a", "lbl": ["x", "color:red"], "cr": None}), ("/a", 3, "cnt", {"rn": "aa", "lbl": ["x"]}),
            ("/a/aa", 4, "cin", {"rn": "i", "con": "hello", "cnf": "text/plain:0", "lbl": ["t"]}),
            ("/a", 4, "cin", {"rn": "j", "con": '{"a": 123}', "cnf": "application/json:0"}),
            ("", 3, "cnt", {"rn": "b", "lbl": ["y", "z"], "mni": 5, "et": "20300101T000000"}),
            ("", 9, "grp", {"rn": "g", "mnm": 3, "mid": [path[1:] + "/a"], "gn": "grp"})]:
        assert lab.create(path + where, ty, {"m2m:" + member: body}, stem).rsc == 2001
    return stem, path


ALL = "a a/aa a/aa/i a/j b g"
CRITERIA = [
    ("", ALL), ("ty=3", "a a/aa b"), ("ty=3+4", "a a/aa a/aa/i a/j b"), ("ty=3&ty=9", "a a/aa b g"), ("ty=99", ""),
    ("lbl=x", "a a/aa"), ("lbl=x+y", "a a/aa b"), ("lbl=x&lbl=y", "a a/aa b"), ("lbl=color%3Ared", "a"), ("lbl=col*", ""),
    ("lbq=color", "a"), ("lbq=NT%20color", "a/aa a/aa/i a/j b g"), ("lbq=color%20EQ%20red", "a"), ("lbq=color:red", "a"),
    ("lbq=color%20NE%20blue", "a"), ("lbq=color%20NE%20red", ""), ("lbq=color%20IN%20(red,green)", "a"),
    ("lbq=color%20NI%20(red)", ""), ("lbq=color%20NI%20(blue)", "a"),
    ("cty=text/plain", "a/aa/i"), ("cty=text%2Fplain", "a/aa/i"), ("cty=text/plain+application/json", "a/aa/i a/j"),
    ("sza=6", "a/j"), ("szb=6", "a/aa/i"), ("sza=5", "a/aa/i a/j"), ("szb=5", ""), ("sza=5&szb=6", "a/aa/i"),
    ("sts=1", "b"), ("stb=1", "a a/aa a/aa/i a/j"), ("stb=1&sts=1", ""),
    ("exb=20310101T000000", "b"), ("exa=20310101T000000", "a a/aa a/aa/i a/j g"),
    ("crb=20200101T000000", ""), ("cra=20200101T000000", ALL), ("ms=20200101T000000", ALL), ("us=20200101T000000", ""),
    ("chty=4", "a a/aa"), ("pty=3", "a/aa a/aa/i a/j"), ("clbl=t", "a/aa"), ("palb=x", "a/aa a/aa/i a/j"),
    ("c.rn=i", "a/aa"), ("p.rn=a", "a/aa a/j"),
    ("rn=a*", "a a/aa"), ("rn=*a", "a a/aa"), ("mni=5", "b"), ("gn=grp", "g"), ("rn=aa&gn=grp", "a/aa g"), ("con=hello", "a/aa/i"),
    ("fo=1&ty=3&lbl=y", "b"), ("fo=2&ty=4&lbl=y", "a/aa/i a/j b"), ("fo=3&ty=3&lbl=y", "a a/aa"),
    ("lvl=1", "a b g"), ("lvl=2", "a a/aa a/j b g"), ("lvl=0", ""), ("ofst=1", ALL), ("ofst=2", "a/aa a/aa/i a/j b g"), ("ofst=0", ALL),
    ("lim=2", "a a/aa"), ("lim=2&ofst=3", "a/aa/i a/j"), ("lim=1&ty=4", "a/aa/i"), ("lim=99&ofst=6", "g"),
    ("ty=3&arp=aa", "a/aa"), ("ty=3&arp=la", "a/j a/aa/i"), ("arp=aa/la", "a/aa/i"), ("arp=none", ""),
]


@pytest.mark.parametrize("criteria,want", CRITERIA)
def test_discovery(lab, tree, criteria, want):
    stem, path = tree
    a = lab.get(f"{path}?fu=1&{criteria}", stem)
    assert a.rsc == 2000 and list(a.json) == ["m2m:uril"], a
    assert a.json["m2m:uril"] == [f"{path[1:]}/{w}" for w in want.split()]


@pytest.mark.parametrize("criteria", [
    "fu=0", "fu=4", "fu=x", "fo=4", "fo=0", "ty=x", "ty=3,4", "ty=-1", "ty=", "lbl=", "lvl=x", "lvl=-1", "lim=-1", "ofst=-1",
    "sts=x", "sza=-1", "crb=x", "crb=20260101", "crb=20261301T000000", "nonsense=1", "atr=rn", "foo", "lbq=color%20IN%20red",
    "arp=/aa", "arp=b/..", "gmty=1", "fu=1&fu=1", "lim=1&lim=2", "crb=20200101T000000+20210101T000000",
    # a query on content is whole, and of a syntax that there is [7.3.3.17.13]
    "cfs=1", "cfq=$.t%20EQ%201", "cfs=2&cfq=$.t%20EQ%201", "cfs=1&cfq=x", "cfs=1&cfq=$.t+EQ+1", "cfs=1&cfq=$.t%20EQ%20x",
    "cfs=1&cfq=$.t%20EQ%201%20AND%20$.u%20EQ%201%20OR%20$.v%20EQ%201",
    # they have conditions of their own [7.3.3.17.9]
    "ct=20260101T000000", "lt=*", "st=0", "et=2030*", "cs=5", "cnf=text*", "c.st=0", "p.cs=1"])
def test_criteria_that_are_wrong(lab, tree, criteria):
    stem, path = tree
    query = criteria if criteria.startswith("fu=") else "fu=1&" + criteria
    assert lab.get(f"{path}?{query}", stem).rsc == 4000


@pytest.mark.parametrize("criteria", ["fu=3", "smf=SELECT"])
def test_criteria_that_are_not_built(lab, tree, criteria):
    assert lab.get(f"{tree[1]}?fu=1&{criteria}" if criteria != "fu=3" else tree[1] + "?fu=3", tree[0]).rsc == 5001


def test_discovery_results(lab, tree):
    """8.1.2-1: child-resource-references alone go with a discovery; none: a list of addresses."""
    stem, path = tree
    for rcn in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13):
        assert lab.get(f"{path}?fu=1&rcn={rcn}", stem).rsc == 4000, rcn
    refs = lab.get(f"{path}?fu=1&rcn=6&ty=4", stem).json["m2m:rrl"]["rrf"]
    assert refs == [{"nm": "i", "typ": 4, "val": path[1:] + "/a/aa/i"}, {"nm": "j", "typ": 4, "val": path[1:] + "/a/j"}]
    assert lab.get(path + "?fu=1&rcn=11&ty=9", stem).json == {"m2m:uril": [path[1:] + "/g"]}
    assert lab.get(path + "?fu=1&ty=9&drt=1", stem).json == {"m2m:uril": [path[1:] + "/g"]}
    for rcn in ("", "&rcn=6", "&rcn=11"):
        got = lab.get(path + "?fu=1&ty=3&drt=2" + rcn, stem).json
        ids = got.get("m2m:uril") or [r["val"] for r in got["m2m:rrl"]["rrf"]]
        assert len(ids) == 3 and all(lab.get("/" + i, stem).json["m2m:cnt"]["ri"] == i for i in ids)
    for drt in ("0", "3", "x"):
        assert lab.get(f"{path}?fu=1&drt={drt}", stem).rsc == 4000
    assert lab.get(path + "/a/aa/i?fu=1", stem).json == {"m2m:uril": []}
    assert lab.get(path + "/none?fu=1", stem).rsc == 4004
    other, _ = lab.ae()
    assert lab.get(path + "?fu=1", other).rsc == 4103
    for method, body in (("PUT", {"m2m:cnt": {}}), ("DELETE", None)):  # nothing is changed by a search
        assert lab.ask(method, path + "/b?fu=1", body, None, stem).rsc == 4000


def test_pages(lab, tree):
    """8.1.3: partial content says so, and where it goes on."""
    stem, path = tree
    for result in ("fu=1", "rcn=6", "rcn=5", "rcn=4", "rcn=8"):
        a = lab.get(f"{path}?{result}&lim=2", stem)
        assert (a.headers["X-M2M-CTS"], a.headers["X-M2M-CTO"]) == ("1", "2" if result in ("rcn=4", "rcn=8") else "3"), result
        a = lab.get(f"{path}?{result}&lim=20", stem)
        assert a.headers["X-M2M-CTS"] is None and a.headers["X-M2M-CTO"] is None
    seen, offset = [], "0"
    while offset:
        a = lab.get(f"{path}?fu=1&lim=2&ofst={offset}", stem)
        seen += a.json["m2m:uril"]
        offset = a.headers["X-M2M-CTO"]
    assert seen == [f"{path[1:]}/{w}" for w in ALL.split()]


def test_times(lab):
    """7.3.3.17.1-2, 4: after is "not before", before is before."""
    stem, path = lab.ae()
    made = lab.create(path, 3, {"m2m:cnt": {"rn": "c", "et": NOW(500)}}, stem).json["m2m:cnt"]
    found = lambda q: len(lab.get(f"{path}?fu=1&{q}", stem).json["m2m:uril"])
    assert (found("cra=" + made["ct"]), found("crb=" + made["ct"])) == (1, 0)
    assert (found("ms=" + made["lt"]), found("us=" + made["lt"])) == (1, 0)
    assert (found("exa=" + made["et"]), found("exb=" + made["et"])) == (1, 0)
    assert found("crb=" + NOW(5)) == found("us=" + NOW(5)) == found("exb=" + NOW(600)) == 1
    assert found("cra=" + NOW(5)) == found("ms=" + NOW(5)) == found("exa=" + NOW(600)) == 0
    assert found("cra=20200101T000000,5&crb=" + NOW(5)) == 1


def test_conditions(lab):
    """7.3.3.1: a retrieve, an update, a delete whose criteria do not hold finds nothing."""
    stem, path = lab.ae()
    c = path + "/c"
    lab.create(path, 3, {"m2m:cnt": {"rn": "c", "lbl": ["x"]}}, stem)
    for holds in ("lbl=x", "ty=3", "ms=20200101T000000", "fu=2&lbl=x", "rn=c"):
        assert lab.get(f"{c}?{holds}", stem).rsc == 2000, holds
        assert lab.put(f"{c}?{holds}", {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004
    for fails in ("lbl=y", "ty=4", "us=20200101T000000", "rn=*", "fo=1&lbl=x&ty=4"):
        for a in (lab.get(f"{c}?{fails}", stem), lab.put(f"{c}?{fails}", {"m2m:cnt": {"mni": 2}}, stem),
                  lab.delete(f"{c}?{fails}", stem)):
            assert (a.http, a.rsc) == (404, 4004), fails
    assert lab.get(c, stem).json["m2m:cnt"]["mni"] == 1
    assert lab.create(path + "?lbl=x", 3, {"m2m:cnt": {}}, stem).rsc == 4000
    assert lab.delete(c + "?lbl=x", stem).rsc == 2002


def test_results_of_a_retrieve(lab, tree):
    stem, path = tree
    get = lambda q: lab.get(f"{path}?{q}", stem).json
    names = lambda refs: [r["val"][len(path):] for r in refs]
    ae = get("rcn=1")["m2m:ae"]
    assert get("") == {"m2m:ae": ae}
    assert names(get("rcn=5")["m2m:ae"]["ch"]) == ALL.split() and get("rcn=5")["m2m:ae"]["ri"] == stem
    assert names(get("rcn=6")["m2m:rrl"]["rrf"]) == ALL.split()
    assert names(get("rcn=6&lvl=1")["m2m:rrl"]["rrf"]) == ["a", "b", "g"]
    assert names(get("rcn=6&ty=4")["m2m:rrl"]["rrf"]) == ["a/aa/i", "a/j"]
    assert names(get("rcn=5&ty=4&lvl=2")["m2m:ae"]["ch"]) == ["a/j"]
    assert [r["val"] for r in get("rcn=6&drt=2&ty=9")["m2m:rrl"]["rrf"]] == [get("rcn=8")["m2m:ae"]["m2m:grp"][0]["ri"]]
    whole = get("rcn=4")["m2m:ae"]
    assert whole["ri"] == stem and [c["rn"] for c in whole["m2m:cnt"]] == ["a", "b"]
    assert whole["m2m:cnt"][0]["m2m:cnt"][0]["m2m:cin"][0]["con"] == "hello"
    assert get("rcn=8")["m2m:ae"] == {k: v for k, v in whole.items() if ":" in k}
    assert "m2m:cnt" not in get("rcn=4&lvl=1")["m2m:ae"]["m2m:cnt"][0]
    assert [c["rn"] for c in get("rcn=4&ty=3&lvl=1")["m2m:ae"]["m2m:cnt"]] == ["a", "b"]
    # a descendant comes with its parents or not at all: no container matches, so nothing below one
    assert get("rcn=8&ty=4") == {"m2m:ae": {}}
    assert [c["rn"] for c in lab.get(path + "/a?rcn=8&ty=4", stem).json["m2m:cnt"]["m2m:cin"]] == ["j"]
    for rcn in (0, 2, 3, 9, 11, 13, 99, "x", -1):
        assert lab.get(f"{path}?rcn={rcn}", stem).rsc == 4000, rcn
    assert lab.get(path + "?rcn=7", stem).rsc == 4000  # not announced
    assert lab.get(path + "?rcn=10", stem).rsc == 5001
    assert lab.get(path + "?rcn=12", stem).json["m2m:tkps"]["pm"][0]["pv"]["acr"] == [{"acor": [stem], "acop": 63}]


def test_parts(lab, tree):
    """7.3.3.6, TS-0009 6.2.2.2: atrl, or the attribute behind #."""
    stem, path = tree
    a = path + "/a"
    assert lab.get(a + "?atrl=rn", stem).json == {"m2m:cnt": {"rn": "a"}}
    assert lab.get(a + "?atrl=rn+lbl+mni&rcn=1", stem).json == {"m2m:cnt": {"rn": "a", "lbl": ["x", "color:red"]}}
    assert lab.get(a + "%23lbl", stem).json == {"m2m:cnt": {"lbl": ["x", "color:red"]}}
    assert lab.get(a + "/la?atrl=con", stem).json == {"m2m:cin": {"con": '{"a": 123}'}}
    for wrong in ("atrl=", "atrl=none", "atrl=rn+none", "atrl=resourceName", "atrl=rn&rcn=4", "atrl=rn+"):
        assert lab.get(f"{a}?{wrong}", stem).rsc == 4000, wrong
    assert lab.get(a + "%23mni", stem).rsc == 4004 and lab.get(a + "%23none", stem).rsc == 4000
    assert lab.put(a + "?atrl=rn", {"m2m:cnt": {}}, stem).rsc == 4000


def test_results_of_a_change(lab):
    stem, path = lab.ae()
    made = lambda rcn, **more: lab.create(f"{path}?rcn={rcn}", 3, {"m2m:cnt": dict({"rn": f"r{rcn}"}, **more)}, stem)
    assert made(0).body == b"" and made(2).json == {"m2m:uri": path[1:] + "/r2"}
    a = made(1, lbl=["x"])
    full = {"rn", "ty", "ri", "pi", "ct", "lt", "et", "lbl", "st", "cni", "cbs"}
    assert set(a.json["m2m:cnt"]) == full
    rce = made(3).json["m2m:rce"]
    assert rce["uri"] == path[1:] + "/r3" and set(rce["m2m:cnt"]) == full - {"lbl"}
    # modified: what the originator does not know
    nine = made(9, lbl=["x"], cr=None, mni=3).json["m2m:cnt"]
    assert set(nine) == full - {"rn", "lbl"} | {"cr"} and nine["cr"] == stem
    late = lab.create(path + "?rcn=9", 3, {"m2m:cnt": {"et": "29990101T000000"}}, stem).json["m2m:cnt"]
    assert late["et"] < "29990101T000000"
    put = lambda rcn, **body: lab.put(f"{path}/r1?rcn={rcn}", {"m2m:cnt": body}, stem)
    assert put(0, mni=1).body == b"" and set(put(1, mni=2).json["m2m:cnt"]) == full | {"mni"}
    assert put(9, mni=3).json["m2m:cnt"].keys() <= {"st", "lt"}
    assert put(9, mni=None, lbl=None).json["m2m:cnt"].keys() <= {"st", "lt"}
    assert put(9, et=None).json["m2m:cnt"].keys() == {"st", "lt", "et"}
    for rcn in (2, 3, 4, 5, 6, 7, 8, 10, 11, 12):
        assert put(rcn, mni=1).rsc == 4000, rcn
    for rcn in (4, 5, 6, 7, 8, 10, 11, 12):
        assert made(rcn).rsc == 4000, rcn
    lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 1, "mid": []}}, stem)
    for rcn, shape in [(0, None), ("", None), (1, {"m2m:cnt"}), (4, {"m2m:cnt"}), (5, {"m2m:cnt"}), (6, {"m2m:rrl"}), (8, {"m2m:cnt"})]:
        lab.create(path, 3, {"m2m:cnt": {"rn": "d"}}, stem)
        lab.create(path + "/d", 4, {"m2m:cin": {"con": "q"}}, stem)
        a = lab.delete(path + "/d" + (f"?rcn={rcn}" if rcn != "" else ""), stem)
        assert a.rsc == 2002 and (set(a.json) if a.json else None) == shape, (rcn, a)
        assert lab.get(path + "/d", stem).rsc == 4004
    for rcn in (2, 3, 7, 9, 10, 11, 12):
        assert lab.delete(f"{path}/r1?rcn={rcn}", stem).rsc == 4000, rcn
    assert lab.get(path + "/r1", stem).rsc == 2000


def test_what_may_not_be_seen(lab):
    """7.3.3.14: only what the originator may discover; in a retrieve only what it may retrieve."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    for rn, bits in (("see", 34), ("find", 32), ("none", 1)):
        rule = {"acr": [{"acor": [other], "acop": bits}]}
        lab.create(path, 1, {"m2m:acp": {"rn": "p" + rn, "pv": rule, "pvs": {"acr": [{"acor": [stem], "acop": 63}]}}}, stem)
    lab.create(path, 3, {"m2m:cnt": {"rn": "c", "acpi": [path[1:] + "/psee"]}}, stem)
    lab.put(path + "/c", {"m2m:cnt": {"acpi": None}}, stem)
    lab.create(path + "/c", 3, {"m2m:cnt": {"rn": "mine"}}, stem)
    for rn in ("see", "find", "none"):
        assert lab.create(path + "/c", 3, {"m2m:cnt": {"rn": rn, "acpi": [f"{path[1:]}/p{rn}"]}}, stem).rsc == 2001
    assert lab.put(path + "/c", {"m2m:cnt": {"acpi": [path[1:] + "/psee"]}}, stem).rsc == 2004
    tail = lambda uris: sorted(u.rsplit("/", 1)[1] for u in uris)
    assert tail(lab.get(path + "/c?fu=1", other).json["m2m:uril"]) == ["find", "see"]
    assert tail(r["val"] for r in lab.get(path + "/c?rcn=6", other).json["m2m:rrl"]["rrf"]) == ["see"]
    assert [c["rn"] for c in lab.get(path + "/c?rcn=4", other).json["m2m:cnt"]["m2m:cnt"]] == ["see"]
