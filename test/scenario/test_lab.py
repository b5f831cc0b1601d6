"""Lab mode: plain HTTP on loopback, self-registration, one administrator, and
nothing else is off; it cannot be reached from the configuration file."""
import os, pathlib, re, socket, subprocess, tempfile, time

import pytest

import forms  # noqa: F401 (run in every form)
from node import BUILD, Entity, Node, acr, free_port


class Plain(Entity):
    """An AE of a laboratory: no credential, plain HTTP."""

    def __init__(self, node, originator):
        super().__init__(node, ".", originator)

    def connect(self, timeout=10):
        self.close()
        self.connection = socket.create_connection(("127.0.0.1", self.node.lab_port), timeout=timeout)
        return self.connection

    def register(self, rn, **kw):
        return self.create("/cse-in", 2, {"m2m:ae": {"rn": rn, "api": "Nlab", "rr": False, "srv": ["3"]}}, **kw)


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True) as n:
        n.admin = Plain(n, "CAdmin")
        yield n
        n.admin.close()
        assert n.stop() == 0


def test_the_log_says_loudly_what_is_off(lab):
    text = lab.log_text()
    lines = re.findall(r"warn +parent: LAB MODE: (.*)", text)
    assert len(lines) >= 4, text
    for word in ("encryption", "enrolment", "access decisions", "CAdmin"):
        assert any(word in line for line in lines), (word, lines)
    code, out = lab.cli("doctor", check=False)
    assert re.search(r"warn +lab", out), out


def test_the_plain_door_is_on_loopback_only(lab):
    ports = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    listening = [l.split()[3] for l in ports.splitlines() if l.split()[3].endswith(f":{lab.lab_port}")]
    assert listening and all(a.startswith(("127.", "[::1]")) for a in listening), listening


@pytest.mark.parametrize("origin,form", [("S", r"S.+"), ("C", r"C.+"), ("Cown", r"Cown"), (None, r"[SC].+"), ("Sown", r"Sown")],
                         ids=["S", "C", "C-name", "empty", "S-name"])
def test_an_ae_registers_itself(lab, origin, form):
    e = Plain(lab, origin)
    a = e.register(f"self-{origin}")
    if origin == "Sown" and a.rsc != 2001:  # the stem of an S-AE is given by the IN-CSE
        assert a.rsc in (4000, 4106, 4107), a
        e.close()
        return
    assert a.rsc == 2001, a
    ident = a.json["m2m:ae"]["aei"]
    assert re.fullmatch(form, ident), ident
    e.close()
    me = Plain(lab, ident)
    assert me.retrieve(f"/cse-in/self-{origin}").rsc == 2000
    assert me.create(f"/cse-in/self-{origin}", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    assert me.create(f"/cse-in/self-{origin}/c", 4, {"m2m:cin": {"con": "1"}}).rsc == 2001
    # an unregistered one is nobody
    assert Plain(lab, "Cnobody").retrieve(f"/cse-in/self-{origin}").rsc // 1000 == 4
    # and nobody registers under a name that is taken
    assert Plain(lab, ident).register("again").rsc // 1000 == 4
    me.close()


def test_the_administrator_may_do_everything(lab):
    owner, other = Plain(lab, "Cowner"), Plain(lab, "Cother")
    assert owner.register("owner").rsc == 2001 and other.register("other").rsc == 2001
    assert owner.create("/cse-in/owner", 3, {"m2m:cnt": {"rn": "c"}}).rsc == 2001
    # the other as policy says: nothing
    assert other.retrieve("/cse-in/owner/c").rsc == 4103
    assert other.create("/cse-in/owner/c", 4, {"m2m:cin": {"con": "x"}}).rsc == 4103
    assert other.delete("/cse-in/owner").rsc == 4103
    # the administrator: everything
    admin = lab.admin
    assert admin.retrieve("/cse-in").rsc == 2000
    assert admin.retrieve("/cse-in/owner/c").rsc == 2000
    assert admin.create("/cse-in/owner/c", 4, {"m2m:cin": {"con": "x"}}).rsc == 2001
    assert admin.update("/cse-in/owner/c", {"m2m:cnt": {"lbl": ["a"]}}).rsc == 2004
    acp = {"m2m:acp": {"rn": "readers", "pv": {"acr": [acr(["Cother"], 2)]}, "pvs": {"acr": [acr(["Cowner"], 63)]}}}
    assert admin.create("/cse-in/owner", 1, acp).rsc == 2001
    assert admin.update("/cse-in/owner/c", {"m2m:cnt": {"acpi": ["cse-in/owner/readers"]}}).rsc == 2004
    # policies are evaluated for the others all the same
    assert other.retrieve("/cse-in/owner/c").rsc == 2000
    assert other.delete("/cse-in/owner/c").rsc == 4103
    assert admin.delete("/cse-in/owner/c").rsc == 2002
    for e in (owner, other):
        e.close()


def test_what_happened_is_recorded(lab):
    rules = " ".join(str(r) for r in lab.audit())
    assert "lab mode" in rules
    assert "records" in lab.cli("audit", "verify")


def test_the_tls_door_is_as_strict_as_ever(lab):
    device = lab.enrol("d", "Cdev")
    assert device.register().rsc == 2001
    device.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c"}})
    # the administrator's name is worth nothing there
    assert device.retrieve("/cse-in", origin="CAdmin").rsc == 4106
    assert device.retrieve("/cse-in").rsc == 4103
    anonymous = Entity(lab, device.folder, "CAdmin")
    anonymous.context = lambda cert=True: Entity.context(anonymous, False)
    with pytest.raises(OSError):
        anonymous.retrieve("/cse-in")
    # nor does the TLS port speak plain HTTP
    with socket.create_connection(("127.0.0.1", lab.port), 5) as s:
        s.sendall(b"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-RI: 1\r\nX-M2M-Origin: CAdmin\r\nX-M2M-RVI: 3\r\n\r\n")
        try:
            assert b"HTTP" not in s.recv(1000)
        except ConnectionError:
            pass
    # an enrolled one keeps its name to itself: plainly nobody may speak as it
    plain = Plain(lab, "Cdev")
    assert plain.retrieve("/cse-in/ae-Cdev").rsc == 4107
    assert plain.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"con": "x"}}).rsc == 4107
    assert plain.delete("/cse-in/ae-Cdev").rsc == 4107
    plain.originator = "/in-cse/Cdev"
    assert plain.retrieve("/cse-in/ae-Cdev").rsc // 1000 == 4
    plain.close()
    assert device.retrieve("/cse-in/ae-Cdev/c").json["m2m:cnt"]["cni"] == 0
    device.close()


@pytest.mark.parametrize("line", ["lab = yes", "listen.lab_http = 127.0.0.1:8080", "lab.admin = CAdmin"])
def test_the_file_cannot_switch_it_on(line):
    with Node(start=False, options=line) as n:
        for more in ([], ["--check"]):
            p = subprocess.run([BUILD / "holdfastd", "-d", n.dir, *more], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True)
            assert p.returncode == 1 and "--lab" in p.stdout, p.stdout


@pytest.mark.parametrize("option,port", [("listen.lab_http = 0.0.0.0:{}", True), ("listen.lab_http = [::]:{}", True),
                                         ("listen.lab_http = 192.0.2.1:{}", True)])
def test_other_addresses_refuse_the_start(option, port):
    with Node(start=False, options=option.format(free_port())) as n:
        p = subprocess.run([BUILD / "holdfastd", "-d", n.dir, "--lab"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True)
        assert p.returncode == 1 and "loopback" in p.stdout, p.stdout


def test_a_real_node_is_never_a_lab_nor_the_reverse():
    with Node() as n:
        assert n.stop() == 0
        p = subprocess.run([BUILD / "holdfastd", "-d", n.dir, "--lab", "--lab-port", str(free_port())],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True)
        assert p.returncode == 1 and "without --lab before" in p.stdout, p.stdout


def test_without_a_directory_it_leaves_nothing_behind():
    port = free_port()
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        p = subprocess.Popen([BUILD / "holdfastd", "--lab", "--lab-port", str(port)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": tmp})
        node = type("N", (), {"lab_port": port})()
        e, end = Plain(node, "C"), time.time() + 30
        while time.time() < end:
            try:
                a = e.register("x")
                break
            except OSError:
                e.close()
                time.sleep(0.1)
        assert a.rsc == 2001, a
        assert list(pathlib.Path(tmp).glob("holdfast-lab-*"))
        e.close()
        p.terminate()
        out = p.communicate(timeout=20)[0].decode()
        assert p.returncode == 0, out
        assert "nothing survives the end" in out
        end = time.time() + 30
        while list(pathlib.Path(tmp).iterdir()) and time.time() < end:
            time.sleep(0.05)
        assert not list(pathlib.Path(tmp).iterdir())
