"""Keys from the underlying network (Z): GBA and AKMA [TS-0003 8.3.2.3]. The
network is simulated by processes of its own (test/lib): an HSS with Milenage, a BSF, an
AAnF, a USIM."""
import json, os, pathlib, sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "lib"))
import gaa  # noqa: E402
import milenage  # noqa: E402


def test_milenage_against_its_test_sets():
    """Sets 1 to 20 of TS 35.208, of which the first six are those of TS 35.207."""
    sets = json.loads((TOP / "vectors/milenage.json").read_text())
    assert len(sets) == 20 and len({s["k"] for s in sets}) == 20
    for s in sets:
        octets = {name: bytes.fromhex(value) for name, value in s.items()}
        m = milenage.Milenage(octets["k"], op=octets["op"])
        mac = m.f1(octets["rand"], octets["sqn"], octets["amf"])
        got = (m.opc, *mac, *m.f2345(octets["rand"]))
        assert got == tuple(octets[n] for n in ("opc", "f1", "f1*", "f2", "f3", "f4", "f5", "f5*"))


def test_derivations_anew():
    """What the unit test compares the node's derivations with."""
    lines = (TOP / "vectors/gaa.txt").read_text().splitlines()
    assert len(lines) >= 9
    for line in lines:
        *words, expected = line.split(" ")
        assert gaa.derive(words).hex() == expected, line


# --- a network, a node that it is configured for, and devices with modules ----------------

import itertools  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402

import pytest  # noqa: E402

import mno  # noqa: E402
from attack import scan_memory  # noqa: E402
from node import Node, OpensslClient, PskEntity  # noqa: E402
from waiting import until

K, OPC = bytes(range(16)), bytes(range(16, 32))
NAF = "in-cse.demo.example"


def start(*argv):
    p = subprocess.Popen(["/usr/bin/python3", str(TOP / "lib/mno.py"), *map(str, argv)], stdout=subprocess.PIPE)
    return p, p.stdout.readline().decode().strip()


class Network:
    """HSS and BSF, each a process."""

    def __init__(self, folder):
        self.folder, self.processes, self.n = folder, [], 0
        p, port = start("hss")
        self.processes.append(p)
        self.hss = int(port)
        p, port = start("bsf", self.hss)
        self.processes.append(p)
        self.bsf = int(port)

    def subscriber(self, name, sqn=0):
        """A subscription, and the process of its module."""
        impi = f"00101{len(self.processes):010}@ims.mnc001.mcc001.3gppnetwork.org"
        mno.post(self.hss, "/add", {"impi": impi, "k": K.hex(), "opc": OPC.hex(), "sqn": sqn})
        path = str(self.folder / f"usim-{name}")
        p, _ = start("usim", path, K.hex(), OPC.hex(), impi)
        self.processes.append(p)
        return impi, path

    def test(self, what, **value):
        return mno.post(self.bsf, "/test/" + what, value)[1]

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()
            p.stdout.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    n = Network(tmp_path_factory.mktemp("mno"))
    yield n
    n.stop()


@pytest.fixture(scope="module")
def node(network):
    with Node(options=f"network.gba = {mno.REALM} 127.0.0.1:{network.bsf}\n"
                      f"network.akma = {mno.AKMA_REALM} 127.0.0.1:{network.bsf}\n") as n:
        n.cli("access", "grant", "//demo.example/in-cse/Cgw1", "--operations", "CR")
        yield n


def bootstrap(node, network, module, ident, *more, check=True, out=None, bsf=True):
    """The device's side: (profile folder, what was said); with check=False (exit, what)."""
    network.n += 1
    folder = out or network.folder / f"profile-{network.n}"
    said = node.cli("network", "bootstrap", "--module", module, *(["--bsf", f"127.0.0.1:{network.bsf}"] if bsf else []),
                    "--naf", NAF, "--server", f"127.0.0.1:{node.port}", "--id", ident, "--out", folder, *more,
                    directory=False, check=check)
    return (folder, said) if check else said


def ask(node, folder, what="retrieve", check=False, *more):
    """By our own client, which speaks TLS 1.3."""
    return node.cli("request", what, "--as", folder, *more, directory=False, check=check)


def test_a_device_comes_with_a_key_of_the_network_and_registers(node, network):
    impi, module = network.subscriber("gw1")
    node.cli("network", "allow", impi, "--id", "Cgw1", "--app-id", "Ngw.example")
    folder, said = bootstrap(node, network, module, "Cgw1")
    assert (folder / "psk.identity").read_text().startswith("3GPP-bootstrapping;")
    device = PskEntity(node, folder, "Cgw1")
    answer = device.register("Ngw.example")
    assert answer.rsc == 2001, answer
    assert device.retrieve("/cse-in/ae-Cgw1").rsc == 2000
    device.close()


places = itertools.count(2)


class Raw(PskEntity):
    """With an identity and a key of the test's own choice, from an address of its own: who
    is told no too often is not heard for a while."""

    def __init__(self, node, identity, key, originator="Cgw1", version="-tls1_3", place=None):
        super().__init__(node, ".", originator)
        self.psk, self.options = (identity, key), (version, "-bind", place or f"127.0.7.{next(places)}")

    def connect(self, timeout=10):
        self.close()
        self.connection = OpensslClient(self.node.port, ["-psk_identity", self.psk[0], "-psk", self.psk[1].hex(),
                                                         *self.options])
        return self.connection


def Device(node, folder, originator):
    """By what its profile has."""
    device = Raw(node, *credentials(folder), originator)
    device.folder = folder
    return device


def comes_in(entity, path="/cse-in"):
    """Is there an association? Whether the request is permitted is another thing."""
    try:
        return entity.retrieve(path).rsc >= 2000
    except OSError:
        return False
    finally:
        entity.close()


def credentials(folder):
    return (folder / "psk.identity").read_text().strip(), bytes.fromhex((folder / "psk.key").read_text().strip())


def session(network, folder):
    """What the network knows of it: IMPI, Ks, RAND."""
    btid = credentials(folder)[0].partition(";")[2]
    impi, ks, rand = network.test("set")["sessions"][btid]
    return btid, impi, bytes.fromhex(ks), bytes.fromhex(rand)


def key_of(network, folder, uicc=False, ua="0100000007", fqdn=NAF):
    """Ks_NAF, computed here."""
    _, impi, ks, rand = session(network, folder)
    return gaa.naf_key(ks, rand, impi, gaa.service(fqdn, bytes.fromhex(ua)), uicc)


@pytest.fixture(scope="module")
def gateway(node, network):
    """A subscriber with a key, registered before, and the folder of its profile."""
    impi, module = network.subscriber("g")
    node.cli("network", "allow", impi, "--id", "Cgate", "--ids", "Cgate-*")
    node.cli("access", "grant", "//demo.example/in-cse/Cgate", "--operations", "CR")
    folder, _ = bootstrap(node, network, module, "Cgate")
    assert comes_in(Device(node, folder, "Cgate"))
    return folder, module


def test_the_key_is_the_one_of_the_derivation(node, network, gateway):
    folder, _ = gateway
    assert credentials(folder)[1] == key_of(network, folder)


def test_what_the_node_keeps_of_it(node, network, gateway):
    """Sealed to the keeper, for one usage, with an end; the network is asked once."""
    folder, _ = gateway
    btid = session(network, folder)[0]
    asked = network.test("set")["zn"]
    assert comes_in(Device(node, folder, "Cgate")) and comes_in(Raw(node, btid, key_of(network, folder), "Cgate"))
    assert network.test("set")["zn"] == asked
    key, = (k for k in json.loads(node.cli("-o", "json", "key", "list")) if k["name"] == "psk/" + btid)
    assert key["policy"].endswith("usage 22 only") and 0 < key["until"] - time.time() * 1000 <= 3600_000, key
    row, = (c for c in json.loads(node.cli("-o", "json", "credential", "list")) if c["id"] == "12-" + btid)
    assert row["entity"] == "//demo.example/in-cse/Cgate" and row["until"] == key["until"], row
    assert any(r.get("rule") == "NETWORK [CM11]" and r.get("rsc") == 2000 and btid in r["to"] for r in node.audit())
    secret = key_of(network, folder)
    for f in node.dir.rglob("*"):
        assert not f.is_file() or secret not in f.read_bytes(), f
    assert secret.hex() not in node.log_text()


def test_a_key_that_stays_in_the_module_for_gba_u(node, network):
    impi, module = network.subscriber("u")
    node.cli("network", "allow", impi, "--id", "Cu")
    folder, _ = bootstrap(node, network, module, "Cu", "--uicc")
    assert comes_in(Device(node, folder, "Cu"))
    btid = session(network, folder)[0]
    inside = key_of(network, folder, uicc=True)
    assert comes_in(Raw(node, "3GPP-bootstrapping-uicc;" + btid, inside, "Cu"))
    # one key is not the other's
    assert not comes_in(Raw(node, "3GPP-bootstrapping-uicc;" + btid, key_of(network, folder), "Cu"))
    assert not comes_in(Raw(node, btid, inside, "Cu"))


def test_tls12_comes_in_when_it_tries_again(node, network):
    impi, module = network.subscriber("t")
    node.cli("network", "allow", impi, "--id", "Ct")
    folder, _ = bootstrap(node, network, module, "Ct")
    old = Raw(node, *credentials(folder), "Ct", "-tls1_2")
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{node.port}", "-tls1_2", "-psk", "00" * 16,
                           "-psk_identity", "x@nowhere"], stdin=subprocess.DEVNULL, capture_output=True).stdout
    assert b"PSK identity hint: 3GPP-bootstrapping" in said
    assert not comes_in(old)
    end = time.time() + 30
    while time.time() < end and "12-" + session(network, folder)[0] not in node.cli("credential", "list"):
        time.sleep(0.05)
    assert comes_in(old)


def test_a_newer_key_takes_the_place_of_one(node, network):
    """Without an association dropped; and of nothing else."""
    impi, module = network.subscriber("again")
    node.cli("network", "allow", impi, "--id", "Cagain")
    folder, _ = bootstrap(node, network, module, "Cagain")
    before, first = Device(node, folder, "Cagain"), credentials(folder)
    assert before.retrieve("/cse-in").rsc >= 2000
    bootstrap(node, network, module, "Cagain", out=folder)
    assert credentials(folder)[0] != first[0] and not folder.with_name(folder.name + ".new").exists()
    assert comes_in(Device(node, folder, "Cagain"))
    assert before.retrieve("/cse-in").rsc >= 2000
    before.close()
    for ident, place in (("Cother", folder), ("Cagain", network.folder), ("Cagain", node.enrol("a", "Cag").folder)):
        code, said = bootstrap(node, network, module, ident, out=place, check=False)
        assert code == 1 and "exists" in said
    assert comes_in(Device(node, folder, "Cagain"))


# --- refused ------------------------------------------------------------------------------

def test_who_the_operator_does_not_know(node, network):
    """A subscriber of the network is nobody here by that."""
    _, module = network.subscriber("stranger")
    folder, _ = bootstrap(node, network, module, "Cgate")
    assert not comes_in(Device(node, folder, "Cgate"))
    assert any("the subscriber is not accepted" in r.get("text", "") for r in node.audit())
    assert session(network, folder)[0] not in node.cli("credential", "list")


def test_identities_and_keys_that_are_none(node, network, gateway):
    folder, _ = gateway
    btid, key = session(network, folder)[0], key_of(network, folder)
    made_up = "AAAAAAAAAAAAAAAAAAAAAA==@" + mno.REALM
    asked = network.test("set")["zn"]
    assert not comes_in(Raw(node, made_up, key))
    assert network.test("set")["zn"] == asked + 1
    assert not comes_in(Raw(node, btid, bytes(32)))                       # who saw a B-TID pass
    assert not comes_in(Raw(node, btid, key_of(network, folder, ua="0100000002")))  # a key for another use
    assert not comes_in(Raw(node, btid, key_of(network, folder, fqdn="other.example")))  # for another node
    # of a realm that is not configured, or with an identity of another form: not asked for
    asked = network.test("set")["zn"]
    for identity in ("AAAAAAAAAAAAAAAAAAAAAA==@elsewhere.example", "x@" + mno.REALM, "Cx/y:" + btid, ":" + btid, "uicc:Ca:" + btid, "x:" + btid,
                     "A A" + btid, "@" + mno.REALM,
                     "AAAAAAAAAAAAAAAAAAAAAA==@x@" + mno.REALM):
        assert not comes_in(Raw(node, identity, key))
    assert network.test("set")["zn"] == asked
    assert comes_in(Device(node, folder, "Cgate"))


def test_an_ended_key_opens_nothing(node, network):
    impi, module = network.subscriber("short")
    node.cli("network", "allow", impi, "--id", "Cshort")
    network.test("set", lifetime=2)
    unused, _ = bootstrap(node, network, module, "Cshort")
    folder, _ = bootstrap(node, network, module, "Cshort")
    network.test("set", lifetime=3600)
    device = Device(node, folder, "Cshort")
    device.retrieve("/cse-in")
    btid = session(network, folder)[0]
    end = time.time() + 30
    while time.time() < end and btid in node.cli("credential", "list"):
        time.sleep(0.1)
    assert "psk/" + btid not in [k["name"] for k in json.loads(node.cli("-o", "json", "key", "list"))]
    with pytest.raises(OSError):  # the association ended with it
        device.retrieve("/cse-in")
    device.close()
    assert not comes_in(device)
    assert not comes_in(Device(node, unused, "Cshort"))


def test_a_revoked_key_is_not_fetched_again(node, network):
    impi, module = network.subscriber("lost")
    node.cli("network", "allow", impi, "--id", "Clost")
    folder, _ = bootstrap(node, network, module, "Clost")
    assert comes_in(Device(node, folder, "Clost"))
    node.cli("revoke", "12-" + session(network, folder)[0])
    asked = network.test("set")["zn"]
    assert not comes_in(Device(node, folder, "Clost"))
    assert network.test("set")["zn"] == asked
    # the subscriber may still come with another; not when that is taken back, too
    again, _ = bootstrap(node, network, module, "Clost")
    assert comes_in(Device(node, again, "Clost"))
    ticket, = (t["id"] for t in json.loads(node.cli("-o", "json", "ticket", "list")) if t["ids"] == "Clost")
    node.cli("ticket", "kill", ticket)
    third, _ = bootstrap(node, network, module, "Clost")
    assert not comes_in(Device(node, third, "Clost"))


def test_who_is_told_no_too_often_is_not_asked_for(node, network, gateway):
    """Made-up identities cost the network no more than so many questions."""
    before = network.test("set")["zn"]
    for n in range(25):
        assert not comes_in(Raw(node, f"{n:022}==@{mno.REALM}", bytes(32), place="127.0.8.1"))
    assert network.test("set")["zn"] <= before + 20
    assert comes_in(Device(node, gateway[0], "Cgate"))
    assert comes_in(Raw(node, *credentials(gateway[0]), "Cgate", place="127.0.8.1"))  # whom the node knows


# --- the device's side: sequence numbers and impostors -----------------------------------------

def test_a_wrong_sequence_number_is_resynchronised(node, network):
    impi, module = network.subscriber("s")
    node.cli("network", "allow", impi, "--id", "Cs")
    bootstrap(node, network, module, "Cs")
    mno.post(network.hss, "/sqn", {"impi": impi, "sqn": 0})  # the network counts from behind
    before = network.test("set")["resynchronised"]
    folder, _ = bootstrap(node, network, module, "Cs")
    assert network.test("set")["resynchronised"] == before + 1
    assert comes_in(Device(node, folder, "Cs"))


@pytest.mark.parametrize("knob, says", [
    ("break_mac", "not the network of the subscription"), ("wrong_rspauth", "not of the subscription's network")])
def test_an_impostor_of_the_network_is_found_out(node, network, gateway, knob, says):
    network.test("set", **{knob: True})
    try:
        code, said = bootstrap(node, network, gateway[1], "Cgate", check=False)
    finally:
        network.test("set", **{knob: False})
    assert code == 1 and says in said, said
    assert not (network.folder / f"profile-{network.n}").exists()


# --- a network that is away, or talks nonsense --------------------------------------------------

def test_without_its_network_the_node_serves_whom_it_knows(node, network, gateway):
    impi, module = network.subscriber("late")
    node.cli("network", "allow", impi, "--id", "Clate")
    folder, _ = bootstrap(node, network, module, "Clate")
    for knob, value in (("status", 503), ("garbage", '{"meKeyMaterial":"00"}'), ("garbage", "<xml/>")):
        network.test("set", **{knob: value})
        try:
            began = time.time()
            assert not comes_in(Device(node, folder, "Clate"))
            assert comes_in(Device(node, gateway[0], "Cgate"))
            assert time.time() - began < 5
        finally:
            network.test("set", **{knob: "" if knob == "garbage" else 0})
        if knob == "status":  # who does not answer is left alone for a while
            asked = network.test("set")["zn"]
            assert not comes_in(Device(node, folder, "Clate"))
            assert network.test("set")["zn"] == asked
            time.sleep(2.1)
    assert comes_in(Device(node, folder, "Clate"))
    assert "the underlying network does not answer" in node.log_text()


# --- AKMA ----------------------------------------------------------------------------------------

def test_akma_by_the_same_interface(node, network):
    impi, module = network.subscriber("a")
    local = mno.Module(K, OPC, impi)  # the same keys as in the module's process
    node.cli("network", "allow", local.supi, "--id", "Cakma")
    folder, said = bootstrap(node, network, module, "Cakma", "--akma", bsf=False)
    identity, key = credentials(folder)
    assert identity == "3GPP-AKMA;" + local.akid()
    assert key == gaa.application_key(gaa.anchor_key(local.kausf, local.supi), gaa.service(NAF, bytes.fromhex("0100000007")))
    device = Device(node, folder, "Cakma")
    assert not comes_in(device)  # the network has no anchor key of it yet
    network.test("akma", aKId=local.akid(), supi=local.supi, kAkma=gaa.anchor_key(local.kausf, local.supi).hex())
    assert comes_in(device)
    assert not comes_in(Raw(node, identity, bytes(32), "Cakma"))


def anchored(network, name):
    """A subscription whose anchor key the network has, and its module."""
    impi, module = network.subscriber(name)
    local = mno.Module(K, OPC, impi)
    network.test("akma", aKId=local.akid(), supi=local.supi, kAkma=gaa.anchor_key(local.kausf, local.supi).hex())
    return local, module


def test_akma_refuses_who_it_does_not_know(node, network):
    local, module = anchored(network, "akma-no")
    folder, _ = bootstrap(node, network, module, "Cakma2", "--akma", bsf=False)
    identity, key = credentials(folder)
    assert not comes_in(Device(node, folder, "Cakma2"))     # a subscriber whom no operator let in
    assert any("the subscriber is not accepted" in r.get("text", "") for r in node.audit())
    node.cli("network", "allow", local.supi, "--id", "Cakma2")
    # an A-KID of nobody's, of another realm, a key for another use or another node
    akid = identity.partition(";")[2]
    for other in ("rid1.atid" + "0" * 32 + "@" + mno.AKMA_REALM, akid.replace("akma.", "akma9."), "x:" + akid):
        assert not comes_in(Raw(node, other, key, "Cakma2")), other
    anchor = gaa.anchor_key(local.kausf, local.supi)
    for fqdn, ua in (("other.example", "0100000007"), (NAF, "0100000002")):
        assert not comes_in(Raw(node, identity, gaa.application_key(anchor, gaa.service(fqdn, bytes.fromhex(ua))), "Cakma2"))
    assert comes_in(Device(node, folder, "Cakma2"))
    # the network says another subscriber of the same A-KID: nobody of ours
    other, module = anchored(network, "akma-other")
    third, _ = bootstrap(node, network, module, "Cakma2", "--akma", bsf=False)
    network.test("akma", aKId=other.akid(), supi="imsi-001019999999999", kAkma=gaa.anchor_key(other.kausf, other.supi).hex())
    assert not comes_in(Device(node, third, "Cakma2"))
    # revoked: not fetched again
    node.cli("revoke", "12-" + akid)
    assert not comes_in(Device(node, folder, "Cakma2"))


def test_an_ended_akma_key_opens_nothing(node, network):
    local, module = anchored(network, "akma-short")
    node.cli("network", "allow", local.supi, "--id", "Cakma3", "--ids", "Cakma3-*")
    folder, _ = bootstrap(node, network, module, "Cakma3", "--akma", bsf=False)
    network.test("set", lifetime=3)
    device = Device(node, folder, "Cakma3")
    device.retrieve("/cse-in")
    network.test("set", lifetime=3600)
    akid = credentials(folder)[0].partition(";")[2]
    end = time.time() + 30
    while time.time() < end and akid in node.cli("credential", "list"):
        time.sleep(0.1)
    with pytest.raises(OSError):
        device.retrieve("/cse-in")
    device.close()
    # asked for again the network gives it for longer, and a device behind has its own by it
    one = behind(node, network, folder, "Cakma3-1")
    assert comes_in(Device(node, one, "Cakma3-1")) and not comes_in(Device(node, behind(node, network, folder, "Cother-1"), "Cother-1"))


def test_a_subscriber_that_is_a_cse(node, network):
    impi, module = network.subscriber("cse")
    for ident in ("/in-cse", "//demo.example/gw", "gw"):
        assert node.cli("network", "allow", impi, "--id", ident, check=False)[0] != 0, ident
    node.cli("network", "allow", impi, "--id", "/gw")
    folder, _ = bootstrap(node, network, module, "/gw")
    cse = Device(node, folder, "/gw")
    body = lambda csi: {"m2m:csr": {"cb": csi + "/cse-mn", "csi": csi, "rr": False, "srv": ["3"]}}
    assert cse.create("/cse-in", 16, body("/other"), origin="/other").rsc == 4106  # as who it is, and no other
    assert cse.create("/cse-in", 16, body("/gw")).rsc == 2001
    assert cse.create("/cse-in", 2, {"m2m:ae": {"api": "Nx", "rr": False, "srv": ["3"]}}).rsc in (4106, 4126)
    cse.close()
    row, = (c for c in json.loads(node.cli("-o", "json", "credential", "list")) if session(network, folder)[0] in c["id"])
    assert row["entity"] == "//demo.example/gw"
    # an AE by the same network is none
    ae, _ = bootstrap(node, network, gateway_module(node, network), "Cplain")
    plain = Device(node, ae, "Cplain")
    for origin in ("/gw", "/Cplain", "Cplain"):
        assert 4000 <= plain.create("/cse-in", 16, body("/plain"), origin=origin).rsc < 5000
    plain.close()


def test_a_node_below_shows_the_key_of_its_network_to_its_registrar(node, network, tmp_path):
    """The node itself is the subscriber: what its courier shows is the key that the network made, and only its keeper has it."""
    impi, module = network.subscriber("mn")
    node.cli("network", "allow", impi, "--id", "/mn")
    folder, _ = bootstrap(node, network, module, "/mn")
    identity, key = ((folder / f"psk.{n}").read_text().strip() for n in ("identity", "key"))
    kept = "psk/" + identity.partition(";")[2]
    where = f"{NAF}:{node.port}"
    with Node(cse="/mn", start=False, options=f"node.cse_type = 2\nregistrar.url = https://{where}\nregistrar.id = /in-cse\n"
              f"registrar.psk = {identity}\ncourier.allow = {where}@127.0.0.1\nregistrar.time = 10") as mn:
        mn.start()
        registered = lambda: "core: registered: registrar=/in-cse" in mn.log_text()
        until(lambda: "no association outward" in mn.log_text())          # it has no such key yet
        for text, name, roles in (("00" * 32, "psk/other", "courier,gate"), (key, kept, "core,courier")):
            (tmp_path / "key").write_text(text)
            assert mn.cli("key", "import", name, tmp_path / "key", "--role", roles, check=False)[0] == 2   # for that alone
        mn.cli("key", "import", kept, folder / "psk.key", "--role", "courier")
        until(registered)
        row, = (c for c in json.loads(node.cli("-o", "json", "credential", "list")) if session(network, folder)[0] in c["id"])
        assert row["entity"] == "//demo.example/mn"
        records = [r for r in node.audit() if r.get("from") == "//demo.example/mn" and r.get("operation") == 1]
        assert [(r["rsc"], r["credential"]) for r in records] == [(2001, row["id"])], records
        # nobody comes in here by it, and no process has it in clear (this one does)
        raw = Raw(mn, identity, bytes.fromhex(key))
        with pytest.raises((OSError, ConnectionError)):
            raw.retrieve("/cse-in")
        raw.close()
        patterns = {"key": bytes.fromhex(key)}
        seen = {role: scan_memory(pid, patterns)[0] for role, pids in mn.pids().items() for pid in pids}
        assert not any(seen.values()) and "courier" in seen and scan_memory(os.getpid(), patterns)[0] == {"key"}, seen
        # revoked there, it is nobody there
        node.cli("revoke", row["id"])
        until(lambda: "not registered" in mn.log_text().partition("core: registered: registrar=/in-cse")[2])


def gateway_module(node, network):
    impi, module = network.subscriber("plain")
    node.cli("network", "allow", impi, "--id", "Cplain")
    return module


# --- devices behind a gateway -------------------------------------------------------------------------

def behind(node, network, owner, ident, check=True):
    network.n += 1
    out = network.folder / f"behind-{network.n}"
    said = node.cli("network", "behind", "--as", owner, "--id", ident, "--out", out, directory=False, check=check)
    return out if check else said


def test_devices_behind_get_each_its_own_key(node, network, gateway):
    folder, _ = gateway
    one, two = (behind(node, network, folder, f"Cgate-{n}") for n in (1, 2))
    keys = [credentials(f)[1] for f in (folder, one, two)]
    assert len(set(keys)) == 3
    assert keys[1] == gaa.device_key(keys[0], "22", "//demo.example/in-cse/Cgate-1")
    for ident, f in (("Cgate-1", one), ("Cgate-2", two)):
        node.cli("access", "grant", f"//demo.example/in-cse/{ident}", "--operations", "CR")
        device = Device(node, f, ident)
        assert device.register().rsc == 2001
        assert device.retrieve("/cse-in/ae-" + ident, origin="Cgate").rsc != 2000  # speaks for itself alone
        device.close()
    # nobody's key opens for another
    identities = [credentials(f)[0] for f in (folder, one, two)]
    for i, identity in enumerate(identities):
        for k, key in enumerate(keys):
            assert comes_in(Raw(node, identity, key)) == (i == k)


def test_nobody_comes_behind_who_may_not(node, network, gateway):
    folder, _ = gateway
    for ident in ("Cother", "Cgate", "Cgate-9/x"):
        code, said = behind(node, network, folder, ident, check=False)
        if code == 0:
            assert not comes_in(Device(node, network.folder / f"behind-{network.n}", ident))
    # another subscriber with the same pattern does not get the devices of the first
    impi, module = network.subscriber("rival")
    node.cli("network", "allow", impi, "--id", "Crival", "--ids", "Cgate-*")
    rival, _ = bootstrap(node, network, module, "Crival")
    assert not comes_in(Device(node, behind(node, network, rival, "Cgate-1"), "Cgate-1"))
    # nor somebody who was here before
    node.enrol("known", "Cgate-known")
    assert not comes_in(Device(node, behind(node, network, folder, "Cgate-known"), "Cgate-known"))
    # and a profile without a key of a network gives none
    code, said = behind(node, network, node.top / "profile-known", "Cgate-3", check=False)
    assert code == 1 and "no key of a network" in said


def test_who_is_behind_goes_with_the_gateway(node, network):
    impi, module = network.subscriber("gone")
    node.cli("network", "allow", impi, "--id", "Cgone", "--ids", "Cgone-*")
    folder, _ = bootstrap(node, network, module, "Cgone")
    device = Device(node, behind(node, network, folder, "Cgone-1"), "Cgone-1")
    assert device.retrieve("/cse-in").rsc >= 2000  # also before the gateway itself came
    node.cli("revoke", "12-" + credentials(device.folder)[0])
    assert not comes_in(device)
    device = Device(node, behind(node, network, folder, "Cgone-2"), "Cgone-2")
    assert comes_in(device) and comes_in(Device(node, folder, "Cgone"))
    node.cli("revoke", "12-" + session(network, folder)[0])
    assert not comes_in(device) and not comes_in(Device(node, folder, "Cgone"))


# --- levels of assurance ---------------------------------------------------------------------------------

def test_a_key_of_the_network_is_a_second_factor(node, network):
    impi, module = network.subscriber("loa")
    node.cli("network", "allow", impi, "--id", "Cloa", "--protection", "2")
    first = node.enrol("loa", "Cloa", "device", False, "--protection", "2")
    first.retrieve("/cse-in")

    def levels():
        rows = json.loads(node.cli("-o", "json", "association", "list"))
        return sorted(r["assurance"] for r in rows if r["entity"].endswith("/Cloa"))

    assert levels() == [2]
    folder, _ = bootstrap(node, network, module, "Cloa")
    second = Device(node, folder, "Cloa")
    second.retrieve("/cse-in")
    assert levels() == [3, 3]
    # two keys of one subscription are one factor
    first.close()
    other = Device(node, bootstrap(node, network, module, "Cloa")[0], "Cloa")
    other.retrieve("/cse-in")
    end = time.time() + 30
    while time.time() < end and levels() != [2, 2]:
        time.sleep(0.05)
    assert levels() == [2, 2]
    second.close(), other.close()


# --- the same key as Km: the node's MAF ------------------------------------------------------------------

def test_the_maf_knows_the_subscriber_by_it(node, network, gateway):
    """TS-0003 8.3.2.3: the key of the network is Km as well."""
    folder, _ = gateway
    node.cli("maf", "open")
    device = Device(node, folder, "Cgate")
    assert device.create("/mafBase", 243, {"sec:macr": {"adfq": "admin.example"}}).rsc == 4103
    node.cli("maf", "admit", "Cgate")
    made = device.create("/mafBase", 243, {"sec:macr": {"adfq": "admin.example"}})
    assert made.rsc == 2001 and made.json["sec:macr"]["cr"] == "//demo.example/in-cse/Cgate", made
    device.close()


# --- last, for the network does not come back ---------------------------------------------------------------

def test_a_network_that_is_dead(node, network, gateway):
    impi, module = network.subscriber("dead")
    node.cli("network", "allow", impi, "--id", "Cdead")
    folder, _ = bootstrap(node, network, module, "Cdead")
    for p in network.processes[:2]:
        p.kill()
        p.wait()
    began = time.time()
    assert not comes_in(Device(node, folder, "Cdead"))
    assert comes_in(Device(node, gateway[0], "Cgate"))
    assert time.time() - began < 3
    code, said = bootstrap(node, network, module, "Cdead", check=False)
    assert code == 1 and "nobody answers" in said
