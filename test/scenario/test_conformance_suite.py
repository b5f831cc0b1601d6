"""What a suite finds that puts the procedures together: several subscriptions with one target, policies that are changed
while something waits."""
import time

import pytest
pytest.importorskip("requests")

from waiting import until
from openlab import lab, own, r  # noqa: F401


def subscribe(lab, path, stem, r, **sub):
    a = lab.create(path, 23, {"m2m:sub": {"rn": "s", "nu": [r.url], **sub}}, stem)
    assert a.rsc == 2001, a
    r.got.clear()


def change(lab, path, stem, *values):
    for v in values:
        assert lab.put(path, {"m2m:cnt": {"mni": v}}, stem).rsc == 2004


def clock(at):
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(at)) + ",%03d" % (at * 1000 % 1000)


def told(r):
    """mni of each notification that came, those of a batch as a list."""
    mni = lambda sgn: sgn["nev"]["rep"]["m2m:cnt"]["mni"]
    return [mni(g.sgn) if g.sgn else [mni(s) for s in g.json["m2m:agn"]["m2m:sgn"]] for g in r.got if "vrq" not in g.sgn]


@pytest.fixture()
def two(lab, own, r):
    """Two containers; the second has a subscription without policies, to r."""
    stem, path = own
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "d", "acpi": ["cse-in/open"]}}, stem).rsc == 2001
    subscribe(lab, path + "/d", stem, r)
    return stem, path + "/c", path + "/d"


def test_the_schedule_of_a_subscription_holds_no_other(lab, two, r):
    """notificationSchedule is its subscription's [TS-0004 7.5.1.2.2], whoever else tells the same target."""
    stem, c, d = two
    subscribe(lab, c, stem, r, pn=2)
    never = {"sce": [f"* * {(time.gmtime().tm_hour + 6) % 24} * * * *"]}
    assert lab.create(c + "/s", 18, {"m2m:sch": {"rn": "when", "se": never}}, stem).rsc == 2001
    change(lab, c, stem, 1)
    change(lab, d, stem, 2)
    assert until(lambda: told(r) == [2], 5), r.got


def test_the_rate_of_a_subscription_holds_no_other(lab, two, r):
    """rateLimit: what is too much waits for its window [TS-0001 10.2.10.7]; a limit that is taken away holds nothing."""
    stem, c, d = two
    subscribe(lab, c, stem, r, rl={"mnn": 1, "tww": "PT1H"})
    change(lab, c, stem, 1, 2)
    change(lab, d, stem, 3)
    assert until(lambda: sorted(told(r)) == [1, 3], 5), r.got
    assert lab.put(c + "/s", {"m2m:sub": {"rl": None}}, stem).rsc == 2004
    assert until(lambda: sorted(told(r)) == [1, 2, 3], 5), r.got


@pytest.mark.parametrize("to", [None, {"num": 9}])
def test_a_batch_goes_when_its_policy_does(lab, own, r, to):
    """First in, first out [TS-0001 10.2.10.7]: it goes before what comes after the change."""
    stem, path = own
    subscribe(lab, path + "/c", stem, r, bn={"num": 9, "dur": "PT1H"})
    change(lab, path + "/c", stem, 1, 2)
    assert told(r) == []
    assert lab.put(path + "/c/s", {"m2m:sub": {"bn": to}}, stem).rsc == 2004
    assert until(lambda: told(r) == [[1, 2]], 5), r.got
    change(lab, path + "/c", stem, 3)
    assert until(lambda: told(r) == [[1, 2]] + ([] if to else [3]), 5), r.got


def test_a_batch_of_one(lab, own, r):
    """It is a batch all the same [TS-0004 7.5.1.1]; with latestNotify a single one is sent [TS-0001 10.2.10.7]."""
    stem, path = own
    subscribe(lab, path + "/c", stem, r, bn={"dur": "PT1S"})
    change(lab, path + "/c", stem, 1)
    assert until(lambda: told(r) == [[1]], 5), r.got
    assert lab.put(path + "/c/s", {"m2m:sub": {"ln": True}}, stem).rsc == 2004
    change(lab, path + "/c", stem, 2, 3)
    assert until(lambda: told(r) == [[1], 3], 5), r.got


def test_batches_keep_to_the_rate(lab, own, r):
    """batchNotify and rateLimit are used together [TS-0001 10.2.10.7]: a full batch beyond the limit waits for its window."""
    stem, path = own
    subscribe(lab, path + "/c", stem, r, bn={"num": 2}, rl={"mnn": 2, "tww": "PT2S"})
    began = time.time()
    change(lab, path + "/c", stem, 1, 2, 3, 4)
    assert until(lambda: told(r) == [[1, 2], [3, 4]], 6), r.got
    assert r.got[0].at < began + 1 and r.got[1].at > began + 1.5


def test_missing_data_that_are_more_than_the_list_holds(lab, own, r):
    """What makes the number full is told with so many, and each that follows with what the list holds then, however many are
    found at once [TS-0004 7.5.1.2.9, 7.4.38.2.1]."""
    stem, path = own
    series = {"rn": "t", "pei": 100, "mdd": True, "mdt": 50, "mdn": 3}
    assert lab.create(path, 29, {"m2m:ts": series}, stem).rsc == 2001
    subscribe(lab, path + "/t", stem, r, enc={"net": [8], "md": {"num": 2, "dur": "PT1H"}})
    assert lab.create(path + "/t", 30, {"m2m:tsi": {"dgt": clock(time.time()), "con": "1"}}, stem).rsc == 2001
    got = [g.sgn["nev"]["rep"]["m2m:tsn"] for g in r.wait(12)]
    assert [t["mdc"] for t in got[:4]] == [2, 3, 3, 3]
    assert all(t["mdc"] == len(t["mdlt"]) for t in got)
    found = [got[0]["mdlt"][0]] + [t["mdlt"][-1] for t in got]
    assert [t["mdlt"] for t in got[1:]] == [found[i:i + 3] for i in range(len(got) - 1)]


def test_a_notification_to_a_group(lab, own, r):
    """Whenever a request is sent to the fan-out point, it goes to each member [TS-0004 7.4.14.1], each with its own policies."""
    stem, path = own
    aes = [lab.ae() for _ in range(3)]
    for n, (who, at) in enumerate(aes):
        assert lab.put(at, {"m2m:ae": {"poa": [f"{r.url}/{n}"]}}, who).rsc == 2004
    for who, at in aes[:2]:
        assert lab.put(at, {"m2m:ae": {"acpi": ["cse-in/open"]}}, who).rsc == 2004
    members = [who for who, _ in aes] + [path[1:] + "/c", path[1:] + "/inner"]
    assert lab.create(path, 9, {"m2m:grp": {"rn": "inner", "mnm": 1, "mid": [aes[0][0]]}}, stem).rsc == 2001
    assert lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 9, "mid": members}}, stem).rsc == 2001
    r.script = lambda got: (403, {"X-M2M-RSC": "5205"}, b"") if got.path == "/1" else None
    notification = {"m2m:sgn": {"sur": "/in-cse/s", "nev": {"net": 1}}}
    a = lab.create(path + "/g/fopt", None, notification, stem)
    assert a.rsc == 2000, a
    assert [m["rsc"] for m in a.json["m2m:agr"]["m2m:rsp"]] == [2000, 5205, 4103, 4005, 4005]
    assert sorted(g.path for g in r.got) == ["/0", "/1"] and r.got[0].json == notification
    r.got.clear()
    other, _ = lab.ae()
    assert lab.create(path + "/g/fopt", None, notification, other).rsc == 4103 and r.got == []


def test_a_target_that_is_back_is_told_at_once(lab, two, r):
    """Who answers a verification is there again: what failed before holds back nothing."""
    stem, c, d = two
    r.script = lambda got: (500, {}, b"")
    change(lab, d, stem, 1)
    r.wait(3)  # the fourth comes three seconds later at the earliest
    r.script = None
    r.got.clear()
    assert lab.create(c, 23, {"m2m:sub": {"nu": [r.url]}}, stem).rsc == 2001
    assert until(lambda: told(r) == [1], 2), r.got
    change(lab, c, stem, 2)
    assert until(lambda: told(r) == [1, 2], 2), r.got


def test_a_mixed_group_in_a_group_of_one_type(lab, own):
    """A fan-out point counts as what its group holds, of mixed types as well [TS-0004 7.4.13.2.1]."""
    stem, path = own
    mixed, c, channel = path[1:] + "/inner/fopt", path[1:] + "/c", path[1:] + "/nothing/pcu"
    group = lambda rn, **more: lab.create(path, 9, {"m2m:grp": {"rn": rn, "mnm": 9, **more}}, stem)
    assert group("inner", mid=[c]).rsc == 2001
    for csy, want in ((1, (3, [c])), (3, (0, [mixed, c]))):
        a = group(f"g{csy}", mt=3, csy=csy, mid=[mixed, c, channel]).json["m2m:grp"]
        assert (a["mt"], a["mid"]) == want and a["mtv"] is True and a["cnm"] == len(a["mid"]), a
    assert group("g2", mt=3, csy=2, mid=[mixed, c]).rsc == 4110


def test_what_is_no_notification_goes_nowhere(lab, r):
    """A notification data object has members [TS-0004 7.5.1.1]; what is none is refused here, and not handed on."""
    who, at = lab.ae()
    assert lab.put(at, {"m2m:ae": {"poa": [r.url]}}, who).rsc == 2004
    for root in ("m2m:sgn", "m2m:agn", "m2m:rsp", "m2m:seci"):
        for value in ([], "x", 1, None, True):
            assert lab.create(at, None, {root: value}, who).rsc == 4000, (root, value)
    assert r.got == []
    assert lab.create(at, None, {"m2m:sgn": {"sur": "/in-cse/s"}}, who).rsc == 2000 and len(r.got) == 1
