"""Transactions: several requests of one originator, all or none (TS-0001 10.2.18, TS-0004 7.4.60)."""
import time

import pytest

from lab import Lab
from node import Node, acr
from receiver import Receiver


@pytest.fixture(scope="module")
def node():
    with Node(lab=True, options="outbound.time = 3") as n:
        yield n
        assert n.stop() == 0


@pytest.fixture(params=[("json", 1), ("cbor", 2), ("xml", 1)], ids=["json-1", "cbor-2", "xml-1"])
def lab(request, node):
    return Lab(node, *request.param)


@pytest.fixture(params=["json", "cbor", "xml"])
def each(request, node):
    return Lab(node, request.param)


def rqp(op, to, stem, rqi, ty=None, **content):
    one = {"op": op, "to": to, "fr": stem, "rqi": rqi, "rvi": "3"}
    if ty:
        one["ty"] = ty
    if content:
        one["pc"] = {k.replace("_", ":"): v for k, v in content.items()}
    return one


def run(lab, path, stem, *requests, expect=2001, **more):
    a = lab.create(path, 50, {"m2m:tram": {"rqps": {"rqp": list(requests)}, **more}}, stem)
    assert a.rsc == expect, a
    return a.json.get("m2m:tram")


def codes(tram):
    return [r["rsc"] for r in tram["rsps"]["m2m:rsp"]]


def ready(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "lbl": ["old"]}}, stem).rsc == 2001
    return stem, path, path[1:]


def test_all_are_done(lab):
    stem, path, p = ready(lab)
    with Receiver() as r:
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [3], "chty": [4]}}}, stem).rsc == 2001
        t = run(lab, path, stem,
                rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"}),
                rqp(1, p, stem, "d", 3, m2m_cnt={"rn": "e"}), rqp(1, p + "/e", stem, "f", 4, m2m_cin={"con": "2"}), rqp(2, p + "/e/la", stem, "g"),
                rqp(4, p + "/e/la", stem, "h"), tmh=2)
        assert (t["trst"], t["tctl"], t["tmd"]) == (4, 4, 1) and codes(t) == [2004, 2001, 2001, 2001, 2000, 2002]
        assert [x["rqi"] for x in t["rsps"]["m2m:rsp"]] == list("abdfgh") and t["rsps"]["m2m:rsp"][4]["pc"]["m2m:cin"]["con"] == "2"
        assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["new"] and lab.get(path + "/c/la", stem).json["m2m:cin"]["con"] == "1"
        r.wait(2)
        assert "nev" in r.got[1].sgn
        at = path + "/" + t["rn"]
        assert lab.put(at, {"m2m:tram": {"tctl": 5}}, stem).rsc == 4000
        assert lab.delete(at, stem).rsc == 2002


@pytest.mark.parametrize("what", ["absent", "forbidden", "taken", "invalid", "unread", "stranger", "notify", "group", "nested", "later"])
def test_none_is_done(lab, what):
    """Whichever refuses, and for whatever reason, nothing of the others stays, and nobody was told."""
    stem, path, p = ready(lab)
    other, theirs = lab.ae()
    assert lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 1, "mid": [p + "/c"]}}, stem).rsc == 2001
    last, rsc = {
        "absent": (rqp(3, p + "/none", stem, "z", m2m_cnt={"lbl": []}), 4004), "forbidden": (rqp(4, theirs[1:], stem, "z"), 4103),
        "taken": (rqp(1, p, stem, "z", 3, m2m_cnt={"rn": "c"}), 4105), "invalid": (rqp(1, p + "/c", stem, "z", 4, m2m_cin={"no": 1}), 4000),
        "unread": ({"op": 1, "nonsense": 2}, 4000), "stranger": (rqp(2, theirs[1:], other, "z"), 4000),
        "notify": (rqp(5, p, stem, "z", m2m_sgn={"sur": p}), 5001),
        "group": (rqp(2, p + "/g/fopt", stem, "z"), 5001), "later": (dict(rqp(2, p, stem, "z"), rt={"rtv": 1}), 5001),
        "nested": (rqp(1, p, stem, "z", 50, m2m_tram={"rqps": {"rqp": [rqp(2, p, stem, "y")]}}), 5001),
    }[what]
    with Receiver() as r:
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url], "enc": {"net": [1, 3, 4]}}}, stem).rsc == 2001
        t = run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"}),
                rqp(1, p, stem, "d", 3, m2m_cnt={"rn": "e"}), last, rqp(1, p, stem, "never", 3, m2m_cnt={"rn": "f"}))
        assert (t["trst"], t["tctl"]) == (6, 5) and codes(t) == [2004, 2001, 2001, rsc], t
        c = lab.get(path + "/c", stem).json["m2m:cnt"]
        assert (c["lbl"], c["cni"], c["st"]) == (["old"], 0, 0)
        assert lab.get(path + "/e", stem).rsc == 4004 and lab.get(path + "/f", stem).rsc == 4004
        assert len(r.got) == 1  # the verification


def recorded(lab, stem):
    """What the log says of these requests of the originator: identifier, text."""
    return [(r["rqi"], r.get("text", "")) for r in lab.node.audit()
            if r.get("from", "").endswith("/" + stem) and r.get("rqi") in ("a", "b", "z")]


def test_all_of_an_undone_transaction_is_on_record(lab):
    stem, path, p = ready(lab)
    requests = [rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(1, p + "/c", stem, "b", 4, m2m_cin={"con": "1"})]
    run(lab, path, stem, *requests, rqp(4, p + "/none", stem, "z"))
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)] == [("a", True), ("b", True), ("z", False)]
    run(lab, path, stem, *requests, expect=4000, tept="20200101T000000")  # all were done, and then it was none
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)][3:] == [("a", True), ("b", True)]
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["old"]
    run(lab, path, stem, *requests)
    assert [(k, "undone" in text) for k, text in recorded(lab, stem)][5:] == [("a", False), ("b", False)]


def test_what_is_no_transaction(lab):
    stem, path, p = ready(lab)
    one = rqp(1, p, stem, "a", 3, m2m_cnt={"rn": "made"})
    for more, rsc in (({"text": "20990101T000000"}, 5207), ({"tltm": "20290101T000000", "tct": "20290101T000101"}, 5207),
                      ({"tmd": 2, "tept": "20200101T000000"}, 4000), ({"tltm": "20290101T000000", "text": "20280101T000000"}, 4000)):
        run(lab, path, stem, one, expect=rsc, **more)
    assert lab.create(path, 50, {"m2m:tram": {"rqps": {"rqp": [dict(one, fr="Csomebody")]}, "tmd": 2}}, stem).rsc == 4000
    for bad in ({}, {"rqps": {}}, {"rqps": {"rqp": []}}, {"rqps": {"rqp": [one] * 65}}, {"rqps": {"rqp": [one]}, "trst": 4}):
        assert lab.create(path, 50, {"m2m:tram": bad}, stem).rsc == 4000, bad
    assert lab.get(path + "/made", stem).rsc == 4004
    other, _ = lab.ae()
    assert lab.create(path, 50, {"m2m:tram": {"rqps": {"rqp": [one]}}}, other).rsc == 4103


def test_one_that_waits(node):
    """A target that has to be asked: all of it waits, and is done or not as it answers."""
    lab = Lab(node)
    stem, path, p = ready(lab)
    for says, state in ((2000, 4), (4103, 6)):
        with Receiver(lambda got: (200, {"X-M2M-RSC": str(says)}, b"")) as r:
            t = run(lab, path, stem, rqp(1, p, stem, "a", 3, m2m_cnt={"rn": f"w{says}"}),
                    rqp(1, p + "/c", stem, "b", 23, m2m_sub={"rn": f"s{says}", "nu": [r.url]}))
            assert t["trst"] == state and len(r.got) == 1
            assert lab.get(f"{path}/w{says}", stem).rsc == (2000 if state == 4 else 4004)
    # an update that somebody has to agree to; and nobody waits for it afterwards
    with Receiver() as r:
        policy = {"m2m:acp": {"rn": "judges", "pv": {"acr": [acr(["all"], 16)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.create("/cse-in", 1, policy).rsc == 2001
        ae = {"rn": "judge", "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url], "acpi": ["cse-in/judges"]}
        assert lab.create("/cse-in", 2, {"m2m:ae": ae}, "Cjudge").rsc == 2001
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "b", "nu": ["cse-in/judge"], "enc": {"net": [7], "atr": ["lbl"]}}}, stem).rsc == 2001
        t = run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["agreed"]}), rqp(3, p + "/c", stem, "b", m2m_cnt={"mni": 3}))
        assert t["trst"] == 4 and r.got[-1].sgn["nev"]["rep"]["m2m:cnt"]["lbl"] == ["agreed"]
        start = time.time()
        assert lab.put(path + "/c", {"m2m:cnt": {"mni": 4}}, stem).rsc == 2004 and time.time() - start < 2
    assert "every row opens" in node.cli("store", "verify")


def test_what_targets_were_told_holds(node):
    """Each target is asked for each subscription, which then has the name that was told, whoever makes what meanwhile."""
    lab = Lab(node)
    stem, path, p = ready(lab)
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "d"}}, stem).rsc == 2001
    made = []

    def script(got):
        made.extend(lab.create(path + "/c", 3, {"m2m:cnt": {}}, stem).json["m2m:cnt"]["ri"] for _ in range(3))

    with Receiver(script) as r:
        t = run(lab, path, stem, *(rqp(1, f"{p}/{x}", stem, "t" + x + n, 23, m2m_sub={"rn": n, "nu": [r.url], "enc": {"net": [2]}})
                                   for x, n in ("cs", "ds", "du", "cu")))
        assert t["trst"] == 4
        told = [got.sgn["sur"] for got in r.got]
        assert told == ["/in-cse/" + lab.get(f"{path}/{at}", stem).json["m2m:sub"]["ri"] for at in ("c/s", "d/s", "d/u", "c/u")]
        numbers = {int(x.split("/")[-1].lstrip("abcdefghijklmnopqrstuvwxyz")) for x in told + made}
        assert len(made) == 12 and len(numbers) == 16
    # of two below one resource the second may be refused
    says = ["2000", "4103"]
    with Receiver(lambda got: (200, {"X-M2M-RSC": says.pop(0)}, b"")) as r:
        t = run(lab, path, stem, *(rqp(1, p + "/d", stem, n, 23, m2m_sub={"rn": n, "nu": [r.url]}) for n in "vw"))
        assert t["trst"] == 6 and len(r.got) == 2 and lab.get(path + "/d/v", stem).rsc == 4004


def test_each_update_is_agreed_to(node):
    """Two updates of one resource: who agreed to the first did not agree to the second."""
    lab = Lab(node)
    stem, path, p = ready(lab)
    policy = {"m2m:acp": {"rn": "judges2", "pv": {"acr": [acr(["all"], 16)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
    assert lab.create("/cse-in", 1, policy).rsc == 2001
    with Receiver(lambda got: (200, {"X-M2M-RSC": "4103" if b"evil" in got.body else "2000"}, b"")) as r:
        ae = {"rn": "judge2", "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url], "acpi": ["cse-in/judges2"]}
        assert lab.create("/cse-in", 2, {"m2m:ae": ae}, "Cjudge2").rsc == 2001
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "b", "nu": ["cse-in/judge2"], "enc": {"net": [7], "atr": ["lbl"]}}}, stem).rsc == 2001
        t = run(lab, path, stem, *(rqp(3, p + "/c", stem, x, m2m_cnt={"lbl": [x]}) for x in ("good", "evil")))
        assert t["trst"] == 6 and [x for x in ("good", "evil") if any(x.encode() in got.body for got in r.got)] == ["good", "evil"]
        assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["old"]


# --- transaction: one request, step by step [TS-0004 7.4.61] ---------------------------------------

LOCKED, EXECUTED, COMMITTED, ERROR, ABORTED = 2, 3, 4, 5, 6
EXECUTE, COMMIT, ABORT = 3, 4, 5


def hold(lab, at, stem, request, name="t", **more):
    return lab.create(at, 51, {"m2m:trac": {"rn": name, "tid": "t-1", "rqp": request, **more}}, stem)


def step(lab, at, stem, control, expect=2004):
    a = lab.put(at, {"m2m:trac": {"tctl": control}}, stem)
    assert a.rsc == expect, a
    return a.json["m2m:trac"] if expect == 2004 else None


def test_step_by_step(each):
    stem, path, p = ready(each)
    c = path + "/c"
    labels = lambda: Lab(each.node).get(c, stem).json["m2m:cnt"]["lbl"]
    assert each.create(c, 4, {"m2m:cin": {"con": "0"}}, stem).rsc == 2001
    made = hold(each, c, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}))
    assert made.rsc == 2001, made
    assert (made.json["m2m:trac"]["trst"], made.json["m2m:trac"]["tctl"]) == (LOCKED, 2)
    # others are kept out, who made it too, but for its steps
    for a in (each.get(c, stem), each.put(c, {"m2m:cnt": {"lbl": ["x"]}}, stem), each.delete(c, stem), each.get(c + "/la", stem),
              each.create(c, 4, {"m2m:cin": {"con": "1"}}, stem), hold(each, c, stem, rqp(2, p + "/c", stem, "b"), "u"),
              Lab(each.node).create(path, 50, {"m2m:tram": {"rqps": {"rqp": [rqp(2, p + "/c", stem, "b")]}}}, stem)):
        assert a.rsc == 5222 or (a.rsc == 2001 and a.json["m2m:tram"]["trst"] == ABORTED), a
    assert each.get(path, stem).rsc == 2000  # what is above is free
    step(each, c + "/t", stem, COMMIT, 4123)
    assert each.delete(c + "/t", stem).rsc == 5222
    t = step(each, c + "/t", stem, EXECUTE)
    assert (t["trst"], t["rsp"]["rsc"]) == (EXECUTED, 2004) and each.get(c, stem).rsc == 5222
    step(each, c + "/t", stem, EXECUTE, 4123)
    assert step(each, c + "/t", stem, COMMIT)["trst"] == COMMITTED and labels() == ["new"]
    step(each, c + "/t", stem, ABORT, 4123)
    assert each.delete(c + "/t", stem).rsc == 2002 and each.get(c, stem).rsc == 2000


def test_an_instance_is_held_by_each_of_its_names(each):
    """TS-0004 table 7.4.7.1-4: a transaction below a contentInstance."""
    stem, path, p = ready(each)
    c = path + "/c"
    assert each.create(c, 4, {"m2m:cin": {"rn": "i", "con": "0"}}, stem).rsc == 2001
    assert each.get(c + "/la", stem).rsc == each.get(c + "/ol", stem).rsc == 2000
    assert hold(each, c + "/i", stem, rqp(4, p + "/c/i", stem, "a")).rsc == 2001
    for name in ("/i", "/la", "/ol"):
        assert each.get(c + name, stem).rsc == each.delete(c + name, stem).rsc == 5222, name
    assert each.create(c, 4, {"m2m:cin": {"con": "1"}}, stem).rsc == 2001 and each.get(c + "/la", stem).rsc == 2000
    step(each, c + "/i/t", stem, EXECUTE)
    assert step(each, c + "/i/t", stem, COMMIT)["rsp"]["rsc"] == 2002
    assert each.get(c + "/i", stem).rsc == 4004 and each.get(c + "/ol", stem).json["m2m:cin"]["con"] == "1"


def test_it_is_taken_back(each):
    stem, path, p = ready(each)
    c = path + "/c"
    assert hold(each, c, stem, rqp(1, p + "/c", stem, "a", 4, m2m_cin={"con": "1"}), tltp=2).rsc == 2001
    assert each.get(c, stem).rsc == 2000 and each.put(c, {"m2m:cnt": {"mni": 1}}, stem).rsc == 5222  # ALLOW_RETRIEVES
    assert step(each, c + "/t", stem, EXECUTE)["trst"] == EXECUTED
    cnt = each.get(c, stem).json["m2m:cnt"]
    assert (cnt["cni"], cnt["st"]) == (0, 0)  # nobody sees what is not committed
    assert step(each, c + "/t", stem, ABORT)["trst"] == ABORTED
    assert each.put(c, {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004 and each.get(c + "/la", stem).rsc == 4004


def test_who_may_hold_a_resource(node):
    lab = Lab(node)
    stem, path, p = ready(lab)
    other, theirs = lab.ae()
    c = path + "/c"
    rules = lambda *acrs: {"acr": [{"acor": who, "acop": what} for who, what in acrs]}
    policy = {"rn": "p", "pv": rules(([stem], 63), ([other], 3)), "pvs": rules(([stem], 63))}
    assert lab.create(path, 1, {"m2m:acp": policy}, stem).rsc == 2001
    assert lab.put(c, {"m2m:cnt": {"acpi": [p + "/p"]}}, stem).rsc == 2004
    put = rqp(1, p + "/c", other, "a", 4, m2m_cin={"con": "1"})
    assert lab.create(c, 4, {"m2m:cin": {"con": "0"}}, other).rsc == 2001
    assert hold(lab, c, other, put).rsc == 4103  # it adds data, and locks nobody out
    assert hold(lab, c, stem, put).rsc == 4000  # in another's name
    assert hold(lab, c, stem, rqp(3, p, stem, "a", m2m_ae={"lbl": ["x"]})).rsc == 4000  # of another resource
    assert hold(lab, c, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"no": 1})).rsc == 4000  # refused now
    assert hold(lab, c, stem, rqp(2, p + "/c", stem, "a"), text="20990101T000000").rsc == 5207
    assert hold(lab, c, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]})).rsc == 2001
    assert lab.put(path + "/p", {"m2m:acp": {"pv": rules(([stem, other], 63))}}, stem).rsc == 2004
    for control in (EXECUTE, ABORT):
        assert lab.put(c + "/t", {"m2m:trac": {"tctl": control}}, other).rsc == 4103
    assert step(lab, c + "/t", stem, EXECUTE)["trst"] == EXECUTED
    # a right that is withdrawn before the commit is withdrawn
    assert lab.put(path + "/p", {"m2m:acp": {"pv": rules(([stem], 2))}}, stem).rsc == 2004
    t = step(lab, c + "/t", stem, COMMIT)
    assert (t["trst"], t["rsp"]["rsc"]) == (ABORTED, 4103)
    assert lab.put(path + "/p", {"m2m:acp": {"pv": rules(([stem], 63))}}, stem).rsc == 2004
    assert lab.get(c, stem).json["m2m:cnt"].get("lbl") == ["old"]


def test_a_lock_ends_by_itself(node):
    lab = Lab(node)
    stem, path, p = ready(lab)
    end = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    assert hold(lab, path + "/c", stem, rqp(2, p + "/c", stem, "a"), et=end).rsc == 2001
    longer = lab.put(path + "/c/t", {"m2m:trac": {"et": "20990101T000000"}}, stem)
    assert longer.rsc == 2004
    assert longer.json["m2m:trac"]["et"] <= time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 61))
    assert lab.put(path + "/c/t", {"m2m:trac": {"et": end}}, stem).rsc in (2004, 4000)
    stop = time.time() + 30
    while lab.get(path + "/c", stem).rsc != 2000 and time.time() < stop:
        time.sleep(0.2)
    assert lab.get(path + "/c", stem).rsc == 2000 and lab.get(path + "/c/t", stem).rsc == 4004


# --- transactionMgmt, step by step [TS-0001 10.2.18.1] -----------------------------------------------

INITIAL, LOCK = 1, 2


def state(lab, at, stem, want):
    end = time.time() + 30
    while time.time() < end:
        t = lab.get(at, stem).json["m2m:tram"]
        if t["trst"] == want:
            return t
        time.sleep(0.05)
    raise AssertionError(t)


def test_its_creator_controls_it(lab):
    stem, path, p = ready(lab)
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "d"}}, stem).rsc == 2001
    t = run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}),
            rqp(1, p + "/d", stem, "b", 4, m2m_cin={"con": "1"}), tmd=2, rn="t", tmh=2)
    at, labels = path + "/t", lambda: lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"]
    assert (t["trst"], t["tctl"]) == (INITIAL, INITIAL) and labels() == ["old"]
    control = lambda c, who=stem: lab.put(at, {"m2m:tram": {"tctl": c}}, who).rsc
    assert control(COMMIT) == control(EXECUTE) == 4123 and lab.delete(at, stem).rsc == 5222
    assert control(LOCK, lab.ae()[0]) == 4103
    with Receiver() as r:
        assert lab.create(at, 23, {"m2m:sub": {"rn": "s", "nu": [r.url]}}, stem).rsc == 2001
        assert control(LOCK) == 2004
        state(lab, at, stem, LOCKED)
        r.wait(3)  # the verification, the request, and what came of it
        assert r.got[-1].sgn["nev"]["rep"]["m2m:tram"]["trst"] == LOCKED
    assert lab.get(path + "/c", stem).rsc == lab.get(path + "/d", stem).rsc == 5222
    assert control(EXECUTE) == 2004
    assert codes(state(lab, at, stem, EXECUTED)) == [2004, 2001]
    assert control(COMMIT) == 2004
    state(lab, at, stem, COMMITTED)
    assert labels() == ["new"] and lab.get(path + "/d/la", stem).json["m2m:cin"]["con"] == "1"
    assert control(ABORT) == 4123 and lab.delete(at, stem).rsc == 2002


def test_its_creator_takes_it_back(lab):
    stem, path, p = ready(lab)
    other, theirs = lab.ae()
    run(lab, path, stem, rqp(3, p + "/c", stem, "a", m2m_cnt={"lbl": ["new"]}), rqp(3, theirs[1:], stem, "b", m2m_ae={"lbl": []}),
        tmd=2, rn="t", tmh=2)
    control = lambda c: lab.put(path + "/t", {"m2m:tram": {"tctl": c}}, stem).rsc
    assert control(LOCK) == 2004
    assert codes(state(lab, path + "/t", stem, ERROR)) == [4103]  # not its own
    assert control(EXECUTE) == 4123 and lab.get(path + "/c", stem).rsc == 5222
    assert control(ABORT) == 2004
    state(lab, path + "/t", stem, ABORTED)
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["lbl"] == ["old"] and lab.get(theirs, other).rsc == 2000


def test_members_are_admitted_as_any_request(lab):
    """What the entry gate refuses is refused within a transaction, too; one that waits is none."""
    stem, path, p = ready(lab)
    get, new = rqp(2, p + "/c", stem, "z"), rqp(1, p + "/c", stem, "z", 4, m2m_cin={"con": "1"})
    without = lambda key: {k: v for k, v in new.items() if k != key}
    for member, rsc in ((without("op"), 4000), (without("rqi"), 4000), (without("ty"), 4000), (without("pc"), 4000), (dict(new, rvi="99"), 4001),
                        (dict(new, rqet="20200101T000000"), 4008), (dict(new, rset="20200101T000000"), 4008), (dict(new, rcn=4), 4000),
                        (dict(get, rcn=12, fc={"fu": 1}), 4000), (dict(new, fc={"fu": 1}), 4000), (dict(new, oet=ahead(600)), 5001),
                        (dict(new, oet=600000), 5001), (dict(new, oet="600000"), 5001), (dict(new, rqet="0"), 4008),
                        (dict(new, rset="1000", rqet="2000"), 4000)):
        t = run(lab, path, stem, member)
        assert t["trst"] == 6 and codes(t) == [rsc], f"{member} {t}"
        assert hold(lab, path + "/c", stem, member).rsc == rsc, member
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["cni"] == 0
    assert codes(run(lab, path, stem, dict(new, oet="20200101T000000"))) == [2001]
    assert hold(lab, path + "/c", "CAdmin", {"to": p + "/c", "fr": "CAdmin", "rqi": "a"}).rsc == 4000


# --- at their times ---------------------------------------------------------------------------------

def ahead(seconds):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + seconds))


def test_at_their_times(node):
    """One that waits holds nothing; then each step is taken by the CSE, of one request and of several."""
    lab = Lab(node)
    stem, path, p = ready(lab)
    for name in ("d", "e"):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": name, "lbl": ["old"]}}, stem).rsc == 2001
    new = lambda name: rqp(3, f"{p}/{name}", stem, name, m2m_cnt={"lbl": ["new"]})
    times = {"tltm": ahead(2), "tct": ahead(4)}
    one = hold(lab, path + "/e", stem, new("e"), **times)
    assert one.rsc == 2001 and one.json["m2m:trac"]["trst"] == INITIAL, one
    assert run(lab, path, stem, new("c"), new("d"), rn="t", tmh=2, **times)["trst"] == INITIAL
    assert [lab.get(f"{path}/{n}", stem).rsc for n in "cde"] == [2000] * 3
    with Receiver() as r:
        assert lab.create(path + "/t", 23, {"m2m:sub": {"rn": "s", "nu": [r.url]}}, stem).rsc == 2001
        state(lab, path + "/t", stem, COMMITTED)
        seen = [g.sgn["nev"]["rep"]["m2m:tram"]["trst"] for g in r.got[1:]]
        assert seen[:2] == [LOCKED, EXECUTED]
    for name in "cde":
        end = time.time() + 30
        while lab.get(f"{path}/{name}", stem).rsc != 2000 and time.time() < end:
            time.sleep(0.05)
        assert lab.get(f"{path}/{name}", stem).json["m2m:cnt"]["lbl"] == ["new"]


def test_it_takes_what_it_stands_below(each):
    stem, path, p = ready(each)
    c = path + "/c"
    assert hold(each, c, stem, rqp(4, p + "/c", stem, "a")).rsc == 2001
    assert each.delete(c, stem).rsc == 5222
    assert step(each, c + "/t", stem, EXECUTE)["rsp"]["rsc"] == 2002 and each.get(c + "/t", stem).rsc == 2000
    t = step(each, c + "/t", stem, COMMIT)
    assert (t["trst"], t["rsp"]["rsc"]) == (COMMITTED, 2002)
    assert each.get(c, stem).rsc == each.get(c + "/t", stem).rsc == 4004
    assert "every row opens" in each.node.cli("store", "verify")
