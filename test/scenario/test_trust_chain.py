"""A device that shares a key with a MEF, and nothing else, comes in everywhere by it [TS-0003
8.2.2.3, 8.3.2.1, 8.8]: Kpm -> Ke -> Km -> a MAF -> Kc -> B, and Ke -> Kpsa -> B; and to a gateway,
behind which it is read from B. MEF, MAF, B and the gateway are nodes with authorities of their
own; the device is a stock client that derives by itself."""
import hashlib, hmac, json, pathlib

import pytest

import renewal
from exporting import Exporting
from node import Entity, Node, OpensslClient, PskEntity, acr, free_port
from test_est import profile, request
from waiting import in_time

BOOTSTRAP, CONNECTION = "EXPORTER-oneM2M-Bootstrap", "EXPORTER-oneM2M-Connection"
MACR, MECR, MKR = 243, 244, 245
KM = b"oneM2M Enrolment Key to Master Credential derivation"
KPSA = b"oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"


def derive(ke, label, target):
    return hmac.new(ke, label + target.encode(), hashlib.sha256).digest()


@pytest.fixture(scope="module")
def nodes():
    ports = {name: free_port() for name in ("mef", "maf", "in-cse", "mn-cse")}

    def node(name, sources, *more, own=""):
        return Node(cse="/" + name, port=ports[name], options="\n".join([
            *more, f"node.poa = https://{name}.demo.example:{ports[name]}",
            "join.enabled = yes", "courier.allow = " + " ".join(f"{s}.demo.example:{port}@127.0.0.1" for s, port in ports.items() if s != name),
            "trust.keys = " + " ".join(f"{s}.demo.example=https://{s}.demo.example:{ports[s]}" for s in sources) + " " + own]))

    made = [node("mef", []), node("maf", ["mef"], own="maf.demo.example=here"), node("in-cse", ["mef", "maf"]),
            node("mn-cse", ["mef", "maf"], "node.cse_type = 2", "registrar.id = /in-cse", "registrar.time = 60",
                 f"registrar.url = https://in-cse.demo.example:{ports['in-cse']}")]
    for k, n in enumerate(made):
        for other in made[:k]:
            for x, y in ((n, other), (other, n)):
                x.cli("enrol", "cse", y.cse[1:], "--id", y.cse, "--certificate", y.dir / "node/node.pem")
    made[0].cli("mef", "open")
    made[1].cli("maf", "open")
    yield made
    codes = [n.stop() for n in made]
    for n in made:
        n.close()
    assert codes == [0, 0, 0, 0]


def come(node, identity, key, who="Sa"):
    e = PskEntity(node, ".", who)
    e.connection = OpensslClient(node.port, ["-psk_identity", identity, "-psk", key.hex(), "-tls1_3"])
    return e


def register_key(client, base, suid, target):
    made = client.create(base, MKR, {"sec:mkr": {"adfq": "keys.example", "suid": suid, "tgis": [target]}})
    assert made.rsc == 2001, made
    assert made.json["sec:mkr"]["ri"] == client.exported[:16].hex().upper()
    return made.json["sec:mkr"]["ri"], client.exported[16:]


@pytest.mark.parametrize("kind", ["psk", "certificate"])
def test_from_what_the_mef_knows_it_by_to_everywhere(nodes, kind):
    """By a key that it shares with the MEF, and by a certificate (8.3.2.1, 8.3.2.2)."""
    mef, maf, b, _ = nodes
    who = {"psk": "Sa", "certificate": "Sacert"}[kind]
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", who)
    device = mef.enrol(who, who, "application", kind == "psk", *(["--identity", "kpm-a@mef.demo.example"] if kind == "psk" else []))
    kpm = kind == "psk" and ((device.folder / "psk.identity").read_text().strip(), bytes.fromhex((device.folder / "psk.key").read_text().strip())) or None

    # At the MEF, by Kpm: registered, and Ke registered for the MAF as Km.
    at_mef = Exporting(device, BOOTSTRAP, psk=kpm)
    assert at_mef.create("/mefBase", MECR, {"sec:mecr": {"adfq": "keys.example"}}).rsc == 2001
    ke_id, ke = register_key(at_mef, "/mefBase", 21, "maf.demo.example")
    km, km_id = derive(ke, KM, "maf.demo.example"), f"{ke_id}@mef.demo.example"

    # At the MAF, by Km, which it fetches from the MEF. Nothing but the MAF is served.
    at_maf = Exporting(device, CONNECTION, psk=(km_id, km), node=maf)
    made = at_maf.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}})
    assert made.rsc == 2001
    other = at_maf.create("/cse-in", 2, {"m2m:ae": {"api": "Napp.example", "rr": False, "srv": ["3"]}})
    assert other.rsc == 4106, other
    kc_id, kc = register_key(at_maf, "/mafBase", 32, "//demo.example/in-cse")

    # At B, by Kc: registers as who it is.
    own = f"/cse-in/ae-{who}"
    at_b = come(b, f"{kc_id}@maf.demo.example", kc, who)
    assert at_b.register().rsc == 2001
    assert at_b.retrieve(own).json["m2m:ae"]["aei"] == who

    # At B, by Kpsa of another connection with the MEF: the same entity.
    again = Exporting(device, BOOTSTRAP, psk=kpm)
    ke2_id, ke2 = register_key(again, "/mefBase", 22, "//demo.example/in-cse")
    directly = come(b, f"{ke2_id}@mef.demo.example", derive(ke2, KPSA, "//demo.example/in-cse"), who)
    assert directly.retrieve(own).rsc == 2000

    # Km is for that MAF: B does not take it. Nor has Ke itself any use.
    for identity, key in ((km_id, km), (f"{ke2_id}@mef.demo.example", ke2)):
        wrong = come(b, identity, key, who)
        with pytest.raises((ConnectionError, BrokenPipeError)):
            wrong.retrieve(own)
        wrong.close()
    assert any("no target" in json.dumps(r) or "another usage" in json.dumps(r) or "gives no such key" in json.dumps(r)
               for r in b.audit() if km_id in json.dumps(r))
    for e in (at_mef, at_maf, at_b, again, directly, device):
        e.close()


def provisioned_for_maf(mef, maf, stem, name):
    """A client that both admit, with a key of the MEF's for the MAF: it, its association at the MEF, Ke, the key's identity at the MAF."""
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", stem)
    device = mef.enrol(name, stem, "application")
    at_mef = Exporting(device, BOOTSTRAP)
    assert at_mef.create("/mefBase", MECR, {"sec:mecr": {"adfq": "keys.example"}}).rsc == 2001
    ke_id, ke = register_key(at_mef, "/mefBase", 21, "maf.demo.example")
    return device, at_mef, ke, f"{ke_id}@mef.demo.example"


def test_the_maf_gives_a_key_an_identifier_of_its_own(nodes):
    """KmID [TS-0003 8.8.2.3, 8.8.2.5]: for a client whose key was provisioned remotely; good in its next handshake, for
    the MAF alone; another one by an update over the provisioned key, which ends the one before; none of it outlives the registration
    or a revocation."""
    mef, maf, b, _ = nodes
    device, at_mef, ke, provisioned = provisioned_for_maf(mef, maf, "Sk", "k")
    km = derive(ke, KM, "maf.demo.example")

    def maf_by(identity, key=km, label=CONNECTION):
        return Exporting(device, label, psk=(identity, key), node=maf)

    def refused(identity, key=km, node=maf):
        wrong = come(node, identity, key, "Sk")
        with pytest.raises((ConnectionError, BrokenPipeError)):
            wrong.retrieve("/mafBase")
        wrong.close()

    first = maf_by(provisioned)
    made = first.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).json["sec:macr"]
    where, km_id = "/" + made["ri"], made["aski"]
    assert km_id.endswith("@maf.demo.example") and len(km_id.split("@")[0]) == 32
    # In the next handshake: the same client, its registration, and a key for B; the MAF and nothing else.
    again = maf_by(km_id)
    assert again.retrieve(where).json["sec:macr"]["aski"] == km_id
    kc_id, kc = register_key(again, "/mafBase", 32, "//demo.example/in-cse")
    at_b = come(b, f"{kc_id}@maf.demo.example", kc, "Sk")
    assert at_b.retrieve("/cse-in").rsc == 4103
    assert again.create("/cse-maf", 2, {"m2m:ae": {"api": "Napp.example", "rr": False, "srv": ["3"]}}).rsc in (4004, 4106)
    # By another key, at another place: no.
    refused(km_id, derive(ke, KPSA, "maf.demo.example"))
    refused(km_id, node=b)
    # By its KmID an update changes no key; by the provisioned one it brings another, and the first is over.
    assert again.update(where, {"sec:macr": {"lbl": ["x"]}}).rsc == 2004
    assert again.retrieve(where).json["sec:macr"]["aski"] == km_id
    assert first.update(where, {"sec:macr": {"lbl": ["y"]}}).rsc == 2004
    second = first.retrieve(where).json["sec:macr"]["aski"]
    assert second != km_id
    refused(km_id)
    late = maf_by(second)
    assert late.retrieve(where).rsc == 2000
    # Who has a certificate, or a key that nobody provisioned, gets none; and nobody says which.
    assert first.update(where, {"sec:macr": {"aski": km_id}}).rsc == 4000
    named = lambda: [k["name"] for k in json.loads(maf.cli("-o", "json", "key", "list"))]
    assert f"psk/{second}" in named() and f"psk/{km_id}" not in [n for n in named() if "#" not in n]
    # With the registration it goes.
    assert first.delete(where).rsc == 2002
    refused(second)
    # What an operator revokes ends with all that is the same key.
    third = first.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).json["sec:macr"]["aski"]
    last = maf_by(third)
    assert last.retrieve("/mafBase").rsc == 2000
    maf.cli("revoke", f"12-{third}")
    refused(third)
    refused(provisioned)
    for e in (first, again, late, last, at_b, at_mef, device):
        e.close()


def test_a_client_gets_so_many_identifiers_in_a_while(nodes):
    """Each is a key in the MAF's keeper: who registers again and again goes on by what it came with."""
    mef, maf, _, _ = nodes
    device, at_mef, ke, provisioned = provisioned_for_maf(mef, maf, "Sl", "l")
    at_maf = Exporting(device, CONNECTION, psk=(provisioned, derive(ke, KM, "maf.demo.example")), node=maf)
    given = []
    for _ in range(10):
        made = at_maf.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).json["sec:macr"]
        given.append(made["aski"])
        assert at_maf.delete("/" + made["ri"]).rsc == 2002
    assert len(set(given[:8])) == 8 and all(i.endswith("@maf.demo.example") for i in given[:8]) and given[8:] == [provisioned] * 2
    for e in (at_maf, at_mef, device):
        e.close()


def test_the_same_by_the_command(nodes):
    """MEF, MAF and B in three commands of the device."""
    mef, maf, b, _ = nodes
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", "Sc")
    device = mef.enrol("c", "Sc", "application")
    where = [device.folder, mef.top / "at-maf", mef.top / "at-b", mef.top / "directly"]
    at = [f"127.0.0.1:{n.port}" for n in (mef, maf, b)]

    def key(base, target, source, out, server, check=True):
        return mef.cli(base, "key", target, "--as", source, "--out", out, "--server", server, directory=False, check=check)

    key("mef", "maf.demo.example", where[0], where[1], at[1])
    key("maf", "//demo.example/in-cse", where[1], where[2], at[2])
    key("mef", "//demo.example/in-cse", where[0], where[3], at[2])
    for folder in where[2:]:
        out = mef.cli("-o", "json", "request", "retrieve", "--as", folder, "--to", "/in-cse/cse-in", directory=False, check=False)[1]
        assert "4103" in out, out  # known, and granted nothing
        assert oct((folder / "psk.key").stat().st_mode)[-3:] == "600"
    # What nobody gives: a MAF's key for a MAF, a key for what is no CSE, to who was not admitted.
    stranger = mef.enrol("d", "Sd", "application")
    for argv in (("maf", "maf.demo.example", where[1]), ("mef", "//demo.example", where[0]), ("mef", "//demo.example/in-cse", stranger.folder),
                 ("maf", "//demo.example/in-cse", where[0])):
        code, text = key(*argv, mef.top / "none", at[2], check=False)
        assert code == 1 and not (mef.top / "none").exists(), text


def test_a_device_learns_from_its_configuration_whom_to_go_to(nodes):
    """The operators of MEF and MAF say which keys the device is to have; it names no target itself, and is refused
    a key for another."""
    mef, maf, b, _ = nodes
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", "Sh")
    device = mef.enrol("h", "Sh", "application")
    at_maf, at_b, none = mef.top / "h-maf", mef.top / "h-b", mef.top / "h-none"

    def key(base, target, source, out, server, check=True):
        return mef.cli(base, "key", target, "--as", source, "--out", out, "--server", f"127.0.0.1:{server.port}", directory=False, check=check)

    code, text = key("mef", "configured", device.folder, none, maf, check=False)
    assert code == 1 and "has not been configured" in text, text
    mine = next(r["id"] for r in json.loads(mef.cli("-o", "json", "mef", "list")) if r["client"] == "//demo.example/Sh")
    mef.cli("mef", "configure", mine, "21", "maf.demo.example")
    maf.cli("maf", "configure", "all", "32", "//demo.example/in-cse")
    key("mef", "configured", device.folder, at_maf, maf)
    key("maf", "configured", at_maf, at_b, b)
    out = mef.cli("-o", "json", "request", "retrieve", "--as", at_b, "--to", "/in-cse/cse-in", directory=False, check=False)[1]
    assert "4103" in out, out  # known there
    code, text = key("maf", "//demo.example/mn-cse", at_maf, none, b, check=False)
    assert code == 1 and "names other targets" in text and not none.exists(), text
    maf.cli("maf", "configure", "all", "32")


def test_a_certificate_by_a_command_of_the_mef(nodes):
    """The MEF tells its client to get a certificate; it does so from the node's EST, by the key that
    they share, and says so."""
    mef = nodes[0]
    mef.cli("mef", "admit", "Se")
    device = mef.enrol("e", "Se", "application", True, "--identity", "kpm-e@mef.demo.example")
    made = device.create("/mefBase", MECR, {"sec:mecr": {"adfq": "keys.example"}})
    reg = made.json["sec:mecr"]["ri"]
    est = "https://mef.demo.example/.well-known/est"
    number = json.loads(mef.cli("-o", "json", "mef", "command", reg, "cert-prov", est))["command"]
    command = device.retrieve(f"/{reg}/cmd").json["sec:mcc"]
    assert command["mcci"] == number and command["mccd"]["ccid"] == 1
    args = command["mccd"]["cma"]["cpca"]
    assert args["cppi"] == 1 and args["uri"] == est

    # Its key is made by the client; the request is proved by the shared key.
    folder = pathlib.Path(device.folder)
    psk = bytes.fromhex((folder / "psk.key").read_text().strip())
    csr = request(folder, "new", "m2m://demo.example/Se", proof=lambda new: renewal.by_psk("//demo.example/Se", new, psk)).read_bytes()
    answer = device.raw(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkcs10\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (len(csr), csr))
    assert answer.http == 200, answer
    new = profile(mef, folder, mef.top / "by-est", answer.body.decode(), folder / "new.key")
    done = device.update(f"/{reg}/cmd", {"sec:mcc": {"mcci": number, "mccs": 20}})
    assert done.rsc == 2004 and done.json["sec:mcc"]["mccd"]["ccid"] == 0
    assert {r["id"]: r.get("commands") for r in json.loads(mef.cli("-o", "json", "mef", "list"))}[reg] == f"{number}:20"

    # By the certificate it is the same client.
    by_certificate = Entity(mef, new, "Se")
    assert by_certificate.retrieve(f"/{reg}").rsc == 2000
    for e in (device, by_certificate):
        e.close()


def test_a_device_does_what_the_mef_tells_it(nodes):
    """Device configuration and a node object: a client that reads its commands, does what they say, and reports."""
    mef, maf, _, _ = nodes
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", "Sf")
    # The provider keeps what the device is to be, where the device may read it.
    provider = mef.enrol("provider", "Sprov", "application")
    mef.cli("access", "grant", "Sprov", "--operations", "CRUD", "--types", "14")
    assert provider.register().rsc == 2001
    pv = {"acr": [acr(["Sf"], 3), acr(["Sprov"], 63)]}
    assert provider.create("/cse-in/ae-Sprov", 1, {"m2m:acp": {"rn": "p", "pv": pv, "pvs": {"acr": [acr(["Sprov"], 63)]}}}).rsc == 2001
    assert provider.create("/cse-in", 14, {"m2m:nod": {"rn": "f", "ni": "urn:dev:f", "acpi": ["cse-in/ae-Sprov/p"]}}).rsc == 2001
    a = provider.create("/cse-in/f", 13, {"m2m:macrc": {"mgd": 1025, "rn": "maf", "fq": maf.name, "adfq": "keys.example", "acpi": ["cse-in/ae-Sprov/p"]}})
    assert a.rsc == 2001, a

    device = mef.enrol("f", "Sf", "application", True, "--identity", "kpm-f@mef.demo.example")
    folder = pathlib.Path(device.folder)
    kpm = ((folder / "psk.identity").read_text().strip(), bytes.fromhex((folder / "psk.key").read_text().strip()))
    reg = device.create("/mefBase", MECR, {"sec:mecr": {"adfq": "keys.example"}}).json["sec:mecr"]["ri"]

    def tell(*argv):
        return json.loads(mef.cli("-o", "json", "mef", "command", reg, *argv))["command"]

    firmware = json.dumps({"vr": "7", "fwn": "boot", "url": "https://x.example/fw", "ud": False})
    told = [tell("dev-cfg", f"https://{mef.name}/cse-in/f/maf"), tell("mo-node", "/cse-in/f", "1001", "--content", firmware),
            tell("mo-node", "/cse-in/absent", "1001", "--content", firmware), tell("mo-node", "/cse-in/f", "teapot"),
            tell("dev-cfg", f"https://{mef.name}/cse-in/none")]

    def configure(args):
        """What is to be had at the MAF that is named: a registration there, by a key that the MEF derives for it."""
        got = device.retrieve(args["dcca"]["dcu"].removeprefix(f"https://{mef.name}"))
        if got.rsc != 2000:
            return 201
        wanted = got.json["m2m:macrc"]
        at_mef = Exporting(device, BOOTSTRAP, psk=kpm)
        ke_id, ke = register_key(at_mef, "/mefBase", 21, wanted["fq"])
        at_maf = Exporting(device, CONNECTION, psk=(f"{ke_id}@{mef.name}", derive(ke, KM, wanted["fq"])), node=maf)
        made = at_maf.create("/mafBase", MACR, {"sec:macr": {"adfq": wanted["adfq"]}})
        at_mef.close(), at_maf.close()
        return 20 if made.rsc == 2001 else 202

    def manage(args):
        args = args["nnca"]
        if not args["otyp"].isdigit():
            return 301
        body = {"mgd": int(args["otyp"]), "rn": "firmware", "acpi": ["cse-in/ae-Sprov/p"], **json.loads(args.get("otsa", "{}"))}
        made = device.create(args["opth"], 13, {"m2m:fwr": body})
        return {2001: 20, 4004: 300}.get(made.rsc, 305)

    did = []
    command = device.retrieve(f"/{reg}/cmd").json["sec:mcc"]
    while command["mccd"]["ccid"]:
        status = {2: configure, 3: manage}[command["mccd"]["ccid"]](command["mccd"]["cma"])
        did.append((command["mcci"], status))
        command = device.update(f"/{reg}/cmd", {"sec:mcc": {"mcci": command["mcci"], "mccs": status}}).json["sec:mcc"]
    assert did == list(zip(told, (20, 20, 300, 301, 201))), did
    assert provider.retrieve("/cse-in/f/firmware").json["m2m:fwr"]["vr"] == "7"
    assert any(r.get("client") == "Sf" or "Sf" in json.dumps(r) for r in json.loads(maf.cli("-o", "json", "maf", "list")))
    said = {r["id"]: r.get("commands") for r in json.loads(mef.cli("-o", "json", "mef", "list"))}[reg]
    assert said == " ".join(f"{n}:{s}" for n, s in did)
    for e in (device, provider):
        e.close()


def test_a_device_behind_a_gateway(nodes):
    """The device comes to the gateway by a key of the MAF; an application of B reads it through both.
    Who is revoked at the MEF gets no further."""
    mef, maf, b, gateway = nodes
    device = mef.enrol("g", "Sg", "application", True, "--identity", "kpm-g@mef.demo.example")
    folder = pathlib.Path(device.folder)
    kpm = ((folder / "psk.identity").read_text().strip(), bytes.fromhex((folder / "psk.key").read_text().strip()))
    for base, n in (("mef", mef), ("maf", maf)):
        n.cli(base, "admit", "Sg")
    at_mef = Exporting(device, BOOTSTRAP, psk=kpm)
    assert at_mef.create("/mefBase", MECR, {"sec:mecr": {"adfq": "keys.example"}}).rsc == 2001
    ke_id, ke = register_key(at_mef, "/mefBase", 21, "maf.demo.example")
    at_maf = Exporting(device, CONNECTION, psk=(f"{ke_id}@mef.demo.example", derive(ke, KM, "maf.demo.example")), node=maf)
    assert at_maf.create("/mafBase", MACR, {"sec:macr": {"adfq": "keys.example"}}).rsc == 2001
    kc_id, kc = register_key(at_maf, "/mafBase", 32, "//demo.example/mn-cse")

    here = come(gateway, f"{kc_id}@maf.demo.example", kc, "Sg")
    assert in_time(lambda: "core: registered: registrar=" in gateway.log_text())
    assert here.register().rsc == 4128  # the IN-CSE has no subscription by which this AE may be there
    reader = b.enrol("reader", "Sreader", "application")
    assert reader.register().rsc == 2001
    provider = b.enrol("provider", "Sprov", "application")
    b.cli("access", "grant", "Sprov", "--operations", "CRUD", "--types", "11,19")
    assert provider.register().rsc == 2001
    for at, ty, body in (("/cse-in", 11, {"m2m:mssp": {"rn": "sub"}}),
                         ("/cse-in", 19, {"m2m:asar": {"rn": "rule", "apci": ["*"], "aai": ["Napp.*"], "aae": ["Sg"]}}),
                         ("/cse-in/sub", 20, {"m2m:svsn": {"rn": "gateway", "ni": "1.2.3", "csi": "/mn-cse", "rlk": ["cse-in/rule"]}})):
        a = provider.create(at, ty, body)
        assert a.rsc == 2001, a
    provider.close()
    a = here.register()
    assert a.rsc == 2001, a
    pv = {"acr": [acr(["//demo.example/Sreader"], 2), acr(["//demo.example/Sg"], 63)]}
    assert here.create("/cse-in/ae-Sg", 1, {"m2m:acp": {"rn": "p", "pv": pv, "pvs": {"acr": [acr(["//demo.example/Sg"], 63)]}}}).rsc == 2001
    assert here.create("/cse-in/ae-Sg", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/ae-Sg/p"]}}).rsc == 2001
    assert here.create("/cse-in/ae-Sg/box", 4, {"m2m:cin": {"con": "behind"}}).rsc == 2001
    assert in_time(lambda: reader.retrieve("/~/mn-cse/cse-in/ae-Sg/box/la").rsc == 2000), reader.retrieve("/~/mn-cse/cse-in/ae-Sg/box/la")
    assert reader.retrieve("/~/mn-cse/cse-in/ae-Sg/box/la").json["m2m:cin"]["con"] == "behind"
    # A trust function serves nobody for whom a CSE speaks: not even the target, by way of B.
    assert reader.retrieve(f"/~/maf/{kc_id}").rsc in (4004, 4106, 5103)

    # Stolen: what it has at the MEF is given to nobody any more.
    second = Exporting(device, BOOTSTRAP, psk=kpm)
    ke2_id, ke2 = register_key(second, "/mefBase", 22, "//demo.example/in-cse")
    mef.cli("revoke", "12-" + kpm[0])
    late = come(b, f"{ke2_id}@mef.demo.example", derive(ke2, KPSA, "//demo.example/in-cse"), "Sg")
    with pytest.raises((ConnectionError, BrokenPipeError)):
        late.retrieve("/cse-in")
    for e in (at_mef, at_maf, here, reader, second, late, device):
        e.close()
