"""The types over the lab listener, in JSON, CBOR and XML: what goes in by one serialisation comes
out by each other as the same value. XML is written and read by python3's own parser."""
import json
import xml.etree.ElementTree as ET

import pytest

from labnode import Lab
from node import decode, encode

M2M = "http://www.onem2m.org/xml/protocols"
COD = M2M + "/commondomain"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ORIGIN = "Ctypes"
AE = {"m2m:ae": {"rn": "types", "api": "Ntypes", "rr": False, "srv": ["3"]}}


@pytest.fixture(scope="module")
def lab():
    n = Lab("--cse-name", "cse-in", "--admin", "CAdmin")
    assert raw(n, "POST", "/cse-in", "json", json.dumps(AE), 2)[0] == 2001
    yield n
    assert n.stop() == 0


def raw(lab, method, path, serial, body=None, ty=None, accept=None):
    import http.client
    h = {"X-M2M-Origin": ORIGIN, "X-M2M-RI": "r1", "X-M2M-RVI": "4", "Accept": "application/" + (accept or serial)}
    if body is not None:
        h["Content-Type"] = "application/" + serial + (f";ty={ty}" if ty else "")
    c = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
    c.request(method, path, body, h)
    a = c.getresponse()
    return int(a.headers["X-M2M-RSC"]), a.read(), a.headers.get("Content-Type", "")


def in_json(lab, path):
    rsc, body, _ = raw(lab, "GET", path, "json")
    assert rsc == 2000, body
    return json.loads(body)


def in_cbor(lab, path):
    rsc, body, media = raw(lab, "GET", path, "cbor")
    assert rsc == 2000 and "cbor" in media
    return decode(media, body)


def in_xml(lab, path):
    rsc, body, media = raw(lab, "GET", path, "xml")
    assert rsc == 2000 and "xml" in media, body
    return ET.fromstring(body)


def xml(member, text, prefix="m2m", space=M2M, attributes=""):
    return f'<{prefix}:{member} xmlns:{prefix}="{space}" {attributes}>{text}</{prefix}:{member}>'


def test_containers_by_each_serialisation(lab):
    cnt = {"rn": "cj", "mni": 5, "lbl": ["a", "b"], "disr": False}
    assert raw(lab, "POST", "/cse-in/types", "json", json.dumps({"m2m:cnt": cnt}), 3)[0] == 2001
    assert raw(lab, "POST", "/cse-in/types", "cbor", encode("cbor", {"m2m:cnt": {**cnt, "rn": "cc"}}), 3)[0] == 2001
    assert raw(lab, "POST", "/cse-in/types", "xml",
               xml("cnt", "<mni>5</mni><lbl>a b</lbl><disr>false</disr>", attributes='rn="cx"'), 3)[0] == 2001
    for name in ("cj", "cc", "cx"):
        path = "/cse-in/types/" + name
        j, c, x = in_json(lab, path), in_cbor(lab, path), in_xml(lab, path)
        assert j == c
        for k in ("mni", "lbl", "disr"):
            assert j["m2m:cnt"][k] == cnt[k]
        assert x.tag == f"{{{M2M}}}cnt" and x.get("rn") == name
        assert x.findtext("mni") == "5" and x.findtext("lbl") == "a b" and x.findtext("disr") == "false"
        assert x.findtext("ri") == j["m2m:cnt"]["ri"]


@pytest.mark.parametrize("con", ["text", "", " <&> \n", 5, -2.5, True, {"a": [1, None]}, []])
def test_content_is_the_same_in_all(lab, con):
    path = "/cse-in/types/cj"
    assert raw(lab, "POST", path, "json", json.dumps({"m2m:cin": {"con": con}}), 4)[0] == 2001
    document = raw(lab, "GET", path + "/la", "xml")[1]
    # what XML said goes in again as it came out
    x = ET.fromstring(document)
    inner = ET.tostring(x.find("con"), encoding="unicode")
    assert raw(lab, "POST", path, "xml", xml("cin", inner), 4)[0] == 2001
    assert in_json(lab, path + "/la")["m2m:cin"]["con"] == con
    assert in_cbor(lab, path + "/la")["m2m:cin"]["con"] == con


def test_a_policy_in_xml(lab):
    rule = ("<acr><acor>Ctypes Cother</acor><acop>63</acop><acco><actw>* * 8-20 * * * *</actw>"
            "<acip><ipv4>127.0.0.1 10.0.0.1</ipv4></acip></acco></acr>")
    rsc, body, _ = raw(lab, "POST", "/cse-in/types", "xml",
                       xml("acp", f"<pv>{rule}{rule}</pv><pvs><acr><acor>Ctypes</acor><acop>63</acop></acr></pvs>",
                           attributes='rn="pol"'), 1)
    assert rsc == 2001, body
    pv = in_json(lab, "/cse-in/types/pol")["m2m:acp"]["pv"]
    assert pv["acr"][1] == {"acor": ["Ctypes", "Cother"], "acop": 63, "acco": [
        {"actw": ["* * 8-20 * * * *"], "acip": {"ipv4": ["127.0.0.1", "10.0.0.1"]}}]}
    assert len(in_xml(lab, "/cse-in/types/pol").findall("pv/acr")) == 2


def test_null_deletes_in_xml(lab):
    rsc, body, _ = raw(lab, "PUT", "/cse-in/types/cx", "xml",
                       xml("cnt", '<lbl xsi:nil="true"/><mni>7</mni>', attributes=f'xmlns:xsi="{XSI}"'))
    assert rsc == 2004, body
    cnt = in_json(lab, "/cse-in/types/cx")["m2m:cnt"]
    assert "lbl" not in cnt and cnt["mni"] == 7


@pytest.mark.parametrize("serial", ["json", "xml"])
def test_devices(lab, serial):
    base, cnd = "/cse-in/types", "org.onem2m.common.moduleclass."
    if serial == "json":
        device = json.dumps({"cod:devTr": {"rn": "dj", "cnd": "org.onem2m.common.device.deviceThermometer"}})
        module = json.dumps({"cod:tempe": {"rn": "t", "cnd": cnd + "temperature", "curT0": 21.5, "fcied": True}})
        wrong = json.dumps({"cod:tempe": {"cnd": cnd + "temperature", "curT0": "hot"}})
        change = json.dumps({"cod:tempe": {"curT0": 22.5}})
    else:
        tree = lambda m, text, rn="": xml(m, text, "cod", COD, rn)
        device = tree("devTr", "<cnd>org.onem2m.common.device.deviceThermometer</cnd>", 'rn="dx"')
        module = tree("tempe", f"<cnd>{cnd}temperature</cnd><curT0>21.5</curT0><fcied>true</fcied>", 'rn="t"')
        wrong = tree("tempe", f"<cnd>{cnd}temperature</cnd><curT0>hot</curT0>")
        change = tree("tempe", "<curT0>22.5</curT0>")
    path = base + ("/dj" if serial == "json" else "/dx")
    assert raw(lab, "POST", base, serial, device, 28)[0] == 2001
    assert raw(lab, "POST", path, serial, module, 28)[0] == 2001
    assert raw(lab, "POST", path, serial, wrong, 28)[0] == 4000
    assert raw(lab, "PUT", path + "/t", serial, change)[0] == 2004
    assert in_json(lab, path + "/t")["cod:tempe"]["curT0"] == 22.5
    assert in_json(lab, path + "/t/ol")["cod:tempe"]["curT0"] == 21.5
    x = in_xml(lab, path + "/t")
    assert x.tag == f"{{{COD}}}tempe" and x.findtext("curT0") == "22.5"
    # a parent shows its children under their names
    assert in_json(lab, path + "?rcn=4")["cod:devTr"]["cod:tempe"][0]["rn"] == "t"
    assert raw(lab, "POST", base, "json", json.dumps({"x:y": {"cnd": "org.example.unknown"}}), 28)[0] == 4125


def test_management_is_honest(lab):
    assert raw(lab, "POST", "/cse-in", "json", json.dumps({"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["all"], "acop": 63}]},
               "pvs": {"acr": [{"acor": [ORIGIN], "acop": 63}]}}}), 1)[0] == 2001

    def admin(method, path, body=None, ty=None):
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
        c.request(method, path, json.dumps(body) if body else None,
                  {"X-M2M-Origin": "CAdmin", "X-M2M-RI": "r", "X-M2M-RVI": "4",
                   **({"Content-Type": "application/json" + (f";ty={ty}" if ty else "")} if body else {})})
        a = c.getresponse()
        return int(a.headers["X-M2M-RSC"]), json.loads(a.read() or b"null")

    assert admin("POST", "/cse-in", {"m2m:nod": {"rn": "n", "ni": "urn:dev:1", "acpi": ["open"]}}, 14)[0] in (2001, 4000)
    if admin("GET", "/cse-in/n")[0] != 2000:
        assert admin("POST", "/cse-in", {"m2m:nod": {"rn": "n", "ni": "urn:dev:1"}}, 14)[0] == 2001
    assert admin("POST", "/cse-in/n", {"m2m:fwr": {"rn": "f", "mgd": 1001, "vr": "1", "fwn": "x", "url": "https://x.example/f", "ud": False}}, 13)[0] == 2001
    assert admin("PUT", "/cse-in/n/f", {"m2m:fwr": {"ud": True}})[0] == 5001
    rsc, f = admin("GET", "/cse-in/n/f")
    assert f["m2m:fwr"]["ud"] is False and "uds" not in f["m2m:fwr"]
    assert admin("POST", "/cse-in/n", {"m2m:autp": {"rn": "a", "mgd": 1022, "suid": 10, "skv": "c2VjcmV0"}}, 13)[0] == 2001
    assert "skv" not in admin("GET", "/cse-in/n/a")[1]["m2m:autp"]


def test_a_series_with_gaps(lab):
    import datetime, time
    base = "/cse-in/types"
    ts = {"rn": "series", "mdd": True, "pei": 1000, "peid": 200, "mdt": 300, "mdn": 5}
    assert raw(lab, "POST", base, "json", json.dumps({"m2m:ts": ts}), 29)[0] == 2001
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S")
    assert raw(lab, "POST", base + "/series", "xml", xml("tsi", f"<dgt>{now}</dgt><con>1</con>"), 30)[0] == 2001
    assert raw(lab, "POST", base + "/series", "json", json.dumps({"m2m:tsi": {"dgt": now, "con": "2"}}), 30)[0] == 4105
    for _ in range(80):
        series = in_json(lab, base + "/series")["m2m:ts"]
        if series["mdc"] > 0:
            break
        time.sleep(0.1)
    assert series["mdc"] > 0 and len(series["mdlt"]) == series["mdc"], series


@pytest.mark.parametrize("document", [
    '<!DOCTYPE a [<!ENTITY x "y">]><m2m:cnt xmlns:m2m="%s"><lbl>&x;</lbl></m2m:cnt>' % M2M,
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "<a>" * 5000, "<m2m:cnt/>", "",
    '<m2m:cnt xmlns:m2m="%s"><mni>1</mni><mni>2</mni></m2m:cnt>' % M2M])
def test_xml_that_is_refused(lab, document):
    assert raw(lab, "POST", "/cse-in/types", "xml", document, 3)[0] in (4000, 4102)


def test_what_xml_has_no_form_for(lab):
    assert raw(lab, "POST", "/cse-in/types", "json", json.dumps({"m2m:cnt": {"rn": "blank", "lbl": ["two words"]}}), 3)[0] == 2001
    assert raw(lab, "GET", "/cse-in/types/blank", "xml")[0] == 5207
    assert raw(lab, "GET", "/cse-in/types/blank", "json")[0] == 2000


def test_the_base_lists_what_is_built(lab):
    rsc, body, _ = raw(lab, "GET", "/cse-in", "json")
    cb = json.loads(body)["m2m:cb"]
    assert {1, 2, 3, 4, 5, 13, 14, 28, 29, 30, 10002, 10028} <= set(cb["srt"]) and {6, 50, 51, 65, 66, 10065} <= set(cb["srt"]) and not {45, 60, 62} & set(cb["srt"])
    assert "application/xml" in cb["csz"]
    for ty, member in ((60, "m2m:tsb"), (62, "m2m:prpr"), (45, "m2m:lmg")):
        assert raw(lab, "POST", "/cse-in/types", "json", json.dumps({member: {}}), ty)[0] in (5001, 4108)
    rsc, body, _ = raw(lab, "POST", "/cse-in/types", "json", json.dumps({"m2m:tsb": {"bcnu": ["http://127.0.0.1/"]}}), 60)
    assert rsc == 5001 and b"vouches" in body, body


def test_places_that_nobody_watches(lab):
    """A locationPolicy asks no network: what would be asked of one is 5001, and the status says who writes the places."""
    made = lambda **more: lab.create("/cse-in", "CAdmin", 10, {"m2m:lcp": {"los": 2, **more}})
    for more in ({"gec": 1}, {"gta": {"x": 1}}, {"rlkl": True}, {"luec": 0}, {"los": 1}):
        rsc, body = made(**more)
        assert rsc == 5001, (more, body)
    rsc, body = made(lon="places")
    assert rsc == 2001 and "who measures writes" in body["m2m:lcp"]["lost"]
    assert lab.ask("DELETE", "/cse-in/" + body["m2m:lcp"]["rn"], "CAdmin")[0] == 2002


def test_inspect_tells_long_names(tmp_path):
    import subprocess
    from node import BUILD
    text = {"m2m:cnt": {"rn": "c", "mni": 5}}
    for name, octets in (("a.json", json.dumps(text).encode()), ("a.cbor", encode("cbor", text)),
                         ("a.xml", xml("cnt", "<mni>5</mni>", attributes='rn="c"').encode())):
        (tmp_path / name).write_bytes(octets)
        out = subprocess.run([BUILD / "holdfast", "-o", "json", "inspect", tmp_path / name], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        assert json.loads(out.stdout) == {"container (m2m:cnt)": {"resourceName (rn)": "c", "maxNrOfInstances (mni)": 5}}
    (tmp_path / "b.json").write_text('{"m2m:none": {}}')
    assert subprocess.run([BUILD / "holdfast", "inspect", tmp_path / "b.json"], capture_output=True).returncode == 1


def test_definitions_of_ones_own(tmp_path):
    from node import Node
    (tmp_path / "own.rows").write_text("definition org.example.pump\nname pump\nmember ex:pump\n"
                                       "attribute flow flowRate float M O OA\nattribute state pumpState enum O O OA 3\n")
    (tmp_path / "bad.rows").write_text("definition org.example.bad\nname bad\nmember ex:bad\nattribute x y none M O OA\n")
    n = Node(options=f"node.definitions = {tmp_path}")
    try:
        e = n.enrol("d1", "Cd1", "device", False)
        assert e.register().rsc == 2001
        pump = {"cnd": "org.example.pump", "flow": 1.5, "state": 2}
        assert e.create("/cse-in/ae-Cd1", 28, {"ex:pump": dict(pump, rn="p")}).rsc == 2001
        assert e.create("/cse-in/ae-Cd1", 28, {"ex:pump": dict(pump, state=4)}).rsc == 4000
        assert e.create("/cse-in/ae-Cd1", 28, {"ex:bad": {"cnd": "org.example.bad"}}).rsc == 4125
        # the installed ones are not there: the folder is the one that was named
        assert e.create("/cse-in/ae-Cd1", 28, {"cod:binSh": {"cnd": "org.onem2m.common.moduleclass.binarySwitch", "powSe": True}}).rsc == 4125
        e.serialisation = "xml"
        assert e.create("/cse-in/ae-Cd1", 28, {"cod:binSh": {"cnd": "org.onem2m.common.moduleclass.binarySwitch", "powSe": True}}).rsc == 4125
        x = ET.fromstring(e.retrieve("/cse-in/ae-Cd1/p").body)
        assert x.tag == "{http://www.onem2m.org/xml/protocols/ex}pump" and x.findtext("flow") == "1.5"
        e.close()
    finally:
        assert n.stop() == 0
        n.close()
