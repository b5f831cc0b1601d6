"""Groups: subscriptions made through one, whose notifications it gathers; members elsewhere."""
import time

import pytest
pytest.importorskip("requests")

from labnode import Lab
from node import free_port
from receiver import Receiver
from waiting import until

AE = {"api": "Ntool", "rr": False, "srv": ["3"]}


@pytest.fixture(scope="module")
def two():
    i = Lab("--cse-id", "/id-in", "--cse-name", "cse-in", "--remote-cses", "/id-mn,/id-dead")
    m = Lab("--cse-id", "/id-mn", "--cse-name", "cse-mn", "--cse-type", "MN", "--register-to", i.url,
            "--registrar-id", "/id-in", address="127.0.0.2")
    until(lambda: i.get("/-/id-mn", "CAdmin")[0] == 2000 and m.get("/-/id-in", "CAdmin")[0] == 2000)
    for n in (i, m):
        acp = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
        rsc, got = n.create("/-", "CAdmin", 1, acp)
        assert rsc == 2001, got
        n.acpi = [got["m2m:acp"]["ri"]]
        for origin in ("Cuser", "Cother"):
            assert n.create("/-", origin, 2, {"m2m:ae": dict(AE, rn=origin)})[0] == 2001
    yield i, m
    assert [n.stop() for n in (m, i)] == [0, 0]


@pytest.fixture()
def r():
    with Receiver() as r:
        yield r


class Count:
    n = 0


def boxes(n, *names, **more):
    for name in names:
        rsc, got = n.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": name, "acpi": n.acpi, **more}})
        assert rsc == 2001, got


def group(n, mid, **more):
    Count.n += 1
    rn = f"g{Count.n}"
    rsc, got = n.create("/-", "CAdmin", 9, {"m2m:grp": {"rn": rn, "mnm": 9, "mid": mid, "acpi": n.acpi, **more}})
    assert rsc == 2001, got
    return "/-/" + rn, got["m2m:grp"]


def subscribe(n, g, nu, nfu, origin="Cuser", rn="s", **more):
    sub = {"rn": rn, "nu": [nu], "enc": {"net": [3], "chty": [4]}, **({"nfu": nfu} if nfu else {}), **more}
    return n.create(g + "/fopt", origin, 23, {"m2m:sub": sub})


def put(n, path, con):
    rsc, got = n.create(path, "Cuser", 4, {"m2m:cin": {"con": con}})
    assert rsc == 2001, got


def gathered(r):
    return [[s["nev"]["rep"]["m2m:cin"]["con"] for s in g.json["m2m:agn"]["m2m:sgn"]] for g in r.got if "m2m:agn" in (g.json or {})]


def codes(answer):
    assert answer[0] == 2000, answer
    return [x["rsc"] for x in answer[1]["m2m:agr"]["m2m:rsp"]]


def test_gathered_here(two, r):
    """By number, then by time; nobody but nfu is told."""
    i, _ = two
    boxes(i, "a1", "a2", "a3")
    g, grp = group(i, ["cse-in/a1", "cse-in/a2", "cse-in/a3"], nar={"num": 3, "dur": "PT1S"})
    with Receiver() as unused:
        a = subscribe(i, g, unused.url, r.url + "/f", exc=2)
        assert codes(a) == [2001] * 3
        subs = [x["pc"]["m2m:sub"] for x in a[1]["m2m:agr"]["m2m:rsp"]]
        assert {tuple(s["nu"]) for s in subs} == {("/id-in/" + grp["ri"],)} and {s["nfu"] for s in subs} == {r.url + "/f"}
        assert len(r.got) == 1 and r.got[0].sgn["vrq"] is True and r.got[0].sgn["cr"] == "Cuser"
        for k, box in enumerate(("a1", "a2", "a3")):
            put(i, "/-/" + box, f"x{k}")
        until(lambda: gathered(r) == [["x0", "x1", "x2"]], 3)
        assert {s["sur"] for s in r.got[1].json["m2m:agn"]["m2m:sgn"]} == {"/id-in/" + s["ri"] for s in subs}
        assert r.got[1].path == "/f" and r.got[1].json["m2m:agn"]["m2m:sgn"][0]["nfu"] == r.url + "/f"
        put(i, "/-/a1", "y")
        until(lambda: gathered(r) == [["x0", "x1", "x2"], ["y"]], 4)
        assert not unused.got
    # each subscription counted what it told: one has come to its end
    until(lambda: [i.get(f"/-/a{k}/s", "Cuser")[0] for k in (1, 2, 3)] == [4004, 2000, 2000])
    assert i.get("/-/a2/s", "Cuser")[1]["m2m:sub"]["exc"] == 1


def test_who_forwards_where(two, r):
    """nfu is asked like any target; only what a group was asked to gather goes through it."""
    i, _ = two
    boxes(i, "b1", "b2")
    g, grp = group(i, ["cse-in/b1", "cse-in/b2"], nar={"num": 9, "dur": "PT1S"})
    with Receiver(lambda got: (403, {"X-M2M-RSC": "4103"}, b"")) as no:
        assert subscribe(i, g, no.url, no.url)[0] == 5204
    assert subscribe(i, g, r.url, f"http://127.0.0.1:{free_port()}")[0] == 5204
    assert i.get("/-/b1/s", "Cuser")[0] == 4004
    # not through it, and not on somebody else's right
    name = "/id-in/" + grp["ri"]
    direct = {"rn": "d", "nu": [name], "nfu": r.url, "enc": {"net": [3]}}
    assert i.create("/-/b1", "Cuser", 23, {"m2m:sub": direct})[0] == 5204
    assert codes(subscribe(i, g, r.url, r.url)) == [2001] * 2
    assert i.create("/-/b1", "Cother", 23, {"m2m:sub": direct})[0] == 5204
    # without nfu nothing is gathered
    assert codes(subscribe(i, g, r.url + "/own", None, rn="t")) == [2001] * 2
    n = len(r.got)
    put(i, "/-/b1", "1")
    until(lambda: len(r.got) == n + 2, 4)
    assert sorted((g.path, "m2m:agn" in g.json) for g in r.got[n:]) == [("/", True), ("/own", False)]
    # what is withdrawn meanwhile is not sent: the subscription, the right, the group
    put(i, "/-/b1", "gone")
    put(i, "/-/b2", "stays")
    assert i.ask("DELETE", "/-/b1/s", "Cuser")[0] == 2002
    until(lambda: gathered(r)[1:] == [["stays"]], 4)
    put(i, "/-/b2", "lost")
    assert i.ask("DELETE", g, "Cuser")[0] == 2002
    n = len(r.got)
    time.sleep(1.3)
    assert [g.path for g in r.got[n:]] in ([], ["/own"]), r.got[n:]


def test_left_out_is_not_counted(two, r):
    """One message of two, of which the second may not be told any more: told is the first alone, and only that is counted."""
    i, _ = two
    rights = lambda who: {"acr": [{"acor": [who], "acop": 63}]}
    rsc, got = i.create("/-", "CAdmin", 1, {"m2m:acp": {"rn": "left", "pv": rights("all"), "pvs": rights("CAdmin")}})
    assert rsc == 2001, got
    boxes(i, "left1")
    assert i.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": "left2", "acpi": [got["m2m:acp"]["ri"]]}})[0] == 2001
    g, _ = group(i, ["cse-in/left1", "cse-in/left2"], nar={"num": 9, "dur": "PT2S"})
    assert codes(subscribe(i, g, r.url, r.url, exc=5)) == [2001] * 2
    put(i, "/-/left1", "told")
    put(i, "/-/left2", "secret")
    assert i.ask("PUT", "/-/left", "CAdmin", {"m2m:acp": {"pv": rights("Cother")}})[0] == 2004
    until(lambda: gathered(r) == [["told"]], 5)
    count = lambda box: i.get(f"/-/{box}/s", "Cuser")[1]["m2m:sub"]["exc"]
    until(lambda: count("left1") == 4)
    assert i.ask("PUT", "/-/left", "CAdmin", {"m2m:acp": {"pv": rights("all")}})[0] == 2004
    assert count("left2") == 5
    time.sleep(0.3)
    assert gathered(r) == [["told"]]


def test_members_elsewhere_report_to_the_group(two, r):
    i, m = two
    boxes(i, "c1")
    boxes(m, "c2", "c3")
    g, grp = group(i, ["cse-in/c1", "/id-mn/-/c2", "/id-mn/-/c3"], nar={"num": 3, "dur": "PT20S"})
    assert codes(subscribe(i, g, r.url, r.url)) == [2001] * 3
    assert len(r.got) == 1
    put(i, "/-/c1", "x")
    put(m, "/-/c2", "y")
    put(m, "/-/c3", "z")
    until(lambda: len(gathered(r)) == 1, 8)
    assert sorted(gathered(r)[0]) == ["x", "y", "z"]
    assert sorted(s["sur"].rsplit("/", 1)[0] for s in r.got[1].json["m2m:agn"]["m2m:sgn"]) == ["/id-in", "/id-mn", "/id-mn"]


def test_only_the_cse_of_a_member_reports(two, r):
    """And only what the group was asked to gather: no sending on behalf of strangers."""
    i, m = two
    boxes(i, "e1")
    boxes(m, "e2")
    far, grp = group(i, ["cse-in/e1", "/id-mn/-/e2"])
    assert codes(subscribe(i, far, r.url, r.url)) == [2001] * 2
    near, _ = group(i, ["cse-in/e1"])
    sgn = lambda nfu, sur="/id-mn/sub1": {"m2m:sgn": {"sur": sur, "nfu": nfu, "nev": {"net": 3, "rep": {}}}}
    n = len(r.got)
    for who, at, body, want in [
            ("/id-mn", near, sgn(r.url), 4103), ("Cother", far, sgn(r.url), 4103),
            ("/id-mn", far, sgn(r.url + "/elsewhere"), 4103), ("/id-mn", far, sgn(r.url, "/id-in/sub1"), 4103),
            ("/id-mn", far, {"m2m:sgn": {"nev": {}}}, 4103), ("/id-mn", far, {"m2m:cin": {}}, 4000),
            ("/id-mn", far, {"m2m:agn": {"m2m:sgn": [sgn(r.url)["m2m:sgn"], sgn("http://x")["m2m:sgn"]]}}, 4103),
            ("/id-mn", far, {"m2m:sgn": {"vrq": True, "cr": "Cuser"}}, 2000), ("/id-mn", near, {"m2m:sgn": {"vrq": True}}, 4103),
            ("/id-mn", far, sgn(r.url), 2000)]:
        assert i.ask("POST", at, who, body)[0] == want, (who, at, body)
    assert len(r.got) == n


def test_groups_in_groups(two, r):
    """The outer group gathers, here and for a group at another CSE."""
    i, m = two
    boxes(i, "f1", "f2")
    boxes(m, "f3")
    inner, _ = group(i, ["cse-in/f2"])
    far, _ = group(m, ["cse-mn/f3"])
    g, grp = group(i, ["cse-in/f1", inner[3:] and "cse-in" + inner[2:] + "/fopt", "/id-mn" + far + "/fopt"], nar={"num": 3, "dur": "PT20S"})
    assert codes(subscribe(i, g, r.url, r.url)) == [2001, 2000, 2000]
    assert len(r.got) == 1
    put(i, "/-/f1", "x")
    put(i, "/-/f2", "y")
    put(m, "/-/f3", "z")
    until(lambda: len(gathered(r)) == 1, 8)
    assert sorted(gathered(r)[0]) == ["x", "y", "z"]


def test_nobody_answers(two):
    """TS-0004 7.4.14.2.5: no response at all is 5209; one that is missing is told beside the others."""
    i, _ = two
    dead = {"csi": "/id-dead", "cb": "/id-dead/-", "rr": True, "srv": ["3"], "poa": [f"http://127.0.0.1:{free_port()}"]}
    assert i.create("/-", "/id-dead", 16, {"m2m:csr": dead})[0] == 2001
    boxes(i, "h1")
    g, _ = group(i, ["/id-dead/-/x"])
    assert i.get(g + "/fopt", "Cuser")[0] == 5209
    g, _ = group(i, ["/id-dead/-/x", "cse-in/h1"])
    assert sorted(codes(i.get(g + "/fopt", "Cuser"))) == [2000, 5103]


def test_what_members_elsewhere_are(two):
    """TS-0004 7.4.13.2.1: they are asked; what cannot be is said by memberTypeValidated."""
    i, m = two
    boxes(m, "k1", "k2")
    put(m, "/-/k1", "x")
    rsc, got = m.create("/-", "CAdmin", 9, {"m2m:grp": {"rn": "kg", "mnm": 2, "mt": 3, "mid": ["cse-mn/k1"], "acpi": m.acpi}})
    assert rsc == 2001 and m.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": "hidden"}})[0] == 2001

    def made(mid, expect=2001, **more):
        Count.n += 1
        rsc, got = i.create("/-", "CAdmin", 9, {"m2m:grp": {"rn": f"g{Count.n}", "mnm": 9, "mid": mid, "acpi": i.acpi, **more}})
        assert rsc == expect, got
        return got.get("m2m:grp")

    g = made(["/id-mn/-/k1", "/id-mn/cse-mn/k2", "/id-mn/-/kg/fopt"], mt=3)
    assert g["cnm"] == 3 and g["mtv"] is True
    # the open policy, the AE and what is not there are no containers
    g = made(["/id-mn/-/k1", "/id-mn/-/open2", "/id-mn/-/none", "/id-mn/-/kg"], mt=3)
    assert g["mid"] == ["/id-mn/-/k1"] and g["mtv"] is True
    made(["/id-mn/-/k1", "/id-mn/-/kg"], 4110, mt=3, csy=2)
    g = made(["/id-mn/-/k1", "/id-mn/-/kg"], mt=3, csy=3)
    assert (g["mt"], g["cnm"], g["mtv"]) == (0, 2, True)
    made(["/id-mn/-/hidden"], 5105, mt=3)
    g = made(["/id-mn/-/k1/la", "/id-mn/-/k1/ol"], mt=20002)
    assert g["mid"] == ["/id-mn/-/k1/la"]
    # nobody there: not validated, until its members are named again; a mixed group asks nobody
    g = made(["/id-nowhere/-/x", "/id-mn/-/k1"], mt=3)
    assert g["cnm"] == 2 and g["mtv"] is False
    at = "/-/" + g["rn"]
    rsc, got = i.ask("PUT", at, "CAdmin", {"m2m:grp": {"mid": ["/id-mn/-/k1", "/id-mn/-/kg"]}})
    assert rsc == 2004 and (got["m2m:grp"]["mid"], got["m2m:grp"]["mtv"]) == (["/id-mn/-/k1"], True)
    g = made(["/id-nowhere/-/x", "/id-mn/-/hidden"])
    assert g["cnm"] == 2 and g["mtv"] is True


def asked(answer):
    assert answer[0] == 2000, answer
    return [(x["fr"], x["rsc"]) for x in answer[1]["m2m:agr"]["m2m:rsp"]]


def test_some_of_the_members(two):
    """TS-0004 7.4.14.2.4: Group Request Target Members, of this group or of groups in it; others are refused."""
    i, m = two
    boxes(i, "t1", "t2", "t3", "t4")
    boxes(m, "t5")
    inner, _ = group(i, ["cse-in/t3", "cse-in/t4"])
    sub = "cse-in" + inner[2:] + "/fopt"
    g, _ = group(i, ["cse-in/t1", "cse-in/t2", sub, "/id-mn/cse-mn/t5"])
    get = lambda *names, at=i, path=g: at.get(path + "/fopt?grtm=" + "+".join(names), "Cuser")
    assert asked(get("cse-in/t2")) == [("cse-in/t2", 2000)]
    assert asked(get("cse-in/t2", "cse-in/t1")) == [("cse-in/t1", 2000), ("cse-in/t2", 2000)]
    assert asked(get("/id-mn/cse-mn/t5", "cse-in/t1")) == [("cse-in/t1", 2000), ("/id-mn/cse-mn/t5", 2000)]
    # a group within: all of it, or one of its members
    for names, want in (((sub,), ["cse-in/t3", "cse-in/t4"]), (("cse-in/t4",), ["cse-in/t4"]), (("cse-in/t4", "cse-in/t3"), ["cse-in/t3", "cse-in/t4"])):
        (rsp,) = get(*names)[1]["m2m:agr"]["m2m:rsp"]
        assert rsp["fr"] == sub and [x["fr"] for x in rsp["pc"]["m2m:agr"]["m2m:rsp"]] == want, names
    # a change, for those alone, with a path behind
    rsc, got = i.create(g + "/fopt?grtm=cse-in/t1", "Cuser", 3, {"m2m:cnt": {"rn": "in"}})
    assert rsc == 2000 and i.get("/-/t1/in", "CAdmin")[0] == 2000 and i.get("/-/t2/in", "CAdmin")[0] == 4004
    assert asked(i.get(g + "/fopt/in?grtm=cse-in/t1+cse-in/t2", "Cuser")) == [("cse-in/t1", 2000), ("cse-in/t2", 4004)]
    # from another CSE, where it is no group
    assert asked(get("cse-in/t2", at=m, path="/~/id-in" + g)) == [("cse-in/t2", 2000)]
    for wrong in (["cse-in/none"], ["cse-in/t1", "cse-in/none"], ["cse-in/t1/in"], ["t1"]):
        assert get(*wrong)[0] == 4000, wrong
    assert i.get("/-/t1?grtm=cse-in/t1", "Cuser")[0] == 4000
    assert i.get(g + "/fopt?grtm=", "Cuser")[0] == 4000
    # who may not read a group within is not told who is in it
    assert i.ask("PUT", inner, "CAdmin", {"m2m:grp": {"acpi": None}})[0] == 2004
    assert get("cse-in/t4")[0] == 4000 and asked(get(sub)) == [(sub, 4103)]
