"""Keys from the underlying network (Z): GBA and AKMA [TS-0003 8.3.2.3]. The
network is simulated by processes of its own (test/lib): an HSS with Milenage, a BSF, an
AAnF, a USIM."""
import json, pathlib, sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "lib"))
import gaa  # noqa: E402
import milenage  # noqa: E402


def test_milenage_against_its_test_sets():
    """Sets 1 to 6 of TS 35.207."""
    sets = json.loads((TOP / "vectors/milenage.json").read_text())
    assert len(sets) == 6
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

import subprocess  # noqa: E402
import time  # noqa: E402

import pytest  # noqa: E402

import mno  # noqa: E402
from node import Node, PskEntity  # noqa: E402

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
