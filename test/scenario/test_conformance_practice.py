"""What test tools and clients of earlier releases ask for in practice, by the text: refusals that do not
depend on who asks, names, values and subscriptions, over the lab listener. doc/decision/042-conformance.md
lists the clauses."""
import http.client, json, socket, threading, time, urllib.parse

import pytest
from lab import Lab
from node import Node
from receiver import Receiver

BASE = "/cse-in"


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory\nlab.remote_cses = /mn-cse,/mute-cse,/gone-cse") as node:
        yield Lab(node)


@pytest.fixture(scope="module")
def own(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    return stem, path


@pytest.fixture(scope="module")
def other(lab):
    return lab.ae()[0]


# --- refused at the syntax of the message, whoever asks (Recv-1.0 of TS-0004 7.4) ---------------------------------


def test_operations_that_there_are_not(lab, own, other):
    """7.4.3.2, 7.4.7.2.3, 7.4.12.2.1, 7.4.27, 7.4.28, 7.4.33, 7.4.39: before anybody's rights."""
    stem, path = own
    lab.create(path + "/c", 4, {"m2m:cin": {"con": "x", "rn": "i"}}, stem)
    lab.create(path + "/c", 23, {"m2m:sub": {"rn": "s", "nu": [stem]}}, stem)
    lab.create(path, 29, {"m2m:ts": {"rn": "t"}}, stem)
    lab.create(path + "/t", 30, {"m2m:tsi": {"rn": "i", "con": "x", "dgt": "20260101T000000"}}, stem)
    lab.create(path, 15, {"m2m:pch": {"rn": "p"}}, stem)
    lab.create(path, 3, {"m2m:cnt": {"rn": "empty"}}, stem)
    for who in (stem, other, "Cstranger"):
        for a in (lab.delete(BASE, who), lab.put(BASE, {"m2m:cb": {"lbl": ["x"]}}, who), lab.create(BASE, 5, {"m2m:cb": {}}, who),
                  lab.create(BASE, 17, {"m2m:req": {}}, who), lab.put(path + "/c/i", {"m2m:cin": {"lbl": ["x"]}}, who),
                  lab.put(path + "/t/i", {"m2m:tsi": {"lbl": ["x"]}}, who), lab.get(path + "/c/s/ntsr", who),
                  lab.put(path + "/p/pcu", {"m2m:pch": {}}, who), lab.delete(path + "/p/pcu", who),
                  *(lab.put(path + end, {"m2m:cin": {}}, who) for end in ("/c/la", "/c/ol", "/t/la", "/empty/la")),
                  *(lab.create(path + end, 4, {"m2m:cin": {"con": "x"}}, who) for end in ("/c/la", "/c/ol", "/empty/ol"))):
            assert (a.http, a.rsc) == (405, 4005), (who, a)
    # what there is, is asked of the policies as ever
    for a in (lab.delete(path + "/c/i", other), lab.delete(path + "/c/la", other), lab.get(path + "/empty/la", other),
              lab.get(path + "/c/i", other), lab.create(path + "/c", 4, {"m2m:cin": {"con": "x"}}, other)):
        assert (a.http, a.rsc) == (403, 4103)
    assert lab.get(path + "/c/i", stem).rsc == 2000 and lab.get(path + "/empty/la", stem).rsc == 4004


# --- subscription [TS-0004 7.4.8] ------------------------------------------------------------------


def test_creator_of_a_subscription(lab, own):
    """7.4.8.2.1, Recv-6.5: shown where others than the originator are told."""
    stem, path = own
    with Receiver() as r:
        made = lambda **b: lab.create(path + "/c", 23, {"m2m:sub": b}, stem).json["m2m:sub"]
        assert "cr" not in made(nu=[stem]) and "cr" not in made(nu=["/in-cse/" + stem]) and "cr" not in made(nu=[path[1:]])
        assert made(nu=[r.url])["cr"] == stem and made(nu=[stem, r.url])["cr"] == stem
        assert made(nu=[stem], cr=None)["cr"] == stem and made(nu=[r.url], cr=None)["cr"] == stem


# --- names [TS-0004 8.2.3] ----------------------------------------------------------------


def test_interworking_names(lab, own):
    stem, path = own
    service = {"cnd": "org.onem2m.genericInterworkingService", "gisn": "s", "giip": ["a"], "giop": ["b"]}
    call = {"cnd": "org.onem2m.genericInterworkingOperationInstance", "gion": "o", "gios": "start", "giil": ["a"], "giol": ["b"]}
    for member, body in (("gis", service), ("gio", call)):
        a = lab.create(path, 28, {"m2m:" + member: body}, stem)
        assert a.rsc == 2001 and body.items() <= a.json["m2m:" + member].items()
        assert lab.create(path, 28, {"m2m:" + member: {"cnd": body["cnd"]}}, stem).rsc == 4000


def test_what_is_wrong_is_said_before_anybody_is_asked(lab, own):
    """7.4.8.2.1: a subscription that cannot be is refused for that, and its targets do not hear of it."""
    stem, path = own
    dead = "http://127.0.0.1:9/"
    make = lambda **b: lab.create(path + "/c", 23, {"m2m:sub": b}, stem).rsc
    with Receiver() as r:
        for wrong in ({"enc": {"net": [99]}}, {"nct": 9}, {"enc": {"net": [2]}, "nct": 2}, {"enc": {"net": [8]}}, {"foo": 1}, {"exc": 0},
                      {"enc": {"net": [3], "chty": [2]}}, {"cr": stem}, {"et": "20200101T000000"}, {"enc": {"net": [7]}}):
            for nu in (dead, r.url):
                assert make(nu=[nu], **wrong) == 4000, wrong
        assert make(nu=[r.url], rn="taken") == 2001 and make(nu=[dead], rn="taken") == 4105
        assert make(nu=[dead], rn="new") == 5204 and lab.get(path + "/c/new", stem).rsc == 4004
        assert [g.sgn.get("vrq") for g in r.got] == [True]
        assert lab.put(path + "/c/taken", {"m2m:sub": {"nu": [dead]}}, stem).rsc == 5204
        assert lab.get(path + "/c/taken", stem).json["m2m:sub"]["nu"] == [r.url]


def test_policies_of_targets(lab, own):
    """7.4.30.2.1: a target stands in one reference; 7.4.32.2.1: a policy has two rules."""
    stem, path = own
    lab.create(path + "/c", 23, {"m2m:sub": {"rn": "led", "nu": [stem]}}, stem)
    refer = lambda *ntu, **b: lab.create(path + "/c/led", 25, {"m2m:ntpr": dict({"ntu": ntu}, **b)}, stem)
    assert refer("Cone", "Ctwo", rn="a").rsc == 2001 and refer("Cthree", rn="b").rsc == 2001
    for a in (refer("Ctwo"), refer("Cfour", "Cone"), lab.put(path + "/c/led/b", {"m2m:ntpr": {"ntu": ["Cone"]}}, stem)):
        assert (a.http, a.rsc) == (409, 4105)
    assert lab.put(path + "/c/led/a", {"m2m:ntpr": {"ntu": ["Cone"]}}, stem).rsc == 2004 and refer("Ctwo").rsc == 2001
    lab.create(BASE, 26, {"m2m:ntp": {"rn": "two"}})
    assert [lab.create(BASE + "/two", 27, {"m2m:pdr": {}}).rsc for _ in range(3)] == [2001, 2001, 4105]


def test_subscriptions_to_several(lab, own):
    """7.4.58.2.1: resources or subscriptions, one at least; criteria for all or for each; 5221."""
    stem, path = own
    c = path[1:] + "/c"
    lab.create(path + "/c", 23, {"m2m:sub": {"rn": "one", "nu": [stem]}}, stem)
    make = lambda **b: lab.create(path, 48, {"m2m:crs": dict({"nu": [stem], "twt": 1, "tws": "PT10S"}, **b)}, stem).rsc
    criteria = lambda n: {"encn": [{"net": [3]}] * n}
    assert make(rrat=[c], encs=criteria(1)) == 2001 and make(srat=[c + "/one"]) == 2001
    assert make() == make(rrat=[c]) == make(rrat=[c, path[1:]], encs=criteria(3)) == make(rrat=[], srat=[]) == 4000
    assert make(rrat=[c, c + "/none"], encs=criteria(1)) == 5221


# --- other types [TS-0004 7.4.20, 7.4.34, 7.4.38, 7.4.57] -------------------------------------------


def test_subscribed_nodes(lab):
    """7.4.20.2.1, 7.4.20.2.3: ruleLinks only beside a CSE-ID."""
    lab.create(BASE, 11, {"m2m:mssp": {"rn": "profile"}})
    make = lambda **b: lab.create(BASE + "/profile", 20, {"m2m:svsn": dict({"ni": "n"}, **b)}).rsc
    assert make(rlk=["cse-in/r"]) == make(rlk=[]) == 4000 and make(rlk=["cse-in/r"], csi="/mn-1", rn="cse") == 2001 and make(rn="bare") == 2001
    put = lambda rn, rlk: lab.put(f"{BASE}/profile/{rn}", {"m2m:svsn": {"rlk": rlk}}).rsc
    assert put("bare", ["cse-in/r"]) == 4000 and put("cse", ["cse-in/q"]) == put("cse", None) == put("bare", None) == 2004


def test_descriptors(lab, own):
    """7.4.34.2.1: the representation is never IRI."""
    stem, path = own
    make = lambda dcrp: lab.create(path, 24, {"m2m:smd": {"rn": f"d{dcrp}", "dcrp": dcrp, "dsp": "PHJkZi8+"}}, stem).rsc
    assert [make(d) for d in (0, 1, 2, 4, 7, 8)] == [4000, 4000, 2001, 2001, 2001, 4000]
    assert lab.put(path + "/d2", {"m2m:smd": {"dcrp": 1}}, stem).rsc == 4000


def test_delta_of_an_interval(lab, own):
    """7.4.38.2.1, 7.4.38.2.3: the CSE sets what is not given with an interval."""
    stem, path = own
    show = lambda rn: lab.get(f"{path}/{rn}", stem).json["m2m:ts"].get("peid")
    for rn, ts, want in (("none", {}, None), ("set", {"pei": 1000}, 0), ("given", {"pei": 1000, "peid": 300}, 300)):
        assert lab.create(path, 29, {"m2m:ts": dict(ts, rn=rn)}, stem).rsc == 2001 and show(rn) == want
    assert lab.put(path + "/none", {"m2m:ts": {"pei": 500}}, stem).json["m2m:ts"]["peid"] == 0
    assert lab.put(path + "/given", {"m2m:ts": {"pei": 2000}}, stem).json["m2m:ts"]["peid"] == 300


def test_trigger_requests(lab):
    """7.4.57.2.3: what is not on its way is not replaced."""
    assert lab.create(BASE, 47, {"m2m:tgr": {"rn": "wake", "mei": "a@b.c", "tri": 1, "tvt": "PT1H"}}).rsc == 2001
    a = lab.put(BASE + "/wake", {"m2m:tgr": {"tri": 2}})
    assert (a.http, a.rsc) == (409, 5219) and lab.get(BASE + "/wake").json["m2m:tgr"]["tri"] == 1


# --- announcements [TS-0004 7.3.3.10] ------------------------------------------------------------------


class Elsewhere(Receiver):
    """A CSE that takes what is announced to it; or says nothing until it is let go."""

    def __init__(self, lab, ident, mute=False):
        self.made, self.mute, self.go = [], mute, threading.Event()
        super().__init__(self.take)
        csr = {"cb": ident + "/base", "csi": ident, "rr": True, "srv": ["3"], "poa": [self.url]}
        assert lab.create(BASE, 16, {"m2m:csr": csr}, ident).rsc == 2001

    def take(self, got):
        if self.mute:
            self.go.wait(20)
        if "ty=" not in got.headers.get("content-type", ""):
            return None
        [(member, body)] = got.json.items()
        self.made.append((member, body))
        out = json.dumps({member: dict(body, ri=f"a{len(self.made)}")}).encode()
        return 201, {"X-M2M-RSC": "2001", "Content-Type": "application/json"}, out


def test_an_answer_says_where_it_is_announced(lab, own):
    """In the answers to the Create and the Update, in every form of them; the CSEBase first, with an end."""
    stem, path = own
    with Elsewhere(lab, "/mn-cse") as there:
        a = lab.create(path, 3, {"m2m:cnt": {"rn": "an1", "lbl": ["x"], "at": ["/mn-cse"]}}, stem)
        assert a.rsc == 2001 and a.json["m2m:cnt"]["at"] == ["/mn-cse/a2"] and a.json["m2m:cnt"]["lbl"] == ["x"]
        assert lab.get(path + "/an1", stem).json["m2m:cnt"]["at"] == ["/mn-cse/a2"]
        (base, cb), (member, cnt) = there.made
        assert (base, member) == ("m2m:cbA", "m2m:cntA") and cb["et"] and cb["lnk"] and cnt["et"] and cnt["lbl"] == ["x"]
        a = lab.create(path + "?rcn=3", 3, {"m2m:cnt": {"rn": "an2", "at": ["/mn-cse"]}}, stem)
        assert a.json["m2m:rce"]["m2m:cnt"]["at"] == ["/mn-cse/a3"]
        lab.create(path, 3, {"m2m:cnt": {"rn": "an3"}}, stem)
        assert lab.put(path + "/an3", {"m2m:cnt": {"at": ["/mn-cse"]}}, stem).json["m2m:cnt"]["at"] == ["/mn-cse/a4"]
        assert lab.create(path + "?rcn=0", 3, {"m2m:cnt": {"rn": "an4", "at": ["/mn-cse"]}}, stem).body == b""
        a = lab.create(path + "/an1", 4, {"m2m:cin": {"con": "1", "at": ["/mn-cse"]}}, stem)
        assert a.rsc == 2001 and a.json["m2m:cin"]["at"][0].startswith("/mn-cse/a")


def test_an_answer_does_not_wait_for_who_is_silent(lab, own):
    stem, path = own
    make = lambda rn, *at: lab.create(path, 3, {"m2m:cnt": {"rn": rn, "at": list(at)}}, stem)
    began = time.monotonic()
    for rn, at in (("u1", "/unknown-cse"), ("u2", "/gone-cse")):  # nobody there: at once
        assert make(rn, at).json["m2m:cnt"]["at"] == [at]
    assert time.monotonic() - began < 1.5
    with Elsewhere(lab, "/mute-cse", mute=True) as there:
        began, answers = time.monotonic(), []
        waiting = threading.Thread(target=lambda: answers.append(make("u3", "/mute-cse")))
        waiting.start()
        while time.monotonic() - began < 1:  # others are served meanwhile
            assert lab.get(path, stem).rsc == 2000
        waiting.join()
        assert 1 < time.monotonic() - began < 6 and answers[0].json["m2m:cnt"]["at"] == ["/mute-cse"]
        there.go.set()
        end = time.monotonic() + 30
        while lab.get(path + "/u3", stem).json["m2m:cnt"]["at"] == ["/mute-cse"] and time.monotonic() < end:
            time.sleep(0.05)
        assert lab.get(path + "/u3", stem).json["m2m:cnt"]["at"][0].startswith("/mute-cse/a")


# --- values ------------------------------------------------------------------------


def test_criteria_of_subscriptions(lab, own):
    """TS-0001 9.6.8: none, empty ones, names of attributes that the resource has, in a Create and an Update."""
    stem, path = own
    cnd = "org.onem2m.common.moduleclass.binarySwitch"
    lab.create(path, 28, {"cod:binSh": {"rn": "switch", "cnd": cnd, "powSe": True}}, stem)
    make = lambda where, enc, **b: lab.create(path + where, 23, {"m2m:sub": dict({"nu": [stem], "enc": enc}, **b)}, stem).rsc
    assert make("/c", {}, rn="empty") == make("/c", {"atr": ["lbl", "mni"]}) == make("/switch", {"atr": ["powSe", "lbl"]}) == 2001
    for where, names in (("/c", ["powSe"]), ("/c", ["lbl", "none"]), ("/switch", ["mnI"]), ("/c", ["labels"]), ("/c", [""])):
        assert make(where, {"atr": names}) == 4000, names
    assert lab.get(path + "/c/empty", stem).json["m2m:sub"]["enc"] == {}
    put = lambda enc: lab.put(path + "/c/empty", {"m2m:sub": {"enc": enc}}, stem).rsc
    assert put({"atr": ["none"]}) == 4000 and put({"atr": ["lbl"]}) == put({}) == put(None) == 2004


def test_serializations(lab):
    """6.7: media types, or the form alone."""
    stem, path = lab.ae()
    put = lambda *csz: lab.put(path, {"m2m:ae": {"csz": list(csz)}}, stem).rsc
    assert put("application/json", "application/cbor") == put("xml") == put("application/vnd.onem2m-res+json") == 2004
    for wrong in ("wrong", "text/json", "application/", "application/vnd.onem2m-res", "JSON", "application/jsonx", ""):
        assert put("json", wrong) == 4000, wrong


# --- what clients send (doc/decision/070-old-clients.md) --------------------------------------------------


def say(lab, head, body=""):
    """Octets as they are; status line, header fields by lower case, content."""
    with socket.create_connection(("127.0.0.1", lab.node.lab_port), 10) as s:
        s.sendall((head.replace("\n", "\r\n") + "\r\n\r\n" + body).encode())
        r = http.client.HTTPResponse(s)
        r.begin()
        return r.status, int(r.headers.get("X-M2M-RSC", 0)), {k.lower(): v for k, v in r.headers.items()}, r.read()


def test_forms_of_requests(lab, own):
    stem, path = own
    who = f"Host: a\nx-m2m-origin: {stem}\nx-m2m-ri: r"
    make = lambda media, body='{"m2m:cnt":{}}', more="": say(lab, f"POST {path} HTTP/1.1\n{who}\nContent-Type: {media}\nContent-Length: {len(body)}{more}", body)
    for media in ("application/json;ty=3", "application/vnd.onem2m-res+json; ty=3", "Application/JSON ; TY = 3", 'application/json;ty="3"',
                  "application/json;charset=UTF-8;ty=3", "application/json;ty=3;"):
        status, rsc, fields, body = make(media)
        assert (status, rsc) == (201, 2001) and "x-m2m-rvi" not in fields and fields["content-type"].lower() == media.split(";")[0].strip().lower(), media
    assert make("application/json, ty=3")[1] == 4015 and make("application/json")[1] == 4000
    assert b'"rn":"abc"' not in make("application/json;ty=3", more="\nX-M2M-NM: abc")[3]
    assert make("application/json;ty=3", '\r\n {\t"m2m:cnt" :\n{ } }\n')[1] == 2001 and make("application/json;ty=3", '{"m2m:cnt":{"mni":"5"}}')[1] == 4000
    get = lambda target, more="", version="1.1": say(lab, f"GET {target} HTTP/{version}\n{who}{more}")[:2]
    encoded = path.replace("-", "%2D")
    for target in (path, path + "?", path + "?rcn=1&", encoded, "/~/in-cse" + path, "/~/in-cse/-" + path[len(BASE):], "/-" + path[len(BASE):], "/" + stem, "http://a" + path):
        assert get(target) == (200, 2000), target
    assert get(path, "\nContent-Type: application/json") == get(path, "\nContent-Length: 0") == (200, 2000)
    for target in (path + "/", path.replace("/ae", "//ae"), path.replace("/ae", "%2Fae"), path + "#rn"):
        assert get(target) == (400, 4000), target
    assert get(path, "\nAuthorization: Basic YTpi") == get(path, "\nAuthorization: Bearer abc") == (501, 5001)
    assert get(path, version="1.0")[0] == 505 and get(path, "\nX-M2M-RI: s")[0] == 400
    chunked = f"POST {path} HTTP/1.1\n{who}\nContent-Type: application/json;ty=3\nTransfer-Encoding: chunked"
    assert say(lab, chunked, "e\r\n" + '{"m2m:cnt":{}}' + "\r\n0\r\n\r\n")[0] == 411


def test_forms_of_values(lab, own):
    stem, path = own
    make = lambda **b: lab.create(path, 3, {"m2m:cnt": b}, stem).rsc
    for et in ("20300101T000000", "20300101T000000,5", "99991231T235959"):
        assert make(et=et) == 2001
    for wrong in ({"et": "20300101T000000Z"}, {"et": "2030-01-01T00:00:00"}, {"et": "20300101"}, {"et": "PT1H"}, {"rn": "a b"}, {"rn": "_a"},
                  {"rn": "a~b"}, {"lbl": "a"}, {"mni": "5"}, {"mni": True}, {"disr": "true"}):
        assert make(**wrong) == 4000, wrong
    for label in ("a+b", "a b", "a&b=c", "k:v", "50%", "\u00e9", "a/b", "a,b", "#h"):  # whatever it holds, it is found by it
        made = lab.create(path, 3, {"m2m:cnt": {"lbl": [label]}}, stem).json["m2m:cnt"]["rn"]
        assert lab.get(f"{path}?fu=1&lbl={urllib.parse.quote(label, safe='')}", stem).json["m2m:uril"] == [f"{path[1:]}/{made}"]


def test_one_identifier_for_everything(lab, own):
    stem, path = own
    for i in range(3):
        assert lab.create(path, 3, {"m2m:cnt": {"rn": "again"}}, stem, rqi="1").rsc == 2001
        assert lab.put(path + "/again", {"m2m:cnt": {"lbl": [str(i)]}}, stem, rqi="1").json["m2m:cnt"]["lbl"] == [str(i)]
        assert lab.get(path + "/again", stem, rqi="1").json["m2m:cnt"]["lbl"] == [str(i)]
        assert lab.delete(path + "/again", stem, rqi="1").rsc == 2002
    lab.create(path, 3, {"m2m:cnt": {"rn": "log"}}, stem)
    assert len({lab.create(path + "/log", 4, {"m2m:cin": {"con": "same"}}, stem, rqi="2").json["m2m:cin"]["ri"] for _ in range(3)}) == 3


def test_targets_that_answer_plainly(lab, own):
    """200 and 204 without a oneM2M status; paths and queries; a first poa that is dead."""
    stem, path = own
    for status, headers, want in ((204, {}, 2001), (200, {}, 2001), (404, {}, 5204), (500, {}, 5204), (200, {"X-M2M-RSC": "4103"}, 5204),
                                  (403, {"X-M2M-RSC": "4101"}, 4101)):
        with Receiver(lambda got: (status, headers, b"")) as r:
            assert lab.create(path + "/c", 23, {"m2m:sub": {"nu": [r.url + "/a/b?c=d"]}}, stem).rsc == want, (status, headers)
            assert r.got[0].path == "/a/b?c=d"
    stem, path = lab.ae()
    with Receiver() as r:
        lab.put(path, {"m2m:ae": {"poa": ["http://127.0.0.1:9", r.url + "/here"]}}, stem)
        lab.create(path, 3, {"m2m:cnt": {"rn": "told"}}, stem)
        assert lab.create(path + "/told", 23, {"m2m:sub": {"nu": [stem], "enc": {"net": [3]}}}, stem).rsc == 2001
        lab.create(path + "/told", 4, {"m2m:cin": {"con": "x"}}, stem)
        end = time.monotonic() + 30
        while not r.got and time.monotonic() < end:
            time.sleep(0.02)
        assert r.got[0].path == "/here" and r.got[0].sgn["nev"]["rep"]["m2m:cin"]["con"] == "x"


# --- missing data [TS-0004 7.4.38, 7.5.1.2.9] ---------------------------------------------------------------


def test_points_that_are_missing(lab):
    """The one that makes the number full is told, and each that follows in the window; points keep their fractions."""
    stem, path = lab.ae()
    with Receiver() as r:
        assert lab.create(path, 29, {"m2m:ts": {"rn": "t", "pei": 300, "mdd": True, "mdt": 50, "mdn": 20}}, stem).rsc == 2001
        sub = {"nu": [r.url], "enc": {"net": [8], "md": {"num": 2, "dur": "PT60S"}}}
        assert lab.create(path + "/t", 23, {"m2m:sub": sub}, stem).json["m2m:sub"]["nct"] == 5
        now = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        assert lab.create(path + "/t", 30, {"m2m:tsi": {"dgt": now, "con": "1"}}, stem).rsc == 2001
        told = lambda: [g.sgn["nev"]["rep"]["m2m:tsn"] for g in r.got if "nev" in g.sgn]
        end = time.monotonic() + 30
        while len(told()) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        assert lab.put(path + "/t", {"m2m:ts": {"mdd": False}}, stem).rsc == 2004
        seen = told()
        assert [t["mdc"] for t in seen[:4]] == [2, 3, 4, 5]
        for before, after in zip(seen, seen[1:4]):
            assert after["mdlt"][:-1] == before["mdlt"] and len(set(after["mdlt"])) == after["mdc"]
        listed = lab.get(path + "/t", stem).json["m2m:ts"]
        assert listed["mdlt"] == sorted(set(listed["mdlt"])) and listed["mdlt"][:2] == seen[0]["mdlt"] and listed["mdlt"][0] == now + ",300"
