"""The relations of authentication that the draft names (8.1): system and device, device and gateway, device
application and network application, system and collectors, devices and applications of another service provider;
each by certificate and by pre-shared key, each with what is refused. And a third party that administers credentials
on the provider's behalf.

A gateway (MN) at the IN of one provider, and the IN of another provider, each with an authority of its own."""
import collections, contextlib, hashlib, json, signal, socket, ssl, subprocess, threading, time

import pytest

from node import Entity, Node, SP, acr, free_port
from waiting import until

OTHER = "//other.example"
KINDS = ["certificate", "psk"]


class World:
    def __init__(self):
        ports = free_port(), free_port(), free_port()
        names = [f"{c}.{s[2:]}" for c, s in (("in-cse", SP), ("mn-cse", SP), ("in-cse", OTHER))]
        at = [f"https://{n}:{p}" for n, p in zip(names, ports)]

        def node(i, cse, sp, *lines):
            near = " ".join(f"{names[k]}:{ports[k]}@127.0.0.1" for k in range(3) if k != i)
            return Node(cse=cse, sp=sp, port=ports[i], start=False,
                        options="\n".join((f"node.poa = {at[i]}", f"courier.allow = {near}", *lines)))

        self.inn = node(0, "/in-cse", SP, f"mcc.providers = {OTHER}/in-cse={at[2]} //third.example/in-cse=https://third.example", "join.enabled = yes")
        self.mn = node(1, "/mn-cse", SP, "node.cse_type = 2", f"mcc.providers = {OTHER}",
                       f"registrar.url = {at[0]}", "registrar.id = /in-cse", "registrar.time = 60")
        self.other = node(2, "/in-cse", OTHER, f"mcc.providers = {SP}/in-cse={at[0]}")
        self.nodes = self.inn, self.mn, self.other
        self.count, self.made = 0, []
        for n in self.nodes:
            n.start()
        for a, b, ident in ((self.inn, self.mn, "/mn-cse"), (self.mn, self.inn, "/in-cse"),
                            (self.inn, self.other, f"{OTHER}/in-cse"), (self.other, self.inn, f"{SP}/in-cse")):
            a.cli("enrol", "cse", "peer-" + str(b.port), "--id", ident, "--certificate", b.dir / "node/node.pem")
        until(lambda: "core: registered: registrar=/in-cse" in self.mn.log_text())

    def entity(self, node, kind, ident=None, what="device"):
        self.count += 1
        name = f"e{self.count}"
        psk = ["--identity", f"{name}@{node.sp[2:]}"] if kind == "psk" else []
        e = node.enrol(name, ident or "C" + name, what, kind == "psk", *psk)
        e.base, e.full = f"/cse-in/ae-{e.originator}", f"{node.sp}{node.cse}/{e.originator}"
        self.made.append(e)
        return e

    def registered(self, node, kind, *readers, box="box"):
        """An AE with a container that `readers` may use, by their identifiers."""
        e = self.entity(node, kind)
        assert e.register().rsc == 2001
        policy = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr([e.originator, *readers], 63)]}, "pvs": {"acr": [acr([e.originator], 63)]}}}
        assert e.create(e.base, 1, policy).rsc == 2001
        assert e.create(e.base, 3, {"m2m:cnt": {"rn": box, "acpi": [f"{e.base[1:]}/p"]}}).rsc == 2001
        e.box = f"{e.base}/{box}"
        return e

    @contextlib.contextmanager
    def without(self, node, line):
        """Its configuration without that line, taken over while it runs."""
        conf = node.dir / "holdfast.conf"
        whole = conf.read_text()
        assert line in whole
        for text in ("\n".join(l for l in whole.split("\n") if not l.startswith(line)), whole):
            before = node.log_text().count("configuration reloaded")
            conf.write_text(text)
            node.process.send_signal(signal.SIGHUP)
            until(lambda: node.log_text().count("configuration reloaded") > before)
            if text is not whole:
                yield

    def close(self):
        for e in self.made:
            e.close()
        codes = [n.stop() for n in reversed(self.nodes)]
        for n in self.nodes:
            n.close()
        return codes


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    assert w.close() == [0, 0, 0]


def gets_in(e):
    """Does the handshake end well, and is anything answered?"""
    try:
        return e.retrieve("/cse-in").rsc > 0
    except (OSError, ConnectionError):
        return False
    finally:
        e.close()


def borrowed(node, e, key=None):
    """The credential of e shown at another node; or with another key."""
    f = type(e)(node, e.folder, e.originator)
    if key:
        f.folder = e.folder.parent / (e.folder.name + "-wrong")
        f.folder.mkdir(exist_ok=True)
        for name, text in (("psk.identity", (e.folder / "psk.identity").read_text()), ("psk.key", key)):
            (f.folder / name).write_text(text)
    return f


# --- system and device; device and gateway ---------------------------------------------------------------

Claim = collections.namedtuple("Claim", "origin path status")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["inn", "mn"], ids=["system-device", "device-gateway"])
def test_a_device(world, place, kind):
    node = getattr(world, place)
    far = world.mn if node is world.inn else world.inn
    victim, e, abroad = world.registered(node, kind), world.registered(node, kind), world.entity(far, kind)
    for c in (Claim(e.originator, e.box, 2000), Claim(victim.originator, victim.box, 4106),
              Claim(victim.originator, e.box, 4106), Claim(e.originator, victim.box, 4103),
              Claim(e.full, e.box, 4000), Claim(node.cse, e.box, 4000), Claim("S" + e.originator, e.box, 4106),
              Claim(f"{OTHER}/in-cse/{e.originator}", e.box, 4000)):
        assert e.retrieve(c.path, origin=c.origin).rsc == c.status, c
    assert e.create("/cse-in", 2, {"m2m:ae": {"rn": "x", "api": "Nx", "rr": False, "srv": ["3"]}}, origin="Cx" + e.originator).rsc == 4106
    assert gets_in(abroad) and not gets_in(borrowed(node, abroad))
    if kind == "psk":
        assert not gets_in(borrowed(node, e, "00" * 32))
        assert not gets_in(borrowed(node, e, (abroad.folder / "psk.key").read_text()))
    else:  # the device makes certain of the system as well: another authority, another name
        e.close()
        for trusts, name in ((far, node.name), (node, far.name)):
            c = ssl.create_default_context(cafile=str(trusts.dir / "node/ca.pem"))
            c.load_cert_chain(str(e.folder / "cert.pem"), str(e.folder / "key.pem"))
            with socket.create_connection(("127.0.0.1", node.port), 10) as raw, pytest.raises(ssl.SSLCertVerificationError):
                c.wrap_socket(raw, server_hostname=name)


@pytest.mark.parametrize("place", ["inn", "mn"], ids=["system", "gateway"])
def test_a_server_without_the_key_is_no_system(world, place):
    """Pre-shared key, the other way round: who answers at the address must have the key, too."""
    e, port = world.entity(getattr(world, place), "psk"), free_port()
    fake = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-nocert", "-psk", "11" * 32, "-psk_identity",
                             (e.folder / "psk.identity").read_text().strip(), "-quiet", "-tls1_3"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        out = ""
        for _ in range(50):
            p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-psk", (e.folder / "psk.key").read_text().strip(),
                                "-psk_identity", (e.folder / "psk.identity").read_text().strip()], input=b"", capture_output=True)
            out = (p.stdout + p.stderr).decode()
            if "Connection refused" not in out and "connect:errno" not in out:
                break
            time.sleep(0.05)
        assert p.returncode != 0 and "alert" in out, out
    finally:
        fake.kill()
        fake.wait()


# --- device application and network application ------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_device_application_and_network_application(world, kind):
    app, stranger = world.entity(world.inn, kind), world.entity(world.inn, kind)
    device = world.registered(world.mn, kind, f"/in-cse/{app.originator}")
    assert app.register().rsc == 2001 and stranger.register().rsc == 2001
    there = "/~/mn-cse" + device.box
    until(lambda: app.retrieve(there).rsc == 2000)
    for e, origin, status in ((app, None, 2000), (stranger, None, 4103), (app, device.originator, 4106),
                              (stranger, app.originator, 4106), (app, f"/mn-cse/{device.originator}", 4000)):
        assert e.retrieve(there, **({"origin": origin} if origin else {})).rsc == status, (origin, status)
    # back: who the device is says the gateway, and only for its own
    policy = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr([app.originator, f"/mn-cse/{device.originator}"], 63)]}, "pvs": {"acr": [acr([app.originator], 63)]}}}
    assert app.create(app.base, 1, policy).rsc == 2001
    assert app.create(app.base, 3, {"m2m:cnt": {"rn": "box", "acpi": [f"{app.base[1:]}/p"]}}).rsc == 2001
    assert device.create(f"/~/in-cse{app.base}/box", 4, {"m2m:cin": {"con": "by two hops"}}).rsc == 2001
    other = world.registered(world.mn, kind)
    assert other.create(f"/~/in-cse{app.base}/box", 4, {"m2m:cin": {"con": "x"}}).rsc == 4103
    assert other.create(f"/~/in-cse{app.base}/box", 4, {"m2m:cin": {"con": "x"}}, origin=device.originator).rsc == 4106


# --- system and collectors ---------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_a_collector(world, kind):
    """A CSE that gathers for its devices: it speaks for itself and for its own, and forwards for nobody else."""
    c = world.entity(world.inn, kind, f"/col-{kind}", "cse")
    me = f"/col-{kind}"
    owner = world.registered(world.inn, kind, me, f"{me}/Cmeter", "/mn-cse/Cmeter", "/Smeter", "Cmeter")
    for origin, status in ((me, 2000), (SP + me, 2000), (f"{me}/Cmeter", 2000), (f"{SP}{me}/Cmeter", 2000), (f"{me}/Cother", 4103),
                           ("/mn-cse/Cmeter", 4106), ("/mn-cse", 4106), ("Cmeter", 4106), ("/Smeter", 4106),
                           (owner.originator, 4106), (f"/in-cse/{owner.originator}", 4106), ("/in-cse", 4106),
                           (f"{me}2/Cmeter", 4106), (f"{SP}2{me}/Cmeter", 4106), (f"{OTHER}{me}", 4106), (f"{OTHER}/in-cse/Cmeter", 4106)):
        assert c.retrieve(owner.box, origin=origin).rsc == status, (origin, status)
    assert not gets_in(borrowed(world.mn, c))


# --- devices and applications, of another service provider ---------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_an_application_of_another_provider(world, kind):
    app, stranger = world.entity(world.other, kind), world.entity(world.other, kind)
    assert app.register().rsc == 2001 and stranger.register().rsc == 2001
    device = world.registered(world.mn, kind, app.full)
    there = f"/_/demo.example/mn-cse{device.box}"
    until(lambda: app.retrieve(there).rsc == 2000)
    assert app.create(there, 4, {"m2m:cin": {"con": "across"}}).rsc == 2001
    assert device.retrieve(device.box + "/la").json["m2m:cin"]["con"] == "across"
    assert stranger.retrieve(there).rsc == 4103                               # the policy names another
    assert stranger.retrieve(there, origin=app.originator).rsc == 4106        # at its own provider
    # one of ours by the same short name is not the one that the policy names
    twin = world.entity(world.inn, kind, app.originator)
    assert twin.register().rsc == 2001 and twin.retrieve("/~/mn-cse" + device.box).rsc == 4103
    assert app.retrieve("/_/third.example/in-cse/x").rsc == 4004              # nobody's agreement
    assert app.retrieve("/_/demo.example2/mn-cse/x").rsc == 4004
    assert device.retrieve(f"/_/other.example/in-cse{app.base}").rsc == 4103  # the other way: the same


def test_what_another_provider_s_application_subscribed_to_reaches_it(world):
    """From IN-CSE to IN-CSE, by the absolute name of ours, where the application's own policy lets it; no registration."""
    app, device = world.entity(world.other, "certificate"), None
    assert app.register().rsc == 2001
    device = world.registered(world.inn, "certificate", app.full)
    policy = {"m2m:acp": {"rn": "p", "pv": {"acr": [acr([app.originator], 63), acr([f"{SP}/in-cse"], 16)]}, "pvs": {"acr": [acr([app.originator], 63)]}}}
    assert app.create(app.base, 1, policy).rsc == 2001
    assert app.update(app.base, {"m2m:ae": {"acpi": [f"{app.base[1:]}/p"]}}).rsc == 2004
    assert app.create(app.base, 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001
    mute = world.entity(world.other, "certificate")  # another, whose policy lets our provider tell it nothing
    assert mute.register().rsc == 2001 and mute.create(mute.base, 15, {"m2m:pch": {"rn": "pch"}}).rsc == 2001
    assert device.update(f"{device.base}/p", {"m2m:acp": {"pv": {"acr": [acr([device.originator, app.full, mute.full], 63)]}}}).rsc == 2004
    assert mute.create(f"/_/demo.example/in-cse{device.box}", 23, {"m2m:sub": {"rn": "t", "nu": [mute.full], "enc": {"net": [3]}, "nct": 1}}).rsc == 2001
    made = app.create(f"/_/demo.example/in-cse{device.box}", 23, {"m2m:sub": {"rn": "s", "nu": [app.full], "enc": {"net": [3]}, "nct": 1}})
    assert made.rsc == 2001, made
    got = []

    def poll():
        e = Entity(world.other, app.folder, app.originator)
        got.append(e.retrieve(f"{app.base}/pch/pcu"))
        e.close()

    t = threading.Thread(target=poll)
    t.start()
    assert device.create(device.box, 4, {"m2m:cin": {"con": "news"}}).rsc == 2001
    t.join(15)
    rqp = got[0].json["m2m:rqp"]
    assert rqp["fr"] == f"{SP}/in-cse" and rqp["pc"]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"] == "news", rqp
    assert app.ask("POST", f"{app.base}/pch/pcu", {"m2m:rsp": {"rsc": 2000, "rqi": rqp["rqi"], "rvi": "3"}}).rsc == 2000
    assert mute.retrieve(f"{mute.base}/pch/pcu", headers={"X-M2M-RET": "1000"}).rsc == 4008
    refused = [x for x in world.other.audit() if x.get("rsc") == 4103 and f"'{SP}/in-cse'" in str(x)]
    assert refused, [x for x in world.other.audit() if SP in str(x)][-4:]


def test_a_provider_that_is_not_named_is_refused(world):
    """At each place, by taking it off the list while its association lives."""
    app = world.entity(world.other, "certificate")
    device = world.registered(world.mn, "certificate", app.full)
    assert app.register().rsc == 2001
    there = f"/_/demo.example/mn-cse{device.box}"
    assert app.retrieve(there).rsc == 2000
    with world.without(world.mn, "mcc.providers"):
        assert app.retrieve(there).rsc == 4106
    with world.without(world.inn, "mcc.providers"):
        assert app.retrieve(there).rsc == 4106
        assert device.retrieve(f"/_/other.example/in-cse{app.base}").rsc == 4004
    with world.without(world.other, "mcc.providers"):
        assert app.retrieve(there).rsc == 4004
    assert app.retrieve(there).rsc == 2000


def test_the_door_of_another_provider(world):
    """Its IN-CSE with a key that we hold: it may say what it likes."""
    third = world.entity(world.inn, "psk", "//third.example/in-cse", "cse")
    owner = world.registered(world.inn, "psk", "//third.example/in-cse/Capp", "/in-cse/Capp", f"{OTHER}/in-cse/Capp")
    for origin, status in (("//third.example/in-cse/Capp", 2000), ("//third.example/in-cse/Cx", 4103), ("/in-cse/Capp", 4106), ("Capp", 4106),
                           (f"{SP}/in-cse/Capp", 4106), (f"{SP}/mn-cse/Capp", 4106), (f"{OTHER}/in-cse/Capp", 4106), ("//third.example2/in-cse/Capp", 4106)):
        assert third.retrieve(owner.box, origin=origin).rsc == status, (origin, status)
    assert third.retrieve("/_/other.example/in-cse/cse-in", origin="//third.example/in-cse/Capp").rsc == 4004  # no transit
    # nothing of it is registered or announced here: neither its CSE, nor what is its
    here = "//third.example/in-cse"
    for origin in (here, here + "/Capp"):
        for ty, name, body in ((16, "csr", {"cb": here + "/base", "csi": here, "rr": False, "srv": ["3"]}), (16, "csr", {"cb": "/x/base", "csi": "/x", "rr": False, "srv": ["3"]}),
                               (10005, "cbA", {"lnk": here + "/base", "rn": "third"}), (10002, "aeA", {"lnk": here + "/Capp", "rn": "thirdAE", "api": "Nthird"}),
                               (2, "ae", {"api": "Nx", "rr": False, "srv": ["3"]})):
            for where in ("/cse-in", owner.base):
                a = third.create(where, ty, {f"m2m:{name}": body}, origin=origin)
                assert 4000 <= a.rsc < 5000, (origin, where, ty, a)
    # who is not named is not enrolled, nor certified by us, nor lets itself in by a ticket
    for argv in (("enrol", "cse", "x", "--id", "//fourth.example/in-cse", "--psk", "--out", world.inn.top / "x"),
                 ("enrol", "cse", "x", "--id", "//third.example/mn", "--psk", "--out", world.inn.top / "x"),
                 ("enrol", "cse", "x", "--id", "//third.example/in-cse", "--out", world.inn.top / "x"),
                 ("enrol", "device", "x", "--id", "//third.example/in-cse/Cx", "--out", world.inn.top / "x")):
        assert world.inn.cli(*argv, check=False)[0] != 0, argv
    claim = json.loads(world.inn.cli("-o", "json", "ticket", "create", "--ids", "*", "--count", "9"))["claim"]
    for ident in ("//third.example/in-cse", "//third.example/in-cse/Cx"):
        assert world.inn.cli("join", claim, "--id", ident, "--out", world.inn.top / "x", directory=False, check=False)[0] != 0


# --- a third party on the provider's behalf -------------------------------------------------------------------

def test_a_third_party_administers_credentials(world, tmp_path):
    """An authority of somebody else brings devices in, within what the provider allowed it, and no further."""
    def openssl(*argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-keyout", tmp_path / "ca.key",
            "-out", tmp_path / "ca.pem", "-subj", "/CN=third party", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
    (tmp_path / "ext").write_text("subjectAltName=URI:urn:dev:ops:1\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n"
                                  "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    for i in range(3):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", tmp_path / f"{i}.key",
                "-subj", "/CN=device", "-out", tmp_path / "csr")
        openssl("x509", "-req", "-in", tmp_path / "csr", "-CA", tmp_path / "ca.pem", "-CAkey", tmp_path / "ca.key", "-CAcreateserial",
                "-sha256", "-days", "20", "-extfile", tmp_path / "ext", "-out", tmp_path / f"{i}.pem")
    world.inn.cli("maker", "add", tmp_path / "ca.pem", "--ids", "Cmeter*", "--count", "2", "--app-id", "Nmeter.example")
    world.inn.stop()
    world.inn.start()
    anchor = (world.inn.dir / "node/ca.pem").read_text()
    claim = f"HOLDFAST1/-/-/{hashlib.sha256(ssl.PEM_cert_to_DER_cert(anchor)).hexdigest()}/127.0.0.1:{world.inn.port}/demo.example/in-cse"

    def join(i, ident, why=None):
        """By device i: who joined; or None, for the reason that is on record."""
        device = tmp_path / f"device{i}"
        device.mkdir(exist_ok=True)
        for name, text in (("cert.pem", (tmp_path / f"{i}.pem").read_text()), ("ca.pem", anchor), ("key.pem", (tmp_path / f"{i}.key").read_text()),
                           ("profile.conf", f"address = 127.0.0.1:{world.inn.port}\nname = {world.inn.name}\noriginator = Cx\ncredential = certificate\n")):
            (device / name).write_text(text)
            (device / name).chmod(0o600)
        code, out = world.inn.cli("join", claim, "--id", ident, "--device", device, "--out", tmp_path / ident, directory=False, check=False)
        assert (code == 0) == (why is None), out
        assert why is None or why in world.inn.cli("audit", "list", "--limit", "5"), why
        return Entity(world.inn, tmp_path / ident, ident) if code == 0 else None

    join(0, "Cother", "devices of this maker may not have this identifier")
    e = join(0, "Cmeter1")
    assert e.register("Nother.example").rsc in (4126, 4103)  # another application than it was given
    assert e.register("Nmeter.example").rsc == 2001
    join(0, "Cmeter2", "this device certificate has served already")
    join(1, "Cmeter2")
    join(2, "Cmeter3", "as many devices of this maker joined as may")
    world.inn.cli("ticket", "kill", next(t["id"] for t in json.loads(world.inn.cli("-o", "json", "ticket", "list")) if t["maker"]))
    join(2, "Cmeter3", "the maker is not accepted")         # its right is taken back
    assert e.retrieve("/cse-in/ae-Cmeter1").rsc == 2000     # who is in is in
    e.close()
