"""Polling channels: who cannot be reached fetches its requests, alone, and answers them."""
import re, socket, threading, time

import pytest

from node import Node, acr
from receiver import Receiver
from test_lab import Plain
from test_subscription import instance, subscribe

SGN = {"m2m:sgn": {"nev": {"rep": {"m2m:cin": {"con": "1"}}}, "sur": "cse-in/x"}}


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="outbound.time = 3\ngate.request_time = 4") as n:
        n.admin = Plain(n, "CAdmin")
        yield n
        n.admin.close()
        assert n.stop() == 0


@pytest.fixture()
def ae(lab, request):
    name = "p" + re.sub(r"_|test|\W", "", request.node.name)[:30]
    e = Plain(lab, "C" + name)
    assert e.create("/cse-in", 2, {"m2m:ae": {"rn": name, "api": "Np", "rr": False, "srv": ["3"]}}).rsc == 2001
    e.path = "/cse-in/" + name
    assert e.create(e.path, 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001
    e.pcu = e.path + "/pch/pcu"
    yield e
    e.close()


def in_background(call):
    answers = []
    t = threading.Thread(target=lambda: answers.append(call()))
    t.start()
    return t, answers


def poll(e, version=1, **kw):
    p = Plain(e.node, e.originator)
    p.version = version
    try:
        return p.retrieve(e.pcu, **kw)
    finally:
        p.close()


def reply(e, rqp, rsc=2000, **more):
    return e.ask("POST", e.pcu, {"m2m:rsp": {"rsc": rsc, "rqi": rqp["rqi"], "rvi": "3", **more}})


def test_a_request_goes_by_the_channel(lab, ae):
    t, polled = in_background(lambda: poll(ae))
    time.sleep(0.3)
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN, rqi="through-1"))
    t.join()
    rqp = polled[0].json["m2m:rqp"]
    assert polled[0].rsc == 2000 and rqp["op"] == 5 and rqp["rqi"] != "through-1" and rqp["pc"] == SGN
    assert reply(ae, rqp, 4103).rsc == 2000
    s.join()
    assert sent[0].rsc == 4103
    # once only
    assert reply(ae, rqp).rsc == 4004


def test_a_request_that_came_first_waits(lab, ae):
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    time.sleep(0.4)
    rqp = poll(ae).json["m2m:rqp"]
    assert reply(ae, rqp).rsc == 2000
    s.join()
    assert sent[0].rsc == 2000


def test_who_gets_no_answer_is_told(lab, ae):
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    poll(ae)
    s.join()
    assert sent[0].rsc == 5103


def test_one_that_waits_is_not_refused_when_it_comes_again(lab, ae):
    """Whoever notifies takes a refusal for the receiver's word, and does not come again: while nobody knows, it is no refusal."""
    notify = lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN, rqi="twice-1")
    s, sent = in_background(notify)
    time.sleep(0.4)
    assert notify().rsc == 5103
    s.join()
    assert sent[0].rsc == 5103  # nobody fetched it
    s, sent = in_background(notify)
    time.sleep(0.4)
    assert notify().rsc == 5103
    assert reply(ae, poll(ae).json["m2m:rqp"]).rsc == 2000
    s.join()
    assert sent[0].rsc == 2000
    assert poll(ae, headers={"X-M2M-RET": "300"}).rsc == 4008  # once


def test_what_had_arrived_counts_as_delivered(lab, ae):
    """4105: it came before, and the answer was lost on the way."""
    assert ae.create(ae.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    for rsc, left in ((4103, 2000), (4105, 4004)):
        sub = {"m2m:sub": {"rn": f"s{rsc}", "nu": ["/in-cse/" + ae.originator], "enc": {"net": [3]}, "exc": 1}}
        assert ae.create(ae.path + "/c", 23, sub).rsc == 2001
        assert ae.create(ae.path + "/c", 4, {"m2m:cin": {"con": "told"}}).rsc == 2001
        assert reply(ae, poll(ae).json["m2m:rqp"], rsc).rsc == 2000
        time.sleep(0.3)
        assert ae.retrieve(f"{ae.path}/c/s{rsc}").rsc == left
        assert ae.delete(f"{ae.path}/c/s{rsc}").rsc in (2002, 4004)


@pytest.mark.parametrize("version", [1, 2])
def test_a_poll_ends_in_time(ae, version):
    t = time.time()
    assert poll(ae, version, headers={"X-M2M-RET": "1000"}).rsc == 4008
    assert 0.8 < time.time() - t < 2.5


@pytest.mark.parametrize("version", [1, 2])
def test_several_requests_in_one_answer(lab, ae, version):
    """requestAggregation (TS-0001 9.6.21, Release 4): all that waits; each is answered by itself."""
    asked = [in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN)) for _ in range(3)]
    time.sleep(0.4)
    one = poll(ae, version).json["m2m:rqp"]  # as long as it is not asked for, one at a time
    assert ae.update(ae.path + "/pch", {"m2m:pch": {"rqag": True}}).rsc == 2004
    a = poll(ae, version)
    many = a.json["m2m:agrp"]["m2m:rqp"]
    assert list(a.json) == ["m2m:agrp"] and len(many) == 2 and len({r["rqi"] for r in many} | {one["rqi"]}) == 3
    for rqp, rsc in zip([*many, one], (4103, 4105, 2000)):
        assert rqp["pc"] == SGN and reply(ae, rqp, rsc).rsc == 2000
    for t, _ in asked:
        t.join()
    assert sorted(got[0].rsc for _, got in asked) == [2000, 4103, 4105]
    # also when the poll was there first
    t, polled = in_background(lambda: poll(ae, version))
    time.sleep(0.3)
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    t.join()
    (rqp,) = polled[0].json["m2m:agrp"]["m2m:rqp"]
    assert reply(ae, rqp).rsc == 2000
    s.join()
    assert sent[0].rsc == 2000
    assert ae.update(ae.path + "/pch", {"m2m:pch": {"rqag": "yes"}}).rsc == 4000


@pytest.mark.parametrize("serialisation", ["cbor", "xml"])
def test_polls_in_other_formats(lab, ae, serialisation):
    ae.serialisation = serialisation
    assert ae.update(ae.path + "/pch", {"m2m:pch": {"rqag": True}}).rsc == 2004
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    a = ae.retrieve(ae.pcu)
    got = a.json["m2m:agrp"]["m2m:rqp"]
    (rqp,) = got if isinstance(got, list) else [got]
    assert int(rqp["op"]) == 5 and rqp["pc"]["m2m:sgn"]["sur"] == "cse-in/x"
    assert ae.ask("POST", ae.pcu, {"m2m:rsp": {"rsc": 4105, "rqi": rqp["rqi"], "rvi": "3"}}).rsc == 2000
    s.join()
    assert sent[0].rsc == 4105


@pytest.mark.parametrize("version", [1, 2])
def test_a_poller_that_is_lost(lab, ae, version):
    """It dies while it waits: its poll ends with it, and what comes then is there for the next, once."""
    gone = Plain(ae.node, ae.originator)
    gone.version = version
    gone.connect()
    t = threading.Thread(target=lambda: pytest.raises(Exception, gone.retrieve, ae.pcu), daemon=True)
    t.start()
    time.sleep(0.3)
    gone.connection.shutdown(2)
    t.join()
    time.sleep(0.2)
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    time.sleep(0.2)
    rqp = poll(ae, version).json["m2m:rqp"]
    assert poll(ae, version, headers={"X-M2M-RET": "300"}).rsc == 4008  # not twice
    assert reply(ae, rqp).rsc == 2000
    s.join()
    assert sent[0].rsc == 2000


def test_who_closes_one_side_is_answered(lab, ae):
    """A client that says that it will send no more may still read: its poll ends at once, with an answer, and takes nothing."""
    raw = socket.create_connection(("127.0.0.1", lab.lab_port))
    raw.settimeout(3)
    raw.sendall(f"GET {ae.pcu} HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: {ae.originator}\r\nX-M2M-RI: half\r\nX-M2M-RVI: 3\r\n\r\n".encode())
    time.sleep(0.3)
    raw.shutdown(socket.SHUT_WR)
    assert b"X-M2M-RSC: 4008" in raw.recv(4096)
    raw.close()


def test_only_the_owner(lab, ae):
    acp = {"m2m:acp": {"rn": "p" + ae.originator, "pv": {"acr": [acr(["all"], 63)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
    assert lab.admin.create("/cse-in", 1, acp).rsc == 2001
    assert lab.admin.update(ae.path, {"m2m:ae": {"acpi": ["cse-in/p" + ae.originator]}}).rsc == 2004
    other = Plain(lab, ae.originator + "x")
    assert other.register("x" + ae.originator).rsc == 2001
    for e in (other, lab.admin):
        assert e.retrieve(ae.pcu).rsc == 4103
        assert e.retrieve(ae.path + "/pch").rsc == 4103
        assert e.delete(ae.path + "/pch").rsc == 4103
        assert e.ask("POST", ae.pcu, {"m2m:rsp": {"rsc": 2000, "rqi": "x", "rvi": "3"}}).rsc == 4103
        assert e.create(ae.path, 15, {"m2m:pch": {"rn": "mine"}}).rsc == 4103
    assert ae.create(ae.pcu, 3, {"m2m:cnt": {}}).rsc == 4005 and ae.delete(ae.pcu).rsc == 4005
    assert ae.retrieve(ae.path + "/pch").rsc == 2000
    other.close()


def test_there_is_one(ae):
    """TS-0001 9.6.5: multiplicity 0..1."""
    assert ae.create(ae.path, 15, {"m2m:pch": {"rn": "second"}}).rsc == 4105
    assert ae.delete(ae.path + "/pch").rsc == 2002
    assert ae.create(ae.path, 15, {"m2m:pch": {"rn": "second"}}).rsc == 2001


def test_answers_to_nothing(ae):
    assert ae.ask("POST", ae.pcu, {"m2m:rsp": {"rsc": 2000, "rqi": "never", "rvi": "3"}}).rsc == 4004
    assert ae.ask("POST", ae.pcu, {"m2m:rsp": {"rsc": 2000, "rvi": "3"}}).rsc == 4000
    assert ae.ask("POST", ae.pcu, SGN).rsc == 4000


def test_notifications_by_the_channel(lab, ae):
    """A subscription whose target is the AE: kept until it polls, in order, and gone when answered."""
    assert ae.create(ae.path, 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    subscribe(ae, "/in-cse/" + ae.originator, enc={"net": [3]})
    for i in range(3):
        instance(ae, str(i))
    got = []
    for _ in range(3):
        rqp = poll(ae).json["m2m:rqp"]
        got.append(rqp["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"])
        assert reply(ae, rqp).rsc == 2000
    assert got == ["0", "1", "2"]
    assert poll(ae, headers={"X-M2M-RET": "500"}).rsc == 4008


@pytest.mark.parametrize("end", ["right", "subscription"])
@pytest.mark.parametrize("version", [1, 2])
def test_told_no_more(lab, ae, end, version):
    """It was judged when it began to wait; it is judged again by who fetches it, also when it was given and lost."""
    name = "of" + ae.path.rsplit("/", 1)[1]
    owner = Plain(lab, "C" + name)
    assert owner.register(name).rsc == 2001
    pv = lambda *who: {"acr": [acr([w], 63) for w in who]}
    acp = {"rn": name + "p", "pv": pv(owner.originator, ae.originator), "pvs": pv("CAdmin")}
    assert lab.admin.create("/cse-in", 1, {"m2m:acp": acp}).rsc == 2001
    box = f"/cse-in/{name}/c"
    assert owner.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "c", "acpi": [f"cse-in/{name}p"]}}).rsc == 2001
    assert ae.create(box, 23, {"m2m:sub": {"rn": "s", "nu": ["/in-cse/" + ae.originator], "enc": {"net": [3]}}}).rsc == 2001
    put = lambda con: owner.create(box, 4, {"m2m:cin": {"con": con}})
    con = lambda a: a.json["m2m:rqp"]["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"]
    assert put("open").rsc == 2001
    rqp = poll(ae, version)
    assert con(rqp) == "open" and reply(ae, rqp.json["m2m:rqp"]).rsc == 2000
    # the control: it waits in the channel, and who has the right still gets it
    for text in ("kept", "secret"):
        assert put(text).rsc == 2001
    time.sleep(0.3)
    rqp = poll(ae, version)
    assert con(rqp) == "kept" and reply(ae, rqp.json["m2m:rqp"]).rsc == 2000
    time.sleep(0.3)
    if end == "right":
        assert lab.admin.update(f"/cse-in/{name}p", {"m2m:acp": {"pv": pv(owner.originator)}}).rsc == 2004
        assert ae.retrieve(box).rsc == 4103
    else:
        assert ae.delete(box + "/s").rsc == 2002
    gone = poll(ae, version, headers={"X-M2M-RET": "500"})
    assert gone.rsc == 4008 and b"secret" not in gone.body, gone
    # and the channel goes on
    s, sent = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN))
    rqp = poll(ae, version).json["m2m:rqp"]
    assert reply(ae, rqp).rsc == 2000
    s.join()
    assert sent[0].rsc == 2000
    owner.close()


def owned(lab, ae, *who):
    """A container of somebody else, who lets `who` do all; its owner, its address, and how that is changed."""
    name = "of" + ae.path.rsplit("/", 1)[1]
    owner = Plain(lab, "C" + name)
    assert owner.register(name).rsc == 2001
    pv = lambda who: {"acr": [acr([w], 63) for w in (owner.originator, *who)]}
    assert lab.admin.create("/cse-in", 1, {"m2m:acp": {"rn": name + "p", "pv": pv(who), "pvs": {"acr": [acr(["CAdmin"], 63)]}}}).rsc == 2001
    assert owner.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "c", "acpi": [f"cse-in/{name}p"]}}).rsc == 2001
    return owner, f"/cse-in/{name}/c", lambda *who: lab.admin.update(f"/cse-in/{name}p", {"m2m:acp": {"pv": pv(who)}}).rsc


def nothing_waits(ae):
    gone = poll(ae, headers={"X-M2M-RET": "500"})
    assert gone.rsc == 4008, gone


def test_asked_about_an_update_no_more(lab, ae):
    """A question that waits is judged again by who fetches it: without the right nobody is asked, and the update goes on."""
    owner, box, let = owned(lab, ae, ae.originator)
    assert ae.create(box, 23, {"m2m:sub": {"rn": "s", "nu": ["/in-cse/" + ae.originator], "enc": {"net": [7]}}}).rsc == 2001
    update = lambda lbl: in_background(lambda: owner.update(box, {"m2m:cnt": {"lbl": [lbl]}}))
    for end in (None, "right", "subscription"):
        t, sent = update("open")
        time.sleep(0.3)
        rqp = poll(ae).json["m2m:rqp"]
        assert rqp["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cnt"]["lbl"] == ["open"] and reply(ae, rqp, 4103).rsc == 2000
        t.join()
        assert sent[0].rsc == 4127
        if not end:
            continue
        t, sent = update(end)
        time.sleep(0.3)
        if end == "right":
            assert let() == 2004
        else:
            assert ae.delete(box + "/s").rsc == 2002
        nothing_waits(ae)
        t.join()
        assert sent[0].rsc == 2004 and owner.retrieve(box).json["m2m:cnt"]["lbl"] == [end]
        assert let(ae.originator) == 2004
    owner.close()


def test_asked_to_be_a_target_no_more(lab, ae):
    """The verification of a subscription: who may not notify any more, or not read, is refused."""
    owner, box, let = owned(lab, ae)
    notifies = lambda *who: {"acr": [acr([w], 16) for w in who] + [acr([ae.originator], 63)]}
    acp = {"m2m:acp": {"rn": "v" + ae.originator, "pv": notifies(owner.originator), "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
    assert lab.admin.create("/cse-in", 1, acp).rsc == 2001
    assert lab.admin.update(ae.path, {"m2m:ae": {"acpi": ["cse-in/v" + ae.originator]}}).rsc == 2004
    sub = lambda rn: in_background(lambda: owner.create(box, 23, {"m2m:sub": {"rn": rn, "nu": ["/in-cse/" + ae.originator], "enc": {"net": [3]}}}))
    t, sent = sub("good")
    time.sleep(0.3)
    rqp = poll(ae).json["m2m:rqp"]
    assert rqp["pc"]["m2m:sgn"]["vrq"] is True and reply(ae, rqp).rsc == 2000
    t.join()
    assert sent[0].rsc == 2001
    t, sent = sub("late")
    time.sleep(0.3)
    assert lab.admin.update("/cse-in/v" + ae.originator, {"m2m:acp": {"pv": notifies()}}).rsc == 2004
    nothing_waits(ae)
    t.join()
    assert sent[0].rsc == 4101 and owner.retrieve(box + "/late").rsc == 4004
    owner.close()


def test_asked_whether_a_target_may_leave_no_more(lab, ae):
    owner, box, let = owned(lab, ae, ae.originator)
    at = "/cse-in/l" + ae.originator
    with Receiver() as r:
        assert owner.update(box.rpartition("/")[0], {"m2m:ae": {"poa": [r.url], "rr": True}}).rsc == 2004
        acp = {"m2m:acp": {"rn": "w" + ae.originator, "pv": {"acr": [acr(["all"], 16), acr([owner.originator], 63)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
        assert lab.admin.create("/cse-in", 1, acp).rsc == 2001
        assert lab.admin.update(box.rpartition("/")[0], {"m2m:ae": {"acpi": ["cse-in/w" + ae.originator]}}).rsc == 2004
        me = "/in-cse/" + owner.originator
        assert ae.create(box, 23, {"m2m:sub": {"rn": "s", "nu": [me, r.url], "enc": {"net": [3]}}}).rsc == 2001
        assert lab.admin.create("/cse-in", 26, {"m2m:ntp": {"rn": at[8:], "acn": 3}}).rsc == 2001
        assert lab.admin.create(at, 27, {"m2m:pdr": {"rn": "r", "dr": {"tod": ["* * * * * * *"]}}}).rsc == 2001
        assert ae.create(box + "/s", 25, {"m2m:ntpr": {"rn": "ref", "ntu": [me], "npi": at[1:]}}).rsc == 2001
        leave = lambda: in_background(lambda: owner.delete(box + "/s/ntsr"))
        t, sent = leave()
        time.sleep(0.3)
        rqp = poll(ae).json["m2m:rqp"]
        assert rqp["pc"]["m2m:sgn"]["trr"] is True and reply(ae, rqp, 4103).rsc == 2000
        t.join()
        assert sent[0].rsc == 4103
        t, sent = leave()
        time.sleep(0.3)
        assert ae.delete(box + "/s").rsc == 2002
        nothing_waits(ae)
        t.join()
        assert sent[0].rsc == 4004
    owner.close()


def test_the_newer_poll_counts(ae):
    t, first = in_background(lambda: poll(ae))
    time.sleep(0.3)
    s, second = in_background(lambda: poll(ae, headers={"X-M2M-RET": "1500"}))
    t.join()
    assert first[0].rsc == 4008
    s.join()
    assert second[0].rsc == 4008


def test_identifiers_of_two_originators(lab, ae):
    """Request Identifiers are unique to their originators alone: an answer goes to the one it is for, whoever
    asks under the same identifier."""
    acp = {"m2m:acp": {"rn": "q" + ae.originator, "pv": {"acr": [acr(["all"], 63)]}, "pvs": {"acr": [acr(["CAdmin"], 63)]}}}
    assert lab.admin.create("/cse-in", 1, acp).rsc == 2001
    assert lab.admin.update(ae.path, {"m2m:ae": {"acpi": ["cse-in/q" + ae.originator]}}).rsc == 2004
    other = Plain(lab, ae.originator + "y")
    assert other.register("y" + ae.originator).rsc == 2001
    t, theirs = in_background(lambda: other.ask("POST", ae.path, SGN, rqi="same"))
    first = poll(ae).json["m2m:rqp"]
    s, ours = in_background(lambda: Plain(lab, "CAdmin").ask("POST", ae.path, SGN, rqi="same"))
    second = poll(ae).json["m2m:rqp"]
    assert first["fr"] != second["fr"] and first["rqi"] != second["rqi"]
    assert reply(ae, second, 4103).rsc == 2000
    assert reply(ae, first, 4105).rsc == 2000
    t.join(), s.join()
    assert theirs[0].rsc == 4105 and ours[0].rsc == 4103


def test_results_go_to_nobody_who_takes_none(lab, ae):
    """The result of a non-blocking request goes to its originator, or to who takes notifications of it, however
    it is addressed."""
    other = Plain(lab, ae.originator + "z")
    assert other.register("z" + ae.originator).rsc == 2001
    for behind in ("", "#", "#:", "#x:y"):
        for to in (ae.originator + behind, ae.path[1:] + behind, "/in-cse/" + ae.originator + behind):
            a = other.ask("GET", f"/cse-in/z{ae.originator}?rt=2", headers={"X-M2M-RTU": to})
            assert a.rsc in (1002, 4000), (to, a)
    assert poll(ae, headers={"X-M2M-RET": "400"}).rsc == 4008
    other.close()


def test_a_link_leads_nobody_into_a_channel(lab, ae):
    """An announced resource whose link names a polling channel shows it to its owner alone."""
    rn = "a" + ae.originator
    made = lab.admin.create("/cse-in", 10003, {"m2m:cntA": {"rn": rn, "lnk": "/in-cse/-" + ae.path[7:] + "/pch"}})
    assert made.rsc == 2001, made
    assert lab.admin.retrieve("/cse-in/" + rn).rsc == 2000
    assert lab.admin.retrieve("/cse-in/" + rn + "?rcn=7").rsc == 4103
