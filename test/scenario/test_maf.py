"""MAF and MEF of the node: closed until opened, for those who were admitted, each on an
association of its own [TS-0003 8.3, 8.8]. Clients are independent: python's ssl."""
import base64, hashlib, hmac, json, os

import pytest

from exporting import Exporting
from node import Node

MACR, MECR = 243, 244
BASES = [("maf", MACR, "sec:macr"), ("mef", MECR, "sec:mecr")]


@pytest.fixture(scope="module")
def node():
    with Node() as n:
        n.a = n.enrol("a", "Sa", "application")
        n.b = n.enrol("b", "Sb", "application")
        n.stranger = n.enrol("s", "Sstranger", "application")
        for base, ty, member in BASES:
            # Closed: there is nothing there, for anybody, and nobody can be admitted.
            assert n.a.retrieve("/" + base + "Base").rsc == 4004
            assert n.cli(base, "admit", "Sa", check=False)[0] == 1
            n.cli(base, "open")
            assert n.cli(base, "open", check=False)[0] == 1
            assert n.a.retrieve("/" + base + "Base").rsc == 4103
            n.cli(base, "admit", "Sa")
            n.cli(base, "admit", "Sb")
        yield n
        for e in (n.a, n.b, n.stranger):
            e.close()


def registration(admin="admin.example", **more):
    return {"adfq": admin, **more}


@pytest.mark.parametrize("base,ty,member", BASES)
def test_a_client_registers(node, base, ty, member):
    assert node.a.retrieve(f"/{base}Base").json[f"sec:{base}"]["ri"] == base + "Base"
    made = node.a.create(f"/{base}Base", ty, {member: registration(lbl=["x"])})
    assert made.rsc == 2001, made
    got = made.json[member]
    assert got["cr"] == "//demo.example/Sa" and got["adfq"] == "admin.example" and got["et"]
    # Configuration retrieval, update, de-registration: by the client and by nobody else.
    where = "/" + got["ri"]
    assert node.a.retrieve(where).json[member]["lbl"] == ["x"]
    for ask in (node.b.retrieve(where), node.b.update(where, {member: {"lbl": ["y"]}}), node.b.delete(where)):
        assert ask.rsc == 4103
    assert node.a.update(where, {member: {"lbl": ["z"]}}).rsc == 2004
    assert node.a.update(where, {member: {"adfq": "other.example"}}).rsc == 4000
    # One registration a stakeholder.
    assert node.a.create(f"/{base}Base", ty, {member: registration()}).rsc == 4105
    other = node.a.create(f"/{base}Base", ty, {member: registration("other.example")})
    assert other.rsc == 2001
    listed = json.loads(node.cli("-o", "json", base, "list"))
    assert {(r["client"], r["administrator"]) for r in listed} == {
        ("//demo.example/Sa", "admin.example"), ("//demo.example/Sa", "other.example")}
    assert node.a.delete(where).rsc == 2002
    assert node.a.create(f"/{base}Base", ty, {member: registration()}).rsc == 2001


@pytest.mark.parametrize("base,ty,member", BASES)
def test_who_may_not(node, base, ty, member):
    stranger, b = node.stranger, node.b
    assert stranger.create(f"/{base}Base", ty, {member: registration()}).rsc == 4103
    assert stranger.retrieve(f"/{base}Base").rsc == 4103
    for bad in ({}, registration("not a name"), registration(""), registration(cr="//demo.example/Sa"),
                registration(aski="x@y")):
        assert b.create(f"/{base}Base", ty, {member: bad}).rsc == 4000, bad
    assert b.create(f"/{base}Base", 3, {"m2m:cnt": {}}).rsc in (4103, 4108)
    assert b.update(f"/{base}Base", {f"sec:{base}": {"lbl": []}}).rsc in (4103, 4005)
    assert b.delete(f"/{base}Base").rsc in (4103, 4005)
    # A client dismissed registers nothing more.
    rules = json.loads(node.cli("-o", "json", base, "clients"))
    node.cli(base, "dismiss", next(r["number"] for r in rules if "Sb" in str(r["acor"])))
    assert b.create(f"/{base}Base", ty, {member: registration()}).rsc == 4103
    node.cli(base, "admit", "Sb")


def test_it_survives_a_restart(node):
    made = node.b.create("/mafBase", MACR, {"sec:macr": registration("again.example")})
    assert made.rsc == 2001
    node.a.close(), node.b.close(), node.stranger.close()
    assert node.stop() == 0
    node.start()
    assert node.b.retrieve("/" + made.json["sec:macr"]["ri"]).rsc == 2000


def test_refusals_are_on_record(node):
    texts = [json.dumps(r) for r in node.audit()]
    assert any("TRUST_OPEN" in t for t in texts)
    assert any("Sstranger" in t and "4103" in t for t in texts)


# --- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("base,ty,member", BASES)
def test_a_client_retrieves_its_configuration(node, base, ty, member):
    """What the operator says of its keys [TS-0003 8.3.5.2.4, 8.8.2.4]: to it, over its own association, and
    to nobody else; what is said of all holds where nothing is said of one."""
    suid, other_suid = (32, 33) if base == "maf" else (22, 23)
    at = f"/{base}Base"
    made = node.a.create(at, ty, {member: registration("configured.example")})
    where = "/" + made.json[member]["ri"]
    theirs = node.b.create(at, ty, {member: registration("configured.example")}).json[member]["ri"]
    # Nobody has said anything: an error, and its keys are for whom it likes (the control).
    assert node.a.retrieve(where + "/cfg").rsc == 4004
    def register(target, n, **more):
        body = {"adfq": "configured.example", "suid": n, "kv": base64.b64encode(os.urandom(32)).decode(), **more}
        return node.a.create(at, MKR, {"sec:mkr": body | ({"tgis": [target]} if target else {})})
    assert register("//demo.example/in-b", suid).rsc == 2001
    assert register(None, suid).rsc == 4000

    node.cli(base, "configure", where[1:], suid, "//demo.example/in-c,Sb")
    node.cli(base, "configure", "all", suid, "Sb")
    node.cli(base, "configure", "all", other_suid, "//demo.example/in-d")
    got = node.a.retrieve(where + "/cfg").json["sec:ccfg"]
    assert got["crc"] == {"fq": "in-cse.demo.example", "adfq": "configured.example"}
    assert {k["suid"]: (k["adfq"], k["tgis"]) for k in got["krc"]} == {
        suid: ("configured.example", ["//demo.example/in-c", "//demo.example/Sb"]),
        other_suid: ("configured.example", ["//demo.example/in-d"])}
    assert [k["tgis"] for k in node.b.retrieve("/" + theirs + "/cfg").json["sec:ccfg"]["krc"]] == [
        ["//demo.example/Sb"], ["//demo.example/in-d"]]
    # To nobody else, and nobody writes it.
    for who, place in ((node.b, where), (node.stranger, where), (node.a, "/" + theirs)):
        assert who.retrieve(place + "/cfg").rsc == 4103
        assert "krc" not in str(who.retrieve(place + "?rcn=4"))
    assert node.a.update(where + "/cfg", {"sec:ccfg": {"krc": []}}).rsc in (4000, 4005)
    assert node.a.delete(where + "/cfg").rsc == 4005
    assert node.a.create(where, 247, {"sec:ccfg": {}}).rsc in (4005, 4103)
    # It binds: other targets are refused, also later; who names none gets those.
    assert register("//demo.example/in-b", suid).rsc == 4103
    one = register("//demo.example/Sb", suid)
    assert one.rsc == 2001
    key = "/" + one.json["sec:mkr"]["ri"]
    assert node.a.update(key, {"sec:mkr": {"tgis": ["//demo.example/in-b"]}}).rsc == 4103
    assert node.a.update(key, {"sec:mkr": {"lbl": ["x"]}}).rsc == 2004
    filled = register(None, other_suid)
    assert filled.rsc == 2001 and filled.json["sec:mkr"]["tgis"] == ["//demo.example/in-d"]
    # Taken back: of one, then of all.
    node.cli(base, "configure", where[1:], suid)
    assert register("//demo.example/in-c", suid).rsc == 4103
    node.cli(base, "configure", "all", suid)
    node.cli(base, "configure", "all", other_suid)
    assert node.a.retrieve(where + "/cfg").rsc == 4004 and register("//demo.example/in-c", suid).rsc == 2001
    # What an operator cannot say.
    wrong = 22 if base == "maf" else 32
    for argv in (("all", wrong, "Sb"), (where[1:], 11, "Sb"), ("nothing", suid, "Sb"), (f"{base}Base", suid, "Sb"),
                 ("all", suid, "//"), (theirs + "/cfg", suid, "Sb"), (key[1:], suid, "Sb")):
        assert node.cli(base, "configure", *argv, check=False)[0] == 1, argv


# --- keys -----------------------------------------------------------------------------------


MKR = 245
LABELS = {"maf": "EXPORTER-oneM2M-Connection", "mef": "EXPORTER-oneM2M-Bootstrap"}


def client(node, base, entity):
    ty, member = {b: (t, m) for b, t, m in BASES}[base]
    a = entity.create(f"/{base}Base", ty, {member: registration("keys.example")})
    assert a.rsc in (2001, 4105), a
    return entity


def key(suid, targets, **more):
    return {"sec:mkr": {"adfq": "keys.example", "suid": suid, "tgis": targets, **more}}


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_a_key_of_the_connection_goes_to_its_target(node, version):
    a = client(node, "maf", Exporting(node.a, LABELS["maf"], version))
    made = a.create("/mafBase", MKR, key(32, ["Sb"]))
    assert made.rsc == 2001, made
    reg = made.json["sec:mkr"]
    # The client knows key and name by itself.
    assert reg["ri"] == a.exported[:16].hex().upper() and "kv" not in reg
    assert reg["tgis"] == ["//demo.example/Sb"] and reg["cr"] == "//demo.example/Sa"
    got = node.b.retrieve("/" + reg["ri"])
    assert got.rsc == 2000 and base64.b64decode(got.json["sec:mkr"]["kv"]) == a.exported[16:]
    # Who registered it sees it without the key; a stranger sees nothing.
    mine = a.retrieve("/" + reg["ri"])
    assert mine.rsc == 2000 and "kv" not in mine.json["sec:mkr"]
    assert node.stranger.retrieve("/" + reg["ri"]).rsc == 4103
    assert node.b.delete("/" + reg["ri"]).rsc == 4103 and node.b.retrieve("/" + reg["ri"] + "?fu=1").rsc == 4103
    # A second export would be the same key, also after the first registration is gone [G11].
    assert a.create("/mafBase", MKR, key(32, ["Sb"])).rsc == 4105
    assert a.delete("/" + reg["ri"]).rsc == 2002
    assert a.create("/mafBase", MKR, key(32, ["Sb"])).rsc == 4105
    assert node.b.retrieve("/" + reg["ri"]).rsc == 4004
    a.close()


def kpsa(exported, label, target):
    return hmac.new(exported[16:], label.encode() + target.encode(), hashlib.sha256).digest()


@pytest.mark.parametrize("suid,target,label", [
    (21, "maf.example.org", "oneM2M Enrolment Key to Master Credential derivation"),
    (22, "//demo.example/Sb", "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"),
    (23, "//demo.example/Sb", "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation23")])
def test_a_mef_derives_for_usage_and_target(node, suid, target, label):
    a = client(node, "mef", Exporting(node.a, LABELS["mef"]))
    made = a.create("/mefBase", MKR, key(suid, [target]))
    assert made.rsc == 2001, made
    reg = made.json["sec:mkr"]
    assert reg["ri"] == a.exported[:16].hex().upper()
    if suid != 21:
        value = base64.b64decode(node.b.retrieve("/" + reg["ri"]).json["sec:mkr"]["kv"])
        assert value == kpsa(a.exported, label, target)
        # It is of that target and of no other.
        assert a.update("/" + reg["ri"], {"sec:mkr": {"tgis": ["Sstranger"]}}).rsc == 4000
    else:
        assert node.b.retrieve("/" + reg["ri"]).rsc == 4103
    a.close()


def keys_in_keeper(node):
    return {k["name"] for k in json.loads(node.cli("-o", "json", "key", "list")) if k["name"].startswith("exported/")}


def test_a_key_that_is_brought(node):
    value = os.urandom(32)
    kv = base64.b64encode(value).decode()
    a, before = client(node, "maf", node.a), keys_in_keeper(node)
    made = a.create("/mafBase", MKR, key(34, ["Sb", "/in-cse"], kv=kv))
    assert made.rsc == 2001, made
    reg = made.json["sec:mkr"]
    assert len(reg["ri"]) == 32 and "kv" not in reg and kv not in made.body.decode()
    assert node.b.retrieve("/" + reg["ri"]).json["sec:mkr"]["kv"] == kv
    assert node.b.retrieve("/" + reg["ri"] + "?atrl=kv").rsc == 4000
    assert len(keys_in_keeper(node) - before) == 1
    # Targets may change; who is none any more gets nothing.
    assert a.update("/" + reg["ri"], {"sec:mkr": {"tgis": ["Sstranger"]}}).rsc == 2004
    assert node.b.retrieve("/" + reg["ri"]).rsc == 4103
    assert node.stranger.retrieve("/" + reg["ri"]).json["sec:mkr"]["kv"] == kv
    # The key goes with its registration.
    assert a.delete("/" + reg["ri"]).rsc == 2002
    assert keys_in_keeper(node) == before
    # In no log and in no record.
    for text in (node.log_text(), json.dumps(node.audit()), node.cli("maf", "list")):
        assert kv not in text and value.hex() not in text.lower()


def test_keys_that_are_not_registered(node):
    a, before = client(node, "maf", node.a), keys_in_keeper(node)
    kv = base64.b64encode(bytes(32)).decode()
    for body in (key(22, ["Sb"], kv=kv), key(32, [], kv=kv), key(32, ["Sb", "Sa"], kv=kv), key(33, ["Sb", "Sa"], kv=kv),
                 key(32, ["not an id"], kv=kv), key(32, ["Sb"], kv="AAAA"), key(32, ["Sb"], kv="*" * 44),
                 key(32, ["Sb"], cr="//demo.example/Sb", kv=kv), key(99, ["Sb"], kv=kv)):
        assert a.create("/mafBase", MKR, body).rsc == 4000, body
    other = key(32, ["Sb"], kv=kv)
    other["sec:mkr"]["adfq"] = "unknown.example"
    assert a.create("/mafBase", MKR, other).rsc == 4103
    assert node.stranger.create("/mafBase", MKR, key(32, ["Sb"], kv=kv)).rsc == 4103
    # Nothing that is answered later may bring or fetch a key: it would lie in a resource.
    for later in ({"X-M2M-RTU": ""}, {}):
        assert a.create("/mafBase?rt=2", MKR, key(32, ["Sb"], kv=kv), headers=later).rsc == 4000
    assert keys_in_keeper(node) == before


# --- commands of the MEF -------------------------------------------------------------------

def command(node, reg, *argv):
    return json.loads(node.cli("-o", "json", "mef", "command", reg, *argv))["command"]


def status(entity, where, number, code):
    return entity.update(where, {"sec:mcc": {"mcci": number, "mccs": code}})


def test_commands_for_a_client_of_the_mef(node):
    made = node.b.create("/mefBase", MECR, {"sec:mecr": registration("commands.example")})
    reg = made.json["sec:mecr"]["ri"]
    where = f"/{reg}/cmd"
    # None: when to ask again.
    none = node.b.retrieve(where).json["sec:mcc"]
    assert none["mccd"] == {"ccid": 0, "cma": {"nmca": {"rdu": "PT1H"}}} and none["mccs"] == 10
    est = "https://in-cse.demo.example/.well-known/est"
    first = command(node, reg, "cert-prov", est)
    second = command(node, reg, "dev-cfg", "https://in-cse.demo.example/mefBase")
    third = command(node, reg, "mo-node", "/fw", "1001", "--content", "x=1")
    assert none["mcci"] < first < second < third
    got = node.b.retrieve(where).json["sec:mcc"]
    assert got["mcci"] == first and got["mccs"] == 10
    assert got["mccd"] == {"ccid": 1, "cma": {"cpca": {"cppi": 1, "uri": est}}}
    assert node.b.retrieve(where).json["sec:mcc"]["mccs"] == 11  # reissued
    # A status of another command changes nothing, and says which is open.
    other = status(node.b, where, second, 20)
    assert other.rsc == 2004 and other.json["sec:mcc"]["mcci"] == first and other.json["sec:mcc"]["mccs"] == 11
    assert status(node.b, where, first, 21).rsc == 4000 and status(node.b, where, first, 10).rsc == 4000
    # Each status brings the next; none is open twice.
    nxt = status(node.b, where, first, 20).json["sec:mcc"]
    assert nxt["mcci"] == second and nxt["mccs"] == 10 and nxt["mccd"]["ccid"] == 2
    assert node.b.retrieve(where).json["sec:mcc"]["mccs"] == 11
    nxt = status(node.b, where, second, 202).json["sec:mcc"]
    assert nxt["mcci"] == third and nxt["mccd"]["cma"]["nnca"] == {"opth": "/fw", "otyp": "1001", "otsa": "x=1"}
    nxt = status(node.b, where, third, 300).json["sec:mcc"]
    assert nxt["mccd"]["ccid"] == 0 and nxt["mcci"] > third
    assert status(node.b, where, first, 20).json["sec:mcc"]["mcci"] == nxt["mcci"]
    listed = {r["id"]: r for r in json.loads(node.cli("-o", "json", "mef", "list"))}
    assert listed[reg]["commands"] == f"{first}:20 {second}:202 {third}:300"
    # Nobody else reads or reports, and nobody makes or deletes one.
    for ask in (node.a.retrieve(where), node.stranger.retrieve(where), status(node.a, where, nxt["mcci"], 20)):
        assert ask.rsc == 4103
    assert node.b.delete(where).rsc == 4005
    assert node.b.create("/" + reg, 246, {"sec:mcc": {}}).rsc in (4005, 4103)
    assert node.b.update(where, {"sec:mcc": {"mccd": {"ccid": 0}, "mcci": nxt["mcci"], "mccs": 20}}).rsc == 4000
    assert node.b.delete("/" + reg).rsc == 2002
    assert node.cli("mef", "command", reg, "dev-cfg", "https://x.example", check=False)[0] == 1
    for argv in (["mefBase", "dev-cfg", "https://x.example"], [reg, "format", "x"], [reg, "dev-cfg", ""]):
        assert node.cli("mef", "command", *argv, check=False)[0] != 0
    assert node.cli("store", "verify")


def test_streams_share_what_their_connection_exports(node):
    """Over HTTP/2 as well: one connection, one key, whichever stream asks."""
    a = node.enrol("two", "Stwo", "application")
    node.cli("maf", "admit", "Stwo")
    a.version = 2
    client(node, "maf", a)
    made = a.create("/mafBase", MKR, key(32, ["Sb"]))
    assert made.rsc == 2001, made
    assert len(base64.b64decode(node.b.retrieve("/" + made.json["sec:mkr"]["ri"]).json["sec:mkr"]["kv"])) == 32
    assert a.create("/mafBase", MKR, key(32, ["Sb"])).rsc == 4105
    a.connect()
    assert a.create("/mafBase", MKR, key(32, ["Sb"])).rsc == 2001
    a.close()


def test_a_cse_speaks_for_itself_there_and_for_nobody(node):
    """Whoever is behind a CSE may be admitted as much as one likes: a key goes to the other end."""
    cse = node.enrol("mn", "/mn", "cse")
    assert cse.create("/cse-in", 16, {"m2m:csr": {"cb": "/mn/cse", "csi": "/mn", "rr": False, "srv": ["3"]}}).rsc == 2001
    for who in ("/mn", "/mn/Cbehind"):
        node.cli("maf", "admit", "//demo.example" + who)
    assert cse.retrieve("/mafBase").rsc == 2000
    a = client(node, "maf", node.a)
    kv = base64.b64encode(os.urandom(32)).decode()
    made = a.create("/mafBase", MKR, key(34, ["//demo.example/mn/Cbehind"], kv=kv)).json["sec:mkr"]
    for ask in (cse.retrieve("/mafBase", origin="/mn/Cbehind"), cse.retrieve("/" + made["ri"], origin="/mn/Cbehind"),
                cse.create("/mafBase", MACR, {"sec:macr": registration("behind.example")}, origin="/mn/Cbehind")):
        assert ask.rsc == 4106 and kv not in ask.body.decode(), ask
    # The CSE itself is no target of it either.
    assert cse.retrieve("/" + made["ri"]).rsc == 4103
    cse.close()
