"""What TS-0004 7.3.2.6, 7.3.1.1 and 7.3.3.10 and TS-0001 7.1.7 say of what goes from one CSE to another, and to entities of
Release 1: a scripted CSE is registered at the node, is sent requests, and answers as it is told."""
import pytest
pytest.importorskip("requests")

from lab import AE, until
from openlab import lab, own, r  # noqa: F401
from receiver import Receiver

JSON = {"X-M2M-RSC": "2000", "Content-Type": "application/json"}
FAR = b'{"m2m:cnt": {"rn": "far", "ty": 3}}'


@pytest.fixture()
def far(lab):
    """A remoteCSE /mn, and what answers for it: r.answer is what it says."""
    r = Receiver(lambda got: r.answer)
    r.answer = 200, JSON, FAR
    body = {"rn": "far", "cb": "/mn/-", "csi": "/mn", "rr": True, "srv": ["2a", "3"], "poa": [r.url]}
    assert lab.create("/cse-in", 16, {"m2m:csr": body}, "/mn").rsc == 2001
    with r:
        yield r
    assert lab.delete("/cse-in/far", "/mn").rsc == 2002


def test_where_a_cse_registers(lab, far):
    """7.4.4.2.1: below the CSEBase; no policy is asked about another place."""
    again = {"cb": "/mn/-", "csi": "/mn", "rr": True, "srv": ["3"]}
    a = lab.create("/cse-in/far", 16, {"m2m:csr": again}, "/mn")
    assert (a.http, a.rsc) == (403, 4108)
    assert lab.create("/cse-in", 16, {"m2m:csr": again}, "/mn").rsc == 4117


def test_a_request_identifier_on_the_way(lab, own, far):
    """TS-0001 7.1.7: an AE's is made unique by its AE-ID-Stem, and answered as it was; a CSE's goes on as it came."""
    stem, _ = own
    a = lab.get("/~/mn/x", stem, rqi="same")
    assert a.rsc == 2000 and a.headers["X-M2M-RI"] == "same" and far.got[-1].rqi == stem + "/same"
    other, _ = lab.ae()
    assert lab.get("/~/mn/x", other, rqi="same").rsc == 2000 and far.got[-1].rqi == other + "/same"
    # one that would be longer than an identifier may be
    assert lab.get("/~/mn/x", stem, rqi="l" * 512).rsc == 2000 and far.got[-1].rqi == "l" * 512
    # on behalf of an AE at another CSE
    with Receiver(lambda got: (200, JSON, FAR)) as second:
        body = {"rn": "second", "cb": "/mn2/-", "csi": "/mn2", "rr": True, "srv": ["3"], "poa": [second.url]}
        assert lab.create("/cse-in", 16, {"m2m:csr": body}, "/mn2").rsc == 2001
        assert lab.get("/~/mn2/x", "/mn/Cx", rqi="Cx/1").rsc == 2000
        assert (second.got[-1].rqi, second.got[-1].headers["x-m2m-origin"]) == ("Cx/1", "/mn/Cx")
        assert lab.delete("/cse-in/second", "/mn2").rsc == 2002


def test_a_partial_retrieve_goes_on(lab, own, far):
    """TS-0009 6.2.2.2, 6.5: the names of attributes stand in the query, and are no body."""
    stem, _ = own
    for query in ("atrl=rn", "rcn=1&atrl=rn+lbl"):
        assert lab.get("/~/mn/x/y?" + query, stem).rsc == 2000
        got = far.got[-1]
        assert got.path == "/~/mn/x/y?" + query and got.body == b"" and "content-type" not in got.headers


def test_vendor_information_of_an_answer(lab, own, far):
    """It goes on, but not to who is of Release 1 and names none."""
    stem, _ = own
    far.answer = 200, {**JSON, "X-M2M-VSI": "made by us"}, FAR
    assert lab.get("/~/mn/x", stem).headers["X-M2M-VSI"] == "made by us"
    a = lab.get("/~/mn/x", stem, rvi=None)
    assert a.rsc == 2000 and "X-M2M-VSI" not in a.headers and "X-M2M-RVI" not in a.headers


def test_an_answer_that_is_none(lab, own, far):
    """A request that a CSE answers without a status, or with what cannot be read, was not answered; only a notification
    target may say 200 and nothing more."""
    stem, path = own
    for answer in ((200, {}, b""), (200, JSON, b"{bad"), (204, {}, b"")):
        far.answer = answer
        a = lab.get("/~/mn/x", stem)
        assert (a.http, a.rsc) == (404, 5103), answer
    far.answer = 200, {}, b""
    assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [far.url], "enc": {"net": [3]}}}, stem).rsc == 2001


@pytest.mark.parametrize("srv,named", [(["1"], False), (["1", "2a"], True), (["3"], True)])
def test_a_cse_of_release_1(lab, own, far, srv, named):
    """7.3.2.6: no Release Version Indicator and no Vendor Information go to it."""
    stem, _ = own
    assert lab.put("/cse-in/far", {"m2m:csr": {"srv": srv}}, "/mn").rsc == 2004
    assert lab.get("/~/mn/x", stem, X_M2M_VSI="v").rsc == 2000
    assert ("x-m2m-rvi" in far.got[-1].headers, "x-m2m-vsi" in far.got[-1].headers) == (named, named)


def test_an_ae_of_release_1(lab, r):
    """7.3.1.1: who registers as in Release 1 is notified, and asked, as in Release 1."""
    for stem, rvi in (("Cfirst", None), ("Clater", "3")):
        body = {k: v for k, v in AE.items() if k != "srv" or rvi}
        assert lab.create("/cse-in", 2, {"m2m:ae": {**body, "rn": stem, "poa": [r.url]}}, stem, rvi=rvi).rsc == 2001
        assert lab.create("/cse-in/" + stem, 3, {"m2m:cnt": {"rn": "c", "acpi": ["cse-in/open"]}}, stem).rsc == 2001
        assert lab.put("/cse-in/" + stem, {"m2m:ae": {"acpi": ["cse-in/open"]}}, stem).rsc == 2004
        sub = {"rn": "s", "nu": [f"cse-in/{stem}"], "enc": {"net": [3]}}
        assert lab.create(f"/cse-in/{stem}/c", 23, {"m2m:sub": sub}, "CAdmin").rsc == 2001  # asks it whether
        assert r.got[-1].sgn["vrq"] is True and ("x-m2m-rvi" in r.got[-1].headers) == bool(rvi)
        assert lab.create(f"/cse-in/{stem}/c", 4, {"m2m:cin": {"con": "x"}}, stem).rsc == 2001
        told = r.wait(2)[-1]
        assert "vrq" not in told.sgn and told.headers.get("x-m2m-rvi") == (rvi and "3")
        r.got.clear()


def test_announced_already(lab, own, far):
    """7.3.3.10: who names a CSE again where the resource is announced is told the address, and nothing is made anew; the
    AE-ID is one that says something there."""
    stem, path = own
    made = []

    def script(got):
        (name, body), = got.json.items() if got.json else (("", {}),)
        made.append((got.headers["content-type"].partition("ty=")[2], body))
        return 201, {"X-M2M-RSC": "2001", "Content-Type": "application/json"}, b'{"%s": {"ri": "there%d"}}' % (name.encode(), len(made))

    far.script = script
    assert lab.put(path, {"m2m:ae": {"at": ["/mn"]}}, stem).rsc == 2004
    at = until(lambda: [x for x in lab.get(path, stem).json["m2m:ae"]["at"] if x != "/mn"])
    n = len(made)
    assert at == [f"/mn/there{n}"] and made[-1][0] == "10002" and made[-1][1]["aei"] == "/in-cse/" + stem
    for named in (["/mn"], ["/mn", at[0]], at):
        a = lab.put(path, {"m2m:ae": {"at": named}}, stem)
        assert a.rsc == 2004 and a.json["m2m:ae"]["at"] == at, named
    assert len(made) == n
    far.script = lambda got: (200, {"X-M2M-RSC": "2002"}, b"")
    assert lab.put(path, {"m2m:ae": {"at": None}}, stem).rsc == 2004
    until(lambda: len(far.got) > n)
