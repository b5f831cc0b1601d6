"""openlab: fixtures of a laboratory in memory: a node with a policy for all (`cse-in/open`), an AE of its own for each
test, whose container all may use, and a receiver of notifications. A file imports those that it uses."""
import pytest

from lab import Lab
from node import Node
from receiver import Receiver


@pytest.fixture(scope="module")
def lab():
    with Node(lab=True, options="store.engine = memory\nlab.remote_cses = /mn,/mn2") as node:
        lab = Lab(node)
        rules = lambda *who: {"acr": [{"acor": list(who), "acop": 63}]}
        assert lab.create("/cse-in", 1, {"m2m:acp": {"rn": "open", "pv": rules("all"), "pvs": rules("CAdmin")}}).rsc == 2001
        yield lab


@pytest.fixture()
def own(lab):
    """A registered AE with a container that all may use."""
    stem, path = lab.ae()
    assert lab.create(path, 3, {"m2m:cnt": {"rn": "c", "acpi": ["cse-in/open"]}}, stem).rsc == 2001
    return stem, path


@pytest.fixture()
def r():
    with Receiver() as r:
        yield r
