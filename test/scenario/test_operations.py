"""Result contents, filter criteria and requests that are not answered at once, over every
door of a laboratory. Each test names the clause it stands for."""
import base64, http.server, json, threading, time, urllib.parse

import pytest
from lab import Lab, until
from node import Node, acr


@pytest.fixture
def lab(lab_door):
    return lab_door


def quote(value):
    return urllib.parse.quote(value, safe="")


def tree(lab):
    """An AE with containers a (b with instances i, j; e) and z (k)."""
    stem, path = lab.ae()
    for at, rn, more in [("", "a", {"lbl": ["color:red"]}), ("/a", "b", {"lbl": ["color:green", "hot"], "mni": 5}),
                         ("/a", "e", {}), ("", "z", {"lbl": ["color"]})]:
        assert lab.create(path + at, 3, {"m2m:cnt": dict(more, rn=rn)}, stem).rsc == 2001
    for at, rn in [("/a/b", "i"), ("/a/b", "j"), ("/z", "k")]:
        assert lab.create(path + at, 4, {"m2m:cin": {"rn": rn, "con": rn}}, stem).rsc == 2001
    return stem, path


def test_filter_criteria(lab):
    """TS-0004 7.3.3.17."""
    stem, path = tree(lab)
    base = path[1:] + "/"

    def found(query):
        a = lab.get(f"{path}?fu=1&{query}", stem)
        assert a.rsc == 2000, (query, a)
        return sorted(u.replace(base, "") for u in a.json["m2m:uril"])

    for query, want in [
            ("chty=4", ["a/b", "z"]), ("pty=2", ["a", "z"]), ("ty=4&palb=hot", ["a/b/i", "a/b/j"]),
            ("clbl=hot", ["a"]), ("c.mni=5", ["a"]), ("p.rn=z", ["z/k"]), ("rn=e&c.rn=x", []),
            ("lbq=" + quote("color NE red"), ["a/b"]), ("lbq=" + quote("color IN (red, green)"), ["a", "a/b"]),
            ("lbq=color+" + quote("NT color") + "&ty=3", ["a", "a/b", "a/e", "z"]),
            ("fo=3&ty=3&pty=2", ["a/b", "a/e"]), ("ty=3&arp=la", ["a/b/j", "z/k"]), ("ty=4&arp=" + quote("../../e"), ["a/e"]),
            ("rcn=11&ty=4", ["a/b/i", "a/b/j", "z/k"]), ("ops=2&ty=4&lim=1", ["a/b/i"]),
            ("gmty=1&gsf=1&geom=" + quote("[1,2]"), [])]:
        assert found(query) == want, query
    rrf = lab.get(f"{path}?fu=1&rcn=6&chty=4", stem).json["m2m:rrl"]["rrf"]
    assert [(r["nm"], r["typ"], r["val"]) for r in rrf] == [("b", 3, base + "a/b"), ("z", 3, base + "z")]
    for wrong in ["rcn=4", "rcn=1", "rcn=8", "lbq=" + quote("a IN b"), "gmty=1", "gmty=9&gsf=1&geom=" + quote("[1,2]"),
                  "geom=x&gmty=1&gsf=1", "arp=" + quote("x/../x"), "fo=4", "c.nonsense=1"]:
        assert lab.get(f"{path}?fu=1&{wrong}", stem).rsc == 4000, wrong
    for absent in ["smf=x", "fu=3"]:
        assert lab.get(f"{path}?{absent if 'fu' in absent else 'fu=1&' + absent}", stem).rsc == 5001, absent


def test_queries_on_content(lab):
    """TS-0004 7.3.3.17.13, TS-0001 J.2: what contentInstances hold, as JSON they say it is, or as it came."""
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    contents = {"text": ("application/json:0", '{"t": 20.5, "place": {"the room": ["a", "b"]}}'),
                "base64": ("application/senml+json:1", base64.b64encode(b'{"t": 30}').decode()),
                "other": ("text/plain:0", '{"t": 20.5}'), "broken": ("application/json:0", '{"t": 20.5')}
    for rn, (cnf, con) in contents.items():
        assert lab.create(path + "/c", 4, {"m2m:cin": {"rn": rn, "cnf": cnf, "con": con}}, stem).rsc == 2001
    found = lambda query, more="": [u.rsplit("/", 1)[1] for u in lab.get(
        f"{path}?fu=1&cfs=1&cfq={quote(query)}{more}", stem).json["m2m:uril"]]
    for query, want in [("$.t EQ 20.5", ["text"]), ("$.t GT 20", ["text", "base64"]), ("$.t LE 20", []),
                        ('$.place."the room"[1] EQ "b"', ["text"]), ('$.place."the room"[0] MATCH "*"', ["text"]),
                        ("$.t EQ 30 OR $.t EQ 20.5", ["text", "base64"]), ("$.t EQ 30 AND $.t EQ 20.5", []),
                        ("$.t NE 30", ["text"]), ("$.none NE 1", [])]:
        assert found(query) == want, query
    assert found("$.t EQ 30", "&fo=2&ty=3") == ["c", "base64"]
    # as a condition on a target: whoever may change it and not read it does not learn it so
    assert lab.get(f"{path}/c/text?cfs=1&cfq={quote('$.t EQ 1')}", stem).rsc == 4004
    assert lab.get(f"{path}/c/text?cfs=1&cfq={quote('$.t EQ 20.5')}", stem).rsc == 2000
    other, _ = lab.ae()
    acp = {"m2m:acp": {"rn": "p", "pvs": {"acr": [acr([stem], 63)]}, "pv": {"acr": [acr([stem], 63), acr([other], 8)]}}}
    assert lab.create(path, 1, acp, stem).rsc == 2001
    assert lab.put(path + "/c", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    for value in ("20.5", "1"):
        assert lab.delete(f"{path}/c/text?cfs=1&cfq={quote('$.t EQ ' + value)}", other).rsc == 4103
    assert lab.delete(path + "/c/text?ty=4", other).rsc == 2002


def test_conditions_on_every_operation(lab):
    """TS-0004 7.3.3.1: a target that does not match does not exist."""
    stem, path = tree(lab)
    assert lab.get(path + "/a?chty=3", stem).rsc == 2000
    assert lab.get(path + "/a?chty=4", stem).rsc == 4004
    assert lab.put(path + "/a?lbl=none", {"m2m:cnt": {"mni": 1}}, stem).rsc == 4004
    assert lab.put(path + "/a?lbl=color:red", {"m2m:cnt": {"mni": 1}}, stem).rsc == 2004
    assert lab.delete(path + "/a?ty=4", stem).rsc == 4004
    assert lab.delete(path + "/a?ty=3&rcn=6", stem).json["m2m:rrl"]["rrf"][0]["nm"] == "b"
    assert lab.get(path + "/a", stem).rsc == 4004
    assert lab.create(path + "?ty=3", 3, {"m2m:cnt": {}}, stem).rsc == 4000


def test_discovery_shows_only_what_may_be_discovered(lab):
    """TS-0003 7.1.3; by way of children and parents too."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    own = {"acr": [acr([stem], 63)]}
    acp = {"m2m:acp": {"rn": "p", "pvs": own, "pv": {"acr": own["acr"] + [acr([other], 32)]}}}
    assert lab.create(path, 1, acp, stem).rsc == 2001
    assert lab.get(path + "/a?fu=1", other).rsc == 4103
    assert lab.put(path + "/a", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    assert lab.get(path + "/a", other).rsc == 4103
    assert lab.get(path + "/a?fu=1", other).json["m2m:uril"] == []
    assert lab.put(path + "/a/b", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    listed = lambda q: [u.rsplit("/", 1)[1] for u in lab.get(f"{path}/a?fu=1&{q}", other).json["m2m:uril"]]
    assert listed("ty=3") == ["b"] and listed("chty=4") == ["b"] and listed("lbl=hot") == ["b"]
    # values that only a reader may know, of its own and of its children, and a right it has not
    for hidden in ["con=i", "c.con=i", "mni=5", "ops=2", "p.mni=5", "gmty=1&gsf=1&geom=" + quote("[1,2]")]:
        assert listed(hidden) == [], hidden
    assert lab.put(path + "/p", {"m2m:acp": {"pv": {"acr": own["acr"] + [acr([other], 34)]}}}, stem).rsc == 2004
    assert listed("c.con=i") == ["b"] and listed("ops=2&ty=3") == ["b"] and listed("ops=4") == []


def wait_for(lab, address, stem, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        a = lab.get("/" + address, stem)
        if a.rsc != 2000 or a.json["m2m:req"]["rs"] != 3:
            return a
        time.sleep(0.02)
    raise AssertionError("still pending")


def test_non_blocking_synchronous(lab):
    """TS-0001 8.2.2, TS-0004 7.3.2.2: acknowledged at once, the result in a request resource."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    a = lab.get(path + "/a/b/la?rt=1", stem, rqi="nb1")
    assert (a.http, a.rsc) == (202, 1001) and list(a.json) == ["m2m:uri"]
    address = a.json["m2m:uri"]
    req = wait_for(lab, address, stem).json["m2m:req"]
    assert (req["rs"], req["rid"], req["org"], req["op"], req["tg"]) == (1, "nb1", stem, 2, path[1:] + "/a/b/la")
    assert req["ors"]["rsc"] == 2000 and req["ors"]["pc"]["m2m:cin"]["con"] == "j" and req["mi"]["rt"] == {"rtv": 1}
    assert lab.get("/" + address, other).rsc == 4103
    assert lab.put("/" + address, {"m2m:req": {"rs": 2}}, stem).rsc == 4005
    assert lab.create("/cse-in", 17, {"m2m:req": {}}).rsc == 4005
    assert lab.delete("/" + address, stem).rsc == 2002 and lab.get("/" + address, stem).rsc == 4004
    # a change, and one that is refused
    a = lab.create(path + "?rt=1", 3, {"m2m:cnt": {"rn": "a"}}, stem)
    req = wait_for(lab, a.json["m2m:uri"], stem).json["m2m:req"]
    assert (a.rsc, req["rs"], req["ors"]["rsc"]) == (1001, 2, 4105) and "pc" in req
    a = lab.get(path + "?rt=1", other)
    assert wait_for(lab, a.json["m2m:uri"], other).json["m2m:req"]["ors"]["rsc"] == 4103
    # a registration is answered at once
    assert lab.create("/cse-in?rt=1", 2, {"m2m:ae": {"api": "Nx", "rr": True, "srv": ["3"]}}, "C").rsc == 4000


def test_operation_execution_time_and_result_persistence(lab):
    """TS-0001 8.1.2."""
    stem, path = tree(lab)
    a = lab.delete(path + "/z?rt=1&rp=1000", stem, X_M2M_OET="700")
    assert a.rsc == 1001 and lab.get(path + "/z", stem).rsc == 2000
    assert wait_for(lab, a.json["m2m:uri"], stem).json["m2m:req"]["ors"]["rsc"] == 2002
    assert lab.get(path + "/z", stem).rsc == 4004
    assert until(lambda: lab.get("/" + a.json["m2m:uri"], stem).rsc == 4004)
    a = lab.get(path + "?rt=4", stem, X_M2M_OET="100", X_M2M_RET="50")
    assert a.rsc == 1001
    time.sleep(0.2)
    assert wait_for(lab, a.json["m2m:uri"], stem).json["m2m:req"]["ors"]["rsc"] == 4008
    for harmless in [{"X_M2M_EC": "2"}, {"X_M2M_RST": "60000"}, {"X_M2M_OET": "20200101T000000"}]:
        assert lab.get(path + "?da=true&rp=PT5M", stem, **harmless).rsc == 2000, harmless
    for wrong, rsc in [({"X_M2M_EC": "7"}, 4000), ({"X_M2M_RST": "20200101T000000"}, 4008),
                       ({"X_M2M_RST": "1000", "X_M2M_RET": "2000"}, 4000)]:
        assert lab.get(path, stem, **wrong).rsc == rsc, wrong
    assert lab.get(path + "?rt=6", stem).rsc == 4000 and lab.get(path + "?rp=soon", stem).rsc == 4000
    assert (lab.get(path + "?rt=5", stem).rsc, lab.get(path + "?rt=5", stem).body) == (1000, b"")


def test_a_blocking_request_waits_for_its_time(lab):
    """TS-0001 8.1.2: done at its Operation Execution Time, not before, under the rights of that moment."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    own = {"acr": [acr([stem], 63)]}
    acp = {"m2m:acp": {"rn": "p", "pvs": own, "pv": {"acr": own["acr"] + [acr([other], 2)]}}}
    assert lab.create(path, 1, acp, stem).rsc == 2001
    assert lab.put(path + "/z", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    answers = {}

    def ask(name, *how, **more):
        at = time.monotonic()
        answers[name] = how[0](*how[1:], X_M2M_OET="900", **more), time.monotonic() - at

    asked = [threading.Thread(target=ask, args=a, kwargs=k) for a, k in [
        (("made", lab.create, path, 3, {"m2m:cnt": {"rn": "soon"}}, stem), {}),
        (("read", lab.get, path + "/z", other), {}), (("quiet", lab.get, path + "/z?rt=5", stem), {}),
        (("absent", lab.get, path + "/none", stem), {}), (("no right", lab.get, path + "/a", other), {})]]
    for t in asked:
        t.start()
    time.sleep(0.3)
    assert lab.get(path + "/soon", stem).rsc == 4004
    assert lab.put(path + "/p", {"m2m:acp": {"pv": own}}, stem).rsc == 2004  # withdrawn meanwhile
    for t in asked:
        t.join()
    assert {n: a.rsc for n, (a, _) in answers.items()} == {"made": 2001, "read": 4103, "quiet": 1000, "absent": 4004, "no right": 4103}
    # who may do nothing now does not wait
    assert all((took > 0.8) == (n in ("made", "read", "quiet")) for n, (_, took) in answers.items()), answers
    assert lab.get(path + "/soon", stem).rsc == 2000
    # never: it would be too late, or nobody waits so long
    assert lab.get(path, stem, X_M2M_OET="900", X_M2M_RET="500").rsc == 4008
    assert lab.get(path, stem, X_M2M_OET="900", X_M2M_RST="500").rsc == 4008
    assert lab.get(path, stem, X_M2M_OET="20300101T000000").rsc == 5001
    assert lab.get(path, stem, X_M2M_OET="3600000").rsc == 5001


def test_who_waits_too_much(lab_nodes):
    """64 requests of one originator may wait; another is told so, and others' wait none the less."""
    lab = Lab(lab_nodes("memory"))
    (stem, path), (other, _) = lab.ae(), lab.ae()
    codes = []
    ask = lambda who: codes.append((who, lab.get("/cse-in", who, X_M2M_OET="2500").rsc))
    crowd = [threading.Thread(target=ask, args=(stem,)) for _ in range(70)]
    for t in crowd:
        t.start()
    end = time.time() + 30
    while time.time() < end and len(codes) < 6:
        time.sleep(0.02)
    late = threading.Thread(target=ask, args=(other,))
    late.start()
    for t in [*crowd, late]:
        t.join()
    assert sorted(c for who, c in codes if who == stem) == [2000] * 64 + [5207] * 6
    assert [c for who, c in codes if who == other] == [2000]


def test_permissions(lab):
    """TS-0004 6.3.4.2.7: rcn 12, what the originator itself may do, of whom it may be read."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    own = {"acr": [acr([stem], 63)]}
    acp = {"m2m:acp": {"rn": "p", "pvs": own, "pv": {"acr": own["acr"] + [acr([other], 2), acr([other], 32), acr([other], 4)]}}}
    assert lab.create(path, 1, acp, stem).rsc == 2001
    assert lab.put(path + "/a", {"m2m:cnt": {"acpi": [path[1:] + "/p"]}}, stem).rsc == 2004
    said = lambda a: a.json["m2m:tkps"]["pm"]
    for origin, rights in ((stem, 63), (other, 38)):
        assert said(lab.get(path + "/a?rcn=12", origin)) == [
            {"ris": [path[1:] + "/a"], "pv": {"acr": [{"acor": [origin], "acop": rights}]}}]
    ri = lab.get(path + "/a", stem).json["m2m:cnt"]["ri"]
    assert said(lab.get(path + "/a?rcn=12&drt=2", other))[0]["ris"] == [ri]
    assert lab.get(path + "/z?rcn=12", other).rsc == 4103
    assert lab.get(path + "/a?rcn=12&fu=1", stem).rsc == 4000
    assert lab.put(path + "/a?rcn=12", {"m2m:cnt": {"mni": 1}}, stem).rsc == lab.delete(path + "/a?rcn=12", stem).rsc == 4000
    assert lab.create(path + "/a?rcn=12", 3, {"m2m:cnt": {}}, stem).rsc == 4000
    assert lab.get(path + "/a?rcn=10", stem).rsc == 5001  # of SPARQL alone


def test_announced_attributes_are_names_of_the_type(lab):
    """TS-0001 9.6.1.3.2: what is announced of this type, on request (OA) or always (MA)."""
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "aa": ["mni", "lbl"], "mni": 2}}, stem).rsc == 2001
    for wrong in ("nonsense", "acp", "rn", "aa", "con", "api"):
        assert lab.create(path, 3, {"m2m:cnt": {"aa": ["mni", wrong]}}, stem).rsc == 4000, wrong
        assert lab.put(path + "/c", {"m2m:cnt": {"aa": [wrong]}}, stem).rsc == 4000, wrong
    assert lab.put(path, {"m2m:ae": {"aa": ["api", "poa"]}}, stem).rsc == 2004
    assert lab.get(path + "/c", stem).json["m2m:cnt"]["aa"] == ["mni", "lbl"]


class Told(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.headers, json.loads(body)))
        self.send_response(200)
        self.send_header("X-M2M-RSC", "2000")
        self.send_header("X-M2M-RI", self.headers["X-M2M-RI"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_non_blocking_asynchronous(lab):
    """TS-0001 8.2.2, TS-0004 7.5.1.2.5: the result is sent to the notification target."""
    stem, path = tree(lab)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        server.told = []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        a = lab.get(path + "/a/b/la?rt=2", stem, rqi="as1", X_M2M_RTU=f"http://127.0.0.1:{server.server_port}/told")
        assert (a.http, a.rsc) == (202, 1002)
        end = time.time() + 30
        while not server.told and time.time() < end:
            time.sleep(0.05)
        server.shutdown()
    (headers, body), = server.told
    assert body["m2m:rsp"]["rqi"] == "as1" and body["m2m:rsp"]["rsc"] == 2000
    assert body["m2m:rsp"]["pc"]["m2m:cin"]["con"] == "j" and headers["X-M2M-Origin"] == "/in-cse"
    assert wait_for(lab, a.json["m2m:uri"], stem).json["m2m:req"]["rs"] == 1


def test_what_was_acknowledged_survives_a_restart():
    with Node(lab=True, options="store.engine = sqlite") as n:
        lab = Lab(n)
        stem, path = lab.ae()
        a = lab.create(path + "?rt=1", 3, {"m2m:cnt": {"rn": "later"}}, stem, X_M2M_OET="2500")
        assert a.rsc == 1001
        assert n.stop() == 0
        n.start()
        assert wait_for(lab, a.json["m2m:uri"], stem, 10).json["m2m:req"]["ors"]["rsc"] == 2001
        assert lab.get(path + "/later", stem).rsc == 2000


def test_the_original_of_an_announced_resource(lab):
    """TS-0001 8.1.2: rcn 7. The announcement and its original are judged one by one."""
    stem, path = tree(lab)
    other, _ = lab.ae()
    own = {"acr": [acr([stem, "CAdmin"], 63)]}
    acp = lab.create(path, 1, {"m2m:acp": {"rn": "p", "pvs": own, "pv": {"acr": own["acr"] + [acr([other], 2)]}}}, stem)
    acp = "cse-in/ae-" + stem + "/p"

    def announce(link):
        a = lab.create("/cse-in", 10003, {"m2m:cntA": {"lnk": link, "acpi": [acp]}})
        assert a.rsc == 2001, a
        return "/" + a.json["m2m:cntA"]["ri"]

    at = announce("/in-cse" + path + "/a")
    assert lab.get(at, other).json["m2m:cntA"]["lnk"] == "/in-cse" + path + "/a"
    assert lab.get(at + "?rcn=7").json["m2m:cnt"]["rn"] == "a"
    assert lab.get(at + "?rcn=7", other).rsc == 4103  # the announcement, but not the original
    assert lab.put(path + "/a", {"m2m:cnt": {"acpi": [acp]}}, stem).rsc == 2004
    assert lab.get(at + "?rcn=7", other).json["m2m:cnt"]["lbl"] == ["color:red"]
    third, _ = lab.ae()
    assert lab.get(at + "?rcn=7", third).rsc == 4103
    assert lab.get(announce("/in-cse" + path + "/none") + "?rcn=7").rsc == 4004
    assert lab.get(announce("/other-cse/x") + "?rcn=7").rsc == 4004
    assert lab.get(path + "?rcn=7", stem).rsc == 4000
    assert lab.delete(at + "?rcn=7").rsc == 4000


def test_addressing(lab):
    """TS-0001 7.2, TS-0004 6.8, TS-0009 6.2.2: every form leads to the same; what another reader
    could read otherwise is refused."""
    stem, path = tree(lab)
    ri = lab.get(path + "/a/b", stem).json["m2m:cnt"]["ri"]
    relative = [path[1:] + "/a/b", "-" + path[7:] + "/a/b", ri, stem + "/a/b"]
    forms = ["/" + r for r in relative] + ["/~/in-cse/" + r for r in relative] + ["/_/demo.example/in-cse/" + r for r in relative]
    for form in forms + [path + "/a/%62"]:
        assert lab.get(form, stem).json["m2m:cnt"]["ri"] == ri, form
        assert lab.get(form + "/la", stem).json["m2m:cin"]["rn"] == "j", form
        assert lab.get(form + "/ol?atrl=rn", stem).json == {"m2m:cin": {"rn": "i"}}, form
        assert lab.get(form + "%23mni", stem).json == {"m2m:cnt": {"mni": 5}}, form
    b = path + "/a/b"
    for nowhere in [path + "/A/b", b + "/la/x", path + "/a/%2562", "/~/IN-CSE/" + ri, "/" + ri + "0", "/~/in-cse/none/" + ri]:
        assert lab.get(nowhere, stem).rsc == 4004, nowhere
    for odd in [path + "/a%2fb", path + "/./a", path + "/%2e%2e/a", b + "%00", b + "%0a", "/~", "/_/", b + "/", "/" + b, b + "%2"]:
        assert lab.get(odd, stem).rsc == 4000, odd
    for whole in [lab.put(b + "%23mni", {"m2m:cnt": {"mni": 1}}, stem), lab.delete(b + "%23mni", stem),
                  lab.get(b + "%23nonsense", stem), lab.get(b + "%23mni?rcn=4", stem), lab.get(b + "?atrl=nonsense", stem)]:
        assert whole.rsc == 4000, whole
    for virtual in [lab.put(b + "/la", {"m2m:cin": {}}, stem), lab.get(b + "/la?fu=1", stem),
                    lab.create(b + "/ol", 4, {"m2m:cin": {"con": "x"}}, stem)]:
        assert virtual.rsc == 4005, virtual
    lab.create(path, 9, {"m2m:grp": {"rn": "g", "mnm": 2, "mid": [path[1:] + "/a", path[1:] + "/z"]}}, stem)
    a = lab.get(path + "/g/fopt/b/la?rt=1", stem)
    ors = wait_for(lab, a.json["m2m:uri"], stem).json["m2m:req"]["ors"]
    assert [r["rsc"] for r in ors["pc"]["m2m:agr"]["m2m:rsp"]] == [2000, 4004]
