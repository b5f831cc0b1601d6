"""The HTTP binding and the parameters of a request as an independent suite asks for them, over the lab
listener [TS-0009 6; TS-0004 7.2, 7.3.2, 7.4.12; TS-0001 8.1, 8.2.2]."""
import http.client, http.server, itertools, json, threading, time

import pytest
from lab import AE, Lab
from node import Node

RES = "application/vnd.onem2m-res+json"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        yield Lab(node)


@pytest.fixture(scope="module")
def own(lab):
    stem, path = lab.ae()
    lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem)
    return stem, path


def send(lab, method, path, headers, body=None):
    return lab.send(method, path, headers, body)


def head(stem, **more):
    h = {"X-M2M-Origin": stem, "X-M2M-RI": f"h{next(numbers)}", "X-M2M-RVI": "3"}
    h.update({k.replace("_", "-"): v for k, v in more.items()})
    return {k: v for k, v in h.items() if v is not None}


# --- header fields [6.4] -----------------------------------------------------------------------


def test_mandatory_fields(lab, own):
    stem, path = own
    assert send(lab, "GET", path, head(stem, X_M2M_RI=None)).rsc == 4000
    a = send(lab, "GET", path, head(None))
    assert a.rsc == 4000 and a.headers["X-M2M-RI"] and a.headers["X-M2M-RVI"] == "3"
    assert send(lab, "GET", path, {}).rsc == 4000
    a = send(lab, "GET", path, head(stem, X_M2M_RVI=None, X_M2M_RI="only"))
    assert a.rsc == 2000 and a.headers["X-M2M-RI"] == "only" and a.headers["X-M2M-RVI"] is None
    assert send(lab, "GET", path, head(stem, X_M2M_RVI="")).rsc == 4000
    a = send(lab, "GET", path, {"x-m2m-origin": stem, "x-m2m-ri": "lower", "x-m2m-rvi": "3"})  # names have no case
    assert a.rsc == 2000 and a.headers["X-M2M-RI"] == "lower"


@pytest.mark.parametrize("rvi", ["1", "2", "2a", "3", "4", "5"])
def test_releases(lab, own, rvi):
    a = send(lab, "GET", own[1], head(own[0], X_M2M_RVI=rvi))
    assert (a.rsc, a.headers["X-M2M-RVI"]) == (2000, rvi)


@pytest.mark.parametrize("rvi", ["0", "6", "3.0", "2b", "v3", "03"])
def test_releases_that_are_not_spoken(lab, own, rvi):
    a = send(lab, "GET", own[1], head(own[0], X_M2M_RVI=rvi))
    assert (a.http, a.rsc) == (501, 4001) and a.headers["X-M2M-RI"]


@pytest.mark.parametrize("field,value,want", [
    ("X-M2M-OT", "bad", 4000), ("X-M2M-RET", "20300101T000000", 2000), ("X-M2M-RET", "5000", 2000),
    ("X-M2M-RET", "20200101T000000", 4008), ("X-M2M-RET", "bad", 4000), ("X-M2M-RET", "-5", 4000), ("X-M2M-RET", "PT5S", 4000),
    ("X-M2M-RST", "20300101T000000", 2000), ("X-M2M-RST", "5000", 2000), ("X-M2M-RST", "20200101T000000", 4008),
    ("X-M2M-OET", "20200101T000000", 2000), ("X-M2M-OET", "bad", 4000), ("X-M2M-EC", "1", 2000), ("X-M2M-EC", "4", 2000),
    ("X-M2M-EC", "100", 2000), ("X-M2M-EC", "999", 2000), ("X-M2M-EC", "0", 4000), ("X-M2M-EC", "latest", 4000),
    ("X-M2M-EC", "1000", 4000), ("X-M2M-VSI", "what the maker likes", 2000), ("X-M2M-GID", "g1", 2000),
    ("X-M2M-Later", "1", 2000), ("X-Other", "1", 2000), ("Range", "bytes=0-1", 2000), ("If-None-Match", "*", 2000),
    ("If-Match", "*", 2000), ("If-Match", '"v1"', 4000), ("If-Match", '"v1", W/"v2"', 4000),
    ("X-M2M-RSC", "2000", 4000), ("X-M2M-CTS", "1", 4000),  # they belong to an answer
    ("Authorization", "YQ.YQ.YQ", 5001), ("X-M2M-AS", "YQ", 5001)])
def test_optional_fields(lab, own, field, value, want):
    """7.2.1.1, 7.3.2.1 (1) (8); unknown fields are ignored [6.4.0]."""
    a = send(lab, "GET", own[1] + "/c", {**head(own[0]), field: value})
    assert a.rsc == want and a.headers["X-M2M-RI"], a


def test_a_change_that_must_match(lab, own):
    """TS-0009 6.4.6, RFC 9110 13.1.1: without entity tags none matches, and nothing is changed by mistake."""
    path = own[1] + "/c"
    before = lab.get(path, own[0]).json
    for method in ("PUT", "DELETE"):
        h = {**head(own[0], If_Match='"v1"'), **({"Content-Type": RES} if method == "PUT" else {})}
        a = send(lab, method, path, h, '{"m2m:cnt":{"mni":3}}' if method == "PUT" else None)
        assert (a.http, a.rsc) == (412, 4000), a
    assert lab.get(path, own[0]).json == before


def test_result_expiration_is_said_again(lab, own):
    """TS-0001 8.1.3."""
    a = send(lab, "GET", own[1], head(own[0], X_M2M_RST="20300101T000000"))
    assert a.headers["X-M2M-RST"] == "20300101T000000"
    assert send(lab, "GET", own[1] + "/none", head(own[0], X_M2M_RST="20300101T000000")).headers["X-M2M-RST"] == "20300101T000000"
    soon = send(lab, "GET", own[1], head(own[0], X_M2M_RST="60000")).headers["X-M2M-RST"]
    assert "20200101T000000" < soon < "20300101T000000" and len(soon) == 15
    assert send(lab, "GET", own[1], head(own[0])).headers["X-M2M-RST"] is None


def test_times_together(lab, own):
    both = lambda ret, rst: send(lab, "GET", own[1], head(own[0], X_M2M_RET=ret, X_M2M_RST=rst)).rsc
    assert both("5000", "10000") == 2000 and both("10000", "5000") == 4000
    assert both("20300101T000000", "20310101T000000") == 2000 and both("20310101T000000", "20300101T000000") == 4000


@pytest.mark.parametrize("query,want", [
    ("rt=3", 2000), ("rt=0", 4000), ("rt=6", 4000), ("rt=x", 4000), ("rp=PT1H", 2000), ("rp=20300101T000000", 2000),
    ("rp=x", 4000), ("da=true", 2000), ("da=false", 2000), ("da=x", 4000), ("drt=1", 2000), ("drt=2", 2000), ("drt=3", 4000),
    ("rids=r@a.example", 2000), ("tids=t@a.example", 5001), ("ltids=a", 5001), ("tqi=true", 5001), ("asi=true", 5001),
    ("auri=true", 5001), ("sqi=true", 5001), ("rcn=1&rcn=1", 4000), ("rcn=", 4000), ("rcn", 4000), ("=1", 4000), ("%", 4000)])
def test_query(lab, own, query, want):
    """6.2.2.2: short names; what is not built is said to be so."""
    a = send(lab, "GET", f"{own[1]}?{query}", head(own[0]))
    assert a.rsc == want, a


# --- formats [6.4.2, 6.4.3; TS-0004 6.7] --------------------------------------------------------


@pytest.mark.parametrize("accept,want", [
    (None, "application/json"), ("*/*", "application/json"), ("application/*", "application/json"), ("application/json", "application/json"),
    (RES, RES), ("application/xml", "application/xml"), ("application/vnd.onem2m-res+xml", "application/vnd.onem2m-res+xml"),
    ("application/cbor", "application/cbor"), ("application/vnd.onem2m-res+cbor", "application/vnd.onem2m-res+cbor"),
    ("text/html, */*;q=0.1", "application/json"), ("application/json;q=0.5, application/xml", "application/xml"),
    ("APPLICATION/JSON", "application/json"), ("application/json; charset=utf-8", "application/json"),
    ("text/html", 5207), ("application/yaml", 5207), ("application/json;q=0", 5207)])
def test_accept(lab, own, accept, want):
    a = send(lab, "GET", own[1], head(own[0], Accept=accept))
    if isinstance(want, str):
        assert (a.rsc, a.headers["Content-Type"]) == (2000, want)
    else:
        assert (a.http, a.rsc) == (406, want)


@pytest.mark.parametrize("media,want", [
    ("application/json;ty=3", 2001), ("application/json; ty=3", 2001), (RES + ";ty=3", 2001), (RES + "; ty=3", 2001),
    ("application/json;charset=UTF-8;ty=3", 2001), ("application/json;ty=3;charset=utf-8", 2001), ('application/json;ty="3"', 2001),
    ("application/json", 4000), ("application/json;ty=", 4000), ("application/json;ty=x", 4000), ("application/json;ty=-3", 4000),
    ("application/json;ty=3;ty=4", 4000), ("application/json;ty=99", 4000), ("application/json;ty=4", 4108), ("application/json;ty=0", 4000),
    ("application/json;ty=5", 4005), ("application/json;ty=17", 4005), ("application/json;ty=38", 5001), ("application/json;ty=45", 5001),
    ("application/vnd.onem2m-ntfy+json", 4000), ("application/vnd.onem2m-ntfy+json;ty=3", 4000), ("application/xml;ty=3", 4000),
    ("text/plain;ty=3", 4015), ("text/xml;ty=3", 4015), ("application/x-www-form-urlencoded", 4015),
    ("application/json;charset=iso-8859-1;ty=3", 4015), (None, 4015)])
def test_content_type(lab, own, media, want):
    a = send(lab, "POST", own[1], head(own[0], Content_Type=media), '{"m2m:cnt":{}}')
    assert a.rsc == want, a
    if want == 2001:
        assert a.headers["Content-Type"] == media.split(";")[0]


@pytest.mark.parametrize("body", [
    "", "{", "[]", "5", '"x"', "null", "{}", '{"m2m:cnt":5}', '{"m2m:cnt":[]}', '{"m2m:cnt":null}', '{"cnt":{}}', '{"m2m:CNT":{}}',
    '{"m2m:cnt":{},"m2m:ae":{}}', '{"m2m:cnt":{"lbl":["a"],"lbl":["b"]}}', '{"m2m:cnt":{"mni":NaN}}', '{"m2m:cnt":{}} x',
    '{"m2m:cnt":{"mni":01}}', "{'m2m:cnt':{}}", '{"m2m:cnt":{"lbl":["\\ud800"]}}', b'{"m2m:cnt":{"lbl":["\xff"]}}', b"\xef\xbb\xbf{}"])
def test_content_that_is_wrong(lab, own, body):
    a = send(lab, "POST", own[1], head(own[0], Content_Type="application/json;ty=3"), body)
    assert (a.http, a.rsc) == (400, 4000), a


def test_answers(lab, own):
    """6.3.2, 6.4.4, 6.5: the code in both forms, where it was made, an empty body without a type."""
    stem, path = own
    made = send(lab, "POST", path, head(stem, Content_Type=RES + ";ty=3"), '{"m2m:cnt":{"rn":"answers"}}')
    ri = made.json["m2m:cnt"]["ri"]
    assert (made.http, made.rsc, made.headers["Content-Location"]) == (201, 2001, "/" + ri)
    for rcn, where in ((2, path + "/k2"), (3, path + "/k3"), (0, None)):
        a = send(lab, "POST", f"{path}?rcn={rcn}", head(stem, Content_Type=RES + ";ty=3"), '{"m2m:cnt":{"rn":"k%d"}}' % rcn)
        assert (a.rsc, a.headers["Content-Location"]) == (2001, where)
    a = send(lab, "PUT", path + "/answers", head(stem, Content_Type=RES), '{"m2m:cnt":{"mni":1}}')
    assert (a.http, a.rsc, a.headers["Content-Location"], a.json["m2m:cnt"]["mni"]) == (200, 2004, None, 1)
    a = send(lab, "DELETE", path + "/answers", head(stem))
    assert (a.http, a.rsc, a.body, a.headers["Content-Type"], a.headers["Content-Length"]) == (200, 2002, b"", None, "0")
    a = send(lab, "GET", path + "/answers", head(stem))
    assert (a.http, a.rsc) == (404, 4004)
    for a in (a, made):
        assert a.headers["X-M2M-RI"] and a.headers["X-M2M-RVI"] == "3"


@pytest.mark.parametrize("method,want", [("HEAD", (405, 4005)), ("OPTIONS", (405, 4005)), ("PATCH", (405, 4005)), ("TRACE", (405, 4005)),
                                         ("CONNECT", (405, 4005)), ("get", (501, 5001)), ("FOO", (501, 5001))])
def test_other_methods(lab, own, method, want):
    """6.2.1 maps four: what is no operation is refused, with the four named where it is a method of HTTP."""
    a = send(lab, method, own[1], head(own[0]))
    assert (a.http, a.rsc) == want and bool(a.headers["Allow"]) == (want[0] == 405)
    assert a.headers["X-M2M-RVI"] == head(own[0])["X-M2M-RVI"]  # as in every answer [TS-0004 table 7.2.1.2-1]
    assert send(lab, "GET", own[1], head(own[0])).rsc == 2000


def test_absolute_form(lab, own):
    """RFC 9112 3.2.2: as a client writes it that thinks of a proxy; the host of it is as good as Host."""
    lab = Lab(lab.node, version=1)
    for host in (f"127.0.0.1:{lab.node.lab_port}", "other.example", "[::1]:80"):
        a = send(lab, "GET", f"http://{host}{own[1]}?rcn=1", head(own[0]))
        assert a.rsc == 2000 and a.json["m2m:ae"]["aei"] == own[0], a
    for wrong in ("http://name@other.example", "http://", "ftp://other.example", "other.example"):
        assert send(lab, "GET", wrong + own[1], head(own[0])).rsc == 4000, wrong


def test_content_where_none_belongs(lab, own):
    """7.2.1.1: a Delete has none, a Retrieve only a list of attributes."""
    for method in ("GET", "DELETE"):
        a = send(lab, method, own[1] + "/c", head(own[0], Content_Type="application/json"), '{"m2m:cnt":{}}')
        assert a.rsc == 4000
        assert send(lab, "GET", own[1] + "/c", head(own[0], Content_Type="application/json")).rsc == 2000


def test_a_notification_is_a_post_without_type(lab, own):
    """6.2.1: the content tells."""
    for body, want in (('{"m2m:sgn":{"vrq":true,"sur":"x"}}', None), ('{"m2m:other":{}}', 4000)):
        a = send(lab, "POST", own[1], head(own[0], Content_Type="application/vnd.onem2m-ntfy+json"), body)
        assert a.rsc == want if want else a.rsc in (2000, 5103), a


def test_one_identifier_twice(lab, own):
    """TS-0001 7.1.7: once answered, a Request Identifier may be used again."""
    for _ in range(2):
        assert send(lab, "GET", own[1], head(own[0], X_M2M_RI="same")).rsc == 2000


# --- requests that are answered later [TS-0004 7.3.2.2-5, 7.4.12; TS-0001 8.2.2] ------------------


def later(lab, own, query, method="GET", path=None, body=None, **more):
    h = head(own[0], **more)
    if body is not None:
        h["Content-Type"] = "application/json" + (";ty=3" if method == "POST" else "")
    return send(lab, method, (path or own[1]) + query, h, body and json.dumps(body)), h["X-M2M-RI"]


def done(lab, own, a, status=1):
    for _ in range(100):
        req = lab.get("/" + a.json["m2m:uri"], own[0]).json["m2m:req"]
        if req["rs"] != 3:
            break
        time.sleep(0.02)
    assert req["rs"] == status, req
    return req


def test_synchronous(lab, own):
    stem, path = own
    a, rqi = later(lab, own, "?rt=1")
    assert (a.http, a.rsc) == (202, 1001) and list(a.json) == ["m2m:uri"]
    req = done(lab, own, a)
    assert (req["op"], req["tg"], req["org"], req["rid"], req["ty"]) == (2, path[1:], stem, rqi, 17)
    assert req["mi"]["rt"] == {"rtv": 1} and req["pi"] == "in-cse" and req["lbl"] == [stem]
    assert a.json["m2m:uri"] in [u.split("/")[-1] for u in lab.get(f"/cse-in?fu=1&lbl={stem}&ty=17", stem).json["m2m:uril"]]
    assert (req["ors"]["rsc"], req["ors"]["rqi"], req["ors"]["pc"]["m2m:ae"]["ri"]) == (2000, rqi, stem)
    req = done(lab, own, later(lab, own, "?rt=1&rcn=9", "POST", None, {"m2m:cnt": {"rn": "later"}})[0])
    assert req["ors"]["rsc"] == 2001 and req["pc"] == {"m2m:cnt": {"rn": "later"}} and req["mi"]["rcn"] == 9
    assert done(lab, own, later(lab, own, "?rt=1", "PUT", path + "/later", {"m2m:cnt": {"mni": 1}})[0])["ors"]["rsc"] == 2004
    assert done(lab, own, later(lab, own, "?rt=1&fu=1&ty=3", "GET")[0])["ors"]["pc"]["m2m:uril"]
    assert done(lab, own, later(lab, own, "?rt=1", "DELETE", path + "/later")[0])["ors"]["rsc"] == 2002
    assert done(lab, own, later(lab, own, "?rt=1", "GET", path + "/none")[0], 2)["ors"]["rsc"] == 4004
    for wrong in ("?rt=1&rcn=2", "?rt=1&fu=0"):
        a, _ = later(lab, own, wrong)
        assert a.rsc == 4000 or done(lab, own, a, 2)["ors"]["rsc"] == 4000


def test_a_request_resource(lab, own):
    """7.4.12.2: made by the CSE alone, the originator's alone, answered at once, and taken back by deleting it."""
    other, _ = lab.ae()
    a, _ = later(lab, own, "?rt=1")
    path = "/" + a.json["m2m:uri"]
    done(lab, own, a)
    assert lab.create("/cse-in", 17, {"m2m:req": {}}).rsc == 4005
    for method in ("GET", "PUT", "DELETE"):
        body = {"m2m:req": {"lbl": ["x"]}} if method == "PUT" else None
        for rt in (1, 2):
            assert later(lab, own, f"?rt={rt}", method, path, body)[0].rsc == 4000, (method, rt)
    assert later(lab, own, "?rt=4", "GET", path)[0].rsc == 2000
    assert lab.get(path, other).rsc == lab.delete(path, other).rsc == 4103
    assert lab.put(path, {"m2m:req": {"lbl": ["x"]}}, own[0]).rsc == 4005  # its table has nothing to change
    assert lab.delete(path, own[0]).rsc == 2002
    a, _ = later(lab, own, "?rt=1", "DELETE", own[1] + "/c", X_M2M_OET="20300101T000000")
    path = "/" + a.json["m2m:uri"]
    req = lab.get(path, own[0]).json["m2m:req"]
    assert req["rs"] == 3 and req["ors"] == {"rsc": 1000, "rqi": req["rid"]}  # table 7.3.2.2-2
    assert lab.delete(path, own[0]).rsc == 2002 and lab.get(own[1] + "/c", own[0]).rsc == 2000


def test_execution_time(lab, own):
    """7.3.3.5-8: not before its time."""
    a, _ = later(lab, own, "?rt=1", X_M2M_OET="700")
    assert a.rsc == 1001 and lab.get("/" + a.json["m2m:uri"], own[0]).json["m2m:req"]["rs"] == 3
    assert done(lab, own, a)["ors"]["rsc"] == 2000
    assert later(lab, own, "?rt=1", X_M2M_OET="20200101T000000")[0].rsc == 1001


class Told(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["m2m:rsp"]["rqi"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_told_to_nobody(lab):
    """TS-0001 8.1.2: without targets the originator is told, with an empty list nobody is."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        server.told = []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        ae = {"m2m:ae": {**AE, "rr": True, "poa": [f"http://127.0.0.1:{server.server_port}"]}}
        stem = lab.create("/cse-in", 2, ae, "C").json["m2m:ae"]["ri"]
        own = stem, "/" + stem
        a, _ = later(lab, own, "?rt=2", X_M2M_RTU="")
        assert (a.http, a.rsc) == (202, 1002) and done(lab, own, a)["mi"]["rt"] == {"nu": [], "rtv": 2}
        _, rqi = later(lab, own, "?rt=2")
        for _ in range(200):
            if server.told:
                break
            time.sleep(0.02)
        server.shutdown()
    assert server.told == [rqi]


def test_other_response_types(lab, own):
    a, _ = later(lab, own, "?rt=2")
    assert (a.http, a.rsc) == (202, 1002) and a.json["m2m:uri"]
    a, _ = later(lab, own, "?rt=4")
    assert (a.http, a.rsc) == (200, 2000) and a.json["m2m:ae"]
    a, _ = later(lab, own, "?rt=5")
    assert (a.http, a.rsc, a.body) == (202, 1000, b"")
    a, _ = later(lab, own, "?rt=5", "GET", own[1] + "/none")
    assert a.rsc == 4004
    assert lab.create("/cse-in?rt=1", 2, {"m2m:ae": AE}, "C").rsc == 4000  # who would ask for the result?


def test_persistence(lab, own):
    until = lambda query, **more: done(lab, own, later(lab, own, "?rt=1" + query, **more)[0])["et"]
    assert until("&rp=PT1M") < until("&rp=PT10M") < until("") < until("&rp=P2D")
    assert until("&rp=20300101T000000") < "20270101T000000"  # seven days at most
    assert until("&rp=PT10M", X_M2M_RST="60000") < until("&rp=PT5M")
