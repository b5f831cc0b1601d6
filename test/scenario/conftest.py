"""Each scenario is written once and runs over every door: store engine, credential,
serialisation, version of HTTP."""
import itertools, pathlib, sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import forms
from lab import Lab
from node import Node

DOORS = [("sqlite", "certificate", "json"), ("sqlite", "psk", "cbor"),
         ("memory", "certificate", "cbor"), ("memory", "psk", "json"),
         ("sqlite", "certificate-http2", "json"), ("memory", "certificate-http2", "cbor"),
         ("sqlite", "certificate-http2", "xml"), ("memory", "psk", "xml")]
# The same for what needs no credential: each engine with each version, each serialisation.
LAB_DOORS = [("memory", "json", 1), ("sqlite", "cbor", 2), ("memory", "xml", 2), ("sqlite", "xml", 1)]
names = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--form", help="the form of what does not say it: test/lib/forms.py")


def pytest_runtest_setup(item):
    name, of_file = item.config.getoption("--form"), [i for i in item.session.items if i.path == item.path]
    forms.use(forms.named(name, of_file.index(item)) if name else forms.Form())


@pytest.fixture(scope="session")
def nodes():
    live = {}

    def get(engine):
        if engine not in live:
            live[engine] = Node(options=f"store.engine = {engine}")
        return live[engine]

    yield get
    codes = {e: n.stop() for e, n in live.items()}
    for n in live.values():
        n.close()
    assert all(c == 0 for c in codes.values()), codes


@pytest.fixture(scope="session")
def lab_nodes():
    live = {}

    def get(engine):
        if engine not in live:
            live[engine] = Node(lab=True, options=f"store.engine = {engine}")
        return live[engine]

    yield get
    codes = {e: n.stop() for e, n in live.items()}
    for n in live.values():
        n.close()
    assert all(c == 0 for c in codes.values()), codes


@pytest.fixture(params=LAB_DOORS, ids=[f"{e}-{s}-{v}" for e, s, v in LAB_DOORS])
def lab_door(request, lab_nodes):
    engine, serialisation, version = request.param
    return Lab(lab_nodes(engine), serialisation, version)


class Door:
    """A node, and a maker of registered entities for it."""

    def __init__(self, node, credential, serialisation):
        self.node, self.credential, self.serialisation = node, credential, serialisation
        self.entities = []

    def entity(self, prefix="C", register=True, *more):
        n = next(names)
        ident = f"{prefix}e{n}"
        psk = self.credential == "psk"
        e = self.node.enrol(f"e{n}", ident, "device", psk,
                            *(["--identity", f"e{n}@demo.example"] if psk else []), *more)
        e.serialisation = self.serialisation
        e.version = 2 if self.credential.endswith("http2") else 1
        self.entities.append(e)
        if register:
            a = e.register()
            assert a.rsc == 2001, a
        e.root = f"/cse-in/ae-{ident}"
        return e


@pytest.fixture(params=DOORS, ids=["-".join(d) for d in DOORS])
def door(request, nodes):
    engine, credential, serialisation = request.param
    d = Door(nodes(engine), credential, serialisation)
    yield d
    for e in d.entities:
        e.close()


@pytest.fixture
def one(nodes):
    """Where the door does not matter: sqlite, certificate, JSON."""
    d = Door(nodes("sqlite"), "certificate", "json")
    yield d
    for e in d.entities:
        e.close()
