"""What is common to all resources, read anew from the texts and asked of the lab listener:
serialisations, forms of requests, answers to what is wrong. doc/decision/042-conformance.md lists the
clauses, 079 what came of them."""
import csv, xml.etree.ElementTree as ET

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
