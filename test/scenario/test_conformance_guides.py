"""Requests as guides for developers of applications print them (TR-0025, TR-0051) and as clients copied them,
over the lab listener: doc/decision/070-old-clients.md says what is read of them and what is not."""
import pytest
from lab import Lab, until
from node import Node
from receiver import Receiver

BASE = "/~/in-cse/cse-in"
SPACE = 'xmlns:m2m="http://www.onem2m.org/xml/protocols"'


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory\nlab.remote_cses = /mn-cse") as node:
        yield Lab(node)


def xml(lab, origin, path, ty, body, **more):
    """A create of Release 1: no X-M2M-RVI, XML."""
    head = {"X-M2M-Origin": origin, "X-M2M-RI": "mncse-62948", "Content-Type": f"application/xml;ty={ty}", "Accept": "application/xml"}
    return lab.send("POST", path, dict(head, **more), body)


def ae(lab, name, api="A01.com.company.lightApp"):
    return xml(lab, "C" + name, BASE + "?rcn=0", 2, f'<?xml version="1.0" encoding="UTF-8"?>\n<m2m:ae {SPACE} rn="{name}">'
               f"<api>{api}</api><rr>true</rr><poa>http://192.168.0.10:9090</poa><acpi>/in-cse/cse-in/MN-CSEAcp</acpi></m2m:ae>")


@pytest.fixture(scope="module")
def lights(lab):
    who = "Cgateway_ae Csmartphone_ae Clight_ae1 Clight_ae2"
    rule = lambda acor: f"<acr><acor>{acor}</acor><acop>63</acop></acr>"
    assert xml(lab, "Cgateway_ae", BASE + "?rcn=0", 1, f'<m2m:acp {SPACE} rn="MN-CSEAcp"><pv>{rule(who)}</pv>'
               f"<pvs>{rule('Cgateway_ae')}</pvs></m2m:acp>").rsc == 2001
    for name in ("gateway_ae", "smartphone_ae", "light_ae1", "light_ae2"):
        assert (a := ae(lab, name)).rsc == 2001 and a.body == b"" and "X-M2M-RVI" not in a.headers, a
    for name in ("light_ae1", "light_ae2"):
        assert xml(lab, "C" + name, f"{BASE}/{name}?rcn=0", 3, f'<m2m:cnt {SPACE} rn="light"><acpi>/in-cse/cse-in/MN-CSEAcp</acpi></m2m:cnt>').rsc == 2001
        assert xml(lab, "C" + name, f"{BASE}/{name}/light?rcn=0", 4, f"<m2m:cin {SPACE}> <cnf>text/plain:0</cnf> <con>OFF</con> </m2m:cin>").rsc == 2001


def test_a_gateway_registers(lab):
    """TR-0025 8.7.2: its CSE-ID without the slash; what is kept is what From says [TS-0004 7.4.4.2.1]."""
    csr = lambda csi: f'<m2m:csr {SPACE} rn="home_gateway"><csi>{csi}</csi><cb>mn.provider.com/mn-cse</cb><rr>true</rr><cst>2</cst></m2m:csr>'
    make = lambda csi: xml(lab, "/mn-cse", BASE + "?rcn=1", 16, csr(csi))
    assert [make(other).rsc for other in ("other", "/other", "n-cse", "cse", "mn-cse/", "/mn-cse/x", "//x.example/mn-cse")] == [4000] * 7
    assert (a := make("mn-cse")).rsc == 2001 and a.json["m2m:csr"]["csi"] == "/mn-cse", a
    assert make("//demo.example/mn-cse").rsc == make("/mn-cse").rsc == 4117
    assert lab.delete("/cse-in/home_gateway", "/mn-cse").rsc == 2002
    assert make("//demo.example/mn-cse").rsc == 2001


def test_lights(lab, lights):
    """TR-0025 8.7: registration, discovery by rty, a group and what is done through it."""
    head = {"X-M2M-Origin": "Csmartphone_ae", "X-M2M-RI": "mncse-62948", "Accept": "application/xml"}
    ask = lambda query: lab.send("GET", BASE + query, head).json["m2m:uril"]
    assert ask("?fu=1&rty=3") == ask("?fu=1&ty=3") == ["cse-in/light_ae1/light", "cse-in/light_ae2/light"]
    assert len(ask("?fu=1&rty=2&lvl=1")) == len(ask("?fu=1&ty=2&lvl=1")) == 4 and len(ask("?fu=1&rty=3&drt=2")) == 2
    assert ask("?fu=1&rty=3+2") == ask("?fu=1&ty=3&rty=2") == ask("?fu=1&ty=2+3")
    assert lab.send("GET", BASE + "?fu=1&rty=ae", head).rsc == 4000
    group = (f'<m2m:grp {SPACE} rn="containers_grp"><mt>3</mt><mid>/in-cse/cse-in/light_ae1/light /in-cse/cse-in/light_ae2/light</mid>'
             "<mnm>10</mnm><acpi>/in-cse/cse-in/MN-CSEAcp</acpi></m2m:grp>")
    assert xml(lab, "Cgateway_ae", BASE + "/gateway_ae?rcn=0", 9, group).rsc == 2001
    fopt = BASE + "/gateway_ae/containers_grp/fopt"
    assert xml(lab, "Csmartphone_ae", fopt, 4, f"<m2m:cin {SPACE}><cnf>text/plain:0</cnf><con>ON</con></m2m:cin>").body.count(b"<rsc>2001</rsc>") == 2
    assert lab.send("GET", fopt + "/la", head).body.count(b"<con>ON</con>") == 2


def test_app_ids_of_release_1(lab, lights):
    """Who names no release, or the first; since the second they are as 7.4.5.2.1 says."""
    made = lambda rvi, api: lab.create("/cse-in", 2, {"m2m:ae": dict({"api": api, "rr": True}, **({} if rvi in (None, "1") else {"srv": [rvi]}))}, "C", rvi=rvi).rsc
    for api in ("A01.com.company.app", "0.2.481.2.0001.001.000111", "app-sensor"):
        assert [made(rvi, api) for rvi in (None, "1", "2", "2a", "3")] == [2001, 2001, 4000, 4000, 4000], api
    assert made(None, "") == 4000


def test_contents_of_notifications_of_old_clients(lab, lights):
    """nct 2 with events that are no update: before Release 3 the whole resource, since then 4000 [TS-0001 table 9.6.8-4]."""
    at = "/cse-in/light_ae1/light"
    with Receiver() as r:
        make = lambda rvi, net, **b: lab.create(at, 23, {"m2m:sub": dict({"nu": [r.url + "/monitor"], "enc": {"net": net}}, **b)}, "Clight_ae1", rvi=rvi)
        for rvi in (None, "1", "2", "2a"):
            for net in ([2], [1, 3], [4]):
                assert (a := make(rvi, net, nct=2)).rsc == 2001 and a.json["m2m:sub"]["nct"] == 1, (rvi, net, a)
            assert make(rvi, [1], nct=2).json["m2m:sub"]["nct"] == 2 and make(rvi, [3], nct=3).json["m2m:sub"]["nct"] == 3
            assert make(rvi, [8], nct=2, rn="none").rsc == 4000 and make(rvi, [3], nct=4).rsc == 4000
        assert [make(rvi, [3], nct=2).rsc for rvi in ("3", "4")] == [4000, 4000]
        a = xml(lab, "Clight_ae1", f"{BASE}/light_ae1/light", 23, f'<m2m:sub {SPACE} rn="lightstate_sub"><enc><net>3</net></enc><nu>{r.url}/last</nu><nct>2</nct></m2m:sub>')
        assert a.rsc == 2001
        assert lab.put(at + "/lightstate_sub", {"m2m:sub": {"nct": 2}}, "Clight_ae1").rsc == 4000
        assert lab.put(at + "/lightstate_sub", {"m2m:sub": {"nct": 2}}, "Clight_ae1", rvi="2a").json["m2m:sub"]["nct"] == 1
        lab.create(at, 4, {"m2m:cin": {"con": "20"}}, "Clight_ae1")
        assert until(lambda: [g.sgn["nev"]["rep"]["m2m:cin"]["con"] for g in r.got if g.path == "/last" and "nev" in g.sgn and g.sgn["nev"]["net"] == 3
                              and "m2m:cin" in g.sgn["nev"]["rep"]] == ["20"])


def test_targets_that_answer_in_chunks(lab, lights):
    """RFC 9112 7.1: as servers of Java and JavaScript do; a notification is answered by it as by any other answer."""
    at, coding = "/cse-in/light_ae1/light", {"Transfer-Encoding": "chunked"}
    for headers, body, want in (({}, b"2\r\nOK\r\n0\r\n\r\n", 2001), ({}, b"0\r\n\r\n", 2001),
                                ({"X-M2M-RSC": "2000", "Content-Type": "application/json"}, b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n", 2001),
                                ({"X-M2M-RSC": "4103"}, b"0\r\n\r\n", 5204), ({}, b"2\r\nOKX\r\n0\r\n\r\n", 5204), ({}, b"-1\r\n\r\n", 5204)):
        with Receiver(lambda got: (200, dict(headers, **coding), body)) as r:
            assert lab.create(at, 23, {"m2m:sub": {"nu": [r.url], "enc": {"net": [3]}}}, "Clight_ae1").rsc == want, (headers, body)
            if want == 2001:
                lab.create(at, 4, {"m2m:cin": {"con": "told"}}, "Clight_ae1")
                told = lambda: [g for g in r.got if g.sgn.get("nev", {}).get("rep", {}).get("m2m:cin", {}).get("con") == "told"]
                assert until(lambda: len(told()) == 1), r.got


def test_rules_without_contexts(lab, lights):
    """TR-0051 6.2.13: "acco": [] in every rule, of 0..n none; it permits as one without does, and no more."""
    stem, path = lab.ae()
    other, _ = lab.ae()
    rule = lambda acop, acco: {"acor": [other], "acop": acop, "acco": acco}
    own = {"acor": [stem], "acop": 63, "acco": []}
    a = lab.create(path, 1, {"m2m:acp": {"rn": "p", "pv": {"acr": [own, rule(2, [])]}, "pvs": {"acr": [own]}}}, stem, rvi="2a")
    assert a.rsc == 2001 and a.json["m2m:acp"]["pv"]["acr"][1]["acop"] == 2, a
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "acpi": [path[1:] + "/p"]}}, stem).rsc == 2001
    assert lab.get(path + "/c", other).rsc == 2000 and lab.put(path + "/c", {"m2m:cnt": {"lbl": ["x"]}}, other).rsc == 4103
    assert lab.get(path + "/c", "Cstranger").rsc == 4103
    never = [{"acip": {"ipv4": ["10.9.9.9"]}}]
    assert lab.put(path + "/p", {"m2m:acp": {"pv": {"acr": [own, rule(2, never)]}}}, stem).rsc == 2004 and lab.get(path + "/c", other).rsc == 4103
    assert lab.get(path + "/p", stem, Accept="application/xml").rsc == 2000


def test_homes_of_release_2(lab):
    """Modules as devices of Release 2 name them, org.onem2m.home and hd."""
    stem, path = lab.ae()
    make = lambda member, of, **b: lab.create(path, 28, {member: dict(b, cnd="org.onem2m.home." + of)}, stem, rvi="2a").rsc
    assert make("hd:devLt", "device.deviceLight", rn="light") == 2001
    for member, of, value in (("hd:bat", "battery", {"lvl": 100}), ("hd:tempe", "temperature", {"curT0": 23.5}), ("hd:binSh", "binarySwitch", {"powerSe": True}),
                              ("hd:binSh", "binarySwitch", {"powSe": False}), ("hd:fauDn", "faultDetection", {"sus": False}),
                              ("hd:color", "colour", {"red": 255, "green": 0, "blue": 0})):
        a = lab.create(path + "/light", 28, {member: dict(value, cnd="org.onem2m.home.moduleclass." + of)}, stem, rvi="2a")
        assert a.rsc == 2001 and value.items() <= a.json[member].items(), a
        at = f"{path}/light/{a.json[member]['rn']}"
        assert lab.put(at, {member: value}, stem).rsc == 2004 and lab.put(at, {"cod" + member[2:]: value}, stem).rsc == 4000
    assert make("hd:tempe", "moduleclass.temperature", curT0="hot") == make("hd:tempe", "moduleclass.battery", lvl=1) == 4000
    assert make("hd:tempe", "moduleclass.none", curT0=1) == 4125


def test_what_is_not_read(lab, lights):
    """A Request Identifier is mandatory; content has a type; a Create says of what type."""
    body = '{"m2m:cnt":{}}'
    head = {"X-M2M-Origin": "Clight_ae1", "X-M2M-RI": "1", "X-M2M-RVI": "2a", "Content-Type": "application/json;ty=3"}
    send = lambda **more: lab.send("POST", "/cse-in/light_ae1", {k.replace("_", "-"): v for k, v in dict(head, **more).items() if v}, body).rsc
    assert send() == 2001 and send(**{"X-M2M-RI": ""}) == 4000 and send(**{"Content-Type": ""}) == 4015
    assert send(**{"Content-Type": "application/x-www-form-urlencoded"}) == 4015 and send(**{"Content-Type": "application/json"}) == 4000
    assert send(**{"X-M2M-Origin": "admin:admin"}) == send(**{"X-M2M-Origin": "1.2.481.1.999.130"}) == 4000
    assert lab.delete("/cse-in/light_ae2/light", "Clight_ae2", rvi="2a").body == b""  # nothing is the default of a Delete
