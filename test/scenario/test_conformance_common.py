"""What is common to all resources, read anew from the texts and asked of the lab listener:
serialisations, forms of requests, answers to what is wrong. doc/decision/042-conformance.md lists the
clauses, 079 what came of them."""
import csv, http.client, json, socket, time, xml.etree.ElementTree as ET

import pytest
from lab import AE, Lab
from node import TOP, Node

BASE, M2M = "/cse-in", "http://www.onem2m.org/xml/protocols"
TABLE = TOP / "test/vectors/onem2m/resource_attributes.tsv"


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory") as node:
        yield Lab(node)


@pytest.fixture(scope="module")
def own(lab):
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c"}}, stem).rsc == 2001
    return stem, path


# --- XML [TS-0004 8.3, 6.3.6, 7.5.2] ----------------------------------------------------------------------


def xml(lab, method, path, who, body=None, ty=None, accept="application/xml"):
    """The answer, its body as a tree where there is one."""
    more = {"Content_Type": "application/xml" + (f";ty={ty}" if ty else "")} if body else {}
    a = lab.ask(method, path, body, None, who, Accept=accept, **more)
    a.tree = ET.fromstring(a.body) if a.body[:1] == b"<" else None
    return a


def doc(name, inside="", more=""):
    return f'<m2m:{name} xmlns:m2m="{M2M}"{more}>{inside}</m2m:{name}>'


def test_order_of_elements(lab, own):
    """6.3.6, 8.3.1: what all resources have first, then the type's own in the order of its table, children last."""
    stem, path = own
    with open(TABLE) as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    common = "ty ri pi ct lt lbl acpi et daci at aa lnk st cr".split()
    made = {
        "container": (3, {"m2m:cnt": {"rn": "order", "lbl": ["a"], "cr": None, "mni": 5, "mbs": 100, "mia": 60, "at": [], "aa": ["mni"], "disr": False}}),
        "AE": (2, {"m2m:ae": {**AE, "rn": "order-ae", "apn": "n", "poa": ["http://127.0.0.1:9"], "lbl": ["x"], "csz": ["json"]}}),
        "accessControlPolicy": (1, {"m2m:acp": {"rn": "order-p", "pv": {"acr": []}, "pvs": {"acr": [{"acor": ["all"], "acop": 63}]}, "lbl": ["l"]}}),
        "subscription": (23, {"m2m:sub": {"rn": "order-s", "nu": [stem], "cr": None, "exc": 3, "enc": {"net": [1]}, "ln": True, "nct": 1}}),
        "group": (9, {"m2m:grp": {"rn": "order-g", "mid": [], "mnm": 3, "gn": "g", "cr": None, "mt": 3}}),
        "timeSeries": (29, {"m2m:ts": {"rn": "order-t", "pei": 1000, "mni": 3, "lbl": ["q"], "cr": None}}),
    }
    for resource, (ty, body) in made.items():
        where, who = (BASE, "Corder") if ty == 2 else (path, stem)
        assert lab.create(where, ty, body, who).rsc == 2001, resource
        [rn] = [b["rn"] for b in body.values()]
        names = [e.tag for e in xml(lab, "GET", f"{where}/{rn}", who).tree]
        order = common + [r["short"] for r in rows if r["resource"] == resource and r["short"] not in common]
        assert len(names) > 6 and names == [n for n in order if n in names], (resource, names)
    lab.create(path + "/order", 4, {"m2m:cin": {"con": "x"}}, stem)
    for rcn, last in ((4, f"{{{M2M}}}cin"), (5, "ch")):
        names = [e.tag for e in xml(lab, "GET", f"{path}/order?rcn={rcn}", stem).tree]
        assert names[0] == "ty" and names[-1] == last and names.count(last) == 1


def test_null_is_an_empty_element(lab, own):
    """8.3.1: of every kind; what deletes an attribute, and the creator that is asked for."""
    stem, path = own
    a = xml(lab, "POST", path, stem, doc("cnt", "<cr/><lbl>a b</lbl><mni>3</mni><mbs>9</mbs>", ' rn="null"'), 3)
    assert a.rsc == 2001 and a.tree.findtext("cr") == stem and a.tree.get("rn") == "null"
    for gone, left in (("<lbl/>", {"mni", "mbs"}), ("<mni></mni>", {"mbs"}), ("<mbs/>", set())):
        assert xml(lab, "PUT", path + "/null", stem, doc("cnt", gone)).rsc == 2004
        assert {e.tag for e in xml(lab, "GET", path + "/null", stem).tree} & {"lbl", "mni", "mbs"} == left, gone
    lab.put(path + "/null", {"m2m:cnt": {"lbl": ["x"]}}, stem)
    lab.create(path + "/null", 23, {"m2m:sub": {"rn": "s", "nu": [stem], "rl": {"mnn": 3, "tww": "PT1S"}, "gpi": "g"}}, stem)
    a = xml(lab, "PUT", path + "/null/s", stem, doc("sub", "<rl/><gpi/>"))
    assert a.rsc == 2004 and a.tree.find("rl") is None and a.tree.find("gpi") is None
    a = xml(lab, "PUT", path + "/null/s", stem, doc("sub", "<nu/>"))  # its multiplicity is 1
    assert (a.http, a.rsc) == (400, 4000)
    # content may be empty, and so may rules be; text may not be where it must not
    assert xml(lab, "POST", path + "/null", stem, doc("cin", "<con/>"), 4).rsc == 2001
    rules = f"<pv/><pvs><acr><acor>{stem}</acor><acop>63</acop></acr></pvs>"
    assert xml(lab, "POST", path, stem, doc("acp", rules), 1).rsc == 2001
    assert xml(lab, "POST", path, stem, doc("cnt", "<or/>"), 3).rsc == xml(lab, "POST", path, stem, doc("cnt", "", ' rn=""'), 3).rsc == 4000


def test_forms_of_documents(lab, own):
    """Lists whole or an item an element; a default namespace; any prefix, CDATA, comments, hints of a schema."""
    stem, path = own
    make = lambda body, ty=3, where="": xml(lab, "POST", path + where, stem, body, ty, "application/json")
    one = make(doc("sub", f"<enc><net>3</net><net>4</net></enc><nu>{stem}</nu>"), 23, "/c")
    two = make(doc("sub", f"<nu>{stem}</nu><enc><net>3 4</net></enc>"), 23, "/c")
    assert one.json["m2m:sub"]["enc"] == two.json["m2m:sub"]["enc"] == {"net": [3, 4]}
    for body in (f'<cnt xmlns="{M2M}"><mni>3</mni></cnt>', f'<x:cnt xmlns:x="{M2M}"><mni>3</mni></x:cnt>',
                 f'<?xml version="1.0" encoding="UTF-8"?>\n<m2m:cnt xmlns:m2m="{M2M}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
                 f' xsi:schemaLocation="{M2M} CDT-container.xsd"><!-- n --><mni> 3\n</mni></m2m:cnt>', "\ufeff" + doc("cnt", "<mni><![CDATA[3]]></mni>")):
        a = make(body.encode())
        assert a.rsc == 2001 and a.json["m2m:cnt"]["mni"] == 3, body
    for wrong in (doc("cnt", "<mni>3</mni><mni>4</mni>"), doc("cnt", "<maxNrOfInstances>3</maxNrOfInstances>"), doc("container", ""), doc("ae"),
                  "<m2m:cnt><mni>3</mni></m2m:cnt>", doc("cnt", "<mni>three</mni>"), doc("cnt", "<mni/>"), doc("cnt", "x"), doc("cnt", "<?p?>")):
        assert make(wrong).rsc == 4000, wrong


def test_answers_in_xml(lab, own):
    """7.5.2: the address of what was created is an attribute; no references are no elements; errors are documents, too."""
    stem, path = own
    a = xml(lab, "POST", path + "?rcn=3", stem, doc("cnt", "", ' rn="wrapped"'), 3)
    assert a.tree.tag == f"{{{M2M}}}rce" and a.tree.attrib == {"uri": path[1:] + "/wrapped"} and [e.tag for e in a.tree] == [f"{{{M2M}}}cnt"]
    a = xml(lab, "GET", path + "/wrapped?rcn=6", stem)
    assert a.tree.tag == f"{{{M2M}}}rrl" and not len(a.tree) and not a.tree.attrib
    a = xml(lab, "GET", path + "?fu=1&lbl=nowhere", stem)
    assert a.tree.tag == f"{{{M2M}}}uril" and not (a.tree.text or "").split()
    a = xml(lab, "GET", path + "?rcn=0", stem)
    assert (a.http, a.rsc, a.tree.tag) == (400, 4000, f"{{{M2M}}}dbg") and a.tree.text
    a = xml(lab, "PUT", path + "/wrapped?rcn=9", stem, doc("cnt", "<mni/><lbl>x</lbl>"))
    assert a.rsc == 2004 and {e.tag for e in a.tree} == {"lt", "st"}


def test_a_request_resource_in_xml(lab, own):
    """7.4.12, 6.3.5.4, 6.3.5.32: what was asked and what came of it are elements, as everything else."""
    stem, path = own
    more = "&rp=PT5M&rcn=1"
    a = xml(lab, "POST", path + "?rt=1" + more, stem, doc("cnt", "<lbl>a b</lbl>", ' rn="later"'), 3)
    assert (a.http, a.rsc, a.tree.tag) == (202, 1001, f"{{{M2M}}}uri")
    for _ in range(100):
        req = xml(lab, "GET", "/" + a.tree.text, stem).tree
        if req.findtext("rs") != "3":
            break
        time.sleep(0.02)
    assert b"xsi:" not in ET.tostring(req) and req.findtext("rs") == "1" and req.findtext("org") == stem
    assert (req.findtext("mi/ty"), req.findtext("mi/rt/rtv"), req.findtext("mi/rp"), req.findtext("mi/rcn")) == ("3", "1", "PT5M", "1")
    made = req.find(f"ors/pc/{{{M2M}}}cnt")
    assert req.findtext("ors/rsc") == "2001" and made.get("rn") == "later" and made.findtext("lbl") == "a b"
    assert req.find(f"pc/{{{M2M}}}cnt").get("rn") == "later" and req.findtext("ors/rqi") == req.findtext("rid")
    a = xml(lab, "GET", path + "?rt=1&fu=1&ty=3+4&chty=4&lbl=a", stem)
    assert b"xsi:" not in xml(lab, "GET", "/" + a.tree.text, stem).body
    base = xml(lab, "GET", BASE, stem)
    assert b"xsi:" not in base.body and base.tree.find("pi").text is None  # nothing is above it


# --- requests and answers over HTTP [TS-0009 6] -----------------------------------------------------------


def octets(lab, head, body=b""):
    """An answer to octets as they are: status line, fields by lower case, content."""
    with socket.create_connection(("127.0.0.1", lab.node.lab_port), 10) as s:
        s.sendall((head.replace("\n", "\r\n") + "\r\n\r\n").encode() + body)
        r = http.client.HTTPResponse(s)
        line = s.recv(64, socket.MSG_PEEK).split(b"\r\n")[0]
        r.begin()
        return line, {k.lower(): v for k, v in r.headers.items()}, r.read()


def test_no_reason_phrase(lab, own):
    """TS-0009 6.3.3, RFC 9112 4: omitted, the blank before it stays."""
    stem, path = own
    for method, target, want in (("GET", path, 200), ("GET", path + "/none", 404), ("GET", path + "?rcn=0", 400), ("PATCH", path, 405)):
        line, fields, _ = octets(lab, f"{method} {target} HTTP/1.1\nHost: a\nX-M2M-Origin: {stem}\nX-M2M-RI: r\nX-M2M-RVI: 3")
        assert line == b"HTTP/1.1 %d " % want and fields["x-m2m-rsc"]


@pytest.mark.parametrize("head,want", [
    ("PATCH {} HTTP/1.1\nHost: a\n", 405), ("FOO {} HTTP/1.1\nHost: a\n", 501), ("GET {} HTTP/1.0\nHost: a\n", 505), ("GET {} HTTP/1.1\n", 400),
    ("GET {} HTTP/1.1\nHost: a\nX-M2M-RVI: 3\nX-M2M-RVI: 3\n", 400), ("GET {} HTTP/1.1\nHost: a\nAccept: a;q=7\n", 400),
    ("GET {}| HTTP/1.1\nHost: a\n", 400), ("POST {} HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n", 411), ("GET {}/ HTTP/1.1\nHost: a\n", 400),
    ("GET {} HTTP/1.1\nHost: a\nX-M2M-OT: x\n", 400), ("GET {}?rt=9 HTTP/1.1\nHost: a\n", 400), ("POST {} HTTP/1.1\nHost: a\nContent-Length: 99999999\n", 413)])
def test_an_error_names_its_request(lab, own, head, want):
    """TS-0004 7.2.1.2: Request Identifier is mandatory in a response, wherever its field stands."""
    stem, path = own
    first, _, rest = head.partition("\n")
    for more in ("X-M2M-RI: the-one\n" + rest, rest + "x-m2m-ri:  the-one \n"):
        line, fields, body = octets(lab, f"{first.format(path)}\n{more}X-M2M-Origin: {stem}")
        assert line == b"HTTP/1.1 %d " % want and fields["x-m2m-ri"] == "the-one", (line, fields)
        assert json.loads(body)["m2m:dbg"]
    two = octets(lab, f"{first.format(path)}\nX-M2M-RI: a\n{rest}X-M2M-RI: b\nX-M2M-Origin: {stem}")
    assert two[0].startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) and two[1].get("x-m2m-ri") in (None, "a")  # never the second


def test_errors_in_the_form_that_was_asked(lab, own):
    """TS-0004 7.3.3.13: the serialisation of the request, for what the binding refuses, too."""
    stem, path = own
    for serial, content in (("json", b"{"), ("cbor", b"\xff"), ("xml", b"<a")):
        for media in (f"application/{serial}", f"application/vnd.onem2m-res+{serial}"):
            for accept in (media, None):
                a = lab.ask("POST", path, content, None, stem, Content_Type=media + ";ty=3", Accept=accept)
                assert (a.rsc, a.headers["Content-Type"]) == (4000, media) and a.json["m2m:dbg"] == "the content is malformed", (media, a)


JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def test_what_libraries_send(lab, own):
    """Accept as the client of Java has it, an empty one; encoded joins between numbers and names; targets without a type."""
    stem, path = own
    get = lambda target, **h: lab.ask("GET", target, None, None, stem, **h)
    for accept in (JAVA, "", ",", "*", "*;q=0.1, text/html"):
        a = get(path, Accept=accept)
        assert (a.rsc, a.headers["Content-Type"]) == (2000, "application/json"), accept
    assert get(path, Accept="application/xml;q=.3, application/json;q=.2").headers["Content-Type"] == "application/xml"
    for wrong in ("application/json;q=2", "application/json;q=.2.3", "application/json;q=", "**", "json"):
        assert get(path, Accept=wrong).rsc == 4000, wrong
    lab.create(path, 3, {"m2m:cnt": {"rn": "lib", "lbl": ["px+qx", "color:red"]}}, stem)
    lab.create(path + "/lib", 4, {"m2m:cin": {"con": "x", "rn": "i"}}, stem)
    found = lambda query: sorted(get(f"{path}/lib?fu=1&{query}").json["m2m:uril"])
    both = found("ty=3+4")
    assert both == [path[1:] + "/lib/i"] and all(found(f"ty=3{join}4") == both for join in ("%2B", "%2b", "%20", "&ty="))
    part = lambda query: get(f"{path}/lib?atrl={query}").json["m2m:cnt"].keys()
    assert part("ri+lbl") == part("ri%2Blbl") == part("ri%20lbl") == {"ri", "lbl"}
    # of texts it is a part, and of a query on labels never a word of it
    assert get(path + "?fu=1&lbl=px%2Bqx").json["m2m:uril"] == [path[1:] + "/lib"] and get(path + "?fu=1&lbl=px+qx").json["m2m:uril"] == []
    for wrong in ("lbq=NT+color", "lbq=color+EQ+red", "lbq=color+IN+(red)", "ty=3%2B", "ty=3%2C4", "ty=3,4"):
        assert get(f"{path}?fu=1&{wrong}").rsc == 4000, wrong
    assert get(path + "?fu=1&lbq=color%20EQ%20red").json["m2m:uril"] == [path[1:] + "/lib"]
    assert get(path, X_M2M_RTU="http://127.0.0.1:9/").rsc == 2000  # blocking, as without
    for several, want in ((f"{stem} & http://127.0.0.1:9/x?y=z", [stem, "http://127.0.0.1:9/x?y=z"]), ("a b", 4000), ("a&&b", 4000), ("a&", 4000)):
        a = get(path + "?rt=2", X_M2M_RTU=several)
        if want == 4000:
            assert a.rsc == 4000, several
        else:
            assert a.rsc == 1002 and get("/" + a.json["m2m:uri"]).json["m2m:req"]["mi"]["rt"]["nu"] == want
    for nothing in ("tqi=false", "asi=0", "auri=false", "sqi=false&tqi=false"):  # asks for nothing that is not built
        assert get(f"{path}?{nothing}").rsc == 2000 and get(f"{path}?{nothing.replace('false', 'true').replace('0', '1')}").rsc == 5001


@pytest.mark.parametrize("target,fields,name", [
    ("", {"X_M2M_OT": "5000"}, "ot"), ("", {"X_M2M_RET": "x"}, "rqet"), ("?rt=9", {}, "rt"), ("?rcn=77777", {}, "rcn"), ("?drt=3", {}, "drt"),
    ("", {"X_M2M_EC": "7"}, "ec"), ("?rp=x", {}, "rp")])
def test_a_refusal_names_the_parameter(lab, own, target, fields, name):
    a = lab.ask("GET", own[1] + target, None, None, own[0], **fields)
    assert a.rsc == 4000 and a.json["m2m:dbg"] == "a parameter has no value of its type: " + name, a


def test_a_change_that_has_no_form(lab, own):
    """What was done is not said to be refused when the answer cannot show it; what is only read is."""
    stem, path = own
    a = lab.create(path, 3, {"m2m:cnt": {"rn": "blank", "lbl": ["two words"]}}, stem, Accept="application/xml")
    assert (a.http, a.rsc, a.body, a.headers["Content-Type"]) == (201, 2001, b"", None)
    assert lab.put(path + "/blank", {"m2m:cnt": {"mni": 3}}, stem, Accept="application/xml").rsc == 2004
    a = lab.get(path + "/blank", stem, Accept="application/xml")
    assert (a.http, a.rsc) == (406, 5207) and lab.get(path + "/blank", stem, Accept="application/json").json["m2m:cnt"]["mni"] == 3
    assert lab.delete(path + "/blank?rcn=1", stem, Accept="application/xml").rsc == 2002


# --- Group Request Identifier [TS-0004 7.3.3.2; TS-0001 8.1.2] ---------------------------------------------


def test_a_group_request_twice(lab, own):
    """Another request of the same group to the same target is refused; the same one sent again is not."""
    stem, path = own
    other, _ = lab.ae()
    lab.create(path, 3, {"m2m:cnt": {"rn": "gid"}}, stem)
    ask = lambda who=stem, where="/gid", gid="g-1", **kw: lab.create(path + where, 4, {"m2m:cin": {"con": "x"}}, who, X_M2M_GID=gid, **kw)
    assert ask(other).rsc == 4103  # who may do nothing takes no identifier from anybody
    assert ask(rqi="first").rsc == 2001
    a = ask()
    assert (a.http, a.rsc) == (409, 4104) and ask(rqi="first").rsc == 2001
    assert ask(gid="g-2").rsc == ask(where="/c").rsc == 2001
    for method, want in (("GET", 2000), ("DELETE", 2002)):
        first = lab.ask(method, path + "/gid", None, None, stem, X_M2M_GID="g-" + method)
        assert first.rsc == want
    assert lab.ask("GET", path, None, None, stem, X_M2M_GID="g-x").rsc == 2000 and lab.ask("GET", path, None, None, stem, X_M2M_GID="g-x").rsc == 4104


def test_a_member_of_two_groups(lab, own):
    """Reached through a group and one within it, it is asked once; by what name it stands there makes no difference."""
    stem, path = own
    ri = lab.create(path, 3, {"m2m:cnt": {"rn": "m"}}, stem).json["m2m:cnt"]["ri"]
    lab.create(path, 3, {"m2m:cnt": {"rn": "n"}}, stem)
    group = lambda rn, *mid: lab.create(path, 9, {"m2m:grp": {"rn": rn, "mid": list(mid), "mnm": 9, "mt": 0}}, stem).rsc
    assert group("inner", ri, path[1:] + "/n") == group("outer", path[1:] + "/m", path[1:] + "/inner/fopt") == 2001
    for _ in range(2):  # another request begins anew
        a = lab.create(path + "/outer/fopt", 4, {"m2m:cin": {"con": "x"}}, stem)
        one, [again, two] = a.json["m2m:agr"]["m2m:rsp"][0], a.json["m2m:agr"]["m2m:rsp"][1]["pc"]["m2m:agr"]["m2m:rsp"]
        assert (one["rsc"], again["rsc"], two["rsc"]) == (2001, 4104, 2001)
    assert [lab.get(f"{path}/{c}", stem).json["m2m:cnt"]["cni"] for c in "mn"] == [2, 2]
