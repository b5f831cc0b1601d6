"""What a conformance suite asks of the lab listener: plain HTTP, JSON, python3's own client.
Each test names the clause it stands for."""
import concurrent.futures, re

import pytest
from lab import AE, Lab
from node import Node

STAMP = re.compile(r"^\d{8}T\d{6}$")


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        yield Lab(node)


def test_the_base_by_every_form_of_address(lab):
    """TS-0001 7.2, TS-0009 6.2.2."""
    for path in ["/cse-in", "/-", "/in-cse", "/~/in-cse", "/~/in-cse/cse-in", "/~/in-cse/-",
                 "/_/demo.example/in-cse", "/_/demo.example/in-cse/cse-in"]:
        a = lab.get(path)
        assert (a.http, a.rsc) == (200, 2000), (path, a)
        cb = a.json["m2m:cb"]
        assert (cb["ri"], cb["ty"], cb["csi"], cb["cst"]) == ("in-cse", 5, "/in-cse", 1)
        assert {1, 2, 3, 4, 5, 9} <= set(cb["srt"]) and "et" not in cb
    assert (lab.get("/~/other/x").http, lab.get("/cse-in/none").rsc) == (404, 4004)
    assert lab.put("/cse-in", {"m2m:cb": {"lbl": []}}).rsc == 4005
    assert lab.delete("/cse-in").rsc == 4005
    assert lab.create("/cse-in", 5, {"m2m:cb": {}}).rsc == 4005


def test_registration(lab):
    """TS-0001 10.2.2.2, TS-0004 7.4.5.2.1."""
    for origin, first in [("C", "C"), ("S", "S"), (None, "C"), ("", "C")]:
        a = lab.create("/cse-in", 2, {"m2m:ae": AE}, origin)
        ae = a.json["m2m:ae"]
        assert (a.http, a.rsc, ae["aei"][0]) == (201, 2001, first) and ae["ri"] == ae["aei"], a
        assert ae["rn"] and ae["pi"] == "in-cse"
    stem, path = lab.ae()
    assert lab.create("/cse-in", 2, {"m2m:ae": AE}, stem).rsc == 4117
    assert lab.create("/cse-in", 2, {"m2m:ae": dict(AE, rn="ae-" + stem)}, "C").rsc == 4105
    for wrong in [{"api": "xtest"}, {"aei": "Cx"}, {"ri": "x"}, {"nonsense": 1}, {"rr": "true"}, {"srv": "3"}]:
        assert lab.create("/cse-in", 2, {"m2m:ae": dict(AE, **wrong)}, "C").rsc == 4000, wrong
    for absent in AE:
        assert lab.create("/cse-in", 2, {"m2m:ae": {k: v for k, v in AE.items() if k != absent}}, "C").rsc == 4000
    assert lab.create(path, 2, {"m2m:ae": AE}, stem).rsc == 4108
    assert lab.get(path, "Cunknown").rsc == 4103  # doc/decision/020-lab.md
    assert lab.get(path, "/mn-cse").rsc == 4107
    assert lab.get(path, None).rsc == 4000


def test_expiration_time(lab):
    """Multiplicity 1: the Hosting CSE assigns one [TS-0001 9.6.1.3.2; TS-0004 7.3.3.3-5]."""
    stem, path = lab.ae()
    parent = lab.get(path, stem).json["m2m:ae"]["et"]
    cnt = lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).json["m2m:cnt"]
    assert STAMP.match(cnt["et"]) and cnt["et"] <= parent and cnt["et"] > cnt["ct"] == cnt["lt"]
    cin = lab.create(path + "/c", 4, {"m2m:cin": {"con": "x"}}, stem).json["m2m:cin"]
    assert STAMP.match(cin["et"]) and cin["et"] <= cnt["et"]
    assert lab.create(path, 3, {"m2m:cnt": {"et": "20200101T000000"}}, stem).rsc == 4000
    far = lab.create(path, 3, {"m2m:cnt": {"et": "29990101T000000"}}, stem).json["m2m:cnt"]
    assert far["et"] == parent
    a = lab.put(path + "/c", {"m2m:cnt": {"et": None}}, stem)
    assert a.rsc == 2004 and a.json["m2m:cnt"]["et"] == parent
    assert lab.put(path + "/c", {"m2m:cnt": {"et": "20290101T000000"}}, stem).rsc == 4000  # a child is later


def test_releases(lab):
    """TS-0004 7.3.2.1 (8), 7.3.3.12."""
    for rvi in ["1", "2a", "3", "4", "5"]:
        a = lab.get("/cse-in", rvi=rvi)
        assert (a.rsc, a.headers["X-M2M-RVI"]) == (2000, rvi)
        assert ("srv" in a.json["m2m:cb"]) == (rvi != "1")  # which Release 1 has not
        assert rvi == "1" or rvi in a.json["m2m:cb"]["srv"]
    for rvi in ["2b", "0", "99", "3.0"]:
        a = lab.get("/cse-in", rvi=rvi)
        assert (a.http, a.rsc, a.headers["X-M2M-RVI"]) == (501, 4001, "3")
    a = lab.get("/cse-in", rvi=None)
    assert a.rsc == 2000 and "X-M2M-RVI" not in a.headers
    # an AE of Release 1 cannot say which releases it supports
    old = {"api": "Nold", "rr": False}
    a = lab.create("/cse-in", 2, {"m2m:ae": old}, "C", rvi=None)
    assert a.rsc == 2001 and "srv" not in a.json["m2m:ae"], a
    assert lab.get("/" + a.json["m2m:ae"]["ri"]).json["m2m:ae"]["srv"] == ["1"]
    assert lab.create("/cse-in", 2, {"m2m:ae": old}, "C").rsc == 4000


def test_header_fields(lab):
    """TS-0009 6.4."""
    a = lab.get("/cse-in", X_M2M_Later="1", X_Other="2", rqi="r-1")
    assert a.rsc == 2000 and a.headers["X-M2M-RI"] == "r-1"
    assert lab.get("/cse-in", X_M2M_RI=None).rsc == 4000
    assert lab.get("/cse-in", X_M2M_RET="20200101T000000").rsc == 4008
    assert lab.get("/cse-in", Accept="application/yaml").rsc == 5207
    assert "cbor" in lab.get("/cse-in", Accept="application/cbor").headers["Content-Type"]
    assert lab.create("/cse-in", 3, "<x/>", Content_Type="text/xml;ty=3").rsc == 4015
    assert lab.create("/cse-in", 3, {"m2m:cnt": {}}, Content_Type="application/vnd.onem2m-res+json; ty=3").rsc == 2001
    for odd in ["application/json;  ty = 3", "Application/JSON;TY=3;charset=UTF-8", 'application/json;ty="3";v=1']:
        assert lab.create("/cse-in", 3, {"m2m:cnt": {}}, Content_Type=odd).rsc == 2001, odd
    # what the gate refuses says the same three things
    a = lab.get("/cse-in?lbl=", rqi="r-2", rvi="2a")
    assert (a.rsc, a.headers["X-M2M-RI"], a.headers["X-M2M-RVI"]) == (4000, "r-2", "2a")
    a = lab.create("/cse-in", 3, {"m2m:cnt": {}})
    assert a.headers["Content-Location"].endswith(a.json["m2m:cnt"]["ri"])
    assert lab.create("/cse-in", None, {"m2m:cnt": {}}).rsc == 4000  # no ty: no Notify either
    assert lab.create("/cse-in", 99, {"m2m:cnt": {}}).rsc == 4000
    assert lab.create("/cse-in", 3, {"m2m:cin": {"con": "x"}}).rsc == 4000
    assert lab.create("/cse-in", 3, "{").rsc == 4000
    assert lab.ask("PATCH", "/cse-in", {}).http == 405


def test_creator(lab):
    """TS-0004 7.3.3.3, 7.3.3.5."""
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"cr": None}}, stem).json["m2m:cnt"]["cr"] == stem
    assert "cr" not in lab.create(path, 3, {"m2m:cnt": {}}, stem).json["m2m:cnt"]
    assert lab.create(path, 3, {"m2m:cnt": {"cr": stem}}, stem).rsc == 4000
    assert lab.create(path, 1, {"m2m:acp": {"cr": None, "pv": {}, "pvs": {"acr": [
        {"acor": [stem], "acop": 63}]}}}, stem).rsc == 4000


def test_container(lab):
    """TS-0001 9.6.6, TS-0004 7.4.6, 7.4.7."""
    stem, path = lab.ae()
    c = path + "/c"
    lab.create(path, 3, {"m2m:cnt": {"rn": "c", "mni": 2, "mbs": 10}}, stem)
    assert lab.get(c + "/la", stem).rsc == 4004
    for i in range(3):
        cin = lab.create(c, 4, {"m2m:cin": {"con": str(i)}}, stem).json["m2m:cin"]
        assert (cin["st"], cin["cs"]) == (i + 1, 1)
    cnt = lab.get(c, stem).json["m2m:cnt"]
    assert (cnt["cni"], cnt["cbs"], cnt["st"]) == (2, 2, 3)
    assert lab.get(c + "/la", stem).json["m2m:cin"]["con"] == "2"
    assert lab.get(c + "/ol", stem).json["m2m:cin"]["con"] == "1"
    a = lab.create(c, 4, {"m2m:cin": {"con": "x" * 11}}, stem)
    assert (a.http, a.rsc) == (406, 5207)
    assert lab.put(c + "/la", {"m2m:cin": {"con": "y"}}, stem).rsc == 4005
    assert lab.delete(c + "/la", stem).rsc == 2002 and lab.get(c + "/la", stem).json["m2m:cin"]["con"] == "1"
    assert lab.create(path, 4, {"m2m:cin": {"con": "x"}}, stem).rsc == 4108
    assert lab.put(c, {"m2m:cnt": {"cni": 1}}, stem).rsc == 4000
    assert lab.put(c, {"m2m:cnt": {"mni": None}}, stem).json["m2m:cnt"].get("mni") is None


def test_result_contents(lab):
    """TS-0001 8.1.2."""
    stem, path = lab.ae()
    n = lambda rcn: f"{path}?rcn={rcn}"
    assert lab.create(n(0), 3, {"m2m:cnt": {"rn": "r0"}}, stem).body == b""
    assert lab.create(n(2), 3, {"m2m:cnt": {"rn": "r2"}}, stem).json == {"m2m:uri": path[1:] + "/r2"}
    rce = lab.create(n(3), 3, {"m2m:cnt": {"rn": "r3"}}, stem).json["m2m:rce"]
    assert rce["uri"] == path[1:] + "/r3" and rce["m2m:cnt"]["rn"] == "r3"
    assert "rn" not in lab.create(n(9), 3, {"m2m:cnt": {"rn": "r9"}}, stem).json["m2m:cnt"]
    assert [c["rn"] for c in lab.get(n(4), stem).json["m2m:ae"]["m2m:cnt"]] == ["r0", "r2", "r3", "r9"]
    assert lab.get(n(5), stem).json["m2m:ae"]["ch"][0] == {"nm": "r0", "typ": 3, "val": path[1:] + "/r0"}
    assert len(lab.get(n(6), stem).json["m2m:rrl"]["rrf"]) == 4
    assert list(lab.get(n(8), stem).json["m2m:ae"]) == ["m2m:cnt"]
    for method, wrong in [("POST", (4, 5, 6, 7, 8, 10)), ("GET", (0, 2, 3, 9)), ("PUT", (2, 3, 4, 5, 6, 7, 8, 10)),
                          ("DELETE", (2, 3, 7, 9, 10))]:
        for rcn in wrong:
            body = {"m2m:cnt": {}} if method in ("POST", "PUT") else None
            assert lab.ask(method, n(rcn), body, 3 if method == "POST" else None, stem).rsc == 4000, (method, rcn)


def test_policies(lab):
    """TS-0001 9.6.2, 9.6.1.3.2."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    own = {"acr": [{"acor": [stem], "acop": 63}]}
    for pvs in [None, {}, {"acr": []}]:
        body = {"pv": own} if pvs is None else {"pv": own, "pvs": pvs}
        assert lab.create(path, 1, {"m2m:acp": body}, stem).rsc == 4000
    pv = {"acr": own["acr"] + [{"acor": [other], "acop": 2}]}
    assert lab.create(path, 1, {"m2m:acp": {"rn": "p", "pv": pv, "pvs": own}}, stem).rsc == 2001
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "acpi": [path[1:] + "/p"]}}, stem).rsc == 2001
    assert lab.get(path + "/c", other).rsc == 2000
    a = lab.get(path + "/c?fu=1", other)
    assert (a.http, a.rsc) == (403, 4103)
    assert lab.put(path + "/c", {"m2m:cnt": {"acpi": None, "lbl": []}}, stem).rsc == 4000
    assert lab.put(path + "/c", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, other).rsc == 4103
    assert lab.create(path, 3, {"m2m:cnt": {"acpi": ["cse-in/none"]}}, stem).rsc == 4000
    assert lab.put(path + "/p", {"m2m:acp": {"pvs": {"acr": []}}}, stem).rsc == 4000
    assert lab.get(path + "/p", other).rsc == 4103 and lab.get(path + "/p", "CAdmin").rsc == 2000


def test_groups(lab):
    """TS-0004 7.4.13, 7.4.14."""
    stem, path = lab.ae()
    for rn in "ab":
        lab.create(path, 3, {"m2m:cnt": {"rn": rn}}, stem)
    two = [path[1:] + "/a", path[1:] + "/b"]
    grp = lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 5, "mid": two + two[:1]}}, stem).json["m2m:grp"]
    assert (grp["mid"], grp["cnm"], grp["mt"], grp["csy"], grp["mtv"]) == (two, 2, 0, 1, True)
    a = lab.create(path, 9, {"m2m:grp": {"mnm": 1, "mid": two}}, stem)
    assert (a.http, a.rsc) == (400, 6010)
    mixed = {"mnm": 5, "mt": 3, "mid": two + [path[1:]]}
    assert lab.create(path, 9, {"m2m:grp": dict(mixed, csy=1)}, stem).json["m2m:grp"]["cnm"] == 2
    assert lab.create(path, 9, {"m2m:grp": dict(mixed, csy=2)}, stem).rsc == 4110
    assert lab.create(path, 9, {"m2m:grp": dict(mixed, csy=3)}, stem).json["m2m:grp"]["mt"] == 0
    a = lab.create(path + "/g/fopt", 4, {"m2m:cin": {"con": "x"}}, stem)
    rsp = a.json["m2m:agr"]["m2m:rsp"]
    assert a.rsc == 2000 and [(r["rsc"], r["fr"]) for r in rsp] == [(2001, two[0]), (2001, two[1])]
    assert all(r["pc"]["m2m:cin"]["con"] == "x" and r["rvi"] == "3" and r["rqi"] for r in rsp)
    assert len(lab.get(path + "/g/fopt?fu=1", stem).json["m2m:agr"]["m2m:rsp"]) == 2
    assert lab.put(path + "/g", {"m2m:grp": {"mnm": 1}}, stem).rsc == 6010
    lab.put(path + "/g", {"m2m:grp": {"mid": []}}, stem)
    a = lab.get(path + "/g/fopt", stem)
    assert (a.http, a.rsc) == (403, 4109)


def test_discovery(lab):
    """TS-0004 7.3.3.14, 7.3.3.17."""
    stem, path = lab.ae()
    for rn, lbl in [("a", ["x"]), ("b", ["y", "z"]), ("c", [])]:
        lab.create(path, 3, {"m2m:cnt": {"rn": rn, "lbl": lbl}}, stem)
    lab.create(path + "/a", 4, {"m2m:cin": {"rn": "i", "con": "abc", "cnf": "text/plain:0"}}, stem)
    base = path[1:]

    def found(criteria):
        a = lab.get(f"{path}?fu=1{criteria}", stem)
        assert a.rsc == 2000, (criteria, a)
        return [u.replace(base + "/", "") for u in a.json["m2m:uril"]]

    for criteria, want in [("", ["a", "a/i", "b", "c"]), ("&lvl=1", ["a", "b", "c"]), ("&ty=4", ["a/i"]),
                           ("&ty=3+4&lim=2", ["a", "a/i"]), ("&lim=2&ofst=3", ["b", "c"]),
                           ("&lbl=x+y", ["a", "b"]), ("&lbl=x&lbl=z", ["a", "b"]), ("&lbl=none", []),
                           ("&fo=2&lbl=x&ty=4", ["a", "a/i"]), ("&rn=%2A", ["a", "a/i", "b", "c"]),
                           ("&sza=3&szb=4", ["a/i"]), ("&cty=text/plain:0", ["a/i"]),
                           ("&cty=text/plain", ["a/i"]), ("&cty=text/html", [])]:
        assert found(criteria) == want, criteria
    a = lab.get(path + "?fu=1&lim=1", stem)
    assert (a.headers["X-M2M-CTS"], a.headers["X-M2M-CTO"]) == ("1", "2")
    plain = lab.get(path + "?fu=1&drt=2", stem).json["m2m:uril"]
    assert len(plain) == len(lab.get(path + "?fu=1", stem).json["m2m:uril"]) > 0 and all("/" not in u for u in plain), plain
    assert lab.get(path + "?fu=1&nonsense=1", stem).rsc == 4000
    assert lab.get(path + "?ty=3", stem).rsc == 4004 and lab.get(path + "?ty=2", stem).rsc == 2000
    assert lab.get(path + "?atrl=rn+ri", stem).json == {"m2m:ae": {"rn": "ae-" + stem, "ri": stem}}


def test_large_answers_at_once_are_not_lost(lab):
    """Answers grow a hundredfold on the way out: what cannot be queued must wait, not vanish,
    and nobody else's with it."""
    stem, path = lab.ae()
    lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem)
    for _ in range(36):
        assert lab.create(path + "/c", 4, {"m2m:cin": {"con": "x" * 100000}}, stem).rsc == 2001
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(lab.get, path + "?rcn=4", stem) for _ in range(48)]
        small = [pool.submit(lab.get, path, stem) for _ in range(2)]
        assert all(a.result().rsc == 2000 for a in asked + small)
        assert all(len(a.result().body) > 3600000 for a in asked)
