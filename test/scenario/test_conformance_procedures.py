"""What TS-0004 7.4 says of single types, as an independent suite asks for it, over the lab listener."""
import time

import labnode
import pytest
from lab import Lab
from node import Node

ALWAYS = {"se": {"sce": ["* * * * * * *"]}}


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        lab = Lab(node)
        assert lab.create("/cse-in", 14, {"m2m:nod": {"rn": "n", "ni": "urn:dev:0"}}).rsc == 2001
        yield lab


@pytest.fixture()
def own(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    return stem, path


# --- container and contentInstance [7.4.6, 7.4.7, 7.4.27, 7.4.28] -----------------------------


@pytest.mark.parametrize("con", ["", "x", "é", " \n\t\"\\", 0, -5, 1.5, True, False, {}, {"a": [1, None]}, [], [1, "2"]])
def test_contents(lab, own, con):
    stem, path = own
    a = lab.create(path + "/c", 4, {"m2m:cin": {"con": con}}, stem)
    assert a.rsc == 2001 and lab.get(path + "/c/la", stem).json["m2m:cin"]["con"] == con
    if isinstance(con, str):
        assert a.json["m2m:cin"]["cs"] == len(con.encode())


@pytest.mark.parametrize("cnf,want", [
    ("text/plain:0", 2001), ("application/json:1", 2001), ("application/xml:1:0", 2001), ("application/vnd.a+b:2:5", 2001),
    ("text/plain:9", 4000), ("text/plain:x", 4000), ("text/plain:0:9", 4000), ("text", 4000), ("", 4000), (5, 4000), (None, 4000)])
def test_content_info(lab, own, cnf, want):
    """6.3.3 contentInfo."""
    assert lab.create(own[1] + "/c", 4, {"m2m:cin": {"con": "x", "cnf": cnf}}, own[0]).rsc == want


def test_instances(lab, own):
    stem, path = own
    c = path + "/k"
    state = lambda: [lab.get(c, stem).json["m2m:cnt"][k] for k in ("cni", "cbs", "st")]
    add = lambda con, **more: lab.create(c, 4, {"m2m:cin": dict({"con": con}, **more)}, stem)
    lab.create(path, 3, {"m2m:cnt": {"rn": "k", "mni": 3, "mbs": 10}}, stem)
    for end in ("/la", "/ol"):
        assert lab.get(c + end, stem).rsc == lab.delete(c + end, stem).rsc == 4004
    assert [add(x).json["m2m:cin"]["st"] for x in ("1", "22", "333")] == [1, 2, 3] and state() == [3, 6, 3]
    assert add("4444").rsc == 2001 and state() == [3, 9, 4]
    assert add("x" * 10).rsc == 2001 and state() == [1, 10, 5]
    a = add("x" * 11)
    assert (a.http, a.rsc) == (406, 5207) and state() == [1, 10, 5]
    assert lab.put(c, {"m2m:cnt": {"mbs": 5}}, stem).json["m2m:cnt"]["cni"] == 0
    add("a", rn="one"), add("b", rn="two")
    assert [lab.get(c + end, stem).json["m2m:cin"]["rn"] for end in ("/la", "/ol")] == ["two", "one"]
    for method, body, ty in (("PUT", {"m2m:cin": {}}, None), ("POST", {"m2m:cin": {"con": "x"}}, 4), ("POST", {"m2m:cnt": {}}, 3)):
        for end in ("/la", "/ol"):
            assert lab.ask(method, c + end, body, ty, stem).rsc == 4005
    assert lab.put(c + "/one", {"m2m:cin": {"lbl": ["x"]}}, stem).rsc == 4005
    assert lab.delete(c + "/ol", stem).rsc == 2002 and state()[:2] == [1, 1]
    assert lab.get(c + "/one", stem).rsc == 4004
    assert lab.create(c + "/two", 3, {"m2m:cnt": {}}, stem).rsc == 4108
    for wrong in ({"mni": -1}, {"mbs": "1"}, {"mia": 1.5}):
        assert lab.create(path, 3, {"m2m:cnt": wrong}, stem).rsc == 4000
    lab.create(path, 3, {"m2m:cnt": {"rn": "none", "mni": 0}}, stem)
    assert lab.create(path + "/none", 4, {"m2m:cin": {"con": "x"}}, stem).rsc == 5207


def test_age(lab, own):
    stem, path = own
    lab.create(path, 3, {"m2m:cnt": {"rn": "old", "mia": 1}}, stem)
    cin = lab.create(path + "/old", 4, {"m2m:cin": {"con": "x"}}, stem).json["m2m:cin"]
    assert cin["et"] <= time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    end = time.time() + 30
    while lab.get(path + "/old", stem).json["m2m:cnt"]["cni"] and time.time() < end:
        time.sleep(0.1)
    cnt = lab.get(path + "/old", stem).json["m2m:cnt"]
    assert (cnt["cni"], cnt["cbs"]) == (0, 0) and lab.get(path + "/old/la", stem).rsc == 4004


def test_retrieval_disabled(lab, own):
    """7.4.7.2.2, 7.4.7.2.4, 7.4.27.2, 7.4.28.2."""
    stem, path = own
    c = path + "/d"
    lab.create(path, 3, {"m2m:cnt": {"rn": "d", "disr": True}}, stem)
    assert lab.create(c, 4, {"m2m:cin": {"con": "x", "rn": "i"}}, stem).rsc == 2001
    for end in ("/i", "/la", "/ol"):
        assert lab.get(c + end, stem).rsc == lab.delete(c + end, stem).rsc == 4005
    assert lab.get(c + "?fu=1", stem).json["m2m:uril"] == [] and "m2m:cin" not in lab.get(c + "?rcn=4", stem).json["m2m:cnt"]
    assert lab.get(c, stem).json["m2m:cnt"]["cni"] == 1
    lab.put(c, {"m2m:cnt": {"disr": False}}, stem)
    assert lab.get(c + "/la", stem).rsc == 4004  # gone: test_instances_that_came_while_retrieval_was_disabled
    assert lab.create(c, 4, {"m2m:cin": {"con": "y"}}, stem).rsc == 2001 and lab.get(c + "/la", stem).json["m2m:cin"]["con"] == "y"


def test_state_tag(lab, own):
    """TS-0001 9.6.1.3.2: 0 at first, one more at every change."""
    stem, path = own
    st = lambda: lab.get(path + "/s", stem).json["m2m:cnt"]["st"]
    lab.create(path, 3, {"m2m:cnt": {"rn": "s"}}, stem)
    assert st() == 0
    lab.put(path + "/s", {"m2m:cnt": {"lbl": ["x"]}}, stem), lab.put(path + "/s", {"m2m:cnt": {}}, stem)
    assert st() == 2
    lab.create(path + "/s", 4, {"m2m:cin": {"con": "x"}}, stem)
    assert st() == 3
    assert lab.put(path + "/s", {"m2m:cnt": {"st": 9}}, stem).rsc == 4000 and st() == 3
    lab.create(path + "/s", 3, {"m2m:cnt": {}}, stem)
    assert st() == 3


# --- timeSeries [7.4.38, 7.4.39] -----------------------------------------------------------------


@pytest.mark.parametrize("ts,want", [
    ({}, 2001), ({"pei": 1000}, 2001), ({"pei": 1000, "peid": 500}, 2001), ({"pei": 1000, "peid": 501}, 4000), ({"pei": 0}, 4000),
    ({"mdd": True}, 4000), ({"mdd": True, "pei": 1000}, 4000), ({"mdd": True, "pei": 1000, "mdt": 100, "peid": 100}, 4000),
    ({"mdd": True, "pei": 1000, "mdt": 101, "peid": 100, "mdn": 5}, 2001), ({"mdd": False, "mdt": 5}, 2001), ({"mdn": 0}, 4000),
    ({"mdlt": []}, 4000), ({"mdc": 0}, 4000), ({"cni": 0}, 4000), ({"cnf": "text/plain:0"}, 2001)])
def test_series(lab, own, ts, want):
    assert lab.create(own[1], 29, {"m2m:ts": ts}, own[0]).rsc == want


def test_a_series_that_is_watched(lab, own):
    """7.4.38.2.3."""
    stem, path = own
    t = path + "/t"
    put = lambda **body: lab.put(t, {"m2m:ts": body}, stem)
    lab.create(path, 29, {"m2m:ts": {"rn": "t", "pei": 60000, "peid": 100, "mdt": 500, "mdd": True}}, stem)
    for one in ({"pei": 1000}, {"peid": 1}, {"mdt": 900}, {"mdn": 3}, {"mdd": True, "mdt": 900}, {"mdd": False, "pei": 1000}):
        assert put(**one).rsc == 4000, one
    ended = put(mdd=False)
    assert ended.rsc == 2004 and ended.json["m2m:ts"]["mdlt"] == []
    assert put(mdt=100).rsc == 2004 and put(mdd=True).rsc == 4000 and put(mdt=101).rsc == 2004 and put(mdd=True).rsc == 2004
    assert put(cnf="x/y:0").rsc == 4000 and put(lbl=["x"]).rsc == 2004


def test_data_of_a_series(lab, own):
    stem, path = own
    lab.create(path, 29, {"m2m:ts": {"rn": "t", "mni": 2}}, stem)
    add = lambda dgt, **more: lab.create(path + "/t", 30, {"m2m:tsi": dict({"dgt": dgt, "con": "x"}, **more)}, stem)
    for dgt, want in [("20260101T000000", 2001), ("20260101T000000", 4105), ("20260101T000001,5", 2001), ("bad", 4000), (-1, 4000), (None, 4000)]:
        assert add(dgt).rsc == want, dgt
    assert add("20260101T000005", snr=1).rsc == 2001 and add("20260101T000006", cs=1).rsc == 4000
    ts = lab.get(path + "/t", stem).json["m2m:ts"]
    assert (ts["cni"], ts["cbs"]) == (2, 2) and lab.get(path + "/t/la", stem).json["m2m:tsi"]["dgt"] == "20260101T000005"
    assert lab.put(path + "/t/la", {"m2m:tsi": {"con": "y"}}, stem).rsc == 4005
    assert lab.create(path + "/t", 4, {"m2m:cin": {"con": "x"}}, stem).rsc == 4108
    assert lab.create(path + "/c", 30, {"m2m:tsi": {"con": "x", "dgt": "20260101T000000"}}, stem).rsc == 4108


# --- schedule and pollingChannel [7.4.9, 7.4.21] ---------------------------------------------------


@pytest.mark.parametrize("entry,want", [
    ("* * * * * * *", 2001), ("* 0-5 2,6,10 * * * *", 2001), ("* * 0-23/2 * * * *", 2001), ("* * * * * */2 *", 2001), ("0 0 0 1 1 0 2030", 2001),
    ("* * 24 * * * *", 4000), ("* * 5/2 * * * *", 4000), ("* * */0 * * * *", 4000), ("* * 5-3 * * * *", 4000), ("* * * * * *", 4000),
    ("* * * * * * * *", 4000), ("* * * * 0 * *", 4000), ("x * * * * * *", 4000), ("", 4000)])
def test_schedule_entries(lab, own, entry, want):
    assert lab.create("/cse-in/n", 18, {"m2m:sch": {"se": {"sce": [entry]}}}).rsc == want


def test_schedules(lab, own):
    """One for all but a node, which has one for each of its networks [TS-0001 9.6.3, 9.6.5, 9.6.8, 9.6.18]."""
    stem, path = own
    lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [path[1:]]}}, stem)
    for where in ("/cse-in", path, path + "/c/s"):
        assert lab.create(where, 18, {"m2m:sch": dict(ALWAYS, rn="sch")}).rsc == 2001
        a = lab.create(where, 18, {"m2m:sch": ALWAYS})
        assert (a.http, a.rsc) == (409, 4105)
        assert lab.delete(where + "/sch").rsc == 2002 and lab.create(where, 18, {"m2m:sch": dict(ALWAYS, rn="sch")}).rsc == 2001
    for _ in range(2):
        assert lab.create("/cse-in/n", 18, {"m2m:sch": ALWAYS}).rsc == 2001
    assert lab.create(path + "/c", 18, {"m2m:sch": ALWAYS}, stem).rsc == 4108
    lab.delete("/cse-in/sch")


def test_polling_channels(lab, own):
    stem, path = own
    other, _ = lab.ae()
    assert lab.create(path, 15, {"m2m:pch": {"rn": "p"}}, other).rsc == 4103
    assert lab.create(path, 15, {"m2m:pch": {"rn": "p"}}, stem).rsc == 2001
    assert lab.create(path, 15, {"m2m:pch": {}}, stem).rsc == 4105
    for at in ("/p", "/p/pcu"):
        assert lab.get(path + at, other).rsc == 4103
    assert lab.put(path + "/p/pcu", {"m2m:pch": {}}, stem).rsc == lab.delete(path + "/p/pcu", stem).rsc == 4005
    a = lab.get(path + "/p/pcu", stem, X_M2M_RET="200")
    assert (a.http, a.rsc) == (504, 4008)
    assert lab.delete(path + "/p", stem).rsc == 2002 and lab.get(path + "/p/pcu", stem).rsc == 4004


# --- others ------------------------------------------------------------------------------------------


def test_location_policies(lab, own):
    """7.4.10: the container comes and goes with it."""
    assert lab.create("/cse-in", 10, {"m2m:lcp": {"los": 9}}).rsc == 4000
    assert lab.create("/cse-in", 10, {"m2m:lcp": {"los": 1}}).rsc == 5001  # no underlying network
    lcp = lab.create("/cse-in", 10, {"m2m:lcp": {"rn": "l", "los": 2, "lon": "places"}}).json["m2m:lcp"]
    cnt = lab.get("/cse-in/places").json["m2m:cnt"]
    assert (lcp["loi"], cnt["li"]) == (cnt["ri"], lcp["ri"])
    assert lab.create("/cse-in", 10, {"m2m:lcp": {"los": 2, "lon": "places"}}).rsc == 4105
    lab.create("/cse-in/places", 4, {"m2m:cin": {"con": "here"}})
    assert lab.delete("/cse-in/l").rsc == 2002
    assert lab.get("/cse-in/places").rsc == lab.get("/" + cnt["ri"]).rsc == 4004
    # what took its name since is another's
    lab.create("/cse-in", 10, {"m2m:lcp": {"rn": "l", "los": 2, "lon": "places"}})
    assert lab.delete("/cse-in/places").rsc == 2002
    assert lab.create("/cse-in", 3, {"m2m:cnt": {"rn": "places"}}).rsc == 2001
    assert lab.delete("/cse-in/l").rsc == 2002 and lab.get("/cse-in/places").rsc == 2000
    lab.delete("/cse-in/places")


def test_event_configurations(lab, own):
    """7.4.24.2.1, 7.4.24.2.3."""
    lab.create("/cse-in", 22, {"m2m:stcg": {"rn": "g"}})
    t1, t2 = "20300101T000000", "20310101T000000"
    for evcg, want in [({"evt": 1, "opt": [2]}, 2001), ({"evt": 2, "ds": 5}, 2001), ({"evt": 2}, 4000), ({"evt": 1, "ds": 5}, 4000),
                       ({"evt": 3, "evs": t1, "eve": t2}, 2001), ({"evt": 3, "evs": t2, "eve": t1}, 4000), ({"evt": 4}, 4000),
                       ({"evt": 1, "erts": [3], "eris": ["cse-in/x"]}, 4000), ({"evt": 1, "erts": [3], "rn": "e"}, 2001)]:
        assert lab.create("/cse-in/g", 7, {"m2m:evcg": evcg}).rsc == want, evcg
    assert lab.put("/cse-in/g/e", {"m2m:evcg": {"eris": ["cse-in/x"]}}).rsc == 4000
    assert lab.put("/cse-in/g/e", {"m2m:evcg": {"erts": None, "eris": ["cse-in/x"]}}).rsc == 2004


def test_application_rules(lab, own):
    """7.4.29.2.1, 7.4.29.2.3: patterns begin as App-IDs do."""
    for aai, want in [(["*"], 2001), (["N*", "R1.a"], 2001), (["r1"], 2001), (["x*"], 4000), (["N1", "?"], 4000), ([""], 4000)]:
        assert lab.create("/cse-in", 19, {"m2m:asar": {"aai": aai}}).rsc == want, aai
    lab.create("/cse-in", 19, {"m2m:asar": {"rn": "rule"}})
    assert lab.put("/cse-in/rule", {"m2m:asar": {"aai": ["x"]}}).rsc == 4000
    assert lab.put("/cse-in/rule", {"m2m:asar": {"aai": ["N"]}}).rsc == 2004


def test_announcing_instances(lab, own):
    """7.3.3.10: an instance goes where its parent is announced, and nowhere else."""
    stem, path = own
    lab.create(path, 3, {"m2m:cnt": {"rn": "an", "at": ["/mn-x"]}}, stem)
    at = lambda c, at: lab.create(path + c, 4, {"m2m:cin": {"con": "x", "at": at}}, stem)
    assert at("/c", ["/mn-x"]).rsc == 4005 and at("/an", ["/mn-y"]).rsc == 4005 and at("/an", ["/mn-x", "/mn-y"]).rsc == 4005
    assert at("/an", ["/mn-x"]).rsc == 2001
    for wrong in (["x y"], ["/in-cse"], ["mn"], "x"):
        assert lab.create(path, 3, {"m2m:cnt": {"at": wrong}}, stem).rsc == 4000, wrong


def test_flexible_containers(lab, own):
    """7.4.37."""
    stem, path = own
    cnd = "org.onem2m.common.moduleclass.binarySwitch"
    make = lambda member="cod:binSh", **body: lab.create(path, 28, {member: body}, stem)
    assert make(cnd=cnd, powSe=True, rn="f").json["cod:binSh"]["cnd"] == cnd
    assert make(cnd="org.example.unknown").rsc == 4125
    for wrong in ({"powSe": True}, {"cnd": cnd}, {"cnd": cnd, "powSe": "on"}, {"cnd": cnd, "powSe": True, "foo": 1}, {"cnd": 5}, {"cnd": None},
                  {"cnd": cnd, "powSe": True, "cs": 1}):
        assert make(**wrong).rsc == 4000, wrong
    assert make("m2m:binSh", cnd=cnd, powSe=True).rsc == 4000
    put = lambda **body: lab.put(path + "/f", {"cod:binSh": body}, stem)
    assert put(cnd=cnd).rsc == put(powSe=None).rsc == put(foo=1).rsc == 4000
    a = put(powSe=False)
    assert a.rsc == 2004 and a.json["cod:binSh"]["st"] == 1 and a.json["cod:binSh"]["cs"] > 0
    assert lab.create(path + "/f", 4, {"m2m:cin": {"con": "x"}}, stem).rsc == 4108


def test_management_objects(lab, own):
    """7.4.15, D: by definition; what is asked of a device that no executor reaches is not done."""
    make = lambda member, mgd, **body: lab.create("/cse-in/n", 13, {"m2m:" + member: dict(body, mgd=mgd)})
    assert make("bat", 1006, btl=50, bts=1).rsc == 2001
    for wrong in (make("bat", 1003, mma=1, mmt=2), make("bat", 1006, btl=50), make("bat", 1006, btl=50, bts=9), make("bat", "1006", btl=5, bts=1),
                  make("bat", None, btl=5, bts=1), make("bat", 1006, btl=50, bts=1, obis="x")):
        assert wrong.rsc in (4000, 4125), wrong
    assert make("bat", 9999).rsc == 4125
    fwr = dict(vr="1", fwn="f", url="https://a.example/f", ud=False)
    assert make("fwr", 1001, rn="fw", **fwr).rsc == 2001
    assert make("fwr", 1001, uds={"acn": "a", "sus": 1}, **fwr).rsc == 4000  # NP in a Create [D.2]
    assert lab.put("/cse-in/n/fw", {"m2m:fwr": {"ud": True}}).rsc == 5001
    assert lab.create(own[1], 13, {"m2m:bat": {"mgd": 1006, "btl": 5, "bts": 1}}, own[0]).rsc == 4108


def test_types_that_are_elsewhere(lab, own):
    """7.3.3.3: known, not built: 5001; made by the CSE alone: 4005; unknown: 4000."""
    stem, path = own
    for ty in (38, 39, 40, 41, 42, 45, 46, 49):
        assert lab.create(path, ty, {"m2m:x": {}}, stem).rsc == 5001, ty
    for ty in (5, 17):
        assert lab.create(path, ty, {"m2m:x": {}}, stem).rsc == 4005, ty
    for ty in (0, 99, 9999, 10099, 20001):
        assert lab.create(path, ty, {"m2m:x": {}}, stem).rsc == 4000, ty


def test_an_mn_cse_has_no_in_types():
    """7.3.3.3: types of the IN-CSE alone are not allowed elsewhere; doc/decision/042-conformance.md keeps three."""
    node = labnode.Lab("--cse-type", "MN", "--cse-name", "cse-mn", "--admin", "CAdmin")
    for ty, member in ((7, "evcg"), (21, "stcl"), (22, "stcg"), (43, "alst"), (44, "alpc"), (47, "tgr")):
        assert node.create("/cse-mn", "CAdmin", ty, {"m2m:" + member: {}})[0] == 4005, ty
    assert node.stop() == 0


def test_expiry(lab, own):
    """7.3.3.3-5, 7.3.3.8: bounded by the parent's, gone with what is below."""
    stem, path = own
    soon = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    e = path + "/e"
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "e", "et": soon}}, stem).json["m2m:cnt"]["et"] == soon
    child = lab.create(e, 3, {"m2m:cnt": {"rn": "x", "et": "29990101T000000"}}, stem).json["m2m:cnt"]
    assert child["et"] == soon
    for wrong in ("20200101T000000", "x", "20260101", 5, "", "20261301T000000"):
        assert lab.create(path, 3, {"m2m:cnt": {"et": wrong}}, stem).rsc == 4000, wrong
        assert lab.put(path + "/c", {"m2m:cnt": {"et": wrong}}, stem).rsc == 4000, wrong
    end = time.time() + 30
    while lab.get(e, stem).rsc != 4004 and time.time() < end:
        time.sleep(0.1)
    assert lab.get(e, stem).rsc == lab.get(e + "/x", stem).rsc == lab.get("/" + child["ri"], stem).rsc == 4004


# --- mgmtCmd [7.4.16.2.1] ------------------------------------------------------------------------


DOWNLOAD = {"ftyp": "1 Firmware", "url": "http://files.example/f"}


@pytest.mark.parametrize("mgc,want", [
    ({"cmt": 4, "exra": {"dld": [DOWNLOAD]}}, 2001), ({"cmt": 1}, 2001), ({"cmt": 1, "exra": {"rst": [{}]}}, 2001),
    ({}, 4000), ({"cmt": 0}, 6022), ({"cmt": 8}, 6022), ({"cmt": "1"}, 6022), ({"cmt": None}, 4000),
    ({"cmt": 3, "exra": {"dld": [DOWNLOAD]}}, 6023), ({"cmt": 4, "exra": {"dld": [{"url": "http://files.example/f"}]}}, 6024),
    ({"cmt": 2, "exe": True}, 5001)])
def test_commands(lab, mgc, want):
    a = lab.create("/cse-in", 12, {"m2m:mgc": dict(mgc, ext="cse-in/n")})
    assert a.rsc == want and a.http == {2001: 201, 5001: 501}.get(want, 400)
    assert want != 2001 or "exra" not in a.json["m2m:mgc"]
