"""Registration, addresses and policies as an independent suite asks for them, over the lab listener.
Each test names its clauses; doc/decision/042-conformance.md lists them."""
import pytest
from lab import AE, Lab
from node import Node

BASE = "/cse-in"


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        yield Lab(node)


def register(lab, origin="C", rvi="3", **more):
    body = {k: v for k, v in dict(AE, **more).items() if v is not KeyError}
    return lab.create(BASE, 2, {"m2m:ae": body}, origin, rvi=rvi)


# --- AE [TS-0001 10.2.2.2; TS-0004 7.4.5] -----------------------------------------------------


@pytest.mark.parametrize("rvi", ["1", "2", "2a", "3", "4", "5"])
def test_app_id(lab, rvi):
    """7.4.5.2.1: begins with R, r or N; clients of Release 1 write others (decision 070)."""
    other = 2001 if rvi == "1" else 4000
    for api, want in [("Na", 2001), ("R1.com.example.a", 2001), ("r1", 2001), ("xa", other), ("na", other),
                      ("N", other), ("", 4000), (5, 4000), (KeyError, 4000)]:
        a = register(lab, rvi=rvi, api=api, **({"srv": KeyError} if rvi == "1" else {}))
        assert a.rsc == want, (api, a)


def test_supported_releases(lab):
    """6.3.3: at least one member; mandatory since Release 2."""
    assert register(lab, srv=[]).rsc == 4000
    assert register(lab, srv=KeyError).rsc == 4000 and register(lab, srv="3").rsc == 4000
    assert register(lab, srv=["1", "2", "2a", "3"]).rsc == 2001
    assert register(lab, rvi="2", srv=KeyError).rsc == 4000


def test_identity(lab):
    """TS-0001 10.2.2.2, 7.3.2.1 (3) (6)."""
    for origin, first in [("C", "C"), ("S", "S"), ("", "C"), (None, "C")]:
        ae = register(lab, origin).json["m2m:ae"]
        assert ae["aei"] == ae["ri"] and ae["ri"][0] == first and len(ae["ri"]) > 1
    for origin in ("Creg1", "Sreg1"):
        a = register(lab, origin)
        assert a.json["m2m:ae"]["aei"] == origin
        assert register(lab, origin).rsc == 4117
        assert register(lab, origin, rn="other").rsc == 4117  # its identity before its name
        assert lab.get("/" + origin, origin).rsc == 2000
    assert register(lab, "C", rn=lab.get("/Creg1", "Creg1").json["m2m:ae"]["rn"]).rsc == 4105
    for origin in ("x", "c1", "C a", "C/x", "/in-cse/Cx", "C#x"):
        assert register(lab, origin).rsc == 4000, origin
    assert register(lab, "//demo.example/in-cse/Cy").rsc == 4106
    assert register(lab, "/mn-cse").rsc == 4107
    assert register(lab, "Creg2", aei="Creg2").rsc == 4000
    # gone and back: the identity is free again
    assert lab.delete("/Creg1", "Creg1").rsc == 2002 and register(lab, "Creg1").rsc == 2001


def test_where_one_registers(lab):
    """7.4.5.2.1, 7.4.4.2.1 (no policy stands before them), 7.3.2.8."""
    stem, path = lab.ae()
    lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem)
    for origin in ("C", "Cnew", stem):
        for parent in (path, path + "/c"):
            a = lab.create(parent, 2, {"m2m:ae": AE}, origin)
            assert (a.http, a.rsc) == (403, 4108), (origin, parent, a)
    csr = {"cb": "/mn/x", "csi": "/mn", "rr": False, "srv": ["3"]}
    for parent in (BASE, path, path + "/c"):
        a = lab.create(parent, 16, {"m2m:csr": csr}, stem)
        assert (a.http, a.rsc) == (405, 4005)
    assert lab.create(BASE, 16, {"m2m:csr": csr}, "/mn").rsc == 4107  # not among those let in
    assert lab.create("/~/mn-cse/cse-mn", 2, {"m2m:ae": AE}, "C").rsc == 4000
    assert lab.get("/~/mn-cse/cse-mn", stem).rsc == 4004


def test_resource_names(lab):
    """6.3.3 resourceName, 7.3.3.5."""
    stem, path = lab.ae()
    for rn in ("a", "A-b.c_d", "0", "x" * 128):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": rn}}, stem).json["m2m:cnt"]["rn"] == rn
        a = lab.create(path, 3, {"m2m:cnt": {"rn": rn}}, stem)
        assert (a.http, a.rsc) == (409, 4105)
        assert lab.create(path, 9, {"m2m:grp": {"rn": rn, "mnm": 1, "mid": []}}, stem).rsc == 4105
    for rn in ("", "a/b", "a b", "_a", "-a", "~", "a#b", "é", 5, None, "x" * 129):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": rn}}, stem).rsc == 4000, rn
    # fixed names of virtual resources [6.8]
    assert lab.create(path + "/a", 3, {"m2m:cnt": {"rn": "la"}}, stem).rsc == 4105
    assert lab.put(path + "/a", {"m2m:cnt": {"rn": "b"}}, stem).rsc == 4000


# --- CSEBase [TS-0001 9.6.3; TS-0004 7.4.3] ---------------------------------------------------


def test_base(lab):
    stem, _ = lab.ae()
    cb = lab.get(BASE, stem).json["m2m:cb"]
    assert cb["pi"] in ("", None) and cb["csi"] == "/in-cse" and cb["ty"] == 5 and cb["poa"]
    assert cb["srv"] == ["1", "2", "2a", "3", "4", "5"] and not {"et", "at", "st", "cr"} & set(cb)
    for a in (lab.create(BASE, 5, {"m2m:cb": {}}), lab.put(BASE, {"m2m:cb": {"lbl": ["x"]}}), lab.delete(BASE)):
        assert (a.http, a.rsc) == (405, 4005)


def test_addresses(lab):
    """TS-0001 7.2, 9.3.1: structured, unstructured and hybrid; CSE-relative, SP-relative, absolute."""
    stem, path = lab.ae()
    cnt = lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).json["m2m:cnt"]["ri"]
    lab.create(path + "/c", 4, {"m2m:cin": {"con": "1"}}, stem)
    for tail in (path + "/c", "/-/ae-" + stem + "/c", "/" + cnt, f"/{stem}/c"):
        for head in ("", "/~/in-cse", "/_/demo.example/in-cse"):
            assert lab.get(head + tail, stem).json["m2m:cnt"]["ri"] == cnt, head + tail
            assert lab.get(head + tail + "/la", stem).json["m2m:cin"]["con"] == "1"
    for wrong in ("/CSE-IN", path + "/none", "/none", "/cse-in/cse-in", "/~/in-cse/none", path + "/c/xx",
                  "/_/other.example/in-cse/" + cnt, "/~in-cse/" + cnt, "/_/demo.example2/in-cse/" + cnt):
        assert lab.get(wrong, stem).rsc == 4004, wrong
    for wrong in ("/", "//cse-in", path + "/", path + "//c", path + "/./c", path + "/../c", "/~", "/_/"):
        assert lab.get(wrong, stem).rsc == 4000, wrong


# --- policies [TS-0001 9.6.2, 9.6.1.3.2; TS-0003 7.1.3; TS-0004 7.3.3.15, 7.4.2] --------------


def policy(lab, path, stem, rn, rules, selves=None):
    own = {"acr": [{"acor": [stem], "acop": 63}]}
    return lab.create(path, 1, {"m2m:acp": {"rn": rn, "pv": {"acr": rules}, "pvs": selves or own}}, stem)


def test_rules(lab):
    """Table 9.6.2.0-3 and the data types of 6.3.5.26-28."""
    stem, path = lab.ae()
    good = {"acor": ["all"], "acop": 63}
    for i, more in enumerate([{}, {"acor": [stem, "//demo.example", "/mn-cse", "r@x.example", "cse-in/g", "C*", "*"]},
                              {"acco": [{"actw": ["* * 8-20 * * * *"]}]}, {"acco": [{"acip": {"ipv4": ["10.0.0.0/8"]}}]},
                              {"acco": [{"acip": {"ipv6": ["::/0"]}}]}, {"acco": [{"aclr": {"accc": ["KR"]}}]},
                              {"acco": [{"aclr": {"accr": [1.5, 2, 3]}}]}, {"acod": [{"chty": [3, 4]}]}, {"acco": []},
                              {"acod": [{"ty": 13, "spty": "1001", "chty": [23]}]}, {"acaf": True}]):
        assert policy(lab, path, stem, f"g{i}", [dict(good, **more)]).rsc == 2001, more
    for wrong in [{"acor": "all"}, {"acor": []}, {"acor": [""]}, {"acor": ["a b"]}, {"acor": None}, {"acop": 64}, {"acop": 0},
                  {"acop": "63"}, {"acop": -1}, {"acop": None}, {"foo": 1}, {"acco": {}}, {"acco": [{}]},
                  {"acco": [{"actw": ["* * *"]}]}, {"acco": [{"acip": {"ipv4": ["300.0.0.1"]}}]},
                  {"acco": [{"aclr": {"accc": ["Korea"]}}]}, {"acod": [{"ty": 3}]}, {"acod": {}}, {"acaf": "true"}]:
        assert policy(lab, path, stem, "w", [dict(good, **wrong)]).rsc == 4000, wrong
    for pv in ([], "x", None, {"acr": {}}):
        assert lab.create(path, 1, {"m2m:acp": {"pv": pv, "pvs": {"acr": [good]}}}, stem).rsc == 4000, pv
    for empty in ({}, {"acr": []}):
        assert lab.create(path, 1, {"m2m:acp": {"pv": empty, "pvs": {"acr": [good]}}}, stem).rsc == 2001
        assert lab.create(path, 1, {"m2m:acp": {"pv": {"acr": [good]}, "pvs": empty}}, stem).rsc == 4000
        assert lab.put(path + "/g0", {"m2m:acp": {"pvs": empty}}, stem).rsc == 4000


def test_originators(lab):
    """TS-0003 table 7.1.3-2; of "*" alone: doc/decision/042-conformance.md."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    who = (other, "Celse", "Selse")
    for i, (acor, want) in enumerate([
            (["all"], (1, 1, 1)), (["*"], (1, 1, 1)), (["*" + other[1:]], (1, 0, 0)), (["*else"], (0, 1, 1)),
            ([other], (1, 0, 0)), (["/in-cse/" + other], (1, 0, 0)), (["//demo.example/in-cse/" + other], (1, 0, 0)),
            (["C*"], (1, 1, 0)), (["S*"], (0, 0, 1)), (["/S*"], (0, 0, 1)), (["/in-cse/C*"], (1, 1, 0)),
            (["/*/C*"], (1, 1, 0)), (["//demo.example"], (1, 1, 1)), (["//*/in-cse/*"], (0, 0, 0)),
            (["demo.example"], (0, 0, 0)), (["//demo.exampl"], (0, 0, 0)), (["/in-cse"], (0, 0, 0)),
            (["c*"], (0, 0, 0)), (["cse-in"], (0, 0, 0)), ([stem], (0, 0, 0))]):
        assert policy(lab, path, stem, f"o{i}", [{"acor": acor, "acop": 2}]).rsc == 2001, acor
        lab.create(path, 3, {"m2m:cnt": {"rn": f"c{i}", "acpi": [f"{path[1:]}/o{i}"]}}, stem)
        got = tuple(int(lab.get(f"{path}/c{i}", w).rsc == 2000) for w in who)
        assert got == want, (acor, got)


def test_operations_of_a_rule(lab):
    """TS-0001 9.6.2.3, 9.6.2.4: one bit, one operation."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    for bit, allowed in [(1, "create"), (2, "retrieve"), (4, "update"), (8, "delete"), (16, ""), (32, "discover")]:
        rn = f"b{bit}"
        policy(lab, path, stem, rn, [{"acor": [other], "acop": bit}])
        c = f"{path}/c{bit}"
        lab.create(path, 3, {"m2m:cnt": {"rn": f"c{bit}", "acpi": [f"{path[1:]}/{rn}"]}}, stem)
        got = {"create": lab.create(c, 4, {"m2m:cin": {"con": "x"}}, other), "retrieve": lab.get(c, other),
               "update": lab.put(c, {"m2m:cnt": {"lbl": ["x"]}}, other), "discover": lab.get(c + "?fu=1", other)}
        got["delete"] = lab.delete(c, other)
        for name, a in got.items():
            assert (a.rsc < 3000) == (name == allowed), (bit, name, a)
            assert a.rsc < 3000 or (a.http, a.rsc) == (403, 4103)
    policy(lab, path, stem, "d", [{"acor": [other], "acop": 1, "acod": [{"ty": 3, "chty": [4]}]}])
    lab.create(path, 3, {"m2m:cnt": {"rn": "d1", "acpi": [path[1:] + "/d"]}}, stem)
    assert lab.create(path + "/d1", 4, {"m2m:cin": {"con": "x"}}, other).rsc == 2001
    assert lab.create(path + "/d1", 3, {"m2m:cnt": {}}, other).rsc == 4103


def test_links_to_policies(lab):
    """TS-0001 9.6.1.3.2: alone in its update, by the selfPrivileges of what is linked now."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    for rn, selves in (("p", None), ("q", {"acr": [{"acor": [other], "acop": 63}]})):
        policy(lab, path, stem, rn, [{"acor": [other], "acop": 63}], selves)
    p, q, c = path[1:] + "/p", path[1:] + "/q", path + "/c"
    put = lambda acpi, who, **more: lab.put(c, {"m2m:cnt": dict({"acpi": acpi}, **more)}, who).rsc
    for wrong in ([], None, "x", [5], ["none"], [path[1:]], [p + "#pv"], ["/mn-cse/acp1"]):
        assert lab.create(path, 3, {"m2m:cnt": {"acpi": wrong}}, stem).rsc == 4000, wrong
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "acpi": [p]}}, stem).rsc == 2001
    assert lab.get(c, stem).rsc == 4103 and lab.get(c, other).rsc == 2000  # the creator is nobody now
    assert put([q], stem, lbl=["x"]) == 4000 and put([], stem) == 4000
    assert put([q], other) == 4103  # privileges are not selfPrivileges
    assert put([q], stem) == 2004 and put([p], stem) == 4103 and put([p], other) == 2004
    ri = lab.get("/" + p, stem).json["m2m:acp"]["ri"]
    for form in (ri, "/in-cse/" + p, "//demo.example/in-cse/" + p, "-" + p[len("cse-in"):], p):
        assert put([form], stem) == 2004, form
    assert put(None, stem) == 2004
    assert lab.get(c, stem).rsc == 2000 and lab.get(c, other).rsc == 4103  # the default: its creator alone
    assert put([p], stem) == 2004 and lab.delete("/" + p, stem).rsc == 2002
    assert lab.get(c, other).rsc == 4103 and lab.get(c, stem).rsc == 4103  # what is gone grants nothing
    assert lab.put(c, {"m2m:cnt": {"acpi": None}}).rsc == 2004  # the administrator's to mend


def test_who_may_make_policies(lab):
    """doc/decision/020-lab.md; selfPrivileges govern the policy itself."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    own = {"acr": [{"acor": [stem], "acop": 63}]}
    a = lab.create(BASE, 1, {"m2m:acp": {"rn": "at-base", "pv": own, "pvs": own}}, "Cnobody")
    assert a.rsc == 2001 and lab.get(BASE + "/at-base", "Cnobody").rsc == 4103
    assert lab.get(BASE + "/at-base", stem).rsc == 2000
    assert lab.put(BASE + "/at-base", {"m2m:acp": {"pv": {"acr": []}}}, other).rsc == 4103
    assert lab.delete(BASE + "/at-base", stem).rsc == 2002
    for ty, member in ((3, "cnt"), (9, "grp"), (14, "nod")):
        assert lab.create(BASE, ty, {"m2m:" + member: {}}, stem).rsc == 4103
    assert lab.create(path, 1, {"m2m:acp": {"acpi": [], "pv": own, "pvs": own}}, stem).rsc == 4000
    lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem)
    assert lab.create(path + "/c", 1, {"m2m:acp": {"pv": own, "pvs": own}}, stem).rsc == 4108
