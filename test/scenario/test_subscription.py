"""Subscriptions: what is told, to whom, when, and what is not told any more."""
import json, threading, time

import pytest

from lab import until
from node import Node, acr, free_port
from receiver import Receiver
from test_lab import Plain


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="outbound.time = 3") as n:
        n.admin = Plain(n, "CAdmin")
        yield n
        n.admin.close()
        assert n.stop() == 0


@pytest.fixture()
def r():
    with Receiver() as r:
        yield r


class Count:
    n = 0


@pytest.fixture()
def dev(lab):
    """A registered AE with a container "c"."""
    Count.n += 1
    e = Plain(lab, f"Cdev{Count.n}")
    e.rn = f"dev{Count.n}"
    assert e.register(e.rn).rsc == 2001
    e.path = f"/cse-in/{e.rn}"
    assert e.create(e.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    yield e
    e.close()


def subscribe(e, nu, at="/c", rn="s", expect=2001, **more):
    a = e.create(e.path + at, 23, {"m2m:sub": {"rn": rn, "nu": nu if isinstance(nu, list) else [nu], **more}})
    assert a.rsc == expect, a
    return a


def instance(e, con="1", at="/c", **kw):
    a = e.create(e.path + at, 4, {"m2m:cin": {"con": con}}, **kw)
    assert a.rsc == 2001, a
    return a


def test_the_target_is_asked_first(dev, r):
    subscribe(dev, r.url + "/a/b")
    assert len(r.got) == 1 and r.got[0].path == "/a/b"
    assert r.got[0].sgn["vrq"] is True and r.got[0].sgn["cr"] == dev.originator
    h = r.got[0].headers
    assert h["x-m2m-origin"] == "/in-cse" and h["x-m2m-rvi"] and r.got[0].rqi and "json" in h["content-type"]


@pytest.mark.parametrize("said,rsc", [(4101, 4101), (5205, 5205), (4103, 5204), (5000, 5204)])
def test_a_target_that_refuses(dev, said, rsc):
    with Receiver(lambda got: (403, {"X-M2M-RSC": str(said)}, b"")) as r:
        subscribe(dev, r.url, expect=rsc)
        assert dev.retrieve(dev.path + "/c/s").rsc == 4004
        instance(dev)
        time.sleep(0.3)
        assert len(r.got) == 1


def test_a_target_that_is_not_there(dev):
    subscribe(dev, f"http://127.0.0.1:{free_port()}", expect=5204)
    subscribe(dev, "/in-cse/Cnobody", expect=5204)
    assert dev.retrieve(dev.path + "/c/s").rsc == 4004


def test_every_target_is_asked(dev, r):
    with Receiver(lambda got: (403, {"X-M2M-RSC": "4103"}, b"")) as no:
        subscribe(dev, [r.url, no.url], expect=5204)
        assert len(no.got) == 1
    with Receiver() as other:
        subscribe(dev, [r.url + "/1", other.url, r.url + "/2"])
        instance(dev)  # net 1 by default: nothing
        dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["a"]}})
        assert len(other.wait(2)) == 2
        end = time.time() + 30
        while sum(bool(g.sgn.get("nev")) for g in r.got) < 2 and time.time() < end:
            time.sleep(0.01)
        assert sorted(g.path for g in r.got if g.sgn.get("nev")) == ["/1", "/2"]


def events(r, n=1, seconds=30):
    end = time.time() + seconds
    while time.time() < end and sum("nev" in g.sgn for g in r.got) < n:
        time.sleep(0.01)
    found = [g for g in r.got if "nev" in g.sgn]
    assert len(found) >= n, r.got
    return found


def none_more(r, n, seconds=0.4):
    time.sleep(seconds)
    found = [g for g in r.got if "nev" in g.sgn or "m2m:agn" in (g.json or {})]
    assert len(found) == n, found


def test_each_event(dev, r):
    ri = subscribe(dev, r.url, enc={"net": [1, 2, 3, 4]}).json["m2m:sub"]["ri"]
    instance(dev, "hello")
    e = events(r, 1)[0]
    assert e.sgn["sur"] == "/in-cse/" + ri
    assert e.sgn["nev"]["net"] == 3 and e.sgn["nev"]["rep"]["m2m:cin"]["con"] == "hello"
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["x"]}}).rsc == 2004
    e = events(r, 2)[1]
    assert e.sgn["nev"]["net"] == 1 and e.sgn["nev"]["rep"]["m2m:cnt"]["lbl"] == ["x"]
    assert dev.delete(dev.path + "/c/la").rsc == 2002
    e = events(r, 3)[2]
    assert e.sgn["nev"]["net"] == 4 and e.sgn["nev"]["rep"]["m2m:cin"]["con"] == "hello"
    assert dev.retrieve(dev.path + "/c").rsc == 2000
    none_more(r, 3)


def test_the_end_of_the_resource(dev, r):
    subscribe(dev, r.url, enc={"net": [2]}, su=r.url + "/end")
    assert dev.delete(dev.path + "/c").rsc == 2002
    r.wait(2)
    got = {g.path: g.sgn for g in r.wait(3)[1:]}
    assert got["/end"]["sud"] is True


def test_ends_below_and_in_time(dev, r):
    """What goes with a resource above it, and what expires, is told of too."""
    assert dev.create(dev.path + "/c", 3, {"m2m:cnt": {"rn": "d"}}).rsc == 2001
    subscribe(dev, r.url + "/d", at="/c/d", enc={"net": [2]}, su=r.url + "/end")
    subscribe(dev, r.url + "/x", at="", rn="s2", enc={"net": [4]})
    soon = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 2))
    assert dev.create(dev.path, 3, {"m2m:cnt": {"rn": "brief", "et": soon}}).rsc == 2001
    assert dev.delete(dev.path + "/c").rsc == 2002
    got = events(r, 2)
    assert {(g.path, g.sgn["nev"]["net"]) for g in got} == {("/d", 2), ("/x", 4)}
    assert got[0].sgn["nev"]["rep"]["m2m:cnt"]["rn"] in ("c", "d")
    got = events(r, 3, 6)
    assert got[2].path == "/x" and got[2].sgn["nev"]["rep"]["m2m:cnt"]["rn"] == "brief"
    assert [g.path for g in r.got if g.sgn.get("sud")] == ["/end"]


def test_no_child_and_monitored_operations(dev, r):
    subscribe(dev, r.url, enc={"net": [5]})
    assert dev.retrieve(dev.path + "/c/la").rsc == 4004
    assert events(r, 1)[0].sgn["nev"]["net"] == 5
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["q"]}}).rsc == 2004
    subscribe(dev, r.url, rn="s2", enc={"om": [{"ops": 2, "or": dev.originator}]})
    assert dev.retrieve(dev.path + "/c").rsc == 2000
    e = events(r, 2)[1]
    assert e.sgn["nev"]["om"]["op"] == 2 and e.sgn["nev"]["om"]["or"] == dev.originator
    none_more(r, 2)


@pytest.mark.parametrize("nct", [1, 2, 3])
def test_content_types(dev, r, nct):
    subscribe(dev, r.url, nct=nct, enc={"net": [1]})
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["x"], "mni": 7}}).rsc == 2004
    rep = events(r)[0].sgn["nev"]["rep"]
    if nct == 3:
        assert rep["m2m:uri"].startswith("/in-cse/cnt")
    elif nct == 2:
        assert rep["m2m:cnt"]["lbl"] == ["x"] and rep["m2m:cnt"]["mni"] == 7 and "rn" not in rep["m2m:cnt"]
    else:
        assert rep["m2m:cnt"]["rn"] == "c" and rep["m2m:cnt"]["mni"] == 7


def test_conditions(dev, r):
    subscribe(dev, r.url, enc={"net": [3], "chty": [3]}, rn="s1")
    subscribe(dev, r.url, enc={"net": [1], "atr": ["mni"]}, rn="s2")
    subscribe(dev, r.url, enc={"net": [3], "sza": 10}, rn="s3")
    instance(dev, "short")
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["x"]}}).rsc == 2004
    none_more(r, 0)
    instance(dev, "long enough to be told")
    assert events(r, 1)[0].sgn["nev"]["rep"]["m2m:cin"]["con"].startswith("long")
    assert dev.create(dev.path + "/c", 3, {"m2m:cnt": {"rn": "d"}}).rsc == 2001
    assert "m2m:cnt" in events(r, 2)[1].sgn["nev"]["rep"]
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"mni": 5}}).rsc == 2004
    events(r, 3)
    none_more(r, 3)


@pytest.mark.parametrize("more", [
    {"enc": {"net": [0]}}, {"enc": {"net": [9]}},
    {"enc": {"net": [8]}}, {"enc": {"net": [3], "md": {"num": 1, "dur": "PT1S"}}},
    {"enc": {"net": [3], "chty": [2]}}, {"enc": {"net": [1], "om": [{"ops": 1}]}},
    {"enc": {"net": [3]}, "nct": 2}, {"enc": {"net": [1]}, "nct": 5}, {"enc": {"net": [7, 1]}},
    {"enc": {"net": [7], "sza": 1}}, {"enc": {"net": [7]}, "exc": 1}])
def test_what_does_not_go_together(dev, r, more):
    subscribe(dev, r.url, expect=4000, **more)


def test_there_is_a_target(dev, r):
    subscribe(dev, [], expect=4000)
    subscribe(dev, r.url)
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"nu": []}}).rsc == 4000
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"nu": None}}).rsc == 4000


def test_what_is_told_of_missing_data(dev, r):
    """TS-0004 7.5.1.2.9, table 7.5.2-1: representation is the timeSeriesNotification."""
    series = {"rn": "t", "pei": 400, "peid": 100, "mdd": True, "mdt": 150, "mdn": 5}
    assert dev.create(dev.path, 29, {"m2m:ts": series}).rsc == 2001
    subscribe(dev, r.url, at="/t", nct=5, enc={"net": [8], "md": {"num": 1, "dur": "PT9S"}})
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    assert dev.create(dev.path + "/t", 30, {"m2m:tsi": {"dgt": stamp, "con": "1"}}).rsc == 2001
    nev = events(r, 1)[0].sgn["nev"]
    assert nev["net"] == 8 and list(nev["rep"]) == ["m2m:tsn"]
    assert nev["rep"]["m2m:tsn"]["mdc"] == len(nev["rep"]["m2m:tsn"]["mdlt"]) >= 1


def test_who_may_not_retrieve_may_not_subscribe(lab, dev, r):
    other = Plain(lab, dev.originator + "x")
    assert other.register(dev.rn + "x").rsc == 2001
    acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr([other.originator], 1), acr([dev.originator], 63)]},
                       "pvs": {"acr": [acr([dev.originator], 63)]}}}
    assert dev.create(dev.path, 1, acp).rsc == 2001
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"acpi": [dev.path[1:] + "/p"]}}).rsc == 2004
    other.path = dev.path
    subscribe(other, r.url, expect=4103)
    assert r.got == []
    other.close()


def test_not_subscribable(dev, r):
    assert dev.create(dev.path + "/c", 4, {"m2m:cin": {"rn": "i", "con": "1"}}).rsc == 2001
    subscribe(dev, r.url, at="/c/i", expect=5203)
    assert r.got == []


def test_blocking_update(lab, dev):
    agree = [2000]
    with Receiver(lambda got: (200, {"X-M2M-RSC": str(agree[0])}, b"")) as r:
        judge = Plain(lab, dev.originator + "j")
        policy = {"m2m:acp": {"rn": "pj" + dev.rn, "pv": {"acr": [acr(["all"], 16)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.admin.create("/cse-in", 1, policy).rsc == 2001
        assert judge.create("/cse-in", 2, {"m2m:ae": {"rn": dev.rn + "j", "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url],
                                                      "acpi": ["cse-in/pj" + dev.rn]}}).rsc == 2001
        subscribe(dev, "cse-in/" + dev.rn + "j", enc={"net": [7], "atr": ["lbl"]})
        subscribe(dev, "cse-in/" + dev.rn + "j", enc={"net": [7]}, rn="s2", expect=4124)
        n = len(r.got)
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"mni": 9}}).rsc == 2004 and len(r.got) == n
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["yes"]}}).rsc == 2004
        assert r.got[n].sgn["nev"]["net"] == 7 and r.got[n].sgn["nev"]["rep"]["m2m:cnt"]["lbl"] == ["yes"]
        agree[0] = 4103
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["no"]}}).rsc == 4127
        assert dev.retrieve(dev.path + "/c").json["m2m:cnt"]["lbl"] == ["yes"]
        agree[0] = 2000
        node, profile = f"/cse-in/nj{dev.rn}", {"m2m:autp": {"rn": "p", "mgd": 1022, "suid": 21, "skv": "aHVzaA=="}}
        assert lab.admin.create("/cse-in", 14, {"m2m:nod": {"rn": "nj" + dev.rn, "ni": "urn:dev:" + dev.rn}}).rsc == 2001
        assert lab.admin.create(node, 13, profile).rsc == 2001
        sub = {"m2m:sub": {"rn": "s", "nu": ["cse-in/" + dev.rn + "j"], "enc": {"net": [7]}}}
        assert lab.admin.create(node + "/p", 23, sub).rsc == 2001
        n = len(r.got)
        assert lab.admin.update(node + "/p", {"m2m:autp": {"skv": "bmV3", "suid": 23}}).rsc == 2004
        assert r.got[n].sgn["nev"]["rep"] == {"m2m:autp": {"suid": 23}}  # a key is shown to nobody
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["no"]}}).rsc == 5107
    judge.close()


def test_who_lost_the_right_has_no_say_in_updates(lab, dev):
    """A blocking subscription is asked on its creator's right, as it is then: who may not read is neither told nor waited for."""
    says = [2000]
    with Receiver(lambda got: (200, {"X-M2M-RSC": str(says[0])}, b"")) as r:
        watcher, judge = Plain(lab, dev.originator + "v"), Plain(lab, dev.originator + "k")
        for e in (watcher, judge):
            e.path = f"/cse-in/{e.originator}"
            assert e.create("/cse-in", 2, {"m2m:ae": {"rn": e.originator, "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url]}}).rsc == 2001

        def policy(at, rn, *rules):
            rules = {"acr": [acr(list(who), may) for who, may in rules]}
            new = at.create(at.path, 1, {"m2m:acp": {"rn": rn, "pv": rules, "pvs": {"acr": [acr([at.originator], 63)]}}})
            assert new.rsc == 2001 or at.update(f"{at.path}/{rn}", {"m2m:acp": {"pv": rules}}).rsc == 2004, new

        def changed(lbl, rsc, told):
            n = len(r.got)
            assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": [lbl]}}).rsc == rsc
            assert [g.sgn["nev"]["rep"]["m2m:cnt"]["lbl"] for g in r.got[n:]] == ([[lbl]] if told else [])

        mine = ([dev.originator], 63)
        policy(dev, "p", ([watcher.originator], 3), mine)
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"acpi": [dev.path[1:] + "/p"]}}).rsc == 2004
        sub = {"m2m:sub": {"rn": "w", "nu": ["/in-cse/" + watcher.originator], "enc": {"net": [7]}}}
        assert watcher.create(dev.path + "/c", 23, sub).rsc == 2001
        changed("told", 2004, True)
        policy(dev, "p", mine)
        changed("secret", 2004, False)
        says[0] = 4103
        changed("not blocked", 2004, False)
        policy(dev, "p", ([watcher.originator], 3), mine)
        changed("blocked", 4127, True)
        assert watcher.delete(dev.path + "/c/w").rsc == 2002
        # nor who takes no notifications of its creator
        says[0] = 2000
        policy(judge, "p", ([dev.originator], 16), ([judge.originator], 63))
        assert judge.update(judge.path, {"m2m:ae": {"acpi": [judge.path[1:] + "/p"]}}).rsc == 2004
        subscribe(dev, "/in-cse/" + judge.originator, enc={"net": [7]})
        says[0] = 4103
        changed("refused", 4127, True)
        policy(judge, "p", ([judge.originator], 63))
        changed("taken", 2004, False)
        # nor does it keep the one place of a blocking subscription from others; with their rights back, both are asked
        says[0] = 2000
        assert watcher.create(dev.path + "/c", 23, sub).rsc == 2001
        changed("the other's", 2004, True)
        policy(judge, "p", ([dev.originator], 16), ([judge.originator], 63))
        n = len(r.got)
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["both"]}}).rsc == 2004
        assert len({g.sgn["sur"] for g in r.got[n:]}) == len(r.got[n:]) == 2
        subscribe(dev, "/in-cse/" + judge.originator, enc={"net": [7]}, rn="third", expect=4124)
        assert dev.update(dev.path + "/c/s", {"m2m:sub": {"lbl": ["x"]}}).rsc == 2004
        assert watcher.delete(dev.path + "/c/w").rsc == 2002
        watcher.close(), judge.close()
    texts = [x.get("text") or "" for x in lab.audit() if x.get("rule") == "blocking update"]
    assert [t for t in texts if "its creator may no longer retrieve" in t] and [t for t in texts if "the receiver takes nothing" in t]


def test_updates_wait_for_the_blocked_one(lab, dev):
    """TS-0001 10.2.10.7: no other update of it, nor its deletion, before the blocked one is decided."""
    asked, decide = threading.Event(), threading.Event()

    def script(got):
        if got.sgn.get("nev"):
            asked.set()
            decide.wait(5)
            return 403, {"X-M2M-RSC": "4103"}, b""

    with Receiver(script) as r:
        rn = dev.rn + "w"
        judge = Plain(lab, dev.originator + "w")
        policy = {"m2m:acp": {"rn": "pw" + dev.rn, "pv": {"acr": [acr(["all"], 16)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.admin.create("/cse-in", 1, policy).rsc == 2001
        ae = {"rn": rn, "api": "Nj", "rr": True, "srv": ["3"], "poa": [r.url], "acpi": ["cse-in/pw" + dev.rn]}
        assert judge.create("/cse-in", 2, {"m2m:ae": ae}).rsc == 2001
        subscribe(dev, r.url, enc={"net": [7]}, expect=4000)  # a URL agrees to nothing
        subscribe(dev, "cse-in/" + rn, enc={"net": [7], "atr": ["lbl"]})
        order = []

        def ask(name, f):
            e = Plain(lab, dev.originator)
            order.append((name, f(e).rsc))
            e.close()

        first = threading.Thread(target=ask, args=("blocked", lambda e: e.update(dev.path + "/c", {"m2m:cnt": {"lbl": ["no"]}})))
        first.start()
        assert asked.wait(5)
        others = [threading.Thread(target=ask, args=a) for a in (
            ("update", lambda e: e.update(dev.path + "/c", {"m2m:cnt": {"mni": 4}})),
            ("delete", lambda e: e.delete(dev.path + "/c")))]
        others[0].start()
        time.sleep(0.3)
        others[1].start()
        time.sleep(0.3)
        # what is no update of it goes on
        assert dev.retrieve(dev.path + "/c").rsc == 2000 and not order
        instance(dev, "1")
        assert dev.update(dev.path, {"m2m:ae": {"lbl": ["free"]}}).rsc == 2004
        assert not order
        decide.set()
        for t in (first, *others):
            t.join(10)
        # none before the decision; which of three threads is the first to see its answer says nothing
        assert sorted(order) == [("blocked", 4127), ("delete", 2002), ("update", 2004)], order
        judge.close()


def test_the_latest_of_a_batch(dev, r):
    """TS-0001 10.2.10.7: with latestNotify, one for each number of events; a batch says its duration."""
    subscribe(dev, r.url, enc={"net": [3]}, ln=True, bn={"num": 3})
    assert dev.retrieve(dev.path + "/c/s").json["m2m:sub"]["bn"] == {"num": 3, "dur": "PT60S"}
    for i in range(7):
        instance(dev, str(i))
    got = events(r, 2)
    assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in got] == ["2", "5"]
    none_more(r, 2)


def test_a_notification_names_the_creator(dev, r):
    subscribe(dev, r.url, enc={"net": [3]}, cr=None)
    instance(dev)
    assert events(r)[0].sgn["cr"] == dev.originator


def test_batches(dev, r):
    subscribe(dev, r.url, enc={"net": [3]}, bn={"num": 3, "dur": "PT20S"})
    for i in range(4):
        instance(dev, str(i))
    got = r.wait(2)[1].json["m2m:agn"]["m2m:sgn"]
    assert [s["nev"]["rep"]["m2m:cin"]["con"] for s in got] == ["0", "1", "2"]
    time.sleep(0.3)
    assert len(r.got) == 2
    subscribe(dev, r.url + "/t", enc={"net": [3]}, bn={"num": 30, "dur": "PT1S"}, rn="s2")
    instance(dev, "a")
    instance(dev, "b")
    t = time.time()
    end = t + 4
    while time.time() < end and not [g for g in r.got if g.path == "/t" and not g.sgn]:
        time.sleep(0.02)
    agn = [g for g in r.got if g.path == "/t" and not g.sgn]
    assert len(agn) == 1 and len(agn[0].json["m2m:agn"]["m2m:sgn"]) == 2 and time.time() - t > 0.5


def test_rate_limit(dev, r):
    subscribe(dev, r.url, enc={"net": [3]}, rl={"mnn": 2, "tww": "PT1S"})
    t = time.time()
    for i in range(5):
        instance(dev, str(i))
    got = events(r, 5, 6)
    assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in got] == list("01234")
    assert got[1].at - t < 0.7 and got[2].at - t > 0.7 and got[4].at - t > 1.7


def test_expiration_counter(dev, r):
    subscribe(dev, r.url, enc={"net": [3]}, exc=2, su=r.url + "/end")
    for i in range(4):
        instance(dev, str(i))
        time.sleep(0.15)
    r.wait(4)
    time.sleep(0.3)
    assert len(events(r, 2)) == 2 and [g.path for g in r.got if g.sgn.get("sud")] == ["/end"]
    assert dev.retrieve(dev.path + "/c/s").rsc == 4004


def test_statistics(dev):
    """Requests and responses of each target are counted while nse says so; nsi is nobody's to write."""
    with Receiver() as r:
        subscribe(dev, r.url + "/quiet", enc={"net": [3]}, rn="quiet")
        subscribe(dev, [r.url + "/a", r.url + "/b"], enc={"net": [3]}, nse=True)
        subscribe(dev, r.url, rn="forged", expect=4000, nsi=[{"tg": r.url, "rqs": 9, "rsr": 9}])
        at = dev.path + "/c/s"

        def tallies(want, seconds=6):
            end = time.time() + seconds
            while time.time() < end:
                got = {x["tg"][len(r.url):]: (x["rqs"], x["rsr"])
                       for x in dev.retrieve(at).json["m2m:sub"].get("nsi", [])}
                if got == want:
                    return
                time.sleep(0.05)
            assert got == want

        tallies({}, 1)
        instance(dev)
        instance(dev)
        tallies({"/a": (2, 2), "/b": (2, 2)})
        assert dev.update(at, {"m2m:sub": {"nsi": []}}).rsc == 4000
        # stopped: it stays as it is
        assert dev.update(at, {"m2m:sub": {"nse": False}}).rsc == 2004
        instance(dev)
        events(r, 9)
        time.sleep(0.3)
        tallies({"/a": (2, 2), "/b": (2, 2)})
        # begun anew; who is no target any more has none
        assert dev.update(at, {"m2m:sub": {"nse": True, "nu": [r.url + "/a"]}}).rsc == 2004
        tallies({}, 1)
        instance(dev)
        tallies({"/a": (1, 1)})
        assert "nsi" not in dev.retrieve(dev.path + "/c/quiet").json["m2m:sub"]
    instance(dev)
    # nobody there: requests without a response
    end = time.time() + 30
    while time.time() < end:
        x = dev.retrieve(at).json["m2m:sub"]["nsi"][0]
        if x["rqs"] > 1:
            break
        time.sleep(0.1)
    assert x["rqs"] > 1 and x["rsr"] == 1, x


def test_missing_data(dev, r):
    """A series that misses data tells who asked for as many as are missing, and nobody else."""
    for rn, detects in (("t", True), ("blind", False)):
        ts = {"rn": rn, "mdd": detects, "pei": 400, "peid": 100, "mdt": 200, "mdn": 10}
        assert dev.create(dev.path, 29, {"m2m:ts": ts}).rsc == 2001
    ri = subscribe(dev, r.url + "/two", at="/t", rn="s1",
                   enc={"net": [8], "md": {"num": 2, "dur": "PT30S"}}).json["m2m:sub"]["ri"]
    subscribe(dev, r.url + "/many", at="/t", rn="s2", enc={"net": [8], "md": {"num": 500, "dur": "PT30S"}})
    subscribe(dev, r.url + "/blind", at="/blind", enc={"net": [8], "md": {"num": 1, "dur": "PT30S"}})
    subscribe(dev, r.url, at="/t", rn="s3", enc={"net": [8]}, expect=4000)
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    for at in ("/t", "/blind"):
        assert dev.create(dev.path + at, 30, {"m2m:tsi": {"dgt": now, "con": "1"}}).rsc == 2001
    e = events(r, 1, 8)[0]
    assert e.path == "/two" and e.sgn["sur"] == "/in-cse/" + ri and e.sgn["nev"]["net"] == 8
    tsn = e.sgn["nev"]["rep"]["m2m:tsn"]
    assert tsn["mdc"] >= 2 and len(tsn["mdlt"]) == tsn["mdc"] and min(tsn["mdlt"]) >= now, tsn
    time.sleep(0.5)
    assert {g.path for g in events(r, 1)} == {"/two"}


def test_latest_only_and_order(dev):
    gate = threading.Event()

    def script(got):
        if "nev" in got.sgn:
            gate.wait(5)

    with Receiver(script) as r:
        subscribe(dev, r.url, enc={"net": [3]}, ln=True)
        for i in range(6):
            instance(dev, str(i))
        r.wait(2)
        gate.set()
        got = events(r, 2)
        time.sleep(0.4)
        assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in events(r, 2)] == ["0", "5"], got
        assert got[-1].headers["x-m2m-ec"] == "4"


def test_it_is_tried_again(dev):
    down = [True]
    with Receiver(lambda got: (503, {}, b"") if down[0] and "nev" in got.sgn else None) as r:
        subscribe(dev, r.url, enc={"net": [3]})
        instance(dev, "a")
        instance(dev, "b")
        events(r, 1)
        down[0] = False
        got = events(r, 3, 8)
        # the first again with its identifier, and only then the second
        assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in got] == ["a", "a", "b"]
        assert got[0].rqi == got[1].rqi != got[2].rqi


def test_pending_ones_are_narrowed(dev):
    """TS-0004 7.4.8.2.3: pendingNotification narrowed keeps the latest, taken away nothing of what is cached."""
    down = [True]
    with Receiver(lambda got: (503, {}, b"") if down[0] and "nev" in got.sgn else None) as r:
        told = lambda rn: [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in r.got if g.path == "/" + rn and "nev" in g.sgn]
        for rn in ("latest", "none"):
            subscribe(dev, f"{r.url}/{rn}", rn=rn, enc={"net": [3], "chty": [4]}, pn=2)
        for i in range(4):
            instance(dev, str(i))
        assert dev.update(dev.path + "/c/latest", {"m2m:sub": {"pn": 1}}).rsc == 2004
        assert dev.update(dev.path + "/c/none", {"m2m:sub": {"pn": None}}).rsc == 2004
        tried = {rn: len(told(rn)) for rn in ("latest", "none")}
        down[0] = False
        end = time.time() + 30
        while time.time() < end and told("latest")[-1:] != ["3"]:
            time.sleep(0.05)
        time.sleep(0.5)
        # what was under way may come to its end
        assert [x for x in told("latest")[tried["latest"]:] if x != "0"] == ["3"], told("latest")
        assert set(told("none")[tried["none"]:]) <= {"0"}, told("none")


def test_attributes_that_are_kept_and_do_nothing(dev, r):
    """groupID, preSubscriptionNotify, notificationStoragePriority: said again, checked, without effect here."""
    instance(dev, "before")
    a = subscribe(dev, r.url, enc={"net": [3]}, gpi="cse-in/some-group", psn=3, nsp=2)
    sub = a.json["m2m:sub"]
    assert (sub["gpi"], sub["psn"], sub["nsp"]) == ("cse-in/some-group", 3, 2)
    instance(dev, "after")
    assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in events(r, 1)] == ["after"]
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"gpi": None, "nsp": 5}}).rsc == 2004
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"psn": 1}}).rsc == 4000
    for n, wrong in enumerate(({"gpi": 1}, {"psn": 0}, {"psn": "x"}, {"nsp": 0}, {"nsp": -1}, {"nec": "x"}, {"ln": "x"}, {"pn": 3},
                               {"su": 1}, {"exc": 0}, {"nsi": []})):
        subscribe(dev, r.url, rn=f"w{n}", expect=4000, enc={"net": [3]}, **wrong)


def test_what_was_withdrawn_is_not_sent(lab, dev):
    """Queued while the target is down; then the right goes, or the subscription."""
    down = [True]
    with Receiver(lambda got: (503, {}, b"") if down[0] and "nev" in got.sgn else None) as r:
        reader = Plain(lab, dev.originator + "r")
        assert reader.register(dev.rn + "r").rsc == 2001
        acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr([reader.originator], 3), acr([dev.originator], 63)]},
                           "pvs": {"acr": [acr([dev.originator], 63)]}}}
        assert dev.create(dev.path, 1, acp).rsc == 2001
        assert dev.update(dev.path + "/c", {"m2m:cnt": {"acpi": [dev.path[1:] + "/p"]}}).rsc == 2004
        reader.path = dev.path
        subscribe(reader, r.url + "/reader", enc={"net": [3]}, rn="s1")
        subscribe(dev, r.url + "/gone", enc={"net": [3]}, rn="s2")
        subscribe(dev, r.url + "/moved", enc={"net": [3]}, rn="s3")
        subscribe(dev, r.url + "/stays", enc={"net": [3]}, rn="s4")
        instance(dev, "secret")
        events(r, 4)
        acp["m2m:acp"].pop("rn")
        acp["m2m:acp"]["pv"]["acr"] = [acr([dev.originator], 63)]
        assert dev.update(dev.path + "/p", acp).rsc == 2004
        assert dev.delete(dev.path + "/c/s2").rsc == 2002
        assert dev.update(dev.path + "/c/s3", {"m2m:sub": {"nu": [r.url + "/elsewhere"]}}).rsc == 2004
        n = len(r.got)
        down[0] = False
        kept = lambda why: any(why in (x.get("text") or "") for x in lab.audit())
        reasons = "its creator may no longer retrieve", "the subscription has another target"
        assert until(lambda: len(r.got) > n and all(map(kept, reasons)), 10), r.got[n:]
        time.sleep(0.4)
        assert sorted({g.path for g in r.got[n:]}) == ["/stays"], r.got[n:]
        reader.close()


def test_a_receiver_that_is_registered(lab, dev):
    """nu names an AE: its policy must let the creator notify, its poa is used."""
    with Receiver() as r:
        ae = Plain(lab, dev.originator + "t")
        assert ae.create("/cse-in", 2, {"m2m:ae": {"rn": dev.rn + "t", "api": "Nt", "rr": True, "srv": ["3"], "poa": [r.url]}}).rsc == 2001
        subscribe(dev, "cse-in/" + dev.rn + "t", enc={"net": [3]}, expect=4101)
        assert r.got == []
        policy = {"m2m:acp": {"rn": "p" + dev.rn, "pv": {"acr": [acr([dev.originator], 16), acr([ae.originator], 63)]},
                              "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.admin.create("/cse-in", 1, policy).rsc == 2001
        assert lab.admin.update("/cse-in/" + dev.rn + "t", {"m2m:ae": {"acpi": ["cse-in/p" + dev.rn]}}).rsc == 2004
        subscribe(dev, "/in-cse/" + ae.originator, enc={"net": [3]})
        instance(dev, "x")
        assert events(r)[0].sgn["nev"]["rep"]["m2m:cin"]["con"] == "x"
        # itself is not asked
        n = len(r.got)
        ae.path = "/cse-in/" + dev.rn + "t"
        assert ae.create(ae.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
        subscribe(ae, "/in-cse/" + ae.originator, enc={"net": [3]})
        assert len(r.got) == n
        instance(ae, "own")
        assert events(r, 2)[1].sgn["nev"]["rep"]["m2m:cin"]["con"] == "own"
        ae.close()


def test_a_target_takes_itself_out(lab, dev):
    """By ntsr, where a policy for targets lets it: itself alone, and nobody without a policy."""
    admin, name = lab.admin, dev.rn
    with Receiver() as r:
        ae = Plain(lab, dev.originator + "t")
        assert ae.create("/cse-in", 2, {"m2m:ae": {"rn": name + "t", "api": "Nt", "rr": True, "srv": ["3"], "poa": [r.url]}}).rsc == 2001
        policy = {"m2m:acp": {"rn": "q" + name, "pv": {"acr": [acr([dev.originator], 16), acr([ae.originator], 63)]},
                              "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert admin.create("/cse-in", 1, policy).rsc == 2001
        assert admin.update("/cse-in/" + name + "t", {"m2m:ae": {"acpi": ["cse-in/q" + name]}}).rsc == 2004
        me, s = "/in-cse/" + ae.originator, dev.path + "/c/s"
        subscribe(dev, [me, r.url + "/other"], enc={"net": [3], "chty": [4]})
        targets = lambda: dev.retrieve(s).json["m2m:sub"]["nu"]

        def refused(e=ae, rsc=4103):
            assert e.delete(s + "/ntsr").rsc == rsc
            assert targets() == [me, r.url + "/other"]

        def governed(rn, action, *rules, **more):
            at = f"/cse-in/{rn}{name}"
            a = admin.create("/cse-in", 26, {"m2m:ntp": {"rn": rn + name, "acn": action, **more}})
            assert a.rsc == 2001, a
            for i, tod in enumerate(rules):
                a = admin.create(at, 27, {"m2m:pdr": {"rn": f"r{i}", "dr": {"tod": [tod]}}})
                assert a.rsc == 2001, a
            assert dev.update(s + "/ref", {"m2m:ntpr": {"npi": at[1:]}}).rsc == 2004

        always, never = "* * * * * * *", "* * * * * * 2001"
        refused()  # no policy
        assert dev.create(s, 25, {"m2m:ntpr": {"rn": "ref", "ntu": [me]}}).rsc == 2001
        refused()  # a reference to none
        governed("rejects", 2)
        refused()
        # asked, or told only
        says = [lambda got: None]
        with Receiver(lambda got: says[0](got)) as c:
            governed("asks", 3)
            refused()  # the creator cannot be asked
            assert dev.update(dev.path, {"m2m:ae": {"poa": [c.url], "rr": True}}).rsc == 2004
            refused()
            asked = c.got[-1].sgn
            assert asked["trr"] is True and asked["ntt"] == ae.originator and asked["sur"].startswith("/in-cse/")
            answer = lambda rsc, sgn: lambda got: (200 if rsc == 2000 else 403, {"X-M2M-RSC": str(rsc), "Content-Type": "application/json"},
                                                   json.dumps({"m2m:sgn": sgn}).encode())
            for said in (answer(4103, {"tra": True}), answer(2000, {"tra": False}), answer(2000, {"tra": "true"}), answer(2000, {})):
                says[0] = said
                refused()
            says[0] = answer(2000, {"tra": True})
            governed("tells", 4)
            n = len(c.got)
            refused()
            assert len(c.got) == n + 1 and c.got[-1].sgn["trr"] is True
            governed("asks2", 3, never)
            refused()
            assert len(c.got) == n + 1
            assert dev.update(s + "/ref", {"m2m:ntpr": {"npi": "cse-in/asks" + name}}).rsc == 2004
            assert ae.delete(s + "/ntsr").rsc == 2002 and targets() == [r.url + "/other"]
            assert dev.update(s, {"m2m:sub": {"nu": [me, r.url + "/other"]}}).rsc == 2004
        governed("never", 1, never)
        refused()
        governed("both", 1, always, never, rrs=1)
        refused()
        governed("either", 1, never, always, rrs=2)
        # it is nobody else's to use: not a stranger's, not the creator's, not the administrator's
        refused(dev)
        refused(admin)
        for e in (ae, admin):
            assert e.retrieve(s + "/ntsr").rsc in (4103, 4005)
        assert admin.retrieve(s + "/ntsr").rsc == 4005
        assert ae.delete(s).rsc == 4103 and ae.retrieve(s).rsc == 4103
        refused_no_more = ae.delete(s + "/ntsr")
        assert refused_no_more.rsc == 2002 and targets() == [r.url + "/other"]
        assert ae.delete(s + "/ntsr").rsc == 4103
        n = len(r.got)
        instance(dev)
        events(r, 1)
        time.sleep(0.3)
        assert [g.path for g in r.got[n:]] == ["/other"]
        # the last target takes the subscription with it
        assert dev.update(s, {"m2m:sub": {"nu": [me]}}).rsc == 2004
        assert ae.delete(s + "/ntsr").rsc == 2002
        assert dev.retrieve(s).rsc == 4004
        ae.close()


def test_schedule(dev, r):
    subscribe(dev, r.url, enc={"net": [3]}, rn="never")
    a = dev.create(dev.path + "/c/never", 18, {"m2m:sch": {"rn": "when", "se": {"sce": ["0 0 0 1 1 * 2000"]}}})
    assert a.rsc == 2001, a
    instance(dev, "x")
    none_more(r, 0)


def test_the_schedule_of_the_receiver(lab, dev):
    """TS-0004 7.5.1.2.2 step 3.0: an AE that is not there now, by its schedule or its node's, is not told meanwhile."""
    never = {"se": {"sce": ["0 0 0 1 1 * 2000"]}}
    with Receiver() as r:
        rn = dev.rn + "r"
        ae = Plain(lab, dev.originator + "r")
        policy = {"m2m:acp": {"rn": "pr" + dev.rn, "pv": {"acr": [acr(["all"], 16), acr([ae.originator], 63)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.admin.create("/cse-in", 1, policy).rsc == 2001
        assert lab.admin.create("/cse-in", 14, {"m2m:nod": {"rn": "n" + rn, "ni": "n" + rn}}).rsc == 2001
        body = {"rn": rn, "api": "Nr", "rr": True, "srv": ["3"], "poa": [r.url], "nl": "cse-in/n" + rn, "acpi": ["cse-in/pr" + dev.rn]}
        assert ae.create("/cse-in", 2, {"m2m:ae": body}).rsc == 2001
        subscribe(dev, "cse-in/" + rn, enc={"net": [3], "chty": [4]}, rn="s1", nec=2)
        subscribe(dev, "cse-in/" + rn, enc={"net": [3], "chty": [4]}, rn="s2", pn=2)
        dropped = lambda: sum("by its schedule" in (x.get("text") or "") for x in lab.audit())
        for done, (at, who) in enumerate((("/cse-in/" + rn, ae), ("/cse-in/n" + rn, lab.admin))):
            assert who.create(at, 18, {"m2m:sch": {"rn": "when", **never}}).rsc == 2001
            assert dev.create(dev.path + "/c", 4, {"m2m:cin": {"con": at}}).rsc == 2001
            end = time.time() + 30
            while dropped() <= done and time.time() < end:
                time.sleep(0.05)
            # what is pending is not dropped, and waits
            assert dropped() == done + 1 and not [g for g in r.got if "nev" in g.sgn]
            assert who.update(at + "/when", {"m2m:sch": {"se": {"sce": ["* * * * * * *"]}}}).rsc == 2004
            dev.delete(dev.path + "/c/s2")
        subscribe(dev, "cse-in/" + rn, enc={"net": [3], "chty": [4]}, rn="s3")
        ae.close()


def cross(e, r, expect=2001, **more):
    a = e.create(e.path, 48, {"m2m:crs": {"rn": "x", "nu": [r.url + "/x"], "twt": 2, "tws": "PT2S", **more}})
    assert a.rsc == expect, a
    return a


def of_cross(r):
    return [g for g in r.got if g.path == "/x" and "sur" in g.sgn and "vrq" not in g.sgn and "sud" not in g.sgn]


def test_across_resources(dev, r):
    """Told when all of them changed within the window, and once for that."""
    assert dev.create(dev.path, 3, {"m2m:cnt": {"rn": "d"}}).rsc == 2001
    base = dev.path[1:]
    cross(dev, r, expect=4000, rrat=[base + "/c"])
    a = cross(dev, r, rrat=[base + "/c", base + "/d"], encs={"encn": [{"net": [3]}]}, su=r.url + "/x", tws="PT4S")
    assert r.got[-1].sgn.get("vrq") is True
    crs = dev.retrieve(dev.path + "/x").json["m2m:crs"]
    assert len(crs["rrats"]) == 2
    assert dev.ask("GET", "/~" + crs["rrats"][1]).json["m2m:sub"]["et"] == crs["et"]
    sub = dev.ask("GET", "/~" + crs["rrats"][0]).json["m2m:sub"]
    assert sub["acrs"] == ["/in-cse/" + crs["ri"]] and sub["enc"] == {"net": [3]}
    instance(dev, "1")
    instance(dev, "2")
    time.sleep(0.3)
    assert not of_cross(r)
    instance(dev, "3", at="/d")
    end = time.time() + 30
    while not of_cross(r) and time.time() < end:
        time.sleep(0.02)
    assert [g.sgn["sur"] for g in of_cross(r)] == ["/in-cse/" + crs["ri"]]
    # too far apart
    instance(dev, "4")
    time.sleep(4.2)
    instance(dev, "5", at="/d")
    time.sleep(0.4)
    assert len(of_cross(r)) == 1
    # it ends with one of its members, and takes the others along
    assert dev.ask("DELETE", "/~" + crs["rrats"][0]).rsc == 2002
    assert dev.retrieve(dev.path + "/x").rsc == 4004
    assert dev.ask("GET", "/~" + crs["rrats"][1]).rsc == 4004
    end = time.time() + 30
    while not [g for g in r.got if g.sgn.get("sud")] and time.time() < end:
        time.sleep(0.02)
    assert [g.sgn["sur"] for g in r.got if g.sgn.get("sud")] == ["/in-cse/" + crs["ri"]]


def test_across_resources_that_may_not_be_read_any_more(lab, dev, r):
    """What one member tells of counts on the right of its creator, as it is then."""
    other = Plain(lab, dev.originator + "z")
    assert other.register(dev.rn + "z").rsc == 2001
    other.path = "/cse-in/" + dev.rn + "z"
    assert other.create(other.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    mine, theirs = acr([dev.originator], 63), acr([other.originator], 3)
    acp = {"m2m:acp": {"rn": "p", "pv": {"acr": [mine, theirs]}, "pvs": {"acr": [mine]}}}
    assert dev.create(dev.path, 1, acp).rsc == 2001
    assert dev.update(dev.path + "/c", {"m2m:cnt": {"acpi": [dev.path[1:] + "/p"]}}).rsc == 2004
    cross(other, r, rrat=[dev.path[1:] + "/c"], encs={"encn": [{"net": [3]}]})
    told = lambda n: until(lambda: len(of_cross(r)) >= n)
    assert instance(dev, "1") and told(1)
    assert dev.update(dev.path + "/p", {"m2m:acp": {"pv": {"acr": [mine]}}}).rsc == 2004
    instance(dev, "secret")
    # what is told of later passes what was not told
    assert dev.update(dev.path + "/p", {"m2m:acp": {"pv": {"acr": [mine, theirs]}}}).rsc == 2004
    assert instance(dev, "3") and told(2)
    time.sleep(0.3)
    assert len(of_cross(r)) == 2
    other.close()


def test_across_subscriptions(dev, r):
    assert dev.create(dev.path, 3, {"m2m:cnt": {"rn": "d"}}).rsc == 2001
    subscribe(dev, r.url + "/own", enc={"net": [3]})
    base = dev.path[1:]
    cross(dev, r, srat=[base + "/c/s"], rrat=[base + "/d"], encs={"encn": [{"net": [3]}]}, exc=1, tws="PT60S")
    instance(dev, "1")
    instance(dev, "2", at="/d")
    assert until(lambda: of_cross(r) and any(g.path == "/own" and "nev" in g.sgn for g in r.got))
    assert until(lambda: dev.retrieve(dev.path + "/x").rsc == 4004)  # counted to its end
    assert len(of_cross(r)) == 1
    own = dev.retrieve(dev.path + "/c/s").json["m2m:sub"]
    assert own["nu"] == [r.url + "/own"] and not own.get("acrs")  # and is named no more
    # what the originator may not subscribe to, it may not have watched either
    other = Plain(dev.node, dev.originator + "o")
    assert other.register(dev.rn + "o").rsc == 2001
    other.path = "/cse-in/" + dev.rn + "o"
    assert other.create(other.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    for more in ({}, {"encs": {"encn": [{"net": [3]}] * 3}}):
        cross(other, r, expect=4000, rrat=[base + "/d", other.path[1:] + "/c"], **more)
    cross(other, r, expect=5221, rrat=[base + "/d", other.path[1:] + "/c"], encs={"encn": [{"net": [3]}]})
    assert other.retrieve(other.path + "/x").rsc == 4004
    other.close()


def test_who_leaves_a_crossing_ends_it(dev, r):
    """TS-0004 7.4.8.2.3: a subscription that no longer names it is as one that was deleted."""
    assert dev.create(dev.path, 3, {"m2m:cnt": {"rn": "d"}}).rsc == 2001
    subscribe(dev, r.url + "/own", enc={"net": [3]})
    base = dev.path[1:]
    cross(dev, r, srat=[base + "/c/s"], rrat=[base + "/d"], encs={"encn": [{"net": [3]}]}, su=r.url + "/end")
    crs = dev.retrieve(dev.path + "/x").json["m2m:crs"]
    # what others' subscriptions say of themselves neither completes nor ends it
    other = Plain(dev.node, dev.originator + "o")
    assert other.register(dev.rn + "o").rsc == 2001
    other.path = "/cse-in/" + dev.rn + "o"
    assert other.create(other.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    for rn in ("f1", "f2"):
        subscribe(other, r.url + "/other", enc={"net": [3]}, rn=rn, acrs=["/in-cse/" + crs["ri"]])
    instance(other)
    assert other.update(other.path + "/c/f1", {"m2m:sub": {"acrs": []}}).rsc == 2004
    assert other.delete(other.path + "/c/f2").rsc == 2002
    other.close()
    assert dev.retrieve(dev.path + "/x").rsc == 2000 and not of_cross(r)
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"acrs": ["/in-cse/" + crs["ri"]]}}).rsc == 2004
    assert dev.retrieve(dev.path + "/x").rsc == 2000
    assert dev.update(dev.path + "/c/s", {"m2m:sub": {"acrs": []}}).rsc == 2004
    assert dev.retrieve(dev.path + "/x").rsc == 4004 and dev.ask("GET", "/~" + crs["rrats"][0]).rsc == 4004
    assert dev.retrieve(dev.path + "/c/s").json["m2m:sub"]["nu"] == [r.url + "/own"]
    end = time.time() + 30
    while not [g for g in r.got if g.path == "/end" and g.sgn.get("sud")] and time.time() < end:
        time.sleep(0.02)
    assert [g.sgn["sur"] for g in r.got if g.path == "/end" and g.sgn.get("sud")] == ["/in-cse/" + crs["ri"]]


def test_nothing_is_lost_over_a_restart():
    with Node(lab=True, options="store.engine = sqlite") as n, Receiver() as r:
        e = Plain(n, "Cdev")
        assert e.register("dev").rsc == 2001
        e.path = "/cse-in/dev"
        assert e.create(e.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
        subscribe(e, r.url, enc={"net": [3]}, pn=2)
        port = r.port
        r.close()
        for i in range(3):
            instance(e, str(i))
        e.close()
        n.kill()
        n.start()
        with Receiver(port=port) as again:
            got = events(again, 3, 15)
            assert [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in got] == ["0", "1", "2"]
            time.sleep(0.5)
            assert len(again.got) == 3


def test_what_is_pending_outlives_the_rest():
    """A target that is away for longer than anything else is kept: pendingNotification keeps all, or the latest."""
    with Node(lab=True, options="outbound.keep = 2\noutbound.time = 3\nstore.engine = memory") as n:
        e = Plain(n, "Cdev")
        assert e.register("dev").rsc == 2001
        e.path = "/cse-in/dev"
        assert e.create(e.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
        with Receiver() as r:
            port = r.port
            for rn, pn in (("all", {"pn": 2}), ("latest", {"pn": 1}), ("none", {})):
                subscribe(e, f"{r.url}/{rn}", enc={"net": [3], "chty": [4]}, rn=rn, **pn)
        for i in range(3):
            instance(e, str(i))
        end = time.time() + 30
        while time.time() < end and not sum("could not be delivered" in (x.get("text") or "") for x in n.audit()) >= 3:
            time.sleep(0.3)
        with Receiver(port=port) as again:
            got = events(again, 4, 25)
            time.sleep(0.5)
            told = {rn: [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in again.got if g.path == "/" + rn] for rn in ("all", "latest", "none")}
            assert told == {"all": ["0", "1", "2"], "latest": ["2"], "none": []}, told
            assert [g.headers.get("x-m2m-ec") for g in got if g.path == "/latest"] == ["4"]
        e.close()
