"""Between CSEs, in the laboratory: IN, MN and ASN on three loopback addresses. Registration both
ways, requests over two hops up, down and across, what cannot be reached, descendants kept in step."""
import concurrent.futures, itertools, socket, threading, time

import pytest
pytest.importorskip("requests")

from lab import exchange
from labnode import Lab
from receiver import Receiver
from waiting import until

AE = {"api": "Ntool", "rr": False, "srv": ["3"]}


def csr(n, name):
    rsc, got = n.get(f"/-/{name}", "CAdmin")
    return got["m2m:csr"] if rsc == 2000 else None


@pytest.fixture(scope="module")
def three():
    i = Lab("--cse-id", "/id-in", "--cse-name", "cse-in", "--remote-cses", "/id-mn,/id-asn,/id-mn2")
    m = Lab("--cse-id", "/id-mn", "--cse-name", "cse-mn", "--cse-type", "MN", "--remote-cses", "/id-asn",
            "--register-to", i.url, "--registrar-id", "/id-in", address="127.0.0.2")
    a = Lab("--cse-id", "/id-asn", "--cse-name", "cse-asn", "--cse-type", "ASN",
            "--register-to", m.url, "--registrar-id", "/id-mn", "--in-cse", "/id-in", address="127.0.0.3")
    try:
        until(lambda: csr(i, "id-mn") and csr(m, "id-asn") and csr(i, "id-mn").get("dcse") == ["/id-asn"])
    except AssertionError:
        print(i.text(), m.text(), a.text())
        raise
    yield i, m, a
    assert [n.stop() for n in (a, m, i)] == [0, 0, 0]


def test_registered_both_ways(three):
    i, m, a = three
    up = csr(i, "id-mn")
    assert (up["csi"], up["cb"], up["cst"], up["rr"], up["poa"]) == ("/id-mn", "/id-mn/cse-mn", 2, True, [m.url])
    assert csr(m, "id-in")["csi"] == "/id-in" and csr(m, "id-in")["poa"] == [i.url]
    assert csr(m, "id-in")["cb"] == "/id-in/-" and "dcse" not in csr(m, "id-asn")
    assert csr(m, "id-asn")["cst"] == 3 and csr(a, "id-mn")["poa"] == [m.url]
    assert i.get("/-", "CAdmin")[1]["m2m:cb"]["poa"] == [i.url]


def test_an_ae_id_is_assigned_by_the_in_cse(three):
    """TS-0001 10.2.2.2 (a): From "S" alone, over two hops; the AE is found by that AE-ID, and ended where it is announced."""
    i, m, a = three
    for n, cse in ((a, "/id-asn"), (m, "/id-mn")):
        rsc, got = n.create("/-", "S", 2, {"m2m:ae": dict(AE, rn="stem")})
        assert rsc == 2001, got
        stem = got["m2m:ae"]["aei"]
        assert stem[0] == "S" and len(stem) > 1 and got["m2m:ae"]["ri"] == stem
        at = lambda: i.get(f"/{stem}", "CAdmin")
        until(lambda: at()[1]["m2m:aeA"].get("aei") == stem)          # what could not be known before
        rsc, got = at()
        assert rsc == 2000 and (got["m2m:aeA"]["ri"], got["m2m:aeA"]["lnk"], got["m2m:aeA"]["api"]) == (stem, f"{cse}/{stem}", "Ntool"), got
        for by, path in ((i, f"/~/{stem}"), (a, f"/~/{stem}"), (n, f"/~/{stem}"), (i, f"/_/lab.example/{stem}")):
            assert by.get(path, "CAdmin")[0] in (2000, 4103), path  # the AE's own policy says who may
        assert i.get("/~/Snowhere", "CAdmin")[0] == 4004
        assert n.ask("PUT", "/-/stem", stem, {"m2m:ae": {"lbl": ["here"], "apn": "x", "aa": ["apn"]}})[0] == 2004
        until(lambda: at()[1]["m2m:aeA"].get("lbl") == ["here"] and at()[1]["m2m:aeA"].get("apn") == "x")
        assert i.ask("DELETE", f"/{stem}", "CAdmin")[0] == 2002     # by mistake: it is announced anew
        assert n.ask("PUT", "/-/stem", stem, {"m2m:ae": {"lbl": ["again"]}})[0] == 2004
        until(lambda: at()[0] == 2000 and at()[1]["m2m:aeA"].get("lbl") == ["again"])
        assert n.ask("DELETE", "/-/stem", stem)[0] == 2002
        until(lambda: at()[1]["m2m:aeA"]["lnk"] == "INACTIVE")
        assert i.get(f"/~/{stem}", "CAdmin")[0] == 4004
        assert n.create("/-", stem, 2, {"m2m:ae": dict(AE, rn="stem")})[0] == 2001   # with the same AE-ID again
        assert at()[1]["m2m:aeA"]["lnk"] == f"{cse}/{stem}"
        assert n.ask("DELETE", "/-/stem", stem)[0] == 2002
        until(lambda: at()[1]["m2m:aeA"]["lnk"] == "INACTIVE")
        assert i.ask("DELETE", f"/{stem}", "CAdmin")[0] == 2002


@pytest.fixture(scope="module")
def tree(three):
    """A container at each node, open to all."""
    acp = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
    for n in three:
        rsc, got = n.create("/-", "CAdmin", 1, acp)
        assert rsc == 2001, got
        assert n.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": "box", "acpi": [got["m2m:acp"]["ri"]]}})[0] == 2001
        assert n.create("/-", "Cuser", 2, {"m2m:ae": dict(AE, rn="user")})[0] == 2001
    return three


def test_two_hops_down_and_up(tree):
    i, m, a = tree
    for origin, n, target in ((i, a, "/id-asn"), (a, i, "/id-in"), (m, a, "/id-asn"), (m, i, "/id-in"), (i, m, "/id-mn"), (a, m, "/id-mn")):
        path = f"/~{target}/-/box"
        assert origin.get(path, "Cuser")[0] == 2000, path
        rsc, got = origin.create(path, "Cuser", 4, {"m2m:cin": {"con": "far"}})
        assert rsc == 2001, got
        assert n.get("/-/box/la", "CAdmin")[1]["m2m:cin"]["con"] == "far"
        rsc, got = origin.get(path + "/la", "Cuser")
        assert rsc == 2000 and got["m2m:cin"]["con"] == "far"
        # absolute, too
        assert origin.get(f"/_/lab.example{target}/-/box", "Cuser")[0] == 2000
        # the answers are those of the CSE that decides
        assert origin.get(f"/~{target}/-/nothing", "Cuser")[0] == 4004
        assert origin.get(f"/~{target}/-/user", "Cuser")[0] == 4103


def test_where_something_is_made_elsewhere(tree):
    """TS-0009 6.4.4: the address is good at the CSE that was asked, whose own resources have the same numbers."""
    i, m, a = tree
    head = {"X-M2M-Origin": "Cuser", "X-M2M-RI": "made", "X-M2M-RVI": "3", "Content-Type": "application/json;ty=3", "Accept": "application/json"}
    for n, cse, base in ((i, "/~/id-asn", "cse-asn"), (i, "/~/id-mn", "cse-mn"), (a, "/~/id-in", "cse-in")):
        for rcn in (1, 2, 3):
            made = exchange(n.address, n.port, "POST", f"{cse}/-/box?rcn={rcn}", head, '{"m2m:cnt":{"lbl":["%s%d"]}}' % (base, rcn))
            at = made.headers["Content-Location"]
            assert made.status == 201 and made.read() and at.startswith(cse + "/" + (base + "/box/" if rcn > 1 else "cnt")), at
            assert n.get(at, "Cuser")[1]["m2m:cnt"]["lbl"] == [f"{base}{rcn}"]
    here = exchange(i.address, i.port, "POST", "/~/id-in/-/box", head, '{"m2m:cnt":{}}')
    assert i.get(here.headers["Content-Location"], "Cuser")[0] == 2000 and here.headers["Content-Location"].startswith("/cnt")


def test_the_originator_arrives_as_who_it_is(tree):
    i, m, a = tree
    rsc, got = i.create("/~/id-asn/-/box", "Cuser", 3, {"m2m:cnt": {"rn": "mine", "cr": None}})
    assert rsc == 2001 and got["m2m:cnt"]["cr"] == "/id-in/Cuser", got
    # it is the creator's alone, and the creator is one at the IN
    assert i.get("/~/id-asn/-/box/mine", "Cuser")[0] == 2000
    assert a.get("/-/box/mine", "Cuser")[0] == 4103
    assert m.get("/~/id-asn/-/box/mine", "Cuser")[0] == 4103
    assert i.ask("DELETE", "/~/id-asn/-/box/mine", "Cuser")[0] == 2002


def test_times_on_the_way(tree):
    """TS-0004 7.3.2.6, TS-0001 8.1.2: the CSE that hosts the target waits for the Operation Execution Time; a
    relative time does not begin anew at each hop; what is past does not go on."""
    i, m, a = tree
    for origin, target in ((i, "/id-asn"), (a, "/id-in"), (m, "/id-in")):
        at = time.monotonic()
        assert origin.get(f"/~{target}/-/box", "Cuser", headers={"X-M2M-OET": "700", "X-M2M-RET": "5000"})[0] == 2000
        assert 0.6 < time.monotonic() - at < 4
        assert origin.get(f"/~{target}/-/box", "Cuser", headers={"X-M2M-OET": "700", "X-M2M-RET": "500"})[0] == 4008
        assert origin.get(f"/~{target}/-/box", "Cuser", headers={"X-M2M-OET": "20200101T000000"})[0] == 4008
        assert origin.get(f"/~{target}/-/box", "Cuser", headers={"X-M2M-RST": "20200101T000000"})[0] == 4008
        # there where the request arrives it is done at once
        assert origin.get("/-/box", "Cuser", headers={"X-M2M-OET": "20200101T000000"})[0] == 2000


def test_non_blocking_to_another_cse(tree):
    """TS-0001 8.2.2: the registrar keeps the request and its result; at its time it goes on."""
    i, m, a = tree
    for origin, target in ((i, "/id-asn"), (a, "/id-in")):
        rsc, got = origin.create(f"/~{target}/-/box", "Cuser", 4, {"m2m:cin": {"con": "kept"}}, rt=1, headers={"X-M2M-OET": "500"})
        assert rsc == 1001, got
        assert origin.get("/" + got["m2m:uri"], "Cuser")[1]["m2m:req"]["rs"] == 3
        req = until(lambda: [r for r in [origin.get("/" + got["m2m:uri"], "Cuser")[1]["m2m:req"]] if r["rs"] not in (3, 4)])[0]
        assert req["ors"]["rsc"] == 2001 and req["ors"]["pc"]["m2m:cin"]["con"] == "kept" and req["tg"] == f"{target}/-/box", req
        rsc, got = origin.get(f"/~{target}/-/nothing", "Cuser", rt=1)
        req = until(lambda: [r for r in [origin.get("/" + got["m2m:uri"], "Cuser")[1]["m2m:req"]] if r["rs"] not in (3, 4)])[0]
        assert rsc == 1001 and (req["rs"], req["ors"]["rsc"]) == (2, 4004)


def deliveries(n):
    """Those of which something is left to be done: one that was taken stays for a while, empty."""
    rsc, got = n.get("/-", "CAdmin", fu=1, ty=6)
    bodies = {d: n.get("/" + d, "CAdmin")[1] or {} for d in (got["m2m:uril"] if rsc == 2000 else [])}
    return [d for d, body in bodies.items() if body.get("m2m:dlv", {}).get("arq", {}).get("rqp")]


def count(n):
    return n.get("/-/box", "CAdmin")[1]["m2m:cnt"]["cni"]


def test_requests_that_go_together(tree):
    """TS-0001 9.6.11, 10.2.5.7: Delivery Aggregation: over one hop and two the requests are carried in a delivery, of which
    nothing is left when they are done; each is done as its originator's."""
    i, m, a = tree
    for origin, n, target, who in ((i, a, "/id-asn", "/id-in/Cuser"), (a, i, "/id-in", "/id-asn/Cuser"), (i, m, "/id-mn", "/id-in/Cuser")):
        before, path = count(n), f"/~{target}/-/box"
        for k in range(3):
            assert origin.create(path, "Cuser", 4, {"m2m:cin": {"con": f"together {k}", "cr": None}}, da="true", rcn=0) == (1000, None)
        carried = deliveries(origin)
        assert len(carried) == 1, carried
        d = origin.get("/" + carried[0], "Cuser")[1]["m2m:dlv"]  # it is the originator's to look at
        assert (d["sr"], d["tg"], d["dmd"], len(d["arq"]["rqp"])) == (origin.get("/-", "CAdmin")[1]["m2m:cb"]["csi"], target, {"tcop": False}, 3)
        assert all(q["fr"] == who and q["op"] == 1 for q in d["arq"]["rqp"]) and origin.ask("DELETE", "/" + carried[0], "Cuser")[0] == 4005
        until(lambda: count(n) == before + 3)
        assert n.get("/-/box/la", "CAdmin")[1]["m2m:cin"]["cr"] == who
        until(lambda: not any(deliveries(x) for x in tree))
    # who waits for a result gets it: the request goes by itself
    assert i.create("/~/id-asn/-/box", "Cuser", 4, {"m2m:cin": {"con": "alone"}}, da="true")[0] == 2001
    assert i.get("/~/id-asn/-/box", "Cuser", da="true")[0] == 2000
    # one that is not permitted there is not done, and holds nothing up
    before = count(a)
    assert i.create("/~/id-asn/-/user", "Cuser", 3, {"m2m:cnt": {"rn": "not-mine"}}, da="true", rcn=0)[0] == 1000
    assert i.create("/~/id-asn/-/box", "Cuser", 4, {"m2m:cin": {"con": "mine"}}, da="true", rcn=0)[0] == 1000
    until(lambda: count(a) == before + 1)
    assert a.get("/-/user/not-mine", "CAdmin")[0] == 4004
    # non-blocking: the request is FORWARDED
    rsc, got = i.create("/~/id-asn/-/box", "Cuser", 4, {"m2m:cin": {"con": "later"}}, da="true", rcn=0, rt=1)
    assert rsc == 1001
    req = until(lambda: [r for r in [i.get("/" + got["m2m:uri"], "Cuser")[1]["m2m:req"]] if r["rs"] != 3])[0]
    assert (req["rs"], req["ors"]["rsc"]) == (4, 1000)
    until(lambda: count(a) == before + 2)


def test_a_delivery_that_waits(tree):
    """The next CSE is away: the delivery waits, and is taken once when it is back; that it takes deliveries was known."""
    i, m, a = tree
    d = Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
            address="127.0.0.4")
    until(lambda: csr(i, "id-mn2"))
    acp = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
    assert d.create("/-", "CAdmin", 1, acp)[0] == 2001
    box = {"m2m:cnt": {"rn": "box", "acpi": ["cse-d/open"]}}
    assert d.create("/-", "CAdmin", 3, box)[0] == 2001
    assert i.create("/~/id-mn2/-/box", "Cuser", 4, {"m2m:cin": {"con": "x"}}, da="true", rcn=0)[0] == 1000
    assert d.stop() == 0
    until(lambda: deliveries(i))
    time.sleep(1.5)
    assert len(deliveries(i)) == 1
    # what is to be carried to a CSE that is away, and has no delivery yet, is not promised
    assert i.ask("PUT", "/~/id-mn2/-/box", "Capp2", {"m2m:cnt": {"lbl": ["x"]}}, da="true", rcn=0)[0] in (4103, 4106, 5103)
    d = Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
            address="127.0.0.4", port=d.port)
    assert d.create("/-", "CAdmin", 1, acp)[0] == 2001 and d.create("/-", "CAdmin", 3, box)[0] == 2001
    until(lambda: count(d) == 1, 30)
    until(lambda: not deliveries(i) and not deliveries(d))
    assert d.stop() == 0 and i.ask("DELETE", "/-/id-mn2", "CAdmin")[0] == 2002


def test_deliveries_that_are_refused(tree):
    """TS-0004 7.4.11.2; each request within is judged as if it came by itself."""
    i, m, a = tree
    until_time = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 600))

    def dlv(*requests, sr="/id-mn", tg="/id-in", **more):
        return {"m2m:dlv": {"sr": sr, "tg": tg, "ls": until_time, "ec": 3, "dmd": {"tcop": False}, "arq": {"rqp": list(requests)}, **more}}

    def cin(fr="/id-mn/Cuser", to="/id-in/-/box", **more):
        return {"op": 1, "to": to, "fr": fr, "rqi": "d%d" % time.monotonic_ns(), "rvi": "3", "ty": 4, "pc": {"m2m:cin": {"con": "carried"}}, **more}

    before = count(i)
    for who in ("Cuser", "CAdmin", "/id-mn/Cuser"):
        assert i.create("/-", who, 6, dlv(cin()))[0] in (4005, 4103), who
    assert i.create("/-", "Cuser", 6, dlv(cin()))[0] == 4005
    # not registered here; not the CSE itself
    assert i.create("/-", "/id-mn2", 6, dlv(cin(), sr="/id-mn2"))[0] == 4103
    for body, status in ((dlv(cin(fr="/id-in/Cuser")), 4000), (dlv(cin(), cin(fr="/id-in")), None),
                         (dlv(cin(), sr="/id-in"), 4106), (dlv(cin(to="/id-asn/-/box")), 4000), (dlv(cin(to="cse-in/box")), 4000),
                         (dlv(cin(op=9)), 4000), (dlv(cin(rt={"rtv": 2})), 5001), (dlv(), 4000), (dlv(*[cin()] * 33), 5207),
                         (dlv({"op": 1, "to": "/id-in/-", "fr": "/id-mn", "rqi": "x", "rvi": "3", "ty": 6, "pc": dlv(cin())}), 4000),
                         (dlv(cin(), ls="20200101T000000"), 4000), (dlv(cin(), tg="/id-nowhere"), 4004),
                         (dlv(cin(to="/id-nowhere/x"), tg="/id-nowhere"), 4004)):
        rsc, got = i.create("/-", "/id-mn", 6, body)
        assert rsc == status if status else rsc >= 4000, (rsc, got, body)
    assert i.create("/-", "/id-mn", 6, dlv(cin()), rt=1)[0] == 4000
    assert count(i) == before and not deliveries(i)
    # the control: as it should be; the same request in another delivery is the same
    one = cin()
    assert i.create("/-", "/id-mn", 6, dlv(one))[0] == 2001
    until(lambda: count(i) == before + 1)
    # requests may come after it, once; it can be cancelled
    empty = dlv()
    del empty["m2m:dlv"]["arq"]
    rsc, got = i.create("/-", "/id-mn", 6, empty)
    assert rsc == 2001
    path = "/" + got["m2m:dlv"]["ri"]
    more = {"m2m:dlv": {"arq": dlv(cin())["m2m:dlv"]["arq"]}}
    assert i.ask("PUT", path, "Cuser", more)[0] == 4005 and i.ask("PUT", path, "/id-mn", {"m2m:dlv": {"arq": dlv(cin(fr="/id-in/Cuser"))["m2m:dlv"]["arq"]}})[0] == 4000
    assert i.ask("PUT", path, "/id-mn", more)[0] == 2004
    until(lambda: count(i) == before + 2)
    rsc, got = i.create("/-", "/id-mn", 6, dlv(cin(oet=2000)))
    path = "/" + got["m2m:dlv"]["ri"]
    assert rsc == 2001 and i.get(path, "/id-mn")[0] == 2000
    assert i.ask("PUT", path, "/id-mn", more)[0] == 4000
    assert i.ask("DELETE", path, "/id-mn")[0] == 2002
    time.sleep(2.5)
    assert count(i) == before + 2


def test_who_is_nowhere_is_not_found(tree):
    for n in tree:
        assert n.get("/~/id-nowhere/-", "Cuser")[0] == 4004
        assert n.get("/_/other.example/id-in/-", "Cuser")[0] == 4004


def test_discovery_at_another_cse(tree):
    i, m, a = tree
    rsc, got = i.get("/~/id-asn/-/box", "Cuser", fu=1, ty=4)
    assert rsc == 2000 and got["m2m:uril"]


def test_a_transaction_over_three_cses(tree):
    """TS-0001 10.2.18.1: an AE that has transactions at several CSEs; all are done, or none."""
    i, m, a = tree
    places = {"/-": (i, "Cuser", "cse-in/box"), "/~/id-mn/-": (m, "/id-in/Cuser", "/id-mn/-/box"),
              "/~/id-asn/-": (a, "/id-in/Cuser", "/id-asn/-/box")}

    def hold(where, label):
        _, name, to = places[where]
        request = {"op": 3, "to": to, "fr": name, "rqi": "t", "rvi": "3", "pc": {"m2m:cnt": {"lbl": [label]}}}
        return i.create(where + "/box", "Cuser", 51, {"m2m:trac": {"rn": "t-" + label, "tid": label, "rqp": request}})

    def step(where, label, control):
        rsc, got = i.ask("PUT", f"{where}/box/t-{label}", "Cuser", {"m2m:trac": {"tctl": control}})
        assert rsc == 2004, got
        return got["m2m:trac"]["trst"]

    def labels():
        return [n.get("/-/box", "CAdmin")[1]["m2m:cnt"].get("lbl") for n, _, _ in places.values()]

    for where in places:
        rsc, got = hold(where, "one")
        assert rsc == 2001 and got["m2m:trac"]["trst"] == 2, got
    assert [step(w, "one", 3) for w in places] == [3, 3, 3]
    assert all(n.get("/-/box", "CAdmin")[0] == 5222 for n, _, _ in places.values())
    assert [step(w, "one", 4) for w in places] == [4, 4, 4] and labels() == [["one"]] * 3
    # one is held by somebody else: what was locked is let go
    assert hold("/~/id-asn/-", "busy")[0] == 2001
    assert [hold(w, "two")[0] for w in places] == [2001, 2001, 5222]
    assert [step(w, "two", 5) for w in list(places)[:2]] == [6, 6] and step("/~/id-asn/-", "busy", 5) == 6
    assert labels() == [["one"]] * 3


def test_a_transaction_that_the_cse_controls(tree):
    """transactionMgmt at one CSE, of resources at three: all are done, or none."""
    i, m, a = tree
    boxes = ["cse-in/box", "/id-mn/-/box", "/id-asn/-/box"]

    def run(label, *more):
        requests = [{"op": 3, "to": to, "fr": "Cuser", "rqi": to, "rvi": "3", "pc": {"m2m:cnt": {"lbl": [label]}}} for to in boxes]
        rsc, got = i.create("/-/user", "Cuser", 50, {"m2m:tram": {"rqps": {"rqp": requests + list(more)}, "tmh": 2}})
        assert rsc == 2001 and got["m2m:tram"]["trst"] in (1, 2), got
        return until(lambda: over("/-/user/" + got["m2m:tram"]["rn"]))

    def over(path):
        t = i.get(path, "Cuser")[1]["m2m:tram"]
        return t["trst"] in (4, 5, 6) and t["tctl"] in (4, 5) and t

    def labels():
        return [n.get("/-/box", "CAdmin")[1]["m2m:cnt"].get("lbl") for n in (i, m, a)]

    t = run("all")
    assert t["trst"] == 4 and [r["rsc"] for r in t["rsps"]["m2m:rsp"]] == [2004] * 3 and labels() == [["all"]] * 3
    until(lambda: run("none", {"op": 3, "to": "/id-asn/-/user", "fr": "Cuser", "rqi": "x", "rvi": "3",
                               "pc": {"m2m:ae": {"lbl": ["x"]}}})["trst"] == 6)  # one is not its own
    assert labels() == [["all"]] * 3


def test_an_action_over_three(tree):
    """An action here, by a condition on a resource at a second CSE and one besides at a third, that changes the third: each is
    asked for its creator, who has to be let in there."""
    i, m, a = tree
    for n in (m, a):
        assert n.ask("PUT", "/-/box", "CAdmin", {"m2m:cnt": {"mni": 10}})[0] == 2004
    change = {"op": 3, "to": "/id-asn/-/box", "fr": "Cuser", "rqi": "t", "rvi": "3", "pc": {"m2m:cnt": {"lbl": ["acted"]}}}

    def action(name, sri, sbjt, **more):
        body = {"rn": name, "sri": sri, "evc": {"optr": 1, "sbjt": sbjt, "thld": 77}, "evm": 2, "ecp": 1000,
                "orc": change["to"], "apv": change, **more}
        return i.create("/-/user", "Cuser", 65, {"m2m:actr": body}, headers={"X-M2M-RVI": "4"})

    rsc, got = action("act", "/id-mn/-/box", "mni", dep=["cse-in/user/act/too"])
    assert rsc == 2001, got
    assert action("blind", "/id-asn/-/user", "mni")[0] == 2001  # is not let in there
    depr = {"rn": "too", "rri": "/id-asn/-/box", "evc": {"optr": 1, "sbjt": "mni", "thld": 77}, "sfc": False}
    assert i.create("/-/user/act", "Cuser", 66, {"m2m:depr": depr}, headers={"X-M2M-RVI": "4"})[0] == 2001
    labels = lambda: a.get("/-/box", "CAdmin")[1]["m2m:cnt"].get("lbl")
    assert m.ask("PUT", "/-/box", "CAdmin", {"m2m:cnt": {"mni": 77}})[0] == 2004
    time.sleep(2.5)
    assert labels() != ["acted"]  # the other does not hold yet
    assert a.ask("PUT", "/-/box", "CAdmin", {"m2m:cnt": {"mni": 77}})[0] == 2004
    until(lambda: labels() == ["acted"])
    assert until(lambda: i.get("/-/user/act", "Cuser")[1]["m2m:actr"].get("air"))["rsc"] == 2004
    assert "air" not in i.get("/-/user/blind", "Cuser")[1]["m2m:actr"]
    for name in ("act", "blind"):
        assert i.ask("DELETE", "/-/user/" + name, "Cuser")[0] == 2002


def test_a_cse_that_polls(tree):
    """TS-0001 9.6.21, 10.2.5: who cannot be reached has a polling channel below its remoteCSE; requests for it and
    for what is behind it wait there, and so does the answer's way back."""
    i, m, a = tree
    me = "/id-mn2"
    csr = {"m2m:csr": {"rn": "id-mn2", "csi": me, "cb": me + "/cse", "rr": False, "srv": ["3"], "dcse": ["/id-far"]}}
    rsc, got = i.create("/-", me, 16, csr)
    assert rsc == 2001, got
    assert i.create("/-/id-mn2", "Cuser", 15, {"m2m:pch": {"rn": "pch"}})[0] == 4103
    assert i.create("/-/id-mn2", me, 15, {"m2m:pch": {"rn": "pch"}})[0] == 2001
    for origin, target, rt in ((i, "/id-mn2", {}), (a, "/id-far", {}), (i, "/id-mn2", {"rt": 1})):
        answers = []
        t = threading.Thread(target=lambda: answers.append(origin.get(f"/~{target}/cse/x", "Cuser", **rt)))
        t.start()
        rqp = until(lambda: i.get("/-/id-mn2/pch/pcu", me, headers={"X-M2M-RET": "4000"})[1].get("m2m:rqp"))
        assert (rqp["op"], rqp["to"]) == (2, f"{target}/cse/x") and rqp["fr"].endswith("/Cuser"), rqp
        assert i.get("/-/id-mn2/pch/pcu", "Cuser")[0] == 4103
        told = {"m2m:rsp": {"rsc": 2000, "rqi": rqp["rqi"], "rvi": "3", "pc": {"m2m:cnt": {"rn": "x"}}}}
        assert i.ask("POST", "/-/id-mn2/pch/pcu", "Cuser", told)[0] == 4103
        assert i.ask("POST", "/-/id-mn2/pch/pcu", me, told)[0] == 2000
        t.join()
        rsc, got = answers[0]
        if rt:
            assert rsc == 1001
            req = until(lambda: [r for r in [i.get("/" + got["m2m:uri"], "Cuser")[1]["m2m:req"]] if r["rs"] not in (3, 4)])[0]
            rsc, got = req["ors"]["rsc"], req["ors"]["pc"]
        assert (rsc, got) == (2000, {"m2m:cnt": {"rn": "x"}})
    assert i.ask("DELETE", "/-/id-mn2", me)[0] == 2002


def test_members_elsewhere(tree):
    i, m, a = tree
    grp = {"m2m:grp": {"rn": "far", "mnm": 5, "mt": 3, "mid": ["/id-asn/-/box", "cse-in/box", "/id-mn/-/box", "/id-nowhere/-/box"]}}
    assert i.create("/-/user", "Cuser", 9, grp)[0] == 2001
    rsc, got = i.get("/-/user/far/fopt", "Cuser")
    assert rsc == 2000
    answers = {r["fr"]: r["rsc"] for r in got["m2m:agr"]["m2m:rsp"]}
    assert answers == {"/id-asn/-/box": 2000, "cse-in/box": 2000, "/id-mn/-/box": 2000, "/id-nowhere/-/box": 4004}, got
    rsc, got = i.create("/-/user/far/fopt", "Cuser", 4, {"m2m:cin": {"con": "all"}})
    assert rsc == 2000 and [r["rsc"] for r in got["m2m:agr"]["m2m:rsp"]].count(2001) == 3
    for n in tree:
        assert n.get("/-/box/la", "CAdmin")[1]["m2m:cin"]["con"] == "all"


def test_a_group_reached_again_through_another_cse(tree):
    i, m, a = tree
    assert m.create("/-/user", "Cuser", 9, {"m2m:grp": {"rn": "ring", "mnm": 3, "mid": ["/id-in/-/user/ring/fopt"]}})[0] == 2001
    assert i.create("/-/user", "Cuser", 9, {"m2m:grp": {"rn": "ring", "mnm": 3, "mid": ["/id-mn/-/user/ring/fopt", "cse-in/box"]}})[0] == 2001
    # the groups themselves must let the other's user in
    for n in (i, m):
        acp = {"m2m:acp": {"rn": "ring-acp", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
        ri = n.create("/-", "CAdmin", 1, acp)[1]["m2m:acp"]["ri"]
        assert n.ask("PUT", "/-/user/ring", "CAdmin", {"m2m:grp": {"acpi": [ri]}})[0] == 2004
    rsc, got = a.get("/~/id-mn/-/user/ring/fopt", "Cuser")
    assert rsc == 2000
    inner = got["m2m:agr"]["m2m:rsp"][0]
    assert inner["fr"] == "/id-in/-/user/ring/fopt" and inner["rsc"] == 2000
    answers = {r["fr"]: r["rsc"] for r in inner["pc"]["m2m:agr"]["m2m:rsp"]}
    assert answers == {"/id-mn/-/user/ring/fopt": 4104, "cse-in/box": 2000}, got
    # the user of a CSE does not come back to it from elsewhere
    rsc, got = i.get("/-/user/ring/fopt", "Cuser")
    assert rsc == 2000 and "4000" in str(got)


def test_nobody_is_behind_two(tree):
    i, m, a = tree
    made = {"m2m:csr": {"rn": "x", "cb": "/id-mn2/x", "csi": "/id-mn2", "rr": False, "srv": ["3"], "dcse": ["/id-asn"]}}
    assert i.create("/-", "/id-mn2", 16, made)[0] == 4105
    made["m2m:csr"]["dcse"] = ["/id-in"]
    assert i.create("/-", "/id-mn2", 16, made)[0] == 4105
    made["m2m:csr"].pop("dcse")
    # nobody registers another, and none twice
    assert i.create("/-", "/id-mn", 16, made)[0] == 4000
    assert i.create("/-", "/id-mn2", 16, made)[0] == 2001
    made["m2m:csr"]["rn"] = "y"
    assert i.create("/-", "/id-mn2", 16, made)[0] == 4117
    # without a point of access it cannot be reached
    assert i.get("/~/id-mn2/-", "Cuser")[0] == 5103
    assert i.ask("DELETE", "/-/x", "/id-mn2")[0] == 2002
    # an ASN is nobody's registrar
    assert a.create("/-", "CAdmin", 16, made)[0] == 4005


def announced(n, origin, path):
    """The address in `at` of a resource, once it is one at another CSE."""
    def look():
        rsc, got = n.get(path, origin)
        at = next(iter(got.values())).get("at") or []
        return [x for x in at if x.count("/") > 1]
    return until(look)


def test_an_announced_life(tree):
    i, m, a = tree
    assert m.create("/-", "Cann", 2, {"m2m:ae": dict(AE, rn="ann", lbl=["one"], at=["/id-in"], aa=["api", "rr"])})[0] == 2001
    [far] = announced(m, "Cann", "/-/ann")
    assert far.startswith("/id-in/")
    rsc, got = i.get("/~" + far, "CAdmin")
    ae = got["m2m:aeA"]
    assert rsc == 2000 and ae["ty"] == 10002 and ae["lbl"] == ["one"] and ae["api"] == "Ntool" and ae["rr"] is False
    assert "apn" not in ae and ae["lnk"].startswith("/id-mn/")
    # below the announced CSEBase of its CSE
    rsc, got = i.get("/-/id-mn", "CAdmin", rcn=1)
    rsc, base = i.get("/-", "CAdmin", fu=1, ty=10005)
    assert rsc == 2000 and len(base["m2m:uril"]) == 1
    assert i.get("/" + base["m2m:uril"][0], "CAdmin")[1]["m2m:cbA"]["lnk"].startswith("/id-mn")
    # a child goes below its announced parent
    assert m.create("/-/ann", "Cann", 3, {"m2m:cnt": {"rn": "c", "at": ["/id-in"], "aa": ["mni"], "mni": 5}})[0] == 2001
    [child] = announced(m, "Cann", "/-/ann/c")
    assert i.get("/~" + child, "CAdmin")[1]["m2m:cntA"]["mni"] == 5
    assert i.get("/~" + child, "CAdmin")[1]["m2m:cntA"]["pi"] == far.rpartition("/")[2]
    # kept in step
    assert m.ask("PUT", "/-/ann", "Cann", {"m2m:ae": {"lbl": ["two"], "rr": True}})[0] == 2004
    until(lambda: i.get("/~" + far, "CAdmin")[1]["m2m:aeA"].get("lbl") == ["two"])
    assert i.get("/~" + far, "CAdmin")[1]["m2m:aeA"]["rr"] is True
    assert m.ask("PUT", "/-/ann", "Cann", {"m2m:ae": {"aa": ["api"]}})[0] == 2004
    until(lambda: "rr" not in i.get("/~" + far, "CAdmin")[1]["m2m:aeA"])
    assert m.ask("PUT", "/-/ann", "Cann", {"m2m:ae": {"lbl": None}})[0] == 2004
    until(lambda: "lbl" not in i.get("/~" + far, "CAdmin")[1]["m2m:aeA"])
    # the original by its link, decided where it is
    assert i.get("/~" + far, "CAdmin", rcn=7)[0] == 4103
    assert i.get("/~" + far, "Cuser")[0] == 4103
    assert m.get("/-/ann", "Cann", rcn=7)[0] == 4000
    # not announced any more
    assert m.ask("PUT", "/-/ann", "Cann", {"m2m:ae": {"at": None}})[0] == 2004
    until(lambda: i.get("/~" + far, "CAdmin")[0] == 4004)
    # what stood below it there went with it, is announced anew, and goes with the original
    gone = child
    until(lambda: i.get("/~" + gone, "CAdmin")[0] == 4004)
    until(lambda: announced(m, "Cann", "/-/ann/c") != [gone])
    [child] = announced(m, "Cann", "/-/ann/c")
    assert i.get("/~" + child, "CAdmin")[1]["m2m:cntA"]["mni"] == 5
    assert m.ask("DELETE", "/-/ann", "Cann")[0] == 2002
    until(lambda: i.get("/~" + child, "CAdmin")[0] == 4004)


def test_announcements_to_nowhere_hold_nobody_up(tree):
    """Resources that ask to be announced at CSEs that are not there take neither the places of others nor the
    CSEBase's; and of several CSEs one that is not there does not stand in the way."""
    i, m, a = tree
    assert m.create("/-", "Cnone", 2, {"m2m:ae": dict(AE, rn="nowhere", at=["/no-0"])})[0] == 2001
    made = lambda k: m.create("/-/nowhere", "Cnone", 3, {"m2m:cnt": {"rn": f"c{k}", "at": [f"/no-{k}"]}})[0]
    with concurrent.futures.ThreadPoolExecutor(20) as several:
        assert set(several.map(made, range(60))) == {2001}
    time.sleep(1)
    assert m.create("/-", "Cgood", 2, {"m2m:ae": dict(AE, rn="good", at=["/no-0", "/id-in"])})[0] == 2001
    [far] = announced(m, "Cgood", "/-/good")
    assert far.startswith("/id-in/")
    assert m.create("/-/good", "Cgood", 3, {"m2m:cnt": {"rn": "c", "at": ["/no-1", "/id-asn"]}})[0] == 2001
    assert announced(m, "Cgood", "/-/good/c")[0].startswith("/id-asn/")
    for e, name in (("Cnone", "nowhere"), ("Cgood", "good")):
        assert m.ask("DELETE", "/-/" + name, e)[0] == 2002


def test_the_original_by_its_link(tree):
    i, m, a = tree
    acp = m.get("/-/box", "CAdmin")[1]["m2m:cnt"]["acpi"]
    assert m.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": "shown", "acpi": acp, "at": ["/id-in", "/id-asn"]}})[0] == 2001
    until(lambda: len([x for x in m.get("/-/shown", "CAdmin")[1]["m2m:cnt"]["at"] if x.count("/") > 1]) == 2)
    up = next(x for x in m.get("/-/shown", "CAdmin")[1]["m2m:cnt"]["at"] if x.startswith("/id-in/"))
    rsc, got = i.get("/~" + up, "CAdmin", rcn=7)
    assert rsc == 2000 and got["m2m:cnt"]["rn"] == "shown"
    assert m.ask("DELETE", "/-/shown", "CAdmin")[0] == 2002
    until(lambda: i.get("/~" + up, "CAdmin")[0] == 4004)


def test_announcements_that_are_none(tree):
    i, m, a = tree
    for at in (["/id-mn"], ["id-in"], ["cse-in/x"], ["http://127.0.0.1/"], ["/id-in"] * 20):
        assert m.create("/-/user", "Cuser", 3, {"m2m:cnt": {"at": at}})[0] == 4000, at
    # nobody who is no CSE announces a CSEBase
    assert i.create("/-", "Cuser", 10005, {"m2m:cbA": {"lnk": "/id-mn/x"}})[0] == 4103
    assert i.create("/-", "/id-elsewhere", 10005, {"m2m:cbA": {"lnk": "/id-mn/x"}})[0] == 4107


def test_an_unreachable_target_catches_up(tree):
    i, m, a = tree
    assert i.create("/-/user", "Cuser", 3, {"m2m:cnt": {"rn": "late", "at": ["/id-mn2"], "lbl": ["x"]}})[0] == 2001
    time.sleep(1)
    assert i.get("/-/user/late", "Cuser")[1]["m2m:cnt"]["at"] == ["/id-mn2"]
    d = Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
            address="127.0.0.4")
    [far] = announced(i, "Cuser", "/-/user/late")
    assert d.get("/~" + far, "CAdmin")[1]["m2m:cntA"]["lbl"] == ["x"]
    # gone there without a word: announced anew with the next change
    assert d.ask("DELETE", "/~" + far, "CAdmin")[0] == 2002
    assert i.ask("PUT", "/-/user/late", "Cuser", {"m2m:cnt": {"lbl": ["y"]}})[0] == 2004
    until(lambda: any(d.get("/~" + x, "CAdmin")[0] == 2000 and d.get("/~" + x, "CAdmin")[1]["m2m:cntA"]["lbl"] == ["y"]
                      for x in i.get("/-/user/late", "Cuser")[1]["m2m:cnt"]["at"] if x.count("/") > 1))
    assert i.ask("DELETE", "/-/user/late", "Cuser")[0] == 2002
    time.sleep(0.5)
    assert i.ask("DELETE", "/-/id-mn2", "CAdmin")[0] == 2002
    assert d.stop() == 0


def test_a_group_is_validated_when_its_member_is_back(tree, tmp_path):
    """TS-0004 7.4.13.2.1: as soon as what could not be reached is reachable the members are validated."""
    i, m, a = tree

    def start(**more):
        return Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
                   address="127.0.0.4", directory=tmp_path / "d", **more)

    d = start()
    until(lambda: csr(i, "id-mn2"))
    acp = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CAdmin"], "acop": 63}]}}}
    assert d.create("/-", "CAdmin", 1, acp)[0] == 2001
    assert d.create("/-", "CAdmin", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-d/open"]}})[0] == 2001
    assert d.stop() == 0
    for name, mt, csy in (("fits", 3, 1), ("drops", 4, 1), ("mixes", 4, 3), ("ends", 4, 2)):
        grp = {"m2m:grp": {"rn": name, "mnm": 5, "mt": mt, "csy": csy, "mid": ["/id-mn2/-/box"]}}
        rsc, got = i.create("/-/user", "Cuser", 9, grp)
        assert rsc == 2001 and got["m2m:grp"]["mtv"] is False and got["m2m:grp"]["cnm"] == 1, got
    d = start(port=d.port)
    look = lambda name: (i.get("/-/user/" + name, "Cuser")[1] or {}).get("m2m:grp", {})
    until(lambda: all(look(name).get("mtv") for name in ("fits", "drops", "mixes")), 45)
    assert (look("fits")["mt"], look("drops")["cnm"], look("mixes")["mt"]) == (3, 0, 0) and look("mixes")["mid"] == ["/id-mn2/-/box"]
    until(lambda: i.get("/-/user/ends", "Cuser")[0] == 4004)
    for name in ("fits", "drops", "mixes"):
        assert i.ask("DELETE", "/-/user/" + name, "Cuser")[0] == 2002
    assert d.stop() == 0 and i.ask("DELETE", "/-/id-mn2", "CAdmin")[0] == 2002


def test_one_that_dies_degrades_only_what_needs_it(tree):
    i, m, a = tree
    d = Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
            address="127.0.0.4")
    until(lambda: csr(i, "id-mn2"))
    assert i.get("/~/id-mn2/-", "CAdmin")[0] in (2000, 4103)
    assert d.stop() == 0
    begun = time.time()
    assert i.get("/~/id-mn2/-", "CAdmin")[0] == 5103 and time.time() - begun < 5
    assert i.get("/~/id-asn/-/box", "Cuser")[0] == 2000 and i.get("/-/box", "CAdmin")[0] == 2000
    # gone there, it comes back by itself
    d = Lab("--cse-id", "/id-mn2", "--cse-name", "cse-d", "--cse-type", "MN", "--register-to", i.url, "--registrar-id", "/id-in",
            address="127.0.0.4", port=d.port)
    until(lambda: "core: registered: registrar=/id-in" in d.text())
    assert i.get("/~/id-mn2/-", "CAdmin")[0] in (2000, 4103)
    # the registration is taken away: it registers anew
    assert i.ask("DELETE", "/-/id-mn2", "CAdmin")[0] == 2002
    assert d.stop() == 0


def test_one_that_hangs_holds_up_nobody_else(tree):
    """A CSE that takes connections and says nothing: it is waited for once, and then by nobody; what is for others goes on
    at once, and what is for it when it speaks again (T11). It stands last: of what was announced to it nothing is there where others look for it."""
    i, m, a = tree
    mute = socket.create_server(("127.0.0.1", 0))
    port = mute.getsockname()[1]
    csr = {"m2m:csr": {"rn": "id-mn2", "csi": "/id-mn2", "cb": "/id-mn2/cse", "rr": True, "srv": ["3"], "poa": [f"http://127.0.0.1:{port}"]}}
    assert i.create("/-", "/id-mn2", 16, csr)[0] == 2001

    def made(name, *at):
        begun = time.monotonic()
        rsc, got = i.create("/-/user", "Cuser", 3, {"m2m:cnt": {"rn": name, "at": list(at)}})
        assert rsc == 2001, got
        return time.monotonic() - begun, got["m2m:cnt"]["at"]

    # what is announced is known by then, or not; it is never waited for longer
    took, _ = made("first", "/id-mn2", "/id-mn")
    assert took < 2
    assert announced(i, "Cuser", "/-/user/first")[0].startswith("/id-mn/")
    names = (f"wait{k}" for k in itertools.count())
    until(lambda: made(next(names), "/id-mn2")[0] < 0.6)
    for k in range(5):
        took, at = made(f"mute{k}", "/id-mn2")
        assert took < 0.6 and at == ["/id-mn2"], (took, at)
    took, at = made("both", "/id-mn2", "/id-mn")
    assert took < 0.9 and at[0] == "/id-mn2" and at[1].startswith("/id-mn/"), (took, at)
    mute.close()
    with Receiver(lambda got: (201, {"X-M2M-RSC": "2001", "Content-Type": "application/json"}, b'{"m2m:cntA":{"ri":"x1"}}'), port=port):
        until(lambda: i.get("/-/user/mute3", "Cuser")[1]["m2m:cnt"]["at"][0].startswith("/id-mn2/"), 40)
        for name in ("first", "both", "wait0", "mute0", "mute1", "mute2", "mute3", "mute4"):
            assert i.ask("DELETE", "/-/user/" + name, "Cuser")[0] == 2002
    assert i.ask("DELETE", "/-/id-mn2", "CAdmin")[0] == 2002
