"""TS-0004 7.3, 7.4 and 7.5.1 read once more, step by step, and asked as an independent suite would: blocking updates,
events of reads, batches, what a group of subscriptions shows, containers that hide their instances, flexible containers that
are announced."""
import concurrent.futures, threading, time

import pytest
pytest.importorskip("requests")

import labnode
from lab import AE, until
from openlab import lab, own, r  # noqa: F401
from receiver import Receiver


# --- blocking updates [7.4.8.2.1, 7.5.1.2.19, 7.3.2.9; TS-0001 10.2.10.7] -----------------------------


@pytest.fixture()
def blocked(lab, own, r):
    """The container's updates are asked of another AE, which answers at r."""
    stem, path = own
    other, at = lab.ae()
    assert lab.put(at, {"m2m:ae": {"poa": [r.url]}}, other).rsc == lab.put(at, {"m2m:ae": {"acpi": ["cse-in/open"]}}, other).rsc == 2004
    assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [other], "enc": {"net": [7]}}}, stem).rsc == 2001
    r.got.clear()
    return stem, path + "/c", other


def test_nobody_is_asked_about_an_update_that_is_wrong(lab, blocked, r):
    """One that has been validated and authorized alone triggers the question [TS-0001 10.2.10.7]."""
    stem, c, _ = blocked
    lab.put(c, {"m2m:cnt": {"acpi": None}})
    r.got.clear()
    for body in ({"zzz": 1}, {"mni": -1}, {"ri": "x"}, {"et": "20200101T000000"}):
        assert lab.put(c, {"m2m:cnt": body}, stem).rsc == 4000
    assert lab.put(c, {"m2m:cnt": {"mni": 1}}, "Cnobody").rsc == 4103 and r.got == []
    assert lab.put(c, {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004 and len(r.got) == 1


def test_a_blocking_question(lab, blocked, r):
    """What is asked has the creator, as any notification of a subscription that has one; what was not agreed to is not there."""
    stem, c, _ = blocked
    assert lab.put(c, {"m2m:cnt": {"mni": 3}}, stem).rsc == 2004
    sur = "/in-cse/" + lab.get(c + "/s", stem).json["m2m:sub"]["ri"]
    assert r.got[-1].sgn == {"cr": stem, "nev": {"net": 7, "rep": {"m2m:cnt": {"mni": 3}}}, "sur": sur}
    for says, want in ((4005, 4127), (4103, 4127), (5000, 4127), (5103, 5107)):
        r.script = lambda got: (400, {"X-M2M-RSC": str(says)}, b"")
        assert lab.put(c, {"m2m:cnt": {"mni": 9}}, stem).rsc == want
        state = lab.get(c, stem).json["m2m:cnt"]
        assert (state["mni"], state["st"]) == (3, 1)


def test_the_right_to_be_asked_is_that_before_the_update(lab, blocked, r):
    """An update that takes from the creator what he may read is still asked of his target."""
    stem, c, _ = blocked
    only = {"acr": [{"acor": ["Cother"], "acop": 63}]}
    a = lab.create("/cse-in", 1, {"m2m:acp": {"pv": only, "pvs": only}})
    acpi = [a.json["m2m:acp"]["ri"]]
    r.script = lambda got: (403, {"X-M2M-RSC": "4103"}, b"")
    assert lab.put(c, {"m2m:cnt": {"acpi": acpi}}).rsc == 4127 and len(r.got) == 1
    assert lab.get(c, stem).json["m2m:cnt"]["acpi"] == ["cse-in/open"]


def test_a_second_blocking_subscription(lab, blocked):
    """That there is one is looked at before all else."""
    stem, c, other = blocked
    for body in ({"nu": [other]}, {"nu": [other, stem]}, {"nu": [other], "nct": 1}, {"nu": [other], "exc": 1}):
        assert lab.create(c, 23, {"m2m:sub": dict(body, enc={"net": [7]})}, stem).rsc == 4124


def test_a_blocking_subscription_behind_many(lab, own, r):
    """However many subscriptions stand before it, it is asked, and there is one."""
    stem, path = own
    other, at = lab.ae()
    assert lab.put(at, {"m2m:ae": {"poa": [r.url]}}, other).rsc == lab.put(at, {"m2m:ae": {"acpi": ["cse-in/open"]}}, other).rsc == 2004
    for _ in range(70):
        assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [stem], "enc": {"net": [2]}}}, stem).rsc == 2001
    body = {"m2m:sub": {"nu": [other], "enc": {"net": [7]}}}
    assert [lab.create(path + "/c", 23, body, stem).rsc for _ in range(2)] == [2001, 4124]
    r.got.clear()
    assert lab.put(path + "/c", {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004 and len(r.got) == 1


def test_no_new_target_is_asked_about_an_update_that_is_wrong(lab, own, r):
    """What is wrong with a subscription is said first, in an Update as in a Create; what a target refuses is not there."""
    stem, path = own
    s = path + "/c/s"
    assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [stem]}}, stem).rsc == 2001
    nu = [stem, r.url]
    for body in ({"zzz": 1}, {"nct": 5}, {"enc": {"net": [7]}}, {"ri": "x"}):
        assert lab.put(s, {"m2m:sub": {"nu": nu, **body}}, stem).rsc == 4000 and r.got == []
    r.script = lambda got: (403, {"X-M2M-RSC": "4103"}, b"")
    assert lab.put(s, {"m2m:sub": {"nu": nu, "exc": 9}}, stem).rsc == 5204 and len(r.got) == 1
    kept = lab.get(s, stem).json["m2m:sub"]
    assert kept["nu"] == [stem] and "exc" not in kept
    r.script = None
    assert lab.put(s, {"m2m:sub": {"nu": nu}}, stem).json["m2m:sub"]["nu"] == nu and len(r.got) == 2
    assert lab.put(s, {"m2m:sub": {"nu": [r.url]}}, stem).rsc == 2004 and len(r.got) == 2  # it was asked


# --- events and batches ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rcn,told", [(4, True), (8, True), (1, False), (5, False)])
def test_a_read_of_a_container_without_instances(lab, own, r, rcn, told):
    """6.3.4.2.19, 5: result content with children, and no contentInstance among them."""
    stem, path = own
    c = path + "/c"
    lab.create(c, 3, {"m2m:cnt": {"rn": "d"}}, stem)
    assert lab.create(c, 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [5]}}}, stem).rsc == 2001
    r.got.clear()
    assert lab.create(c, 4, {"m2m:cin": {"rn": "i", "con": "x"}}, stem).rsc == 2001
    assert lab.get(c + f"?rcn={rcn}", stem).rsc == 2000
    assert lab.delete(c + "/i", stem).rsc == 2002
    assert lab.get(c + f"?rcn={rcn}", stem).rsc == 2000
    assert lab.get(c + "/la", stem).rsc == 4004  # told of, too, and after it
    want = 1 + told
    for got in r.wait(want)[:want]:
        assert got.sgn["nev"]["net"] == 5 and got.sgn["nev"]["rep"]["m2m:cnt"]["rn"] == "c"
    assert len(r.got) == want


def test_a_discovery_is_monitored_by_its_own_bit(lab, own, r):
    """6.3.4.2.29, 6.3.5.57: DISCOVERY is 32, RETRIEVE is 2."""
    stem, path = own
    for ops in (2, 32):
        assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [f"{r.url}/{ops}"], "enc": {"om": [{"ops": ops}]}}}, stem).rsc == 2001
    for query, want in (("?fu=1", "/32"), ("", "/2")):
        r.got.clear()
        assert lab.get(path + "/c" + query, stem).rsc == 2000
        assert [got.path for got in r.wait(1)] == [want]
        assert r.got[0].sgn["nev"]["om"] == {"op": 2, "or": stem}


def test_a_member_that_was_reached_by_the_request_before(lab, own):
    """7.3.3.2, with a group at another CSE that names this one and its member: neither way it is done twice."""
    stem, path = own
    body = {"rn": "g", "mnm": 5, "mid": [path[1:] + "/c"], "acpi": ["cse-in/open"]}
    assert lab.create(path, 9, {"m2m:grp": body}, stem).rsc == 2001
    add = lambda at, gid: lab.create(path + at, 4, {"m2m:cin": {"con": "x"}}, stem, X_M2M_GID=gid)
    first = lambda a: a.json["m2m:agr"]["m2m:rsp"][0]["rsc"]
    assert add("/c", "one").rsc == 2001 and first(add("/g/fopt", "one")) == 4104
    assert first(add("/g/fopt", "two")) == 2001 and add("/c", "two").rsc == 4104
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["cni"] == 2


def test_a_batch_of_which_nothing_is_said(lab, own):
    """TS-0001 10.2.10.7: neither number nor duration: the default duration. Taken away by null."""
    stem, path = own
    a = lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [stem], "bn": {}}}, stem)
    assert a.rsc == 2001 and a.json["m2m:sub"]["bn"] == {"dur": "PT60S"}
    assert "bn" not in lab.put(path + "/c/s", {"m2m:sub": {"bn": None}}, stem).json["m2m:sub"]
    assert lab.put(path + "/c/s", {"m2m:sub": {"bn": {}}}, stem).json["m2m:sub"]["bn"] == {"dur": "PT60S"}


def test_what_a_subscription_to_several_made_is_in_the_answer(lab, own):
    """7.4.58.2.1 iv: regularResourcesAsTargetSubscriptions, in the order of the resources."""
    stem, path = own
    lab.create(path, 3, {"m2m:cnt": {"rn": "d"}}, stem)
    body = {"nu": [stem], "twt": 1, "tws": "PT5S", "rrat": [path[1:] + "/c", path[1:] + "/d"], "encs": {"encn": [{"net": [3]}]}}
    a = lab.create(path, 48, {"m2m:crs": dict(body, rn="x")}, stem)
    made = a.json["m2m:crs"]["rrats"]
    assert [lab.get("/~" + s, stem).json["m2m:sub"]["acrs"] for s in made] == [["/in-cse/" + a.json["m2m:crs"]["ri"]]] * 2
    assert a.json == lab.get(path + "/x", stem).json
    a = lab.create(path + "?rcn=9", 48, {"m2m:crs": dict(body, rn="y")}, stem).json["m2m:crs"]
    assert len(a["rrats"]) == 2 and not {"rn", "nu", "rrat", "encs", "tws", "twt"} & set(a)


def test_an_ae_with_a_polling_channel_is_told_there(lab, own, r):
    """7.3.3.9.1: a Notify goes to a point of access where there is no channel."""
    stem, path = own
    other, at = lab.ae()
    assert lab.put(at, {"m2m:ae": {"poa": [r.url]}}, other).rsc == lab.put(at, {"m2m:ae": {"acpi": ["cse-in/open"]}}, other).rsc == 2004
    notify = lambda: lab.ask("POST", at, {"m2m:sgn": {"sur": "/in-cse/x", "vrq": True, "cr": stem}}, None, stem, X_M2M_RET="4000")
    assert notify().rsc == 2000 and len(r.got) == 1
    assert lab.create(at, 15, {"m2m:pch": {"rn": "p"}}, other).rsc == 2001
    with concurrent.futures.ThreadPoolExecutor() as pool:
        told = pool.submit(notify)
        asked = lab.get(at + "/p/pcu", other, X_M2M_RET="4000").json["m2m:rqp"]
        assert lab.ask("POST", at + "/p/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": asked["rqi"]}}, None, other).rsc == 2000
        assert told.result().rsc == 2000 and len(r.got) == 1


# --- pages of children [TS-0001 8.1.2] -----------------------------------------


@pytest.fixture(scope="module")
def family(lab):
    """Three children with two children each."""
    stem, path = lab.ae()
    for k in "abc":
        assert lab.create(path, 3, {"m2m:cnt": {"rn": k}}, stem).rsc == 2001
        for i in "12":
            assert lab.create(f"{path}/{k}", 4, {"m2m:cin": {"rn": i, "con": "x"}}, stem).rsc == 2001
    return stem, path


@pytest.mark.parametrize("criteria,want,offset", [
    ("", "a12 b12 c12", None), ("&ofst=1", "a12 b12 c12", None), ("&ofst=2", "b12 c12", None), ("&ofst=3", "c12", None), ("&ofst=4", "", None),
    ("&lim=3", "a12", "2"), ("&lim=4", "a12", "2"), ("&lim=6", "a12 b12", "3"), ("&lim=9", "a12 b12 c12", None), ("&lim=2", "a1", "2"),
    ("&lim=3&ofst=2", "b12", "3"), ("&lvl=1&lim=2", "a b", "3"), ("&lvl=1&lim=1&ofst=2", "b", "3"), ("&lim=0", "", "1")])
@pytest.mark.parametrize("rcn", [4, 8])
def test_children_come_with_all_below_them(lab, family, criteria, want, offset, rcn):
    """The offset is the number of the child to begin at, the first is 1; a child that has not all its descendants is left
    out (but for the first), and Content Offset says where to go on."""
    stem, path = family
    a = lab.get(f"{path}?rcn={rcn}{criteria}", stem)
    (root,) = a.json.values()
    assert " ".join(c["rn"] + "".join(i["rn"] for i in c.get("m2m:cin", [])) for c in root.get("m2m:cnt", [])) == want
    assert a.headers["X-M2M-CTO"] == offset and a.headers["X-M2M-CTS"] == ("1" if offset else None) and "m2m:cin" not in root


# --- what is at another CSE [7.4.12.2.4, 7.4.14.2.5] --------------------------------------------------------


@pytest.fixture()
def far(lab):
    """A CSE that answers what it is asked when it is let."""
    let = threading.Event()

    def script(got):
        let.wait(8)
        return 200, {"X-M2M-RSC": "2000", "Content-Type": "application/json"}, b'{"m2m:cnt": {"rn": "far", "ty": 3}}'

    with Receiver(script) as r:
        body = {"rn": "far", "cb": "/mn/x", "csi": "/mn", "rr": True, "srv": ["3"], "poa": [r.url]}
        assert lab.create("/cse-in", 16, {"m2m:csr": body}, "/mn").rsc == 2001
        yield let
        let.set()
        assert lab.delete("/cse-in/far", "/mn").rsc == 2002


def test_a_group_answers_before_its_result_expires(lab, own, far):
    """7.4.14.2.5: with what there is by the Result Expiration Timestamp, and 5209 when that is nothing."""
    stem, path = own
    for rn, members in (("both", [path[1:] + "/c", "/mn/x/y"]), ("none", ["/mn/x/y"])):
        body = {"rn": rn, "mnm": 5, "mid": members, "acpi": ["cse-in/open"]}
        assert lab.create(path, 9, {"m2m:grp": body}, stem).rsc == 2001
    for rn, want in (("both", 2000), ("none", 5209)):
        began = time.monotonic()
        a = lab.get(path + f"/{rn}/fopt", stem, X_M2M_RST="1600")
        assert a.rsc == want and time.monotonic() - began < 1.6
        if want == 2000:
            assert [x["rsc"] for x in a.json["m2m:agr"]["m2m:rsp"]] == [2000, 5103]


def test_a_request_that_is_at_another_cse(lab, own, far):
    """requestStatus FORWARDED (4): it cannot be recalled, 5220; when its answer is there, its resource can be deleted."""
    stem, _ = own
    at = "/" + lab.get("/~/mn/x/y?rt=1", stem).json["m2m:uri"]
    status = lambda: lab.get(at, stem).json["m2m:req"]["rs"]
    assert until(lambda: status() == 4)
    assert lab.delete(at, stem).rsc == 5220 and status() == 4
    far.set()
    assert until(lambda: status() == 1)
    assert lab.get(at, stem).json["m2m:req"]["ors"]["pc"]["m2m:cnt"]["rn"] == "far"
    assert lab.delete(at, stem).rsc == 2002


# --- single types ---------------------------------------------------------------------------------------


def test_instances_that_came_while_retrieval_was_disabled(lab, own):
    """TS-0001 9.6.6: they go when it is enabled again."""
    stem, path = own
    c = path + "/k"
    lab.create(path, 3, {"m2m:cnt": {"rn": "k", "disr": True}}, stem)
    lab.create(c, 3, {"m2m:cnt": {"rn": "below"}}, stem)
    for con in "ab":
        assert lab.create(c, 4, {"m2m:cin": {"con": con}}, stem).rsc == 2001
    assert lab.put(c, {"m2m:cnt": {"lbl": ["x"]}}, stem).json["m2m:cnt"]["cni"] == 2
    a = lab.put(c, {"m2m:cnt": {"disr": False}}, stem).json["m2m:cnt"]
    assert (a["cni"], a["cbs"]) == (0, 0) and lab.get(c + "/la", stem).rsc == 4004 and lab.get(c + "/below", stem).rsc == 2000
    assert lab.create(c, 4, {"m2m:cin": {"con": "new"}}, stem).rsc == 2001
    assert lab.put(c, {"m2m:cnt": {"disr": False}}, stem).json["m2m:cnt"]["cni"] == 1  # it was not disabled
    lab.put(c, {"m2m:cnt": {"disr": True}}, stem)
    assert lab.put(c, {"m2m:cnt": {"disr": None}}, stem).json["m2m:cnt"]["cni"] == 0


def test_a_descriptor_and_what_changes_it(lab, own):
    """7.4.34.2.3: both at once are wrong; SPARQL alone is not built."""
    stem, path = own
    assert lab.create(path, 24, {"m2m:smd": {"rn": "m", "dcrp": 4, "dsp": "PHJkZj4="}}, stem).rsc == 2001
    assert lab.put(path + "/m", {"m2m:smd": {"soe": "INSERT DATA {}", "dsp": "PHJkZj4="}}, stem).rsc == 4000
    assert lab.put(path + "/m", {"m2m:smd": {"soe": "INSERT DATA {}"}}, stem).rsc == 5001


# --- announcements ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two():
    high = labnode.Lab("--cse-id", "/id-in", "--cse-name", "cse-in", "--remote-cses", "/id-mn")
    low = labnode.Lab("--cse-id", "/id-mn", "--cse-name", "cse-mn", "--cse-type", "MN", "--register-to", high.url,
                      "--registrar-id", "/id-in", address="127.0.0.2")
    assert until(lambda: low.get("/-/id-in", "CAdmin")[0] == 2000, 15), low.text()
    yield high, low
    assert [n.stop() for n in (low, high)] == [0, 0]


def test_identifiers_that_are_announced(two):
    """7.3.3.10: in a format that the other CSE can read, structured as they were, also when they change."""
    high, low = two
    assert low.create("/-", "Cids", 2, {"m2m:ae": dict(AE, rn="ids")})[0] == 2001
    ri = low.create("/-/ids", "Cids", 3, {"m2m:cnt": {}})[1]["m2m:cnt"]["ri"]
    group = {"rn": "g", "mnm": 5, "mid": ["cse-mn/ids", ri], "at": ["/id-in"], "aa": ["mid"]}
    assert low.create("/-/ids", "Cids", 9, {"m2m:grp": group})[0] == 2001
    at = until(lambda: [x for x in low.get("/-/ids/g", "Cids")[1]["m2m:grp"]["at"] if x != "/id-in"])
    there = lambda: high.get("/~" + at[0], "CAdmin")[1]["m2m:grpA"]["mid"]
    assert there() == ["/id-mn/cse-mn/ids", "/id-mn/" + ri]
    assert low.ask("PUT", "/-/ids/g", "Cids", {"m2m:grp": {"mid": [ri, "/id-mn/cse-mn/ids"]}})[0] == 2004
    assert until(lambda: there() == ["/id-mn/" + ri, "/id-mn/cse-mn/ids"])
    # of whatever type
    box = "cse-mn/ids/box"
    assert low.create("/-/ids", "Cids", 3, {"m2m:cnt": {"rn": "box"}})[0] == 2001
    action = {"rn": "a", "sri": box, "evm": 1, "evc": {"optr": 5, "sbjt": "cni", "thld": 99}, "orc": box, "at": ["/id-in"], "aa": ["orc"],
              "apv": {"op": 1, "to": box, "fr": "Cids", "rqi": "a", "rvi": "4", "ty": 4, "pc": {"m2m:cin": {"con": "x"}}}}
    rsc, got = low.create("/-/ids", "Cids", 65, {"m2m:actr": action})
    assert rsc == 2001, got
    at = until(lambda: [x for x in low.get("/-/ids/a", "Cids")[1]["m2m:actr"]["at"] if x != "/id-in"])
    assert high.get("/~" + at[0], "CAdmin")[1]["m2m:actrA"]["orc"] == "/id-mn/" + box


def test_a_flexible_container_is_announced(two):
    """TS-0001 9.6.35: containerDefinition is mandatory there, or nobody knew what it is."""
    high, low = two
    cnd = "org.onem2m.common.moduleclass.binarySwitch"
    assert low.create("/-", "Cflex", 2, {"m2m:ae": dict(AE, rn="flex")})[0] == 2001
    rsc, got = low.create("/-/flex", "Cflex", 28, {"cod:binSh": {"rn": "f", "cnd": cnd, "powSe": True, "at": ["/id-in"], "aa": ["powSe"]}})
    at = until(lambda: [x for x in low.get("/-/flex/f", "Cflex")[1]["cod:binSh"]["at"] if x != "/id-in"])
    assert rsc == 2001 and at, got
    there = lambda: high.get("/~" + at[0], "CAdmin")[1]["cod:binShA"]
    on = lambda: there()["powSe"] in (True, "true")  # XML says no kinds
    assert (there()["ty"], there()["cnd"], on(), there()["lnk"]) == (10028, cnd, True, "/id-mn/" + got["cod:binSh"]["ri"])
    assert low.ask("PUT", "/-/flex/f", "Cflex", {"cod:binSh": {"powSe": False}})[0] == 2004
    assert until(lambda: not on())
