"""What TS-0004 7.4.26, 7.3.3.10, 7.4.13-14 and 7.5.1 say of what goes to others, as an independent
suite asks for it: a scripted CSE announces to the node and is announced to, targets that take
notifications in the form that they name."""
import json, time, xml.etree.ElementTree

import pytest
pytest.importorskip("requests")

from lab import AE
from node import decode
from openlab import lab, own, r  # noqa: F401
from receiver import Receiver

END = "20300101T000000"


def notification(got):
    body = decode(got.headers["content-type"], got.body)
    return body["m2m:sgn"]


# --- notifications -----------------------------------------------------------------------------------


def test_a_verification_names_the_subscription(lab, own, r):
    """6.3.5.13: subscriptionReference is in every notification, the one before there is a subscription, too."""
    stem, path = own
    for rn in (None, "named"):
        body = {"nu": [r.url], "enc": {"net": [3]}, **({"rn": rn} if rn else {})}
        sub = lab.create(path + "/c", 23, {"m2m:sub": body}, stem).json["m2m:sub"]
        sgn = r.got[-1].sgn
        assert sgn == {"vrq": True, "cr": stem, "sur": "/in-cse/" + sub["ri"]}
        assert lab.delete(path + "/c/" + sub["rn"], stem).rsc == 2002
        r.got.clear()
    # a target that is added later
    assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [stem], "enc": {"net": [2]}}}, stem).rsc == 2001
    a = lab.put(path + "/c/s", {"m2m:sub": {"nu": [stem, r.url]}}, stem)
    assert a.rsc == 2004 and r.got[-1].sgn["sur"] == "/in-cse/" + a.json["m2m:sub"]["ri"]


def test_what_was_promised_to_one_is_given_to_no_other(lab, own):
    """While a target thinks about it, others make resources; the subscription has the name that it was told."""
    stem, path = own
    made = []

    def script(got):
        made.extend(lab.create(path + "/c", 3, {"m2m:cnt": {}}, stem).json["m2m:cnt"]["ri"] for _ in range(3))

    with Receiver(script) as r:
        sub = lab.create(path + "/c", 23, {"m2m:sub": {"nu": [r.url], "enc": {"net": [2]}}}, stem).json["m2m:sub"]
        assert r.got[0].sgn["sur"] == "/in-cse/" + sub["ri"] and len(made) == 3
    assert len({int(x.lstrip("abcdefghijklmnopqrstuvwxyz")) for x in made + [sub["ri"]]}) == 4
    assert lab.get("/" + sub["ri"], stem).json["m2m:sub"]["ri"] == sub["ri"]
    # one that is refused leaves nothing, and takes no number that another has
    with Receiver(lambda got: (403, {"X-M2M-RSC": "4103"}, b"")) as r:
        assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [r.url], "enc": {"net": [2]}}}, stem).rsc == 5204
        promised = r.got[0].sgn["sur"][len("/in-cse"):]
        other = lab.create(path + "/c", 3, {"m2m:cnt": {}}, stem).json["m2m:cnt"]["ri"]
        assert lab.get(promised, stem).rsc == 4004 and "/" + other != promised


@pytest.mark.parametrize("query,path,form", [
    ("/n?ct=xml", "/n", "xml"), ("/n?ct=cbor", "/n", "cbor"), ("/n?ct=json", "/n", "json"), ("/n?q=1&ct=cbor", "/n?q=1", "cbor"),
    ("/n?q=1", "/n?q=1", "json"), ("/n?ct=html", "/n?ct=html", "json"), ("/n?xct=xml", "/n?xct=xml", "json")])
def test_the_form_that_a_target_names(lab, own, r, query, path, form):
    """7.4.8.1-3, 7.5.1.2.2 step 2.5: taken off, and used, in the question as in the notification."""
    stem, at = own
    assert lab.create(at + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [r.url + query], "enc": {"net": [3]}}}, stem).rsc == 2001
    assert lab.create(at + "/c", 3, {"m2m:cnt": {"rn": "d", "lbl": ["a", "b"]}}, stem).rsc == 2001
    for got in r.wait(2)[:2]:
        assert got.path == path and got.headers["content-type"].endswith("ntfy+" + form) and form in got.headers["accept"]
    asked, told = r.got[:2]
    if form == "xml":
        assert b"<vrq>true</vrq>" in asked.body and b"<lbl>a b</lbl>" in told.body
    else:
        assert notification(asked)["vrq"] is True and notification(told)["nev"]["rep"]["m2m:cnt"]["lbl"] == ["a", "b"]


KIND = "vnd.onem2m-ntfy+"


@pytest.mark.parametrize("csz,kind,form", [
    (["application/xml"], "", "xml"), (["application/cbor", "application/xml"], "", "cbor"),
    (["application/xml", "application/json"], "", "json"), (["xml"], KIND, "xml"), (None, KIND, "json"),
    (["application/vnd.onem2m-ntfy+json"], KIND, "json"), (["application/json", "application/vnd.onem2m-res+json"], KIND, "json"),
    (["application/xml", "application/vnd.onem2m-ntfy+json"], KIND, "json")])
def test_the_forms_that_an_ae_takes(lab, own, r, csz, kind, form):
    """7.5.1.1: one of its contentSerialization; a media type of no oneM2M name is what it reads, and no other."""
    stem, path = own
    assert lab.put(path, {"m2m:ae": {"poa": [r.url], "csz": csz}}, stem).rsc == 2004
    assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [stem], "enc": {"net": [3]}}}, stem).rsc == 2001
    cnd = "org.onem2m.common.moduleclass.binarySwitch"
    assert lab.create(path + "/c", 28, {"cod:binSh": {"cnd": cnd, "powSe": True}}, stem).rsc == 2001
    got = r.wait(1)[0]
    assert got.headers["content-type"] == "application/" + kind + form
    if form == "xml":
        (powse,) = xml.etree.ElementTree.fromstring(got.body).iter("powSe")
        assert powse.text == "true"
    else:
        assert notification(got)["nev"]["rep"]["cod:binSh"]["powSe"] is True


# --- groups -------------------------------------------------------------------------------------------


def test_each_answer_says_whose_it_is(lab, own):
    """7.4.14.2.5: From is the member's resource ID, also when a path stands behind the fan-out point."""
    stem, path = own
    mid = [path[1:] + "/c", lab.create(path, 3, {"m2m:cnt": {"rn": "d"}}, stem).json["m2m:cnt"]["ri"]]
    assert lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 5, "mid": mid}}, stem).rsc == 2001
    lab.create(path + "/g/fopt", 4, {"m2m:cin": {"con": "x"}}, stem)
    for behind in ("", "/la", "/ol", "/nothing"):
        rsp = lab.get(path + "/g/fopt" + behind, stem).json["m2m:agr"]["m2m:rsp"]
        assert [x["fr"] for x in rsp] == mid and {x["rsc"] for x in rsp} == {4004 if behind == "/nothing" else 2000}


# --- announced resources --------------------------------------------------------------------------------


def registered(lab, cse, r):
    a = lab.create("/cse-in", 16, {"m2m:csr": {"rn": cse[1:], "cb": cse + "/b", "csi": cse, "rr": True, "srv": ["3"], "poa": [r.url]}}, cse)
    assert a.rsc == 2001, a


def test_who_changes_what_is_announced(lab, own, r):
    """7.4.26.2.4-5: the CSE of the link, whatever the policies say, and nobody else."""
    stem, _ = own
    registered(lab, "/mn", r), registered(lab, "/mn2", r)
    box = {"rn": "x", "lnk": "/mn/c1", "et": END, "lbl": ["a"], "acpi": ["cse-in/open"]}
    assert lab.create("/cse-in/mn", 10003, {"m2m:cntA": box}, "/mn").rsc == 2001
    at, change = "/cse-in/mn/x", {"m2m:cntA": {"lbl": ["b"]}}
    assert lab.get(at, stem).rsc == 2000
    for other in (stem, "/mn2", "/mn/Cx"):
        a = lab.put(at, change, other)
        assert (a.http, a.rsc) == (403, 4103), other
        assert lab.delete(at, other).rsc == 4103 and lab.get(at, stem).json["m2m:cntA"]["lbl"] == ["a"]
    # a policy that does not name the announcer changes nothing for it
    assert lab.create("/cse-in", 1, {"m2m:acp": {"rn": "mine", "pv": {"acr": [{"acor": [stem], "acop": 63}]},
                                                 "pvs": {"acr": [{"acor": [stem], "acop": 63}]}}}).rsc == 2001
    assert lab.put(at, {"m2m:cntA": {"acpi": ["cse-in/mine"]}}, "/mn").rsc == 2004
    assert lab.get(at, "/mn2").rsc == 4103 and lab.put(at, change, stem).rsc == 4103
    a = lab.put(at, change, "/mn")
    assert a.rsc == 2004 and a.json["m2m:cntA"]["lbl"] == ["b"]
    # it has no stateTag of its own
    assert "st" not in a.json["m2m:cntA"]
    # who has the right clears away what a CSE left behind that is gone
    assert lab.delete("/cse-in/mn2", "/mn2").rsc == 2002
    assert lab.put(at, change, stem).rsc == 4103
    left = dict(box, lnk="/mn2/c1", rn="y")
    assert lab.create("/cse-in/mn", 10003, {"m2m:cntA": left}, "/mn").rsc == 2001
    assert lab.delete("/cse-in/mn/y", stem).rsc == 2002
    assert lab.delete(at, "/mn").rsc == 2002 and lab.delete("/cse-in/mn", "/mn").rsc == 2002


def test_who_links_policies_of_what_is_announced(lab, own, r):
    """TS-0001 9.6.1.3.2: who the linked ones let do it; being the CSE of the original is no right to that."""
    stem, _ = own
    registered(lab, "/mn", r), registered(lab, "/mn2", r)
    rules = {"acr": [{"acor": [stem], "acop": 63}]}
    assert lab.create("/cse-in", 1, {"m2m:acp": {"rn": "closed", "pv": rules, "pvs": rules}}).rsc == 2001
    box = {"rn": "z", "lnk": "/mn/c1", "et": END, "acpi": ["cse-in/closed"]}
    assert lab.create("/cse-in/mn2", 10003, {"m2m:cntA": box}, "/mn2").rsc == 2001
    at, link = "/cse-in/mn2/z", {"m2m:cntA": {"acpi": ["cse-in/open"]}}
    assert lab.put(at, {"m2m:cntA": {"lbl": ["b"]}}, "/mn").rsc == 2004
    assert lab.put(at, link, "/mn").rsc == 4103 and lab.get(at, "/mn").rsc == 4103
    assert lab.get(at, stem).json["m2m:cntA"]["acpi"] == ["cse-in/closed"]
    assert lab.put(at, link, stem).rsc == 2004 and lab.get(at, "/mn").rsc == 2000
    assert lab.delete(at, "/mn").rsc == 2002
    assert lab.delete("/cse-in/mn", "/mn").rsc == 2002 and lab.delete("/cse-in/mn2", "/mn2").rsc == 2002


def test_a_cse_that_takes_no_name(lab, own):
    """Table 7.4.26.1-2: resourceName is NP in the Create of an announced resource. It is proposed, and left out where it is refused."""
    stem, path = own
    asked = []

    def script(got):
        if "x-m2m-origin" not in got.headers or "ty=" not in got.headers.get("content-type", ""):
            return None
        (member, body), = got.json.items()
        asked.append((member, "rn" in body))
        if "rn" in body:
            return 400, {"X-M2M-RSC": "4000"}, b""
        answer = json.dumps({member: dict(body, ri=f"far{len(asked)}")}).encode()
        return 201, {"X-M2M-RSC": "2001", "Content-Type": "application/json"}, answer

    with Receiver(script) as r:
        registered(lab, "/mn", r)
        a = lab.create(path, 3, {"m2m:cnt": {"rn": "told", "at": ["/mn"], "aa": ["mni"], "mni": 3}}, stem)
        assert a.rsc == 2001
        end = time.time() + 30
        while not lab.get(path + "/told", stem).json["m2m:cnt"]["at"][0].startswith("/mn/far") and time.time() < end:
            time.sleep(0.05)
        assert asked == [("m2m:cbA", True), ("m2m:cbA", False), ("m2m:cntA", True), ("m2m:cntA", False)]
        assert lab.get(path + "/told", stem).json["m2m:cnt"]["at"] == ["/mn/far4"]
        assert lab.delete(path + "/told", stem).rsc == 2002
        assert lab.delete("/cse-in/mn", "/mn").rsc == 2002


def test_an_s_type_ae_behind_a_cse(lab, own):
    """TS-0001 10.2.2.2: its AE-ID names no CSE; where CSEs may register it is judged by the policies, and takes no name of ours."""
    stem, path = own
    assert lab.get(path + "/c", "/Sfar").rsc == 2000 and lab.get(path, "/Sfar").rsc == 4103
    assert lab.get(path + "/c", "/Cfar").rsc == 4107  # a CSE that is not on the list
    assert lab.create("/cse-in", 2, {"m2m:ae": dict(AE)}, "Shere").rsc == 2001
    assert lab.get(path + "/c", "/Shere").rsc == 4106 and lab.get(path + "/c", "Shere").rsc == 2000


# --- complex values [6.3.5] ---------------------------------------------------------------------------


@pytest.mark.parametrize("change,want", [
    ({"ape": {"apt": [{"se": [{"sce": ["* * 8-20 * * * *"]}], "sti": 1, "dsi": 5}]}}, 2004), ({"ape": {"apt": [{"sti": 1}]}}, 4000),
    ({"ape": {"apt": [{"se": [{"sce": ["* * 8-20 * * * *"]}], "dsi": 0}]}}, 4000), ({"ape": {"apt": [{"se": [{"sce": ["x"]}]}]}}, 4000),
    ({"ape": {"apt": []}}, 2004), ({"scp": ["audio:AVP", "video:RTS/AVP"]}, 2004), ({"scp": {"sdc": "x"}}, 4000),
    ({"esi": {"esf": [10, 13], "escert": ["eA=="]}}, 2004), ({"esi": {}}, 4000), ({"esi": {"esf": "10"}}, 4000), ({"esi": {"esf": [10], "x": 1}}, 4000)])
def test_complex_values_of_an_ae(lab, own, change, want):
    """6.3.5.52, 6.3.5.64-65, 6.3.3."""
    a = lab.put(own[1], {"m2m:ae": change}, own[0])
    assert a.rsc == want, a
    assert want != 2004 or change.keys() <= lab.get(own[1], own[0]).json["m2m:ae"].keys()


@pytest.mark.parametrize("names,want", [(["a"], 2001), (["a", "b"], 2001), (["a", "b", "a"], 4000), ([], 4000)])
def test_references_of_a_content(lab, own, names, want):
    """6.3.5.36: the value of each name is unique."""
    stem, path = own
    conr = {"urir": [{"nm": n, "uri": path[1:] + "/c"} for n in names]}
    assert lab.create(path + "/c", 4, {"m2m:cin": {"con": "x", "conr": conr}}, stem).rsc == want


@pytest.mark.parametrize("rl,want", [({"mnn": 1, "tww": "PT1S"}, 2001), ({"mnn": 1}, 4000), ({"tww": "PT1S"}, 4000)])
def test_a_rate_is_a_number_in_a_time(lab, own, rl, want):
    """6.3.5.31."""
    stem, path = own
    assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [stem], "rl": rl}}, stem).rsc == want


def test_when_a_target_may_leave(lab, own, r):
    """6.3.5.37, 7.4.32.1-3: one deletionContexts; its time and its place by OR, when nothing is said."""
    stem, path = own
    always, place = "* * * * * * *", [{"accc": ["DE"]}]
    for i, (rules, want) in enumerate(((dict(dr={"tod": [always]}), 2002), (dict(dr={"tod": [always], "lr": place}), 2002),
                                       (dict(dr={"tod": [always], "lr": place}, drr=1), 4103), (dict(dr={"lr": place}), 4103),
                                       (dict(dr={"tod": ["* * * * * * 2001"]}), 4103))):
        ntp = f"p{stem}{i}"
        assert lab.create("/cse-in", 26, {"m2m:ntp": {"rn": ntp, "acn": 1}}).rsc == 2001
        assert lab.create("/cse-in/" + ntp, 27, {"m2m:pdr": rules}).rsc == 2001
        assert lab.create(path + "/c", 23, {"m2m:sub": {"rn": f"s{i}", "nu": [stem, r.url], "enc": {"net": [2]}}}, stem).rsc == 2001
        at = path + f"/c/s{i}"
        assert lab.create(at, 25, {"m2m:ntpr": {"ntu": [stem], "npi": "cse-in/" + ntp}}, stem).rsc == 2001
        assert lab.delete(at + "/ntsr", stem).rsc == want, rules
    assert lab.create("/cse-in/" + ntp, 27, {"m2m:pdr": {"dr": [{"tod": [always]}]}}).rsc == 4000


def test_an_expiration_time_is_never_gone(lab, own):
    """TS-0001 9.6.1.3.2: deleted by an update it is decided anew; a create has none that is null."""
    stem, path = own
    assert lab.put(path + "/c", {"m2m:cnt": {"et": "20270301T000000"}}, stem).rsc == 2004
    assert lab.put(path + "/c", {"m2m:cnt": {"et": None}}, stem).json["m2m:cnt"]["et"] > "2028"
    assert lab.create(path, 3, {"m2m:cnt": {"et": None}}, stem).rsc == 4000
