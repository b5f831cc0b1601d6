"""The measured state of a client's machine as a factor: its TPM quotes PCRs over a nonce of the node, in a
running association; what is stale, replayed, of another state, key or association counts for nothing."""
import hashlib, json, pathlib, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from node import Node
from quotes import PATH, Machine, nonce, show


@pytest.fixture(scope="module")
def machine():
    with Machine() as m:
        yield m


@pytest.fixture(scope="module")
def node():
    with Node(options="store.engine = memory") as n:
        yield n


def refused(e, quote, reason, address):
    code, said = show(e, quote)
    assert code == 403 and reason in said["refused"], (code, said)
    assert e.retrieve(address).rsc == 4103


@pytest.fixture
def valve(node, machine, request):
    """An entity whose key is in hardware, behind an address that wants level 3."""
    name = "C" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    e = node.enrol(name, name, "device", False, "--protection", "2")
    assert e.register().rsc == 2001
    assert e.create(f"/cse-in/ae-{name}", 3, {"m2m:cnt": {"rn": "valve"}}).rsc == 2001
    node.cli("assurance", "require", "3", f"cse-in/ae-{name}/valve")
    e.address = f"/cse-in/ae-{name}/valve"
    e.id = next(r["id"] for r in json.loads(node.cli("-o", "json", "credential", "list")) if r["id"].endswith("/" + name))
    assert e.retrieve(e.address).rsc == 4103
    yield e
    e.close()


def accept(node, e, machine, key="ak"):
    node.cli("state", "accept", e.id, machine.file(key + ".pub"), "0,16", machine.digest())


def worth(node, e):
    row, = [r for r in json.loads(node.cli("-o", "json", "association", "list")) if r["credential"] == e.id]
    return row["assurance"], row["number"]


def test_a_fresh_quote_lifts_a_running_association(node, machine, valve):
    e = valve
    a = e.ask("GET", PATH)
    assert a.http == 403 and b"no attestation key was accepted" in a.body, a
    accept(node, e, machine)
    first = nonce(e)
    quote = machine.quote(first)
    code, said = show(e, quote)
    assert code == 200 and said["until"] > time.time() * 1000, said
    assert e.retrieve(e.address).rsc == 2000
    level, number = worth(node, e)
    assert level == 3
    out = node.cli("association", "show", str(number))
    assert "state" in out and "quote of its TPM" in out, out
    assert any("measured state of its machine was shown" in json.dumps(r) for r in node.audit())
    # the association's own: a new one has to show it anew
    e.close()
    assert e.retrieve(e.address).rsc == 4103
    refused(e, quote, "no nonce that is good", e.address)
    node.cli("state", "withdraw", e.id)
    assert e.ask("GET", PATH).http == 403


def test_what_counts_for_nothing(node, machine, valve):
    e = valve
    accept(node, e, machine)
    good = machine.quote(nonce(e))
    assert show(e, {**good, "signature": good["signature"][:-2] + "00"})[0] == 403
    refused(e, good, "no nonce that is good", e.address)  # spent by the forged one
    old = machine.quote(nonce(e))
    nonce(e)  # a newer one
    refused(e, old, "stale, or was shown before", e.address)
    # replayed on a later nonce, after it was good once
    assert show(e, machine.quote(nonce(e)))[0] == 200 and e.retrieve(e.address).rsc == 2000
    e.close()
    nonce(e)
    refused(e, old, "stale, or was shown before", e.address)
    # other PCRs, another key of the same TPM, a nonce of somebody's own
    refused(e, machine.quote(nonce(e), pcrs="sha256:0"), "other PCRs", e.address)
    machine.attestation_key("other")
    refused(e, machine.quote(nonce(e), key="other"), "not by the attestation key", e.address)
    nonce(e)
    refused(e, machine.quote("00" * 32), "not over the nonce", e.address)
    for bad in ({}, {"attest": "zz", "signature": "00"}, {"attest": "00" * 600, "signature": "00"}, {"attest": "00"}):
        assert show(e, bad)[0] == 400, bad
    nonce(e)
    refused(e, {"attest": "00", "signature": "00"}, "no quote", e.address)


def test_another_state_counts_for_nothing_until_it_is_accepted(node, machine, valve):
    e = valve
    accept(node, e, machine)
    assert show(e, machine.quote(nonce(e)))[0] == 200 and e.retrieve(e.address).rsc == 2000
    machine.tool("tpm2_pcrextend", "16:sha256=" + "a5" * 32)
    e.close()
    refused(e, machine.quote(nonce(e)), "not in the measured state", e.address)
    accept(node, e, machine)  # the new state
    assert show(e, machine.quote(nonce(e)))[0] == 200 and e.retrieve(e.address).rsc == 2000
    # accepting another state takes away what counted, at once
    node.cli("state", "accept", e.id, machine.file("ak.pub"), "0,16", "00" * 32)
    assert e.retrieve(e.address).rsc == 4103
    machine.tool("tpm2_pcrreset", "16")


def test_only_keys_that_sign_nothing_else_are_accepted(node, machine, valve):
    """A key that signs whatever it is given would sign a quote that no TPM made."""
    machine.tool("tpm2_createprimary", "-C", "o", "-c", machine.file("p.ctx"), "-G", "ecc")
    machine.tool("tpm2_create", "-C", machine.file("p.ctx"), "-G", "ecc:ecdsa-sha256", "-u", machine.file("free.pub"), "-r", machine.file("free.priv"),
                 "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign")
    machine.tool("tpm2_flushcontext", "-t")
    for wrong in ("free.pub", "ek.pub", "m"):
        pathlib.Path(machine.file("m")).touch()
        code, said = node.cli("state", "accept", valve.id, machine.file(wrong), "0,16", "00" * 32, check=False)
        assert code == 1 and "attestation key" in said, said
    for argv in (("99", "00" * 32), ("", "00" * 32), ("0", "00")):
        assert node.cli("state", "accept", valve.id, machine.file("ak.pub"), *argv, check=False)[0] == 2
    assert node.cli("state", "accept", "33-//demo.example/in-cse/Cnone", machine.file("ak.pub"), "0", "00" * 32, check=False)[0] == 1
